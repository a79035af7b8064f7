"""When things happen in the demo city: the great storm that comes back, small troubles in between, and what was already going on at the start.

The storm is whatever phenomenon of the pack has the longest train of consequences; no phenomenon is known here by name.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from app.domain.alert import Alert
from app.domain.city import AlertKind
from app.domain.geo import distance_m
from app.domain.ids import AlertKindId, AreaCode
from app.domain.severity import Severity
from datasources.demo.agenda import Agenda
from datasources.demo.alarms import Alarms
from datasources.demo.phenomena import Occurrence, Phenomena

if TYPE_CHECKING:
    from app.citypack import CityPack

# In life, seconds; the tempo divides them. At the default tempo of 6: 3–6 s, 40 s, 4 min, 1 min, 20 min, 30 s.
STORM_FIRST_S = (18.0, 36.0)
STORM_RAMP_S, STORM_HOLD_S, STORM_FALL_S = 240.0, 1_440.0, 360.0
STORM_EVERY_S = 7_200.0
TROUBLE_EVERY_S = 180.0
TROUBLE_LASTS_S = (480.0, 2_400.0)
STORM_AREAS = 4
STANDING = 15
_FELT = 0.1
"""Share of its peak at which a storm raises its first alerts."""


class Story:
    """Plans occurrences and alerts on the agenda."""

    def __init__(self, pack: CityPack, agenda: Agenda, alarms: Alarms, phenomena: Phenomena, rng: random.Random, tempo: float) -> None:
        self._pack = pack
        self._agenda = agenda
        self._alarms = alarms
        self._phenomena = phenomena
        self._rng = rng
        self._second = 1_000 / tempo
        kinds = pack.alert_kinds.values()
        self._roots = [kind for kind in kinds if kind.cause is None]
        self._weight = {kind.id: 0 for kind in kinds}
        for kind in kinds:
            for ancestor in _ancestors(kind, pack.alert_kinds):
                self._weight[ancestor] += 1
        self._storm = max(self._roots, key=lambda kind: self._weight[kind.id], default=None)

    @property
    def storm_kind(self) -> AlertKindId | None:
        """The alert with which the great storm begins."""
        return self._storm.id if self._storm else None

    def begin(self, now: int) -> None:
        """Plan everything that is to come."""
        if self._storm is not None:
            self._agenda.plan(now + self._rng.uniform(*STORM_FIRST_S) * self._second, self._storm_comes)
        self._agenda.plan(now + self._rng.expovariate(1 / (TROUBLE_EVERY_S * self._second)), self._trouble_comes)

    # --- before the start ------------------------------------------------------------------------------------------------------

    def standing(self, now: int) -> list[Alert]:
        """Raise what has been going on for a while at `now`: kinds of every severity, with some of their consequences."""
        before_storm = {self._storm.id} if self._storm else set[AlertKindId]()
        calm = [kind for kind in self._pack.alert_kinds.values() if not before_storm & {kind.id, *_ancestors(kind, self._pack.alert_kinds)}]
        self._rng.shuffle(calm)
        by_severity = [[kind for kind in calm if kind.severity is severity] for severity in Severity]
        mixed = [kinds[turn] for turn in range(len(calm)) for kinds in by_severity if turn < len(kinds)]
        raised: dict[AlertKindId, Alert] = {}
        for kind in mixed:
            if len(raised) >= STANDING:
                break
            self._stand(kind, now, raised)
        return list(raised.values())

    def _stand(self, kind: AlertKind, now: int, raised: dict[AlertKindId, Alert]) -> None:
        """Raise `kind` in the past, its cause before it."""
        if kind.id in raised:
            return
        cause = None
        if kind.cause is not None and kind.cause in self._pack.alert_kinds:
            self._stand(self._pack.alert_kinds[kind.cause], now, raised)
            cause = raised.get(kind.cause)
        areas = [cause.area] if cause and self._alarms.place(kind, cause.area) else self._alarms.areas_for(kind)
        if not areas:
            return
        area = self._rng.choices(areas, [self._pack.weights.get(code, 0.1) for code in areas])[0]
        began = cause.at + self._rng.randrange(30_000, 240_000) if cause else now - self._rng.randrange(400_000, 3_000_000)
        began = min(began, now - 20_000)
        end = now + self._rng.uniform(600, 6_000) * self._second
        alert = self._alarms.raise_one(kind, area, now, end, cause=cause if cause and cause.area == area else None, at=began)
        if alert is not None:
            raised[kind.id] = alert
            self._alarms.stir(kind, {area: self._rng.uniform(0.3, 0.7)}, began, end)

    # --- the storm -------------------------------------------------------------------------------------------------------------

    def _storm_comes(self, now: int) -> None:
        kind = self._storm
        if kind is None:
            return
        peaks = self._struck()
        ramp, hold, fall = (int(s * self._second) for s in (STORM_RAMP_S, STORM_HOLD_S, STORM_FALL_S))
        storm = Occurrence(phenomenon=kind.phenomenon, peaks=peaks, start=now, ramp=ramp, hold=hold, fall=fall)
        self._phenomena.begin(storm)
        for area, peak in peaks.items():
            for root in self._roots:
                if root.phenomenon == kind.phenomenon:
                    when = now + ramp * _FELT / peak * self._rng.uniform(1.0, 1.3)
                    self._agenda.plan(when, lambda then, root=root, area=area: self._strike(root, area, then, storm.end))
        self._agenda.plan(now + STORM_EVERY_S * self._second, self._storm_comes)

    def _struck(self) -> dict[AreaCode, float]:
        """The areas hit, with the peak in each: the worst at a busy and small one, where most is close together."""
        areas = [code for code in self._pack.areas if code != self._pack.root] or [self._pack.root]
        nearest = {code: sorted(areas, key=lambda other, code=code: self._apart(code, other)) for code in areas}
        crowded = sorted(areas, key=lambda code: self._apart(code, nearest[code][min(2, len(areas) - 1)]))
        centre = self._rng.choice(crowded[: max(1, len(crowded) // 3)])
        return {code: round(1.0 - 0.17 * turn, 2) for turn, code in enumerate(nearest[centre][:STORM_AREAS])}

    def _apart(self, a: AreaCode, b: AreaCode) -> float:
        return distance_m(self._pack.areas[a].centre, self._pack.areas[b].centre)

    def _strike(self, kind: AlertKind, area: AreaCode, now: int, end: int) -> None:
        alert = self._alarms.raise_one(kind, area, now, end - self._rng.uniform(0, 120) * self._second)
        if alert is not None:
            self._alarms.follow(alert, now, end, breadth=1.6, odds=0.9)

    # --- small troubles --------------------------------------------------------------------------------------------------------

    def _trouble_comes(self, now: int) -> None:
        self._agenda.plan(now + self._rng.expovariate(1 / (TROUBLE_EVERY_S * self._second)), self._trouble_comes)
        kinds = [kind for kind in self._roots if kind is not self._storm]
        if not kinds:
            return
        kind = self._rng.choice(kinds)
        areas = self._alarms.areas_for(kind)
        if not areas:
            return
        area = self._rng.choices(areas, [self._pack.weights.get(code, 0.1) for code in areas])[0]
        end = now + self._rng.uniform(*TROUBLE_LASTS_S) * self._second
        self._alarms.stir(kind, {area: self._rng.uniform(0.4, 1.0)}, now, end)
        alert = self._alarms.raise_one(kind, area, now, end)
        if alert is not None:
            self._alarms.follow(alert, now, end, breadth=1.0, odds=0.45)


def _ancestors(kind: AlertKind, kinds: dict[AlertKindId, AlertKind]) -> list[AlertKindId]:
    """What is behind `kind`, nearest first. The pack's check has seen to it that this ends."""
    found: list[AlertKindId] = []
    while kind.cause is not None and kind.cause in kinds and kind.cause not in found:
        found.append(kind.cause)
        kind = kinds[kind.cause]
    return found
