"""Reads areas.csv: the city, its districts and each one's share of the city. Geometry comes from a layer, later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from app.citypack.fault import Faults
from app.citypack.known import Known
from app.citypack.rows import Row
from app.citypack.table import Table
from app.domain.city import Area, AreaLevel
from app.domain.geo import Position
from app.domain.ids import AreaCode

FILE = "areas.csv"
_LEVELS = {level.value: level for level in AreaLevel}


@dataclass(frozen=True, slots=True)
class AreaTable:
    """The areas in display order, and each one's share of the city."""

    areas: dict[AreaCode, Area]
    weights: dict[AreaCode, float]


def read_areas(folder: Path, root: AreaCode, known: Known, faults: Faults) -> AreaTable:
    """areas.csv, the root first. Outlines come from a layer, later."""
    weights: dict[AreaCode, float] = {}

    def make(row: Row) -> Area:
        code = AreaCode(row.word("code"))
        area = Area(
            code=code,
            name=row.name(),
            level=row.choice("level", _LEVELS),
            parent=AreaCode(row.text("parent")) if row.text("parent") else None,
            centre=known.position(row),
        )
        weights[code] = row.number("weight", 1.0 if code == root else None, least=0, most=1)
        return area

    table = Table(folder, FILE, faults)
    areas = table.read(("code", "zh", "en", "level", "parent", "lon", "lat", "weight"), lambda row: AreaCode(row.word("code")), make)
    for code, area in list(areas.items()):
        if area.parent is not None and area.parent not in areas:
            faults.add(FILE, table.lines[code], f"the parent {area.parent} is unknown", "use a code of this table")
            del areas[code]
    ordered = dict(sorted(areas.items(), key=lambda item: item[0] != root))
    shares = {code: weights[code] for code in ordered}
    total = sum(share for code, share in shares.items() if ordered[code].level is AreaLevel.DISTRICT)
    if areas and abs(total - 1) > 0.001:
        faults.add(FILE, 1, f"the districts' weights sum to {total:.3f}", "make them sum to 1; the rows are used as they are")
    return AreaTable(ordered, shares)


def with_outlines(areas: AreaTable, outlines: Mapping[AreaCode, tuple[tuple[Position, ...], ...]]) -> AreaTable:
    """The same areas with their geometry."""
    return replace(areas, areas={code: msgspec.structs.replace(area, outline=outlines.get(code, ())) for code, area in areas.areas.items()})
