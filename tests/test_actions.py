"""A click becomes a fact: who may, what is on disk before anything else happens, and what the outbox does whatever a link does to it."""

from __future__ import annotations

import asyncio
import heapq
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.actions import authority
from app.actions.authority import Forbidden, authorise, covers
from app.actions.desk import ActionDesk, Deed, plain
from app.actions.outbox import WINDOW, Outbox
from app.actions.session import Session
from app.actions.spec import ACTIONS, BY_ID, OWN, VERB_WORDS, ActionSpec, spec_of, verb_words
from app.domain.audit import AuditEntry
from app.domain.batch import LinkDown, LinkReport, LinkState
from app.domain.case import Move, NotAllowed
from app.domain.command import MAX_COMMENT, AcknowledgeAlert, Act, Answer, Command, CommandState, MoveCase, OpenCase
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, SourceName, UnitId
from app.domain.role import Operator, Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Journal, Who, records
from app.journal.verify import verify

Soon = Callable[..., Awaitable[None]]

DEMO, CAP = SourceName("demo"), SourceName("cap")
SHINAN, CITY = AreaCode("370202"), AreaCode("370200")
PEOPLE = {role: Operator(id=role.value, name=role.value, role=role) for role in Role}


class Timers:
    """`call_later` and the clock, by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self._due: list[tuple[float, int, Timer]] = []
        self._number = 0

    def __call__(self, delay: float, callback: Callable[[], None], /) -> Timer:
        self._number += 1
        timer = Timer(callback)
        heapq.heappush(self._due, (self.now + delay * 1_000, self._number, timer))
        return timer

    def millis(self) -> Millis:
        return Millis(self.now)

    def advance(self, seconds: float) -> None:
        until = self.now + int(seconds * 1_000)
        while self._due and self._due[0][0] <= until:
            at, _, timer = heapq.heappop(self._due)
            self.now = max(self.now, int(at))
            if not timer.cancelled:
                timer.callback()
        self.now = until

    @property
    def pending(self) -> int:
        return sum(1 for _, _, timer in self._due if not timer.cancelled)


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLedger:
    """Remembers what it was told, in order; refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.told: list[tuple[str, CommandKey]] = []
        self.pending: dict[CommandKey, Command] = {}
        self.refuse: Callable[[Command], bool] = lambda _command: False
        self.refuse_pend = False

    def check(self, command: Command) -> None:
        self.told.append(("check", command.key))
        if self.refuse(command):
            raise NotAllowed("not possible now", where=command.target)

    def pend(self, command: Command) -> None:
        self.told.append(("pend", command.key))
        if self.refuse_pend:
            raise NotAllowed("changed meanwhile", where=command.target)
        self.pending[command.key] = command

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        self.told.append((outcome, key))
        self.pending.pop(key, None)


class Platform:
    """Obeys each key once, answers each time it is asked; `faults` decides what happens to a hand-over."""

    def __init__(self, answer: Callable[[Answer], None]) -> None:
        self.answer = answer
        self.got: list[Command] = []
        self.effects: list[Command] = []
        self._answers: dict[CommandKey, Answer] = {}
        self.mute = False
        self.drop: Callable[[Command], bool] = lambda _command: False
        self.down = False
        self.refuse: Callable[[Command], bool] = lambda _command: False

    async def send(self, command: Command) -> None:
        if self.down:
            raise LinkDown
        self.got.append(command)
        if self.drop(command):
            return
        if command.key not in self._answers:
            outcome: Literal["confirmed", "refused"] = "refused" if self.refuse(command) else "confirmed"
            if outcome == "confirmed":
                self.effects.append(command)
            self._answers[command.key] = Answer(key=command.key, outcome=outcome, reason=Text("", outcome), version=2, at=Millis(5))
        if not self.mute:
            self.answer(self._answers[command.key])

    def say_all(self, order: Callable[[list[Answer]], list[Answer]] = list) -> None:
        for answer in order(list(self._answers.values())):
            self.answer(answer)


