"""Calls the person back to a desk that is not in front: a message of the system for a new alert of severity 1 or 2.

The first way that works is taken: the system's notifications over D-Bus, then the tray, then the window asks for attention. D-Bus is first
because a tray's message has no action on some desktops, so that a click on it does nothing. At most one message in CALL_GAP_MS; it tells
the worst and how many more there are. It decides and speaks; it changes no alert.
"""

from __future__ import annotations

import asyncio
import html
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from PySide6.QtCore import Q_ARG, Q_RETURN_ARG, SLOT, QMetaObject, QObject, Qt, Slot
from PySide6.QtDBus import QDBusConnection, QDBusInterface
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from app.actions.desk import plain
from app.citypack import CityPack
from app.domain.alert import UNSEEN
from app.domain.ids import AlertId, Millis
from app.domain.severity import SEVERITY_WORDS, Severity
from app.domain.text import N_
from app.live.alerts import STATES, AlertStore
from app.live.changes import ChangeSet, Topic
from app.qt.naming import alert_title, area_name
from app.qt.words import Words
from app.services.ringing import Rows

CALL_GAP_MS = 10_000
WORST_TWO = 2
"""Severities that are worth calling somebody from other work."""
LONGEST_TITLE = 200
_BUS_MS = 2_000
_NOTIFICATIONS, _NOTIFICATIONS_AT = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
_UNSEEN = np.array([state in UNSEEN for state in STATES])
_NO_ROWS: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Call:
    """What is told: the worst alert's row, and how many more there are."""

    row: int
    more: int


class Caller:
    """Decides when there is something to tell. Knows no Qt; `now` is handed in."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store
        self._waiting: Rows = _NO_ROWS
        self._called: int | None = None

    def came(self, rows: Rows) -> None:
        """These alerts are new."""
        worst = rows[self._store.severity[rows] <= WORST_TWO]
        if len(worst):
            self._waiting = np.union1d(self._waiting, worst)

    def due(self, now: Millis, *, in_front: bool) -> Call | None:
        """What to tell now. Whoever has the desk before them is told nothing, nor afterwards of what they could see."""
        if in_front:
            self._waiting = _NO_ROWS
        if not len(self._waiting) or (self._called is not None and 0 <= now - self._called < CALL_GAP_MS):
            return None
        store, rows = self._store, self._waiting
        self._waiting = _NO_ROWS
        # Somebody at another desk may have taken note meanwhile.
        rows = rows[_UNSEEN[store.state[rows]] & (store.severity[rows] <= WORST_TWO)]
        if not len(rows):
            return None
        self._called = now
        first = rows[np.lexsort((rows, store.severity[rows]))[0]]
        return Call(int(first), len(rows) - 1)


class Way(Protocol):
    """One way of telling somebody who does not look."""

    async def show(self, title: str, body: str, clicked: Callable[[], None]) -> bool:
        """Tell it, as text and never as markup; False: this way does not work here. `clicked` is called when it is clicked on."""
        ...

    def close(self) -> None:
        """Take everything away."""
        ...


class BusWay(QObject):
    """The desktop's own notifications. What may wait for the bus runs on another thread: a hung service must not hold the desk."""

    def __init__(self, send: Callable[[str, str, str], int] | None = None) -> None:
        """`send(title, body, label)`: the notification's id, 0 where there is no service; for tests."""
        super().__init__()
        self._send = send or send_by_bus
        self._clicked: dict[int, Callable[[], None]] = {}
        self._listens = False

    async def show(self, title: str, body: str, clicked: Callable[[], None]) -> bool:
        if not bus_is_there():
            return False
        number = await asyncio.to_thread(self._send, title, body, title)
        if not number:
            return False
        self._listen()
        self._clicked = {number: clicked}
        return True

    def close(self) -> None:
        self._clicked.clear()
        if self._listens:
            QDBusConnection.sessionBus().disconnect(_NOTIFICATIONS, _NOTIFICATIONS_AT, _NOTIFICATIONS, "ActionInvoked", self, _ON_ACTION)
            self._listens = False

    @Slot("uint", str)
    def on_action(self, number: int, _action: str) -> None:
        """The service says that a notification was clicked on: maybe another program's."""
        clicked = self._clicked.pop(number, None)
        if clicked is not None:
            clicked()

    def _listen(self) -> None:
        if not self._listens:
            bus = QDBusConnection.sessionBus()
            self._listens = bus.connect(_NOTIFICATIONS, _NOTIFICATIONS_AT, _NOTIFICATIONS, "ActionInvoked", self, _ON_ACTION)


_ON_ACTION = cast("bytes", SLOT("on_action(uint,QString)"))
"""PySide6 6.11 declares that it wants bytes and takes text only."""


