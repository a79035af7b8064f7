"""The alert queue: everything that is abnormal now, worst first, and what can be done about what is chosen. It hides nothing silently: what
it does not show is counted below it, and listed by a click."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.domain.alert import ALERT_STATE_WORDS, Alert, AlertState
from app.domain.ids import AlertId
from app.domain.role import Seat
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.live.queue import SORT_WORDS, AlertQueue, Answer, Fold, Question
from app.qt.furniture import ActionBar
from app.qt.naming import alert_standing, alert_title, alert_where
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.queue_bar import QueueBar
from app.qt.rows import FACE_ROLE, RowModel
from widgets.chips import Chip
from widgets.rows import RowFace, RowList

_DAY_MS = 86_400_000
_CHOSEN_AGAIN = 2_000
"""Rows that are chosen again one by one after the list began anew."""
_MORE = ("unacknowledge", "out_of_service")


class Heap(NamedTuple):
    """What stands in one row."""

    weight: int
    worst: int
    unseen: bool


class AlertPanel(Panel):
    """The queue as it was asked for. While the pointer moves in the list its order is held, and what waits is counted above."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        wall = self.context.seat is Seat.WALL
        self.queue = AlertQueue(self.hub.alerts, self.context.city)
        self.asking = QueueBar(self.theme, self.words, self.context.city, self._me)
        self.asking.setVisible(not wall)
        self.asking.changed.connect(self._again)
        self.asking.field.returnPressed.connect(self._to_the_list)
        self.asking.name_asked.connect(lambda: self.context.tasks.start(self._keep_search(), "keep search"))
        column.addWidget(self.asking)
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE, whole_rows=wall)
        self.list.setObjectName("alerts.list")
        self.list.setAccessibleName(self.t(N_("Alerts")))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.selectionModel().selectionChanged.connect(self._on_chosen)
        self.list.entered_row.connect(self._on_entered)
        self.list.toggled_row.connect(self._on_toggled)
        column.addWidget(self.list, 1)
        self.bar = ActionBar(self.context, () if wall else self.spec.actions[:3], more=() if wall else (*self.spec.actions[3:], *_MORE))
        self.bar.setVisible(not wall)
        self.hidden = Chip(self.theme)
        self.hidden.setObjectName("alerts.hidden")
        self.hidden.setToolTip(self.t(N_("What am I not seeing?")))
        self.hidden.clicked.connect(lambda: self.context.show_panel("hidden"))
        foot = QWidget()
        foot.setVisible(not wall)
        line = QHBoxLayout(foot)
        line.setContentsMargins(self.theme.px(12), self.theme.px(4), self.theme.px(12), 0)
        self.chosen = QLabel()
        self.chosen.setFont(self.theme.font(13))
        self.chosen.setProperty("tone", "quiet")
        line.addWidget(self.chosen, 1)
        line.addWidget(self.hidden)
        column.addWidget(foot)
        column.addWidget(self.bar)
        for key, slot in (("/", self.asking.field.setFocus), ("Ctrl+F", self.asking.field.setFocus)):
            QShortcut(QKeySequence(key), content, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        focus = self.context.focus
        focus.alert_selected.connect(self._on_focus)
        self.own(lambda: focus.alert_selected.disconnect(self._on_focus))
        self._following = False
        self._begun = False
        self._answer = Answer.nothing()
        self._answered = -1
        self._folded = Fold.DUPLICATES
        self._heaps: dict[int, Heap] = {}
        return content

    def refresh(self, change: ChangeSet) -> None:
        touched = [self.hub.alerts.row_of(a) for a in change.alerts]
        if self._answered != self.hub.alerts.generation or self.asking.ask.chattering or self._fold() is not self._folded:
            self._ask()
        rows = self._answer.rows
        if self.list.held:
            shown = self.model.keys
            waiting = len(np.setdiff1d(rows, shown, assume_unique=True))
            self.model.show(shown, touched)
        else:
            waiting = 0
            self._show(rows, touched)
        if Topic.SECOND in change.topics:
            self.list.viewport().update()
        self._say_heads(waiting)
        self.bar.update_state()
        if not self._begun and len(self.model.keys) and self.context.seat is Seat.DUTY:
            self._begun = True
            self._begin()

    @property
    def live(self) -> bool:
        return len(self.hub.alerts) > 0

    def memento(self) -> dict[str, object]:
        return self.asking.memento()

    def restore(self, memento: dict[str, object]) -> None:
        self.asking.restore(memento)

    def choose_all(self) -> None:
        """Choose everything that matches, in sight or not, folded or not."""
        self.list.selectAll()

    # --- what is shown -------------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._folded = self._fold()
        self._answer = self.queue.answer(self.asking.ask, self.context.now(), sort=self.asking.sort, fold=self._folded)
        self._answered = self.hub.alerts.generation
        many = np.flatnonzero(self._answer.weight > 1)
        columns = (self._answer.rows, self._answer.weight, self._answer.worst, self._answer.unseen)
        self._heaps = {row: Heap(*heap) for row, *heap in zip(*(column[many].tolist() for column in columns), strict=True)}

    def _fold(self) -> Fold:
        """What the person chose, or by itself: in a flood everything that one cause brought about is one row."""
        if self.asking.fold is not None:
            return self.asking.fold
        floods = self.context.floods
        return Fold.CAUSES if floods is not None and floods.flooded else Fold.DUPLICATES

    def _say_heads(self, waiting: int) -> None:
        standing = self.hub.alerts.standing()
        counts = (int(standing[1]), int(standing[2]), int(standing[3]), int(standing[4]))
        self.asking.counts.set_counts(counts)
        if waiting:
            trailing = self.t(N_("{n} more wait: the order is held while you point"), n=waiting)
        elif self._folded is Fold.CAUSES and self.asking.fold is None:
            trailing = self.t(N_("flood: folded by cause"))
        else:
            trailing = self.t(SORT_WORDS[self.asking.sort])
        self.head(trailing=trailing, counts=counts)
        hidden = {why: count for why, count in self._answer.hidden.items() if why != "folded"}
        hidden_now = sum(hidden.values())
        self.hidden.set_text(self.t(N_("{n} not shown"), n=self.words.number(hidden_now)) if hidden_now else self.t(N_("nothing hidden")))
        chosen = len(self.context.focus.alerts)
        self.chosen.setText(self.t(N_("{n} chosen"), n=self.words.number(chosen)) if chosen > 1 else "")
        if self.context.seat is not Seat.WALL:
            self.context.focus.say_hidden(dict(self._answer.hidden), Question(self.asking.ask, self.asking.sort, self._folded))

    def _show(self, wanted: NDArray[np.int64], touched: list[int]) -> None:
        """Show `wanted` without the selected row moving on the screen."""
        selected = self.context.focus.alert
        before = self._offset(selected)
        chosen = self._chosen_keys() if len(self.context.focus.alerts) > 1 else None
        self._following = True
        self.model.show(wanted, touched)
        if chosen is not None and len(self._chosen_keys()) != len(chosen):
            self._choose_keys(chosen)
        self._following = False
        if selected is not None and before is not None:
            self._select(selected)
            after = self._top(selected)  # in sight or not: it may have been pushed further than the viewport is high
            if after is not None and after != before:
                bar = self.list.verticalScrollBar()
                bar.setValue(bar.value() + after - before)

    def _offset(self, alert: AlertId | None) -> int | None:
        """Where the alert's row stands in the viewport, pixels; None where it is not in sight."""
        if alert is None or self.hub.alerts.find(alert) < 0 or self.list.verticalScrollBar().value() == 0:
            return None  # at the top one watches the worst come in; only who has scrolled away keeps their place
        top = self._top(alert)
        return top if top is not None and 0 <= top < self.list.viewport().height() else None

    def _top(self, alert: AlertId) -> int | None:
        """The top of the alert's row, pixels from the viewport's; None where it is not in the list."""
        row = self._row_showing(alert)
        return self.list.visualRect(self.model.index(row, 0)).top() if row >= 0 else None

    def _row_showing(self, alert: AlertId) -> int:
        """The row of the list in which the alert stands, folded or not; -1 where it is not shown."""
        key = self.hub.alerts.find(alert)
        if key < 0:
            return -1
        row = self.model.row_of(key)
        if row >= 0 or self._folded is Fold.NOTHING:
            return row
        numbers = self.queue.numbers(self._folded)
        found = np.flatnonzero(numbers[self.model.keys] == numbers[key])
        return int(found[0]) if len(found) else -1

    # --- what is chosen ------------------------------------------------------------------------------------------------------

    def _chosen_keys(self) -> NDArray[np.int64]:
        """Keys of the chosen rows, from the ranges: nobody walks through ten thousand indexes."""
        selection = self.list.selectionModel().selection()
        ranges = [selection.at(n) for n in range(selection.count())]
        spans = [np.arange(r.top(), r.bottom() + 1) for r in ranges]
        return self.model.keys[np.concatenate(spans)] if spans else self.model.keys[:0]

    def _choose_keys(self, keys: NDArray[np.int64]) -> None:
        """Choose these rows again after the model began anew."""
        selection = self.list.selectionModel()
        for row in np.flatnonzero(np.isin(self.model.keys, keys)).tolist()[:_CHOSEN_AGAIN]:
            selection.select(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.Select)

    def _meant(self, keys: NDArray[np.int64]) -> tuple[AlertId, ...]:
        """The alerts that the chosen rows stand for: with what is folded into them."""
        alerts, matching = self.hub.alerts, self._answer.matching
        if len(keys) < len(self.model.keys) and self._folded is not Fold.NOTHING:
            numbers = self.queue.numbers(self._folded)
            matching = matching[np.isin(numbers[matching], numbers[keys])]
        elif self._folded is Fold.NOTHING:
            matching = keys
        return tuple(alerts.id_at(row) for row in matching.tolist())

    def _on_chosen(self) -> None:
        if self._following:
            return
        keys = self._chosen_keys()
        current = self.model.key(self.list.currentIndex().row())
        if not len(keys):
            return
        alert = self.hub.alerts.id_at(current if current is not None and current in keys else int(keys[0]))
        # The view is in the midst of it: what follows the focus must not select once more.
        self._following = True
        self.context.focus.choose_alerts(alert, self._meant(keys))
        self._following = False
        self._say_heads(0)
        self.bar.update_state()

    def _on_toggled(self, row: int) -> None:
        """Space: choose a row with the others, or leave it."""
        self.list.selectionModel().select(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.Toggle)

    def _select(self, alert: AlertId) -> None:
        row = self._row_showing(alert)
        if row >= 0 and self.list.currentIndex().row() != row:
            several = len(self.context.focus.alerts) > 1
            flag = QItemSelectionModel.SelectionFlag.NoUpdate if several else QItemSelectionModel.SelectionFlag.ClearAndSelect
            self._following = True
            self.list.selectionModel().setCurrentIndex(self.model.index(row, 0), flag)
            self._following = False

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
        if alert is not None and not self._following and self.hub.alerts.find(alert) >= 0:
            self._select(alert)
        self.bar.update_state()

    def _begin(self) -> None:
        """A desk that has just come up shows the worst first, and what it needs beside it, until a person chooses."""
        if self.context.focus.alert is None and self.context.focus.case is None:
            self.list.setCurrentIndex(self.model.index(0, 0))

    # --- rows ----------------------------------------------------------------------------------------------------------------

    def _face(self, key: int) -> RowFace:
        alert, now = self.hub.alerts.at_row(key), self.context.now()
        heap = self._heaps.get(key)
        fresh = alert.acknowledged is None or (heap is not None and heap.unseen)
        age = now - alert.at
        return RowFace(
            title=alert_title(self.words, alert),
            note=" · ".join(part for part in (self._folded_words(key), alert_where(self.context.city, self.words, alert)) if part),
            right=self.words.stopwatch(age) if age < _DAY_MS else self.words.span(age),
            right_note=self._right_note(key, alert),
            severity=int(alert.severity) if heap is None else heap.worst,
            bold=fresh,
            dim=not fresh,
        )

    def _folded_words(self, key: int) -> str:
        """What else stands in this row, and whether its point chatters."""
        alerts = self.hub.alerts
        fold = int(alerts.fold[key])
        heap, raises = self._heaps.get(key), int(alerts.folds.count[fold])
        parts: list[str] = []
        if heap is not None:
            phrase = N_("{n} of one cause") if self._folded is Fold.CAUSES else N_("{n} alike")
            parts.append(self.t(phrase, n=self.words.number(heap.weight)))
        if alerts.folds.chattering_at(fold, self.context.now()):
            parts.append(self.t(N_("chattering, {n} times since {time}"), n=raises, time=self.words.clock(int(alerts.folds.first[fold]))))
        elif raises > 1 and heap is None:
            parts.append(self.t(N_("{n} times, last {time}"), n=raises, time=self.words.clock(int(alerts.folds.last[fold]))))
        return " · ".join(parts)

    def _right_note(self, key: int, alert: Alert) -> str:
        state = self.hub.alerts.state_at(key)
        if state in (AlertState.SHELVED, AlertState.SUPPRESSED, AlertState.OUT_OF_SERVICE):
            return self.t(ALERT_STATE_WORDS[state])
        if alert.case is not None and (case := self.hub.cases.get(alert.case)) is not None:
            return self.t(N_("case {number}"), number=case.number or self.t(N_("number pending")))
        if alert.owner:
            return self.t(N_("with {who}"), who=alert.owner)
        return alert_standing(self.words, alert, self.context.now())

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.severity} {face.title}, {face.note}, {face.right_note}"

    # --- asking --------------------------------------------------------------------------------------------------------------

    def _again(self) -> None:
        self._ask()
        self.refresh(ChangeSet(Topic.ALERT))

    def _to_the_list(self) -> None:
        """A search has been typed: the keys are the list's again."""
        self.list.setFocus()

    def _me(self) -> str:
        operator = self.context.actions.session.operator
        return operator.name if operator is not None else ""

    async def _keep_search(self) -> None:
        name = await self.context.operations.ask(self.t(N_("Keep this search")), self.t(N_("A name for it")), True)
        if name:
            self.asking.save(name)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return AlertPanel(spec, context)


PANEL = PanelSpec(
    id="alerts",
    title=N_("Alerts"),
    icon="bell",
    needs=Topic.ALERT | Topic.CASE | Topic.SECOND,
    create=create,
    actions=("acknowledge", "open_case", "dispatch", "shelve", "comment_alert", "take_alert", "release_alert"),
)
