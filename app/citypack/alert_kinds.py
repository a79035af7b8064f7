"""Reads alert-kinds.csv: what can go wrong, what is behind it and who is to handle it. Raises no alert."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.citypack.fault import BadRow, Faults
from app.citypack.known import Known
from app.citypack.rows import SEVERITIES, Row
from app.citypack.table import Table
from app.domain.city import AlertKind
from app.domain.ids import AlertKindId, IndicatorId

FILE = "alert-kinds.csv"
_TITLE_FIELDS = frozenset({"place", "value", "limit", "unit"})
_COLUMNS = ("id", "zh", "en", "severity", "domain", "owner", "title_zh", "title_en")


def read_alert_kinds(folder: Path, known: Known, indicator_lines: Mapping[str, int], faults: Faults) -> dict[AlertKindId, AlertKind]:
    """alert-kinds.csv. A reference to a row that is there but was left out is cleared, so that one bad row does not take others with it."""

    def make(row: Row) -> AlertKind:
        return _alert_kind(row, known, indicator_lines)

    table = Table(folder, FILE, faults)
    kinds = table.read(_COLUMNS, lambda row: AlertKindId(row.identifier()), make)
    for name in [name for name, kind in kinds.items() if kind.cause is not None and kind.cause not in table.lines]:
        faults.add(FILE, table.lines[name], f"the cause {kinds[name].cause} is unknown", "use an id of this table or leave the cause empty")
        del kinds[name]
    for name in [name for name in kinds if _causes_itself(name, kinds)]:
        faults.add(FILE, table.lines[name], f"the causes behind {name} lead back to it", "leave the cause empty at the kind that comes first")
        del kinds[name]
    for name, kind in kinds.items():
        line = table.lines[name]
        if kind.cause is not None and kind.cause not in kinds:
            faults.add(
                FILE, line, f"the cause {kind.cause} was left out, so {name} is used without a cause", f"mend line {table.lines[kind.cause]} first"
            )
            kinds[name] = kind = msgspec.structs.replace(kind, cause=None)
        if kind.indicator is not None and kind.indicator not in known.indicators:
            remedy = f"mend line {indicator_lines[kind.indicator]} of indicators.csv first"
            faults.add(FILE, line, f"the indicator {kind.indicator} was left out, so {name} is used without it", remedy)
            kinds[name] = msgspec.structs.replace(kind, indicator=None)
        _check_means(kind, line, known, faults)
    return kinds


def _alert_kind(row: Row, known: Known, indicator_lines: Mapping[str, int]) -> AlertKind:
    limit, typical = row.maybe_number("limit"), row.maybe_number("typical")
    title = row.pair("title", needed=True)
    for template in (title.zh, title.en):
        _check_title(template, limit, typical)
    indicator = row.text("indicator")
    if indicator and indicator not in indicator_lines:
        raise BadRow(f"the indicator {indicator} is unknown", "use an id of indicators.csv or leave it empty")
    return AlertKind(
        id=AlertKindId(row.identifier()),
        name=row.name(),
        title=title,
        severity=row.choice("severity", SEVERITIES),
        domain=known.domain(row),
        owner=known.owner(row),
        indicator=IndicatorId(indicator) if indicator else None,
        cause=AlertKindId(row.text("cause")) if row.text("cause") else None,
        phenomenon=known.phenomenon(row.text("phenomenon")) if row.text("phenomenon") else "",
        delay_s=row.number("delay_s", 0.0, least=0),
        skills=row.words("skills"),
        procedure=row.pair("procedure"),
        place_kinds=row.words("place_kinds"),
        limit=limit,
        typical=typical,
    )


def _check_title(template: str, limit: float | None, typical: float | None) -> None:
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise BadRow(f"the title {template!r} cannot be filled in: {error}", "close every brace") from None
    if strange := fields - _TITLE_FIELDS:
        raise BadRow(f"the title has the unknown field {{{min(strange)}}}", "use {place}, {value}, {limit} and {unit} only")
    for name, number in (("limit", limit), ("value", typical)):
        if name in fields and number is None:
            raise BadRow(f"the title shows {{{name}}}, but the row has none", "write limit and typical, or take the field out of the title")


def _check_means(kind: AlertKind, line: int, known: Known, faults: Faults) -> None:
    # The kind is kept: a real platform may raise it whether or not this pack can play it.
    if known.crews and not any(crew.issuperset(kind.skills) for crew in known.crews):
        faults.add(
            FILE,
            line,
            f"no kind of unit has the skills {', '.join(kind.skills)}",
            "give them to one row of unit-kinds.csv; the alert kind is used as it is",
        )
    if known.sites and kind.place_kinds and known.sites.isdisjoint(kind.place_kinds):
        faults.add(
            FILE, line, f"no place is of the kinds {', '.join(kind.place_kinds)}", "add such a place to places.csv; the alert kind is used as it is"
        )


def _causes_itself(name: AlertKindId, kinds: Mapping[AlertKindId, AlertKind]) -> bool:
    seen: set[AlertKindId] = set()
    kind: AlertKind | None = kinds[name]
    while kind is not None and kind.cause is not None and kind.cause not in seen:
        if kind.cause == name:
            return True
        seen.add(kind.cause)
        kind = kinds.get(kind.cause)
    return False
