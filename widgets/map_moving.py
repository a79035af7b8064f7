"""What moves or changes on a map: alert markers, units, routes and radii. Drawn every frame over the cached ground, as sprites."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from widgets.map_shapes import draw_haloed, swatch
from widgets.map_view import Hit, MapView
from widgets.mercator import to_unit, unit_of
from widgets.polyline import Bools, Floats, Ints, polygon
from widgets.severity import severity_path, severity_pixmap
from widgets.sprites import blank
from widgets.theme import Theme
from widgets.tokens import mixed

HEADINGS = 16
_SYMBOL = 24
_ARROW = 24
_FAR_ZOOM = 10.6
"""Below it a whole city's units would cover the map: those that are free or busy are dots, and only those under way keep their arrows."""


@dataclass(frozen=True)
class Marker:
    """One alert on the map. `callout` shows its label beside it even when it is not selected (as a wall does)."""

    key: object
    lon: float
    lat: float
    severity: int
    label: str = ""
    acknowledged: bool = False
    selected: bool = False
    callout: bool = False


class MarkerLayer:
    """Alerts as severity symbols, the most severe on top. Those on one spot are one symbol with "+n" beside it.

    `set_phase` (0…1) lets unacknowledged ◆ breathe: a ring grows and fades. Leave it alone and nothing moves.
    """

    static = False

    def __init__(self, theme: Theme, *, name: str = "alerts", captions: Sequence[str] = ("", "", "", "")) -> None:
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = tuple(captions)
        self._markers: list[Marker] = []
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)
        self._rank: Floats = np.empty(0)
        self._phase = 0.0
        self._shown: list[tuple[float, float, int, int]] = []

    def set_markers(self, markers: Sequence[Marker]) -> None:
        """Replace all. Then `view.refresh(layer)`."""
        self._markers = list(markers)
        self._x, self._y = to_unit(np.array([m.lon for m in markers], np.float64), np.array([m.lat for m in markers], np.float64))
        # The selected first, then by severity, the unacknowledged before the acknowledged.
        self._rank = np.array([-1.0 if m.selected else m.severity + 0.5 * m.acknowledged for m in markers], np.float64)

    @property
    def pulsing(self) -> bool:
        """Whether anything here would breathe: an unacknowledged severity 1."""
        return any(m.severity == 1 and not m.acknowledged for m in self._markers)

    def set_phase(self, phase: float) -> None:
        """Where in its breath an unacknowledged ◆ is, 0…1; 0 shows no ring. Then `view.update()`."""
        self._phase = phase

    def draw(self, painter: QPainter, view: MapView) -> None:
        self._shown = self._fold(view)
        dpr = view.devicePixelRatioF()
        size = self._theme.px(_SYMBOL)
        # Bottom up: what matters most is painted last.
        for x, y, index, count in reversed(self._shown):
            self._draw_marker(painter, QPointF(round(x), round(y)), self._markers[index], count, size, dpr)
        for x, y, index, _ in reversed(self._shown):
            marker = self._markers[index]
            if marker.label and (marker.selected or marker.callout):
                _draw_callout(painter, QPointF(round(x) + size // 2 + self._theme.px(4), round(y)), marker, self._theme, view.frame)

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        reach = self._theme.px(_SYMBOL) / 2
        for x, y, index, count in self._fold(view):
            if abs(x - point.x()) <= reach and abs(y - point.y()) <= reach:
                return Hit(self.name, index, self._markers[index].key, count)
        return None

    def members(self, view: MapView, index: int) -> list[object]:
        """Keys of the markers folded into the symbol of `index`, itself first."""
        cells = self._cells(view)
        same = np.flatnonzero(cells == cells[index])
        ordered = same[np.argsort(self._rank[same], kind="stable")]
        return [self._markers[int(i)].key for i in ordered]

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        side = self._theme.px(16)
        return [(severity_pixmap(s, side, self._theme, dpr), words) for s, words in enumerate(self._captions, start=1) if words]

    def _cells(self, view: MapView) -> Ints:
        # Fixed to the ground, as for points: a symbol must not change its company while the map is dragged.
        cell = self._theme.px(16) / (256.0 * 2.0 ** math.floor(view.zoom + 0.5))
        return np.floor(self._x / cell).astype(np.int64) * (1 << 31) + np.floor(self._y / cell).astype(np.int64)

    def _fold(self, view: MapView) -> list[tuple[float, float, int, int]]:
        """(x, y, index, how many) of each symbol in view, what matters most first."""
        if not self._markers:
            return []
        x, y = view.unit_to_screen(self._x, self._y)
        frame = view.frame.adjusted(-_SYMBOL, -_SYMBOL, _SYMBOL, _SYMBOL)
        inside = np.flatnonzero((x >= frame.left()) & (x <= frame.right()) & (y >= frame.top()) & (y <= frame.bottom()))
        if not len(inside):
            return []
        ordered = inside[np.argsort(self._rank[inside], kind="stable")]
        _, first, counts = np.unique(self._cells(view)[ordered], return_index=True, return_counts=True)
        kept = np.argsort(first)
        return [(float(x[i]), float(y[i]), int(i), int(n)) for i, n in zip(ordered[first[kept]], counts[kept], strict=True)]

    def _draw_marker(self, painter: QPainter, at: QPointF, marker: Marker, count: int, size: int, dpr: float) -> None:
        theme, t = self._theme, self._theme.tokens
        calm = marker.acknowledged and not marker.selected
        if marker.severity == 1 and not marker.acknowledged and self._phase > 0.0:
            ring = QColor(theme.severity(1))
            ring.setAlphaF(0.7 * (1.0 - self._phase))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ring, 2.0))
            radius = size * (0.5 + 0.5 * self._phase)
            painter.drawEllipse(at, radius, radius)
        if marker.selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(QPen(t.select_edge, 2.0))
            painter.setBrush(t.select)
            painter.drawEllipse(at, size * 0.72, size * 0.72)
        painter.drawPixmap(QPointF(at.x() - size // 2, at.y() - size // 2), _marker_pixmap(theme, marker.severity, size, dpr, calm))
        if count > 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            baseline = QPointF(at.x() + size // 2 + 1, at.y() - size // 2 + theme.px(8))
            draw_haloed(painter, baseline, f"+{count - 1}", theme, t.ink2, t.land, dpr, size=12)


def _marker_pixmap(theme: Theme, severity: int, size: int, dpr: float, dim: bool) -> QPixmap:
    """The symbol on a thin edge of ground, so that it stands clear of lines and of its neighbours."""

    def make() -> QPixmap:
        pixmap = blank(size, size, dpr)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        inner = QRectF(1.5, 1.5, size - 3, size - 3)
        edge = QPen(theme.tokens.sea, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(severity_path(inner, severity), edge)
        symbol = severity_pixmap(severity, size - 3, theme, dpr, dim=dim)
        painter.drawPixmap(QPointF(1.5, 1.5), symbol)
        painter.end()
        return pixmap

    return theme.sprite(("marker", severity, size, dpr, dim), make)


def _draw_callout(painter: QPainter, left_middle: QPointF, marker: Marker, theme: Theme, frame: QRectF) -> None:
    t = theme.tokens
    metrics = theme.metrics(14)
    width, height = metrics.horizontalAdvance(marker.label) + theme.px(20), theme.px(28)
    x = left_middle.x()
    if x + width > frame.right():
        x = left_middle.x() - width - theme.px(_SYMBOL + 8)
    box = QRectF(x, round(left_middle.y() - height / 2), width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.fillRect(box, mixed(theme.severity(marker.severity), t.panel, 0.6))
    painter.fillRect(box.adjusted(1, 1, -1, -1), t.panel)
    painter.setFont(theme.font(14))
    painter.setPen(t.ink)
    painter.drawText(box.adjusted(theme.px(10), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, marker.label)


class UnitState(IntEnum):
    """How a unit is drawn: free ones plainly, those on their way in the route's blue, busy ones dim, silent ones hollow."""

    FREE = 0
    MOVING = 1
    BUSY = 2
    LOST = 3


class UnitLayer:
    """Moving units as arrows, from columns; one sprite a heading (of 16), state and light. A NaN heading is a disc."""

    static = False

    def __init__(self, theme: Theme, *, name: str = "units", captions: Sequence[str] = ("", "", "", "")) -> None:
        """`captions`: the legend's words for each UnitState; an empty one leaves that entry out."""
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = tuple(captions)
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)
        self._sprite: Ints = np.empty(0, np.int64)
        self._keys: Sequence[object] | None = None
        self._selected = -1
        self._label = ""

    def set_units(self, lon: ArrayLike, lat: ArrayLike, heading: ArrayLike, state: ArrayLike, keys: Sequence[object] | None = None) -> None:
        """Replace all: degrees, degrees clockwise from north (NaN: unknown), UnitState numbers, keys. Then `view.refresh(layer)`."""
        self._x, self._y = to_unit(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        course = np.asarray(heading, np.float64)
        known = np.isfinite(course)
        sector = np.where(known, np.rint(np.where(known, course, 0.0) / (360.0 / HEADINGS)) % HEADINGS, HEADINGS).astype(np.int64)
        self._sprite = np.asarray(state, np.int64) * (HEADINGS + 1) + sector
        self._keys = keys

    def set_selected(self, index: int, label: str = "") -> None:
        """The unit with a ring and its label beside it; -1 for none."""
        self._selected, self._label = index, label

    def __len__(self) -> int:
        return len(self._x)

    def draw(self, painter: QPainter, view: MapView) -> None:
        x, y = view.unit_to_screen(self._x, self._y)
        dpr = view.devicePixelRatioF()
        side = self._theme.px(_ARROW)
        seen = np.flatnonzero(_inside(x, y, view.frame, side))
        # One list of whole numbers a column: converting scalar by scalar costs more than the drawing.
        left, top = np.round(x[seen] - side / 2).tolist(), np.round(y[seen] - side / 2).tolist()
        sprites = self._sprite[seen]
        if view.zoom < _FAR_ZOOM:
            under_way = sprites // (HEADINGS + 1) == UnitState.MOVING
            sprites = np.where(under_way, sprites, -1 - sprites // (HEADINGS + 1))
        pixmaps = {int(n): self._arrow(int(n), dpr) if n >= 0 else self._dot(int(-1 - n), dpr) for n in np.unique(sprites)}
        draw = painter.drawPixmap
        for px, py, n in zip(left, top, sprites.tolist(), strict=True):
            draw(QPointF(px, py), pixmaps[n])
        if 0 <= self._selected < len(self._x):
            self._draw_selected(painter, QPointF(float(x[self._selected]), float(y[self._selected])), side, dpr)

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        if not len(self._x):
            return None
        x, y = view.unit_to_screen(self._x, self._y)
        away = np.hypot(x - point.x(), y - point.y())
        index = int(away.argmin())
        if float(away[index]) > self._theme.px(_ARROW) / 2:
            return None
        return Hit(self.name, index, self._keys[index] if self._keys is not None else index)

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        return [(self._arrow(int(s) * (HEADINGS + 1) + 1, dpr), self._captions[s]) for s in UnitState if self._captions[s]]

    def _draw_selected(self, painter: QPainter, at: QPointF, side: int, dpr: float) -> None:
        theme, t = self._theme, self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(t.select_edge, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, side * 0.6, side * 0.6)
        if self._label:
            baseline = QPointF(round(at.x() + side * 0.7), round(at.y() + theme.metrics(13).capHeight() / 2))
            draw_haloed(painter, baseline, self._label, theme, t.ink, t.land, dpr)

    def _dot(self, state: int, dpr: float) -> QPixmap:
        theme = self._theme

        def make() -> QPixmap:
            side = theme.px(_ARROW)
            pixmap = blank(side, side, dpr)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(QPen(theme.tokens.sea, 1.0))
            painter.setBrush(mixed(_unit_colour(theme, state), theme.tokens.land, 0.75))
            painter.drawEllipse(QPointF(side / 2, side / 2), side * 0.11, side * 0.11)
            painter.end()
            return pixmap

        return theme.sprite(("unit dot", state, dpr), make)

    def _arrow(self, number: int, dpr: float) -> QPixmap:
        theme = self._theme

        def make() -> QPixmap:
            state, sector = divmod(number, HEADINGS + 1)
            side = theme.px(_ARROW)
            pixmap = blank(side, side, dpr)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.translate(side / 2, side / 2)
            painter.scale(side / 24, side / 24)
            shape = _arrow_path(sector)
            colour = _unit_colour(theme, state)
            painter.strokePath(shape, QPen(theme.tokens.sea, 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
            if state == UnitState.LOST:
                painter.strokePath(shape, QPen(colour, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
            else:
                painter.fillPath(shape, colour)
            painter.end()
            return pixmap

        return theme.sprite(("unit", number, dpr), make)


def _arrow_path(sector: int) -> QPainterPath:
    path = QPainterPath()
    if sector == HEADINGS:
        path.addEllipse(QPointF(0, 0), 5.0, 5.0)
        return path
    angle = math.radians(sector * 360.0 / HEADINGS)
    sin, cos = math.sin(angle), math.cos(angle)
    corners = ((0.0, -8.5), (6.0, 7.5), (0.0, 4.0), (-6.0, 7.5))
    path.addPolygon(QPolygonF([QPointF(x * cos - y * sin, x * sin + y * cos) for x, y in corners]))
    path.closeSubpath()
    return path


def _unit_colour(theme: Theme, state: int) -> QColor:
    t = theme.tokens
    return {UnitState.FREE: t.ink, UnitState.MOVING: t.select_edge, UnitState.BUSY: t.ink3}.get(UnitState(state), t.ink3)


@dataclass(frozen=True, eq=False)
class MapPath:
    """A route: degrees, oldest or nearest first. `severity` 0 takes the route's blue."""

    lon: Floats
    lat: Floats
    severity: int = 0
    dashed: bool = False
    width: float = 2.5
    label: str = ""


@dataclass(frozen=True)
class MapCircle:
    """A radius on the ground, in metres. `severity` 0 takes the route's blue."""

    lon: float
    lat: float
    radius_m: float
    severity: int = 0
    dashed: bool = True
    label: str = ""


class PathLayer:
    """Routes and radii: evacuation, cordon, the way of a unit to its case."""

    static = False

    def __init__(self, theme: Theme, *, name: str = "paths", route_caption: str = "", radius_caption: str = "") -> None:
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = (route_caption, radius_caption)
        self._paths: list[tuple[MapPath, Floats, Floats]] = []
        self._circles: list[MapCircle] = []

    def set_paths(self, paths: Sequence[MapPath]) -> None:
        """Replace all routes. Then `view.refresh(layer)`."""
        self._paths = [(path, *to_unit(np.asarray(path.lon, np.float64), np.asarray(path.lat, np.float64))) for path in paths]

    def set_circles(self, circles: Sequence[MapCircle]) -> None:
        """Replace all radii. Then `view.refresh(layer)`."""
        self._circles = list(circles)

    def draw(self, painter: QPainter, view: MapView) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for path, ux, uy in self._paths:
            x, y = view.unit_to_screen(ux, uy)
            painter.setPen(self._pen(path.severity, path.width, path.dashed))
            painter.drawPolyline(polygon(x, y))
            if path.label:
                self._draw_label(painter, QPointF(float(x[-1]), float(y[-1])), path.label, view.devicePixelRatioF())
        for circle in self._circles:
            left, top, _, _ = view.unit_frame()
            ux, uy = unit_of(circle.lon, circle.lat)
            middle = QPointF((ux - left) * view.scale, (uy - top) * view.scale)
            radius = circle.radius_m * view.pixels_per_metre(circle.lat)
            painter.setPen(self._pen(circle.severity, 1.5, circle.dashed))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, radius, radius)
            if circle.label:
                self._draw_label(painter, middle + QPointF(radius * 0.72, -radius * 0.72), circle.label, view.devicePixelRatioF())

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        return None

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        def route(painter: QPainter, rect: QRectF) -> None:
            painter.setPen(self._pen(0, 2.5, False))
            painter.drawLine(rect.bottomLeft() + QPointF(2, -3), rect.topRight() + QPointF(-2, 3))

        def radius(painter: QPainter, rect: QRectF) -> None:
            painter.setPen(self._pen(1, 1.5, True))
            painter.drawEllipse(rect.adjusted(2, 2, -2, -2))

        drawings = ((self._captions[0], route), (self._captions[1], radius))
        return [(swatch(self._theme, dpr, draw), words) for words, draw in drawings if words]

    def _pen(self, severity: int, width: float, dashed: bool) -> QPen:
        colour = self._theme.severity(severity) if severity else self._theme.tokens.select_edge
        pen = QPen(colour, width * self._theme.scale, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
        if dashed:
            pen.setDashPattern([4.0, 3.0])
        return pen

    def _draw_label(self, painter: QPainter, at: QPointF, words: str, dpr: float) -> None:
        theme, t = self._theme, self._theme.tokens
        baseline = QPointF(round(at.x() + theme.px(8)), round(at.y() - theme.px(4)))
        draw_haloed(painter, baseline, words, theme, t.ink, t.land, dpr)


def _inside(x: Floats, y: Floats, frame: QRectF, margin: float) -> Bools:
    return (x >= frame.left() - margin) & (x <= frame.right() + margin) & (y >= frame.top() - margin) & (y <= frame.bottom() + margin)
