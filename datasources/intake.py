"""From a message of the wire to a batch of the deck: names its source, and leaves out single records that cannot be true. Pure; no I/O.

A record with an impossible time, place or series is refused by itself, so that its neighbours in the same message are not lost with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from app.domain.alert import Alert, Reality
from app.domain.batch import Batch, History, Readings
from app.domain.geo import Position
from app.domain.ids import SourceName
from app.domain.text import N_
from datasources.protocol import BatchMessage
from datasources.sequence import is_first, is_last

MAX_MILLIS = 253_402_300_799_999
"""The end of the year 9999, UTC ms."""
MAX_QUALITY = 3
MAX_HISTORY_VALUES = 1_000_000

Refuse = Callable[[str, str], None]
"""Takes the reason and a sample of what was refused."""

_Record = TypeVar("_Record")


class Intake:
    """What one wire source sends, as batches of the link `name`. Keeps the size of the source's catalogue. Loop thread only."""

    def __init__(self, name: SourceName, wire_source: str, refuse: Refuse) -> None:
        self._name = name
        self._source = SourceName(f"{name}/{wire_source}")
        self._refuse = refuse
        self._series = 0

    def batch(self, message: BatchMessage, *, simulated: bool) -> Batch:
        """The batch that `message` stands for. `simulated`: the platform plays, so nothing that it says is actual."""
        if message.catalogue is not None:
            self._series = len(message.catalogue)
        return Batch(
            source=self._source,
            seq=message.seq,
            at=message.at,
            catalogue=message.catalogue,
            readings=None if message.readings is None else self._readings(message.readings),
            history=tuple(self._kept(message.history, self._fault_of_history)) if message.history else (),
            alerts=tuple(self._alert(alert, simulated) for alert in self._kept(message.alerts, lambda alert: _fault_of_time(alert.at))),
            cases=tuple(self._kept(message.cases, lambda case: _fault_of_time(case.opened_at, case.stage_at))),
            units=tuple(self._kept(message.units, lambda unit: _fault_of_time(unit.at) or _fault_of_place(unit.position))),
            fixes=tuple(self._kept(message.fixes, lambda fix: _fault_of_time(fix.at) or _fault_of_place(Position(fix.lon, fix.lat)))),
            cameras=tuple(self._kept(message.cameras, lambda camera: _fault_of_place(camera.position))),
            snapshot=is_first(message),
            complete=is_last(message),
        )

    def _readings(self, readings: Readings) -> Readings | None:
        series, at, quality = readings.series, readings.at, readings.quality
        if not series:
            return None
        sound = min(series) >= 0 and max(series) < self._series and min(at) >= 0 and max(at) <= MAX_MILLIS
        if sound and (not quality or (min(quality) >= 0 and max(quality) <= MAX_QUALITY)):
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
        return _fault_of_time(readings.at[row])

    def _fault_of_history(self, history: History) -> str:
        if not 0 <= history.series < self._series:
            return N_("history of a series that is not in the catalogue")
        if history.step_ms <= 0 or len(history.value) > MAX_HISTORY_VALUES:
            return N_("history with an impossible step or length")
        return _fault_of_time(history.start, history.start + history.step_ms * len(history.value))

    def _alert(self, alert: Alert, simulated: bool) -> Alert:
        reality = Reality.SIMULATED if simulated and alert.reality is Reality.ACTUAL else alert.reality
        position = alert.position
        if position is not None and _fault_of_place(position):
            position = None  # an alert is never lost for its place
        return msgspec.structs.replace(alert, source=self._name, reality=reality, position=position)

    def _kept(self, records: Iterable[_Record], fault_of: Callable[[_Record], str]) -> Iterable[_Record]:
        for record in records:
            fault = fault_of(record)
            if fault:
                self._refuse(fault, repr(record))
            else:
                yield record


def _fault_of_time(*times: int) -> str:
    return "" if all(0 <= at <= MAX_MILLIS for at in times) else N_("a time that no calendar has")


def _fault_of_place(position: Position) -> str:
    return "" if -180 <= position.lon <= 180 and -90 <= position.lat <= 90 else N_("a place that is not on Earth")
