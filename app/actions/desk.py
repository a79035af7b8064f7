"""The one way by which a person's decision becomes a fact: authorise → journal → apply → outbox.

Nothing here waits for a network. What the platform makes of a command comes back through the outbox, any time later.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

import msgspec

from app.actions.authority import Forbidden, authorise, authorise_all
from app.actions.clock import Now
from app.actions.ledger import Ledger
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.actions.spec import BY_ID, OWN, ActionId, ActionSpec, spec_of
from app.domain.alert import AlertMove
from app.domain.aside import Scope
from app.domain.audit import AuditEntry
from app.domain.batch import link_of
from app.domain.command import MAX_ALERTS, MAX_COMMENT, Act, Command, CommandState, MoveAlerts, OpenCase, PutAside
from app.domain.errors import DeckError, NotAllowed
from app.domain.ids import AlertId, AreaCode, CaseId, CommandKey, ShelfId, SourceName, area_of
from app.domain.role import Operator
from app.domain.text import N_, Text, plain
from app.journal import Entry, Journal, Post
from app.journal.records import answer_of

T = TypeVar("T")

RECENT = 200
"""Lines of the activity log that are held in memory."""
STATES = 10_000
"""Newest command states that are held in memory."""
BREATH = 10_000
"""Targets after which a long act lets the screen be painted before it goes on."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One act with what it is about, for doing many at once."""

    act: Act
    areas: tuple[AreaCode, ...]
    """Every area that it is about, once; empty: the whole city. What a PutAside reaches follows from its scope (see `reach`), and then these
    count only for the one alert that it names."""
    seen: int = 0
    """Version of the target that the person was looking at; 0: it does not exist yet, or it is about many."""
    title: Text


class Chosen(msgspec.Struct, frozen=True, gc=False):
    """One of many alerts that something is to be done to: as much of it as deciding who may, and who is asked, needs."""

    alert: AlertId
    area: AreaCode
    source: SourceName


