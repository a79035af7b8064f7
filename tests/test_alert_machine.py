"""The life of an alert, walked at random: its condition comes and goes, people act, shelves and rules put it aside, commands come twice. Whatever
came before, what is shown follows from what is so, every change stands in the table, and nothing is lost."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.domain import obey
from app.domain.alert import (
    ALERT_STATE_WORDS,
    ASIDE,
    MAX_STEPS,
    TRANSITIONS,
    UNSEEN,
    Acknowledgement,
    Alert,
    AlertMove,
    AlertState,
    AlertStep,
    Happening,
    advance_alert,
    shown_state,
    standing_state,
)
from app.domain.aside import MAX_OUT_MS, MAX_SHELVED_MS, How, Scope, Shelf
from app.domain.command import Act, Command, MoveAlerts, OpenCase, PutAside, TakeBack
from app.domain.errors import NotAllowed
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, SeriesId, ShelfId, SourceName
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text

PEOPLE = ("li", "wang")
MINUTE = 60_000
FRESH = Alert(
    id=AlertId("a"), kind=AlertKindId("k"), severity=Severity.MINOR, title=Text(en="a"), area=AreaCode("370202"), place=Text("隧道", "Tunnel"),
    series=SeriesId("level@370202"), source=SourceName("demo"), at=Millis(1),
)  # fmt: skip
COVERING = (
    Scope(alert=AlertId("a")),
    Scope(kind=AlertKindId("k")),
    Scope(area=AreaCode("370202"), kind=AlertKindId("k")),
    Scope(series=SeriesId("level@370202")),
    Scope(source=SourceName("demo"), place="隧道"),
)
OTHERS = (Scope(alert=AlertId("b")), Scope(area=AreaCode("370203")), Scope(kind=AlertKindId("k"), source=SourceName("cap")), Scope())
OF_MOVE = {AlertMove.ACKNOWLEDGE: Happening.ACKNOWLEDGE, AlertMove.UNACKNOWLEDGE: Happening.UNACKNOWLEDGE}


def ordered(act: Act, at: int, actor: str = "li", number: int = 1) -> Command:
    return Command(
        key=CommandKey(f"{number:032x}"),
        act=act,
        area=AreaCode("370202"),
        actor=actor,
        role=Role.DUTY_OFFICER,
        seat=Seat.DUTY,
        desk="d",
        at=Millis(at),
    )


def raised(alert: Alert, at: int) -> Alert:
    """What a source makes of a condition that holds again: an acknowledgement of what had cleared was for the last time."""
    return msgspec.structs.replace(alert, active=True, at=Millis(at), ended_at=None, acknowledged=None, version=alert.version + 1)


def returned(alert: Alert, at: int) -> Alert:
    return msgspec.structs.replace(alert, active=False, ended_at=Millis(at), version=alert.version + 1)


class AlertLife(RuleBasedStateMachine):
    """Any happening at any time: either it is refused and nothing changes, or every invariant holds after it. Beside the records stands a
    ledger of plain facts that knows nothing of them."""

    def __init__(self) -> None:
        super().__init__()
        self.alert = FRESH
        self.shelves: dict[ShelfId, Shelf] = {}
        self.suppressed = False
        self.now = 1_000
        self.given: list[Command] = []
        self.active = True
        self.seen_by: str | None = None
        self.owner = ""
        self.story: list[AlertStep] = []

    @property
    def aside(self) -> AlertState | None:
        """What it is put aside by now, the strongest."""
        found = [AlertState(s.how.value) for s in self.shelves.values() if s.holds(Millis(self.now)) and s.scope.covers(self.alert)]
        if self.suppressed:
            found.append(AlertState.SUPPRESSED)
        return max(found, key=ASIDE.index, default=None)

    @property
    def shown(self) -> AlertState:
        return shown_state(self.alert.state, self.aside)

    # --- the condition, and time -------------------------------------------------------------------------------------------------

    @rule(happening=st.sampled_from([Happening.RAISE, Happening.RETURN]))
    def condition(self, happening: Happening) -> None:
        after = TRANSITIONS.get((self.alert.state, happening))
        assert (after is None) is (self.alert.active is (happening is Happening.RAISE))
        if after is None:
            return
        if happening is Happening.RAISE:
            self.seen_by = None
        self.alert = (raised if happening is Happening.RAISE else returned)(self.alert, self.now)
        self.active = self.alert.active
        assert self.alert.state is after

    @rule(ms=st.sampled_from([0, 1, MINUTE, 30 * MINUTE, MAX_SHELVED_MS, MAX_OUT_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule()
    def a_rule_of_the_pack(self) -> None:
        self.suppressed = not self.suppressed

    # --- people ------------------------------------------------------------------------------------------------------------------

    @rule(move=st.sampled_from(AlertMove), actor=st.sampled_from(PEOPLE), comment=st.sampled_from(["", "pumps are on"]))
    def moved(self, move: AlertMove, actor: str, comment: str) -> None:
        self.now += 1
        self._do(self._ordered(MoveAlerts(move=move, alerts=(FRESH.id,), comment=comment), actor))

    @rule(actor=st.sampled_from(PEOPLE))
    def a_case_is_opened(self, actor: str) -> None:
        act = OpenCase(case=CaseId("c"), alerts=(FRESH.id,), kind=FRESH.kind, severity=FRESH.severity, title=FRESH.title, area=FRESH.area)
        self._do(self._ordered(act, actor))

    @rule(
        how=st.sampled_from(How),
        scope=st.sampled_from([*COVERING, *OTHERS]),
        ms=st.sampled_from([-1, 0, 1, 30 * MINUTE, MAX_SHELVED_MS, MAX_SHELVED_MS + 1, MAX_OUT_MS, MAX_OUT_MS + 1]),
        reason=st.sampled_from(["", " ", "the sensor is being changed"]),
    )
    def put_aside(self, how: How, scope: Scope, ms: int, reason: str) -> None:
        act = PutAside(shelf=ShelfId(f"s{len(self.given)}"), how=how, scope=scope, until=Millis(self.now + ms), comment=reason)
        self._do(self._ordered(act, "li"))

    @precondition(lambda self: self.shelves)
    @rule(data=st.data())
    def taken_back(self, data: st.DataObject) -> None:
        self._do(self._ordered(TakeBack(shelf=data.draw(st.sampled_from(sorted(self.shelves)))), "wang"))

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def a_command_comes_again(self, data: st.DataObject) -> None:
        before = self.alert, dict(self.shelves), self.shown
        command = data.draw(st.sampled_from(self.given))
        if isinstance(command.act, OpenCase):
            assert obey.attach(self.alert, command) is self.alert
        else:
            with pytest.raises(NotAllowed):
                self._obey(command)
        assert before == (self.alert, self.shelves, self.shown)

    # --- what holds whatever happens -----------------------------------------------------------------------------------------------

    @invariant()
    def what_is_shown_follows_from_what_is_so(self) -> None:
        standing = standing_state(active=self.active, acknowledged=self.seen_by is not None)
        assert self.alert.state is standing
        assert self.shown is shown_state(standing, self.aside)
        assert self.shown in ((standing,) if self.aside is None or standing is AlertState.CLEARED else (self.aside,))

    @invariant()
    def an_acknowledgement_is_neither_lost_nor_invented(self) -> None:
        mark = self.alert.acknowledged
        assert (mark.by if mark is not None else None) == self.seen_by
        assert (self.shown in UNSEEN) is (self.seen_by is None and self.aside is None)

    @invariant()
    def the_history_is_whole(self) -> None:
        assert list(self.alert.steps) == self.story[-MAX_STEPS:]
        assert self.alert.owner == self.owner

    @invariant()
    def a_shelf_always_ends(self) -> None:
        for shelf in self.shelves.values():
            longest = MAX_SHELVED_MS if shelf.how is How.SHELVED else MAX_OUT_MS
            assert shelf.at < shelf.until <= shelf.at + longest and not shelf.holds(shelf.until) and shelf.reason.strip()
            assert shelf.ended_at is None or (shelf.ended_by and not shelf.holds(Millis(self.now)))

    def teardown(self) -> None:
        """When every shelf and rule has ended, the alert is where people and its condition left it."""
        self.suppressed = False
        self.now += MAX_OUT_MS
        assert self.aside is None and self.shown is self.alert.state

    # --- inside --------------------------------------------------------------------------------------------------------------------

    def _ordered(self, act: Act, actor: str) -> Command:
        return ordered(act, self.now, actor, len(self.given) + 1)

    def _do(self, command: Command) -> None:
        before, frozen = self.alert, msgspec.json.encode((self.alert, list(self.shelves.values())))
        try:
            self._obey(command)
        except NotAllowed:
            assert frozen == msgspec.json.encode((self.alert, list(self.shelves.values())))
            assert not self._fits(before, command)
            return
        assert msgspec.json.encode(before) == msgspec.json.encode(msgspec.json.decode(frozen, type=tuple[Alert, list[Shelf]])[0])
        self.given.append(command)
        self._keep_account(before, command)

    def _obey(self, command: Command) -> None:
        act = command.act
        if isinstance(act, MoveAlerts):
            self.alert = obey.move_alert(self.alert, command)
        elif isinstance(act, OpenCase):
            self.alert = obey.attach(self.alert, command)
        elif isinstance(act, PutAside):
            self.shelves[act.shelf] = obey.shelve(self.shelves.get(act.shelf), command)
        elif isinstance(act, TakeBack):
            self.shelves[act.shelf] = obey.unshelve(self.shelves.get(act.shelf), command)

    def _fits(self, alert: Alert, command: Command) -> bool:
        """Whether a command that was refused should have been obeyed, said in other words than the domain's."""
        act = command.act
        if isinstance(act, MoveAlerts):
            return {
                AlertMove.ACKNOWLEDGE: self.seen_by is None,
                AlertMove.UNACKNOWLEDGE: self.seen_by is not None and alert.case is None,
                AlertMove.COMMENT: True,
                AlertMove.TAKE: self.owner != command.actor,
                AlertMove.RELEASE: bool(self.owner),
            }[act.move]
        if isinstance(act, PutAside):
            longest = {How.SHELVED: MAX_SHELVED_MS, How.OUT_OF_SERVICE: MAX_OUT_MS}[act.how]
            return 0 < act.until - command.at <= longest and bool(act.comment.strip()) and act.scope != Scope()
        return isinstance(act, TakeBack) and self.shelves[act.shelf].holds(command.at)

    def _keep_account(self, before: Alert, command: Command) -> None:
        act = command.act
        if isinstance(act, OpenCase):
            assert self.alert.case == (before.case or act.case)
            if before.case is None:
                self.seen_by = self.seen_by or command.actor
        elif isinstance(act, MoveAlerts):
            self.story.append(AlertStep(move=act.move, at=command.at, actor=command.actor, comment=act.comment))
            happening = OF_MOVE.get(act.move)
            assert self.alert.state is (before.state if happening is None else TRANSITIONS[before.state, happening])
            assert self.alert.version == before.version + 1 and self.alert.active is before.active
            if act.move is AlertMove.ACKNOWLEDGE:
                self.seen_by = command.actor
            elif act.move is AlertMove.UNACKNOWLEDGE:
                self.seen_by = None
            elif act.move in (AlertMove.TAKE, AlertMove.RELEASE):
                self.owner = command.actor if act.move is AlertMove.TAKE else ""
        else:
            assert self.alert is before


AlertLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_an_alert_on_any_way_through_its_life = AlertLife.TestCase


# --- the table and the words -------------------------------------------------------------------------------------------------------


@given(st.booleans(), st.booleans())
def test_an_alerts_state_follows_from_two_facts(active: bool, seen: bool) -> None:
    alert = msgspec.structs.replace(FRESH, active=active, acknowledged=Acknowledgement("li", Millis(2)) if seen else None)
    table = {
        (True, False): AlertState.UNACKNOWLEDGED,
        (True, True): AlertState.ACKNOWLEDGED,
        (False, False): AlertState.RETURNED,
        (False, True): AlertState.CLEARED,
    }
    assert alert.state is table[active, seen] is standing_state(active=active, acknowledged=seen)
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


def test_the_table_is_the_machine_of_the_two_facts() -> None:
    """Every happening changes one fact; a pair that would change nothing is not in the table."""
    facts = {standing_state(active=a, acknowledged=k): (a, k) for a in (True, False) for k in (True, False)}
    expected: dict[tuple[AlertState, Happening], AlertState] = {}
    for state, (active, seen) in facts.items():
        if active:
            expected[state, Happening.RETURN] = standing_state(active=False, acknowledged=seen)
        else:
            expected[state, Happening.RAISE] = AlertState.UNACKNOWLEDGED
        happening = Happening.UNACKNOWLEDGE if seen else Happening.ACKNOWLEDGE
        expected[state, happening] = standing_state(active=active, acknowledged=not seen)
    assert expected == TRANSITIONS


