"""Menus and the palette's commands: what can be asked of a desk, as it stands at this moment. Both derive from the same lists; neither blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from app.actions.spec import ACTIONS, BY_ID
from app.domain.city import AreaLevel
from app.domain.text import N_
from app.qt.panel import PanelContext, PanelSpec
from app.shell.arranger import Arranger
from app.shell.docking import DockArea
from app.shell.keys import FULL, LOCK, OVERVIEW, UNDO
from app.shell.layouts import Layout
from app.shell.reach import Command

LANGUAGES = {"zh_CN": "中文", "en": "English"}
_KEYED = 9


@dataclass(frozen=True, slots=True)
class Does:
    """What the window does when it is asked to."""

    perform: Callable[[str], None]
    """Begin an action of the list on what is selected."""
    sign_in: Callable[[], None]
    sign_out: Callable[[], None]
    save_layout: Callable[[], None]
    rename_layout: Callable[[str], None]
    delete_layout: Callable[[str], None]
    lock: Callable[[], None]
    undo: Callable[[], None]
    full_screen: Callable[[], None]
    keys: Callable[[], None]
    theme: Callable[[], None]
    sound: Callable[[], None]
    language: Callable[[str], None]


class Menus:
    """Makes a menu each time one is asked for; it is gone when it closes."""

    def __init__(
        self,
        window: QWidget,
        context: PanelContext,
        specs: Sequence[PanelSpec],
        docks: DockArea,
        arranger: Arranger,
        default: Callable[[], Layout],
        does: Does,
    ) -> None:
        """`specs` in the order in which keys and menus count them. `default`: the seat's own layout."""
        self._window = window
        self._context = context
        self._specs = specs
        self._docks = docks
        self._arranger = arranger
        self._default = default
        self._does = does

    # --- the palette -----------------------------------------------------------------------------------------------------------------

    def commands(self) -> Iterable[Command]:
        """What the palette can do besides showing things, as it stands now."""
        c, does, t = self._context, self._does, self._t
        for spec in ACTIONS:
            if spec.target != "none":
                yield Command(spec.id, t(spec.title), (spec.title,), lambda a=spec.id: does.perform(a), spec.key, c.operations.why_not(spec.id))
        yield from self._own_commands()
        if c.actions.session.operator is None:
            yield Command("sign_in", t(BY_ID["sign_in"].title), (BY_ID["sign_in"].title,), does.sign_in)
        nothing = None if self._arranger.can_undo else t(N_("There is no change of the layout to undo."))
        yield Command(UNDO.id, t(UNDO.does), (UNDO.does,), does.undo, UNDO.label, nothing)
        standard = N_("Back to the standard layout")
        yield Command("reset_layout", t(standard), (standard, "reset"), self._arranger.reset)
        yield Command(FULL.id, t(FULL.does), (FULL.does,), does.full_screen, FULL.label)
        yield Command(OVERVIEW.id, t(N_("Keys")), ("Keys", OVERVIEW.does), does.keys, OVERVIEW.label)
        for name in self._arranger.names:
            yield Command(f"layout.{name}", name, (), self._loading(name), kind=t(N_("layout")))

    def _own_commands(self) -> Iterable[Command]:
        """The deck's own actions of the list."""
        does = self._does
        other = self.other_language()
        for action, do in (
            ("sign_out", does.sign_out),
            ("save_layout", does.save_layout),
            ("lock_layout", does.lock),
            ("change_language", lambda: does.language(other)),
            ("change_theme", does.theme),
        ):
            spec = BY_ID[action]
            reason = self._context.actions.permitted(action)
            also = (LANGUAGES[other],) if action == "change_language" else ()
            key = LOCK.label if action == "lock_layout" else spec.key
            yield Command(action, self._t(spec.title), (spec.title, *also), do, key, self._t(reason) if reason else None)
        yield Command("sound", self._t(N_("Sound")), ("Sound", "mute"), does.sound)

    def other_language(self) -> str:
        """The language that is not spoken now."""
        return next(lang for lang in LANGUAGES if lang != self._context.words.lang)

    # --- menus -------------------------------------------------------------------------------------------------------------------------

    def view(self) -> QMenu:
        """Panels, layouts, lock, undo, full screen, keys."""
        menu = self._menu()
        for number, spec in enumerate(self._specs, start=1):
            is_open = self._docks.is_open(spec.id)
            add_entry(menu, self._t(spec.title), self._switching(spec.id, is_open), checked=is_open, key=f"Ctrl {number}" if number <= _KEYED else "")
        menu.addSeparator()
        self._fill_layouts(menu.addMenu(self._t(N_("Layouts"))))
        add_entry(menu, self._t(N_("Layout locked")), self._does.lock, checked=self._arranger.locked, key=LOCK.label)
        may_undo = self._arranger.can_undo > 0 and not self._arranger.locked
        add_entry(menu, self._t(UNDO.does), self._does.undo, key=UNDO.label, enabled=may_undo)
        menu.addSeparator()
        add_entry(menu, self._t(FULL.does), self._does.full_screen, key=FULL.label)
        add_entry(menu, self._t(N_("Keys")), self._does.keys, key=OVERVIEW.label)
        return menu

    def operator(self) -> QMenu:
        """Who sits here, the language, the light."""
        menu = self._menu()
        if self._context.actions.session.operator is None:
            add_entry(menu, self._t(N_("Sign in")), self._does.sign_in)
        else:
            add_entry(menu, self._t(N_("Sign out")), self._does.sign_out)
        menu.addSeparator()
        for lang, name in LANGUAGES.items():
            add_entry(menu, name, lambda code=lang: self._does.language(code), checked=lang == self._context.words.lang)
        menu.addSeparator()
        add_entry(menu, self._t(N_("Dark")), self._does.theme, checked=self._context.theme.dark)
        add_entry(menu, self._t(N_("Sound")), self._does.sound)
        return menu

    def area(self) -> QMenu:
        """The city and its districts."""
        menu = self._menu()
        city, focus = self._context.city, self._context.focus
        add_entry(menu, self._t(N_("Whole city")), lambda: focus.select_area(None), checked=focus.area is None)
        menu.addSeparator()
        for area in city.areas.values():
            if area.level is AreaLevel.DISTRICT:
                add_entry(menu, self._context.words.text(area.name), lambda code=area.code: focus.select_area(code), checked=focus.area == area.code)
        return menu

    def panel(self, panel_id: str) -> QMenu:
        """What can be done to one panel."""
        menu = self._menu()
        free = not self._arranger.locked
        out = free and not self._docks.is_floating(panel_id)
        add_entry(menu, self._t(N_("Window of its own")), lambda: self._docks.float_panel(panel_id), enabled=out)
        add_entry(menu, self._t(N_("Close panel")), lambda: self._docks.close_panel(panel_id), enabled=free)
        if not free:
            menu.addSeparator()
            add_entry(menu, self._t(N_("Unlock the layout")), self._does.lock, key=LOCK.label)
        return menu

    def popup(self, menu: QMenu, at: QWidget) -> None:
        """Open `menu` at a bar's item: below it, or above where it stands at the window's foot."""
        below = at.mapToGlobal(QPoint(0, at.height() + 2))
        if at.mapTo(self._window, QPoint(0, 0)).y() > self._window.height() // 2:
            below = at.mapToGlobal(QPoint(0, -menu.sizeHint().height() - 2))
        menu.popup(below)

    # --- inside ------------------------------------------------------------------------------------------------------------------------

    def _fill_layouts(self, menu: QMenu) -> None:
        arranger = self._arranger
        add_entry(menu, self._t(self._default().name), arranger.reset, checked=arranger.is_default)
        for name in arranger.names:
            add_entry(menu, name, self._loading(name), checked=name == arranger.name)
        menu.addSeparator()
        add_entry(menu, self._t(N_("Save as …")), self._does.save_layout)
        if not arranger.is_default:
            name = arranger.name
            add_entry(menu, self._t(N_("Rename …")), lambda: self._does.rename_layout(name))
            add_entry(menu, self._t(N_("Delete …")), lambda: self._does.delete_layout(name))

    def _loading(self, name: str) -> Callable[[], None]:
        def load() -> None:
            self._arranger.load(name)

        return load

    def _switching(self, panel_id: str, is_open: bool) -> Callable[[], None]:
        if is_open:
            return lambda: self._docks.close_panel(panel_id)
        return lambda: self._docks.show_panel(panel_id)

    def _menu(self) -> QMenu:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _t(self, phrase: str) -> str:
        return self._context.words.t(phrase)


def add_entry(menu: QMenu, text: str, do: Callable[[], object], *, checked: bool | None = None, enabled: bool = True, key: str = "") -> None:
    """One line of a menu. `key` is only written: the window binds it, and a second binding would make it ambiguous."""
    entry = menu.addAction(f"{text}\t{key}" if key else text)
    entry.setEnabled(enabled)
    if checked is not None:
        entry.setCheckable(True)
        entry.setChecked(checked)

    def chosen(_checked: bool = False) -> None:
        do()

    entry.triggered.connect(chosen)
