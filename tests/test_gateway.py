"""The gateway against small platforms over real sockets: resume, holes, duplicates, silence, garbage, tokens, TLS, commands."""

from __future__ import annotations

import asyncio
import random
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.domain.alert import Alert, AlertMove, Reality
from app.domain.aside import How, Scope, Shelf
from app.domain.batch import Batch, LinkDown, LinkReport, LinkState, Readings
from app.domain.command import Answer, Command, MoveAlerts
from app.domain.errors import DeckError
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CommandKey, Millis, SeriesId, ShelfId, SourceName, UnitId
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.domain.unit import UnitFix
from datasources.codec import codec_for
from datasources.gateway import GatewaySource, Timing, default_tls
from datasources.protocol import (
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
    Message,
    Problem,
    Resync,
    Subscribe,
    Welcome,
)
from datasources.sequence import NOTHING, Patience, Sequence

NOW = Millis(1_760_000_000_000)
TOKEN = "a-secret-nobody-may-see"
QUICK = Timing(
    backoff_first_s=0.01, backoff_most_s=0.05, refused_retry_s=0.05, tick_s=0.01, problem_every_s=0.0, patience=Patience(reorder_s=0.05, resync_s=0.3)
)


def alert(id: str, **more: Any) -> Alert:
    return Alert(
        id=AlertId(id), kind=AlertKindId("rain"), severity=Severity.SEVERE, title=Text("暴雨", "Rain"), area=AreaCode("370200"), at=NOW, **more
    )


def batch(seq: int, *ids: str, **more: Any) -> BatchMessage:
    return BatchMessage(source="city", seq=seq, at=NOW, alerts=tuple(alert(id) for id in ids), **more)


def command() -> Command:
    return Command(
        key=CommandKey("0" * 32),
        act=MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(AlertId("a"),)),
        area=AreaCode("370200"),
        actor="li",
        role=Role.DUTY_OFFICER,
        seat=Seat.DUTY,
        desk="desk-1",
        at=NOW,
    )


_Message = TypeVar("_Message")


class Recorder:
    """A sink that keeps everything and wakes whoever waits for a condition."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.reports: list[LinkReport] = []
        self.answers: list[Answer] = []
        self._happened = asyncio.Event()

    def batch(self, batch: Batch) -> None:
        self.batches.append(batch)
        self._happened.set()

    def link(self, report: LinkReport) -> None:
        self.reports.append(report)
        self._happened.set()

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._happened.set()

    @property
    def alerts(self) -> list[str]:
        return [alert.id for batch in self.batches for alert in batch.alerts]

    @property
    def report(self) -> LinkReport:
        """The newest, or an empty one before the first."""
        nothing = LinkReport(name=SourceName("demo"), kind="", address="", state=LinkState.DOWN, since=NOW)
        return self.reports[-1] if self.reports else nothing

    @property
    def states(self) -> list[LinkState]:
        return [report.state for report in self.reports]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not true():
                self._happened.clear()
                await self._happened.wait()


class Peer:
    """The platform's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.codec = codec_for(connection.subprotocol or SUBPROTOCOL_V1)
        self.heard: list[Message] = []

    async def say(self, *messages: Message) -> None:
        for message in messages:
            for frame in self.codec.encode(message):
                await self.connection.send(frame, text=True)

    async def hear(self, kind: type[_Message]) -> _Message:
        """The next message of `kind`; what else comes is kept in `heard`."""
        while True:
            message = self.codec.decode_for_platform(await self.connection.recv(decode=False))
            self.heard.append(message)
            if isinstance(message, kind):
                return message

    async def greet(self, **welcome: Any) -> Subscribe:
        """The handshake up to what the desk wants."""
        await self.hear(Hello)
        welcome = {"platform": "test", "city": "qingdao", "at": NOW, "heartbeat_ms": 100, "authentication": False, **welcome}
        await self.say(Welcome(**welcome))
        if welcome["authentication"]:
            assert (await self.hear(Authenticate)).token == TOKEN
            await self.say(Authenticated())
        return await self.hear(Subscribe)

    async def idle(self, **seqs: int) -> None:
        """Answer heartbeats until the desk goes."""
        while True:
            theirs = await self.hear(Heartbeat)
            await self.say(Heartbeat(at=NOW, echo=theirs.at, seqs=seqs))


