"""What a command does to the record it is about: pure functions, the same on the desk (what it shows meanwhile) and on a platform."""

from __future__ import annotations

import msgspec

from app.domain.alert import Acknowledgement, Alert, AlertStep, advance_alert
from app.domain.aside import Shelf, put_aside, take_back
from app.domain.case import Case, CaseStep, Move, Stage, advance
from app.domain.command import Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import NotAllowed
from app.domain.text import N_

UNVERSIONED = frozenset({Move.COMMENT})
"""Moves that cannot clash with anybody's: they do not need to have seen the newest version."""


def move_alert(alert: Alert, command: Command) -> Alert:
    """The alert after what a person did to it. Raises NotAllowed where it does not fit."""
    act = command.act
    if not isinstance(act, MoveAlerts):
        raise TypeError(command.verb)
    return advance_alert(alert, AlertStep(move=act.move, at=command.at, actor=command.actor, comment=act.comment))


def shelve(existing: Shelf | None, command: Command) -> Shelf:
    """The shelf that `command` puts up. Raises NotAllowed."""
    act = command.act
    if not isinstance(act, PutAside):
        raise TypeError(command.verb)
    fresh = Shelf(id=act.shelf, how=act.how, scope=act.scope, by=command.actor, at=command.at, until=act.until, reason=act.comment)
    return put_aside(existing, fresh)


def unshelve(existing: Shelf | None, command: Command) -> Shelf:
    """The shelf, ended. Raises NotAllowed."""
    if not isinstance(command.act, TakeBack):
        raise TypeError(command.verb)
    return take_back(existing, command.actor, command.at)


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
