"""A city as its pack describes it: areas, departments, what is measured, what can go wrong. Loaded by app.citypack, never written by code."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.geo import Position
from app.domain.ids import AlertKindId, AreaCode, DepartmentId, IndicatorId
from app.domain.severity import Severity
from app.domain.text import Text


class AreaLevel(StrEnum):
    """The command levels 市级 → 区市 → 镇街 → 社区 → 网格."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative area. `outline` is a list of rings of (lon, lat) degrees, empty where the pack has no geometry."""

    code: AreaCode
    name: Text
    level: AreaLevel
    parent: AreaCode | None = None
    centre: Position
    outline: tuple[tuple[Position, ...], ...] = ()


class Department(msgspec.Struct, frozen=True, kw_only=True):
    """A body that owns indicators and handles cases (牵头单位)."""

    id: DepartmentId
    name: Text
    short: Text


class Direction(StrEnum):
    """Which way an indicator is good."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A field of city operation that groups indicators (城市治理, 安全应急 …)."""

    id: str
    name: Text


class Dynamics(msgspec.Struct, frozen=True, kw_only=True):
    """How the demo city makes the indicator behave. A real platform ignores it."""

    base: float
    daily: float = 0.0
    """Amplitude of the daily swing, as a share of base; its peak hour is `peak`."""
    peak: float = 14.0
    weekly: float = 0.0
    """Change on a weekend, as a share of base (negative: lower)."""
    noise: float = 0.01
    cumulative: bool = False
    """Counts up from 0 at local midnight and is reset there; `base` is then the total of a day."""
    per_area: float = 1.0
    """How a district's base scales with its weight: 0 the same as the city's (a rate, an index), 1 in proportion (a count)."""
    drivers: tuple[tuple[str, float], ...] = ()
    """(phenomenon, gain): value = normal × (1 + gain × intensity); a gain on a base of 0 adds gain × intensity instead."""


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity, before it is asked for any one area."""

    id: IndicatorId
    name: Text
    unit: Text
    domain: str
    owner: DepartmentId
    period_ms: int
    """How often the source should report."""
    fresh_ms: int
    """Older than this it is stale and must look stale."""
    decimals: int = 0
    low: float | None = None
    high: float | None = None
    """The normal band; outside it the tile takes the colour of `out_of_band`."""
    out_of_band: Severity = Severity.MODERATE
    good: Direction = Direction.NEITHER
    headline: int = 0
    """1 and up: shown on the first board, in this order; 0: only when asked for."""
    definition: Text = Text()
    dynamics: Dynamics


class AlertKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of alert, with what is behind it and what to do."""

    id: AlertKindId
    name: Text
    title: Text
    """Template with {place}, {value}, {limit}, {unit} fields."""
    severity: Severity
    domain: str
    owner: DepartmentId
    indicator: IndicatorId | None = None
    cause: AlertKindId | None = None
    """The kind that usually brings this one about (rain → waterlogging → slow traffic → late ambulance)."""
    phenomenon: str = ""
    """What makes it happen in the demo city."""
    delay_s: float = 0.0
    """How long after its cause it usually comes."""
    skills: tuple[str, ...] = ()
    """What a unit must be able to do to handle it."""
    procedure: Text = Text()
    """What the officer should do, in one or two sentences."""
    place_kinds: tuple[str, ...] = ()
    """What kinds of places it happens at; empty: anywhere."""
    limit: float | None = None
    """The value at which it is raised, in the indicator's unit."""
    typical: float | None = None
    """A value it usually comes with, for drills and the demo city."""


class UnitKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of unit (消防, 抢修, 网格员 …)."""

    id: str
    name: Text
    skills: tuple[str, ...]
    speed_kmh: float
    """Usual speed under way, for the expected time of arrival."""
    count: int
    """How many the demo city has."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A named place where something can happen: a crossing, a pier, a station. Real names; positions to street level at best."""

    name: Text
    area: AreaCode
    position: Position
    kinds: tuple[str, ...] = ()
    """What it is (underpass, pier, hospital, gas, river, forest, school, station …); alert kinds choose places by it."""
