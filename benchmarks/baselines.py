"""What one would write first, so that the deck's figures can be held against something. Plain Qt, nothing of ours but the alerts' count."""

from __future__ import annotations

import gc
import random
import sys
import time
from itertools import cycle, pairwise

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QSortFilterProxyModel, Qt, QTimer
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QListView

from benchmarks.measure import median_ms, percentile, resident_bytes

BATCHES = 20
STEP_MS = 50
_SEVERITY = int(Qt.ItemDataRole.UserRole)
"""What is sorted by: severity first, then as they came."""
_ONLY_SEVERITY = _SEVERITY + 1


class StandardList:
    """A QStandardItemModel that a sorting, filtering proxy and a list look at: one item an alert, one signal an item."""

    def __init__(self) -> None:
        self.model = QStandardItemModel()
        self.proxy = QSortFilterProxyModel()
        self.proxy.setSourceModel(self.model)
        self.proxy.setSortRole(_SEVERITY)
        self.proxy.setDynamicSortFilter(True)
        self.proxy.sort(0)
        self.view = QListView()
        self.view.setUniformItemSizes(True)
        self.view.setModel(self.proxy)
        self.view.resize(600, 700)
        self.view.show()

    def add(self, text: str, severity: int) -> None:
        """One more alert."""
        item = QStandardItem(text)
        item.setData(severity * 10_000_000 + self.model.rowCount(), _SEVERITY)
        item.setData(severity, _ONLY_SEVERITY)
        self.model.appendRow(item)


def paint() -> None:
    """Lay out and paint what is due. QListView waits for a timer first, so that the events have to be handled."""
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)


def standard_queue(count: int) -> dict[str, float]:
    """A queue of `count` alerts: filter, search, sort, memory, one alert more, one step of scrolling. Milliseconds, and bytes an alert."""
    app = QApplication(sys.argv[:1])
    rng, listed = random.Random(1), StandardList()
    gc.collect()
    before = resident_bytes()
    listed.proxy.setSourceModel(QStandardItemModel())  # filling it while it is sorted takes minutes
    for n in range(count):
        listed.add(f"{n % 229} 积水 {n % 300} cm, {n % 20_000}", rng.randint(1, 4))
    listed.proxy.setSourceModel(listed.model)
    paint()
    held = resident_bytes() - before
    proxy, view = listed.proxy, listed.view

    def narrowed(role: int, *words: str) -> float:
        proxy.setFilterFixedString("")
        proxy.setFilterRole(role)
        turn = cycle(words)
        return median_ms(lambda: proxy.setFilterFixedString(next(turn)), 4)

    def turned() -> None:
        proxy.sort(0, Qt.SortOrder.DescendingOrder if proxy.sortOrder() == Qt.SortOrder.AscendingOrder else Qt.SortOrder.AscendingOrder)

    def one_more() -> None:
        listed.add("one more", 1)
        paint()

    def scrolled() -> None:
        view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 3)
        paint()

    filters = {
        "filter": narrowed(_ONLY_SEVERITY, "1", "2"),
        "search": narrowed(int(Qt.ItemDataRole.DisplayRole), "积水 7", "积水 8"),
    }
    proxy.setFilterFixedString("")
    found = filters | {
        "sort": median_ms(turned, 3),
        "bytes": held / count,
        "one_more": median_ms(one_more, 3),
        "scroll": median_ms(scrolled, 20),
    }
    del app
    return found


def standard_updates(count: int, seconds: float, rate: int) -> dict[str, float]:
    """`rate` alerts a second of `count` get another severity and text, in 20 steps a second: the longest steps, painting included."""
    app = QApplication(sys.argv[:1])
    rng, listed = random.Random(1), StandardList()
    for n in range(count):
        listed.add(f"alert {n}", rng.randint(1, 4))
    paint()
    frames: list[float] = []
    late = time.perf_counter() + seconds
    while time.perf_counter() < late:
        began = time.perf_counter()
        for _ in range(rate * STEP_MS // 1000):
            row = rng.randrange(count)
            item = listed.model.item(row)
            item.setText(f"alert {row} {rng.random():.2f}")
            item.setData(rng.randint(1, 4) * 10_000_000 + row, _SEVERITY)
        paint()
        took = time.perf_counter() - began
        frames.append(took * 1000)
        time.sleep(max(0.0, STEP_MS / 1000 - took))
    del app
    return {"frame_p99": percentile(frames, 99), "frame_p50": percentile(frames, 50)}


def standard_items(count: int) -> dict[str, float]:
    """Feed `count` alerts, in as many batches as the platform sends, one row and one signal each, to a list sorted by severity."""
    app = QApplication(sys.argv[:1])
    listed = StandardList()
    rng = random.Random(1)
    beats, frames = [time.perf_counter()], list[float]()
    seen = {"arrived": 0.0, "painted": 0.0}
    left = list(range(BATCHES))
    loop = QEventLoop()

    def beat() -> None:
        beats.append(time.perf_counter())

    def feed() -> None:
        began = time.perf_counter()
        if not left:
            loop.quit()
            return
        for n in range(count // BATCHES):
            severity = rng.randint(1, 4)
            listed.add(f"alert {left[0]}-{n}", severity)
            if severity == 1 and not seen["arrived"]:
                seen["arrived"] = began
        left.pop(0)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)
        ended = time.perf_counter()
        frames.append((ended - began) * 1000)
        seen["painted"] = seen["painted"] or ended

    heart, feeder = QTimer(), QTimer()
    for timer, ms, does in ((heart, 10, beat), (feeder, STEP_MS, feed)):
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(ms)
        timer.timeout.connect(does)
        timer.start()
    loop.exec()
    beats.append(time.perf_counter())
    del app
    return {
        "gap_max": max(b - a for a, b in pairwise(beats)) * 1000 - 10,
        "worst_seen": (seen["painted"] - seen["arrived"]) * 1000,
        "frame_max": max(frames),
    }
