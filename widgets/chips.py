"""Small things in a bar: a state in a border, a filter to switch, a button with its key written on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from widgets.theme import Theme
from widgets.tokens import Tokens, faint

Kind = Literal["main", "plain"]
Part = tuple[str, bool, int]
"""Words, bold, severity whose colour they take (0: none)."""


class Chip(QWidget):
    """A state of the deck in a thin border, such as "Platform ok · 18 ms". `clicked` when it is pressed."""

    clicked = Signal()

    def __init__(self, theme: Theme, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: list[Part] = []
        self._tone_name: Literal["", "simulated", "replay", "live"] = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._relayout)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """One plain part."""
        self.set_parts([(text, False, 0)] if text else [])

    def set_parts(self, parts: Sequence[Part]) -> None:
        """Parts side by side, each (words, bold, severity colour or 0); put the spaces into the words."""
        if list(parts) == self._parts:
            return
        wider = self._width(parts) != self._width(self._parts)
        self._parts = list(parts)
        self.setAccessibleName("".join(words for words, _, _ in parts))
        if wider:
            self.updateGeometry()
        self.update()

    def set_tone(self, tone: Literal["", "simulated", "replay", "live"]) -> None:
        """A border and words in the colour of a mode of the deck, bold; "" is an ordinary chip."""
        if tone != self._tone_name:
            self._tone_name = tone
            self._relayout()

    def text(self) -> str:
        return "".join(words for words, _, _ in self._parts)

    def sizeHint(self) -> QSize:
        return QSize(self._width(self._parts), self._theme.px(26))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _bold(self, bold: bool) -> bool:
        return bold or bool(self._tone_name)

    def _width(self, parts: Sequence[Part]) -> int:
        words = sum(self._theme.metrics(14, bold=self._bold(bold)).horizontalAdvance(text) for text, bold, _ in parts)
        return words + 2 * self._theme.px(8) + 1

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t = self._theme, self._theme.tokens
        painter = QPainter(self)
        tone = _tone(t, self._tone_name)
        draw_box(painter, QRectF(self.rect()), None, tone or t.edge, theme.px(3))
        x = theme.px(8)
        for words, bold, severity in self._parts:
            strong = self._bold(bold)
            painter.setFont(theme.font(14, bold=strong))
            painter.setPen(theme.severity(severity) if severity else tone or t.ink2)
            width = theme.metrics(14, bold=strong).horizontalAdvance(words)
            painter.drawText(QRect(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, words)
            x += width
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()


class FilterChip(QAbstractButton):
    """A filter that is on or off; `toggled(bool)` as of any checkable button. On is filled and bordered, not just coloured."""

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setText(text)
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.metrics(14, bold=True).horizontalAdvance(self.text()) + 2 * self._theme.px(10) + 1, self._theme.px(28))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t = self._theme, self._theme.tokens
        painter = QPainter(self)
        on, hover = self.isChecked(), self.underMouse() and self.isEnabled()
        edge = t.select_edge if self.hasFocus() else t.action_edge if on else t.edge
        draw_box(painter, QRectF(self.rect()), t.action if on else t.hover if hover else None, edge, theme.px(3))
        painter.setFont(theme.font(14))
        painter.setPen(faint(t) if not self.isEnabled() else t.action_ink if on else t.ink2)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class KeyButton(QAbstractButton):
    """A button with its key written on it, such as "Confirm A". The key itself is bound by whoever owns the action."""

    def __init__(self, theme: Theme, text: str, key: str = "", kind: Kind = "plain", parent: QWidget | None = None, *, touch: bool = False) -> None:
        """`touch` makes it 44 pixels high, for a finger."""
        super().__init__(parent)
        self._theme = theme
        self._key = key
        self._kind: Kind = kind
        self._touch = touch
        self.setText(text)
        self.setAccessibleName(f"{text} ({key})" if key else text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._relayout)

    def set_label(self, text: str, key: str | None = None) -> None:
        """Change the words and, if given, the key."""
        self._key = self._key if key is None else key
        self.setText(text)
        self.setAccessibleName(f"{text} ({self._key})" if self._key else text)
        self._relayout()

    def set_kind(self, kind: Kind) -> None:
        if kind == self._kind:
            return
        self._kind = kind
        self._relayout()

    def sizeHint(self) -> QSize:
        px = self._theme.px
        width = self._metrics_width(self.text()) + (self._metrics_width(self._key) + px(6) if self._key else 0)
        return QSize(width + 2 * px(14) + 1, px(44 if self._touch else 30))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _metrics_width(self, text: str) -> int:
        return self._theme.metrics(14, bold=self._kind == "main").horizontalAdvance(text)

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        enabled, main = self.isEnabled(), self._kind == "main"
        hover = self.underMouse() and enabled
        fill = t.select if self.isDown() else t.action if main and enabled else t.hover if hover else None
        edge = t.select_edge if enabled and (self.hasFocus() or (hover and main)) else t.action_edge if main and enabled else t.edge
        draw_box(painter, QRectF(self.rect()), fill, edge, px(3))
        painter.setFont(theme.font(14, bold=main))
        ink = t.ink3 if not enabled else t.action_ink if main else t.ink2
        words = self._metrics_width(self.text())
        keys = self._metrics_width(self._key) + px(6) if self._key else 0
        x = (self.width() - words - keys) // 2
        if not enabled:
            painter.setOpacity(0.6)
        painter.setPen(ink)
        painter.drawText(QRect(x, 0, words + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._key:
            painter.setPen(ink if main else t.ink3)
            painter.drawText(QRect(x + words + px(6), 0, keys, self.height()), Qt.AlignmentFlag.AlignVCenter, self._key)
        painter.end()


def draw_box(painter: QPainter, rect: QRectF, fill: QColor | None, edge: QColor, radius: float) -> None:
    """A box with a hairline that falls on whole pixels, and corners just off square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(edge, 1.0))
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    painter.restore()


def _tone(t: Tokens, name: str) -> QColor | None:
    return {"simulated": t.simulated, "replay": t.replay, "live": t.live_ink}.get(name)
