"""The path from a frame of the wire to a row of the alert store, fed with what a platform must not send: nothing raises, nothing else is lost,
and what was refused is counted."""

from __future__ import annotations

import copy
import json
import unicodedata
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Alert, AlertMove, AlertState
from app.domain.aside import MAX_OUT_MS
from app.domain.batch import Batch, LinkReport, LinkState, Readings
from app.domain.command import MAX_COMMENT, Answer
from app.domain.ids import AlertId, CommandKey, Millis, SourceName
from app.domain.text import Text, plain
from app.live.hub import Hub
from datasources import outside, schema
from datasources.codec import SUBPROTOCOLS, codec_for
from datasources.demo.city import City
from datasources.demo.narrow import Wish
from datasources.gateway import Timing, _Desk, _Session  # pyright: ignore[reportPrivateUsage] - a whole connection without its socket
from datasources.intake import Intake
from datasources.outside import fault_of_moment, fault_of_time
from datasources.protocol import SUBPROTOCOL_CLOUDEVENTS, SUBPROTOCOL_V1, AnswerMessage, BatchMessage
from datasources.reporting import LinkTally

NOW = Millis(1_795_258_900_000)
START = NOW - 60_000
LINK = SourceName("demo")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
PACK = load_city(find_cities()["qingdao"])


class Chair:
    """A desk's whole way in: a connection's session, sequence and intake, and the hub, without a socket between."""

    def __init__(self, subprotocol: str = SUBPROTOCOL_V1, pack: CityPack = PACK) -> None:
        self.hub = Hub(pack, lambda: NOW)
        self.codec = codec_for(subprotocol)
        self.answers: list[Answer] = []
        self.reports: list[LinkReport] = []
        self.tally = LinkTally(self.link, name=LINK, kind="gateway", address="ws://test", commands=True, now=lambda: NOW)
        self.tally.state = LinkState.LIVE
        self._session = _Session(cast("Any", None), self.codec, _Desk(LINK, self, self.tally, Timing(), lambda: NOW))

    def batch(self, batch: Batch) -> None:
        self.hub.batch(batch)

    def link(self, report: LinkReport) -> None:
        self.reports.append(report)
        self.hub.link(report)

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)

    def hear(self, *frames: bytes) -> None:
        for frame in frames:
            self._session.take(frame)

    def say(self, message: BatchMessage) -> None:
        self.hear(*self.codec.encode(message))

    @property
    def refused(self) -> int:
        return self.tally.refused

    def reasons(self) -> list[str]:
        """Of the newest refusals, as the operator reads them."""
        self.tally.turn(LinkState.STALLED)
        self.tally.turn(LinkState.LIVE)
        assert all(r.reason.isprintable() and r.sample.isprintable() and len(r.sample) <= 200 for r in self.reports[-1].refusals)
        return [refusal.reason for refusal in self.reports[-1].refusals]

    def alerts(self) -> dict[str, Alert]:
        return {alert.id: alert for alert in self.hub.alerts}

    def look(self) -> None:
        """Everything that a screen would ask for; and nothing in it may be of a kind that a screen must not show."""
        hub = self.hub
        hub.second(NOW)
        hub.take()
        hub.alerts.order()
        hub.alerts.standing()
        for row in range(len(hub.alerts)):
            fit_to_show(hub.alerts.at_row(row))
            hub.alerts.state_at(row)
        for case in hub.cases.values():
            msgspec.json.encode(case)
        for shelf in hub.shelves.values():
            assert shelf.reason and not hidden(shelf.reason) and 0 < shelf.until - shelf.at <= MAX_OUT_MS
        for name in hub.units.ids:
            msgspec.json.encode(hub.units[name])
        for series in range(0, len(hub.series), 200):
            hub.series.reading(series)
            hub.series.spark(series, NOW)


def fit_to_show(alert: Alert) -> None:
    msgspec.json.encode(alert)
    for words, most in ((alert.title, outside.MAX_TITLE), (alert.place, outside.MAX_PLACE), (alert.advice, outside.MAX_ADVICE)):
        for text in (words.zh, words.en):
            assert len(text) <= most and not hidden(text)
    assert alert.title.zh or alert.title.en
    for text in (alert.owner, alert.kind, alert.area, *(step.actor for step in alert.steps)):
        assert len(text) <= outside.MAX_NAME and not hidden(text)
    comments = [step.comment for step in alert.steps] + ([alert.acknowledged.comment] if alert.acknowledged else [])
    assert all(len(text) <= MAX_COMMENT and not hidden(text) for text in comments)
    times = [alert.at, *(step.at for step in alert.steps), *([alert.acknowledged.at] if alert.acknowledged else [])]
    assert not fault_of_time(NOW, *times, *([] if alert.ended_at is None else [alert.ended_at]))


