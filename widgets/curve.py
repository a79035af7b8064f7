"""One quantity over the last hour with its limit: drawn, not explored. For exploring there is the trend panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.theme import Theme


class Curve(QWidget):
    """`values` at even steps, NaN where nothing is known; the line breaks there and ends where its data ended."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values: NDArray[np.float64] = np.empty(0)
        self._limit: float | None = None
        self._title = self._value = self._unit = self._note = self._limit_text = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(theme.px(160), theme.px(110))
        theme.changed.connect(self.update)

    def show_curve(self, values: NDArray[np.float64], *, title: str, value: str, unit: str, note: str, limit: float | None, limit_text: str) -> None:
        """Show another hour. `limit` is drawn dashed and always kept inside the picture."""
        self._values, self._limit = values, limit
        self._title, self._value, self._unit, self._note, self._limit_text = title, value, unit, note, limit_text
        self.setAccessibleName(f"{title} {value} {unit} {note}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, px, tokens = self._theme, self._theme.px, self._theme.tokens
        painter = QPainter(self)
        painter.setFont(theme.font(13))
        painter.setPen(tokens.ink3)
        title_metrics = QFontMetrics(theme.font(13))
        painter.drawText(0, px(14), title_metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, self.width()))
        big, small = theme.font(26, bold=True), theme.font(13)
        base = self.height() - px(6)
        painter.setFont(big)
        painter.setPen(tokens.ink)
        painter.drawText(0, base, self._value)
        x = QFontMetrics(big).horizontalAdvance(self._value) + px(6)
        painter.setFont(small)
        painter.setPen(tokens.ink2)
        painter.drawText(x, base, self._unit)
        x += QFontMetrics(small).horizontalAdvance(self._unit) + px(12)
        painter.setPen(tokens.ink3)
        painter.drawText(x, base, QFontMetrics(small).elidedText(self._note, Qt.TextElideMode.ElideRight, max(0, self.width() - x)))
        self._plot(painter, QRectF(0, px(24), self.width(), max(px(20), self.height() - px(24) - px(42))))

    def _plot(self, painter: QPainter, area: QRectF) -> None:
        known = self._values[~np.isnan(self._values)]
        if not len(known):
            return
        low, high = float(known.min()), float(known.max())
        if self._limit is not None:
            low, high = min(low, self._limit), max(high, self._limit)
        span = (high - low) or max(1.0, abs(high)) * 0.1
        low, high = low - span * 0.08, high + span * 0.08

        def y(value: float) -> float:
            return area.bottom() - (value - low) / (high - low) * area.height()

        tokens = self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._limit is not None:
            painter.setPen(QPen(self._theme.severity(3), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), y(self._limit)), QPointF(area.right(), y(self._limit)))
            painter.setFont(self._theme.font(12))
            at_top = y(self._limit) - area.top() > self._theme.px(18)
            painter.drawText(QPointF(area.left(), y(self._limit) + (-self._theme.px(4) if at_top else self._theme.px(14))), self._limit_text)
        painter.setPen(QPen(tokens.ink, 1.4))
        step = area.width() / max(1, len(self._values) - 1)
        for first, last in _known_runs(self._values):
            points = [QPointF(area.left() + i * step, y(float(self._values[i]))) for i in range(first, last + 1)]
            painter.drawPolyline(QPolygonF(points))


def _known_runs(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], ~np.isnan(values), [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
