"""A click becomes a fact: who may, what is on disk before anything else happens, and what the outbox does whatever a link does to it."""

from __future__ import annotations

import asyncio
import heapq
import random
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.actions import authority
from app.actions import outbox as outbox_module
from app.actions.authority import Forbidden, authorise, covers
from app.actions.clerk import BATCH, CLOCK, MOST_WAITING, Clerk
from app.actions.desk import ActionDesk, Chosen, Deed, in_parts, reach
from app.actions.outbox import WINDOW, Outbox
from app.actions.session import Session
from app.actions.spec import ACTIONS, BY_ID, CLOCK_WORDS, OWN, VERB_WORDS, ActionSpec, spec_of, verb_words
from app.domain.alert import AlertMove
from app.domain.aside import How, Scope
from app.domain.audit import AuditEntry
from app.domain.batch import LinkDown, LinkReport, LinkState
from app.domain.case import Move
from app.domain.command import MAX_ALERTS, MAX_COMMENT, Act, Answer, Command, CommandState, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import DeckError, NotAllowed
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, SeriesId, ShelfId, SourceName, UnitId
from app.domain.role import Operator, Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text, plain
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
        self.desk = ActionDesk(self.journal, self.ledger, self.session, self.outbox, now=self.time.millis, routes=self.route, city=CITY)
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


def acknowledge(number: int, comment: str = "", *more: int) -> MoveAlerts:
    return on_alerts(AlertMove.ACKNOWLEDGE, number, *more, comment=comment)


def on_alerts(kind: AlertMove, *numbers: int, comment: str = "") -> MoveAlerts:
    return MoveAlerts(move=kind, alerts=tuple(AlertId(f"alert-{number}") for number in numbers), comment=comment)


def aside(scope: Scope, *, how: How = How.SHELVED, comment: str = "pumps are being changed") -> PutAside:
    return PutAside(shelf=ShelfId("shelf-1"), how=how, scope=scope, until=Millis(2_000_000), comment=comment)


BACK = TakeBack(shelf=ShelfId("shelf-1"))


def command_about(act: Act, number: int = 1) -> Command:
    return Command(key=CommandKey(f"{number:032x}"), act=act, area=SHINAN, actor="li", role=Role.OPERATOR, seat=Seat.DUTY, desk="d", at=Millis(1))


def chosen(*numbers: int, area: AreaCode = SHINAN, source: SourceName = DEMO) -> list[Chosen]:
    return [Chosen(AlertId(f"alert-{number}"), area, source) for number in numbers]


def move(kind: Move, comment: str = "", case: str = "case-1") -> MoveCase:
    return MoveCase(case=CaseId(case), move=kind, unit=UnitId("u1"), comment=comment)


def rows(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "journal.sqlite3") as connection:
        found = connection.execute("SELECT verb, target FROM audit ORDER BY seq").fetchall()
    connection.close()
    return found


# --- the list of actions -----------------------------------------------------------------------------------------------------------

MAY: dict[str, set[Role]] = {
    **{
        name: {Role.OPERATOR, Role.DUTY_OFFICER}
        for name in (
            "acknowledge",
            "unacknowledge",
            "comment_alert",
            "take_alert",
            "release_alert",
            "shelve",
            "take_back",
            "open_case",
            "comment",
        )
    },
    "out_of_service": {Role.DUTY_OFFICER},
    **{name: {Role.DUTY_OFFICER} for name in ("file", "dispatch", "recall", "verify", "rework", "close", "reject", "reopen", "void")},
    **{
        name: set(Role)
        for name in (
            "sign_in",
            "sign_out",
            "save_layout",
            "lock_layout",
            "export",
            "change_language",
            "change_theme",
            "mute",
            "unmute",
            "sound_settings",
        )
    },
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
    assert sorted(keys) == sorted("ABCDFLMNORSVX")
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


@pytest.mark.parametrize("kind", AlertMove)
def test_what_is_done_to_alerts_has_its_action(kind: AlertMove) -> None:
    spec = spec_of(on_alerts(kind, 1))
    assert spec.target == "alert" and spec.verb == command_about(on_alerts(kind, 1)).verb


def test_putting_aside_and_taking_back_have_their_actions() -> None:
    for act, action in ((aside(Scope()), "shelve"), (aside(Scope(), how=How.OUT_OF_SERVICE), "out_of_service"), (BACK, "take_back")):
        assert spec_of(act).id == action and spec_of(act).verb == command_about(act).verb
    assert BY_ID["take_back"].target == "shelf"


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
        state = await here.act(MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(AlertId("cap:1"),)))
        assert state.state == "kept" and here.outbox.unanswered == 0
        assert [what for what, _ in here.ledger.told] == ["check", "pend", "kept"]
    async with room(data_dir) as here:
        assert here.ledger.told == [("pend", state.key), ("kept", state.key)]


