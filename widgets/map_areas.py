"""The ground of a map: areas, coast lines and warning areas. All are static: drawn once a view, into the view's base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap, QTransform

from widgets.map_shapes import Ring, draw_haloed, inner_point, outline, swatch
from widgets.map_view import Hit, MapView
from widgets.mercator import unit_of
from widgets.polyline import Floats
from widgets.severity import draw_severity
from widgets.sprites import blank
from widgets.theme import Theme
from widgets.tokens import mixed


class PolygonLayer:
    """Named areas with borders, filled like land or each in a colour of its own (a choropleth). A click finds the area."""

    static = True

    def __init__(
        self,
        theme: Theme,
        rings: Sequence[Sequence[Floats]],
        labels: Sequence[str],
        *,
        name: str = "areas",
        keys: Sequence[object] | None = None,
        caption: str = "",
        label_size: int = 13,
        pickable: bool = True,
    ) -> None:
        """`rings[i]`: the rings of area i, each of shape (n, 2), degrees; a ring inside another is a hole. `caption` names the legend."""
        self.name = name
        self.visible = True
        self._theme = theme
        self._rings = [[Ring.of(ring) for ring in area if len(ring) > 2] for area in rings]
        self._labels = list(labels)
        self._keys = list(keys) if keys is not None else None
        self._caption = caption
        self._label_size = label_size
        self._pickable = pickable
        self._anchors = [inner_point(area) if area else (0.0, 0.0) for area in self._rings]
        self._by_size = sorted(range(len(self._rings)), key=lambda i: -sum(abs(r.area()) for r in self._rings[i]))
        self._fills: list[QColor | None] = [None] * len(self._rings)
        self._selected = -1
        self._ramp: list[tuple[QColor, str]] = []

    def set_fills(self, fills: Sequence[QColor | None], ramp: Sequence[tuple[QColor, str]] = ()) -> None:
        """A colour an area; None is plain land. `ramp` explains them in the legend. Then `view.refresh(layer)`."""
        self._fills = list(fills)
        self._ramp = list(ramp)

    def set_labels(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)

    def set_selected(self, index: int) -> None:
        """The area drawn with a selection's edge; -1 for none."""
        self._selected = index

    def draw(self, painter: QPainter, view: MapView) -> None:
        t = self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        chosen = QPainterPath()
        for index, rings in enumerate(self._rings):
            path = outline(rings, view)
            if path.isEmpty():
                continue
            painter.setPen(QPen(t.border, 1.0))
            painter.setBrush(self._fills[index] or t.land)
            painter.drawPath(path)
            if index == self._selected:
                chosen = path
        if not chosen.isEmpty():
            painter.strokePath(chosen, QPen(t.select_edge, 2.0))

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        if not self._pickable:
            return None
        x, y = unit_of(*view.to_lonlat(point))
        for index, rings in enumerate(self._rings):
            if sum(ring.holds(x, y) for ring in rings) % 2:
                return Hit(self.name, index, self._keys[index] if self._keys is not None else index)
        return None

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        rows = self._ramp or ([(self._theme.tokens.land, self._caption)] if self._caption else [])
        return [(self._swatch(colour, dpr), words) for colour, words in rows]

    def _swatch(self, colour: QColor, dpr: float) -> QPixmap:
        def square(painter: QPainter, rect: QRectF) -> None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.fillRect(rect.adjusted(2, 2, -2, -2), self._theme.tokens.border)
            painter.fillRect(rect.adjusted(3, 3, -3, -3), colour)

        return swatch(self._theme, dpr, square)

    def draw_labels(self, painter: QPainter, view: MapView) -> None:
        """The areas' names, largest area first, each where there is room near its middle; one that fits nowhere is left out."""
        theme, t = self._theme, self._theme.tokens
        metrics = theme.metrics(self._label_size)
        gap = theme.px(3)
        taken = view.taken
        for index in self._by_size:
            words = self._labels[index]
            if not words or not self._rings[index]:
                continue
            x, y = self._anchors[index]
            middle = QPointF((x - view.unit_frame()[0]) * view.scale, (y - view.unit_frame()[1]) * view.scale)
            width, height = metrics.horizontalAdvance(words), metrics.height()
            for dx, dy in ((0, 0), (0, -1), (0, 1), (0.6, 0), (-0.6, 0), (0.6, -1), (-0.6, -1), (0.6, 1), (-0.6, 1)):
                centre = middle + QPointF(dx * (width + gap), dy * (height + gap))
                box = QRectF(round(centre.x() - width / 2), round(centre.y() - height / 2), width, height)
                if view.frame.intersects(box) and not any(box.adjusted(-gap, 0, gap, 0).intersects(other) for other in taken):
                    taken.append(box)
                    ground = (self._fills[index] or t.land) if dx == 0 and dy == 0 else t.sea
                    ink = t.ink2 if self._fills[index] is not None else t.ink3
                    baseline = QPointF(box.left(), box.top() + metrics.ascent())
                    draw_haloed(painter, baseline, words, theme, ink, ground, view.devicePixelRatioF(), size=self._label_size)
                    break


