"""The activity log: what operators did on this desk, as the journal has it, newest first, and how far each act has come."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.actions.spec import verb_words
from app.domain.audit import AuditEntry
from app.domain.role import ROLE_WORDS, Role
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from widgets.rows import RowFace, RowList

STATE_WORDS = {
    "pending": N_("pending"),
    "sent": N_("sent"),
    "confirmed": N_("confirmed"),
    "refused": N_("refused"),
    "kept": N_("kept here"),
}


class ActivityPanel(Panel):
    """The newest entries of the audit chain."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._entries: dict[int, AuditEntry] = {}
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE)
        self.list.setObjectName("activity.list")
        self.list.setAccessibleName(self.t(N_("Activity")))
        self.list.setModel(self.model)
        column.addWidget(self.list, 1)
        return content

    def refresh(self, change: ChangeSet) -> None:
        if Topic.ACTION not in change.topics:
            return
        entries = [e for e in self.context.actions.recent if e.verb != "answer"]
        self._entries = {e.seq: e for e in entries}
        keys = np.array(sorted(self._entries, reverse=True), dtype=np.int64)
        self.model.show(keys, [e.seq for e in entries if e.key])
        self.head(self.t(N_("{n} newest entries of the journal"), n=len(keys)), self.t(N_("newest first")))

    def _face(self, key: int) -> RowFace:
        entry = self._entries.get(key)
        if entry is None:
            return RowFace("")
        state = self.context.actions.state_of(entry.key) if entry.key else None
        role = self.t(ROLE_WORDS[Role(entry.role)]) if entry.role in set(Role) else entry.role
        about = self.words.text(entry.title) or entry.target
        reason = self.words.text(state.reason) if state is not None else ""
        return RowFace(
            title=" · ".join(part for part in (self.t(verb_words(entry)), about) if part),
            note=" · ".join(part for part in (entry.actor, role, entry.comment, reason) if part),
            right=self.words.clock(entry.at),
            right_note=self.t(STATE_WORDS[state.state]) if state is not None else "",
            tone=2 if state is not None and state.state == "refused" else 0,
        )

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.right} {face.title}, {face.note}, {face.right_note}"


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return ActivityPanel(spec, context)


PANEL = PanelSpec(id="activity", title=N_("Activity"), icon="log", needs=Topic.ACTION, create=create)
