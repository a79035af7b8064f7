"""CAP warnings from files: what they become in the queue, how they replace and end each other, and what hostile files cannot do."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.citypack import CityPack
from app.domain.alert import Alert, AlertMove, AlertState, Reality
from app.domain.batch import Batch, LinkDown, LinkReport, LinkState
from app.domain.city import AlertKind, Area, AreaLevel
from app.domain.command import Answer, Command, MoveAlerts
from app.domain.errors import DeckError
from app.domain.geo import Position, distance_m
from app.domain.ids import AlertId, AlertKindId, AreaCode, CommandKey, DepartmentId, Millis, SourceName
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from datasources.cap import CapRegister, CapSource
from datasources.cap_message import MAX_BYTES, CapFault, CapMessage, parse
from datasources.gateway import GatewaySource
from datasources.links import open_source

OWN = Path(__file__).parent / "data" / "cap"
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "cap"
ROOT, SHINAN, HARBOUR = AreaCode("370200"), AreaCode("370202"), AreaCode("370203")
RAIN = "cap:37020041600000_20260720080000"


def at(text: str) -> Millis:
    return Millis(int(datetime.fromisoformat(text).timestamp() * 1_000))


MORNING, NOON, NIGHT = at("2026-07-20T09:30:00+08:00"), at("2026-07-20T12:30:00+08:00"), at("2026-07-20T21:00:00+08:00")


def square(west: float, south: float, side: float) -> tuple[Position, ...]:
    corners = [(west, south), (west + side, south), (west + side, south + side), (west, south + side), (west, south)]
    return tuple(Position(lon, lat) for lon, lat in corners)


def area(code: AreaCode, level: AreaLevel, *outline: tuple[Position, ...]) -> Area:
    return Area(code=code, name=Text(code, code), level=level, centre=Position(120.3, 36.1), outline=outline)


@pytest.fixture
def city() -> CityPack:
    rain = AlertKind(
        id=AlertKindId("rainstorm"), name=Text("暴雨", "Rainstorm"), title=Text(), severity=Severity.SEVERE, domain="safety", owner=DepartmentId("x")
    )
    return CityPack(
        id="qingdao",
        name=Text("青岛市", "Qingdao"),
        zone="Asia/Shanghai",
        root=ROOT,
        areas={
            ROOT: area(ROOT, AreaLevel.CITY, square(119, 35, 3)),
            SHINAN: area(SHINAN, AreaLevel.DISTRICT, square(120.3, 36.05, 0.1)),
            HARBOUR: area(HARBOUR, AreaLevel.DISTRICT, square(120.5, 36.05, 0.1)),
        },
        weights={},
        departments={},
        domains={},
        indicators={},
        alert_kinds={rain.id: rain},
        unit_kinds={},
        places=(),
        coast=(),
        bounds=(119, 35, 122, 38),
        phenomena=(),
    )


class Recorder:
    """A sink that keeps the newest of every alert and wakes whoever waits."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.report: LinkReport | None = None
        self._happened = asyncio.Event()

    def batch(self, batch: Batch) -> None:
        assert batch.source == "cap:own" and not batch.snapshot
        self.alerts.update({alert.id: alert for alert in batch.alerts})
        self._happened.set()

    def link(self, report: LinkReport) -> None:
        self.report = report
        self._happened.set()

    def answer(self, answer: Answer) -> None:
        raise AssertionError(answer)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not true():
                self._happened.clear()
                await self._happened.wait()

    def refused(self) -> int:
        return self.report.refused if self.report else 0

    def state(self) -> LinkState | None:
        return self.report.state if self.report else None


class Clock:
    """A clock that a test turns."""

    def __init__(self, at: Millis) -> None:
        self.at = at

    def __call__(self) -> Millis:
        return self.at


def watch(path: Path, city: CityPack, clock: Clock, test: Callable[[Recorder], Coroutine[Any, Any, None]]) -> Recorder:
    """Run `test` while a source reads `path`."""
    sink = Recorder()

    async def scene() -> None:
        async with asyncio.timeout(10):
            running = asyncio.create_task(CapSource(SourceName("cap:own"), path, city, clock, rescan_s=0.02).run(sink))
            await test(sink)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(scene())
    return sink


def read(name: str, folder: Path = OWN) -> CapMessage:
    return parse((folder / name).read_bytes())


def register(city: CityPack, now: Millis, *names: str) -> dict[str, Alert]:
    """The alerts after these files, in this order."""
    taken = CapRegister(SourceName("cap"), city)
    for name in names:
        taken.take(read(name), now)
    return {alert.id: alert for alert in taken.changed(now)}


