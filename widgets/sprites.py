"""Pixmaps to draw once and blit often, right for a screen's pixel ratio."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap


def blank(width: int, height: int, dpr: float) -> QPixmap:
    """A clear pixmap of a logical size for a screen of ratio `dpr`."""
    pixmap = QPixmap(QSize(round(width * dpr), round(height * dpr)))
    pixmap.setDevicePixelRatio(dpr)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap
