"""The list of cases: what is being worked on, what is overdue, what has just ended."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.case import STAGE_WORDS, Case
from app.domain.ids import CaseId, Millis
from app.domain.role import Seat
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.naming import area_name, case_label
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from widgets.rows import RowFace, RowList


class CasesPanel(Panel):
    """Open cases, overdue first, then by severity and age; ended ones after them."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._ids: list[CaseId] = []
        self._key: dict[CaseId, int] = {}
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE, whole_rows=self.context.seat is Seat.WALL)
        self.list.setObjectName("cases.list")
        self.list.setAccessibleName(self.t(N_("Cases")))
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.entered_row.connect(self._on_entered)
        column.addWidget(self.list, 1)
        focus = self.context.focus
        focus.case_selected.connect(self._on_focus)
        self.own(lambda: focus.case_selected.disconnect(self._on_focus))
        return content

    def refresh(self, change: ChangeSet) -> None:
        now = self.context.now()
        cases = list(self.hub.cases.values())
        if not self.list.held:
            cases.sort(key=lambda c: (c.ended, not c.overdue(now), c.severity, -c.opened_at if c.ended else c.opened_at))
            keys = [self._intern(c.id) for c in cases]
            self.model.show(np.array(keys, dtype=np.int64), [self._intern(c) for c in change.cases])
        if Topic.SECOND in change.topics:
            self.list.viewport().update()
        if not self.hub.batches:
            self.head(self.t(N_("waiting for the first data")))
            return
        working = [c for c in cases if not c.ended]
        late = sum(c.overdue(now) for c in working)
        self.head(self.t(N_("{n} open"), n=len(working)), self.t(N_("{n} overdue"), n=late) if late else self.t(N_("none overdue")))

    @property
    def live(self) -> bool:
        return bool(self.hub.cases)

    def _intern(self, case: CaseId) -> int:
        if case not in self._key:
            self._key[case] = len(self._ids)
            self._ids.append(case)
        return self._key[case]

    def _face(self, key: int) -> RowFace:
        case = self.hub.cases.get(self._ids[key])
        if case is None:
            return RowFace(self._ids[key], dim=True)
        now = self.context.now()
        late = case.overdue(now)
        return RowFace(
            title=case_label(self.words, case),
            note=f"{area_name(self.context.city, self.words, case.area)} · {self.words.text(case.place)}",
            right=self.words.t(STAGE_WORDS[case.stage]),
            right_note=self._clock(case, now, late),
            severity=int(case.severity),
            bold=late,
            dim=case.ended,
            tone=2 if late else 0,
        )

    def _clock(self, case: Case, now: Millis, late: bool) -> str:
        if case.ended or case.due_at is None:
            return self.words.clock(case.stage_at, seconds=False)
        if late:
            return self.t(N_("overdue {span}"), span=self.words.stopwatch(now - case.due_at))
        return self.t(N_("{span} left"), span=self.words.stopwatch(case.due_at - now))

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.title}, {face.note}, {face.right}, {face.right_note}"

    def _on_current(self) -> None:
        key = self.model.key(self.list.currentIndex().row())
        if key is None or self._ids[key] == self.context.focus.case:
            return
        case = self.hub.cases.get(self._ids[key])
        self.context.focus.select_case(self._ids[key])
        self.context.focus.select_alert(case.alerts[0] if case is not None and case.alerts else None)

    def _on_entered(self) -> None:
        self.context.show_panel("case")

    def _on_focus(self, case: CaseId | None) -> None:
        key = self._key.get(case) if case is not None else None
        row = self.model.row_of(key) if key is not None else -1
        if row >= 0 and row != self.list.currentIndex().row():
            self.list.selectionModel().setCurrentIndex(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return CasesPanel(spec, context)


PANEL = PanelSpec(id="cases", title=N_("Cases"), icon="case", needs=Topic.CASE | Topic.SECOND, create=create)
