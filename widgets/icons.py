"""The deck's icons: own drawings of a few strokes on a grid of 24, so that they are crisp at any size and follow the theme."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from widgets.sprites import blank
from widgets.theme import Theme
from widgets.tokens import faint

STROKE = 1.6
_SIDE = 24


class _Pen:
    """A path written in few words: m(ove), l(ine), c(urve), box, circle, dot."""

    def __init__(self) -> None:
        self.path = QPainterPath()
        self.solid = QPainterPath()

    def line(self, *points: tuple[float, float], close: bool = False) -> _Pen:
        self.path.moveTo(*points[0])
        for point in points[1:]:
            self.path.lineTo(*point)
        if close:
            self.path.closeSubpath()
        return self

    def curve(self, start: tuple[float, float], a: tuple[float, float], b: tuple[float, float], end: tuple[float, float]) -> _Pen:
        self.path.moveTo(*start)
        self.path.cubicTo(QPointF(*a), QPointF(*b), QPointF(*end))
        return self

    def box(self, x: float, y: float, width: float, height: float, radius: float = 1.0) -> _Pen:
        self.path.addRoundedRect(QRectF(x, y, width, height), radius, radius)
        return self

    def circle(self, x: float, y: float, radius: float) -> _Pen:
        self.path.addEllipse(QPointF(x, y), radius, radius)
        return self

    def dot(self, x: float, y: float, radius: float = 1.2) -> _Pen:
        self.solid.addEllipse(QPointF(x, y), radius, radius)
        return self

    def arc(self, x: float, y: float, radius: float, start: float, sweep: float) -> _Pen:
        """Degrees, counter-clockwise from three o'clock."""
        rect = QRectF(x - radius, y - radius, radius * 2, radius * 2)
        self.path.arcMoveTo(rect, start)
        self.path.arcTo(rect, start, sweep)
        return self


def _bell() -> _Pen:
    pen = _Pen()
    pen.path.moveTo(4.5, 17.5)
    pen.path.cubicTo(6.5, 15.5, 6.5, 13.0, 6.5, 10.5)
    pen.path.cubicTo(6.5, 7.0, 9.0, 4.5, 12.0, 4.5)
    pen.path.cubicTo(15.0, 4.5, 17.5, 7.0, 17.5, 10.5)
    pen.path.cubicTo(17.5, 13.0, 17.5, 15.5, 19.5, 17.5)
    pen.path.closeSubpath()
    return pen.curve((10, 20), (10.6, 21), (13.4, 21), (14, 20)).line((12, 4.5), (12, 3))


def _chart() -> _Pen:
    return _Pen().line((4, 4), (4, 20), (20, 20)).line((7, 15.5), (11, 10.5), (14, 13), (19.5, 6.5))


def _gauge() -> _Pen:
    """Bars against a goal."""
    return _Pen().box(4.5, 13.5, 3.5, 6.5, 0.5).box(10.2, 9, 3.5, 11, 0.5).box(16, 11.5, 3.5, 8.5, 0.5).line((4, 5), (8, 5)).line((10.2, 5), (20, 5))


def _tiles() -> _Pen:
    return _Pen().box(4, 4, 7, 7).box(13, 4, 7, 7).box(4, 13, 7, 7).box(13, 13, 7, 7)


def _case() -> _Pen:
    return _Pen().box(4, 7.5, 16, 12).line((9, 7.5), (9, 5), (15, 5), (15, 7.5)).line((4, 12.5), (20, 12.5)).line((12, 11.5), (12, 14))


def _map() -> _Pen:
    return (
        _Pen()
        .line((4, 6.5), (9, 4.5), (15, 6.5), (20, 4.5), (20, 17.5), (15, 19.5), (9, 17.5), (4, 19.5), close=True)
        .line((9, 4.5), (9, 17.5))
        .line((15, 6.5), (15, 19.5))
    )


def _log() -> _Pen:
    return _Pen().box(5, 4, 14, 16).line((8.5, 8.5), (15.5, 8.5)).line((8.5, 12), (15.5, 12)).line((8.5, 15.5), (12.5, 15.5))


