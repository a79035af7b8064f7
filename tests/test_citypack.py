"""The pack that comes with the deck is sound and plausible, and a pack with a mistake in it says where the mistake is and loads without it."""

from __future__ import annotations

import csv
import math
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.citypack import CityPack, PackFault, find_cities, load_city
from app.domain.city import AreaLevel, Indicator, Place
from app.domain.errors import DeckError
from app.domain.geo import Position, distance_m
from app.domain.ids import AlertKindId, AreaCode, IndicatorId
from app.domain.rule import RULE_KINDS, Count, Rules, Side, Threshold
from app.domain.severity import Severity
from app.domain.text import Text

QINGDAO = find_cities()["qingdao"]
CJK = re.compile(r"[\u3400-\u9fff]")
COAST_TOLERANCE_M = 3_000
"""The outlines are coarse, and piers stand in the water."""
SIGMAS = 4


@pytest.fixture(scope="module")
def city() -> CityPack:
    return load_city(QINGDAO)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(QINGDAO, tmp_path / "qingdao"))


# --- the pack as it comes ----------------------------------------------------------------------------------------------------


def test_it_loads_without_a_fault(city: CityPack) -> None:
    assert city.faults == ()
    assert (city.id, city.root, city.name) == ("qingdao", "370200", Text("青岛市", "Qingdao"))
    assert ZoneInfo(city.zone)


def test_it_has_the_size_a_city_has(city: CityPack) -> None:
    assert len(city.areas) == 11
    assert len(city.departments) >= 30
    assert len(city.indicators) >= 130
    assert len(city.series) >= 1_430
    assert len(set(city.series)) == len(city.series)
    assert len(city.alert_kinds) >= 40
    assert len(city.unit_kinds) >= 12
    assert sum(kind.count for kind in city.unit_kinds.values()) == 300
    assert len(city.places) >= 120
    assert {place.area for place in city.places} == set(city.areas) - {city.root}


def test_the_root_comes_first_and_the_districts_make_up_the_city(city: CityPack) -> None:
    first, *districts = city.areas.values()
    assert first.code == city.root
    assert all(area.level is AreaLevel.DISTRICT and area.parent == city.root and area.outline for area in districts)
    assert city.weights[city.root] == 1
    assert sum(city.weights[area.code] for area in districts) == pytest.approx(1)


def test_series_go_by_indicator_then_area_and_leave_out_what_is_not_measured(city: CityPack) -> None:
    assert city.series[: len(city.areas)] == tuple(f"gov_cases_today@{code}" for code in city.areas)
    assert "wave_height@370200" in city.series
    assert "wave_height@370212" in city.series
    assert "wave_height@370285" not in city.series
    assert not city.measured(IndicatorId("wave_height"), AreaCode("370285"))


def test_every_name_is_in_both_languages_and_no_two_are_the_same(city: CityPack) -> None:
    for things in (city.areas, city.departments, city.domains, city.indicators, city.alert_kinds, city.unit_kinds):
        _check_names([thing.name for thing in things.values()])
    _check_names([place.name for place in city.places])
    _check_names([department.short for department in city.departments.values()])


def test_every_sentence_is_in_both_languages(city: CityPack) -> None:
    definitions = [indicator.definition for indicator in city.indicators.values()]
    titles_and_procedures = [text for kind in city.alert_kinds.values() for text in (kind.title, kind.procedure)]
    for text in definitions + titles_and_procedures:
        assert CJK.search(text.zh), text
        assert text.en, text
        assert not CJK.search(text.en), text
    for unit in (indicator.unit for indicator in city.indicators.values()):
        assert bool(unit.zh) == bool(unit.en), unit
        assert not CJK.search(unit.en), unit


