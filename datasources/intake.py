"""From a message of the wire to a batch of the deck: names its source, and leaves out single records that cannot be true. Pure; no I/O.

A record with an impossible time, place or series is refused by itself, so that its neighbours in the same message are not lost with it.
An alert is never lost for its time, its place or its words: what of it cannot be is put right or left out, and that is counted.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from app.domain.alert import Alert, Reality
from app.domain.aside import Shelf
from app.domain.batch import Batch, History, Readings
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.geo import Position
from app.domain.ids import AlertId, Millis, SourceName
from app.domain.text import N_
from app.domain.unit import Unit, UnitFix
from datasources import outside
from datasources.outside import (
    MAX_AHEAD_MS,
    MAX_MILLIS,
    MAX_VALUE,
    MIN_MILLIS,
    fault_of_id,
    fault_of_moment,
    fault_of_place,
    fault_of_time,
    fault_of_version,
)
from datasources.protocol import BatchMessage
from datasources.sequence import is_first, is_last

MAX_QUALITY = 3
MAX_HISTORY_VALUES = 1_000_000
DATED = 10_000
"""Newest impossible times for which it is remembered when they arrived, so that an alert that comes again is not a day older each time."""

Refuse = Callable[[str, str], None]
"""Takes the reason and a sample of what was refused."""

_Versioned = TypeVar("_Versioned", Alert, Case, Shelf)


def _system_now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


class Intake:
    """What one wire source sends, as batches of the link `name`. Keeps the size of the source's catalogue. Loop thread only."""

    def __init__(self, name: SourceName, wire_source: str, refuse: Refuse, now: Callable[[], Millis] = _system_now) -> None:
        """`now` gives UTC ms: what is far ahead of it is not taken."""
        self._name = name
        self._source = SourceName(f"{name}/{wire_source}")
        self._refuse = refuse
        self._now = now
        self._series = 0
        self._arrived = now()
        self._present = int(self._arrived)
        self._latest = self._present
        self._dated: OrderedDict[tuple[AlertId, int], Millis] = OrderedDict()

    def batch(self, message: BatchMessage, *, simulated: bool) -> Batch:
        """The batch that `message` stands for. `simulated`: the platform plays, so nothing that it says is actual, and its clock is its own."""
        self._arrived = self._now()
        self._present = max(self._arrived, message.at) if simulated and not fault_of_moment(message.at) else int(self._arrived)
        self._latest = min(self._present + MAX_AHEAD_MS, MAX_MILLIS)
        if message.catalogue is not None:
            self._series = len(message.catalogue)
        return Batch(
            source=self._source,
            seq=message.seq,
            at=self._sent_at(message),
            catalogue=message.catalogue,
            readings=None if message.readings is None else self._readings(message.readings),
            history=tuple(history for history in message.history if self._passes(history, self._fault_of_history(history))),
            alerts=tuple(self._alerts(message.alerts, simulated)) if message.alerts else (),
            cases=tuple(self._cases(message.cases)) if message.cases else (),
            units=tuple(outside.clean_unit(unit) for unit in message.units if self._passes(unit, self._fault_of_unit(unit))),
            fixes=tuple(fix for fix in message.fixes if self._passes(fix, self._fault_of_fix(fix))),
            cameras=tuple(outside.clean_camera(camera) for camera in message.cameras if self._passes(camera, _fault_of_camera(camera))),
            shelves=tuple(self._shelves(message.shelves)) if message.shelves else (),
            snapshot=is_first(message),
            complete=is_last(message),
        )

    def _sent_at(self, message: BatchMessage) -> Millis:
        if not self._fault_of_time(message.at):
            return message.at
        self._refuse(N_("a message with an impossible time, dated at its arrival"), f"seq {message.seq}, at {message.at}")
        return self._arrived

    # --- readings --------------------------------------------------------------------------------------------------------------

    def _readings(self, readings: Readings) -> Readings | None:
        series, at, quality = readings.series, readings.at, readings.quality
        if not series:
            return None
        sound = min(series) >= 0 and max(series) < self._series and min(at) >= MIN_MILLIS and max(at) <= self._latest
        if sound and (not quality or (min(quality) >= 0 and max(quality) <= MAX_QUALITY)) and _possible(readings.value):
            return readings
        good: list[int] = []
        for row in range(len(series)):
            fault = self._fault_of_reading(readings, row)
            if fault:
                self._refuse(fault, f"series {series[row]}, value {readings.value[row]}, at {at[row]}")
            else:
                good.append(row)
        if not good:
            return None
        columns = [series[row] for row in good], [readings.value[row] for row in good], [at[row] for row in good]
        return Readings(*columns, [quality[row] for row in good] if quality else [])

    def _fault_of_reading(self, readings: Readings, row: int) -> str:
        if not 0 <= readings.series[row] < self._series:
            return N_("a reading of a series that is not in the catalogue")
        if readings.quality and not 0 <= readings.quality[row] <= MAX_QUALITY:
            return N_("a reading of unknown quality")
        value = readings.value[row]
        if value is not None and abs(value) > MAX_VALUE:
            return N_("a value that no instrument shows")
        return self._fault_of_time(readings.at[row])

    def _fault_of_history(self, history: History) -> str:
        if not 0 <= history.series < self._series:
            return N_("history of a series that is not in the catalogue")
        if history.step_ms <= 0 or len(history.value) > MAX_HISTORY_VALUES:
            return N_("history with an impossible step or length")
        if not _possible(history.value):
            return N_("a value that no instrument shows")
        return self._fault_of_time(history.start, history.start + history.step_ms * len(history.value))

    # --- alerts ----------------------------------------------------------------------------------------------------------------

    def _alerts(self, alerts: Sequence[Alert], simulated: bool) -> Iterator[Alert]:
        for alert in self._newest(alerts):
            yield self._alert(alert, simulated)

    def _alert(self, alert: Alert, simulated: bool) -> Alert:
        reality = Reality.SIMULATED if simulated and alert.reality is Reality.ACTUAL else alert.reality
        changes = outside.clean_alert(alert)
        self._place(alert, changes)
        self._link(alert, changes)
        alert = msgspec.structs.replace(alert, source=self._name, reality=reality, **changes)
        return self._put_in_time(alert)

    def _place(self, alert: Alert, changes: dict[str, Any]) -> None:
        """An alert is never lost for its place."""
        if alert.position is not None and fault_of_place(alert.position):
            changes["position"] = None
            self._refuse(N_("an alert at a place that is not on Earth, kept without it"), f"{alert.id}: {alert.position}")
        if alert.polygons and (rings := outside.drawn(alert.polygons)) is not alert.polygons:
            changes["polygons"] = rings
            self._refuse(N_("a warning area that cannot be drawn, left out of its alert"), f"{alert.id}: {len(alert.polygons) - len(rings)}")

    def _link(self, alert: Alert, changes: dict[str, Any]) -> None:
        """Leave out what it says of others or of itself that cannot be."""
        wrong: list[str] = []
        for field, id in (("cause", alert.cause), ("case", alert.case), ("series", alert.series)):
            if id is not None and fault_of_id(id):
                wrong.append(field)
        if alert.series is not None and "@" not in alert.series:
            wrong.append("series")
        if alert.confidence is not None and not 0 <= alert.confidence <= 1:
            wrong.append("confidence")
        for field in wrong:
            changes[field] = None
        if wrong:
            self._refuse(N_("an alert with a cause, case, series or confidence that cannot be, kept without it"), f"{alert.id}: {', '.join(wrong)}")

    def _put_in_time(self, alert: Alert) -> Alert:
        """An alert is never lost for its time: what cannot be is when it arrived, and its own history says so."""
        mark, ended = alert.acknowledged, alert.ended_at
        if mark is None and ended is None and not alert.steps and MIN_MILLIS <= alert.at <= self._latest:
            return alert
        times = [alert.at, *(() if ended is None else (ended,)), *(() if mark is None else (mark.at,)), *(step.at for step in alert.steps)]
        if not self._fault_of_time(*times):
            return alert
        wrong = next(at for at in times if self._fault_of_time(at))
        self._refuse(N_("an alert with an impossible time, dated at its arrival"), f"{alert.id}: {wrong}")
        steps = tuple(msgspec.structs.replace(step, at=self._when(alert.id, step.at)) for step in alert.steps)
        return msgspec.structs.replace(
            alert,
            at=self._when(alert.id, alert.at),
            ended_at=None if ended is None else self._when(alert.id, ended),
            acknowledged=None if mark is None else msgspec.structs.replace(mark, at=self._when(alert.id, mark.at)),
            steps=(*steps, outside.dated_step(self._name, wrong, self._when(alert.id, wrong))),
        )

    def _when(self, alert: AlertId, at: Millis) -> Millis:
        """`at`, or when this desk first heard of it where it cannot be."""
        if not self._fault_of_time(at):
            return at
        first = self._dated.setdefault((alert, at), self._arrived)
        if len(self._dated) > DATED:
            self._dated.popitem(last=False)
        return first

    # --- everything else -------------------------------------------------------------------------------------------------------

    def _cases(self, cases: Sequence[Case]) -> Iterator[Case]:
        for case in self._newest(cases):
            if not self._passes(case, self._fault_of_case(case)):
                continue
            if (case.due_at is not None and fault_of_moment(case.due_at)) or (case.position is not None and fault_of_place(case.position)):
                self._refuse(N_("a case with a limit or a place that cannot be, kept without it"), f"{case.id}: {case.due_at}, {case.position}")
                due = None if case.due_at is None or fault_of_moment(case.due_at) else case.due_at
                place = None if case.position is None or fault_of_place(case.position) else case.position
                case = msgspec.structs.replace(case, due_at=due, position=place)
            yield outside.clean_case(case)

    def _fault_of_case(self, case: Case) -> str:
        units = (*(assignment.unit for assignment in case.units), *(step.unit for step in case.steps))
        named = [*case.alerts, *(unit for unit in units if unit is not None)]
        when = [case.opened_at, case.stage_at, *(step.at for step in case.steps)]
        return fault_of_id(*named) or self._fault_of_time(*when)

    def _shelves(self, shelves: Sequence[Shelf]) -> Iterator[Shelf]:
        for shelf in self._newest(shelves):
            # It is judged as it will be shown: a reason of invisible characters is none.
            cleaned = outside.clean_shelf(shelf)
            if self._passes(shelf, outside.fault_of_shelf(cleaned, self._present)):
                yield cleaned

    def _fault_of_unit(self, unit: Unit) -> str:
        return fault_of_id(unit.id) or self._fault_of_time(unit.at) or fault_of_place(unit.position)

    def _fault_of_fix(self, fix: UnitFix) -> str:
        return self._fault_of_time(fix.at) or fault_of_place(Position(fix.lon, fix.lat))

    def _fault_of_time(self, *times: int) -> str:
        return fault_of_time(self._present, *times)

    def _newest(self, records: Sequence[_Versioned]) -> Sequence[_Versioned]:
        """Each record that has a proper id once, in its newest version. Of two that say different things under one version the first stands."""
        newest: dict[str, _Versioned] = {}
        for record in records:
            if not self._passes(record, fault_of_id(record.id) or fault_of_version(record.version)):
                continue
            held = newest.setdefault(record.id, record)
            if record.version > held.version:
                newest[record.id] = record
            elif record.version == held.version and record != held:
                self._refuse(N_("the same version of one record with other contents"), repr(record))
        return tuple(newest.values())

    def _passes(self, record: object, fault: str) -> bool:
        if fault:
            self._refuse(fault, repr(record))
        return not fault


def _possible(values: list[float | None]) -> bool:
    return not bool(np.any(np.abs(np.array(values, dtype=np.float64)) > MAX_VALUE))


def _fault_of_camera(camera: Camera) -> str:
    return fault_of_id(camera.id) or fault_of_place(camera.position)
