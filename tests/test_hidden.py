"""Putting alerts aside with open eyes, and the list of what is not seen: the real dialog and the real panel off screen, on a hub and a clock
that the test moves by hand."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Acknowledgement, Alert, AlertState
from app.domain.aside import How, Scope, Shelf
from app.domain.batch import Batch, Readings
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SeriesId, ShelfId, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.rule import Rules, Suppression
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Journal
from app.live.hub import Hub
from app.live.queue import Ask, Fold, Question
from app.qt.alert_acts import Aside
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.operations import Operations
from app.qt.panel import PanelContext
from app.qt.shelf_dialog import DAY_MS, LISTED, ShelfDialog, ask_aside, scope_words, scopes
from app.qt.tasks import Tasks
from app.qt.words import Words
from panels.hidden import PANEL, HiddenPanel
from tests.conftest import Run, Until
from widgets.theme import Theme

START = Millis(1_795_228_944_000)
"""10:42:24 on a Saturday in Qingdao."""
DEMO = SourceName("demo/city")
SHINAN, SHIBEI = AreaCode("370202"), AreaCode("370203")
RAIN, WATER, GAS = AlertKindId("rain_heavy"), AlertKindId("waterlogging_road"), AlertKindId("gas_leak")
PIER, STATION = Text("栈桥", "Zhanqiao Pier"), Text("青岛站", "Qingdao Railway Station")
SERIES = SeriesId("waterlogging_depth@370202")
WANG = Operator(id="wanglei", name="王磊", role=Role.DUTY_OFFICER)
HOUR = 3_600_000
RULE = Suppression(id="rain_explains_water", kinds=(WATER,), by=RAIN, reason=Text("强降雨期间积水属次生告警", "Follows from heavy rain"))


@pytest.fixture(scope="module")
def city() -> CityPack:
    return replace(load_city(find_cities()["qingdao"]), rules=Rules(suppressions=(RULE,)))


class Bench:
    """What the dialog and the panel stand on. Everything that is asked for is answered by `answer`."""

    def __init__(self, city: CityPack, journal: Journal, loop: asyncio.AbstractEventLoop, lang: str = "en") -> None:
        self.city = city
        self.at = int(START)
        self.hub = Hub(city, self.now)
        self.session = Session(seat=Seat.DUTY, desk="bench", operator=WANG)
        self.outbox = Outbox(journal, self.hub, now=self.now, call_later=loop.call_later)
        self.actions = ActionDesk(journal, self.hub, self.session, self.outbox, now=self.now, routes=lambda _command: None)
        self.frames = FrameClock(self.hub)
        self.told: list[DeckError] = []
        self.tasks = Tasks(self.told.append)
        self.focus = Focus()
        self.words = Words(lang, city.zone)
        self.theme = Theme(dark=True)
        self.parent = QWidget()
        self.operations = Operations(self.hub, self.actions, self.focus, self.words, self._ask, self._ask_aside)
        self.panels: list[HiddenPanel] = []
        self.dialogs: list[ShelfDialog] = []

    def now(self) -> Millis:
        return Millis(self.at)

    def panel(self, seat: Seat = Seat.DUTY) -> HiddenPanel:
        context = PanelContext(
            self.city, self.hub, self.actions, self.focus, self.frames, self.theme, self.words, self.tasks, self.now, seat, self.operations,
            lambda _panel: None,
        )  # fmt: skip
        panel = HiddenPanel(PANEL, context)
        panel.resize(640, 520)
        panel.show()
        self.panels.append(panel)
        return panel

    def dialog(self, alert: Alert, how: How = How.SHELVED) -> ShelfDialog:
        made = ShelfDialog(self.parent, self.words, self.theme, self.hub, self.city, self.now, how, alert)
        made.show()
        self.dialogs.append(made)
        return made

    def alerts(self, *alerts: Alert) -> None:
        self.hub.batch(Batch(source=DEMO, at=self.now(), alerts=alerts))

    def shelf(self, name: str, scope: Scope, until_ms: int = HOUR, how: How = How.SHELVED) -> Shelf:
        """A platform's shelf."""
        made = Shelf(id=ShelfId(name), how=how, scope=scope, by="陈静", at=self.now(), until=Millis(self.at + until_ms), reason=f"because of {name}")
        self.hub.batch(Batch(source=DEMO, at=self.now(), shelves=(made,)))
        return made

    def second(self, later_ms: int = 1_000) -> None:
        """`later_ms` pass, and the desk's second with them."""
        self.at += later_ms
        self.hub.second(self.now())
        self.frames._second = 0
        self.frames._tick()

    def take_down(self) -> None:
        for panel in self.panels:
            panel.hide()
            panel.teardown()
            panel.deleteLater()
        self.panels.clear()
        self.parent.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    async def _ask(self, _title: str, _prompt: str, _required: bool) -> str | None:
        return ""

    async def _ask_aside(self, how: How, alert: Alert) -> Aside | None:
        return await ask_aside(self.parent, self.words, self.theme, self.hub, self.city, self.now, how, alert)


