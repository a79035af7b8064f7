"""Where a person says what the alert queue should show: search, filters, order, folding, and searches kept under a name. It asks; the panel
answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import msgspec
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from app.citypack import CityPack
from app.domain.alert import ALERT_STATE_WORDS, ASIDE, UNSEEN, AlertState
from app.domain.text import N_
from app.live.queue import MAX_SEARCH, SORT_WORDS, Ask, Fold, Sort
from app.qt.naming import area_name, owner_name
from app.qt.words import Words
from widgets.chips import FilterChip
from widgets.severity import SeverityCounts
from widgets.theme import Theme

_TYPING_MS = 120
"""A search begins when nobody has typed for so long."""
MAX_SAVED = 50
UNSEEN_STATES = tuple(state for state in AlertState if state in UNSEEN)
FOLD_WORDS: dict[Fold | None, str] = {
    None: N_("Fold duplicates, and causes in a flood"),
    Fold.DUPLICATES: N_("Fold duplicates"),
    Fold.CAUSES: N_("Fold by cause"),
    Fold.NOTHING: N_("Fold nothing"),
}


class Saved(msgspec.Struct, frozen=True):
    """A search under a name, with its order."""

    name: str
    ask: Ask
    sort: Sort = Sort.URGENCY


class QueueBar(QWidget):
    """The two lines above the queue. `changed` when it asks for something else."""

    changed = Signal()
    name_asked = Signal()
    """The person wants to keep the search: somebody should ask for a name and call `save`."""

    def __init__(self, theme: Theme, words: Words, city: CityPack, me: Callable[[], str]) -> None:
        """`me`: the name of who is signed in."""
        super().__init__()
        self._theme, self._words, self._city, self._me = theme, words, city, me
        self.ask = Ask()
        self.sort = Sort.URGENCY
        self.fold: Fold | None = None
        """None: by itself, duplicates on a calm day and causes in a flood."""
        self.saved: list[Saved] = []
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._search)
        self._build()

    def follow(self, ask: Ask, sort: Sort | None = None) -> None:
        """Ask for this from now on."""
        self.ask = ask
        self.sort = sort or self.sort
        for widget, on in (
            (self.unhandled, ask.states == UNSEEN_STATES),
            (self.without_case, ask.without_case),
            (self.mine, bool(ask.owner)),
            (self.chattering, ask.chattering),
        ):
            widget.blockSignals(True)
            widget.setChecked(on)
            widget.blockSignals(False)
        if self.field.text() != ask.text:
            self.field.blockSignals(True)
            self.field.setText(ask.text)
            self.field.blockSignals(False)
        narrowed = self._narrowed()
        self.told.setText(narrowed)
        self.told.setToolTip("")
        self.line.setVisible(bool(narrowed))
        self.changed.emit()

    def save(self, name: str) -> None:
        """Keep what is asked for under `name`; an older search of that name goes."""
        kept = [saved for saved in self.saved if saved.name != name]
        self.saved = [*kept, Saved(name, self.ask, self.sort)][-MAX_SAVED:]

    def choose_severity(self, severity: int) -> None:
        """Show only this severity; again: all."""
        only = () if self.ask.severities == (severity,) else (severity,)
        self.follow(msgspec.structs.replace(self.ask, severities=only))

    def memento(self) -> dict[str, object]:
        """What should be the same at the next start."""
        return {
            "unhandled": self.ask.states == UNSEEN_STATES,
            "sort": self.sort.value,
            "fold": self.fold.value if self.fold else "",
            "saved": msgspec.to_builtins(self.saved),
        }

    def restore(self, memento: dict[str, object]) -> None:
        """Take back what `memento` gave; what does not fit is left out. A search that is not named is not taken up again: who comes to the
        desk in the morning would not know that it hides something."""
        try:
            self.saved = msgspec.convert(memento.get("saved", []), list[Saved])[:MAX_SAVED]
            self.sort = Sort(str(memento.get("sort", Sort.URGENCY.value)))
            self.fold = Fold(str(memento["fold"])) if memento.get("fold") else None
        except (msgspec.ValidationError, ValueError):
            self.saved, self.sort, self.fold = [], Sort.URGENCY, None
        self.follow(Ask(states=UNSEEN_STATES if memento.get("unhandled") is True else ()))

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        t, px = self._words.t, self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(12), px(2), px(12), px(6))
        column.setSpacing(px(6))
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(px(6))
            column.addLayout(row)
        self.field = QLineEdit()
        self.field.setObjectName("alerts.search")
        self.field.setPlaceholderText(t(N_("Search place, kind, owner   /")))
        self.field.setAccessibleName(t(N_("Search the alerts")))
        self.field.setClearButtonEnabled(True)
        self.field.setMaxLength(MAX_SEARCH)
        self.field.textChanged.connect(self._typing.start)
        self.field.returnPressed.connect(self._search)
        self.view = QPushButton(t(N_("View")))
        self.view.setObjectName("alerts.view")
        self.view.clicked.connect(self.open_menu)
        self.counts = SeverityCounts(self._theme)
        self.counts.setToolTip(t(N_("Show only this severity; again: all")))
        self.counts.chosen.connect(self.choose_severity)
        first.addWidget(self.field, 1)
        first.addWidget(self.counts)
        first.addWidget(self.view)
        self.unhandled = FilterChip(self._theme, t(N_("Unacknowledged")))
        self.without_case = FilterChip(self._theme, t(N_("No case")))
        self.mine = FilterChip(self._theme, t(N_("Mine")))
        self.chattering = FilterChip(self._theme, t(N_("Chattering")))
        for chip in (self.unhandled, self.without_case, self.mine, self.chattering):
            chip.toggled.connect(self._switch)
            second.addWidget(chip)
        second.addStretch(1)
        self.line = QWidget()
        line = QHBoxLayout(self.line)
        line.setContentsMargins(0, 0, 0, 0)
        self.told = QLabel()
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        self.told.setWordWrap(True)
        self.told.setFont(self._theme.font(13))
        clear = QPushButton(t(N_("Show all")))
        clear.setObjectName("alerts.clear")
        clear.clicked.connect(lambda: self.follow(Ask()))
        line.addWidget(self.told, 1)
        line.addWidget(clear)
        self.line.hide()
        column.addWidget(self.line)

    def _search(self) -> None:
        self._typing.stop()
        text = self.field.text().strip()
        if text != self.ask.text:
            self.follow(msgspec.structs.replace(self.ask, text=text))

    def _switch(self) -> None:
        self.follow(
            msgspec.structs.replace(
                self.ask,
                states=UNSEEN_STATES if self.unhandled.isChecked() else (),
                without_case=self.without_case.isChecked(),
                owner=self._me() if self.mine.isChecked() else None,
                chattering=self.chattering.isChecked(),
            )
        )

    def _narrowed(self) -> str:
        """What of the asking no chip shows, in words; empty: nothing."""
        ask, t, words = self.ask, self._words.t, self._words
        comma = t(N_(", "))
        parts: list[str] = []
        if ask.states and ask.states != UNSEEN_STATES:
            parts.append(comma.join(t(ALERT_STATE_WORDS[state]) for state in ask.states))
        if ask.severities:
            parts.append(t(N_("severity {which}"), which=comma.join(str(s) for s in ask.severities)))
        if ask.areas:
            parts.append(comma.join(area_name(self._city, words, area) for area in ask.areas))
        if ask.departments:
            parts.append(comma.join(owner_name(self._city, words, department) for department in ask.departments))
        if ask.domains:
            parts.append(comma.join(words.text(self._city.domains[d].name) for d in ask.domains if d in self._city.domains))
        if ask.kinds:
            parts.append(comma.join(words.text(self._city.alert_kinds[k].name) for k in ask.kinds if k in self._city.alert_kinds))
        if ask.text:
            parts.append(t(N_("with “{text}”"), text=ask.text))
        return " · ".join(parts)

    # --- the menu ------------------------------------------------------------------------------------------------------------

    def open_menu(self) -> None:
        """Order, folding, filters and kept searches."""
        menu = self.make_menu()
        menu.popup(self.view.mapToGlobal(QPoint(0, self.view.height())))

    def make_menu(self) -> QMenu:
        """The menu as it stands now. It deletes itself."""
        t, words, city = self._words.t, self._words, self._city
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        self._radio(menu.addMenu(t(N_("Order"))), [(t(SORT_WORDS[s]), s is self.sort, partial(self._set_sort, s)) for s in Sort])
        self._radio(menu.addMenu(t(N_("Folding"))), [(t(w), f is self.fold, partial(self._set_fold, f)) for f, w in FOLD_WORDS.items()])
        menu.addSeparator()
        self._choices(menu.addMenu(t(N_("District"))), "areas", [(code, words.text(area.name)) for code, area in city.areas.items()])
        self._choices(menu.addMenu(t(N_("Field"))), "domains", [(name, words.text(domain.name)) for name, domain in city.domains.items()])
        owners = {kind.owner for kind in city.alert_kinds.values()}
        departments = [(name, words.text(found.short)) for name, found in city.departments.items() if name in owners]
        self._choices(menu.addMenu(t(N_("Department"))), "departments", departments)
        states = [(state, t(ALERT_STATE_WORDS[state])) for state in (*ASIDE, AlertState.CLEARED)]
        self._choices(menu.addMenu(t(N_("Instead of the queue"))), "states", states)
        menu.addSeparator()
        kept = menu.addMenu(t(N_("Kept searches")))
        for saved in self.saved:
            kept.addAction(saved.name).triggered.connect(partial(self._take_up, saved))
        kept.addSeparator()
        kept.addAction(t(N_("Keep this search…"))).triggered.connect(self.name_asked)
        forget = kept.addMenu(t(N_("Forget")))
        forget.setEnabled(bool(self.saved))
        for saved in self.saved:
            forget.addAction(saved.name).triggered.connect(partial(self._forget, saved))
        menu.addSeparator()
        menu.addAction(t(N_("Show all"))).triggered.connect(lambda: self.follow(Ask()))
        return menu

    def _radio(self, menu: QMenu, entries: Iterable[tuple[str, bool, Callable[[], None]]]) -> None:
        group = QActionGroup(menu)
        for title, on, chosen in entries:
            entry = menu.addAction(title)
            entry.setCheckable(True)
            entry.setChecked(on)
            entry.triggered.connect(chosen)
            group.addAction(entry)

    def _choices(self, menu: QMenu, field: str, entries: Iterable[tuple[str, str]]) -> None:
        chosen: tuple[str, ...] = getattr(self.ask, field)
        for value, title in entries:
            entry: QAction = menu.addAction(title)
            entry.setCheckable(True)
            entry.setChecked(value in chosen)
            entry.triggered.connect(partial(self._toggle, field, value))

    def _toggle(self, field: str, value: str) -> None:
        chosen: tuple[str, ...] = getattr(self.ask, field)
        if field == "states" and chosen == UNSEEN_STATES:
            chosen = ()
        after = tuple(c for c in chosen if c != value) if value in chosen else (*chosen, value)
        self.follow(msgspec.structs.replace(self.ask, **{field: after}))

    def _set_sort(self, sort: Sort) -> None:
        self.follow(self.ask, sort)

    def _set_fold(self, fold: Fold | None) -> None:
        self.fold = fold
        self.follow(self.ask)

    def _take_up(self, saved: Saved) -> None:
        self.follow(saved.ask, saved.sort)

    def _forget(self, saved: Saved) -> None:
        self.saved = [kept for kept in self.saved if kept.name != saved.name]
