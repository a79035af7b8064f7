"""What a panel shows when it has nothing to show: an icon and one calm sentence that says what would fill it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from widgets.icons import icon_pixmap
from widgets.theme import Theme


class EmptyNote(QWidget):
    """An icon, a sentence and, if given, a second quieter one; left-aligned at the middle of the panel's height."""

    def __init__(self, theme: Theme, sentence: str = "", hint: str = "", icon: str = "check", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sentence, self._hint, self._icon = sentence, hint, icon
        self.setAccessibleName(sentence)
        theme.changed.connect(self.update)

    def set_note(self, sentence: str, hint: str = "", icon: str | None = None) -> None:
        self._sentence, self._hint = sentence, hint
        self._icon = icon if icon is not None else self._icon
        self.setAccessibleName(sentence)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self._theme.px(96))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        side, pad, gap = px(24), px(24), px(12)
        left = pad + side + gap
        room = max(1, self.width() - left - px(12))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        main = theme.metrics(14).boundingRect(QRect(0, 0, room, 10_000), int(flags), self._sentence)
        more = theme.metrics(13).boundingRect(QRect(0, 0, room, 10_000), int(flags), self._hint) if self._hint else QRect()
        top = max(px(12), (self.height() - main.height() - more.height()) // 2)
        first_line = theme.metrics(14).height()
        painter.drawPixmap(QPointF(pad, top + (first_line - side) // 2), icon_pixmap(self._icon, theme, side, self.devicePixelRatioF(), t.ink3))
        painter.setFont(theme.font(14))
        painter.setPen(t.ink2)
        painter.drawText(QRect(left, top, room, main.height()), int(flags), self._sentence)
        if self._hint:
            painter.setFont(theme.font(13))
            painter.setPen(t.ink3)
            painter.drawText(QRect(left, top + main.height() + px(2), room, more.height()), int(flags), self._hint)
        painter.end()