Script = Callable[[Peer], Awaitable[None]]


class Room(AbstractAsyncContextManager["Room"]):
    """A platform that plays one script a connection (the last one again and again), and a desk connected to it."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, offers: tuple[str, ...] = (SUBPROTOCOL_V1,), **options: Any) -> None:
        self.sink = Recorder()
        self.failed: list[BaseException] = []
        self._scripts = list(scripts)
        self._tls = tls
        self._offers = [Subprotocol(name) for name in offers]
        self._options: dict[str, Any] = {"token": TOKEN, "timing": QUICK, "rng": random.Random(1), **options}

    async def __aenter__(self) -> Room:
        self._server: Server = await serve(self._play, "127.0.0.1", 0, subprotocols=self._offers, ssl=self._tls)
        port = next(iter(self._server.sockets)).getsockname()[1]
        scheme = "ws" if self._tls is None else "wss"
        self.source = GatewaySource(
            SourceName("demo"), f"{scheme}://127.0.0.1:{port}/live?key=hidden", desk="desk-1", city="qingdao", now=lambda: NOW, **self._options
        )
        self._running = asyncio.create_task(self.source.run(self.sink))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._server.close()
        await self._server.wait_closed()
        assert fault is not None or self.failed == []

    async def _play(self, connection: ServerConnection) -> None:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            await script(Peer(connection))
        except ConnectionClosed:
            return
        except AssertionError as fault:
            self.failed.append(fault)
            raise


def play(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run one conversation; none may take longer than this."""

    async def bounded() -> None:
        async with asyncio.timeout(12):
            await test()
            assert len(asyncio.all_tasks()) == 1, "a task was left behind"

    asyncio.run(bounded())


def test_records_arrive_marked_and_the_link_is_reported() -> None:
    async def script(peer: Peer) -> None:
        subscribe = await peer.greet(simulated=True, authentication=True)
        assert subscribe.from_seq == {}
        await peer.say(batch(4, "a", snapshot=True, catalogue=(SeriesId("rain@370200"),)))
        await peer.say(BatchMessage(source="city", seq=5, at=NOW, readings=Readings([0], [7.5], [NOW], [])))
        await peer.idle(city=5)

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: len(room.sink.batches) == 2 and room.sink.report.delay_ms is not None)
            first, second = room.sink.batches
            assert (first.source, first.seq, first.snapshot, first.complete) == ("demo/city", 4, True, True)
            assert (first.alerts[0].source, first.alerts[0].reality) == ("demo", Reality.SIMULATED)
            assert second.readings is not None and second.readings.value == [7.5]
            report = room.sink.report
            assert (report.state, report.simulated, report.commands, report.kind, report.records) == (LinkState.LIVE, True, True, "gateway", 2)
            assert "hidden" not in report.address and report.address.endswith("/live")
            assert room.sink.states[0] is LinkState.CONNECTING
            assert TOKEN not in repr(room.sink.reports)

    play(test)


def test_a_new_connection_resumes_after_the_last_number() -> None:
    resumed: list[Subscribe] = []

    async def first(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), batch(2, "b"))

    async def again(peer: Peer) -> None:
        resumed.append(await peer.greet())
        await peer.say(batch(3, "c"))
        await peer.idle()

    async def test() -> None:
        async with Room(first, again) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a", "b", "c"])
            assert resumed[0].from_seq == {"city": 2}
            assert LinkState.DOWN in room.sink.states
            assert room.sink.report.reconnects >= 1

    play(test)