class Room:
    """One desk with everything around it."""

    def __init__(self, folder: Path, operator: Operator | None) -> None:
        self.time = Timers()
        self.journal = Journal.open(folder, now=self.time.millis, busy_ms=20)
        self.ledger = FakeLedger()
        self.outbox = Outbox(self.journal, self.ledger, now=self.time.millis, call_later=self.time)
        self.session = Session(seat=Seat.DUTY, desk="desk-1", operator=operator)
        self.desk = ActionDesk(self.journal, self.ledger, self.session, self.outbox, now=self.time.millis, routes=self.route)
        self.platform = Platform(self.outbox.answer)
        self.outbox.attach(DEMO, self.platform.send)
        self.states: list[tuple[CommandKey, str]] = []
        self.desk.subscribe(lambda change: self.states.append((change.key, change.state)))

    def route(self, command: Command) -> SourceName | None:
        return None if command.target.startswith("cap:") else DEMO

    def live(self, *, since: int = 1, reconnects: int = 0, state: LinkState = LinkState.LIVE) -> None:
        self.outbox.link(LinkReport(name=DEMO, kind="gateway", address="ws", state=state, since=Millis(since), reconnects=reconnects, commands=True))

    def down(self) -> None:
        self.live(state=LinkState.DOWN)

    def states_of(self, key: CommandKey) -> list[str]:
        return [state for k, state in self.states if k == key]

    async def act(self, act: Act | None = None, *, seen: int = 1) -> CommandState:
        return await self.desk.perform(act or acknowledge(1), area=SHINAN, seen=seen, title=Text("积水", "Waterlogging"))

    async def close(self) -> None:
        await self.desk.close()
        self.journal.close()


@asynccontextmanager
async def room(folder: Path, operator: Operator | None = PEOPLE[Role.DUTY_OFFICER]) -> AsyncGenerator[Room]:
    """A room whose desk has been started."""
    made = Room(folder, operator)
    try:
        await made.desk.start()
        yield made
    finally:
        await made.close()


def acknowledge(number: int, comment: str = "") -> AcknowledgeAlert:
    return AcknowledgeAlert(AlertId(f"alert-{number}"), comment)


def move(kind: Move, comment: str = "", case: str = "case-1") -> MoveCase:
    return MoveCase(case=CaseId(case), move=kind, unit=UnitId("u1"), comment=comment)


def rows(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "journal.sqlite3") as connection:
        found = connection.execute("SELECT verb, target FROM audit ORDER BY seq").fetchall()
    connection.close()
    return found


# --- the list of actions -----------------------------------------------------------------------------------------------------------

MAY: dict[str, set[Role]] = {
    "acknowledge": {Role.OPERATOR, Role.DUTY_OFFICER},
    "open_case": {Role.OPERATOR, Role.DUTY_OFFICER},
    "comment": {Role.OPERATOR, Role.DUTY_OFFICER},
    **{name: {Role.DUTY_OFFICER} for name in ("file", "dispatch", "recall", "verify", "rework", "close", "reject", "reopen", "void")},
    **{name: set(Role) for name in ("sign_in", "sign_out", "save_layout", "lock_layout", "export", "change_language", "change_theme")},
}


def test_the_matrix_names_every_action() -> None:
    assert set(MAY) == {spec.id for spec in ACTIONS}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_who_may_do_what(spec: ActionSpec, role: Role) -> None:
    if role in MAY[spec.id]:
        authorise(PEOPLE[role], spec, SHINAN)
    else:
        with pytest.raises(Forbidden, match="may do this"):
            authorise(PEOPLE[role], spec, SHINAN)


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_nobody_may_do_nothing_but_sign_in(spec: ActionSpec) -> None:
    if spec.id == "sign_in":
        authorise(None, spec, "")
    else:
        with pytest.raises(Forbidden, match="Nobody is signed in"):
            authorise(None, spec, SHINAN)


