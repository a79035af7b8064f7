"""A small table of facts, painted: a head, a few rows, figures ranged right. Nothing in it is chosen, sorted or scrolled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.severity import severity_pixmap
from widgets.theme import Theme

_ROW, _HEAD, _PAD, _GAP, _SIZE, _SMALL = 30, 26, 12, 16, 14, 12


@dataclass(frozen=True, slots=True)
class FactRow:
    """One row: its name first, then a cell a column. `severity` 0: no symbol."""

    cells: tuple[str, ...]
    severity: int = 0


class FactTable(QWidget):
    """The table. The first column takes what the others leave; where there is too little room, columns go."""

    def __init__(self, theme: Theme, head: Sequence[str], parent: QWidget | None = None, *, first_to_go: Sequence[int] = ()) -> None:
        """`first_to_go`: columns that are left out where not all fit, in this order."""
        super().__init__(parent)
        self._first_to_go = tuple(first_to_go)
        self._theme = theme
        self._head = tuple(head)
        self._rows: tuple[FactRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._relayout)

    def set_rows(self, rows: Sequence[FactRow]) -> None:
        """Show these; does nothing where they are shown already."""
        if tuple(rows) == self._rows:
            return
        resized = len(rows) != len(self._rows)
        self._rows = tuple(rows)
        self.setAccessibleDescription("; ".join(self.row_text(n) for n in range(len(self._rows))))
        if resized:
            self.updateGeometry()
        self.update()

    def row_text(self, index: int) -> str:
        """The row in words, each cell with its column's name."""
        row = self._rows[index]
        return ", ".join([row.cells[0], *(f"{head} {cell}" for head, cell in zip(self._head[1:], row.cells[1:], strict=True))])

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(360), self._theme.px(_HEAD) + len(self._rows) * self._theme.px(_ROW) + self._theme.px(4))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self.sizeHint().height())

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def columns(self) -> list[int]:
        """Columns that are shown at this width, the first one always."""
        names = [self._theme.width(row.cells[0], _SIZE) for row in self._rows]
        room = self.width() - 2 * self._theme.px(_PAD) - self._symbol() - max(names, default=0)
        shown = list(range(1, len(self._head)))
        for column in self._first_to_go:
            if sum(self._width(n) for n in shown) <= room:
                break
            shown.remove(column)
        return [0, *shown]

    def _symbol(self) -> int:
        return self._theme.px(24) if any(row.severity for row in self._rows) else 0

    def _width(self, column: int) -> int:
        """Of a column with the gap before it."""
        cells = [self._theme.width(row.cells[column], _SIZE) for row in self._rows]
        return max([self._theme.width(self._head[column], _SMALL), *cells]) + self._theme.px(_GAP)

    def _rights(self, columns: Sequence[int]) -> list[int]:
        """The right edge of each of `columns` but the first."""
        edges: list[int] = []
        x = self.width() - self._theme.px(_PAD)
        for column in reversed(columns[1:]):
            edges.insert(0, x)
            x -= self._width(column)
        return edges

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        columns = self.columns()
        rights = self._rights(columns)
        head = QRect(0, 0, self.width(), px(_HEAD))
        self._line(painter, head, [self._head[n] for n in columns], rights, _SMALL, px(_PAD))
        left = px(_PAD) + self._symbol()
        for index, row in enumerate(self._rows):
            box = QRect(0, px(_HEAD) + index * px(_ROW), self.width(), px(_ROW))
            painter.fillRect(QRect(px(_PAD), box.top(), box.width() - 2 * px(_PAD), 1), t.line)
            if row.severity:
                side = px(16)
                pixmap = severity_pixmap(row.severity, side, theme, self.devicePixelRatioF())
                painter.drawPixmap(QPointF(px(_PAD), box.top() + (box.height() - side) // 2), pixmap)
            self._line(painter, box, [row.cells[n] for n in columns], rights, _SIZE, left)
        painter.end()

    def _line(self, painter: QPainter, box: QRect, cells: Sequence[str], rights: Sequence[int], size: int, left: int) -> None:
        theme, t = self._theme, self._theme.tokens
        y = theme.baseline(size, box.top(), box.height())
        painter.setFont(theme.font(size))
        painter.setPen(t.ink3 if size == _SMALL else t.ink)
        painter.drawText(QPoint(left, y), cells[0])
        for cell, right in zip(cells[1:], rights, strict=True):
            painter.drawText(QPoint(right - theme.width(cell, size), y), cell)
