"""Reads indicators.csv: what is measured, how often, by whom, and how the demo city makes it behave. Decides nothing about showing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.citypack.fault import BadRow, Faults
from app.citypack.known import Known
from app.citypack.rows import SEVERITIES, Row
from app.citypack.table import Table
from app.domain.city import Direction, Dynamics, Indicator
from app.domain.ids import AreaCode, IndicatorId
from app.domain.severity import Severity

FILE = "indicators.csv"
_DIRECTIONS = {direction.value: direction for direction in Direction}

_COLUMNS = ("id", "zh", "en", "unit_zh", "unit_en", "domain", "owner", "period_s", "fresh_s", "base")


@dataclass(frozen=True, slots=True)
class IndicatorTable:
    """The indicators in order, and for those that are not measured everywhere, the areas where they are."""

    indicators: dict[IndicatorId, Indicator]
    only_in: dict[IndicatorId, frozenset[AreaCode]]
    lines: Mapping[str, int]


def read_indicators(folder: Path, known: Known, faults: Faults) -> IndicatorTable:
    """indicators.csv."""
    only_in: dict[IndicatorId, frozenset[AreaCode]] = {}

    def make(row: Row) -> Indicator:
        indicator = _indicator(row, known)
        if places := row.words("areas"):
            only_in[indicator.id] = frozenset(known.area(code) for code in places)
        return indicator

    table = Table(folder, FILE, faults)
    indicators = table.read(_COLUMNS, lambda row: IndicatorId(row.identifier()), make)
    return IndicatorTable(indicators, {name: only_in[name] for name in indicators if name in only_in}, table.lines)


def _indicator(row: Row, known: Known) -> Indicator:
    period_ms, fresh_ms = round(row.number("period_s", least=0.05) * 1000), round(row.number("fresh_s", least=0.05) * 1000)
    if fresh_ms < period_ms:
        raise BadRow("fresh_s is shorter than period_s, so that the value would always look old", "write 3 to 5 times period_s")
    low, high = row.maybe_number("low"), row.maybe_number("high")
    if low is not None and high is not None and low > high:
        raise BadRow(f"the normal band is upside down: low {low:g} is above high {high:g}", "swap them")
    return Indicator(
        id=IndicatorId(row.identifier()),
        name=row.name(),
        unit=row.pair("unit"),
        domain=known.domain(row),
        owner=known.owner(row),
        period_ms=period_ms,
        fresh_ms=fresh_ms,
        decimals=row.whole("decimals", 0),
        low=low,
        high=high,
        out_of_band=row.choice("out_of_band", SEVERITIES, Severity.MODERATE),
        good=row.choice("good", _DIRECTIONS, Direction.NEITHER),
        headline=row.whole("headline", 0),
        definition=row.pair("definition"),
        dynamics=_dynamics(row, known),
    )


def _dynamics(row: Row, known: Known) -> Dynamics:
    return Dynamics(
        base=row.number("base"),
        daily=row.number("daily", 0.0, least=-1, most=1),
        peak=row.number("peak", 14.0, least=0, most=24),
        weekly=row.number("weekly", 0.0, least=-1),
        noise=row.number("noise", 0.01, least=0, most=1),
        cumulative=row.yes("cumulative"),
        per_area=row.number("per_area", 1.0, least=0, most=1),
        drivers=tuple(_driver(part, known) for part in row.words("drivers")),
    )


def _driver(part: str, known: Known) -> tuple[str, float]:
    phenomenon, _, gain = part.partition(":")
    return known.phenomenon(phenomenon.strip()), Row(0, {"gain": gain.strip()}).number("gain")