async def test_many_at_once_are_all_or_none(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        deeds = [Deed(act=acknowledge(number, "all of them"), areas=(SHINAN,), title=Text(en="x")) for number in range(100)]
        here.ledger.refuse = lambda command: command.target == "alert-70"
        with pytest.raises(NotAllowed):
            await here.desk.perform_all(deeds)
        assert rows(data_dir) == []
        here.ledger.refuse = lambda _command: False
        here.live()
        assert len(await here.desk.perform_all(deeds)) == 100
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.target for command in here.platform.effects] == [f"alert-{number}" for number in range(100)]


# --- many alerts, and putting aside ------------------------------------------------------------------------------------------------


def officer(*areas: str) -> Operator:
    return Operator(id="x", name="x", role=Role.DUTY_OFFICER, areas=tuple(AreaCode(area) for area in areas))


async def test_one_command_about_many(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir, PEOPLE[Role.OPERATOR]) as here:
        here.live()
        (state,) = await here.desk.move_alerts(
            AlertMove.ACKNOWLEDGE, [*chosen(1, 2, 2), *chosen(3, area=CITY)], title=Text(en="3 alerts"), comment=" all of\u202e them "
        )
        await soon(lambda: here.states_of(state.key)[-1] == "confirmed")
        (command,) = here.platform.effects
        assert command.act == acknowledge(1, "all of them", 2, 3) and command.targets == ("alert-1", "alert-2", "alert-3")
        assert command.area == ""
        entry = here.desk.recent[0]
        assert (entry.verb, entry.target, entry.area, entry.title.en) == ("acknowledge_alert", "alert-1", "", "3 alerts")
        assert records.command_of(entry) == command


async def test_every_area_is_asked_for(data_dir: Path) -> None:
    async with room(data_dir, officer(SHINAN)) as here:
        await here.desk.move_alerts(AlertMove.TAKE, chosen(1, 2), title=Text())
        assert here.desk.recent[-1].area == SHINAN
        for beyond in ([*chosen(1), *chosen(2, area=AreaCode("370203"))], [*chosen(1), *chosen(2, area=AreaCode("370203"), source=CAP)]):
            with pytest.raises(Forbidden, match="outside the areas"):
                await here.desk.move_alerts(AlertMove.TAKE, beyond, title=Text())
        assert len(rows(data_dir)) == 1


async def test_what_cannot_be_one_command(data_dir: Path) -> None:
    async with room(data_dir) as here:
        with pytest.raises(DeckError, match="Nothing was chosen"):
            await here.act(on_alerts(AlertMove.TAKE))
        with pytest.raises(DeckError, match="Nothing was chosen"):
            await here.desk.move_alerts(AlertMove.TAKE, [], title=Text())
        with pytest.raises(ValueError, match=f"{MAX_ALERTS + 1} alerts"):
            await here.act(on_alerts(AlertMove.TAKE, *range(MAX_ALERTS + 1)))
        with pytest.raises(DeckError, match="needs a reason"):
            await here.desk.move_alerts(AlertMove.UNACKNOWLEDGE, chosen(1), title=Text(), comment=" \u200b")
        await here.act(acknowledge(1, "", 2, 1, 2))
        command = records.command_of(here.desk.recent[-1])
        assert command is not None and command.targets == ("alert-1", "alert-2") and len(rows(data_dir)) == 1


