"""The trend: one series or several over the last hour, to zoom, compare and take away."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.domain.errors import DeckError
from app.domain.ids import SeriesId, area_of, indicator_of
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.export import export_csv
from app.qt.furniture import HeaderLine
from app.qt.naming import area_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.services.csv_cells import Cell, table


class TrendPanel(Panel):
    """The selected series; "compare" keeps it and adds the next one selected."""

    def build(self) -> QWidget:
        from widgets.plot import MARKS, MAX_LINES, TrendPlot  # noqa: PLC0415 - pyqtgraph takes a third of a second to import

        self._marks, self._most = MARKS, MAX_LINES
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = HeaderLine(self.context)
        self.compare = QPushButton(self.t(N_("Compare")))
        self.compare.setCheckable(True)
        self.compare.setToolTip(self.t(N_("Keep what is shown and add the next series that you select, four at most.")))
        self.whole = QPushButton(self.t(N_("Whole hour")))
        self.whole.clicked.connect(self._whole_hour)
        self.export = QPushButton(self.t(N_("Export CSV")))
        self.export.clicked.connect(lambda: self.context.tasks.start(self._export(), "export trend"))
        for button in (self.compare, self.whole, self.export):
            self.header.row.addWidget(button)
        column.addWidget(self.header)
        self.plot = TrendPlot(self.theme, lambda second, fine: self.words.clock(int(second * 1000), seconds=fine))
        self.plot.setAccessibleName(self.t(N_("Trend")))
        column.addWidget(self.plot, 1)
        self.note = QLabel(self.t(N_("Select a tile or an alert: its last hour is drawn here.")))
        self.note.setMargin(self.theme.px(12))
        column.addWidget(self.note)
        self._series: list[SeriesId] = []
        focus = self.context.focus
        focus.series_selected.connect(self._on_series)
        self.own(lambda: focus.series_selected.disconnect(self._on_series))
        if focus.series is not None:
            self._on_series(focus.series)
        return content

    def refresh(self, change: ChangeSet) -> None:
        rows = [self.hub.series.index[s] for s in self._series]
        if Topic.SECOND in change.topics or np.isin(rows, change.series).any():
            self._draw()

    @property
    def live(self) -> bool:
        return self.hub.series.reported > 0

    def memento(self) -> dict[str, object]:
        return {"series": list(self._series)}

    def restore(self, memento: dict[str, object]) -> None:
        stored = memento.get("series")
        for series in stored if isinstance(stored, list) else ():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(series, str) and series in self.hub.series.index and series not in self._series:
                self._add(SeriesId(series))

    def _draw(self) -> None:
        now = self.context.now()
        self.plot.set_lines([self.hub.series.trend(self.hub.series.index[s], now) for s in self._series])
        self.plot.show_window(now / 1000 - 3600, now / 1000)

    def _on_series(self, series: SeriesId | None) -> None:
        if series is None or series not in self.hub.series.index or series in self._series:
            return
        if not self.compare.isChecked():
            self._series.clear()
        self._add(series)
        self.plot.follow()

    def _add(self, series: SeriesId) -> None:
        self._series = [*self._series, series][-self._most :]
        self.note.setVisible(False)
        self.header.say("   ".join(f"{self._marks[n]} {self._name(s)}" for n, s in enumerate(self._series)))
        self._draw()

    def _name(self, series: SeriesId) -> str:
        indicator = self.context.city.indicators[indicator_of(series)]
        return f"{self.words.text(indicator.name)} · {area_name(self.context.city, self.words, area_of(series))} ({self.words.text(indicator.unit)})"

    def _whole_hour(self) -> None:
        self.plot.follow()
        self._draw()

    async def _export(self) -> None:
        if not self._series:
            raise DeckError(self.t(N_("There is nothing to export yet.")), remedy=self.t(N_("Select a tile first.")))
        await export_csv(self, self._csv, preset="citydeck-trend.csv", comment=", ".join(self._series))

    def _csv(self) -> str:
        """Long form: series, name, unit, UTC time, value; an unknown value is an empty field."""
        rows: list[tuple[Cell, ...]] = [("series", "name", "unit", "time_utc", "value")]
        now = self.context.now()
        for series in self._series:
            indicator = self.context.city.indicators[indicator_of(series)]
            name, unit = self._name(series), self.words.text(indicator.unit)
            at, value = self.hub.series.trend(self.hub.series.index[series], now)
            for second, number in zip(at, value, strict=True):
                stamp = datetime.fromtimestamp(float(second), UTC).isoformat()
                rows.append((series, name, unit, stamp, None if np.isnan(number) else round(float(number), indicator.decimals)))
        return table(rows)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return TrendPanel(spec, context)


PANEL = PanelSpec(id="trend", title=N_("Trend"), icon="chart", needs=Topic.SERIES | Topic.SECOND, create=create)
