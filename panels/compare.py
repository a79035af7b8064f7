"""Districts side by side: one indicator, ranked, with the last hour of each."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.domain.city import AreaLevel, Direction, Indicator
from app.domain.ids import AreaCode, IndicatorId, Millis, indicator_of, series_id
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import HeaderLine, scrolled
from app.qt.naming import area_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.services.judge import judge, outside
from widgets.bars import RankBars, RankRow


class ComparePanel(Panel):
    """Best first, by the indicator's own direction; a district without a current value stands last, without a rank."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = HeaderLine(self.context)
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.t(N_("Indicator")))
        for indicator in self.context.city.indicators.values():
            if indicator.good is not Direction.NEITHER:
                self.choice.addItem(self.words.text(indicator.name), indicator.id)
        self.choice.currentIndexChanged.connect(self._again)
        self.header.row.insertWidget(0, self.choice)
        column.addWidget(self.header)
        self.bars = RankBars(self.theme)
        self.bars.setAccessibleName(self.t(N_("District comparison")))
        self.bars.chosen.connect(self._on_chosen)
        column.addWidget(scrolled(self.bars), 1)
        self._districts = [a.code for a in self.context.city.areas.values() if a.level is AreaLevel.DISTRICT]
        self._order: list[AreaCode] = []
        focus = self.context.focus
        focus.series_selected.connect(self._on_series)
        self.own(lambda: focus.series_selected.disconnect(self._on_series))
        return content

    def refresh(self, change: ChangeSet) -> None:
        if Topic.SECOND not in change.topics:
            return
        chosen = self.choice.currentData()
        if chosen is None:
            return
        indicator = self.context.city.indicators[IndicatorId(chosen)]
        now = self.context.now()
        values = {area: self._value(indicator, area, now) for area in self._districts}
        sign = -1.0 if indicator.good is Direction.UP else 1.0
        self._order = sorted(self._districts, key=lambda a: (values[a] is None, sign * (values[a] or 0.0)))
        known = [v for v in values.values() if v is not None]
        low, high = _scale(known)
        self.bars.set_rows([self._row(n, area, indicator, values[area], low, high, now) for n, area in enumerate(self._order, start=1)])
        unit = self.words.text(indicator.unit)
        self.header.say("", self.t(N_("{unit} · bars begin at {low}"), unit=unit, low=self.words.number(low, indicator.decimals)) if low else unit)
        self.head(self.t(N_("best first")), self.t(N_("{n} of {all} districts have a current value"), n=len(known), all=len(self._districts)))

    @property
    def live(self) -> bool:
        return self.hub.series.reported > 0

    def memento(self) -> dict[str, object]:
        return {"indicator": self.choice.currentData()}

    def restore(self, memento: dict[str, object]) -> None:
        place = self.choice.findData(memento.get("indicator"))
        if place >= 0:
            self.choice.setCurrentIndex(place)

    def _value(self, indicator: Indicator, area: AreaCode, now: Millis) -> float | None:
        row = self.hub.series.index.get(series_id(indicator.id, area))
        if row is None:
            return None
        reading = self.hub.series.reading(row)
        verdict = judge(indicator, reading, now)
        return None if verdict.missing or verdict.stale else reading.value

    def _row(self, rank: int, area: AreaCode, indicator: Indicator, value: float | None, low: float, high: float, now: Millis) -> RankRow:
        row = self.hub.series.index.get(series_id(indicator.id, area))
        out = value is not None and outside(indicator, value)
        return RankRow(
            rank=str(rank) if value is not None else "",
            name=area_name(self.context.city, self.words, area),
            share=0.0 if value is None or high <= low else max(0.0, (value - low) / (high - low)),
            value=self.words.number(value, indicator.decimals),
            low=out,
            missing=value is None,
            severity=int(indicator.out_of_band) if out else 0,
            values=self.hub.series.spark(row, now).astype(np.float64) if row is not None else np.empty(0),
        )

    def _again(self) -> None:
        self.refresh(ChangeSet(Topic.SECOND))

    def _on_chosen(self, place: int) -> None:
        if 0 <= place < len(self._order):
            self.context.focus.select_area(self._order[place])

    def _on_series(self, series: object) -> None:
        place = self.choice.findData(indicator_of(series)) if isinstance(series, str) else -1  # type: ignore[arg-type]
        if place >= 0:
            self.choice.setCurrentIndex(place)


def _scale(values: list[float]) -> tuple[float, float]:
    """Where the bars begin and end. From 0, unless all values lie so close together that nothing could be told apart: the header then says where."""
    if not values or max(values) <= 0:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if low <= 0 or high - low > 0.2 * high:
        return 0.0, high
    return max(0.0, low - max(high - low, 0.01 * high)), high


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return ComparePanel(spec, context)


PANEL = PanelSpec(id="compare", title=N_("Districts"), icon="chart", needs=Topic.SERIES | Topic.SECOND, create=create)