class LineLayer:
    """Coast or other lines that belong to the ground. Closed ones (islands) may be filled as land."""

    static = True

    def __init__(
        self,
        theme: Theme,
        polylines: Sequence[Floats],
        *,
        name: str = "coast",
        caption: str = "",
        fill_closed: bool = True,
        width: float = 1.0,
        colour: QColor | None = None,
    ) -> None:
        """`polylines`: arrays of shape (n, 2), longitude and latitude in degrees. `colour` None follows the theme's coast."""
        self.name = name
        self.visible = True
        self._theme = theme
        lines = [Ring.of(line) for line in polylines if len(line) > 1]
        self._closed = [line for line in lines if line.closed and fill_closed]
        self._open = [line for line in lines if not (line.closed and fill_closed)]
        self._caption = caption
        self._width = width
        self._colour = colour

    def draw(self, painter: QPainter, view: MapView) -> None:
        t = self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        islands = outline(self._closed, view)
        painter.fillPath(islands, t.land)
        pen = QPen(self._colour or t.coast, self._width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.BevelJoin)
        painter.strokePath(islands, pen)
        painter.strokePath(outline(self._open, view), pen)

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        return None

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        if not self._caption:
            return []
        colour = self._colour or self._theme.tokens.coast

        def line(painter: QPainter, rect: QRectF) -> None:
            painter.setPen(QPen(colour, 1.5))
            painter.drawLine(QPointF(rect.left() + 1, rect.center().y()), QPointF(rect.right() - 1, rect.center().y()))

        return [(swatch(self._theme, dpr, line), self._caption)]


@dataclass(frozen=True, eq=False)
class WarningArea:
    """The ground a warning covers. `rings` as in PolygonLayer."""

    key: object
    severity: int
    rings: Sequence[Floats]
    label: str = ""


class AreaLayer:
    """Warning areas: hatched, so that the ground shows through, and hatched differently by severity, so that colour is not needed."""

    static = True

    def __init__(self, theme: Theme, *, name: str = "warnings", captions: Sequence[str] = ("", "", "", "")) -> None:
        """`captions`: the legend's words for severities 1 to 4; an empty one leaves that entry out."""
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = tuple(captions)
        self._areas: list[tuple[WarningArea, list[Ring]]] = []

    def set_areas(self, areas: Sequence[WarningArea]) -> None:
        """Replace all; the most severe is drawn on top. Then `view.refresh(layer)`."""
        ordered = sorted(areas, key=lambda area: -area.severity)
        self._areas = [(area, [Ring.of(ring) for ring in area.rings if len(ring) > 2]) for area in ordered]

    def draw(self, painter: QPainter, view: MapView) -> None:
        theme = self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for area, rings in self._areas:
            path = outline(rings, view)
            if path.isEmpty():
                continue
            colour = theme.severity(area.severity)
            painter.fillPath(path, _hatch(theme, area.severity, view.devicePixelRatioF()))
            painter.strokePath(path, QPen(colour, 1.5))
            self._draw_name(painter, view, area, rings)

    def _draw_name(self, painter: QPainter, view: MapView, area: WarningArea, rings: list[Ring]) -> None:
        theme = self._theme
        x, y = inner_point(rings)
        left, top, _, _ = view.unit_frame()
        middle = QPointF(round((x - left) * view.scale), round((y - top) * view.scale))
        side = theme.px(18)
        words = theme.metrics(13, bold=True)
        width = side + (theme.px(6) + words.horizontalAdvance(area.label) if area.label else 0)
        start = QPointF(round(middle.x() - width / 2), middle.y())
        draw_severity(painter, QRectF(start.x(), start.y() - side // 2, side, side), area.severity, theme)
        if area.label:
            baseline = QPointF(start.x() + side + theme.px(6), start.y() + words.capHeight() // 2)
            t = theme.tokens
            draw_haloed(painter, baseline, area.label, theme, t.ink, t.land, view.devicePixelRatioF(), bold=True)

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        x, y = unit_of(*view.to_lonlat(point))
        for index in range(len(self._areas) - 1, -1, -1):
            area, rings = self._areas[index]
            if sum(ring.holds(x, y) for ring in rings) % 2:
                return Hit(self.name, index, area.key)
        return None

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        return [(self._swatch(severity, dpr), words) for severity, words in enumerate(self._captions, start=1) if words]

    def _swatch(self, severity: int, dpr: float) -> QPixmap:
        def square(painter: QPainter, rect: QRectF) -> None:
            box = rect.adjusted(2, 2, -2, -2)
            painter.fillRect(box, _hatch(self._theme, severity, dpr))
            painter.setPen(QPen(self._theme.severity(severity), 1.5))
            painter.drawRect(box)

        return swatch(self._theme, dpr, square)


def _hatch(theme: Theme, severity: int, dpr: float) -> QBrush:
    """1: crossed lines, 2: close lines, 3: wide lines, 4: wide lines the other way."""
    side = theme.px(6 if severity == 2 else 10)

    def make() -> QPixmap:
        pixmap = blank(side, side, dpr)
        ink = theme.severity(severity)
        wash = mixed(ink, theme.tokens.land, 0.5)
        wash.setAlpha(34)
        pixmap.fill(wash)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        line = QColor(ink)
        line.setAlpha(150)
        painter.setPen(QPen(line, 1.0))
        # Each line is drawn three times, a side apart, so that the corners meet when the tile is repeated.
        for shift in (-side, 0, side):
            if severity != 4:
                painter.drawLine(QPointF(shift, side), QPointF(shift + side, 0))
            if severity in (1, 4):
                painter.drawLine(QPointF(shift, 0), QPointF(shift + side, side))
        painter.end()
        return pixmap

    pixmap = theme.sprite(("hatch", severity, dpr), make)
    brush = QBrush(pixmap)
    # A texture brush counts device pixels, not the pixmap's ratio.
    brush.setTransform(QTransform.fromScale(1.0 / dpr, 1.0 / dpr))
    return brush
