"""The window of one desk: bars around the docks, notices, palette, sign-in page. It joins the shell's parts and knows no panel by heart.

Nothing here opens a socket or a file. Whatever a person asks for ends in an action, an arrangement, or a signal to whoever made the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QIcon, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.actions.desk import ActionDesk
from app.actions.spec import ACTIONS
from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.aside import How
from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.role import SEAT_WORDS, Operator, Seat
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.alert_acts import Aside
from app.qt.dialogs import ask_text, confirm
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.operations import Operations
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.shelf_dialog import ask_aside
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.services.flood import FloodWatch
from app.shell.arranger import LONGEST_NAME, Arranger
from app.shell.bars import BOTTOM_BARS, NEEDS, TOP_BARS, BarSignals, BarSources
from app.shell.crashpage import CrashPage
from app.shell.docking import DockArea
from app.shell.keys import FULL, LOCK, OVERVIEW, PALETTE, UNDO, KeyOverview
from app.shell.layouts import Layout
from app.shell.menus import Does, Menus
from app.shell.notices import Notice, NoticeBar, NoticeLine
from app.shell.palette import Palette
from app.shell.reach import Reach
from app.shell.rescue import ScreenWatch
from app.shell.seats import standard
from app.shell.settings import Settings
from app.shell.signin import Door, SignInPage
from app.shell.soundbox import SoundChip, SoundDialog
from app.shell.sounding import Sounding
from app.shell.status import banner_words, worst_of
from widgets.icons import ICON_NAMES, icon
from widgets.theme import Theme

_BETWEEN_COUNTS_MS = 250
"""In a storm the bars count four times a second, not thirty."""
_MANY_ALERTS = 200_000
"""With more than these, counting takes milliseconds: once a second is enough."""


@dataclass(frozen=True)
class DeskPieces:
    """What a window is made of."""

    city: CityPack
    hub: Hub
    actions: ActionDesk
    focus: Focus
    frames: FrameClock
    theme: Theme
    words: Words
    tasks: Tasks
    now: Callable[[], Millis]
    seat: Seat
    door: Door
    outbox: Callable[[], Mapping[str, int]] = field(default=dict)
    """Commands by how far they have come: pending, sent, confirmed, refused."""
    floods: FloodWatch | None = None
    """Follows the seat's alarm load; None: nobody does."""
    sounding: Sounding | None = None
    """How the desk sounds; None: it has no sound."""