def test_a_platform_that_counts_anew_after_a_restart_is_believed() -> None:
    async def before(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(900, "old", snapshot=True))

    async def after(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(3, "new", snapshot=True), batch(4, "next"))
        await peer.idle()

    async def test() -> None:
        async with Room(before, after) as room:
            await room.sink.until(lambda: room.sink.alerts == ["old", "new", "next"])

    play(test)


def test_a_hole_is_held_back_and_asked_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), batch(2, "b"), batch(4, "d"), batch(5, "e"))
        assert await peer.hear(Resync) == Resync(source="city", from_seq=2)
        await peer.say(batch(3, "c"), batch(4, "d"), batch(5, "e"))
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: len(room.sink.alerts) == 5)
            assert room.sink.alerts == ["a", "b", "c", "d", "e"]
            await room.sink.until(lambda: room.sink.report.duplicates == 2)
            assert (room.sink.report.gaps, room.sink.report.resyncs) == (1, 1)

    play(test)


def test_a_snapshot_closes_a_hole_without_losing_what_was_held() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), batch(3, "held"), batch(6, "later"))
        await peer.hear(Resync)
        await peer.say(batch(5, "a", "held", snapshot=True))
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: "later" in room.sink.alerts)
            assert room.sink.alerts == ["a", "a", "held", "later"]

    play(test)


def test_messages_a_little_out_of_order_are_put_right_without_a_resync() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), batch(3, "c"), batch(4, "d"), batch(2, "b"), batch(2, "b"))
        await peer.idle(city=4)

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: room.sink.report.duplicates == 1)
            assert room.sink.alerts == ["a", "b", "c", "d"]
            assert (room.sink.report.gaps, room.sink.report.resyncs) == (0, 0)

    play(test)


def test_a_loss_at_the_tail_is_noticed_by_the_heartbeat() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), Heartbeat(at=NOW, seqs={"city": 2}))
        assert (await peer.hear(Resync)).from_seq == 1
        await peer.say(batch(2, "lost and found"))
        await peer.idle(city=2)

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a", "lost and found"])

    play(test)


def test_a_hole_that_nobody_fills_costs_nothing_else() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True), batch(3, "c"))
        await peer.idle(city=3)

    async def test() -> None:
        timing = Timing(tick_s=0.01, patience=Patience(reorder_s=0.02, resync_s=0.05, tries=2))
        async with Room(script, timing=timing) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a", "c"] and room.sink.report.resyncs == 2)

    play(test)


def test_one_wrong_number_does_not_make_a_source_mute_for_ever() -> None:
    sequence = Sequence(Patience(reorder_s=1, resync_s=1, tries=1))
    assert sequence.take(batch(1, snapshot=True), 0.0)
    assert sequence.take(batch(10**18), 0.0) == []
    assert sequence.tick(2.0) == ([], 1)
    assert len(sequence.tick(4.0)[0]) == 1, "nobody fills that hole"
    assert sequence.take(batch(2), 4.0) == [batch(2)], "it belongs into the hole"
    assert sequence.take(batch(10**18 + 1, snapshot=True), 4.0)
    asked = None
    for seq in range(2, 1_200):
        sequence.take(batch(seq), 5.0)
        asked = asked if asked is not None else sequence.tick(5.0 + seq)[1]
    assert asked == NOTHING
    assert [m.seq for m in sequence.take(batch(1_199, snapshot=True), 2_000.0)] == [1_199]
    assert [m.seq for m in sequence.take(batch(1_200), 2_000.0)] == [1_200]


def test_a_source_that_counts_anew_within_a_connection_is_believed_after_two_heartbeats() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(500, "a", snapshot=True), Heartbeat(at=NOW, seqs={"city": 3}), Heartbeat(at=NOW, seqs={"city": 3}))
        assert (await peer.hear(Resync)).from_seq == NOTHING
        await peer.say(batch(3, "b", snapshot=True), batch(4, "c"))
        await peer.idle(city=4)

    async def test() -> None:
        async with Room(script, timing=Timing(tick_s=0.01, patience=Patience(resync_s=0.05))) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a", "b", "c"])

    play(test)