class ActionDesk:
    """Everything that panels may do to the city or to the record. Event loop's thread only."""

    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        session: Session,
        outbox: Outbox,
        *,
        now: Now,
        routes: Callable[[Command], SourceName | None],
        city: AreaCode | None = None,
    ) -> None:
        """`routes`: the link that a command goes to (all alerts of one command came by one link); None: it is kept here. `city`: the code of the
        whole city; without one, what reaches all over the city is only for those who are not limited to some areas."""
        self._journal = journal
        self._ledger = ledger
        self.session = session
        self._outbox = outbox
        self._now = now
        self._routes = routes
        self._everywhere = () if city is None else (city,)
        self._unfinished = 0
        self._turn = asyncio.Lock()
        """Acts are applied one after the other, in the order in which they were journalled."""
        self._idle = asyncio.Event()
        self._idle.set()
        self.recent: deque[AuditEntry] = deque(maxlen=RECENT)
        """The newest lines of the audit chain, newest last."""
        self._states: OrderedDict[str, CommandState] = OrderedDict()
        self._undo = [journal.subscribe(self.recent.append), outbox.subscribe(self._remember)]

    async def start(self) -> None:
        """Read the activity log's tail and take up what the last run left. Raises DeckError."""
        self.recent.extend(reversed(await self._journal.recent(RECENT)))
        for entry in self.recent:
            answer = answer_of(entry)
            if answer is not None:
                self._remember(CommandState(answer.key, answer.outcome, answer.at, answer.reason))
        await self._outbox.start()

    async def close(self) -> None:
        """Wait for what is being journalled, then stop the outbox. The journal is closed by whoever opened it."""
        await self._idle.wait()
        await self._outbox.close()
        for undo in self._undo:
            undo()

    # --- the city ----------------------------------------------------------------------------------------------------------------

    async def perform(self, act: Act, *, area: AreaCode, seen: int, title: Text) -> CommandState:
        """Do `act`. Returns once it is on disk and on screen (pending or kept). Raises Forbidden, NotAllowed or DeckError, and then nothing
        was done. `seen`: the target's version that the person was looking at. Cancelling the caller does not undo what has begun."""
        return (await self.perform_all([Deed(act=act, areas=(area,) if area else (), seen=seen, title=title)]))[0]

    async def perform_all(self, deeds: Sequence[Deed]) -> list[CommandState]:
        """Do many things at once, with one wait for the disk: all of them, or none where one is not allowed."""
        posts = [self._prepare(deed) for deed in deeds]
        return await self._to_the_end(self._carry_out(posts))

    async def move_alerts(self, move: AlertMove, chosen: Sequence[Chosen], *, title: Text, comment: str = "", seen: int = 0) -> list[CommandState]:
        """Do one thing to any number of alerts, with one wait for the disk: a command a link and MAX_ALERTS alerts. Alerts that it does not fit
        are left as they are. Raises Forbidden where it is not allowed in one of their areas, NotAllowed where it fits none of them, DeckError; and
        then nothing was done. `title`: what the activity log calls them."""
        posts: list[tuple[Entry, Post]] = []
        misfit: NotAllowed | None = None
        for number, deed in enumerate(in_parts(move, chosen, title=title, comment=comment, seen=seen)):
            if number:
                await asyncio.sleep(0)
            try:
                posts.append(self._prepare(deed))
            except NotAllowed as fault:
                misfit = misfit or fault
        if not posts:
            raise misfit or _nothing_chosen()
        return await self._to_the_end(self._carry_out(posts))

    def _prepare(self, deed: Deed) -> tuple[Entry, Post]:
        spec = spec_of(deed.act)
        areas = self._areas(deed.act, deed.areas)
        operator = authorise_all(self.session.operator, spec, areas)
        command = Command(
            key=CommandKey(uuid.uuid4().hex),
            act=_checked(deed.act, spec),
            area=areas[0] if len(areas) == 1 else AreaCode(""),
            actor=operator.name,
            role=operator.role,
            seat=self.session.seat,
            desk=self.session.desk,
            at=self._now(),
            seen=deed.seen,
        )
        self._ledger.check(command)
        entry = Entry(
            at=command.at,
            who=self.session.who,
            verb=command.verb,
            target=command.target,
            area=command.area,
            comment=command.act.comment,
            title=Text(plain(deed.title.zh), plain(deed.title.en)),
            key=command.key,
            detail=msgspec.json.encode(command).decode(),
        )
        return entry, Post(command, self._routes(command))

    def _areas(self, act: Act, named: tuple[AreaCode, ...]) -> tuple[AreaCode, ...]:
        """The areas that an act is about: what it reaches is not for the caller to say."""
        if isinstance(act, PutAside):
            named = reach(act.scope, named)
        return named or self._everywhere

    async def _carry_out(self, posts: Sequence[tuple[Entry, Post]]) -> list[CommandState]:
        await self._journal.record_all(posts)
        states: list[CommandState] = []
        targets = 0
        async with self._turn:
            for _, post in posts:
                if targets >= BREATH:
                    targets = 0
                    await asyncio.sleep(0)
                states.append(self._apply(post))
                targets += len(post.command.targets)
        return states

    def _apply(self, post: Post) -> CommandState:
        try:
            self._ledger.pend(post.command)
        except NotAllowed:
            # The world changed between the check and now. It was decided and is on record; the platform has the last word.
            pass
        return self._outbox.take(post.command, post.link)

    # --- the deck's own ----------------------------------------------------------------------------------------------------------

    async def note(self, action: ActionId, target: str = "", *, comment: str = "", title: Text | None = None) -> AuditEntry:
        """Audit one of the deck's own actions (see OWN). Raises Forbidden or DeckError."""
        if action not in OWN:
            raise ValueError(f"{action} is not the deck's own")
        spec = BY_ID[action]
        authorise(self.session.operator, spec, "")
        kept = _comment(comment, spec)
        entry = Entry(at=self._now(), who=self.session.who, verb=spec.verb, target=plain(target), comment=kept, title=title or Text())
        return await self._to_the_end(self._journal.record(entry))

    async def sign_in(self, operator_id: str, password: str) -> Operator | None:
        """Let somebody take the seat; None for a wrong id or password. Audited by the journal. Raises DeckError while sign-in is locked."""
        operator = await self._journal.check_password(operator_id, password, who=self.session.who)
        if operator is not None:
            self.session.change(operator)
        return operator

    async def sign_out(self) -> None:
        """Leave the seat. Somebody who has left is gone even where the journal cannot say so any more; then DeckError is raised after it."""
        if self.session.operator is None:
            return
        entry = Entry(at=self._now(), who=self.session.who, verb="sign_out", target=self.session.operator.id)
        self.session.change(None)
        await self._to_the_end(self._journal.record(entry))

    # --- for the screen ----------------------------------------------------------------------------------------------------------

    def permitted(self, action: ActionId, area: AreaCode | str = "") -> str | None:
        """Why the person at this desk may not do it there (a msgid, for the disabled button's tooltip), or None where it may be done."""
        try:
            authorise(self.session.operator, BY_ID[action], area)
        except Forbidden as reason:
            return reason.what
        return None

    def state_of(self, key: str) -> CommandState | None:
        """How far the command of this key has come; None where it is too long ago to be remembered."""
        return self._states.get(key)

    def subscribe(self, told: Callable[[CommandState], None]) -> Callable[[], None]:
        """Call `told` with each change of a command's state. Returns the undo."""
        return self._outbox.subscribe(told)

    def subscribe_entries(self, told: Callable[[AuditEntry], None]) -> Callable[[], None]:
        """Call `told` with each new line of the activity log. Returns the undo."""
        return self._journal.subscribe(told)

    def new_case_id(self) -> CaseId:
        """An id for OpenCase that no other desk makes."""
        return CaseId(f"{self.session.desk}-{uuid.uuid4().hex[:16]}")

    def new_shelf_id(self) -> ShelfId:
        """An id for PutAside that no other desk makes."""
        return ShelfId(f"{self.session.desk}-{uuid.uuid4().hex[:16]}")

    async def _to_the_end(self, work: Coroutine[None, None, T]) -> T:
        # What is on its way to the disk is finished even where the panel that asked has gone: half-done must not exist.
        task = asyncio.ensure_future(work)
        self._unfinished += 1
        self._idle.clear()
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, _task: asyncio.Future[T]) -> None:
        self._unfinished -= 1
        if not self._unfinished:
            self._idle.set()

    def _remember(self, state: CommandState) -> None:
        self._states[state.key] = state
        self._states.move_to_end(state.key)
        while len(self._states) > STATES:
            self._states.popitem(last=False)


