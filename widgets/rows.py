"""A live list that a person can work in: two-line rows, all alike, and nothing moves under the pointer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from widgets.even_list import EvenList
from widgets.severity import severity_pixmap
from widgets.theme import Theme

ROW = 43
PADDING = 12
HOLD_S = 4.0
"""How long after the pointer last moved inside the list its order is held."""


@dataclass(frozen=True, slots=True)
class RowFace:
    """What one row shows. `severity` 0: no symbol. `checked` None: no box. `progress`: an operator's act still under way."""

    title: str
    note: str = ""
    right: str = ""
    right_note: str = ""
    severity: int = 0
    bold: bool = False
    dim: bool = False
    checked: bool | None = None
    tone: int = 0
    """Severity whose colour the right-hand note takes; 0: none. The note's words say it too."""


class RowDelegate(QStyledItemDelegate):
    """Paints RowFace. One font set, one height: the view never has to ask a row how tall it is."""

    def __init__(self, theme: Theme, face_role: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._role = face_role

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, self._theme.px(ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        face = index.data(self._role)
        if not isinstance(face, RowFace):
            return
        theme, px, rect = self._theme, self._theme.px, QRect(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        tokens = theme.tokens
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, tokens.select)
            painter.fillRect(QRect(rect.left(), rect.top(), px(3), rect.height()), tokens.select_edge)
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), tokens.line)
        left = rect.left() + px(PADDING)
        if face.checked is not None:
            self._box(painter, QRect(left, rect.top() + px(9), px(13), px(13)), face.checked)
            left += px(24)
        if face.severity:
            pixmap = severity_pixmap(face.severity, px(16), theme, painter.device().devicePixelRatioF(), dim=face.dim)
            painter.drawPixmap(QPointF(left, rect.top() + px(8)), pixmap)
        if face.severity or face.checked is None:
            left += px(28) if face.severity else 0
        right = rect.right() - px(PADDING)
        baseline = rect.top() + px(18), rect.top() + px(35)
        right_width = self._right(painter, face, right, baseline)
        painter.setFont(theme.font(14, bold=face.bold))
        painter.setPen(tokens.ink3 if face.dim else tokens.ink)
        room = right - left - px(8)
        painter.drawText(left, baseline[0], theme.elided(face.title, 14, room - right_width[0], bold=face.bold))
        painter.setFont(theme.font(12))
        painter.setPen(tokens.ink3)
        painter.drawText(left, baseline[1], theme.elided(face.note, 12, room - right_width[1]))
        painter.restore()

    def _right(self, painter: QPainter, face: RowFace, right: int, baseline: tuple[int, int]) -> tuple[int, int]:
        theme = self._theme
        widths: list[int] = []
        for text, size, y, colour in (
            (face.right, 13, baseline[0], theme.tokens.ink3 if face.dim else theme.tokens.ink2),
            (face.right_note, 12, baseline[1], theme.severity(face.tone) if face.tone else theme.tokens.ink3),
        ):
            width = theme.width(text, size)
            painter.setFont(theme.font(size))
            painter.setPen(colour)
            painter.drawText(right - width, y, text)
            widths.append(width)
        return widths[0], widths[1]

    def _box(self, painter: QPainter, box: QRect, checked: bool) -> None:
        tokens = self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(tokens.ink2)
        painter.setBrush(tokens.action if checked else QColor(Qt.GlobalColor.transparent))
        painter.drawRoundedRect(box, 2, 2)
        if checked:
            painter.setPen(tokens.ink)
            a, b, c = (
                QPointF(box.left() + box.width() * 0.2, box.center().y() + 1),
                QPointF(box.center().x(), box.bottom() - 2.5),
                QPointF(box.right() - 1, box.top() + 3),
            )
            painter.drawLine(a, b)
            painter.drawLine(b, c)


class RowList(EvenList):
    """The list. While somebody's pointer moves in it, `held` is true, and its owner leaves the order as it is."""

    entered_row = Signal(int)
    """Return or double click on a row."""
    toggled_row = Signal(int)
    """Space, or a click on the box."""

    def __init__(self, theme: Theme, face_role: int, parent: QWidget | None = None, *, whole_rows: bool = False) -> None:
        """`whole_rows`: where nobody scrolls, as on a wall, a row is shown whole or not at all."""
        super().__init__(theme.px(ROW), parent)
        self._theme = theme
        self._whole_rows = whole_rows
        self._touched = 0.0
        self._delegate = RowDelegate(theme, face_role, self)
        self.setItemDelegate(self._delegate)
        if whole_rows:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        # The view must not run after a selected row that moves by itself; only a person's keys scroll.
        self.setAutoScroll(False)
        self.doubleClicked.connect(self._on_double_click)
        theme.changed.connect(self._restyle)

    @property
    def held(self) -> bool:
        """Whether a person is pointing at a row just now."""
        return self.underMouse() and time.monotonic() - self._touched < HOLD_S

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._whole_rows:
            self.setViewportMargins(0, 0, 0, self.height() % self._theme.px(ROW))
        super().resizeEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._touched = time.monotonic()
        super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._touched = time.monotonic()
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.position().x() < self._theme.px(PADDING + 20):
            self.toggled_row.emit(index.row())

    def leaveEvent(self, event: QEvent) -> None:
        self._touched = 0.0
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.entered_row.emit(row)
        elif event.key() == Qt.Key.Key_Space and row >= 0:
            self.toggled_row.emit(row)
        elif event.text().isalpha() and not event.modifiers():
            event.ignore()  # letters are the panel's action keys, not a search in the list
        else:
            super().keyPressEvent(event)
            self.scrollTo(self.currentIndex())

    def _on_double_click(self, index: QModelIndex) -> None:
        self.entered_row.emit(index.row())

    def _restyle(self) -> None:
        self.set_row_height(self._theme.px(ROW))