def test_every_reference_resolves(city: CityPack) -> None:
    owners = {thing.owner for things in (city.indicators, city.alert_kinds) for thing in things.values()}
    assert owners <= set(city.departments)
    assert set(city.departments) - owners == set(), "a department with nothing to show"
    assert {indicator.domain for indicator in city.indicators.values()} == set(city.domains)
    for kind in city.alert_kinds.values():
        assert kind.domain in city.domains
        assert kind.indicator in city.indicators
        assert kind.cause is None or kind.cause in city.alert_kinds
        assert kind.phenomenon in city.phenomena
        assert kind.place_kinds
        assert kind.skills
        assert any(set(kind.skills) <= set(unit.skills) for unit in city.unit_kinds.values()), kind.id
    drivers = {name for indicator in city.indicators.values() for name, _ in indicator.dynamics.drivers}
    assert drivers == set(city.phenomena)


def test_causes_come_to_an_end(city: CityPack) -> None:
    for kind in city.alert_kinds.values():
        seen, cause = {kind.id}, kind.cause
        while cause is not None:
            assert cause not in seen
            seen.add(cause)
            cause = city.alert_kinds[cause].cause


def test_rain_ends_in_a_late_ambulance(city: CityPack) -> None:
    chain, kind = [], AlertKindId("ambulance_delayed")
    while kind is not None:
        chain.append(kind)
        kind = city.alert_kinds[kind].cause
    assert chain == ["ambulance_delayed", "congestion_severe", "waterlogging_road", "rain_heavy"]


def test_headlines_are_numbered_without_a_hole(city: CityPack) -> None:
    order = sorted(indicator.headline for indicator in city.indicators.values() if indicator.headline)
    assert order == list(range(1, len(order) + 1))
    assert len(order) >= 20


def test_the_leaders_domains_come_first_with_their_three_figures(city: CityPack) -> None:
    expected = {
        "城市治理": ["今日案件", "按期结案率", "返工率"],
        "安全应急": ["重大风险点", "在处突发事件", "首派60秒达标率"],
        "经济运行": ["规上工业增加值同比", "本月用电量", "重点项目滞后"],
        "民生服务": ["12345今日诉求", "一次解决率", "一件事办结"],
        "生态环境": ["空气质量指数AQI", "优良水体比例", "超标排口"],
        "数据中枢": ["接入系统", "指标时效达标率", "共享满足率"],
    }
    for (zh, figures), domain in zip(expected.items(), city.domains.values(), strict=False):
        assert domain.name.zh == zh
        assert [indicator.name.zh for indicator in city.indicators.values() if indicator.domain == domain.id][:3] == figures
    assert min(Counter(indicator.domain for indicator in city.indicators.values()).values()) >= 3


def test_freshness_leaves_room_for_a_missed_report(city: CityPack) -> None:
    assert [indicator.id for indicator in city.indicators.values() if indicator.fresh_ms < 3 * indicator.period_ms] == []


def test_places_lie_in_their_districts(city: CityPack) -> None:
    strays = {place.name.zh: round(off) for place in city.places if (off := _metres_outside(place, city)) > COAST_TOLERANCE_M}
    assert strays == {}


def test_the_coast_runs_the_whole_length_of_the_city(city: CityPack) -> None:
    _, south, east, _ = city.bounds
    points = [at for line in city.coast for at in line]
    assert len(points) > 3_000
    assert min(at.lat for at in points) <= south
    assert max(at.lon for at in points) >= east


# --- the demo city is plausible ----------------------------------------------------------------------------------------------


def test_a_calm_city_is_inside_its_bands(city: CityPack) -> None:
    outside = [
        f"{indicator.id}@{area}: {low:g}…{high:g}"
        for indicator in city.indicators.values()
        for area in city.areas
        for low, high in [_calm(indicator, city.weights[area])]
        if (indicator.low is not None and low < indicator.low) or (indicator.high is not None and high > indicator.high)
    ]
    assert outside == []


def test_shares_stay_shares_and_nothing_falls_below_zero(city: CityPack) -> None:
    for indicator in city.indicators.values():
        for _, gain in (*indicator.dynamics.drivers, ("calm", 0.0)):
            low, high = (end * (1 + gain) if indicator.dynamics.base else gain for end in _calm(indicator, 1))
            assert low >= 0, indicator.id
            if indicator.unit.zh == "%" and indicator.id != "er_load" and gain <= 0:
                assert high <= 100, indicator.id


