"""What am I not seeing? Everything that the queue keeps back, by the reason: counted all the time, listed by a click, and brought back by a
key. It keeps nothing back itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.actions.spec import TAKE_BACK
from app.domain.alert import Alert, AlertState
from app.domain.aside import How, Shelf
from app.domain.ids import AlertId, Millis, ShelfId
from app.domain.role import Seat
from app.domain.rule import Suppression
from app.domain.text import N_
from app.live.alerts import ACKNOWLEDGED, OUT_OF_SERVICE, SHELVED
from app.live.changes import ChangeSet, Topic
from app.live.queue import AlertQueue, Answer, Fold, fold_numbers
from app.live.unseen import FILTERED, FOLDED, Rows, Unseen, severity_counts, unseen, worst_first
from app.qt.focus import MUTED
from app.qt.furniture import HeaderLine
from app.qt.naming import alert_title, alert_where
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from app.qt.shelf_dialog import moment_words, scope_words
from widgets.chips import FilterChip, KeyButton
from widgets.empty import EmptyNote
from widgets.rows import ROW, RowFace, RowList
from widgets.severity import SeverityCounts
from widgets.theme import Theme
from widgets.tooltip import as_text

_ALL, _CONFLATED = "all", "conflated"
_SHELVES_IN_SIGHT = 3
_SIDE, _EDGE = 12, 4
_NO_ROWS: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Reason:
    """One reason for not showing something. `means` may name {n}."""

    id: str
    word: str
    means: str


REASONS = (
    _Reason(_ALL, N_("All"), N_("Standing, but not in the queue as a row of their own.")),
    _Reason(AlertState.SHELVED.value, N_("Shelved"), N_("Put aside by people for a while. They come back by themselves.")),
    _Reason(AlertState.SUPPRESSED.value, N_("Suppressed by design"), N_("A rule of the city says that something greater explains them.")),
    _Reason(AlertState.OUT_OF_SERVICE.value, N_("Out of service"), N_("What raises them is being worked on.")),
    _Reason(FILTERED, N_("Filtered out"), N_("They do not fit what the alert queue was asked for.")),
    _Reason(FOLDED, N_("Folded"), N_("They stand in another row of the queue.")),
    _Reason(MUTED, N_("Muted"), N_("The sound of {n} alerts is off. They are where they belong all the same.")),
    _Reason(
        _CONFLATED, N_("Overtaken values"), N_("{n} readings gave way to newer ones before they were shown. The newest of every series is shown.")
    ),
)
"""In the order in which they are shown."""
_WORDS = {reason.id: reason.word for reason in REASONS}


class ReasonChips(QWidget):
    """A chip a reason with its count, one of them on; in as many lines as it takes."""

    def __init__(self, theme: Theme, name: Callable[[_Reason], str], chosen: Callable[[str], None]) -> None:
        super().__init__()
        self._theme = theme
        self._chosen = chosen
        self.group = QButtonGroup(self)
        self.chips: dict[str, FilterChip] = {}
        for number, reason in enumerate(REASONS):
            chip = FilterChip(theme, name(reason), self)
            chip.setObjectName(f"hidden.{reason.id}")
            self.chips[reason.id] = chip
            self.group.addButton(chip, number)
        self.chips[_ALL].setChecked(True)
        self.group.idToggled.connect(self._on_toggled)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def restyle(self) -> None:
        """The theme's scale has changed."""
        self._arrange()
        self.updateGeometry()

    def say(self, reason: str, text: str, *, shown: bool) -> None:
        """Let the chip of `reason` say this."""
        chip = self.chips[reason]
        if chip.text() == text and chip.isHidden() != shown:
            return
        chip.setText(text)
        chip.setVisible(shown)
        self.restyle()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """How high the lines are together where they are `width` pixels wide."""
        last = max((box.bottom() for box in self._places(width).values()), default=0)
        return last + 1 + self._theme.px(_EDGE)

    def sizeHint(self) -> QSize:
        width = max(self.width(), self.minimumSizeHint().width())
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        px = self._theme.px
        widest = max(chip.sizeHint().width() for chip in self.chips.values())
        return QSize(widest + 2 * px(_SIDE), px(28) + 2 * px(_EDGE))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _on_toggled(self, number: int, on: bool) -> None:
        if on:
            self._chosen(REASONS[number].id)

    def _arrange(self) -> None:
        for reason, box in self._places(self.width()).items():
            self.chips[reason].setGeometry(box)

    def _places(self, width: int) -> dict[str, QRect]:
        """Where each chip that is shown stands: one after the other, in a new line where there is no more room."""
        px = self._theme.px
        left, x, y, gap = px(_SIDE), px(_SIDE), px(_EDGE), px(6)
        places: dict[str, QRect] = {}
        for reason, chip in self.chips.items():
            size = chip.sizeHint()
            if chip.isHidden():
                continue
            if x > left and x + size.width() > width - left:
                x, y = left, y + size.height() + gap
            places[reason] = QRect(QPoint(x, y), size)
            x += size.width() + gap
        return places


