"""The developer's overlay: what the deck measures of itself, in a corner of the window. Ctrl+Shift+D shows and hides it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFontDatabase, QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QMainWindow

from widgets.theme import Theme


class Overlay(QLabel):
    """Lies over the window's lower left corner and lets every click through."""

    def __init__(self, window: QMainWindow, theme: Theme, *, shown: bool) -> None:
        super().__init__(window)
        self._theme = theme
        self.setObjectName("overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMargin(theme.px(8))
        self.setVisible(shown)
        QShortcut(QKeySequence("Ctrl+Shift+D"), window, self.toggle)
        window.installEventFilter(self)

    def toggle(self) -> None:
        """Show or hide it."""
        self.setVisible(not self.isVisible())

    def tell(self, lines: list[str]) -> None:
        """Show these figures, if anybody looks."""
        if not self.isVisible():
            return
        tokens = self._theme.tokens
        self.setStyleSheet(f"background: {tokens.ground.name()}; color: {tokens.ink.name()}; border: 1px solid {tokens.edge.name()};")
        self.setText("\n".join(lines))
        self._place()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self.adjustSize()
        edge = self._theme.px(12)
        self.move(edge, self.window().height() - self.height() - self._theme.px(48))
