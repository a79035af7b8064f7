"""A map that one can work on: it moves only when a person moves it, and moving things cost no redrawing of the land.

The view knows projection, hands and caching; layers know what to draw (map_layers). It fetches nothing: no tiles, no network.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from widgets.mercator import degrees_of, metres_per_unit, to_unit, unit_of
from widgets.polyline import Floats
from widgets.theme import Theme

MIN_ZOOM = 3.0
MAX_ZOOM = 20.0
WHEEL_STEP = 0.5
_REST_MS = 140
_QUICK_BASE_MS = 14.0
_MOST_STRETCH = 2.0
_MARGIN = 0.25
_DRAG_PX = 4
_PICK_PX = 10


@dataclass(frozen=True)
class Hit:
    """What was found under the pointer: the layer's name, the thing's index in it and its owner's key for it."""

    layer: str
    index: int
    key: object = None
    count: int = 1
    """More than 1 for a cluster; `index` is then its first member."""


class Layer(Protocol):
    """What a MapView draws, lowest first. A static layer is drawn into the cached base and must ask for `refresh_base` when it changes."""

    name: str
    static: bool
    visible: bool

    def draw(self, painter: QPainter, view: MapView) -> None:
        """Draw what is within `view.frame`. The painter is the layer's own: no need to restore it. Called on the GUI thread."""
        ...

    def pick(self, view: MapView, point: QPointF) -> object | None:
        """What of this layer is under a point of the widget, or None."""
        ...


@runtime_checkable
class Labelled(Protocol):
    """A static layer whose words are placed after everything static is drawn, so that they can keep clear of it."""

    def draw_labels(self, painter: QPainter, view: MapView) -> None:
        """Draw words where `view.taken` leaves room, and add their boxes to it."""
        ...