def hidden(text: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\n\t" for char in text)


# --- real frames, and what is done to them -------------------------------------------------------------------------------------


def real_messages() -> list[BatchMessage]:
    """The small parts of a snapshot, a storm, and the example of the documents."""
    city = City(PACK, start=START)
    first, people, *_ = city.snapshot(Wish())
    readings = first.readings
    assert readings is not None
    few = Readings(readings.series[:40], readings.value[:40], readings.at[:40], readings.quality[:40])
    catalogue = msgspec.structs.replace(first, readings=few, part=1, parts=1)
    small = msgspec.structs.replace(people, alerts=people.alerts[:8], cases=people.cases[:4], units=people.units[:6], part=1, parts=1)
    city.flood(30)
    storm = [msgspec.structs.replace(batch, readings=None, fixes=batch.fixes[:5]) for batch in city.step(START + 50)]
    example = schema.FROM_PLATFORM["batch"]
    assert isinstance(example, BatchMessage)
    return [catalogue, msgspec.structs.replace(small, snapshot=False, seq=1), msgspec.structs.replace(storm[0], seq=2), example]


MESSAGES = real_messages()
FRAMES = {name: [codec_for(name).encode(message) for message in MESSAGES] for name in SUBPROTOCOLS}
STORM = MESSAGES[2].alerts

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    0,
    7,
    2**31,
    2**63,
    10**30,
    10**4000,
    1e308,
    -1e308,
    "",
    " ",
    "x",
    "@",
    "\u202eevil\u2066",
    "\u200b\u200e\ufeff",
    "\u0000\u0007\u001b[31m",
    "\ud83d",
    "<img src=x onerror=1>" * 20,
    "字" * 5_000,
    "A" * 1_000_000,
    "\n" * 3_000,
    [],
    {},
    [[]],
    {"zh": 1},
    {"zh": "\u2028", "en": "\u061c"},
    [1e308, -1e308],
    [120.3, 36.1, 7],
    float("nan"),
    NOW * 1_000,
    NOW * 1_000_000,
    NOW // 1_000,
    NOW + 10 * 86_400_000,
    253_402_300_800_000,
]
hostile = st.sampled_from(HOSTILE) | st.text(max_size=30) | st.integers() | st.floats()


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def spoil(data: st.DataObject, value: Any) -> None:
    """Change one thing somewhere in `value`, a list or dict that is not empty."""
    spot = value
    while True:
        key = data.draw(st.sampled_from(list(spot) if isinstance(spot, dict) else list(range(len(spot)))))
        inner = spot[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 3)):
            spot = cast("Any", inner)
            continue
        way = data.draw(st.integers(0, 5))
        if way == 0:
            del spot[key]
        elif way == 1 and isinstance(spot, list):
            spot.extend(copy.deepcopy(spot)[:3])
        else:
            spot[key] = copy.deepcopy(data.draw(hostile))
        return


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@given(data=st.data())
@QUICK
def test_bytes_that_were_broken_on_the_way_break_nothing(subprotocol: str, data: st.DataObject) -> None:
    chair = Chair(subprotocol)
    chair.hear(*FRAMES[subprotocol][0])
    for _ in range(3):
        frame = bytearray(data.draw(st.sampled_from([frame for frames in FRAMES[subprotocol][1:] for frame in frames])))
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(frame)))
            end = min(len(frame), start + data.draw(st.sampled_from([0, 1, 1, 5, 200])))
            frame[start:end] = data.draw(st.binary(max_size=6))
        chair.hear(bytes(frame))
    chair.look()


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@given(data=st.data())
@QUICK
def test_fields_that_are_wrong_missing_or_repeated_break_nothing(subprotocol: str, data: st.DataObject) -> None:
    chair = Chair(subprotocol)
    chair.hear(*FRAMES[subprotocol][0])
    for frames in FRAMES[subprotocol][1:]:
        victim = data.draw(st.integers(0, len(frames) - 1))
        frame = json.loads(frames[victim])
        for _ in range(data.draw(st.integers(1, 3))):
            if frame:
                spoil(data, frame)
        chair.hear(*frames[:victim], encoded(frame), *frames[victim + 1 :])
    chair.look()


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@given(data=st.data())
@QUICK
def test_a_spoilt_record_costs_no_neighbour_and_is_never_lost_silently(subprotocol: str, data: st.DataObject) -> None:
    chair = Chair(subprotocol)
    chair.hear(*FRAMES[subprotocol][0])
    first = chair.tally.records
    victim = data.draw(st.integers(0, len(STORM) - 1))
    for frame in chair.codec.encode(BatchMessage(source="city", seq=MESSAGES[0].seq + 1, at=NOW, alerts=STORM)):
        event = json.loads(frame)
        if subprotocol == SUBPROTOCOL_V1:
            spoil(data, event["alerts"][victim])
        elif event["piece"] == victim + 1:
            spoil(data, event["data"])
        chair.hear(encoded(event))
    came = chair.alerts()
    known = {alert.id for alert in STORM}
    for alert in (*STORM[:victim], *STORM[victim + 1 :]):
        assert (came[alert.id].title, came[alert.id].at, came[alert.id].version) == (alert.title, alert.at, alert.version)
    spoilt = STORM[victim].id in came or bool(came.keys() - known)
    assert spoilt or chair.refused >= 1
    assert chair.tally.records - first == len(came)
    chair.look()


