"""Pieces that many panels are built from: a header line, an action bar. So that they look and behave the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QScrollArea, QWidget

from app.domain.text import N_
from app.qt.panel import PanelContext
from widgets.chips import KeyButton
from widgets.tooltip import as_text


class HeaderLine(QFrame):
    """One line above a panel's content: what it shows on the left, how it shows it on the right."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__()
        self._context = context
        self.left = QLabel()
        self.right = QLabel()
        self.row = QHBoxLayout(self)
        self.row.addWidget(self.left, 1)
        self.row.addWidget(self.right)
        for label in (self.left, self.right):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.restyle()

    def say(self, left: str, right: str = "") -> None:
        """Set both ends; does nothing where they already say so."""
        if self.left.text() != left:
            self.left.setText(left)
        if self.right.text() != right:
            self.right.setText(right)

    def restyle(self) -> None:
        """Fonts and paddings of the theme's scale."""
        theme = self._context.theme
        self.row.setContentsMargins(theme.px(12), theme.px(6), theme.px(12), theme.px(6))
        self.row.setSpacing(theme.px(8))
        self.left.setFont(theme.font(13))
        self.right.setFont(theme.font(13))
        self.right.setProperty("tone", "quiet")


def action_menu(parent: QWidget, context: PanelContext, actions: Sequence[str]) -> QMenu:
    """A menu of `actions` on what is selected, each with its key, or with the reason why it cannot be done. It deletes itself."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    for action in actions:
        spec, reason = context.operations.spec(action), context.operations.why_not(action)
        entry = menu.addAction(f"{context.words.t(spec.title)}\t{spec.key}" if spec.key else context.words.t(spec.title))
        entry.setEnabled(reason is None)
        entry.setToolTip(as_text(reason or context.words.t(spec.explains)))
        entry.triggered.connect(partial(_start, context, action))
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _start(context: PanelContext, action: str) -> None:
    context.tasks.start(context.operations.perform(action), f"action {action}")


def scrolled(content: QWidget) -> QScrollArea:
    """`content` in a scroll area of the panel's own ground."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    # Both fill themselves with the palette's window colour otherwise, which is not the panel's.
    area.viewport().setAutoFillBackground(False)
    content.setAutoFillBackground(False)
    return area


class ActionBar(QFrame):
    """The actions of a panel, with the key written on each; the first that can be done is the main one. The rest say why not."""

    def __init__(self, context: PanelContext, actions: Sequence[str], more: Sequence[str] = ()) -> None:
        """`more`: actions that are seldom wanted; they stand in a menu at the end."""
        super().__init__()
        self._context = context
        self._buttons: dict[str, KeyButton] = {}
        self._seldom = tuple(more)
        self.note = QLabel()
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setProperty("tone", "quiet")
        self.note.setFont(context.theme.font(13))
        row = QHBoxLayout(self)
        px = context.theme.px
        row.setContentsMargins(px(12), px(8), px(12), px(8))
        row.setSpacing(px(8))
        for action in actions:
            spec = context.operations.spec(action)
            button = KeyButton(context.theme, context.words.t(spec.title), spec.key)
            button.setObjectName(f"action.{action}")
            button.setToolTip(context.words.t(spec.explains))
            button.clicked.connect(lambda _=False, a=action: self.start(a))
            self._buttons[action] = button
            row.addWidget(button)
        self._more = QPushButton(context.words.t(N_("More")))
        self._more.clicked.connect(self._show_more)
        self._more.setVisible(bool(more))
        row.addWidget(self._more)
        row.addStretch(1)
        row.addWidget(self.note)
        self.update_state()

    def start(self, action: str) -> None:
        """Begin `action` on what is selected."""
        _start(self._context, action)

    def _show_more(self) -> None:
        left_out = [action for action, button in self._buttons.items() if button.isHidden()]
        menu = action_menu(self, self._context, (*left_out, *self._seldom))
        menu.popup(self._more.mapToGlobal(self._more.rect().topLeft()) - QPoint(0, menu.sizeHint().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Buttons that have no room go into the menu, the last first: a button that is cut off says nothing."""
        gap, edge = self._context.theme.px(8), 2 * self._context.theme.px(12)
        widths = [button.sizeHint().width() + gap for button in self._buttons.values()]
        note = self.note.sizeHint().width() + gap if self.note.text() else 0
        room = self.width() - edge - note
        fits = len(widths)
        if sum(widths) + (self._more.sizeHint().width() if self._seldom else -gap) > room:
            room -= self._more.sizeHint().width()
            while fits > 1 and sum(widths[:fits]) > room:
                fits -= 1
        for number, button in enumerate(self._buttons.values()):
            button.setVisible(number < fits)
        self._more.setVisible(bool(self._seldom) or fits < len(widths))

    def update_state(self) -> None:
        """Bring the buttons in line with what can be done now."""
        main_given = False
        for action, button in self._buttons.items():
            reason = self._context.operations.why_not(action)
            button.setEnabled(reason is None)
            button.setToolTip(as_text(reason or self._context.words.t(self._context.operations.spec(action).explains)))
            main = reason is None and not main_given
            main_given = main_given or main
            button.set_kind("main" if main else "plain")
        self._fit()

    def button(self, action: str) -> QWidget:
        """The button of `action`."""
        return self._buttons[action]
