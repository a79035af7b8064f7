"""Carries commands to their platforms, again and again until each is answered. The journal is its memory: this object may die at any point.

Rules: per link in the order given · nothing goes out while the link is not live · at most `window` unanswered a link · a command waits
until the one before it about the same target is answered (else a lost dispatch would be overtaken by the closing of its case) · the same
idempotency key every time · an answer is journalled before the screen hears of it. Event loop's thread only; no network of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Literal

import msgspec

from app.actions.clock import CallLater, Now, Timer
from app.actions.ledger import Ledger
from app.domain.batch import LinkDown, LinkReport, LinkState
from app.domain.case import NotAllowed
from app.domain.command import Answer, Command, CommandState
from app.domain.errors import DeckError
from app.domain.ids import CommandKey, SourceName
from app.domain.text import Text
from app.journal import Journal

State = Literal["pending", "sent", "confirmed", "refused", "kept"]
Send = Callable[[Command], Awaitable[None]]

RETRY_S = 5.0
WINDOW = 32
REMEMBERED = 4_096
"""Settled keys remembered, to tell a late duplicate from an answer nobody asked for."""


class _Item:
    """One unanswered command. `waiting`: it was handed over on the present connection, and an answer may come."""

    def __init__(self, command: Command, *, sent: bool) -> None:
        self.command = command
        self.sent = sent
        self.waiting = False
        self.settling = False
        self.timer: Timer | None = None

    def rest(self) -> None:
        """No answer will come any more for what was handed over."""
        self.waiting = False
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class _Lane:
    """One link's commands, in the order given."""

    def __init__(self) -> None:
        self.items: OrderedDict[CommandKey, _Item] = OrderedDict()
        self.send: Send | None = None
        self.live = False
        self.connection: tuple[int, int] = (-1, -1)
        self.pumping = False
        self.nudge: Timer | None = None

    def next(self, window: int) -> _Item | None:
        """The first command that may go out now."""
        if not self.live or self.send is None:
            return None
        busy: set[str] = set()
        waiting = 0
        for item in self.items.values():
            if item.waiting or item.settling:
                waiting += 1
                if waiting >= window:
                    return None
            elif item.command.target not in busy:
                return item
            busy.add(item.command.target)
        return None


class OutboxCounts(msgspec.Struct):
    """For the link panel and for tests."""

    sent: int = 0
    resent: int = 0
    confirmed: int = 0
    refused: int = 0
    kept: int = 0
    duplicate_answers: int = 0
    unknown_answers: int = 0


