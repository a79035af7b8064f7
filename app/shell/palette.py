"""The command palette: one box that reaches everything by name. It opens over the desk, takes the keyboard, and never blocks anything."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.domain.text import N_
from app.qt.words import Words
from app.shell.fuzzy import Entry
from widgets.theme import Theme
from widgets.tooltip import as_text

MOST = 20
_ENTRY = int(Qt.ItemDataRole.UserRole) + 1
_ROWS_SHOWN = 12
_ROW_PX = 32


class Palette(QFrame):
    """Shown by `open_at`. Typing searches, arrows choose, Enter does, Esc leaves."""

    chosen = Signal(str)
    """An entry's id was done."""

    def __init__(self, window: QWidget, theme: Theme, words: Words, find: Callable[[str, int], list[Entry]]) -> None:
        """`find(query, limit)` answers entries, best first."""
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._words = words
        self._find = find
        self._came_from: QWidget | None = None
        self.setObjectName("palette")
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(words.t(N_("A panel, an action, a place, a unit, an indicator …")))
        self.field.setAccessibleName(words.t(N_("Find or command")))
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._search)
        self.results = QListWidget(self)
        self.results.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.results.setUniformItemSizes(True)
        self.results.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.results.setItemDelegate(_Rows(theme, self.results))
        self.results.itemClicked.connect(self._on_click)
        self.nothing = QLabel(self)
        self.nothing.setProperty("role", "hint")
        self._column = QVBoxLayout(self)
        for widget in (self.field, self.results, self.nothing):
            self._column.addWidget(widget)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def open_at(self, corner: QPoint, width: int) -> None:
        """Open with its right upper corner at `corner` (window coordinates), at least `width` wide."""
        self._came_from = QApplication.focusWidget()
        window = self._window
        wide = min(max(width, self._theme.px(560)), window.width() - self._theme.px(16))
        self.field.clear()
        self._search("")
        self.setFixedWidth(wide)
        self.adjustSize()
        left = min(max(self._theme.px(8), corner.x() - wide), window.width() - wide - self._theme.px(8))
        self.move(left, corner.y())
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        """Close, and give the keyboard back."""
        if self.isHidden():
            return
        self.hide()
        back, self._came_from = self._came_from, None
        if back is not None and back.isVisible():
            back.setFocus(Qt.FocusReason.OtherFocusReason)

    def do(self) -> None:
        """Do what is chosen. Something that cannot be done now says why and stays."""
        entry: Entry | None = self.results.currentIndex().data(_ENTRY)
        if entry is None:
            return
        if entry.why_not is not None:
            self.nothing.setText(entry.why_not)
            self.nothing.show()
            return
        self.leave()
        entry.run()
        self.chosen.emit(entry.id)

    def _on_click(self, _item: QListWidgetItem) -> None:
        self.do()

    def entries(self) -> list[Entry]:
        """What is listed now."""
        return [self.results.item(n).data(_ENTRY) for n in range(self.results.count())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        if watched is self.field and isinstance(event, QFocusEvent) and event.lostFocus() and event.reason() != Qt.FocusReason.PopupFocusReason:
            self.leave()
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        key, count = event.key(), self.results.count()
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: _ROWS_SHOWN, Qt.Key.Key_PageUp: -_ROWS_SHOWN}
        if key == Qt.Key.Key_Escape:
            self.leave()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.do()
        elif key in steps and count:
            step = steps[Qt.Key(key)]
            row = self.results.currentRow() + step
            self.results.setCurrentRow(row % count if abs(step) == 1 else min(count - 1, max(0, row)))
        else:
            return False
        return True

    def _search(self, query: str) -> None:
        found = self._find(query, MOST)
        self.results.clear()
        for entry in found:
            item = QListWidgetItem(entry.title)
            item.setData(_ENTRY, entry)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, " · ".join(p for p in (entry.title, entry.kind, entry.key, entry.why_not or "") if p))
            item.setToolTip(as_text(entry.why_not or ""))
            self.results.addItem(item)
        self.results.setCurrentRow(0 if found else -1)
        self.results.setFixedHeight(self._theme.px(_ROW_PX) * max(1, min(_ROWS_SHOWN, len(found))) + 2)
        self.results.setVisible(bool(found))
        self.nothing.setText("" if found else self._words.t(N_("Nothing of this name here.")))
        self.nothing.setVisible(not found)
        self.adjustSize()

    def _restyle(self) -> None:
        t, px = self._theme.tokens, self._theme.px
        self._column.setContentsMargins(px(8), px(8), px(8), px(8))
        self._column.setSpacing(px(6))
        self.setStyleSheet(f"#palette {{ background: {t.panel.name()}; border: 1px solid {t.action_edge.name()}; border-radius: {px(3)}px; }}")


class _Rows(QStyledItemDelegate):
    """Title to the left, what it is after it, its key at the far end; dimmed where it cannot be done now."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(self._theme.px(240), self._theme.px(_ROW_PX))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        entry: Entry = index.data(_ENTRY)
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, t.select)
            painter.fillRect(QRect(rect.left(), rect.top(), px(3), rect.height()), t.select_edge)
        middle = Qt.AlignmentFlag.AlignVCenter
        room = rect.adjusted(px(12), 0, -px(12), 0)
        tail = entry.key if entry.why_not is None else entry.why_not
        painter.setFont(theme.font(13))
        painter.setPen(t.ink3)
        metrics = theme.metrics(13)
        tail = metrics.elidedText(tail, Qt.TextElideMode.ElideRight, room.width() // 2)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | middle, tail)
        room.setRight(room.right() - metrics.horizontalAdvance(tail) - px(12))
        painter.setFont(theme.font(14))
        painter.setPen(t.ink if entry.why_not is None else t.ink3)
        wide = theme.metrics(14)
        said = wide.elidedText(entry.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, middle, said)
        room.setLeft(room.left() + wide.horizontalAdvance(said) + px(12))
        painter.setFont(theme.font(13))
        painter.setPen(t.ink3)
        if room.width() > px(40):
            painter.drawText(room, middle, metrics.elidedText(entry.kind, Qt.TextElideMode.ElideRight, room.width()))
