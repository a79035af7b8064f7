"""Windows come back when their screen goes: no panel may be lost on a screen that is not there any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

_SEEN = 0.2
"""Share of a window that has to be on some screen for a person to find and grab it."""


def rescued(window: QRect, screens: Sequence[QRect], primary: QRect) -> QRect | None:
    """Where `window` should go, or None where enough of it is in sight. All in the desktop's coordinates."""
    area = max(1, window.width() * window.height())
    seen = sum((s := window.intersected(screen)).width() * s.height() for screen in screens)
    # The title bar is what one grabs: a window whose top is above every screen is lost, however much of it shows.
    grip = QRect(window.left(), window.top(), window.width(), 24)
    if seen / area >= _SEEN and any(grip.intersects(screen) for screen in screens):
        return None
    width, height = min(window.width(), primary.width()), min(window.height(), primary.height())
    return QRect(primary.left() + (primary.width() - width) // 2, primary.top() + (primary.height() - height) // 2, width, height)


class ScreenWatch(QObject):
    """Moves windows onto the primary screen when the one they were on is unplugged or shrinks."""

    def __init__(self, windows: Callable[[], Sequence[QWidget]], parent: QObject) -> None:
        super().__init__(parent)
        self._windows = windows
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        # The window system moves windows itself first; judge what it made of them.
        self._soon.setInterval(200)
        self._soon.timeout.connect(self.look)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.screenRemoved.connect(self._on_screens)
            app.screenAdded.connect(self._on_screens)
            app.primaryScreenChanged.connect(self._on_screens)

    def look(self) -> int:
        """Rescue now what is out of sight; answers how many windows moved."""
        screens = [s.availableGeometry() for s in QGuiApplication.screens()]
        if not screens:
            return 0
        primary = QGuiApplication.primaryScreen()
        moved = 0
        for window in self._windows():
            target = rescued(window.frameGeometry(), screens, primary.availableGeometry())
            if target is None:
                continue
            full = bool(window.windowState() & (Qt.WindowState.WindowFullScreen | Qt.WindowState.WindowMaximized))
            window.setGeometry(target)
            if full:
                window.setWindowState(window.windowState())
            moved += 1
        return moved

    def _on_screens(self, *_: object) -> None:
        self._soon.start()