@pytest.fixture
def bench(city: CityPack, data_dir: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Bench]:
    journal = Journal.open(data_dir, desk="bench")
    made = Bench(city, journal, loop)
    yield made
    made.take_down()
    loop.run_until_complete(made.tasks.close())
    loop.run_until_complete(made.actions.close())
    journal.close()


def alert(name: str, kind: AlertKindId = GAS, severity: Severity = Severity.MODERATE, **more: object) -> Alert:
    made = Alert(
        id=AlertId(name), kind=kind, severity=severity, title=Text(f"告警{name}", f"alert {name}"), area=SHINAN, place=PIER, at=START, source=DEMO
    )
    return msgspec.structs.replace(made, **more)


def ids(bench: Bench, panel: HiddenPanel) -> list[str]:
    """The alerts that the panel lists, in order."""
    return [bench.hub.alerts.id_at(int(key)) for key in panel.model.keys]


def choose(panel: HiddenPanel, reason: str) -> None:
    panel.chips.chips[reason].click()


def counts(panel: HiddenPanel) -> dict[str, int]:
    """The figure on each chip that is shown."""
    shown = {name: chip.text().rpartition("  ")[2] for name, chip in panel.chips.chips.items() if not chip.isHidden()}
    return {name: int(said.replace(",", "")) for name, said in shown.items() if said.replace(",", "").isdigit()}


# --- the dialog --------------------------------------------------------------------------------------------------------------


def test_only_what_makes_sense_for_the_alert_can_be_put_aside(city: CityPack) -> None:
    full = alert("1", series=SERIES)
    here, there, everywhere = Scope(kind=GAS, area=SHINAN, place=PIER.zh), Scope(kind=GAS, area=SHINAN), Scope(kind=GAS)
    this = Scope(alert=full.id)
    assert scopes(How.SHELVED, full, city) == [this, here, there, everywhere]
    assert scopes(How.OUT_OF_SERVICE, full, city) == [this, here, there, everywhere, Scope(series=SERIES), Scope(source=DEMO)]
    assert scopes(How.SHELVED, alert("1", place=Text()), city) == [this, there, everywhere]
    assert scopes(How.SHELVED, alert("1", place=Text(), area=city.root), city) == [this, everywhere]
    assert scopes(How.SHELVED, alert("1", place=Text(), area=AreaCode("")), city) == [this, everywhere]
    assert scopes(How.OUT_OF_SERVICE, alert("1", source=SourceName("")), city) == [this, here, there, everywhere]
    for how in How:
        for one in (full, alert("1", place=Text(), area=city.root)):
            assert all(scope.covers(one) for scope in scopes(how, one, city))


@pytest.mark.parametrize(
    ("lang", "said"), [("zh_CN", ("燃气浓度超限", "栈桥", "市南区")), ("en", ("Gas concentration over limit", "Zhanqiao Pier", "Shinan"))]
)
def test_a_scope_is_said_in_both_languages(bench: Bench, city: CityPack, lang: str, said: tuple[str, str, str]) -> None:
    words = Words(lang, city.zone)
    kind, place, area = said
    assert scope_words(Scope(kind=GAS, area=SHINAN, place=PIER.zh), bench.hub, city, words).count(place) == 1
    in_words = [scope_words(scope, bench.hub, city, words) for scope in scopes(How.OUT_OF_SERVICE, alert("1", series=SERIES), city)]
    assert [kind in line for line in in_words] == [False, True, True, True, False, False]
    assert area in in_words[2] and area in in_words[4] and in_words[0] == "1"
    assert words.text(city.alert_kinds[GAS].name) == kind
    assert len(set(in_words)) == len(in_words)