def test_a_warning_becomes_an_alert_in_both_languages(city: CityPack) -> None:
    (alert,) = register(city, MORNING, "rain.cap").values()
    assert alert.id == RAIN
    assert (alert.kind, alert.severity, alert.area) == ("rainstorm", Severity.SEVERE, SHINAN)
    assert alert.title == Text("青岛市气象台发布暴雨橙色预警", "Orange warning of heavy rain")
    assert alert.place == Text("市南区", "Shinan District")
    assert alert.advice.zh.startswith("减少外出") and "50 mm" in alert.advice.en
    assert (alert.active, alert.ended_at, alert.reality) == (True, None, Reality.ACTUAL)
    assert alert.at == at("2026-07-20T08:00:00+08:00")
    assert alert.position is not None and distance_m(alert.position, Position(120.35, 36.085)) < 10
    assert alert.polygons[0][0] == Position(120.30, 36.05), "latitude comes first in CAP, longitude in the deck"


@pytest.mark.parametrize("order", [("rain.cap", "rain-update.cap"), ("rain-update.cap", "rain.cap")])
def test_an_update_replaces_the_warning_in_its_row(city: CityPack, order: tuple[str, str]) -> None:
    (alert,) = register(city, NOON, *order).values()
    assert (alert.id, alert.severity, alert.title.zh) == (RAIN, Severity.EXTREME, "暴雨预警升级为红色")


@pytest.mark.parametrize(
    "order", [("rain.cap", "rain-update.cap", "rain-cancel.cap"), ("rain-cancel.cap", "rain-update.cap", "rain.cap"), ("rain-cancel.cap", "rain.cap")]
)
def test_a_cancel_ends_the_whole_chain_whatever_was_read_first(city: CityPack, order: tuple[str, ...]) -> None:
    alerts = register(city, NOON, *order)
    if "rain-update.cap" in order:
        (alert,) = alerts.values()
        assert (alert.active, alert.ended_at, alert.state) == (False, at("2026-07-20T12:00:00+08:00"), AlertState.RETURNED)
    else:
        assert alerts[RAIN].active, "the update that was cancelled is not known to be of this warning"


def test_expiry_ends_a_warning_and_an_old_one_still_enters_the_queue(city: CityPack) -> None:
    taken = CapRegister(SourceName("cap"), city)
    taken.take(read("rain.cap"), MORNING)
    assert [alert.active for alert in taken.changed(MORNING)] == [True]
    assert taken.changed(NOON) == []
    (ended,) = taken.changed(NIGHT)
    assert (ended.active, ended.ended_at, ended.version) == (False, at("2026-07-20T20:00:00+08:00"), 2)
    (old,) = register(city, NIGHT, "expired.cap").values()
    assert (old.state, old.ended_at) == (AlertState.RETURNED, at("2019-03-01T20:00:00+08:00"))


def test_an_exercise_is_never_actual(city: CityPack) -> None:
    (alert,) = register(city, MORNING, "exercise.cap").values()
    assert (alert.reality, alert.kind, alert.area) == (Reality.EXERCISE, "cap.met", SHINAN)
    ring = alert.polygons[0]
    assert len(ring) == 33 and all(abs(distance_m(Position(120.35, 36.06), corner) - 12_500) < 20 for corner in ring)
    for status in ("Test", "System", "Draft"):
        raw = (OWN / "exercise.cap").read_text().replace("Exercise", status).encode()
        assert parse(raw).reality is Reality.TEST


def test_an_unknown_severity_goes_by_urgency() -> None:
    raw = (OWN / "expired.cap").read_text()
    table = {"Immediate": Severity.SEVERE, "Expected": Severity.MODERATE, "Future": Severity.MINOR, "Unknown": Severity.MINOR}
    for urgency, severity in table.items():
        assert parse(raw.replace("Expected", urgency).encode()).severity is severity


def test_swapped_coordinates_cost_the_drawing_not_the_warning(city: CityPack) -> None:
    message = read("swapped.cap")
    assert (message.polygons, message.centre) == ((), None) and "latitude comes first" in message.faults[0]
    (alert,) = register(city, MORNING, "swapped.cap").values()
    assert (alert.area, alert.position, alert.severity) == (ROOT, None, Severity.MODERATE)