def test_a_large_snapshot_comes_in_parts_with_live_data_between() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(7, "a", snapshot=True, part=1, parts=3), batch(8, "live"), batch(7, "c", snapshot=True, part=3, parts=3))
        await peer.say(batch(7, "b", snapshot=True, part=2, parts=3))
        await peer.idle(city=8)

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: len(room.sink.batches) == 4)
            assert room.sink.alerts == ["a", "b", "c", "live"]
            assert [(batch.snapshot, batch.complete) for batch in room.sink.batches] == [(True, False), (False, False), (False, True), (False, True)]

    play(test)


def test_a_lost_part_of_a_snapshot_brings_a_new_snapshot_and_live_data_wait_for_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(7, "a", snapshot=True, part=1, parts=3), batch(8, "live"), batch(7, "c", snapshot=True, part=3, parts=3))
        assert (await peer.hear(Resync)).from_seq == NOTHING
        await peer.say(batch(8, "a", "b", snapshot=True, part=1, parts=2), batch(8, "c", "live", snapshot=True, part=2, parts=2), batch(9, "next"))
        await peer.idle(city=9)

    async def test() -> None:
        async with Room(script, timing=Timing(tick_s=0.01, patience=Patience(resync_s=0.05))) as room:
            await room.sink.until(lambda: "next" in room.sink.alerts)
            assert room.sink.alerts == ["a", "a", "b", "c", "live", "next"]
            assert [batch.snapshot for batch in room.sink.batches] == [True, True, False, False]

    play(test)


def test_silence_is_shown_and_then_ends_the_connection() -> None:
    async def mute(peer: Peer) -> None:
        await peer.greet(heartbeat_ms=50)
        await peer.say(batch(1, "a", snapshot=True))
        await peer.connection.wait_closed()

    async def test() -> None:
        async with Room(mute) as room:
            await room.sink.until(lambda: room.sink.states.count(LinkState.LIVE) == 2)
            changes = [state for state, before in zip(room.sink.states[1:], room.sink.states, strict=False) if state is not before]
            assert changes == [LinkState.LIVE, LinkState.STALLED, LinkState.DOWN, LinkState.LIVE]

    play(test)


def test_a_stalled_link_lives_again_with_the_next_frame() -> None:
    async def test() -> None:
        stalled = asyncio.Event()

        async def pausing(peer: Peer) -> None:
            await peer.greet(heartbeat_ms=50)
            await stalled.wait()
            await peer.say(Heartbeat(at=NOW))
            await peer.idle()

        async with Room(pausing) as room:
            await room.sink.until(lambda: room.sink.report.state is LinkState.STALLED)
            with pytest.raises(LinkDown):
                await room.source.send(command())
            stalled.set()
            await room.sink.until(lambda: room.sink.report.state is LinkState.LIVE)

    play(test)


GARBAGE: tuple[bytes | str, ...] = (
    b"\xff\xfe\x00",
    "",
    "{",
    "null",
    "[[[[",
    '{"type":"nonsense"}',
    '{"type":"batch","source":"city","seq":"one","at":0}',
    '{"type":"batch","source":"","seq":1,"at":0}',
    '{"type":"batch","source":"city","seq":1,"at":0,"part":3,"parts":2}',
    "[" * 100_000,
)


def test_garbage_is_counted_shown_and_survived() -> None:
    problems: list[Problem] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True))
        for frame in GARBAGE:
            await peer.connection.send(frame)
        await peer.connection.send(f'{{"type":"batch","source":"city","seq":2,"at":{NOW},"alerts":[],"something_new":{{"deep":[1]}}}}')
        await peer.say(batch(3, "b"))
        problems.append(await peer.hear(Problem))
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: "b" in room.sink.alerts and room.sink.report.refused == len(GARBAGE) and bool(problems))
            report = room.sink.report
            assert report.state is LinkState.LIVE and LinkState.DOWN not in room.sink.states
            assert len(report.refusals) == len(GARBAGE)
            assert all(len(refusal.sample) <= 200 and refusal.sample.isprintable() for refusal in report.refusals)

    play(test)


