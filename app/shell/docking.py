"""Docks: the only file that knows the docking library (PySide6QtAds). It may not know what the panels are about.

Docks are made once, before any state is restored, since the library drops what it does not know and still says yes. A panel's widget is
made when its dock is first seen, so that a cold start pays only for what is on the screen.
"""

# The library ships no type information: what comes from it is unknown to the checker, in this one file.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUnknownLambdaType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import PySide6QtAds as QtAds
from PySide6.QtCore import QByteArray, QObject, QPoint, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QSplitter, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.qt.panel import Headline
from app.shell.layouts import fault_of
from widgets.severity import severity_pixmap
from widgets.theme import Theme

_T = TypeVar("_T")
_ads = QtAds.ads
_Flag = _ads.CDockManager.eConfigFlag
_Feature = _ads.CDockWidget.DockWidgetFeature
_FLAGS = _Flag.OpaqueSplitterResize | _Flag.DisableStylesheet | _Flag.FloatingContainerHasWidgetTitle | _Flag.DragPreviewIsDynamic
_SETTLE_MS = 250
"""How long nothing may move before an arrangement counts as changed: a drag is one change, not a hundred."""
_TITLE_PX = 32


_NO_WORDS = Headline()


class DockArea(QObject):
    """The docks of one window. Everything here runs on the GUI thread."""

    arranged = Signal()
    """The person moved, resized, opened, closed or floated something, and has let go of it."""
    menu_asked = Signal(str, QPoint)
    """A panel's title was right-clicked: (panel id, global position)."""
    built = Signal(str)
    """A panel's widget was made."""

    def __init__(self, place: QWidget, theme: Theme) -> None:
        """`place` is the window's widget that `widget` is laid into."""
        super().__init__(place)
        # Flags count only before a process's first set of docks; a second window must not set them again.
        if _ads.CDockManager.configFlags() != _FLAGS:
            _ads.CDockManager.setConfigFlags(_FLAGS)
        self._theme = theme
        self._docks_widget = _ads.CDockManager(place)
        self._docks_widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._docks: dict[str, object] = {}
        self._slots: dict[str, _Slot] = {}
        self._headers: list[_AreaHeader] = []
        self._words: dict[str, Headline] = {}
        self._locked = False
        self._busy = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._docks_widget.dockAreaCreated.connect(self._on_area)
        self._docks_widget.dockAreasAdded.connect(self._on_change)
        self._docks_widget.dockAreasRemoved.connect(self._on_change)
        self._docks_widget.dockAreaViewToggled.connect(self._on_change)
        theme.changed.connect(self.restyle)
        self.restyle()

    # --- panels --------------------------------------------------------------------------------------------------------------

    @property
    def widget(self) -> QWidget:
        """What the window lays out."""
        return self._docks_widget

    @property
    def ids(self) -> tuple[str, ...]:
        """Every panel that can be shown, in the order they were added."""
        return tuple(self._docks)

    def add(self, panel_id: str, title: str, icon: QIcon, factory: Callable[[], QWidget]) -> None:
        """Make the dock of a panel, closed. All have to be there before `apply`. `factory` is called when it is first seen."""
        dock = _ads.CDockWidget(self._docks_widget, title)
        dock.setObjectName(panel_id)
        dock.setWindowIcon(icon)
        slot = _Slot(lambda: self._build(panel_id, factory))
        dock.setWidget(slot, _ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        dock.setFeature(_Feature.DockWidgetPinnable, False)
        dock.setFeature(_Feature.DockWidgetDeleteOnClose, False)
        dock.viewToggled.connect(self._on_change)
        dock.topLevelChanged.connect(self._on_change)
        tab = dock.tabWidget()
        tab.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tab.customContextMenuRequested.connect(lambda at, tab=tab: self.menu_asked.emit(panel_id, tab.mapToGlobal(at)))
        self._docks[panel_id] = dock
        self._slots[panel_id] = slot
        self._quietly(lambda: self._docks_widget.addDockWidgetTab(QtAds.CenterDockWidgetArea, dock))
        self._quietly(lambda: dock.toggleView(False))

    def panel(self, panel_id: str) -> QWidget | None:
        """The panel's widget, None while nobody has seen it yet."""
        slot = self._slots.get(panel_id)
        return slot.content if slot is not None else None

    def retitle(self, panel_id: str, title: str) -> None:
        """Another language."""
        self._docks[panel_id].setWindowTitle(title)

    def say(self, panel_id: str, words: Headline) -> None:
        """What stands beside the panel's title."""
        if self._words.get(panel_id, _NO_WORDS) != words:
            self._words[panel_id] = words
            self._repaint_headers()

    def is_open(self, panel_id: str) -> bool:
        """Whether the panel is somewhere on the desk, if only behind another tab."""
        return not self._docks[panel_id].isClosed()

    def is_seen(self, panel_id: str) -> bool:
        """Whether the panel is in sight."""
        return self.is_open(panel_id) and self._slots[panel_id].isVisible()

    def is_floating(self, panel_id: str) -> bool:
        """Whether the panel has a window of its own."""
        return self.is_open(panel_id) and self._docks[panel_id].isInFloatingContainer()

    def show_panel(self, panel_id: str) -> None:
        """Open the panel where it was, bring it to the front and give it the keyboard. Works on a locked desk too: nothing moves."""
        dock = self._docks[panel_id]
        if dock.isClosed():
            dock.toggleView(True)
        dock.setAsCurrentTab()
        if dock.isInFloatingContainer():
            dock.floatingDockContainer().raise_()
            dock.floatingDockContainer().activateWindow()
        content = self._slots[panel_id].content
        if content is not None:
            content.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_panel(self, panel_id: str) -> None:
        """Take the panel off the desk. It keeps its place."""
        if not self._locked:
            self._docks[panel_id].toggleView(False)

    def float_panel(self, panel_id: str) -> None:
        """Give the panel a window of its own."""
        if not self._locked and not self._docks[panel_id].isFloating():
            self._docks[panel_id].setFloating()

    # --- arrangement -----------------------------------------------------------------------------------------------------------

    def capture(self) -> bytes:
        """The arrangement as it is now, for `apply`."""
        return bytes(self._docks_widget.saveState().data())

    def apply(self, state: bytes) -> bool:
        """Arrange the docks as `state` says. False, and nothing moves, where it does not fit these panels."""
        if fault_of(state, self._docks) is not None:
            return False
        return self._quietly(lambda: bool(self._docks_widget.restoreState(QByteArray(state))))

    def lock(self, locked: bool) -> None:
        """While locked nothing can be moved, resized, closed or floated."""
        self._locked = locked
        nothing = _Feature(0) if not locked else _Feature.DockWidgetMovable | _Feature.DockWidgetClosable | _Feature.DockWidgetFloatable
        self._docks_widget.lockDockWidgetFeaturesGlobally(nothing)
        self._follow_splitters()

    @property
    def locked(self) -> bool:
        """Whether the desk is locked."""
        return self._locked

    def floating(self) -> list[QWidget]:
        """The windows that panels float in."""
        return [w for w in self._docks_widget.floatingWidgets() if isValid(w) and w.isVisible()]

    def hide_all(self) -> None:
        """Take the panels off the screen, floating windows too, without closing one; `show_all` brings them back."""
        self._quietly(self._docks_widget.hideManagerAndFloatingWidgets)

    def show_all(self) -> None:
        """Undo `hide_all`."""
        if self._docks_widget.isHidden():
            self._docks_widget.show()
            self._quietly(self._docks_widget.restoreHiddenFloatingWidgets)

    def teardown(self) -> None:
        """The window goes: no more signals from here."""
        self._settle.stop()
        self._busy = True
        self._theme.changed.disconnect(self.restyle)
        self._docks_widget.dockAreaCreated.disconnect(self._on_area)

    def restyle(self) -> None:
        """The theme or its scale changed."""
        # The window's sheet styles the docks; the tab bar's inner widgets have no class of their own and can only be named.
        self._docks_widget.setStyleSheet(
            "#tabsContainerWidget, ads--CDockAreaTabBar > QWidget { background: transparent; }"
            f" ads--CDockWidgetTab QLabel {{ font-size: {self._theme.px(15)}px; qproperty-alignment: 'AlignLeft | AlignVCenter'; }}"
            f' ads--CDockWidgetTab[activeTab="false"] QLabel {{ color: {self._theme.tokens.ink3.name()}; }}'
        )
        for header in self._live_headers():
            header.setFixedHeight(self._theme.px(_TITLE_PX - 1))
            header.update()

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _build(self, panel_id: str, factory: Callable[[], QWidget]) -> QWidget | None:
        """Make the panel, unless the docks are on the move and it may only be passing by."""
        if self._busy:
            return None
        content = factory()
        QTimer.singleShot(0, self, lambda: self.built.emit(panel_id))
        return content

    def _quietly(self, change: Callable[[], _T]) -> _T:
        """Change docks by program: not the person's doing, so no `arranged`."""
        self._busy = True
        try:
            return change()
        finally:
            self._busy = False
            self._settle.stop()
            for slot in self._slots.values():
                slot.fill()
            self._follow_splitters()
            self._repaint_headers()

    def _on_change(self, *_: object) -> None:
        self._repaint_headers()
        if not self._busy:
            self._settle.start()

    def _settled(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._settle.start()
            return
        self._follow_splitters()
        self.arranged.emit()

    def _on_area(self, area: object) -> None:
        """Every area gets a place for words beside its tabs, and no menu of the library's own."""
        bar = area.titleBar()
        header = _AreaHeader(self._theme, lambda: self._words_of(area), bar)
        header.setFixedHeight(self._theme.px(_TITLE_PX - 1))
        bar.insertWidget(1, header)
        bar.layout().setStretchFactor(header, 1)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        bar.customContextMenuRequested.connect(lambda at: self._ask_menu(area, at))
        area.currentChanged.connect(header.on_tab)
        self._headers = [*self._live_headers(), header]

    def _ask_menu(self, area: object, at: QPoint) -> None:
        dock = area.currentDockWidget()
        if dock is not None:
            self.menu_asked.emit(dock.objectName(), area.titleBar().mapToGlobal(at))

    def _words_of(self, area: object) -> Headline:
        if not isValid(area):
            return _NO_WORDS
        dock = area.currentDockWidget()
        return self._words.get(dock.objectName(), _NO_WORDS) if dock is not None else _NO_WORDS

    def _live_headers(self) -> list[_AreaHeader]:
        return [h for h in self._headers if isValid(h)]

    def _repaint_headers(self) -> None:
        for header in self._live_headers():
            header.update()

    def _follow_splitters(self) -> None:
        """Splitters come and go with the arrangement: hear those that are there, and hold them still on a locked desk."""
        for place in (self._docks_widget, *self.floating()):
            for splitter in place.findChildren(QSplitter):
                if not splitter.property("followed"):
                    splitter.setProperty("followed", True)
                    splitter.splitterMoved.connect(self._on_change)
                for number in range(splitter.count()):
                    splitter.handle(number).setEnabled(not self._locked)


class _Slot(QWidget):
    """Stands in a dock until the panel is first seen, and holds it from then on."""

    def __init__(self, build: Callable[[], QWidget | None]) -> None:
        super().__init__()
        self._build = build
        self.content: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def fill(self) -> None:
        """Make the panel if the slot is in sight."""
        if self.content is not None or not self.isVisible():
            return
        self.content = self._build()
        if self.content is None:
            return
        self._column.addWidget(self.content)
        self.setFocusProxy(self.content)
        self.content.show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fill()

    def minimumSizeHint(self) -> QSize:
        """A panel that is made late must not push its neighbours aside."""
        return QSize(60, 40)


class _AreaHeader(QWidget):
    """The part of a title bar beside the tabs: counts and a note to the left, a note to the right."""

    def __init__(self, theme: Theme, words: Callable[[], Headline], parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._words = words
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # Dragging and double clicks go to the title bar behind.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def on_tab(self, *_: object) -> None:
        """Another tab came to the front."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        words = self._words()
        if words == _NO_WORDS:
            return
        theme = self._theme
        painter = QPainter(self)
        room = self.rect().adjusted(theme.px(4), 0, -theme.px(12), 0)
        font = theme.font(13)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        if words.counts:
            room.setLeft(self._paint_counts(painter, room, words.counts) + theme.px(8))
        painter.setPen(theme.tokens.ink3)
        taken = 0
        if words.trailing:
            taken = metrics.horizontalAdvance(words.trailing)
        if taken > room.width():
            taken = 0
        elif taken:
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words.trailing)
        if words.note:
            left = QRect(room.left(), room.top(), max(0, room.width() - taken - theme.px(12)), room.height())
            # Half a remark says nothing: it is there whole, or nearly, or not at all.
            if left.width() >= 0.7 * metrics.horizontalAdvance(words.note):
                said = metrics.elidedText(words.note, Qt.TextElideMode.ElideRight, left.width())
                painter.drawText(left, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)
        painter.end()

    def _paint_counts(self, painter: QPainter, room: QRect, counts: tuple[int, ...]) -> int:
        """Symbols with their counts, from the left; what is 0 is left out. Answers where they end."""
        theme = self._theme
        side = theme.px(14)
        x = room.left()
        painter.setFont(theme.font(13, bold=True))
        for severity, count in enumerate(counts, start=1):
            if not count:
                continue
            said = f"{count:,}"
            painter.drawPixmap(QPointF(x, room.center().y() - side // 2), severity_pixmap(severity, side, theme, self.devicePixelRatioF()))
            x += side + theme.px(3)
            painter.setPen(theme.tokens.ink)
            wide = painter.fontMetrics().horizontalAdvance(said)
            painter.drawText(QRect(x, room.top(), wide + 2, room.height()), Qt.AlignmentFlag.AlignVCenter, said)
            x += wide + theme.px(10)
        painter.setFont(theme.font(13))
        return x