def _link() -> _Pen:
    pen = _Pen().line((9.5, 14.5), (14.5, 9.5))
    pen.curve((11.5, 7.5), (14, 5), (15, 4.2), (16.3, 4.2)).curve((16.3, 4.2), (18.3, 4.2), (19.8, 5.7), (19.8, 7.7)).curve(
        (19.8, 7.7), (19.8, 9), (19, 10), (16.5, 12.5)
    )
    return (
        pen.curve((12.5, 16.5), (10, 19), (9, 19.8), (7.7, 19.8))
        .curve((7.7, 19.8), (5.7, 19.8), (4.2, 18.3), (4.2, 16.3))
        .curve((4.2, 16.3), (4.2, 15), (5, 14), (7.5, 11.5))
    )


def _unit() -> _Pen:
    return _Pen().line((12, 3.5), (18.5, 20), (12, 16.5), (5.5, 20), close=True)


def _camera() -> _Pen:
    return _Pen().box(3.5, 7, 12, 10, 1.5).line((15.5, 11), (20.5, 8), (20.5, 16), (15.5, 13))


def _layout() -> _Pen:
    return _Pen().box(4, 4.5, 16, 15).line((9.5, 4.5), (9.5, 19.5)).line((9.5, 12), (20, 12))


def _sun() -> _Pen:
    pen = _Pen().circle(12, 12, 3.8)
    for x, y in ((0, 1), (1, 0), (0, -1), (-1, 0), (0.707, 0.707), (0.707, -0.707), (-0.707, 0.707), (-0.707, -0.707)):
        pen.line((12 + x * 6.4, 12 + y * 6.4), (12 + x * 8.6, 12 + y * 8.6))
    return pen


def _moon() -> _Pen:
    pen = _Pen()
    pen.path.moveTo(19.5, 14)
    pen.path.cubicTo(13.5, 16, 8.5, 11, 10.5, 4.5)
    pen.path.cubicTo(6.5, 5.5, 4, 9, 4.3, 12.8)
    pen.path.cubicTo(4.7, 17, 8.2, 20, 12.2, 19.8)
    pen.path.cubicTo(15.6, 19.6, 18.5, 17.4, 19.5, 14)
    pen.path.closeSubpath()
    return pen


def _lock() -> _Pen:
    return _Pen().box(5.5, 10.5, 13, 9.5, 1.2).line((8, 10.5), (8, 8)).arc(12, 8, 4, 180, -180).line((16, 8), (16, 10.5)).line((12, 14), (12, 16.5))


def _unlock() -> _Pen:
    return _Pen().box(5.5, 10.5, 13, 9.5, 1.2).line((8, 10.5), (8, 7.5)).arc(12, 7.5, 4, 180, -150).line((12, 14), (12, 16.5))


def _undo() -> _Pen:
    pen = _Pen().line((8.5, 5), (4.5, 9), (8.5, 13))
    pen.path.moveTo(4.5, 9)
    pen.path.lineTo(14.5, 9)
    pen.path.cubicTo(21.5, 9, 21.5, 19, 14.5, 19)
    pen.path.lineTo(9, 19)
    return pen


def _full() -> _Pen:
    return (
        _Pen()
        .line((4.5, 9), (4.5, 4.5), (9, 4.5))
        .line((15, 4.5), (19.5, 4.5), (19.5, 9))
        .line((19.5, 15), (19.5, 19.5), (15, 19.5))
        .line((9, 19.5), (4.5, 19.5), (4.5, 15))
    )


def _search() -> _Pen:
    return _Pen().circle(10.5, 10.5, 6).line((15, 15), (20, 20))


def _user() -> _Pen:
    pen = _Pen().circle(12, 8.2, 3.9)
    pen.path.moveTo(4.5, 20)
    pen.path.cubicTo(5.2, 12.6, 18.8, 12.6, 19.5, 20)
    return pen


def _export() -> _Pen:
    return _Pen().line((12, 15), (12, 4)).line((8, 8), (12, 4), (16, 8)).line((5, 13.5), (5, 20), (19, 20), (19, 13.5))


def _close() -> _Pen:
    return _Pen().line((6, 6), (18, 18)).line((18, 6), (6, 18))


def _plus() -> _Pen:
    return _Pen().line((12, 5), (12, 19)).line((5, 12), (19, 12))


