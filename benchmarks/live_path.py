"""Arrival to pixel under load: the real desk at the real platform's process, over the real socket, duty seat.

The start and its snapshot are left out: figures begin five seconds after the first live frame.
"""

from __future__ import annotations

import asyncio

from app.shell.bootstrap import Desk
from benchmarks.child import in_child
from benchmarks.measure import Measure

SETTLE_S = 5.0
WATCH_S = 20.0
NATURAL, LOADED, HEAVY = 0.0, 20_000.0, 50_000.0


def desk_under(rate: float, seconds: float = WATCH_S) -> dict[str, float]:
    """Figures of one desk under `rate` updates a second, over `seconds`. Run it in a process of its own."""
    from benchmarks.sitting import sit  # noqa: PLC0415 - Qt is the child's, not the table's

    async def watch(desk: Desk) -> dict[str, float]:
        await asyncio.sleep(SETTLE_S)
        gauges = desk.frames.gauges
        gauges.reset()
        records, frames = desk.hub.records, gauges.frames
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        took = asyncio.get_running_loop().time() - began
        return {
            "latency_p50": gauges.latency_percentile(50),
            "latency_p99": gauges.latency_percentile(99),
            "frame_p50": gauges.frame_percentile(50),
            "frame_p99": gauges.frame_percentile(99),
            "frame_max": max(gauges.frame_ms, default=0.0),
            "gap_max": gauges.gap_ms_max,
            "records_s": (desk.hub.records - records) / took,
            "frames_s": (gauges.frames - frames) / took,
        }

    return sit(watch, rate=rate)


def run() -> list[Measure]:
    """One round: natural load, 20,000/s, 50,000/s."""
    quiet, loaded, heavy = (in_child("benchmarks.live_path", "desk_under", rate=rate) for rate in (NATURAL, LOADED, HEAVY))
    against = f"natural load, {quiet['records_s']:.0f} updates/s"

    def one(name: str, key: str, unit: str, found: dict[str, float], budget: float | None = None) -> Measure:
        return Measure(name=name, value=found[key], unit=unit, budget=budget, baseline=quiet[key], against=against)

    return [
        one("updates taken at rate 20,000", "records_s", "1/s", loaded),
        one("arrival to pixel at 20,000/s, p50", "latency_p50", "ms", loaded),
        one("arrival to pixel at 20,000/s, p99", "latency_p99", "ms", loaded, 50.0),
        one("frame at 20,000/s, p50", "frame_p50", "ms", loaded),
        one("frame at 20,000/s, p99", "frame_p99", "ms", loaded, 16.7),
        one("event-loop gap at 20,000/s, max", "gap_max", "ms", loaded),
        one("updates taken at rate 50,000", "records_s", "1/s", heavy),
        one("arrival to pixel at 50,000/s, p99", "latency_p99", "ms", heavy),
        one("frame at 50,000/s, p99", "frame_p99", "ms", heavy),
    ]
