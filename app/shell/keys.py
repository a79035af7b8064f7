"""Every key of the deck: the shell's own here, the actions' from their one list. The overview is made from both, so it is never wrong."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.actions.spec import ACTIONS
from app.domain.text import N_
from app.qt.words import Words
from widgets.theme import Theme


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the shell. `sequence` as Qt reads it; `written` as a person does."""

    id: str
    sequence: str
    does: str
    written: str = ""

    @property
    def label(self) -> str:
        """How it is written on the screen."""
        return self.written or self.sequence.replace("+", " ")


PALETTE = Key("palette", "Ctrl+K", N_("Find anything, do anything"))
FULL = Key("full_screen", "F11", N_("Full screen on or off"))
OVERVIEW = Key("keys", "F1", N_("This overview"))
LOCK = Key("lock_layout", "Ctrl+L", N_("Lock or unlock the layout"))
UNDO = Key("undo_layout", "Ctrl+Z", N_("Undo the last change of the layout"))
SHELL_KEYS = (PALETTE, OVERVIEW, FULL, LOCK, UNDO)
PANELS = Key("panels", "Ctrl+1", N_("Go to the first, second … panel"), "Ctrl 1 … 9")


class KeyOverview(QDialog):
    """A page of keys. Not modal: the desk goes on, and keys can be tried beside it."""

    def __init__(self, parent: QWidget, theme: Theme, words: Words) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.t(N_("Keys")))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        edge = theme.px(20)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(theme.px(12))
        title = QLabel(words.t(N_("Keys")))
        title.setProperty("role", "title")
        column.addWidget(title)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(24))
        grid.setVerticalSpacing(theme.px(6))
        rows = [(key.label, words.t(key.does)) for key in (*SHELL_KEYS, PANELS)]
        rows += [(spec.key, f"{words.t(spec.title)} · {words.t(spec.explains)}") for spec in ACTIONS if spec.key]
        for number, (key, does) in enumerate(rows):
            pressed = QLabel(key)
            pressed.setStyleSheet(f"color: {theme.tokens.ink.name()}; font-weight: bold;")
            said = QLabel(does)
            said.setTextFormat(Qt.TextFormat.PlainText)
            grid.addWidget(pressed, number, 0)
            grid.addWidget(said, number, 1)
        column.addLayout(grid)
        close = QPushButton(words.t(N_("Close  Esc")))
        close.clicked.connect(self.close)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignLeft)
