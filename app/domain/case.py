"""A case (案卷): one incident on its way through the seven links, from filing to evaluation.

The whole life of a case is this one explicit state machine. The platform and every desk use the same function `advance`,
so that a desk can show at once what its own unconfirmed commands will bring about.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.errors import NotAllowed
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, Millis, UnitId
from app.domain.severity import Severity
from app.domain.text import N_, Text


class Stage(StrEnum):
    """Where a case stands (数字化城管 7 环节; 核查 and 结案 are two states of one link)."""

    REPORTED = "reported"
    FILED = "filed"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    FEEDBACK = "feedback"
    VERIFIED = "verified"
    CLOSED = "closed"
    EVALUATED = "evaluated"
    REJECTED = "rejected"
    VOID = "void"


STAGE_WORDS: dict[Stage, str] = {
    Stage.REPORTED: N_("reported"),
    Stage.FILED: N_("filed"),
    Stage.DISPATCHED: N_("dispatched"),
    Stage.HANDLING: N_("handling"),
    Stage.FEEDBACK: N_("feedback"),
    Stage.VERIFIED: N_("verified"),
    Stage.CLOSED: N_("closed"),
    Stage.EVALUATED: N_("evaluated"),
    Stage.REJECTED: N_("rejected"),
    Stage.VOID: N_("void"),
}

ENDED = frozenset({Stage.CLOSED, Stage.EVALUATED, Stage.REJECTED, Stage.VOID})
"""Stages in which nobody needs to do anything more about the case."""


class Move(StrEnum):
    """What can happen to a case."""

    FILE = "file"
    REJECT = "reject"
    DISPATCH = "dispatch"
    RECALL = "recall"
    ARRIVE = "arrive"
    REPORT = "report"
    REWORK = "rework"
    VERIFY = "verify"
    CLOSE = "close"
    REOPEN = "reopen"
    EVALUATE = "evaluate"
    VOID = "void"
    COMMENT = "comment"


MOVE_WORDS: dict[Move, str] = {
    Move.FILE: N_("filed the case"),
    Move.REJECT: N_("rejected the case"),
    Move.DISPATCH: N_("dispatched a unit"),
    Move.RECALL: N_("recalled a unit"),
    Move.ARRIVE: N_("unit arrived"),
    Move.REPORT: N_("unit reported the result"),
    Move.REWORK: N_("sent it back for rework"),
    Move.VERIFY: N_("verified the result"),
    Move.CLOSE: N_("closed the case"),
    Move.REOPEN: N_("reopened the case"),
    Move.EVALUATE: N_("evaluated the case"),
    Move.VOID: N_("voided the case"),
    Move.COMMENT: N_("commented"),
}

_OPEN = frozenset({Stage.REPORTED, Stage.FILED, Stage.DISPATCHED, Stage.HANDLING, Stage.FEEDBACK, Stage.VERIFIED})
_WORKING = frozenset({Stage.FILED, Stage.DISPATCHED, Stage.HANDLING, Stage.FEEDBACK})

TRANSITIONS: dict[Move, tuple[frozenset[Stage], Stage | None]] = {
    Move.FILE: (frozenset({Stage.REPORTED}), Stage.FILED),
    Move.REJECT: (frozenset({Stage.REPORTED}), Stage.REJECTED),
    Move.DISPATCH: (_WORKING, None),
    Move.RECALL: (frozenset({Stage.DISPATCHED, Stage.HANDLING}), None),
    Move.ARRIVE: (frozenset({Stage.DISPATCHED, Stage.HANDLING}), None),
    Move.REPORT: (frozenset({Stage.HANDLING}), None),
    Move.REWORK: (frozenset({Stage.FEEDBACK, Stage.VERIFIED}), Stage.HANDLING),
    Move.VERIFY: (frozenset({Stage.FEEDBACK}), Stage.VERIFIED),
    Move.CLOSE: (frozenset({Stage.VERIFIED}), Stage.CLOSED),
    Move.REOPEN: (frozenset({Stage.CLOSED, Stage.EVALUATED}), Stage.FILED),
    Move.EVALUATE: (frozenset({Stage.CLOSED}), Stage.EVALUATED),
    Move.VOID: (_OPEN, Stage.VOID),
    Move.COMMENT: (frozenset(Stage), None),
}
"""Move → (stages it may start from, stage it leads to; None: stays, or follows from what its units are at)."""

_OF_UNITS = frozenset({Move.DISPATCH, Move.RECALL, Move.ARRIVE, Move.REPORT})


class UnitTask(StrEnum):
    """What a unit's part in a case has come to."""

    SENT = "sent"
    ON_SCENE = "on_scene"
    DONE = "done"
    RECALLED = "recalled"


class Assignment(msgspec.Struct, frozen=True):
    """One unit's part in a case."""

    unit: UnitId
    task: UnitTask
    sent_at: Millis
    at: Millis
    """When `task` last changed."""


class CaseStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a case: a line of its history."""

    move: Move
    at: Millis
    actor: str
    comment: str = ""
    unit: UnitId | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The newest state of one case, with its history."""

    id: CaseId
    number: str = ""
    """The platform's running number; empty until the platform has confirmed the case."""
    title: Text
    kind: AlertKindId
    severity: Severity
    area: AreaCode
    place: Text = Text()
    position: Position | None = None
    stage: Stage = Stage.REPORTED
    alerts: tuple[AlertId, ...] = ()
    units: tuple[Assignment, ...] = ()
    opened_at: Millis
    stage_at: Millis
    """When it entered its stage."""
    due_at: Millis | None = None
    """When the stage must be left, by the pack's time limits."""
    steps: tuple[CaseStep, ...] = ()
    version: int = 1

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be done about it."""
        return self.stage in ENDED

    def overdue(self, now: Millis) -> bool:
        """Whether it should have left its stage by `now`."""
        return not self.ended and self.due_at is not None and now > self.due_at


def allowed(case: Case, move: Move) -> bool:
    """Whether `move` may start from the case's stage (units are checked by `advance`)."""
    return case.stage in TRANSITIONS[move][0]


def advance(case: Case, step: CaseStep) -> Case:
    """The case after `step`, one version on. Raises NotAllowed, and then nothing has changed."""
    starts, target = TRANSITIONS[step.move]
    if case.stage not in starts:
        raise NotAllowed(
            N_("This step is not possible at the case's present stage."),
            where=f"{_called(case)}: {step.move.value}, {case.stage.value}",
            remedy=N_("Look at the case again, then decide."),
        )
    units = _assignments_after(case, step)
    stage = _stage_of_work(units, (*case.steps, step)) if step.move in _OF_UNITS else target or case.stage
    return msgspec.structs.replace(
        case,
        stage=stage,
        # Units' clocks differ: a step must not seem to have come before the one it follows.
        stage_at=case.stage_at if stage is case.stage else max(case.stage_at, step.at),
        due_at=case.due_at if stage is case.stage else None,
        units=units,
        steps=(*case.steps, step),
        version=case.version + 1,
    )


def _stage_of_work(units: tuple[Assignment, ...], steps: tuple[CaseStep, ...]) -> Stage:
    """Where a case stands by what its units are at: there is feedback only when nobody is on the way or at work any more."""
    tasks = {assignment.task for assignment in units}
    if UnitTask.ON_SCENE in tasks:
        return Stage.HANDLING
    if UnitTask.SENT in tasks:
        return Stage.DISPATCHED
    reported = _reported(steps)
    return Stage.FEEDBACK if any(a.task is UnitTask.DONE and a.unit in reported for a in units) else Stage.FILED


def _reported(steps: tuple[CaseStep, ...]) -> frozenset[UnitId]:
    """Units that have reported since the case was last reopened: what they did before that is history."""
    found: set[UnitId] = set()
    for step in reversed(steps):
        if step.move is Move.REOPEN:
            break
        if step.move is Move.REPORT and step.unit is not None:
            found.add(step.unit)
    return frozenset(found)


def _called(case: Case) -> str:
    return case.number or case.id


def _assignments_after(case: Case, step: CaseStep) -> tuple[Assignment, ...]:
    """What the units' parts are after `step`."""
    if step.move is Move.REWORK:
        return _set_to_work_again(case, step.at)
    if step.move not in _OF_UNITS:
        return case.units
    if step.unit is None:
        raise NotAllowed(N_("No unit was named."), where=_called(case), remedy=N_("Choose a unit."))
    mine = next((a for a in case.units if a.unit == step.unit and a.task is not UnitTask.RECALLED), None)
    if step.move is Move.DISPATCH:
        if mine is not None and mine.task is not UnitTask.DONE:
            raise NotAllowed(
                N_("This unit is already on the case."), where=f"{case.number or case.id}: {step.unit}", remedy=N_("Choose another unit.")
            )
        others = tuple(a for a in case.units if a.unit != step.unit)
        return (*others, Assignment(step.unit, UnitTask.SENT, step.at, step.at))
    expected = {Move.RECALL: (UnitTask.SENT, UnitTask.ON_SCENE), Move.ARRIVE: (UnitTask.SENT,), Move.REPORT: (UnitTask.ON_SCENE,)}[step.move]
    if mine is None or mine.task not in expected:
        raise NotAllowed(
            N_("The unit's part in the case does not allow this."),
            where=f"{case.number or case.id}: {step.unit}, {step.move.value}",
            remedy=N_("Look at the units of the case."),
        )
    after = {Move.RECALL: UnitTask.RECALLED, Move.ARRIVE: UnitTask.ON_SCENE, Move.REPORT: UnitTask.DONE}[step.move]
    return tuple(msgspec.structs.replace(a, task=after, at=step.at) if a is mine else a for a in case.units)


def _set_to_work_again(case: Case, at: Millis) -> tuple[Assignment, ...]:
    """Rework is for those whose result was sent back. A platform may leave old steps out; then it is for everybody who has finished."""
    mine = _reported(case.steps) or frozenset(a.unit for a in case.units)
    return tuple(msgspec.structs.replace(a, task=UnitTask.ON_SCENE, at=at) if a.task is UnitTask.DONE and a.unit in mine else a for a in case.units)
