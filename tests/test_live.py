"""The stores of the present: newest value, recent past, and what the operator decided laid over what the source says."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Alert, AlertMove, AlertState
from app.domain.aside import How, Scope
from app.domain.batch import Batch, History, Readings
from app.domain.case import Case, Move, Stage
from app.domain.command import Act, Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import NotAllowed
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, SeriesId, ShelfId, SourceName, UnitId
from app.domain.obey import attach, move_alert
from app.domain.quality import Quality
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.domain.unit import Unit, UnitFix
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub

NOW = Millis(1_763_700_000_000)
SOURCE = SourceName("demo/city")


@pytest.fixture(scope="module")
def city() -> CityPack:
    return load_city(find_cities()["qingdao"])


@pytest.fixture
def hub(city: CityPack) -> Hub:
    hub = Hub(city, lambda: NOW)
    hub.batch(Batch(source=SOURCE, at=NOW, catalogue=city.series))
    return hub


def readings(hub: Hub, *rows: tuple[int, float | None, int]) -> None:
    columns = Readings([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])
    hub.batch(Batch(source=SOURCE, at=NOW, readings=columns))


def alert(name: str = "a1", severity: Severity = Severity.SEVERE, **more: object) -> Alert:
    return msgspec.structs.replace(
        Alert(
            id=AlertId(name),
            kind=AlertKindId("rain_heavy"),
            severity=severity,
            title=Text("暴雨", "Rain"),
            area=AreaCode("370202"),
            at=NOW,
            source=SourceName("demo"),
        ),
        **more,
    )


def command(act: Act, seen: int = 0, key: str = "k1") -> Command:
    return Command(
        key=CommandKey(key), act=act, area=AreaCode("370202"), actor="王磊", role=Role.DUTY_OFFICER, seat=Seat.DUTY, desk="d", at=NOW, seen=seen
    )


def moves(move: AlertMove, *alerts: str, comment: str = "") -> MoveAlerts:
    return MoveAlerts(move=move, alerts=tuple(AlertId(a) for a in alerts), comment=comment)


def ack(*alerts: str, key: str = "k1") -> Command:
    return command(moves(AlertMove.ACKNOWLEDGE, *(alerts or ("a1",)), comment="seen"), key=key)


def open_case(name: str = "c1", *alerts: str) -> OpenCase:
    return OpenCase(
        case=CaseId(name),
        alerts=tuple(AlertId(a) for a in alerts or ("a1",)),
        kind=AlertKindId("rain_heavy"),
        severity=Severity.SEVERE,
        title=Text("暴雨", "Rain"),
        area=AreaCode("370202"),
    )


class TestSeries:
    def test_newest_value_wins_whatever_the_order(self, hub: Hub) -> None:
        readings(hub, (0, 1.0, NOW - 3000), (0, 3.0, NOW - 1000), (0, 2.0, NOW - 2000))
        assert hub.series.reading(0).value == 3.0
        readings(hub, (0, 9.0, NOW - 5000))
        assert hub.series.reading(0).value == 3.0

    def test_unknown_is_not_zero(self, hub: Hub) -> None:
        never = hub.series.reading(5)
        assert never.value is None
        assert never.quality is Quality.MISSING
        readings(hub, (5, None, NOW))
        told = hub.series.reading(5)
        assert told.value is None
        assert told.at == NOW
        assert told.quality is Quality.MISSING

    def test_conflation_is_counted(self, hub: Hub) -> None:
        readings(hub, *((0, float(n), NOW + n) for n in range(10)))
        readings(hub, (0, 99.0, NOW + 100))
        assert hub.series.conflated == 10
        assert hub.series.reading(0).value == 99.0

    def test_series_that_the_pack_lacks_are_counted_and_nothing_else_is_lost(self, hub: Hub, city: CityPack) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, catalogue=(SeriesId("nonsense@1"), *city.series)))
        readings(hub, (0, 1.0, NOW), (1, 2.0, NOW), (10**6, 3.0, NOW), (-5, 4.0, NOW))
        assert hub.series.reading(0).value == 2.0
        assert hub.series.unknown == 1 + 3

    def test_a_clock_that_runs_ahead_is_not_believed(self, hub: Hub) -> None:
        readings(hub, (0, 1.0, NOW + 86_400_000))
        reading = hub.series.reading(0)
        assert reading.at == NOW
        assert reading.quality is Quality.UNCERTAIN

    def test_stale_by_the_indicators_own_limit(self, hub: Hub) -> None:
        readings(hub, (0, 1.0, NOW))
        limit = int(hub.series.fresh_ms[0])
        assert not hub.series.stale(Millis(NOW + limit))[0]
        assert hub.series.stale(Millis(NOW + limit + 1))[0]

    def test_history_fills_the_past_and_the_line_ends_where_its_data_ended(self, hub: Hub) -> None:
        start = Millis(NOW - 3_600_000)
        hub.batch(Batch(source=SOURCE, at=NOW, history=(History(0, start, 60_000, [float(n) for n in range(30)]),)))
        spark = hub.series.spark(0, NOW)
        known = np.flatnonzero(~np.isnan(spark))
        assert len(known) >= 29
        assert np.isnan(spark[-5:]).all()

    def test_trend_joins_minutes_and_raw_readings_in_order(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, history=(History(0, Millis(NOW - 3_600_000), 60_000, [1.0] * 60),)))
        readings(hub, *((0, 2.0, NOW - 3000 + n * 1000) for n in range(3)))
        at, value = hub.series.trend(0, NOW)
        assert (np.diff(at) > 0).all()
        assert value[-3:].tolist() == [2.0, 2.0, 2.0]

    def test_the_tail_keeps_the_newest_in_order_when_it_wraps(self, hub: Hub) -> None:
        for base in range(0, 700, 100):
            readings(hub, *((0, float(base + n), NOW + base + n) for n in range(100)))
        at, value = hub.series.trend(0, Millis(NOW + 700))
        assert value[-1] == 699.0
        assert (np.diff(at[-240:]) > 0).all()

    def test_only_what_changed_is_reported_once(self, hub: Hub) -> None:
        hub.take()
        readings(hub, (7, 1.0, NOW), (3, 1.0, NOW), (7, 2.0, NOW + 1))
        assert hub.take().series.tolist() == [3, 7]
        assert hub.take().topics == Topic.nothing()


class TestOverlay:
    def test_a_pending_acknowledgement_shows_and_falls_back_when_refused(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        before = hub.alerts[AlertId("a1")]
        hub.check(ack())
        hub.pend(ack())
        shown = hub.alerts[AlertId("a1")]
        assert (shown.state, shown.steps[0].move) == (AlertState.ACKNOWLEDGED, AlertMove.ACKNOWLEDGE)
        hub.settle(ack().key, "refused")
        assert hub.alerts[AlertId("a1")] == before

    def test_a_new_version_from_the_source_keeps_what_is_pending(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        hub.pend(ack())
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(version=2, value=40.0),)))
        shown = hub.alerts[AlertId("a1")]
        assert shown.value == 40.0
        assert shown.acknowledged is not None

    def test_a_command_pended_before_its_alerts_came_is_laid_over_them_when_they_come(self, hub: Hub) -> None:
        hub.pend(ack())
        hub.pend(command(moves(AlertMove.TAKE, "a1"), key="k2"))
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        assert hub.alerts[AlertId("a1")].owner == "王磊"
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(version=2, value=1.0),)))
        assert hub.alerts[AlertId("a1")].value == 1.0
        hub.settle(CommandKey("k2"), "refused")
        shown = hub.alerts[AlertId("a1")]
        assert (shown.owner, shown.state) == ("", AlertState.ACKNOWLEDGED)
        hub.settle(CommandKey("k1"), "refused")
        assert hub.alerts[AlertId("a1")] == alert(version=2, value=1.0)

    def test_one_command_over_many_leaves_each_as_its_own_record_carries_it(self, hub: Hub) -> None:
        names = [f"n{n}" for n in range(300)]
        truth = {name: alert(name) for name in names}
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=tuple(truth.values())))
        hub.pend(ack(*names))
        assert int(hub.alerts.unacknowledged()) == 0
        hub.settle(CommandKey("k1"), "confirmed")
        assert int(hub.alerts.unacknowledged()) == 0
        for name in names[:299]:
            hub.batch(Batch(source=SOURCE, at=NOW, alerts=(move_alert(truth[name], ack(*names)),)))
        assert len(hub._overlay) == 1
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(move_alert(truth["n299"], ack(*names)),)))
        assert not len(hub._overlay)
        assert not hub._true_alerts
        assert hub.alerts[AlertId("n299")] == move_alert(truth["n299"], ack(*names))

    def test_what_the_command_does_not_fit_is_left_as_it_is_and_does_not_hold_it(self, hub: Hub) -> None:
        seen = move_alert(alert("seen"), msgspec.structs.replace(ack("seen"), actor="李芳"))
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("new"), seen)))
        hub.check(ack("seen", "new"))
        hub.pend(ack("seen", "new"))
        assert hub.alerts[AlertId("seen")] == seen
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(move_alert(alert("new"), ack("seen", "new")),)))
        hub.settle(CommandKey("k1"), "confirmed")
        assert not len(hub._overlay)
        with pytest.raises(NotAllowed):
            hub.check(ack("seen", "new", key="k3"))

    def test_somebody_elses_later_word_is_not_overlaid_for_ever(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        mine = command(moves(AlertMove.TAKE, "a1"))
        theirs = msgspec.structs.replace(mine, key=CommandKey("k2"), actor="李芳")
        hub.pend(mine)
        hub.settle(mine.key, "confirmed")
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(move_alert(move_alert(alert(), mine), theirs),)))
        assert hub.alerts[AlertId("a1")].owner == "李芳"
        assert not len(hub._overlay)

    def test_kept_stays_for_good_and_the_newest_truth_shows_below_it(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        hub.pend(ack())
        hub.settle(CommandKey("k1"), "kept")
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(version=9, active=False),)))
        assert hub.alerts[AlertId("a1")].state is AlertState.CLEARED

    def test_a_case_over_another_sources_alert_stays_on_it(self, hub: Hub) -> None:
        other = alert("w1", source=SourceName("cap"))
        hub.batch(Batch(source=SourceName("cap"), at=NOW, alerts=(other,)))
        opened = command(open_case("c1", "w1"))
        hub.pend(opened)
        hub.settle(opened.key, "confirmed")
        hub.batch(Batch(source=SOURCE, at=NOW, cases=(msgspec.structs.replace(hub.cases[CaseId("c1")], number="n"),)))
        hub.batch(Batch(source=SourceName("cap"), at=NOW, alerts=(msgspec.structs.replace(other, version=2, value=3.0),)))
        shown = hub.alerts[AlertId("w1")]
        assert (shown.case, shown.value) == ("c1", 3.0)

    def test_confirmed_before_its_batch_stays_until_the_batch_carries_it(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        opened = command(open_case())
        hub.pend(opened)
        hub.settle(opened.key, "confirmed")
        assert hub.cases[CaseId("c1")].stage is Stage.FILED
        confirmed = msgspec.structs.replace(hub.cases[CaseId("c1")], number="20261121-0001")
        hub.batch(Batch(source=SOURCE, at=NOW, cases=(confirmed,)))
        assert hub.cases[CaseId("c1")].number == "20261121-0001"
        assert hub.alerts[AlertId("a1")].case == "c1", "its own record does not carry the case yet"
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(attach(alert(), opened),)))
        assert hub.alerts[AlertId("a1")] == attach(alert(), opened)
        assert not len(hub._overlay)

    def test_a_chain_of_pending_moves_is_laid_in_order_and_never_twice(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        first, second = command(open_case(), key="k1"), command(MoveCase(case=CaseId("c1"), move=Move.DISPATCH, unit=UnitId("u1")), seen=1, key="k2")
        hub.pend(first)
        hub.check(second)
        hub.pend(second)
        shown = hub.cases[CaseId("c1")]
        assert (shown.stage, shown.version) == (Stage.DISPATCHED, 2)
        hub.batch(Batch(source=SOURCE, at=NOW, cases=(msgspec.structs.replace(shown, number="n"),)))
        assert len(hub.cases[CaseId("c1")].units) == 1
        assert hub.cases[CaseId("c1")].version == 2

    def test_filing_a_case_marks_its_alerts(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(),)))
        hub.pend(command(open_case()))
        shown = hub.alerts[AlertId("a1")]
        assert shown.case == "c1"
        assert shown.acknowledged is not None

    def test_a_move_that_saw_an_old_version_is_not_allowed(self, hub: Hub) -> None:
        case = Case(
            id=CaseId("c9"),
            title=Text("a", "b"),
            kind=AlertKindId("x"),
            severity=Severity.MINOR,
            area=AreaCode("370202"),
            stage=Stage.FILED,
            opened_at=NOW,
            stage_at=NOW,
            version=4,
        )
        hub.batch(Batch(source=SOURCE, at=NOW, cases=(case,)))
        with pytest.raises(NotAllowed):
            hub.check(command(MoveCase(case=CaseId("c9"), move=Move.DISPATCH, unit=UnitId("u")), seen=3))

    def test_unknown_targets_are_refused_in_words(self, hub: Hub) -> None:
        with pytest.raises(NotAllowed):
            hub.check(ack("nobody"))
        with pytest.raises(NotAllowed):
            hub.check(command(MoveCase(case=CaseId("nobody"), move=Move.CLOSE)))


class TestShelves:
    def put(self, scope: Scope, key: str = "k1", ms: int = 60_000) -> Command:
        return command(PutAside(shelf=ShelfId("s1"), how=How.SHELVED, scope=scope, until=Millis(NOW + ms), comment="works"), key=key)

    def test_a_pending_shelf_takes_out_what_is_there_and_what_comes_and_a_refusal_brings_it_back(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a1"), alert("far", area=AreaCode("370213")))))
        shelf = self.put(Scope(area=AreaCode("370202")))
        hub.check(shelf)
        hub.pend(shelf)
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a2"),)))
        assert hub.alerts.aside_counts()[AlertState.SHELVED] == 2
        assert hub.alerts[AlertId("a1")] == alert("a1")
        hub.settle(shelf.key, "refused")
        assert hub.alerts.aside_counts()[AlertState.SHELVED] == 0
        assert not hub.shelves

    def test_the_clock_ends_a_shelf_and_says_so_once_whatever_came_first(self, city: CityPack) -> None:
        clock = [NOW]
        hub = Hub(city, lambda: clock[0])
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a1"),)))
        hub.pend(self.put(Scope(alert=AlertId("a1"))))
        hub.settle(CommandKey("k1"), "kept")
        hub.second(clock[0])
        assert hub.alerts.state_of(AlertId("a1")) is AlertState.SHELVED
        clock[0] = Millis(NOW + 60_000)
        other = command(
            PutAside(shelf=ShelfId("s2"), how=How.SHELVED, scope=Scope(series=SeriesId("x")), until=Millis(NOW + 90_000), comment="c"), key="k2"
        )
        hub.pend(other)
        ended = [step.shelf.id for step in hub.second(clock[0]) if step.shelf is not None]
        assert ended == ["s1"]
        assert hub.alerts.state_of(AlertId("a1")) is AlertState.UNACKNOWLEDGED
        assert not [step for step in hub.second(clock[0]) if step.shelf is not None]

    def test_taken_back_before_its_time(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a1"),)))
        hub.pend(self.put(Scope(alert=AlertId("a1"))))
        back = command(TakeBack(shelf=ShelfId("s1")), key="k2")
        hub.check(back)
        hub.pend(back)
        assert hub.alerts.state_of(AlertId("a1")) is AlertState.UNACKNOWLEDGED
        hub.settle(back.key, "refused")
        assert hub.alerts.state_of(AlertId("a1")) is AlertState.SHELVED


class TestSnapshots:
    def test_what_a_snapshot_does_not_name_is_gone_but_an_alert_is_not_thrown_away_unseen(self, hub: Hub) -> None:
        unit = Unit(id=UnitId("u1"), name=Text("甲", "A"), kind="fire", area=AreaCode("370202"), position=Position(120.3, 36.1), at=NOW)
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a1"), alert("a2")), units=(unit,)))
        hub.batch(Batch(source=SOURCE, at=NOW, snapshot=True, complete=False, alerts=(alert("a2", version=2),)))
        hub.batch(Batch(source=SOURCE, at=NOW, complete=True))
        assert hub.alerts[AlertId("a1")].state is AlertState.RETURNED
        assert hub.alerts[AlertId("a2")].state is AlertState.UNACKNOWLEDGED
        assert len(hub.units) == 0

    def test_a_snapshot_of_one_source_takes_nothing_from_another(self, hub: Hub) -> None:
        other = SourceName("second/city")
        unit = Unit(id=UnitId("u9"), name=Text("乙", "B"), kind="fire", area=AreaCode("370202"), position=Position(120.3, 36.1), at=NOW)
        hub.batch(Batch(source=other, at=NOW, alerts=(alert("b1", source=SourceName("second")),), units=(unit,)))
        hub.batch(Batch(source=SOURCE, at=NOW, snapshot=True, complete=True))
        assert hub.alerts[AlertId("b1")].state is AlertState.UNACKNOWLEDGED
        assert len(hub.units) == 1

    def test_an_old_version_never_replaces_a_newer_one(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(version=5, value=5.0),)))
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert(version=4, value=4.0),)))
        assert hub.alerts[AlertId("a1")].value == 5.0


class TestQueue:
    def test_order_is_unacknowledged_then_worst_then_oldest(self, hub: Hub) -> None:
        hub.batch(
            Batch(
                source=SOURCE,
                at=NOW,
                alerts=(
                    alert("m", Severity.MINOR),
                    alert("late", Severity.SEVERE, at=NOW + 5),
                    alert("early", Severity.SEVERE, at=NOW - 5),
                    alert("seen", Severity.EXTREME),
                ),
            )
        )
        hub.pend(ack("seen"))
        order = [hub.alerts.at_row(int(r)).id for r in hub.alerts.order()]
        assert order == ["early", "late", "m", "seen"]

    def test_cleared_alerts_leave_the_queue(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=(alert("a1", active=False),)))
        assert len(hub.alerts.order()) == 1
        hub.pend(ack())
        assert len(hub.alerts.order()) == 0

    def test_the_store_grows_past_its_first_size(self, hub: Hub) -> None:
        hub.batch(Batch(source=SOURCE, at=NOW, alerts=tuple(alert(f"n{n}", at=NOW + n) for n in range(3_000))))
        assert len(hub.alerts.order()) == 3_000
        assert int(hub.alerts.standing()[2]) == 3_000


class TestUnits:
    def test_a_newer_fix_stays_when_an_older_record_comes(self, hub: Hub) -> None:
        unit = Unit(id=UnitId("u1"), name=Text("甲", "A"), kind="fire", area=AreaCode("370202"), position=Position(120.3, 36.1), at=NOW)
        hub.batch(Batch(source=SOURCE, at=NOW, units=(unit,), fixes=(UnitFix(UnitId("u1"), 120.4, 36.2, 90.0, 30.0, Millis(NOW + 1000)),)))
        hub.batch(
            Batch(
                source=SOURCE, at=NOW, fixes=(UnitFix(UnitId("u1"), 121.0, 37.0, 0.0, 0.0, NOW), UnitFix(UnitId("nobody"), 1.0, 1.0, 0.0, 0.0, NOW))
            )
        )
        assert hub.units[UnitId("u1")].position == Position(120.4, 36.2)
        assert hub.units.unknown == 1

    def test_nearest_is_by_distance(self, hub: Hub) -> None:
        units = tuple(
            Unit(id=UnitId(f"u{n}"), name=Text("甲", "A"), kind="fire", area=AreaCode("370202"), position=Position(120.3 + n / 100, 36.1), at=NOW)
            for n in range(5)
        )
        hub.batch(Batch(source=SOURCE, at=NOW, units=units))
        near = hub.units.nearest(Position(120.32, 36.1), 3)
        assert near[0][0].id == "u2"
        assert near[0][1] < near[1][1] <= near[2][1]


def test_missed_changes_merge_into_one() -> None:
    first = ChangeSet(Topic.SERIES, np.array([1, 3], dtype=np.int32), (AlertId("a"),), ())
    later = ChangeSet(Topic.ALERT, np.array([2, 3], dtype=np.int32), (AlertId("b"), AlertId("a")), ())
    both = first.merged(later)
    assert both.topics == Topic.SERIES | Topic.ALERT
    assert both.series.tolist() == [1, 2, 3]
    assert both.alerts == ("a", "b")
