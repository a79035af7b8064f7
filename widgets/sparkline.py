"""The small line of a tile: painted, not a plot widget, because a wall shows a hundred at once.

It never bridges a gap and never carries a line on past its last value.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from widgets.polyline import Floats, polygon, runs

_ALL = np.ones(1, np.bool_)


def draw_sparkline(
    painter: QPainter,
    rect: QRectF,
    values: Floats,
    colour: QColor,
    *,
    band: tuple[float, float] | None = None,
    end_dot: bool = False,
    band_colour: QColor | None = None,
    antialias: bool = True,
    width: float = 1.0,
) -> None:
    """Draw `values` (oldest first, evenly spaced, NaN is a gap) across `rect`; the last sample of the array is its right edge.

    `band` is the normal range in the values' unit, washed in `band_colour` where the line leaves it; it does not stretch the scale, or a
    wide band would flatten every line into nothing.
    """
    count = len(values)
    if count < 2:
        return
    low, high = float(values.min()), float(values.max())
    # A NaN anywhere makes the least value NaN, which is the cheapest way to ask.
    everywhere = math.isfinite(low) and math.isfinite(high)
    present = _ALL
    if not everywhere:
        present = np.isfinite(values)
        if not present.any():
            return
        known = values[present]
        low, high = float(known.min()), float(known.max())
    span = high - low
    height = rect.height() - 2.0
    # A flat line lies in the middle: at the foot it would read as the lowest value ever.
    factor = height / span if span > 0 else 0.0
    foot = rect.bottom() - 1.0 if span > 0 else rect.center().y()
    x: Floats = rect.left() + np.arange(count, dtype=np.float64) * (rect.width() / (count - 1))
    y = foot - (values - low) * factor
    if band is not None and span > 0 and (low < band[0] or high > band[1]) and low < band[1] and high > band[0]:
        wash = band_colour if band_colour is not None else QColor(colour.red(), colour.green(), colour.blue(), 28)
        top = max(rect.top(), foot - (band[1] - low) * factor)
        bottom = min(rect.bottom(), foot - (band[0] - low) * factor)
        painter.fillRect(QRectF(rect.left(), top, rect.width(), max(1.0, bottom - top)), wash)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, antialias)
    painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.BevelJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    last = count
    if everywhere:
        painter.drawPolyline(polygon(x, y))
    else:
        for begin, end in runs(present):
            last = end
            if end - begin == 1:
                painter.drawLine(QPointF(x[begin] - 0.5, y[begin]), QPointF(x[begin] + 0.5, y[begin]))
            else:
                painter.drawPolyline(polygon(x[begin:end], y[begin:end]))
    if end_dot:
        radius = max(1.5, width * 1.6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(float(x[last - 1]), float(y[last - 1])), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
