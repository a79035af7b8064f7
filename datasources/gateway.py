"""A platform behind a WebSocket, over CityDeck's own protocol: connects, resumes, keeps the order, notices silence and loss, carries commands.

It knows the wire and nothing of the screen: no Qt, no stores. docs/protocol.md is the text of what it speaks. Everything runs on the
event loop's thread; a flood of frames is worked off in slices so that the loop stays free.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, NegotiationError, WebSocketException
from websockets.typing import Subprotocol

from app.domain.batch import LinkDown, LinkState, Sink
from app.domain.command import Command
from app.domain.errors import DeckError
from app.domain.ids import AreaCode, Millis, SourceName
from app.domain.text import N_, Text
from datasources.codec import SUBPROTOCOLS, codec_for, salvage
from datasources.intake import Intake
from datasources.outside import clean_answer
from datasources.protocol import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL_V1,
    TOPICS,
    AnswerMessage,
    Authenticate,
    Authenticated,
    BatchMessage,
    Codec,
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
    Welcome,
)
from datasources.reporting import LinkTally
from datasources.sequence import Patience, Sequence, rows_of

MAX_SOURCES = 1_000
"""Most wire sources behind one link."""
MAX_SOURCE_NAME = 100
OUTGOING = 256
"""Most control messages waiting to be sent."""
HEARTBEATS_REMEMBERED = 16

_wire_log = logging.getLogger("citydeck.gateway.wire")
# The library logs whole frames at DEBUG, the token among them: this logger never goes that deep, whatever the root says.
_wire_log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Timing:
    """Every waiting time of a link. Seconds, but for what says otherwise."""

    open_s: float = 5.0
    """For TCP, TLS and the WebSocket handshake together."""
    greet_s: float = 5.0
    """From our Hello until we may subscribe."""
    backoff_first_s: float = 0.2
    backoff_most_s: float = 10.0
    refused_retry_s: float = 30.0
    close_s: float = 1.0
    tick_s: float = 0.1
    """How often silence and holes are looked at."""
    stalled_heartbeats: float = 3.0
    dead_heartbeats: float = 10.0
    slice_s: float = 0.008
    """After so much work without a pause the loop gets its turn."""
    problem_every_s: float = 1.0
    resync_heartbeats: float = 3.0
    """How long a resync may take before it is asked for again."""
    patience: Patience = field(default_factory=Patience)


class _Refused(Exception):
    """The other side does not want us, or we do not trust it: a person has to change something."""


class _Broken(Exception):
    """This connection is of no use any more; the reason is for the operator."""


class GatewaySource:
    """One platform at `url` (ws:// or wss://), known to the operator as `name`.

    `ssl` replaces the default context (verifying, system authorities) of a wss:// address. A ws:// address that is not this machine is
    refused with a DeckError unless `allow_plain`. `token` leaves this object only inside an Authenticate message. `now` gives UTC ms.
    """

    name: SourceName

    def __init__(
        self,
        name: SourceName,
        url: str,
        *,
        desk: str,
        city: str,
        token: str | None = None,
        topics: tuple[str, ...] = TOPICS,
        areas: tuple[AreaCode, ...] = (),
        ssl: ssl.SSLContext | None = None,
        now: Callable[[], Millis],
        allow_plain: bool = False,
        rng: random.Random | None = None,
        timing: Timing | None = None,
        subprotocols: tuple[str, ...] = SUBPROTOCOLS,
    ) -> None:
        self.name = name
        self._url = url
        self._address, secure, self._local = _checked(url, allow_plain)
        self._ssl = (ssl or default_tls()) if secure else None
        self._hello = Hello(desk=desk, city=city)
        self._token = token
        self._topics, self._areas = topics, areas
        self._now = now
        self._rng = rng or random.Random()
        self._timing = timing or Timing()
        self._subprotocols = subprotocols
        self._session: _Session | None = None

    @property
    def address(self) -> str:
        """Where to, without user, password or query."""
        return self._address

    async def run(self, sink: Sink) -> None:
        """Deliver into `sink` until cancelled. Reconnects for ever."""
        tally = LinkTally(sink.link, name=self.name, kind="gateway", address=self._address, commands=True, now=self._now, secret=self._token or "")
        desk = _Desk(self.name, sink, tally, self._timing, self._now)
        attempts = 0
        try:
            tally.turn(LinkState.CONNECTING)
            while True:
                began = time.monotonic()
                try:
                    await self._connect_once(desk)
                    state, why = LinkState.DOWN, N_("the connection was closed")
                except _Refused as refusal:
                    state, why = LinkState.REFUSED, str(refusal)
                except _Broken as fault:
                    state, why = LinkState.DOWN, str(fault)
                if desk.lived and time.monotonic() - began > self._timing.backoff_first_s:
                    attempts = 0
                desk.lived = False
                tally.reconnects += 1
                # The link stays as it is while it is tried again, so that "since" says since when it has been so.
                tally.turn(state, why)
                tally.touch()
                tally.flush()
                await asyncio.sleep(self._pause(state, attempts))
                attempts += 1
        finally:
            self._session = None
            tally.turn(LinkState.DOWN, N_("the link was closed here"))

    async def send(self, command: Command) -> None:
        """Hand one command to the platform. Raises LinkDown when the link is not live."""
        session = self._session
        if session is None or not session.live:
            raise LinkDown
        try:
            async with asyncio.timeout(session.heartbeat_s * self._timing.stalled_heartbeats):
                await session.transmit(CommandMessage(command=command))
        except (ConnectionClosed, TimeoutError, OSError) as fault:
            raise LinkDown from fault

    def _pause(self, state: LinkState, attempts: int) -> float:
        """Exponential backoff with full jitter, so that a room of desks does not come back all at once; seconds."""
        if state is LinkState.REFUSED:
            return self._timing.refused_retry_s
        most = min(self._timing.backoff_most_s, self._timing.backoff_first_s * 2.0 ** min(attempts, 30))
        return self._rng.uniform(0.0, most)

    async def _connect_once(self, desk: _Desk) -> None:
        """One connection from beginning to end. Raises _Refused or _Broken, and nothing else for what the other side does."""
        options: dict[str, Any] = {"ssl": self._ssl} if self._ssl is not None else {}
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(name) for name in self._subprotocols],
                max_size=MAX_FRAME_BYTES,
                open_timeout=self._timing.open_s,
                close_timeout=self._timing.close_s,
                ping_interval=None,  # our own heartbeats say more
                compression=None if self._local else "deflate",
                proxy=None if self._local else True,
                logger=_wire_log,
                user_agent_header=None,
                **options,
            ) as connection:
                session = _Session(connection, codec_for(connection.subprotocol or SUBPROTOCOL_V1), desk)
                async with asyncio.timeout(self._timing.greet_s):
                    await session.greet(self._hello, self._token)
                    await session.transmit(Subscribe(topics=self._topics, areas=self._areas, from_seq=desk.positions()))
                self._session = session
                await session.work()
        except ssl.SSLCertVerificationError as fault:
            raise _Refused(N_("the certificate is not trusted") + f": {fault.verify_message}") from None
        except InvalidStatus as fault:
            status = fault.response.status_code
            kind = _Refused if status in (401, 403, 404, 426) else _Broken
            raise kind(f"HTTP {status}") from None
        except (NegotiationError, InvalidURI) as fault:
            raise _Refused(str(fault)) from None
        except TimeoutError:
            raise _Broken(N_("no answer in time")) from None
        except ConnectionClosed as fault:
            raise _Broken(_closing(fault)) from None
        except (OSError, WebSocketException) as fault:
            raise _Broken(N_("the connection failed") + f": {str(fault) or type(fault).__name__}") from None
        finally:
            self._session = None


class _Desk:
    """What outlives a connection: where each wire source stands, and the counters."""

    def __init__(self, name: SourceName, sink: Sink, tally: LinkTally, timing: Timing, now: Callable[[], Millis]) -> None:
        self.sink = sink
        self.tally = tally
        self.timing = timing
        self.now = now
        self.lived = False
        """Whether the newest connection got as far as being live."""
        self._name = name
        self._sequences: dict[str, Sequence] = {}
        self._intakes: dict[str, Intake] = {}
        self._patience = timing.patience

    def positions(self) -> dict[str, int]:
        """Per wire source the last number that we have, for Subscribe. A new connection begins with it."""
        for sequence in self._sequences.values():
            sequence.reconnected()
        return {source: sequence.last for source, sequence in self._sequences.items() if sequence.last is not None}

    def be_patient(self, patience: Patience) -> None:
        """From now on wait as the platform's heartbeat asks."""
        self._patience = patience
        for sequence in self._sequences.values():
            sequence.patience = patience

    def sequence(self, source: str) -> Sequence:
        """The sequence of a wire source. Raises Malformed for a name or a number of names that cannot be."""
        sequence = self._sequences.get(source)
        if sequence is None:
            if not source or len(source) > MAX_SOURCE_NAME or not source.isprintable():
                raise Malformed(N_("a source without a proper name"))
            if len(self._sequences) >= MAX_SOURCES:
                raise Malformed(f"more than {MAX_SOURCES} sources")
            sequence = self._sequences[source] = Sequence(self._patience)
            self._intakes[source] = Intake(self._name, source, self.tally.refuse, self.now)
        return sequence

    def sequences(self) -> list[tuple[str, Sequence]]:
        """All wire sources so far."""
        return list(self._sequences.items())

    def deliver(self, messages: list[BatchMessage]) -> None:
        """Into the deck, in this order."""
        tally = self.tally
        for message in messages:
            batch = self._intakes[message.source].batch(message, simulated=tally.simulated)
            tally.records += len(batch) + len(batch.history)
            if rows_of(message):
                tally.last_record_at = self.now()
            self.sink.batch(batch)

    def count(self) -> None:
        """Bring the counters of the sequences into the report."""
        tally = self.tally
        gaps = sum(sequence.gaps for sequence in self._sequences.values())
        duplicates = sum(sequence.duplicates for sequence in self._sequences.values())
        if (gaps, duplicates) != (tally.gaps, tally.duplicates):
            tally.gaps, tally.duplicates = gaps, duplicates
            tally.touch()


class _Session:
    """One connection, from the greeting until it ends."""

    def __init__(self, connection: ClientConnection, codec: Codec, desk: _Desk) -> None:
        self._connection = connection
        self._codec = codec
        self._desk = desk
        self._tally = desk.tally
        self._timing = desk.timing
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue(OUTGOING)
        self._beats: dict[int, float] = {}
        self._their_at: Millis | None = None
        self._heard = time.monotonic()
        self._problem_at = float("-inf")
        self._why: Exception | None = None
        self.heartbeat_s = 1.0

    @property
    def live(self) -> bool:
        """Whether commands may be sent."""
        return self._tally.state is LinkState.LIVE

    async def transmit(self, message: Message) -> None:
        """Send one message. Raises ConnectionClosed."""
        for frame in self._codec.encode(message):
            await self._connection.send(frame, text=True)

    async def greet(self, hello: Hello, token: str | None) -> None:
        """Say who we are until we may subscribe. Raises _Refused."""
        await self.transmit(hello)
        welcome = await self._expect(Welcome)
        if welcome.city != hello.city:
            raise _Refused(N_("the platform serves another city") + f": {welcome.city}")
        self._tally.simulated = welcome.simulated
        self.heartbeat_s = min(max(welcome.heartbeat_ms, 50), 60_000) / 1_000
        patience = self._timing.patience
        resync_s = self.heartbeat_s * self._timing.resync_heartbeats
        self._desk.be_patient(
            Patience(patience.reorder_s, patience.reorder_messages, min(patience.resync_s, resync_s), patience.tries, patience.held_rows)
        )
        if welcome.authentication:
            if not token:
                raise _Refused(N_("the platform asks for a token and this desk has none"))
            await self.transmit(Authenticate(token=token))
            await self._expect(Authenticated)

    async def work(self) -> None:
        """Subscribed: deliver until the connection ends. Raises _Refused, _Broken or ConnectionClosed."""
        self._heard = time.monotonic()
        self._desk.lived = True
        self._tally.turn(LinkState.LIVE)
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(self._write()), group.create_task(self._beat()), group.create_task(self._watch())]
            try:
                await self._read()
            finally:
                for task in helpers:
                    task.cancel()
        if self._why is not None:
            raise self._why

    async def _expect(self, kind: type[Any]) -> Any:
        """The next message of `kind`; others are passed over."""
        while True:
            frame = await self._connection.recv(decode=False)
            message = self._decoded(frame)
            if isinstance(message, Denied):
                raise _Refused(_both(message.reason))
            if isinstance(message, kind):
                return message

    async def _read(self) -> None:
        busy = 0.0
        while True:
            try:
                frame = await self._connection.recv(decode=False)
            except ConnectionClosed as closed:
                self._why = self._why or _Broken(_closing(closed))
                return
            began = time.perf_counter()
            self._hear()
            self.take(frame)
            self._tally.frames += 1
            self._tally.touch()
            self._tally.flush()
            if self._why is not None:
                return
            busy += time.perf_counter() - began
            if busy > self._timing.slice_s:
                busy = 0.0
                # recv() does not yield while frames are queued, so in a flood nobody else would ever run
                await asyncio.sleep(0)

    def take(self, frame: bytes) -> None:
        """Act on one frame. Never raises for what is in it."""
        message = self._decoded(frame)
        if message is not None:
            try:
                self._handle(message)
            except Malformed as fault:
                self._refuse(str(fault), frame)

    def _hear(self) -> None:
        self._heard = time.monotonic()
        if self._tally.state is LinkState.STALLED:
            self._tally.turn(LinkState.LIVE)

    def _decoded(self, frame: bytes) -> PlatformMessage | None:
        try:
            return self._codec.decode_for_desk(frame)
        except Malformed as fault:
            message, left_out = salvage(self._codec, frame) or (None, [(str(fault), frame)])
            for reason, sample in left_out:
                self._refuse(reason, sample)
            return message

    def _refuse(self, reason: str, frame: bytes) -> None:
        self._tally.refuse(reason, frame)
        moment = time.monotonic()
        if moment - self._problem_at >= self._timing.problem_every_s:
            self._problem_at = moment
            self._post(Problem(reason=reason[:200]))

    def _post(self, message: Message) -> None:
        """Queue a control message. A full queue means that the other side does not read: whatever it was is asked for again later."""
        if not self._outgoing.full():
            self._outgoing.put_nowait(message)

    def _handle(self, message: PlatformMessage) -> None:
        match message:
            case BatchMessage():
                self._desk.deliver(self._desk.sequence(message.source).take(message, time.monotonic()))
                self._desk.count()
            case AnswerMessage():
                self._desk.sink.answer(clean_answer(message.answer, self._desk.now()))
            case Heartbeat():
                self._take_heartbeat(message)
            case Problem():
                self._tally.refuse(N_("the platform did not take what this desk sent") + f": {message.reason}", "")
            case Denied():
                self._why = _Refused(_both(message.reason))
            case Welcome() | Authenticated():
                pass

    def _take_heartbeat(self, beat: Heartbeat) -> None:
        self._their_at = beat.at
        sent = self._beats.pop(beat.echo, None) if beat.echo is not None else None
        if sent is not None:
            self._tally.delay_ms = (time.monotonic() - sent) * 1_000
            self._tally.touch()
        for source, seq in beat.seqs.items():
            self._desk.sequence(source).seen(seq, time.monotonic())

    async def _write(self) -> None:
        while True:
            message = await self._outgoing.get()
            try:
                await self.transmit(message)
            except ConnectionClosed:
                return

    async def _beat(self) -> None:
        while True:
            at = self._desk.now()
            self._beats[at] = time.monotonic()
            while len(self._beats) > HEARTBEATS_REMEMBERED:
                del self._beats[next(iter(self._beats))]
            self._post(Heartbeat(at=at, echo=self._their_at))
            await asyncio.sleep(self.heartbeat_s)

    async def _watch(self) -> None:
        """Look for silence and for holes in the sequences."""
        tick = min(self._timing.tick_s, self.heartbeat_s)
        while True:
            await asyncio.sleep(tick)
            silence = time.monotonic() - self._heard
            if silence > self.heartbeat_s * self._timing.dead_heartbeats:
                self._why = _Broken(N_("the platform has been silent for too long"))
            elif silence > self.heartbeat_s * self._timing.stalled_heartbeats:
                self._tally.turn(LinkState.STALLED, N_("the platform is silent"))
            else:
                self._mend()
            self._tally.flush()
            if self._why is not None:
                await self._connection.close()
                return

    def _mend(self) -> None:
        moment = time.monotonic()
        for source, sequence in self._desk.sequences():
            messages, from_seq = sequence.tick(moment)
            self._desk.deliver(messages)
            if from_seq is not None:
                self._tally.resyncs += 1
                self._tally.touch()
                self._post(Resync(source=source, from_seq=from_seq))
            if sequence.hopeless:
                self._why = _Broken(N_("a snapshot did not arrive whole"))
        self._desk.count()


