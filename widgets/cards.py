"""Cards of a few figures each, for reading across a room or a desk: a title, whose they are, and one line a figure."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.severity import draw_severity
from widgets.theme import Theme


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. `severity` 0: normal. `quiet`: the value is unknown or old, and looks it."""

    label: str
    value: str
    unit: str = ""
    change: str = ""
    severity: int = 0
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One field of the city's life."""

    title: str
    note: str
    figures: tuple[Figure, ...]


class CardBoard(QWidget):
    """A grid of cards painted as one widget; `columns` across."""

    chosen = Signal(int, int)
    """(card, figure) that was clicked."""

    GAP = 8
    HEAD = 40
    LINE = 44

    def __init__(self, theme: Theme, columns: int = 3, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = columns
        self._cards: list[Card] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def set_cards(self, cards: list[Card]) -> None:
        """Show these; repaints only the cards that differ."""
        if len(cards) != len(self._cards):
            self._cards = cards
            self.update()
            return
        for place, (old, new) in enumerate(zip(self._cards, cards, strict=True)):
            if old != new:
                self._cards[place] = new
                self.update(self._rect(place))

    def card_text(self, place: int) -> str:
        """What a card says, for assistive technology and tests."""
        card = self._cards[place]
        return f"{card.title}: " + "; ".join(f"{f.label} {f.value} {f.unit} {f.change}".strip() for f in card.figures)

    def sizeHint(self) -> QSize:
        rows = -(-len(self._cards) // self._columns) or 1
        return QSize(self._theme.px(900), rows * self._theme.px(self.HEAD + 3 * self.LINE + self.GAP))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.tokens.ground)
        for place, card in enumerate(self._cards):
            rect = self._rect(place)
            if rect.intersects(event.rect()):
                self._paint(painter, rect, card)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        spot = event.position().toPoint()
        for place, card in enumerate(self._cards):
            figure = self._figure_at(self._rect(place), card, spot)
            if figure is not None:
                self.chosen.emit(place, figure)

    def _rect(self, place: int) -> QRect:
        gap = self._theme.px(self.GAP)
        rows = -(-len(self._cards) // self._columns) or 1
        width = (self.width() - gap * (self._columns + 1)) // self._columns
        height = (self.height() - gap * (rows + 1)) // rows
        return QRect(gap + place % self._columns * (width + gap), gap + place // self._columns * (height + gap), width, height)

    def _line_height(self, rect: QRect, card: Card) -> int:
        room = rect.height() - self._theme.px(self.HEAD + 8)
        return min(self._theme.px(self.LINE), room // max(1, len(card.figures)))

    def _figure_at(self, rect: QRect, card: Card, spot: QPoint) -> int | None:
        if not rect.contains(spot) or spot.y() < rect.top() + self._theme.px(self.HEAD):
            return None
        place = (spot.y() - rect.top() - self._theme.px(self.HEAD)) // max(1, self._line_height(rect, card))
        return place if place < len(card.figures) else None

    def _paint(self, painter: QPainter, rect: QRect, card: Card) -> None:
        theme, px, tokens = self._theme, self._theme.px, self._theme.tokens
        painter.fillRect(rect, tokens.panel)
        painter.setPen(tokens.line)
        painter.drawRect(rect.adjusted(0, 0, -1, -1))
        left, right = rect.left() + px(16), rect.right() - px(16)
        base = rect.top() + px(28)
        note_font = theme.font(13)
        note_width = QFontMetrics(note_font).horizontalAdvance(card.note)
        painter.setFont(note_font)
        painter.setPen(tokens.ink3)
        painter.drawText(right - note_width, base, card.note)
        painter.setFont(theme.font(17, bold=True))
        painter.setPen(tokens.ink)
        painter.drawText(
            left, base, QFontMetrics(painter.font()).elidedText(card.title, Qt.TextElideMode.ElideRight, right - left - note_width - px(8))
        )
        height = self._line_height(rect, card)
        for n, figure in enumerate(card.figures):
            self._paint_figure(painter, QRect(left, rect.top() + px(self.HEAD) + n * height, right - left, height), figure)

    def _paint_figure(self, painter: QPainter, line: QRect, figure: Figure) -> None:
        theme, px, tokens = self._theme, self._theme.px, self._theme.tokens
        base = line.center().y() + px(7)
        unit_left = line.right() - min(px(190), line.width() * 2 // 5)
        label_font = theme.font(15)
        value_font = theme.font(22, bold=True)
        value_width = QFontMetrics(value_font).horizontalAdvance(figure.value)
        symbol = px(20) if figure.severity else 0
        painter.setFont(label_font)
        painter.setPen(tokens.ink2)
        room = unit_left - px(8) - value_width - symbol - line.left()
        painter.drawText(line.left(), base, QFontMetrics(label_font).elidedText(figure.label, Qt.TextElideMode.ElideRight, room))
        if figure.severity:
            draw_severity(painter, QRect(unit_left - px(8) - value_width - symbol, base - px(15), px(15), px(15)), figure.severity, theme)
        painter.setFont(value_font)
        painter.setPen(tokens.ink3 if figure.quiet else theme.severity(figure.severity) if figure.severity else tokens.ink)
        painter.drawText(unit_left - px(8) - value_width, base, figure.value)
        small = theme.font(14)
        painter.setFont(small)
        painter.setPen(tokens.ink2)
        unit = QFontMetrics(small).elidedText(figure.unit, Qt.TextElideMode.ElideRight, px(90))
        painter.drawText(unit_left, base, unit)
        painter.setPen(tokens.ink3)
        used = QFontMetrics(small).horizontalAdvance(unit) + px(6)
        change = QFontMetrics(small).elidedText(figure.change, Qt.TextElideMode.ElideRight, line.right() - unit_left - used)
        painter.drawText(line.right() - QFontMetrics(small).horizontalAdvance(change), base, change)
