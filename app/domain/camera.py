"""A camera as the map and the wall know it. Video itself is another matter (the wall's)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from app.domain.geo import Position
from app.domain.ids import AreaCode, CameraId
from app.domain.text import Text


class CameraState(IntEnum):
    """Whether the platform can reach it."""

    ONLINE = 0
    OFFLINE = 1
    UNKNOWN = 2


class Camera(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One shared video channel."""

    id: CameraId
    name: Text
    area: AreaCode
    kind: str
    position: Position
    state: CameraState = CameraState.UNKNOWN