def test_every_refusal_says_who_may() -> None:
    assert {spec.roles for spec in ACTIONS} == set(authority._ONLY)


@pytest.mark.parametrize(
    ("mine", "area", "inside"),
    [
        ("370202", "370202", True),
        ("370202", "370202001", True),
        ("370202", "370203", False),
        ("370202", "370200", False),
        ("370200", "370202", True),
        ("370200", "370202001", True),
        ("370200", "370300", False),
        ("370000", "370202", True),
        ("370000", "380000", False),
        ("370202001", "370202002", False),
        ("370202001", "370202", False),
    ],
)
def test_areas_nest(mine: str, area: str, inside: bool) -> None:
    assert covers(mine, area) is inside
    officer = Operator(id="x", name="x", role=Role.DUTY_OFFICER, areas=(AreaCode("990000"), AreaCode(mine)))
    if inside:
        authorise(officer, BY_ID["dispatch"], area)
    else:
        with pytest.raises(Forbidden, match="outside the areas"):
            authorise(officer, BY_ID["dispatch"], area)


def test_the_list_is_consistent() -> None:
    assert len(BY_ID) == len(ACTIONS)
    keys = [spec.key for spec in ACTIONS if spec.key]
    assert sorted(keys) == sorted("ACDFRVXM")
    assert len({spec.verb for spec in ACTIONS}) == len(ACTIONS)
    for spec in ACTIONS:
        assert spec.title and spec.explains and spec.done and spec.icon and spec.verb in VERB_WORDS
        assert (spec.move is not None) is (spec.target == "case")
        assert (spec.id in OWN) is (spec.target == "none")


@pytest.mark.parametrize("kind", Move)
def test_a_move_has_an_action_or_is_not_a_desks(kind: Move) -> None:
    if kind in (Move.ARRIVE, Move.REPORT, Move.EVALUATE):
        with pytest.raises(DeckError, match="not to a desk"):
            spec_of(move(kind))
    else:
        assert spec_of(move(kind)).move is kind


def test_every_line_has_its_words() -> None:
    entry = AuditEntry(seq=1, at=Millis(1), actor="x", role="", seat="", desk="", verb="dispatch")
    assert verb_words(entry) == "dispatched a unit"
    refused = msgspec.json.encode(Answer(key=CommandKey("k"), outcome="refused", at=Millis(1))).decode()
    assert verb_words(msgspec.structs.replace(entry, verb=records.ANSWER, detail=refused)) == "refused the command"
    assert verb_words(msgspec.structs.replace(entry, verb=records.ANSWER, detail="?")) == "answered"
    assert verb_words(msgspec.structs.replace(entry, verb="of tomorrow")) == "of tomorrow"


# --- a click becomes a fact ----------------------------------------------------------------------------------------------------------