def test_bands_and_rates_do_not_depend_on_the_size_of_the_district(city: CityPack) -> None:
    for indicator in city.indicators.values():
        if indicator.unit.zh == "%" or ((indicator.low, indicator.high) != (None, None) and indicator.dynamics.base):
            assert indicator.dynamics.per_area == 0, indicator.id
        if indicator.dynamics.cumulative:
            assert (indicator.low, indicator.high, indicator.dynamics.noise) == (None, None, 0), indicator.id


def test_every_phenomenon_can_be_seen_and_raises_an_alert(city: CityPack) -> None:
    assert {kind.phenomenon for kind in city.alert_kinds.values()} == set(city.phenomena)


def test_the_typical_value_is_beyond_the_limit_and_what_its_phenomenon_brings_reaches_it(city: CityPack) -> None:
    for kind in city.alert_kinds.values():
        if kind.limit is None:
            continue
        assert kind.typical is not None
        assert kind.indicator is not None
        assert kind.typical != kind.limit, kind.id
        how = city.indicators[kind.indicator].dynamics
        gain = dict(how.drivers).get(kind.phenomenon, 0.0)
        reached = how.base * (1 + gain) if how.base else gain
        assert math.copysign(1, gain) == math.copysign(1, kind.typical - kind.limit), kind.id
        assert math.copysign(1, gain) == math.copysign(1, reached - kind.limit), kind.id


# --- a pack with a mistake in it ---------------------------------------------------------------------------------------------

Change = Callable[[list[dict[str, str]]], int]
"""Spoils the rows of a table; says which row (from 0) the fault must name."""


def _set(row: int, **cells: str) -> Change:
    def change(rows: list[dict[str, str]]) -> int:
        rows[row].update(cells)
        return row

    return change


def _repeat(row: int, **cells: str) -> Change:
    def change(rows: list[dict[str, str]]) -> int:
        rows.append(rows[row] | cells)
        return len(rows) - 1

    return change


