"""Python's search for reference cycles, kept on Qt's thread.

Left to itself it runs in whichever thread happens to allocate; when that is the journal's, it destroys widgets and timers there, which
Qt answers with a crash some time later. So it is switched off, and run from a timer here, where it also falls between frames and not into
one.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

STEP_MS = 200


def collect_due() -> None:
    """Search as far as Python itself would have by now. On Qt's thread only."""
    for generation in (2, 1, 0):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            return


class Collector(QObject):
    """Runs the search from `start` to `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(collect_due)

    def start(self) -> None:
        """Take over from Python."""
        gc.disable()
        self._timer.start()

    def keep(self) -> None:
        """What exists by now stays to the end: to look through all of it again would be a pause of 50 ms, and a storm is what brings it
        about."""
        gc.freeze()

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
