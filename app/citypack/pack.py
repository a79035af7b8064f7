"""A city as the rest of the deck gets it. Puts the tables together and checks what no single table can see; reads files, writes none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from app.citypack import alert_kinds, head, indicators, layers, roster, rules
from app.citypack.areas import AreaTable, read_areas, with_outlines
from app.citypack.fault import Faults, PackFault
from app.citypack.known import Known
from app.domain.city import AlertKind, Area, Department, Domain, Indicator, Place, UnitKind
from app.domain.geo import Position
from app.domain.ids import AlertKindId, AreaCode, DepartmentId, IndicatorId, SeriesId, series_id
from app.domain.rule import Rules
from app.domain.text import Text

DISTRICTS, COAST = "layers/districts.geojson", "layers/coast.geojson"
_CITIES = Path(__file__).resolve().parents[2] / "resources" / "cities"


@dataclass(frozen=True, kw_only=True, eq=False)
class CityPack:
    """Everything the deck knows of one city before any data arrives."""

    id: str
    name: Text
    zone: str
    """IANA time zone name."""
    root: AreaCode
    areas: dict[AreaCode, Area]
    """In display order: the root, then its districts."""
    weights: dict[AreaCode, float]
    """Each district's share of the city; 1 for the root."""
    departments: dict[DepartmentId, Department]
    domains: dict[str, Domain]
    indicators: dict[IndicatorId, Indicator]
    """In the pack's order; the first three of a domain are its summary for leaders."""
    alert_kinds: dict[AlertKindId, AlertKind]
    unit_kinds: dict[str, UnitKind]
    places: tuple[Place, ...]
    coast: tuple[tuple[Position, ...], ...]
    bounds: tuple[float, float, float, float]
    """West, south, east, north; degrees."""
    phenomena: tuple[str, ...]
    """What can go on in the city: the words of drivers and alert kinds."""
    only_in: dict[IndicatorId, frozenset[AreaCode]] = field(default_factory=dict[IndicatorId, frozenset[AreaCode]])
    """Where an indicator is measured besides the root, for those that are not measured everywhere (no waves inland)."""
    rules: Rules = field(default_factory=Rules)
    """As they were when the pack was loaded; while the desk runs they may be read again."""
    folder: Path | None = None
    """Where the pack lies; None: it was made in memory."""
    faults: tuple[PackFault, ...] = ()

    def measured(self, indicator: IndicatorId, area: AreaCode) -> bool:
        """Whether the pack has a series of `indicator` for `area`."""
        return area in self.areas and (area == self.root or area in self.only_in.get(indicator, self.areas))

    @cached_property
    def series(self) -> tuple[SeriesId, ...]:
        """Every indicator for every area where it is measured: by indicator in the pack's order, then by area in display order."""
        return tuple(series_id(indicator, area) for indicator in self.indicators for area in self.areas if self.measured(indicator, area))


def load_city(folder: Path) -> CityPack:
    """Read and check a pack. Raises DeckError where there is no city in `folder`; anything less is left out and listed in `faults`."""
    faults = Faults()
    front = head.read_head(folder)
    root = AreaCode(front.root)
    known = Known(bounds=front.bounds, phenomena=frozenset(front.phenomena))
    areas = _areas(folder, root, known, faults)
    departments = roster.read_departments(folder, faults)
    domains = head.read_domains(folder, front, faults)
    known = replace(known, areas=frozenset(areas.areas), departments=frozenset(departments), domains=frozenset(domains))
    measured = indicators.read_indicators(folder, known, faults)
    units = roster.read_unit_kinds(folder, faults)
    places = roster.read_places(folder, known, faults)
    known = replace(
        known,
        indicators=frozenset(measured.indicators),
        crews=tuple(frozenset(unit.skills) for unit in units.values()),
        sites=frozenset(kind for place in places for kind in place.kinds),
    )
    kinds = alert_kinds.read_alert_kinds(folder, known, measured.lines, faults)
    coast = layers.read_lines(folder, COAST, faults)
    city = CityPack(
        id=front.id,
        name=front.name,
        zone=front.zone,
        root=root,
        areas=areas.areas,
        weights=areas.weights,
        departments=departments,
        domains=domains,
        indicators=measured.indicators,
        alert_kinds=kinds,
        unit_kinds=units,
        places=places,
        coast=coast,
        bounds=front.bounds,
        phenomena=front.phenomena,
        only_in=measured.only_in,
        folder=folder,
    )
    return replace(city, rules=rules.read_rules(folder, city, faults), faults=faults.all())


def _areas(folder: Path, root: AreaCode, known: Known, faults: Faults) -> AreaTable:
    table = read_areas(folder, root, known, faults)
    if root not in table.areas or table.areas[root].parent is not None:
        raise head.root_error(folder, root, f"the root area {root!r} is not a sound row without a parent in areas.csv{_why(faults)}")
    return with_outlines(table, layers.read_outlines(folder, DISTRICTS, frozenset(table.areas), faults))


def find_cities() -> dict[str, Path]:
    """The packs that come with the deck: folder by name."""
    if not _CITIES.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(_CITIES.iterdir()) if (folder / head.FILE).is_file()}


def _why(faults: Faults) -> str:
    told = [f"{fault.file}:{fault.line} {fault.what}" for fault in faults.all()]
    return f" ({told[0]})" if told else ""
