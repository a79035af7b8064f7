"""The alarm system's own figures (OPC UA AlarmMetricsType; ISA-18.2, IEC 62682, EEMUA 191), computed from the store's columns for a window of time.

A million alerts take some tens of milliseconds, so the work comes in slices: whoever runs it lets the event loop in between them. It reads
columns only and keeps nothing. What was raised before this desk began to measure is not counted as raised: nobody knows what else there was.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AlertKindId, AreaCode, Millis
from app.domain.rule import AlarmLoad
from app.domain.severity import Severity
from app.domain.text import N_
from app.live.alerts import ACKNOWLEDGED, CLEARED, RETURNED, UNACKNOWLEDGED, AlertStore
from app.services.alarm_rate import STANDARD
from app.services.flood import Episode, flooded_ms, most
from app.services.reach import Reach

HOUR_MS = 3_600_000
STALE_MS = 24 * HOUR_MS
"""Active for longer than this, an alert is standing: it tells nobody anything any more."""
FLOOD_TARGET = 0.01
"""Share of the time that may be spent in flood."""
TOP = 10
LISTED = 50
"""Standing alerts and chattering points that are named; all are counted."""
SLICE = 65_536
"""Rows a slice: a few milliseconds."""
_LONGEST = 2_147_483_647
_GRAIN_MS = 10_000
"""Rates are sought in steps of this; the highest may be missed by what came within one step."""


class Window(StrEnum):
    """How far back one looks."""

    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"
    START = "start"
    """As long as this desk has been measuring."""


WINDOW_WORDS: dict[Window, str] = {
    Window.SHIFT: N_("Shift (8 h)"),
    Window.DAY: N_("24 hours"),
    Window.WEEK: N_("7 days"),
    Window.START: N_("Since the start"),
}
WINDOW_MS: dict[Window, int] = {Window.SHIFT: 8 * HOUR_MS, Window.DAY: 24 * HOUR_MS, Window.WEEK: 7 * 24 * HOUR_MS}


class Priority(StrEnum):
    """The standard's three. Our four severities are mapped so: 4 is low, 3 is medium, 2 and 1 together are high, as the standard lets a
    fourth and highest class be a small part of high."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