def test_titles_are_cut_and_cleaned() -> None:
    raw = (OWN / "expired.cap").read_text().replace("Dense fog", "Dense\u202e \x85\u2067fog\n  everywhere " + "x" * 500)
    title = parse(raw.encode()).title.en
    assert len(title) == 300 and title.startswith("Dense fog everywhere x") and title.endswith("x…")


def test_words_hide_nothing_and_markup_is_text(city: CityPack) -> None:
    raw = (OWN / "rain.cap").read_text().replace("Orange warning", "&lt;b&gt;Or\u200b\u061cange\u2028&lt;/b&gt;<![CDATA[<script>]]>\u2069 warning")
    raw = raw.replace("<category>Met</category>", "<category>M\u202eet" + "x" * 90_000 + "</category>")
    taken = CapRegister(SourceName("cap"), city)
    assert taken.take(parse(raw.encode()), MORNING) == []
    (alert,) = taken.changed(MORNING)
    assert alert.title.en.startswith("<b>Orange") and "<script> warning" in alert.title.en and "\n" not in alert.title.en
    hidden = set("\u200b\u061c\u2028\u2069\u202e")
    assert not hidden & set(alert.title.en + alert.title.zh + alert.kind) and len(alert.kind) <= 24


@pytest.mark.parametrize("wrong", ["1970-01-01T08:00:00+08:00", "2726-07-20T08:00:00+08:00", "9999-12-31T23:59:59+00:00"])
def test_a_warning_is_never_lost_for_its_time(city: CityPack, wrong: str) -> None:
    taken = CapRegister(SourceName("cap"), city)
    raw = (OWN / "exercise.cap").read_text()
    began = raw.index("<sent>") + len("<sent>")
    raw = raw[:began] + wrong + raw[raw.index("</sent>") :]
    raw = re.sub("<(effective|expires|onset)>.*?</.*?>", "", raw)
    assert taken.take(parse(raw.encode()), MORNING) == ["an alert with an impossible time, dated at its arrival"]
    (alert,) = taken.changed(MORNING)
    assert (alert.at, alert.active, alert.state) == (MORNING, True, AlertState.UNACKNOWLEDGED)
    assert alert.steps[-1].actor == "cap" and "来源" in alert.steps[-1].comment
    taken.take(parse(raw.encode()), NOON)
    assert taken.changed(NOON) == [], "what is read again is not new again"


def test_a_warning_of_what_is_days_away_is_dated_when_it_was_sent(city: CityPack) -> None:
    raw = (OWN / "rain.cap").read_text()
    ahead = raw.replace("<effective>2026-07-20", "<effective>2026-07-25").replace("<expires>2026", "<expires>1985")
    taken = CapRegister(SourceName("cap"), city)
    faults = taken.take(parse(ahead.encode()), MORNING)
    (alert,) = taken.changed(MORNING)
    assert len(faults) == 2 and alert.at == parse(raw.encode()).sent and alert.active


@pytest.mark.parametrize(
    ("name", "reason"),
    [("broken.cap", "not XML"), ("bomb.cap", "type definition is forbidden"), ("feed.cap", "not a CAP"), ("nameless.cap", "missing identifier")],
)
def test_files_that_are_no_warning_say_why(name: str, reason: str) -> None:
    with pytest.raises(CapFault, match=reason):
        read(name)


def test_an_acknowledgement_warns_of_nothing(city: CityPack) -> None:
    taken = CapRegister(SourceName("cap"), city)
    assert "Ack" in taken.take(read("ack.cap"), MORNING)[0]
    assert taken.changed(MORNING) == []


@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_no_bytes_raise_anything_but_a_fault(raw: bytes) -> None:
    with suppress(CapFault):
        parse(raw)


@given(st.data())
def test_no_change_to_a_message_raises_anything_but_a_fault(data: st.DataObject) -> None:
    raw = (OWN / data.draw(st.sampled_from(["rain.cap", "rain-update.cap", "exercise.cap"]))).read_bytes()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 60)))
    with suppress(CapFault):
        parse(raw[:start] + data.draw(st.binary(max_size=30)) + raw[end:])


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" * 100_000,
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"\xff\xfe<\x00a\x00",
        b" " * (MAX_BYTES + 1),
        b"<a>" * 50_000 + b"</a>" * 50_000,
    ],
)
def test_hostile_xml_is_only_refused(raw: bytes) -> None:
    with pytest.raises(CapFault):
        parse(raw)


