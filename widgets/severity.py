"""How a severity looks, everywhere: shape, number and colour together, from one function.

The four are the national ones: 1 diamond, 2 triangle, 3 square, 4 disc. Nothing here decides what is severe.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QWidget

from widgets.sprites import blank
from widgets.theme import FAMILIES, Theme

SEVERITIES = (1, 2, 3, 4)


def severity_path(rect: QRectF, severity: int) -> QPainterPath:
    """The outline of severity 1 to 4 within `rect`; an empty path for anything else. All four look equally large."""
    path = QPainterPath()
    side = min(rect.width(), rect.height())
    c = rect.center()
    if severity == 1:
        r = side * 0.5
        path.addPolygon(QPolygonF([QPointF(c.x(), c.y() - r), QPointF(c.x() + r, c.y()), QPointF(c.x(), c.y() + r), QPointF(c.x() - r, c.y())]))
        path.closeSubpath()
    elif severity == 2:
        half, top, foot = side * 0.5, side * 0.45, side * 0.41
        path.addPolygon(QPolygonF([QPointF(c.x(), c.y() - top), QPointF(c.x() + half, c.y() + foot), QPointF(c.x() - half, c.y() + foot)]))
        path.closeSubpath()
    elif severity == 3:
        edge = round(side * 0.82)
        path.addRect(QRectF(round(c.x() - edge / 2), round(c.y() - edge / 2), edge, edge))
    elif severity == 4:
        r = side * 0.45
        path.addEllipse(c, r, r)
    return path


def draw_severity(painter: QPainter, rect: QRectF | QRect, severity: int, theme: Theme, dim: bool = False, hollow: bool = False) -> None:
    """Draw ◆1 ▲2 ■3 ●4 into the middle of `rect`, the digit inside; nothing for any other severity.

    `dim` is for what has been acknowledged, `hollow` for what is over but not acknowledged.
    """
    if severity not in SEVERITIES:
        return
    rect = QRectF(rect)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if dim:
        painter.setOpacity(painter.opacity() * 0.55)
    colour = theme.severity(severity)
    shape = severity_path(rect, severity)
    side = min(rect.width(), rect.height())
    if hollow:
        inset = max(1.0, side * 0.08)
        painter.setPen(QPen(colour, inset * 1.1, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(severity_path(rect.adjusted(inset, inset, -inset, -inset), severity))
    else:
        painter.fillPath(shape, colour)
    if side >= 9:
        painter.fillPath(_digit(severity, rect, side), colour if hollow else theme.tokens.on_sev)
    painter.restore()


def _digit(severity: int, rect: QRectF, side: float) -> QPainterPath:
    """The digit as a path: centred by its own outline, which no font's line metrics do."""
    font = QFont()
    font.setFamilies(FAMILIES)
    font.setWeight(QFont.Weight.Bold)
    font.setPixelSize(100)
    path = QPainterPath()
    path.addText(0, 0, font, str(severity))
    box = path.boundingRect()
    tall = side * (0.40 if severity == 2 else 0.44)
    factor = tall / max(1.0, box.height())
    middle = rect.center() + QPointF(0, side * 0.14 if severity == 2 else 0)
    path.translate(-box.center())
    placed = QPainterPath()
    for i in range(path.elementCount()):
        e = path.elementAt(i)
        path.setElementPositionAt(i, e.x * factor + middle.x(), e.y * factor + middle.y())
    placed.addPath(path)
    return placed


def severity_pixmap(severity: int, size: int, theme: Theme, dpr: float = 1.0, dim: bool = False, hollow: bool = False) -> QPixmap:
    """The symbol as a pixmap of `size` logical pixels for a screen of ratio `dpr`, kept by the theme: for rows and sprites."""

    def make() -> QPixmap:
        pixmap = blank(size, size, dpr)
        painter = QPainter(pixmap)
        draw_severity(painter, QRectF(0, 0, size, size), severity, theme, dim, hollow)
        painter.end()
        return pixmap

    return theme.sprite(("severity", severity, size, dpr, dim, hollow), make)


class SeverityCounts(QWidget):
    """How many of each severity, as one line of symbols and counts. A click or a key tells which was `chosen`.

    A count of 0 stays in its place, dimmed: the eye finds each severity where it was.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, size: int = 14) -> None:
        """`size` is the counts' font in desk pixels."""
        super().__init__(parent)
        self._theme = theme
        self._size = size
        self._counts = (0, 0, 0, 0)
        self._hover = 0
        self._current = 1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._relayout)

    def set_counts(self, counts: tuple[int, int, int, int]) -> None:
        """Counts of severities 1 to 4."""
        if counts == self._counts:
            return
        wider = self._width(counts) != self._width(self._counts)
        self._counts = counts
        self.setAccessibleDescription(" ".join(f"{s}: {n}" for s, n in zip(SEVERITIES, counts, strict=True)))
        if wider:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._width(self._counts), self._theme.px(self._size + 10))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def slot_rect(self, severity: int) -> QRectF:
        """Where the symbol and count of `severity` are."""
        x = 0.0
        for s in SEVERITIES:
            width = self._slot(self._counts[s - 1])
            if s == severity:
                return QRectF(x, 0, width, self.height())
            x += width + self._theme.px(12)
        return QRectF()

    def _symbol(self) -> int:
        return self._theme.px(self._size + 2)

    def _slot(self, count: int) -> int:
        return self._symbol() + self._theme.px(4) + self._theme.metrics(self._size, bold=True).horizontalAdvance(f"{count:,}")

    def _width(self, counts: tuple[int, int, int, int]) -> int:
        return sum(self._slot(n) for n in counts) + 3 * self._theme.px(12)

    def _relayout(self) -> None:
        self.updateGeometry()
        self.update()

    def _at(self, x: float) -> int:
        for s in SEVERITIES:
            if self.slot_rect(s).adjusted(-4, 0, 4, 0).contains(QPointF(x, self.height() / 2)):
                return s
        return 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        t = self._theme.tokens
        symbol = self._symbol()
        for s in SEVERITIES:
            slot = self.slot_rect(s)
            count = self._counts[s - 1]
            y = round((slot.height() - symbol) / 2)
            pixmap = severity_pixmap(s, symbol, self._theme, self.devicePixelRatioF(), dim=count == 0)
            painter.drawPixmap(QPointF(round(slot.x()), y), pixmap)
            painter.setFont(self._theme.font(self._size, bold=count > 0))
            painter.setPen(_count_ink(t.ink, t.ink3, count, s == self._hover))
            painter.drawText(slot.adjusted(symbol + self._theme.px(4), 0, 2, 0), Qt.AlignmentFlag.AlignVCenter, f"{count:,}")
        if self.hasFocus():
            slot = self.slot_rect(self._current)
            painter.fillRect(QRectF(round(slot.x()), self.height() - 2, round(slot.width()), 2), t.select_edge)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self._at(event.position().x()))

    def enterEvent(self, event: QEnterEvent) -> None:
        self._set_hover(self._at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        severity = self._at(event.position().x())
        if severity and event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self._current = severity
            self.chosen.emit(severity)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            self._current = min(4, max(1, self._current + step))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self._current)
        else:
            super().keyPressEvent(event)

    def _set_hover(self, severity: int) -> None:
        if severity != self._hover:
            self._hover = severity
            self.update()


def _count_ink(ink: QColor, quiet: QColor, count: int, hover: bool) -> QColor:
    return ink if count or hover else quiet