class Outbox:
    """See the module. Made stopped; `start` takes up what the last run left, `close` ends it."""

    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        *,
        now: Now,
        call_later: CallLater,
        retry_s: float = RETRY_S,
        window: int = WINDOW,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._now = now
        self._call_later = call_later
        self._retry_s = retry_s
        self._window = window
        self._lanes: dict[SourceName, _Lane] = {}
        self._where: dict[CommandKey, SourceName] = {}
        self._done: deque[CommandKey] = deque(maxlen=REMEMBERED)
        self._done_keys: set[CommandKey] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._told: list[Callable[[CommandState], None]] = []
        self._closed = False
        self.counts = OutboxCounts()
        self.fault: DeckError | None = None
        """The newest failure to journal what a link said; None once it works again."""

    # --- what the shell connects -------------------------------------------------------------------------------------------------

    def attach(self, link: SourceName, send: Send) -> Callable[[], None]:
        """Commands for `link` go out through `send` (a Source's), which raises LinkDown where it cannot take one. Returns the undo."""
        lane = self._lane(link)
        lane.send = send
        self._wake(link)

        def undo() -> None:
            if lane.send is send:
                lane.send = None
                self._pause(lane)

        return undo

    def link(self, report: LinkReport) -> None:
        """A source's link changed. Coming back live after anything else, or as another connection, everything unanswered goes out again."""
        lane = self._lane(report.name)
        live = report.state is LinkState.LIVE
        connection = (report.reconnects, report.since)
        if not live or (lane.live and connection != lane.connection):
            self._pause(lane)
        lane.live, lane.connection = live, connection
        self._wake(report.name)

    def answer(self, answer: Answer) -> None:
        """A platform answered. Journalled first; then the ledger and the subscribers hear of it."""
        link = self._where.get(answer.key)
        item = None if link is None else self._lanes[link].items.get(answer.key)
        if link is None or item is None:
            if answer.key in self._done_keys:
                self.counts.duplicate_answers += 1
            else:
                self.counts.unknown_answers += 1
            return
        if item.settling:
            self.counts.duplicate_answers += 1
            return
        item.rest()
        item.settling = True
        self._spawn(self._settle(link, item, answer), self._settling)

    def subscribe(self, told: Callable[[CommandState], None]) -> Callable[[], None]:
        """Call `told` with each change of a command's state. Returns the undo, which may be called twice."""
        self._told.append(told)

        def undo() -> None:
            if told in self._told:
                self._told.remove(told)

        return undo

    # --- what actions ask for ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what is unanswered, and apply again what the desk keeps by itself. Raises DeckError where the journal cannot be read."""
        for post in await self._journal.kept():
            self._apply(post.command)
            self._ledger.settle(post.command.key, "kept")
        for post in await self._journal.unsettled():
            self._apply(post.command)
            self._enqueue(post.command, post.link, sent=post.state == "sent")

    def take(self, command: Command, link: SourceName | None) -> CommandState:
        """A command that has just been journalled and applied. Returns its state; sending begins by itself. `link` None: kept at once."""
        if link is None:
            self.counts.kept += 1
            self._ledger.settle(command.key, "kept")
            return self._tell(command.key, "kept")
        return self._enqueue(command, link, sent=False)

    @property
    def unanswered(self) -> int:
        """Commands that no platform has answered yet."""
        return len(self._where)

    @property
    def unsent(self) -> int:
        """Those of them that have never been handed to their link."""
        return sum(not item.sent for lane in self._lanes.values() for item in lane.items.values())

    def waiting(self, link: SourceName) -> int:
        """The same, for one link."""
        lane = self._lanes.get(link)
        return 0 if lane is None else len(lane.items)

    async def close(self) -> None:
        """Stop sending; what is unanswered stays in the journal. Answers already received are journalled before this returns."""
        self._closed = True
        for lane in self._lanes.values():
            self._pause(lane)
            if lane.nudge is not None:
                lane.nudge.cancel()
            lane.live = False
        # A source may hang in its `send`; an answer on its way to the disk arrives.
        for pump in self._pumps:
            pump.cancel()
        while tasks := self._pumps | self._settling:
            await asyncio.wait(tasks)

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _lane(self, link: SourceName) -> _Lane:
        return self._lanes.setdefault(link, _Lane())

    def _apply(self, command: Command) -> None:
        try:
            self._ledger.pend(command)
        except NotAllowed:
            # What the desk knows has moved on meanwhile; the command was given all the same, and its platform decides.
            return

    def _enqueue(self, command: Command, link: SourceName, *, sent: bool) -> CommandState:
        self._lane(link).items[command.key] = _Item(command, sent=sent)
        self._where[command.key] = link
        state = self._tell(command.key, "sent" if sent else "pending")
        self._wake(link)
        return state

    def _pause(self, lane: _Lane) -> None:
        for item in lane.items.values():
            item.rest()

    def _wake(self, link: SourceName) -> None:
        lane = self._lanes[link]
        if not self._closed and not lane.pumping and lane.next(self._window) is not None:
            lane.pumping = True
            self._spawn(self._pump(link, lane), self._pumps)

    async def _pump(self, link: SourceName, lane: _Lane) -> None:
        """Hand over what may go out, until nothing more may."""
        try:
            while not self._closed:
                handed: list[CommandKey] = []
                while (item := lane.next(self._window)) is not None and lane.send is not None:
                    if not await self._hand_over(link, lane, item, lane.send):
                        break
                    handed.append(item.command.key)
                if not handed:
                    return
                await self._note_sent(handed)
        finally:
            lane.pumping = False

    async def _hand_over(self, link: SourceName, lane: _Lane, item: _Item, send: Send) -> bool:
        key, connection = item.command.key, lane.connection
        # Marked before: the answer may be here before `send` returns.
        item.waiting = True
        try:
            await send(item.command)
        except LinkDown:
            item.rest()
            self._nudge_later(link, lane)
            return False
        except BaseException:
            # A bug of the source, or our own end: the command has not gone out, and must not be stuck for it.
            item.rest()
            self._nudge_later(link, lane)
            raise
        self._handed_over(lane, item)
        if item.settling or key not in lane.items:
            return True
        if not lane.live or lane.connection != connection:
            # The link fell while we waited for it: what it took is gone with it.
            item.rest()
            return lane.live
        item.timer = self._call_later(self._retry_s, lambda: self._overdue(link, item))
        return True

    def _handed_over(self, lane: _Lane, item: _Item) -> None:
        if item.sent:
            self.counts.resent += 1
            return
        self.counts.sent += 1
        item.sent = True
        if item.command.key in lane.items:
            self._tell(item.command.key, "sent")

    def _nudge_later(self, link: SourceName, lane: _Lane) -> None:
        """The link said live and then would not take a command: try again without waiting for its next report."""

        def again() -> None:
            lane.nudge = None
            self._wake(link)

        if lane.nudge is None and not self._closed:
            lane.nudge = self._call_later(self._retry_s, again)

    def _overdue(self, link: SourceName, item: _Item) -> None:
        item.timer = None
        item.rest()
        self._wake(link)

    async def _note_sent(self, keys: list[CommandKey]) -> None:
        try:
            await self._journal.mark_sent(*keys)
        except DeckError as fault:
            # Nothing is lost by it: after a restart they go out again under the same keys.
            self.fault = fault

    async def _settle(self, link: SourceName, item: _Item, answer: Answer) -> None:
        lane = self._lanes[link]
        try:
            await self._journal.settle(answer)
        except DeckError as fault:
            # An answer that is not on disk was not given: the command goes out again, and the platform will repeat itself.
            self.fault = fault
            item.settling = False
            self._nudge_later(link, lane)
            return
        self.fault = None
        del lane.items[answer.key]
        del self._where[answer.key]
        self._remember(answer.key)
        if answer.outcome == "confirmed":
            self.counts.confirmed += 1
        else:
            self.counts.refused += 1
        self._ledger.settle(answer.key, answer.outcome)
        self._tell(answer.key, answer.outcome, answer.reason)
        self._wake(link)

    def _remember(self, key: CommandKey) -> None:
        if len(self._done) == REMEMBERED:
            self._done_keys.discard(self._done[0])
        self._done.append(key)
        self._done_keys.add(key)

    def _tell(self, key: CommandKey, state: State, reason: Text | None = None) -> CommandState:
        change = CommandState(key, state, self._now(), reason or Text())
        for told in list(self._told):
            told(change)
        return change

    def _spawn(self, work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(work)
        among.add(task)
        task.add_done_callback(among.discard)
        task.add_done_callback(_report_bug)


def _report_bug(task: asyncio.Task[None]) -> None:
    """What a task of ours raised is a bug: it goes the loop's way for bugs at once, not when the task is collected."""
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        task.get_loop().call_exception_handler({"message": "outbox", "exception": fault, "task": task})
