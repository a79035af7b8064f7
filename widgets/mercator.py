"""Web Mercator in numpy: degrees to the unit square and back. No view, no pixels."""

from __future__ import annotations

import math

import numpy as np

from widgets.polyline import Floats

MAX_LATITUDE = 85.0511287798
EARTH_METRES = 40_075_016.686
"""Length of the equator."""


def to_unit(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """WGS-84 degrees to x (east) and y (south) in 0…1. Latitudes past ±85.05° are held there."""
    x = lon / 360.0 + 0.5
    s = np.sin(np.radians(np.clip(lat, -MAX_LATITUDE, MAX_LATITUDE)))
    y = 0.5 - np.log((1.0 + s) / (1.0 - s)) / (4.0 * math.pi)
    return x, y


def unit_of(lon: float, lat: float) -> tuple[float, float]:
    """`to_unit` of one position."""
    s = math.sin(math.radians(min(MAX_LATITUDE, max(-MAX_LATITUDE, lat))))
    return lon / 360.0 + 0.5, 0.5 - math.log((1.0 + s) / (1.0 - s)) / (4.0 * math.pi)


def degrees_of(x: float, y: float) -> tuple[float, float]:
    """The longitude and latitude of a point of the unit square."""
    return (x - 0.5) * 360.0, math.degrees(math.atan(math.sinh(math.pi * (1.0 - 2.0 * y))))


def metres_per_unit(lat: float) -> float:
    """Metres on the ground that one unit of the square spans at `lat`."""
    return EARTH_METRES * math.cos(math.radians(lat))
