"""Which unit to send, and why. It never decides: it lists, with the reason for each, and a person chooses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.citypack import CityPack
from app.domain.geo import Position
from app.domain.ids import Millis
from app.domain.text import N_
from app.domain.unit import Unit, UnitState
from app.live.units import UnitStore, distances_m

DETOUR = 1.35
"""Way by road over straight line, a usual figure for a built-up area."""
OLD_FIX_MS = 30_000
_USUAL_KMH = 30.0
_IDLE = list(UnitState).index(UnitState.IDLE)


class Doubt(StrEnum):
    """Why a unit is not simply to be sent."""

    BUSY = "busy"
    SKILL = "skill"
    OLD_POSITION = "old_position"
    UNREACHABLE = "unreachable"


DOUBT_WORDS: dict[Doubt, str] = {
    Doubt.BUSY: N_("busy: not taken automatically"),
    Doubt.SKILL: N_("other skills"),
    Doubt.OLD_POSITION: N_("position is old"),
    Doubt.UNREACHABLE: N_("off duty or no contact"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit with the facts a dispatcher weighs. Distance in metres (straight), arrival in seconds (with detour, at the kind's usual speed)."""

    unit: Unit
    distance_m: float
    arrival_s: float
    skills: tuple[str, ...]
    """Those of its skills that are asked for."""
    doubts: tuple[Doubt, ...]

    @property
    def fit(self) -> bool:
        """Whether it can be sent as it is."""
        return not self.doubts or self.doubts == (Doubt.OLD_POSITION,)


def recommend(city: CityPack, units: UnitStore, place: Position, skills: tuple[str, ...], now: Millis, limit: int = 12) -> list[Candidate]:
    """The `limit` best units for `place`: those that fit first, soonest arrival first. Empty only where the city has no units at all."""
    if not len(units):
        return []
    kinds = [city.unit_kinds.get(kind) for kind in units.kinds]
    kind = units.kind.astype(np.int64)
    speed = np.array([k.speed_kmh if k is not None else _USUAL_KMH for k in kinds])[kind]
    unskilled = np.array([bool(skills) and not (k is not None and set(skills) & set(k.skills)) for k in kinds])[kind]
    distance = distances_m(place, units.lon, units.lat)
    unfit = (units.state != _IDLE) | unskilled
    best = np.lexsort((distance / speed, unskilled, unfit))[:limit]
    return [_weigh(city, units[units.ids[row]], float(distance[row]), skills, now) for row in best.tolist()]


def _weigh(city: CityPack, unit: Unit, distance: float, skills: tuple[str, ...], now: Millis) -> Candidate:
    kind = city.unit_kinds.get(unit.kind)
    able = tuple(s for s in skills if kind is not None and s in kind.skills)
    speed = kind.speed_kmh if kind is not None else _USUAL_KMH
    doubts: list[Doubt] = []
    if unit.state in (UnitState.OFF_DUTY, UnitState.NO_CONTACT):
        doubts.append(Doubt.UNREACHABLE)
    elif unit.state is not UnitState.IDLE:
        doubts.append(Doubt.BUSY)
    if skills and not able:
        doubts.append(Doubt.SKILL)
    if now - unit.at > OLD_FIX_MS:
        doubts.append(Doubt.OLD_POSITION)
    return Candidate(unit, distance, distance * DETOUR / (speed / 3.6), able, tuple(doubts))