MISTAKES: dict[str, tuple[str, Change, str]] = {
    "bad number": ("indicators.csv", _set(4, base="viele"), "base is 'viele'"),
    "infinite number": ("indicators.csv", _set(4, noise="inf"), "noise is 'inf'"),
    "half a decimal": ("indicators.csv", _set(4, decimals="0.5"), "not a whole number"),
    "unknown owner": ("indicators.csv", _set(4, owner="nobody"), "the owner nobody is unknown"),
    "unknown domain": ("indicators.csv", _set(4, domain="magic"), "the domain magic is unknown"),
    "unknown phenomenon": ("indicators.csv", _set(4, drivers="meteor:2"), "'meteor' is unknown"),
    "driver without a gain": ("indicators.csv", _set(4, drivers="rain"), "gain is empty"),
    "unknown area": ("indicators.csv", _set(4, areas="110105"), "the area '110105' is unknown"),
    "duplicate id": ("indicators.csv", _repeat(4, zh="别的名字", en="Another name"), "is already in line 6"),
    "duplicate name": ("indicators.csv", _repeat(4, id="another_id", en="Another name"), "is already in line 6"),
    "id with an at sign": ("indicators.csv", _set(4, id="cases@open"), "the id 'cases@open' is not plain"),
    "band upside down": ("indicators.csv", _set(4, low="9", high="3"), "upside down"),
    "no Chinese name": ("indicators.csv", _set(4, zh=""), "zh is empty"),
    "no English name": ("indicators.csv", _set(4, en=" "), "en is empty"),
    "fresh for less than a period": ("indicators.csv", _set(4, period_s="60", fresh_s="5"), "fresh_s is shorter"),
    "unknown severity": ("indicators.csv", _set(4, out_of_band="purple"), "out_of_band is 'purple'"),
    "neither yes nor no": ("indicators.csv", _set(4, cumulative="perhaps"), "cumulative is 'perhaps'"),
    "unknown cause": ("alert-kinds.csv", _set(2, cause="the_moon"), "the cause the_moon is unknown"),
    "own cause": ("alert-kinds.csv", _set(0, cause="rain_heavy"), "lead back to it"),
    "unknown indicator": ("alert-kinds.csv", _set(2, indicator="no_such"), "the indicator no_such is unknown"),
    "unknown field in a title": ("alert-kinds.csv", _set(2, title_en="{place}: {colour}"), "unknown field {colour}"),
    "open brace in a title": ("alert-kinds.csv", _set(2, title_en="{place"), "cannot be filled in"),
    "title without its limit": ("alert-kinds.csv", _set(2, limit=""), "shows {limit}"),
    "no severity": ("alert-kinds.csv", _set(2, severity=""), "severity is ''"),
    "nobody to send": ("alert-kinds.csv", _set(2, skills="levitation"), "no kind of unit has the skills levitation"),
    "nowhere to happen": ("alert-kinds.csv", _set(2, place_kinds="volcano"), "no place is of the kinds volcano"),
    "position swapped": ("places.csv", _set(3, lon="36.06", lat="120.3"), "outside the city's bounds"),
    "place in no district": ("places.csv", _set(3, area="999999"), "the area '999999' is unknown"),
    "place twice": ("places.csv", _repeat(3), "is already in line 5"),
    "unit without skills": ("unit-kinds.csv", _set(1, skills=""), "skills is empty"),
    "units counted below zero": ("unit-kinds.csv", _set(1, count="-3"), "count is -3"),
    "department without a short name": ("departments.csv", _set(38, short_zh=""), "short_zh is empty"),
    "area without a parent": ("areas.csv", _set(10, parent="1"), "the parent 1 is unknown"),
    "area with a strange level": ("areas.csv", _set(10, level="planet"), "level is 'planet'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_and_line_and_the_rest_loads(copy: Path, city: CityPack, mistake: str) -> None:
    file, change, words = MISTAKES[mistake]
    line = _spoil(copy / file, change)
    spoilt = load_city(copy)
    fault = _only(fault for fault in spoilt.faults if (fault.file, fault.line) == (file, line))
    assert words in fault.what
    assert fault.remedy
    assert len(spoilt.indicators) >= len(city.indicators) - 12
    assert len(spoilt.alert_kinds) >= len(city.alert_kinds) - 1
    assert len(spoilt.places) >= len(city.places) - 25


def test_a_bad_row_is_left_out_alone(copy: Path, city: CityPack) -> None:
    _spoil(copy / "indicators.csv", _set(4, base="x"))
    spoilt = load_city(copy)
    assert list(spoilt.indicators) == [name for name in city.indicators if name != "gov_cases_overdue"]
    assert len(spoilt.faults) == 1


def test_kinds_that_cause_one_another_are_left_out_and_those_behind_them_stay(copy: Path, city: CityPack) -> None:
    _spoil(copy / "alert-kinds.csv", _set(0, cause="waterlogging_road"))
    spoilt = load_city(copy)
    assert set(city.alert_kinds) - set(spoilt.alert_kinds) == {"rain_heavy", "waterlogging_road"}
    assert spoilt.alert_kinds[AlertKindId("congestion_severe")].cause is None
    assert ("alert-kinds.csv", 2) in {(fault.file, fault.line) for fault in spoilt.faults}


def test_an_alert_outlives_its_indicator_and_a_rule_does_not(copy: Path, city: CityPack) -> None:
    lines = (copy / "indicators.csv").read_text("utf-8").splitlines()
    rain = next(index for index, line in enumerate(lines[1:]) if line.startswith("rain_1h,"))
    _spoil(copy / "indicators.csv", _set(rain, base=""))
    spoilt = load_city(copy)
    assert spoilt.alert_kinds[AlertKindId("rain_heavy")].indicator is None
    assert [fault.file for fault in spoilt.faults if fault.file != "rules.toml"] == ["alert-kinds.csv", "indicators.csv"]
    assert {rule.id for rule in city.rules.rules} - {rule.id for rule in spoilt.rules.rules} == {
        "rain_torrential",
        "rain_cloudburst",
        "rain_is_heavy",
        "flood_emergency",
        "rain_gauges_silent",
        "district_goes_dark",
    }


@pytest.mark.parametrize("file", ["departments.csv", "indicators.csv", "alert-kinds.csv", "unit-kinds.csv", "places.csv"])
@pytest.mark.parametrize("harm", ["missing", "not UTF-8", "no header", "empty"])
def test_a_table_that_cannot_be_read_is_a_fault_and_not_the_end(copy: Path, file: str, harm: str) -> None:
    path = copy / file
    match harm:
        case "missing":
            path.unlink()
        case "not UTF-8":
            path.write_bytes(path.read_text("utf-8").encode("gb18030"))
        case "no header":
            path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]), "utf-8")
        case _:
            path.write_text("", "utf-8")
    spoilt = load_city(copy)
    assert (file, 1) in {(fault.file, fault.line) for fault in spoilt.faults}
    assert len(spoilt.areas) == 11