def default_tls(ca: str | None = None) -> ssl.SSLContext:
    """A verifying TLS context: the system's authorities, or only those in the PEM file `ca`. Raises DeckError where that cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as fault:
        raise DeckError(N_("the file of certificate authorities cannot be used"), where=f"{ca}: {fault}", remedy=N_("name a PEM file")) from None


def _checked(url: str, allow_plain: bool) -> tuple[str, bool, bool]:
    """(address to show, whether TLS, whether this machine) of `url`. Raises DeckError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, None
    if parts is None or parts.scheme not in ("ws", "wss") or not host:
        raise DeckError(
            N_("this is not a WebSocket address"), where=parts.scheme if parts else "", remedy=N_("write ws://HOST:PORT or wss://HOST:PORT")
        )
    local = _is_loopback(host)
    shown = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}"
    if parts.scheme == "ws" and not local and not allow_plain:
        raise DeckError(
            N_("an unencrypted connection to another machine is refused: everybody on the way could read it and give orders"),
            where=address,
            remedy=N_("use wss://, or allow plain connections if the network itself is protected"),
        )
    return address, parts.scheme == "wss", local


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _both(text: Text) -> str:
    """A platform's words in every language that it gave."""
    return " · ".join(words for words in (text.zh, text.en) if words)


def _closing(fault: ConnectionClosed) -> str:
    closed = fault.rcvd or fault.sent
    if closed is None:
        return N_("the connection broke off")
    return f"{closed.code} {closed.reason}".strip()
