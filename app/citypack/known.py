"""What one table of a pack may refer to in another, and the check that it does. Reads no files."""

from __future__ import annotations

from dataclasses import dataclass

from app.citypack.fault import BadRow
from app.citypack.rows import Row
from app.domain.geo import Position
from app.domain.ids import AreaCode, DepartmentId, IndicatorId

Bounds = tuple[float, float, float, float]
"""West, south, east, north; degrees."""


@dataclass(frozen=True, slots=True)
class Known:
    """What other tables may refer to."""

    bounds: Bounds
    phenomena: frozenset[str]
    areas: frozenset[AreaCode] = frozenset()
    departments: frozenset[DepartmentId] = frozenset()
    domains: frozenset[str] = frozenset()
    indicators: frozenset[IndicatorId] = frozenset()
    crews: tuple[frozenset[str], ...] = ()
    """The skills of each kind of unit."""
    sites: frozenset[str] = frozenset()
    """The kinds of places there are."""

    def owner(self, row: Row) -> DepartmentId:
        """The row's owner, which must be a department of the pack."""
        owner = DepartmentId(row.word("owner"))
        if owner not in self.departments:
            raise BadRow(f"the owner {owner} is unknown", "use an id of departments.csv, or add it there")
        return owner

    def domain(self, row: Row) -> str:
        """The row's domain, which must be one of city.toml."""
        domain = row.word("domain")
        if domain not in self.domains:
            raise BadRow(f"the domain {domain} is unknown", "use an id of [[domains]] in city.toml, or add it there")
        return domain

    def area(self, code: str) -> AreaCode:
        """An area of the pack."""
        if code not in self.areas:
            raise BadRow(f"the area {code!r} is unknown", "use a code of areas.csv, or add it there")
        return AreaCode(code)

    def phenomenon(self, word: str) -> str:
        """A phenomenon of city.toml."""
        if word not in self.phenomena:
            raise BadRow(f"the phenomenon {word!r} is unknown", "use one of phenomena in city.toml, or add it there")
        return word

    def position(self, row: Row) -> Position:
        """The row's lon and lat, inside the city's bounds."""
        at = Position(row.number("lon"), row.number("lat"))
        west, south, east, north = self.bounds
        if not (west <= at.lon <= east and south <= at.lat <= north):
            raise BadRow(
                f"the position {at.lon:g}, {at.lat:g} is outside the city's bounds",
                "check lon and lat (degrees, not swapped), or widen bounds in city.toml",
            )
        return at