def test_what_a_spreadsheet_adds_does_no_harm(copy: Path, city: CityPack) -> None:
    for path in copy.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b",,\r\n")
    spoilt = load_city(copy)
    assert spoilt.faults == ()
    assert spoilt.series == city.series


def test_lines_are_counted_over_cells_of_several_lines(copy: Path) -> None:
    path = copy / "departments.csv"
    header, first, *rest = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([header, first.replace(",Big Data Bureau,", ',"Big\nData",'), rest[0].replace("市委编办,", ","), *rest[1:]]), "utf-8")
    faults = load_city(copy).faults
    assert faults[0].file == "departments.csv"
    assert faults[0].line == 4


def test_a_feature_of_a_strange_area_is_named_with_its_line(copy: Path) -> None:
    path = copy / "layers" / "districts.geojson"
    path.write_text(path.read_text("utf-8").replace('"code": "370212"', '"code": "110105"'), "utf-8")
    spoilt = load_city(copy)
    fault = _only(iter(spoilt.faults))
    assert (fault.file, fault.line) == ("layers/districts.geojson", 5)
    assert spoilt.areas[AreaCode("370212")].outline == ()


@pytest.mark.parametrize("layer", ["districts", "coast"])
@pytest.mark.parametrize(
    ("text", "line"), [("", 1), ('{"features": [\n\n{"geometry" 1}]}', 3), ('{"features": [\n{"geometry": {"type": "Point"}}]}', 2)]
)
def test_a_broken_layer_is_a_fault(copy: Path, layer: str, text: str, line: int) -> None:
    (copy / "layers" / f"{layer}.geojson").write_text(text, "utf-8")
    fault = _only(iter(load_city(copy).faults))
    assert (fault.file, fault.line) == (f"layers/{layer}.geojson", line)


def test_a_domain_without_a_name_is_left_out(copy: Path) -> None:
    path = copy / "city.toml"
    path.write_text(path.read_text("utf-8").replace('zh = "城市治理"', 'zh = ""'), "utf-8")
    spoilt = load_city(copy)
    lines = path.read_text("utf-8").splitlines()
    assert "governance" not in spoilt.domains
    assert ("city.toml", lines.index("[[domains]]") + 1) in {(fault.file, fault.line) for fault in spoilt.faults}


# --- rules -------------------------------------------------------------------------------------------------------------------


def test_the_rules_are_of_every_kind_and_speak_both_languages(city: CityPack) -> None:
    assert {type(rule) for rule in city.rules.rules} == set(RULE_KINDS)
    assert 25 <= len(city.rules.rules) <= 35
    for rule in city.rules.rules:
        if rule.raises is None:
            continue
        assert CJK.search(rule.title.zh), rule.id
        assert rule.title.en and not CJK.search(rule.title.en), rule.id
        assert rule.off_delay_ms, rule.id
    for suppression in city.rules.suppressions:
        assert CJK.search(suppression.reason.zh) and not CJK.search(suppression.reason.en)
    assert [escalation.severity for escalation in city.rules.escalations] == list(Severity)


