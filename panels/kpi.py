"""Alarm performance: how well the alarm system itself does, each figure with its goal beside it. It shows and exports; it changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QModelIndex
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.actions.authority import covers
from app.domain.alert import Alert
from app.domain.city import AreaLevel
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.export import export_csv
from app.qt.furniture import HeaderLine, scrolled
from app.qt.metric_words import MetricWords
from app.qt.naming import area_name
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from app.services.csv_cells import table
from app.services.flood import Episode
from app.services.metrics import SLICE, WINDOW_WORDS, Metrics, Question, Window, measure, slices
from app.services.reach import Areas, Reach
from widgets.bars import RankBars
from widgets.chips import FilterChip
from widgets.empty import EmptyNote
from widgets.fact_table import FactTable
from widgets.goals import GoalGrid
from widgets.rows import ROW, RowFace, RowList
from widgets.share_bars import ShareBars
from widgets.theme import Theme

EVERY_MS = 5_000
"""The page is computed anew at most so often; a choice of the person at the desk is followed at once."""
_SHOWN_ROWS, _MORE_ROWS = 5, 10
"""Rows of a list in sight: on a narrow page, and on one of three columns."""
_TWO_FROM, _THREE_FROM = 760, 1_360
"""Desk pixels across from which the page has two and three columns."""
_MINE = "mine"
"""Chosen district: the areas of whoever sits here."""


class KpiPanel(Panel):
    """The page. It costs nothing while it is hidden, and above some ten thousand alerts it is computed a slice at a time."""

    def build(self) -> QWidget:
        context = self.context
        self._say = MetricWords(context.city, self.words)
        self._began = context.now()
        self._computed: Millis | None = None
        self._kind: AlertKindId | None = None
        self._operator_areas: Areas = ()
        self._people = 0
        self._work: asyncio.Task[None] | None = None
        self._again = False
        self._floods: dict[int, Episode] = {}
        self._active: dict[int, int] = {}
        self._raises: dict[int, int] = {}
        self.metrics: Metrics | None = None
        """What is shown; None before the first."""
        self._reach = Reach(self.hub.alerts, self._chosen_areas, covers)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._choices())
        self.empty = EmptyNote(self.theme, icon="gauge")
        column.addWidget(self.empty, 1)
        self.page = scrolled(self._sections())
        column.addWidget(self.page, 1)
        self.page.hide()
        self.own(self._stop)
        return content

    def refresh(self, change: ChangeSet) -> None:
        now = self.context.now()
        if self._computed is None or not 0 <= now - self._computed < EVERY_MS:
            self._compute()

    @property
    def live(self) -> bool:
        return len(self.hub.alerts) > 0

    def memento(self) -> dict[str, object]:
        return {"window": self.window_choice.currentData(), "area": self.area_choice.currentData()}

    def restore(self, memento: dict[str, object]) -> None:
        for choice, stored in ((self.window_choice, memento.get("window")), (self.area_choice, memento.get("area"))):
            place = choice.findData(stored) if isinstance(stored, str) else -1
            if place >= 0:
                choice.setCurrentIndex(place)

    # --- building ------------------------------------------------------------------------------------------------------------

    def _choices(self) -> QWidget:
        self.header = HeaderLine(self.context)
        self.window_choice, self.area_choice, self.person_choice = QComboBox(), QComboBox(), QComboBox()
        for place, (choice, name) in enumerate(
            ((self.window_choice, N_("Window of time")), (self.area_choice, N_("District")), (self.person_choice, N_("Person")))
        ):
            choice.setAccessibleName(self.t(name))
            choice.setMinimumWidth(self.theme.px(76))
            self.header.row.insertWidget(place, choice)
        # How long it has measured stands in the title bar too: here it may be cut off rather than make the panel wide.
        self.header.left.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for window in Window:
            self.window_choice.addItem(self.t(WINDOW_WORDS[window]), window.value)
        self._offer_areas(())
        self._offer_people()
        self.only_kind = FilterChip(self.theme, "")
        self.only_kind.setToolTip(self.t(N_("Show all kinds again")))
        self.only_kind.clicked.connect(lambda: self._choose_kind(None))
        self.only_kind.hide()
        self.header.row.insertWidget(3, self.only_kind)
        self.export = QPushButton(self.t(N_("Export CSV")))
        self.export.clicked.connect(lambda: self.context.tasks.start(self._export(), "export alarm figures"))
        self.header.row.addWidget(self.export)
        for choice in (self.window_choice, self.area_choice, self.person_choice):
            choice.currentIndexChanged.connect(self._compute)
        return self.header

    def _sections(self) -> QWidget:
        theme = self.theme
        self.figures = GoalGrid(theme)
        self.figures.setAccessibleName(self.t(N_("Figures and goals")))
        self.top = RankBars(theme, row_height=30)
        self.top.setAccessibleName(self.t(N_("Most frequent kinds")))
        self.top.chosen.connect(self._on_top)
        self.shares = ShareBars(theme)
        self.shares.setAccessibleName(self.t(N_("Priorities")))
        self.handling = FactTable(theme, self._say.handling_head(), first_to_go=(1, 6, 2))
        self.handling.setAccessibleName(self.t(N_("Time to acknowledge")))
        self.floods = _Listing(self, "kpi.floods", self.t(N_("Floods")), self._flood_face)
        self.standing = _Listing(self, "kpi.standing", self.t(N_("Standing alerts")), self._standing_face)
        self.chattering = _Listing(self, "kpi.chattering", self.t(N_("Chattering points")), self._chattering_face)
        self.floods.chosen = self._on_flood
        self.standing.chosen = self.chattering.chosen = self._on_row
        self.top_section = _Section(theme, self.t(N_("Most frequent kinds")), self.top)
        self.share_section = _Section(theme, self.t(N_("Priorities")), self.shares)
        self.share_section.note.setText(self.t(N_("severities 1 and 2 count as high")))
        handling = _Section(theme, self.t(N_("Time to acknowledge")), self.handling)
        return _Page(
            theme,
            self.figures,
            {
                1: ((self.floods, self.top_section, self.share_section, handling, self.standing, self.chattering),),
                2: ((self.top_section, self.standing, self.chattering), (self.share_section, handling, self.floods)),
                3: ((self.top_section,), (self.share_section, handling), (self.floods, self.standing, self.chattering)),
            },
        )

    def _offer_areas(self, mine: Areas) -> None:
        """The districts to choose from; one's own areas first, where one has some."""
        city, choice = self.context.city, self.area_choice
        before = choice.currentData()
        choice.blockSignals(True)
        choice.clear()
        if mine:
            choice.addItem(self.t(N_("My areas")), _MINE)
        choice.addItem(self.t(N_("Whole city")), "")
        for area in city.areas.values():
            if area.level is AreaLevel.DISTRICT:
                choice.addItem(area_name(city, self.words, area.code), area.code)
        # Whoever has sat down sees their own part first; whoever chose a district keeps it.
        choice.setCurrentIndex(max(0, choice.findData(before) if before not in ("", _MINE) else 0))
        choice.blockSignals(False)
        self._operator_areas = mine

    def _offer_people(self) -> None:
        people = self.hub.alerts.people.values
        if len(people) == self._people:
            return
        choice = self.person_choice
        before = choice.currentData()
        choice.blockSignals(True)
        choice.clear()
        choice.addItem(self.t(N_("Everybody")), "")
        for person in sorted(name for name in people if name):
            choice.addItem(person, person)
        choice.setCurrentIndex(max(0, choice.findData(before)))
        choice.blockSignals(False)
        self._people = len(people)

    # --- computing -----------------------------------------------------------------------------------------------------------

    def _chosen_areas(self) -> Areas:
        return self._operator_areas if self.area_choice.currentData() == _MINE else ()

    def _question(self) -> Question:
        area = self.area_choice.currentData()
        watch = self.context.floods
        began = self._began if watch is None or watch.since is None else Millis(min(self._began, watch.since))
        return Question(
            now=self.context.now(),
            measured=began,
            window=Window(self.window_choice.currentData()),
            area=AreaCode(area) if area and area != _MINE else None,
            kind=self._kind,
            person=self.person_choice.currentData() or None,
        )

    def _episodes(self) -> list[Episode] | None:
        """The floods of what is chosen; None where nobody follows them for it."""
        watch = self.context.floods
        if watch is None or watch.areas != self._chosen_areas():
            return None
        return [episode for episode in watch.episodes() if episode.areas == watch.areas]

    def _compute(self) -> None:
        if self._work is not None:
            self._again = True
            return
        operator = self.context.actions.session.operator
        mine = operator.areas if operator is not None else ()
        if mine != self._operator_areas:
            self._offer_areas(mine)
        self._offer_people()
        if self.context.floods is not None:
            self._say.load = self.context.floods.figures
        self._computed = self.context.now()
        if len(self.hub.alerts) <= SLICE:
            self._show(measure(self.hub.alerts, self._question(), figures=self._say.load, reach=self._reach, floods=self._episodes()))
        else:
            self._work = self.context.tasks.start(self._by_slices(), "compute alarm figures")

    async def _by_slices(self) -> None:
        try:
            work = slices(self.hub.alerts, self._question(), figures=self._say.load, reach=self._reach, floods=self._episodes())
            while self.isVisible():
                try:
                    next(work)
                except StopIteration as done:
                    self._show(done.value)
                    break
                await asyncio.sleep(0)
            else:
                self._computed = None  # it was hidden meanwhile: computed when it shows
        finally:
            self._work = None
        if self._again:
            self._again = False
            self._compute()

    def _stop(self) -> None:
        self._again = False
        if self._work is not None:
            self._work.cancel()

    # --- showing -------------------------------------------------------------------------------------------------------------

    def _show(self, m: Metrics) -> None:
        self.metrics = m
        known = self.live
        since = self.words.moment(m.question.measured)
        if not known:
            self.empty.set_note(
                self.t(N_("No alert has come yet. This desk has been measuring since {when}."), when=since),
                self.t(N_("The figures begin with the first one.")),
            )
        self.empty.setVisible(not known)
        self.page.setVisible(known)
        self.export.setEnabled(known)
        measured = self.t(N_("measured since {when}, {span}"), when=self.words.moment(m.start_time), span=self.words.span(m.observed))
        self.header.say(measured if known else "")
        self.head(measured if known else "")
        if not known:
            return
        say = self._say
        self.figures.set_figures(say.figures(m))
        self.top.set_rows(say.top(m))
        self.top_section.note.setText(say.top_note(m))
        self.shares.set_rows(say.shares(m))
        self.handling.set_rows(say.handling(m))
        self._floods = {episode.start: episode for episode in m.floods}
        self.floods.show_rows(list(self._floods), len(self._floods), self._no_flood(m))
        self._active = {listed.row: listed.figure for listed in m.standing}
        self._raises = {listed.row: listed.figure for listed in m.chattering}
        self.standing.show_rows(list(self._active), m.standing_count, self.t(N_("No alert has been active for more than 24 hours.")))
        self.chattering.show_rows(list(self._raises), m.chattering_count, self.t(N_("No point has chattered.")))

    def _no_flood(self, m: Metrics) -> str:
        return self.t(N_("There was no flood.")) if m.flooded is not None else self.t(N_("Floods are followed for this seat as a whole."))

    def _flood_face(self, key: int) -> RowFace:
        episode = self._floods.get(key)
        return RowFace("") if episode is None else self._say.flood(episode, self.context.now())

    def _standing_face(self, key: int) -> RowFace:
        return self._say.standing(self.hub.alerts.at_row(key), self._active.get(key, 0))

    def _chattering_face(self, key: int) -> RowFace:
        return self._say.chattering(self.hub.alerts.at_row(key), self._raises.get(key, 0))

    # --- choosing ------------------------------------------------------------------------------------------------------------

    def _on_top(self, place: int) -> None:
        if self.metrics is not None and place < len(self.metrics.kinds):
            kind = self.metrics.kinds[place][0]
            self._choose_kind(None if kind == self._kind else kind)

    def _choose_kind(self, kind: AlertKindId | None) -> None:
        self._kind = kind
        self.only_kind.setText(self.t(N_("Only {kind}"), kind=self._say.kind(kind)) if kind is not None else "")
        self.only_kind.setChecked(kind is not None)
        self.only_kind.setVisible(kind is not None)
        self.only_kind.updateGeometry()
        self._compute()

    def _on_flood(self, key: int) -> None:
        episode = self._floods.get(key)
        self._select(episode.first if episode is not None else None)

    def _on_row(self, key: int) -> None:
        self._select(self.hub.alerts.at_row(key).id)

    def _select(self, alert: AlertId | None) -> None:
        found: Alert | None = self.hub.alerts.get(alert)
        if found is None:
            return
        self.context.focus.select_alert(found.id)
        self.context.focus.select_case(found.case)
        if found.series is not None:
            self.context.focus.select_series(found.series)

    # --- taking away ---------------------------------------------------------------------------------------------------------

    async def _export(self) -> None:
        m = self.metrics
        if m is None or not self.live:
            raise DeckError(self.t(N_("There is nothing to export yet.")), remedy=self.t(N_("Wait for the first alert.")))
        await export_csv(self, lambda: self.csv(m), preset="citydeck-alarm-performance.csv", comment=self.t(WINDOW_WORDS[m.question.window]))

    def csv(self, m: Metrics) -> str:
        """The page as a table for other programs."""
        return table(self._say.rows(m, self.hub.alerts, person=m.question.person or ""))


