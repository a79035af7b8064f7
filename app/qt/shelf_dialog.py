"""Putting alerts aside with open eyes: what, until when, and why, and before anybody can say yes, what it would have kept from them during
the last 24 hours. The dialog decides nothing: it answers with what the person chose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.citypack import CityPack
from app.domain.alert import ALERT_STATE_WORDS, Alert
from app.domain.aside import How, Scope
from app.domain.command import MAX_COMMENT
from app.domain.ids import Millis, area_of, indicator_of
from app.domain.text import N_, Text
from app.live.hub import Hub
from app.live.unseen import Shadow, shadow
from app.qt.alert_acts import Aside
from app.qt.dialogs import opened
from app.qt.naming import alert_title, alert_where, area_name, source_name
from app.qt.rows import FACE_ROLE, RowModel
from app.qt.words import Words
from widgets.chips import FilterChip
from widgets.empty import EmptyNote
from widgets.rows import ROW, RowFace, RowList
from widgets.severity import SeverityCounts, severity_pixmap
from widgets.theme import Theme
from widgets.tooltip import as_text

DAY_MS = 86_400_000
LISTED = 50
"""Alerts that the preview lists; it counts all of them."""
_MINUTE, _HOUR = 60_000, 3_600_000
_IN_SIGHT = 7
_WIDTH, _SIDE, _TEXT = 960, 420, 14
"""The dialog's width, the room of a line on its left side, and the size of its text; desk pixels."""
_NOWHERE = Text()
_TITLES = {How.SHELVED: N_("Shelve alerts"), How.OUT_OF_SERVICE: N_("Take alerts out of service")}
_DO = {How.SHELVED: N_("Shelve  Enter"), How.OUT_OF_SERVICE: N_("Take out of service  Enter")}
_LENGTHS: dict[How, tuple[tuple[int, str, int], ...]] = {
    How.SHELVED: (
        (15 * _MINUTE, N_("{n} min"), 15),
        (30 * _MINUTE, N_("{n} min"), 30),
        *((n * _HOUR, N_("{n} h"), n) for n in (1, 2, 4, 8, 24)),
    ),
    How.OUT_OF_SERVICE: ((8 * _HOUR, N_("{n} h"), 8), *((n * DAY_MS, N_("{n} d"), n) for n in (1, 3, 7, 30))),
}
"""For how long: milliseconds, and how it is said."""
_USUAL: dict[How, tuple[str, ...]] = {
    How.SHELVED: (
        N_("Known, being handled"),
        N_("Follows from a known cause"),
        N_("Flapping, reported for repair"),
        N_("Planned work on site"),
        N_("False alarm, checked on site"),
        N_("Drill"),
    ),
    How.OUT_OF_SERVICE: (
        N_("Sensor under repair"),
        N_("Planned maintenance"),
        N_("Being calibrated"),
        N_("Line under repair"),
        N_("Replaced, limits not set yet"),
        N_("No longer in use"),
    ),
}


async def ask_aside(
    parent: QWidget, words: Words, theme: Theme, hub: Hub, city: CityPack, now: Callable[[], Millis], how: How, alert: Alert
) -> Aside | None:
    """Ask what to put aside with `alert`, until when, and why. None: the person cancelled."""
    dialog = ShelfDialog(parent, words, theme, hub, city, now, how, alert)
    return dialog.decided() if await opened(dialog) else None


def scopes(how: How, alert: Alert, city: CityPack) -> list[Scope]:
    """What can be meant with `alert`, the narrowest first."""
    kind, area = alert.kind or None, alert.area or None
    meant = [Scope(alert=alert.id)]
    if kind is not None and alert.place.zh:
        meant.append(Scope(kind=kind, area=area, place=alert.place.zh))
    if kind is not None and area is not None and area != city.root:
        meant.append(Scope(kind=kind, area=area))
    if kind is not None:
        meant.append(Scope(kind=kind))
    if how is How.OUT_OF_SERVICE:
        if alert.series is not None:
            meant.append(Scope(series=alert.series))
        if alert.source:
            meant.append(Scope(source=alert.source))
    return meant


