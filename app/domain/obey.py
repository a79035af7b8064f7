"""What a command does to the record it is about: pure functions, the same on the desk (what it shows meanwhile) and on a platform."""

from __future__ import annotations

import msgspec

from app.domain.alert import Acknowledgement, Alert
from app.domain.case import Case, CaseStep, Move, NotAllowed, Stage, advance
from app.domain.command import AcknowledgeAlert, Command, MoveCase, OpenCase
from app.domain.text import N_

UNVERSIONED = frozenset({Move.COMMENT})
"""Moves that cannot clash with anybody's: they do not need to have seen the newest version."""


def acknowledge(alert: Alert, command: Command) -> Alert:
    """The alert, acknowledged. Raises NotAllowed where somebody already did."""
    if not isinstance(command.act, AcknowledgeAlert):
        raise TypeError(command.verb)
    if alert.acknowledged is not None:
        raise NotAllowed(N_("Somebody else has acknowledged it already."), where=alert.acknowledged.by)
    mark = Acknowledgement(command.actor, command.at, command.act.comment)
    return msgspec.structs.replace(alert, acknowledged=mark, version=alert.version + 1)


def attach(alert: Alert, command: Command) -> Alert:
    """The alert with the case that `command` opened from it; as it was where it already belongs to one. Filing a case from an
    unacknowledged alert acknowledges it: who files it has seen it."""
    if not isinstance(command.act, OpenCase):
        raise TypeError(command.verb)
    if alert.case is not None:
        return alert
    seen = alert.acknowledged or Acknowledgement(command.actor, command.at, command.act.comment)
    return msgspec.structs.replace(alert, case=command.act.case, acknowledged=seen, version=alert.version + 1)


def open_case(existing: Case | None, command: Command) -> Case:
    """The case that `command` files. Raises NotAllowed where it exists."""
    act = command.act
    if not isinstance(act, OpenCase):
        raise TypeError(command.verb)
    if existing is not None:
        raise NotAllowed(N_("This case exists already."), where=act.case)
    return Case(
        id=act.case,
        title=act.title,
        kind=act.kind,
        severity=act.severity,
        area=act.area,
        place=act.place,
        position=act.position,
        stage=Stage.FILED,
        alerts=act.alerts,
        opened_at=command.at,
        stage_at=command.at,
        steps=(CaseStep(move=Move.FILE, at=command.at, actor=command.actor, comment=act.comment),),
    )


def move(case: Case, command: Command) -> Case:
    """The case one step on. Raises NotAllowed where the command saw another version, or the step does not fit."""
    act = command.act
    if not isinstance(act, MoveCase):
        raise TypeError(command.verb)
    step = CaseStep(move=act.move, at=command.at, actor=command.actor, comment=act.comment, unit=act.unit)
    if act.move in UNVERSIONED:
        if step in case.steps:
            raise NotAllowed(N_("This has been done already."), where=case.number or case.id)
    elif command.seen != case.version:
        raise NotAllowed(N_("The case has changed meanwhile."), where=case.number or case.id, remedy=N_("Look at the case again, then decide."))
    return advance(case, step)