def test_a_calm_city_breaks_no_rule(city: CityPack) -> None:
    for rule in city.rules.rules:
        if not isinstance(rule, Threshold | Count):
            continue
        for area in rule.areas:
            low, high = _calm(city.indicators[rule.indicator], city.weights[area])
            assert high <= rule.limit if rule.side is Side.ABOVE else low >= rule.limit, (rule.id, area)


def test_every_limit_can_be_reached_by_something_that_happens(city: CityPack) -> None:
    for rule in city.rules.rules:
        if isinstance(rule, Threshold | Count):
            how = city.indicators[rule.indicator].dynamics
            reached = [how.base * (1 + gain) if how.base else gain for _, gain in how.drivers]
            assert max(reached) > rule.limit if rule.side is Side.ABOVE else min(reached) < rule.limit, rule.id


RULE_MISTAKES: dict[str, tuple[str, str, str, str, str]] = {
    "unknown kind": ('kind = "rate"', 'kind = "guess"', "rain_cloudburst", "kind", "Invalid value 'guess'"),
    "unknown alert kind": ('raises = "water_rising"', 'raises = "tsunami"', "water_gathers", "raises", "the alert kind tsunami is unknown"),
    "unknown indicator": (
        'indicator = "tap_turbidity"',
        'indicator = "taste"',
        "turbidity_near_limit",
        "indicator",
        "the indicator taste is unknown",
    ),
    "unknown area": (
        'areas = ["districts"]\ntitle = { zh = "{place}10',
        'areas = ["110105"]\ntitle = { zh = "{place}10',
        "rain_cloudburst",
        "areas",
        "'110105' is unknown",
    ),
    "not a number": ("above = 0.8", 'above = "lots"', "turbidity_near_limit", "above", "Expected `float | null`, got `str`"),
    "not finite": ("above = 0.8", "above = inf", "turbidity_near_limit", "above", "above is inf"),
    "no limit": ("above = 0.8\n", "", "turbidity_near_limit", "", "above or below"),
    "two limits": ("above = 0.8", "above = 0.8\nbelow = 0.1", "turbidity_near_limit", "above", "above or below"),
    "deadband below zero": (
        "deadband = 0.15\non_delay_s = 180",
        "deadband = -1\non_delay_s = 180",
        "turbidity_near_limit",
        "deadband",
        "deadband is -1",
    ),
    "endless delay": ("on_delay_s = 1800", "on_delay_s = 1e9", "jam_lasts", "on_delay_s", "on_delay_s is 1e+09"),
    "slip of the pen": ("on_delay_s = 1800", "on_dealy_s = 1800", "jam_lasts", "on_dealy_s", "unknown field `on_dealy_s`"),
    "unknown severity": ('severity = "severe"\nindicator = "gas', 'severity = "purple"\nindicator = "gas', "gas_gathers", "severity", "'purple'"),
    "window not in minutes": ("window_s = 3600\non_delay_s", "window_s = 90\non_delay_s", "fever_surge", "window_s", "whole number of minutes"),
    "once is no count": ("times = 3\nwindow_s = 3600", "times = 1\nwindow_s = 3600", "bridge_strained_often", "times", "times is 1"),
    "shorter than a report": (
        "for_s = 60\noff_delay_s = 30\nareas",
        "for_s = 6\noff_delay_s = 30\nareas",
        "gas_sensors_silent",
        "for_s",
        "every 5 s",
    ),
    "unknown part": ('"water_is_deep", "roads', '"water_is_blue", "roads', "flood_emergency", "all", "the rule water_is_blue is unknown"),
    "own part": ('all = ["gas_gathers", ', 'all = ["gas_leak_confirmed", ', "gas_leak_confirmed", "all", "lead back to it"),
    "too many wanted": ("least = 2", "least = 4", "district_goes_dark", "least", "least is 4"),
    "unknown field in a title": ("{place}可燃气体15分钟", "{colour}可燃气体15分钟", "gas_comes_and_goes", "title", "unknown field {colour}"),
    "a value that silence has not": ("{place}雨量停报", "{value}雨量停报", "rain_gauges_silent", "title", "shows {value}"),
    "duplicate id": ('id = "jam_lasts"', 'id = "fever_surge"', "fever_surge", "id", "is there twice"),
    "part of nothing": ('raises = "water_rising"\n', "", "water_gathers", "id", "no combination is made of it"),
    "id with a colon": ('id = "jam_lasts"', 'id = "jam:lasts"', "jam:lasts", "id", "is not plain"),
}


