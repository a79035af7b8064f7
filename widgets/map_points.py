"""Hundreds of thousands of fixed points: single where there is room, counted in circles where there is not.

Everything a point is, is a numpy column; no object a point exists, and only what is in view is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap

from widgets.map_shapes import swatch
from widgets.map_view import Hit, MapView
from widgets.mercator import to_unit
from widgets.polyline import Floats, Ints
from widgets.severity import severity_path
from widgets.sprites import blank
from widgets.theme import Theme

CLUSTER_FROM = 14
MOST_SINGLE = 1500
_PICK = 9
_FINEST = 24
_NONE: tuple[float, ...] = ()


class PointState(IntEnum):
    """How a point is drawn: quiet, a hollow ring when nothing comes from it, a severity's colour and shape when it is wrong."""

    NORMAL = 0
    LOST = 1
    MINOR = 2
    ALARM = 3


@dataclass(frozen=True)
class _Cells:
    """The cells of one level that hold points, in order: first position in the sorted columns, count, corner, mean."""

    start: Ints
    count: Ints
    left: Floats
    top: Floats
    mean_x: Floats
    mean_y: Floats
    side: float


class PointLayer:
    """Fixed points (cameras, sensors) with clusters.

    Points of one screen cell become a circle with their count once there are too many to tell apart. Cells are fixed to the ground, so
    that circles keep their place while the map is dragged, and a circle stays inside its cell, so that no two touch. A point in alarm is
    drawn on top of all, in a circle or not.
    """

    static = True

    def __init__(self, theme: Theme, *, name: str = "points", captions: Sequence[str] = ("", "", "", "")) -> None:
        """`captions`: the legend's words for each PointState; an empty one leaves that entry out."""
        self.name = name
        self.visible = True
        self._theme = theme
        self._captions = tuple(captions)
        self._keys: Sequence[object] | None = None
        self._levels: dict[int, _Cells] = {}
        self._bubbles: list[tuple[float, float, float, int, int]] = []
        self.set_points(_NONE, _NONE)

    def set_points(self, lon: ArrayLike, lat: ArrayLike, state: ArrayLike | None = None, keys: Sequence[object] | None = None) -> None:
        """Replace all points: degrees, PointState numbers, and the owner's key for each. Then `view.refresh(layer)`."""
        x, y = to_unit(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        code = _interleaved(x, y)
        order = np.argsort(code, kind="stable")
        self._x, self._y, self._code, self._order = x[order], y[order], code[order], order
        self._place = np.empty(len(order), np.int64)
        self._place[order] = np.arange(len(order))
        self._state: Ints = np.zeros(len(order), np.int64) if state is None else np.asarray(state, np.int64)[order]
        self._keys = keys
        self._levels.clear()
        self._drawn: Ints = np.empty(0, np.int64)
        self._bubbles = []

    def set_states(self, indices: ArrayLike, states: ArrayLike) -> None:
        """Change the state of some points, named by their index in `set_points`. Then `view.refresh(layer)`."""
        self._state[self._place[np.asarray(indices, np.int64)]] = states

    def count_in(self, view: MapView) -> int:
        """How many points are in what the view shows now."""
        left, top, right, bottom = view.unit_frame()
        x, y = self._x, self._y
        return int(np.count_nonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom)))

    def __len__(self) -> int:
        return len(self._x)

    def draw(self, painter: QPainter, view: MapView) -> None:
        self._bubbles = []
        self._drawn = np.empty(0, np.int64)
        if not len(self._x):
            return
        single = self._arrange(view)
        alarms = np.flatnonzero(self._state == PointState.ALARM)
        left, top, right, bottom = view.unit_frame()
        x, y = self._x, self._y
        inside = single[(x[single] >= left) & (x[single] <= right) & (y[single] >= top) & (y[single] <= bottom)]
        self._draw_dots(painter, view, inside[self._state[inside] != PointState.ALARM])
        dpr = view.devicePixelRatioF()
        for ux, uy, radius, count, _ in self._bubbles:
            disc = _disc(self._theme, round(radius), short_count(count), dpr)
            half = disc.width() / dpr / 2
            corner = QPointF(round((ux - left) * view.scale - half), round((uy - top) * view.scale - half))
            painter.drawPixmap(corner, disc)
            view.taken.append(QRectF(corner.x(), corner.y(), half * 2, half * 2))
        self._draw_dots(painter, view, alarms)
        self._drawn = np.concatenate((inside, alarms))

    def pick(self, view: MapView, point: QPointF) -> Hit | None:
        """The point under the pointer; or the circle, as a Hit with its `count` and no key."""
        frame = view.unit_frame()
        x, y = frame[0] + point.x() / view.scale, frame[1] + point.y() / view.scale
        if len(self._drawn):
            away = np.hypot(self._x[self._drawn] - x, self._y[self._drawn] - y) * view.scale
            if float(away.min()) <= self._theme.px(_PICK):
                index = int(self._order[self._drawn[int(away.argmin())]])
                return Hit(self.name, index, self._keys[index] if self._keys is not None else index)
        for ux, uy, radius, count, first in self._bubbles:
            if math.hypot(ux - x, uy - y) * view.scale <= radius:
                return Hit(self.name, int(self._order[first]), None, count)
        return None

    def legend(self, dpr: float = 1.0) -> list[tuple[QPixmap, str]]:
        return [(swatch(self._theme, dpr, self._centred(s, dpr)), self._captions[s]) for s in PointState if self._captions[s]]

    def _centred(self, state: PointState, dpr: float) -> Callable[[QPainter, QRectF], None]:
        dot = self._dot(state, dpr)

        def draw(painter: QPainter, rect: QRectF) -> None:
            half = dot.width() / dpr / 2
            painter.drawPixmap(rect.center() - QPointF(half, half), dot)

        return draw

    def _arrange(self, view: MapView) -> Ints:
        """Fill the list of circles for the view's frame; return the positions of the points that stay single."""
        # A cell is one division of the unit square; on the screen its side is 64 to 128 scaled pixels.
        level = min(_FINEST, max(0, math.floor(view.zoom - math.log2(self._theme.scale)) + 2))
        cells = self._cells(level)
        left, top, right, bottom = view.unit_frame()
        side = cells.side
        seen = np.flatnonzero((cells.left + side >= left) & (cells.left <= right) & (cells.top + side >= top) & (cells.top <= bottom))
        counts = cells.count[seen]
        crowded = counts >= _limit(counts)
        many = seen[crowded]
        radius = _radii(cells.count[many]) * self._theme.scale
        room = radius / view.scale
        x = np.clip(cells.mean_x[many], cells.left[many] + room, cells.left[many] + side - room)
        y = np.clip(cells.mean_y[many], cells.top[many] + room, cells.top[many] + side - room)
        columns = (x.tolist(), y.tolist(), radius.tolist(), cells.count[many].tolist(), cells.start[many].tolist())
        self._bubbles = list(zip(*columns, strict=True))
        return _ranges(cells.start[seen[~crowded]], counts[~crowded])

    def _cells(self, level: int) -> _Cells:
        found = self._levels.get(level)
        if found is None:
            # In Z order the points of a cell of any level stand together, so a level costs one pass and no sorting.
            prefix = self._code >> np.uint64(2 * (_FINEST - level))
            start = np.concatenate(([0], np.flatnonzero(prefix[1:] != prefix[:-1]) + 1)).astype(np.int64)
            count = np.diff(np.concatenate((start, [len(prefix)])))
            side = 0.5**level
            x, y = self._x[start], self._y[start]
            found = _Cells(
                start,
                count,
                np.floor(x / side) * side,
                np.floor(y / side) * side,
                np.add.reduceat(self._x, start) / count,
                np.add.reduceat(self._y, start) / count,
                side,
            )
            self._levels[level] = found
        return found

    def _draw_dots(self, painter: QPainter, view: MapView, places: Ints) -> None:
        sx, sy = view.unit_to_screen(self._x[places], self._y[places])
        states = self._state[places]
        dpr = view.devicePixelRatioF()
        draw = painter.drawPixmap
        for state in PointState:
            chosen = states == state
            if not chosen.any():
                continue
            dot = self._dot(state, dpr)
            half = dot.width() / dpr / 2
            for x, y in zip(np.round(sx[chosen] - half).tolist(), np.round(sy[chosen] - half).tolist(), strict=True):
                draw(QPointF(x, y), dot)

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


