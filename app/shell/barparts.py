"""Pieces of the top and bottom bars, painted, so that figures line up and nothing jumps when a number changes. They know no hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLayout, QSizePolicy, QWidget

from app.shell.status import Part, Said
from widgets.chips import draw_box
from widgets.icons import icon_pixmap
from widgets.severity import severity_pixmap
from widgets.theme import Theme
from widgets.tooltip import as_text


class BarItem(QAbstractButton):
    """A run of text in a bar, in a thin border or without; a button where it is connected and `reachable`."""

    def __init__(self, theme: Theme, *, size: int = 14, boxed: bool = True, reachable: bool = False, steady: bool = False) -> None:
        """`size`: desk pixels of the text. `reachable`: takes the keyboard. `steady`: never gets narrower, for clocks and counts."""
        super().__init__()
        self._theme = theme
        self._size = size
        self._boxed = boxed
        self._steady = steady
        self._said = Said()
        self._widest = 0
        self._icon_name = ""
        self._mode: QColor | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if reachable else Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if reachable:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._relayout)

    def say(self, said: Said | str, tone: str = "ink", *, bold: bool = False) -> None:
        """Show this; does nothing where it is shown already."""
        wanted = Said((Part(said, tone, bold),)) if isinstance(said, str) else said
        if wanted == self._said:
            return
        wider = self._width(wanted) != self._width(self._said)
        self._said = wanted
        self.setAccessibleName(wanted.text)
        self.setAccessibleDescription(wanted.explains)
        self.setToolTip(as_text(wanted.explains))
        if wider:
            self.updateGeometry()
        self.update()

    def set_icon(self, name: str) -> None:
        """A drawing of widgets.icons before the text."""
        self._icon_name = name
        self._relayout()

    def set_mode(self, colour: QColor | None) -> None:
        """Border and text in the colour of a mode of the deck (simulated, replay), bold; None: ordinary."""
        if colour != self._mode:
            self._mode = colour
            self._relayout()

    @property
    def shown(self) -> str:
        """The text, as one line."""
        return self._said.text

    @property
    def severity(self) -> int:
        """The severity whose symbol it shows; 0: none."""
        return self._said.severity

    def sizeHint(self) -> QSize:
        width = self._width(self._said)
        if self._steady:
            self._widest = width = max(width, self._widest)
        return QSize(width, self._theme.px(self._size + (12 if self._boxed else 8)))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, t, px = self._theme, self._theme.tokens, self._theme.px
        painter = QPainter(self)
        hover = self.underMouse() and self.isEnabled() and self.focusPolicy() != Qt.FocusPolicy.NoFocus
        if self._boxed:
            wrong = theme.severity(self._said.severity) if self._said.severity else None
            edge = t.select_edge if self.hasFocus() else self._mode or wrong or t.edge
            draw_box(painter, QRectF(self.rect()), t.hover if hover else None, edge, px(3))
        elif self.hasFocus():
            painter.fillRect(QRect(0, self.height() - px(2), self.width(), px(2)), t.select_edge)
        x = px(8) if self._boxed else 0
        side = px(self._size + 2)
        top = (self.height() - side) / 2
        if self._said.severity:
            painter.drawPixmap(QPointF(x, top), severity_pixmap(self._said.severity, side, theme, self.devicePixelRatioF()))
            x += side + px(6)
        elif self._icon_name:
            painter.drawPixmap(QPointF(x, top), icon_pixmap(self._icon_name, theme, side, self.devicePixelRatioF(), t.ink3))
            x += side + px(6)
        for part in self._said.parts:
            bold = part.bold or self._mode is not None
            painter.setFont(theme.font(self._size, bold=bold))
            painter.setPen(self._mode or self._colour(part.tone, hover))
            width = theme.metrics(self._size, bold=bold).horizontalAdvance(part.text)
            painter.drawText(QRect(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, part.text)
            x += width
        painter.end()

    def _colour(self, tone: str, hover: bool) -> QColor:
        t = self._theme.tokens
        if tone.isdigit():
            return self._theme.severity(int(tone))
        if tone == "title" or hover:
            return t.ink
        return {"quiet": t.ink3, "live": t.live}.get(tone, t.ink2)

    def _width(self, said: Said) -> int:
        px = self._theme.px
        width = 2 * px(8) if self._boxed else 0
        if said.severity or self._icon_name:
            width += px(self._size + 2) + px(6)
        for part in said.parts:
            width += self._theme.metrics(self._size, bold=part.bold or self._mode is not None).horizontalAdvance(part.text)
        return width + 1

    def _relayout(self) -> None:
        self._widest = 0
        self.updateGeometry()
        self.update()


class Bar(QWidget):
    """One row of items with a line on one side. Where it gets too narrow, what matters least goes first; nothing is squeezed."""

    def __init__(self, theme: Theme, height: int, *, line_on_top: bool = False) -> None:
        """`height` in desk pixels."""
        super().__init__()
        self._theme = theme
        self._height = height
        self._line_on_top = line_on_top
        self._least: list[tuple[QWidget, int]] = []
        self._row = QHBoxLayout(self)
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        theme.changed.connect(self._restyle)
        self._restyle()

    def put(self, item: QWidget, stretch: int = 0, *, rank: int = 0) -> None:
        """Add `item` at the end. Items of a higher `rank` go first where room is short; 0 always stays."""
        self._row.addWidget(item, stretch)
        if rank:
            self._least.append((item, rank))
            self._least.sort(key=lambda pair: -pair[1])

    def space(self, stretch: int = 1) -> None:
        """Push what follows to the other side."""
        self._row.addStretch(stretch)

    def refit(self) -> None:
        """Something got wider or narrower: show as much as there is room for."""
        margins = self._row.contentsMargins()
        room = self.width() - margins.left() - margins.right()
        widths: dict[QWidget, int] = {}
        for number in range(self._row.count()):
            item = self._row.itemAt(number)
            widget = item.widget() if item is not None else None
            if widget is not None and not widget.property("absent"):
                fixed = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed
                widths[widget] = (widget.sizeHint() if fixed else widget.minimumSizeHint()).width()
        needed = sum(widths.values()) + self._row.spacing() * (self._row.count() - 1)
        for item, _ in self._least:
            if item.property("absent"):
                continue
            tight = needed > room
            item.setVisible(not tight)
            if tight:
                needed -= widths[item] + self._row.spacing()

    def set_present(self, item: QWidget, present: bool) -> None:
        """Whether `item` has anything to say at all, room or not."""
        if bool(item.property("absent")) == present:
            item.setProperty("absent", not present)
            item.setVisible(present)
            self.refit()

    def minimumSizeHint(self) -> QSize:
        """Narrower than everything together: what has no room goes."""
        return QSize(self._theme.px(320), self._theme.px(self._height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        t = self._theme.tokens
        painter.fillRect(self.rect(), t.bar)
        painter.fillRect(QRect(0, 0 if self._line_on_top else self.height() - 1, self.width(), 1), t.line)
        painter.end()

    def _restyle(self) -> None:
        px = self._theme.px
        self.setFixedHeight(px(self._height))
        self._row.setContentsMargins(px(16), 0, px(16), 0)
        self._row.setSpacing(px(16))
        self.update()


@dataclass(frozen=True, slots=True)
class TickerLine:
    """One alert in the ticker."""

    severity: int
    text: str


class Ticker(QWidget):
    """A few alerts side by side, worst first. Nothing scrolls: what does not fit is elided, then left out."""

    def __init__(self, theme: Theme, *, size: int = 16) -> None:
        super().__init__()
        self._theme = theme
        self._size = size
        self._lines: tuple[TickerLine, ...] = ()
        self._nothing = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    def say(self, lines: Sequence[TickerLine], nothing: str) -> None:
        """Show these; `nothing` is said where there are none."""
        if (tuple(lines), nothing) != (self._lines, self._nothing):
            self._lines, self._nothing = tuple(lines), nothing
            self.setAccessibleName(" · ".join(line.text for line in lines) or nothing)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(320), self._theme.px(self._size + 12))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(self._size + 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, px = self._theme, self._theme.px
        painter = QPainter(self)
        painter.setFont(theme.font(self._size))
        metrics = theme.metrics(self._size)
        if not self._lines:
            painter.setPen(theme.tokens.ink3)
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self._nothing)
            painter.end()
            return
        side, x = px(self._size + 2), 0
        for line in self._lines:
            room = self.width() - x - side - px(8)
            if room < px(120):
                break
            painter.drawPixmap(QPointF(x, (self.height() - side) / 2), severity_pixmap(line.severity, side, theme, self.devicePixelRatioF()))
            x += side + px(8)
            said = metrics.elidedText(line.text, Qt.TextElideMode.ElideRight, room)
            painter.setPen(theme.tokens.ink)
            width = metrics.horizontalAdvance(said)
            painter.drawText(QRect(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, said)
            x += width + px(28)
        painter.end()
