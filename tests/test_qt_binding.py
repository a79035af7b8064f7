"""The Qt binding itself: PySide6 6.12.0 on Python 3.11 lost a reference at every call and aborted after a few hundred. Recheck before moving."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

CALLS = 1_000
SLACK = 100
"""Other code may come and go with a few references meanwhile."""


class Bell(QObject):
    rang = Signal(bool)


def test_a_void_call_keeps_the_references_of_none(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    before = sys.getrefcount(None)
    for number in range(CALLS):
        widget.setWindowTitle(str(number))
    assert sys.getrefcount(None) > before - SLACK


def test_an_emit_keeps_the_references_of_true(qtbot: QtBot) -> None:
    bell = Bell()
    heard: list[bool] = []
    bell.rang.connect(heard.append)
    before = sys.getrefcount(True)
    for _ in range(CALLS):
        bell.rang.emit(True)
    assert len(heard) == CALLS
    heard.clear()
    assert sys.getrefcount(True) > before - SLACK