# --- one fault at a time -------------------------------------------------------------------------------------------------------

LOST: list[tuple[dict[str, Any], str]] = [
    ({"severity": 0}, "severity"),
    ({"severity": 5}, "severity"),
    ({"severity": "worst"}, "severity"),
    ({"id": ""}, "an id that is empty, too long or not printable"),
    ({"id": "a\u202eb"}, "an id that is empty, too long or not printable"),
    ({"id": "a" * 300}, "an id that is empty, too long or not printable"),
    ({"version": -1}, "a version that cannot be"),
    ({"version": 2**31}, "a version that cannot be"),
    ({"title": "not both languages"}, "title"),
    ({"reality": "dream"}, "reality"),
    ({"at": "yesterday"}, "at"),
]
MENDED: list[tuple[dict[str, Any], str]] = [
    ({"at": 0}, "an alert with an impossible time, dated at its arrival"),
    ({"at": NOW * 1_000}, "an alert with an impossible time, dated at its arrival"),
    ({"at": NOW + 2 * 86_400_000}, "an alert with an impossible time, dated at its arrival"),
    ({"active": False, "ended_at": 10**18}, "an alert with an impossible time, dated at its arrival"),
    ({"acknowledged": {"by": "li", "at": -(10**30)}}, "an alert with an impossible time, dated at its arrival"),
    ({"position": [36.1, 120.3]}, "an alert at a place that is not on Earth, kept without it"),
    ({"polygons": [[[0, 0], [1, 1], [1e300, 0]]]}, "a warning area that cannot be drawn, left out of its alert"),
    ({"cause": "\u0000"}, "an alert with a cause, case, series or confidence that cannot be, kept without it"),
    ({"series": "rain"}, "an alert with a cause, case, series or confidence that cannot be, kept without it"),
    ({"confidence": 50}, "an alert with a cause, case, series or confidence that cannot be, kept without it"),
]
KEPT: list[dict[str, Any]] = [
    {"kind": "a kind that no pack knows"},
    {"area": "999999"},
    {"kind": "\u202e" + "k" * 10_000},
    {"title": {"zh": "题" * 1_000_000, "en": ""}},
    {"title": {"zh": "\u200b", "en": "\ud83d"}},
    {"title": {"zh": "<b onclick='x'>&amp;</b>", "en": "\u202etxt.exe"}},
    {"advice": {"zh": "一\r\n二\u2028三", "en": "\x1b[2J"}},
    {"owner": "\u2067" + "o" * 500, "steps": [{"move": "comment", "at": NOW, "actor": "\u061c", "comment": "c" * 9_000}] * 900},
    {"value": float("nan"), "limit": float("inf")},
    {"something new": {"deep": [1]}},
]


