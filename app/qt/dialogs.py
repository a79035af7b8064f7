"""Questions to the person at the desk, as awaitables. A dialog here is opened, never executed: a nested event loop would strand every
coroutine that waits outside it. Where the waiting task is cancelled or the parent goes, the dialog goes too and nothing was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.domain.command import MAX_COMMENT
from app.domain.text import N_
from app.qt.words import Words
from widgets.theme import Theme

_CLOSE_TO_FULL = 0.9


async def ask_text(
    parent: QWidget, words: Words, theme: Theme, title: str, prompt: str, *, required: bool, preset: str = "", limit: int = MAX_COMMENT
) -> str | None:
    """Ask for a few words. Answers them stripped ("" is possible where they are not required), or None where the person cancelled.

    Enter sends, Ctrl+Enter begins a new line, Esc cancels. `title` and `prompt` come translated. At most `limit` characters.
    """
    dialog = TextDialog(parent, words, theme, title, prompt, required=required, preset=preset, limit=limit)
    return dialog.text() if await opened(dialog) else None


async def confirm(parent: QWidget, words: Words, theme: Theme, title: str, prompt: str, *, yes: str = "", grave: bool = False) -> bool:
    """Ask whether to go on. `yes` is the translated text of the button that does; with `grave` the focus is on the other one."""
    return await opened(ConfirmDialog(parent, words, theme, title, prompt, yes=yes, grave=grave))


async def choose_file(parent: QWidget, title: str, filters: Sequence[str], *, save: bool = False, preset: str = "") -> Path | None:
    """Ask for a file to open, or to write with `save`. `filters` are translated, as in "Tables (*.csv)". None: cancelled."""
    dialog = QFileDialog(parent, title, preset)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.setNameFilters(list(filters))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave if save else QFileDialog.AcceptMode.AcceptOpen)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile if save else QFileDialog.FileMode.ExistingFile)
    if not await opened(dialog):
        return None
    chosen = dialog.selectedFiles()
    return Path(chosen[0]) if chosen else None


async def opened(dialog: QDialog) -> bool:
    """Open `dialog` and wait until it is finished. True: accepted. The dialog is gone soon after."""
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def finish(result: int) -> None:
        if not done.done():
            done.set_result(result == QDialog.DialogCode.Accepted)

    def gone() -> None:
        if not done.done() and not done.get_loop().is_closed():
            done.set_result(False)

    dialog.finished.connect(finish)
    dialog.destroyed.connect(gone)
    dialog.open()
    alive = True
    try:
        accepted = await done
        alive = accepted
        return accepted
    except asyncio.CancelledError:
        dialog.reject()
        raise
    finally:
        if alive:
            dialog.deleteLater()


class TextDialog(QDialog):
    """A title, a prompt, a field, two buttons."""

    def __init__(self, parent: QWidget, words: Words, theme: Theme, title: str, prompt: str, *, required: bool, preset: str, limit: int) -> None:
        super().__init__(parent)
        self._words = words
        self._required = required
        self._limit = limit
        self.setWindowTitle(title)
        self.setMinimumWidth(theme.px(480))
        self.field = QPlainTextEdit(self)
        self.field.setAccessibleName(prompt or title)
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(theme.px(104))
        self.field.setPlainText(preset)
        self.field.selectAll()
        self.field.installEventFilter(self)
        self.hint = _label("", "hint")
        self.main = QPushButton(words.t(N_("OK  Enter")), self)
        self.main.setProperty("kind", "main")
        self.main.setDefault(True)
        self.main.clicked.connect(self.accept)
        cancel = QPushButton(words.t(N_("Cancel  Esc")), self)
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        _lay_out(self, theme, title, prompt, (self.field, self.hint), (self.main, cancel))
        self.field.textChanged.connect(self._check)
        self._check()
        self.field.setFocus()

    def text(self) -> str:
        """What was written, without blanks around it."""
        return self.field.toPlainText().strip()

    def accept(self) -> None:
        if self.main.isEnabled():
            super().accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            watched is self.field
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
                self.field.insertPlainText("\n")
            else:
                self.accept()
            return True
        return super().eventFilter(watched, event)

    def _check(self) -> None:
        written = len(self.text())
        too_long = written > self._limit
        self.main.setEnabled(not too_long and (written > 0 or not self._required))
        if too_long:
            said = self._words.t(N_("{n} characters too many (at most {limit})"), n=written - self._limit, limit=self._limit)
        elif written > self._limit * _CLOSE_TO_FULL:
            said = self._words.t(N_("{n} characters left"), n=self._limit - written)
        elif self._required and not written:
            said = self._words.t(N_("Required, at most {limit} characters · Ctrl+Enter: new line"), limit=self._limit)
        else:
            said = self._words.t(N_("At most {limit} characters · Ctrl+Enter: new line"), limit=self._limit)
        self.hint.setText(said)


class ConfirmDialog(QDialog):
    """A title, a prompt, yes or no."""

    def __init__(self, parent: QWidget, words: Words, theme: Theme, title: str, prompt: str, *, yes: str, grave: bool) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(theme.px(400))
        self.main = QPushButton(yes or words.t(N_("OK")), self)
        self.main.setProperty("kind", "main")
        self.main.clicked.connect(self.accept)
        self.cancel = QPushButton(words.t(N_("Cancel  Esc")), self)
        self.cancel.clicked.connect(self.reject)
        _lay_out(self, theme, title, prompt, (), (self.main, self.cancel))
        first = self.cancel if grave else self.main
        first.setDefault(True)
        first.setFocus()


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _lay_out(dialog: QDialog, theme: Theme, title: str, prompt: str, middle: Sequence[QWidget], buttons: Sequence[QPushButton]) -> None:
    layout = QVBoxLayout(dialog)
    edge = theme.px(16)
    layout.setContentsMargins(edge, edge, edge, edge)
    layout.setSpacing(theme.px(12))
    layout.addWidget(_label(title, "title"))
    if prompt:
        layout.addWidget(_label(prompt, ""))
    for widget in middle:
        layout.addWidget(widget)
    line = QHBoxLayout()
    line.setSpacing(theme.px(8))
    for button in buttons:
        line.addWidget(button)
    line.addStretch(1)
    layout.addLayout(line)
