"""Every panel by itself, without a platform and without a desk: fed by hand, before its first data and after it, and gone again without a trace.
And one test that holds panels, icons, actions and layouts against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import SIGNAL, QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QLabel, QWidget

from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.actions.spec import ACTIONS
from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.aside import How, Scope
from app.domain.batch import Batch, LinkReport, LinkState, Readings, Refusal
from app.domain.errors import DeckError
from app.domain.ids import AlertId, Millis, SeriesId, SourceName, series_id
from app.domain.role import Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Journal
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.alert_acts import Aside
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.operations import Operations
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.services.flood import FloodWatch
from app.shell.bootstrap import city_of
from app.shell.panels import find_panels
from app.shell.seats import standard
from datasources.demo.city import City
from datasources.demo.narrow import Wish
from datasources.intake import Intake
from datasources.protocol import TOPICS
from panels.alerts import AlertPanel
from panels.board import BoardPanel
from panels.overview import OverviewPanel
from tests.desks import WANG, words_of
from widgets.icons import ICON_NAMES
from widgets.theme import Theme

START = Millis(1_795_228_944_000)
LINK = SourceName("by hand")
SPECS = {spec.id: spec for spec in find_panels()}
SIGNALS = ("alert_selected", "case_selected", "unit_selected", "series_selected", "area_selected")


@pytest.fixture(scope="module")
def pack() -> CityPack:
    return city_of("qingdao")


class Bench:
    """What a panel stands on, with a clock and a hub that the test moves by hand."""

    def __init__(self, pack: CityPack, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self.pack = pack
        self.at = int(START)
        self.hub = Hub(pack, self.now)
        self.session = Session(seat=Seat.DUTY, desk="bench", operator=WANG)
        self.outbox = Outbox(journal, self.hub, now=self.now, call_later=loop.call_later)
        self.actions = ActionDesk(journal, self.hub, self.session, self.outbox, now=self.now, routes=lambda _command: None)
        self.frames = FrameClock(self.hub)
        self.told: list[DeckError] = []
        self.brought_up: list[str] = []
        self.tasks = Tasks(self.told.append)
        self.focus = Focus()
        self.words = Words("en", pack.zone)
        self.floods = FloodWatch(self.hub.alerts)
        self.says = ""
        """What the person writes when asked."""
        self.panels: list[Panel] = []

    def now(self) -> Millis:
        return Millis(self.at)

    def panel(self, panel_id: str, seat: Seat = Seat.DUTY) -> Panel:
        """The panel, built and shown."""
        operations = Operations(self.hub, self.actions, self.focus, self.words, self._ask, self._ask_aside)
        context = PanelContext(
            self.pack, self.hub, self.actions, self.focus, self.frames, Theme(dark=True), self.words, self.tasks, self.now, seat, operations,
            self.brought_up.append, self.floods,
        )  # fmt: skip
        spec = SPECS[panel_id]
        panel = spec.create(spec, context)
        panel.resize(640, 480)
        panel.show()
        self.panels.append(panel)
        return panel

    def frame(self, later_ms: int = 0) -> None:
        """`later_ms` pass, and a frame comes in which a second began."""
        self.at += later_ms
        self.frames._second = 0
        self.hub.second(self.now())
        self.floods.step(self.now())
        self.frames._tick()

    def take_down(self) -> None:
        """Every panel goes, as the shell would have it."""
        while self.panels:
            panel = self.panels.pop()
            panel.hide()
            panel.teardown()
            panel.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    # --- what arrives ---

    def city(self) -> None:
        """Everything that a platform says at the beginning, and a link to have said it."""
        intake = Intake(LINK, "city", lambda reason, sample: pytest.fail(f"{reason}: {sample}"))
        for part in City(self.pack, start=self.at, seed=7).snapshot(Wish(frozenset(TOPICS), frozenset())):
            self.hub.batch(intake.batch(part, simulated=True))
        self.link(LinkState.LIVE)

    def link(self, state: LinkState) -> None:
        refusals = (Refusal(self.now(), "not of this protocol", "{"),)
        self.hub.link(
            LinkReport(
                name=LINK, kind="gateway", address="ws://127.0.0.1:1", state=state, since=self.now(), commands=True, refused=1, refusals=refusals
            )
        )

    def readings(self, values: dict[SeriesId, float | None]) -> None:
        """These were measured now."""
        rows = [self.hub.series.index[series] for series in values]
        batch = Readings(rows, list(values.values()), [self.at] * len(rows))
        self.hub.batch(Batch(source=LINK, at=self.now(), catalogue=self.pack.series, readings=batch))

    def alerts(self, *alerts: Alert) -> None:
        self.hub.batch(Batch(source=LINK, at=self.now(), alerts=alerts))

    async def _ask(self, _title: str, _prompt: str, _required: bool) -> str | None:
        return self.says

    async def _ask_aside(self, _how: How, alert: Alert) -> Aside | None:
        return Aside(Scope(kind=alert.kind, area=alert.area), Millis(self.at + 600_000), "by hand")


@pytest.fixture
def bench(pack: CityPack, data_dir: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Bench]:
    journal = Journal.open(data_dir, desk="bench")
    made = Bench(pack, journal, loop)
    yield made
    made.take_down()
    loop.run_until_complete(made.actions.close())
    journal.close()


def alert(number: int, severity: Severity = Severity.MODERATE, at: int = int(START)) -> Alert:
    """An alert that nobody has seen."""
    title = Text(f"告警{number}", f"alert {number}")
    return Alert(id=AlertId(f"a{number}"), kind="rain_heavy", severity=severity, title=title, area="370202", at=Millis(at - number), source=LINK)  # pyright: ignore[reportArgumentType]


def said(panel: QWidget) -> list[str]:
    """Everything that stands in a panel's labels and lists."""
    lists = [line for view in panel.findChildren(QAbstractItemView) if view.objectName() for line in words_of(view)]
    return lists + [label.text() for label in panel.findChildren(QLabel) if label.text() and label.isVisibleTo(panel)]


