"""What a unit does with a case: set out, arrive, work, report, return. Each step is entered into the case by the shared state machine."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from app.domain.case import Case, CaseStep, Move, UnitTask, advance
from app.domain.errors import NotAllowed
from app.domain.geo import Position
from app.domain.ids import AreaCode, CaseId, Millis, UnitId
from app.domain.unit import UnitState
from datasources.demo.agenda import Agenda
from datasources.demo.fleet import Fleet
from datasources.demo.register import Register

SETTING_OUT_S, TRAVEL_S, WORK_S, RETURN_S = (5, 9), (34, 56), (38, 58), (60, 120)
"""In life, seconds; the demo's tempo divides them."""


class Mission(msgspec.Struct, frozen=True):
    """One unit's present errand. A new errand has a new number, so that plans of an old one do nothing."""

    number: int
    case: CaseId | None


class Missions:
    """Units at work. `due` gives a case the limit of its new stage; `centre` is where a case without a position is taken to be."""

    def __init__(
        self,
        register: Register,
        agenda: Agenda,
        fleet: Fleet,
        rng: random.Random,
        tempo: float,
        due: Callable[[Case, int], Case],
        centre: Callable[[AreaCode], Position],
    ) -> None:
        self._register = register
        self._agenda = agenda
        self._fleet = fleet
        self._rng = rng
        self._second = 1_000 / tempo
        self._due = due
        self._centre = centre
        self._count = 0
        self._errands: dict[UnitId, Mission] = {}

    def send(self, unit: UnitId, case: Case, now: int, *, again: bool = False) -> None:
        """Send an idle unit to a case. `again`: it has been there and is to work on; it does not report its arrival twice."""
        errand = self._begin(unit, case.id)
        self._fleet.set_state(unit, UnitState.DISPATCHED, case.id, now)
        leaves = now + self._life(SETTING_OUT_S)
        travel = self._life(TRAVEL_S)
        goal = case.position or self._centre(case.area)
        self._plan(unit, errand, leaves, lambda at: self._leave(unit, case.id, goal, travel, at))
        self._plan(unit, errand, leaves + travel, lambda at: self._arrive(unit, case.id, goal, errand, at, again=again))

    def resume(self, unit: UnitId, case: Case, task: UnitTask, now: int) -> None:
        """Go on with what a unit was doing when the play began: on its way (SENT) or at work (ON_SCENE)."""
        if task is UnitTask.SENT:
            self.send(unit, case, now)
            return
        errand = self._begin(unit, case.id)
        self._fleet.place_at(unit, case.position or self._centre(case.area))
        self._fleet.set_state(unit, UnitState.ON_SCENE, case.id, now)
        self._plan(unit, errand, now + 2 * self._life(WORK_S), lambda at: self._report(unit, case.id, at))

    def release(self, unit: UnitId, now: int) -> None:
        """Let a unit go back to its patrol, whatever it was doing."""
        if self._register.units[unit].state in (UnitState.IDLE, UnitState.OFF_DUTY, UnitState.NO_CONTACT):
            return
        errand = self._begin(unit, None)
        case = self._register.units[unit].case
        self._fleet.set_state(unit, UnitState.RETURNING, case, now)
        self._plan(unit, errand, now + self._life(RETURN_S), lambda at: self._fleet.set_state(unit, UnitState.IDLE, None, at))

    def _begin(self, unit: UnitId, case: CaseId | None) -> Mission:
        self._count += 1
        errand = Mission(self._count, case)
        self._errands[unit] = errand
        return errand

    def _life(self, span: tuple[int, int]) -> float:
        return self._rng.uniform(*span) * self._second

    def _plan(self, unit: UnitId, errand: Mission, at: float, deed: Callable[[int], None]) -> None:
        def unless_recalled(now: int) -> None:
            if self._errands.get(unit) is errand:
                deed(now)

        self._agenda.plan(at, unless_recalled)

    def _leave(self, unit: UnitId, case: CaseId, goal: Position, travel: float, now: int) -> None:
        self._fleet.go_to(unit, goal, travel)
        self._fleet.set_state(unit, UnitState.EN_ROUTE, case, now)

    def _arrive(self, unit: UnitId, case: CaseId, goal: Position, errand: Mission, now: int, *, again: bool) -> None:
        if not again and not self._enter(unit, case, Move.ARRIVE, now):
            self.release(unit, now)
            return
        self._fleet.place_at(unit, goal)
        self._fleet.set_state(unit, UnitState.ON_SCENE, case, now)
        self._plan(unit, errand, now + self._life(WORK_S), lambda at: self._report(unit, case, at))

    def _report(self, unit: UnitId, case: CaseId, now: int) -> None:
        self._enter(unit, case, Move.REPORT, now)
        self.release(unit, now)

    def _enter(self, unit: UnitId, case_id: CaseId, move: Move, now: int) -> bool:
        case = self._register.cases.get(case_id)
        if case is None:
            return False
        name = self._register.units[unit].name
        step = CaseStep(move=move, at=Millis(now), actor=name.zh or name.en, unit=unit)
        try:
            after = advance(case, step)
        except NotAllowed:
            # Another unit was quicker, or the case ended meanwhile: this one only goes home.
            return False
        self._register.put_case(self._due(after, now))
        return True
