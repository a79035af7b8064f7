"""Whole desks for the end-to-end tests: the demo city in a process of its own, desks that are real in every part, a line that can be cut, and
the hands and eyes of whoever sits there. Used by test_whole_job, test_desk_faults and test_panels; it asserts nothing by itself."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView

from app.domain.alert import Alert
from app.domain.audit import AuditEntry
from app.domain.batch import Batch, LinkReport, LinkState
from app.domain.case import Case, Stage
from app.domain.command import Answer
from app.domain.ids import AlertId, CaseId, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.journal.journal import wall_clock
from app.live.hub import Hub
from app.qt.dialogs import TextDialog
from app.qt.panel import Panel
from app.shell.bootstrap import Desk, city_of
from app.shell.options import DeskOptions
from datasources.gateway import GatewaySource

HOUSE = Path(__file__).resolve().parents[1]
TOKEN = "a token for tests"
PASSWORD = "correct horse"
WANG = Operator(id="wanglei", name="王磊", role=Role.DUTY_OFFICER)
CHEN = Operator(id="chenjing", name="陈静", role=Role.DUTY_OFFICER)
ZHANG = Operator(id="zhangying", name="张颖", role=Role.OPERATOR)
LI = Operator(id="lilan", name="李岚", role=Role.LEADER)
SIZE = "1600x900"
PATIENCE_S = 60.0
"""The machine may be busy with something else: a condition that is true at once costs nothing, however long it may wait."""


# --- the platform ------------------------------------------------------------------------------------------------------------


@contextmanager
def platform_process(*arguments: str) -> Generator[str]:
    """`main.py platform` on a free port, as a process of its own: its address. It ends with the block, and with this process."""
    command = [sys.executable, str(HOUSE / "main.py"), "platform", "--city", "qingdao", "--port", "0", "--with-parent", *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "CITYDECK_TOKEN": TOKEN}, cwd=HOUSE
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read().decode()
        yield str(json.loads(line)["url"])
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


class Line:
    """A TCP line to the platform that can be cut, restored, and held in the direction of the desk. Runs on the test's own loop."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("ws://").partition(":")
        self._to = int(port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def url(self) -> str:
        """Where desks connect."""
        return f"ws://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Let connections through, always at the same port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and take no new one."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def hold(self) -> None:
        """From now on nothing that the platform says reaches the desk; what the desk says still goes through."""
        self._free.clear()

    def release(self) -> None:
        """What was held goes on."""
        self._free.set()

    async def close(self) -> None:
        self.release()
        await self.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._host, self._to)
        self._writers |= {writer, up_writer}
        for work in (self._pump(reader, up_writer, held=False), self._pump(up_reader, writer, held=True)):
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if held:
                    await self._free.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # cut
        finally:
            writer.close()
            self._writers.discard(writer)


class Clock:
    """The wall clock of a desk, with a shift: a test may be three hours later without waiting three hours."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> Millis:
        return Millis(wall_clock() + self.ahead_ms)


# --- desks -------------------------------------------------------------------------------------------------------------------


def desk_options(folder: Path, seat: Seat, connect: Sequence[str], *, lang: str = "en") -> DeskOptions:
    """What a desk of these tests is started with."""
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / "token"
    token.write_text(TOKEN)
    return DeskOptions.checked(
        demo=False, connect=list(connect), seat=seat.value, city="qingdao", lang=lang, theme=None, data=folder, token_file=token, ca=None, db=None,
        screenshot=None, after=0.0, size=SIZE, progress=False, overlay=False, seed=1, rate=0.0, faults=[],
    )  # fmt: skip


class Sitting:
    """Somebody at a desk: what they see and what their hands do.

    Everything happens inside one run of the loop: whoever stops a Qt loop has its last events handled without a running loop, and a task
    that wakes up then is lost.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @property
    def hub(self) -> Hub:
        return self.desk.hub

    # --- eyes ---

    async def panel(self, panel_id: str) -> Panel:
        """The panel, brought to the front."""
        if not self.desk.window.docks.is_seen(panel_id):
            self.desk.window.show_panel(panel_id)
        panel = self.desk.window.docks.panel(panel_id)
        assert isinstance(panel, Panel)
        await until(panel.isVisible)
        return panel

    async def view(self, panel_id: str) -> QAbstractItemView:
        """The list of a panel, brought to the front."""
        view = (await self.panel(panel_id)).findChild(QAbstractItemView, f"{panel_id}.list")
        assert isinstance(view, QAbstractItemView)
        return view

    async def reads(self, panel_id: str, *words: str) -> None:
        """Wait until a row of the panel's list says all of `words`, as a screen reader reads it."""
        view = await self.view(panel_id)
        await until(lambda: row_with(view, *words) >= 0, lambda: f"no row of {self.desk.options.seat} {panel_id} says {words}: {words_of(view)}")

    def alert(self, alert: AlertId) -> Alert:
        """The alert as this desk shows it."""
        return self.desk.hub.alerts[alert]

    def case(self, case: CaseId) -> Case:
        """The case as this desk shows it."""
        return self.desk.hub.cases[case]

    def stage(self, case: CaseId) -> Stage | None:
        """Where the case stands by this desk; None: it is not known here."""
        found = self.desk.hub.cases.get(case)
        return found.stage if found is not None else None

    @property
    def link(self) -> LinkReport | None:
        """The desk's one link."""
        return next(iter(self.desk.hub.links.values()), None)

    def live(self) -> bool:
        """Whether the link is up and the city is known."""
        return self.link is not None and self.link.state is LinkState.LIVE and len(self.hub.cameras) > 0

    def notice(self) -> str:
        """What the notice bar says, and what waits behind it."""
        bar = self.desk.window.notices
        return " | ".join(notice.text for notice in (bar.notice, *bar.waiting))

    async def audit(self) -> list[AuditEntry]:
        """The desk's journal, oldest first, from the database."""
        return list(reversed(await self.desk.journal.recent(100_000)))

    async def commands(self) -> list[AuditEntry]:
        """Its rows that stand for a command, oldest first."""
        return [entry for entry in await self.audit() if entry.key and entry.verb != "answer"]

    def state(self, key: str) -> str:
        """How far the command of `key` has come."""
        state = self.desk.actions.state_of(key)
        return "" if state is None else state.state

    # --- hands ---

    async def press(self, key: Qt.Key) -> None:
        """Press a key in this window, where the focus is."""
        window = self.desk.window
        await do(window.activateWindow)
        await until(window.isActiveWindow)
        await do(lambda: QTest.keyClick(window.focusWidget() or window, key))

    async def click(self, panel_id: str, *words: str) -> None:
        """Click the row that says `words`, the first one where none are given."""
        view = await self.view(panel_id)

        def click() -> None:
            index = view.model().index(row_with(view, *words) if words else 0, 0)
            assert index.isValid()
            view.scrollTo(index)
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())

        await do(click)

    async def answer(self, words: str) -> None:
        """Wait for the question that was opened, type `words` and press Enter."""
        window = self.desk.window
        await until(lambda: any(d.isVisible() for d in window.findChildren(TextDialog)))
        dialog = next(d for d in window.findChildren(TextDialog) if d.isVisible())
        await do(lambda: QTest.keyClicks(dialog.field, words))
        await do(lambda: QTest.keyClick(dialog.field, Qt.Key.Key_Return))
        await until(lambda: not any(d.isVisible() for d in window.findChildren(TextDialog)))