# --- every panel -------------------------------------------------------------------------------------------------------------


OF_THE_CITY = frozenset(SPECS) - {"activity", "links", "case", "units"}
"""Panels that show what a platform says, whatever is selected. The others count what this desk itself knows."""


@pytest.mark.parametrize("panel_id", sorted(SPECS))
def test_before_its_first_data_a_panel_claims_nothing(bench: Bench, panel_id: str) -> None:
    for seat in Seat:
        panel = bench.panel(panel_id, seat)
        bench.frame(1_000)
        if panel_id in OF_THE_CITY:
            headline = f"{panel.headline.note} {panel.headline.trailing}"
            assert not headline.startswith("0 ") and " · 0 " not in headline, f"{seat}: {headline}"
            assert not any(panel.headline.counts) and not panel.live
            assert not [line for line in said(panel) if line.startswith("0")], said(panel)
        bench.take_down()


@pytest.mark.parametrize("panel_id", sorted(SPECS))
def test_a_panel_follows_its_data_and_goes_without_a_trace(bench: Bench, panel_id: str) -> None:
    for seat in Seat:
        panel = bench.panel(panel_id, seat)
        bench.city()
        bench.frame(1_000)
        assert panel.live
        changed: list[object] = []
        told = panel.refresh

        def refresh(change: ChangeSet, told: Callable[[ChangeSet], None] = told, changed: list[object] = changed) -> None:
            changed.append(change)
            told(change)

        panel.refresh = refresh
        for topic in Topic:
            before = len(changed)
            bench.hub._touch(topic)
            bench.frames._second = 2**62
            bench.frames._tick()
            assert (len(changed) > before) == bool(SPECS[panel_id].needs & (topic | Topic.SECOND)), topic
        _select_something(bench)
        bench.frame(1_000)
        panel.restore(panel.memento())
        panel.restore({"severity": [], "domain": 7, "series": "x", "lon": None, "unhandled": "yes"})
        bench.take_down()
        assert bench.frames._subscribers == []
        assert [s for s in SIGNALS if bench.focus.receivers(SIGNAL(f"{s}(PyObject)"))] == []
        _select_nothing(bench)


def _select_something(bench: Bench) -> None:
    focus, hub = bench.focus, bench.hub
    focus.select_alert(next(a.id for a in hub.alerts if a.series is not None))
    focus.select_case(next(iter(hub.cases)))
    focus.select_unit(hub.units.ids[0])
    focus.select_series(bench.pack.series[0])
    focus.select_area(next(iter(bench.pack.areas)))


def _select_nothing(bench: Bench) -> None:
    focus = bench.focus
    for select in (focus.select_alert, focus.select_case, focus.select_unit, focus.select_series, focus.select_area):
        select(None)


# --- the alert queue ---------------------------------------------------------------------------------------------------------


def test_a_row_does_not_move_under_the_pointer(bench: Bench) -> None:
    panel = bench.panel("alerts")
    assert isinstance(panel, AlertPanel)
    bench.alerts(*(alert(n) for n in range(1, 11)))
    bench.frame(1_000)
    view = panel.list
    before = words_of(view)
    index = view.model().index(4, 0)
    _point(view, view.visualRect(index).center())
    assert view.held
    bench.alerts(*(alert(n, Severity.EXTREME) for n in range(100, 130)))
    bench.frame(1_000)
    assert [line.split(",")[0] for line in words_of(view)] == [line.split(",")[0] for line in before]
    assert "30 more wait" in panel.headline.trailing
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
    assert bench.focus.alert == bench.hub.alerts.at_row(int(panel.model.keys[4])).id
    QCoreApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    bench.frame(1_000)
    assert len(words_of(view)) == 40 and words_of(view)[0].startswith("1 ")
    assert "wait" not in panel.headline.trailing