def in_parts(move: AlertMove, chosen: Sequence[Chosen], *, title: Text, comment: str = "", seen: int = 0) -> list[Deed]:
    """One thing done to many alerts as deeds that a command each can carry: each about alerts of one link, and about MAX_ALERTS at most.
    An alert that is named twice counts once."""
    links: dict[SourceName, dict[AlertId, AreaCode]] = {}
    of_source: dict[SourceName, dict[AlertId, AreaCode]] = {}
    for one in chosen:
        areas = of_source.get(one.source)
        if areas is None:
            areas = of_source[one.source] = links.setdefault(link_of(one.source), {})
        areas[one.alert] = one.area
    deeds: list[Deed] = []
    for areas in links.values():
        alerts = tuple(areas)
        for first in range(0, len(alerts), MAX_ALERTS):
            part = alerts[first : first + MAX_ALERTS]
            act = MoveAlerts(move=move, alerts=part, comment=comment)
            deeds.append(Deed(act=act, areas=tuple(dict.fromkeys(map(areas.__getitem__, part))), seen=seen, title=title))
    return deeds


def reach(scope: Scope, of_alert: tuple[AreaCode, ...]) -> tuple[AreaCode, ...]:
    """The areas in which `scope` puts alerts aside; empty: in the whole city. `of_alert`: where the one alert lies that it may name."""
    if scope.area is not None:
        return (scope.area,)
    if scope.series is not None and "@" in scope.series:
        return (area_of(scope.series),)
    return of_alert if scope.alert is not None else ()


def _nothing_chosen() -> DeckError:
    return DeckError(N_("Nothing was chosen."), remedy=N_("Choose at least one alert."))


def _checked(act: Act, spec: ActionSpec) -> Act:
    act = msgspec.structs.replace(act, comment=_comment(act.comment, spec))
    if isinstance(act, MoveAlerts):
        if not act.alerts:
            raise _nothing_chosen()
        if len(act.alerts) > MAX_ALERTS:
            raise ValueError(f"{len(act.alerts)} alerts in one command; move_alerts makes several of them")
        return msgspec.structs.replace(act, alerts=tuple(dict.fromkeys(act.alerts)))
    if isinstance(act, OpenCase):
        act = msgspec.structs.replace(act, title=Text(plain(act.title.zh), plain(act.title.en)))
    return act


def _comment(comment: str, spec: ActionSpec) -> str:
    """The comment as it is kept. Raises DeckError where it is too long, or missing where one must be."""
    kept = plain(comment, lines=True)
    if len(kept) > MAX_COMMENT:
        raise DeckError(N_("The comment is too long."), where=f"{len(kept)} > {MAX_COMMENT}", remedy=N_("Say it in fewer words."))
    if spec.comment == "required" and not kept:
        raise DeckError(N_("This needs a reason in words."), where=spec.id, remedy=N_("Write a comment."))
    return kept
