"""The rules as columns: one point for every rule in every area, evaluated all at once. Says which conditions turned; raises no alert itself.

What a point needs from one second to the next (is it raised, since when does its condition hold, how often did it come) is kept here and can be
handed from one set of points to the next, so that rules may be changed while they run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.citypack import CityPack
from app.domain.batch import LinkReport, LinkState
from app.domain.ids import AreaCode, IndicatorId, Millis, SourceName, series_id
from app.domain.quality import Quality
from app.domain.rule import ANY_LINK, Combination, Count, Rate, Rule, RuleId, Side, Silence, Threshold
from app.live.series import SeriesStore

UNKNOWN = -1
"""As a count's latch: it was never seen on either side of its limit."""
_NEVER = -(1 << 60)
_NO_INDICATOR = IndicatorId("")
_MINUTE = 60_000


class PointKey(NamedTuple):
    """What a point is about: a rule, and the series, link or area that it looks at."""

    rule: RuleId
    subject: str


class Memory(NamedTuple):
    """What one point remembers. Times are UTC ms, 0: none."""

    active: bool = False
    since: int = 0
    """By this desk's clock: since when its condition differs from `active`."""
    began: int = 0
    """The same by the source's clock."""
    turned: int = 0
    """By the source's clock: when it was last raised or last ended."""
    latch: int = UNKNOWN
    onsets: tuple[int, ...] = ()
    """When a count's condition became true, oldest first."""


@dataclass(frozen=True, slots=True)
class Point:
    """One rule in one area. `row`: of its series in the store, -1 where it has none."""

    key: PointKey
    rule: Rule
    area: AreaCode
    row: int = -1
    link: SourceName | None = None


@dataclass(slots=True)
class _Combined:
    """One combination in all its areas: `parts[n]` are the points that area n's is made of, padded with -1."""

    points: NDArray[np.int64]
    parts: NDArray[np.int64]
    least: int