class HiddenPanel(Panel):
    """Reasons with counts, the alerts of the chosen one, and the shelves that hold. What is counted is looked up once a second at most."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        alerts = self.hub.alerts
        self._queue = AlertQueue(alerts, self.context.city)
        self._reason = _ALL
        self._found: Unseen | None = None
        self._answer = Answer.nothing()
        self._fold = Fold.NOTHING
        self._seen: object = None
        """What the present figures were computed from."""
        self._why_of: dict[int, str] = {}
        self._severities: dict[str, list[int]] = {}
        """Counts by severity of the reasons that were looked at."""
        self._shelves: list[Shelf] = []
        self._numbers: dict[ShelfId, int] = {}
        self._shelf_faces: dict[int, RowFace] = {}
        self._held: dict[ShelfId, Rows] = {}
        """Rows that each shelf keeps back."""
        self._behind = False
        """Whether the list waits for the pointer to rest."""
        self._following = False
        self.chips = ReasonChips(self.theme, lambda reason: self.t(reason.word), self._choose)
        column.addWidget(self.chips)
        self.line = HeaderLine(self.context)
        self.line.left.setWordWrap(True)
        self.counts = SeverityCounts(self.theme)
        self.counts.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.counts.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.line.row.addWidget(self.counts)
        column.addWidget(self.line)
        column.addWidget(self._alert_list(), 1)
        column.addWidget(self._shelf_list())
        focus = self.context.focus
        focus.alert_selected.connect(self._on_focus)
        self.own(lambda: focus.alert_selected.disconnect(self._on_focus))
        self.own(self._no_shelf)
        return content

    def refresh(self, change: ChangeSet) -> None:
        if Topic.SECOND in change.topics:
            self._look()
            self.list.viewport().update()

    def restyle(self) -> None:
        self.chips.restyle()
        self.line.restyle()
        self.shelf_head.restyle()
        self._size_shelves()

    @property
    def live(self) -> bool:
        return len(self.hub.alerts) > 0

    @property
    def shelf(self) -> Shelf | None:
        """The shelf that is chosen, or the only one there is."""
        row = self.shelf_rows.currentIndex().row()
        if 0 <= row < len(self._shelves):
            return self._shelves[row]
        return self._shelves[0] if len(self._shelves) == 1 else None

    def bring_back(self) -> None:
        """Begin to end the chosen shelf; where that cannot be, the person is told why."""
        if self.context.seat is not Seat.WALL:
            self.context.tasks.start(self.context.operations.perform(TAKE_BACK.id), f"action {TAKE_BACK.id}")

    def event(self, event: QEvent) -> bool:
        # The window binds the letter too, for wherever it means nothing in particular; here it means this shelf.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_bring_back(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_bring_back(event):
            self.bring_back()
        else:
            super().keyPressEvent(event)

    # --- the parts -----------------------------------------------------------------------------------------------------------

    def _alert_list(self) -> QWidget:
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(self.theme, FACE_ROLE, whole_rows=self.context.seat is Seat.WALL)
        self.list.setObjectName("hidden.list")
        self.list.setAccessibleName(self.t(N_("Not in the queue")))
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.entered_row.connect(self._on_entered)
        self.empty = EmptyNote(self.theme)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.list)
        self.stack.addWidget(self.empty)
        return self.stack

    def _shelf_list(self) -> QWidget:
        self.shelf_part = QWidget()
        column = QVBoxLayout(self.shelf_part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.shelf_head = HeaderLine(self.context)
        self.bring = KeyButton(self.theme, self.t(TAKE_BACK.title), TAKE_BACK.key)
        self.bring.setObjectName(f"action.{TAKE_BACK.id}")
        self.bring.clicked.connect(self.bring_back)
        self.bring.setVisible(self.context.seat is not Seat.WALL)
        self.shelf_head.row.addWidget(self.bring)
        column.addWidget(self.shelf_head)
        self.shelf_model = RowModel(self._shelf_face, self._say_shelf, self)
        self.shelf_rows = RowList(self.theme, FACE_ROLE, whole_rows=self.context.seat is Seat.WALL)
        self.shelf_rows.setObjectName("hidden.shelves")
        self.shelf_rows.setAccessibleName(self.t(N_("What holds them back")))
        self.shelf_rows.setModel(self.shelf_model)
        self.shelf_rows.selectionModel().currentChanged.connect(self._say_bring)
        column.addWidget(self.shelf_rows)
        self.shelf_part.hide()
        return self.shelf_part

    # --- figures -------------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Bring every figure up to date; cheap where nothing has changed but the time."""
        question, alerts, now = self.context.focus.question, self.hub.alerts, self.context.now()
        shelves = sorted((s for s in self.hub.shelves.values() if s.holds(now)), key=lambda s: (s.until, s.id))
        seen = (alerts.generation, question, [(s.id, s.version) for s in shelves], now if question.ask.chattering else 0)
        if seen != self._seen:
            self._seen = seen
            self._fold = question.fold
            self._answer = self._queue.answer(question.ask, now, sort=question.sort, fold=question.fold)
            self._found = unseen(alerts, self._answer)
            self._why_of.clear()
            self._severities.clear()
            self._held = {shelf.id: self._rows_of(shelf) for shelf in shelves}
            self._show_rows()
        elif self._behind:
            self._show_rows()
        self._say_counts()
        self._show_shelves(shelves, now)

    def _say_counts(self) -> None:
        found = self._found
        if found is None:
            return
        for reason in REASONS:
            count = self._count(reason.id)
            said = f"{self.t(reason.word)}  {self.words.number(count)}" if self.live else self.t(reason.word)
            self.chips.say(reason.id, said, shown=reason.id != MUTED or count > 0)
        self._say_line()
        if not self.live:
            self.head()
            return
        out = found.count
        worst = self._counts(_ALL)
        note = self.t(N_("{n} of {all} standing alerts"), n=self.words.number(out), all=self.words.number(found.standing)) if out else ""
        self.head(note, counts=(worst[1], worst[2], worst[3], worst[4]) if out else ())

    def _count(self, reason: str) -> int:
        if reason == _CONFLATED:
            return self.hub.series.conflated
        if reason == MUTED:
            return self.context.focus.hidden.get(MUTED, 0)
        if reason == _ALL:
            return self._found.count if self._found is not None else 0
        return len(self._rows(reason))

    def _rows(self, reason: str) -> Rows:
        if self._found is None or reason in (MUTED, _CONFLATED):
            return _NO_ROWS
        return self._found.all if reason == _ALL else self._found.rows[reason]

    def _counts(self, reason: str) -> list[int]:
        """How many alerts of `reason` have each severity, as severity_counts has it."""
        known = self._severities.get(reason)
        if known is None:
            known = self._severities[reason] = severity_counts(self.hub.alerts, self._rows(reason))
        return known

    def _choose(self, reason: str) -> None:
        self._reason = reason
        self._show_rows(anew=True)
        self._say_line()

    def _show_rows(self, *, anew: bool = False) -> None:
        """List the alerts of the chosen reason. While somebody points at them their order is held, unless it was chosen `anew`."""
        rows = self._rows(self._reason)
        self._behind = self.list.held and len(rows) > 0 and not anew
        if not self._behind:
            self._following = True
            self.model.show(worst_first(self.hub.alerts, rows))
            self._following = False
            self._on_focus(self.context.focus.alert)
        self.stack.setCurrentIndex(0 if len(rows) else 1)

    def _say_line(self) -> None:
        reason = next(reason for reason in REASONS if reason.id == self._reason)
        counts, n = self._counts(reason.id), self._count(reason.id)
        listed = sum(counts[1:]) > 0
        self.counts.set_counts((counts[1], counts[2], counts[3], counts[4]))
        self.counts.setVisible(listed)
        self.line.say(self.t(reason.means, n=self.words.number(n)) if listed else "")
        self.line.setVisible(listed)
        if listed:
            return
        if n:
            self.empty.set_note(self.t(reason.means, n=self.words.number(n)), icon="hidden")
        elif self._found is not None and self._found.count:
            self.empty.set_note(self.t(N_("Nothing is kept from you for this reason.")), icon="check")
        else:
            hint = "" if self.live else self.t(N_("No alert has come yet."))
            self.empty.set_note(self.t(N_("Nothing is kept from you.")), hint, icon="check")

    # --- alerts --------------------------------------------------------------------------------------------------------------

    def _face(self, key: int) -> RowFace:
        alerts, now = self.hub.alerts, self.context.now()
        alert, state = alerts.at_row(key), alerts.state_at(key)
        shelf = self._shelf_of(alert, state)
        why = self._why(key, alert, state, shelf)
        reason = self._reason_of(key, state)
        age = now - alert.at
        return RowFace(
            title=alert_title(self.words, alert),
            note=" · ".join((why, alert_where(self.context.city, self.words, alert))),
            right=self.t(N_("back in {time}"), time=self._left(shelf.until - now)) if shelf is not None else self._left(age),
            right_note=self.t(reason),
            severity=int(alert.severity),
        )

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.severity} {face.title}, {face.note}, {face.right}, {face.right_note}"

    def _left(self, ms: int) -> str:
        return self.words.stopwatch(ms) if ms < 86_400_000 else self.words.span(ms)

    def _reason_of(self, key: int, state: AlertState) -> str:
        """The word for why this one is not in the queue now."""
        return _WORDS[self._reason_id(key, state)] if self._kept(key) else N_("in the queue again")

    def _reason_id(self, key: int, state: AlertState) -> str:
        if self._within(key):
            return FOLDED
        return state.value if state in (AlertState.SHELVED, AlertState.SUPPRESSED, AlertState.OUT_OF_SERVICE) else FILTERED

    def _kept(self, key: int) -> bool:
        return self._found is not None and any(_holds(rows, key) for rows in self._found.rows.values())

    def _within(self, key: int) -> bool:
        return self._found is not None and _holds(self._found.rows[FOLDED], key)

    def _why(self, key: int, alert: Alert, state: AlertState, shelf: Shelf | None) -> str:
        """Who or what keeps it back, and why: in words, and remembered until something changes."""
        known = self._why_of.get(key)
        if known is None:
            known = self._why_of[key] = self._find_why(key, alert, state, shelf)
        return known

    def _find_why(self, key: int, alert: Alert, state: AlertState, shelf: Shelf | None) -> str:
        if shelf is not None:
            return self._shelf_words(shelf)
        if state is AlertState.SUPPRESSED:
            return self._suppressed_words(alert)
        if self._within(key):
            return self._folded_words(key)
        return self.t(N_("does not fit what the queue was asked for")) if self._kept(key) else self.t(N_("in the queue again"))

    def _shelf_words(self, shelf: Shelf) -> str:
        until = moment_words(self.words, shelf.until, self.context.now())
        return self.t(N_("{who}, until {time}: {reason}"), who=shelf.by, time=until, reason=shelf.reason)

    def _suppressed_words(self, alert: Alert) -> str:
        """Which rule, and what explains it."""
        for rule in self.hub.suppressions:
            explains = self._explains(rule, alert) if alert.kind in rule.kinds else None
            if explains is not None:
                return self.t(N_("{reason}. Cause: {alert}"), reason=self.words.text(rule.reason) or rule.id, alert=alert_title(self.words, explains))
        return self.t(N_("by a rule that has just ceased to hold"))

    def _explains(self, rule: Suppression, alert: Alert) -> Alert | None:
        """What makes `rule` hold for `alert`: the worst, where there are several."""
        alerts = self.hub.alerts
        by = (alerts.kind == alerts.kinds.find(rule.by)) & (alerts.base <= ACKNOWLEDGED)
        if not rule.whole_city:
            by &= alerts.area == alerts.areas.find(alert.area)
        rows = worst_first(alerts, np.flatnonzero(by), 1)
        return alerts.at_row(int(rows[0])) if len(rows) else None

    def _folded_words(self, key: int) -> str:
        """Which row of the queue it stands in."""
        alerts, shown = self.hub.alerts, self._answer.rows
        numbers = fold_numbers(alerts, self._fold)
        heads = shown[numbers[shown] == numbers[key]]
        if not len(heads):
            return self.t(N_("in another row of the queue"))
        head = alert_title(self.words, alerts.at_row(int(heads[0])))
        return self.t(N_("of one cause with {alert}") if self._fold is Fold.CAUSES else N_("the same as {alert}"), alert=head)

    def _shelf_of(self, alert: Alert, state: AlertState) -> Shelf | None:
        """The shelf that keeps it back for longest."""
        if state not in (AlertState.SHELVED, AlertState.OUT_OF_SERVICE):
            return None
        holding = [shelf for shelf in self._shelves if shelf.how.value == state.value and shelf.scope.covers(alert)]
        return holding[-1] if holding else None

    def _on_current(self) -> None:
        key = self.model.key(self.list.currentIndex().row())
        if key is None or self._following:
            return
        alert = self.hub.alerts.at_row(key)
        self._following = True
        self.context.focus.select_alert(alert.id)
        self.context.focus.select_case(alert.case)
        if alert.series is not None:
            self.context.focus.select_series(alert.series)
        self._following = False
        shelf = self._shelf_of(alert, self.hub.alerts.state_at(key))
        if shelf is not None:
            self.shelf_rows.setCurrentIndex(self.shelf_model.index(self._shelves.index(shelf), 0))

    def _on_entered(self, _row: int) -> None:
        self.context.show_panel("case")

    def _on_focus(self, selected: AlertId | None) -> None:
        """Show here too what the desk has selected, if it is one of these."""
        if self._following:
            return
        key = self.hub.alerts.find(selected)
        row = self.model.row_of(key) if key >= 0 else -1
        self._following = True
        if row >= 0:
            self.list.selectionModel().setCurrentIndex(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            self.list.selectionModel().clear()
        self._following = False

    # --- shelves -------------------------------------------------------------------------------------------------------------

    def _show_shelves(self, shelves: list[Shelf], now: Millis) -> None:
        chosen = self.shelf
        self._shelves = shelves
        faces = {self._numbers.setdefault(shelf.id, len(self._numbers)): self._face_of(shelf, now) for shelf in shelves}
        changed = [number for number, face in faces.items() if face != self._shelf_faces.get(number)]
        self._shelf_faces = faces
        self.shelf_model.show(np.fromiter(faces, dtype=np.int64, count=len(faces)), changed)
        if chosen in shelves and len(shelves) > 1:
            self.shelf_rows.setCurrentIndex(self.shelf_model.index(shelves.index(chosen), 0))
        self.shelf_part.setVisible(bool(shelves))
        self.shelf_head.say(self.t(N_("What holds them back: {n}"), n=self.words.number(len(shelves))))
        self._size_shelves()
        self._say_bring()

    def _no_shelf(self) -> None:
        """Nothing is chosen to be brought back once the panel is gone."""
        self.context.operations.shelf = None

    def _size_shelves(self) -> None:
        self.shelf_rows.setFixedHeight(self.theme.px(ROW) * min(_SHELVES_IN_SIGHT, max(1, len(self._shelves))))

    def _face_of(self, shelf: Shelf, now: Millis) -> RowFace:
        held = self._held.get(shelf.id, _NO_ROWS)
        counts = severity_counts(self.hub.alerts, held)
        how = self.t(N_("Out of service")) if shelf.how is How.OUT_OF_SERVICE else self.t(N_("Shelved"))
        return RowFace(
            title=scope_words(shelf.scope, self.hub, self.context.city, self.words),
            note=" · ".join((how, self._shelf_words(shelf))),
            right=self.t(N_("back in {time}"), time=self._left(shelf.until - now)),
            right_note=self.t(N_("holds back {n} now"), n=self.words.number(len(held))),
            severity=next((severity for severity in range(1, 5) if counts[severity]), 0),
        )

    def _rows_of(self, shelf: Shelf) -> Rows:
        """Rows that it covers and that are put aside now; one that two shelves cover counts for both."""
        state = self.hub.alerts.state
        return self.hub.covered(shelf.scope, np.flatnonzero((state == SHELVED) | (state == OUT_OF_SERVICE)))

    def _shelf_face(self, number: int) -> RowFace:
        return self._shelf_faces.get(number, RowFace(""))

    def _say_shelf(self, number: int) -> str:
        face = self._shelf_face(number)
        return f"{face.title}, {face.note}, {face.right}, {face.right_note}"

    def _say_bring(self) -> None:
        self.context.operations.shelf = self.shelf
        reason = self.context.operations.why_not(TAKE_BACK.id)
        self.bring.setEnabled(reason is None)
        self.bring.setToolTip(as_text(reason or self.t(TAKE_BACK.explains)))


def _is_bring_back(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_B and not event.modifiers()


def _holds(rows: Rows, key: int) -> bool:
    """Whether `key` is among `rows`, which ascend."""
    place = int(np.searchsorted(rows, key))
    return place < len(rows) and int(rows[place]) == key


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return HiddenPanel(spec, context)


PANEL = PanelSpec(
    id="hidden",
    title=N_("Not in the queue"),
    icon="hidden",
    needs=Topic.ALERT | Topic.SECOND,
    create=create,
    actions=(TAKE_BACK.id,),
)