def test_many_are_split_by_link_and_by_number() -> None:
    relayed = SourceName("demo/pumps")
    many = [*chosen(*range(MAX_ALERTS)), *chosen(-1, source=CAP, area=CITY), *chosen(-2, -3, source=relayed, area=CITY)]
    deeds = in_parts(AlertMove.COMMENT, many, title=Text(en="x"), comment="rain")
    sizes = [(len(deed.act.alerts), deed.areas) for deed in deeds if isinstance(deed.act, MoveAlerts)]
    assert sizes == [(MAX_ALERTS, (SHINAN,)), (2, (CITY,)), (1, (CITY,))]
    acts = [deed.act for deed in deeds if isinstance(deed.act, MoveAlerts)]
    assert {alert for act in acts for alert in act.alerts} == {one.alert for one in many}
    assert all(act.comment == "rain" and act.move is AlertMove.COMMENT for act in acts)


async def test_many_commands_are_one_transaction(data_dir: Path, soon: Soon) -> None:
    """Ten thousand and one, of two links: one of the commands fits nothing and is left out; where none fits, nothing is done."""
    async with room(data_dir) as here:
        many = [*chosen(*range(MAX_ALERTS + 1)), Chosen(AlertId("cap:1"), SHINAN, CAP)]
        here.ledger.refuse = lambda _command: True
        with pytest.raises(NotAllowed):
            await here.desk.move_alerts(AlertMove.TAKE, many, title=Text())
        assert rows(data_dir) == []
        here.ledger.refuse = lambda command: len(command.targets) == MAX_ALERTS
        here.live()
        states = await here.desk.move_alerts(AlertMove.TAKE, many, title=Text())
        assert [state.state for state in states] == ["pending", "kept"]
        assert rows(data_dir)[:2] == [("take_alert", f"alert-{MAX_ALERTS}"), ("take_alert", "cap:1")]
        await soon(lambda: here.outbox.unanswered == 0)


@pytest.mark.parametrize(
    ("scope", "reaches"),
    [
        (Scope(area=SHINAN), (SHINAN,)),
        (Scope(area=SHINAN, alert=AlertId("a")), (SHINAN,)),
        (Scope(series=SeriesId("level@370203")), ("370203",)),
        (Scope(alert=AlertId("a")), ("of the alert",)),
        (Scope(kind=AlertKindId("k")), ()),
        (Scope(source=CAP, place="隧道"), ()),
    ],
)
def test_what_a_scope_reaches(scope: Scope, reaches: tuple[str, ...]) -> None:
    assert reach(scope, (AreaCode("of the alert"),)) == reaches


async def test_nobody_puts_aside_what_is_not_theirs(data_dir: Path, soon: Soon) -> None:
    """However the caller describes it: what counts is what the scope would hide."""
    kind = AlertKindId("k")
    async with room(data_dir, officer(SHINAN)) as here:
        here.live()
        for scope in (Scope(kind=kind), Scope(kind=kind, area=AreaCode("370203")), Scope(series=SeriesId("level@370203"))):
            with pytest.raises(Forbidden):
                await here.act(aside(scope))
        await here.act(aside(Scope(kind=kind, area=SHINAN), comment="pumps\u202e are being changed"))
        here.session.change(officer(CITY))
        await here.act(aside(Scope(kind=kind), how=How.OUT_OF_SERVICE))
        await soon(lambda: len(here.platform.effects) == 2)
        assert [(command.verb, command.area) for command in here.platform.effects] == [("shelve", SHINAN), ("out_of_service", CITY)]
        assert [command.act.comment for command in here.platform.effects] == ["pumps are being changed"] * 2
        here.session.change(PEOPLE[Role.OPERATOR])
        with pytest.raises(Forbidden, match="Only the duty officer"):
            await here.act(aside(Scope(kind=kind), how=How.OUT_OF_SERVICE))
        with pytest.raises(DeckError, match="needs a reason"):
            await here.act(aside(Scope(kind=kind), comment=" "))
        assert here.desk.new_shelf_id() != here.desk.new_shelf_id()


async def test_the_whole_city_is_for_those_who_have_it(data_dir: Path) -> None:
    async with room(data_dir, officer(SHINAN)) as here:
        unlimited = ActionDesk(here.journal, here.ledger, here.session, here.outbox, now=here.time.millis, routes=here.route)
        with pytest.raises(Forbidden, match="beyond the areas"):
            await unlimited.perform_all([Deed(act=BACK, areas=(), title=Text())])
        with pytest.raises(Forbidden, match="outside the areas"):
            await here.desk.perform_all([Deed(act=BACK, areas=(), title=Text())])
        here.session.change(officer())
        assert [state.state for state in await unlimited.perform_all([Deed(act=BACK, areas=(), title=Text())])] == ["pending"]


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
        await here.desk.perform_all([Deed(act=acknowledge(number), areas=(SHINAN,), title=Text(en="x")) for number in range(WINDOW + 8)])
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


