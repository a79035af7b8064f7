"""Figures that have a goal: each value with what it should be beside it. It judges nothing: what misses its goal is told so by whoever knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.severity import severity_pixmap
from widgets.theme import Theme
from widgets.tooltip import as_text

_LABEL, _VALUE, _GOAL = 13, 22, 12
_HEIGHT, _LEAST, _PAD = 76, 168, 12


@dataclass(frozen=True, slots=True)
class GoalFigure:
    """One figure. `severity` 0: within its goal, or without one; else its shape and colour stand beside the value."""

    label: str
    value: str
    goal: str = ""
    severity: int = 0
    tooltip: str = ""


class GoalGrid(QWidget):
    """Figures in as many columns as fit, all of one height, with thin lines between them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._figures: tuple[GoalFigure, ...] = ()
        # Fixed would hold it to its hint's height, which is for another width.
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self._relayout)

    def set_figures(self, figures: Sequence[GoalFigure]) -> None:
        """Show these; does nothing where they are shown already."""
        if tuple(figures) == self._figures:
            return
        resized = len(figures) != len(self._figures)
        self._figures = tuple(figures)
        self.setAccessibleDescription("; ".join(self.figure_text(n) for n in range(len(self._figures))))
        if resized:
            self.updateGeometry()
        self.update()

    def figure_text(self, index: int) -> str:
        """The figure in words, as a screen reader says it."""
        figure = self._figures[index]
        return ", ".join(part for part in (f"{figure.label}: {figure.value}", figure.goal) if part)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return -(-len(self._figures) // self._columns(width)) * self._theme.px(_HEIGHT)

    def sizeHint(self) -> QSize:
        width = self._theme.px(_LEAST) * 4
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(_LEAST), self._theme.px(_HEIGHT))

    def _columns(self, width: int) -> int:
        """As many as fit, and no row left nearly empty: ten figures in seven columns stand better in five."""
        count = max(1, len(self._figures))
        most = max(1, min(count, width // self._theme.px(_LEAST)))
        return -(-count // -(-count // most))

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def cell(self, index: int) -> QRect:
        """Where a figure stands."""
        columns, height = self._columns(self.width()), self._theme.px(_HEIGHT)
        row, column = divmod(index, columns)
        left, right = (round(n * self.width() / columns) for n in (column, column + 1))
        return QRect(left, row * height, right - left, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for index in range(len(self._figures)):
            cell = self.cell(index)
            if cell.intersects(event.rect()):
                self._paint(painter, cell, self._figures[index])
        painter.end()

    def _paint(self, painter: QPainter, cell: QRect, figure: GoalFigure) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter.fillRect(QRect(cell.left(), cell.bottom(), cell.width(), 1), t.line)
        if cell.left():
            painter.fillRect(QRect(cell.left(), cell.top() + px(10), 1, cell.height() - px(20)), t.line)
        left, room = cell.left() + px(_PAD), cell.width() - px(_PAD) - px(8)
        for words, size, bold, ink, top, height in (
            (figure.label, _LABEL, False, t.ink2, 6, 20),
            (figure.value, _VALUE, True, theme.severity(figure.severity) if figure.severity else t.ink, 25, 28),
            (figure.goal, _GOAL, False, t.ink3, 53, 17),
        ):
            painter.setFont(theme.font(size, bold=bold))
            painter.setPen(ink)
            painter.drawText(QPoint(left, theme.baseline(size, cell.top() + px(top), px(height), bold)), theme.elided(words, size, room, bold))
        if figure.severity:
            side = px(16)
            x = left + theme.width(figure.value, _VALUE, bold=True) + px(8)
            pixmap = severity_pixmap(figure.severity, side, theme, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(min(x, cell.right() - side), cell.top() + px(25) + (px(28) - side) // 2), pixmap)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = next((n for n in range(len(self._figures)) if self.cell(n).contains(event.pos())), -1)
            tip = self._figures[index].tooltip if index >= 0 else ""
            if tip:
                QToolTip.showText(event.globalPos(), as_text(tip), self, self.cell(index))
            else:
                QToolTip.hideText()
            return True
        return super().event(event)
