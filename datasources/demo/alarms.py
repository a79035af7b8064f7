"""Raises and clears the demo city's alerts: which place, which value, which words, and what each brings about.

When things happen is story.py's business; who acknowledges them is officers.py's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from app.domain.alert import Alert, Reality
from app.domain.city import AlertKind, Place
from app.domain.geo import distance_m
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, series_id
from app.domain.text import Text
from datasources.demo.agenda import Agenda
from datasources.demo.phenomena import Occurrence, Phenomena
from datasources.demo.register import Register

if TYPE_CHECKING:
    from app.citypack import CityPack

LONGEST_DELAY_S = 180.0
"""In life, seconds: a consequence that takes longer to come would leave the play before it does."""
KEPT_MS = 600_000
"""How long a cleared alert stays in the register."""


class Alarms:
    """The city's alerts, raised at named places and cleared when what is behind them is over."""

    def __init__(self, pack: CityPack, register: Register, agenda: Agenda, phenomena: Phenomena, rng: random.Random, tempo: float) -> None:
        self._pack = pack
        self._register = register
        self._agenda = agenda
        self._phenomena = phenomena
        self._rng = rng
        self._second = 1_000 / tempo
        self._count = 0
        self._taken: set[tuple[AlertKindId, str]] = set()
        self._children: dict[AlertKindId, list[AlertKind]] = {}
        self._flapping: Alert | None = None
        self.heard: Callable[[Alert, int], None] = lambda alert, now: None
        """Told of each new alert."""
        for kind in pack.alert_kinds.values():
            if kind.cause is not None:
                self._children.setdefault(kind.cause, []).append(kind)

    def raise_one(self, kind: AlertKind, area: AreaCode, now: int, end: float, *, cause: Alert | None = None, at: int | None = None) -> Alert | None:
        """Raise an alert that lasts until `end` (UTC ms). None where every fitting place of the area has one of this kind already."""
        place = self.place(kind, area, cause)
        if place is None:
            return None
        alert = self._compose(kind, area, place, now if at is None else at, cause)
        self._taken.add((kind.id, place.name.zh + place.name.en))
        self._register.put_alert(alert)
        self._agenda.plan(max(end, now + 1_000), lambda then: self._clear(alert.id, place, then))
        self.heard(alert, now)
        return alert

    def follow(self, alert: Alert, now: int, end: float, *, breadth: float, odds: float) -> None:
        """Plan what `alert` brings about: about `breadth` places for each kind that follows from it with chance `odds`."""
        for kind in self._children.get(alert.kind, []):
            if self._rng.random() > odds:
                continue
            places = max(1, round(self._rng.gauss(breadth, 0.6)))
            delay = min(kind.delay_s, LONGEST_DELAY_S) * self._second
            for turn in range(places):
                when = now + delay * self._rng.uniform(0.6, 1.0) + turn * 25 * self._second
                self._agenda.plan(when, lambda then, kind=kind: self._consequence(kind, alert, then, end, odds))

    def _consequence(self, kind: AlertKind, cause: Alert, now: int, end: float, odds: float) -> None:
        if not self._register.alerts.get(cause.id, cause).active:
            return
        lasts = max(end, now + 120 * self._second) + self._rng.uniform(30, 240) * self._second
        raised = self.raise_one(kind, cause.area, now, lasts, cause=cause)
        if raised is None:
            return
        self.stir(kind, {cause.area: self._rng.uniform(0.5, 0.9)}, now, lasts)
        self.follow(raised, now, lasts, breadth=1.0, odds=odds * 0.8)

    def stir(self, kind: AlertKind, peaks: dict[AreaCode, float], start: int, end: float, *, ramp_s: float = 120.0) -> Occurrence | None:
        """Let the kind's phenomenon act on the values of the areas, from `start` to `end`."""
        if not kind.phenomenon:
            return None
        ramp = int(min(ramp_s * self._second, (end - start) / 3))
        occurrence = Occurrence(phenomenon=kind.phenomenon, peaks=peaks, start=start, ramp=ramp, hold=int(end - start) - 2 * ramp, fall=ramp)
        self._phenomena.begin(occurrence)
        return occurrence

    def place(self, kind: AlertKind, area: AreaCode, cause: Alert | None = None) -> Place | None:
        """A fitting place without such an alert, the nearest few to the cause first."""
        wanted = set(kind.place_kinds)
        fitting = [p for p in self._pack.places if p.area == area and (not wanted or wanted & set(p.kinds))]
        free = [p for p in fitting if (kind.id, p.name.zh + p.name.en) not in self._taken]
        if cause is not None and cause.position is not None:
            here = cause.position
            free = sorted(free, key=lambda p: distance_m(here, p.position))[:3]
        return self._rng.choice(free) if free else None

    def areas_for(self, kind: AlertKind) -> list[AreaCode]:
        """Areas that have a place for such an alert, in the pack's order."""
        return [code for code in self._pack.areas if code != self._pack.root and self.place(kind, code) is not None]

    def _compose(self, kind: AlertKind, area: AreaCode, place: Place, at: int, cause: Alert | None) -> Alert:
        self._count += 1
        value = self._value(kind)
        indicator = self._pack.indicators.get(kind.indicator) if kind.indicator else None
        measured = indicator is not None and self._pack.measured(indicator.id, area)
        fields = {"value": _number(value), "limit": _number(kind.limit)}
        unit = indicator.unit if indicator else Text()
        zh = kind.title.zh.format(place=place.name.zh, unit=unit.zh, **fields)
        title = Text(zh, kind.title.en.format(place=place.name.en, unit=unit.en, **fields))
        return Alert(
            id=AlertId(f"{self._pack.id}-alert-{self._count:06d}"),
            kind=kind.id,
            severity=kind.severity,
            title=title,
            area=area,
            place=place.name,
            at=Millis(at),
            position=place.position,
            cause=cause.id if cause else None,
            series=series_id(indicator.id, area) if indicator and measured else None,
            value=value,
            limit=kind.limit,
            reality=Reality.SIMULATED,
            advice=kind.procedure,
        )

    def _value(self, kind: AlertKind) -> float | None:
        """Somewhere about the typical value, never on the good side of the limit."""
        if kind.typical is None:
            return None
        indicator = self._pack.indicators.get(kind.indicator) if kind.indicator else None
        decimals = indicator.decimals if indicator else 1
        limit = kind.limit if kind.limit is not None else kind.typical * 0.9
        value = round(limit + (kind.typical - limit) * self._rng.uniform(0.6, 1.25), decimals)
        return value if (value - limit) * (kind.typical - limit) > 0 else kind.typical

    def _clear(self, alert_id: AlertId, place: Place, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is None or not alert.active:
            return
        self._taken.discard((alert.kind, place.name.zh + place.name.en))
        self._register.put_alert(msgspec.structs.replace(alert, active=False, ended_at=Millis(now), version=alert.version + 1))
        self._agenda.plan(now + KEPT_MS, lambda then: self._forget(alert_id, then))

    # --- mischief --------------------------------------------------------------------------------------------------------------

    def flood(self, count: int, now: int) -> None:
        """Raise `count` alerts at once, several of a kind at one place if need be; they go within three minutes."""
        kinds, places = list(self._pack.alert_kinds.values()), self._pack.places
        if not kinds or not places:
            return
        for _ in range(count):
            place = self._rng.choice(places)
            alert = self._compose(self._rng.choice(kinds), place.area, place, now, None)
            self._register.put_alert(alert)
            self._agenda.plan(now + self._rng.uniform(60_000, 180_000), lambda then, gone=alert.id, place=place: self._clear(gone, place, then))

    def flap(self, now: int) -> None:
        """The flapping alert comes or goes."""
        if self._flapping is None:
            kinds = list(self._pack.alert_kinds.values())
            if not kinds or not self._pack.places:
                return
            place = self._rng.choice(self._pack.places)
            self._flapping = self._compose(self._rng.choice(kinds), place.area, place, now, None)
            self._register.put_alert(self._flapping)
            return
        alert = self._register.alerts.get(self._flapping.id, self._flapping)
        if alert.active:
            after = msgspec.structs.replace(alert, active=False, ended_at=Millis(now), version=alert.version + 1)
        else:
            after = msgspec.structs.replace(alert, active=True, at=Millis(now), ended_at=None, acknowledged=None, version=alert.version + 1)
        self._flapping = after
        self._register.put_alert(after)

    def _forget(self, alert_id: AlertId, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is None:
            return
        case = self._register.cases.get(alert.case) if alert.case else None
        if alert.acknowledged is None or (case is not None and not case.ended):
            self._agenda.plan(now + KEPT_MS, lambda then: self._forget(alert_id, then))
            return
        del self._register.alerts[alert_id]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
