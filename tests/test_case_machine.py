"""The life of a case, walked at random: what must hold in every state, whatever came before."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.domain.case import ENDED, TRANSITIONS, Assignment, Case, CaseStep, Move, Stage, UnitTask, advance, allowed
from app.domain.errors import NotAllowed
from app.domain.ids import AlertKindId, AreaCode, CaseId, Millis, UnitId
from app.domain.severity import Severity
from app.domain.text import Text

UNITS = [UnitId(name) for name in ("u1", "u2", "u3")]
AT_WORK = (UnitTask.SENT, UnitTask.ON_SCENE)
WITH_UNIT = (Move.DISPATCH, Move.RECALL, Move.ARRIVE, Move.REPORT)


def reported(version: int = 1) -> Case:
    return Case(
        id=CaseId("c"), title=Text(en="c"), kind=AlertKindId("k"), severity=Severity.MINOR, area=AreaCode("370202"),
        opened_at=Millis(0), stage_at=Millis(0), version=version,
    )  # fmt: skip


def after(*moves: tuple[Move, UnitId | None] | Move, case: Case | None = None) -> Case:
    """The case after these moves, one ms apart."""
    case = case or reported()
    for move in moves:
        kind, unit = move if isinstance(move, tuple) else (move, None)
        case = advance(case, CaseStep(move=kind, at=Millis(case.version * 10), actor="x", unit=unit))
    return case


class CaseLife(RuleBasedStateMachine):
    """Any move at any time, with clocks that run apart: either it is refused and nothing changes, or every invariant holds after it."""

    def __init__(self) -> None:
        super().__init__()
        self.case = reported()
        self.clock = 0

    @initialize(version=st.integers(1, 1_000))
    def begin(self, version: int) -> None:
        self.case = reported(version)

    @rule(move=st.sampled_from(Move), unit=st.none() | st.sampled_from(UNITS), step_ms=st.integers(-5_000, 60_000))
    def anything(self, move: Move, unit: UnitId | None, step_ms: int) -> None:
        self._step(move, unit, step_ms)

    @precondition(lambda self: any(a.task in AT_WORK for a in self.case.units))
    @rule(data=st.data(), move=st.sampled_from([Move.ARRIVE, Move.REPORT, Move.RECALL]))
    def something_of_a_unit_at_work(self, data: st.DataObject, move: Move) -> None:
        self._step(move, data.draw(st.sampled_from([a.unit for a in self.case.units if a.task in AT_WORK])), 1_000)

    @precondition(lambda self: not self.case.ended)
    @rule(data=st.data())
    def something_that_the_stage_allows(self, data: st.DataObject) -> None:
        move = data.draw(st.sampled_from([move for move in Move if allowed(self.case, move) and move not in (Move.VOID, Move.REJECT)]))
        self._step(move, data.draw(st.sampled_from(UNITS)), 1_000)

    @precondition(lambda self: self.case.stage is Stage.VERIFIED)
    @rule()
    def there_and_back_again(self) -> None:
        self._step(Move.CLOSE, None, 1)
        self._step(Move.REOPEN, None, 1)

    def _step(self, move: Move, unit: UnitId | None, step_ms: int) -> None:
        self.clock = max(0, self.clock + step_ms)
        before, frozen = self.case, msgspec.json.encode(self.case)
        step = CaseStep(move=move, at=Millis(self.clock), actor="x", unit=unit)
        try:
            now = advance(before, step)
        except NotAllowed:
            assert msgspec.json.encode(before) == frozen
            return
        assert msgspec.json.encode(before) == frozen
        assert allowed(before, move)
        assert now.version == before.version + 1
        assert now.steps == (*before.steps, step)
        assert now.stage_at >= before.stage_at
        assert now.stage is not before.stage or (now.stage_at, now.due_at) == (before.stage_at, before.due_at)
        assert now.stage is before.stage or now.due_at is None
        if before.ended:
            assert move in (Move.REOPEN, Move.COMMENT, Move.EVALUATE)
        if move in (Move.COMMENT, Move.VERIFY, Move.CLOSE, Move.REOPEN, Move.EVALUATE, Move.REJECT, Move.FILE, Move.VOID):
            assert now.units == before.units
        if move is Move.COMMENT:
            assert now.stage is before.stage
        if move in WITH_UNIT:
            changed = {a.unit for a in now.units} ^ {a.unit for a in before.units} | {a.unit for a, b in _pairs(before, now) if a != b}
            assert changed == {unit}
        self.case = now

    @invariant()
    def a_unit_is_on_a_case_once(self) -> None:
        units = [a.unit for a in self.case.units]
        assert len(units) == len(set(units))

    @invariant()
    def the_stage_says_what_the_units_are_at(self) -> None:
        if self.case.stage is Stage.VOID:
            return
        tasks = {a.task for a in self.case.units}
        expected = Stage.HANDLING if UnitTask.ON_SCENE in tasks else Stage.DISPATCHED if UnitTask.SENT in tasks else None
        if expected is None:
            assert self.case.stage not in (Stage.HANDLING, Stage.DISPATCHED)
        else:
            assert self.case.stage is expected

    @invariant()
    def feedback_has_somebody_behind_it(self) -> None:
        if self.case.stage in (Stage.FEEDBACK, Stage.VERIFIED):
            assert any(a.task is UnitTask.DONE for a in self.case.units)

    @invariant()
    def ended_means_ended(self) -> None:
        assert self.case.ended is (self.case.stage in ENDED)


def _pairs(before: Case, now: Case) -> list[tuple[Assignment, Assignment]]:
    old = {a.unit: a for a in before.units}
    return [(a, old[a.unit]) for a in now.units if a.unit in old]


CaseLife.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_a_case_on_any_way_through_its_life = CaseLife.TestCase


def test_every_move_has_its_place_in_the_table() -> None:
    assert set(TRANSITIONS) == set(Move)


@pytest.mark.parametrize("stage", sorted(ENDED))
def test_an_ended_case_admits_nothing_but_going_back_and_remarks(stage: Stage) -> None:
    case = msgspec.structs.replace(reported(), stage=stage)
    assert {move for move in Move if allowed(case, move)} <= {Move.REOPEN, Move.COMMENT, Move.EVALUATE}


def test_reopening_cancels_the_old_time_limit() -> None:
    case = msgspec.structs.replace(reported(), stage=Stage.CLOSED, due_at=Millis(99))
    assert after(Move.REOPEN, case=case).due_at is None


def test_feedback_only_when_the_last_unit_has_reported() -> None:
    one, two = UNITS[:2]
    case = after(Move.FILE, (Move.DISPATCH, one), (Move.DISPATCH, two), (Move.ARRIVE, one), (Move.ARRIVE, two), (Move.REPORT, one))
    assert case.stage is Stage.HANDLING
    assert after((Move.REPORT, two), case=case).stage is Stage.FEEDBACK
    assert after((Move.RECALL, two), case=case).stage is Stage.FEEDBACK


def test_a_reopened_case_has_no_unit_at_work() -> None:
    one, two = UNITS[:2]
    case = after(Move.FILE, (Move.DISPATCH, one), (Move.ARRIVE, one), (Move.REPORT, one), Move.VERIFY, Move.CLOSE, Move.REOPEN, (Move.DISPATCH, two))
    assert case.stage is Stage.DISPATCHED
    assert after((Move.RECALL, two), case=case).stage is Stage.FILED


def test_rework_is_for_those_of_this_round() -> None:
    """A unit that finished before the case was closed and reopened is somewhere else by now."""
    one, two = UNITS[:2]
    first = after(Move.FILE, (Move.DISPATCH, one), (Move.ARRIVE, one), (Move.REPORT, one), Move.VERIFY, Move.CLOSE, Move.REOPEN)
    case = after((Move.DISPATCH, two), (Move.ARRIVE, two), (Move.REPORT, two), Move.REWORK, case=first)
    assert {a.unit: a.task for a in case.units} == {one: UnitTask.DONE, two: UnitTask.ON_SCENE}


@pytest.mark.parametrize("task", UnitTask)
def test_who_may_be_dispatched_again(task: UnitTask) -> None:
    one = UNITS[0]
    ways: dict[UnitTask, list[tuple[Move, UnitId | None] | Move]] = {
        UnitTask.SENT: [Move.FILE, (Move.DISPATCH, one)],
        UnitTask.ON_SCENE: [Move.FILE, (Move.DISPATCH, one), (Move.ARRIVE, one)],
        UnitTask.DONE: [Move.FILE, (Move.DISPATCH, one), (Move.ARRIVE, one), (Move.REPORT, one)],
        UnitTask.RECALLED: [Move.FILE, (Move.DISPATCH, one), (Move.RECALL, one)],
    }
    case = after(*ways[task])
    if task in AT_WORK:
        with pytest.raises(NotAllowed, match="already on the case"):
            after((Move.DISPATCH, one), case=case)
    else:
        again = after((Move.DISPATCH, one), case=case)
        assert [(a.unit, a.task) for a in again.units] == [(one, UnitTask.SENT)] and again.stage is Stage.DISPATCHED


@pytest.mark.parametrize("move", WITH_UNIT)
def test_a_units_move_names_its_unit(move: Move) -> None:
    case = after(Move.FILE, (Move.DISPATCH, UNITS[0]), (Move.ARRIVE, UNITS[0]))
    with pytest.raises(NotAllowed, match="No unit was named"):
        after(move, case=case)
