"""Ten thousand alerts in one second, from the platform's process over the socket into a real desk: does it stay free, and is the worst alert seen?

Held against what one would write first: a QStandardItemModel behind a QSortFilterProxyModel, fed the same alerts one by one.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from benchmarks.child import in_child
from benchmarks.measure import Measure, percentile

if TYPE_CHECKING:
    from app.domain.batch import Batch
    from app.shell.bootstrap import Desk

COUNT = 10_000
STORM_AT_S = 14
"""Seconds after the platform's start: the desk has opened, shown its snapshot and settled by then."""
CALM_S = 4.0
"""How long the desk is watched after the last alert."""
PATIENCE_S = 60.0


class _Witness:
    """Notes when each alert of the storm arrived in the hub, and when a frame had painted its row."""

    def __init__(self, desk: Desk) -> None:
        from panels.alerts import AlertPanel  # noqa: PLC0415 - Qt is the child's

        self._hub = desk.hub
        panel = desk.window.docks.panel("alerts")
        assert isinstance(panel, AlertPanel)
        self.known = len(desk.hub.alerts)
        self.arrived: dict[str, int] = {}
        self.painted: dict[str, int] = {}
        self._drawn: set[int] = set()
        self._take, self._face = desk.hub.batch, panel.model._face
        desk.hub.batch = self._batch  # type: ignore[method-assign]
        panel.model._face = self._draw
        # Connected after the frame clock's own slot: it runs when the frame is on the screen.
        desk.frames._timer.timeout.connect(self._after_frame)

    def _batch(self, batch: Batch) -> None:
        now = batch.arrived_ns or time.perf_counter_ns()
        for alert in batch.alerts:
            self.arrived.setdefault(alert.id, now)
        self._take(batch)

    def _draw(self, key: int) -> object:
        self._drawn.add(key)
        return self._face(key)

    def _after_frame(self) -> None:
        now = time.perf_counter_ns()
        for key in self._drawn:
            self.painted.setdefault(self._hub.alerts.at_row(key).id, now)
        self._drawn.clear()

    def worst_ms(self) -> float:
        """From the arrival of the storm's most severe alert (the first of them) to the end of the frame that painted it; inf: never."""
        storm = [self._hub.alerts.at_row(row) for row in range(self.known, len(self._hub.alerts))]
        place = {alert.id: n for n, alert in enumerate(storm)}
        worst = min(storm, key=lambda a: (a.severity, a.at, place[a.id]))
        painted = self.painted.get(worst.id)
        return (painted - self.arrived[worst.id]) / 1e6 if painted is not None else float("inf")

    def first_screen_ms(self) -> float:
        """The longest such wait of all alerts of the storm that came into sight, of the highest severity."""
        waits = [(self.painted[a] - self.arrived[a]) / 1e6 for a in self.painted if a in self.arrived]
        return max(waits, default=float("inf"))


def desk_in_storm(count: int = COUNT) -> dict[str, float]:
    """Figures of one storm. Run it in a process of its own."""
    from benchmarks.sitting import sit, until  # noqa: PLC0415

    async def watch(desk: Desk) -> dict[str, float]:
        await asyncio.sleep(5.0)
        witness, gauges = _Witness(desk), desk.frames.gauges
        before = len(desk.hub.alerts)
        gauges.reset()
        await until(lambda: len(desk.hub.alerts) >= before + count * 0.02, PATIENCE_S)
        began = time.perf_counter()
        await until(lambda: len(desk.hub.alerts) >= before + count, PATIENCE_S)
        took = time.perf_counter() - began
        storm_frames = list(gauges.frame_ms)
        await asyncio.sleep(CALM_S)
        return {
            "alerts": float(len(desk.hub.alerts) - before),
            "took_s": took,
            "gap_max": gauges.gap_ms_max,
            "worst_seen": witness.worst_ms(),
            "any_seen": witness.first_screen_ms(),
            "frame_p99": gauges.frame_percentile(99),
            "frame_max": max(gauges.frame_ms),
            "storm_frame_p50": percentile(storm_frames, 50),
            "latency_p99": gauges.latency_percentile(99),
        }

    return sit(watch, faults=[f"storm={count}@{STORM_AT_S}"])


def standard_items(count: int = COUNT) -> dict[str, float]:
    """The baseline: one `appendRow` an alert into a model that a sorting proxy and a list look at, in the 20 batches of the storm."""
    from benchmarks.baselines import standard_items as standard  # noqa: PLC0415

    return standard(count)


def run() -> list[Measure]:
    """One storm, and the baseline."""
    desk = in_child("benchmarks.storm", "desk_in_storm")
    plain = in_child("benchmarks.storm", "standard_items")
    against = "QStandardItemModel + QSortFilterProxyModel, a signal a row"
    return [
        Measure(name="storm: event-loop gap, max", value=desk["gap_max"], unit="ms", budget=50.0, baseline=plain["gap_max"], against=against),
        Measure(
            name="storm: most severe alert, arrival to frame",
            value=desk["worst_seen"],
            unit="ms",
            budget=200.0,
            baseline=plain["worst_seen"],
            against=against,
        ),
        Measure(name="storm: any alert that came in sight, longest", value=desk["any_seen"], unit="ms"),
        Measure(name="storm: frame, p99", value=desk["frame_p99"], unit="ms", baseline=plain["frame_max"], against=against),
        Measure(name="storm: frame, max", value=desk["frame_max"], unit="ms", baseline=plain["frame_max"], against=against),
        Measure(name="storm: first to last alert", value=desk["took_s"] * 1000, unit="ms"),
    ]