def test_the_preview_counts_what_a_naive_count_counts(bench: Bench) -> None:
    random = np.random.default_rng(7)
    made: list[Alert] = []
    for n in range(600):
        at = Millis(START - int(random.integers(0, 60 * HOUR)))
        over = bool(random.integers(2))
        ended = Millis(at + int(random.integers(0, 40 * HOUR))) if over else None
        mark = Acknowledgement("王磊", Millis(at + int(random.integers(0, 50 * HOUR)))) if random.integers(2) else None
        area, place = ((SHINAN, PIER), (SHINAN, STATION), (SHIBEI, Text()))[n % 3]
        kind, series = (RAIN, GAS)[n % 2], (SERIES, None)[n % 5 == 0]
        made.append(
            alert(f"{n}", kind, Severity(1 + n % 4), at=at, area=area, place=place, series=series, active=not over, ended_at=ended, acknowledged=mark)
        )
    bench.alerts(*made)
    since = START - DAY_MS

    def would_have_been_hidden(one: Alert) -> bool:
        gone = max(one.ended_at or 0, one.acknowledged.at if one.acknowledged else 0)
        return one.at >= since or one.state is not AlertState.CLEARED or gone >= since

    for how in How:
        asked = next(a for a in made if a.series is not None and a.place.zh)
        dialog = bench.dialog(asked, how)
        for button, scope in zip(dialog.what, scopes(how, asked, bench.city), strict=True):
            button.click()
            meant = [a for a in made if scope.covers(a) and would_have_been_hidden(a)]
            naive = Counter(int(a.severity) for a in meant)
            shadow = dialog.shadow
            assert shadow is not None and dialog.scope == scope
            assert shadow.counts == tuple(naive[s] for s in (1, 2, 3, 4))
            assert shadow.queued == sum(a.state is not AlertState.CLEARED for a in meant)
            listed = [bench.hub.alerts[bench.hub.alerts.id_at(int(k))] for k in dialog.model.keys]
            expected = sorted(meant, key=lambda a: (a.severity, -a.at))[:LISTED]
            assert [(a.severity, a.at // 1000) for a in listed] == [(a.severity, a.at // 1000) for a in expected]
            assert dialog.warning.isHidden() == (naive[1] + naive[2] == 0)
            assert dialog.warning.isHidden() or dialog.warned.text().startswith(f"{naive[1] + naive[2]} of them")
            assert bool(dialog.more.text()) == (len(meant) > LISTED)


def test_the_preview_follows_while_somebody_thinks(bench: Bench) -> None:
    bench.alerts(alert("1"))
    dialog = bench.dialog(bench.hub.alerts[AlertId("1")])
    dialog.what[-1].click()
    assert dialog.shadow is not None and dialog.shadow.counts == (0, 0, 1, 0) and dialog.warning.isHidden()
    said = dialog.until.text()
    assert "11:42" in said
    bench.alerts(alert("2", severity=Severity.EXTREME))
    bench.at += 60_000
    dialog._second.timeout.emit()
    assert dialog.shadow.counts == (1, 0, 1, 0) and not dialog.warning.isHidden()
    assert "11:43" in dialog.until.text()
    dialog.lengths[-1].click()
    assert "11-22" in dialog.until.text() and "10:43" in dialog.until.text(), "another day has to be said"


def test_a_million_alerts_are_weighed_in_time(bench: Bench) -> None:
    """The columns are filled past the store's own way in: what is measured is the preview alone."""
    asked = alert("1")
    bench.alerts(asked, alert("2", RAIN, Severity.EXTREME))
    store, count = bench.hub.alerts, 1_000_000
    rows = store._columns.add(count)
    random, source = np.random.default_rng(3), np.arange(count) % 2
    for name in ("kind", "area", "place", "source", "base", "state", "fold"):
        column = store._columns[name]
        column[rows.start :] = column[source]
    store._columns["severity"][rows.start :] = random.integers(1, 5, count)
    store._columns["at"][rows.start :] = START - random.integers(0, 40 * HOUR, count)
    store._ids.extend(AlertId(f"b{n}") for n in range(count))
    dialog = bench.dialog(asked, How.OUT_OF_SERVICE)
    for button in dialog.what:
        button.click()
        began = time.perf_counter()
        dialog.look()
        took = (time.perf_counter() - began) * 1e3
        assert took < 300, f"{button.text()}: {took:.0f} ms"  # a bound for a machine that does much else; alone it is below 50
    assert dialog.shadow is not None and dialog.shadow.count == count + 2 and len(dialog.model.keys) == LISTED


def test_without_a_reason_nothing_can_be_put_aside(bench: Bench) -> None:
    bench.alerts(alert("1"))
    dialog = bench.dialog(bench.hub.alerts[AlertId("1")])
    assert not dialog.main.isEnabled()
    QTest.keyClick(dialog.reason, Qt.Key.Key_Return)
    dialog.accept()
    assert dialog.isVisible() and dialog.result() == 0
    dialog.reason.setText("   ")
    assert not dialog.main.isEnabled()
    dialog.usual[0].click()
    assert dialog.main.isEnabled() and dialog.reason.text() == dialog.usual[0].text() and dialog.focusWidget() is dialog.reason


def test_putting_aside_by_keys_alone(bench: Bench, run: Run, until: Until) -> None:
    bench.alerts(alert("1"), alert("2"), alert("3", place=STATION))
    bench.focus.select_alert(AlertId("1"))
    bench.tasks.start(bench.operations.perform("shelve"), "shelve")
    until(lambda: bench.parent.findChildren(ShelfDialog))
    dialog = bench.parent.findChild(ShelfDialog)
    assert isinstance(dialog, ShelfDialog)

    def press(*keys: Qt.Key) -> None:
        for key in keys:
            QTest.keyClick(dialog.focusWidget(), key)

    press(Qt.Key.Key_Down)
    assert dialog.scope == Scope(kind=GAS, area=SHINAN, place=PIER.zh)
    assert dialog.shadow is not None and dialog.shadow.count == 2
    press(Qt.Key.Key_Tab, Qt.Key.Key_Right)
    assert dialog.length == 2 * HOUR
    press(Qt.Key.Key_Tab)
    assert dialog.focusWidget() is dialog.reason
    press(Qt.Key.Key_Tab)
    assert dialog.focusWidget() is dialog.usual[0]
    press(Qt.Key.Key_Return, Qt.Key.Key_Return)
    until(lambda: bench.hub.shelves)
    shelf = next(iter(bench.hub.shelves.values()))
    assert (shelf.scope, shelf.until, shelf.by) == (Scope(kind=GAS, area=SHINAN, place=PIER.zh), START + 2 * HOUR, WANG.name)
    assert shelf.reason == "Known, being handled"
    assert [bench.hub.alerts.state_of(AlertId(n)) for n in "123"] == [AlertState.SHELVED, AlertState.SHELVED, AlertState.UNACKNOWLEDGED]
    assert not bench.told
    run(asyncio.sleep(0))


def test_escape_puts_nothing_aside(bench: Bench, run: Run, until: Until) -> None:
    bench.alerts(alert("1"))
    answers: list[Aside | None] = []

    async def ask() -> None:
        answers.append(await bench._ask_aside(How.OUT_OF_SERVICE, bench.hub.alerts[AlertId("1")]))

    bench.tasks.start(ask(), "ask")
    until(lambda: bench.parent.findChildren(ShelfDialog))
    dialog = bench.parent.findChild(ShelfDialog)
    assert isinstance(dialog, ShelfDialog)
    dialog.usual[1].click()
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Escape)
    until(lambda: answers == [None])
    assert not dialog._second.isActive()
    run(asyncio.sleep(0))


# --- the panel ---------------------------------------------------------------------------------------------------------------


def test_before_its_first_data_the_panel_claims_nothing(bench: Bench) -> None:
    panel = bench.panel()
    bench.second()
    assert not panel.live and counts(panel) == {} and not any(panel.headline.counts) and panel.headline.note == ""
    assert panel.stack.currentWidget() is panel.empty
    assert panel.empty.accessibleName() == "Nothing is kept from you."
    assert panel.empty._hint == "No alert has come yet."
    bench.alerts(alert("1"))
    bench.second()
    assert panel.live and panel.headline.note == "" and panel.empty._hint == ""


def test_everything_that_stands_is_in_the_queue_or_counted_and_listed(bench: Bench) -> None:
    bench.alerts(
        alert("q1"), alert("q2", severity=Severity.MINOR), alert("dup1", RAIN), alert("dup2", RAIN, severity=Severity.SEVERE),
        alert("shelved", kind=AlertKindId("blood_low")), alert("water", WATER, Severity.EXTREME), alert("oos", series=SERIES, place=STATION),
        alert("over", active=False, ended_at=START, acknowledged=Acknowledgement("王磊", START)),
    )  # fmt: skip
    bench.shelf("s", Scope(kind=AlertKindId("blood_low")))
    bench.shelf("o", Scope(series=SERIES), how=How.OUT_OF_SERVICE)
    panel = bench.panel()
    bench.second()
    assert bench.hub.alerts.state_of(AlertId("water")) is AlertState.SUPPRESSED, "it rains"
    assert counts(panel) == {
        "all": 5, "shelved": 1, "suppressed": 1, "out_of_service": 1, "filtered": 0, "folded": 2, "conflated": 0,
    }  # fmt: skip
    assert panel.headline.note == "5 of 7 standing alerts"
    assert ids(bench, panel)[0] == "water" and sorted(ids(bench, panel)) == ["dup1", "oos", "q2", "shelved", "water"]
    for reason, expected in (("shelved", ["shelved"]), ("suppressed", ["water"]), ("out_of_service", ["oos"]), ("folded", ["dup1", "q2"])):
        choose(panel, reason)
        assert ids(bench, panel) == expected
    choose(panel, "suppressed")
    assert "Follows from heavy rain" in panel._face(int(panel.model.keys[0])).note
    assert "alert dup2" in panel._face(int(panel.model.keys[0])).note, "what explains it"
    choose(panel, "folded")
    assert "alert dup2" in panel._face(int(panel.model.keys[0])).note, "what it stands behind"
    bench.focus.say_hidden({"filtered": 1}, Question(ask=Ask(severities=(3,)), fold=Fold.NOTHING))
    bench.second()
    choose(panel, "filtered")
    assert ids(bench, panel) == ["dup2", "q2"]
    figures = counts(panel)
    assert figures["all"] == sum(n for name, n in figures.items() if name not in ("all", "conflated")) == 5
    assert figures["folded"] == 0 and panel._found is not None and panel._found.standing == 7


def test_a_shelf_is_said_with_whose_it_is_why_and_how_long(bench: Bench) -> None:
    bench.alerts(alert("1", severity=Severity.SEVERE), alert("2"), alert("3", RAIN))
    bench.shelf("wide", Scope(kind=GAS), 2 * HOUR)
    bench.shelf("narrow", Scope(alert=AlertId("1")), HOUR)
    panel = bench.panel()
    bench.second()
    choose(panel, "shelved")
    face = panel._face(bench.hub.alerts.row_of(AlertId("1")))
    assert "陈静" in face.note and "because of wide" in face.note and "12:42" in face.note, "the one that keeps it back for longest"
    assert face.right == "back in 1:59:59"
    narrow, wide = (panel.shelf_model.data(panel.shelf_model.index(n, 0)) for n in range(2))
    assert "alert 1" in str(narrow) and "holds back 1 now" in str(narrow) and "59:59" in str(narrow)
    assert "Gas concentration over limit" in str(wide) and "holds back 2 now" in str(wide)
    bench.second()
    assert panel._face(bench.hub.alerts.row_of(AlertId("1"))).right == "back in 1:59:58"


def test_what_comes_back_by_the_clock_is_gone_from_the_list_within_a_second(bench: Bench) -> None:
    bench.alerts(alert("1"), alert("2", RAIN))
    bench.shelf("s", Scope(kind=GAS), 10_000)
    panel = bench.panel()
    bench.second()
    assert counts(panel)["shelved"] == 1 and not panel.shelf_part.isHidden() and panel.bring.isEnabled()
    bench.second(8_000)
    assert counts(panel)["shelved"] == 1
    bench.second()
    assert counts(panel)["shelved"] == 0 and panel.shelf_part.isHidden() and panel.stack.currentWidget() is panel.empty
    assert bench.hub.alerts.state_of(AlertId("1")) is AlertState.UNACKNOWLEDGED
    assert bench.operations.why_not("take_back") is not None


def test_b_brings_back_the_shelf_behind_the_selected_alert(bench: Bench, until: Until) -> None:
    bench.alerts(alert("1", severity=Severity.SEVERE), alert("2", RAIN))
    bench.shelf("rain", Scope(kind=RAIN), HOUR)
    bench.shelf("gas", Scope(kind=GAS), 2 * HOUR)
    panel = bench.panel()
    bench.second()
    assert not panel.bring.isEnabled() and panel.shelf is None, "of two nobody has chosen one"
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_Down)
    assert bench.focus.alert == "1" and panel.shelf is not None and panel.shelf.id == "gas"
    QTest.keyClick(panel.list, Qt.Key.Key_B)
    until(lambda: not bench.hub.shelves[ShelfId("gas")].holds(bench.now()))
    bench.second()
    assert counts(panel)["shelved"] == 1 and [s.id for s in panel._shelves] == ["rain"]
    assert bench.hub.shelves[ShelfId("gas")].ended_by == WANG.name
    panel.bring.click()
    until(lambda: not bench.hub.shelves[ShelfId("rain")].holds(bench.now()))
    bench.second()
    assert counts(panel)["all"] == 0 and panel.shelf_part.isHidden() and not bench.told


