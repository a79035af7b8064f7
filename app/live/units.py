"""Where every unit is and what it does. Positions are columns, since they change every second; the rest are records."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.domain.geo import EARTH_RADIUS_M, Position, distance_m
from app.domain.ids import Millis, UnitId
from app.domain.unit import Unit, UnitFix, UnitState

_STATES = list(UnitState)


def distances_m(place: Position, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle distances in metres from `place`, degrees in: app.domain.geo.distance_m for a column."""
    lat_a, lat_b = np.radians(place.lat), np.radians(lat)
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin(np.radians(lon - place.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(half)))


class UnitStore:
    """Units by id; `lon`, `lat`, `heading`, `state` (index into UnitState) and `at` are columns in the order of `ids`."""

    def __init__(self) -> None:
        self.ids: list[UnitId] = []
        self._row: dict[UnitId, int] = {}
        self._units: list[Unit] = []
        self.kinds: list[str] = []
        """The kinds there are; `kind` counts them."""
        self._columns = np.zeros((0, 6))
        self.unknown = 0
        """Fixes of units that no snapshot named."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lon(self) -> NDArray[np.float64]:
        return self._columns[: len(self.ids), 0]

    @property
    def lat(self) -> NDArray[np.float64]:
        return self._columns[: len(self.ids), 1]

    @property
    def heading(self) -> NDArray[np.float64]:
        return self._columns[: len(self.ids), 2]

    @property
    def state(self) -> NDArray[np.float64]:
        """Index into list(UnitState)."""
        return self._columns[: len(self.ids), 3]

    @property
    def at(self) -> NDArray[np.float64]:
        return self._columns[: len(self.ids), 4]

    @property
    def kind(self) -> NDArray[np.float64]:
        """Index into `kinds`."""
        return self._columns[: len(self.ids), 5]

    def put(self, unit: Unit) -> None:
        """Take a unit's whole state; a fix that is newer stays."""
        row = self._row.get(unit.id)
        if row is None:
            row = len(self.ids)
            self._row[unit.id] = row
            self.ids.append(unit.id)
            self._units.append(unit)
            if row >= len(self._columns):
                self._columns = np.vstack((self._columns, np.zeros((max(64, row), 6))))
        self._units[row] = unit
        if unit.kind not in self.kinds:
            self.kinds.append(unit.kind)
        self._columns[row] = (unit.position.lon, unit.position.lat, unit.heading, _STATES.index(unit.state), unit.at, self.kinds.index(unit.kind))

    def fix(self, fixes: tuple[UnitFix, ...]) -> None:
        """Take new positions."""
        for fix in fixes:
            row = self._row.get(fix.unit)
            if row is None:
                self.unknown += 1
            elif fix.at >= self._columns[row, 4]:
                self._columns[row, 0:3] = (fix.lon, fix.lat, fix.heading)
                self._columns[row, 4] = fix.at

    def forget(self, ids: set[UnitId]) -> None:
        """These are gone."""
        kept = [self[i] for i in self.ids if i not in ids]
        unknown = self.unknown
        self.__init__()
        self.unknown = unknown
        for unit in kept:
            self.put(unit)

    def get(self, unit: UnitId) -> Unit | None:
        """The unit with its newest position, or None."""
        return self[unit] if unit in self._row else None

    def __getitem__(self, unit: UnitId) -> Unit:
        row = self._row[unit]
        lon, lat, heading, _, at, _ = self._columns[row].tolist()
        return msgspec.structs.replace(self._units[row], position=Position(lon, lat), heading=heading, at=Millis(int(at)))

    def nearest(self, place: Position, limit: int) -> list[tuple[Unit, float]]:
        """The `limit` units nearest to `place` with their distance in metres, nearest first, whatever they are doing."""
        if not self.ids:
            return []
        flat = (self.lon - place.lon) * np.cos(np.radians(place.lat)), self.lat - place.lat
        order = np.argsort(flat[0] ** 2 + flat[1] ** 2)[:limit]
        units = [self[self.ids[int(i)]] for i in order]
        return [(unit, distance_m(place, unit.position)) for unit in units]
