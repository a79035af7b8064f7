"""Bytes to records to stores, without sockets and screen: what one core can take in.

Held against `json.loads` and reading every field once out of the dicts, which gives neither types nor checks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from app.citypack import find_cities, load_city
from app.domain.batch import Batch, Readings
from app.domain.ids import Millis, SourceName
from app.live.hub import Hub
from benchmarks.measure import Measure
from datasources.protocol import BatchMessage, V1Codec

ROWS = 200
FRAMES = 500
SOURCE = SourceName("bench/city")


def _readings(series: int, turn: int) -> Readings:
    base = 1_780_000_000_000 + turn * 50
    return Readings([(turn * ROWS + n) % series for n in range(ROWS)], [20.5 + n * 0.25 for n in range(ROWS)], [base + n % 50 for n in range(ROWS)])


def _rate(records: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return records / (time.perf_counter() - began)


def _by_dicts(frames: list[bytes]) -> float:
    """Decode with the standard library and touch every field of every reading once."""
    seen = 0.0
    for frame in frames:
        message = json.loads(frame)
        readings = message["readings"]
        for series, value, at in zip(readings["series"], readings["value"], readings["at"], strict=True):
            seen += series + value + at
    return seen


def run() -> list[Measure]:
    """One round over 100,000 readings in batches of 200."""
    city = load_city(find_cities()["qingdao"])
    codec, series = V1Codec(), len(city.series)
    frames = [codec.encode(BatchMessage(source="city", seq=n, at=Millis(0), readings=_readings(series, n)))[0] for n in range(FRAMES)]
    records = FRAMES * ROWS
    plain = _rate(records, lambda: _by_dicts(frames))
    decoded = _rate(records, lambda: [codec.decode_for_desk(frame) for frame in frames])
    hub = Hub(city, lambda: Millis(1_780_000_100_000))
    hub.batch(Batch(source=SOURCE, at=Millis(0), catalogue=city.series, snapshot=True))
    batches = [Batch(source=SOURCE, seq=n, at=Millis(0), readings=_readings(series, n)) for n in range(FRAMES)]
    taken = _rate(records, lambda: [hub.batch(batch) for batch in batches])
    return [
        Measure(
            name="decode of V1 batches", value=decoded, unit="readings/s", baseline=plain, against="json.loads + dict access", more_is_better=True
        ),
        Measure(name="hub takes batches", value=taken, unit="readings/s", more_is_better=True),
    ]