def hear_one(change: dict[str, Any], subprotocol: str = SUBPROTOCOL_V1) -> tuple[Chair, str]:
    """A desk that heard three alerts, the middle one changed; and the middle one's id."""
    chair = Chair(subprotocol)
    chair.hear(*FRAMES[subprotocol][0])
    for frame in chair.codec.encode(BatchMessage(source="city", seq=MESSAGES[0].seq + 1, at=NOW, alerts=STORM[:3])):
        event = json.loads(frame)
        if subprotocol == SUBPROTOCOL_V1:
            event["alerts"][1] |= change
        elif event["piece"] == 2:
            event["data"] |= change
        chair.hear(encoded(event))
    assert {STORM[0].id, STORM[2].id} <= chair.alerts().keys(), "no neighbour is lost"
    chair.look()
    return chair, str(change.get("id", STORM[1].id))


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@pytest.mark.parametrize(("change", "reason"), LOST, ids=lambda value: str(value)[:40])
def test_an_alert_that_cannot_be_is_refused_by_itself(subprotocol: str, change: dict[str, Any], reason: str) -> None:
    chair, _ = hear_one(change, subprotocol)
    assert (len(chair.hub.alerts), chair.refused) == (2, 1)
    assert reason in chair.reasons()[0]


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@pytest.mark.parametrize(("change", "reason"), MENDED, ids=lambda value: str(value)[:40])
def test_an_alert_is_kept_without_what_cannot_be_and_that_is_counted(subprotocol: str, change: dict[str, Any], reason: str) -> None:
    chair, name = hear_one(change, subprotocol)
    assert name in chair.alerts() and chair.refused == 1
    assert chair.reasons() == [reason]


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
@pytest.mark.parametrize("change", KEPT, ids=lambda value: str(value)[:40])
def test_words_are_shown_as_text_and_nothing_is_refused(subprotocol: str, change: dict[str, Any]) -> None:
    chair, name = hear_one(change, subprotocol)
    assert name in chair.alerts() and chair.refused == 0


def test_what_is_shown_of_hostile_words() -> None:
    alert = {n: hear_one(change)[0].alerts()[STORM[1].id] for n, change in enumerate(KEPT)}
    assert alert[0].kind == "a kind that no pack knows" and alert[1].area == "999999"
    assert len(alert[3].title.zh) == outside.MAX_TITLE and alert[3].title.zh.endswith("题…")
    assert alert[4].title == Text(STORM[1].id, STORM[1].id), "a title with nothing left is the id"
    assert alert[5].title == Text("<b onclick='x'>&amp;</b>", "txt.exe")
    assert alert[6].advice == Text("一\n二三", "[2J")
    assert len(alert[7].steps) == 200 and alert[7].steps[0].comment.endswith("c…")
    assert alert[8].value is None and alert[8].limit is None


# --- times ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW, ""),
        (NOW + 86_400_000, ""),
        (946_684_800_000, ""),
        (NOW + 86_400_001, "a time more than a day in the future"),
        (946_684_799_999, "a time before the year 2000"),
        (0, "a time before the year 2000"),
        (NOW // 1_000, "a time before the year 2000"),
        (-(10**30), "a time before the year 2000"),
        (NOW * 1_000, "a time in microseconds or nanoseconds where milliseconds are meant"),
        (NOW * 1_000_000, "a time in microseconds or nanoseconds where milliseconds are meant"),
        (10**30, "a time that no calendar has"),
    ],
)
def test_times_that_cannot_be_say_why(at: int, reason: str) -> None:
    assert fault_of_time(NOW, NOW, at) == reason
    assert not fault_of_moment(NOW + 10 * 365 * 86_400_000)


def test_an_alert_out_of_time_is_dated_once_and_says_so() -> None:
    now = [NOW]
    refused: list[str] = []
    intake = Intake(LINK, "city", lambda reason, _sample: refused.append(reason), lambda: now[0])
    hub = Hub(PACK, lambda: now[0])
    for version in (1, 2, 3):
        odd = msgspec.structs.replace(STORM[0], at=Millis(1_000), version=version)
        hub.batch(intake.batch(BatchMessage(source="city", seq=version, at=now[0], alerts=(odd,)), simulated=False))
        now[0] = Millis(now[0] + 30_000)
    (alert,) = hub.alerts
    assert (alert.at, alert.version, alert.state) == (NOW, 3, AlertState.UNACKNOWLEDGED)
    assert int(hub.alerts.raises[0]) == 1, "an alert that is told again is not raised again"
    (note,) = alert.steps
    assert (note.move, note.at, note.actor) == (AlertMove.COMMENT, NOW, "demo") and "1000" in note.comment
    assert len(refused) == 3


