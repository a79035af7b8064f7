"""Carries commands to their platforms, again and again until each is answered. The journal is its memory: this object may die at any point.

Rules: per link in the order given · nothing goes out while the link is not live · at most `window` unanswered a link · a command waits
until every one before it about any target of its own is answered (else a lost dispatch would be overtaken by the closing of its case) · the
same idempotency key every time · an answer is journalled before the screen hears of it. Event loop's thread only; no network of its own.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Literal

import msgspec

from app.actions.clock import CallLater, Now, Timer
from app.actions.ledger import Ledger
from app.domain.batch import LinkDown, LinkReport, LinkState
from app.domain.command import Answer, Command, CommandState
from app.domain.errors import DeckError, NotAllowed
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

    def __init__(self, command: Command, number: int, *, sent: bool) -> None:
        self.command = command
        self.number = number
        self.targets = tuple(dict.fromkeys(command.targets))
        self.behind = 0
        """Targets of it that an earlier command is about too."""
        self.alone: tuple[_Item, ...] = (self,)
        """What a target's queue is where nobody else stands in it: one object however many targets there are."""
        self.sent = sent
        self.waiting = False
        self.settling = False
        self.timer: Timer | None = None

    @property
    def may_go(self) -> bool:
        """Whether it could be handed over now, as far as it goes by itself."""
        return not (self.behind or self.waiting or self.settling)


class _Queues:
    """For each target the unanswered commands about it, in the order given. Joining and leaving cost what the command has targets, however
    many commands there are; nothing is searched."""

    def __init__(self) -> None:
        self._queues: dict[str, tuple[_Item, ...]] = {}

    def join(self, item: _Item) -> None:
        """Stand at the end of each target's queue."""
        queues, alone = self._queues, item.alone
        for target in item.targets:
            before = queues.get(target)
            if before is None:
                queues[target] = alone
            else:
                queues[target] = (*before, item)
                item.behind += 1

    def leave(self, item: _Item) -> list[_Item]:
        """Leave all queues. Returns those that nobody stands before any more."""
        queues, alone = self._queues, item.alone
        free: list[_Item] = []
        for target in item.targets:
            queue = queues[target]
            if queue is alone:
                del queues[target]
                continue
            first = queue[0] is item
            rest = queue[1:] if first else tuple(other for other in queue if other is not item)
            head = rest[0]
            queues[target] = head.alone if len(rest) == 1 else rest
            if first:
                head.behind -= 1
                if not head.behind:
                    free.append(head)
        # Else the item and its tuple would hold one another, and with them ten thousand names, until somebody looks for cycles.
        item.alone = ()
        return free


class _Lane:
    """One link's commands, in the order given."""

    def __init__(self) -> None:
        self.items: OrderedDict[CommandKey, _Item] = OrderedDict()
        self.send: Send | None = None
        self.live = False
        self.connection: tuple[int, int] = (-1, -1)
        self.pumping = False
        self.nudge: Timer | None = None
        self._queues = _Queues()
        self._given = 0
        self._out: dict[CommandKey, _Item] = {}
        """Those that are handed over, or whose answer is on its way to the disk."""
        self._ready: list[tuple[int, CommandKey]] = []
        """A heap of those that may go out. What has changed since an entry was put in is seen when it comes to the top."""

    def add(self, command: Command, *, sent: bool) -> None:
        """One more, behind all others about any of its targets."""
        self._given += 1
        item = self.items[command.key] = _Item(command, self._given, sent=sent)
        self._queues.join(item)
        self._offer(item)

    def next(self, window: int) -> _Item | None:
        """The first command that may go out now."""
        if not self.live or self.send is None or len(self._out) >= window:
            return None
        while self._ready:
            item = self.items.get(self._ready[0][1])
            if item is not None and item.may_go:
                return item
            heapq.heappop(self._ready)
        return None

    def hand_over(self, item: _Item) -> None:
        """It is on its way, and an answer may come from now on."""
        item.waiting = True
        self._out[item.command.key] = item

    def rest(self, item: _Item) -> None:
        """No answer will come any more for what was handed over."""
        if item.timer is not None:
            item.timer.cancel()
            item.timer = None
        if item.waiting:
            item.waiting = False
            self._come_back(item)

    def rest_all(self) -> None:
        """The same for everything that was handed over."""
        for item in list(self._out.values()):
            self.rest(item)

    def settle(self, item: _Item) -> None:
        """Its answer is being journalled."""
        item.settling = True
        self._out[item.command.key] = item
        self.rest(item)

    def unsettle(self, item: _Item) -> None:
        """Its answer could not be journalled: it was not given."""
        item.settling = False
        self._come_back(item)

    def remove(self, item: _Item) -> None:
        """It is answered; those that stood behind it move up."""
        key = item.command.key
        del self.items[key]
        self._out.pop(key, None)
        for free in self._queues.leave(item):
            self._offer(free)

    def _come_back(self, item: _Item) -> None:
        if not item.settling:
            self._out.pop(item.command.key, None)
            self._offer(item)

    def _offer(self, item: _Item) -> None:
        if item.may_go and item.command.key in self.items:
            heapq.heappush(self._ready, (item.number, item.command.key))


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
                lane.rest_all()

        return undo

    def link(self, report: LinkReport) -> None:
        """A source's link changed. Coming back live after anything else, or as another connection, everything unanswered goes out again."""
        lane = self._lane(report.name)
        live = report.state is LinkState.LIVE
        connection = (report.reconnects, report.since)
        if not live or (lane.live and connection != lane.connection):
            lane.rest_all()
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
        self._lanes[link].settle(item)
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
            lane.rest_all()
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
        self._lane(link).add(command, sent=sent)
        self._where[command.key] = link
        state = self._tell(command.key, "sent" if sent else "pending")
        self._wake(link)
        return state

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
        lane.hand_over(item)
        try:
            await send(item.command)
        except LinkDown:
            lane.rest(item)
            self._nudge_later(link, lane)
            return False
        except BaseException:
            # A bug of the source, or our own end: the command has not gone out, and must not be stuck for it.
            lane.rest(item)
            self._nudge_later(link, lane)
            raise
        self._handed_over(lane, item)
        if item.settling or key not in lane.items:
            return True
        if not lane.live or lane.connection != connection:
            # The link fell while we waited for it: what it took is gone with it.
            lane.rest(item)
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
        self._lanes[link].rest(item)
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
            lane.unsettle(item)
            self._nudge_later(link, lane)
            return
        self.fault = None
        lane.remove(item)
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
