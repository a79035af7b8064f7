"""Hundreds of thousands of fixed points: single where there is room, counted in circles where there is not.

Everything a point is, is a numpy column; no object a point exists, and only what is in view is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap

from widgets.map_shapes import swatch
from widgets.map_view import Hit, MapView
from widgets.mercator import to_unit
from widgets.polyline import Floats, Ints
from widgets.severity import severity_path
from widgets.sprites import blank
from widgets.theme import Theme

CELL = 76
CLUSTER_FROM = 14
MOST_SINGLE = 2500
_PICK = 9


class PointState(IntEnum):
    """How a point is drawn: quiet, a hollow ring when nothing comes from it, a severity's colour and shape when it is wrong."""

    NORMAL = 0
    LOST = 1
    MINOR = 2
    ALARM = 3


@dataclass(frozen=True)
class _Bubble:
    x: float
    y: float
    radius: float
    count: int
    first: int


class PointLayer:
    """Fixed points (cameras, sensors) with clusters.

    Points of one screen cell become a circle with their count once there are too many to tell apart. Cells are fixed to the ground, so
    that circles keep their place while the map is dragged. Points in alarm are never hidden in a circle.
    """

    static = True

    def __init__(self, theme: Theme, *, name: str = "points", captions: Sequence[str] = ("", "", "", "")) -> None:
        """`captions`: the legend's words for each PointState; an empty one leaves that entry out."""
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = tuple(captions)
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)
        self._state: Ints = np.empty(0, np.int64)
        self._order: Ints = np.empty(0, np.int64)
        self._place: Ints = np.empty(0, np.int64)
        self._keys: Sequence[object] | None = None
        self._bubbles: list[_Bubble] = []
        self._seen = 0

    def set_points(self, lon: ArrayLike, lat: ArrayLike, state: ArrayLike | None = None, keys: Sequence[object] | None = None) -> None:
        """Replace all points: degrees, PointState numbers, and the owner's key for each. Then `view.refresh(layer)`."""
        x, y = to_unit(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        order = np.argsort(x, kind="stable")
        self._x, self._y, self._order = x[order], y[order], order
        self._place = np.empty(len(order), np.int64)
        self._place[order] = np.arange(len(order))
        self._keys = keys
        self._state = np.zeros(len(order), np.int64) if state is None else np.asarray(state, np.int64)[order]

    def set_states(self, indices: ArrayLike, states: ArrayLike) -> None:
        """Change the state of some points, named by their index in `set_points`."""
        self._state[self._place[np.asarray(indices, np.int64)]] = states

    @property
    def in_view(self) -> int:
        """How many points were within the frame at the last drawing."""
        return self._seen

    def __len__(self) -> int:
        return len(self._x)

    def draw(self, painter: QPainter, view: MapView) -> None:
        near = self._near(view)
        self._seen = len(near)
        self._bubbles = []
        if not len(near):
            return
        single = self._cluster(view, near)
        self._draw_single(painter, view, single)
        for bubble in self._bubbles:
            self._draw_bubble(painter, view, bubble)

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        frame = view.unit_frame()
        x, y = frame[0] + point.x() / view.scale, frame[1] + point.y() / view.scale
        for bubble in self._bubbles:
            if math.hypot(bubble.x - x, bubble.y - y) * view.scale <= bubble.radius:
                index = int(self._order[bubble.first])
                return Hit(self.name, index, None, bubble.count)
        reach = self._theme.px(_PICK) / view.scale
        begin, end = np.searchsorted(self._x, (x - reach, x + reach))
        away = np.hypot(self._x[begin:end] - x, self._y[begin:end] - y)
        if not len(away) or float(away.min()) > reach:
            return None
        index = int(self._order[begin + int(away.argmin())])
        return Hit(self.name, index, self._keys[index] if self._keys is not None else index)

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        return [(swatch(self._theme, dpr, self._centred(s, dpr)), self._captions[s]) for s in PointState if self._captions[s]]

    def _centred(self, state: PointState, dpr: float) -> Callable[[QPainter, QRectF], None]:
        dot = self._dot(state, dpr)

        def draw(painter: QPainter, rect: QRectF) -> None:
            half = dot.width() / dpr / 2
            painter.drawPixmap(rect.center() - QPointF(half, half), dot)

        return draw

    def _near(self, view: MapView) -> Ints:
        """Positions in the columns of the points within the frame."""
        left, top, right, bottom = view.unit_frame()
        begin, end = np.searchsorted(self._x, (left, right))
        y = self._y[begin:end]
        return np.flatnonzero((y >= top) & (y <= bottom)) + begin

    def _cluster(self, view: MapView, near: Ints) -> Ints:
        """Fill the list of bubbles; return the points that stay single."""
        # Cells double their ground size a whole zoom level at a time: between levels circles only drift apart.
        cell = self._theme.px(CELL) / (256.0 * 2.0 ** math.floor(view.zoom + 0.5))
        x, y = self._x[near], self._y[near]
        cell_x, cell_y = np.floor(x / cell).astype(np.int64), np.floor(y / cell).astype(np.int64)
        left, top = int(cell_x.min()), int(cell_y.min())
        columns = int(cell_x.max()) - left + 1
        number = (cell_y - top) * columns + (cell_x - left)
        calm = self._state[near] < PointState.ALARM
        counts = np.bincount(number[calm], minlength=int(number.max()) + 1)
        limit = _limit(counts)
        crowded = calm & (counts[number] >= limit)
        if crowded.any():
            group = number[crowded]
            total = np.bincount(group)
            cells = np.flatnonzero(total)
            sum_x, sum_y = np.bincount(group, x[crowded])[cells], np.bincount(group, y[crowded])[cells]
            first = np.full(len(total), -1, np.int64)
            first[group[::-1]] = near[crowded][::-1]
            self._bubbles = self._apart(view, sum_x, sum_y, total[cells], first[cells])
        return near[~crowded]

    def _apart(self, view: MapView, sum_x: Floats, sum_y: Floats, total: Ints, first: Ints) -> list[_Bubble]:
        """Bubbles of the cells, most first; one that would touch a larger one gives its points to it."""
        order = np.argsort(-total, kind="stable")
        mean_x, mean_y = sum_x / total, sum_y / total
        gap = self._theme.px(2)
        placed: list[_Bubble] = []
        xs, ys, radii = np.empty(len(order)), np.empty(len(order)), np.empty(len(order))
        for i in order.tolist():
            x, y, count = float(mean_x[i]), float(mean_y[i]), int(total[i])
            radius = self._radius(count)
            n = len(placed)
            near = np.hypot(xs[:n] - x, ys[:n] - y) * view.scale < radii[:n] + radius + gap
            if near.any():
                at = int(near.argmax())
                old = placed[at]
                placed[at] = _Bubble(old.x, old.y, old.radius, old.count + count, old.first)
            else:
                xs[n], ys[n], radii[n] = x, y, radius
                placed.append(_Bubble(x, y, radius, count, int(first[i])))
        return placed

    def _radius(self, count: int) -> float:
        return float(self._theme.px(13 + 3 * min(4.0, math.log10(max(1, count)))))

    def _draw_single(self, painter: QPainter, view: MapView, single: Ints) -> None:
        sx, sy = view.unit_to_screen(self._x[single], self._y[single])
        states = self._state[single]
        dpr = view.devicePixelRatioF()
        for state in PointState:
            chosen = states == state
            if not chosen.any():
                continue
            dot = self._dot(state, dpr)
            half = dot.width() / dpr / 2
            for x, y in zip(np.round(sx[chosen] - half).tolist(), np.round(sy[chosen] - half).tolist(), strict=True):
                painter.drawPixmap(QPointF(x, y), dot)

    def _dot(self, state: PointState, dpr: float) -> QPixmap:
        theme = self._theme

        def make() -> QPixmap:
            side = theme.px(14 if state >= PointState.MINOR else 6)
            pixmap = blank(side, side, dpr)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            middle, t = QPointF(side / 2, side / 2), theme.tokens
            if state >= PointState.MINOR:
                severity = 1 if state == PointState.ALARM else 3
                small = QRectF(side * 0.15, side * 0.15, side * 0.7, side * 0.7)
                painter.fillPath(severity_path(small, severity), theme.severity(severity))
            elif state == PointState.LOST:
                painter.setPen(QPen(t.ink3, max(1.0, theme.scale)))
                painter.drawEllipse(middle, side * 0.36, side * 0.36)
            else:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(t.dot)
                painter.drawEllipse(middle, side * 0.34, side * 0.34)
            painter.end()
            return pixmap

        return theme.sprite(("point", int(state), dpr), make)

    def _draw_bubble(self, painter: QPainter, view: MapView, bubble: _Bubble) -> None:
        theme = self._theme
        left, top, _, _ = view.unit_frame()
        x, y = (bubble.x - left) * view.scale, (bubble.y - top) * view.scale
        dpr = view.devicePixelRatioF()
        disc = _disc(theme, round(bubble.radius), dpr)
        half = disc.width() / dpr / 2
        corner = QPointF(round(x - half), round(y - half))
        painter.drawPixmap(corner, disc)
        painter.setFont(theme.font(13))
        painter.setPen(theme.tokens.ink2)
        painter.drawText(QRectF(corner.x(), corner.y(), half * 2, half * 2), Qt.AlignmentFlag.AlignCenter, short_count(bubble.count))


def short_count(count: int) -> str:
    """A count in at most four characters: 999, 1.2k, 12k, 230k."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def _limit(counts: Ints) -> int:
    """From how many points a cell becomes a circle: as late as possible, but few enough dots that they can be drawn and told apart."""
    limit = CLUSTER_FROM
    while limit > 2 and int(counts[counts < limit].sum()) > MOST_SINGLE:
        limit = limit * 2 // 3
    return limit


def _disc(theme: Theme, radius: int, dpr: float) -> QPixmap:
    def make() -> QPixmap:
        side = radius * 2 + 2
        pixmap = blank(side, side, dpr)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(theme.tokens.cluster_edge, 1.0))
        painter.setBrush(theme.tokens.cluster)
        painter.drawEllipse(QPointF(side / 2, side / 2), radius - 0.5, radius - 0.5)
        painter.end()
        return pixmap

    return theme.sprite(("disc", radius, dpr), make)