class MapView(QWidget):
    """Web Mercator in a widget.

    `picked(object, global point)`: a click, with None for bare ground. `hovered(object)`: what is under the pointer has changed.
    `moved()`: the view has changed. `context(lon, lat, object, global point)`: a right click.
    `locked` is true from the first time a person moves the map until `unlock`: programs then cannot move it without `force`.
    """

    picked = Signal(object, QPoint)
    hovered = Signal(object)
    moved = Signal()
    lock_changed = Signal(bool)
    context = Signal(float, float, object, QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, readout: bool = True) -> None:
        """`readout` False leaves out the scale bar and the position in the corner, as on a wall."""
        super().__init__(parent)
        self._theme = theme
        self._readout = readout
        self._layers: list[Layer] = []
        self._x, self._y = unit_of(120.35, 36.3)
        self._zoom = 9.0
        self._bounds: tuple[float, float, float, float] | None = None
        self._fitted = True
        self._locked = False
        self._base: QPixmap | None = None
        self._base_x = self._base_y = self._base_scale = 0.0
        self._base_ms = 0.0
        self._frame = QRectF()
        self.taken: list[QRectF] = []
        """While the base is drawn: boxes, in the coordinates of `to_screen`, that words must keep clear of. Layers add theirs."""
        self._press: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._under: object | None = None
        self._pointer: QPointF | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.refresh_base)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.changed.connect(self.refresh_base)

    # --- layers ---

    @property
    def theme(self) -> Theme:
        return self._theme

    def add_layer(self, layer: Layer) -> None:
        """Put a layer on top of those there are. Static layers are all drawn below the moving ones."""
        self._layers.append(layer)
        self._layer_changed(layer)

    def remove_layer(self, layer: Layer) -> None:
        self._layers.remove(layer)
        self._layer_changed(layer)

    def layers(self) -> tuple[Layer, ...]:
        return tuple(self._layers)

    def set_layer_visible(self, layer: Layer, visible: bool) -> None:
        if layer.visible != visible:
            layer.visible = visible
            self._layer_changed(layer)

    def refresh(self, layer: Layer) -> None:
        """Call after a layer's content has changed: repaints, and redraws the base if the layer is static."""
        self._layer_changed(layer)

    def refresh_base(self) -> None:
        """Drop the cached static layers; they are drawn anew at the next paint."""
        self._base = None
        self.update()

    def _layer_changed(self, layer: Layer) -> None:
        if layer.static:
            self.refresh_base()
        else:
            self.update()

    # --- where it looks ---

    @property
    def zoom(self) -> float:
        return self._zoom

    @property
    def scale(self) -> float:
        """Logical pixels that the unit square's side spans."""
        return 256.0 * 2.0**self._zoom

    @property
    def locked(self) -> bool:
        return self._locked

    def lock(self) -> None:
        """Hold the view where it is."""
        if not self._locked:
            self._locked = True
            self.lock_changed.emit(True)

    def unlock(self) -> None:
        """Let programs move the view again."""
        if self._locked:
            self._locked = False
            self.lock_changed.emit(False)

    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        return degrees_of(self._x, self._y)

    def set_bounds(self, west: float, south: float, east: float, north: float) -> None:
        """The home view in degrees, shown at once unless the person has moved the map."""
        self._bounds = (west, south, east, north)
        if not self._locked:
            self._show_bounds()

    def fit(self, *, force: bool = False) -> bool:
        """Show the whole of the bounds. False, and nothing moves, while the person holds the view."""
        if self._locked and not force:
            return False
        self._show_bounds()
        return True

    def go_to(self, lon: float, lat: float, zoom: float | None = None, force: bool = False) -> bool:
        """Centre on a position. False, and nothing moves, while the person holds the view and `force` is not given."""
        if self._locked and not force:
            return False
        self._fitted = False
        x, y = unit_of(lon, lat)
        self._jump(x, y, self._zoom if zoom is None else zoom)
        return True

    def to_screen(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Widget coordinates of WGS-84 degrees; while a layer draws, those of what it draws on."""
        return self.unit_to_screen(*to_unit(lon, lat))

    def unit_to_screen(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """`to_screen` for positions already in the unit square: layers project once and keep that."""
        s = self.scale
        return (x - self._x) * s + self._frame_middle_x(), (y - self._y) * s + self._frame_middle_y()

    def point_of(self, lon: float, lat: float) -> QPointF:
        """`to_screen` of one position."""
        x, y = unit_of(lon, lat)
        s = self.scale
        return QPointF((x - self._x) * s + self._frame_middle_x(), (y - self._y) * s + self._frame_middle_y())

    def to_lonlat(self, point: QPointF) -> tuple[float, float]:
        """Longitude and latitude of a point of the widget."""
        s = self.scale
        return degrees_of(self._x + (point.x() - self._frame_middle_x()) / s, self._y + (point.y() - self._frame_middle_y()) / s)

    def pixels_per_metre(self, lat: float) -> float:
        return self.scale / metres_per_unit(lat)

    @property
    def frame(self) -> QRectF:
        """The rectangle being drawn, in the coordinates of `to_screen`: the widget, or the larger base while that is drawn."""
        return self._frame if self._frame.isValid() else QRectF(self.rect())

    def unit_frame(self) -> tuple[float, float, float, float]:
        """`frame` in the unit square: left, top, right, bottom."""
        s = self.scale
        half_w, half_h = self.frame.width() / 2 / s, self.frame.height() / 2 / s
        return self._x - half_w, self._y - half_h, self._x + half_w, self._y + half_h

    def _frame_middle_x(self) -> float:
        return self._frame.width() / 2 if self._frame.isValid() else self.width() / 2

    def _frame_middle_y(self) -> float:
        return self._frame.height() / 2 if self._frame.isValid() else self.height() / 2

    def _show_bounds(self) -> None:
        if self._bounds is None:
            return
        west, south, east, north = self._bounds
        left, top = unit_of(west, north)
        right, bottom = unit_of(east, south)
        room = 0.94
        scale = min(self.width() * room / max(1e-12, right - left), self.height() * room / max(1e-12, bottom - top))
        self._fitted = True
        self._jump((left + right) / 2, (top + bottom) / 2, math.log2(max(1.0, scale) / 256.0))

    def _jump(self, x: float, y: float, zoom: float) -> None:
        # The stretched base bridges the steps of a wheel; a jump would show nothing but its coarse pixels.
        if zoom != self._zoom:
            self._base = None
        self._set_view(x, y, zoom)

    def _set_view(self, x: float, y: float, zoom: float) -> None:
        zoom = min(MAX_ZOOM, max(MIN_ZOOM, zoom))
        x, y = min(1.0, max(0.0, x)), min(1.0, max(0.0, y))
        if (x, y, zoom) == (self._x, self._y, self._zoom):
            return
        self._x, self._y, self._zoom = x, y, zoom
        self.update()
        self.moved.emit()

    def _move_by_person(self, x: float, y: float, zoom: float) -> None:
        self._fitted = False
        self.lock()
        self._set_view(x, y, zoom)

    def zoom_by(self, step: float, about: QPointF | None = None) -> None:
        """What a person's wheel, key or button does: zoom by `step` levels about a point of the widget that stays in place."""
        about = about if about is not None else QPointF(self.width() / 2, self.height() / 2)
        zoom = min(MAX_ZOOM, max(MIN_ZOOM, self._zoom + step))
        dx, dy = about.x() - self.width() / 2, about.y() - self.height() / 2
        before, after = self.scale, 256.0 * 2.0**zoom
        self._move_by_person(self._x + dx / before - dx / after, self._y + dy / before - dy / after, zoom)

    def pan_by(self, dx: float, dy: float) -> None:
        """What a person's drag or arrow key does: the ground moves by (dx, dy) pixels."""
        self._move_by_person(self._x - dx / self.scale, self._y - dy / self.scale, self._zoom)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._base_fits():
            self._draw_base()
        self._blit_base(painter)
        for layer in self._layers:
            if layer.visible and not layer.static:
                painter.save()
                layer.draw(painter, self)
                painter.restore()
        if self._readout:
            self._draw_scale_bar(painter)
            self._draw_where(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(self._theme.tokens.action_edge)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _margins(self) -> tuple[int, int]:
        return round(self.width() * _MARGIN), round(self.height() * _MARGIN)

    def _base_fits(self) -> bool:
        """Whether the cached base can serve this view: exactly, shifted within its margin, or stretched until the wheel rests."""
        if self._base is None or self._base.devicePixelRatio() != self.devicePixelRatioF():
            return False
        if self._base_scale != self.scale:
            if self._base_ms < _QUICK_BASE_MS or not 1 / _MOST_STRETCH <= self.scale / self._base_scale <= _MOST_STRETCH:
                return False
            self._rest.start()
            return True
        dx, dy = abs(self._x - self._base_x) * self.scale, abs(self._y - self._base_y) * self.scale
        margin_x, margin_y = self._margins()
        if dx > margin_x / 2 or dy > margin_y / 2:
            self._rest.start()
        return dx <= margin_x and dy <= margin_y

    def _draw_base(self) -> None:
        started = time.perf_counter()
        ratio = self.devicePixelRatioF()
        margin_x, margin_y = self._margins()
        size = QSize(self.width() + 2 * margin_x, self.height() + 2 * margin_y)
        pixels = QSize(round(size.width() * ratio), round(size.height() * ratio))
        base = self._base if self._base is not None and self._base.size() == pixels else QPixmap(pixels)
        base.setDevicePixelRatio(ratio)
        base.fill(self._theme.tokens.sea)
        self._frame = QRectF(0, 0, size.width(), size.height())
        painter = QPainter(base)
        self.taken = []
        drawn = [layer for layer in self._layers if layer.visible and layer.static]
        for layer in drawn:
            painter.save()
            layer.draw(painter, self)
            painter.restore()
        for layer in drawn:
            if isinstance(layer, Labelled):
                layer.draw_labels(painter, self)
        painter.end()
        self._frame = QRectF()
        self._base, self._base_x, self._base_y, self._base_scale = base, self._x, self._y, self.scale
        self._base_ms = (time.perf_counter() - started) * 1000.0

    def _blit_base(self, painter: QPainter) -> None:
        base = self._base
        if base is None:
            return
        margin_x, margin_y = self._margins()
        factor = self.scale / self._base_scale
        shift_x = (self._base_x - self._x) * self.scale
        shift_y = (self._base_y - self._y) * self.scale
        if factor == 1.0:
            ratio = self.devicePixelRatioF()
            # Whole device pixels, or the cached text and hairlines would blur while the map is dragged.
            painter.drawPixmap(QPointF(round((shift_x - margin_x) * ratio) / ratio, round((shift_y - margin_y) * ratio) / ratio), base)
            return
        painter.fillRect(self.rect(), self._theme.tokens.sea)
        width, height = (self.width() + 2 * margin_x) * factor, (self.height() + 2 * margin_y) * factor
        target = QRectF(self.width() / 2 + shift_x - width / 2, self.height() / 2 + shift_y - height / 2, width, height)
        painter.drawPixmap(target, base, QRectF(base.rect()))

    def _draw_scale_bar(self, painter: QPainter) -> None:
        theme, t = self._theme, self._theme.tokens
        _, lat = self.centre()
        per_metre = self.pixels_per_metre(lat)
        metres = _round_length(theme.px(120) / per_metre)
        width = round(metres * per_metre)
        x, y = theme.px(12), self.height() - theme.px(12)
        words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for rect in (QRect(x, y - 1, width, 1), QRect(x, y - theme.px(5), 1, theme.px(5)), QRect(x + width - 1, y - theme.px(5), 1, theme.px(5))):
            painter.fillRect(rect, t.ink3)
        painter.setFont(theme.font(12))
        painter.setPen(t.ink3)
        painter.drawText(QPoint(x + theme.px(6), y - theme.px(6)), words)

    def _where_rect(self) -> QRect:
        theme = self._theme
        width = theme.metrics(12).horizontalAdvance("-000.00000  -00.00000") + theme.px(4)
        return QRect(self.width() - width - theme.px(12), self.height() - theme.px(28), width, theme.px(18))

    def _draw_where(self, painter: QPainter) -> None:
        if self._pointer is None:
            return
        lon, lat = self.to_lonlat(self._pointer)
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.tokens.ink3)
        painter.drawText(self._where_rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{lon:.5f}  {lat:.5f}")

    # --- hands ---

    def pick(self, point: QPointF) -> object | None:
        """The topmost thing under a point of the widget, or None."""
        bottom_up = sorted(self._layers, key=lambda layer: not layer.static)
        for layer in reversed(bottom_up):
            if layer.visible:
                found = layer.pick(self, point)
                if found is not None:
                    return found
        return None

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(640), self._theme.px(400))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self._theme.px(90))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._base = None
        if self._fitted:
            self._show_bounds()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = self._last = event.position()
            self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        self._pointer = point
        if self._press is not None:
            away = point - self._press
            if not self._dragging and max(abs(away.x()), abs(away.y())) >= _DRAG_PX:
                self._dragging = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
            if self._dragging:
                step = point - self._last
                self._last = point
                self.pan_by(step.x(), step.y())
            return
        under = self.pick(point)
        if under != self._under:
            self._under = under
            self.setCursor(Qt.CursorShape.PointingHandCursor if under is not None else Qt.CursorShape.ArrowCursor)
            self.hovered.emit(under)
        if self._readout:
            self.update(self._where_rect())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None or event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        self._press = None
        if self._dragging:
            self._dragging = False
            self.unsetCursor()
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(self.pick(event.position()), event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.zoom_by(1.0, event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y()
        if turn:
            self.zoom_by(turn / 120.0 * WHEEL_STEP, event.position())
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        point = QPointF(event.pos())
        lon, lat = self.to_lonlat(point)
        self.context.emit(lon, lat, self.pick(point), event.globalPos())

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        if self._under is not None:
            self._under = None
            self.hovered.emit(None)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        step = min(self.width(), self.height()) * 0.2
        pans = {
            Qt.Key.Key_Left: (step, 0.0),
            Qt.Key.Key_Right: (-step, 0.0),
            Qt.Key.Key_Up: (0.0, step),
            Qt.Key.Key_Down: (0.0, -step),
        }
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(WHEEL_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(-WHEEL_STEP)
        elif key == Qt.Key.Key_Home:
            self.fit(force=True)
        elif Qt.Key(key) in pans:
            self.pan_by(*pans[Qt.Key(key)])
        else:
            super().keyPressEvent(event)


def _round_length(metres: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not longer than `metres`."""
    power = 10.0 ** math.floor(math.log10(max(metres, 1e-9)))
    return next((power * n for n in (5, 2) if power * n <= metres), power)
