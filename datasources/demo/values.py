"""Every indicator of every area of the demo city as one numpy vector: normal day, weekend, noise, and what the phenomena do to it.

Stepped by simulated time; knows no clock and no socket. Columns go out as lists of Python numbers, never as objects a reading.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.domain.batch import History, Readings
from app.domain.ids import AreaCode, IndicatorId, Millis
from app.domain.quality import Quality
from datasources.demo.failures import Failures
from datasources.demo.phenomena import Matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.citypack import CityPack

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

DAY_MS = 86_400_000
HISTORY_STEP_MS = 60_000
HISTORY_STEPS = 60
PACE = 3.0
"""The demo reports so many times within an indicator's period, so that a wall is never still."""
_DAY = 2 * math.pi / 24


class Values:
    """The newest value, event time and quality of every series of the pack, in the pack's order."""

    def __init__(self, pack: CityPack, seed: int, intensity: Callable[[int], Matrix], now: int, utc_offset_ms: int) -> None:
        """Plays the last hour before `now` (UTC ms) at once, so that there is a history. `intensity(t)` is asked for times of that hour."""
        self._noise_rng = np.random.Generator(np.random.SFC64([seed, 1]))
        self._offset = utc_offset_ms
        self._arrange(pack)
        count = len(self.series)
        self._spread(pack)
        self._noise = self._sigma * self._noise_rng.standard_normal(count)
        self._past: list[Vector] = []
        start = now - HISTORY_STEPS * HISTORY_STEP_MS
        self._at = start
        self._total = self._scale * self._share_of_day(start)
        self._refresh(start, intensity(start))
        for step in range(HISTORY_STEPS):
            at = start + (step + 1) * HISTORY_STEP_MS
            self.advance(at, intensity(at))
        self.failures = Failures(pack, self.series, seed)
        since = self._noise_rng.random(len(pack.indicators)) if pack.indicators else np.zeros(0)
        # One phase an indicator, not a series: a city's sum and its parts are reported together and agree.
        last = now - (since[self._indicator] * self._period).astype(np.int64)
        self._next = last + self._period
        self._reported_at = self.failures.last_report(last, now)
        self._reported = self.value.copy()
        self._reported_grade = self.failures.quality(now)
        self._cursor = 0
        self._owed = 0.0
        self._last_report = now
        self._silent = np.zeros(count, dtype=np.bool_)

    # --- what the pack says, as columns ----------------------------------------------------------------------------------------

    def _arrange(self, pack: CityPack) -> None:
        phenomena = pack.phenomena
        self.series = pack.series
        areas = {code: row for row, code in enumerate(pack.areas)}
        indicators = {name: row for row, name in enumerate(pack.indicators)}
        column = {name: index for index, name in enumerate(phenomena)}
        pairs = [name.rsplit("@", 1) for name in pack.series]
        self.areas = tuple(AreaCode(area) for _, area in pairs)
        self._area = np.array([areas[AreaCode(area)] for _, area in pairs], dtype=np.intp)
        self._indicator = np.array([indicators[IndicatorId(name)] for name, _ in pairs], dtype=np.intp)
        each = list(pack.indicators.values())

        def of(values: list[float]) -> Vector:
            return np.array(values, dtype=np.float64)[self._indicator]

        self._base = of([i.dynamics.base for i in each])
        self._daily = of([i.dynamics.daily for i in each])
        self._peak = of([i.dynamics.peak for i in each])
        self._weekly = of([i.dynamics.weekly for i in each])
        self._sigma = of([i.dynamics.noise for i in each])
        self._period = of([max(200.0, i.period_ms / PACE) for i in each]).astype(np.int64)
        self._power = of([i.dynamics.per_area for i in each])
        self._round = of([10.0**i.decimals for i in each])
        self._ceiling = of([100.0 if "%" in (i.unit.en, i.unit.zh) and i.dynamics.base >= 0 else math.inf for i in each])
        self._floor = of([-math.inf if i.dynamics.base < 0 or "°C" in i.unit.en or "℃" in i.unit.zh else 0.0 for i in each])
        self._cumulative: Mask = of([float(i.dynamics.cumulative) for i in each]) > 0
        self._domain = tuple(pack.indicators[IndicatorId(name)].domain for name, _ in pairs)
        self._names = tuple(IndicatorId(name) for name, _ in pairs)
        gains = np.zeros((len(each), max(1, len(phenomena))))
        for row, indicator in enumerate(each):
            for phenomenon, gain in indicator.dynamics.drivers:
                if phenomenon in column:
                    gains[row, column[phenomenon]] += gain
        # Few pairs of (series, driver) exist; a dense product of all would cost most of a step.
        gain_rows, gain_columns = np.nonzero(gains[self._indicator])
        self._driven_row: Index = gain_rows
        self._driven_column: Index = gain_columns
        self._gain = gains[self._indicator][gain_rows, gain_columns]

    def _spread(self, pack: CityPack) -> None:
        """How much of the city's figure an area has; counts add up to the city's, rates differ a little from it for good."""
        rng = self._noise_rng
        count = len(self.series)
        root = list(pack.areas).index(pack.root)
        is_root = self._area == root
        weights = np.array([pack.weights.get(code, 0.0) if code != pack.root else 0.0 for code in pack.areas])
        mine = np.where(is_root, 0.0, weights[self._area])
        total = np.bincount(self._indicator, mine, minlength=len(pack.indicators))
        parts = np.bincount(self._indicator, (~is_root).astype(np.float64), minlength=len(pack.indicators))
        share = np.divide(mine, total[self._indicator], out=np.ones(count), where=(~is_root) & (total[self._indicator] > 0))
        additive = np.abs(self._power - 1) < 1e-9
        self._additive: Mask = additive & ~is_root
        self._summed: Mask = additive & is_root & (parts[self._indicator] > 0)
        # A rate of 99 % cannot be three per cent better anywhere.
        headroom = np.minimum(self._base, self._ceiling - self._base) / np.maximum(self._base, 1e-9)
        room = np.where(np.isinf(self._ceiling), 1.0, np.clip(headroom, 0.0, 1.0))
        own = 1 + np.where(is_root | additive, 0.0, np.clip(rng.normal(0, 0.03, count), -0.08, 0.08) * room)
        self._scale = self._base * share**self._power * own
        # A count of three over ten districts must not round to nothing everywhere.
        self._dither = np.where(self._additive & (self._round == 1), rng.random(count), 0.5)

    # --- time ------------------------------------------------------------------------------------------------------------------

    def advance(self, now: int, intensity: Matrix) -> None:
        """Take all values on to `now` (UTC ms). Steps may be of any length."""
        elapsed = passed = now - self._at
        if elapsed <= 0:
            return
        tau = np.maximum(30_000.0, self._period * 8.0)
        keep = np.exp(-elapsed / tau)
        self._noise = keep * self._noise + self._sigma * np.sqrt(1 - keep * keep) * self._noise_rng.standard_normal(len(keep))
        if (self._at + self._offset) // DAY_MS != (now + self._offset) // DAY_MS:
            self._total[:] = 0.0
            passed = (now + self._offset) % DAY_MS
        if now // 1_000 != self._at // 1_000:
            self._refresh(now, intensity)
        self._at = now
        self._total += np.maximum(0.0, self._usual * self._lift) * (passed / DAY_MS)
        self._settle()
        if now % HISTORY_STEP_MS < elapsed:
            self._past.append(self.value.copy())
            del self._past[:-HISTORY_STEPS]
            self._past_end = now - now % HISTORY_STEP_MS

    def _refresh(self, now: int, intensity: Matrix) -> None:
        """What is usual at this hour and what the phenomena add: both move slowly, so once a second is enough."""
        local = now + self._offset
        hour = local % DAY_MS / 3_600_000
        weekend = (local // DAY_MS + 3) % 7 >= 5
        self._usual = self._scale * (1 + self._daily * np.cos(_DAY * (hour - self._peak))) * ((1 + self._weekly) if weekend else 1.0)
        strength = intensity[self._area[self._driven_row], self._driven_column] * self._gain
        effect = np.bincount(self._driven_row, strength, minlength=len(self._base))
        self._lift = np.maximum(0.0, 1 + effect)
        self._extra = np.where(self._base == 0, effect, 0.0)
        self._past_end = now if not self._past else self._past_end

    def _share_of_day(self, now: int) -> Vector:
        """Part of a day's total that has come together since local midnight."""
        hour = (now + self._offset) % DAY_MS / 3_600_000
        swing = self._daily / (2 * math.pi) * (np.sin(_DAY * (hour - self._peak)) + np.sin(_DAY * self._peak))
        return np.maximum(0.0, hour / 24 + swing)

    def _settle(self) -> None:
        raw = np.where(self._cumulative, self._total, (self._usual * self._lift + self._extra) * (1 + self._noise))
        value = np.floor(np.clip(raw, self._floor, self._ceiling) * self._round + self._dither) / self._round
        sums = np.bincount(self._indicator[self._additive], value[self._additive])
        rows = self._summed
        value[rows] = np.floor(sums[self._indicator[rows]] * self._round[rows] + 0.5) / self._round[rows]
        self.value = value

    # --- what goes out ---------------------------------------------------------------------------------------------------------

    def silence(self, what: str, on: bool) -> bool:
        """Stop (or resume) the reports of an indicator, a domain, an area or one series. False where nothing is called so."""
        called = zip(self._names, self._domain, self.areas, self.series, strict=True)
        rows = np.array([what in names for names in called])
        if rows.any():
            self._silent[rows] = on
        return bool(rows.any())

    def report(self, now: int, rate: float) -> Readings | None:
        """The readings of this step: those whose period is over, and as many more as `rate` (readings a second) asks for."""
        speaks = ~(self._silent | self.failures.stopped)
        rows: Index = np.flatnonzero((self._next <= now) & speaks)
        self._next += np.where(self._next <= now, (now - self._next) // self._period + 1, 0) * self._period
        if rate > 0:
            rows = np.concatenate((rows, self._more(now, rate, len(rows), np.flatnonzero(speaks))))
        self._last_report = now
        if not len(rows):
            return None
        self._reported_at[rows] = now
        self._reported[rows] = self.value[rows]
        grades = self.failures.quality(now)[rows]
        self._reported_grade[rows] = grades
        values: list[float | None] = self.value[rows].tolist()
        if not grades.any():
            return Readings(rows.tolist(), values, [now] * len(rows))
        for place in np.flatnonzero(grades >= Quality.BAD).tolist():
            values[place] = None
        return Readings(rows.tolist(), values, [now] * len(rows), grades.tolist())

    def _more(self, now: int, rate: float, have: int, speaking: Index) -> Index:
        self._owed = min(self._owed + rate * (now - self._last_report) / 1_000 - have, rate)
        wanted = math.floor(self._owed)
        if wanted <= 0 or not len(speaking):
            return np.zeros(0, dtype=np.intp)
        self._owed -= wanted
        rows = speaking[(self._cursor + np.arange(wanted)) % len(speaking)]
        self._cursor = (self._cursor + wanted) % len(speaking)
        return rows

    def newest(self) -> Readings:
        """The last report of every series as it was made, for a snapshot: a feed that stopped shows when it did."""
        grades = self._reported_grade
        values: list[float | None] = self._reported.tolist()
        for place in np.flatnonzero(grades >= Quality.BAD).tolist():
            values[place] = None
        return Readings(list(range(len(self.series))), values, self._reported_at.tolist(), grades.tolist())

    def history(self) -> tuple[History, ...]:
        """The last hour of every series in steps of a minute; None where a feed had stopped."""
        table = np.array(self._past)
        steps = len(self._past)
        start = self._past_end - (steps - 1) * HISTORY_STEP_MS
        columns: list[list[float | None]] = table.T.tolist()
        for row in np.flatnonzero(self.failures.stopped).tolist():
            known = max(0, min(steps, (int(self._reported_at[row]) - start) // HISTORY_STEP_MS + 1))
            columns[row][known:] = [None] * (steps - known)
        return tuple(History(row, Millis(start), HISTORY_STEP_MS, column) for row, column in enumerate(columns))