def test_one_bad_record_is_refused_without_its_neighbours() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(
            BatchMessage(
                source="city",
                seq=1,
                at=NOW,
                snapshot=True,
                catalogue=(SeriesId("rain@370200"),),
                readings=Readings([0, -1, 9, 0], [1.0, 2.0, 3.0, 4.0], [NOW, NOW, NOW, -5], []),
                fixes=(UnitFix(UnitId("u"), 120.3, 36.1, 0, 0, NOW), UnitFix(UnitId("v"), 36.1, 120.3, 0, 0, NOW)),
                alerts=(alert("a", position=Position(36.1, 120.3)),),
            )
        )
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: bool(room.sink.batches) and room.sink.report.refused == 5)
            taken = room.sink.batches[0]
            assert taken.readings is not None and taken.readings.value == [1.0]
            assert [fix.unit for fix in taken.fixes] == ["u"]
            assert taken.alerts[0].position is None

    play(test)


def test_a_record_from_the_future_costs_neither_its_neighbours_nor_a_resync() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(1, "a", snapshot=True))
        (frame,) = peer.codec.encode(batch(2, "b", "strange", "c"))
        known = b'"id":"strange","kind":"rain","severity":2'
        await peer.connection.send(frame.replace(known, known[:-1] + b"7"), text=True)
        await peer.connection.send(f'{{"type":"batch","source":"city","seq":3,"at":{NOW},"readings":{{"series":[1],"value":[],"at":[]}}}}')
        await peer.say(batch(4, "d"))
        await peer.idle(city=4)

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: "d" in room.sink.alerts and room.sink.report.refused == 2)
            assert room.sink.alerts == ["a", "b", "c", "d"]
            assert "severity" in room.sink.report.refusals[0].reason and "strange" in room.sink.report.refusals[0].sample
            assert (room.sink.report.gaps, room.sink.report.resyncs) == (0, 0)

    play(test)


def test_a_wrong_token_is_refused_and_never_shown() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear(Hello)
        await peer.say(Welcome(platform="test", city="qingdao", at=NOW))
        token = (await peer.hear(Authenticate)).token
        await peer.say(Denied(reason=Text("令牌无效", f"token {token} is not known")))

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: room.sink.states.count(LinkState.REFUSED) == 2)
            assert "令牌无效" in next(report.detail for report in room.sink.reports if report.state is LinkState.REFUSED)
            assert TOKEN not in repr(room.sink.reports)

    play(test)


