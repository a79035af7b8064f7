"""A plot of a few series over time, to zoom and compare. The one module that needs pyqtgraph, which is slow to import: import it late."""

# pyqtgraph ships no usable types: what comes from it is unknown to the checker, in this one file.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportCallIssue=false

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from widgets.theme import Theme

MAX_LINES = 4
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
MARKS = ("─", "╌", "┄", "·")
"""How each line's style is written in a legend: compared lines differ by style, never by colour alone."""


class TrendPlot(QWidget):
    """Lines over UTC seconds. Follows `window` until a person zooms or pans; `follow` goes back to it."""

    def __init__(self, theme: Theme, time_text: Callable[[float, bool], str], parent: QWidget | None = None) -> None:
        """`time_text(second, with_seconds)` words a moment on the axis."""
        super().__init__(parent)
        self._theme = theme
        self._lines: list[pg.PlotDataItem] = []
        self.zoomed = False
        self._plot = pg.PlotWidget(axisItems={"bottom": _TimeAxis(time_text)})
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setClipToView(True)
        self._plot.setDownsampling(auto=True, mode="peak")
        self._plot.getViewBox().sigRangeChangedManually.connect(self._on_zoom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        theme.changed.connect(self.restyle)
        self.restyle()

    def set_lines(self, lines: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> None:
        """Draw these (UTC seconds, value) pairs, four at most; NaN breaks a line."""
        while len(self._lines) > len(lines):
            self._plot.removeItem(self._lines.pop())
        while len(self._lines) < len(lines):
            self._lines.append(self._plot.plot([], [], pen=self._pen(len(self._lines)), antialias=False))
        for line, (at, value) in zip(self._lines, lines, strict=True):
            line.setData(at, value, connect="finite")

    def show_window(self, start: float, end: float) -> None:
        """Show start…end unless a person chose another stretch."""
        if not self.zoomed:
            self._plot.setXRange(start, end, padding=0.01)

    def follow(self) -> None:
        """Back to the moving window and to a fitting height."""
        self.zoomed = False
        self._plot.getViewBox().enableAutoRange(axis="y")

    def restyle(self) -> None:
        """Colours and fonts of the theme."""
        tokens = self._theme.tokens
        self._plot.setBackground(tokens.panel)
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(tokens.line)
            axis.setTextPen(tokens.ink3)
            axis.setStyle(tickFont=self._theme.font(12))
        self._plot.showGrid(x=True, y=True, alpha=0.12)
        for place, line in enumerate(self._lines):
            line.setPen(self._pen(place))

    def _pen(self, place: int) -> object:
        tokens = self._theme.tokens
        return pg.mkPen((tokens.ink, tokens.select_edge, tokens.ink2, tokens.ink3)[place], width=1, style=_STYLES[place])

    def _on_zoom(self) -> None:
        self.zoomed = True


class _TimeAxis(pg.AxisItem):
    """Ticks worded by the caller."""

    def __init__(self, time_text: Callable[[float, bool], str]) -> None:
        super().__init__(orientation="bottom")
        self._time_text = time_text

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self._time_text(v, spacing < 60) for v in values]
