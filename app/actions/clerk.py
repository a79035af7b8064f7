"""Writes down what the clock did: a shelf that ended, a suppression, an escalation, a flood. No person did it, so nobody is asked for leave; it
is in the journal all the same, and there it says "clock".

What is noted while the disk is busy is collected and goes into one transaction. Nothing here waits, and it knows neither sources nor stores.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from app.actions.clock import CallLater, Now, Timer
from app.actions.session import Session
from app.actions.spec import NOTES_LOST
from app.domain.errors import DeckError
from app.domain.ids import AreaCode
from app.domain.text import Text
from app.journal import Entry, Journal, Who

CLOCK = "clock"
"""The actor of every line that is written here."""
BATCH = 200
"""Lines of one transaction: a click waits behind one of them at most."""
MOST_WAITING = 20_000
"""Lines that wait for a journal that fails; more are counted, and the number is written down once it works again."""
RETRY_S = 5.0


class Clerk:
    """Event loop's thread only. `close` it before the journal, after whatever notes something."""

    def __init__(
        self,
        journal: Journal,
        session: Session,
        *,
        now: Now,
        call_later: CallLater,
        told: Callable[[DeckError], None] = lambda _fault: None,
        retry_s: float = RETRY_S,
    ) -> None:
        """`session` says seat and desk. `told` hears that the journal fails, once until it has worked again."""
        self._journal = journal
        self._session = session
        self._now = now
        self._call_later = call_later
        self._told = told
        self._retry_s = retry_s
        self._waiting: deque[Entry] = deque()
        self._lost = 0
        self._writing: asyncio.Task[None] | None = None
        self._again: Timer | None = None
        self._closed = False
        self.fault: DeckError | None = None
        """Why the journal does not take what is noted; None while it does."""

    @property
    def waiting(self) -> int:
        """Lines that are noted and not yet on disk."""
        return len(self._waiting)

    def note(
        self,
        verb: str,
        target: str = "",
        *,
        area: AreaCode | str = "",
        comment: str = "",
        title: Text | None = None,
        detail: str = "",
    ) -> None:
        """Write down that something happened now: one of app.actions.spec.CLOCK_WORDS. Returns at once; nothing is noted any more after `close`.
        `detail`: the whole of it as JSON."""
        if self._closed:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(self._entry(verb, target, area=area, comment=comment, title=title, detail=detail))
        # While the journal fails, the next try is its timer's: a storm of notes must not be a storm of tries.
        if self._again is None:
            self._begin()

    async def close(self) -> None:
        """Write what is noted, unless the journal fails: then it is told, and given up."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._waiting:
            await self._write()

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _entry(
        self, verb: str, target: str = "", *, area: AreaCode | str = "", comment: str = "", title: Text | None = None, detail: str = ""
    ) -> Entry:
        who = Who(CLOCK, "", self._session.seat.value, self._session.desk)
        return Entry(at=self._now(), who=who, verb=verb, target=target, area=area, comment=comment, title=title or Text(), detail=detail)

    def _begin(self) -> None:
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
            self._writing.add_done_callback(self._wrote)

    def _wrote(self, task: asyncio.Task[None]) -> None:
        self._writing = None
        bug = None if task.cancelled() else task.exception()
        if bug is not None:
            task.get_loop().call_exception_handler({"message": "clerk", "exception": bug, "task": task})
        if not self._waiting or self._closed:
            return
        if self.fault is None and bug is None:
            self._begin()
        else:
            self._again = self._call_later(self._retry_s, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        self._begin()

    async def _write(self) -> None:
        """Everything that waits, batch by batch, until there is nothing more or the journal fails."""
        while self._waiting:
            batch = [self._waiting[number] for number in range(min(BATCH, len(self._waiting)))]
            try:
                await self._journal.record_all([(entry, None) for entry in batch])
            except DeckError as fault:
                self._failed(fault)
                return
            self.fault = None
            for _ in batch:
                self._waiting.popleft()
            if self._lost and not self._waiting:
                self._waiting.append(self._entry(NOTES_LOST, comment=str(self._lost)))
                self._lost = 0

    def _failed(self, fault: DeckError) -> None:
        first, self.fault = self.fault is None, fault
        if first:
            self._told(fault)