def _radii(counts: Ints) -> Floats:
    """Desk pixels: larger for more, by the number of digits, from 16 to 26."""
    return 13.0 + 3.0 * np.minimum(4.3, np.log10(np.maximum(1, counts)))


def _ranges(start: Ints, count: Ints) -> Ints:
    """start[0], start[0]+1, … count[0] of them, then from start[1] and so on."""
    if not len(start):
        return np.empty(0, np.int64)
    before = np.concatenate(([0], np.cumsum(count)[:-1]))
    return np.repeat(start - before, count) + np.arange(int(count.sum()))


def _interleaved(x: Floats, y: Floats) -> NDArray[np.uint64]:
    """Z order: the bits of the finest cell's column and row in turn."""
    last = 2**_FINEST - 1
    column = np.clip(x * 2.0**_FINEST, 0, last).astype(np.uint64)
    row = np.clip(y * 2.0**_FINEST, 0, last).astype(np.uint64)
    return _spread(column) | (_spread(row) << np.uint64(1))


def _spread(n: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The low 32 bits of each number, with a zero put before every bit."""
    for shift, mask in _SPREADS:
        n = (n | (n << np.uint64(shift))) & np.uint64(mask)
    return n


_SPREADS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _disc(theme: Theme, radius: int, words: str, dpr: float) -> QPixmap:
    def make() -> QPixmap:
        side = radius * 2 + 2
        pixmap = blank(side, side, dpr)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(theme.tokens.cluster_edge, 1.0))
        painter.setBrush(theme.tokens.cluster)
        painter.drawEllipse(QPointF(side / 2, side / 2), radius - 0.5, radius - 0.5)
        painter.setFont(theme.font(13))
        painter.setPen(theme.tokens.ink2)
        painter.drawText(QRectF(0, 0, side, side), Qt.AlignmentFlag.AlignCenter, words)
        painter.end()
        return pixmap

    return theme.sprite(("disc", radius, words, dpr), make)