def _check() -> _Pen:
    return _Pen().line((5, 12.5), (10, 17.5), (19.5, 7))


def _language() -> _Pen:
    pen = _Pen().circle(12, 12, 8).line((4, 12), (20, 12))
    return pen.curve((12, 4), (7.6, 8.5), (7.6, 15.5), (12, 20)).curve((12, 4), (16.4, 8.5), (16.4, 15.5), (12, 20))


def _wall() -> _Pen:
    return _Pen().box(3.5, 5, 17, 12).line((9.2, 5), (9.2, 17)).line((14.8, 5), (14.8, 17)).line((3.5, 11), (20.5, 11)).line((8, 20), (16, 20))


def _cockpit() -> _Pen:
    return _Pen().arc(12, 14.5, 8, 0, 180).line((4, 14.5), (4, 18.5), (20, 18.5), (20, 14.5)).line((12, 14.5), (15.8, 10.2)).dot(12, 14.5, 1.5)


def _duty() -> _Pen:
    pen = _Pen().arc(12, 11.5, 7.5, 0, 180).box(3.5, 11.5, 3.5, 5.5).box(17, 11.5, 3.5, 5.5)
    pen.path.moveTo(18.8, 17)
    pen.path.cubicTo(18.8, 19.6, 16.4, 20, 14, 20)
    return pen


def _hidden() -> _Pen:
    """An eye, struck through."""
    pen = _Pen()
    for bend in (4.5, 19.5):
        pen.path.moveTo(2.5, 12)
        pen.path.cubicTo(7, bend, 17, bend, 21.5, 12)
    return pen.circle(12, 12, 2.6).line((4.5, 19.5), (19.5, 4.5))


_DRAWINGS: dict[str, Callable[[], _Pen]] = {
    "bell": _bell,
    "camera": _camera,
    "case": _case,
    "chart": _chart,
    "check": _check,
    "close": _close,
    "cockpit": _cockpit,
    "duty": _duty,
    "export": _export,
    "full": _full,
    "gauge": _gauge,
    "hidden": _hidden,
    "language": _language,
    "layout": _layout,
    "link": _link,
    "lock": _lock,
    "log": _log,
    "map": _map,
    "moon": _moon,
    "plus": _plus,
    "search": _search,
    "sun": _sun,
    "tiles": _tiles,
    "undo": _undo,
    "unit": _unit,
    "unlock": _unlock,
    "user": _user,
    "wall": _wall,
}

ICON_NAMES = frozenset(_DRAWINGS)


def icon_pixmap(name: str, theme: Theme, side: int, dpr: float = 1.0, colour: QColor | None = None) -> QPixmap:
    """An icon of `side` logical pixels, in the labels' ink unless `colour` is given. Raises KeyError for a name that is not drawn."""
    ink = colour if colour is not None else theme.tokens.ink2
    drawing = _DRAWINGS[name]

    def make() -> QPixmap:
        pixmap = blank(side, side, dpr)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        factor = side / _SIDE
        painter.scale(factor, factor)
        # At 16 pixels a stroke of 1.6 units would be one pixel of grey; it never gets thinner than 1.2 pixels.
        width = max(STROKE, 1.2 / factor)
        pen = drawing()
        painter.strokePath(pen.path, QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.fillPath(pen.solid, ink)
        painter.end()
        return pixmap

    return theme.sprite(("icon", name, side, dpr, ink.rgba()), make)


def icon(name: str, theme: Theme) -> QIcon:
    """The icon for buttons and menus: normal, disabled and selected, at 16 and 20 desk pixels and twice those. Make it anew when the
    theme changes. Raises KeyError for a name that is not drawn."""
    made = QIcon()
    t = theme.tokens
    for mode, ink in ((QIcon.Mode.Normal, t.ink2), (QIcon.Mode.Disabled, faint(t)), (QIcon.Mode.Selected, t.ink)):
        for size in (16, 20):
            for dpr in (1.0, 2.0):
                made.addPixmap(icon_pixmap(name, theme, theme.px(size), dpr, ink), mode)
    return made


def icon_size(theme: Theme) -> QSize:
    """The size of an icon in a bar."""
    return QSize(theme.px(20), theme.px(20))
