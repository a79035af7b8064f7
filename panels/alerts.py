"""The alert queue: everything that is abnormal now, worst first, and what can be done about the one selected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.alert import Alert, AlertState
from app.domain.ids import AlertId
from app.domain.role import Seat
from app.domain.text import N_
from app.live.alerts import STATES
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import ActionBar
from app.qt.naming import alert_standing, alert_title, alert_where
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from widgets.chips import FilterChip
from widgets.rows import RowFace, RowList
from widgets.severity import SeverityCounts

_ACKNOWLEDGED = STATES.index(AlertState.ACKNOWLEDGED)


class AlertPanel(Panel):
    """Unacknowledged before acknowledged, worst first, oldest first within. While the pointer moves in the list its order is held,
    and what waits is counted above."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        filters = self._filters()
        filters.setVisible(self.context.seat is not Seat.WALL)
        column.addWidget(filters)
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE, whole_rows=self.context.seat is Seat.WALL)
        self.list.setObjectName("alerts.list")
        self.list.setAccessibleName(self.t(N_("Alerts")))
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.entered_row.connect(self._on_entered)
        column.addWidget(self.list, 1)
        self.bar = ActionBar(self.context, () if self.context.seat is Seat.WALL else self.spec.actions)
        self.bar.setVisible(self.context.seat is not Seat.WALL)
        column.addWidget(self.bar)
        focus = self.context.focus
        focus.alert_selected.connect(self._on_focus)
        self.own(lambda: focus.alert_selected.disconnect(self._on_focus))
        self._severity = 0
        self._following = False
        self._begun = False
        return content

    def refresh(self, change: ChangeSet) -> None:
        touched = [self.hub.alerts.row_of(a) for a in change.alerts]
        wanted = self._wanted()
        if self.list.held:
            shown = self.model.keys
            waiting = len(np.setdiff1d(wanted, shown, assume_unique=True))
            self.model.show(shown, touched)
        else:
            waiting = 0
            self._show(wanted, touched)
        if Topic.SECOND in change.topics:
            self.list.viewport().update()
        standing = self.hub.alerts.standing()
        counts = (int(standing[1]), int(standing[2]), int(standing[3]), int(standing[4]))
        self.counts.set_counts(counts)
        self.head(
            trailing=self.t(N_("{n} more wait: the order is held while you point"), n=waiting)
            if waiting
            else self.t(N_("worst first, oldest first")),
            counts=counts,
        )
        hidden = int(standing.sum()) - len(self.model.keys)
        self.bar.note.setText(self.t(N_("{n} not shown"), n=hidden) if hidden > 0 else "")
        self.bar.update_state()
        if not self._begun and len(self.model.keys) and self.context.seat is Seat.DUTY:
            self._begun = True
            self._begin()

    @property
    def live(self) -> bool:
        return len(self.hub.alerts) > 0

    def memento(self) -> dict[str, object]:
        return {"unhandled": self.unhandled.isChecked()}

    def restore(self, memento: dict[str, object]) -> None:
        self.unhandled.setChecked(memento.get("unhandled") is True)

    def _filters(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        px = self.theme.px
        layout.setContentsMargins(px(12), px(2), px(12), px(8))
        layout.setSpacing(px(6))
        self.unhandled = FilterChip(self.theme, self.t(N_("Unacknowledged")))
        self.without_case = FilterChip(self.theme, self.t(N_("No case")))
        for chip in (self.unhandled, self.without_case):
            chip.toggled.connect(self._again)
            layout.addWidget(chip)
        layout.addStretch(1)
        self.counts = SeverityCounts(self.theme)
        self.counts.setToolTip(self.t(N_("Show only this severity; again: all")))
        self.counts.chosen.connect(self._choose_severity)
        layout.addWidget(self.counts)
        return row

    def _wanted(self) -> NDArray[np.int64]:
        alerts = self.hub.alerts
        rows = alerts.order()
        if self._severity:
            rows = rows[alerts.severity[rows] == self._severity]
        if self.unhandled.isChecked():
            rows = rows[alerts.state[rows] != _ACKNOWLEDGED]
        if self.without_case.isChecked():
            rows = np.array([r for r in rows if alerts.at_row(int(r)).case is None], dtype=np.int64)
        return rows

    def _show(self, wanted: NDArray[np.int64], touched: list[int]) -> None:
        """Show `wanted` without the selected row moving on the screen."""
        selected = self.context.focus.alert
        before = self._offset(selected)
        self._following = True
        self.model.show(wanted, touched)
        self._following = False
        if selected is not None and before is not None:
            self._select(selected)
            after = self._top(selected)  # in sight or not: it may have been pushed further than the viewport is high
            if after is not None and after != before:
                bar = self.list.verticalScrollBar()
                bar.setValue(bar.value() + after - before)

    def _offset(self, alert: AlertId | None) -> int | None:
        """Where the alert's row stands in the viewport, pixels; None where it is not in sight."""
        if alert is None or self.hub.alerts.get(alert) is None or self.list.verticalScrollBar().value() == 0:
            return None  # at the top one watches the worst come in; only who has scrolled away keeps their place
        top = self._top(alert)
        return top if top is not None and 0 <= top < self.list.viewport().height() else None

    def _top(self, alert: AlertId) -> int | None:
        """The top of the alert's row, pixels from the viewport's; None where it is not in the list."""
        row = self.model.row_of(self.hub.alerts.row_of(alert))
        return self.list.visualRect(self.model.index(row, 0)).top() if row >= 0 else None

    def _select(self, alert: AlertId) -> None:
        row = self.model.row_of(self.hub.alerts.row_of(alert))
        if row >= 0 and self.list.currentIndex().row() != row:
            self._following = True
            self.list.selectionModel().setCurrentIndex(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self._following = False

    def _face(self, key: int) -> RowFace:
        alert = self.hub.alerts.at_row(key)
        fresh = alert.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)
        return RowFace(
            title=alert_title(self.words, alert),
            note=alert_where(self.context.city, self.words, alert),
            right=self.words.stopwatch(self.context.now() - alert.at)
            if self.context.now() - alert.at < 86_400_000
            else self.words.span(self.context.now() - alert.at),
            right_note=self._right_note(alert),
            severity=int(alert.severity),
            bold=fresh,
            dim=not fresh,
        )

    def _right_note(self, alert: Alert) -> str:
        if alert.case is not None and (case := self.hub.cases.get(alert.case)) is not None:
            return self.t(N_("case {number}"), number=case.number or self.t(N_("number pending")))
        return alert_standing(self.words, alert, self.context.now())

    def _say(self, key: int) -> str:
        alert = self.hub.alerts.at_row(key)
        face = self._face(key)
        return f"{int(alert.severity)} {face.title}, {face.note}, {face.right_note}"

    def _on_current(self) -> None:
        key = self.model.key(self.list.currentIndex().row())
        if key is None or self._following:
            return
        alert = self.hub.alerts.at_row(key)
        self.context.focus.select_alert(alert.id)
        self.context.focus.select_case(alert.case)
        if alert.series is not None:
            self.context.focus.select_series(alert.series)
        self.bar.update_state()

    def _on_entered(self, _row: int) -> None:
        self.context.show_panel("case")

    def _on_focus(self, alert: AlertId | None) -> None:
        if alert is not None and self.hub.alerts.get(alert) is not None:
            self._select(alert)
        self.bar.update_state()

    def _begin(self) -> None:
        """A desk that has just come up shows the worst first, and what it needs beside it, until a person chooses."""
        if self.context.focus.alert is None and self.context.focus.case is None:
            self.list.setCurrentIndex(self.model.index(0, 0))

    def _again(self) -> None:
        self.refresh(ChangeSet(Topic.ALERT))

    def _choose_severity(self, severity: int) -> None:
        self._severity = 0 if self._severity == severity else severity
        self.refresh(ChangeSet(Topic.ALERT))


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return AlertPanel(spec, context)


PANEL = PanelSpec(
    id="alerts",
    title=N_("Alerts"),
    icon="bell",
    needs=Topic.ALERT | Topic.CASE | Topic.SECOND,
    create=create,
    actions=("acknowledge", "open_case", "dispatch"),
)