@pytest.mark.parametrize("mistake", RULE_MISTAKES)
def test_a_mistake_in_a_rule_is_named_and_the_others_stand(copy: Path, city: CityPack, mistake: str) -> None:
    old, new, name, key, words = RULE_MISTAKES[mistake]
    path = copy / "rules.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    spoilt = load_city(copy)
    fault = next(fault for fault in spoilt.faults if words in fault.what)
    assert (fault.file, f"rule {name}: " in fault.what) == ("rules.toml", True)
    assert fault.remedy
    lines = path.read_text("utf-8").splitlines()
    assert (key or "[[rules]]") in lines[fault.line - 1]
    assert len(spoilt.rules.rules) >= len(city.rules.rules) - 3
    assert spoilt.rules.suppressions == city.rules.suppressions


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('by = "waterlogging_road"', 'by = "the_moon"', "suppression rising_in_flooded_area: the alert kind the_moon is unknown"),
        ('kinds = ["water_rising"]', "kinds = []", "hides other kinds"),
        ('kinds = ["water_rising"]', 'kinds = ["underpass_flooded"]', "underpass_flooded is worse than waterlogging_road"),
        ('where = "city"', 'where = "country"', "where is 'country'"),
        ('by = "heating_outage"', 'by = "homes_cold"', "hides other kinds"),
        ('severity = "minor"\nminutes = [120]', 'severity = "minor"\nminutes = [120, 60]', "escalation minor: the minutes do not ascend"),
        ("minutes = [120]", "minutes = [1, 2, 3, 4]", "there are 4 levels"),
        ("flood_exit = 5", "flood_exit = 50", "a flood must not begin below"),
        ("quiet = 1", 'quiet = "very"', "Expected `int`"),
        ("[load]", "[lode]", "'lode' is no part of this file"),
    ],
)
def test_a_mistake_beside_the_rules_is_named_and_they_stand(copy: Path, city: CityPack, old: str, new: str, words: str) -> None:
    path = copy / "rules.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    spoilt = load_city(copy)
    fault = _only(fault for fault in spoilt.faults if words in fault.what)
    assert fault.file == "rules.toml" and fault.line > 0 and fault.remedy
    assert spoilt.rules.rules == city.rules.rules


def test_suppressions_never_hide_what_explains_them(copy: Path, city: CityPack) -> None:
    with (copy / "rules.toml").open("a", encoding="utf-8") as file:
        file.write('[[suppressions]]\nid = "back"\nkinds = ["wind_storm"]\nby = "rain_heavy"\nreason = { zh = "一", en = "one" }\n')
        file.write('[[suppressions]]\nid = "forth"\nkinds = ["rain_heavy"]\nby = "wind_storm"\nreason = { zh = "二", en = "two" }\n')
    spoilt = load_city(copy)
    assert "hide itself" in _only(iter(spoilt.faults)).what
    assert [s.id for s in spoilt.rules.suppressions] == [*(s.id for s in city.rules.suppressions), "back"]


def test_a_pack_may_do_without_rules(copy: Path) -> None:
    (copy / "rules.toml").unlink()
    plain = load_city(copy)
    assert (plain.faults, plain.rules) == ((), Rules())


@pytest.mark.parametrize(("raw", "line"), [(b"[load]\n\nflood = = 2\n", 3), ("# 规则".encode("gb18030"), 1)])
def test_a_rules_file_that_cannot_be_read_is_one_fault(copy: Path, raw: bytes, line: int) -> None:
    (copy / "rules.toml").write_bytes(raw)
    spoilt = load_city(copy)
    fault = _only(iter(spoilt.faults))
    assert (fault.file, fault.line) == ("rules.toml", line)
    assert spoilt.rules == Rules()


