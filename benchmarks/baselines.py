"""What one would write first, so that the deck's figures can be held against something. Plain Qt, nothing of ours but the alerts' count."""

from __future__ import annotations

import random
import sys
import time
from itertools import pairwise

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QSortFilterProxyModel, Qt, QTimer
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QListView

BATCHES = 20
STEP_MS = 50
_SEVERITY = int(Qt.ItemDataRole.UserRole)


def standard_items(count: int) -> dict[str, float]:
    """Feed `count` alerts, in as many batches as the platform sends, one row and one signal each, to a list sorted by severity."""
    app = QApplication(sys.argv[:1])
    model = QStandardItemModel()
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(model)
    proxy.setSortRole(_SEVERITY)
    proxy.setDynamicSortFilter(True)
    proxy.sort(0)
    view = QListView()
    view.setModel(proxy)
    view.resize(600, 700)
    view.show()
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
            item = QStandardItem(f"alert {left[0]}-{n}")
            item.setData(severity * 1_000_000 + model.rowCount(), _SEVERITY)
            model.appendRow(item)
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
