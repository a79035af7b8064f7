"""Units for what is selected: who could go, how soon, and why or why not. Marked ones are sent with the dispatch key."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.domain.geo import Position
from app.domain.ids import UnitId
from app.domain.text import N_
from app.domain.unit import UNIT_STATE_WORDS
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import ActionBar
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from app.services.recommend import DOUBT_WORDS, Candidate, Doubt, recommend
from widgets.empty import EmptyNote
from widgets.rows import RowFace, RowList


class UnitsPanel(Panel):
    """Candidates for the selected alert or case, those that fit first, soonest first; without a selection, nothing to recommend for."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._candidates: dict[int, Candidate] = {}
        self._key: dict[UnitId, int] = {}
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE)
        self.list.setObjectName("units.list")
        self.list.setAccessibleName(self.t(N_("Recommended units")))
        self.list.setModel(self.model)
        self.list.toggled_row.connect(self._toggle)
        self.list.entered_row.connect(self._send)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.empty = EmptyNote(self.theme, self.t(N_("Select an alert or a case: the units that could go are listed here.")), icon="unit")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.list)
        column.addWidget(self.pages, 1)
        self.bar = ActionBar(self.context, self.spec.actions)
        column.addWidget(self.bar)
        focus = self.context.focus
        for signal in (focus.alert_selected, focus.case_selected):
            signal.connect(self._on_focus)
            self.own(lambda s=signal: s.disconnect(self._on_focus))
        operations = self.context.operations
        operations.choose_units = self.choose
        self.own(operations.no_chooser)
        return content

    def choose(self) -> None:
        """Come to the front with the best candidate marked, so that one more key sends it."""
        self.context.show_panel("units")
        self.refresh(ChangeSet(Topic.UNIT | Topic.SECOND))
        best = self._candidates.get(self.model.key(0) or 0) if self.model.rowCount() else None
        if best is not None and best.fit and not self.context.operations.chosen:
            self.context.operations.chosen = [best.unit.id]
        self.list.setCurrentIndex(self.model.index(0, 0))
        self.list.setFocus()
        self.refresh(ChangeSet(Topic.UNIT | Topic.SECOND))

    def refresh(self, change: ChangeSet) -> None:
        need = self._need()
        if Topic.SECOND not in change.topics and self.model.rowCount() and need == self._needed:
            # Positions change thirty times a second; an order that follows once a second can be read and clicked.
            if change.topics & (Topic.ALERT | Topic.CASE):
                self.bar.update_state()
            return
        self._needed = need
        place, skills, about = need
        found = recommend(self.context.city, self.hub.units, place, skills, self.context.now()) if place is not None else []
        self._candidates = {self._intern(c.unit.id): c for c in found}
        if not self.list.held:
            keys = np.fromiter(self._candidates, dtype=np.int64, count=len(self._candidates))
            self.model.show(keys, self._candidates)
        self.pages.setCurrentIndex(0 if place is None else 1)
        if place is None:
            self.head()
        elif not any(c.fit for c in found):
            self.head(self.t(N_("No idle unit with these skills. The nearest others are listed with the reason.")))
        else:
            self.head(about, self.t(N_("by arrival and skill")))
        self.bar.note.setText(self.t(N_("{n} marked"), n=len(self.context.operations.chosen)))
        self.bar.update_state()

    _needed: tuple[Position | None, tuple[str, ...], str] = (None, (), "")

    @property
    def live(self) -> bool:
        return len(self.hub.units) > 0

    def _need(self) -> tuple[Position | None, tuple[str, ...], str]:
        """Where, with which skills, for what."""
        operations, kinds = self.context.operations, self.context.city.alert_kinds
        subject = operations.case or operations.alert
        if subject is None:
            return None, (), ""
        kind = kinds.get(subject.kind)
        area = self.context.city.areas.get(subject.area)
        place = subject.position or (area.centre if area is not None else None)
        return place, kind.skills if kind is not None else (), self.words.text(subject.title)

    def _intern(self, unit: UnitId) -> int:
        return self._key.setdefault(unit, len(self._key))

    def _face(self, key: int) -> RowFace:
        candidate = self._candidates.get(key)
        if candidate is None:
            return RowFace("")
        unit = candidate.unit
        now = self.context.now()
        doubts = [self.t(DOUBT_WORDS[d]) for d in candidate.doubts]
        facts = [self.t(UNIT_STATE_WORDS[unit.state]), *doubts]
        if Doubt.OLD_POSITION not in candidate.doubts:
            facts.append(self.t(N_("position {ago}"), ago=self.words.ago(unit.at, now)))
        return RowFace(
            title=self.words.text(unit.name),
            note=" · ".join(facts),
            right=f"{self.words.distance(candidate.distance_m)} · {self.words.span(max(60_000.0, candidate.arrival_s * 1000))}",
            right_note="",
            dim=not candidate.fit,
            checked=unit.id in self.context.operations.chosen,
        )

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.title}, {face.note}, {face.right}"

    def _toggle(self, row: int) -> None:
        key = self.model.key(row)
        candidate = self._candidates.get(key) if key is not None else None
        if candidate is None or key is None:
            return
        chosen = self.context.operations.chosen
        if candidate.unit.id in chosen:
            chosen.remove(candidate.unit.id)
        elif candidate.fit or (Doubt.SKILL in candidate.doubts and Doubt.BUSY not in candidate.doubts):
            chosen.append(candidate.unit.id)
        self.model.show(self.model.keys, [key])
        self.bar.note.setText(self.t(N_("{n} marked"), n=len(chosen)))

    def _send(self, row: int) -> None:
        if not self.context.operations.chosen:
            self._toggle(row)
        self.bar.start("dispatch")

    def _on_current(self) -> None:
        key = self.model.key(self.list.currentIndex().row())
        candidate = self._candidates.get(key) if key is not None else None
        self.context.focus.select_unit(candidate.unit.id if candidate is not None else None)

    def _on_focus(self, _selected: object) -> None:
        self.context.operations.chosen = []
        if self.isVisible():
            self.refresh(ChangeSet(Topic.UNIT | Topic.SECOND))


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return UnitsPanel(spec, context)


PANEL = PanelSpec(
    id="units",
    title=N_("Recommended units"),
    icon="unit",
    needs=Topic.UNIT | Topic.CASE | Topic.ALERT | Topic.SECOND,
    create=create,
    actions=("dispatch", "recall"),
)
