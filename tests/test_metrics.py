"""The alarm figures: the rate and its floods, what is computed from the columns against a plain count of the records, and the page that shows it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.actions.authority import covers
from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Acknowledgement, Alert, AlertState
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.rule import AlarmLoad
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Journal
from app.live.alerts import SHELVED, AlertStore
from app.live.hub import Hub
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.metric_words import MetricWords
from app.qt.operations import Operations
from app.qt.panel import PanelContext
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.services import metrics
from app.services.alarm_rate import AlarmRate, Load
from app.services.csv_cells import table
from app.services.flood import MAX_EPISODES, Episode, FloodStep, FloodWatch, flooded_ms
from app.services.metrics import HOUR_MS, Priority, Question, Window, measure
from app.services.reach import Reach
from panels.kpi import PANEL, KpiPanel
from tests.conftest import Run, Until
from widgets.theme import Theme

NOW = Millis(1_795_228_944_000)
MINUTE = 60_000
SHINAN, SHIBEI = AreaCode("370202"), AreaCode("370203")
RAIN, WATER = AlertKindId("rain_heavy"), AlertKindId("waterlogging")


def alert(
    number: int,
    at: int,
    *,
    severity: int = 3,
    kind: AlertKindId = RAIN,
    area: AreaCode = SHINAN,
    place: str = "",
    ended: int | None = None,
    acked: int | None = None,
    by: str = "王磊",
) -> Alert:
    """An alert that began at `at`."""
    return Alert(
        id=AlertId(f"a{number}"),
        kind=kind,
        severity=Severity(severity),
        title=Text(f"告警{number}", f"alert {number}"),
        area=area,
        place=Text(place, place),
        at=Millis(at),
        active=ended is None,
        ended_at=Millis(ended) if ended is not None else None,
        acknowledged=Acknowledgement(by, Millis(acked)) if acked is not None else None,
        source=SourceName("by hand"),
    )


def stored(*alerts: Alert) -> AlertStore:
    """A store with these in it."""
    store = AlertStore()
    store.put_all(alerts, NOW)
    return store


def aside(store: AlertStore, *ids: str) -> None:
    """Shelve these."""
    rows = np.array([store.row_of(AlertId(i)) for i in ids], dtype=np.int64)
    store.put_aside(rows, np.full(len(rows), SHELVED, dtype=np.int8))


# --- the rate ------------------------------------------------------------------------------------------------------------------


def test_the_rate_is_held_against_one_and_ten_and_a_flood_is_left_below_five() -> None:
    store = AlertStore()
    rate = AlarmRate(store)
    assert rate.read(NOW) == (0, Load.QUIET)
    store.put(alert(0, NOW))
    assert rate.read(NOW) == (1, Load.QUIET)
    for n in range(1, 10):
        store.put(alert(n, NOW + n * MINUTE // 2))
    assert rate.read(Millis(NOW + 5 * MINUTE)) == (10, Load.BUSY)
    store.put(alert(10, NOW + 5 * MINUTE))
    assert rate.read(Millis(NOW + 5 * MINUTE)) == (11, Load.FLOOD)
    left = Millis(NOW + 13 * MINUTE)
    assert rate.read(Millis(left - 1)) == (5, Load.FLOOD)
    assert rate.read(left) == (4, Load.BUSY)


def test_entry_and_exit_are_the_citys_to_choose() -> None:
    store = stored(*(alert(n, NOW - n) for n in range(4)))
    assert AlarmRate(store, AlarmLoad(flood_entry=3)).read(NOW) == (4, Load.FLOOD)
    assert AlarmRate(store, AlarmLoad(quiet=4)).read(NOW) == (4, Load.QUIET)
    assert AlarmRate(store, AlarmLoad(window_ms=2)).read(NOW)[0] == 2


def test_a_seat_counts_its_own_areas_and_nothing_that_was_put_aside() -> None:
    store = stored(alert(1, NOW), alert(2, NOW, area=SHIBEI), alert(3, NOW, area=AreaCode("370202001")))
    mine: list[tuple[AreaCode, ...]] = [(SHINAN,)]
    rate = AlarmRate(store, reach=Reach(store, lambda: mine[0], covers))
    assert rate.read(NOW)[0] == 2
    store.put(alert(4, NOW, area=AreaCode("370202002")))
    assert rate.read(NOW)[0] == 3, "an area that came later belongs to the district too"
    mine[0] = ()
    assert rate.read(NOW)[0] == 4
    aside(store, "a1", "a2")
    assert rate.read(NOW)[0] == 2


# --- floods --------------------------------------------------------------------------------------------------------------------


def ran(watch: FloodWatch, start: int, seconds: int) -> list[FloodStep]:
    """Step once a second; what happened."""
    return [step for second in range(seconds) if (step := watch.step(Millis(start + second * 1000))) is not None]


def test_a_flood_is_an_episode_with_its_peak_its_offenders_and_its_first_out() -> None:
    store = stored(alert(0, NOW - 9 * MINUTE, kind=WATER, area=SHIBEI, place="弱鸡桥"))
    watch = FloodWatch(store)
    assert watch.step(NOW) is None and watch.episodes() == ()
    for n in range(1, 31):
        store.put(alert(n, NOW + 1000 + n * 100, kind=WATER if n % 3 == 0 else RAIN, place="杭州路立交" if n % 2 else ""))
    (began,) = ran(watch, NOW + 5000, 2)
    assert (began.verb, began.episode.start, began.episode.end) == ("flood_began", NOW + 5000, None)
    assert began.episode.first == "a1", "what came nine minutes before is not what the flood began with"
    assert began.episode.first_title.en == "alert 1" and began.episode.first_at == NOW + 1100
    assert watch.flooded and watch.episodes()[-1].count == 31
    (ended,) = ran(watch, NOW + 7000, 700)
    episode = ended.episode
    assert ended.verb == "flood_ended" and episode.peak == 31 and episode.count == 31
    assert [(k.kind, k.count) for k in episode.kinds] == [(RAIN, 20), (WATER, 11)]
    assert {p.place.zh: p.count for p in episode.places} == {"杭州路立交": 15, "": 15, "弱鸡桥": 1}
    assert episode.end is not None and 0 <= episode.end - (NOW + 1000 + 26 * 100 + 10 * MINUTE) <= 1000
    assert not watch.flooded and watch.episodes() == (episode,)
    assert ran(watch, episode.end + 1000, 60) == []


def test_an_episode_survives_the_journal_and_a_running_one_goes_on_after_a_restart() -> None:
    store = stored(*(alert(n, NOW + n) for n in range(20)))
    watch = FloodWatch(store)
    (began,) = ran(watch, NOW + 1000, 1)
    journalled = msgspec.json.decode(msgspec.json.encode(began.episode), type=Episode)
    assert journalled == began.episode
    again = FloodWatch(fresh := AlertStore())
    again.restore([journalled])
    assert again.flooded and again.step(Millis(NOW + 60_000)) is None, "no alert has come yet after the restart: that says nothing"
    fresh.put_all([alert(n, NOW + n) for n in range(20)], NOW)
    (ended,) = ran(again, NOW + 61_000, 700)
    assert ended.verb == "flood_ended" and ended.episode.start == began.episode.start and ended.episode.peak == 20


def test_a_flood_that_fell_while_the_desk_was_away_is_not_made_longer() -> None:
    running = Episode(start=NOW, peak=20, count=20)
    away = Millis(NOW + 60 * HOUR_MS)
    watch = FloodWatch(stored(*(alert(n, NOW + n) for n in range(20))))
    watch.restore([running])
    (ended,) = ran(watch, away, 1)
    assert ended.episode.end == NOW + 15 + 10 * MINUTE
    knows_less = FloodWatch(stored(alert(1, NOW)))
    knows_less.restore([running])
    (ended,) = ran(knows_less, away, 1)
    assert ended.episode.end == NOW + 10 * MINUTE and ended.episode.count == 20


def test_what_is_kept_is_bounded_and_the_ended_one_counts() -> None:
    watch = FloodWatch(AlertStore())
    many = [Episode(start=Millis(NOW + n), end=Millis(NOW + n + 1)) for n in range(MAX_EPISODES + 50)]
    watch.restore([*many, msgspec.structs.replace(many[-1], end=None)])
    assert len(watch.episodes()) == MAX_EPISODES and watch.episodes()[-1] == many[-1]


def test_time_in_flood_counts_once_and_within_the_window_only() -> None:
    episodes = [Episode(start=Millis(0), end=Millis(100)), Episode(start=Millis(50), end=Millis(200)), Episode(start=Millis(900))]
    assert flooded_ms(episodes, Millis(20), Millis(1000)) == 180 + 100
    assert flooded_ms(episodes, Millis(300), Millis(800)) == 0


@given(st.lists(st.integers(0, 60 * MINUTE), max_size=80))
@settings(max_examples=60, deadline=None)
def test_began_and_ended_alternate_and_the_peak_is_the_highest_rate(times: list[int]) -> None:
    store = AlertStore()
    watch, check = FloodWatch(store), AlarmRate(store)
    coming = sorted(times)
    verbs: list[str] = []
    peak, load = 0, Load.QUIET
    for second in range(0, 80 * 60, 20):
        now = Millis(NOW + second * 1000)
        while coming and coming[0] <= second * 1000:
            began = coming.pop(0)
            store.put(alert(len(store), NOW + began))
        step = watch.step(now)
        rate, load = check.read(now)
        peak = max(peak, rate) if watch.flooded and not (step and step.verb == "flood_began") else rate if watch.flooded else peak
        assert watch.flooded == (load is Load.FLOOD)
        if step is not None:
            verbs.append(step.verb)
            assert step.episode.peak == peak
    assert verbs == ["flood_began", "flood_ended"] * (len(verbs) // 2), "each flood ends, once"
    spans = [(e.start, e.end or 0) for e in watch.episodes()]
    assert all(start < end for start, end in spans) and spans == sorted(spans)


# --- the figures ---------------------------------------------------------------------------------------------------------------


def ask(window: Window = Window.DAY, *, measured: int = NOW - 30 * 24 * HOUR_MS, **more: Any) -> Question:
    """A question at NOW of a desk that has been measuring for long."""
    return replace(Question(now=NOW, measured=Millis(measured), window=window), **more)


def test_the_fields_of_alarm_metrics_type() -> None:
    store = stored(
        alert(1, NOW - 30 * HOUR_MS, severity=4),
        alert(2, NOW - 5 * HOUR_MS, severity=1, ended=NOW - 3 * HOUR_MS, acked=NOW - 4 * HOUR_MS),
        alert(3, NOW - 2 * HOUR_MS, severity=4, ended=NOW - HOUR_MS),
        *(alert(n, NOW - n * 1000, severity=3, kind=WATER, acked=NOW) for n in range(10, 20)),
    )
    m = measure(store, ask(Window.SHIFT), floods=[Episode(start=Millis(NOW - 9 * HOUR_MS), end=Millis(NOW - 7 * HOUR_MS))])
    assert m.alarm_count == 12 and m.start_time == NOW - 8 * HOUR_MS and m.observed == 8 * HOUR_MS
    assert m.maximum_active_state == 30 * HOUR_MS and m.maximum_un_ack == 30 * HOUR_MS
    assert (m.current_alarm_rate, m.maximum_alarm_rate, m.maximum_re_alarm_count) == (10, 10, 0)
    assert m.average_alarm_rate == pytest.approx(12 / 48)
    assert m.kinds == ((WATER, 10), (RAIN, 2)) and m.top_share == 1.0
    assert m.severities == (1, 0, 10, 1)
    assert [m.priority_share(p) for p in Priority] == [1 / 12, 10 / 12, 1 / 12]
    assert m.standing_count == 1 and [(store.at_row(s.row).id, s.figure) for s in m.standing] == [("a1", 30 * HOUR_MS)]
    assert m.flooded == HOUR_MS and m.flood_share == 1 / 8 and len(m.floods) == 1
    extreme, _, moderate, minor = m.handling
    assert (extreme.acknowledged, extreme.median, extreme.p90, extreme.waiting) == (1, HOUR_MS, HOUR_MS, 0)
    assert (moderate.acknowledged, moderate.median) == (10, 14_000)
    assert (minor.count, minor.acknowledged, minor.median, minor.waiting, minor.longest) == (1, 0, None, 2, 30 * HOUR_MS)


def test_what_nobody_measured_is_not_counted_and_not_guessed() -> None:
    store = stored(alert(1, NOW - 30 * HOUR_MS), alert(2, NOW - HOUR_MS), alert(3, NOW - MINUTE))
    m = measure(store, ask(Window.WEEK, measured=NOW - 5 * MINUTE))
    assert m.start_time == NOW - 5 * MINUTE and m.alarm_count == 1
    assert m.average_alarm_rate is None, "five minutes are no ten"
    assert m.flooded is None and m.flood_share is None
    assert m.standing_count == 1, "what stands is there, whoever saw it begin"
    nothing = measure(AlertStore(), ask(measured=NOW))
    assert nothing.alarm_count == 0 and nothing.maximum_active_state is None and nothing.top_share is None
    assert [h.median for h in nothing.handling] == [None] * 4 and nothing.priority_share(Priority.HIGH) is None


def test_what_was_put_aside_does_not_stand_wait_or_load() -> None:
    store = stored(*(alert(n, NOW - 30 * HOUR_MS) for n in range(3)), alert(3, NOW - MINUTE))
    aside(store, "a0", "a3")
    m = measure(store, ask())
    assert m.standing_count == 2 and m.handling[2].waiting == 2 and m.current_alarm_rate == 0 and m.alarm_count == 1


def test_chattering_points_and_re_alarms() -> None:
    store = stored(alert(1, NOW - 50_000, place="泵站"), alert(2, NOW - 50_000, place="桥"))
    for again in range(1, 5):
        store.put(msgspec.structs.replace(alert(1, NOW - 50_000 + again * 10_000, place="泵站"), version=1 + 2 * again))
    m = measure(store, ask())
    assert m.maximum_re_alarm_count == 4
    assert m.chattering_count == 1 and [(store.at_row(c.row).id, c.figure) for c in m.chattering] == [("a1", 5)]


def test_the_figures_of_one_district_kind_person_and_seat() -> None:
    store = stored(
        alert(1, NOW - 1000),
        alert(2, NOW - 1000, area=SHIBEI, acked=NOW, by="陈静"),
        msgspec.structs.replace(alert(3, NOW - 1000, kind=WATER), owner="陈静"),
    )
    floods = [Episode(start=Millis(NOW - 1000))]
    assert measure(store, ask(area=SHIBEI), floods=floods).alarm_count == 1
    assert measure(store, ask(kind=WATER)).kinds == ((WATER, 1),)
    assert measure(store, ask(person="陈静")).alarm_count == 2
    assert measure(store, ask(person="nobody")).alarm_count == 0 and measure(store, ask(area=AreaCode("1"))).alarm_count == 0
    assert measure(store, ask(area=SHIBEI), floods=floods).flooded is None, "an episode is the whole seat's"
    assert measure(store, ask(), reach=Reach(store, lambda: (SHIBEI,))).alarm_count == 1
    assert measure(store, ask(), reach=Reach(store, lambda: (AreaCode("1"),))).alarm_count == 0


records = st.lists(
    st.tuples(
        st.integers(-10 * HOUR_MS, 0),
        st.sampled_from([1, 2, 3, 4]),
        st.sampled_from([RAIN, WATER]),
        st.sampled_from([SHINAN, SHIBEI]),
        st.none() | st.integers(0, 3 * HOUR_MS),
        st.none() | st.integers(0, 3 * HOUR_MS),
    ),
    max_size=60,
)


@given(records, st.sampled_from([7, 64, 65_536]))
@settings(max_examples=80, deadline=None)
def test_the_columns_say_what_the_records_say(rows: list[tuple[int, int, AlertKindId, AreaCode, int | None, int | None]], wide: int) -> None:
    """Whatever a slice is wide."""
    alerts = [
        alert(n, NOW + at, severity=sev, kind=kind, area=area, ended=None if e is None else NOW + at + e, acked=None if a is None else NOW + at + a)
        for n, (at, sev, kind, area, e, a) in enumerate(rows)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "SLICE", wide)
        m = measure(stored(*alerts), ask(Window.SHIFT))
    raised = [a for a in alerts if a.at > NOW - 8 * HOUR_MS]
    assert m.alarm_count == len(raised)
    assert dict(m.kinds) == {k: n for k in (RAIN, WATER) if (n := sum(a.kind == k for a in raised))}
    assert m.severities == tuple(sum(a.severity == s for a in raised) for s in Severity)
    assert m.current_alarm_rate == sum(a.at > NOW - 10 * MINUTE for a in raised)
    times = sorted(a.at for a in raised)
    exact = max((sum(t < u <= t + 10 * MINUTE for u in times) + times.count(t) for t in times), default=0)
    assert m.maximum_alarm_rate <= exact
    assert m.maximum_alarm_rate >= max((sum(t <= u <= t + 10 * MINUTE - 10_000 for u in times) for t in times), default=0)
    for handling in m.handling:
        took = [a.acknowledged.at - a.at for a in raised if a.severity == handling.severity and a.acknowledged]
        assert handling.acknowledged == len(took)
        ranked = [int(np.percentile(took, p, method="inverted_cdf")) for p in (50, 90)] if took else [None, None]
        assert [handling.median, handling.p90] == ranked
        waits = [NOW - a.at for a in alerts if a.severity == handling.severity and a.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)]
        assert (handling.waiting, handling.longest) == (len(waits), max(waits, default=None))


# --- a table for other programs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_taken_for_a_formula(begin: str) -> None:
    hostile = f'{begin}HYPERLINK("http://x","y")'
    ((field, number, unknown),) = list(csv.reader(io.StringIO(table([(hostile, -5, None)]), newline="")))
    assert field == f"'{hostile}" and number == "-5" and unknown == ""


# --- the page ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> CityPack:
    return load_city(find_cities()["qingdao"])


class Page:
    """The panel on a hub that the test fills by hand."""

    def __init__(self, city: CityPack, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self.at = int(NOW)
        self.hub = Hub(city, self.now)
        self.watch = FloodWatch(self.hub.alerts, city.rules.load, Reach(self.hub.alerts, self.areas, covers))
        self.session = Session(seat=Seat.DUTY, desk="bench", operator=Operator(id="wang", name="王磊", role=Role.DUTY_OFFICER))
        self.outbox = Outbox(journal, self.hub, now=self.now, call_later=loop.call_later)
        self.actions = ActionDesk(journal, self.hub, self.session, self.outbox, now=self.now, routes=lambda _command: None)
        self.frames = FrameClock(self.hub)
        self.focus = Focus()
        self.told: list[DeckError] = []
        self.tasks = Tasks(self.told.append)
        self.brought_up: list[str] = []
        self.theme = Theme(dark=True)
        words = Words("en", city.zone)
        operations = Operations(self.hub, self.actions, self.focus, words, self._ask, self._ask_aside)
        context = PanelContext(
            city, self.hub, self.actions, self.focus, self.frames, self.theme, words, self.tasks, self.now, Seat.DUTY, operations,
            self.brought_up.append, self.watch,
        )  # fmt: skip
        panel = PANEL.create(PANEL, context)
        assert isinstance(panel, KpiPanel)
        self.panel = panel
        panel.resize(1000, 800)

    def now(self) -> Millis:
        return Millis(self.at)

    def areas(self) -> tuple[AreaCode, ...]:
        return self.session.operator.areas if self.session.operator is not None else ()

    def put(self, *alerts: Alert) -> None:
        self.hub.alerts.put_all(alerts, self.now())

    def pass_ms(self, ms: int) -> None:
        """Time goes on, a second begins, and a frame comes."""
        self.at += ms
        self.watch.step(self.now())
        self.frames._second = 0
        self.frames._tick()

    def figure(self, label: str) -> str:
        """A figure as a screen reader says it."""
        grid = self.panel.figures
        return next(words for n in range(len(grid._figures)) if (words := grid.figure_text(n)).startswith(label))

    async def _ask(self, _title: str, _prompt: str, _required: bool) -> str | None:
        return ""

    async def _ask_aside(self, *_: object) -> None:
        return None


@pytest.fixture
def page(city: CityPack, data_dir: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Page]:
    journal = Journal.open(data_dir, desk="bench")
    made = Page(city, journal, loop)
    yield made
    made.panel.hide()
    made.panel.teardown()
    made.panel.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    loop.run_until_complete(made.actions.close())
    journal.close()


def test_before_the_first_alert_it_says_since_when_it_measures(page: Page) -> None:
    page.panel.show()
    page.pass_ms(1000)
    assert "since 2026-11-21 10:42:24" in page.panel.empty.accessibleName()
    assert page.panel.empty.isVisible() and not page.panel.page.isVisible() and not page.panel.live and not page.panel.export.isEnabled()
    assert not [label.text() for label in page.panel.findChildren(QLabel) if label.isVisible() and label.text().startswith("0")]
    page.put(alert(1, NOW))
    page.pass_ms(metrics.HOUR_MS)
    assert page.panel.page.isVisible() and page.panel.live


def test_it_costs_nothing_while_hidden_and_little_while_shown(page: Page) -> None:
    page.put(alert(1, NOW))
    page.pass_ms(60_000)
    assert page.panel.metrics is None
    page.panel.show()
    first = page.panel.metrics
    assert first is not None
    page.put(alert(2, NOW + 60_500))
    page.pass_ms(4_900)
    assert page.panel.metrics is first
    page.pass_ms(100)
    assert page.panel.metrics is not None and page.panel.metrics.alarm_count == 1
    page.panel.window_choice.setCurrentIndex(1)
    assert page.panel.metrics.question.window is Window.DAY, "a person is answered at once"


def test_the_page_shows_each_figure_with_its_goal_and_selects_the_first_out(page: Page) -> None:
    page.panel.show()
    page.pass_ms(1000)
    page.put(alert(0, NOW - 25 * HOUR_MS, area=SHIBEI), *(alert(n, NOW + 1000 + n, kind=WATER if n > 20 else RAIN) for n in range(1, 41)))
    page.pass_ms(1000)
    page.pass_ms(10_000)
    assert page.figure("Rate now") == "Rate now: 40 / 10 min, calm 1, flood above 10"
    assert "Standing over 24 h: 1" in page.figure("Standing")
    assert page.panel.floods.model.rowCount() == 1
    said = str(page.panel.floods.model.data(page.panel.floods.model.index(0, 0), int(Qt.ItemDataRole.AccessibleTextRole)))
    assert "peak 40, 40 in all" in said and "first: alert 1" in said
    view = page.panel.floods.list
    view.setCurrentIndex(page.panel.floods.model.index(0, 0))
    assert page.focus.alert == "a1"
    page.panel.standing.list.setCurrentIndex(page.panel.standing.model.index(0, 0))
    assert page.focus.alert == "a0"
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(page.panel.floods.model.index(0, 0)).center())
    assert page.focus.alert == "a1", "a row that is current already selects its alert again"
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert page.brought_up == ["alerts"]


def test_a_click_on_a_kind_narrows_the_page_and_another_widens_it(page: Page) -> None:
    page.put(*(alert(n, NOW + n, kind=WATER if n % 4 == 0 else RAIN) for n in range(1, 9)))
    page.panel.show()
    page.pass_ms(10_000)
    page.panel.top.chosen.emit(1)
    assert page.panel.metrics is not None and page.panel.metrics.question.kind == WATER and page.panel.metrics.alarm_count == 2
    assert page.panel.only_kind.isVisible() and "Only" in page.panel.only_kind.text()
    page.panel.only_kind.click()
    assert page.panel.metrics.alarm_count == 8 and not page.panel.only_kind.isVisible()


def test_whoever_sits_down_sees_their_own_areas_first(page: Page) -> None:
    page.put(alert(1, NOW + 1), alert(2, NOW + 2, area=SHIBEI))
    page.panel.show()
    page.pass_ms(10_000)
    assert page.panel.metrics is not None and page.panel.metrics.alarm_count == 2
    page.session.change(Operator(id="chen", name="陈静", role=Role.OPERATOR, areas=(SHIBEI,)))
    page.pass_ms(10_000)
    assert page.panel.area_choice.currentText() == "My areas" and page.panel.metrics.alarm_count == 1
    assert page.panel.metrics.flooded == 0
    page.panel.area_choice.setCurrentIndex(1)
    assert page.panel.metrics.alarm_count == 2 and page.panel.metrics.flooded is None
    page.panel.restore({"window": 7, "area": "nowhere"})
    page.panel.restore({"window": "week", "area": SHINAN})
    assert page.panel.metrics.question.window is Window.WEEK and page.panel.metrics.question.area == SHINAN


def test_many_alerts_are_computed_slice_by_slice(page: Page, run: Run, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panels.kpi.SLICE", 10)
    monkeypatch.setattr(metrics, "SLICE", 10)
    page.put(*(alert(n, NOW + n) for n in range(95)))

    async def shown() -> None:
        page.panel.show()
        assert page.panel.metrics is None
        page.panel.window_choice.setCurrentIndex(2)

    run(shown())
    until(lambda: page.panel.metrics is not None and page.panel.metrics.question.window is Window.WEEK)
    assert page.panel.metrics is not None and page.panel.metrics.alarm_count == 94
    page.pass_ms(10_000)
    assert page.tasks.names == ["compute alarm figures"]


def test_the_table_has_every_figure_and_no_formula(page: Page, city: CityPack) -> None:
    evil = msgspec.structs.replace(alert(1, NOW - 30 * HOUR_MS), title=Text("=1+1", "=1+1"))
    page.put(evil, *(alert(n, NOW + n, acked=NOW + 5000) for n in range(2, 20)))
    page.panel.show()
    page.pass_ms(10_000)
    assert page.panel.metrics is not None
    rows = list(csv.reader(io.StringIO(page.panel.csv(page.panel.metrics), newline="")))
    assert {len(row) for row in rows} == {6}
    found = {(row[0], row[2]): row for row in rows}
    assert found["metrics", "AlarmCount"][3] == "18" and found["metrics", "AverageAlarmRate"][3] == "", "not known is empty, not 0"
    fields = {"AlarmCount", "StartTime", "MaximumActiveState", "MaximumUnAck", "CurrentAlarmRate", "MaximumAlarmRate", "MaximumReAlarmCount"}
    assert fields <= {row[2] for row in rows if row[0] == "metrics"}
    assert found["standing", "active"][1] == "'=1+1" and found["flood", "peak"][3] == "18"
    assert not [field for row in rows for field in row if field.startswith(("=", "+", "-", "@"))]


def test_percent_and_unknown(city: CityPack) -> None:
    say = MetricWords(city, Words("en", city.zone))
    assert [say.percent(share) for share in (None, 0.0, 0.0098, 0.05, 0.0312, 0.5, 1.0)] == ["—", "0 %", "0.98 %", "5 %", "3.1 %", "50 %", "100 %"]
    assert say.span(None) == "—"
