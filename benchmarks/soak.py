"""Hours of load and faults on the real desk: `python -m benchmarks.soak --hours H`. Prints a line a minute; exit 1 if anything grew.

The platform is told to misbehave every few minutes, another way each time, so that links also break and come back. What a desk keeps more
of as a day goes on is alerts; memory is therefore allowed a slope, threads, descriptors and timers are not.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from dataclasses import dataclass

import psutil
from PySide6.QtCore import QObject, QTimer

from app.shell.bootstrap import Desk
from benchmarks.sitting import sit

RATE = 5_000.0
WARM_UP = 3
"""Minutes that are not judged: caches fill, the first snapshot comes."""
MEMORY_MB_PER_HOUR = 20.0
MEMORY_SLACK_MB = 25.0
PAUSE_S = 0.2
"""After our own collection, before the gauges begin anew: its pause is not the desk's."""
FIRST_FAULT_S = 60.0
BETWEEN_FAULTS_S = (60.0, 240.0)
FAULTS = (
    "drop=0.02@{at}+60", "delay=400@{at}+60", "duplicate=0.05@{at}+60", "reorder=0.05@{at}+60", "garble=0.01@{at}+60", "stall@{at}+10",
    "disconnect@{at}+5", "storm=1000@{at}", "flap@{at}+60", "silence=units@{at}+60",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """One minute: what must not grow, and what tells how the desk did."""

    minute: float
    rss_mb: float
    threads: int
    descriptors: int
    timers: int
    objects: int
    frame_p99: float
    gap_max: float
    updates: int
    alerts: int

    def line(self) -> str:
        """For the terminal."""
        return (
            f"{self.minute:6.1f} min | {self.rss_mb:6.1f} MB | {self.threads} threads | {self.descriptors} descriptors | {self.timers} timers | "
            f"{self.objects} objects | frame p99 {self.frame_p99:.1f} ms, gap {self.gap_max:.0f} ms | {self.updates} updates, {self.alerts} alerts"
        )


def read(desk: Desk, process: psutil.Process, began: float, frame_p99: float, gap_max: float) -> Reading:
    """The desk as it is now."""
    return Reading(
        minute=(time.monotonic() - began) / 60,
        rss_mb=process.memory_info().rss / 1e6,
        threads=process.num_threads(),
        descriptors=process.num_fds() if sys.platform != "win32" else process.num_handles(),
        timers=len(desk.window.findChildren(QTimer)),
        objects=len(desk.window.findChildren(QObject)),
        frame_p99=frame_p99,
        gap_max=gap_max,
        updates=desk.hub.records,
        alerts=len(desk.hub.alerts),
    )


def grown(readings: list[Reading]) -> list[str]:
    """What grew between the first and the last third of the judged minutes, in words; empty: nothing."""
    judged = readings[WARM_UP:]
    if len(judged) < 2:
        return []
    third = max(1, len(judged) // 3)
    first, last = judged[:third], judged[-third:]
    hours = (last[-1].minute - first[0].minute) / 60
    found: list[str] = []
    memory = max(r.rss_mb for r in last) - max(r.rss_mb for r in first)
    if memory > MEMORY_SLACK_MB + MEMORY_MB_PER_HOUR * hours:
        found.append(f"memory by {memory:.0f} MB in {hours:.1f} h")
    for name in ("threads", "descriptors", "timers", "objects"):
        # The least of each, since a link that is just coming back has a few more for a moment.
        before, after = min(getattr(r, name) for r in first), min(getattr(r, name) for r in last)
        if after > before:
            found.append(f"{name} from {before} to {after}")
    return found


def schedule(hours: float, rng: random.Random) -> list[str]:
    """Faults for the platform's command line: every few minutes another, all the time through."""
    at, faults = FIRST_FAULT_S, list[str]()
    while at < hours * 3600:
        faults.append(rng.choice(FAULTS).format(at=round(at)))
        at += rng.uniform(*BETWEEN_FAULTS_S)
    return faults


async def soak(desk: Desk, hours: float) -> dict[str, float]:
    """Watch the desk for so long; {"grew": how many things did}."""
    process, began = psutil.Process(), time.monotonic()
    readings: list[Reading] = []
    while (left := began + hours * 3600 - time.monotonic()) > 1.0:
        await asyncio.sleep(min(60.0, left))
        frame_p99, gap_max = desk.frames.gauges.frame_percentile(99), desk.frames.gauges.gap_ms_max
        gc.collect()  # or what is only waiting to be collected would look like growth
        readings.append(read(desk, process, began, frame_p99, gap_max))
        await asyncio.sleep(PAUSE_S)
        desk.frames.gauges.reset()
        print(readings[-1].line(), flush=True)
    found = grown(readings)
    print("it grew: " + "; ".join(found) if found else f"nothing grew in {hours:g} h", flush=True)
    return {"grew": float(len(found))}


def main() -> int:
    """Soak; exit 1 if something grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Hours of load and random faults.")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1, help="which faults come when")
    asked = parser.parse_args()
    faults = schedule(asked.hours, random.Random(asked.seed))
    print("faults: " + ", ".join(faults), flush=True)
    return int(sit(lambda desk: soak(desk, asked.hours), rate=RATE, faults=faults)["grew"] > 0)


if __name__ == "__main__":
    sys.exit(main())
