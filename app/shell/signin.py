"""The sign-in page: who sits here. At the very first start it makes the first operator. It checks nothing itself; the journal does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.domain.errors import DeckError
from app.domain.role import ROLE_WORDS, Operator, Role
from app.domain.text import N_
from app.qt.words import Words
from widgets.theme import Theme

SHORTEST_PASSWORD = 8
_LONGEST = 128


class Door(Protocol):
    """What the page asks. Every answer may be a DeckError, which is shown."""

    def operators(self) -> Awaitable[list[Operator]]:
        """Everybody who may sign in."""
        ...

    def add_first(self, operator: Operator, password: str) -> Awaitable[object]:
        """Make the first operator; refused where there is one already."""
        ...

    def sign_in(self, operator_id: str, password: str) -> Awaitable[Operator | None]:
        """Let somebody in, or None for a wrong id or password."""
        ...


Start = Callable[[Coroutine[object, object, object], str], object]


class SignInPage(QWidget):
    """A full page of the window. `entered` says who came in; the passwords are gone from its fields by then."""

    entered = Signal(object)
    watch_asked = Signal()
    """Look on without signing in: the desk shows, and nothing can be done."""

    def __init__(self, theme: Theme, words: Words, door: Door, start: Start, city: str, seat: str) -> None:
        """`start(coroutine, name)` runs a coroutine that ends with the window. `city` and `seat` are their names."""
        super().__init__()
        self._theme = theme
        self._words = words
        self._door = door
        self._start = start
        self._first = False
        self._busy = False
        t = words.t
        self.setObjectName("ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.title = _label(t(N_("CityDeck")), "value")
        self.about = _label(f"{city} · {seat}", "")
        self.lead = _label("", "hint")
        self.who = QComboBox()
        self.who.setEditable(True)
        self.who.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.who.setAccessibleName(t(N_("Operator")))
        self.name = _field(t(N_("Name")))
        self.role = QComboBox()
        for role in Role:
            self.role.addItem(t(ROLE_WORDS[role]), role)
        self.role.setCurrentIndex(self.role.findData(Role.DUTY_OFFICER))
        self.password = _field(t(N_("Password")), hidden=True)
        self.again = _field(t(N_("Password again")), hidden=True)
        self.error = _label("", "")
        self.error.setObjectName("signin.error")
        self.error.setAccessibleName(t(N_("What is wrong")))
        self.main = QPushButton()
        self.main.setProperty("kind", "main")
        self.main.setAutoDefault(True)
        self.main.clicked.connect(self.submit)
        self.watch = QPushButton(t(N_("Look on without signing in")))
        self.watch.setProperty("kind", "flat")
        self.watch.clicked.connect(self.watch_asked)
        self.watch.hide()
        self._form = QFormLayout()
        self._rows: list[tuple[QLabel, QWidget, bool]] = []
        for phrase, field, first_only in (
            (N_("Operator"), self.who, False),
            (N_("Name"), self.name, True),
            (N_("Role"), self.role, True),
            (N_("Password"), self.password, False),
            (N_("Password again"), self.again, True),
        ):
            label = _label(t(phrase), "")
            label.setBuddy(field)
            self._form.addRow(label, field)
            self._rows.append((label, field, first_only))
        for field in (self.name, self.password, self.again):
            field.returnPressed.connect(self._on_enter)
        line = self.who.lineEdit()
        if line is not None:
            line.returnPressed.connect(self._on_enter)
        self._lay_out()
        theme.changed.connect(self._restyle)
        self._restyle()
        self._show_mode()

    def begin(self, *, may_watch: bool) -> None:
        """Empty the fields and ask who there is. `may_watch`: the desk may be looked at without signing in."""
        for field in (self.name, self.password, self.again):
            field.clear()
        self.error.clear()
        self.watch.setVisible(may_watch)
        self._start(self._load(), "sign-in: operators")

    def submit(self) -> None:
        """What the main button does."""
        if self._busy:
            return
        fault = self._fault()
        if fault is not None:
            self._say(self._words.t(fault, n=SHORTEST_PASSWORD))
            return
        self._start(self._enter(), "sign-in")

    @property
    def first(self) -> bool:
        """Whether it makes the first operator."""
        return self._first

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.watch.isVisible():
            self.watch_asked.emit()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._take_focus()

    # --- inside --------------------------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        try:
            people = await self._door.operators()
        except DeckError as error:
            self._say(self._in_words(error))
            return
        self._first = not people
        before = self._operator_id()
        self.who.clear()
        for person in people:
            self.who.addItem(f"{person.id} · {person.name}", person.id)
        if not people or before:
            self.who.setEditText(before)
        self._show_mode()
        self._take_focus()

    async def _enter(self) -> None:
        self._set_busy(True)
        operator_id, password = self._operator_id(), self.password.text()
        try:
            if self._first:
                role = self.role.currentData()
                await self._door.add_first(Operator(id=operator_id, name=self.name.text().strip(), role=Role(role)), password)
            operator = await self._door.sign_in(operator_id, password)
        except DeckError as error:
            self._say(self._in_words(error))
            return
        finally:
            self._set_busy(False)
            self.password.clear()
            self.again.clear()
        if operator is None:
            self._say(self._words.t(N_("The operator or the password is wrong.")))
            self.password.setFocus()
            return
        self.error.clear()
        self._first = False
        self.entered.emit(operator)

    def _fault(self) -> str | None:
        if not self._operator_id():
            return N_("Say who you are.")
        if not self._first:
            return None if self.password.text() else N_("Give the password.")
        if not self.name.text().strip():
            return N_("Give the name that others shall see.")
        if len(self.password.text()) < SHORTEST_PASSWORD:
            return N_("The password needs at least {n} characters.")
        return None if self.password.text() == self.again.text() else N_("The two passwords are not the same.")

    def _operator_id(self) -> str:
        """What was chosen or typed: an id, or the list's "id · name"."""
        text = self.who.currentText().strip()
        row = self.who.findText(text)
        return str(self.who.itemData(row)) if row >= 0 else text

    def _on_enter(self) -> None:
        """Enter goes to the next empty field, and from the last one in."""
        fields: list[QWidget] = [field for _, field, first_only in self._rows if self._first or not first_only]
        for field in fields:
            if isinstance(field, QLineEdit) and not field.text():
                field.setFocus()
                return
        self.submit()

    def _take_focus(self) -> None:
        (self.password if self._operator_id() else self.who).setFocus()

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.main.setEnabled(not busy)

    def _say(self, text: str) -> None:
        self.error.setText(text)

    def _in_words(self, error: DeckError) -> str:
        t = self._words.t
        return " ".join(part for part in (t(error.what), t(error.remedy) if error.remedy else "") if part)

    def _show_mode(self) -> None:
        t = self._words.t
        for label, field, first_only in self._rows:
            label.setVisible(self._first or not first_only)
            field.setVisible(self._first or not first_only)
        if self._first:
            self.lead.setText(t(N_("Nobody has used this desk yet. Make the first operator.")))
            self.main.setText(t(N_("Make operator and sign in  Enter")))
        else:
            self.lead.setText(t(N_("Sign in to act. Everything you do is recorded under your name.")))
            self.main.setText(t(N_("Sign in  Enter")))

    def _lay_out(self) -> None:
        self._card = QFrame()
        self._card.setObjectName("signin.card")
        self._inner = QVBoxLayout(self._card)
        for widget in (self.title, self.about, self.lead):
            self._inner.addWidget(widget)
        self._inner.addLayout(self._form)
        self._inner.addWidget(self.error)
        buttons = QHBoxLayout()
        buttons.addWidget(self.main)
        buttons.addWidget(self.watch)
        buttons.addStretch(1)
        self._inner.addLayout(buttons)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(self._card)
        across.addStretch(1)
        down = QVBoxLayout(self)
        down.addStretch(2)
        down.addLayout(across)
        down.addStretch(3)

    def _restyle(self) -> None:
        t, px = self._theme.tokens, self._theme.px
        self._card.setFixedWidth(px(520))
        self._inner.setContentsMargins(px(32), px(28), px(32), px(28))
        self._inner.setSpacing(px(12))
        self._form.setHorizontalSpacing(px(16))
        self._form.setVerticalSpacing(px(10))
        look = f"background: {t.panel.name()}; border: 1px solid {t.line.name()}; border-radius: {px(4)}px;"
        self._card.setStyleSheet(f'QFrame[objectName="signin.card"] {{ {look} }}')
        self.error.setStyleSheet(f"color: {t.sev[1].name()};")


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _field(name: str, *, hidden: bool = False) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setMaxLength(_LONGEST)
    if hidden:
        field.setEchoMode(QLineEdit.EchoMode.Password)
    return field