async def test_a_command_waits_for_all_that_share_a_target_with_it(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        here.platform.drop = lambda command: command.act.comment == "first" and len(here.platform.got) == 1
        here.live()
        for act in (acknowledge(1, "first", 2, 3), on_alerts(AlertMove.COMMENT, 3, 4, comment="second"), acknowledge(4, "third"), acknowledge(9)):
            await here.act(act)
        await soon(lambda: len(here.platform.effects) == 1)
        assert here.platform.effects[0].targets == ("alert-9",)
        here.time.advance(5.1)
        await soon(lambda: here.outbox.unanswered == 0)
        assert [command.act.comment for command in here.platform.effects] == ["", "first", "second", "third"]


@given(st.lists(st.tuples(st.sets(st.integers(0, 6), min_size=1), st.booleans()), max_size=25), st.data())
def test_a_lane_lets_go_whom_nobody_stands_before(given_: list[tuple[set[int], bool]], data: st.DataObject) -> None:
    """Against the rule in its plainest words: nobody goes while an earlier unanswered one is about any target of theirs."""

    async def send(_command: Command) -> None:
        raise AssertionError

    lane = outbox_module._Lane()
    lane.live, lane.send = True, send
    out: list[CommandKey] = []
    for number, (targets, sent) in enumerate(given_):
        lane.add(command_about(on_alerts(AlertMove.COMMENT, *targets), number), sent=sent)
    while lane.items:
        standing = list(lane.items.values())
        free = [
            item.command.key
            for number, item in enumerate(standing)
            if not any(set(item.targets) & set(before.targets) for before in standing[:number]) and item.command.key not in out
        ]
        found = lane.next(window=3)
        assert (found.command.key if found is not None else None) == (free[0] if free and len(out) < 3 else None)
        happening = data.draw(st.sampled_from(["go", "answer", "rest", "rest all", "not journalled"]))
        if found is not None and (happening == "go" or not out):
            lane.hand_over(found)
            out.append(found.command.key)
        elif happening == "rest all":
            lane.rest_all()
            out.clear()
        elif out:
            item = lane.items[out.pop(data.draw(st.integers(0, len(out) - 1)))]
            if happening == "rest":
                lane.rest(item)
                continue
            lane.settle(item)
            (lane.unsettle if happening == "not journalled" else lane.remove)(item)
    assert not lane._queues._queues and not lane._out


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


def random_act(dice: random.Random, number: int) -> Act:
    """Something about a case, or about several alerts of which others may be about some too."""
    if dice.random() < 0.5:
        return move(Move.COMMENT, f"{number}", case=f"case-{number % 5}")
    return on_alerts(AlertMove.COMMENT, *dice.sample(range(8), dice.randint(1, 4)), comment=f"{number}")


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_a_link_does_each_effect_happens_once_and_in_order(data_dir: Path, soon: Soon, seed: int) -> None:
    """Commands and answers dropped, doubled and reordered, the link down and up, at random but the same each time."""
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
            await here.act(random_act(dice, number))
            here.live(state=dice.choice(states), since=number, reconnects=number // 7)
            if dice.random() < 0.3:
                dice.shuffle(late)
                while late:
                    here.outbox.answer(late.pop())
            here.time.advance(dice.random() * 4)
        platform.drop, platform.answer = lambda _command: False, here.outbox.answer
        here.live(since=1_000, reconnects=1_000)
        await soon(lambda: here.time.advance(1) or here.outbox.unanswered == 0)
        said = [int(command.act.comment) for command in platform.effects]
        assert len(said) == len(set(said)) == 40
        for target in {target for command in platform.effects for target in command.targets}:
            mine = [int(command.act.comment) for command in platform.effects if target in command.targets]
            assert mine == sorted(mine)
        assert [verb for verb, _ in rows(data_dir)].count("answer") == 40
        assert here.time.pending == 0
    assert verify(data_dir).ok


# --- what the clock did ------------------------------------------------------------------------------------------------------------


def clerk_of(here: Room, faults: list[DeckError]) -> Clerk:
    return Clerk(here.journal, here.session, now=here.time.millis, call_later=here.time, told=faults.append)


async def test_what_the_clock_did_is_in_the_journal(data_dir: Path) -> None:
    async with room(data_dir, None) as here:
        clerk = clerk_of(here, [])
        clerk.note("shelf_ended", "shelf-1", area=SHINAN, comment="30 min", title=Text("泵站", "Pumps"), detail="{}")
        assert clerk.waiting == 1 and rows(data_dir) == []
        await clerk.close()
        clerk.note("escalated", "alert-1")
        await clerk.close()
        (entry,) = here.desk.recent
        assert (entry.verb, entry.target, entry.area, entry.comment) == ("shelf_ended", "shelf-1", SHINAN, "30 min")
        assert (entry.title.en, entry.detail) == ("Pumps", "{}")
        assert (entry.actor, entry.role, entry.seat, entry.desk, entry.at) == (CLOCK, "", "duty", "desk-1", 1_000_000)
        assert verb_words(entry) == "brought back what was put aside, its time being over" and CLOCK_WORDS.items() <= VERB_WORDS.items()
    assert verify(data_dir).ok


async def test_a_storm_of_notes_is_written_in_batches_and_in_order(data_dir: Path, soon: Soon, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(data_dir) as here:
        batches: list[int] = []
        record_all = here.journal.record_all

        async def counted(items: Sequence[tuple[records.Entry, records.Post | None]]) -> list[AuditEntry]:
            batches.append(len(items))
            return await record_all(items)

        monkeypatch.setattr(here.journal, "record_all", counted)
        clerk = clerk_of(here, [])
        for number in range(BATCH + 5):
            clerk.note("suppressed", f"alert-{number}")
        assert batches == [], "noting waits for nothing"
        await soon(lambda: clerk.waiting == 0)
        clerk.note("unsuppressed", "alert-0")
        await soon(lambda: clerk.waiting == 0)
        assert batches == [BATCH, 5, 1]
        assert [target for _, target in rows(data_dir)] == [*(f"alert-{number}" for number in range(BATCH + 5)), "alert-0"]
        await clerk.close()


async def test_a_journal_that_fails_is_told_once_and_asked_again(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        faults: list[DeckError] = []
        clerk = clerk_of(here, faults)
        other = sqlite3.connect(data_dir / "journal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        clerk.note("flood_began", "1")
        await soon(lambda: here.time.pending == 1)
        clerk.note("flood_ended", "1")
        here.time.advance(5.1)
        await soon(lambda: here.time.pending == 1)
        assert len(faults) == 1 and clerk.fault is not None and clerk.waiting == 2
        other.execute("ROLLBACK")
        other.close()
        here.time.advance(5.1)
        await soon(lambda: clerk.waiting == 0)
        assert [verb for verb, _ in rows(data_dir)] == ["flood_began", "flood_ended"]
        assert clerk.fault is None and len(faults) == 1 and here.time.pending == 0
        await clerk.close()


async def test_closing_over_a_journal_that_fails_gives_up(data_dir: Path, soon: Soon) -> None:
    async with room(data_dir) as here:
        faults: list[DeckError] = []
        clerk = clerk_of(here, faults)
        other = sqlite3.connect(data_dir / "journal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        clerk.note("escalated", "alert-1")
        await soon(lambda: here.time.pending == 1)
        await clerk.close()
        assert len(faults) == 1 and clerk.waiting == 1 and here.time.pending == 0
        other.execute("ROLLBACK")
        other.close()


async def test_notes_that_had_no_room_are_counted(data_dir: Path) -> None:
    async with room(data_dir) as here:
        clerk = clerk_of(here, [])
        for number in range(MOST_WAITING + 7):
            clerk.note("suppressed", f"alert-{number}")
        assert clerk.waiting == MOST_WAITING
        await clerk.close()
        assert rows(data_dir)[-1][0] == "notes_lost" and here.desk.recent[-1].comment == "7" and len(rows(data_dir)) == MOST_WAITING + 1