def scope_words(scope: Scope, hub: Hub, city: CityPack, words: Words, place: Text = _NOWHERE) -> str:
    """What a scope means, as a person would say it. `place`: its place's name, where one knows more of it than the scope says."""
    t = words.t
    kind = city.alert_kinds.get(scope.kind) if scope.kind is not None else None
    fields = {
        "kind": words.text(kind.name) if kind is not None else scope.kind or "",
        "area": area_name(city, words, scope.area) if scope.area else "",
        "place": words.text(place) or _place(scope, city, words),
        "source": source_name(words, scope.source or ""),
    }
    if scope.alert is not None:
        alert = hub.alerts.get(scope.alert)
        return alert_title(words, alert) if alert is not None else scope.alert
    if scope.series is not None:
        indicator = city.indicators.get(indicator_of(scope.series))
        if indicator is None or "@" not in scope.series:
            return t(N_("{series}: this measuring point"), series=scope.series)
        return t(
            N_("{indicator}, {area}: this measuring point"),
            indicator=words.text(indicator.name),
            area=area_name(city, words, area_of(scope.series)),
        )
    if scope.kind is None:
        return t(N_("Everything from {source}"), **fields) if scope.source else " · ".join(v for v in fields.values() if v)
    if scope.place is not None:
        return t(N_("{kind}: all at {place}"), **fields)
    return t(N_("{kind}: all in {area}") if scope.area else N_("{kind}: all in the whole city"), **fields)


def _place(scope: Scope, city: CityPack, words: Words) -> str:
    """The place's name in the person's language, where the pack knows it."""
    known = next((place.name for place in city.places if place.name.zh == scope.place), None)
    return words.text(known) if known is not None else scope.place or ""


def moment_words(words: Words, at: Millis, now: Millis) -> str:
    """The clock at a moment, and the day where it is not today."""
    clock, day = words.clock(at, seconds=False), words.date(at)
    return clock if day == words.date(now) else f"{day} {clock}"


