"""The indicator board: what the city measures, each number with its unit, change, age, owner and quality."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.domain.city import Indicator
from app.domain.ids import AreaCode, Millis, SeriesId, series_id
from app.domain.quality import QUALITY_WORDS
from app.domain.role import Seat
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import HeaderLine
from app.qt.naming import area_name, owner_name, source_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.services.judge import Judgement, judge
from widgets.tile import TileBoard, TileFace

_HEADLINES = "headlines"
_WALL_TILE = 104
"""Height of a wall's tile with its gap, in pixels of the scale."""


class BoardPanel(Panel):
    """Tiles of one area: the headline indicators, or those of one domain."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = HeaderLine(self.context)
        self.domain = QComboBox()
        self.domain.setAccessibleName(self.t(N_("Field")))
        self.domain.addItem(self.t(N_("Headlines")), _HEADLINES)
        for domain in self.context.city.domains.values():
            self.domain.addItem(self.words.text(domain.name), domain.id)
        self.domain.currentIndexChanged.connect(self._choose)
        self.area = QComboBox()
        self.area.setAccessibleName(self.t(N_("Area")))
        for code in self.context.city.areas:
            self.area.addItem(area_name(self.context.city, self.words, code), code)
        self.area.currentIndexChanged.connect(self._choose)
        self.header.row.insertWidget(0, self.domain)
        self.header.row.insertWidget(1, self.area)
        wall = self.context.seat is Seat.WALL
        self.header.setVisible(not wall)
        column.addWidget(self.header)
        self.board = TileBoard(self.theme, wall=wall)
        self.board.setAccessibleName(self.t(N_("Indicators")))
        self.board.chosen.connect(self._on_chosen)
        self.board.activated.connect(self._on_activated)
        self.board.menu.connect(self._on_menu)
        self.board.scrolled.connect(self._on_scrolled)
        column.addWidget(self.board, 1)
        self._all: list[tuple[Indicator, SeriesId, int]] = []
        self._shown: list[tuple[Indicator, SeriesId, int]] = []
        self._place = np.full(len(self.hub.series), -1, dtype=np.int32)
        """By row of the store: which tile shows it, -1 none."""
        self._late: set[int] = set()
        """Tiles out of sight whose series have changed."""
        focus = self.context.focus
        focus.area_selected.connect(self._on_area)
        self.own(lambda: focus.area_selected.disconnect(self._on_area))
        self._choose()
        return content

    def refresh(self, change: ChangeSet) -> None:
        now = self.context.now()
        if self.context.seat is Seat.WALL and Topic.SECOND in change.topics:
            self._fill_wall(now)
        self._late.update(range(len(self._shown)) if Topic.SECOND in change.topics else self._places(change.series))
        self._catch_up(now)
        if Topic.SECOND in change.topics:
            self._count(now)

    def _places(self, rows: NDArray[np.int32]) -> list[int]:
        """The tiles that show one of these series."""
        places = self._place[rows]
        return places[places >= 0].tolist()

    def _catch_up(self, now: Millis) -> None:
        """Bring the tiles in sight up to date. The others wait until somebody scrolls to them: what nobody sees costs nothing."""
        for place in [p for p in self._late if self.board.in_sight(p)]:
            self._late.discard(place)
            self.board.update_face(place, self._face(place, now))

    def _on_scrolled(self) -> None:
        self._catch_up(self.context.now())

    @property
    def live(self) -> bool:
        return self.hub.series.reported > 0

    def memento(self) -> dict[str, object]:
        return {"domain": self.domain.currentData(), "area": self.area.currentData()}

    def restore(self, memento: dict[str, object]) -> None:
        for box, key in ((self.domain, "domain"), (self.area, "area")):
            place = box.findData(memento.get(key))
            if place >= 0:
                box.setCurrentIndex(place)

    def _choose(self) -> None:
        """Another field or area was chosen: lay out its tiles."""
        city, area, domain = self.context.city, AreaCode(self.area.currentData()), self.domain.currentData()
        chosen = [i for i in city.indicators.values() if (i.headline if domain == _HEADLINES else i.domain == domain)]
        if domain == _HEADLINES:
            chosen.sort(key=lambda i: i.headline)
        index = self.hub.series.index
        self._all = [(i, s, index[s]) for i in chosen if (s := series_id(i.id, area)) in index]
        self._lay_out(self._all)

    def _fill_wall(self, now: Millis) -> None:
        """Nobody scrolls a wall: as many tiles as fit, what is abnormal before what is normal."""
        room = max(1, self.board.viewport().height() // self.theme.px(_WALL_TILE))
        rated = [(judge(i, self.hub.series.reading(row), now), i, s, row) for i, s, row in self._all]
        rated.sort(key=lambda r: (r[0].severity or 9, r[1].headline))
        wanted = [(i, s, row) for _, i, s, row in rated[:room]]
        if [row for _, _, row in wanted] != [row for _, _, row in self._shown]:
            self._lay_out(wanted)

    def _lay_out(self, tiles: list[tuple[Indicator, SeriesId, int]]) -> None:
        self._shown = tiles
        self._place.fill(-1)
        for place, (_, _, row) in enumerate(tiles):
            self._place[row] = place
        self._late.clear()
        now = self.context.now()
        self.board.set_faces([self._face(place, now) for place in range(len(self._shown))])
        self._count(now)

    def _count(self, now: Millis) -> None:
        rows = np.array([row for _, _, row in self._shown], dtype=np.int64)
        stale = int(np.count_nonzero(self.hub.series.stale(now)[rows])) if len(rows) else 0
        self.head(self.t(N_("{n} indicators"), n=len(rows)), self.t(N_("{n} out of date"), n=stale) if stale else "")

    def _face(self, place: int, now: Millis) -> TileFace:
        indicator, series, row = self._shown[place]
        reading = self.hub.series.reading(row)
        verdict = judge(indicator, reading, now)
        words = self.words
        owner = owner_name(self.context.city, words, indicator.owner)
        broken = verdict.missing or verdict.stale
        return TileFace(
            title=words.text(indicator.name),
            value=words.number(None if broken else reading.value, indicator.decimals),
            unit="" if broken else words.text(indicator.unit),
            change=self._change(indicator, row, reading.value, verdict, now),
            age=self._age(reading.at, verdict, now),
            owner=owner,
            severity=verdict.severity,
            quality=words.t(QUALITY_WORDS[reading.quality]) if verdict.doubtful else "",
            missing=broken,
            tooltip=partial(self._tooltip, indicator, series, row),
            values=self.hub.series.spark(row, now).astype(np.float64),
            band=None if indicator.low is None or indicator.high is None else (indicator.low, indicator.high),
        )

    def _age(self, at: Millis | None, verdict: Judgement, now: Millis) -> str:
        if at is None:
            return self.t(N_("never reported"))
        if verdict.stale:
            return self.t(N_("no data for {span}"), span=self.words.span(now - at))
        return self.t(N_("live")) if now - at < 5_000 else self.words.ago(at, now)

    def _change(self, indicator: Indicator, row: int, value: float | None, verdict: Judgement, now: Millis) -> str:
        if verdict.stale or verdict.missing:
            at = int(self.hub.series.at[row])
            last = self.hub.series.value[row]
            return (
                self.t(
                    N_("last {value} at {time}"), value=self.words.number(float(last), indicator.decimals), time=self.words.clock(at, seconds=False)
                )
                if at
                else ""
            )
        before = self.hub.series.value_before(row, now, 60)
        if before is None or value is None:
            return ""
        return self.t(N_("1 h {change}"), change=self.words.number(value - before, indicator.decimals, sign=True))

    def _tooltip(self, indicator: Indicator, series: SeriesId, row: int) -> str:
        reading = self.hub.series.reading(row)
        words = self.words
        band = (
            self.t(N_("none"))
            if indicator.low is None and indicator.high is None
            else f"{words.number(indicator.low, indicator.decimals)} … {words.number(indicator.high, indicator.decimals)}"
        )
        return "\n".join(
            (
                words.text(indicator.definition) or words.text(indicator.name),
                self.t(N_("Owner: {owner}"), owner=owner_name(self.context.city, words, indicator.owner)),
                self.t(N_("Source: {source} · {series}"), source=source_name(words, reading.source) or "—", series=series),
                self.t(N_("Measured: {at}"), at=words.moment(reading.at)),
                self.t(N_("Arrived: {at}"), at=words.moment(reading.arrived)),
                self.t(
                    N_("Reported every {period}; out of date after {limit}"),
                    period=words.span(indicator.period_ms),
                    limit=words.span(indicator.fresh_ms),
                ),
                self.t(N_("Quality: {quality}"), quality=words.t(QUALITY_WORDS[reading.quality])),
                self.t(N_("Normal band: {band}"), band=band),
            )
        )

    def _on_chosen(self, place: int) -> None:
        self.context.focus.select_series(self._shown[place][1])

    def _on_activated(self, place: int) -> None:
        self._on_chosen(place)
        self.context.show_panel("trend")

    def _on_menu(self, place: int, _where: QPoint) -> None:
        self._on_activated(place)

    def _on_area(self, area: AreaCode | None) -> None:
        place = self.area.findData(area if area is not None else self.context.city.root)
        if place >= 0:
            self.area.setCurrentIndex(place)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return BoardPanel(spec, context)


PANEL = PanelSpec(id="board", title=N_("Indicators"), icon="tiles", needs=Topic.SERIES | Topic.SECOND, create=create)