# --- no city at all ----------------------------------------------------------------------------------------------------------


def test_a_folder_without_a_front_page_is_no_city(tmp_path: Path) -> None:
    with pytest.raises(DeckError, match=r"no city\.toml") as caught:
        load_city(tmp_path)
    assert caught.value.where == f"{tmp_path / 'city.toml'}:1"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('root = "370200"', 'root = "999999"'),
        ('root = "370200"', 'root = "370202"'),
        ('root = "370200"', "root = 370200"),
        ('root = "370200"', "root = "),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Qingdao"'),
        ("bounds = [119.3, 35.5, 121.1, 37.3]", "bounds = [121.1, 35.5, 119.3, 37.3]"),
    ],
)
def test_a_front_page_that_cannot_be_used_names_its_line(copy: Path, old: str, new: str) -> None:
    path = copy / "city.toml"
    text = path.read_text("utf-8")
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DeckError) as caught:
        load_city(copy)
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.remedy


def test_a_front_page_without_a_root_is_refused(copy: Path) -> None:
    path = copy / "city.toml"
    path.write_text(path.read_text("utf-8").replace('root = "370200"', ""), "utf-8")
    with pytest.raises(DeckError, match="root"):
        load_city(copy)


def test_without_areas_there_is_no_city(copy: Path) -> None:
    (copy / "areas.csv").unlink()
    with pytest.raises(DeckError, match=r"areas\.csv:1 the file is missing"):
        load_city(copy)


# --- what the tests are made of ----------------------------------------------------------------------------------------------


def _check_names(names: list[Text]) -> None:
    for text in names:
        assert CJK.search(text.zh), text
        assert text.en, text
        assert not CJK.search(text.en), text
    for lang in ("zh_CN", "en"):
        assert [name for name, count in Counter(text.pick(lang) for text in names).items() if count > 1] == []


def _calm(indicator: Indicator, weight: float) -> tuple[float, float]:
    """Lowest and highest value without any phenomenon, on any day at any hour."""
    how = indicator.dynamics
    base, swing, jitter = how.base * weight**how.per_area, abs(how.daily), SIGMAS * how.noise
    low = base * (1 - swing) * (1 + min(0, how.weekly)) * (1 - jitter)
    high = base * (1 + swing) * (1 + max(0, how.weekly)) * (1 + jitter)
    return min(low, high), max(low, high)


def _metres_outside(place: Place, city: CityPack) -> float:
    """How far a place is from its district; 0 inside."""
    rings = city.areas[place.area].outline
    if any(_inside(place.position, ring) for ring in rings):
        return 0.0
    return min(_metres_to(place.position, a, b) for ring in rings for a, b in pairwise(ring))


def _inside(at: Position, ring: tuple[Position, ...]) -> bool:
    crossings = 0
    for a, b in pairwise(ring):
        if (a.lat > at.lat) != (b.lat > at.lat) and at.lon < a.lon + (at.lat - a.lat) / (b.lat - a.lat) * (b.lon - a.lon):
            crossings += 1
    return crossings % 2 == 1


def _metres_to(at: Position, a: Position, b: Position) -> float:
    shrink = math.cos(math.radians(at.lat))
    dx, dy = (b.lon - a.lon) * shrink, b.lat - a.lat
    length = dx * dx + dy * dy
    share = 0.0 if length == 0 else ((at.lon - a.lon) * shrink * dx + (at.lat - a.lat) * dy) / length
    share = min(1.0, max(0.0, share))
    return distance_m(at, Position(a.lon + share * (b.lon - a.lon), a.lat + share * (b.lat - a.lat)))


def _spoil(path: Path, change: Change) -> int:
    """Change a table; the line of the row that must be named."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        rows, header = list(reader), list(reader.fieldnames or [])
    row = change(rows)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return row + 2


def _only(faults: Iterator[PackFault]) -> PackFault:
    found = list(faults)
    assert len(found) == 1, found
    return found[0]