def bus_is_there() -> bool:
    """Whether this session has a bus. Asking Qt where there is none would start one, or wait for it."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(str(runtime), "bus").exists()


def send_by_bus(title: str, body: str, label: str) -> int:
    """Ask the desktop to show it: the notification's id, 0 where there is no service. Waits up to some seconds; any thread."""
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return 0
    service = QDBusInterface(_NOTIFICATIONS, _NOTIFICATIONS_AT, _NOTIFICATIONS, bus)
    if not service.isValid():
        return 0
    service.setTimeout(_BUS_MS)
    can = service.call("GetCapabilities").arguments()
    escaped = html.escape(body, quote=False) if can and "body-markup" in can[0] else body
    # Through the meta-object, since it alone knows that the second argument is unsigned; a Python int would go as a signed one and be refused.
    answer = QMetaObject.invokeMethod(
        service, "Notify", Qt.ConnectionType.DirectConnection, Q_RETURN_ARG("uint"),
        Q_ARG(str, "CityDeck"), Q_ARG("uint", 0), Q_ARG(str, ""), Q_ARG(str, title), Q_ARG(str, escaped),
        Q_ARG("QStringList", ["default", label]), Q_ARG("QVariantMap", {}), Q_ARG(int, -1),
    )  # fmt: skip
    return answer if isinstance(answer, int) else 0


class TrayWay(QObject):
    """A message beside the tray. Where it goes, and whether as markup, is the desktop's choice: so what could be markup is not in it."""

    def __init__(self, icon: Callable[[], QIcon]) -> None:
        super().__init__()
        self._icon = icon
        self._tray: QSystemTrayIcon | None = None
        self._clicked: Callable[[], None] | None = None

    async def show(self, title: str, body: str, clicked: Callable[[], None]) -> bool:
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon(), self)
            self._tray.messageClicked.connect(self._on_clicked)
            self._tray.show()
        self._clicked = clicked
        self._tray.showMessage(without_markup(title), without_markup(body), QSystemTrayIcon.MessageIcon.Critical)
        return True

    def close(self) -> None:
        self._clicked = None
        if self._tray is not None:
            self._tray.hide()
            self._tray.deleteLater()
            self._tray = None

    def _on_clicked(self) -> None:
        clicked, self._clicked = self._clicked, None
        if clicked is not None:
            clicked()


def without_markup(text: str) -> str:
    """`text` with signs that look alike for those that markup is made of: it reads the same escaped or not."""
    return text.translate({ord("<"): "‹", ord(">"): "›", ord("&"): "＆"})


class WindowWay:
    """The window asks for attention in the list of windows. Always works as far as anything does; the click is the person's own way back."""

    def __init__(self, window: Callable[[], QWidget]) -> None:
        self._window = window

    async def show(self, title: str, body: str, clicked: Callable[[], None]) -> bool:
        QApplication.alert(self._window())
        return True

    def close(self) -> None:
        """Nothing to take away: it ends when the window comes to the front."""


def is_in_front(window: QWidget) -> bool:
    """Whether the person has this desk before them: any window of it is active, and it is not minimised."""
    return QApplication.activeWindow() is not None and not window.isMinimized()


def bring_to_front(window: QWidget) -> None:
    """Unminimise, raise, activate. Some desktops only let the window ask for attention instead."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()


class Notifier:
    """Joins what came, the window and the ways. Event loop's thread only. `close` it before the tasks end."""

    def __init__(
        self,
        store: AlertStore,
        city: CityPack,
        words: Callable[[], Words],
        *,
        now: Callable[[], Millis],
        in_front: Callable[[], bool],
        clicked: Callable[[AlertId], None],
        start: Callable[[Coroutine[object, object, object], str], object],
        ways: Sequence[Way],
    ) -> None:
        """`clicked(alert)`: bring the desk to the front and select the alert. `start(coroutine, name)`: as Tasks.start. `words()`: the language may
        change while the desk runs."""
        self._store = store
        self._city = city
        self._words = words
        self._now = now
        self._in_front = in_front
        self._clicked = clicked
        self._start = start
        self._ways = ways
        self._caller = Caller(store)

    def came(self, rows: Rows) -> None:
        """These alerts are new: see Sounding.came."""
        self._caller.came(rows)
        self.second()

    def frame(self, change: ChangeSet) -> None:
        """For the frame clock: what had to wait is told in time."""
        if change.topics & Topic.SECOND:
            self.second()

    def second(self) -> None:
        """Tell what is due."""
        call = self._caller.due(self._now(), in_front=self._in_front())
        if call is not None:
            self._start(self._tell(call), "notify")

    def close(self) -> None:
        """Take everything away."""
        for way in self._ways:
            way.close()

    async def _tell(self, call: Call) -> None:
        alert = self._store.at_row(call.row)
        words = self._words()
        severity = words.t(SEVERITY_WORDS[Severity(alert.severity)])
        title = words.t(N_("Alert ({severity}) · {area}"), severity=severity, area=area_name(self._city, words, alert.area))
        what = plain(alert_title(words, alert))[:LONGEST_TITLE]
        body = words.t(N_("{what}, and {n} more"), what=what, n=words.number(call.more)) if call.more else what
        for way in self._ways:
            if await way.show(plain(title), body, lambda: self._clicked(alert.id)):
                return
