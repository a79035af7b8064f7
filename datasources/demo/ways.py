"""Ways through the demo city: street-like on land, clear of the coast at sea. Geometry only; who goes where is decided elsewhere."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from app.domain.geo import Position
from app.domain.ids import AreaCode

if TYPE_CHECKING:
    from app.citypack import CityPack

METRES_A_DEGREE = 111_195.0


class Ways:
    """Streets of a city whose streets nobody has drawn: legs along a grid that is turned a little in each area."""

    def __init__(self, pack: CityPack, rng: random.Random) -> None:
        self._rng = rng
        self._turn = {code: math.radians(rng.uniform(-25, 25)) for code in pack.areas}
        latitude = math.radians((pack.bounds[1] + pack.bounds[3]) / 2)
        self._east = METRES_A_DEGREE * math.cos(latitude)
        segments = [(a.lon, a.lat, b.lon, b.lat) for line in pack.coast for a, b in pairwise(line)]
        self._coast = np.array(segments, dtype=np.float64).reshape(-1, 4)

    def length(self, way: list[Position]) -> float:
        """Metres along `way`."""
        return sum(self.apart(a, b) for a, b in pairwise(way))

    def apart(self, a: Position, b: Position) -> float:
        """Metres between two points of the city, on a plane."""
        return math.hypot((b.lon - a.lon) * self._east, (b.lat - a.lat) * METRES_A_DEGREE)

    def heading(self, a: Position, b: Position) -> float:
        """Degrees clockwise from north, 0…360."""
        return math.degrees(math.atan2((b.lon - a.lon) * self._east, (b.lat - a.lat) * METRES_A_DEGREE)) % 360

    def near(self, centre: Position, metres: float) -> Position:
        """A point up to `metres` away."""
        angle, far = self._rng.uniform(0, 2 * math.pi), metres * math.sqrt(self._rng.random())
        return Position(round(centre.lon + far * math.cos(angle) / self._east, 6), round(centre.lat + far * math.sin(angle) / METRES_A_DEGREE, 6))

    def streets(self, a: Position, b: Position, area: AreaCode) -> list[Position]:
        """From `a` to `b` along the area's grid, with one to three pairs of turns."""
        turn = self._turn.get(area, 0.0)
        cos, sin = math.cos(turn), math.sin(turn)
        dx, dy = (b.lon - a.lon) * self._east, (b.lat - a.lat) * METRES_A_DEGREE
        along, across = dx * cos + dy * sin, -dx * sin + dy * cos
        pairs = self._rng.randint(1, 3)
        way = [a]
        for pair in range(1, pairs + 1):
            for u, v in ((along * pair / pairs, across * (pair - 1) / pairs), (along * pair / pairs, across * pair / pairs)):
                way.append(Position(a.lon + (u * cos - v * sin) / self._east, a.lat + (u * sin + v * cos) / METRES_A_DEGREE))
        way[-1] = b
        return way

    def crosses_coast(self, way: list[Position]) -> bool:
        """Whether any leg of `way` goes from land to sea or back."""
        return any(self._leg_crosses(a, b) for a, b in pairwise(way))

    def _leg_crosses(self, a: Position, b: Position) -> bool:
        coast = self._coast
        x1, y1, x2, y2 = coast[:, 0], coast[:, 1], coast[:, 2], coast[:, 3]
        dx, dy = b.lon - a.lon, b.lat - a.lat
        side1 = dx * (y1 - a.lat) - dy * (x1 - a.lon)
        side2 = dx * (y2 - a.lat) - dy * (x2 - a.lon)
        rows = np.flatnonzero(side1 * side2 < 0)
        if not len(rows):
            return False
        ex, ey = x2[rows] - x1[rows], y2[rows] - y1[rows]
        side3 = ex * (a.lat - y1[rows]) - ey * (a.lon - x1[rows])
        side4 = ex * (b.lat - y1[rows]) - ey * (b.lon - x1[rows])
        return bool((side3 * side4 < 0).any())
