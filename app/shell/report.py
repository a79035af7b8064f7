"""What a desk says of itself: state.json and the progress line. Figures only, no secrets."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from app.citypack import CityPack
from app.domain.role import Seat
from app.live.hub import Hub
from app.qt.frame import Gauges


class LinkLine(msgspec.Struct, frozen=True):
    """One link, as state.json has it."""

    name: str
    state: str
    records: int
    refused: int
    gaps: int
    resyncs: int
    simulated: bool


class PanelLine(msgspec.Struct, frozen=True):
    """One panel's picture. `live`: it has content, nothing it needs is still waiting for its first data."""

    id: str
    file: str
    live: bool


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of state.json. Times in ms, memory in MB, `alerts` are those known, `standing` those not cleared."""

    city: str
    seat: str
    lang: str
    seconds: float
    series: int
    series_known: int
    stale: int
    alerts: int
    standing: int
    unacknowledged: int
    cases: int
    units: int
    cameras: int
    links: list[LinkLine]
    updates: int
    updates_per_s: float
    conflated: int
    latency_ms: dict[str, float]
    frame_ms: dict[str, float]
    gap_ms_max: float
    rss_mb: float
    start_ms: float
    outbox: dict[str, int]
    panels: list[PanelLine]


def process_began() -> float:
    """When this process began, as time.time(). psutil's own figure is up to a second wrong on Linux: it counts from the boot, whose time
    the kernel tells in whole seconds."""
    if not sys.platform.startswith("linux"):
        return psutil.Process().create_time()
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - age


@dataclass
class Meter:
    """Takes readings of a running desk."""

    city: CityPack
    hub: Hub
    gauges: Gauges
    seat: Seat
    lang: str
    outbox: Callable[[], dict[str, int]]
    process: psutil.Process = field(default_factory=psutil.Process)

    def __post_init__(self) -> None:
        self._counted = (time.monotonic(), 0)
        self.updates_per_s = 0.0
        self._began = process_began()
        self._clock_offset = time.time() - time.perf_counter()

    @property
    def start_ms(self) -> float:
        """Process start to the first frame that painted live data; 0: there was none yet."""
        first = self.gauges.first_live_ns
        return (first / 1e9 + self._clock_offset - self._began) * 1000 if first else 0.0

    def tick(self) -> None:
        """Once a second: bring the rate up to date."""
        now, records = time.monotonic(), self.hub.records
        then, before = self._counted
        if now > then:
            self.updates_per_s = (records - before) / (now - then)
        self._counted = (now, records)

    def line(self) -> str:
        """One line for a terminal."""
        gauges = self.gauges
        links = ", ".join(f"{link.name} {link.state.value}" for link in self.hub.links.values()) or "no link"
        return (
            f"{links} | {self.hub.series.reported} series, {self.updates_per_s:.0f} updates/s | {int(self.hub.alerts.standing().sum())} alerts, "
            f"{sum(not c.ended for c in self.hub.cases.values())} open cases | "
            f"pixel p50 {gauges.latency_percentile(50):.0f} p99 {gauges.latency_percentile(99):.0f} ms | "
            f"frame p99 {gauges.frame_percentile(99):.1f} ms | {self.process.memory_info().rss / 1e6:.0f} MB"
        )

    def gauge_lines(self) -> list[str]:
        """The same for the developer's overlay, a figure a line. Not translated: these are the names in state.json."""
        gauges, hub = self.gauges, self.hub
        return [
            f"updates/s {self.updates_per_s:8.0f}",
            f"pixel p50 {gauges.latency_percentile(50):7.1f} ms",
            f"pixel p99 {gauges.latency_percentile(99):7.1f} ms",
            f"frame p50 {gauges.frame_percentile(50):7.1f} ms",
            f"frame p99 {gauges.frame_percentile(99):7.1f} ms",
            f"gap max   {gauges.gap_ms_max:7.1f} ms",
            f"conflated {hub.series.conflated:8d}",
            f"memory    {self.process.memory_info().rss / 1e6:7.0f} MB",
        ]

    def state(self, now: int, panels: list[PanelLine]) -> DeskState:
        """Everything, at `now` (UTC ms)."""
        hub, gauges = self.hub, self.gauges
        return DeskState(
            city=self.city.id,
            seat=self.seat.value,
            lang=self.lang,
            seconds=round(time.time() - self._began, 1),
            series=hub.series.reported,
            series_known=len(hub.series),
            stale=int(hub.series.stale(now).sum()),  # pyright: ignore[reportArgumentType]
            alerts=len(hub.alerts),
            standing=int(hub.alerts.standing().sum()),
            unacknowledged=hub.alerts.unacknowledged(),
            cases=len(hub.cases),
            units=len(hub.units),
            cameras=len(hub.cameras),
            links=[LinkLine(r.name, r.state.value, r.records, r.refused, r.gaps, r.resyncs, r.simulated) for r in hub.links.values()],
            updates=hub.records,
            updates_per_s=round(self.updates_per_s, 1),
            conflated=hub.series.conflated,
            latency_ms={"p50": round(gauges.latency_percentile(50), 2), "p99": round(gauges.latency_percentile(99), 2)},
            frame_ms={
                "p50": round(gauges.frame_percentile(50), 2),
                "p99": round(gauges.frame_percentile(99), 2),
                "max": round(max(gauges.frame_ms, default=0.0), 2),
            },
            gap_ms_max=round(gauges.gap_ms_max, 2),
            rss_mb=round(self.process.memory_info().rss / 1e6, 1),
            start_ms=round(self.start_ms, 1),
            outbox=self.outbox(),
            panels=panels,
        )


def write_state(path: Path, state: DeskState) -> None:
    """Write state.json for people and programs to read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