class DeskWindow(QMainWindow):
    """One desk. Make it, `start` it, show it; `teardown` before it goes."""

    language_asked = Signal(str)
    """Speak another language ("zh_CN", "en"): whoever made the window makes it anew, since words stand in every panel."""
    closing = Signal()
    """The window was closed by the person; it has remembered itself."""
    seek = Signal(int)
    """A moment (UTC ms) was asked for on the time strip."""
    live_asked = Signal()

    def __init__(self, pieces: DeskPieces, specs: Sequence[PanelSpec], settings: Settings, *, default: Callable[[int], Layout] | None = None) -> None:
        """`default(width)`: the seat's layout for a window of that width; usually app.shell.seats'."""
        super().__init__()
        self.pieces = pieces
        self.words = pieces.words
        self.theme = pieces.theme
        self._specs = list(specs)
        self._settings = settings
        self._default: Callable[[int], Layout] = default or self._standard
        self._undo: list[Callable[[], None]] = []
        self._counted_at = 0
        self._shown = False
        self.operations = Operations(pieces.hub, pieces.actions, pieces.focus, pieces.words, self.ask, self.ask_aside)
        self.context = PanelContext(
            pieces.city, pieces.hub, pieces.actions, pieces.focus, pieces.frames, pieces.theme, pieces.words, pieces.tasks, pieces.now, pieces.seat,
            self.operations, self.show_panel, pieces.floods,
        )  # fmt: skip
        self.setObjectName("desk")
        self.setWindowTitle(f"{self.t(N_('CityDeck'))} · {self.words.text(pieces.city.name)} · {self.t(SEAT_WORDS[pieces.seat])}")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.asks = BarSignals(self)
        self._build()
        self._connect()
        self._bind_keys()
        self.restyle()

    # --- life ----------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Arrange the panels, follow the frames. Before the first show."""
        for spec in self._specs:
            picture = icon(spec.icon, self.theme) if spec.icon in ICON_NAMES else QIcon()
            self.docks.add(spec.id, self.t(spec.title), picture, lambda s=spec: self._make_panel(s))
        self.docks.widget.resize(self.width(), max(1, self.height() - self.theme.px(48 + 42)))
        self.arranger.start()
        self._undo.append(self.pieces.frames.subscribe(self._on_frame))
        self._undo.append(self.pieces.actions.session.subscribe(self._on_operator))
        self.top.follow_operator()
        self._on_frame(ChangeSet(NEEDS))

    def teardown(self) -> None:
        """Remember everything, undo every subscription. The widgets may be deleted after it."""
        self.remember()
        while self._undo:
            self._undo.pop()()
        self.docks.teardown()
        for panel in self._panels():
            panel.teardown()

    def remember(self) -> None:
        """Put what should be the same at the next start into the settings."""
        for panel in self._panels():
            self._settings.put(f"panel.{self.pieces.seat.value}.{panel.spec.id}", msgspec.json.encode(panel.memento()).decode())

    # --- for panels and whoever made the window ---------------------------------------------------------------------------------------

    def t(self, phrase: str, **fields: object) -> str:
        """Translate."""
        return self.words.t(phrase, **fields)

    def tell(self, told: DeckError | Notice | str) -> None:
        """Show an error, or an information (already translated), in the notice bar."""
        self.notices.tell(told)

    async def ask(self, title: str, prompt: str, required: bool) -> str | None:
        """Ask the person for a comment; None: cancelled."""
        return await ask_text(self, self.words, self.theme, title, prompt, required=required)

    def open_sound(self) -> None:
        """How the desk sounds, and the mute."""
        p = self.pieces
        if p.sounding is None:
            return
        operator = p.actions.session.operator
        who = operator.name if operator is not None else ""
        SoundDialog(self, self.words, self.theme, p.sounding, start=p.tasks.start, ask=self.ask, who=lambda: who).show()

    async def ask_aside(self, how: How, alert: Alert) -> Aside | None:
        """Ask the person what to put aside with `alert`, until when and why; None: cancelled."""
        pieces = self.pieces
        return await ask_aside(self, self.words, self.theme, pieces.hub, pieces.city, pieces.now, how, alert)

    def show_panel(self, panel_id: str) -> None:
        """Bring a panel to the front; one that this desk does not have is no error."""
        if panel_id in self.docks.ids:
            self.docks.show_panel(panel_id)

    def show_sign_in(self, *, may_watch: bool = False) -> None:
        """Show the sign-in page instead of the desk."""
        self.palette_box.leave()
        self.docks.hide_all()
        self.stack.setCurrentWidget(self.sign_in)
        self.sign_in.begin(may_watch=may_watch)

    def show_desk(self, _entered: object = None) -> None:
        """Show the desk."""
        self.stack.setCurrentWidget(self.desk)
        self.docks.show_all()

    def show_crash(self, report: Path | None) -> None:
        """Say calmly that something broke. Not modal: the desk goes on."""
        if self._crash_page is not None:
            return
        self._crash_page = CrashPage(self, self.theme, self.words, report)
        self._crash_page.destroyed.connect(self._on_crash_page_gone)
        self._crash_page.show()

    def tell_last_crash(self, report: Path | None) -> None:
        """At the start: the last run did not end well."""
        if report is not None:
            self.tell(Notice(self.t(N_("The deck broke down last time. What was done is safe in the journal. Report: {path}"), path=report), 3))
        else:
            self.tell(Notice(self.t(N_("The deck was not ended properly last time. What was done is safe in the journal.")), 4))

    # --- shell actions -----------------------------------------------------------------------------------------------------------------

    def open_palette(self) -> None:
        """Find anything, do anything."""
        if self.stack.currentWidget() is not self.desk:
            return
        search = self.top.search
        anchor = QPoint(self.width() - self.theme.px(16), self.top.height())
        if search.isVisible():
            anchor = search.mapTo(self, QPoint(search.width(), search.height() + self.theme.px(6)))
        self.palette_box.open_at(anchor, search.width())

    def toggle_full_screen(self) -> None:
        """Full screen on or off."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def toggle_lock(self) -> None:
        """Lock or unlock the layout."""
        self._own("lock_layout", lambda: self.arranger.lock(not self.arranger.locked))

    def undo_layout(self) -> None:
        """Take the last change of the layout back."""
        if self.arranger.locked:
            self.tell(self.t(N_("The layout is locked ({key}).")).format(key=LOCK.label))
        elif not self.arranger.undo():
            self.tell(self.t(N_("There is no change of the layout to undo.")))

    def toggle_theme(self) -> None:
        """Light or dark."""
        self._own("change_theme", lambda: self.theme.set_dark(not self.theme.dark))

    def change_language(self, lang: str) -> None:
        """Speak `lang`."""
        self._own("change_language", lambda: self.language_asked.emit(lang))

    def sign_out(self) -> None:
        """Leave the seat."""
        self.remember()
        self.pieces.tasks.start(self.pieces.actions.sign_out(), "sign out")

    def save_layout(self) -> None:
        """Keep the arrangement under a name that is asked for."""
        self.pieces.tasks.start(self._save_layout(), "save layout")

    def show_keys(self) -> None:
        """The overview of keys."""
        KeyOverview(self, self.theme, self.words).show()

    def perform(self, action: str) -> None:
        """Begin an action of the list on what is selected."""
        self.pieces.tasks.start(self.operations.perform(action), f"action {action}")

    def restyle(self) -> None:
        """The theme or its scale changed."""
        self.setPalette(self.theme.palette())
        self.setStyleSheet(self.theme.qss())

    # --- Qt --------------------------------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._shown:
            return
        self._shown = True
        if self.stack.currentWidget() is self.desk:
            self.desk.setFocus(Qt.FocusReason.OtherFocusReason)
        # The docks get their size with the first layout, after this event.
        QTimer.singleShot(0, self, self.arranger.settle)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.remember()
        self.closing.emit()
        super().closeEvent(event)

    # --- building --------------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        p = self.pieces
        self._crash_page: CrashPage | None = None
        self.stack = QStackedWidget()
        self.setCentralWidget(self.stack)
        self.desk = QWidget()
        self.desk.setObjectName("ground")
        self.desk.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.desk.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.stack.addWidget(self.desk)
        self.docks = DockArea(self.desk, self.theme)
        self.arranger = Arranger(self.docks, p.seat, self._settings, lambda: self._default(self.width()), self._tell_error, self._marks())
        sources = BarSources(
            p.city, p.hub, self.theme, self.words, p.seat, p.now, p.outbox, lambda: p.actions.session.operator,
            lambda: (self.arranger.name, self.arranger.locked), lambda: p.focus.area,
        )  # fmt: skip
        self.top = TOP_BARS[p.seat](sources, self.asks)
        if p.sounding is not None:
            self.sound = SoundChip(self.theme, self.words, p.sounding)
            self.sound.clicked.connect(self.open_sound)
            self.top.put(self.sound)
            self._undo.append(self.sound.teardown)
        bottom = BOTTOM_BARS[p.seat]
        self.bottom = bottom(sources, self.asks) if bottom is not None else None
        self.banner = NoticeLine(self.theme)
        self.banner.hide()
        self.notices = NoticeBar(self.theme, self.words)
        column = QVBoxLayout(self.desk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.banner)
        column.addWidget(self.notices)
        middle = QVBoxLayout()
        edge = self.theme.px(4)
        middle.setContentsMargins(edge, edge, edge, edge)
        middle.addWidget(self.docks.widget)
        column.addLayout(middle, 1)
        if self.bottom is not None:
            column.addWidget(self.bottom)
        self.sign_in = SignInPage(self.theme, self.words, p.door, p.tasks.start, self.words.text(p.city.name), self.t(SEAT_WORDS[p.seat]))
        self.stack.addWidget(self.sign_in)
        ordered = self._ordered_specs()
        self.menus = Menus(self, self.context, ordered, self.docks, self.arranger, lambda: self._default(self.width()), self._does())
        self.reach = Reach(self.context, ordered, self.menus.commands)
        self.palette_box = Palette(self, self.theme, self.words, self.reach.find)
        self._screens = ScreenWatch(lambda: [self, *self.docks.floating()], self)

    def _connect(self) -> None:
        self.asks.palette_asked.connect(self.open_palette)
        self.asks.view_asked.connect(self._on_view_asked)
        self.asks.operator_asked.connect(self._on_operator_asked)
        self.asks.area_asked.connect(self._on_area_asked)
        self.asks.panel_asked.connect(self.show_panel)
        self.asks.severity_chosen.connect(self._on_severity)
        self.asks.seek.connect(self.seek)
        self.asks.live_asked.connect(self.live_asked)
        self.docks.menu_asked.connect(self._on_panel_menu)
        self.arranger.changed.connect(self._on_layout)
        self.sign_in.entered.connect(self.show_desk)
        self.sign_in.watch_asked.connect(self.show_desk)
        self.theme.changed.connect(self.restyle)
        self._undo.append(lambda: void(self.theme.changed.disconnect(self.restyle)))
        self.pieces.focus.area_selected.connect(self._on_area)
        self._undo.append(lambda: void(self.pieces.focus.area_selected.disconnect(self._on_area)))

    def _bind_keys(self) -> None:
        for key, does in (
            (PALETTE.sequence, self.open_palette),
            (FULL.sequence, self.toggle_full_screen),
            (OVERVIEW.sequence, self.show_keys),
            (LOCK.sequence, self.toggle_lock),
            # A text field takes its own undo before a shortcut is looked for.
            (UNDO.sequence, self.undo_layout),
        ):
            QShortcut(QKeySequence(key), self, does)
        for number, spec in enumerate(self._ordered_specs()[:9], start=1):
            QShortcut(QKeySequence(f"Ctrl+{number}"), self, partial(self.show_panel, spec.id))
        if self.pieces.seat is Seat.WALL:
            return
        for spec in ACTIONS:
            if spec.key and spec.target != "none":
                QShortcut(QKeySequence(spec.key), self, partial(self._on_action_key, spec.id))

    def _make_panel(self, spec: PanelSpec) -> Panel:
        panel = spec.create(spec, self.context)
        panel.headline_changed.connect(partial(self.docks.say, spec.id))
        self.docks.say(spec.id, panel.headline)
        kept = self._settings.get(f"panel.{self.pieces.seat.value}.{spec.id}")
        if kept:
            try:
                panel.restore(msgspec.json.decode(kept.encode(), type=dict[str, object]))
            except msgspec.MsgspecError:
                self._settings.put(f"panel.{self.pieces.seat.value}.{spec.id}", "{}")
        return panel

    def _panels(self) -> Iterable[Panel]:
        for panel_id in self.docks.ids:
            panel = self.docks.panel(panel_id)
            if isinstance(panel, Panel):
                yield panel

    def _does(self) -> Does:
        """What menus and palette may ask for."""
        start = self.pieces.tasks.start
        return Does(
            perform=self.perform,
            sign_in=lambda: self.show_sign_in(may_watch=True),
            sign_out=self.sign_out,
            save_layout=self.save_layout,
            rename_layout=lambda name: void(start(self._rename_layout(name), "rename layout")),
            delete_layout=lambda name: void(start(self._delete_layout(name), "delete layout")),
            lock=self.toggle_lock,
            undo=self.undo_layout,
            full_screen=self.toggle_full_screen,
            keys=self.show_keys,
            theme=self.toggle_theme,
            sound=self.open_sound,
            language=self.change_language,
        )

    def _marks(self) -> frozenset[str]:
        """Marks of the seat's defaults on any screen: a change that was made on one of them is good on all."""
        return frozenset(self._default(width).mark for width in (640, 1280, 1920, 2560, 3840, 7680))

    def _standard(self, width: int) -> Layout:
        return standard(self.pieces.seat, width, self.theme.scale)

    def _ordered_specs(self) -> list[PanelSpec]:
        """The panels of the seat's own layout first, in reading order: keys and menus count them so."""
        first = {panel: number for number, panel in enumerate(self._default(self.width()).panels)}
        return sorted(self._specs, key=lambda spec: first.get(spec.id, len(first)))

    # --- following -------------------------------------------------------------------------------------------------------------------

    def _on_frame(self, change: ChangeSet) -> None:
        topics = change.topics & NEEDS
        if not topics & (Topic.SECOND | Topic.LINK):
            now = self.pieces.now()
            if now - self._counted_at < _BETWEEN_COUNTS_MS or len(self.pieces.hub.alerts) > _MANY_ALERTS:
                return
            self._counted_at = now
        if not topics or self.stack.currentWidget() is not self.desk:
            return
        self.top.refresh(change)
        if self.bottom is not None:
            self.bottom.refresh(change)
        if topics & (Topic.SECOND | Topic.LINK):
            links = tuple(self.pieces.hub.links.values())
            worst = worst_of(links)
            said = banner_words(self.words, links, self.pieces.now())
            self.banner.show_notice(Notice(said, self.top.link.severity if worst is not None else 0))

    def _on_operator(self, operator: Operator | None) -> None:
        self.top.follow_operator()
        if operator is not None:
            self.show_desk()
        elif self.pieces.seat is not Seat.WALL:
            self.show_sign_in(may_watch=True)

    def _on_layout(self) -> None:
        if self.bottom is not None:
            self.bottom.follow_layout()

    def _on_area(self, _area: object) -> None:
        self.top.refresh(ChangeSet(Topic.SECOND))

    def _on_action_key(self, action: str) -> None:
        if self.stack.currentWidget() is self.desk:
            self.perform(action)

    def _on_view_asked(self, at: QWidget) -> None:
        self.menus.popup(self.menus.view(), at)

    def _on_operator_asked(self, at: QWidget) -> None:
        self.menus.popup(self.menus.operator(), at)

    def _on_area_asked(self, at: QWidget) -> None:
        self.menus.popup(self.menus.area(), at)

    def _on_panel_menu(self, panel_id: str, at: QPoint) -> None:
        self.menus.panel(panel_id).popup(at)

    def _on_severity(self, _severity: int) -> None:
        self.show_panel("alerts")

    def _on_crash_page_gone(self) -> None:
        self._crash_page = None

    def _tell_error(self, error: DeckError) -> None:
        self.tell(error)

    # --- the deck's own actions --------------------------------------------------------------------------------------------------------

    def _own(self, action: str, do: Callable[[], object]) -> None:
        """Do one of the deck's own actions, and have it audited; where it is not permitted, say why."""
        reason = self.pieces.actions.permitted(action)
        if reason is not None:
            self.tell(DeckError(reason))
            return
        self.pieces.tasks.start(self._note(action), f"note {action}")
        do()

    async def _note(self, action: str, target: str = "") -> None:
        await self.pieces.actions.note(action, target)

    async def _save_layout(self) -> None:
        reason = self.pieces.actions.permitted("save_layout")
        if reason is not None:
            raise DeckError(reason)
        preset = "" if self.arranger.is_default else self.arranger.name
        title, prompt = self.t(N_("Save layout")), self.t(N_("Under which name?"))
        name = await ask_text(self, self.words, self.theme, title, prompt, required=True, preset=preset, limit=LONGEST_NAME)
        if name is None:
            return
        if name in self.arranger.names and name != self.arranger.name:
            prompt = self.t(N_("There is a layout “{name}” already. Replace it?"), name=name)
            if not await confirm(self, self.words, self.theme, self.t(N_("Save layout")), prompt, yes=self.t(N_("Replace")), grave=True):
                return
        self.arranger.save(name)
        await self._note("save_layout", name)

    async def _rename_layout(self, name: str) -> None:
        new = await ask_text(self, self.words, self.theme, self.t(N_("Rename layout")), name, required=True, preset=name, limit=LONGEST_NAME)
        if new is not None:
            self.arranger.rename(name, new)

    async def _delete_layout(self, name: str) -> None:
        prompt = self.t(N_("Delete the layout “{name}”? What is on the desk stays."), name=name)
        if await confirm(self, self.words, self.theme, self.t(N_("Delete layout")), prompt, yes=self.t(N_("Delete")), grave=True):
            self.arranger.delete(name)


def void(_value: object) -> None:
    """For a lambda that must answer nothing."""