def test_every_state_has_its_words_and_its_way_of_being_put_aside() -> None:
    assert set(ALERT_STATE_WORDS) == set(AlertState)
    assert {AlertState(how.value) for how in How} < set(ASIDE)
    assert set(ASIDE).isdisjoint({state for state, _ in TRANSITIONS})


def test_a_long_history_keeps_its_newest_lines() -> None:
    alert = FRESH
    for number in range(MAX_STEPS + 50):
        alert = advance_alert(alert, AlertStep(move=AlertMove.COMMENT, at=Millis(number), actor="li", comment=f"{number}"))
    assert [step.at for step in alert.steps] == list(range(50, MAX_STEPS + 50)) and alert.version == MAX_STEPS + 51


def test_an_old_acknowledgement_does_not_count_for_a_new_raise() -> None:
    """It was obeyed, the alert cleared and came back, and now the command arrives once more."""
    command = ordered(MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(FRESH.id,)), at=5)
    again = raised(returned(obey.move_alert(FRESH, command), 6), 7)
    with pytest.raises(NotAllowed, match="done already"):
        obey.move_alert(again, command)
    assert again.state is AlertState.UNACKNOWLEDGED


@pytest.mark.parametrize("scope", COVERING)
def test_a_scope_means_all_that_it_names(scope: Scope) -> None:
    assert scope.covers(FRESH) and not scope.empty
    elsewhere = Alert(
        id=AlertId("b"),
        kind=AlertKindId("j"),
        severity=Severity.MINOR,
        title=Text(en="b"),
        area=AreaCode("370203"),
        at=Millis(1),
        source=SourceName("cap"),
    )
    assert not scope.covers(elsewhere)
    assert msgspec.json.decode(msgspec.json.encode(scope), type=Scope) == scope


@pytest.mark.parametrize("scope", OTHERS)
def test_a_scope_means_nothing_else(scope: Scope) -> None:
    assert not scope.covers(FRESH)
