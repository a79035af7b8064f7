"""The frame clock: at most 30 times a second it takes what changed, lets the visible panels show it, paints, and measures how long that took.

Nothing repaints live data outside a frame. A frame comes as soon as something has changed, but never sooner than FRAME_MS after the one
before: a quiet desk answers at once, and a storm costs no more than its frames. The paint is flushed inside the frame, so that the
latency that is measured is arrival to pixel, and not arrival to "will be painted some time".
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer

from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub

FRAME_MS = 33
SECOND_WORK_NS = 6_000_000
"""What a frame may have cost when it still begins with another panel's once-a-second work; that of the rest waits for the next frame."""


@dataclass(slots=True)
class Gauges:
    """What the frame clock measured; a rolling window of frames and arrivals."""

    frame_ms: deque[float] = field(default_factory=lambda: deque(maxlen=3_000))
    latency_ms: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=3_000))
    """(arrival to pixel, records that waited so long)."""
    gap_ms_max: float = 0.0
    """Longest time between two heartbeats of the event loop since `reset`, less the heartbeat's own period."""
    frames: int = 0
    first_live_ns: int = 0
    """time.perf_counter_ns() after the first frame that painted live data; 0: not yet."""

    def frame_percentile(self, q: float) -> float:
        return float(np.percentile(np.array(self.frame_ms), q)) if self.frame_ms else 0.0

    def latency_percentile(self, q: float) -> float:
        """Percentile over records, not over batches."""
        if not self.latency_ms:
            return 0.0
        waited = np.array([w for w, _ in self.latency_ms])
        weight = np.array([n for _, n in self.latency_ms], dtype=np.float64)
        order = np.argsort(waited)
        reach = np.cumsum(weight[order]) / weight.sum()
        return float(waited[order][min(len(order) - 1, int(np.searchsorted(reach, q / 100)))])

    def reset(self) -> None:
        self.frame_ms.clear()
        self.latency_ms.clear()
        self.gap_ms_max = 0.0


_SECOND = ChangeSet(Topic.SECOND)


def _paint() -> int:
    """Paint what was asked for, now, in this frame; perf_counter_ns after it. These are posted UpdateRequests only: no input is handled here."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)
    return time.perf_counter_ns()


class FrameClock(QObject):
    """Hands each subscriber what changed, once a frame, and once a second Topic.SECOND by itself. Subscribers are called in the order they came."""

    BEAT_MS = 10

    def __init__(self, hub: Hub, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hub = hub
        self._subscribers: list[Callable[[ChangeSet], None]] = []
        self.gauges = Gauges()
        self._second = 0
        self._due: deque[Callable[[ChangeSet], None]] = deque()
        """Those that have not heard of the present second yet."""
        self._running = False
        self._ticked_ns = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        hub.wake = self._wake
        self._beat_at = 0
        self._beat = QTimer(self)
        self._beat.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat.setInterval(self.BEAT_MS)
        self._beat.timeout.connect(self._on_beat)

    def start(self) -> None:
        """Begin ticking."""
        self._beat_at = time.perf_counter_ns()
        self._running = True
        self._beat.start()
        self._wake()

    def stop(self) -> None:
        """No more frames."""
        self._running = False
        self._timer.stop()
        self._beat.stop()

    def subscribe(self, frame: Callable[[ChangeSet], None]) -> Callable[[], None]:
        """Call `frame` with each frame's changes; the answer undoes it."""
        self._subscribers.append(frame)

        def undo() -> None:
            if frame in self._subscribers:
                self._subscribers.remove(frame)
            if frame in self._due:
                self._due.remove(frame)

        return undo

    def _wake(self) -> None:
        """Something changed, or a second began: see that a frame comes, as soon as one may."""
        if self._running and not self._timer.isActive():
            since = (time.perf_counter_ns() - self._ticked_ns) // 1_000_000
            self._timer.start(max(0, FRAME_MS - since))

    def _tick(self) -> None:
        began = self._ticked_ns = time.perf_counter_ns()
        second = int(time.monotonic())
        arrivals, self._hub.arrivals = self._hub.arrivals, []
        change = self._hub.take()
        if second != self._second:
            self._second = second
            # Who has not heard of the last second yet comes first: on a busy machine nobody is passed over for ever.
            self._due.extend(frame for frame in self._subscribers if frame not in self._due)
        if not change.topics and not self._due:
            return
        if change.topics:
            for frame in tuple(self._subscribers):
                frame(change)
        painted = _paint()
        self.gauges.latency_ms.extend(((painted - at) / 1e6, n) for at, n in arrivals if n)
        if not self.gauges.first_live_ns and Topic.SERIES in change.topics:
            self.gauges.first_live_ns = painted
        ended = self._tell_second(began, painted)
        self.gauges.frames += 1
        self.gauges.frame_ms.append((ended - began) / 1e6)

    def _tell_second(self, began: int, now: int) -> int:
        """Tell those that are due that a second has passed, and paint each, while the frame has room, but one at least; the time after it.

        All at once they would be the longest frame of every second, with no gain: nobody sees clocks tick a frame apart.
        """
        first = True
        while self._due and (first or now - began < SECOND_WORK_NS):
            self._due.popleft()(_SECOND)
            now, first = _paint(), False
        if self._due:
            self._wake()
        return now

    def _on_beat(self) -> None:
        now = time.perf_counter_ns()
        self.gauges.gap_ms_max = max(self.gauges.gap_ms_max, (now - self._beat_at) / 1e6 - self.BEAT_MS)
        self._beat_at = now
        if int(time.monotonic()) != self._second:
            self._wake()
