"""Indicator tiles: value, change, age, owner and line, always in the same places.

One widget paints them all, because a widget a tile costs more than its text. It shows what a TileFace says and judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from widgets.polyline import Floats
from widgets.severity import severity_pixmap
from widgets.sparkline import draw_sparkline
from widgets.theme import Theme
from widgets.tokens import mixed
from widgets.tooltip import as_text

FLASH_S = 0.6
DASH = "—"

_NO_VALUES = np.empty(0, np.float64)


@dataclass(frozen=True, eq=False)
class TileFace:
    """Everything one tile shows, in the operator's words.

    `missing`: there is no value to show ("—"; put the last time into `change` and how long into `age`).
    `stale`: `value` is old; it is shown, struck by a clock, never as if it were new. `severity` 0 is normal.
    `values` is oldest first, NaN where nothing arrived, up to now: the line ends where its data ended. `band` is the normal range.
    """

    title: str
    value: str = ""
    unit: str = ""
    change: str = ""
    age: str = ""
    owner: str = ""
    severity: int = 0
    quality: str = ""
    stale: bool = False
    missing: bool = False
    tooltip: str | Callable[[], str] = ""
    """Text, or what makes it when somebody asks: few tooltips of the thousands an hour are ever read."""
    values: Floats = field(default_factory=lambda: _NO_VALUES)
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Metrics:
    """Desk pixels of one style of tile; scaled where they are used."""

    min_width: int
    height: int
    stretch: float
    padding: int
    title: int
    small: int
    value: int
    unit: int
    symbol: int
    spark_width: int
    spark_height: int


_DESK = _Metrics(168, 100, 1.0, 12, 14, 12, 26, 14, 16, 96, 26)
_WALL = _Metrics(240, 100, 1.75, 12, 15, 12, 36, 15, 17, 108, 32)
_SMALL_UNIT_GAP = 4
GAP = 4


class TileBoard(QAbstractScrollArea):
    """A grid of tiles that scrolls when there are more than fit.

    `chosen(index)`: a click or an arrow key. `activated(index)`: a double click or Enter. `menu(index, global point)`: a right click or
    the menu key. On a wall tiles are larger, stretch to fill the height, and nothing flashes.
    """

    chosen = Signal(int)
    activated = Signal(int)
    menu = Signal(int, QPoint)
    scrolled = Signal()
    """Other tiles may be in sight now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, wall: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._wall = wall
        self._style = _WALL if wall else _DESK
        self._faces: list[TileFace] = []
        self._current = -1
        self._hover = -1
        self._columns = 1
        self._tile_height = 0
        self._flashing: dict[int, float] = {}
        self._fade = QTimer(self)
        self._fade.setInterval(100)
        self._fade.timeout.connect(self._end_flashes)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view = self.viewport()
        view.setMouseTracking(True)
        view.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.changed.connect(self._relayout)

    # --- what it shows ---

    def set_faces(self, faces: Sequence[TileFace]) -> None:
        """Show these tiles in this order. The choice stays at its index while there is one."""
        self._faces = list(faces)
        self._flashing.clear()
        if self._current >= len(self._faces):
            self._current = -1
        self._hover = -1
        self._relayout()

    def update_face(self, index: int, face: TileFace, *, flash: bool = True) -> None:
        """Replace one tile and repaint only its rectangle. A changed value lightens for 0.6 s unless `flash` is False or this is a wall."""
        before = self._faces[index]
        self._faces[index] = face
        if flash and not self._wall and face.value != before.value and not face.missing:
            self._flashing[index] = time.monotonic() + FLASH_S
            if not self._fade.isActive():
                self._fade.start()
        self._touch(index)

    def in_sight(self, index: int) -> bool:
        """Whether any of the tile's pixels can be seen as it is scrolled now."""
        return self.tile_rect(index).intersects(self.viewport().rect())

    def face(self, index: int) -> TileFace:
        return self._faces[index]

    def count(self) -> int:
        return len(self._faces)

    def face_text(self, index: int) -> str:
        """The tile in words, as a screen reader says it."""
        f = self._faces[index]
        value = DASH if f.missing else f"{f.value} {f.unit}".strip()
        parts = (f.title, value, f.change, f.age, f.quality, f.owner, "◆▲■●"[f.severity - 1] + str(f.severity) if f.severity else "")
        return " · ".join(part for part in parts if part)

    @property
    def current(self) -> int:
        """Index of the chosen tile, or -1."""
        return self._current

    def set_current(self, index: int) -> None:
        """Choose a tile without emitting `chosen`; -1 chooses none. It is scrolled into view."""
        if index == self._current:
            return
        old, self._current = self._current, index
        self._touch(old)
        self._touch(index)
        if 0 <= index < len(self._faces):
            self.setAccessibleDescription(self.face_text(index))
            self._reveal(index)

    # --- where it shows it ---

    def tile_rect(self, index: int) -> QRect:
        """The tile's rectangle in the viewport, as scrolled now."""
        row, column = divmod(index, self._columns)
        gap = self._theme.px(GAP)
        width = self.viewport().width()
        # Edges from the whole width, not a rounded tile width, so that the last column ends at the panel's edge.
        left = round(column * (width + gap) / self._columns)
        right = round((column + 1) * (width + gap) / self._columns) - gap
        top = row * (self._tile_height + gap) - self.verticalScrollBar().value()
        return QRect(left, top, right - left, self._tile_height)

    def index_at(self, point: QPoint) -> int:
        """Index of the tile under a viewport point, or -1."""
        gap = self._theme.px(GAP)
        row = (point.y() + self.verticalScrollBar().value()) // (self._tile_height + gap) if self._tile_height else 0
        column = int(point.x() * self._columns // max(1, self.viewport().width() + gap))
        index = row * self._columns + min(column, self._columns - 1)
        return index if 0 <= index < len(self._faces) and self.tile_rect(index).contains(point) else -1

    def sizeHint(self) -> QSize:
        px = self._theme.px
        return QSize(px(self._style.min_width) * 2 + px(GAP), (px(self._style.height) + px(GAP)) * 3)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(self._style.min_width), self._theme.px(self._style.height))

    def _relayout(self) -> None:
        px, gap = self._theme.px, self._theme.px(GAP)
        view = self.viewport().size()
        fitting = max(1, (view.width() + gap) // (px(self._style.min_width) + gap))
        self._columns = max(1, min(fitting, len(self._faces) or 1))
        rows = -(-len(self._faces) // self._columns)
        height = px(self._style.height)
        if rows and self._style.stretch > 1.0:
            height = max(height, min((view.height() + gap) // rows - gap, round(height * self._style.stretch)))
        self._tile_height = height
        bar = self.verticalScrollBar()
        bar.setPageStep(view.height())
        bar.setSingleStep(height // 2)
        bar.setRange(0, max(0, rows * (height + gap) - gap - view.height()))
        self.viewport().update()

    def _touch(self, index: int) -> None:
        if 0 <= index < len(self._faces):
            self.viewport().update(self.tile_rect(index))

    def _reveal(self, index: int) -> None:
        rect = self.tile_rect(index)
        bar = self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() + 1 - self.viewport().height())

    def _end_flashes(self) -> None:
        now = time.monotonic()
        for index in [i for i, until in self._flashing.items() if until <= now]:
            del self._flashing[index]
            self._touch(index)
        if not self._flashing:
            self._fade.stop()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        dirty = event.rect()
        painter.fillRect(dirty, self._theme.tokens.ground)
        if self._tile_height:
            pitch = self._tile_height + self._theme.px(GAP)
            offset = self.verticalScrollBar().value()
            first = max(0, (dirty.top() + offset) // pitch) * self._columns
            last = min(len(self._faces), ((dirty.bottom() + offset) // pitch + 1) * self._columns)
            for index in range(first, last):
                rect = self.tile_rect(index)
                if rect.intersects(dirty):
                    self._paint_tile(painter, rect, index)
        painter.end()

    def _paint_tile(self, painter: QPainter, rect: QRect, index: int) -> None:
        face = self._faces[index]
        self._paint_ground(painter, rect, index, face)
        pad = self._theme.px(self._style.padding)
        inner = rect.adjusted(pad, self._theme.px(8), -pad, -self._theme.px(8))
        t = self._theme.tokens
        # On a selection or a flash the third ink would fall below 4.5 : 1.
        small_ink = t.ink2 if index == self._current or index in self._flashing else t.ink3
        aside = self._paint_head(painter, inner, face, small_ink)
        foot = self._paint_foot(painter, inner, face, small_ink)
        value_end = self._paint_value(painter, inner, face, small_ink)
        self._paint_line(painter, inner, face, value_end, foot, aside)

    def _paint_ground(self, painter: QPainter, rect: QRect, index: int, face: TileFace) -> None:
        t = self._theme.tokens
        fill, edge = t.panel, t.line
        if index == self._hover:
            fill = t.hover
        if index in self._flashing:
            fill = t.flash
        if face.severity:
            edge = mixed(self._theme.severity(face.severity), t.panel, 0.62)
        painter.fillRect(rect, edge)
        painter.fillRect(rect.adjusted(1, 1, -1, -1), fill)
        if index == self._current:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), t.select)
            painter.fillRect(QRect(rect.left(), rect.top(), self._theme.px(3), rect.height()), t.select_edge)

    def _paint_head(self, painter: QPainter, inner: QRect, face: TileFace, small_ink: QColor) -> bool:
        """Symbol and title on the left, age on the right. True if the age of a broken feed had to go beside its dash, one line down."""
        theme, s = self._theme, self._style
        top, height = inner.top(), theme.px(s.title + 8)
        left, right = inner.left(), inner.right() + 1
        if face.severity:
            side = theme.px(s.symbol)
            pixmap = severity_pixmap(face.severity, side, theme, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(left, top + (height - side) // 2), pixmap)
            left += side + theme.px(8)
        age_width = theme.width(face.age, s.small)
        aside = face.missing and left + theme.width(face.title, s.title) + theme.px(8) + age_width > right
        if face.age:
            painter.setFont(theme.font(s.small))
            painter.setPen(small_ink)
            # The small text stands on the title's baseline, or it seems to float.
            y = theme.baseline(s.small, top + height, height) if aside else theme.baseline(s.title, top, height)
            painter.drawText(QPoint(right - age_width, y), face.age)
        room = right - left - (0 if aside or not face.age else age_width + theme.px(8))
        painter.setFont(theme.font(s.title))
        painter.setPen(theme.tokens.ink2)
        painter.drawText(QPoint(left, theme.baseline(s.title, top, height)), theme.elided(face.title, s.title, room))
        return aside

    def _paint_foot(self, painter: QPainter, inner: QRect, face: TileFace, small_ink: QColor) -> int:
        """Change on the left, owner on the right; where both do not fit, the owner gives way. Returns the line's top."""
        theme, s = self._theme, self._style
        height = theme.px(s.small + 6)
        top, width = inner.bottom() + 1 - height, inner.width()
        y = theme.baseline(s.small, top, height)
        painter.setFont(theme.font(s.small))
        painter.setPen(small_ink)
        words = f"{face.change} · {face.quality}" if face.change and face.quality else face.change or face.quality
        change = theme.elided(words, s.small, width)
        if change:
            painter.drawText(QPoint(inner.left(), y), change)
        owner = theme.elided(face.owner, s.small, width - theme.width(change, s.small) - theme.px(12))
        if len(owner) > 1:
            painter.drawText(QPoint(inner.right() + 1 - theme.width(owner, s.small), y), owner)
        return top

    def _paint_value(self, painter: QPainter, inner: QRect, face: TileFace, small_ink: QColor) -> int:
        """Value and unit on one baseline between head and foot. Returns the x at which they end."""
        theme, s, t = self._theme, self._style, self._theme.tokens
        top = inner.top() + theme.px(s.title + 8)
        foot = inner.bottom() + 1 - theme.px(s.small + 6)
        if face.missing:
            return self._paint_dash(painter, inner.left(), (top + foot) // 2)
        size = s.value
        unit_width = theme.width(face.unit, s.unit) + theme.px(_SMALL_UNIT_GAP) if face.unit else 0
        while size > s.title and theme.width(face.value, size, bold=True) + unit_width > inner.width():
            size -= 2
        cap = theme.metrics(size, bold=True).capHeight()
        baseline = (top + foot + cap) // 2
        painter.setPen(t.ink3 if face.stale else theme.severity(face.severity) if face.severity else t.ink)
        painter.setFont(theme.font(size, bold=True))
        painter.drawText(QPoint(inner.left(), baseline), face.value)
        x = inner.left() + theme.width(face.value, size, bold=True)
        if face.unit:
            painter.setPen(small_ink)
            painter.setFont(theme.font(s.unit))
            painter.drawText(QPoint(x + theme.px(_SMALL_UNIT_GAP), baseline), face.unit)
            x += unit_width
        if face.stale:
            side = theme.px(14)
            _draw_old(painter, QRectF(x + theme.px(6), baseline - cap / 2 - side / 2, side, side), theme)
            x += theme.px(6) + side
        return x

    def _paint_dash(self, painter: QPainter, x: int, y: int) -> int:
        # A drawn bar, not the font's dash: it sits at mid-figure in every face and cannot be taken for a minus.
        width, thick = self._theme.px(self._style.value * 0.8), self._theme.px(3)
        painter.fillRect(QRect(x, y - thick // 2, width, thick), self._theme.tokens.ink3)
        return x + width

    def _paint_line(self, painter: QPainter, inner: QRect, face: TileFace, value_end: int, foot: int, aside: bool) -> None:
        theme, s, t = self._theme, self._style, self._theme.tokens
        if len(face.values) < 2:
            return
        height = theme.px(s.spark_height if not aside else s.spark_height * 0.7)
        right = inner.right() + 1
        left = max(right - theme.px(s.spark_width), value_end + theme.px(12))
        if right - left < theme.px(32):
            return
        rect = QRectF(left, foot - height - theme.px(2), right - left, height)
        colour = theme.severity(face.severity) if face.severity in (1, 2) and not face.stale else t.spark
        # A wider line must be stroked as an area, which costs twice the time; only a wall is seen from far enough to need it.
        width = max(1.0, theme.scale) if self._wall or theme.scale > 1.4 else 1.0
        draw_sparkline(painter, rect, face.values, colour, band=face.band, width=width)

    # --- hands ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._relayout()
        self.scrolled.emit()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(0, dy)
        self.scrolled.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self._current < 0 and self._faces and event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.set_current(0)
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if index >= 0 and event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            self.set_current(index)
            self.chosen.emit(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self.index_at(event.position().toPoint()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self._current
            point = self.viewport().mapToGlobal(self.tile_rect(index).center()) if index >= 0 else event.globalPos()
        else:
            index, point = self.index_at(self.viewport().mapFrom(self, event.pos())), event.globalPos()
        if index >= 0:
            self.menu.emit(index, point)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            index = self.index_at(event.pos())
            tip = self._faces[index].tooltip if index >= 0 else ""
            said = tip if isinstance(tip, str) else tip()
            if said:
                QToolTip.showText(event.globalPos(), as_text(said), self.viewport(), self.tile_rect(index))
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.Leave:
            self._set_hover(-1)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._faces:
            super().keyPressEvent(event)
            return
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._current >= 0:
                self.activated.emit(self._current)
            return
        page = max(1, self.viewport().height() // max(1, self._tile_height)) * self._columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self._faces),
            Qt.Key.Key_End: len(self._faces),
        }
        step = steps.get(Qt.Key(key))
        if step is None:
            super().keyPressEvent(event)
            return
        target = min(len(self._faces) - 1, max(0, self._current + step)) if self._current >= 0 else 0
        if target != self._current:
            self.set_current(target)
            self.chosen.emit(target)

    def _set_hover(self, index: int) -> None:
        if index != self._hover:
            old, self._hover = self._hover, index
            self._touch(old)
            self._touch(index)


def _draw_old(painter: QPainter, rect: QRectF, theme: Theme) -> None:
    """A struck clock: this value is old."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(theme.tokens.ink3, max(1.0, 1.4 * theme.scale), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    c, r = rect.center(), rect.width() * 0.42
    painter.drawEllipse(c, r, r)
    painter.drawLine(c, c + QPointF(0, -r * 0.6))
    painter.drawLine(c, c + QPointF(r * 0.45, 0))
    painter.drawLine(rect.bottomLeft(), rect.topRight())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