async def test_checked_then_on_disk_then_on_screen_then_sent(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        order: list[str] = []
        here.journal.subscribe(lambda entry: order.append(f"journalled {entry.verb}"))
        here.ledger.told = Recorder(order)
        here.live()
        state = await here.act(acknowledge(1, " seen\x1b[31m\u202e "))
        assert order[:3] == ["check", "journalled acknowledge_alert", "pend"]
        assert state.state == "pending"
        await soon(lambda: here.states_of(state.key) == ["pending", "sent", "confirmed"])
        assert order[3:] == ["journalled answer", "confirmed"]
        (command,) = here.platform.got
        assert (command.actor, command.role, command.seat, command.desk, command.seen) == ("duty_officer", Role.DUTY_OFFICER, Seat.DUTY, "desk-1", 1)
        assert command.act.comment == "seen[31m"
        assert [entry.verb for entry in here.desk.recent] == ["acknowledge_alert", "answer"]
        assert records.command_of(here.desk.recent[0]) == command
        told = here.desk.state_of(state.key)
        assert told is not None and told.state == "confirmed"
    assert verify(data_dir).ok


class Recorder(list[tuple[str, CommandKey]]):
    """A ledger's list of calls that writes into a common one."""

    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self._order = order

    def append(self, item: tuple[str, CommandKey], /) -> None:
        self._order.append(item[0])


async def test_a_dead_link_costs_a_click_nothing(data_dir: Path) -> None:
    async with room(data_dir) as here:
        here.down()
        state = await asyncio.wait_for(here.act(), 1.0)
        assert state.state == "pending" and here.platform.got == [] and rows(data_dir) == [("acknowledge_alert", "alert-1")]


@pytest.mark.parametrize("refusal", ["role", "nobody", "area", "stage", "long", "no reason", "not a desk's"])
async def test_what_is_not_allowed_leaves_no_trace(data_dir: Path, refusal: str) -> None:
    people = {"role": PEOPLE[Role.LEADER], "nobody": None, "area": Operator(id="x", name="x", role=Role.DUTY_OFFICER, areas=(AreaCode("370203"),))}
    acts: dict[str, Act] = {
        "long": acknowledge(1, "x" * (MAX_COMMENT + 1)),
        "no reason": move(Move.REOPEN, " \n\u200b "),
        "not a desk's": move(Move.ARRIVE),
    }
    async with room(data_dir, people.get(refusal, PEOPLE[Role.DUTY_OFFICER])) as here:
        here.ledger.refuse = lambda _command: refusal == "stage"
        with pytest.raises(NotAllowed if refusal == "stage" else Forbidden if refusal in people else DeckError):
            await here.act(acts.get(refusal, move(Move.DISPATCH)))
        assert rows(data_dir) == [] and here.states == [] and here.outbox.unanswered == 0


async def test_the_longest_comment_is_kept_whole(data_dir: Path) -> None:
    async with room(data_dir) as here:
        await here.act(acknowledge(1, "线" * MAX_COMMENT))
        assert here.desk.recent[-1].comment == "线" * MAX_COMMENT


@given(st.text())
def test_comments_hold_nothing_invisible(words: str) -> None:
    kept = plain(words, lines=True)
    assert kept == plain(kept, lines=True) == kept.strip()
    assert all(c.isprintable() or c in "\n\t" or c.isspace() or not c.isascii() for c in kept)
    assert not {"\u202e", "\u2066", "\0", "\x1b", "\u2028"} & set(kept)


async def test_a_world_that_changed_meanwhile_is_the_platforms_to_judge(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.ledger.refuse_pend = True
        here.platform.refuse = lambda _command: True
        here.live()
        state = await here.act()
        await soon(lambda: here.states_of(state.key)[-1:] == ["refused"])
        told = here.desk.state_of(state.key)
        assert told is not None and told.reason == Text("", "refused")


async def test_a_journal_that_fails_stops_the_action(data_dir: Path) -> None:
    async with room(data_dir) as here:
        here.live()
        other = sqlite3.connect(data_dir / "journal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DeckError, match="Another program holds"):
            await here.act()
        other.execute("ROLLBACK")
        other.close()
        assert [what for what, _ in here.ledger.told] == ["check"] and here.platform.got == [] and here.states == []


async def test_a_panel_that_goes_away_does_not_leave_half_an_action(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.live()
        task = asyncio.create_task(here.act())
        await asyncio.sleep(0)
        task.cancel()
        await soon(lambda: [what for what, _ in here.ledger.told] == ["check", "pend", "confirmed"])
        assert len(here.platform.effects) == 1


async def test_a_source_without_commands_is_kept_here(data_dir: Path) -> None:
    async with room(data_dir) as here:
        state = await here.act(AcknowledgeAlert(AlertId("cap:1")))
        assert state.state == "kept" and here.outbox.unanswered == 0
        assert [what for what, _ in here.ledger.told] == ["check", "pend", "kept"]
    async with room(data_dir) as here:
        assert here.ledger.told == [("pend", state.key), ("kept", state.key)]


async def test_many_at_once_are_all_or_none(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        deeds = [Deed(act=acknowledge(number, "all of them"), area=SHINAN, seen=1, title=Text(en="x")) for number in range(100)]
        here.ledger.refuse = lambda command: command.target == "alert-70"
        with pytest.raises(NotAllowed):
            await here.desk.perform_all(deeds)
        assert rows(data_dir) == []
        here.ledger.refuse = lambda _command: False
        here.live()
        assert len(await here.desk.perform_all(deeds)) == 100
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.target for command in here.platform.effects] == [f"alert-{number}" for number in range(100)]


async def test_opening_a_case(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir, PEOPLE[Role.OPERATOR]) as here:
        here.live()
        case = here.desk.new_case_id()
        act = OpenCase(
            case=case, alerts=(AlertId("a"),), kind=AlertKindId("k"), severity=Severity.SEVERE, title=Text("积\u202e水", "Water"), area=SHINAN
        )
        await here.desk.perform(act, area=SHINAN, seen=0, title=act.title)
        await soon(lambda: len(here.platform.effects) == 1)
        sent = here.platform.effects[0].act
        assert isinstance(sent, OpenCase) and sent.case == case and sent.title == Text("积水", "Water") and case != here.desk.new_case_id()


async def test_the_decks_own_actions(data_dir: Path) -> None:
    async with room(data_dir, PEOPLE[Role.LEADER]) as here:
        entry = await here.desk.note("export", "alerts.csv", comment="for the\x07 mayor")
        assert (entry.verb, entry.target, entry.comment, entry.actor) == ("export", "alerts.csv", "for the mayor", "leader")
        with pytest.raises(ValueError, match="not the deck's own"):
            await here.desk.note("dispatch", "case-1")
        assert here.desk.permitted("dispatch", SHINAN) == "Only the duty officer may do this."
        assert here.desk.permitted("comment", SHINAN) == "Only operators and the duty officer may do this."
        assert here.desk.permitted("export") is None


async def test_signing_in_and_out(data_dir: Path) -> None:
    async with room(data_dir, None) as here:
        await here.journal.add_operator(PEOPLE[Role.OPERATOR], "words", who=Who("setup"))
        seen: list[Operator | None] = []
        undo = here.session.subscribe(seen.append)
        assert here.desk.permitted("acknowledge", SHINAN) == "Nobody is signed in at this desk."
        assert await here.desk.sign_in("operator", "wrong") is None
        assert await here.desk.sign_in("operator", "words") == PEOPLE[Role.OPERATOR]
        assert here.desk.permitted("acknowledge", SHINAN) is None
        await here.desk.sign_out()
        await here.desk.sign_out()
        undo()
        undo()
        assert seen == [PEOPLE[Role.OPERATOR], None]
        assert [entry.verb for entry in here.desk.recent] == ["operator_added", "sign_in_failed", "sign_in", "sign_out"]


# --- the outbox --------------------------------------------------------------------------------------------------------------------


async def test_nothing_goes_out_before_the_link_is_live_and_then_in_order(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        for number in range(5):
            await here.act(acknowledge(number))
        here.live(state=LinkState.CONNECTING)
        here.live(state=LinkState.STALLED)
        assert here.platform.got == []
        here.live()
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.target for command in here.platform.got] == [f"alert-{number}" for number in range(5)]
        assert here.time.pending == 0


async def test_what_is_not_answered_goes_out_again_under_the_same_key(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.drop = lambda _command: len(here.platform.got) < 3
        here.live()
        state = await here.act()
        await soon(lambda: len(here.platform.got) == 1)
        here.time.advance(4.9)
        assert len(here.platform.got) == 1
        here.time.advance(0.2)
        await soon(lambda: len(here.platform.got) == 2)
        here.time.advance(5.1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert {command.key for command in here.platform.got} == {state.key} and len(here.platform.effects) == 1
        assert here.states_of(state.key) == ["pending", "sent", "confirmed"]
        assert (here.outbox.counts.sent, here.outbox.counts.resent) == (1, 2)
        assert here.time.pending == 0


async def test_after_a_reconnect_what_was_sent_goes_out_again_in_order(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.mute = True
        here.live()
        for number in range(3):
            await here.act(acknowledge(number))
        await soon(lambda: len(here.platform.got) == 3)
        here.down()
        here.platform.mute = False
        here.live(since=2, reconnects=1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.target for command in here.platform.got[3:]] == ["alert-0", "alert-1", "alert-2"]
        assert len(here.platform.effects) == 3


async def test_a_reconnect_too_quick_for_a_down_report_counts_too(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.mute = True
        here.live()
        await here.act()
        await soon(lambda: len(here.platform.got) == 1)
        here.live()
        here.live()
        assert len(here.platform.got) == 1
        here.platform.mute = False
        here.live(since=2, reconnects=1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert len(here.platform.effects) == 1


async def test_a_link_that_says_live_and_takes_nothing(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.down = True
        here.live()
        state = await here.act()
        await soon(lambda: here.time.pending == 1)
        assert here.states_of(state.key) == ["pending"]
        here.platform.down = False
        here.time.advance(5.1)
        await soon(lambda: here.outbox.unanswered == 0)


async def test_a_source_that_hangs_or_breaks_holds_up_nothing_for_ever(data_dir: Path, soon: Soon) -> None:
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: bugs.append(context.get("exception")))
    hung = asyncio.Event()

    async def broken(_command: Command) -> None:
        raise ZeroDivisionError

    async def hangs(_command: Command) -> None:
        hung.set()
        await asyncio.Event().wait()

    async with room(data_dir) as here:
        here.outbox.attach(DEMO, broken)
        here.live()
        await here.act()
        await soon(lambda: bugs)
        assert isinstance(bugs[0], ZeroDivisionError)
        here.outbox.attach(DEMO, hangs)
        await hung.wait()
    async with room(data_dir) as here:
        here.live()
        await soon(lambda: here.outbox.unanswered == 0)


async def test_no_more_than_the_window_is_on_its_way(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.mute = True
        await here.desk.perform_all([Deed(act=acknowledge(number), area=SHINAN, seen=1, title=Text(en="x")) for number in range(WINDOW + 8)])
        here.live()
        await soon(lambda: len(here.platform.got) == WINDOW)
        await here.journal.recent(1)
        await asyncio.sleep(0)
        assert len(here.platform.got) == WINDOW
        here.platform.mute = False
        here.platform.say_all()
        await soon(lambda: here.outbox.unanswered == 0)
        assert len(here.platform.effects) == WINDOW + 8


async def test_a_command_waits_for_the_one_before_it_about_the_same_target(data_dir: Path, soon: Soon) -> None:
    """The first is lost on the way: the second must not overtake it, others may."""
    async with room(data_dir) as here:
        lost: list[CommandKey] = []

        def drop(command: Command) -> bool:
            if isinstance(command.act, MoveCase) and command.act.move is Move.DISPATCH and command.key not in lost:
                lost.append(command.key)
                return True
            return False

        here.platform.drop = drop
        here.live()
        await here.act(move(Move.DISPATCH))
        await here.act(move(Move.VERIFY))
        await here.act(move(Move.COMMENT, "other", case="case-2"))
        await soon(lambda: len(here.platform.effects) == 1)
        assert here.platform.effects[0].target == "case-2"
        here.time.advance(5.1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.verb for command in here.platform.effects] == ["comment", "dispatch", "verify"]


async def test_answers_twice_out_of_order_and_from_nowhere(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.mute = True
        here.live()
        for number in range(3):
            await here.act(acknowledge(number))
        await soon(lambda: len(here.platform.got) == 3)
        here.platform.say_all(lambda answers: [*reversed(answers), *answers])
        here.outbox.answer(Answer(key=CommandKey("nobody's"), outcome="confirmed", at=Millis(1)))
        await soon(lambda: here.outbox.unanswered == 0)
        here.platform.say_all()
        assert here.outbox.counts.duplicate_answers == 6 and here.outbox.counts.unknown_answers == 1
        assert [verb for verb, _ in rows(data_dir)].count("answer") == 3
        assert [target for verb, target in rows(data_dir) if verb == "answer"] == ["alert-2", "alert-1", "alert-0"]
        assert sum(1 for _, state in here.states if state == "confirmed") == 3


async def test_an_answer_that_cannot_be_journalled_is_asked_for_again(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.mute = True
        here.live()
        state = await here.act()
        await soon(lambda: len(here.platform.got) == 1)
        await here.journal.recent(1)
        other = sqlite3.connect(data_dir / "journal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        here.platform.mute = False
        here.platform.say_all()
        await soon(lambda: here.outbox.fault is not None)
        assert here.states_of(state.key) == ["pending", "sent"] and here.outbox.unanswered == 1
        other.execute("ROLLBACK")
        other.close()
        here.time.advance(5.1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert here.outbox.fault is None and len(here.platform.effects) == 1


async def test_a_restart_takes_up_what_was_left_and_each_effect_happens_once(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.drop = lambda command: command.target == "alert-1"
        here.live()
        for number in range(3):
            await here.act(acknowledge(number))
        await soon(lambda: here.outbox.unanswered == 1)
        here.down()
        await here.act(acknowledge(3))
        before = here.platform
    async with room(data_dir) as here:
        assert [command.target for command in here.ledger.pending.values()] == ["alert-1", "alert-3"]
        assert [state for _, state in here.states] == ["sent", "pending"]
        before.drop, before.answer = lambda _command: False, here.outbox.answer
        here.outbox.attach(DEMO, before.send)
        here.live()
        await soon(lambda: here.outbox.unanswered == 0)
        assert sorted(command.target for command in before.effects) == [f"alert-{number}" for number in range(4)]
    async with room(data_dir) as here:
        assert here.outbox.unanswered == 0 and here.ledger.told == []
    assert verify(data_dir).ok


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_link_does_each_effect_happens_once_and_in_order(data_dir: Path, soon: Soon, seed: int) -> None:
    """Commands and answers dropped, doubled and reordered, the link down and up, at random but the same each time."""
    import random

    dice = random.Random(seed)
    async with room(data_dir) as here:
        platform = here.platform
        platform.drop = lambda _command: dice.random() < 0.3
        late: list[Answer] = []

        def careless(answer: Answer) -> None:
            roll = dice.random()
            if roll < 0.3:
                return
            if roll < 0.6:
                late.append(answer)
            else:
                here.outbox.answer(answer)
            if roll > 0.9:
                here.outbox.answer(answer)

        platform.answer = careless
        states = [LinkState.LIVE, LinkState.LIVE, LinkState.DOWN, LinkState.STALLED]
        for number in range(40):
            await here.act(move(Move.COMMENT, f"{number}", case=f"case-{number % 5}"))
            here.live(state=dice.choice(states), since=number, reconnects=number // 7)
            if dice.random() < 0.3:
                dice.shuffle(late)
                while late:
                    here.outbox.answer(late.pop())
            here.time.advance(dice.random() * 4)
        platform.drop, platform.answer = lambda _command: False, here.outbox.answer
        here.live(since=1_000, reconnects=1_000)
        await soon(lambda: here.time.advance(1) or here.outbox.unanswered == 0)
        said = [(command.target, int(command.act.comment)) for command in platform.effects]
        assert len(said) == len(set(said)) == 40
        for case in range(5):
            mine = [number for target, number in said if target == f"case-{case}"]
            assert mine == sorted(mine)
        assert [verb for verb, _ in rows(data_dir)].count("answer") == 40
        assert here.time.pending == 0
    assert verify(data_dir).ok