async def until(condition: Callable[[], object], why: Callable[[], str] | None = None) -> None:
    """Wait for a condition; fail with its words, or with `why` says, where it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(why() if why is not None else f"not true within {PATIENCE_S} s: {_source(condition)}")
        await asyncio.sleep(0.005)


def _source(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)


async def do(deed: Callable[[], object]) -> None:
    """Do something with the hands, from a plain callback of the loop, as Qt would: QTest handles Qt's events itself, and a task may not be
    entered from within another one."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def now() -> None:
        try:
            deed()
        except BaseException as fault:  # noqa: BLE001 - handed on to whoever waits
            done.set_exception(fault)
        else:
            done.set_result(None)

    asyncio.get_running_loop().call_soon(now)
    await done


def row_with(view: QAbstractItemView, *words: str) -> int:
    """The first row that says all of `words`; -1 where none does."""
    return next((n for n, line in enumerate(words_of(view)) if all(word in line for word in words)), -1)


def words_of(view: QAbstractItemView) -> list[str]:
    """Every row in words, as assistive technology reads it."""
    model = view.model()
    return [str(model.data(model.index(row, 0, QModelIndex()), int(Qt.ItemDataRole.AccessibleTextRole))) for row in range(model.rowCount())]


async def sit_down(options: DeskOptions, operator: Operator | None) -> Desk:
    """Open a desk and sign `operator` in the way a person does: known to the journal, with a password."""
    desk = Desk(options)
    await desk.open()
    if operator is not None:
        if operator.id not in {known.id for known in await desk.journal.operators()}:
            await desk.journal.add_operator(operator, PASSWORD, who=desk.session.who)
        assert await desk.actions.sign_in(operator.id, PASSWORD) == operator
    return desk


@asynccontextmanager
async def sitting(options: DeskOptions, operator: Operator | None) -> AsyncGenerator[Sitting]:
    """A desk with somebody at it; it is closed after the block, and nothing of it stays."""
    desk = await sit_down(options, operator)
    try:
        yield Sitting(desk)
    finally:
        await desk.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Witness:
    """Another subscriber of the platform, without a screen: what the city itself says. `live` once it has the whole of it."""

    def __init__(self, url: str) -> None:
        self.city = city_of("qingdao")
        self.hub = Hub(self.city, wall_clock)
        self._source = GatewaySource(SourceName("witness"), url, desk="witness", city=self.city.id, token=TOKEN, now=wall_clock)
        self._task: asyncio.Task[None] | None = None

    def batch(self, batch: Batch) -> None:
        self.hub.batch(batch)

    def link(self, report: LinkReport) -> None:
        self.hub.link(report)

    def answer(self, answer: Answer) -> None:
        raise AssertionError(f"nobody asked for {answer}")

    async def __aenter__(self) -> Witness:
        self._task = asyncio.ensure_future(self._source.run(self))
        await until(lambda: self.hub.series.reported and self.hub.units and self.hub.cameras)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