def _point(view: QAbstractItemView, at: QPoint) -> None:
    view.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)  # off screen there is no pointer that could enter
    QTest.mouseMove(view.viewport(), at - QPoint(3, 3))
    QTest.mouseMove(view.viewport(), at)


def test_the_selection_survives_a_thousand_insertions(bench: Bench) -> None:
    panel = bench.panel("alerts")
    assert isinstance(panel, AlertPanel)
    bench.alerts(*(alert(n) for n in range(1, 41)))
    bench.frame(1_000)
    bench.focus.select_alert(AlertId("a25"))
    view = panel.list
    chosen = view.currentIndex()
    assert "alert 25" in words_of(view)[chosen.row()]
    view.scrollTo(chosen, QAbstractItemView.ScrollHint.PositionAtCenter)
    top = view.visualRect(chosen).top()
    assert view.verticalScrollBar().value() > 0 and 0 < top < view.viewport().height()
    worse = iter(range(1_000, 2_000))
    for _ in range(20):
        bench.alerts(*(alert(next(worse), Severity.SEVERE) for _ in range(50)))
        bench.frame(50)
    assert view.model().rowCount() == 1_040
    assert bench.focus.alert == "a25"
    assert "alert 25" in words_of(view)[view.currentIndex().row()]
    assert view.selectionModel().isSelected(view.currentIndex())
    assert view.visualRect(view.currentIndex()).top() == top


# --- numbers -----------------------------------------------------------------------------------------------------------------


def test_unknown_is_not_zero_and_old_is_not_new_on_the_board(bench: Bench) -> None:
    panel = bench.panel("board")
    assert isinstance(panel, BoardPanel)
    board = panel.board
    assert board.count() > 3
    assert {board.face_text(n).split(" · ")[1] for n in range(board.count())} == {"—"}
    assert all("never reported" in board.face(n).age for n in range(board.count()))
    first, second = panel._shown[0], panel._shown[1]
    bench.readings({first[1]: 0.0, second[1]: None})
    bench.frame(1_000)
    assert not board.face(0).missing and board.face(0).value.startswith("0")
    assert board.face(1).missing and board.face(1).value == "—" and board.face(1).severity == 0
    bench.frame(first[0].fresh_ms + 1_000)
    face = board.face(0)
    assert face.missing and face.value == "—" and "no data for" in face.age and face.severity == 0
    assert "last 0" in face.change, "what it was and when must still be there"


def test_unknown_is_not_zero_and_old_is_not_new_in_the_overview(bench: Bench) -> None:
    panel = bench.panel("overview", Seat.COCKPIT)
    assert isinstance(panel, OverviewPanel)
    zero, unknown, _ = panel._fields[0][1]
    root = bench.pack.root
    assert panel.board.card_text(0).count("—") >= 3
    bench.readings({series_id(zero.id, root): 0.0, series_id(unknown.id, root): None})
    bench.frame(1_000)
    figures = panel.board._cards[0].figures
    assert figures[0].value.startswith("0") and not figures[0].quiet
    assert (figures[1].value, figures[1].quiet, figures[1].severity) == ("—", True, 0)
    bench.frame(zero.fresh_ms + 1_000)
    figure = panel.board._cards[0].figures[0]
    assert (figure.value, figure.quiet, figure.severity) == ("—", True, 0) and "no data for" in figure.change


# --- one consistent house ----------------------------------------------------------------------------------------------------


def test_panels_icons_actions_and_layouts_fit_each_other() -> None:
    specs: list[PanelSpec] = find_panels()
    ids = [spec.id for spec in specs]
    actions = {spec.id for spec in ACTIONS}
    folder = Path(__file__).resolve().parents[1] / "panels"
    assert sorted(ids) == sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")
    assert len(set(ids)) == len(ids)
    assert {spec.id: spec.icon for spec in specs if spec.icon not in ICON_NAMES} == {}
    assert {spec.id: spec.actions for spec in specs if not actions.issuperset(spec.actions)} == {}
    assert all(spec.title and spec.needs for spec in specs)
    keys = [spec.key for spec in ACTIONS if spec.key]
    assert len(set(keys)) == len(keys)
    for seat in Seat:
        for width in (1_280, 1_920, 3_840):
            layout = standard(seat, width)
            assert set(layout.panels) <= set(ids) and layout.seat is seat