def test_b_means_the_shelf_even_where_the_window_binds_it(bench: Bench, until: Until) -> None:
    panel = bench.panel()
    for key, taken in ((Qt.Key.Key_B, True), (Qt.Key.Key_A, False)):
        override = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        override.ignore()
        QCoreApplication.sendEvent(panel.list, override)
        assert override.isAccepted() is taken
    QTest.keyClick(panel.list, Qt.Key.Key_B)
    until(lambda: bench.told)
    assert bench.told[0].what == "Choose what is to be brought back first."


def test_the_panel_follows_the_desk_and_leaves_the_order_alone(bench: Bench) -> None:
    bench.alerts(*(alert(f"{n}", place=Text(f"地{n}", f"place {n}"), at=Millis(START - n * 1_000)) for n in range(5)))
    bench.shelf("s", Scope(kind=GAS))
    panel = bench.panel()
    bench.second()
    bench.focus.select_alert(AlertId("3"))
    assert panel.list.currentIndex().row() == 3
    bench.alerts(alert("9", severity=Severity.EXTREME))
    bench.second()
    assert ids(bench, panel) == ["9", "0", "1", "2", "3", "4"]
    assert panel.list.currentIndex().row() == 4 and bench.focus.alert == "3"
    bench.focus.select_alert(None)
    assert not panel.list.selectionModel().hasSelection()