class ShelfDialog(QDialog):
    """What, until when and why on the left; what that would have hidden on the right."""

    def __init__(
        self, parent: QWidget, words: Words, theme: Theme, hub: Hub, city: CityPack, now: Callable[[], Millis], how: How, alert: Alert
    ) -> None:
        super().__init__(parent)
        self._words, self._theme, self._hub, self._city, self._now = words, theme, hub, city, now
        self.how = how
        self.alert = alert
        self.scopes = scopes(how, alert, city)
        self.shadow: Shadow | None = None
        """What the present choice would have hidden."""
        self._generation = -1
        self.setWindowTitle(words.t(_TITLES[how]))
        self._build()
        self.look()
        # Clocks go on, and alerts come in, while somebody thinks.
        self._second = QTimer(self)
        self._second.setInterval(1_000)
        self._second.timeout.connect(self._follow)
        self._second.start()
        self.what[0].setFocus()

    @property
    def scope(self) -> Scope:
        """What is chosen."""
        return self.scopes[max(0, self._what.checkedId())]

    @property
    def length(self) -> int:
        """For how long, milliseconds."""
        return _LENGTHS[self.how][max(0, self._length.checkedId())][0]

    def decided(self) -> Aside:
        """What the person chose; the time runs from now on."""
        return Aside(self.scope, Millis(self._now() + self.length), self.reason.text().strip())

    def accept(self) -> None:
        if self.main.isEnabled():
            super().accept()

    def done(self, result: int) -> None:
        self._second.stop()
        super().done(result)

    def look(self) -> None:
        """Find out anew what the present choice would have hidden, and show it."""
        hub, t = self._hub, self._words.t
        self._generation = hub.alerts.generation
        found = self.shadow = shadow(hub.alerts, hub.covered(self.scope), Millis(self._now() - DAY_MS), LISTED)
        self.counts.set_counts(found.counts)
        self.model.show(found.worst, found.worst.tolist())
        self.list.scrollToTop()
        self.stack.setCurrentIndex(0 if found.count else 1)
        self.sum.setText(t(N_("Alerts: {n}, in the queue now: {queued}"), n=self._number(found.count), queued=self._number(found.queued)))
        more = found.count - len(found.worst)
        self.more.setText(t(N_("{n} more, none more severe"), n=self._number(more)) if more else "")
        self.warning.setVisible(found.grave > 0)
        if found.grave:
            worst = 1 if found.counts[0] else 2
            self.warned.setText(t(N_("{n} of them extreme or severe"), n=self._number(found.grave)))
            self.warned.setStyleSheet(f"color: {self._theme.severity(worst).name()}; font-weight: bold;")
            self.mark.setPixmap(severity_pixmap(worst, self._theme.px(16), self._theme, self.devicePixelRatioF()))

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        px, t = self._theme.px, self._words.t
        outer = QVBoxLayout(self)
        edge = px(16)
        outer.setContentsMargins(edge, edge, edge, edge)
        outer.setSpacing(px(12))
        outer.addWidget(_label(t(_TITLES[self.how]), "title"))
        about = f"{alert_title(self._words, self.alert)} · {alert_where(self._city, self._words, self.alert)}"
        outer.addWidget(_label(self._theme.elided(about, _TEXT, px(_WIDTH) * 2)))
        sides = QHBoxLayout()
        sides.setSpacing(px(24))
        sides.addLayout(self._left(), 1)
        rule = QFrame()
        rule.setFixedWidth(1)
        rule.setStyleSheet(f"background: {self._theme.tokens.line.name()}; border: none;")
        sides.addWidget(rule)
        sides.addLayout(self._right(), 1)
        outer.addLayout(sides, 1)
        outer.addLayout(self._buttons())
        self.setMinimumWidth(px(_WIDTH))
        self._check()
        self._say_until()

    def _left(self) -> QVBoxLayout:
        px, t = self._theme.px, self._words.t
        column = QVBoxLayout()
        column.setSpacing(px(8))
        column.addWidget(_label(t(N_("What")), "hint"))
        self._what = QButtonGroup(self)
        self.what: list[QRadioButton] = []
        for number, scope in enumerate(self.scopes):
            said = t(N_("This alert only")) if scope.alert is not None else scope_words(scope, self._hub, self._city, self._words, self.alert.place)
            # An ampersand in a name is not the sign of a shortcut, and a name that somebody else chose may be of any length.
            button = QRadioButton(self._theme.elided(said, _TEXT, px(_SIDE)).replace("&", "&&"))
            button.setAccessibleName(said)
            button.setToolTip(as_text(said))
            button.setChecked(number == 0)
            self._what.addButton(button, number)
            self.what.append(button)
            column.addWidget(button)
        self._what.idToggled.connect(self._on_choice)
        column.addSpacing(px(8))
        column.addWidget(_label(t(N_("For how long")), "hint"))
        column.addLayout(self._lengths())
        self.until = _label("")
        column.addWidget(self.until)
        column.addSpacing(px(8))
        column.addWidget(_label(t(N_("Why")), "hint"))
        self.reason = QLineEdit()
        self.reason.setMaxLength(MAX_COMMENT)
        self.reason.setPlaceholderText(t(N_("A reason is required")))
        self.reason.setAccessibleName(t(N_("Why")))
        self.reason.textChanged.connect(self._check)
        column.addWidget(self.reason)
        column.addLayout(self._usual())
        column.addStretch(1)
        return column

    def _lengths(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(6))
        self._length = QButtonGroup(self)
        self.lengths: list[FilterChip] = []
        usual = self._city.rules.load.shelve_ms if self.how is How.SHELVED else DAY_MS
        offered = [ms for ms, _, _ in _LENGTHS[self.how]]
        nearest = min(range(len(offered)), key=lambda n: abs(offered[n] - usual))
        for number, (_, phrase, count) in enumerate(_LENGTHS[self.how]):
            chip = FilterChip(self._theme, self._words.t(phrase, n=count))
            self._length.addButton(chip, number)
            self.lengths.append(chip)
            row.addWidget(chip)
        for chip in self.lengths:
            # Qt sees to this only once one of them has had the focus: Tab goes to the one that is on, arrows go to the others.
            chip.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.lengths[nearest].setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lengths[nearest].setChecked(True)
        self._length.idToggled.connect(self._say_until)
        row.addStretch(1)
        return row

    def _usual(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(self._theme.px(6))
        self.usual: list[QPushButton] = []
        for number, phrase in enumerate(_USUAL[self.how]):
            said = self._words.t(phrase)
            button = QPushButton(said)
            button.clicked.connect(partial(self._take_reason, said))
            self.usual.append(button)
            grid.addWidget(button, number // 2, number % 2)
        return grid

    def _right(self) -> QVBoxLayout:
        theme, px, t = self._theme, self._theme.px, self._words.t
        column = QVBoxLayout()
        column.setSpacing(px(8))
        column.addWidget(_label(t(N_("In the last 24 hours this would have kept from you")), "hint"))
        self.counts = SeverityCounts(theme)
        self.counts.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.counts.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.sum = _label("")
        column.addWidget(self.counts)
        column.addWidget(self.sum)
        self.warning = QWidget()
        line = QHBoxLayout(self.warning)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(px(8))
        self.mark, self.warned = QLabel(), _label("")
        line.addWidget(self.mark)
        line.addWidget(self.warned, 1)
        column.addWidget(self.warning)
        self.model = RowModel(self._face, self._say, self)
        self.list = RowList(theme, FACE_ROLE)
        self.list.setAccessibleName(t(N_("What this would have hidden")))
        self.list.setModel(self.model)
        self.list.entered_row.connect(self.accept)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.list)
        self.stack.addWidget(EmptyNote(theme, t(N_("Nothing of the kind in the last 24 hours."))))
        self.stack.setFixedHeight(px(ROW) * _IN_SIGHT)
        column.addWidget(self.stack)
        self.more = _label("", "hint")
        column.addWidget(self.more)
        column.addStretch(1)
        return column

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(8))
        self.main = QPushButton(self._words.t(_DO[self.how]))
        self.main.setProperty("kind", "main")
        self.main.setDefault(True)
        self.main.clicked.connect(self.accept)
        self.cancel = QPushButton(self._words.t(N_("Cancel  Esc")))
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        row.addWidget(self.main)
        row.addWidget(self.cancel)
        row.addStretch(1)
        return row

    def _on_choice(self, _number: int, chosen: bool) -> None:
        if chosen:
            self.look()

    def _take_reason(self, said: str) -> None:
        self.reason.setText(said)
        self.reason.setFocus()

    def _check(self) -> None:
        self.main.setEnabled(bool(self.reason.text().strip()))

    def _say_until(self) -> None:
        now = self._now()
        said = self._words.t(N_("Comes back by itself at {time}"), time=moment_words(self._words, Millis(now + self.length), now))
        if self.until.text() != said:
            self.until.setText(said)

    def _follow(self) -> None:
        self._say_until()
        if self._generation != self._hub.alerts.generation:
            self.look()

    def _number(self, count: int) -> str:
        return self._words.number(count)

    def _face(self, key: int) -> RowFace:
        alert = self._hub.alerts.at_row(key)
        now = self._now()
        return RowFace(
            title=alert_title(self._words, alert),
            note=alert_where(self._city, self._words, alert),
            right=moment_words(self._words, alert.at, now),
            right_note=self._words.t(ALERT_STATE_WORDS[self._hub.alerts.state_at(key)]),
            severity=int(alert.severity),
        )

    def _say(self, key: int) -> str:
        face = self._face(key)
        return f"{face.severity} {face.title}, {face.note}, {face.right}, {face.right_note}"


def _label(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