def test_a_folder_is_read_and_everything_wrong_is_counted(city: CityPack) -> None:
    async def test(sink: Recorder) -> None:
        await sink.until(lambda: sink.refused() == 6 and len(sink.alerts) == 4)
        assert sink.alerts[RAIN].active is False

    sink = watch(OWN, city, Clock(NOON), test)
    assert sink.report is not None
    told = {refusal.sample: refusal.reason for refusal in sink.report.refusals}
    assert set(told) == {"ack.cap", "bomb.cap", "broken.cap", "feed.cap", "nameless.cap", "swapped.cap"}
    assert (sink.report.kind, sink.report.commands, sink.report.frames) == ("cap", False, 11)


def test_changes_are_followed_and_a_deleted_file_clears_nothing(city: CityPack, tmp_path: Path) -> None:
    clock = Clock(MORNING)
    source = tmp_path / "in"

    async def test(sink: Recorder) -> None:
        await sink.until(lambda: sink.state() is LinkState.DOWN)
        source.mkdir()
        await sink.until(lambda: sink.state() is LinkState.LIVE)
        (source / "half.cap").write_bytes((OWN / "rain.cap").read_bytes()[:400])
        (source / "notes.txt").write_text("not for us")
        os.mkfifo(source / "pipe.cap")
        await sink.until(lambda: sink.refused() == 1)
        shutil.copy(OWN / "rain.cap", source / "half.cap")
        await sink.until(lambda: RAIN in sink.alerts)
        (source / "half.cap").unlink()
        shutil.copy(OWN / "exercise.cap", source)
        await sink.until(lambda: len(sink.alerts) == 2)
        assert sink.alerts[RAIN].active
        clock.at = NIGHT
        await sink.until(lambda: not any(alert.active for alert in sink.alerts.values()))

    watch(source, city, clock, test)


def test_a_single_file_may_be_called_anything_and_takes_no_commands(city: CityPack, tmp_path: Path) -> None:
    named = tmp_path / "warning"
    shutil.copy(OWN / "rain.cap", named)

    async def test(sink: Recorder) -> None:
        await sink.until(lambda: RAIN in sink.alerts)

    watch(named, city, Clock(MORNING), test)
    act = MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(AlertId(RAIN),))
    command = Command(key=CommandKey("k"), act=act, area=ROOT, actor="li", role=Role.OPERATOR, seat=Seat.DUTY, desk="d", at=NOON)
    with pytest.raises(LinkDown):
        asyncio.run(CapSource(SourceName("c"), named, city, Clock(MORNING)).send(command))


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real messages are not at {REAL.name} beside the repository")
def test_real_messages_of_other_countries(city: CityPack) -> None:
    async def test(sink: Recorder) -> None:
        await sink.until(lambda: sink.refused() == 2 and len(sink.alerts) == 5)

    sink = watch(REAL, city, Clock(NIGHT), test)
    assert sink.report is not None
    assert {refusal.sample: refusal.reason for refusal in sink.report.refusals} == {
        "invalid.cap": "missing scope",
        "xee.cap": "a document type definition is forbidden",
    }
    alerts = list(sink.alerts.values())
    assert all(alert.state is AlertState.RETURNED and alert.ended_at is not None for alert in alerts)
    assert all(alert.area == "" for alert in alerts), "no part of another country lies in this city"
    titles = {alert.title.en for alert in alerts}
    assert titles >= {"EQ 6.3 Neiafu, Tonga - PRELIMINARY REPORT", "Yerong Creek Structure Fire", "severe thunderstorm watch"}


def test_what_connect_understands(city: CityPack, tmp_path: Path) -> None:
    def opened(spec: str, **more: Any) -> Any:
        return open_source(spec, desk="d", city=city, now=Clock(NOON), **more)

    gateway, files = opened("ws://127.0.0.1:8765", token="t"), opened(f"cap:{tmp_path}")
    assert isinstance(gateway, GatewaySource) and gateway.name == "127.0.0.1:8765"
    assert isinstance(files, CapSource) and files.name.startswith("cap:") and "/" not in files.name and len(files.name) <= 24
    assert opened("wss://city.example/", taken=["city.example", "city.example-2"]).name == "city.example-3"
    assert opened("cap:/", name="warnings").name == "warnings"
    for spec in ("mqtt://x", "8765", "cap:", "", "ws://10.0.0.1"):
        with pytest.raises(DeckError):
            opened(spec)
    with pytest.raises(DeckError) as told:
        opened("mqtt://user:secret@host/x")
    assert "mqtt" not in told.value.what and "secret" not in str(told.value) and "cap:PATH" in told.value.remedy
    with pytest.raises(DeckError):
        opened("wss://city.example", ca=tmp_path / "missing.pem")
