"""The demo city: the same play for the same seed, causes before consequences, commands obeyed once, every fault visible on a real socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

import app.domain.alert as alert_module
import app.domain.aside as aside_module
from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Acknowledgement, Alert, AlertMove, AlertState, AlertStep, Reality
from app.domain.aside import MAX_SHELVED_MS, How, Scope, Shelf
from app.domain.case import Case, Move, Stage
from app.domain.command import MAX_ALERTS, Act, Answer, Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AreaCode, CaseId, CommandKey, Millis, ShelfId, SourceName, UnitId
from app.domain.quality import Quality
from app.domain.role import Role, Seat
from app.domain.unit import Unit, UnitState
from app.live.hub import Hub
from datasources.codec import codec_for
from datasources.demo import PlatformOptions, serve
from datasources.demo.affairs import ENDED_KEPT, SHELF_KEPT_MS
from datasources.demo.alarms import raised_again, returned
from datasources.demo.city import SOURCE, City, start_time
from datasources.demo.faults import FLAP_S, KINDS, Faults, parse_fault
from datasources.demo.narrow import Wish
from datasources.demo.officers import NAMES
from datasources.demo.session import MOST_WAITING, Session
from datasources.demo.tail import Tail
from datasources.demo.words import NOT_ALLOWED
from datasources.intake import Intake
from datasources.protocol import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL_CLOUDEVENTS,
    SUBPROTOCOL_V1,
    AnswerMessage,
    Authenticate,
    Authenticated,
    BatchMessage,
    CommandMessage,
    Denied,
    Heartbeat,
    Hello,
    Malformed,
    Message,
    PlatformMessage,
    Problem,
    Resync,
    Subscribe,
    V1Codec,
    Welcome,
)

ROOT = Path(__file__).resolve().parents[1]
START = Millis(1_795_258_812_345)
STEP = 50
M = TypeVar("M")


@pytest.fixture(scope="module")
def pack() -> CityPack:
    return load_city(find_cities()["qingdao"])


def acknowledge(*alerts: AlertId, comment: str = "") -> MoveAlerts:
    return MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=alerts, comment=comment)


class Play:
    """A city stepped by hand, and the newest of everything it told."""

    def __init__(self, pack: CityPack, **how: Any) -> None:
        self.city = City(pack, start=START, **how)
        self.now = int(START)
        self.alerts: dict[AlertId, Alert] = {}
        self.cases: dict[CaseId, Case] = {}
        self.units: dict[UnitId, Unit] = {}
        self.shelves: dict[ShelfId, Shelf] = {}
        self.fixes = 0
        self.rows = 0
        self.raised: dict[AlertId, float] = {}
        for part in self.city.snapshot(Wish()):
            self._take(part, count=False)
        self._keys = 0

    def _take(self, batch: BatchMessage, *, count: bool = True) -> None:
        for alert in batch.alerts:
            if alert.id not in self.alerts and count:
                self.raised[alert.id] = (self.now - START) / 1_000
            self.alerts[alert.id] = alert
        self.cases |= {case.id: case for case in batch.cases}
        self.units |= {unit.id: unit for unit in batch.units}
        self.shelves |= {shelf.id: shelf for shelf in batch.shelves}
        if count:
            self.fixes += len(batch.fixes)
            self.rows += len(batch.readings.series) if batch.readings else 0

    def play(self, seconds: float) -> None:
        for _ in range(int(seconds * 1_000 / STEP)):
            self.now += STEP
            for batch in self.city.step(self.now):
                self._take(batch)

    def until(self, condition: Callable[[], object], seconds: float) -> None:
        for _ in range(int(seconds * 1_000 / STEP)):
            if condition():
                return
            self.play(STEP / 1_000)
        assert condition()

    def do(self, act: Act, seen: int = 0, *, key: str = "", role: Role = Role.DUTY_OFFICER, actor: str = "wang") -> Answer:
        self._keys += 1
        command = Command(
            key=CommandKey(key or f"{self._keys:032x}"),
            act=act,
            area=AreaCode("370202"),
            actor=actor,
            role=role,
            seat=Seat.DUTY,
            desk="desk-1",
            at=Millis(self.now),
            seen=seen,
        )
        batches, answer = self.city.obey(command, self.now)
        for batch in batches:
            self._take(batch)
        return answer

    def idle(self) -> Unit:
        return next(unit for unit in self.units.values() if unit.state is UnitState.IDLE and unit.kind == "fire_engine")

    def open_case(self, name: str = "case-1") -> Case:
        alert = next(a for a in self.alerts.values() if a.case is None and a.active)
        act = OpenCase(
            case=CaseId(name),
            alerts=(alert.id,),
            kind=alert.kind,
            severity=alert.severity,
            title=alert.title,
            area=alert.area,
            position=alert.position,
        )
        assert self.do(act).outcome == "confirmed"
        return self.cases[CaseId(name)]


# --- the play ----------------------------------------------------------------------------------------------------------------


def frames_of(pack: CityPack, seed: int) -> list[bytes]:
    city, codec = City(pack, start=START, seed=seed, rate=500), V1Codec()
    frames = [frame for part in city.snapshot(Wish()) for frame in codec.encode(part)]
    for step in range(1, 250):
        frames += [frame for batch in city.step(START + step * STEP) for frame in codec.encode(batch)]
    return frames


def test_the_same_seed_gives_the_same_play(pack: CityPack) -> None:
    first = frames_of(pack, 7)
    assert first == frames_of(pack, 7)
    assert first != frames_of(pack, 8)


def test_a_snapshot_has_every_series_with_its_last_hour(pack: CityPack) -> None:
    city, codec = City(pack, start=START), V1Codec()
    parts = city.snapshot(Wish())
    assert [(part.part, part.parts) for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert sum(len(frame) for part in parts for frame in codec.encode(part)) < 1_600_000
    first = parts[0]
    assert first.catalogue is not None
    assert first.readings is not None
    assert len(first.catalogue) >= 1_430
    assert first.readings.series == list(range(len(first.catalogue)))
    history = {h.series: h for part in parts for h in part.history}
    assert len(history) == len(first.catalogue)
    assert all(len(h.value) == 60 and h.step_ms == 60_000 for h in history.values())
    assert all(START - 60_000 <= h.start + 59 * h.step_ms <= START for h in history.values())
    pairs = [(value, history[row].value[-1]) for row, value in enumerate(first.readings.value)]
    full = [(value, last) for value, last in pairs if value is not None and last is not None]
    assert len(full) > 0.98 * len(pairs)
    assert sum(abs(value - last) <= 0.15 * abs(last) + 1 for value, last in full) > 0.97 * len(full)


def test_values_are_possible_and_counts_add_up(pack: CityPack) -> None:
    play = Play(pack)
    play.play(60)
    values = play.city.values
    value: dict[str, float] = dict(zip(values.series, values.value.tolist(), strict=True))
    districts = [code for code in pack.areas if code != pack.root]
    for name, indicator in pack.indicators.items():
        mine = [value[f"{name}@{code}"] for code in districts if f"{name}@{code}" in value]
        city = value[f"{name}@{pack.root}"]
        if indicator.unit.en == "%":
            assert all(0 <= v <= 100 for v in (*mine, city)), name
        if indicator.dynamics.per_area == 1 and mine:
            assert city == pytest.approx(sum(mine), abs=10.0**-indicator.decimals), name
            assert all(v >= 0 for v in mine), name


def test_some_feeds_fail_and_say_so(pack: CityPack) -> None:
    play = Play(pack)
    newest = play.city.snapshot(Wish())[0].readings
    assert newest is not None
    missing = [row for row, grade in enumerate(newest.quality) if grade == Quality.MISSING]
    assert missing
    assert all(newest.value[row] is None for row in missing)
    assert Quality.UNCERTAIN in newest.quality
    stopped = {row for row, at in enumerate(newest.at) if START - at >= 240_000}
    assert stopped
    graded: set[int] = set()
    for step in range(1, 950):
        for batch in play.city.step(START + step * 4 * STEP):
            if batch.readings is not None:
                assert not stopped & set(batch.readings.series)
                graded |= {q for q, v in zip(batch.readings.quality, batch.readings.value, strict=False) if v is None}
    assert graded == {Quality.BAD}


def test_it_starts_in_the_middle_of_a_day_of_work(pack: CityPack) -> None:
    play = Play(pack)
    standing = [alert for alert in play.alerts.values() if alert.active]
    assert len(standing) >= 12
    assert len({alert.severity for alert in standing}) == 4
    assert all(alert.reality is Reality.SIMULATED and alert.at < START and alert.title.zh and alert.title.en and alert.position for alert in standing)
    assert {alert.acknowledged is None for alert in standing} == {True, False}
    assert any(alert.case for alert in standing)
    assert len(play.cases) >= 12
    assert len({case.stage for case in play.cases.values()}) >= 7
    assert all(case.number.startswith("20261121-") for case in play.cases.values())
    assert all(case.due_at for case in play.cases.values() if not case.ended)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_storm_comes_and_its_consequences_follow(pack: CityPack, seed: int) -> None:
    play = Play(pack, seed=seed)
    play.play(110)
    storm = play.city.story.storm_kind
    assert storm is not None
    first = min(play.raised[a.id] for a in play.alerts.values() if a.kind == storm and a.id in play.raised)
    assert 3 <= first <= 15
    depths: dict[int, float] = {}
    for alert in play.alerts.values():
        if alert.cause is None or alert.id not in play.raised:
            continue
        cause = play.alerts[alert.cause]
        assert pack.alert_kinds[alert.kind].cause == cause.kind
        assert cause.at <= alert.at
        assert cause.area == alert.area
        depth, origin = 1, cause
        while origin.cause is not None:
            depth, origin = depth + 1, play.alerts[origin.cause]
        if origin.kind == storm:
            depths[depth] = min(depths.get(depth, 999.0), play.raised[alert.id])
    assert depths[1] <= 60
    assert depths[1] < depths[2] < depths[3] <= 110


def test_the_storm_moves_the_values(pack: CityPack) -> None:
    play = Play(pack)
    before = dict(zip(play.city.values.series, play.city.values.value.tolist(), strict=True))
    play.play(75)
    after = dict(zip(play.city.values.series, play.city.values.value.tolist(), strict=True))
    wet = [name for name in after if name.startswith("rain_1h@") and before[name] == 0 and after[name] > 10]
    assert len(wet) >= 2


def test_alerts_end_and_the_books_stay_small(pack: CityPack) -> None:
    play = Play(pack, tempo=60)
    play.play(120)
    assert any(not alert.active and alert.ended_at and alert.version > 1 for alert in play.alerts.values())
    told = next(part for part in play.city.snapshot(Wish()) if part.cases)
    assert sum(case.ended for case in told.cases) <= ENDED_KEPT


def test_every_unit_reports_once_a_second(pack: CityPack) -> None:
    play = Play(pack)
    working = sum(unit.state not in (UnitState.OFF_DUTY, UnitState.NO_CONTACT) for unit in play.units.values())
    assert len(play.units) == sum(kind.count for kind in pack.unit_kinds.values()) >= 300
    play.play(10)
    assert play.fixes == pytest.approx(10 * working, abs=working / 10)


def test_asking_for_a_rate_gives_it(pack: CityPack) -> None:
    play = Play(pack, rate=50_000)
    play.play(2)
    assert play.rows == pytest.approx(100_000, rel=0.02)


def test_a_start_may_be_given_as_local_time(pack: CityPack) -> None:
    assert start_time("2026-07-21T08:00", pack.zone, START) == start_time("2026-07-21T00:00+00:00", pack.zone, START)
    assert start_time(None, pack.zone, START) == START
    with pytest.raises(DeckError, match="noon"):
        start_time("noon", pack.zone, START)


# --- commands ----------------------------------------------------------------------------------------------------------------


def test_a_command_is_obeyed_once_however_often_it_comes(pack: CityPack) -> None:
    play = Play(pack)
    alert = next(a for a in play.alerts.values() if a.acknowledged is None)
    first = play.do(acknowledge(alert.id, comment="seen"), alert.version, key="a" * 32)
    assert first.outcome == "confirmed"
    assert play.alerts[alert.id].version == first.version == alert.version + 1
    seq = play.city.seq
    assert play.do(acknowledge(alert.id, comment="seen"), alert.version, key="a" * 32) == first
    assert play.city.seq == seq
    again = play.do(acknowledge(alert.id), alert.version, actor="li")
    assert again.outcome == "refused"
    assert "wang" in again.reason.zh and "wang" in again.reason.en


def test_a_case_goes_from_filing_to_evaluation(pack: CityPack) -> None:
    play = Play(pack, tempo=30)
    case = play.open_case()
    assert case.number.startswith("20261121-")
    assert case.due_at is not None
    assert play.alerts[case.alerts[0]].case == case.id
    unit = play.idle()
    sent = play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=unit.id), case.version)
    assert (sent.outcome, play.units[unit.id].state, play.units[unit.id].case) == ("confirmed", UnitState.DISPATCHED, case.id)
    play.until(lambda: play.units[unit.id].state is UnitState.EN_ROUTE, 3)
    play.until(lambda: play.cases[case.id].stage is Stage.HANDLING, 5)
    assert play.units[unit.id].state is UnitState.ON_SCENE
    assert play.cases[case.id].steps[-1].actor == unit.name.zh
    play.until(lambda: play.cases[case.id].stage is Stage.FEEDBACK, 5)
    play.until(lambda: play.units[unit.id].state is UnitState.IDLE, 10)
    for move in (Move.REWORK, Move.VERIFY, Move.CLOSE):
        play.until(lambda: play.cases[case.id].stage in (Stage.FEEDBACK, Stage.VERIFIED), 10)
        assert play.do(MoveCase(case=case.id, move=move), play.cases[case.id].version).outcome == "confirmed"
    play.until(lambda: play.cases[case.id].stage is Stage.EVALUATED, 60)
    assert play.do(MoveCase(case=case.id, move=Move.REOPEN), play.cases[case.id].version).outcome == "confirmed"
    assert play.cases[case.id].due_at is not None


def test_at_the_usual_tempo_a_unit_arrives_and_reports_within_seconds(pack: CityPack) -> None:
    play = Play(pack)
    case, unit = play.open_case(), play.idle()
    play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=unit.id), case.version)
    play.until(lambda: play.cases[case.id].stage is Stage.HANDLING, 12)
    play.until(lambda: play.cases[case.id].stage is Stage.FEEDBACK, 11)


def test_the_later_of_two_desks_is_refused_and_told_by_whom(pack: CityPack) -> None:
    play = Play(pack)
    case = play.open_case()
    assert play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=play.idle().id), case.version, actor="zhao").outcome == "confirmed"
    late = play.do(MoveCase(case=case.id, move=Move.VOID), case.version, actor="li")
    assert (late.outcome, late.version) == ("refused", case.version + 1)
    assert "zhao" in late.reason.zh and "已派遣" in late.reason.zh
    assert "zhao" in late.reason.en and "dispatched" in late.reason.en
    assert play.do(MoveCase(case=case.id, move=Move.COMMENT, comment="on the phone"), case.version, actor="li").outcome == "confirmed"


@pytest.mark.parametrize("state", [state for state in UnitState if state is not UnitState.IDLE])
def test_a_unit_that_is_not_idle_is_never_taken_silently(pack: CityPack, state: UnitState) -> None:
    play = Play(pack)
    case, other = play.open_case(), play.open_case("case-2")
    unit = next((u for u in play.units.values() if u.state is state), None)
    if unit is None:
        unit = play.idle()
        play.do(MoveCase(case=other.id, move=Move.DISPATCH, unit=unit.id), other.version)
        unit_id = unit.id
        play.until(lambda: play.units[unit_id].state is state, 40)
    before = play.units[unit.id]
    answer = play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=unit.id), case.version)
    assert answer.outcome == "refused"
    assert unit.name.zh in answer.reason.zh and unit.name.en in answer.reason.en
    assert play.units[unit.id] == before


def test_what_cannot_be_done_is_refused_with_a_reason(pack: CityPack) -> None:
    play = Play(pack)
    case = play.open_case()
    alert = next(a for a in play.alerts.values() if a.acknowledged is None)
    refused = [
        play.do(acknowledge(AlertId("nobody's")), 1),
        play.do(MoveCase(case=CaseId("nobody's"), move=Move.CLOSE), 1),
        play.do(MoveCase(case=case.id, move=Move.CLOSE), case.version),
        play.do(MoveCase(case=case.id, move=Move.ARRIVE, unit=play.idle().id), case.version),
        play.do(MoveCase(case=case.id, move=Move.DISPATCH), case.version),
        play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=UnitId("nobody's")), case.version),
        play.do(acknowledge(alert.id), alert.version, role=Role.LEADER),
        play.do(OpenCase(case=CaseId("again"), alerts=case.alerts, kind=case.kind, severity=case.severity, title=case.title, area=case.area)),
    ]
    assert all(answer.outcome == "refused" and answer.reason.zh and answer.reason.en for answer in refused)
    assert play.cases[case.id] == case


def move_alerts(move: AlertMove, *alerts: AlertId, comment: str = "") -> MoveAlerts:
    return MoveAlerts(move=move, alerts=alerts, comment=comment)


def test_one_command_moves_many_alerts_and_skips_those_that_it_does_not_fit(pack: CityPack) -> None:
    play = Play(pack)
    fresh = [a.id for a in play.alerts.values() if a.acknowledged is None]
    known = [a.id for a in play.alerts.values() if a.acknowledged is not None]
    before = dict(play.alerts)
    answer = play.do(acknowledge(known[0], AlertId("another platform's"), *fresh, *fresh, comment="all of them"))
    assert (answer.outcome, answer.version) == ("confirmed", before[known[0]].version)
    assert play.alerts[known[0]] == before[known[0]]
    step = AlertStep(move=AlertMove.ACKNOWLEDGE, at=Millis(play.now), actor="wang", comment="all of them")
    for name in fresh:
        alert = play.alerts[name]
        assert alert.acknowledged == Acknowledgement("wang", Millis(play.now), "all of them")
        assert (alert.steps[-1], alert.version) == (step, before[name].version + 1), "once, however often it is named"
    none = play.do(acknowledge(*fresh), actor="li")
    assert none.outcome == "refused" and "wang" in none.reason.zh and none.version == play.alerts[fresh[0]].version
    assert play.do(acknowledge(*(AlertId(str(n)) for n in range(MAX_ALERTS + 1)))).outcome == "refused"
    assert play.do(acknowledge()).outcome == "refused"


def test_alerts_are_taken_and_released_commented_and_given_back_to_the_queue(pack: CityPack) -> None:
    play = Play(pack)
    name = next(a.id for a in play.alerts.values() if a.acknowledged is None and a.case is None)
    assert play.do(move_alerts(AlertMove.UNACKNOWLEDGE, name)).outcome == "refused"
    for move in (AlertMove.ACKNOWLEDGE, AlertMove.TAKE, AlertMove.COMMENT, AlertMove.RELEASE, AlertMove.UNACKNOWLEDGE):
        assert play.do(move_alerts(move, name, comment=move.value)).outcome == "confirmed"
        assert play.alerts[name].owner == ("wang" if move in (AlertMove.TAKE, AlertMove.COMMENT) else "")
    alert = play.alerts[name]
    assert [step.comment for step in alert.steps] == ["acknowledge", "take", "comment", "release", "unacknowledge"]
    assert alert.state is AlertState.UNACKNOWLEDGED
    nobodys = play.do(move_alerts(AlertMove.RELEASE, name))
    assert nobodys.outcome == "refused" and nobodys.reason.zh != nobodys.reason.en
    filed = next(a.id for a in play.alerts.values() if a.case is not None and a.acknowledged is not None)
    assert "立案" in play.do(move_alerts(AlertMove.UNACKNOWLEDGE, filed)).reason.zh


def put_aside(play: Play, name: str, *, ms: int = 5_000, comment: str = "works", scope: Scope | None = None) -> PutAside:
    scope = scope if scope is not None else Scope(kind=next(iter(play.alerts.values())).kind)
    return PutAside(shelf=ShelfId(name), how=How.SHELVED, scope=scope, until=Millis(play.now + ms), comment=comment)


def test_a_shelf_ends_by_the_clock_and_everybody_is_told(pack: CityPack) -> None:
    play = Play(pack)
    act = put_aside(play, "s1")
    assert play.do(act) == play.do(act, key=f"{1:032x}")
    shelf = play.shelves[ShelfId("s1")]
    assert (shelf.by, shelf.reason, shelf.ended_at, shelf.holds(Millis(play.now))) == ("wang", "works", None, True)
    assert shelf in play.city.snapshot(Wish())[1].shelves, "a desk that comes later hears of it"
    play.play(4.8)
    assert play.shelves[shelf.id] == shelf
    play.play(0.5)
    ended = play.shelves[shelf.id]
    assert (ended.ended_at, ended.ended_by, ended.version) == (shelf.until, "clock", 2)
    late = play.do(TakeBack(shelf=shelf.id))
    assert late.outcome == "refused" and late.version == 2 and "到期" in late.reason.zh
    play.now += SHELF_KEPT_MS
    play.play(0.1)
    assert not any(part.shelves for part in play.city.snapshot(Wish())), "what ended long ago is forgotten"


def test_a_shelf_is_taken_back_once(pack: CityPack) -> None:
    play = Play(pack)
    assert play.do(put_aside(play, "s1")).version == 1
    assert play.do(TakeBack(shelf=ShelfId("s1")), 1, actor="li").version == 2
    assert (play.shelves[ShelfId("s1")].ended_by, play.shelves[ShelfId("s1")].ended_at) == ("li", play.now)
    again = play.do(TakeBack(shelf=ShelfId("s1")), 1)
    assert again.outcome == "refused" and "li" in again.reason.zh and "li" in again.reason.en
    play.play(6)
    assert play.shelves[ShelfId("s1")].ended_by == "li", "its old end does nothing more"


def test_a_shelf_that_may_not_be_is_refused_with_a_reason(pack: CityPack) -> None:
    play = Play(pack)
    play.do(put_aside(play, "s1"))
    refused = [
        play.do(put_aside(play, "s1")),
        play.do(put_aside(play, "s2", scope=Scope())),
        play.do(put_aside(play, "s2", comment=" ")),
        play.do(put_aside(play, "s2", ms=0)),
        play.do(put_aside(play, "s2", ms=MAX_SHELVED_MS + 1)),
        play.do(put_aside(play, "s2"), role=Role.LEADER),
        play.do(TakeBack(shelf=ShelfId("s2"))),
    ]
    assert all(answer.outcome == "refused" and answer.reason.zh and answer.reason.zh != answer.reason.en for answer in refused)
    assert set(play.shelves) == {"s1"}


def test_every_reason_of_the_shared_machine_has_its_chinese() -> None:
    said = {fault for module in (alert_module, aside_module) for fault in re.findall(r'NotAllowed\(\s*N_\("([^"]+)"', inspect.getsource(module))}
    assert len(said) > 8 and said <= NOT_ALLOWED.keys()


def test_shelves_go_where_the_alerts_go(pack: CityPack) -> None:
    play = Play(pack)
    here, there = AreaCode("370202"), AreaCode("370203")
    for name, scope in (("here", Scope(area=here)), ("there", Scope(area=there)), ("anywhere", Scope(kind=next(iter(pack.alert_kinds))))):
        play.do(put_aside(play, name, scope=scope))
    for topics, areas, wanted in (
        ({"alerts"}, {here}, ["here", "anywhere"]),
        ({"alerts"}, set[AreaCode](), ["here", "there", "anywhere"]),
        ({"cases"}, {here}, []),
    ):
        parts = play.city.snapshot(Wish(frozenset(topics), frozenset(areas)))
        assert [shelf.id for part in parts for shelf in part.shelves] == wanted


def test_what_comes_back_has_to_be_seen_anew_and_keeps_its_history(pack: CityPack) -> None:
    play = Play(pack)
    alert = play.alerts[next(a.id for a in play.alerts.values() if a.acknowledged is None and a.case is None)]
    mine = msgspec.structs.replace(alert, owner="wang", steps=(AlertStep(move=AlertMove.TAKE, at=START, actor="wang"),))
    unseen = raised_again(returned(mine, START + 1), START + 2)
    assert (unseen.state, unseen.at, unseen.ended_at, unseen.owner) == (AlertState.UNACKNOWLEDGED, START + 2, None, "wang")
    seen = msgspec.structs.replace(mine, acknowledged=Acknowledgement("wang", START), case=CaseId("c"))
    cleared = returned(seen, START + 1)
    assert (cleared.state, cleared.ended_at, cleared.acknowledged) == (AlertState.CLEARED, START + 1, seen.acknowledged)
    again = raised_again(cleared, START + 2, over=True)
    assert (again.state, again.owner, again.case, again.steps, again.version) == (AlertState.UNACKNOWLEDGED, "", None, mine.steps, mine.version + 2)
    assert raised_again(again, START + 3) == again and returned(cleared, START + 3) == cleared, "what cannot happen changes nothing"


def test_the_citys_own_officers_leave_their_names_on_what_they_do(pack: CityPack) -> None:
    play = Play(pack)
    play.play(100)
    handled = [a for name in play.raised if (a := play.alerts[name]).steps]
    assert handled and all(step.actor in NAMES for alert in handled for step in alert.steps)
    assert any(alert.owner == alert.steps[0].actor for alert in handled)


def test_a_recalled_unit_goes_home_and_its_old_plans_with_it(pack: CityPack) -> None:
    play = Play(pack, tempo=30)
    case, unit = play.open_case(), play.idle()
    play.do(MoveCase(case=case.id, move=Move.DISPATCH, unit=unit.id), case.version)
    answer = play.do(MoveCase(case=case.id, move=Move.RECALL, unit=unit.id), play.cases[case.id].version)
    assert (answer.outcome, play.cases[case.id].stage, play.units[unit.id].state) == ("confirmed", Stage.FILED, UnitState.RETURNING)
    play.play(8)
    assert (play.cases[case.id].stage, play.units[unit.id].state, play.units[unit.id].case) == (Stage.FILED, UnitState.IDLE, None)


# --- a desk on a real socket -------------------------------------------------------------------------------------------------


class Desk:
    """The other end of the line."""

    def __init__(self, connection: ClientConnection, subprotocol: str) -> None:
        self.connection = connection
        self.codec = codec_for(subprotocol)
        self.malformed = 0

    async def say(self, message: Message) -> None:
        for frame in self.codec.encode(message):
            await self.connection.send(frame, text=True)

    async def hear(self) -> PlatformMessage:
        """The next message that makes sense."""
        while True:
            frame = await self.connection.recv()
            try:
                return self.codec.decode_for_desk(frame)
            except Malformed:
                self.malformed += 1

    async def hear_a(self, kind: type[M], such: Callable[[M], object] = lambda message: True) -> M:
        async with asyncio.timeout(8):
            while True:
                message = await self.hear()
                if isinstance(message, kind) and such(message):
                    return message

    async def subscribe(self, **how: Any) -> None:
        await self.say(Hello(desk="desk-1", city="qingdao"))
        await self.hear_a(Welcome)
        await self.say(Subscribe(**how))

    async def snapshot(self) -> list[BatchMessage]:
        parts = [await self.hear_a(BatchMessage, lambda batch: batch.snapshot)]
        while parts[-1].part < parts[-1].parts:
            parts.append(await self.hear_a(BatchMessage, lambda batch: batch.snapshot))
        return parts

    async def live(self) -> BatchMessage:
        return await self.hear_a(BatchMessage, lambda batch: not batch.snapshot)

    async def seqs(self, count: int) -> list[int]:
        return [(await self.live()).seq for _ in range(count)]


@asynccontextmanager
async def platform(pack: CityPack, *faults: str, **how: Any) -> AsyncGenerator[Callable[..., Awaitable[Desk]]]:
    """A platform on a free port; yields `dial(subprotocol)`."""
    where: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(PlatformOptions(faults=faults, **how), lambda host, port: where.set_result((host, port)), pack))
    await asyncio.wait({serving, where}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    host, port = await where
    desks: list[ClientConnection] = []

    async def dial(subprotocol: str = SUBPROTOCOL_V1) -> Desk:
        wanted = [Subprotocol(subprotocol)]
        connection = await connect(f"ws://{host}:{port}", subprotocols=wanted, max_size=MAX_FRAME_BYTES, compression=None, close_timeout=0.2)
        desks.append(connection)
        return Desk(connection, subprotocol)

    try:
        yield dial
    finally:
        await asyncio.gather(*(desk.close() for desk in desks))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_desk_gets_a_snapshot_and_then_what_happens(pack: CityPack) -> None:
    async with platform(pack) as dial:
        desk = await dial()
        await desk.say(Hello(desk="desk-1", city="qingdao"))
        welcome = await desk.hear_a(Welcome)
        assert (welcome.city, welcome.simulated, welcome.authentication) == ("qingdao", True, False)
        await desk.say(Subscribe())
        parts = await desk.snapshot()
        assert parts[0].catalogue == pack.series
        assert any(part.alerts and part.cases and part.units for part in parts[:2])
        assert sum(len(part.cameras) for part in parts) >= 1_990
        seqs = await desk.seqs(5)
        assert seqs == list(range(parts[0].seq + 1, parts[0].seq + 6))
        await desk.say(Heartbeat(at=Millis(123)))
        beat = await desk.hear_a(Heartbeat, lambda beat: beat.echo == 123)
        assert beat.seqs[SOURCE] >= seqs[-1]


async def test_a_desk_that_was_away_for_a_moment_goes_on_where_it_was(pack: CityPack) -> None:
    async with platform(pack) as dial:
        desk = await dial()
        await desk.subscribe()
        last = (await desk.snapshot())[0].seq
        last = (await desk.seqs(3))[-1]
        await desk.connection.close()
        again = await dial()
        await again.subscribe(from_seq={SOURCE: last})
        assert await again.seqs(5) == list(range(last + 1, last + 6))
        await again.say(Resync(source=SOURCE, from_seq=last))
        await again.hear_a(BatchMessage, lambda batch: batch.seq == last + 1)
        await again.say(Resync(source=SOURCE, from_seq=1))
        assert len(await again.snapshot()) > 1


async def test_a_token_is_asked_for_and_checked(pack: CityPack) -> None:
    async with platform(pack, token="open sesame") as dial:
        desk = await dial()
        await desk.say(Hello(desk="desk-1", city="qingdao"))
        assert (await desk.hear_a(Welcome)).authentication
        await desk.say(Subscribe())
        assert "authenticate" in (await desk.hear_a(Problem)).reason
        await desk.say(Authenticate(token="open sesame"))
        await desk.hear_a(Authenticated)
        await desk.say(Subscribe())
        assert await desk.snapshot()
        thief = await dial()
        await thief.say(Hello(desk="desk-2", city="qingdao"))
        await thief.say(Authenticate(token="guess"))
        assert (await thief.hear_a(Denied)).reason.zh
        with pytest.raises(ConnectionClosed):
            await thief.hear_a(BatchMessage)


async def test_garbage_from_a_desk_is_named_and_survived(pack: CityPack) -> None:
    async with platform(pack) as dial:
        desk = await dial()
        await desk.subscribe()
        for frame in ("", "{", '{"type":"hello"}', "[]", b"\x00\xff\x17", '{"type":"subscribe","topics":7}'):
            await desk.connection.send(frame)
            assert (await desk.hear_a(Problem)).reason
        assert await desk.live()


async def test_a_desk_gets_only_what_it_asked_for(pack: CityPack) -> None:
    area = AreaCode("370202")
    async with platform(pack) as dial:
        desk = await dial()
        await desk.subscribe(topics=("readings", "units"), areas=(area,))
        parts = await desk.snapshot()
        assert not any(part.alerts or part.cases or part.cameras or part.history for part in parts)
        assert {unit.area for part in parts for unit in part.units} == {area}
        readings = parts[0].readings
        assert parts[0].catalogue is not None and readings is not None
        assert {parts[0].catalogue[row].rsplit("@", 1)[1] for row in readings.series} == {area}
        assert await desk.seqs(10) == list(range(parts[0].seq + 1, parts[0].seq + 11))


async def test_a_command_changes_the_case_for_everybody_before_it_is_answered(pack: CityPack) -> None:
    async with platform(pack) as dial:
        desk, other = await dial(), await dial()
        await desk.subscribe()
        await other.subscribe()
        parts = await desk.snapshot()
        await other.snapshot()
        alert = next(a for part in parts for a in part.alerts if a.acknowledged is None)
        command = Command(
            key=CommandKey("c" * 32),
            act=acknowledge(alert.id, comment="seen"),
            area=alert.area,
            actor="wang",
            role=Role.DUTY_OFFICER,
            seat=Seat.DUTY,
            desk="desk-1",
            at=Millis(time.time_ns() // 1_000_000),
            seen=alert.version,
        )
        for _ in range(2):
            await desk.say(CommandMessage(command=command))
        told: list[str] = []
        while told.count("answer") < 2:
            message = await desk.hear()
            if isinstance(message, AnswerMessage):
                assert message.answer.outcome == "confirmed"
                told.append("answer")
            elif isinstance(message, BatchMessage) and any(a.id == alert.id and a.acknowledged for a in message.alerts):
                told.append("state")
        assert told == ["state", "answer", "answer"]
        await other.hear_a(BatchMessage, lambda batch: any(a.id == alert.id and a.acknowledged for a in batch.alerts))


async def test_it_speaks_cloudevents_too(pack: CityPack) -> None:
    async with platform(pack) as dial:
        desk = await dial(SUBPROTOCOL_CLOUDEVENTS)
        await desk.subscribe(topics=("readings", "alerts"))
        first = await desk.hear_a(BatchMessage)
        assert first.snapshot
        await desk.hear_a(BatchMessage, lambda batch: batch.alerts)
        assert await desk.live()


# --- mischief ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["gremlins", "drop", "drop=2", "drop=x", "stall=3", "silence", "delay=-1", "storm=9999999", "", "drop=0.1@x"])
def test_a_fault_that_cannot_be_is_named(spec: str) -> None:
    with pytest.raises(DeckError) as told:
        parse_fault(spec)
    assert told.value.remedy
    if spec == "gremlins":
        assert "gremlins" in told.value.what
        assert all(kind in told.value.remedy for kind in KINDS)


def test_a_fault_has_a_beginning_and_an_end() -> None:
    fault = parse_fault("drop=0.25@10+20")
    assert (fault.kind, fault.number, fault.start, fault.end) == ("drop", 0.25, 10, 30)
    assert [fault.active(at) for at in (9.9, 10, 29.9, 30)] == [False, True, True, False]
    assert parse_fault("stall").end == 15


async def test_silence_of_nothing_is_a_fault_of_the_caller(pack: CityPack) -> None:
    with pytest.raises(DeckError, match="gossip"):
        async with platform(pack, "silence=gossip"):
            pass


async def test_dropped_batches_leave_gaps(pack: CityPack) -> None:
    async with platform(pack, "drop=0.4") as dial:
        desk = await dial()
        await desk.subscribe(topics=("units",))
        seqs = await desk.seqs(12)
        assert seqs == sorted(seqs)
        assert seqs[-1] - seqs[0] > 11


async def test_duplicated_and_reordered_batches_arrive_so(pack: CityPack) -> None:
    async with platform(pack, "duplicate=0.4", "reorder=0.3") as dial:
        desk = await dial()
        await desk.subscribe(topics=("units",))
        seqs = await desk.seqs(20)
        assert len(set(seqs)) < len(seqs)
        assert seqs != sorted(seqs)


async def test_garbled_frames_do_not_end_the_connection(pack: CityPack) -> None:
    async with platform(pack, "garble=0.6") as dial:
        desk = await dial()
        await desk.subscribe(topics=("units",))
        await desk.seqs(6)
        assert desk.malformed > 3


async def test_a_delay_is_as_long_as_was_ordered(pack: CityPack) -> None:
    async with platform(pack, "delay=400") as dial:
        desk = await dial()
        begun = time.monotonic()
        await desk.subscribe(topics=("units",))
        await desk.live()
        assert time.monotonic() - begun >= 0.75


async def test_a_stalled_platform_says_nothing_at_all(pack: CityPack) -> None:
    async with platform(pack, "stall@0.3+0.8") as dial:
        desk = await dial()
        await desk.subscribe(topics=("units",))
        longest, last = 0.0, time.monotonic()
        while longest < 0.6:
            await desk.hear_a(BatchMessage)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert await desk.live()


async def test_a_silenced_feed_is_silent_and_the_others_are_not(pack: CityPack) -> None:
    async with platform(pack, "silence=traffic", "silence=units", rate=20_000) as dial:
        desk = await dial()
        await desk.subscribe(topics=("readings", "units"))
        names = {name for name, indicator in pack.indicators.items() if indicator.domain == "traffic"}
        await desk.snapshot()
        heard: set[str] = set()
        for _ in range(8):
            batch = await desk.live()
            assert not batch.fixes
            heard |= {pack.series[row].rsplit("@", 1)[0] for row in (batch.readings.series if batch.readings else [])}
        assert heard
        assert not heard & names


async def test_a_disconnecting_platform_drops_everybody_and_admits_nobody(pack: CityPack) -> None:
    async with platform(pack, "disconnect@0.3+0.4") as dial:
        desk = await dial()
        await desk.subscribe(topics=("units",))
        with pytest.raises(ConnectionClosed):
            await desk.hear_a(BatchMessage, lambda batch: False)
        with pytest.raises(InvalidStatus):
            await dial()
        async with asyncio.timeout(5):
            while True:
                try:
                    desk = await dial()
                except InvalidStatus:
                    continue
                break
        await desk.subscribe(topics=("units",))
        assert await desk.live()


async def test_a_storm_of_alerts_comes_within_its_second(pack: CityPack) -> None:
    async with platform(pack, "storm=3000@0.2") as dial:
        desk = await dial()
        await desk.subscribe(topics=("alerts",))
        seen: set[str] = set()
        begun = time.monotonic()
        while len(seen) < 3_000:
            batch = await desk.hear_a(BatchMessage)
            seen |= {alert.id for alert in batch.alerts}
        assert time.monotonic() - begun < 4


def test_a_storm_repeats_itself_and_brings_symptoms(pack: CityPack) -> None:
    def stormy() -> Play:
        play = Play(pack)
        for _ in range(20):
            play.city.flood(100)
            play.play(0.05)
        return play

    play = stormy()
    storm = [play.alerts[name] for name in play.raised]
    assert len(storm) >= 2_000
    points = Counter((a.kind, a.area, a.place, a.series) for a in storm)
    assert 0.5 * len(storm) < len(points) < 0.95 * len(storm), "most are of a point of their own, and many are not"
    followers = [a for a in storm if a.cause is not None]
    assert len(followers) > 200
    for alert in followers:
        cause = play.alerts[cast("AlertId", alert.cause)]
        assert pack.alert_kinds[alert.kind].cause == cause.kind and cause.area == alert.area and cause.at <= alert.at
    assert stormy().alerts == play.alerts, "the same seed gives the same storm"


def test_a_flapping_alert_chatters_on_the_desk(pack: CityPack) -> None:
    play = Play(pack)
    hub = Hub(pack, lambda: Millis(play.now))
    intake = Intake(SourceName("demo"), SOURCE, lambda reason, sample: pytest.fail(f"{reason}: {sample}"), lambda: Millis(play.now))
    for part in play.city.snapshot(Wish()):
        hub.batch(intake.batch(part, simulated=True))
    known = {alert.id for alert in hub.alerts}
    for _ in range(int(30 / FLAP_S)):
        play.city.flap()
        for step in range(int(FLAP_S * 1_000 / STEP)):
            del step
            play.now += STEP
            for batch in play.city.step(play.now):
                hub.batch(intake.batch(batch, simulated=True))
    raises = {alert.id: int(hub.alerts.raises[hub.alerts.row_of(alert.id)]) for alert in hub.alerts if alert.id not in known}
    (flapping,) = [name for name, times in raises.items() if times >= 3]
    fold = int(hub.alerts.fold[hub.alerts.row_of(flapping)])
    assert hub.alerts.folds.chattering(Millis(play.now))[fold]


async def test_a_flapping_alert_comes_and_goes(pack: CityPack) -> None:
    async with platform(pack, "flap") as dial:
        desk = await dial()
        await desk.subscribe(topics=("alerts",))
        versions: dict[str, list[bool]] = {}
        while not any(len(states) >= 2 for states in versions.values()):
            for alert in (await desk.hear_a(BatchMessage)).alerts:
                states = versions.setdefault(alert.id, [])
                if not states or states[-1] is not alert.active:
                    states.append(alert.active)


# --- a slow desk, a long memory, a process ------------------------------------------------------------------------------------


async def test_a_slow_desk_loses_values_and_nothing_else() -> None:
    session = Session(cast("Any", None), V1Codec(), Faults((), 1), lambda: 0.0)
    session.broadcast([b"alert"], values=False)
    for _ in range(5):
        session.broadcast([b"v" * (MOST_WAITING // 4)], values=True)
    session.post([b"answer"])
    assert session.behind
    sent: list[bytes] = []

    class Line:
        async def send(self, payload: bytes, *, text: bool) -> None:
            assert text
            sent.append(payload)

    late: list[Session] = []
    session.connection = cast("Any", Line())
    session.caught_up = late.append
    await session.flush()
    assert sent == [b"alert", b"answer"]
    assert late == [session]
    assert not session.behind


def test_the_tail_is_bounded_and_has_no_hole() -> None:
    tail = Tail(most_bytes=30)
    for seq in range(10, 20):
        tail.append(seq, f"frame {seq:02d}..".encode())
    assert tail.after(17) == [b"frame 18..", b"frame 19.."]
    assert tail.after(19) == []
    assert tail.after(16) is not None
    assert tail.after(15) is None
    assert tail.after(20) is None


def _process(*options: str) -> tuple[subprocess.Popen[str], dict[str, object]]:
    code = f"from datasources.demo import PlatformOptions, run_platform; run_platform(PlatformOptions({', '.join(options)}))"
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert child.stdout is not None
    return child, json.loads(child.stdout.readline())


@pytest.mark.parametrize("how", ["terminated", "orphaned"])
def test_the_process_says_where_it_is_and_ends_when_told(how: str) -> None:
    child, line = _process("with_parent=True")
    with child:
        assert str(line["url"]).startswith("ws://127.0.0.1:")
        assert (line["city"], line["simulated"]) == ("qingdao", True)
        begun = time.monotonic()
        if how == "terminated":
            child.send_signal(signal.SIGTERM)
        elif child.stdin is not None:
            child.stdin.close()
        assert child.wait(5) == 0
        assert time.monotonic() - begun < 2
