"""Every alert that the desk knows, as columns: what is sorted, filtered and counted is numpy, and a record is built when one is looked at.

A million alerts have to fit (below 300 bytes each), so nothing is kept as an object that a column can hold, and texts that repeat are
kept once. What only few alerts have (warning areas, a case, a history) lies beside the columns.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from math import isnan

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.domain.alert import ASIDE, Acknowledgement, Alert, AlertMove, AlertState, AlertStep, Reality, standing_state
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, Millis, SeriesId, SourceName
from app.domain.severity import Severity
from app.domain.text import Text
from app.live.columns import Columns, CountedLexicon, Lexicon, argsort
from app.live.folds import Folds, Groups
from app.live.index import RowIndex

STATES = list(AlertState)
UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED, CLEARED, SHELVED, SUPPRESSED, OUT_OF_SERVICE = (STATES.index(s) for s in AlertState)
NOT_ASIDE = 0
"""The column `aside`: 0, or the index into STATES of what the alert is put aside by."""

_REALITIES = list(Reality)
_BASE = np.array([[STATES.index(standing_state(active=active, acknowledged=known)) for known in (False, True)] for active in (False, True)])
"""The state by condition and people: [active, acknowledged]."""
_BUILT = 8_192
"""Records kept after they were built: what is in sight is asked for again and again."""
_NO_CAUSE = -1
_AWAITED = 20_000
"""Causes not heard of that are waited for; beyond it the one that has been waited for longest is given up, and its alerts stay by themselves."""
_GENERATIONS = 64
"""Causes behind one another that are followed to see whether they lead in a circle."""
_MOST_RAISES = 32_767
_ORDER_AT_BITS = 48
_LATEST = (1 << _ORDER_AT_BITS) - 1
_ORDER_ANEW = 8
"""Where more than one row in so many has changed, the queue is put in order anew; fewer are moved in it."""
_COLUMNS = {
    "severity": (np.int8, 0),
    "state": (np.int8, 0),
    "base": (np.int8, 0),
    "aside": (np.int8, 0),
    "level": (np.int8, 0),
    "reality": (np.int8, 0),
    "guessed": (np.bool_, False),
    "plain": (np.bool_, False),
    "source": (np.int32, 0),
    "kind": (np.int32, 0),
    "area": (np.int32, 0),
    "title": (np.int32, 0),
    "place": (np.int32, 0),
    "advice": (np.int32, 0),
    "series": (np.int32, 0),
    "owner": (np.int32, 0),
    "case": (np.int32, 0),
    "acked_by": (np.int32, 0),
    "words": (np.int32, 0),
    "cause": (np.int32, _NO_CAUSE),
    "fold": (np.int32, 0),
    "group": (np.int32, 0),
    "raises": (np.int16, 0),
    "version": (np.int64, 0),
    "at": (np.int64, 0),
    "ended": (np.int64, 0),
    "acked": (np.int64, 0),
    "came_s": (np.uint32, 0),
    "lon": (np.float64, np.nan),
    "lat": (np.float64, np.nan),
    "value": (np.float64, np.nan),
    "limit": (np.float64, np.nan),
}
"""Beside those that everybody reads: `base`, the state without what the alert is put aside by · `guessed`, whether `cause` (a row) is the pack's
word and not the source's · `plain`, whether its only step is its acknowledgement · `words`, the acknowledgement's."""


class _Beside(msgspec.Struct, gc=False):
    """What only few alerts have, and columns cannot say."""

    polygons: tuple[tuple[Position, ...], ...] = ()
    confidence: float | None = None
    steps: tuple[AlertStep, ...] = ()
    cause: AlertId | None = None
    """Of which the desk has not heard (yet), or that leads in a circle."""
    odd: Alert | None = None
    """The whole record, where a column would take one of its numbers for none."""


_NOTHING_BESIDE = _Beside()


def _phrases(text: Text) -> str:
    return f"{text.zh} {text.en}"


class AlertStore:
    """Alerts by id and by row. Rows are never reused while the desk runs, so that a row number stays good. Loop thread only; columns are
    read only for everybody else. Shapes: every column has one value a row; times are UTC ms."""

    def __init__(self, causes: Mapping[AlertKindId, AlertKindId | None] | None = None) -> None:
        """`causes`: which kind of alert brings about which, for sources that do not say."""
        self._index = RowIndex()
        self._ids = self._index.ids
        self._columns = Columns(_COLUMNS)
        self._beside: dict[int, _Beside] = {}
        self._built: OrderedDict[int, Alert] = OrderedDict()
        self._orphans: dict[AlertId, list[int]] = {}
        """Rows that wait for their cause to come."""
        self._moved: list[int] = []
        """Rows whose group has to be found anew."""
        self._order: NDArray[np.int64] | None = None
        self._stale: list[NDArray[np.int64]] = []
        """Rows that may stand wrongly in it."""
        self._stale_count = 0
        self.kinds: Lexicon[AlertKindId] = Lexicon()
        self.areas: Lexicon[AreaCode] = Lexicon()
        self.sources: Lexicon[SourceName] = Lexicon()
        self.titles: CountedLexicon[Text] = CountedLexicon(Text(), _phrases)
        self.places: Lexicon[Text] = Lexicon(_phrases)
        self.people: Lexicon[str] = Lexicon()
        self.series_ids: Lexicon[SeriesId | None] = Lexicon(lambda s: s or "")
        self.cases: Lexicon[CaseId | None] = Lexicon(lambda c: c or "")
        self._advice: CountedLexicon[Text] = CountedLexicon(Text(), _phrases)
        self._words: CountedLexicon[str] = CountedLexicon("")
        self.cases.number(None)
        self.people.number("")
        self.places.number(Text())
        self.series_ids.number(None)
        self.folds = Folds()
        self.groups = Groups(causes or {})
        self.generation = 0
        """Rises with every change, so that what was computed from the columns can be kept while it stays."""

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, alert: AlertId) -> Alert:
        return self.at_row(self.row_of(alert))

    def get(self, alert: AlertId | None) -> Alert | None:
        row = self.find(alert)
        return None if row < 0 else self.at_row(row)

    def cause_of(self, alert: AlertId) -> Alert | None:
        """What brought it about, as far as the desk knows: as its source says, or else by the pack's kinds."""
        cause = int(self._columns["cause"][self.row_of(alert)])
        return None if cause < 0 else self.at_row(cause)

    def __iter__(self) -> Iterator[Alert]:
        """Every record, built one after the other: for few alerts and for tests."""
        return (self.at_row(row) for row in range(len(self._ids)))

    def row_of(self, alert: AlertId) -> int:
        """Raises KeyError for an id that never came."""
        row = self._index.find(alert)
        if row < 0:
            raise KeyError(alert)
        return row

    def find(self, alert: AlertId | None) -> int:
        """The alert's row, -1 where it never came."""
        return self._index.find(alert) if alert is not None else -1

    def id_at(self, row: int) -> AlertId:
        return self._ids[row]

    def __getattr__(self, name: str) -> NDArray[np.int64]:
        """The columns, see _COLUMNS. A view: one that is kept while alerts come stays behind, and does not know of those that came."""
        if name in _COLUMNS:
            return self._columns.shown(name)
        raise AttributeError(name)

    @property
    def has_case(self) -> NDArray[np.bool_]:
        """Whether each belongs to a case."""
        return self._columns["case"] > 0

    @property
    def came(self) -> NDArray[np.int64]:
        """When the desk first heard of each, UTC ms, to the second."""
        return self._columns["came_s"].astype(np.int64) * 1000

    # --- writing -------------------------------------------------------------------------------------------------------------

    def put(self, alert: Alert, came: Millis = Millis(0)) -> int:  # noqa: B008 - a NewType, not a call
        """Take an alert's newest state; its row. `came`: when the desk heard of it, for a new one."""
        return int(self.put_all((alert,), came)[0])

    def put_all(self, alerts: Sequence[Alert], came: Millis = Millis(0)) -> NDArray[np.int64]:  # noqa: B008
        """Take the newest state of many; their rows, in the same order. Of several with one id only the last counts."""
        newest = {alert.id: alert for alert in alerts}
        known, records = len(self), list(newest.values())
        found = self._index.take(newest)
        fresh = [alert for row, alert in zip(found, records, strict=True) if row >= known]
        if fresh:
            self._append(fresh, came)
        if len(fresh) < len(records):
            again = [(row, alert) for row, alert in zip(found, records, strict=True) if row < known]
            self._rewrite([row for row, _ in again], [alert for _, alert in again])
        self._regroup(len(fresh))
        if len(found) < len(alerts):
            row_of = dict(zip(newest, found, strict=True))
            found = [row_of[alert.id] for alert in alerts]
        rows = np.array(found, dtype=np.int64)
        self._changed(rows)
        return rows

    def put_aside(self, rows: NDArray[np.int64], how: NDArray[np.int8]) -> NDArray[np.int64]:
        """Let `rows` be put aside by `how` (NOT_ASIDE, or an index into STATES); those whose shown state changed by it."""
        before = self._columns["state"][rows]
        self._columns["aside"][rows] = how
        self._show_state(rows)
        changed = rows[self._columns["state"][rows] != before]
        if len(changed):
            self._changed(changed)
        return changed

    def escalate(self, rows: NDArray[np.int64], levels: NDArray[np.int8]) -> None:
        """Nobody has taken note of `rows` for so long that they have come to these levels (EscalationLevel)."""
        self._columns["level"][rows] = levels
        self._changed(rows)

    # --- reading -------------------------------------------------------------------------------------------------------------

    def at_row(self, row: int) -> Alert:
        """The record. The same object as long as nothing about it changes and it is looked at."""
        built = self._built.get(row)
        if built is not None:
            self._built.move_to_end(row)
            return built
        alert = self._built[row] = self._build(row)
        if len(self._built) > _BUILT:
            self._built.popitem(last=False)
        return alert

    def state_at(self, row: int) -> AlertState:
        """The shown state: what the alert is put aside by, if by anything."""
        return STATES[int(self._columns["state"][row])]

    def state_of(self, alert: AlertId) -> AlertState:
        """The same by id."""
        return self.state_at(self.row_of(alert))

    def queued(self) -> NDArray[np.bool_]:
        """For each row whether it belongs in the queue: neither over nor put aside."""
        state = self._columns["state"]
        return state < CLEARED

    def order(self) -> NDArray[np.int64]:
        """Rows of the queue: unacknowledged before acknowledged, worst first, oldest first within. Do not change it."""
        if self._order is None or self._stale_count * _ORDER_ANEW > len(self._order):
            self._order = self.sorted(np.flatnonzero(self.queued()))
        elif self._stale:
            self._order = self._moved_in(self._order, np.unique(np.concatenate(self._stale)))
        self._stale, self._stale_count = [], 0
        return self._order

    @property
    def ordered(self) -> bool:
        """Whether `order` costs little now."""
        return self._order is not None

    def sorted(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """`rows` (ascending) in the order of the queue."""
        if not len(rows):
            return rows
        keys, at = self.urgency(rows), self._moments(rows)
        # Without the bits that all times share, fewer have to be sorted.
        since = at - at.min()
        return rows[argsort((keys >> _ORDER_AT_BITS << int(since.max()).bit_length()) | since)]

    def urgency(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number a row to sort by: smaller comes first."""
        quiet = (self._columns["state"][rows] == ACKNOWLEDGED).astype(np.int64)
        return (((quiet << 3) | self._columns["severity"][rows]) << _ORDER_AT_BITS) | self._moments(rows)

    def _moments(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.clip(self._columns["at"][rows], 0, _LATEST)

    def standing(self) -> NDArray[np.int64]:
        """Number of alerts in the queue, by severity 1…4 (index 0 is unused)."""
        queued, severity = self.queued(), self._columns["severity"]
        return np.array([0, *(np.count_nonzero(queued & (severity == each)) for each in Severity)], dtype=np.int64)

    def unacknowledged(self) -> int:
        """Alerts in the queue that somebody still has to take note of."""
        state = self._columns["state"]
        return int(np.count_nonzero((state == UNACKNOWLEDGED) | (state == RETURNED)))

    def aside_counts(self) -> dict[AlertState, int]:
        """How many are put aside, by what."""
        shown = self._columns["state"]
        return {state: int(np.count_nonzero(shown == STATES.index(state))) for state in ASIDE}

    def raised_since(self, since: Millis) -> int:
        """How many alerts began after `since`: the alarm rate's numerator."""
        return int(np.count_nonzero(self._columns["at"] > since))

    def members(self, column: str, number: int) -> NDArray[np.int64]:
        """Rows of the queue whose `fold` or `group` is `number`, first-out first."""
        rows = np.flatnonzero((self._columns[column] == number) & self.queued())
        return rows[np.argsort(self._columns["at"][rows], kind="stable")]

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _changed(self, rows: NDArray[np.int64]) -> None:
        self.generation += 1
        if self._order is not None:
            self._stale.append(rows)
            self._stale_count += len(rows)
            if self._stale_count * _ORDER_ANEW > len(self._order):
                self._order, self._stale, self._stale_count = None, [], 0
        if self._built:
            for row in rows.tolist():
                self._built.pop(row, None)

    def _moved_in(self, order: NDArray[np.int64], stale: NDArray[np.int64]) -> NDArray[np.int64]:
        """`order` with the rows `stale` where they belong now: what few alerts bring costs a fraction of a sort."""
        gone = np.zeros(len(self), dtype=np.bool_)
        gone[stale] = True
        rest = order[~gone[order]]
        come = self.sorted(stale[self._columns["state"][stale] < CLEARED])
        wanted = self.urgency(come)
        low, high = np.zeros(len(come), dtype=np.int64), np.full(len(come), len(rest), dtype=np.int64)
        while (open_ := low < high).any():
            middle = (low + high) // 2
            here = rest[np.minimum(middle, len(rest) - 1)]
            key = self.urgency(here)
            before = (key < wanted) | ((key == wanted) & (here < come))
            low = np.where(open_ & before, middle + 1, low)
            high = np.where(open_ & ~before, middle, high)
        return np.insert(rest, low, come)

    def _append(self, alerts: Sequence[Alert], came: Millis) -> None:
        """New rows for alerts that have just been given numbers."""
        rows = self._columns.add(len(alerts))
        span = slice(rows.start, rows.stop)
        column = self._columns
        self._fill(span, alerts)
        column["came_s"][span] = max(0, min(came // 1000, 0xFFFF_FFFF))
        column["group"][span] = np.arange(rows.start, rows.stop)
        column["state"][span] = column["base"][span]
        column["raises"][span] = column["base"][span] <= ACKNOWLEDGED
        column["fold"][span] = folds = self.folds.of(self._points(alerts, span))
        self.folds.raised((fold, alert.at) for fold, alert in zip(folds, alerts, strict=True) if alert.active)
        kin, orphans = self.groups.kin, self._orphans
        for row, alert in zip(rows, alerts, strict=True):
            if alert.cause is not None or (orphans and alert.id in orphans):
                self._find_cause(row, alert)
            elif alert.kind in kin:
                self._guess_cause(row, alert)
            if alert.polygons or alert.steps or alert.cause is not None or alert.confidence is not None or _odd(alert):
                self._put_beside(row, alert)

    def _rewrite(self, known: list[int], alerts: Sequence[Alert]) -> None:
        """Another state of alerts that are known."""
        rows = np.array(known, dtype=np.int64)
        column = self._columns
        before = self._whereabouts(rows)
        base, at = column["base"][rows].tolist(), column["at"][rows].tolist()
        raised = [a.active and (was > ACKNOWLEDGED or a.at > began) for a, was, began in zip(alerts, base, at, strict=True)]
        used = [(lexicon, column[name][rows].tolist()) for name, lexicon in self._counted()]
        causes = [self._told_cause(row) for row in known]
        self._fill(rows, alerts)
        for lexicon, numbers in used:
            for number in numbers:
                lexicon.drop(number)
        self._show_state(rows)
        moved = [old != new for old, new in zip(before, self._whereabouts(rows), strict=True)]
        self._follow_points(rows, alerts, np.array(moved), np.array(raised))
        for row, alert, elsewhere, told in zip(known, alerts, moved, causes, strict=True):
            if elsewhere or alert.cause != told:
                self._find_cause(row, alert)
                self._moved.append(row)
            self._put_beside(row, alert)

    def _whereabouts(self, rows: slice | NDArray[np.int64]) -> list[tuple[int, ...]]:
        """Numbers of kind, area, place and series of each."""
        return list(zip(*(self._columns[name][rows].tolist() for name in ("kind", "area", "place", "series")), strict=True))

    def _follow_points(self, rows: NDArray[np.int64], alerts: Sequence[Alert], moved: NDArray[np.bool_], raised: NDArray[np.bool_]) -> None:
        """Count what was raised again, at the point where it is now; what is active and has moved counts there too."""
        column = self._columns
        if moved.any():
            there = np.flatnonzero(moved)
            column["fold"][rows[there]] = self.folds.of(self._points([alerts[n] for n in there.tolist()], rows[there]))
        column["raises"][rows] = np.minimum(column["raises"][rows].astype(np.int32) + raised, _MOST_RAISES)
        counts = raised | (moved & (column["base"][rows] <= ACKNOWLEDGED))
        folds = column["fold"][rows]
        self.folds.raised((int(folds[n]), alerts[n].at) for n in np.flatnonzero(counts).tolist())

    def _counted(self) -> tuple[tuple[str, CountedLexicon[Text] | CountedLexicon[str]], ...]:
        return ("title", self.titles), ("advice", self._advice), ("words", self._words)

    def _fill(self, rows: slice | NDArray[np.int64], alerts: Sequence[Alert]) -> None:
        """Write what the columns can say."""
        column = self._columns
        marks = [a.acknowledged for a in alerts]
        spots = [a.position for a in alerts]
        nan = float("nan")
        column["severity"][rows] = [int(a.severity) for a in alerts]
        column["reality"][rows] = [0 if a.reality is Reality.ACTUAL else _REALITIES.index(a.reality) for a in alerts]
        column["kind"][rows] = self.kinds.number_all([a.kind for a in alerts])
        column["area"][rows] = self.areas.number_all([a.area for a in alerts])
        column["source"][rows] = self.sources.number_all([a.source for a in alerts])
        column["title"][rows] = self.titles.number_all([a.title for a in alerts])
        column["place"][rows] = self.places.number_all([a.place for a in alerts])
        column["advice"][rows] = self._advice.number_all([a.advice for a in alerts])
        column["series"][rows] = self.series_ids.number_all([a.series for a in alerts])
        column["owner"][rows] = self.people.number_all([a.owner for a in alerts])
        column["case"][rows] = self.cases.number_all([a.case for a in alerts])
        column["version"][rows] = [a.version for a in alerts]
        column["at"][rows] = [a.at for a in alerts]
        column["ended"][rows] = [a.ended_at or 0 for a in alerts]
        column["acked"][rows] = [mark.at if mark else 0 for mark in marks]
        column["acked_by"][rows] = self.people.number_all([mark.by if mark else "" for mark in marks])
        column["words"][rows] = self._words.number_all([mark.comment if mark else "" for mark in marks])
        column["plain"][rows] = [bool(a.steps) and _acknowledged_only(a) for a in alerts]
        column["lon"][rows] = [spot.lon if spot else nan for spot in spots]
        column["lat"][rows] = [spot.lat if spot else nan for spot in spots]
        column["value"][rows] = [nan if a.value is None else a.value for a in alerts]
        column["limit"][rows] = [nan if a.limit is None else a.limit for a in alerts]
        column["base"][rows] = _BASE[[int(a.active) for a in alerts], [int(mark is not None) for mark in marks]]

    def _show_state(self, rows: NDArray[np.int64]) -> None:
        """What is put aside is shown so, unless it is over anyway."""
        base, aside = self._columns["base"][rows], self._columns["aside"][rows]
        self._columns["state"][rows] = np.where((aside == NOT_ASIDE) | (base == CLEARED), base, aside)

    # --- what belongs together ---

    def _points(self, alerts: Sequence[Alert], rows: slice | NDArray[np.int64]) -> list[object]:
        """What duplicates of each of `alerts` share: kind, area, place, series. Where nothing tells the place they share the position, or
        else the title: two warnings of one kind for one area are not the same."""
        return [
            point if point[2] or point[3] else (*point, (round(a.position.lon, 4), round(a.position.lat, 4)) if a.position else a.title)
            for point, a in zip(self._whereabouts(rows), alerts, strict=True)
        ]

    def _find_cause(self, row: int, alert: Alert) -> None:
        """Find what brought the alert about, as its source says or else by the pack's kinds; and take in those that waited for it."""
        cause, guessed = self._columns.cells("cause"), self._columns.cells("guessed")
        cause[row], guessed[row] = _NO_CAUSE, False
        if alert.cause is None:
            self._guess_cause(row, alert)
        else:
            known = self._index.find(alert.cause)
            if known < 0:
                self._await(row, alert.cause)
            elif not self._leads_to(known, row):
                cause[row] = known
            self.groups.seen(alert.kind, alert.area, row)
        for child in self._orphans.pop(alert.id, ()):
            beside = self._beside.get(child, _NOTHING_BESIDE)
            if beside.cause == alert.id and not self._leads_to(row, child):
                cause[child] = row
                self._moved.append(child)
                beside.cause = None
                if beside == _NOTHING_BESIDE:
                    del self._beside[child]

    def _guess_cause(self, row: int, alert: Alert) -> None:
        """The alert's source named no cause: let it be the likeliest of those that the pack's kinds bring about."""
        cells, found = self._columns.cells, self.groups.likely_causes(alert.kind, alert.area)
        if found:
            at, state = cells("at"), cells("state")
            for likely in found:
                if 0 <= alert.at - at[likely] <= self.groups.WINDOW_MS and state[likely] != CLEARED and likely != row:
                    if not self._leads_to(likely, row):
                        cells("cause")[row], cells("guessed")[row] = likely, True
                    break
        self.groups.seen(alert.kind, alert.area, row)

    def _await(self, row: int, cause: AlertId) -> None:
        waiting = self._orphans.setdefault(cause, [])
        if not waiting and len(self._orphans) > _AWAITED:
            del self._orphans[next(iter(self._orphans))]
        waiting.append(row)

    def _leads_to(self, row: int, end: int) -> bool:
        """Whether the causes behind `row` lead to `end`: hostile records may bite their own tails."""
        causes = self._columns.cells("cause")
        for _ in range(_GENERATIONS):
            if row == end:
                return True
            if row < 0:
                return False
            row = causes[row]
        return True

    def _regroup(self, fresh: int) -> None:
        """Give the newest `fresh` rows, and whatever hangs on those that moved, the row of their first cause."""
        cause, group = self._columns["cause"], self._columns["group"]
        rows = np.arange(len(self) - fresh, len(self))
        rows = rows[cause[rows] >= 0]
        if self._moved:
            torn = np.zeros(len(self), dtype=np.bool_)
            torn[group[self._moved]] = True
            rows = np.union1d(rows, np.flatnonzero(torn[group]))
            self._moved.clear()
        if not len(rows):
            return
        group[rows] = np.where(cause[rows] >= 0, cause[rows], rows)
        # Each round doubles the distance, so that a long chain takes few.
        while not np.array_equal(higher := group[group[rows]], group[rows]):
            group[rows] = higher

    # --- what the columns cannot say ---

    def _told_cause(self, row: int) -> AlertId | None:
        """The cause as the source said it."""
        cause = self._columns.cells("cause")[row]
        if cause >= 0 and not self._columns.cells("guessed")[row]:
            return self._ids[cause]
        return self._beside.get(row, _NOTHING_BESIDE).cause

    def _put_beside(self, row: int, alert: Alert) -> None:
        linked = alert.cause is None or self._columns.cells("cause")[row] >= 0
        beside = _Beside(
            alert.polygons,
            alert.confidence,
            () if self._columns.cells("plain")[row] else alert.steps,
            None if linked else alert.cause,
            alert if _odd(alert) else None,
        )
        if beside != _NOTHING_BESIDE:
            self._beside[row] = beside
        else:
            self._beside.pop(row, None)

    def _build(self, row: int) -> Alert:
        beside = self._beside.get(row, _NOTHING_BESIDE)
        if beside.odd is not None:
            return beside.odd
        cells = self._columns.cells
        lon, value, limit = cells("lon")[row], cells("value")[row], cells("limit")[row]
        base = cells("base")[row]
        mark = None
        if base in (ACKNOWLEDGED, CLEARED):
            words = self._words.values[cells("words")[row]]
            mark = Acknowledgement(self.people.values[cells("acked_by")[row]], Millis(cells("acked")[row]), words)
        steps = beside.steps
        if mark is not None and cells("plain")[row]:
            steps = (AlertStep(move=AlertMove.ACKNOWLEDGE, at=mark.at, actor=mark.by, comment=mark.comment),)
        return Alert(
            id=self._ids[row],
            kind=self.kinds.values[cells("kind")[row]],
            severity=Severity(cells("severity")[row]),
            title=self.titles.values[cells("title")[row]],
            area=self.areas.values[cells("area")[row]],
            place=self.places.values[cells("place")[row]],
            at=Millis(cells("at")[row]),
            active=base in (UNACKNOWLEDGED, ACKNOWLEDGED),
            ended_at=Millis(cells("ended")[row]) or None,
            position=None if isnan(lon) else Position(lon, cells("lat")[row]),
            polygons=beside.polygons,
            cause=self._told_cause(row),
            series=self.series_ids.values[cells("series")[row]],
            value=None if isnan(value) else value,
            limit=None if isnan(limit) else limit,
            confidence=beside.confidence,
            acknowledged=mark,
            case=self.cases.values[cells("case")[row]],
            reality=_REALITIES[cells("reality")[row]],
            advice=self._advice.values[cells("advice")[row]],
            owner=self.people.values[cells("owner")[row]],
            steps=steps,
            source=self.sources.values[cells("source")[row]],
            version=cells("version")[row],
        )


def _odd(alert: Alert) -> bool:
    """Whether a column would take one of its numbers for none: nan, or the year 1970's first moment where something ended."""
    spot, value, limit = alert.position, alert.value, alert.limit
    # Only nan is not itself.
    return value != value or limit != limit or alert.ended_at == 0 or (spot is not None and spot.lon != spot.lon)


def _acknowledged_only(alert: Alert) -> bool:
    """Whether all that people did to it is the acknowledgement that it bears."""
    mark, step = alert.acknowledged, alert.steps[0]
    return (
        mark is not None
        and len(alert.steps) == 1
        and (step.move, step.at, step.actor, step.comment) == (AlertMove.ACKNOWLEDGE, mark.at, mark.by, mark.comment)
    )
