"""Reads who and where: departments, kinds of units, named places. Places no unit anywhere."""

from __future__ import annotations

from pathlib import Path

from app.citypack.fault import BadRow, Faults
from app.citypack.known import Known
from app.citypack.rows import Row
from app.citypack.table import Table
from app.domain.city import Department, Place, UnitKind
from app.domain.ids import DepartmentId


def read_departments(folder: Path, faults: Faults) -> dict[DepartmentId, Department]:
    """departments.csv."""

    def make(row: Row) -> Department:
        return Department(id=DepartmentId(row.identifier()), name=row.name(), short=row.pair("short", needed=True))

    return Table(folder, "departments.csv", faults).read(("id", "zh", "en", "short_zh", "short_en"), lambda row: DepartmentId(row.identifier()), make)


def read_unit_kinds(folder: Path, faults: Faults) -> dict[str, UnitKind]:
    """unit-kinds.csv."""

    def make(row: Row) -> UnitKind:
        if not (skills := row.words("skills")):
            raise BadRow("skills is empty, so nobody could ever send it", "write at least one skill")
        return UnitKind(id=row.identifier(), name=row.name(), skills=skills, speed_kmh=row.number("speed_kmh", least=0.1), count=row.whole("count"))

    return Table(folder, "unit-kinds.csv", faults).read(("id", "zh", "en", "skills", "speed_kmh", "count"), lambda row: row.identifier(), make)


def read_places(folder: Path, known: Known, faults: Faults) -> tuple[Place, ...]:
    """places.csv."""

    def make(row: Row) -> Place:
        return Place(name=row.name(), area=known.area(row.word("area")), position=known.position(row), kinds=row.words("kinds"))

    return tuple(Table(folder, "places.csv", faults).read(("zh", "en", "area", "lon", "lat"), lambda row: row.word("zh"), make).values())