class _Section(QWidget):
    """A title, a quiet note beside it, and what it is about."""

    def __init__(self, theme: Theme, title: str, content: QWidget) -> None:
        super().__init__()
        px = theme.px
        self.title = QLabel(title)
        self.title.setProperty("role", "title")
        self.note = QLabel()
        self.note.setProperty("role", "hint")
        column, head = QVBoxLayout(self), QHBoxLayout()
        column.setContentsMargins(0, px(12), 0, px(4))
        column.setSpacing(px(4))
        head.setContentsMargins(px(12), 0, px(12), 0)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.note)
        column.addLayout(head)
        column.addWidget(content)


class _Listing(_Section):
    """A section that is a list of at most a few rows in sight, or one calm sentence."""

    def __init__(self, panel: KpiPanel, name: str, title: str, face: Callable[[int], RowFace]) -> None:
        content = QWidget()
        super().__init__(panel.theme, title, content)
        self._theme = panel.theme
        self._face = face
        self._show_panel = panel.context.show_panel
        self._count = 0
        self._most = _SHOWN_ROWS
        self._following = False
        self.chosen: Callable[[int], None] = lambda _key: None
        self.model = RowModel(face, self._say, panel)
        self.list = RowList(panel.theme, FACE_ROLE)
        self.list.setObjectName(name)
        self.list.setAccessibleName(title)
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.clicked.connect(self._on_clicked)
        self.list.entered_row.connect(self._on_entered)
        self.nothing = QLabel()
        self.nothing.setProperty("role", "hint")
        self.nothing.setWordWrap(True)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addWidget(self.nothing)
        self.restyle()
        panel.theme.changed.connect(self.restyle)

    def show_rows(self, keys: list[int], count: int, otherwise: str) -> None:
        """Show these keys of `count`; `otherwise` where there are none."""
        current = self.model.key(self.list.currentIndex().row())
        self._following = True
        self.model.show(np.array(keys, dtype=np.int64), keys)
        row = self.model.row_of(current) if current is not None else -1
        if row >= 0 and row != self.list.currentIndex().row():
            self.list.selectionModel().setCurrentIndex(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._following = False
        self.list.setVisible(bool(keys))
        self.nothing.setText(otherwise)
        self.nothing.setVisible(not keys)
        self.note.setText(str(count) if count else "")
        if len(keys) != self._count:
            self._count = len(keys)
            self.restyle()

    def allow(self, rows: int) -> None:
        """Show at most so many rows at a time."""
        self._most = rows
        self.restyle()

    def restyle(self) -> None:
        """Heights of the theme's scale."""
        self.list.setFixedHeight(max(1, min(self._count, self._most)) * self._theme.px(ROW))
        self.nothing.setMargin(self._theme.px(12))

    def _say(self, key: int) -> str:
        face = self._face(key)
        mark = f"{face.severity} " if face.severity else ""
        return mark + ", ".join(part for part in (face.title, face.note, face.right, face.right_note) if part)

    def _on_current(self, current: QModelIndex) -> None:
        key = self.model.key(current.row())
        if key is not None and not self._following:
            self.chosen(key)

    def _on_entered(self, _row: int) -> None:
        self._show_panel("alerts")

    def _on_clicked(self, index: QModelIndex) -> None:
        # Somebody may have selected another alert elsewhere since: a click on the row that is current selects its alert again.
        key = self.model.key(index.row())
        if key is not None:
            self.chosen(key)


class _Page(QFrame):
    """The figures above, the sections below in as many columns as the width has room for."""

    def __init__(self, theme: Theme, head: QWidget, columns: dict[int, tuple[tuple[QWidget, ...], ...]]) -> None:
        super().__init__()
        self._theme = theme
        self._columns = columns
        self._shown = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, theme.px(8))
        layout.setSpacing(0)
        layout.addWidget(head)
        self._places = [QVBoxLayout() for _ in range(max(columns))]
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        for place in self._places:
            place.setSpacing(0)
            row.addLayout(place, 1)
        layout.addLayout(row)
        layout.addStretch(1)
        self._row = row
        self._arrange(1)
        theme.changed.connect(self._rearrange)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rearrange()

    def _rearrange(self) -> None:
        width = self.width() / self._theme.scale
        self._arrange(3 if width >= _THREE_FROM else 2 if width >= _TWO_FROM else 1)

    def _arrange(self, wanted: int) -> None:
        if wanted == self._shown:
            return
        self._shown = wanted
        for place in self._places:
            while place.count():
                place.takeAt(0)
        for n, place in enumerate(self._places):
            sections = self._columns[wanted][n] if n < wanted else ()
            for section in sections:
                place.addWidget(section)
                if isinstance(section, _Listing):
                    section.allow(_MORE_ROWS if wanted == max(self._columns) else _SHOWN_ROWS)
            place.addStretch(1)
            self._row.setStretch(n, 1 if sections else 0)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return KpiPanel(spec, context)


PANEL = PanelSpec(id="kpi", title=N_("Alarm performance"), icon="gauge", needs=Topic.ALERT | Topic.SECOND, create=create)
