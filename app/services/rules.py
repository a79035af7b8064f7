"""The desk's own alerts: evaluates the city pack's rules over the newest readings, so that a platform that sends only numbers raises alerts too.

Pure: it is stepped with the time, asks nobody and keeps nothing on disk; whoever steps it hands its alerts on and keeps its state. A reading
that is bad, stale or missing neither raises an alert nor ends one, and the time for which it is so counts for no delay: unknown is not normal.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from app.citypack import CityPack
from app.domain.alert import Alert, Reality
from app.domain.batch import LinkReport, link_of
from app.domain.city import AlertKind, Indicator
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SeriesId, SourceName
from app.domain.rule import Combination, Count, Rate, Rule, RuleId, Rules, Threshold
from app.domain.severity import Severity
from app.domain.text import Text
from app.live.series import SeriesStore
from app.services.rule_points import Memory, Point, PointKey, Points

RULES = SourceName("rules")
"""The source of every alert that is raised here."""
TOLD_EVERY_MS = 60_000
"""An alert that grows worse is brought up to date at most so often."""
ENDED_KEPT_MS = 86_400_000
ENDED_KEPT = 1_000
"""Ended alerts that the state holds, since somebody may not have acknowledged them yet when the desk is started anew."""
LATE_MS = 600_000
"""What is raised so long after its consequence may still be its cause: delays differ."""
_SHARE = 0.05
"""Of its limit: by so much a value must have grown worse to be worth telling, where a rule has no deadband."""
_GENERATIONS = 4
"""Kinds that are looked back over for what brought an alert about."""


class KeptPoint(msgspec.Struct, frozen=True, array_like=True):
    """What the state holds of one point."""

    rule: RuleId
    subject: str
    active: bool
    turned: int
    latch: int
    onsets: tuple[int, ...]


class KeptAlert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the state holds of one alert; the rest of it follows from the pack."""

    rule: RuleId
    subject: str
    id: AlertId
    kind: AlertKindId
    severity: Severity
    title: Text
    area: AreaCode
    at: Millis
    ended_at: Millis | None
    cause: AlertId | None
    series: SeriesId | None
    value: float | None
    limit: float | None
    reality: Reality
    version: int


class RuleState(msgspec.Struct, frozen=True):
    """Everything that a restart must not lose. JSON of it is what is kept."""

    points: tuple[KeptPoint, ...] = ()
    standing: tuple[KeptAlert, ...] = ()
    ended: tuple[KeptAlert, ...] = ()
    """Oldest first."""