@pytest.mark.parametrize("welcome", [{"city": "dongzhi"}, {"authentication": True}])
def test_a_platform_that_does_not_fit_is_refused(welcome: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet(**welcome)

    async def test() -> None:
        async with Room(script, token=None) as room:
            await room.sink.until(lambda: LinkState.REFUSED in room.sink.states)

    play(test)


def test_commands_go_out_and_answers_come_back() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        taken = (await peer.hear(CommandMessage)).command
        await peer.say(AnswerMessage(answer=Answer(key=taken.key, outcome="confirmed", version=2, at=NOW)))
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            with pytest.raises(LinkDown):
                await room.source.send(command())
            await room.sink.until(lambda: room.sink.report.state is LinkState.LIVE)
            await room.source.send(command())
            await room.sink.until(lambda: bool(room.sink.answers))
            assert room.sink.answers[0] == Answer(key=command().key, outcome="confirmed", version=2, at=NOW)

    play(test)


def test_a_flood_leaves_turns_to_others() -> None:
    frames = 1_500

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(batch(0, snapshot=True))
        await peer.say(*(batch(seq, *(f"{seq}-{n}" for n in range(40))) for seq in range(1, frames + 1)))
        await peer.idle()

    async def test() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with Room(script) as room:
            await room.sink.until(lambda: room.sink.report.state is LinkState.LIVE)
            task = asyncio.create_task(other())
            await room.sink.until(lambda: len(room.sink.batches) == frames + 1)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert turns > 20
            assert len(room.sink.reports) < 40

    play(test)


def test_cloudevents_carry_the_same_records() -> None:
    async def script(peer: Peer) -> None:
        assert peer.codec.subprotocol == SUBPROTOCOL_CLOUDEVENTS
        await peer.greet()
        await peer.say(batch(1, "a", "b", snapshot=True, part=1, parts=2, catalogue=(SeriesId("s"),)), batch(1, "c", snapshot=True, part=2, parts=2))
        await peer.say(batch(2, "d", "e", readings=Readings([0, 0], [1.0, None], [NOW, NOW], [0, 3])), batch(3))
        taken = (await peer.hear(CommandMessage)).command
        await peer.say(AnswerMessage(answer=Answer(key=taken.key, outcome="refused", reason=Text("不行", "no"), at=NOW)), batch(4, "f"))
        await peer.idle(city=4)

    async def test() -> None:
        async with Room(script, offers=(SUBPROTOCOL_CLOUDEVENTS,)) as room:
            await room.sink.until(lambda: "e" in room.sink.alerts)
            await room.source.send(command())
            await room.sink.until(lambda: "f" in room.sink.alerts)
            assert room.sink.alerts == ["a", "b", "c", "d", "e", "f"]
            assert [batch.snapshot for batch in room.sink.batches].count(True) == 1
            assert room.sink.answers[0].outcome == "refused"
            await room.sink.until(lambda: room.sink.report.records == 8)
            assert (room.sink.report.gaps, room.sink.report.refused) == (0, 0)

    play(test)


def shelf(id: str, **more: Any) -> Shelf:
    fields: dict[str, Any] = {"at": NOW, "until": Millis(NOW + 3_600_000), "reason": "works", "scope": Scope(kind=AlertKindId("rain")), **more}
    return Shelf(id=ShelfId(id), how=How.SHELVED, by="li", **fields)


@pytest.mark.parametrize("form", [SUBPROTOCOL_V1, SUBPROTOCOL_CLOUDEVENTS])
def test_shelves_come_too_but_none_that_would_hide_alerts_for_ever(form: str) -> None:
    sound = shelf("sound", reason="wo\u202erks")
    wrong = (
        shelf("no end", until=Millis(NOW + 10**12)),
        shelf("no reason", reason=" \u200b "),
        shelf("no scope", scope=Scope()),
        shelf("no time", at=Millis(7), until=Millis(9)),
    )

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.say(BatchMessage(source="city", seq=1, at=NOW, snapshot=True, shelves=(sound, *wrong)), batch(2, "a"))
        await peer.idle()

    async def test() -> None:
        async with Room(script, offers=(form,)) as room:
            await room.sink.until(lambda: "a" in room.sink.alerts and room.sink.report.refused == len(wrong))
            taken = [shelf for batch in room.sink.batches for shelf in batch.shelves]
            assert [(shelf.id, shelf.reason) for shelf in taken] == [("sound", "works")]
            await room.sink.until(lambda: room.sink.report.records == 2)

    play(test)


def test_half_a_character_costs_neither_its_alert_nor_an_answer() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        (frame,) = peer.codec.encode(batch(1, "a", "b", snapshot=True))
        await peer.connection.send(frame.replace("暴雨".encode(), b"\\ud83d\xff", 1), text=True)
        taken = (await peer.hear(CommandMessage)).command
        (frame,) = peer.codec.encode(
            AnswerMessage(answer=Answer(key=taken.key, outcome="refused", reason=Text("不", "no"), version=10**30, at=Millis(1)))
        )
        await peer.connection.send(frame.replace("不".encode(), b"\\udc00\\u202e\\n"), text=True)
        await peer.idle()

    async def test() -> None:
        async with Room(script) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a", "b"])
            await room.source.send(command())
            await room.sink.until(lambda: bool(room.sink.answers))
            assert room.sink.answers == [Answer(key=command().key, outcome="refused", reason=Text("", "no"), version=0, at=NOW)]
            assert room.sink.report.refused == 0
            assert room.sink.batches[0].alerts[0].title == Text("\ufffd", "Rain")

    play(test)


def _certificate(folder: Path) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl program to make a certificate with")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    return key, certificate


def test_tls_is_verified(tmp_path: Path) -> None:
    key, certificate = _certificate(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)

    async def script(peer: Peer) -> None:
        await peer.greet(authentication=True)
        await peer.say(batch(1, "a", snapshot=True))
        await peer.idle()

    async def stranger() -> None:
        async with Room(script, tls=server_side) as room:
            await room.sink.until(lambda: LinkState.REFUSED in room.sink.states)
            assert "certificate" in next(report.detail for report in room.sink.reports if report.state is LinkState.REFUSED)
            assert room.sink.batches == []

    async def friend() -> None:
        async with Room(script, tls=server_side, ssl=default_tls(str(certificate))) as room:
            await room.sink.until(lambda: room.sink.alerts == ["a"])

    play(stranger)
    play(friend)


@pytest.mark.parametrize(
    "url", ["ws://10.0.0.5:8765", "ws://platform.example/live", "http://127.0.0.1", "ws://", "wss:host", "ws://127.0.0.1:notaport"]
)
def test_unsafe_and_senseless_addresses_are_refused_in_words(url: str) -> None:
    with pytest.raises(DeckError) as told:
        GatewaySource(SourceName("x"), url, desk="d", city="c", now=lambda: NOW)
    assert told.value.what and told.value.remedy


def test_plain_connections_elsewhere_need_a_decision_and_secrets_stay_out_of_the_address() -> None:
    source = GatewaySource(SourceName("x"), "ws://me:secret@10.0.0.5:1/a?t=secret", desk="d", city="c", now=lambda: NOW, allow_plain=True)
    assert source.address == "ws://10.0.0.5:1/a"
    with pytest.raises(DeckError):
        default_tls("no-such-file.pem")


def test_backoff_grows_with_full_jitter_up_to_its_limit() -> None:
    source = GatewaySource(SourceName("x"), "ws://127.0.0.1:1", desk="d", city="c", now=lambda: NOW, rng=random.Random(7))
    pauses = [[source._pause(LinkState.DOWN, attempt) for _ in range(200)] for attempt in range(12)]  # pyright: ignore[reportPrivateUsage] - the law itself
    tops = [max(row) for row in pauses]
    assert 0.15 < tops[0] <= 0.2 and 9 < tops[-1] <= 10 and min(pauses[-1]) < 1
    assert source._pause(LinkState.REFUSED, 0) == 30  # pyright: ignore[reportPrivateUsage]


@given(st.lists(st.integers(0, 5), max_size=60), st.randoms(use_true_random=False))
def test_whatever_the_wire_does_every_message_is_delivered_in_order(faults: list[int], rng: random.Random) -> None:
    """A faulty wire (drop, repeat, swap) and an honest platform that answers resyncs: all numbers come out, rising, none twice."""
    sequence = Sequence(Patience(reorder_s=1, resync_s=2))
    wire: list[BatchMessage] = []
    for seq in range(1, len(faults) + 1):
        fault = faults[seq - 1]
        if fault != 1:
            wire.append(batch(seq))
        if fault == 2:
            wire.append(batch(seq))
        if fault == 3 and len(wire) > 1:
            wire[-1], wire[-2] = wire[-2], wire[-1]
    out: list[int] = [m.seq for m in sequence.take(batch(0, snapshot=True), 0.0)]
    clock = 0.0
    for message in wire:
        clock += rng.random()
        out += [m.seq for m in sequence.take(message, clock)]
    for _ in range(20):
        clock += 1.5
        sequence.seen(len(faults), clock)
        messages, from_seq = sequence.tick(clock)
        out += [m.seq for m in messages]
        if from_seq is not None:
            for seq in range(from_seq + 1, len(faults) + 1):
                out += [m.seq for m in sequence.take(batch(seq), clock)]
    assert out == list(range(len(faults) + 1))
