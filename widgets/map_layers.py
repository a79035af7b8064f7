"""All layers a MapView can draw, gathered: import them from here."""

from __future__ import annotations

from widgets.map_areas import AreaLayer, LineLayer, PolygonLayer, WarningArea
from widgets.map_moving import MapCircle, MapPath, Marker, MarkerLayer, PathLayer, UnitLayer, UnitState
from widgets.map_points import PointLayer, PointState
from widgets.map_view import Hit, Layer

__all__ = [
    "AreaLayer",
    "Hit",
    "Layer",
    "LineLayer",
    "MapCircle",
    "MapPath",
    "Marker",
    "MarkerLayer",
    "PathLayer",
    "PointLayer",
    "PointState",
    "PolygonLayer",
    "UnitLayer",
    "UnitState",
    "WarningArea",
]