class Points:
    """Columns over all points of some rules. Loop thread only. A step costs some twenty numpy operations, however many rules there are."""

    def __init__(self, city: CityPack, series: SeriesStore, rules: Sequence[Rule], links: Sequence[SourceName]) -> None:
        """`links`: those that there are at the moment, for rules about any link."""
        self._series = series
        self.points, measured, silent = _all_points(city, series, rules, links)
        self.numbers = {point.key: number for number, point in enumerate(self.points)}
        self._by_place = {(point.key.rule, point.area): number for number, point in enumerate(self.points)}
        n = len(self.points)
        self._v, self._s = slice(0, measured), slice(measured, measured + silent)
        self._linked = [number for number, point in enumerate(self.points) if point.link is not None]
        self._plain = measured + silent + len(self._linked)
        """The points before the combinations."""
        self._row = np.array([point.row for point in self.points], dtype=np.int64)
        self.active = np.zeros(n, dtype=np.bool_)
        self.turned = np.zeros(n, dtype=np.int64)
        self._since = np.zeros(n, dtype=np.int64)
        self._began = np.zeros(n, dtype=np.int64)
        self._on = np.array([_on_delay(point.rule) for point in self.points], dtype=np.int64)
        self._off = np.array([point.rule.off_delay_ms for point in self.points], dtype=np.int64)
        self._set_limits([point.rule for point in self.points[self._v]])
        self._for = np.array([p.rule.for_ms for p in self.points[self._s] if isinstance(p.rule, Silence)], dtype=np.int64)
        self._combined = self._combinations(rules)
        self.change = np.full(measured, np.nan)
        """What each measured point compared with its limit when it was last evaluated: the value, or the change of it."""
        self.worst = np.full(measured, -np.inf)
        """The worst of it since the alert was last told of, with its sign turned so that larger is worse."""
        self._last = 0
        self.counted = 0
        """Onsets that were counted so far."""

    def step(self, now: Millis, links: Mapping[SourceName, LinkReport]) -> list[int]:
        """Evaluate everything at `now`; the points that were raised or ended by it, in order: what a combination is made of before it."""
        want, known, event = self._evaluate(now, links)
        flips = self._turn(np.arange(self._plain), want, known, event, now)
        for combined in self._combined:
            met, when = self._evaluate_combined(combined, now)
            flips += self._turn(combined.points, met, np.ones(len(met), dtype=np.bool_), when, now)
        self._last = now
        return flips

    def worse_by(self, margin: NDArray[np.float64]) -> list[int]:
        """Raised measured points that have become worse by more than `margin` since `mark_told`."""
        return [int(n) for n in np.flatnonzero(self.active[self._v] & self._known & (self._sign * self.change - self.worst > margin))]

    def mark_told(self, number: int, value: float | None) -> None:
        """Somebody was told that the measured point is as bad as `value`; of other points nothing is kept."""
        if number < len(self.worst) and value is not None:
            self.worst[number] = self._sign[number] * value

    def parts_of(self, number: int) -> list[int]:
        """The raised points that the combination `number` is made of; empty for any other point."""
        for combined in self._combined:
            place = np.flatnonzero(combined.points == number)
            if len(place):
                parts = combined.parts[int(place[0])]
                return [int(part) for part in parts if part >= 0 and self.active[part]]
        return []

    def memories(self) -> dict[PointKey, Memory]:
        """What every point remembers that has anything to remember."""
        found: dict[PointKey, Memory] = {}
        onsets = {int(number): place for place, number in enumerate(self._counts)}
        for number in np.flatnonzero(self.active | (self._since > 0) | self._counting()).tolist():
            place = onsets.get(number)
            times = () if place is None else tuple(int(t) for t in self._onsets[place] if t != _NEVER)
            latch = UNKNOWN if place is None else int(self._latch[place])
            found[self.points[number].key] = Memory(
                bool(self.active[number]), int(self._since[number]), int(self._began[number]), int(self.turned[number]), latch, times
            )
        return found

    def remember(self, memories: Mapping[PointKey, Memory]) -> None:
        """Go on from there. What is about points that are not here is left."""
        onsets = {int(number): place for place, number in enumerate(self._counts)}
        for key, memory in memories.items():
            number = self.numbers.get(key)
            if number is None:
                continue
            self.active[number], self._since[number] = memory.active, memory.since
            self._began[number], self.turned[number] = memory.began, memory.turned
            place = onsets.get(number)
            if place is not None:
                self._latch[place] = memory.latch
                kept = memory.onsets[-self._onsets.shape[1] :]
                if kept:
                    self._onsets[place, -len(kept) :] = kept

    # --- evaluating ----------------------------------------------------------------------------------------------------------

    def _evaluate(self, now: Millis, links: Mapping[SourceName, LinkReport]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
        """(condition holds, it is known, since when by the source's clock) of all points but the combinations."""
        want = np.zeros(self._plain, dtype=np.bool_)
        known = np.zeros(self._plain, dtype=np.bool_)
        event = np.full(self._plain, now, dtype=np.int64)
        rows = self._row[: self._plain]
        v, s = self._v, self._s
        event[: s.stop] = self._series.at[rows[: s.stop]]
        want[v], known[v] = self._measured(rows[v], event[v], now)
        spoke = event[s]
        want[s], known[s] = now - spoke > self._for, spoke > 0
        event[s] += np.where(want[s], self._for, 0)
        for number in self._linked:
            link = links.get(self.points[number].link or SourceName(""))
            known[number] = link is not None
            want[number] = link is not None and link.state is not LinkState.LIVE
        return want, known, np.minimum(event, now)

    def _measured(self, rows: NDArray[np.int64], at: NDArray[np.int64], now: Millis) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        series = self._series
        change = series.value[rows]
        known = (series.quality[rows] <= Quality.UNCERTAIN) & (now - at <= series.fresh_ms[rows])
        if len(self._rates):
            rated = rows[self._rates]
            change[self._rates] -= series.values_before(rated, now, self._minutes)
        known &= ~np.isnan(change)
        bad = self._sign * change
        beyond, held = bad > self._limit, bad > self._back
        want = np.where(self.active[self._v], held, beyond)
        if len(self._counts):
            want[self._counts] = self._count(beyond[self._counts], held[self._counts], known[self._counts], at[self._counts], now)
        self.change, self._known = change, known
        return want, known

    def _count(
        self, beyond: NDArray[np.bool_], held: NDArray[np.bool_], known: NDArray[np.bool_], at: NDArray[np.int64], now: Millis
    ) -> NDArray[np.bool_]:
        """Whether each count has come often enough in its window."""
        met = np.where(self._latch == 1, held, beyond)
        # What holds when it is first seen did not become so before our eyes.
        came = np.flatnonzero(known & met & (self._latch == 0))
        if len(came):
            self._onsets[came, :-1] = self._onsets[came, 1:]
            self._onsets[came, -1] = np.minimum(at[came], now)
            self.counted += len(came)
        self._latch = np.where(known, met, self._latch).astype(np.int8)
        nth = self._onsets[np.arange(len(self._counts)), -self._times]
        return now - nth <= self._window

    def _evaluate_combined(self, combined: _Combined, now: Millis) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        parts = combined.parts
        standing = self.active[parts] & (parts >= 0)
        met = standing.sum(axis=1) >= combined.least
        far = np.int64(np.iinfo(np.int64).max)
        # It began with the last part that was needed, and ended with the newest that went.
        began = np.sort(np.where(standing, self.turned[parts], far), axis=1)[:, combined.least - 1]
        ended = np.where(~standing & (parts >= 0), self.turned[parts], 0).max(axis=1)
        return met, np.minimum(np.where(met, began, ended), now)

    def _turn(
        self, numbers: NDArray[np.int64], want: NDArray[np.bool_], known: NDArray[np.bool_], event: NDArray[np.int64], now: Millis
    ) -> list[int]:
        """Let conditions that have held long enough take effect. Time in which nothing is known does not count, for or against."""
        active, since = self.active[numbers], self._since[numbers]
        differs = known & (want != active)
        waited = since > 0
        since = np.where(known, np.where(differs, np.where(waited, np.minimum(since, now), now), 0), since)
        if self._last:
            since += np.where(~known & waited, max(0, now - self._last), 0)
        # When it began by the source's clock is when it first differed, not when the delay was over.
        first = differs & ~waited
        began = self._began[numbers]
        began[first] = event[first]
        self._began[numbers] = began
        due = differs & (now - since >= np.where(active, self._off[numbers], self._on[numbers]))
        since[due] = 0
        self._since[numbers] = since
        flipped = numbers[due]
        self.active[flipped] = ~self.active[flipped]
        self.turned[flipped] = began[due]
        return [int(number) for number in flipped]

    # --- making --------------------------------------------------------------------------------------------------------------

    def _set_limits(self, rules: Sequence[Rule]) -> None:
        measured = [rule for rule in rules if isinstance(rule, Threshold | Count | Rate)]
        self._sign = np.array([1.0 if rule.side is Side.ABOVE else -1.0 for rule in measured])
        self._limit = self._sign * np.array([rule.limit for rule in measured])
        self._back = self._limit - np.array([rule.deadband for rule in measured])
        self._known = np.zeros(len(measured), dtype=np.bool_)
        rates = [(number, rule) for number, rule in enumerate(measured) if isinstance(rule, Rate)]
        self._rates = np.array([number for number, _ in rates], dtype=np.int64)
        self._minutes = np.array([rule.window_ms // _MINUTE for _, rule in rates], dtype=np.int64)
        counts = [(number, rule) for number, rule in enumerate(measured) if isinstance(rule, Count)]
        self._counts = np.array([number for number, _ in counts], dtype=np.int64)
        self._times = np.array([rule.times for _, rule in counts], dtype=np.int64)
        self._window = np.array([rule.window_ms for _, rule in counts], dtype=np.int64)
        self._latch = np.full(len(counts), UNKNOWN, dtype=np.int8)
        self._onsets = np.full((len(counts), max((rule.times for _, rule in counts), default=1)), _NEVER, dtype=np.int64)

    def _combinations(self, rules: Sequence[Rule]) -> list[_Combined]:
        found: list[_Combined] = []
        for rule in rules:
            if not isinstance(rule, Combination):
                continue
            parts = [[self._by_place.get((part, area), -1) for part in rule.of] for area in rule.areas]
            points = [self.numbers[PointKey(rule.id, area)] for area in rule.areas]
            found.append(_Combined(np.array(points, dtype=np.int64), np.array(parts, dtype=np.int64), rule.least))
        return found

    def _counting(self) -> NDArray[np.bool_]:
        """For each point whether it counts and has seen something."""
        seen = np.zeros(len(self.points), dtype=np.bool_)
        seen[self._counts] = (self._onsets[:, -1] != _NEVER) | (self._latch != UNKNOWN)
        return seen


def _all_points(city: CityPack, series: SeriesStore, rules: Sequence[Rule], links: Sequence[SourceName]) -> tuple[list[Point], int, int]:
    """(points in the order measured, silent series, links, combinations; how many are measured; how many are of silent series)."""
    measured: list[Point] = []
    silent: list[Point] = []
    linked: list[Point] = []
    combined: list[Point] = []
    for rule in rules:
        if isinstance(rule, Combination):
            combined += [Point(PointKey(rule.id, area), rule, area) for area in rule.areas]
        elif isinstance(rule, Silence) and rule.link is not None:
            names = links if rule.link == ANY_LINK else (rule.link,)
            linked += [Point(PointKey(rule.id, name), rule, city.root, link=name) for name in names]
        else:
            into = silent if isinstance(rule, Silence) else measured
            for area in rule.areas:
                sid = series_id(rule.indicator or _NO_INDICATOR, area)
                if (row := series.index.get(sid)) is not None:
                    into.append(Point(PointKey(rule.id, sid), rule, area, row))
    return measured + silent + linked + combined, len(measured), len(silent)


def _on_delay(rule: Rule) -> int:
    # How long a link was not live is counted here: its own report begins anew with every try to reconnect.
    return rule.on_delay_ms + (rule.for_ms if isinstance(rule, Silence) and rule.link is not None else 0)
