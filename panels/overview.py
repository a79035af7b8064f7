"""The leader's first page: each field of the city's life with its three leading figures."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.domain.city import Indicator
from app.domain.ids import AreaCode, Millis, SeriesId, series_id
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.naming import owner_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.services.judge import judge
from widgets.cards import Card, CardBoard, Figure

FIELDS = 6
FIGURES = 3


class OverviewPanel(Panel):
    """The first six domains of the pack with the first three indicators of each, for the selected area."""

    def build(self) -> QWidget:
        self.board = CardBoard(self.theme)
        self.board.setAccessibleName(self.t(N_("Overview")))
        self.board.chosen.connect(self._on_chosen)
        indicators = self.context.city.indicators.values()
        self._fields = [
            (domain, [i for i in indicators if i.domain == domain.id][:FIGURES]) for domain in list(self.context.city.domains.values())[:FIELDS]
        ]
        return self.board

    def refresh(self, change: ChangeSet) -> None:
        if Topic.SECOND not in change.topics and self._shown_once:
            return  # leaders read this page: once a second is often enough, and nothing flickers
        self._shown_once = True
        now = self.context.now()
        self.board.set_cards([self._card(self.words.text(domain.name), chosen, now) for domain, chosen in self._fields])

    _shown_once = False

    @property
    def live(self) -> bool:
        return self.hub.series.reported > 0

    def _area(self) -> AreaCode:
        return self.context.focus.area or self.context.city.root

    def _card(self, title: str, chosen: list[Indicator], now: Millis) -> Card:
        owners = {owner_name(self.context.city, self.words, i.owner) for i in chosen}
        rows = [row for i in chosen if (row := self.hub.series.index.get(self._series(i))) is not None]
        newest = max((int(self.hub.series.at[row]) for row in rows), default=0)
        note = " · ".join((*sorted(owners)[:1], self.words.ago(newest, now)))
        return Card(title, note, tuple(self._figure(i, now) for i in chosen))

    def _series(self, indicator: Indicator) -> SeriesId:
        return series_id(indicator.id, self._area())

    def _figure(self, indicator: Indicator, now: Millis) -> Figure:
        row = self.hub.series.index.get(self._series(indicator))
        if row is None:
            return Figure(self.words.text(indicator.name), self.words.number(None), "", self.t(N_("not measured here")), 0, quiet=True)
        reading = self.hub.series.reading(row)
        verdict = judge(indicator, reading, now)
        words = self.words
        if verdict.missing or verdict.stale:
            note = self.t(N_("no data for {span}"), span=words.span(now - reading.at)) if reading.at else self.t(N_("never reported"))
            return Figure(words.text(indicator.name), words.number(None), "", note, 0, quiet=True)
        before = self.hub.series.value_before(row, now, 60)
        change = (
            ""
            if before is None or reading.value is None
            else self.t(N_("1 h {change}"), change=words.number(reading.value - before, indicator.decimals, sign=True))
        )
        return Figure(
            words.text(indicator.name), words.number(reading.value, indicator.decimals), words.text(indicator.unit), change, verdict.severity
        )

    def _on_chosen(self, card: int, figure: int) -> None:
        self.context.focus.select_series(self._series(self._fields[card][1][figure]))


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return OverviewPanel(spec, context)


PANEL = PanelSpec(id="overview", title=N_("Overview"), icon="cockpit", needs=Topic.SERIES | Topic.SECOND, create=create)
