"""Lets the city pack's rules run: once a second over the newest readings, into the hub like any other source, and anew when their file changes.

It evaluates nothing itself (app.services.rules does) and holds no rule back: a file that cannot be used leaves the last good rules standing, and
says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from app.actions.spec import RULES_RELOADED
from app.citypack import CityPack, PackFault
from app.citypack.rules import FILE, reread_rules
from app.domain.batch import Batch, LinkReport, LinkState, Refusal
from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.rule import Rules
from app.domain.text import N_
from app.live.hub import Hub
from app.qt.tasks import Tasks
from app.services.rules import RULES, RuleEngine, RuleState

STATE = "rules.state"
"""The setting that keeps what a restart must not lose."""
EVERY_S = 1.0
_TOLD = 3
"""Faults of one reading that are told one by one; all of them are in the link's report."""
_FAULTS = 20


class Note(Protocol):
    """How an automatic step is written down: app.actions.clerk.Clerk.note."""

    def __call__(self, verb: str, target: str = "", *, detail: str = "") -> None: ...


class Ruling:
    """The rules of one desk while it runs. Loop thread only; files are read on a worker thread."""

    def __init__(
        self,
        hub: Hub,
        city: CityPack,
        *,
        get: Callable[[str], Awaitable[str | None]],
        put: Callable[[str, str], Awaitable[None]],
        now: Callable[[], Millis],
        tasks: Tasks,
        tell: Callable[[DeckError], None],
        note: Note,
        every_s: float = EVERY_S,
    ) -> None:
        """`get`, `put`: settings of the journal. `tell`: shows an operator's error. `every_s`: seconds between two steps, and two looks at the
        file."""
        self._hub = hub
        self._city = city
        self._get, self._put = get, put
        self._now = now
        self._tasks = tasks
        self._tell = tell
        self._note = note
        self._every_s = every_s
        self.engine = RuleEngine(city, hub.series)
        self._running: list[asyncio.Task[None]] = []
        self._listeners: list[Callable[[Rules], None]] = []
        self._kept = 0
        """The engine's generation that is on disk, or on its way there."""
        self._keeping: asyncio.Task[None] | None = None
        self._keep_failed = False
        self._since = now()
        self._raised = 0
        self._last_at: Millis | None = None
        self._refusals = tuple(_refusal(fault, self._since) for fault in city.faults if fault.file == FILE)[:_FAULTS]
        self._faults = sum(fault.file == FILE for fault in city.faults)
        # One look at the front: what is saved between now and the first look of the task must not be taken for what was loaded.
        self._used = _mark(city.folder / FILE) if city.folder is not None else None
        self._detail = ""
        self._reported: LinkReport | None = None

    @property
    def rules(self) -> Rules:
        """The rules as they are now."""
        return self.engine.rules

    def subscribe(self, told: Callable[[Rules], None]) -> Callable[[], None]:
        """Call `told` with the rules whenever they were read anew. Returns the undo."""
        self._listeners.append(told)
        return lambda: self._listeners.remove(told) if told in self._listeners else None

    def start(self) -> None:
        """Begin: what the last run left first, then a step a second."""
        self._running = [self._tasks.start(self._run(), "rules")]
        if self._city.folder is not None:
            self._running.append(self._tasks.start(self._watch(self._city.folder), "rules file"))

    def stop(self) -> None:
        """No step any more. What was raised until now is kept already."""
        for task in self._running:
            task.cancel()
        self._running = []

    # --- each second -----------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._restore()
        while True:
            self.step()
            await asyncio.sleep(self._every_s)

    def step(self) -> None:
        """Evaluate the rules now, and hand on what they found."""
        now = self._now()
        alerts = self.engine.step(now, self._hub.links)
        if alerts:
            self._raised += len(alerts)
            self._last_at = now
            self._hub.batch(Batch(source=RULES, at=now, alerts=tuple(alerts), arrived_ns=time.perf_counter_ns()))
        self._report()
        self._keep()

    def _report(self) -> None:
        report = LinkReport(
            name=RULES,
            kind="rules",
            address=FILE,
            state=LinkState.LIVE,
            since=self._since,
            detail=self._detail,
            simulated=any(link.simulated for name, link in self._hub.links.items() if name != RULES),
            commands=False,
            records=self._raised,
            refused=self._faults,
            last_record_at=self._last_at,
            refusals=self._refusals,
        )
        if report != self._reported:
            self._reported = report
            self._hub.link(report)

    # --- over restarts ---------------------------------------------------------------------------------------------------------

    async def _restore(self) -> None:
        try:
            text = await self._get(STATE)
            state = msgspec.json.decode(text, type=RuleState) if text else RuleState()
        except (DeckError, msgspec.MsgspecError) as fault:
            self._tell(
                DeckError(
                    N_("What the rules had raised before cannot be read. Alerts that still hold are raised anew."),
                    where=f"{STATE}: {fault}",
                    remedy=N_("Acknowledge them again."),
                )
            )
            return
        self.engine.restore(state, self._now())

    def _keep(self) -> None:
        if self._kept != self.engine.generation and self._keeping is None:
            self._keeping = self._tasks.start(self._write(), "keep rules")
            self._keeping.add_done_callback(self._written)

    async def _write(self) -> None:
        self._kept = self.engine.generation
        try:
            await self._put(STATE, msgspec.json.encode(self.engine.state()).decode())
        except DeckError as fault:
            self._kept = -1  # tried again with the next step
            if not self._keep_failed:
                self._tell(fault)
            self._keep_failed = True
        else:
            self._keep_failed = False

    def _written(self, _task: asyncio.Task[None]) -> None:
        self._keeping = None

    # --- the file --------------------------------------------------------------------------------------------------------------

    async def _watch(self, folder: Path) -> None:
        """Read the file anew once it has changed and has been left alone for one look, so that it is not read half written."""
        seen = self._used
        while True:
            await asyncio.sleep(self._every_s)
            mark = await asyncio.to_thread(_mark, folder / FILE)
            if mark == seen and mark != self._used:
                self._used = mark
                await self._reread(folder)
            seen = mark

    async def _reread(self, folder: Path) -> None:
        try:
            rules, faults = await asyncio.to_thread(reread_rules, folder, self._city, self.engine.rules)
        except DeckError as error:
            line = error.where.rpartition(":")[2]
            self._detail = N_("The last good rules stand.")
            self._found((PackFault(FILE, int(line), error.what, error.remedy),), N_("The rules cannot be read anew. The last good ones stand."))
            return
        now = self._now()
        self.engine.use(rules, now)
        for told in tuple(self._listeners):
            told(rules)
        self._detail = ""
        self._found(faults, N_("A rule cannot be used as it is written now."))
        figures = {"rules": len(rules.rules), "suppressions": len(rules.suppressions), "faults": [msgspec.to_builtins(f) for f in faults[:_FAULTS]]}
        self._note(RULES_RELOADED, FILE, detail=msgspec.json.encode(figures).decode())

    def _found(self, faults: tuple[PackFault, ...], what: str) -> None:
        """Tell what is wrong with the file."""
        now = self._now()
        self._faults = len(faults)
        self._refusals = tuple(_refusal(fault, now) for fault in faults[:_FAULTS])
        for fault in faults[:_TOLD]:
            self._tell(DeckError(what, where=f"{fault.file}:{fault.line}: {fault.what}", remedy=fault.remedy))
        self._report()


def _refusal(fault: PackFault, at: Millis) -> Refusal:
    return Refusal(at=at, reason=fault.what, sample=f"{fault.file}:{fault.line}")


def _mark(path: Path) -> tuple[int, int] | None:
    """What tells one content of the file from the next; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
