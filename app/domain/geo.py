"""Where things are. Always WGS-84 degrees, longitude first; other coordinate systems are converted where a source enters."""

from __future__ import annotations

import math

import msgspec

EARTH_RADIUS_M = 6_371_008.8


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A point, degrees WGS-84, longitude first."""

    lon: float
    lat: float

    @property
    def valid(self) -> bool:
        """Whether the point can be on Earth at all. (0, 0) is a device that has no fix, not a place."""
        return -180 <= self.lon <= 180 and -85.06 <= self.lat <= 85.06 and (self.lon, self.lat) != (0, 0)


def distance_m(a: Position, b: Position) -> float:
    """Great-circle distance in metres (haversine)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def bearing_deg(a: Position, b: Position) -> float:
    """Initial course from `a` to `b`, degrees clockwise from north."""
    lat_a, lat_b, d_lon = math.radians(a.lat), math.radians(b.lat), math.radians(b.lon - a.lon)
    y = math.sin(d_lon) * math.cos(lat_b)
    x = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(d_lon)
    return math.degrees(math.atan2(y, x)) % 360