class RuleEngine:
    """Loop thread only. Two desks at one platform give an alert the same id, since it is made of rule, series and the source's own time."""

    def __init__(self, city: CityPack, series: SeriesStore) -> None:
        self._city = city
        self._series = series
        self._links: Mapping[SourceName, LinkReport] = {}
        self._names: tuple[SourceName, ...] = ()
        self._standing: dict[PointKey, Alert] = {}
        self._ended: OrderedDict[AlertId, tuple[PointKey, Alert]] = OrderedDict()
        self._told_at: dict[PointKey, Millis] = {}
        self._due: dict[AlertId, Alert] = {}
        """To be handed out with the next step."""
        self.generation = 0
        """Rises whenever `state` has changed."""
        self.rules = city.rules
        self._points = self._make_points(city.rules, {})

    @property
    def standing(self) -> int:
        """How many alerts stand at the moment."""
        return len(self._standing)

    @property
    def watched(self) -> int:
        """How many points are looked at each second: rules, each in all its areas."""
        return len(self._points.points)

    # --- each second ---------------------------------------------------------------------------------------------------------

    def step(self, now: Millis, links: Mapping[SourceName, LinkReport] | None = None) -> list[Alert]:
        """Alerts that were raised, changed or ended since the last step, each in its newest version, in the order in which it came about.
        `links`: the desk's links as they are now."""
        self._follow_links(links or {})
        out, self._due = self._due, {}
        raised = False
        counted = self._points.counted
        for number in self._points.step(now, self._links):
            raised |= bool(self._points.active[number])
            self._turn(number, now, out)
            self.generation += 1
        self.generation += self._points.counted - counted
        self._tell_worse(now, out)
        if raised:
            self._explain(out)
        return list(out.values())

    # --- while it runs -------------------------------------------------------------------------------------------------------

    def use(self, rules: Rules, now: Millis) -> None:
        """These are the rules from now on. Alerts of a rule that is still there, and still raises the same kind, stand on; the others end with
        the next step."""
        self.rules = rules
        self._make_anew(self._points.memories(), now)

    def state(self) -> RuleState:
        """What a restart must not lose. Conditions whose delay is running are not in it: their delay begins anew."""
        kept = [KeptPoint(*key, m.active, m.turned, m.latch, m.onsets) for key, m in self._points.memories().items() if m.active or m.onsets]
        return RuleState(
            points=tuple(kept),
            standing=tuple(_kept(key, alert) for key, alert in self._standing.items()),
            ended=tuple(_kept(key, alert) for key, alert in self._ended.values()),
        )

    def restore(self, state: RuleState, now: Millis) -> None:
        """Go on from `state`, in place of whatever was before; the next step hands out every alert in it, under its old id."""
        self._standing = {PointKey(k.rule, k.subject): self._alert(k) for k in state.standing}
        self._ended = OrderedDict((k.id, (PointKey(k.rule, k.subject), self._alert(k))) for k in state.ended)
        self._forget_ended(now)
        self._due = {alert.id: alert for alert in (*(alert for _, alert in self._ended.values()), *self._standing.values())}
        self._make_anew({PointKey(k.rule, k.subject): Memory(k.active, 0, 0, k.turned, k.latch, k.onsets) for k in state.points}, now)

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _make_points(self, rules: Rules, memories: Mapping[PointKey, Memory]) -> Points:
        points = Points(self._city, self._series, rules.rules, self._names)
        points.remember(memories)
        measured = points.points[: len(points.worst)]
        self._margin = np.array([_margin(point.rule, self._indicator(point.rule)) for point in measured])
        for key, alert in self._standing.items():
            if (number := points.numbers.get(key)) is not None:
                points.mark_told(number, alert.value)
        return points

    def _make_anew(self, memories: Mapping[PointKey, Memory], now: Millis) -> None:
        """New points for the rules as they are now, with as much of `memories` as still fits them and the alerts that stand."""
        kinds = {rule.id: rule.raises for rule in self.rules.rules}

        def fits(key: PointKey, memory: Memory) -> bool:
            kind, alert = kinds.get(key.rule), self._standing.get(key)
            return kind == (alert.kind if alert is not None else None) if memory.active else True

        self._points = self._make_points(self.rules, {key: memory for key, memory in memories.items() if fits(key, memory)})
        for key in [key for key in self._standing if not self._stands(key)]:
            self._end(key, now, self._due)
        for key, alert in self._standing.items():
            point = self._points.points[self._points.numbers[key]]
            if alert.severity != point.rule.severity or (isinstance(point.rule, Threshold | Count | Rate) and alert.limit != point.rule.limit):
                self._change(key, self._composed(point, alert, alert.value), self._due)
        self.generation += 1

    def _stands(self, key: PointKey) -> bool:
        number = self._points.numbers.get(key)
        return number is not None and bool(self._points.active[number])

    def _follow_links(self, links: Mapping[SourceName, LinkReport]) -> None:
        self._links = links
        # A link that is gone from the desk is remembered: it is no more live than one that is down.
        names = (*self._names, *(name for name in links if name != RULES and name not in self._names))
        if names != self._names:
            self._names = names
            self._points = self._make_points(self.rules, self._points.memories())

    def _turn(self, number: int, now: Millis, out: dict[AlertId, Alert]) -> None:
        """The point was raised, or ended."""
        point = self._points.points[number]
        kind = self._city.alert_kinds.get(point.rule.raises) if point.rule.raises is not None else None
        if kind is None:
            return
        if not self._points.active[number]:
            self._end(point.key, Millis(int(self._points.turned[number])), out, now)
            return
        alert = self._raised(number, point, kind)
        self._points.mark_told(number, alert.value)
        self._told_at[point.key] = now
        self._standing[point.key] = out[alert.id] = alert

    def _raised(self, number: int, point: Point, kind: AlertKind) -> Alert:
        rule = point.rule
        at = int(self._points.turned[number])
        while (name := AlertId(f"rule:{rule.id}:{point.key.subject}:{at}")) in self._ended:
            at += 1  # the same reading, corrected twice by its source
        alert = Alert(
            id=name,
            kind=kind.id,
            severity=rule.severity,
            title=Text(),
            area=point.area,
            at=Millis(at),
            series=self._series.ids[point.row] if point.row >= 0 else None,
            limit=rule.limit if isinstance(rule, Threshold | Count | Rate) else None,
            reality=self._reality(number),
            advice=kind.procedure,
            source=RULES,
        )
        return self._composed(point, alert, self._value(number))

    def _composed(self, point: Point, alert: Alert, value: float | None) -> Alert:
        """`alert` with this value, and the title and limit that its rule has for it."""
        rule = point.rule
        indicator = self._indicator(rule)
        limit = rule.limit if isinstance(rule, Threshold | Count | Rate) else None
        place = self._city.areas[point.area].name
        unit = indicator.unit if indicator is not None else Text()
        figures = {"value": _figure(value, indicator), "limit": _figure(limit, None)}
        title = Text(
            rule.title.zh.format(place=place.zh, unit=unit.zh, **figures),
            rule.title.en.format(place=place.en, unit=unit.en, **figures),
        )
        return msgspec.structs.replace(alert, title=title, value=value, limit=limit, severity=rule.severity)

    def _value(self, number: int) -> float | None:
        change = self._points.change
        return float(change[number]) if number < len(change) and not np.isnan(change[number]) else None

    def _end(self, key: PointKey, at: Millis, out: dict[AlertId, Alert], now: Millis | None = None) -> None:
        """`at`: when its condition was over, by the source's clock."""
        alert = self._standing.pop(key, None)
        self._told_at.pop(key, None)
        if alert is None:
            return
        ended = Millis(max(at, alert.at))
        alert = msgspec.structs.replace(alert, active=False, ended_at=ended, version=alert.version + 1)
        self._ended[alert.id] = key, alert
        self._forget_ended(at if now is None else now)
        out.pop(alert.id, None)
        out[alert.id] = alert

    def _forget_ended(self, now: Millis) -> None:
        while self._ended:
            name, (_, alert) = next(iter(self._ended.items()))
            if len(self._ended) <= ENDED_KEPT and now - (alert.ended_at or alert.at) <= ENDED_KEPT_MS:
                return
            del self._ended[name]

    def _change(self, key: PointKey, alert: Alert, out: dict[AlertId, Alert]) -> None:
        """The alert is now like this; one version on, unless its last version was not handed out yet."""
        alert = alert if alert.id in out else msgspec.structs.replace(alert, version=alert.version + 1)
        self._standing[key] = out[alert.id] = alert
        self.generation += 1

    def _tell_worse(self, now: Millis, out: dict[AlertId, Alert]) -> None:
        """Bring up to date what has become worse by more than a trifle, each alert at most once a minute."""
        for number in self._points.worse_by(self._margin):
            point = self._points.points[number]
            alert = self._standing.get(point.key)
            if alert is None or now - self._told_at.get(point.key, Millis(0)) < TOLD_EVERY_MS:
                continue
            value = self._value(number)
            self._points.mark_told(number, value)
            self._told_at[point.key] = now
            self._change(point.key, self._composed(point, alert, value), out)

    # --- cause over symptom --------------------------------------------------------------------------------------------------

    def _explain(self, out: dict[AlertId, Alert]) -> None:
        """Find the cause of what has none: first by the pack's kinds, in the same area or in the whole city; of what is left, the combination
        that it is part of."""
        by_kind = {(alert.kind, alert.area): key for key, alert in self._standing.items()}
        whole = self._wholes()
        behind = {alert.id: alert.cause for alert in self._standing.values()}
        for by_kinds in (True, False):
            for key, alert in list(self._standing.items()):
                if alert.cause is not None:
                    continue
                keys = self._causes_by_kind(alert, by_kind) if by_kinds else whole.get(key, ())
                if (cause := self._cause_among(keys, alert, behind)) is not None:
                    behind[alert.id] = cause
                    self._change(key, msgspec.structs.replace(alert, cause=cause), out)

    def _cause_among(self, keys: Iterable[PointKey], alert: Alert, behind: Mapping[AlertId, AlertId | None]) -> AlertId | None:
        """The first alert of `keys` that can have brought `alert` about."""
        for key in keys:
            cause = self._standing.get(key)
            if cause is not None and cause.at <= alert.at + LATE_MS and not _leads_to(cause.id, alert.id, behind):
                return cause.id
        return None

    def _causes_by_kind(self, alert: Alert, by_kind: Mapping[tuple[AlertKindId, AreaCode], PointKey]) -> Iterable[PointKey]:
        kind = self._city.alert_kinds[alert.kind].cause
        for _ in range(_GENERATIONS):
            if kind is None:
                return
            for area in (alert.area, self._city.root):
                if (key := by_kind.get((kind, area))) is not None:
                    yield key
            kind = self._city.alert_kinds[kind].cause

    def _wholes(self) -> dict[PointKey, list[PointKey]]:
        """The standing combinations that each point is part of."""
        found: dict[PointKey, list[PointKey]] = {}
        for key in self._standing:
            number = self._points.numbers[key]
            for part in self._points.parts_of(number) if isinstance(self._points.points[number].rule, Combination) else ():
                found.setdefault(self._points.points[part].key, []).append(key)
        return found

    # --- what an alert says --------------------------------------------------------------------------------------------------

    def _indicator(self, rule: Rule) -> Indicator | None:
        name = None if isinstance(rule, Combination) else rule.indicator
        return self._city.indicators.get(name) if name is not None else None

    def _reality(self, number: int) -> Reality:
        """Simulated where anything behind it came by a link that plays."""
        point = self._points.points[number]
        if point.row >= 0:
            simulated = self._plays(link_of(self._series.reading(point.row).source))
        elif point.link is not None:
            simulated = self._plays(point.link)
        else:
            simulated = any(self._reality(part) is Reality.SIMULATED for part in self._points.parts_of(number))
        return Reality.SIMULATED if simulated else Reality.ACTUAL

    def _plays(self, link: SourceName) -> bool:
        return link in self._links and self._links[link].simulated

    def _alert(self, kept: KeptAlert) -> Alert:
        kind = self._city.alert_kinds.get(kept.kind)
        return Alert(
            id=kept.id,
            kind=kept.kind,
            severity=kept.severity,
            title=kept.title,
            area=kept.area,
            at=kept.at,
            active=kept.ended_at is None,
            ended_at=kept.ended_at,
            cause=kept.cause,
            series=kept.series,
            value=kept.value,
            limit=kept.limit,
            reality=kept.reality,
            advice=kind.procedure if kind is not None else Text(),
            source=RULES,
            version=kept.version,
        )