PRIORITY_WORDS: dict[Priority, str] = {Priority.LOW: N_("low"), Priority.MEDIUM: N_("medium"), Priority.HIGH: N_("high")}
PRIORITY_TARGETS: dict[Priority, float] = {Priority.LOW: 0.80, Priority.MEDIUM: 0.15, Priority.HIGH: 0.05}
PRIORITY_OF: dict[Severity, Priority] = {
    Severity.EXTREME: Priority.HIGH,
    Severity.SEVERE: Priority.HIGH,
    Severity.MODERATE: Priority.MEDIUM,
    Severity.MINOR: Priority.LOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `measured`: when this desk began to measure."""

    now: Millis
    measured: Millis
    window: Window = Window.SHIFT
    area: AreaCode | None = None
    kind: AlertKindId | None = None
    person: str | None = None
    """Only what this operator owns or has acknowledged."""

    @property
    def since(self) -> Millis:
        """Where the window begins: never before the desk measured."""
        wide = WINDOW_MS.get(self.window)
        return self.measured if wide is None else Millis(max(self.measured, self.now - wide))


@dataclass(frozen=True, slots=True)
class Handling:
    """How alerts of one severity were acknowledged. Times in ms; None where none was."""

    severity: Severity
    count: int = 0
    acknowledged: int = 0
    median: int | None = None
    p90: int | None = None
    waiting: int = 0
    """Alerts that still wait for it, whenever they were raised."""
    longest: int | None = None
    """How long the first of them has waited."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert that is named: a standing one with `figure` ms of being active, a chattering point with `figure` raises."""

    row: int
    figure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The answer. Durations in ms; None: nothing to measure it by. Rates are alerts in the load's window (10 minutes)."""

    question: Question
    start_time: Millis
    observed: int
    """How long the window is in truth."""
    alarm_count: int = 0
    maximum_active_state: int | None = None
    """The longest that any alert was, or has been, active."""
    maximum_un_ack: int | None = None
    """The longest that any was, or has been, without acknowledgement."""
    current_alarm_rate: int = 0
    maximum_alarm_rate: int = 0
    average_alarm_rate: float | None = None
    """None before one window has passed."""
    maximum_re_alarm_count: int = 0
    kinds: tuple[tuple[AlertKindId, int], ...] = ()
    """The most frequent, the most first."""
    severities: tuple[int, int, int, int] = (0, 0, 0, 0)
    standing_count: int = 0
    standing: tuple[Listed, ...] = ()
    """The oldest first."""
    chattering_count: int = 0
    chattering: tuple[Listed, ...] = ()
    """The loudest first."""
    handling: tuple[Handling, ...] = ()
    """Severity 1 to 4."""
    floods: tuple[Episode, ...] = ()
    """Those of the window, the newest first."""
    flooded: int | None = None
    """None: nobody watches for floods, or the question is about a part of the seat's alerts."""

    @property
    def flood_share(self) -> float | None:
        """Time in flood as a share of the time observed, 0…1."""
        return None if self.flooded is None or self.observed <= 0 else self.flooded / self.observed

    @property
    def top_share(self) -> float | None:
        """Share of the most frequent kinds in all alerts, 0…1."""
        return sum(count for _, count in self.kinds) / self.alarm_count if self.alarm_count else None

    def priority_share(self, priority: Priority) -> float | None:
        """Share of the alerts that are of `priority`, 0…1."""
        if not self.alarm_count:
            return None
        return sum(n for severity, n in zip(Severity, self.severities, strict=True) if PRIORITY_OF[severity] is priority) / self.alarm_count


def measure(
    alerts: AlertStore, question: Question, *, figures: AlarmLoad = STANDARD, reach: Reach | None = None, floods: Sequence[Episode] | None = None
) -> Metrics:
    """All slices at once. `reach`: the seat; None: the whole city. `floods`: the seat's episodes; None: nobody watched."""
    work = slices(alerts, question, figures=figures, reach=reach, floods=floods)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def slices(
    alerts: AlertStore, question: Question, *, figures: AlarmLoad = STANDARD, reach: Reach | None = None, floods: Sequence[Episode] | None = None
) -> Generator[None, None, Metrics]:
    """The same slice by slice: a generator that yields between them and returns the answer. What changes meanwhile may or may not be seen."""
    asked = _Asked(alerts, question, reach)
    tally = _Tally(len(alerts.kinds), len(alerts.folds), question, figures)
    for first in range(0, len(alerts), SLICE):
        tally.take(alerts, asked.rows(first, first + SLICE))
        yield
    handling: list[Handling] = []
    for severity in Severity:
        handling.append(tally.handling(severity))
        yield
    found = replace(tally.metrics(alerts), handling=tuple(handling))
    if floods is None:
        return found
    wide = WINDOW_MS.get(question.window)
    reaches = question.measured if wide is None else question.now - wide
    listed = tuple(e for e in reversed(floods) if e.end is None or e.end > reaches)
    # An episode is the whole seat's: it says nothing about one district or kind of it.
    flooded = None if asked.narrow else flooded_ms(floods, question.since, question.now)
    return replace(found, floods=listed, flooded=flooded)


_Rows: TypeAlias = "NDArray[np.int64] | slice[int, int, None]"


class _Asked:
    """Finds the rows that a question is about."""

    def __init__(self, alerts: AlertStore, question: Question, reach: Reach | None) -> None:
        self._alerts = alerts
        self._mine = None if reach is None else reach.mine()
        self._area = None if question.area is None else alerts.areas.find(question.area)
        self._kind = None if question.kind is None else alerts.kinds.find(question.kind)
        self._person = None if question.person is None else alerts.people.find(question.person)

    @property
    def narrow(self) -> bool:
        """Whether it is about a part of the seat's alerts."""
        return any(part is not None for part in (self._area, self._kind, self._person))

    def rows(self, first: int, end: int) -> _Rows:
        """Those from row `first` to before `end`; where they are all of them, as a slice, which copies nothing."""
        span, alerts = slice(first, min(end, len(self._alerts))), self._alerts
        if not self.narrow and self._mine is None:
            return span
        fits = np.ones(span.stop - first, dtype=np.bool_)
        if self._area is not None:
            fits &= alerts.area[span] == self._area
        if self._kind is not None:
            fits &= alerts.kind[span] == self._kind
        if self._person is not None:
            fits &= (alerts.owner[span] == self._person) | (alerts.acked_by[span] == self._person)
        if self._mine is not None:
            # An area that came since the mask was made is of the next computation.
            numbers = np.append(np.flatnonzero(self._mine), -1)
            fits &= np.isin(alerts.area[span], numbers, kind="table")
        return first + np.flatnonzero(fits)


@dataclass(slots=True)
class _Took:
    """Times to acknowledgement of one severity, slice by slice, and who still waits."""

    times: list[NDArray[np.int32]] = field(default_factory=list[NDArray[np.int32]])
    waiting: int = 0
    longest: int | None = None


class _Tally:
    """Adds slices up."""

    def __init__(self, kinds: int, folds: int, question: Question, figures: AlarmLoad) -> None:
        self._q = question
        self._figures = figures
        self._count = 0
        self._kinds = np.zeros(kinds, dtype=np.int64)
        self._severities = np.zeros(5, dtype=np.int64)
        self._recent = 0
        steps = max(1, -(-(question.now - question.since) // _GRAIN_MS))
        self._steps = np.zeros(steps, dtype=np.int64)
        self._raises = 0
        self._active: int | None = None
        self._unacknowledged: int | None = None
        self._standing: list[Listed] = []
        self._standing_count = 0
        self._folds = np.full(folds, -1, dtype=np.int64)
        """The newest row of each point that is asked about."""
        self._took = {severity: _Took() for severity in Severity}

    def take(self, alerts: AlertStore, rows: _Rows) -> None:
        """Add these rows."""
        numbers = np.arange(rows.start, rows.stop, dtype=np.int64) if isinstance(rows, slice) else rows
        if not len(numbers):
            return
        now = self._q.now
        at, state, severity = alerts.at[rows], alerts.state[rows], alerts.severity[rows]
        ended, acked = alerts.ended[rows], alerts.acked[rows]
        self._folds_of(alerts.fold[rows], numbers)
        raised = at > self._q.since
        self._take_raised(alerts, rows, at, state, severity, raised)
        active = (state == UNACKNOWLEDGED) | (state == ACKNOWLEDGED)
        over = raised & (ended > 0)
        self._take_active(numbers[active], now - at[active])
        # What was over before the window, or put aside, is not of it; what goes on has lasted until now.
        self._active = _highest(self._active, ended[over] - at[over])
        waits = (state == UNACKNOWLEDGED) | (state == RETURNED)
        known = raised & (acked > 0)
        waited, who_waits = now - at[waits], severity[waits]
        # Half as wide, and so twice as quick to rank: an acknowledgement after 24 days counts as one after 24 days.
        took, who_took = np.clip(acked[known] - at[known], 0, _LONGEST).astype(np.int32), severity[known]
        self._unacknowledged = _highest(_highest(self._unacknowledged, waited), took)
        for each, of in self._took.items():
            of.times.append(took[who_took == each])
            mine = waited[who_waits == each]
            of.waiting += len(mine)
            of.longest = _highest(of.longest, mine)

    def _take_active(self, numbers: NDArray[np.int64], lasted: NDArray[np.int64]) -> None:
        self._active = _highest(self._active, lasted)
        stale = np.flatnonzero(lasted > STALE_MS)
        self._standing_count += len(stale)
        oldest = stale[np.argsort(-lasted[stale], kind="stable")[:LISTED]]
        self._standing += [Listed(int(numbers[n]), int(lasted[n])) for n in oldest]

    def _take_raised(
        self,
        alerts: AlertStore,
        rows: _Rows,
        at: NDArray[np.int64],
        state: NDArray[np.int64],
        severity: NDArray[np.int64],
        raised: NDArray[np.bool_],
    ) -> None:
        kind, raises = alerts.kind[rows], alerts.raises[rows]
        if not raised.all():
            at, state, severity, kind, raises = at[raised], state[raised], severity[raised], kind[raised], raises[raised]
        if not len(at):
            return
        self._count += len(at)
        self._kinds += np.bincount(kind, minlength=len(self._kinds))[: len(self._kinds)]
        self._severities += np.bincount(severity, minlength=5)
        self._raises = max(self._raises, int(raises.max()))
        # As in AlarmRate: what was put aside loads nobody. A source's clock may be ahead: what came has begun.
        ago = self._q.now - at[state <= CLEARED]
        self._recent += int(np.count_nonzero(ago < self._figures.window_ms))
        self._steps += np.bincount(np.clip(ago // _GRAIN_MS, 0, len(self._steps) - 1), minlength=len(self._steps))

    def _folds_of(self, fold: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        if int(fold.max()) >= len(self._folds):
            known = fold < len(self._folds)
            fold, numbers = fold[known], numbers[known]
        self._folds[fold] = numbers

    def handling(self, severity: Severity) -> Handling:
        """How alerts of one severity were handled. Of an even number the median is the lower one of the middle: a time that was."""
        took = self._took[severity]
        times = np.concatenate(took.times) if took.times else np.empty(0, dtype=np.int32)
        median: int | None = None
        p90: int | None = None
        if count := len(times):
            middle, ninth = (count - 1) // 2, -(-count * 9 // 10) - 1
            ranked = np.partition(times, (middle, ninth))
            median, p90 = int(ranked[middle]), int(ranked[ninth])
        return Handling(severity, int(self._severities[severity]), len(times), median, p90, took.waiting, took.longest)

    def metrics(self, alerts: AlertStore) -> Metrics:
        """All but the handling and the floods."""
        q, window = self._q, self._figures.window_ms
        observed = max(0, q.now - q.since)
        chattering = self._chattering(alerts)
        return Metrics(
            question=q,
            start_time=q.since,
            observed=observed,
            alarm_count=self._count,
            maximum_active_state=self._active,
            maximum_un_ack=self._unacknowledged,
            current_alarm_rate=self._recent,
            maximum_alarm_rate=max(self._recent, self._highest_rate()),
            average_alarm_rate=self._count * window / observed if observed >= window else None,
            maximum_re_alarm_count=max(0, self._raises - 1),
            kinds=tuple((alerts.kinds.values[n], int(self._kinds[n])) for n in most(self._kinds, TOP)),
            severities=(int(self._severities[1]), int(self._severities[2]), int(self._severities[3]), int(self._severities[4])),
            standing_count=self._standing_count,
            standing=tuple(sorted(self._standing, key=lambda listed: -listed.figure)[:LISTED]),
            chattering_count=len(chattering),
            chattering=tuple(chattering[:LISTED]),
        )

    def _highest_rate(self) -> int:
        """The most that came within one window."""
        wide = max(1, self._figures.window_ms // _GRAIN_MS)
        summed = np.concatenate(([0], np.cumsum(self._steps)))
        return int((summed[wide:] - summed[:-wide]).max()) if len(summed) > wide else int(summed[-1])

    def _chattering(self, alerts: AlertStore) -> list[Listed]:
        """Points that chattered within the window: the newest alert of each, and how often it was raised."""
        count = len(self._folds)
        folds = np.flatnonzero((alerts.folds.chatter[:count] > self._q.since) & (self._folds >= 0))
        raises = alerts.folds.count[folds]
        return [Listed(int(self._folds[n]), int(times)) for n, times in sorted(zip(folds, raises, strict=True), key=lambda pair: -int(pair[1]))]


def _highest(known: int | None, values: NDArray[np.int64] | NDArray[np.int32]) -> int | None:
    if not len(values):
        return known
    highest = max(0, int(values.max()))
    return highest if known is None else max(known, highest)
