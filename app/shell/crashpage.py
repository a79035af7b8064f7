"""What a person sees when the deck had a bug: calm words, what is safe, where the report lies. It stops nothing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from app.domain.text import N_
from app.qt.words import Words
from widgets.theme import Theme


class CrashPage(QDialog):
    """Something broke: what is safe, where the report lies. The desk behind it goes on."""

    def __init__(self, parent: QWidget, theme: Theme, words: Words, report: Path | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(words.t(N_("Something broke")))
        self.setMinimumWidth(theme.px(480))
        column = QVBoxLayout(self)
        edge = theme.px(20)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(theme.px(12))
        kept = words.t(N_("A report was written: {path}"), path=report) if report is not None else words.t(N_("No report could be written."))
        for text, role in (
            (words.t(N_("Something broke")), "title"),
            (words.t(N_("Your actions are safe in the journal. You can go on; if something looks wrong, start the deck again.")), ""),
            (kept, "hint"),
        ):
            label = QLabel(text)
            label.setProperty("role", role)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
        button = QPushButton(words.t(N_("Go on")))
        button.setProperty("kind", "main")
        button.clicked.connect(self.close)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
