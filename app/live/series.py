"""The newest value of every series, and its recent past, as numpy columns. A batch costs what it carries, however many series there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.batch import History, Readings
from app.domain.ids import Millis, SeriesId, SourceName
from app.domain.quality import Quality

MINUTES = 61
"""Columns of the minute history: the last hour and the minute that runs."""
TAIL = 240
"""Raw readings kept a series, for a trend."""
FUTURE_MS = 120_000
"""An event time further ahead than this is the sender's clock being wrong: the reading is kept, dated at its arrival and graded uncertain."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One series' newest reading with everything a person needs to trust it. `at` None: nothing was ever reported."""

    series: SeriesId
    value: float | None
    at: Millis | None
    arrived: Millis | None
    quality: Quality
    source: SourceName


class SeriesStore:
    """Columns indexed by a series' place in the catalogue of the city; `index` finds it."""

    def __init__(self, series: tuple[SeriesId, ...], fresh_ms: NDArray[np.int64]) -> None:
        """`fresh_ms`: for each series, how old its newest value may be before it is stale."""
        n = len(series)
        self.ids = series
        self.index: dict[SeriesId, int] = {sid: i for i, sid in enumerate(series)}
        self.fresh_ms = fresh_ms
        self.value = np.full(n, np.nan)
        self.at = np.zeros(n, dtype=np.int64)
        self.arrived = np.zeros(n, dtype=np.int64)
        self.quality = np.full(n, Quality.MISSING, dtype=np.int8)
        self.source = np.full(n, -1, dtype=np.int16)
        self._sources: list[SourceName] = []
        self._handles: dict[SourceName, NDArray[np.int32]] = {}
        self._minute = 0
        self._minutes = np.full((n, MINUTES), np.nan, dtype=np.float32)
        self._tail_at = np.zeros((n, TAIL), dtype=np.int64)
        self._tail_value = np.full((n, TAIL), np.nan, dtype=np.float32)
        self._tail_count = np.zeros(n, dtype=np.int64)
        self._changed = np.zeros(n, dtype=bool)
        self.taken = 0
        """Readings taken so far."""
        self.conflated = 0
        """Readings that were replaced by a newer one before a frame showed them."""
        self.unknown = 0
        """Readings and catalogue entries of series that this city's pack does not have."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def reported(self) -> int:
        """How many series have reported at least once."""
        return int(np.count_nonzero(self.at))

    def open_catalogue(self, source: SourceName, catalogue: tuple[SeriesId, ...]) -> None:
        """From now on `source` counts its series in `catalogue`."""
        handles = np.fromiter((self.index.get(sid, -1) for sid in catalogue), dtype=np.int32, count=len(catalogue))
        self.unknown += int(np.count_nonzero(handles < 0))
        self._handles[source] = handles

    def take_readings(self, source: SourceName, readings: Readings, arrived: Millis) -> None:
        """Store a batch's readings. An older reading never replaces a newer one."""
        rows = self._resolve(source, np.array(readings.series, dtype=np.int64))
        known = rows >= 0
        value = np.array(readings.value, dtype=np.float64)
        at = np.array(readings.at, dtype=np.int64)
        quality = np.array(readings.quality, dtype=np.int8) if readings.quality else np.zeros(len(rows), dtype=np.int8)
        np.copyto(quality, Quality.MISSING, where=np.isnan(value))
        wrong_clock = at > arrived + FUTURE_MS
        np.copyto(quality, Quality.UNCERTAIN, where=wrong_clock & (quality == Quality.GOOD))
        np.copyto(at, arrived, where=wrong_clock)
        self.taken += len(rows)
        self.unknown += len(rows) - int(np.count_nonzero(known))
        keep = known & (at >= self.at[np.where(known, rows, 0)])
        if not keep.all():
            rows, value, at, quality = rows[keep], value[keep], at[keep], quality[keep]
        if not len(rows):
            return
        self._roll_minutes(int(at.max()))
        order = np.lexsort((at, rows))
        rows, value, at, quality = rows[order], value[order], at[order], quality[order]
        last = np.append(rows[1:] != rows[:-1], True)
        newest = rows[last]
        self.conflated += len(rows) - len(newest) + int(np.count_nonzero(self._changed[newest]))
        self.value[newest] = value[last]
        self.at[newest] = at[last]
        self.arrived[newest] = arrived
        self.quality[newest] = quality[last]
        self.source[newest] = self._source_number(source)
        self._changed[newest] = True
        column = MINUTES - 1 - (self._minute - at[last] // 60_000)
        inside = column >= 0
        self._minutes[newest[inside], column[inside]] = value[last][inside]
        self._append_tail(rows, value, at, last)

    def take_history(self, source: SourceName, history: tuple[History, ...], now: Millis) -> None:
        """Fill the minute columns from a source's account of the recent past; what was measured here stays."""
        self._roll_minutes(now)
        for past in history:
            row = int(self._resolve(source, np.array([past.series], dtype=np.int64))[0])
            if row < 0 or past.step_ms <= 0:
                continue
            value = np.array(past.value, dtype=np.float64)
            column = MINUTES - 1 - (self._minute - (past.start + past.step_ms * np.arange(len(value))) // 60_000)
            usable = (column >= 0) & (column < MINUTES)
            line = self._minutes[row]
            empty = np.isnan(line[column[usable]])
            line[column[usable][empty]] = value[usable][empty]
            self._changed[row] = True

    def reading(self, row: int) -> Reading:
        """The newest reading of the series at `row`."""
        if self.at[row] == 0:
            return Reading(self.ids[row], None, None, None, Quality.MISSING, SourceName(""))
        value = float(self.value[row])
        return Reading(
            self.ids[row],
            None if np.isnan(value) else value,
            Millis(int(self.at[row])),
            Millis(int(self.arrived[row])),
            Quality(int(self.quality[row])),
            self._sources[int(self.source[row])],
        )

    def stale(self, now: Millis) -> NDArray[np.bool_]:
        """For each series, whether its newest value is older than its freshness limit (never reported counts as stale)."""
        return now - self.at > self.fresh_ms

    def spark(self, row: int, now: Millis) -> NDArray[np.float32]:
        """The last hour by minute, oldest first, NaN where nothing was measured for longer than the freshness limit."""
        self._roll_minutes(now)
        line = self._minutes[row]
        known = ~np.isnan(line)
        if known.all():
            return line.copy()
        last = np.maximum.accumulate(np.where(known, np.arange(MINUTES), -1))
        reach = max(1, int(self.fresh_ms[row] // 60_000))
        held = (last >= 0) & (np.arange(MINUTES) - last <= reach)
        return np.where(held, line[np.maximum(last, 0)], np.float32(np.nan)).astype(np.float32)

    def trend(self, row: int, now: Millis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(UTC seconds, value) of the last hour: minutes where that is all there is, raw readings since; NaN breaks the line."""
        count = int(min(self._tail_count[row], TAIL))
        start = int(self._tail_count[row]) % TAIL if self._tail_count[row] > TAIL else 0
        order = (start + np.arange(count)) % TAIL
        tail_at = self._tail_at[row, order].astype(np.float64) / 1000.0
        tail_value = self._tail_value[row, order].astype(np.float64)
        line = self.spark(row, now).astype(np.float64)
        minute_at = (self._minute - (MINUTES - 1) + np.arange(MINUTES)).astype(np.float64) * 60.0
        before = minute_at < (tail_at[0] if count else now / 1000.0)
        return np.concatenate((minute_at[before], tail_at)), np.concatenate((line[before], tail_value))

    def value_before(self, row: int, now: Millis, minutes: int) -> float | None:
        """The value `minutes` ago (0…60), or up to two minutes later where that one is missing; None where none is known."""
        first = MINUTES - 1 - minutes
        near = self.spark(row, now)[first : first + 3]
        known = near[~np.isnan(near)]
        return float(known[0]) if len(known) else None

    def values_before(self, rows: NDArray[np.int64], now: Millis, minutes: NDArray[np.int64]) -> NDArray[np.float64]:
        """For each of `rows` the value so many `minutes` (1…60) ago: that minute's, else the last one before it that was still fresh then, else
        that of one of the two minutes after it; NaN where none is known."""
        self._roll_minutes(now)
        first = MINUTES - 1 - minutes
        found = self._minutes[rows, first].astype(np.float64)
        reach = np.maximum(1, self.fresh_ms[rows] // 60_000)
        for step in (*range(-1, -int(reach.max(initial=0)) - 1, -1), 1, 2):
            column = first + step
            take = np.isnan(found) & (column >= 0) & (column < MINUTES - 1) & (-step <= reach)
            if take.any():
                found[take] = self._minutes[rows[take], column[take]]
        return found

    def take_changed(self) -> NDArray[np.int32]:
        """Rows changed since the last call, ascending."""
        rows = np.flatnonzero(self._changed).astype(np.int32)
        self._changed[rows] = False
        return rows

    def _resolve(self, source: SourceName, handles: NDArray[np.int64]) -> NDArray[np.int32]:
        table = self._handles.get(source)
        if table is None or not len(table):
            return np.full(len(handles), -1, dtype=np.int32)
        inside = (handles >= 0) & (handles < len(table))
        return np.where(inside, table[np.where(inside, handles, 0)], np.int32(-1)).astype(np.int32)

    def _source_number(self, source: SourceName) -> int:
        if source not in self._sources:
            self._sources.append(source)
        return self._sources.index(source)

    def _roll_minutes(self, now_ms: int) -> None:
        minute = now_ms // 60_000
        ahead = minute - self._minute
        if ahead <= 0:
            return
        if ahead >= MINUTES:
            self._minutes.fill(np.nan)
        else:
            self._minutes[:, :-ahead] = self._minutes[:, ahead:]
            self._minutes[:, -ahead:] = np.nan
        self._minute = minute

    def _append_tail(self, rows: NDArray[np.int32], value: NDArray[np.float64], at: NDArray[np.int64], last: NDArray[np.bool_]) -> None:
        """Append sorted rows to the raw tails. Rows of one series stand together, so their order within it is their distance from the run's start."""
        ends = np.flatnonzero(last)
        starts = np.append(0, ends[:-1] + 1)
        lengths = ends - starts + 1
        within = np.arange(len(rows)) - np.repeat(starts, lengths)
        slot = (self._tail_count[rows] + within) % TAIL
        self._tail_at[rows, slot] = at
        self._tail_value[rows, slot] = value
        self._tail_count[rows[ends]] += lengths