def _leads_to(name: AlertId, wanted: AlertId, behind: Mapping[AlertId, AlertId | None]) -> bool:
    """Whether the alert called `name`, or one of the causes behind it, is the `wanted` one."""
    at: AlertId | None = name
    while at is not None and at != wanted:
        at = behind.get(at)
    return at is not None


def _kept(key: PointKey, alert: Alert) -> KeptAlert:
    return KeptAlert(
        rule=key.rule,
        subject=key.subject,
        id=alert.id,
        kind=alert.kind,
        severity=alert.severity,
        title=alert.title,
        area=alert.area,
        at=alert.at,
        ended_at=alert.ended_at,
        cause=alert.cause,
        series=alert.series,
        value=alert.value,
        limit=alert.limit,
        reality=alert.reality,
        version=alert.version,
    )


def _margin(rule: Rule, indicator: Indicator | None) -> float:
    """By how much its value must have become worse to be worth telling."""
    if not isinstance(rule, Threshold | Count | Rate):
        return np.inf
    step = 10.0 ** -(indicator.decimals if indicator is not None else 0)
    return max(rule.deadband, _SHARE * abs(rule.limit), step)


def _figure(value: float | None, indicator: Indicator | None) -> str:
    """As a title shows it; −0 never shows."""
    if value is None:
        return ""
    return f"{(value if indicator is None else round(value, indicator.decimals)) + 0.0:.10g}"
