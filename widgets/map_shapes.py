"""What several map layers share: rings kept in the unit square, thinned to the pixel, and words that stay legible on any ground."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from widgets.map_view import MapView
from widgets.mercator import to_unit
from widgets.polyline import Bools, Floats, polygon
from widgets.sprites import blank
from widgets.theme import Theme

LEGEND_SIDE = 16


@dataclass(frozen=True, eq=False)
class Ring:
    """One line in the unit square with its bounds."""

    x: Floats
    y: Floats
    left: float
    top: float
    right: float
    bottom: float
    closed: bool

    @staticmethod
    def of(lonlat: Floats) -> Ring:
        """From an array of shape (n, 2): longitude, latitude in degrees."""
        x, y = to_unit(lonlat[:, 0].astype(np.float64), lonlat[:, 1].astype(np.float64))
        closed = len(x) > 3 and bool(lonlat[0, 0] == lonlat[-1, 0] and lonlat[0, 1] == lonlat[-1, 1])
        return Ring(x, y, float(x.min()), float(y.min()), float(x.max()), float(y.max()), closed)

    def meets(self, frame: tuple[float, float, float, float]) -> bool:
        left, top, right, bottom = frame
        return self.right >= left and self.left <= right and self.bottom >= top and self.top <= bottom

    def area(self) -> float:
        """Twice the signed area, in units of the square."""
        return float(np.dot(self.x, np.roll(self.y, -1)) - np.dot(self.y, np.roll(self.x, -1)))

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is inside, by the even-odd rule."""
        if not (self.left <= x <= self.right and self.top <= y <= self.bottom):
            return False
        x2, y2 = np.roll(self.x, -1), np.roll(self.y, -1)
        spans = (self.y > y) != (y2 > y)
        cut = (x2[spans] - self.x[spans]) * (y - self.y[spans]) / (y2[spans] - self.y[spans]) + self.x[spans]
        return bool(np.count_nonzero(cut > x) % 2)


def outline(rings: Sequence[Ring], view: MapView) -> QPainterPath:
    """The rings that meet the view's frame as one path, with no two points nearer than half a pixel."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    frame = view.unit_frame()
    for ring in rings:
        if ring.meets(frame):
            x, y = view.unit_to_screen(ring.x, ring.y)
            keep = _distinct(x, y)
            path.addPolygon(polygon(x[keep], y[keep]))
            if ring.closed:
                path.closeSubpath()
    return path


def _distinct(x: Floats, y: Floats) -> Bools:
    cell_x, cell_y = np.round(x * 2.0), np.round(y * 2.0)
    keep = np.ones(len(x), np.bool_)
    keep[1:] = (cell_x[1:] != cell_x[:-1]) | (cell_y[1:] != cell_y[:-1])
    keep[-1] = True
    return keep


def inner_point(rings: Sequence[Ring]) -> tuple[float, float]:
    """A point well inside the largest ring: the middle of its widest level chord, where a word has most room."""
    ring = max(rings, key=lambda r: abs(r.area()))
    best, found = -1.0, ((ring.left + ring.right) / 2, (ring.top + ring.bottom) / 2)
    x2, y2 = np.roll(ring.x, -1), np.roll(ring.y, -1)
    for share in np.linspace(0.2, 0.8, 13):
        y = ring.top + (ring.bottom - ring.top) * float(share)
        spans = (ring.y > y) != (y2 > y)
        cuts = np.sort((x2[spans] - ring.x[spans]) * (y - ring.y[spans]) / (y2[spans] - ring.y[spans]) + ring.x[spans])
        for i in range(0, len(cuts) - 1, 2):
            # Near the middle of its height a chord of equal width reads better, hence the small handicap.
            width = float(cuts[i + 1] - cuts[i]) * (1.0 - abs(float(share) - 0.5) * 0.8)
            if width > best:
                best, found = width, (float(cuts[i] + cuts[i + 1]) / 2, y)
    return found


def draw_haloed(
    painter: QPainter,
    baseline: QPointF,
    words: str,
    theme: Theme,
    ink: QColor,
    ground: QColor,
    dpr: float,
    *,
    size: int = 13,
    bold: bool = False,
) -> None:
    """Words with a thin edge of the ground's colour, so that a line behind them does not cut them. Give a whole-pixel `baseline`."""
    edge = 2

    def make() -> QPixmap:
        # Stroking a word's outline takes a millisecond; it is done once a word, not once a frame.
        metrics = theme.metrics(size, bold)
        pixmap = blank(metrics.horizontalAdvance(words) + 2 * edge + 2, metrics.height() + 2 * edge, dpr)
        start = QPointF(edge, edge + metrics.ascent())
        path = QPainterPath()
        path.addText(start, theme.font(size, bold), words)
        halo = QPainter(pixmap)
        halo.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        halo.strokePath(path, QPen(ground, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        halo.setFont(theme.font(size, bold))
        halo.setPen(ink)
        halo.drawText(start, words)
        halo.end()
        return pixmap

    pixmap = theme.sprite(("words", words, size, bold, ink.rgba(), ground.rgba(), dpr), make)
    painter.drawPixmap(QPointF(baseline.x() - edge, baseline.y() - edge - theme.metrics(size, bold).ascent()), pixmap)


def swatch(theme: Theme, dpr: float, draw: Callable[[QPainter, QRectF], None]) -> QPixmap:
    """A legend's picture: 16 scaled pixels square, drawn by `draw`."""
    side = theme.px(LEGEND_SIDE)
    pixmap = blank(side, side, dpr)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    draw(painter, QRectF(0, 0, side, side))
    painter.end()
    return pixmap
