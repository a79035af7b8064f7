"""The cases that are there when the demo city starts, in every stage and with their histories. Made by the shared state machine, step by step."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from app.domain.alert import Acknowledgement, Alert, AlertMove, AlertStep, advance_alert
from app.domain.case import ENDED, Case, CaseStep, Move, Stage, UnitTask, advance
from app.domain.city import AlertKind
from app.domain.ids import CaseId, Millis, UnitId
from datasources.demo.affairs import EVALUATION, Affairs, with_due
from datasources.demo.missions import Missions
from datasources.demo.officers import NAMES, Officers
from datasources.demo.register import Register

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.citypack import CityPack

_WAY = (Move.FILE, Move.DISPATCH, Move.ARRIVE, Move.REPORT, Move.VERIFY, Move.CLOSE, Move.EVALUATE)
_PLANNED: tuple[tuple[int, bool], ...] = (
    (0, False),
    (1, True),
    (1, False),
    (2, True),
    (2, False),
    (3, True),
    (3, False),
    (4, True),
    (4, False),
    (5, False),
    (6, False),
    (7, False),
    (7, False),
    (7, False),
)
"""How many steps of the way each case has behind it, and whether other officers see it through."""
_WITH_CASE = 5
_ACKNOWLEDGED = 3
"""Standing alerts that somebody has only acknowledged."""


def open_books(
    pack: CityPack,
    register: Register,
    affairs: Affairs,
    missions: Missions,
    officers: Officers,
    standing: list[Alert],
    rng: random.Random,
    next_case: Callable[[], CaseId],
    now: int,
) -> None:
    """Enter the cases of the last hours into the register and set their units to work."""
    if not pack.alert_kinds:
        return
    order = sorted(standing, key=lambda alert: alert.at)
    waiting = order[:_WITH_CASE]
    for steps, tended in _PLANNED:
        alert = waiting.pop() if waiting and 0 < steps < 6 else None
        case = _case(pack, alert, rng, next_case(), now, steps)
        case = _played(case, steps, officers, rng)
        number = affairs.number(now)
        case = with_due(msgspec.structs.replace(case, number=number), max(case.stage_at, now - 40_000))
        register.put_case(case)
        if alert is not None:
            mark = Acknowledgement(case.steps[0].actor, Millis(case.opened_at))
            register.put_alert(msgspec.structs.replace(register.alerts[alert.id], case=case.id, acknowledged=mark, version=alert.version + 1))
        _set_to_work(case, missions, now)
        if tended:
            officers.tend(case.id, now)
        if case.stage is Stage.CLOSED:
            affairs.plan_evaluation(case, now)
    for alert in [a for a in order if register.alerts[a.id].acknowledged is None][:_ACKNOWLEDGED]:
        who, at = rng.choice(NAMES), Millis(rng.randrange(alert.at, now))
        step = AlertStep(move=AlertMove.ACKNOWLEDGE, at=at, actor=who, comment="已知悉,正在核实")
        register.put_alert(advance_alert(alert, step))


def _case(pack: CityPack, alert: Alert | None, rng: random.Random, case: CaseId, now: int, steps: int) -> Case:
    if alert is not None:
        opened = min(now - 20_000, alert.at + rng.randrange(10_000, 60_000))
        return _reported(case, pack.alert_kinds[alert.kind], alert, opened)
    kinds = [kind for kind in pack.alert_kinds.values() if "{" not in kind.title.zh.replace("{place}", "")] or list(pack.alert_kinds.values())
    kind = rng.choice(kinds)
    places = [p for p in pack.places if not kind.place_kinds or set(kind.place_kinds) & set(p.kinds)] or list(pack.places)
    opened = now - (rng.randrange(20_000, 80_000) if not steps else rng.randrange(1_200_000, 9_000_000))
    place = rng.choice(places) if places else None
    fields = {"value": "", "limit": "", "unit": ""}
    zh, en = (place.name.zh, place.name.en) if place else (pack.name.zh, pack.name.en)
    title = msgspec.structs.replace(kind.title, zh=kind.title.zh.format(place=zh, **fields), en=kind.title.en.format(place=en, **fields))
    return Case(
        id=case,
        title=title,
        kind=kind.id,
        severity=kind.severity,
        area=place.area if place else pack.root,
        place=place.name if place else pack.name,
        position=place.position if place else None,
        opened_at=Millis(opened),
        stage_at=Millis(opened),
    )


def _reported(case: CaseId, kind: AlertKind, alert: Alert, opened: int) -> Case:
    return Case(
        id=case,
        title=alert.title,
        kind=kind.id,
        severity=alert.severity,
        area=alert.area,
        place=alert.place,
        position=alert.position,
        alerts=(alert.id,),
        opened_at=Millis(opened),
        stage_at=Millis(opened),
    )


def _played(case: Case, steps: int, officers: Officers, rng: random.Random) -> Case:
    """The case after its first `steps` steps, spread from its opening to the present."""
    span = max(1, steps)
    officer = rng.choice(NAMES)
    unit: UnitId | None = None
    at = int(case.opened_at)
    for turn, move in enumerate(_WAY[:steps]):
        at += rng.randrange(4_000, 16_000) if turn == 0 else rng.randrange(5_000, 20_000) * (6 if span > 5 else 1)
        if move is Move.DISPATCH:
            unit = officers.nearest(case)
            if unit is None:
                return case
        with_unit = move in (Move.DISPATCH, Move.ARRIVE, Move.REPORT)
        actor = EVALUATION if move is Move.EVALUATE else officer
        if unit is not None and move in (Move.ARRIVE, Move.REPORT):
            actor = officers.called(unit)
        case = advance(case, CaseStep(move=move, at=Millis(at), actor=actor, unit=unit if with_unit else None))
    return case


def _set_to_work(case: Case, missions: Missions, now: int) -> None:
    if case.stage in ENDED:
        return
    for assignment in case.units:
        if assignment.task in (UnitTask.SENT, UnitTask.ON_SCENE):
            missions.resume(assignment.unit, case, assignment.task, now)
