"""The desk's own alerts: each kind of rule, what is not known, restarts, and rules that change while they run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Alert, AlertMove, AlertState, Reality
from app.domain.batch import Batch, History, LinkReport, LinkState, Readings
from app.domain.command import Command, MoveAlerts
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, CommandKey, IndicatorId, Millis, SourceName, series_id
from app.domain.quality import Quality
from app.domain.role import Role, Seat
from app.domain.rule import (
    ANY_LINK,
    AlarmLoad,
    Combination,
    Count,
    Escalation,
    EscalationLevel,
    Rate,
    Rule,
    RuleId,
    Rules,
    Side,
    Silence,
    Threshold,
)
from app.domain.severity import Severity
from app.domain.text import Text
from app.live.hub import Hub
from app.qt.tasks import Tasks
from app.services.rules import RULES, TOLD_EVERY_MS, RuleEngine, RuleState
from app.shell.ruling import STATE, Ruling

START = Millis(1_763_700_000_000)
DEMO = SourceName("demo")
RAIN, DEPTH, CROWD = IndicatorId("rain_1h"), IndicatorId("waterlogging_depth"), IndicatorId("crowd_density")
CITY, SHINAN, SHIBEI = AreaCode("370200"), AreaCode("370202"), AreaCode("370203")
QINGDAO = find_cities()["qingdao"]


@pytest.fixture(scope="module")
def pack() -> CityPack:
    return load_city(QINGDAO)


def common(name: str, **more: object) -> dict[str, object]:
    says = {
        "id": RuleId(name),
        "raises": AlertKindId("waterlogging_road"),
        "severity": Severity.SEVERE,
        "title": Text("{place} {value}{unit} > {limit}", "{place}: {value} {unit} > {limit}"),
        "areas": (SHINAN,),
    }
    return says | more


def threshold(name: str = "deep", **more: object) -> Threshold:
    return Threshold(**common(name, **({"indicator": DEPTH, "side": Side.ABOVE, "limit": 15.0} | more)))  # type: ignore[arg-type]


def silence(name: str = "quiet", **more: object) -> Silence:
    return Silence(**common(name, **({"title": Text("{place}", "{place}"), "for_ms": 60_000} | more)))  # type: ignore[arg-type]


def together(name: str, least: int, *of: str, **more: object) -> Combination:
    parts = tuple(RuleId(part) for part in of)
    return Combination(**common(name, **({"title": Text("{place}", "{place}"), "of": parts, "least": least} | more)))  # type: ignore[arg-type]


class Bench:
    """A city with these rules, a clock, and one source that says what the test tells it to."""

    def __init__(self, pack: CityPack, *rules: Rule, simulated: bool = True) -> None:
        self.city = replace(pack, rules=Rules(rules=rules))
        self.now = START
        self.hub = Hub(self.city, lambda: self.now)
        self.hub.batch(Batch(source=DEMO, at=START, catalogue=self.city.series))
        self.engine = RuleEngine(self.city, self.hub.series)
        self.links = {DEMO: link(simulated=simulated)}

    def say(
        self, indicator: IndicatorId, value: float | None, area: AreaCode = SHINAN, *, at: int | None = None, quality: Quality = Quality.GOOD
    ) -> None:
        row = self.hub.series.index[series_id(indicator, area)]
        readings = Readings([row], [value], [self.now if at is None else at], [int(quality)])
        self.hub.batch(Batch(source=DEMO, at=self.now, readings=readings))

    def after(self, seconds: float) -> list[Alert]:
        """So many seconds later; what the engine hands out then. Nothing was said meanwhile."""
        self.now = Millis(self.now + round(seconds * 1000))
        return self.engine.step(self.now, self.links)

    def hold(self, seconds: int, indicator: IndicatorId, value: float | None, **more: object) -> list[Alert]:
        """Say it each second for so long; everything that was handed out."""
        out: list[Alert] = []
        for _ in range(seconds):
            self.now = Millis(self.now + 1000)
            self.say(indicator, value, **more)  # type: ignore[arg-type]
            out += self.engine.step(self.now, self.links)
        return out


def link(state: LinkState = LinkState.LIVE, *, simulated: bool = False, since: Millis = START) -> LinkReport:
    return LinkReport(name=DEMO, kind="gateway", address="", state=state, since=since, simulated=simulated)


# --- threshold -----------------------------------------------------------------------------------------------------------------


def test_a_value_beyond_its_limit_raises_an_alert_that_says_everything(pack: CityPack) -> None:
    bench = Bench(pack, threshold())
    bench.say(DEPTH, 34.0)
    (alert,) = bench.after(2)
    assert alert.id == f"rule:deep:waterlogging_depth@370202:{START}"
    assert (alert.kind, alert.severity, alert.area, alert.at) == ("waterlogging_road", Severity.SEVERE, SHINAN, START)
    assert (alert.value, alert.limit, alert.series) == (34.0, 15.0, "waterlogging_depth@370202")
    assert alert.title == Text("市南区 34cm > 15", "Shinan: 34 cm > 15")
    assert alert.advice == pack.alert_kinds[alert.kind].procedure
    assert (alert.source, alert.reality, alert.version, alert.active) == (RULES, Reality.SIMULATED, 1, True)
    assert bench.after(1) == []


def test_what_comes_by_a_real_link_is_actual(pack: CityPack) -> None:
    bench = Bench(pack, threshold(), simulated=False)
    bench.say(DEPTH, 34.0)
    assert bench.after(1)[0].reality is Reality.ACTUAL


def test_it_ends_only_when_the_value_is_back_by_the_deadband(pack: CityPack) -> None:
    bench = Bench(pack, threshold(deadband=3.0))
    assert bench.hold(1, DEPTH, 16.0)
    assert bench.hold(5, DEPTH, 13.0) == []
    (ended,) = bench.hold(1, DEPTH, 12.0)
    assert (ended.active, ended.ended_at, ended.version) == (False, bench.now, 2)
    assert bench.hold(3, DEPTH, 14.0) == []
    (again,) = bench.hold(1, DEPTH, 16.0)
    assert again.id != ended.id


def test_the_limit_itself_is_normal_and_below_is_the_other_way_round(pack: CityPack) -> None:
    bench = Bench(pack, threshold(side=Side.BELOW, limit=5.0, deadband=1.0))
    assert bench.hold(2, DEPTH, 5.0) == []
    assert bench.hold(1, DEPTH, 4.9)[0].active
    assert bench.hold(3, DEPTH, 5.9) == []
    assert not bench.hold(1, DEPTH, 6.0)[0].active


def test_delays_want_the_condition_without_a_break(pack: CityPack) -> None:
    bench = Bench(pack, threshold(on_delay_ms=5_000, off_delay_ms=3_000))
    assert bench.hold(4, DEPTH, 20.0) == []
    assert bench.hold(1, DEPTH, 10.0) == []
    first = bench.now + 1000
    (alert,) = bench.hold(6, DEPTH, 20.0)
    assert alert.at == first
    assert bench.hold(2, DEPTH, 10.0) + bench.hold(1, DEPTH, 20.0) == []
    over = bench.now + 1000
    (ended,) = bench.hold(4, DEPTH, 10.0)
    assert ended.ended_at == over


@given(
    values=st.lists(st.one_of(st.none(), st.floats(0, 30)), min_size=5, max_size=80),
    on=st.integers(0, 6),
    off=st.integers(0, 6),
    deadband=st.floats(0, 10),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_never_chatters_faster_than_its_delays(pack: CityPack, values: list[float | None], on: int, off: int, deadband: float) -> None:
    bench = Bench(pack, threshold(on_delay_ms=on * 1000, off_delay_ms=off * 1000, deadband=deadband))
    raised_at, ended_at, active = -(1 << 60), -(1 << 60), False
    beyond = back = 0
    ids: set[AlertId] = set()
    for value in values:
        bench.now = Millis(bench.now + 1000)
        bench.say(DEPTH, value)
        beyond = 0 if value is not None and value <= 15 else beyond + (value is not None)
        back = 0 if value is not None and value > 15 - deadband else back + (value is not None)
        for alert in bench.engine.step(bench.now, bench.links):
            if alert.active and alert.version == 1:
                assert not active
                assert bench.now - ended_at >= on * 1000
                assert beyond >= on
                assert alert.id not in ids
                ids.add(alert.id)
                active, raised_at = True, bench.now
            elif not alert.active:
                assert active
                assert bench.now - raised_at >= off * 1000
                assert back >= off
                assert alert.ended_at is not None and alert.ended_at >= alert.at
                active, ended_at = False, bench.now
    assert bench.engine.standing == active


# --- what is not known ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.MISSING])
def test_an_untrusted_reading_neither_raises_nor_ends(pack: CityPack, quality: Quality) -> None:
    value = None if quality is Quality.MISSING else 40.0
    bench = Bench(pack, threshold())
    assert bench.hold(3, DEPTH, value, quality=quality) == []
    assert bench.hold(1, DEPTH, 20.0)
    assert bench.hold(30, DEPTH, None if value is None else 0.0, quality=quality) == []
    assert bench.engine.standing == 1
    assert not bench.hold(1, DEPTH, 0.0)[0].active


def test_a_stale_reading_neither_raises_nor_ends(pack: CityPack) -> None:
    fresh_s = pack.indicators[DEPTH].fresh_ms // 1000
    bench = Bench(pack, threshold(on_delay_ms=120_000, off_delay_ms=120_000))
    bench.say(DEPTH, 20.0)
    assert [bench.after(1) for _ in range(300)] == [[]] * 300
    bench = Bench(pack, threshold(on_delay_ms=1000))
    bench.say(DEPTH, 20.0, at=START - (fresh_s + 5) * 1000)
    assert bench.after(1) + bench.after(5) == []


def test_time_in_which_nothing_is_known_counts_for_no_delay(pack: CityPack) -> None:
    bench = Bench(pack, threshold(on_delay_ms=10_000))
    assert bench.hold(8, DEPTH, 20.0) == []
    assert bench.hold(60, DEPTH, None) == []
    assert bench.hold(2, DEPTH, 20.0) == []
    assert len(bench.hold(2, DEPTH, 20.0)) == 1


def test_what_never_reported_is_neither_normal_nor_silent(pack: CityPack) -> None:
    bench = Bench(pack, threshold(side=Side.BELOW, limit=5.0), silence(indicator=RAIN))
    assert [bench.after(100) for _ in range(5)] == [[]] * 5


# --- the other kinds -----------------------------------------------------------------------------------------------------------


def count(**more: object) -> Count:
    says = {"indicator": DEPTH, "side": Side.ABOVE, "limit": 10.0, "deadband": 2.0, "times": 3, "window_ms": 60_000}
    return Count(**common("often", **(says | more)))  # type: ignore[arg-type]


def test_a_count_wants_so_many_onsets_within_its_window(pack: CityPack) -> None:
    bench = Bench(pack, count())
    handed = []
    for _ in range(3):
        handed += bench.hold(2, DEPTH, 5.0) + bench.hold(3, DEPTH, 12.0)
    (alert,) = handed
    assert (alert.value, alert.limit) == (12.0, 10.0)
    assert bench.hold(10, DEPTH, 5.0) == []
    (ended,) = bench.hold(50, DEPTH, 5.0)
    assert not ended.active


def test_a_count_does_not_take_noise_inside_the_deadband_or_the_first_sight_for_onsets(pack: CityPack) -> None:
    bench = Bench(pack, count())
    for _ in range(8):
        assert bench.hold(1, DEPTH, 12.0) + bench.hold(1, DEPTH, 9.0) == []
    slow = Bench(pack, count(window_ms=10_000))
    for _ in range(5):
        assert slow.hold(5, DEPTH, 5.0) + slow.hold(1, DEPTH, 12.0) == []


def test_a_rate_compares_with_the_value_a_window_ago(pack: CityPack) -> None:
    rate = Rate(**common("fast", indicator=CROWD, side=Side.ABOVE, limit=1.5, deadband=0.3, window_ms=300_000))  # type: ignore[arg-type]
    bench = Bench(pack, rate)
    assert bench.hold(60, CROWD, 1.0) == [], "nothing is known of five minutes ago"
    assert bench.hold(300, CROWD, 1.0) == []
    (alert,) = bench.hold(1, CROWD, 3.0)
    assert alert.value == pytest.approx(2.0)
    (ended,) = bench.hold(400, CROWD, 3.0)
    assert not ended.active


def test_a_fall_is_a_rate_below_and_the_past_may_come_from_the_source(pack: CityPack) -> None:
    rate = Rate(**common("falls", indicator=CROWD, side=Side.BELOW, limit=-1.0, window_ms=600_000))  # type: ignore[arg-type]
    bench = Bench(pack, rate)
    row = bench.hub.series.index[series_id(CROWD, SHINAN)]
    bench.hub.batch(Batch(source=DEMO, at=START, history=(History(row, Millis(START - 1_200_000), 60_000, [4.0] * 20),)))
    bench.say(CROWD, 2.0)
    (alert,) = bench.after(1)
    assert alert.value == pytest.approx(-2.0)


def test_silence_is_the_age_of_the_newest_reading(pack: CityPack) -> None:
    bench = Bench(pack, silence(indicator=RAIN))
    bench.say(RAIN, 0.0)
    assert bench.after(60) == []
    (alert,) = bench.after(1)
    assert (alert.at, alert.value, alert.title.zh) == (START + 60_000, None, "市南区")
    (ended,) = bench.hold(1, RAIN, 0.0)
    assert not ended.active


def test_a_link_is_silent_while_it_is_not_live_however_often_it_tries_again(pack: CityPack) -> None:
    bench = Bench(pack, silence(link=ANY_LINK, areas=(CITY,)))
    assert bench.after(1) == []
    handed: list[Alert] = []
    for turn in range(70):
        bench.links = {DEMO: link((LinkState.DOWN, LinkState.CONNECTING)[turn % 2], since=bench.now)}
        handed += bench.after(1)
    (alert,) = handed
    assert (alert.id, alert.area) == (f"rule:quiet:demo:{START + 2000}", CITY)
    bench.links = {DEMO: link()}
    assert not bench.after(1)[0].active


def test_a_combination_wants_its_parts_in_the_same_area(pack: CityPack) -> None:
    areas = (SHINAN, SHIBEI)
    deep, rain = threshold(areas=areas, raises=None), threshold("wet", areas=areas, raises=None, indicator=RAIN, limit=16.0)
    bench = Bench(pack, deep, rain, together("both", 2, "deep", "wet", areas=areas), together("one", 1, "deep", "wet", areas=areas))
    bench.say(DEPTH, 20.0, SHINAN)
    bench.say(RAIN, 20.0, SHIBEI)
    assert {(alert.id.split(":")[1], alert.area) for alert in bench.after(1)} == {("one", SHINAN), ("one", SHIBEI)}
    began = bench.now
    bench.say(RAIN, 20.0, SHINAN)
    (both,) = bench.after(1)
    assert both.id == f"rule:both:370202:{began}"
    bench.say(RAIN, 0.0, SHINAN)
    (ended,) = bench.after(1)
    assert ended.id == both.id and not ended.active


def test_a_combination_of_combinations_turns_in_the_same_step(pack: CityPack) -> None:
    rules = (threshold(raises=None), together("inner", 1, "deep", "deep", raises=None), together("outer", 1, "inner", "deep"))
    bench = Bench(pack, *rules)
    bench.say(DEPTH, 20.0)
    (alert,) = bench.after(1)
    assert alert.id.startswith("rule:outer:") and alert.reality is Reality.SIMULATED


# --- what changes, and why ------------------------------------------------------------------------------------------------------


def test_what_grows_worse_is_told_at_most_once_a_minute(pack: CityPack) -> None:
    bench = Bench(pack, threshold(deadband=2.0))
    (first,) = bench.hold(1, DEPTH, 20.0)
    handed = [alert for depth in range(21, 141) for alert in bench.hold(1, DEPTH, float(depth))]
    assert [alert.version for alert in handed] == [2, 3]
    assert {alert.id for alert in handed} == {first.id}
    assert handed[0].value == 20 + TOLD_EVERY_MS / 1000
    assert "80" in handed[0].title.zh
    assert bench.hold(90, DEPTH, 40.0) == []


def test_the_cause_is_the_packs_whichever_comes_first(pack: CityPack) -> None:
    rain = threshold("wet", raises=AlertKindId("rain_heavy"), indicator=RAIN, limit=16.0)
    bench = Bench(pack, rain, threshold())
    (flooded,) = bench.hold(1, DEPTH, 20.0)
    assert flooded.cause is None
    raining, explained = bench.hold(1, RAIN, 20.0)
    assert (explained.id, explained.cause, explained.version) == (flooded.id, raining.id, 2)
    assert raining.cause is None


def test_a_combination_explains_its_parts_and_never_in_a_circle(pack: CityPack) -> None:
    rain = threshold("wet", raises=AlertKindId("rain_heavy"), indicator=RAIN, limit=16.0)
    gust = threshold("gust", raises=AlertKindId("wind_storm"), indicator=IndicatorId("wind_gust"), limit=17.2)
    bench = Bench(pack, rain, gust, together("storm", 2, "wet", "gust"))
    bench.say(RAIN, 20.0)
    bench.say(IndicatorId("wind_gust"), 20.0)
    alerts = {alert.id.split(":")[1]: alert for alert in bench.after(1)}
    assert alerts["storm"].cause == alerts["wet"].id, "the pack says that rain brings water about"
    assert alerts["gust"].cause == alerts["storm"].id
    assert alerts["wet"].cause is None


def test_two_desks_give_an_alert_the_same_id(pack: CityPack) -> None:
    first, second = Bench(pack, threshold(on_delay_ms=3000)), Bench(pack, threshold(on_delay_ms=3000))
    for bench, late in ((first, 1.0), (second, 1.4)):
        bench.say(DEPTH, 20.0)
        bench.after(late)
    assert [a.id for a in first.after(4)] == [a.id for a in second.after(4)] != []


# --- over restarts and changes --------------------------------------------------------------------------------------------------


def kept(engine: RuleEngine) -> RuleState:
    """The state as it comes back from disk."""
    return msgspec.json.decode(msgspec.json.encode(engine.state()), type=RuleState)


def test_after_a_restart_the_same_alerts_stand_under_the_same_ids(pack: CityPack) -> None:
    rules = (threshold(deadband=3.0, off_delay_ms=5000), threshold("wet", indicator=RAIN, limit=16.0), together("both", 2, "deep", "wet"))
    before = Bench(pack, *rules)
    rained = before.hold(1, RAIN, 20.0)
    flooded = before.hold(1, DEPTH, 20.0)
    (gone, *_) = before.hold(1, RAIN, 0.0)
    after = Bench(pack, *rules)
    after.now = Millis(before.now + 60_000)
    after.engine.restore(kept(before.engine), after.now)
    handed = {alert.id: alert for alert in after.after(1)}
    assert handed.keys() == {a.id for a in (*rained, *flooded)}
    assert handed[gone.id] == gone
    assert [a.id for a in handed.values() if a.active] == [flooded[0].id]
    assert after.hold(20, DEPTH, 20.0) == [] == after.hold(4, DEPTH, 5.0)
    (ended,) = after.hold(2, DEPTH, 5.0)
    assert (ended.id, ended.active) == (flooded[0].id, False)
    assert ended.version > flooded[0].version


def test_onsets_survive_a_restart(pack: CityPack) -> None:
    before, after = Bench(pack, count()), Bench(pack, count())
    for _ in range(2):
        before.hold(2, DEPTH, 5.0)
        before.hold(2, DEPTH, 12.0)
    after.now = before.now
    after.engine.restore(kept(before.engine), after.now)
    assert after.hold(2, DEPTH, 5.0) == []
    assert len(after.hold(1, DEPTH, 12.0)) == 1


def test_ended_alerts_are_forgotten_after_a_day(pack: CityPack) -> None:
    bench = Bench(pack, threshold())
    bench.hold(1, DEPTH, 20.0)
    bench.hold(1, DEPTH, 0.0)
    bench.after(86_400 + 60)
    bench.hold(1, DEPTH, 20.0)
    bench.hold(1, DEPTH, 0.0)
    assert len(bench.engine.state().ended) == 1


def test_rules_change_while_they_run(pack: CityPack) -> None:
    bench = Bench(pack, threshold(), threshold("gone"), threshold("other"))
    first = {alert.id.split(":")[1]: alert for alert in bench.hold(1, DEPTH, 20.0)}
    other = threshold("other", raises=AlertKindId("river_high"), on_delay_ms=5000)
    bench.engine.use(Rules(rules=(threshold(limit=18.0, severity=Severity.EXTREME), other, threshold("new"))), bench.now)
    handed = bench.hold(1, DEPTH, 20.0)
    alerts = {(alert.id.split(":")[1], alert.active): alert for alert in handed}
    assert alerts.keys() == {("deep", True), ("gone", False), ("other", False), ("new", True)}
    stays = alerts["deep", True]
    assert (stays.id, stays.limit, stays.severity, stays.version) == (first["deep"].id, 18.0, Severity.EXTREME, 2)
    (raised,) = bench.hold(6, DEPTH, 20.0)
    assert raised.kind == "river_high"
    assert bench.engine.standing == 3


def test_a_delay_that_runs_goes_on_over_a_change(pack: CityPack) -> None:
    bench = Bench(pack, threshold(on_delay_ms=10_000))
    bench.hold(8, DEPTH, 20.0)
    bench.engine.use(Rules(rules=(threshold(on_delay_ms=10_000), threshold("new", limit=99.0))), bench.now)
    assert len(bench.hold(3, DEPTH, 20.0)) == 1


def test_without_rules_there_is_nothing_to_do(pack: CityPack) -> None:
    bench = Bench(pack)
    bench.say(DEPTH, 90.0)
    assert bench.after(1) == []
    assert bench.engine.watched == 0
    assert bench.engine.state() == RuleState()


# --- records -------------------------------------------------------------------------------------------------------------------


def test_an_escalation_reaches_level_after_level() -> None:
    ladder = Escalation(severity=Severity.SEVERE, after_ms=(1000, 5000))
    assert [ladder.level(ms) for ms in (0, 999, 1000, 4999, 5000, 1 << 40)] == [0, 0, 1, 1, 2, 2]
    assert Rules().escalation(Severity.EXTREME).level(10 * 60_000) is EscalationLevel.NEXT_GOVERNMENT


def test_the_figures_are_the_standards() -> None:
    load = AlarmLoad()
    assert (load.window_ms, load.flood_entry, load.flood_exit, load.quiet) == (600_000, 10, 5, 1)
    assert load.chatter_ms == 60_000


def test_the_packs_own_rules_run(pack: CityPack) -> None:
    bench = Bench(pack, *pack.rules.rules)
    assert {type(rule) for rule in pack.rules.rules} == {Threshold, Count, Rate, Silence, Combination}
    for area in (SHINAN, SHIBEI):
        bench.say(RAIN, 38.0, area)
        bench.say(DEPTH, 42.0, area)
        bench.say(IndicatorId("roads_closed"), 5.0, area)
    bench.after(1)
    handed: list[Alert] = []
    for _ in range(13):
        for area in (SHINAN, SHIBEI):
            bench.say(RAIN, 38.0, area)
            bench.say(DEPTH, 42.0, area)
            bench.say(IndicatorId("roads_closed"), 5.0, area)
        handed += bench.after(10)
    raised = {(alert.id.split(":")[1], alert.area) for alert in handed}
    assert raised == {(name, area) for name in ("rain_torrential", "water_gathers", "flood_emergency") for area in (SHINAN, SHIBEI)}


# --- in the desk ---------------------------------------------------------------------------------------------------------------

DEEP = """
[[rules]]
id = "deep"
kind = "threshold"
raises = "waterlogging_road"
indicator = "waterlogging_depth"
above = {limit}
areas = ["370202"]
"""


class Desk:
    """What a desk gives its rules; keeps what they say."""

    def __init__(self, folder: Path) -> None:
        self.city = load_city(folder)
        self.path = folder / "rules.toml"
        self.now = START
        self.hub = Hub(self.city, lambda: self.now)
        self.hub.batch(Batch(source=DEMO, at=START, catalogue=self.city.series))
        self.kept: dict[str, str] = {}
        self.writes = 0
        self.told: list[DeckError] = []
        self.notes: list[tuple[str, str, str]] = []
        self.tasks = Tasks(self.told.append)
        self.ruling = self.made()

    def made(self) -> Ruling:
        return Ruling(
            self.hub,
            self.city,
            get=self._get,
            put=self._put,
            now=lambda: self.now,
            tasks=self.tasks,
            tell=self.told.append,
            note=lambda verb, target="", *, detail="": self.notes.append((verb, target, detail)),
            every_s=0.01,
        )

    async def _get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def _put(self, key: str, text: str) -> None:
        self.writes += 1
        self.kept[key] = text

    def depth(self, value: float) -> None:
        self.now = Millis(self.now + 1000)
        row = self.hub.series.index[series_id(DEPTH, SHINAN)]
        self.hub.batch(Batch(source=DEMO, at=self.now, readings=Readings([row], [value], [self.now])))

    def write(self, text: str) -> None:
        """As an editor does: beside it, then in its place."""
        beside = self.path.with_suffix(".new")
        beside.write_text(text, "utf-8")
        beside.replace(self.path)

    @property
    def standing(self) -> list[Alert]:
        return [alert for alert in self.hub.alerts if alert.active]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(QINGDAO, tmp_path / "qingdao"))
    (copy / "rules.toml").write_text(DEEP.format(limit=15), "utf-8")
    return copy


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    desk = Desk(folder)
    yield desk
    desk.ruling.stop()


async def ended(desk: Desk) -> None:
    desk.ruling.stop()
    await desk.tasks.close()
    # The look at the file that is under way on its thread.
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_number_becomes_an_alert_in_the_queue(desk: Desk, soon) -> None:
    desk.ruling.start()
    desk.depth(34.0)
    await soon(lambda: desk.standing)
    (alert,) = desk.standing
    assert (alert.source, alert.state) == ("rules", AlertState.UNACKNOWLEDGED)
    await soon(lambda: desk.hub.links[RULES].records == 1)
    report = desk.hub.links[RULES]
    assert (report.kind, report.commands, report.state, report.refused) == ("rules", False, LinkState.LIVE, 0)
    assert desk.hub.command_link(RULES) is None
    await ended(desk)
    assert desk.told == []


async def test_the_state_is_kept_when_it_changes_and_only_then(desk: Desk, soon) -> None:
    desk.ruling.start()
    desk.depth(34.0)
    await soon(lambda: "rule:deep" in desk.kept.get(STATE, ""))
    writes, seen = desk.writes, desk.hub.batches
    desk.depth(34.0)
    await soon(lambda: desk.hub.batches > seen)
    for _ in range(20):
        desk.ruling.step()
    assert desk.writes == writes
    await ended(desk)


async def test_a_desk_that_starts_anew_has_the_same_alert_and_its_acknowledgement(desk: Desk, folder: Path, soon) -> None:
    desk.ruling.start()
    desk.depth(34.0)
    await soon(lambda: STATE in desk.kept and desk.standing)
    (alert,) = desk.standing
    await ended(desk)

    again = Desk(folder)
    again.kept, again.now = desk.kept, Millis(desk.now + 5000)
    for number, move in enumerate((AlertMove.ACKNOWLEDGE, AlertMove.TAKE, AlertMove.COMMENT)):
        command = Command(
            key=CommandKey(f"{number:032x}"),
            actor="wanglei",
            role=Role.DUTY_OFFICER,
            seat=Seat.DUTY,
            desk="d",
            at=desk.now,
            area=SHINAN,
            act=MoveAlerts(move=move, alerts=(alert.id,), comment="x"),
        )
        again.hub.pend(command)
        again.hub.settle(command.key, "kept")
    again.ruling.start()
    await soon(lambda: len(again.hub.alerts))
    assert again.hub.alerts[alert.id].state is AlertState.ACKNOWLEDGED
    assert len(again.hub.alerts) == 1
    again.depth(0.0)
    await soon(lambda: not again.standing)
    assert again.hub.alerts[alert.id].state is AlertState.CLEARED
    await ended(again)


async def test_a_state_that_cannot_be_read_is_told_and_the_rules_run(desk: Desk, soon) -> None:
    desk.kept[STATE] = "{"
    desk.ruling.start()
    desk.depth(34.0)
    await soon(lambda: desk.standing)
    assert [STATE in fault.where for fault in desk.told] == [True]
    await ended(desk)


async def test_a_changed_file_takes_effect(desk: Desk, soon) -> None:
    heard: list[Rules] = []
    undo = desk.ruling.subscribe(heard.append)
    desk.ruling.start()
    desk.depth(10.0)
    desk.write("[load]\nflood_entry = 20\n" + DEEP.format(limit=5))
    await soon(lambda: desk.standing)
    assert desk.standing[0].limit == 5
    assert [rules.load.flood_entry for rules in heard] == [20]
    assert [(verb, target) for verb, target, _ in desk.notes] == [("rules_reloaded", "rules.toml")]
    undo()
    desk.write("")
    await soon(lambda: not desk.standing)
    assert len(heard) == 1
    await ended(desk)
    assert desk.told == []


@pytest.mark.parametrize("text", ["[[rules]\n", None])
async def test_a_broken_file_leaves_the_last_good_rules(desk: Desk, text: str | None, soon) -> None:
    desk.ruling.start()
    desk.depth(34.0)
    await soon(lambda: desk.standing)
    if text is None:
        desk.path.unlink()
    else:
        desk.write(text)
    await soon(lambda: desk.told)
    (fault,) = desk.told
    assert fault.where.startswith("rules.toml:1:")
    assert fault.remedy
    assert (len(desk.ruling.rules.rules), len(desk.standing), desk.notes) == (1, 1, [])
    assert desk.hub.links[RULES].refused == 1
    desk.write(DEEP.format(limit=50))
    await soon(lambda: not desk.standing)
    assert desk.hub.links[RULES].refused == 0
    await ended(desk)


async def test_a_rule_with_a_mistake_stays_as_it_was_and_the_others_change(desk: Desk, soon) -> None:
    desk.ruling.start()
    desk.depth(10.0)
    other = DEEP.format(limit=5).replace('"deep"', '"other"')
    desk.write(DEEP.format(limit='"much"') + other)
    await soon(lambda: desk.standing)
    assert [rule.id for rule in desk.ruling.rules.rules] == ["deep", "other"]
    assert next(rule.limit for rule in desk.ruling.rules.rules if isinstance(rule, Threshold)) == 15
    assert ["rule deep" in fault.where for fault in desk.told] == [True]
    assert len(desk.notes) == 1
    await ended(desk)
