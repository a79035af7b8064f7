"""What a dock panel is: one file, one declaration (PanelSpec) and one class (Panel). The shell finds it by walking panels/.

A panel takes stores and actions and arranges widgets. Panel itself owns the subscription, so that a hidden panel costs nothing and
a closed one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.actions.desk import ActionDesk
from app.citypack import CityPack
from app.domain.ids import Millis
from app.domain.role import Seat
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.operations import Operations
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.services.flood import FloodWatch
from widgets.theme import Theme


@dataclass(frozen=True, slots=True)
class Headline:
    """What stands in a panel's title bar beside its title: severity counts 1…4 and `note` right after it, `trailing` at the far end."""

    note: str = ""
    trailing: str = ""
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class PanelContext:
    """What a panel may use. One instance a desk window."""

    city: CityPack
    hub: Hub
    """Read only: panels change the city through `operations`."""
    actions: ActionDesk
    focus: Focus
    frames: FrameClock
    theme: Theme
    words: Words
    tasks: Tasks
    now: Callable[[], Millis]
    seat: Seat
    operations: Operations
    show_panel: Callable[[str], None]
    """Bring the panel of this id to the front."""
    floods: FloodWatch | None = None
    """Follows the seat's alarm load; None: nobody does."""


@dataclass(frozen=True)
class PanelSpec:
    """A panel's declaration."""

    id: str
    title: str
    """English phrase, marked with N_."""
    icon: str
    """Name of a drawing in widgets.icons."""
    needs: Topic
    create: Callable[[PanelSpec, PanelContext], Panel]
    actions: tuple[str, ...] = ()
    """Ids of app.actions.spec.ACTIONS that the panel offers."""
    seats: tuple[Seat, ...] = field(default_factory=lambda: tuple(Seat))
    """Seats that have it in their default layout."""


class Panel(QWidget):
    """Base of all panels. Subclasses build their widgets in `build` and bring them up to date in `refresh`."""

    headline_changed = Signal(object)
    """The title bar should say this Headline now."""

    def __init__(self, spec: PanelSpec, context: PanelContext) -> None:
        super().__init__()
        self.spec = spec
        self.context = context
        self.words = context.words
        self.theme = context.theme
        self.hub = context.hub
        self.setObjectName(f"panel.{spec.id}")
        self.setAccessibleName(self.t(spec.title))
        # It paints its whole ground itself, so that what lies behind it need not be painted when a part of it changes.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._missed: ChangeSet | None = None
        self.headline = Headline()
        self._undo: list[Callable[[], object]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.build())
        self._undo.append(context.frames.subscribe(self._frame))
        context.theme.changed.connect(self.restyle)

    def build(self) -> QWidget:
        """The panel's content. Called once, from the constructor."""
        return QWidget()

    def refresh(self, change: ChangeSet) -> None:
        """Show what changed. Only while visible; what was missed while hidden comes as one change when it shows."""

    def restyle(self) -> None:
        """The theme or its scale changed. Widgets that hold the theme repaint by themselves."""

    def memento(self) -> dict[str, object]:
        """What should be the same at the next start (JSON types only)."""
        return {}

    def restore(self, memento: dict[str, object]) -> None:
        """Take back what `memento` gave, possibly from an older version: ignore what does not fit."""

    @property
    def live(self) -> bool:
        """Whether the panel has content: nothing it needs is still waiting for its first data."""
        return True

    def head(self, note: str = "", trailing: str = "", counts: tuple[int, ...] = ()) -> None:
        """Say this in the title bar; does nothing where it already says so."""
        wanted = Headline(note, trailing, counts)
        if wanted != self.headline:
            self.headline = wanted
            self.headline_changed.emit(wanted)

    def t(self, phrase: str, **fields: object) -> str:
        """Translate."""
        return self.words.t(phrase, **fields)

    def own(self, undo: Callable[[], object]) -> None:
        """Call `undo` when the panel closes."""
        self._undo.append(undo)

    def teardown(self) -> None:
        """The panel goes: undo every subscription. Called once, by the shell."""
        while self._undo:
            self._undo.pop()()
        self.context.theme.changed.disconnect(self.restyle)

    def _frame(self, change: ChangeSet) -> None:
        mine = change.topics & self.spec.needs
        if not mine:
            return
        if not self.isVisible():
            self._missed = change if self._missed is None else self._missed.merged(change)
            return
        self.refresh(change)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.theme.tokens.panel)
        painter.end()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        missed, self._missed = self._missed, None
        everything = ChangeSet(self.spec.needs)
        self.refresh(everything if missed is None else everything.merged(missed))