def test_a_simulated_city_may_live_in_another_year() -> None:
    refused: list[str] = []
    intake = Intake(LINK, "city", lambda reason, _sample: refused.append(reason), lambda: NOW)
    ahead = Millis(NOW + 400 * 86_400_000)
    message = BatchMessage(source="city", seq=1, at=ahead, alerts=(msgspec.structs.replace(STORM[0], at=ahead),))
    assert intake.batch(message, simulated=True).alerts[0].at == ahead and refused == []
    taken = intake.batch(message, simulated=False)
    assert taken.at == taken.alerts[0].at == NOW and len(refused) == 2


# --- many at once --------------------------------------------------------------------------------------------------------------


def test_of_one_record_twice_the_newest_stands_and_a_contradiction_is_refused() -> None:
    chair = Chair()
    a, b, c = STORM[:3]
    newer = msgspec.structs.replace(a, title=Text("新", "new"), version=a.version + 1)
    other = msgspec.structs.replace(b, title=Text("异", "other"))
    wrong = msgspec.structs.replace(c, title=Text("错", "wrong"), version=2**40)
    chair.say(BatchMessage(source="city", seq=1, at=NOW, snapshot=True, alerts=(newer, a, b, other, c, wrong, c)))
    came = chair.alerts()
    assert (came[a.id].title.en, came[b.id].title, came[c.id].title) == ("new", b.title, c.title)
    assert (chair.refused, chair.reasons()) == (2, ["the same version of one record with other contents", "a version that cannot be"])


def test_counts_add_up_in_a_flood_of_records_that_cannot_be() -> None:
    chair = Chair()
    chair.hear(*FRAMES[SUBPROTOCOL_V1][0])
    many = [msgspec.to_builtins(msgspec.structs.replace(STORM[0], id=AlertId(f"a-{n}"))) for n in range(6_000)]
    for n, record in enumerate(many):
        record["severity"] = (1, 9, 4)[n % 3]
    before = chair.tally.records
    chair.hear(encoded({"type": "batch", "source": "city", "seq": MESSAGES[0].seq + 1, "at": NOW, "alerts": many}))
    assert (len(chair.hub.alerts), chair.tally.records - before, chair.refused) == (4_000, 4_000, 2_000)
    assert len(chair.reasons()) == 20, "the newest few are listed"


def test_readings_that_cannot_be_are_counted_one_by_one() -> None:
    chair = Chair()
    chair.hear(*FRAMES[SUBPROTOCOL_V1][0])
    taken = chair.hub.series.taken
    rows = [(0, 1.0, NOW), (0, 1e300, NOW), (1, 2.0, 0), (-1, 2.0, NOW), (2, None, NOW), (3, 2.0, NOW * 1_000), (4, float("nan"), NOW)]
    columns = {"series": [r[0] for r in rows], "value": [r[1] for r in rows], "at": [r[2] for r in rows]}
    chair.hear(encoded({"type": "batch", "source": "city", "seq": MESSAGES[0].seq + 1, "at": NOW, "readings": columns}))
    assert (chair.hub.series.taken - taken, chair.refused) == (3, 4)
    assert chair.hub.series.reading(4).value is None
    chair.look()


def test_an_answer_is_never_lost_for_its_words() -> None:
    for subprotocol in (SUBPROTOCOL_V1, SUBPROTOCOL_CLOUDEVENTS):
        chair = Chair(subprotocol)
        answer = Answer(key=CommandKey("k"), outcome="refused", reason=Text("不行" * 2_000, "no\u202e"), version=-4, at=Millis(0))
        (frame,) = chair.codec.encode(AnswerMessage(answer=answer))
        chair.hear(frame.replace("no\u202e".encode(), b"no\\ud83d\\u202e"))
        (taken,) = chair.answers
        assert (taken.reason.en, len(taken.reason.zh), taken.version, taken.at) == ("no", outside.MAX_REASON, 0, NOW)
        assert chair.refused == 0


@given(st.text(max_size=60), st.booleans(), st.integers(0, 20))
def test_plain_words_hide_nothing_and_stay_plain(words: str, lines: bool, most: int) -> None:
    kept = plain(words, lines=lines, most=most)
    assert not hidden(kept) and (lines or "\n" not in kept) and (not most or len(kept) <= most)
    assert plain(kept, lines=lines, most=most) == kept
