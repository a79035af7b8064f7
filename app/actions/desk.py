"""The one way by which a person's decision becomes a fact: authorise → journal → apply → outbox.

Nothing here waits for a network. What the platform makes of a command comes back through the outbox, any time later.
"""

from __future__ import annotations

import asyncio
import unicodedata
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

import msgspec

from app.actions.authority import Forbidden, authorise
from app.actions.clock import Now
from app.actions.ledger import Ledger
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.actions.spec import BY_ID, OWN, ActionId, ActionSpec, spec_of
from app.domain.audit import AuditEntry
from app.domain.case import NotAllowed
from app.domain.command import MAX_COMMENT, Act, Command, CommandState, OpenCase
from app.domain.errors import DeckError
from app.domain.ids import AreaCode, CaseId, CommandKey, SourceName
from app.domain.role import Operator
from app.domain.text import N_, Text
from app.journal import Entry, Journal, Post
from app.journal.records import answer_of

T = TypeVar("T")

RECENT = 200
"""Lines of the activity log that are held in memory."""
STATES = 10_000
"""Newest command states that are held in memory."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One act with what it is about, for doing many at once."""

    act: Act
    area: AreaCode
    seen: int
    """Version of the target that the person was looking at; 0: it does not exist yet."""
    title: Text


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
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self.session = session
        self._outbox = outbox
        self._now = now
        self._routes = routes
        self._unfinished = 0
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
        return (await self.perform_all([Deed(act=act, area=area, seen=seen, title=title)]))[0]

    async def perform_all(self, deeds: Sequence[Deed]) -> list[CommandState]:
        """Do many things at once, with one wait for the disk: all of them, or none where one is not allowed."""
        posts = [self._prepare(deed) for deed in deeds]
        return await self._to_the_end(self._carry_out(posts))

    def _prepare(self, deed: Deed) -> tuple[Entry, Post]:
        spec = spec_of(deed.act)
        operator = self.session.operator
        authorise(operator, spec, deed.area)
        if operator is None:
            raise Forbidden(N_("Nobody is signed in at this desk."), where=spec.id, remedy=N_("Sign in first."))
        command = Command(
            key=CommandKey(uuid.uuid4().hex),
            act=_checked(deed.act, spec),
            area=deed.area,
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

    async def _carry_out(self, posts: Sequence[tuple[Entry, Post]]) -> list[CommandState]:
        await self._journal.record_all(posts)
        states: list[CommandState] = []
        for _, post in posts:
            try:
                self._ledger.pend(post.command)
            except NotAllowed:
                # The world changed between the check and now. It was decided and is on record; the platform has the last word.
                pass
            states.append(self._outbox.take(post.command, post.link))
        return states

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


def _checked(act: Act, spec: ActionSpec) -> Act:
    act = msgspec.structs.replace(act, comment=_comment(act.comment, spec))
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


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, direction-changing and half characters: they can make a record read differently from what it says."""


def plain(words: str, *, lines: bool = False) -> str:
    """`words` without invisible characters and outer blanks; line breaks stay where `lines`."""
    return "".join(c for c in words if (lines and c in "\n\t") or unicodedata.category(c) not in _HIDDEN).strip()
