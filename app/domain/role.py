"""Who may do what. A seat is where somebody sits; a role is what that person may do."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.ids import AreaCode
from app.domain.text import N_


class Role(StrEnum):
    """Roles of the room."""

    OPERATOR = "operator"
    DUTY_OFFICER = "duty_officer"
    LEADER = "leader"


ROLE_WORDS: dict[Role, str] = {
    Role.OPERATOR: N_("operator"),
    Role.DUTY_OFFICER: N_("duty officer"),
    Role.LEADER: N_("leader"),
}


class Seat(StrEnum):
    """Seats of the room: each has its own layout and scale."""

    WALL = "wall"
    DUTY = "duty"
    COCKPIT = "cockpit"


SEAT_WORDS: dict[Seat, str] = {Seat.WALL: N_("Wall"), Seat.DUTY: N_("Duty"), Seat.COCKPIT: N_("Cockpit")}


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A named person at a seat. An empty `areas` means the whole city."""

    id: str
    name: str
    role: Role
    areas: tuple[AreaCode, ...] = ()
