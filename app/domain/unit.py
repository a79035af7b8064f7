"""A unit (力量): a crew, a vehicle, a drone or a grid worker that can be dispatched."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.geo import Position
from app.domain.ids import AreaCode, CaseId, Millis, UnitId
from app.domain.text import N_, Text


class UnitState(StrEnum):
    """What a unit is doing. Only `IDLE` may be dispatched without somebody deciding to take it from its work."""

    IDLE = "idle"
    DISPATCHED = "dispatched"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    RETURNING = "returning"
    OFF_DUTY = "off_duty"
    NO_CONTACT = "no_contact"


UNIT_STATE_WORDS: dict[UnitState, str] = {
    UnitState.IDLE: N_("idle"),
    UnitState.DISPATCHED: N_("dispatched"),
    UnitState.EN_ROUTE: N_("en route"),
    UnitState.ON_SCENE: N_("on scene"),
    UnitState.RETURNING: N_("returning"),
    UnitState.OFF_DUTY: N_("off duty"),
    UnitState.NO_CONTACT: N_("no contact"),
}


class Unit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A unit's whole newest state."""

    id: UnitId
    name: Text
    kind: str
    area: AreaCode
    position: Position
    state: UnitState = UnitState.IDLE
    case: CaseId | None = None
    heading: float = 0.0
    """Degrees clockwise from north."""
    speed_kmh: float = 0.0
    at: Millis
    """When the position was taken."""


class UnitFix(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit moved: the part of its state that changes every second."""

    unit: UnitId
    lon: float
    lat: float
    heading: float
    speed_kmh: float
    at: Millis
