"""The wire form of CityDeck's own protocol, `citydeck.v1.json`: the messages, their bounds and their codec. docs/protocol.md is its text.

Both ends use this module: the gateway source and the demo city's platform. It does no I/O.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.batch import History, Readings
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.command import Answer, Command
from app.domain.ids import AreaCode, Millis, SeriesId
from app.domain.text import Text
from app.domain.unit import Unit, UnitFix

SUBPROTOCOL_V1 = "citydeck.v1.json"
SUBPROTOCOL_CLOUDEVENTS = "cloudevents.json"

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""Neither side sends or takes a larger WebSocket message; snapshots are split into parts well below it."""
MAX_ROWS = 50_000
"""Most records one batch may carry, of all kinds together."""
TOPICS = ("readings", "history", "alerts", "cases", "units", "cameras")


class Malformed(ValueError):
    """A frame that does not fit the protocol. Counted and shown, never fatal."""


# --- desk → platform ---------------------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """First message of a desk."""

    desk: str
    city: str
    version: str = "1"


class Authenticate(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="authenticate"):
    """Answer to `Welcome`; the platform answers `Authenticated` or `Denied` and closes."""

    token: str


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="subscribe"):
    """What the desk wants. `from_seq` names, per source, the last sequence number that it has: the platform sends what came
    after it if it still can, and a snapshot if not (or if the source is not named). Empty `areas`: the whole city."""

    topics: tuple[str, ...] = TOPICS
    areas: tuple[AreaCode, ...] = ()
    from_seq: dict[str, int] = {}  # msgspec copies an empty dict default


class Resync(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="resync"):
    """A gap was seen: send what came after `from_seq`, or a snapshot."""

    source: str
    from_seq: int


class CommandMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="command"):
    """An operator's command. The platform obeys a key once, however often it comes, and answers each time."""

    command: Command


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    """Either side, at least every `Welcome.heartbeat_ms`. `echo` returns the other side's newest `at`, for the round trip;
    `seqs` (platform only) names the newest sequence number of each source, so that a loss at the tail is noticed too."""

    at: Millis
    echo: Millis | None = None
    seqs: dict[str, int] = {}


# --- platform → desk ---------------------------------------------------------------------------------------------------------


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="welcome"):
    """Answer to `Hello`."""

    platform: str
    city: str
    at: Millis
    heartbeat_ms: int = 1_000
    simulated: bool = False
    authentication: bool = True
    """Whether `Authenticate` must come next; if not, `Subscribe` may."""


class Authenticated(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="authenticated"):
    """The token is good."""


class Denied(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="denied"):
    """The desk is not wanted; the connection closes."""

    reason: Text


class BatchMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="batch", omit_defaults=True):
    """Records of one source. `seq` rises by one with each message of the source; a snapshot's parts all carry the number that
    the snapshot brings the desk up to."""

    source: str
    seq: int
    at: Millis
    snapshot: bool = False
    part: int = 1
    parts: int = 1
    piece: int = 1
    pieces: int = 1
    """Where a wire form splits one message (CloudEvents: one record an event): this is piece `piece` of `pieces` of its part."""
    catalogue: tuple[SeriesId, ...] | None = None
    readings: Readings | None = None
    history: tuple[History, ...] = ()
    alerts: tuple[Alert, ...] = ()
    cases: tuple[Case, ...] = ()
    units: tuple[Unit, ...] = ()
    fixes: tuple[UnitFix, ...] = ()
    cameras: tuple[Camera, ...] = ()
    shelves: tuple[Shelf, ...] = ()


class AnswerMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="answer"):
    """The platform confirms or refuses a command."""

    answer: Answer


class Problem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="problem"):
    """The other side sent something that was not taken; `reason` says what. The connection goes on."""

    reason: str


DeskMessage = Hello | Authenticate | Subscribe | Resync | CommandMessage | Heartbeat | Problem
PlatformMessage = Welcome | Authenticated | Denied | BatchMessage | AnswerMessage | Heartbeat | Problem
Message = DeskMessage | PlatformMessage


class Codec(Protocol):
    """Turns messages into WebSocket text frames and back. One message may take several frames (CloudEvents: one event a frame)."""

    subprotocol: str

    def encode(self, message: Message) -> list[bytes]:
        """The frames that carry `message`."""
        ...

    def decode_for_desk(self, frame: str | bytes) -> PlatformMessage:
        """What a platform said. Raises Malformed."""
        ...

    def decode_for_platform(self, frame: str | bytes) -> DeskMessage:
        """What a desk said. Raises Malformed."""
        ...


class V1Codec:
    """`citydeck.v1.json`: one message a frame, the structs above as JSON objects told apart by `type`."""

    subprotocol = SUBPROTOCOL_V1

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()
        self._for_desk = msgspec.json.Decoder(PlatformMessage)
        self._for_platform = msgspec.json.Decoder(DeskMessage)

    def encode(self, message: Message) -> list[bytes]:
        return [self._encoder.encode(message)]

    def decode_for_desk(self, frame: str | bytes) -> PlatformMessage:
        try:
            message = self._for_desk.decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as fault:
            raise Malformed(str(fault)) from None
        if isinstance(message, BatchMessage):
            check_batch(message)
        return message

    def decode_for_platform(self, frame: str | bytes) -> DeskMessage:
        try:
            return self._for_platform.decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as fault:
            raise Malformed(str(fault)) from None


def check_batch(batch: BatchMessage) -> None:
    """Raise Malformed where a batch breaks the bounds that its types cannot say."""
    readings = batch.readings
    rows = len(batch.alerts) + len(batch.cases) + len(batch.units) + len(batch.fixes) + len(batch.cameras) + len(batch.shelves)
    if readings is not None:
        count = len(readings.series)
        rows += count
        if len(readings.value) != count or len(readings.at) != count or len(readings.quality) not in (0, count):
            raise Malformed("columns of readings differ in length")
    if rows > MAX_ROWS:
        raise Malformed(f"{rows} records in one batch; the most is {MAX_ROWS}")
    if not (1 <= batch.part <= batch.parts):
        raise Malformed(f"part {batch.part} of {batch.parts}")
    if not (1 <= batch.piece <= batch.pieces):
        raise Malformed(f"piece {batch.piece} of {batch.pieces}")
