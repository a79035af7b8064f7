"""The demo city's platform on the network: a WebSocket server that speaks our protocol and plays one city to any number of desks.

All on one event loop. What happens in the city is city.py's; what a desk is sent waits in session.py; how it goes wrong is faults.py's.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.domain.ids import Millis
from datasources.codec import codec_for
from datasources.demo import words
from datasources.demo.city import SOURCE, City, start_time
from datasources.demo.faults import FLAP_S, Fault, Faults
from datasources.demo.narrow import Wish
from datasources.demo.options import PlatformOptions
from datasources.demo.session import MOST_WAITING, Session, Standing
from datasources.demo.tail import Tail
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
    DeskMessage,
    Heartbeat,
    Hello,
    Malformed,
    Message,
    Problem,
    Resync,
    Subscribe,
    V1Codec,
    Welcome,
)

if TYPE_CHECKING:
    from app.citypack import CityPack

STEP_MS = 50
HEARTBEAT_MS = 1_000
GREETING_S = 10.0
"""A connection that has not subscribed by then is closed."""
MOST_CATCHING_UP = 20
"""Steps made up for at once after a pause; a longer pause is a hole in the play."""
PLATFORM = "CityDeck demo city"


class Platform:
    """One running platform. `run` serves until cancelled."""

    def __init__(self, pack: CityPack, options: PlatformOptions) -> None:
        """Raises DeckError for a fault that cannot be."""
        self.options = options
        self._faults = Faults(options.faults, options.seed)
        self._began = time.monotonic()
        self._start = start_time(options.start, pack.zone, Millis(time.time_ns() // 1_000_000))
        self.city = City(pack, start=self._start, seed=options.seed, rate=options.rate, tempo=options.tempo)
        self._silenced: dict[str, bool] = {}
        for fault in self._faults:
            if fault.kind == "silence":
                self._silence(fault, 0.0)
        # Numbers never repeat after a restart, so that a desk's old place is not mistaken for one in the new run.
        self.city.seq = (time.time_ns() // 1_000_000) // (STEP_MS - 10)
        self._codec = V1Codec()
        self._tail = Tail()
        self._sessions: dict[Session, None] = {}
        self._server: Server | None = None
        self._flapped = -math.inf
        self._stormed: dict[int, int] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the platform began."""
        return time.monotonic() - self._began

    @property
    def now(self) -> Millis:
        """The city's time, UTC ms."""
        return Millis(max(self.city.now, self._start + int(self.elapsed * 1_000)))

    async def run(self, ready: Callable[[str, int], None]) -> None:
        """Listen and play until cancelled; `ready(host, port)` is called once desks may connect."""
        async with serve(
            self._attend,
            self.options.host,
            self.options.port,
            subprotocols=[Subprotocol(SUBPROTOCOL_V1), Subprotocol(SUBPROTOCOL_CLOUDEVENTS)],
            compression=None,
            max_size=MAX_FRAME_BYTES,
            close_timeout=1,
            process_request=self._admit,
        ) as server:
            self._server = server
            host, port = server.sockets[0].getsockname()[:2]
            ready(host, port)
            try:
                await self._play()
            finally:
                self._let_go()

    def _let_go(self) -> None:
        # A platform that is told to end does not wait for desks that answer nothing.
        loop = asyncio.get_running_loop()
        for session in self._sessions:
            loop.call_later(0.3, session.connection.transport.abort)

    # --- the play --------------------------------------------------------------------------------------------------------------

    async def _play(self) -> None:
        step, beat = 0, 0.0
        while True:
            due = int(self.elapsed * 1_000 / STEP_MS)
            if due - step > MOST_CATCHING_UP:
                step = due - 1
            while step < due:
                step += 1
                self._mischief(STEP_MS)
                for batch in self.city.step(self._start + step * STEP_MS):
                    self.publish(batch)
            if self.elapsed - beat >= HEARTBEAT_MS / 1_000:
                beat = self.elapsed
                self._heartbeat()
            await asyncio.sleep(max(0.001, (step + 1) * STEP_MS / 1_000 - self.elapsed))

    def publish(self, batch: BatchMessage) -> None:
        """Send a batch to every desk that subscribed to what is in it, encoded once for all that want the same."""
        whole = self._codec.encode(batch)
        self._tail.append(batch.seq, whole[0])
        made: dict[Wish, list[bytes]] = {}
        values = not (batch.alerts or batch.cases or batch.units or batch.cameras or batch.shelves)
        for session in self._sessions:
            if session.standing is not Standing.SUBSCRIBED:
                continue
            if session.behind and not values:
                session.broadcast(self._frames(session, msgspec.structs.replace(batch, readings=None, fixes=())), values=False)
            elif session.codec.subprotocol != SUBPROTOCOL_V1:
                session.broadcast(self._frames(session, batch), values=values)
            elif session.wish.everything:
                session.broadcast(whole, values=values)
            else:
                if session.wish not in made:
                    made[session.wish] = self._frames(session, batch)
                session.broadcast(made[session.wish], values=values)

    def _frames(self, session: Session, batch: BatchMessage) -> list[bytes]:
        return session.codec.encode(self.city.narrow(batch, session.wish))

    def _heartbeat(self) -> None:
        for session in self._sessions:
            if session.standing is Standing.SUBSCRIBED:
                self._beat(session)

    def _beat(self, session: Session) -> None:
        self._say(session, Heartbeat(at=self.now, echo=session.echo, seqs={SOURCE: self.city.seq}))

    def _mischief(self, passed_ms: int) -> None:
        elapsed = self.elapsed
        for index, fault in enumerate(self._faults):
            if fault.kind == "storm" and elapsed >= fault.start:
                # Spread over its length; what a hole in the play left out comes in the step after it.
                so_far = round(fault.number * min(1.0, (elapsed - fault.start + passed_ms / 1_000) / max(0.001, fault.end - fault.start)))
                more = so_far - self._stormed.get(index, 0)
                self._stormed[index] = so_far
                if more > 0:
                    self.city.flood(more)
            elif fault.kind == "silence":
                self._silence(fault, elapsed)
            elif fault.kind == "flap" and fault.active(elapsed) and elapsed - self._flapped >= FLAP_S:
                self._flapped = elapsed
                self.city.flap()
            elif fault.kind == "disconnect" and fault.active(elapsed):
                for session in self._sessions:
                    session.connection.transport.abort()

    def _silence(self, fault: Fault, elapsed: float) -> None:
        on = fault.active(elapsed)
        if self._silenced.get(fault.value) is not on:
            self._silenced[fault.value] = on
            self.city.silence(fault.value, on)

    # --- desks -----------------------------------------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        del request
        if self._faults.active("disconnect", self.elapsed):
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not now\n")
        return None

    async def _attend(self, connection: ServerConnection) -> None:
        session = Session(connection, codec_for(str(connection.subprotocol)), self._faults, lambda: self.elapsed)
        session.caught_up = lambda late: self._send_snapshot(late, without=frozenset({"history"}))
        self._sessions[session] = None
        sender = asyncio.create_task(session.send_all(), name="platform: send")
        late = asyncio.get_running_loop().call_later(GREETING_S, self._close_unless_subscribed, session)
        try:
            async for frame in connection:
                if not await self._hear(session, frame):
                    break
        except ConnectionClosed:
            return
        finally:
            late.cancel()
            self._sessions.pop(session, None)
            sender.cancel()

    def _close_unless_subscribed(self, session: Session) -> None:
        if session.standing is not Standing.SUBSCRIBED:
            session.connection.transport.abort()

    def _say(self, session: Session, message: Message) -> None:
        session.post(session.codec.encode(message))

    async def _hear(self, session: Session, frame: str | bytes) -> bool:
        """Act on one frame of a desk. False: the connection is to be closed."""
        try:
            message = session.codec.decode_for_platform(frame)
        except Malformed as fault:
            session.malformed += 1
            self._say(session, Problem(reason=str(fault)))
            return True
        if isinstance(message, Authenticate):
            return await self._authenticate(session, message)
        reason = self._act(session, message)
        if reason:
            session.malformed += 1
            self._say(session, Problem(reason=reason))
        return True

    async def _authenticate(self, session: Session, message: Authenticate) -> bool:
        token = self.options.token
        if token and not hmac.compare_digest(message.token.encode(), token.encode()):
            self._say(session, Denied(reason=words.WRONG_TOKEN))
            await session.flush()
            return False
        session.standing = max(session.standing, Standing.ADMITTED)
        self._say(session, Authenticated())
        return True

    def _act(self, session: Session, message: DeskMessage) -> str:
        """Do what a desk asks; why not, if not."""
        if isinstance(message, Hello):
            self._greet(session, message)
        elif isinstance(message, Heartbeat):
            # Answered at once, so that the round trip a desk measures is the line's and not our clock's.
            session.echo = message.at
            self._beat(session)
        elif isinstance(message, Problem):
            session.malformed += 1
        elif session.standing < Standing.ADMITTED:
            return "say hello and authenticate first"
        elif isinstance(message, Subscribe):
            self._subscribe(session, message)
        elif isinstance(message, CommandMessage):
            self._obey(session, message)
        elif session.standing < Standing.SUBSCRIBED:
            return "subscribe first"
        elif isinstance(message, Resync):
            self._resync(session, message)
        return ""

    def _greet(self, session: Session, message: Hello) -> None:
        session.desk = message.desk
        needed = bool(self.options.token)
        session.standing = max(session.standing, Standing.GREETED if needed else Standing.ADMITTED)
        city = self.city.pack.id
        self._say(session, Welcome(platform=PLATFORM, city=city, at=self.now, heartbeat_ms=HEARTBEAT_MS, simulated=True, authentication=needed))

    def _subscribe(self, session: Session, message: Subscribe) -> None:
        session.wish = Wish(frozenset(message.topics), frozenset(message.areas))
        session.standing = Standing.SUBSCRIBED
        known = message.from_seq.get(SOURCE)
        if known is None or not self._resume(session, known):
            self._send_snapshot(session)

    def _resync(self, session: Session, message: Resync) -> None:
        # A snapshot that is on its way, or will be once the desk has caught up, is the answer already.
        if message.source == SOURCE and not session.behind and not session.snapshot_waiting and not self._resume(session, message.from_seq):
            self._send_snapshot(session)

    def _resume(self, session: Session, seq: int) -> bool:
        """Send again what came after `seq`; False where that cannot be done."""
        frames = self._tail.after(seq)
        # A long past costs more than the present.
        if frames is None or sum(map(len, frames)) > MOST_WAITING:
            return False
        if session.codec.subprotocol == SUBPROTOCOL_V1 and session.wish.everything:
            for frame in frames:
                session.post([frame])
            return True
        for frame in frames:
            batch = self._codec.decode_for_desk(frame)
            if isinstance(batch, BatchMessage):
                session.post(self._frames(session, batch))
        return True

    def _send_snapshot(self, session: Session, without: frozenset[str] = frozenset()) -> None:
        wish = Wish(session.wish.topics - without, session.wish.areas)
        for part in self.city.snapshot(wish):
            session.post(session.codec.encode(part), snapshot=True)

    def _obey(self, session: Session, message: CommandMessage) -> None:
        batches, answer = self.city.obey(message.command, self.now)
        for batch in batches:
            self.publish(batch)
        self._say(session, AnswerMessage(answer=answer))
