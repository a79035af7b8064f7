"""The time strip: the last hour as a place, with its alerts on it. A click or a drag asks for a moment; it moves nothing itself.

It does not know the city's zone: how a moment is written is told to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from widgets.polyline import Ints
from widgets.theme import Theme

Mode = Literal["live", "waiting", "replay", "drill"]

_STEP_MS = 10_000
_LONG_STEP_MS = 60_000


class TimelineStrip(QWidget):
    """A badge (the mode in words), the window's start, the strip with coloured ticks and a marker, the window's end.

    `seek(ms)`: the moment asked for, UTC, while a drag goes on too. `live_asked()`: a click on the badge, or Escape.
    """

    seek = Signal(int)
    live_asked = Signal()

    def __init__(self, theme: Theme, format_time: Callable[[int], str], parent: QWidget | None = None) -> None:
        """`format_time` writes a UTC moment in milliseconds as the operator reads it."""
        super().__init__(parent)
        self._theme = theme
        self._format = format_time
        self._start, self._end = 0, 1
        self._now: int | None = None
        self._mode: Mode = "live"
        self._word = ""
        self._times: Ints = np.empty(0, np.int64)
        self._severities: Ints = np.empty(0, np.int64)
        self._hover: int | None = None
        self._dragging = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.changed.connect(self._relayout)

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_window(self, start_ms: int, end_ms: int) -> None:
        """The stretch shown. Raises ValueError if it has no length."""
        if end_ms <= start_ms:
            raise ValueError("the window must have a length")
        if (start_ms, end_ms) != (self._start, self._end):
            self._start, self._end = start_ms, end_ms
            self.update()

    def set_marks(self, times: ArrayLike, severities: ArrayLike) -> None:
        """One tick an alert: UTC milliseconds and severity 1 to 4. Where ticks meet, the most severe is seen."""
        self._times = np.asarray(times, np.int64)
        self._severities = np.asarray(severities, np.int64)
        self.update(self.strip_rect())

    def set_mode(self, mode: Mode, word: str | None = None) -> None:
        """Live is green, waiting for data grey, a replay violet, a drill the simulation's colour. `word` is the badge's, translated."""
        self._mode = mode
        if word is not None:
            self._word = word
            self.setAccessibleDescription(word)
        self._relayout()

    def set_now(self, ms: int | None) -> None:
        """Where the marker stands; None is the window's end, which is the present when live."""
        if ms != self._now:
            self._now = ms
            self.update()

    # --- geometry ---

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(640), self._theme.px(40))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(320), self._theme.px(32))

    def badge_rect(self) -> QRect:
        px = self._theme.px
        if not self._word:
            return QRect(0, 0, 0, 0)
        width = self._theme.metrics(14, bold=True).horizontalAdvance(self._word) + px(38)
        height = px(24)
        return QRect(0, (self.height() - height) // 2, width, height)

    def strip_rect(self) -> QRect:
        """The strip itself: its left edge is the window's start, its right edge the end."""
        px = self._theme.px
        badge = self.badge_rect()
        left = (badge.right() + 1 + px(12) if self._word else 0) + self._label_width() + px(12)
        right = self.width() - self._label_width() - px(12)
        height = px(16)
        return QRect(left, (self.height() - height) // 2, max(1, right - left), height)

    def x_of(self, ms: int) -> float:
        strip = self.strip_rect()
        return strip.left() + (ms - self._start) / (self._end - self._start) * strip.width()

    def time_at(self, x: float) -> int:
        """The moment at a widget x, held within the window."""
        strip = self.strip_rect()
        share = min(1.0, max(0.0, (x - strip.left()) / strip.width()))
        return self._start + round(share * (self._end - self._start))

    def _label_width(self) -> int:
        metrics = self._theme.metrics(14)
        return max(metrics.horizontalAdvance(self._format(self._start)), metrics.horizontalAdvance(self._format(self._end)))

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t = self._theme, self._theme.tokens
        painter = QPainter(self)
        strip = self.strip_rect()
        if self._word:
            self._draw_badge(painter)
        painter.setFont(theme.font(14))
        painter.setPen(t.ink2)
        label = self._label_width()
        middle = Qt.AlignmentFlag.AlignVCenter
        left = QRect(strip.left() - theme.px(12) - label, 0, label, self.height())
        painter.drawText(left, Qt.AlignmentFlag.AlignLeft | middle, self._format(self._start))
        painter.drawText(
            QRect(strip.right() + 1 + theme.px(12), 0, label, self.height()), Qt.AlignmentFlag.AlignLeft | middle, self._format(self._end)
        )
        painter.fillRect(strip, t.replay_fill if self._mode == "replay" else t.track)
        self._draw_marks(painter, strip)
        self._draw_marker(painter, strip)
        if self._hover is not None:
            self._draw_hover(painter, strip, self._hover)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(t.select_edge)
            painter.drawRect(strip.adjusted(-1, -1, 0, 0))
        painter.end()

    def _colours(self) -> tuple[QColor, QColor, QColor, QColor]:
        """Of the mode: fill, edge, ink and marker."""
        t = self._theme.tokens
        if self._mode == "waiting":
            return t.panel, t.edge, t.ink2, t.ink3
        if self._mode == "live":
            return t.live_fill, t.live, t.live_ink, t.live
        if self._mode == "replay":
            return t.replay_fill, t.replay, t.replay, t.replay
        return t.panel, t.simulated, t.simulated, t.simulated

    def _draw_badge(self, painter: QPainter) -> None:
        theme = self._theme
        fill, edge, ink, _ = self._colours()
        rect = QRectF(self.badge_rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(edge, 1.0))
        painter.setBrush(fill)
        painter.drawRoundedRect(rect, theme.px(3), theme.px(3))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(edge)
        middle = QPointF(rect.left() + theme.px(14), rect.center().y())
        radius = theme.px(4)
        if self._mode == "replay":
            # A shape of its own: the mode must be readable without its colour.
            painter.drawPolygon([middle + QPointF(radius, 0), middle + QPointF(-radius, -radius), middle + QPointF(-radius, radius)])
        elif self._mode == "drill":
            painter.drawRect(QRectF(middle.x() - radius, middle.y() - radius, radius * 2, radius * 2))
        else:
            painter.drawEllipse(middle, radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(theme.font(14, bold=True))
        painter.setPen(ink)
        painter.drawText(rect.adjusted(theme.px(24), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._word)

    def _draw_marks(self, painter: QPainter, strip: QRect) -> None:
        if not len(self._times):
            return
        share = (self._times - self._start) / (self._end - self._start)
        inside = (share >= 0.0) & (share <= 1.0)
        column = (share[inside] * (strip.width() - 1)).astype(np.int64)
        # One tick a pixel column at most, whatever the storm: its most severe.
        worst = np.full(strip.width(), 9, np.int64)
        np.minimum.at(worst, column, self._severities[inside])
        width = self._theme.px(2)
        for severity in (4, 3, 2, 1):
            colour = self._theme.severity(severity)
            for x in np.flatnonzero(worst == severity).tolist():
                painter.fillRect(strip.left() + x - width // 2, strip.top() + 1, width, strip.height() - 2, colour)

    def _draw_marker(self, painter: QPainter, strip: QRect) -> None:
        theme = self._theme
        x = round(self.x_of(self._now)) if self._now is not None else strip.right() + 1
        width = theme.px(3)
        painter.fillRect(min(x, strip.right() + 1) - width, strip.top() - theme.px(1), width, strip.height() + theme.px(2), self._colours()[3])

    def _draw_hover(self, painter: QPainter, strip: QRect, ms: int) -> None:
        theme, t = self._theme, self._theme.tokens
        words = self._format(ms)
        x = round(self.x_of(ms))
        painter.fillRect(x, strip.top(), 1, strip.height(), t.ink2)
        width = theme.metrics(13).horizontalAdvance(words) + theme.px(12)
        left = x + theme.px(6) if x + theme.px(6) + width < strip.right() else x - theme.px(6) - width
        box = QRect(left, strip.top(), width, strip.height())
        painter.fillRect(box, t.panel)
        painter.setFont(theme.font(13))
        painter.setPen(t.ink)
        painter.drawText(box.adjusted(theme.px(6), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)

    # --- hands ---

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        point = event.position().toPoint()
        if self._word and self.badge_rect().contains(point):
            self.live_asked.emit()
        elif self._grab_rect().contains(point):
            self._dragging = True
            self.seek.emit(self.time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point: QPoint = event.position().toPoint()
        over = self._dragging or self._grab_rect().contains(point)
        hover = self.time_at(event.position().x()) if over else None
        clickable = over or (bool(self._word) and self.badge_rect().contains(point))
        self.setCursor(Qt.CursorShape.PointingHandCursor if clickable else Qt.CursorShape.ArrowCursor)
        if hover != self._hover:
            self._hover = hover
            self.update()
        if self._dragging and hover is not None:
            self.seek.emit(hover)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging = False

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _LONG_STEP_MS if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP_MS
        now = self._now if self._now is not None else self._end
        targets = {
            Qt.Key.Key_Left: now - step,
            Qt.Key.Key_Right: now + step,
            Qt.Key.Key_Home: self._start,
            Qt.Key.Key_End: self._end,
        }
        key = Qt.Key(event.key())
        if key in targets:
            self.seek.emit(min(self._end, max(self._start, targets[key])))
        elif key == Qt.Key.Key_Escape and self._mode != "live":
            self.live_asked.emit()
        else:
            super().keyPressEvent(event)

    def _grab_rect(self) -> QRect:
        # Taller than what is painted: a strip of 16 pixels is hard to hit.
        return self.strip_rect().adjusted(-2, -self._theme.px(10), 3, self._theme.px(10))
