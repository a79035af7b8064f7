"""Names of things. NewTypes, so that the type checker tells an alert from a case."""

from __future__ import annotations

from typing import NewType

Millis = NewType("Millis", int)
"""UTC milliseconds since 1970."""

AreaCode = NewType("AreaCode", str)
"""GB/T 2260 code (six digits for a district, more for streets); the city itself is the pack's root area."""

IndicatorId = NewType("IndicatorId", str)
SeriesId = NewType("SeriesId", str)
"""One indicator measured for one area: "<indicator>@<area code>"."""

AlertId = NewType("AlertId", str)
AlertKindId = NewType("AlertKindId", str)
CaseId = NewType("CaseId", str)
ShelfId = NewType("ShelfId", str)
UnitId = NewType("UnitId", str)
CameraId = NewType("CameraId", str)
DepartmentId = NewType("DepartmentId", str)
SourceName = NewType("SourceName", str)
"""A link of this desk as the operator knows it ("demo", "cap:/feeds/warnings")."""

CommandKey = NewType("CommandKey", str)
"""Idempotency key of one command, made by the desk, 32 hex digits."""


def series_id(indicator: IndicatorId, area: AreaCode) -> SeriesId:
    """The series in which `indicator` is measured for `area`."""
    return SeriesId(f"{indicator}@{area}")


def indicator_of(series: SeriesId) -> IndicatorId:
    """What `series` measures."""
    return IndicatorId(series.split("@", 1)[0])


def area_of(series: SeriesId) -> AreaCode:
    """Where `series` is measured."""
    return AreaCode(series.split("@", 1)[1])
