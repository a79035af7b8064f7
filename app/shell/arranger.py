"""The operator's arrangements: the seat's default, named layouts, undo, lock. Joins the docks with the settings; knows no panel.

The declared default is the truth. What an operator made of it is laid over it, and dropped, with a word, where it does not fit any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from PySide6.QtCore import QObject, QSize, Signal

from app.domain.errors import DeckError
from app.domain.role import Seat
from app.domain.text import N_
from app.shell.docking import DockArea
from app.shell.layouts import Layout, compose, fault_of, signature
from app.shell.settings import Settings

UNDO_STEPS = 20
LONGEST_NAME = 40


class _Present(msgspec.Struct, frozen=True):
    """What was on the desk when it was last left."""

    name: str
    mark: str
    state: str
    locked: bool = False


class _Named(msgspec.Struct, frozen=True):
    """One layout an operator saved."""

    name: str
    state: str


class Arranger(QObject):
    """The arrangement of one desk window. GUI thread."""

    changed = Signal()
    """Name, lock, the list of layouts or what can be undone."""

    def __init__(
        self, docks: DockArea, seat: Seat, settings: Settings, default: Callable[[], Layout], tell: Callable[[DeckError], None], marks: frozenset[str]
    ) -> None:
        """`default`: the seat's layout for the size the window has now. `marks`: of all its layouts, for windows of any size."""
        super().__init__(docks)
        self._docks = docks
        self._seat = seat
        self._settings = settings
        self._default = default
        self._tell = tell
        self._marks = marks
        self._undo: deque[tuple[str, bytes]] = deque(maxlen=UNDO_STEPS)
        self._saved = self._read_saved()
        self.name = default().name
        """What the present arrangement is called; a default's name is a msgid."""
        self._now = b""
        docks.arranged.connect(self._on_arranged)

    # --- the desk ------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Arrange the docks as they were left, or by the default."""
        kept = self._read_present()
        if kept is not None and kept.mark in self._marks and self._docks.apply(kept.state.encode()):
            self.name = kept.name
            self._docks.lock(kept.locked)
        else:
            if kept is not None:
                self._drop(kept.name)
            self._apply_default()
        self._now = self._docks.capture()
        self.changed.emit()

    def settle(self) -> None:
        """The window has its size now: where nobody has arranged anything yet, arrange the default anew for it."""
        if not self._undo and self._read_present() is None:
            self._apply_default()
            self._now = self._docks.capture()

    @property
    def is_default(self) -> bool:
        """Whether the present arrangement goes by the default's name."""
        return self.name not in self._saved

    @property
    def names(self) -> tuple[str, ...]:
        """Layouts that were saved for this seat, in the order of their names."""
        return tuple(sorted(self._saved))

    @property
    def locked(self) -> bool:
        """Whether panels stay where they are."""
        return self._docks.locked

    @property
    def can_undo(self) -> int:
        """How many changes can be undone."""
        return len(self._undo)

    def lock(self, locked: bool) -> None:
        """Hold every panel where it is, or let go."""
        self._docks.lock(locked)
        self._remember()
        self.changed.emit()

    def undo(self) -> bool:
        """Take the last change of the arrangement back. False: there is none, or the desk is locked."""
        while self._undo and not self.locked:
            name, state = self._undo.pop()
            if self._docks.apply(state):
                self.name = name
                self._now = self._docks.capture()
                self._remember()
                self.changed.emit()
                return True
        return False

    def reset(self) -> None:
        """Back to the seat's default. Can be undone."""
        self._push()
        self._apply_default()
        self._arrived()

    # --- named layouts ----------------------------------------------------------------------------------------------------------------

    def save(self, name: str) -> None:
        """Keep the present arrangement under `name`, replacing one of that name. Raises DeckError for a name that cannot be."""
        name = self._checked(name)
        self._now = self._docks.capture()
        self._saved[name] = self._now
        self.name = name
        self._write_saved()
        self._remember()
        self.changed.emit()

    def load(self, name: str) -> bool:
        """Arrange the docks as saved under `name`. One that does not fit any more is dropped, with a word. Can be undone."""
        state = self._saved.get(name)
        if state is None:
            return False
        self._push()
        if not self._docks.apply(state):
            self._undo.pop()
            del self._saved[name]
            self._write_saved()
            self._drop(name)
            self.changed.emit()
            return False
        self.name = name
        self._arrived()
        return True

    def rename(self, old: str, new: str) -> None:
        """Raises DeckError where the new name is taken or cannot be."""
        new = self._checked(new)
        if old not in self._saved:
            return
        if new in self._saved and new != old:
            raise DeckError(N_("A layout of this name exists already."), where=new, remedy=N_("Choose another name."))
        self._saved[new] = self._saved.pop(old)
        if self.name == old:
            self.name = new
            self._remember()
        self._write_saved()
        self.changed.emit()

    def delete(self, name: str) -> None:
        """Forget a saved layout; what is on the desk stays there."""
        if self._saved.pop(name, None) is not None:
            if self.name == name:
                self.name = self._default().name
                self._remember()
            self._write_saved()
            self.changed.emit()

    # --- inside ------------------------------------------------------------------------------------------------------------------------

    def _apply_default(self) -> None:
        layout = self._default().only(self._docks.ids)
        size: QSize = self._docks.widget.size()
        self._docks.apply(compose(layout, self._docks.ids, max(800, size.width()), max(500, size.height())))
        self.name = layout.name

    def _on_arranged(self) -> None:
        state = self._docks.capture()
        if not self._now or signature(state) != signature(self._now):
            self._push()
            self._now = state
            self._remember()
            self.changed.emit()

    def _push(self) -> None:
        if self._now:
            self._undo.append((self.name, self._now))

    def _arrived(self) -> None:
        self._now = self._docks.capture()
        self._remember()
        self.changed.emit()

    def _checked(self, name: str) -> str:
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            raise DeckError(N_("A layout needs a short name."), where=name[:LONGEST_NAME], remedy=N_("Choose another name."))
        return name

    def _drop(self, name: str) -> None:
        what = N_("A saved layout does not fit this version any more and was dropped.")
        self._tell(DeckError(what, where=name, remedy=N_("The seat's standard layout is shown.")))

    def _remember(self) -> None:
        present = _Present(self.name, self._default().mark, self._docks.capture().decode(), self.locked)
        self._settings.put(f"layout.{self._seat.value}", msgspec.json.encode(present).decode())

    def _write_saved(self) -> None:
        named = [_Named(name, state.decode()) for name, state in sorted(self._saved.items())]
        self._settings.put(f"layouts.{self._seat.value}", msgspec.json.encode(named).decode())

    def _read_present(self) -> _Present | None:
        text = self._settings.get(f"layout.{self._seat.value}")
        try:
            return None if text is None else msgspec.json.decode(text, type=_Present)
        except msgspec.MsgspecError:
            return _Present("", "", "")

    def _read_saved(self) -> dict[str, bytes]:
        text = self._settings.get(f"layouts.{self._seat.value}")
        try:
            named = [] if text is None else msgspec.json.decode(text, type=list[_Named])
        except msgspec.MsgspecError:
            named = []
        return {n.name: n.state.encode() for n in named if n.name}

    def unfit(self) -> dict[str, str]:
        """Saved layouts that do not fit the desk's panels, with the reason."""
        faults = {name: fault_of(state, self._docks.ids) for name, state in self._saved.items()}
        return {name: fault for name, fault in faults.items() if fault is not None}
