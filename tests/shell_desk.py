"""A desk for the shell's tests: the real city, hub, journal and actions in a temporary folder, with tiny panels. Used by test_shell only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.citypack import CityPack, find_cities, load_city
from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.role import Operator, Role, Seat
from app.journal import Journal, Who
from app.live.changes import Topic
from app.live.hub import Hub
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.shell.settings import WrittenBehind
from app.shell.window import DeskPieces, DeskWindow
from widgets.theme import Theme

NOW = Millis(1_795_228_944_000)
"""2026-11-21 10:42:24 in Qingdao."""
PANELS = {
    "alerts": "Alerts", "map": "Map", "case": "Case", "units": "Units", "board": "Indicators", "trend": "Trend", "activity": "Activity",
    "links": "Link and health", "overview": "Overview", "compare": "District comparison", "cases": "Cases", "brief": "Today's briefing",
    "hidden": "Not in the queue", "kpi": "Alarm performance",
}  # fmt: skip
WANG = Operator(id="wang", name="王磊", role=Role.DUTY_OFFICER)


class TinyPanel(Panel):
    """Says its id."""

    made: list[str] = []  # noqa: RUF012 - counted by the tests across instances

    def build(self) -> QWidget:
        TinyPanel.made.append(self.spec.id)
        box = QWidget()
        column = QVBoxLayout(box)
        self.label = QLabel(self.spec.id)
        column.addWidget(self.label)
        self.note = ""
        return box

    def memento(self) -> dict[str, object]:
        return {"note": self.note}

    def restore(self, memento: dict[str, object]) -> None:
        self.note = str(memento.get("note", ""))


def specs() -> list[PanelSpec]:
    """One declaration a panel id."""

    def create(spec: PanelSpec, context: PanelContext) -> Panel:
        return TinyPanel(spec, context)

    return [PanelSpec(id=i, title=title, icon="map", needs=Topic.SECOND, create=create) for i, title in PANELS.items()]


class FakeDoor:
    """The journal's side of the sign-in page."""

    def __init__(self, journal: Journal, actions: ActionDesk) -> None:
        self._journal = journal
        self._actions = actions

    async def operators(self) -> list[Operator]:
        return await self._journal.operators()

    async def add_first(self, operator: Operator, password: str) -> object:
        return await self._journal.add_operator(operator, password, who=Who(operator.id, operator.role.value))

    async def sign_in(self, operator_id: str, password: str) -> Operator | None:
        return await self._actions.sign_in(operator_id, password)


@dataclass
class Desk:
    """Everything a test wants to hold."""

    window: DeskWindow
    hub: Hub
    session: Session
    journal: Journal
    loop: asyncio.AbstractEventLoop
    settings: dict[str, str]
    told: list[DeckError] = field(default_factory=list)

    def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Turn the loop until `condition` holds. Raises AssertionError after `seconds`."""

        async def wait() -> None:
            end = self.loop.time() + seconds
            while not condition():
                assert self.loop.time() < end, "waited in vain"
                await asyncio.sleep(0.005)

        self.loop.run_until_complete(wait())


_CITY: list[CityPack] = []


def city() -> CityPack:
    """Qingdao, loaded once."""
    if not _CITY:
        _CITY.append(load_city(find_cities()["qingdao"]))
    return _CITY[0]


@contextmanager
def desk(
    folder: Path,
    loop: asyncio.AbstractEventLoop,
    *,
    seat: Seat = Seat.DUTY,
    settings: dict[str, str] | None = None,
    operator: Operator | None = WANG,
    words: Words | None = None,
    panels: list[PanelSpec] | None = None,
    size: tuple[int, int] = (1920, 1080),
    theme: Theme | None = None,
    outbox_counts: dict[str, int] | None = None,
) -> Generator[Desk]:
    """A shown desk window; taken down again at the end."""
    pack = city()
    kept = {} if settings is None else settings
    hub = Hub(pack, lambda: NOW)
    journal = Journal.open(folder, desk="test")
    session = Session(seat=seat, desk="test", operator=operator)
    outbox = Outbox(journal, hub, now=lambda: NOW, call_later=loop.call_later)
    actions = ActionDesk(journal, hub, session, outbox, now=lambda: NOW, routes=lambda _command: None)
    frames = FrameClock(hub)
    told: list[DeckError] = []
    tasks = Tasks(told.append)
    pieces = DeskPieces(
        pack, hub, actions, Focus(), frames, theme or Theme(dark=seat is not Seat.COCKPIT), words or Words("en", pack.zone), tasks, lambda: NOW, seat,
        FakeDoor(journal, actions), lambda: outbox_counts or {},
    )  # fmt: skip

    def write(key: str, text: str) -> None:
        kept[key] = text

    window = DeskWindow(pieces, specs() if panels is None else panels, WrittenBehind(kept, write))
    window.resize(*size)
    window.start()
    window.show()
    made = Desk(window, hub, session, journal, loop, kept, told)
    loop.run_until_complete(asyncio.sleep(0))
    try:
        yield made
    finally:
        loop.run_until_complete(tasks.close())
        window.teardown()
        window.close()
        window.deleteLater()
        loop.run_until_complete(actions.close())
        journal.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