def test_a_hidden_panel_and_a_quiet_second_cost_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.alerts(alert("1"))
    panel = bench.panel()
    asked: list[Ask] = []
    answer = panel._queue.answer
    monkeypatch.setattr(panel._queue, "answer", lambda ask, now, **more: (asked.append(ask), answer(ask, now, **more))[1])
    bench.second()
    before = len(asked)
    for _ in range(5):
        bench.second()
    assert len(asked) == before, "nothing has changed but the time"
    for n in range(5):
        bench.alerts(alert(f"n{n}"))
        bench.frames._tick()
    assert len(asked) == before, "alerts alone are not a reason to count: a second is"
    panel.hide()
    bench.second()
    assert len(asked) == before
    panel.show()
    assert len(asked) == before + 1


def test_values_that_gave_way_and_sounds_that_are_off_are_said(bench: Bench) -> None:
    bench.alerts(alert("1"))
    for value in (1.0, 2.0, 3.0):
        bench.hub.batch(Batch(source=DEMO, at=bench.now(), catalogue=bench.city.series, readings=Readings([0], [value], [bench.at])))
    bench.focus.say_muted(4)
    bench.focus.say_hidden({"folded": 1})
    assert bench.focus.hidden == {"folded": 1, "muted": 4}, "one does not wipe out what the other said"
    panel = bench.panel()
    bench.second()
    assert counts(panel)["conflated"] == 2 and counts(panel)["muted"] == 4 and counts(panel)["all"] == 0
    choose(panel, "conflated")
    assert panel.stack.currentWidget() is panel.empty and panel.empty.accessibleName().startswith("2 readings gave way")
    choose(panel, "muted")
    assert "4 alerts" in panel.empty.accessibleName()
    bench.focus.say_muted(0)
    assert bench.focus.hidden == {"folded": 1}
    bench.second()
    assert "muted" not in counts(panel)


def test_chips_take_the_lines_they_need(bench: Bench, qtbot: QtBot) -> None:
    bench.alerts(alert("1"))
    panel = bench.panel()
    bench.second()
    for width in (900, 420, 300, 640):
        panel.resize(width, 520)
        qtbot.waitUntil(lambda: panel.width() == width and panel.chips.height() == panel.chips.heightForWidth(width))  # noqa: B023
        shown = [chip.geometry() for chip in panel.chips.chips.values() if not chip.isHidden()]
        assert all(panel.chips.rect().contains(box) for box in shown)
        assert not any(a.intersects(b) for n, a in enumerate(shown) for b in shown[n + 1 :])


def test_the_wall_shows_and_does_nothing(bench: Bench) -> None:
    bench.alerts(alert("1"))
    bench.shelf("s", Scope(kind=GAS))
    panel = bench.panel(Seat.WALL)
    bench.second()
    assert counts(panel)["shelved"] == 1 and panel.bring.isHidden()
    panel.bring_back()
    assert bench.tasks.names == [] and bench.hub.shelves[ShelfId("s")].holds(bench.now())
