"""The demo city's units on the move: patrol walks, journeys to a case and back. Each reports its position once a second.

It moves units and nothing else; what a unit does at a case is missions.py.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from app.domain.city import Place, UnitKind
from app.domain.geo import Position
from app.domain.ids import AreaCode, CaseId, Millis, UnitId
from app.domain.text import Text
from app.domain.unit import Unit, UnitFix, UnitState
from datasources.demo.register import Register
from datasources.demo.ways import Ways

if TYPE_CHECKING:
    from app.citypack import CityPack

FIX_MS = 1_000
SEA = "sea"
"""The kind of place at which ships and boats are."""
_SILENT = frozenset({UnitState.OFF_DUTY, UnitState.NO_CONTACT})


class Walk:
    """Where one unit is on its way. Mutable, seen by the fleet alone."""

    __slots__ = ("at", "heading", "leg", "rest_until", "speed_ms", "way")

    def __init__(self, at: Position) -> None:
        self.at = at
        self.way: list[Position] = []
        self.leg = 0
        self.speed_ms = 0.0
        self.heading = 0.0
        self.rest_until = 0

    def take(self, way: list[Position], speed_ms: float) -> None:
        """Set out along `way` at `speed_ms` metres a second."""
        self.way, self.leg, self.speed_ms, self.rest_until = way, 1, speed_ms, 0

    @property
    def under_way(self) -> bool:
        return self.leg < len(self.way)

    def go(self, metres: float, ways: Ways) -> None:
        """Move on by `metres`, round as many corners as that takes."""
        while self.under_way and metres > 0:
            target = self.way[self.leg]
            left = ways.apart(self.at, target)
            if left > 0.01:
                self.heading = ways.heading(self.at, target)
            if left > metres:
                share = metres / left
                self.at = Position(self.at.lon + (target.lon - self.at.lon) * share, self.at.lat + (target.lat - self.at.lat) * share)
                return
            metres -= left
            self.at = target
            self.leg += 1


class Fleet:
    """All units of the city. The register holds what a desk may know of them; positions between fixes stay here."""

    def __init__(self, pack: CityPack, register: Register, ways: Ways, rng: random.Random, now: int) -> None:
        self._register = register
        self._ways = ways
        self._rng = rng
        self._kinds = pack.unit_kinds
        self._land: dict[AreaCode, list[Place]] = {code: [] for code in pack.areas}
        for place in pack.places:
            if SEA not in place.kinds:
                self._land.setdefault(place.area, []).append(place)
        self._sea = [place for place in pack.places if SEA in place.kinds]
        self._boats = _boats(pack) if self._sea else frozenset[str]()
        self._walks: dict[UnitId, Walk] = {}
        districts = [code for code in pack.areas if code != pack.root and self._land.get(code)] or [pack.root]
        even = 1 / len(districts)
        weights = [0.5 * even + 0.5 * pack.weights.get(code, even) for code in districts]
        for kind in pack.unit_kinds.values():
            for number in range(1, kind.count + 1):
                self._station(pack, kind, number, rng.choices(districts, weights)[0], now)
        self._last: dict[UnitId, int] = dict.fromkeys(self._walks, now)
        self._turn: dict[UnitId, int] = {unit: now + index * FIX_MS // len(self._walks) for index, unit in enumerate(self._walks)}

    def _station(self, pack: CityPack, kind: UnitKind, number: int, area: AreaCode, now: int) -> None:
        rng = self._rng
        if kind.id in self._boats:
            place = rng.choice(self._sea)
            at, area = self._afloat(place.position, 2_500), place.area
        else:
            places = self._land.get(area)
            at = rng.choice(places).position if places else pack.areas[area].centre
        chance = rng.random()
        state = UnitState.OFF_DUTY if chance < 0.02 else UnitState.NO_CONTACT if chance < 0.03 else UnitState.IDLE
        taken = now - rng.randrange(300_000, 3_600_000) if state in _SILENT else now
        name = Text(f"{kind.name.zh}{number:02d}", f"{kind.name.en} {number:02d}")
        unit = Unit(id=UnitId(f"{kind.id}-{number:02d}"), name=name, kind=kind.id, area=area, position=_rounded(at), state=state, at=Millis(taken))
        self._register.put_unit(unit)
        walk = Walk(at)
        walk.rest_until = now + rng.randrange(8_000)
        self._walks[unit.id] = walk

    def _afloat(self, centre: Position, metres: float) -> Position:
        for _ in range(4):
            point = self._ways.near(centre, metres)
            if not self._ways.crosses_coast([centre, point]):
                return point
        return centre

    # --- time ------------------------------------------------------------------------------------------------------------------

    def move(self, now: int) -> tuple[UnitFix, ...]:
        """Fixes of the units whose turn it is at `now`; their turns are spread over the second."""
        fixes: list[UnitFix] = []
        for unit_id, turn in self._turn.items():
            if now <= turn:
                continue
            self._turn[unit_id] = turn + ((now - turn) // FIX_MS + 1) * FIX_MS
            fix = self._fix(unit_id, now)
            if fix is not None:
                fixes.append(fix)
        return tuple(fixes)

    def _fix(self, unit_id: UnitId, now: int) -> UnitFix | None:
        unit = self._register.units[unit_id]
        passed, self._last[unit_id] = now - self._last[unit_id], now
        if unit.state in _SILENT:
            return None
        walk = self._walks[unit_id]
        if not walk.under_way and unit.state is UnitState.IDLE:
            self._patrol(unit, walk, now)
        walk.go(walk.speed_ms * passed / 1_000, self._ways)
        # Journeys are told faster than life; the speed on the screen is the vehicle's.
        usual = self._kinds[unit.kind].speed_kmh
        shown = min(walk.speed_ms * 3.6, usual * 1.25) if walk.under_way else 0.0
        at = _rounded(walk.at)
        heading, speed = round(walk.heading, 1), round(shown, 1)
        self._register.units[unit_id] = msgspec.structs.replace(unit, position=at, heading=heading, speed_kmh=speed, at=Millis(now))
        return UnitFix(unit_id, at.lon, at.lat, heading, speed, Millis(now))

    def _patrol(self, unit: Unit, walk: Walk, now: int) -> None:
        if not walk.rest_until:
            walk.rest_until = now + self._rng.randrange(2_000, 25_000)
        if now < walk.rest_until:
            return
        walk.rest_until = 0
        if unit.kind in self._boats:
            way = [walk.at, self._afloat(self._rng.choice(self._sea).position if self._rng.random() < 0.2 else walk.at, 4_000)]
        else:
            places = self._land.get(unit.area)
            if not places:
                return
            near = sorted(self._rng.sample(places, min(3, len(places))), key=lambda place: self._ways.apart(walk.at, place.position))
            way = self._ways.streets(walk.at, self._ways.near(near[0].position, 400), unit.area)
        if not self._ways.crosses_coast(way):
            walk.take(way, self._kinds[unit.kind].speed_kmh / 3.6 * self._rng.uniform(0.55, 0.95))

    # --- orders ----------------------------------------------------------------------------------------------------------------

    def distance(self, unit: UnitId, to: Position) -> float:
        """Metres from a unit to a point."""
        return self._ways.apart(self._walks[unit].at, to)

    def go_to(self, unit: UnitId, to: Position, travel_ms: float) -> None:
        """Set out at once, to be there after `travel_ms`."""
        walk = self._walks[unit]
        kind = self._register.units[unit].kind
        way = [walk.at, to] if kind in self._boats else self._ways.streets(walk.at, to, self._register.units[unit].area)
        walk.take(way, self._ways.length(way) / max(0.05, travel_ms / 1_000))

    def place_at(self, unit: UnitId, at: Position) -> None:
        """Put a unit where its journey ended."""
        walk = self._walks[unit]
        walk.at, walk.way, walk.leg = at, [], 0

    def set_state(self, unit: UnitId, state: UnitState, case: CaseId | None, now: int) -> None:
        """Enter a unit's new state into the register."""
        at = _rounded(self._walks[unit].at)
        self._register.put_unit(msgspec.structs.replace(self._register.units[unit], state=state, case=case, position=at, at=Millis(now)))

    def able(self, skills: tuple[str, ...]) -> list[Unit]:
        """Idle units that have one of `skills` (any idle unit where none is asked for)."""
        wanted = set(skills)
        return [u for u in self._register.units.values() if u.state is UnitState.IDLE and (not wanted or wanted & set(self._kinds[u.kind].skills))]


def _boats(pack: CityPack) -> frozenset[str]:
    """Kinds of unit with a skill that is asked for at sea, and none that is asked for on land only."""
    at_sea = {skill for kind in pack.alert_kinds.values() if SEA in kind.place_kinds for skill in kind.skills}
    on_land = {skill for kind in pack.alert_kinds.values() if SEA not in kind.place_kinds for skill in kind.skills} - at_sea
    return frozenset(kind.id for kind in pack.unit_kinds.values() if at_sea & set(kind.skills) and not on_land & set(kind.skills))


def _rounded(at: Position) -> Position:
    return Position(round(at.lon, 6), round(at.lat, 6))
