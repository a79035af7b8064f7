"""A comparison as ranked bars: rank, name, bar, value and the line behind it. It ranks nothing: rows come in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.polyline import Floats
from widgets.severity import severity_pixmap
from widgets.sparkline import draw_sparkline
from widgets.theme import Theme
from widgets.tooltip import as_text

_NO_VALUES = np.empty(0, np.float64)


@dataclass(frozen=True, eq=False)
class RankRow:
    """One bar. `share` 0…1 is its length; `low` marks it as behind its goal; `missing`: no value, no bar, "—"."""

    rank: str
    name: str
    share: float
    value: str
    low: bool = False
    missing: bool = False
    severity: int = 0
    tooltip: str = ""
    values: Floats = field(default_factory=lambda: _NO_VALUES)


class RankBars(QWidget):
    """Rows of a ranking. `chosen(int)`: a click or Enter; the arrows move. Put it in a scroll area if it may not fit."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, row_height: int = 34) -> None:
        """`row_height` in desk pixels: 34 for a mouse, 44 for a finger."""
        super().__init__(parent)
        self._theme = theme
        self._row = row_height
        self._rows: list[RankRow] = []
        self._current = self._hover = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self._relayout)

    def set_rows(self, rows: Sequence[RankRow]) -> None:
        resized = len(rows) != len(self._rows)
        self._rows = list(rows)
        if self._current >= len(self._rows):
            self._current = -1
        if resized:
            self.updateGeometry()
        self.update()

    def row_rect(self, index: int) -> QRect:
        height = self._theme.px(self._row)
        return QRect(0, index * height + self._theme.px(8), self.width(), height)

    def row_text(self, index: int) -> str:
        """The row in words, as a screen reader says it."""
        row = self._rows[index]
        return f"{row.rank} {row.name} {'—' if row.missing else row.value}"

    def set_current(self, index: int) -> None:
        self._current = index
        if 0 <= index < len(self._rows):
            self.setAccessibleDescription(self.row_text(index))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(480), len(self._rows) * self._theme.px(self._row) + self._theme.px(16))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(280), self.sizeHint().height())

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def index_at(self, point: QPoint) -> int:
        index = (point.y() - self._theme.px(8)) // self._theme.px(self._row)
        return index if 0 <= index < len(self._rows) else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        px = self._theme.px
        names = max((self._theme.metrics(14).horizontalAdvance(row.name) for row in self._rows), default=0)
        values = max((self._theme.metrics(15, bold=True).horizontalAdvance(row.value) for row in self._rows), default=0)
        ranks = max((self._theme.metrics(13).horizontalAdvance(row.rank) for row in self._rows), default=0)
        symbol = px(24) if any(row.severity for row in self._rows) else 0
        name_x = px(16) + ranks + px(16)
        bar_x = name_x + min(names, px(180)) + symbol + px(16)
        spark_width = px(72) if any(len(row.values) for row in self._rows) and self.width() > px(420) else 0
        value_x = self.width() - px(16) - (spark_width + px(16) if spark_width else 0) - values
        for index in range(len(self._rows)):
            box = self.row_rect(index)
            if box.intersects(event.rect()):
                self._paint_row(painter, box, index, (name_x, bar_x, value_x, values, spark_width))
        painter.end()

    def _paint_row(self, painter: QPainter, box: QRect, index: int, columns: tuple[int, int, int, int, int]) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        name_x, bar_x, value_x, value_width, spark_width = columns
        row = self._rows[index]
        if index == self._current:
            painter.fillRect(box, t.select)
            painter.fillRect(QRect(box.left(), box.top(), px(3), box.height()), t.select_edge)
        elif index == self._hover:
            painter.fillRect(box, t.hover)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(13))
        painter.setPen(t.ink3)
        painter.drawText(QRect(px(16), box.top(), name_x - px(16), box.height()), middle, row.rank)
        room = bar_x - px(16) - name_x
        if row.severity:
            side = px(16)
            pixmap = severity_pixmap(row.severity, side, theme, self.devicePixelRatioF())
            painter.drawPixmap(QPoint(bar_x - px(12) - side, box.top() + (box.height() - side) // 2), pixmap)
        painter.setFont(theme.font(14))
        painter.setPen(t.ink)
        painter.drawText(
            QRect(name_x, box.top(), room, box.height()), middle, theme.metrics(14).elidedText(row.name, Qt.TextElideMode.ElideRight, room)
        )
        track = QRect(bar_x, box.center().y() - px(4), max(0, value_x - px(12) - bar_x), px(9))
        painter.fillRect(track, t.track)
        if not row.missing:
            filled = QRect(track.left(), track.top(), round(track.width() * min(1.0, max(0.0, row.share))), track.height())
            painter.fillRect(filled, t.measure_low if row.low else t.measure)
        painter.setFont(theme.font(15, bold=not row.missing))
        painter.setPen(t.ink3 if row.missing else t.ink)
        place = QRect(value_x, box.top(), value_width + 2, box.height())
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignRight, "—" if row.missing else row.value)
        if spark_width and len(row.values):
            rect = QRectF(self.width() - px(16) - spark_width, box.center().y() - px(8), spark_width, px(16))
            draw_sparkline(painter, rect, row.values, t.spark)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hover = self.index_at(event.position().toPoint())
        if hover != self._hover:
            self._hover = hover
            self.setCursor(Qt.CursorShape.PointingHandCursor if hover >= 0 else Qt.CursorShape.ArrowCursor)
            self.setToolTip(as_text(self._rows[hover].tooltip) if hover >= 0 else "")
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.set_current(index)
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._rows:
            step = 1 if key == Qt.Key.Key_Down else -1
            self.set_current(min(len(self._rows) - 1, max(0, self._current + step)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current >= 0:
            self.chosen.emit(self._current)
        else:
            super().keyPressEvent(event)
