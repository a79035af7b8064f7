"""Raises and clears the demo city's alerts: which place, which value, which words, and what each brings about.

When things happen is story.py's business; who acknowledges them is officers.py's.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from app.domain.alert import TRANSITIONS, Alert, AlertState, Happening, Reality
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
AGAIN, FOLLOWS = 0.12, 0.42
"""In a storm of alerts: below the first, an alert repeats one of the same point; below the second, it is a symptom of one before it."""
_LOOKED_BACK = 120
"""Alerts of a storm that later ones repeat."""
_CAUSES = 40
"""Alerts of a storm that later ones follow from."""
_STORM_LASTS_MS = (60_000, 180_000)


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
        self._flapping: AlertId | None = None
        self._storm: deque[Alert] = deque(maxlen=_LOOKED_BACK)
        self._causes: deque[Alert] = deque(maxlen=_CAUSES)
        self._points: list[tuple[AlertKind, Place]] = []
        self._struck: set[tuple[AlertKindId, Text]] = set()
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
        self._agenda.plan(max(end, now + 1_000), lambda then: self._leave(alert.id, place, then))
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

    def _leave(self, alert_id: AlertId, place: Place, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is not None and alert.active:
            self._taken.discard((alert.kind, place.name.zh + place.name.en))
            self._clear(alert_id, now)

    def _clear(self, alert_id: AlertId, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is None or not alert.active:
            return
        self._register.put_alert(returned(alert, now))
        self._agenda.plan(now + KEPT_MS, lambda then: self._forget(alert_id, then))

    # --- mischief --------------------------------------------------------------------------------------------------------------

    def flood(self, count: int, now: int) -> None:
        """Raise `count` alerts at once, as a real storm does: most at points of their own, some again at the same point, some symptoms of
        others. They go within three minutes."""
        kinds = list(self._pack.alert_kinds.values())
        if not kinds or not self._pack.places:
            return
        if self._storm and now - self._storm[-1].at > _STORM_LASTS_MS[0]:
            self._storm.clear()
            self._causes.clear()
            self._struck.clear()
            self._points.clear()
        for _ in range(count):
            alert = self._of_storm(kinds, now)
            self._storm.append(alert)
            if alert.kind in self._children:
                self._causes.append(alert)
            self._register.put_alert(alert)
            self._agenda.plan(now + self._rng.uniform(*_STORM_LASTS_MS), lambda then, gone=alert.id: self._clear(gone, then))

    def _of_storm(self, kinds: list[AlertKind], now: int) -> Alert:
        dice = self._rng.random()
        if dice < AGAIN and self._storm:
            return self._once_more(self._rng.choice(self._storm), now)
        if dice < FOLLOWS and self._causes:
            cause = self._rng.choice(self._causes)
            kind = self._rng.choice(self._children[cause.kind])
            return self._compose(kind, cause.area, self._unstruck(kind, cause.area), now, cause)
        if not self._points:
            self._points = self._shuffled(kinds)
        kind, place = self._points.pop()
        self._struck.add((kind.id, place.name))
        return self._compose(kind, place.area, place, now, None)

    def _shuffled(self, kinds: list[AlertKind]) -> list[tuple[AlertKind, Place]]:
        """Every kind at every place, those that fit each other last: they are taken first."""
        fitting: list[tuple[AlertKind, Place]] = []
        others: list[tuple[AlertKind, Place]] = []
        for kind in kinds:
            for place in self._pack.places:
                (fitting if set(kind.place_kinds) & set(place.kinds) else others).append((kind, place))
        self._rng.shuffle(fitting)
        self._rng.shuffle(others)
        return [*others, *fitting]

    def _once_more(self, earlier: Alert, now: int) -> Alert:
        """The same point raises again, as an alert of its own: many platforms do not know that it is the same."""
        self._count += 1
        id = AlertId(f"{self._pack.id}-alert-{self._count:06d}")
        return msgspec.structs.replace(
            earlier, id=id, at=Millis(now), active=True, ended_at=None, acknowledged=None, case=None, owner="", steps=(), version=1
        )

    def _unstruck(self, kind: AlertKind, area: AreaCode) -> Place:
        """A place of the area that this storm has not struck so yet, a fitting one if there is one; else any of the area."""
        here = [place for place in self._pack.places if place.area == area] or list(self._pack.places)
        free = [place for place in here if (kind.id, place.name) not in self._struck]
        fitting = [place for place in free if set(kind.place_kinds) & set(place.kinds)]
        place = self._rng.choice(fitting or free or here)
        self._struck.add((kind.id, place.name))
        return place

    def flap(self, now: int) -> None:
        """The flapping alert comes or goes: one point, one alert, again and again."""
        alert = self._register.alerts.get(self._flapping) if self._flapping is not None else None
        if alert is None:
            kinds = list(self._pack.alert_kinds.values())
            if not kinds or not self._pack.places:
                return
            kind, place = self._shuffled(kinds)[-1]
            alert = self._compose(kind, place.area, place, now, None)
            self._flapping = alert.id
            self._register.put_alert(alert)
            return
        case = self._register.cases.get(alert.case) if alert.case else None
        after = returned(alert, now) if alert.active else raised_again(alert, now, over=case is not None and case.ended)
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


def returned(alert: Alert, now: int) -> Alert:
    """The alert when its condition is over."""
    return _happened(alert, Happening.RETURN, ended_at=Millis(now))


def raised_again(alert: Alert, now: int, *, over: bool = False) -> Alert:
    """The alert when its condition holds again: somebody has to take note anew. Its history stays with it. Who owned it does so still
    where nobody had closed the matter; `over`: its case has ended, and the alert belongs to it no more."""
    owner = alert.owner if alert.state is AlertState.RETURNED else ""
    case = None if over else alert.case
    return _happened(alert, Happening.RAISE, at=Millis(now), ended_at=None, owner=owner, case=case)


def _happened(alert: Alert, happening: Happening, **change: object) -> Alert:
    """By the machine that the desks use too; as it was where that knows no such change."""
    state = TRANSITIONS.get((alert.state, happening))
    if state is None:
        return alert
    active = state in (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED)
    mark = alert.acknowledged if state in (AlertState.ACKNOWLEDGED, AlertState.CLEARED) else None
    return msgspec.structs.replace(alert, active=active, acknowledged=mark, version=alert.version + 1, **change)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
