"""What is out of the queue, and why: shelves that people put up, and suppression by the rules of the city pack. Columns only: a shelf costs
a look at the rows it may concern, not at their records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.aside import How, Scope, Shelf
from app.domain.ids import Millis, ShelfId
from app.domain.rule import Suppression
from app.live.alerts import ACKNOWLEDGED, CLEARED, NOT_ASIDE, OUT_OF_SERVICE, SHELVED, SUPPRESSED, AlertStore

_NO_AREAS: NDArray[np.int64] = np.empty(0, dtype=np.int64)
_NO_ROWS: NDArray[np.int64] = np.empty(0, dtype=np.int64)
_INDEX = {How.SHELVED: SHELVED, How.OUT_OF_SERVICE: OUT_OF_SERVICE}


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What the clock did: a shelf ended, or a rule began or ceased to suppress. `rows`: the alerts whose state changed by it."""

    rows: NDArray[np.int64]
    shelf: Shelf | None = None
    suppression: Suppression | None = None
    began: bool = False


class Asides:
    """Keeps the store's column `aside` true to the shelves and rules. Loop thread only."""

    def __init__(self, alerts: AlertStore, suppressions: Sequence[Suppression]) -> None:
        self._alerts = alerts
        self.suppressions = suppressions
        self._held: dict[ShelfId, Shelf] = {}
        """Shelves of whose end nobody has been told."""
        self._areas: dict[str, NDArray[np.int64]] = {}
        """Where each rule suppresses, by its id; whole-city rules wherever this is not empty."""

    def matching(self, scope: Scope, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Those of `rows` (default: all) that `scope` covers, as Scope.covers has it."""
        alerts = self._alerts
        if scope.empty:
            return np.empty(0, dtype=np.int64)
        if scope.alert is not None:
            row = alerts.find(scope.alert)
            found = np.array([row] if row >= 0 else [], dtype=np.int64)
            rows = found if rows is None else np.intersect1d(rows, found)
        elif rows is None:
            rows = np.arange(len(alerts), dtype=np.int64)
        for column, number in (
            ("kind", None if scope.kind is None else alerts.kinds.find(scope.kind)),
            ("area", None if scope.area is None else alerts.areas.find(scope.area)),
            ("series", None if scope.series is None else alerts.series_ids.find(scope.series)),
            ("source", None if scope.source is None else alerts.sources.find(scope.source)),
        ):
            if number is not None:
                rows = rows[getattr(alerts, column)[rows] == number]
        if scope.place is not None:
            there = np.fromiter((text.zh == scope.place for text in alerts.places.values), dtype=np.bool_, count=len(alerts.places))
            rows = rows[there[alerts.place[rows]]]
        return rows

    def place(self, rows: NDArray[np.int64], now: Millis) -> NDArray[np.int64]:
        """Put `rows` aside as they should be at `now`; those that changed."""
        rows = np.unique(rows)
        return self._alerts.put_aside(rows, self._wanted(rows, now))

    def use(self, shelves: Mapping[ShelfId, Shelf], now: Millis) -> NDArray[np.int64]:
        """These are the shelves from now on; the rows that changed by it. One whose time is up stays until `second` has told of it."""
        before = self._held
        self._held = {s.id: s for s in shelves.values() if s.ended_at is None and (s.holds(now) or s.id in before)}
        differ = [s for key, s in (*before.items(), *self._held.items()) if before.get(key) != self._held.get(key)]
        return self.place(np.concatenate([self.matching(s.scope) for s in differ]), now) if differ else _NO_ROWS

    def second(self, now: Millis) -> list[ClockStep]:
        """Let end what has an end, and follow the rules; what the clock did."""
        steps: list[ClockStep] = []
        for shelf in [s for s in self._held.values() if not s.holds(now)]:
            del self._held[shelf.id]
            steps.append(ClockStep(self.place(self.matching(shelf.scope), now), shelf=shelf))
        for rule in self.suppressions:
            steps += self._follow(rule, now)
        return steps

    def use_suppressions(self, suppressions: Sequence[Suppression], now: Millis) -> NDArray[np.int64]:
        """These are the rules from now on; the rows that changed by it."""
        touched = [self._of_kinds(rule) for rule in (*self.suppressions, *suppressions)]
        self.suppressions = suppressions
        self._areas = {rule.id: self._explained(rule) for rule in suppressions}
        return self.place(np.concatenate(touched), now) if touched else np.empty(0, dtype=np.int64)

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _wanted(self, rows: NDArray[np.int64], now: Millis) -> NDArray[np.int8]:
        """What each of `rows` is to be put aside by; the strongest, where there are several."""
        wanted = np.full(len(rows), NOT_ASIDE, dtype=np.int8)
        for rule in self.suppressions:
            areas = self._areas.get(rule.id, _NO_AREAS)
            if len(areas):
                mask = np.isin(self._alerts.kind[rows], self._numbers(rule))
                wanted[mask if rule.whole_city else mask & np.isin(self._alerts.area[rows], areas)] = SUPPRESSED
        for shelf in self._held.values():
            if shelf.holds(now):
                mask = np.isin(rows, self.matching(shelf.scope, rows))
                wanted[mask] = np.maximum(wanted[mask], _INDEX[shelf.how])
        return wanted

    def _follow(self, rule: Suppression, now: Millis) -> Iterator[ClockStep]:
        """One step where it began to suppress somewhere, another where it ceased to."""
        areas, before = self._explained(rule), self._areas.get(rule.id, _NO_AREAS)
        if np.array_equal(areas, before):
            return
        self._areas[rule.id] = areas
        changed = self.place(self._of_kinds(rule), now)
        put = self._alerts.aside[changed] == SUPPRESSED
        began = len(areas) > 0 and not len(before) if rule.whole_city else len(np.setdiff1d(areas, before)) > 0
        ceased = len(before) > 0 and not len(areas) if rule.whole_city else len(np.setdiff1d(before, areas)) > 0
        if began:
            yield ClockStep(changed[put], suppression=rule, began=True)
        if ceased:
            yield ClockStep(changed[~put], suppression=rule)

    def _numbers(self, rule: Suppression) -> list[int]:
        return [number for kind in rule.kinds if (number := self._alerts.kinds.find(kind)) >= 0]

    def _of_kinds(self, rule: Suppression) -> NDArray[np.int64]:
        """Rows that `rule` may suppress."""
        return np.flatnonzero(np.isin(self._alerts.kind, self._numbers(rule)) & (self._alerts.base != CLEARED))

    def _explained(self, rule: Suppression) -> NDArray[np.int64]:
        """Numbers of the areas in which what explains the rule's kinds is active."""
        alerts = self._alerts
        by = (alerts.kind == alerts.kinds.find(rule.by)) & (alerts.base <= ACKNOWLEDGED)
        return np.unique(alerts.area[by])
