"""Shares against what they should be: a bar a share, and a mark on it where the goal is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.severity import severity_pixmap
from widgets.theme import Theme

_ROW, _PAD, _NAME, _VALUE, _GOAL = 34, 12, 14, 15, 12


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One share, 0…1; None: not known. `goal` 0…1 is where the mark stands. `value` and `goal_words` say both; `severities` are drawn before
    the name; `off`: far from its goal."""

    name: str
    share: float | None
    goal: float
    value: str
    goal_words: str
    severities: tuple[int, ...] = ()
    off: bool = False


class ShareBars(QWidget):
    """A few rows; not to be chosen from."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[ShareRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._relayout)

    def set_rows(self, rows: Sequence[ShareRow]) -> None:
        """Show these; does nothing where they are shown already."""
        if tuple(rows) == self._rows:
            return
        resized = len(rows) != len(self._rows)
        self._rows = tuple(rows)
        self.setAccessibleDescription("; ".join(f"{row.name}: {row.value}, {row.goal_words}" for row in self._rows))
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(320), len(self._rows) * self._theme.px(_ROW) + self._theme.px(8))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self.sizeHint().height())

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, px = self._theme, self._theme.px
        painter = QPainter(self)
        symbols = max((len(row.severities) for row in self._rows), default=0) * px(20)
        bar = px(_PAD) + symbols + max((theme.width(row.name, _NAME) for row in self._rows), default=0) + px(16)
        goal = self.width() - px(_PAD) - max((theme.width(row.goal_words, _GOAL) for row in self._rows), default=0)
        value = goal - px(12)
        end = value - max((theme.width(row.value, _VALUE, bold=True) for row in self._rows), default=0) - px(12)
        for index, row in enumerate(self._rows):
            box = QRect(0, index * px(_ROW) + px(4), self.width(), px(_ROW))
            if box.intersects(event.rect()):
                self._paint(painter, box, row, (symbols, bar, end, value, goal))
        painter.end()

    def _paint(self, painter: QPainter, box: QRect, row: ShareRow, columns: tuple[int, int, int, int, int]) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        symbols, bar, end, value, goal = columns
        x, side = px(_PAD), px(16)
        for severity in row.severities:
            pixmap = severity_pixmap(severity, side, theme, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(x, box.top() + (box.height() - side) // 2), pixmap)
            x += px(20)
        for words, left, size, bold, ink in (
            (row.name, px(_PAD) + symbols, _NAME, False, t.ink),
            (row.value, value - theme.width(row.value, _VALUE, bold=True), _VALUE, True, t.ink3 if row.share is None else t.ink),
            (row.goal_words, goal, _GOAL, False, t.ink3),
        ):
            painter.setFont(theme.font(size, bold=bold))
            painter.setPen(ink)
            painter.drawText(QPoint(left, theme.baseline(size, box.top(), box.height(), bold)), words)
        track = QRect(bar, box.center().y() - px(4), max(0, end - bar), px(9))
        painter.fillRect(track, t.track)
        if row.share is not None:
            filled = QRect(track.left(), track.top(), round(track.width() * min(1.0, max(0.0, row.share))), track.height())
            painter.fillRect(filled, t.measure_low if row.off else t.measure)
        mark = track.left() + round(track.width() * row.goal)
        painter.fillRect(QRect(mark - px(1), track.top() - px(4), px(2), track.height() + px(8)), t.ink)
