"""The subprotocol `cloudevents.json`: CloudEvents 1.0, structured mode, exactly one event a WebSocket message. No I/O.

For platforms that already speak CloudEvents. The events carry the same records as `citydeck.v1.json`, one an event, so this form costs
several times as much; docs/protocol.md has the mapping.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote, unquote

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.batch import History, Readings
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.ids import Millis, SeriesId
from app.domain.unit import Unit, UnitFix
from datasources.protocol import (
    SUBPROTOCOL_CLOUDEVENTS,
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
    PlatformMessage,
    Problem,
    Resync,
    Subscribe,
    Welcome,
    check_batch,
)

PREFIX = "citydeck."
SPEC_VERSION = "1.0"
JSON_TYPE = "application/json"
MAX_INTEGER = 2**31 - 1
"""The largest Integer attribute CloudEvents allows; a greater `seq` goes as a String of digits."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `citydeck.reading`: one row of Readings, `series` counting in the catalogue event of the same source."""

    series: int
    value: float | None
    at: Millis
    quality: int = 0


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Data of `citydeck.catalogue`."""

    series: tuple[SeriesId, ...]


class Nothing(msgspec.Struct, frozen=True):
    """Data of `citydeck.empty`: a message without records, which only moves the sequence on (or is an empty snapshot)."""


class _Envelope(msgspec.Struct, kw_only=True):
    """The attributes that we read. Others are allowed and ignored, as CloudEvents says."""

    id: str
    source: str
    specversion: str
    type: str
    time: str | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    seq: int | str = 0
    part: int = 1
    parts: int = 1
    piece: int = 1
    pieces: int = 1
    snapshot: bool = False


_DESK: dict[str, type[Any]] = {
    "hello": Hello,
    "authenticate": Authenticate,
    "subscribe": Subscribe,
    "resync": Resync,
    "command": CommandMessage,
    "heartbeat": Heartbeat,
    "problem": Problem,
}
_PLATFORM: dict[str, type[Any]] = {
    "welcome": Welcome,
    "authenticated": Authenticated,
    "denied": Denied,
    "answer": AnswerMessage,
    "heartbeat": Heartbeat,
    "problem": Problem,
}
_RECORDS: dict[str, type[Any]] = {
    "reading": Reading,
    "history": History,
    "alert": Alert,
    "case": Case,
    "unit": Unit,
    "fix": UnitFix,
    "camera": Camera,
    "shelf": Shelf,
    "catalogue": Catalogue,
    "empty": Nothing,
}
EVENT_TYPES = tuple(PREFIX + name for name in sorted({*_DESK, *_PLATFORM, *_RECORDS}))
"""Every event type that may pass."""


def _system_now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


class CloudEventsCodec:
    """Codec of one connection. `source` is the event source of its control messages; `now` stamps those without a time of their own."""

    subprotocol = SUBPROTOCOL_CLOUDEVENTS

    def __init__(self, source: str = "/citydeck", now: Callable[[], Millis] = _system_now) -> None:
        self._source = source
        self._now = now
        self._encoder = msgspec.json.Encoder()
        self._envelope = msgspec.json.Decoder(_Envelope)
        kinds = {**_DESK, **_PLATFORM, **_RECORDS}
        self._decoders = {name: msgspec.json.Decoder(kind) for name, kind in kinds.items()}
        self._prefix = uuid.uuid4().hex
        self._count = itertools.count(1)

    def encode(self, message: Message) -> list[bytes]:
        if isinstance(message, BatchMessage):
            return self._encode_batch(message)
        name = str(message.__struct_config__.tag)
        at = message.at if isinstance(message, Heartbeat | Welcome) else self._now()
        return [self._event(name, f"{self._prefix}-{next(self._count)}", self._source, _rfc3339(at), "", message, {})]

    def decode_for_desk(self, frame: str | bytes) -> PlatformMessage:
        name, envelope = self._open(frame)
        if name in _RECORDS:
            batch = _batch_of(envelope, self._data(name, envelope))
            check_batch(batch)
            return batch
        if name not in _PLATFORM:
            raise Malformed(f"event type {envelope.type!r} is not one that a platform sends")
        return cast("PlatformMessage", self._data(name, envelope))

    def decode_for_platform(self, frame: str | bytes) -> DeskMessage:
        name, envelope = self._open(frame)
        if name not in _DESK:
            raise Malformed(f"event type {envelope.type!r} is not one that a desk sends")
        return cast("DeskMessage", self._data(name, envelope))

    def salvage(self, frame: str | bytes) -> BatchMessage | None:
        """The place in the sequence of an event whose record cannot be read, without the record; None where not even that is sound."""
        try:
            name, envelope = self._open(frame)
            if name not in _RECORDS:
                return None
            batch = _batch_of(envelope, Nothing())
            check_batch(batch)
        except Malformed:
            return None
        return batch

    def _open(self, frame: str | bytes) -> tuple[str, _Envelope]:
        try:
            envelope = self._envelope.decode(frame)
        except _FAULTS as fault:
            raise Malformed(str(fault)) from None
        if envelope.specversion != SPEC_VERSION:
            raise Malformed(f"specversion {envelope.specversion!r}; only {SPEC_VERSION} is spoken")
        if not envelope.id or not envelope.source:
            raise Malformed("id and source must not be empty")
        if not envelope.type.startswith(PREFIX):
            raise Malformed(f"event type {envelope.type!r} is not known")
        if envelope.datacontenttype is not None and not _is_json(envelope.datacontenttype):
            raise Malformed(f"datacontenttype {envelope.datacontenttype!r}; only {JSON_TYPE} is spoken")
        return envelope.type.removeprefix(PREFIX), envelope

    def _data(self, name: str, envelope: _Envelope) -> object:
        if not bytes(envelope.data):
            raise Malformed("the event carries no data")
        try:
            return self._decoders[name].decode(envelope.data)
        except _FAULTS as fault:
            raise Malformed(f"data of {envelope.type}: {fault}") from None

    def _encode_batch(self, batch: BatchMessage) -> list[bytes]:
        rows = list(_rows(batch))
        stem = f"{'s' if batch.snapshot else ''}{batch.seq}-{batch.part}-"
        source, at = quote(batch.source, safe="/:._~-") or "/", _rfc3339(batch.at)
        fixed: dict[str, Any] = {"seq": batch.seq if abs(batch.seq) <= MAX_INTEGER else str(batch.seq), "part": batch.part, "parts": batch.parts}
        if batch.snapshot:
            fixed["snapshot"] = True
        frames: list[bytes] = []
        for piece, (name, subject, data) in enumerate(rows, start=1):
            extensions = fixed if len(rows) == 1 else {**fixed, "piece": piece, "pieces": len(rows)}
            frames.append(self._event(name, f"{stem}{piece}", source, at, subject, data, extensions))
        return frames

    def _event(self, name: str, id: str, source: str, at: str, subject: str, data: object, extensions: dict[str, Any]) -> bytes:
        event: dict[str, Any] = {"specversion": SPEC_VERSION, "id": id, "source": source, "type": PREFIX + name, "time": at}
        if subject:
            event["subject"] = subject
        return self._encoder.encode({**event, "datacontenttype": JSON_TYPE, **extensions, "data": data})


def _rows(batch: BatchMessage) -> Iterable[tuple[str, str, object]]:
    """(event type without prefix, subject, data) of each event that carries `batch`, the catalogue first."""
    empty = True
    for row in itertools.chain(_series_rows(batch), _record_rows(batch)):
        empty = False
        yield row
    if empty:
        yield "empty", "", Nothing()


def _series_rows(batch: BatchMessage) -> Iterable[tuple[str, str, object]]:
    if batch.catalogue is not None:
        yield "catalogue", "", Catalogue(series=batch.catalogue)
    if batch.readings is not None:
        qualities = batch.readings.quality or itertools.repeat(0)
        for series, value, at, quality in zip(batch.readings.series, batch.readings.value, batch.readings.at, qualities, strict=False):
            yield "reading", str(series), Reading(series=series, value=value, at=Millis(at), quality=quality)
    for history in batch.history:
        yield "history", str(history.series), history


def _record_rows(batch: BatchMessage) -> Iterable[tuple[str, str, object]]:
    for alert in batch.alerts:
        yield "alert", alert.id, alert
    for case in batch.cases:
        yield "case", case.id, case
    for unit in batch.units:
        yield "unit", unit.id, unit
    for fix in batch.fixes:
        yield "fix", fix.unit, fix
    for camera in batch.cameras:
        yield "camera", camera.id, camera
    for shelf in batch.shelves:
        yield "shelf", shelf.id, shelf


def _batch_of(envelope: _Envelope, data: object) -> BatchMessage:
    """The message with one record that an event stands for. Raises Malformed."""
    kinds: dict[str, Any] = {}
    match data:
        case Reading():
            kinds["readings"] = Readings([data.series], [data.value], [data.at], [data.quality])
        case Catalogue():
            kinds["catalogue"] = data.series
        case History():
            kinds["history"] = (data,)
        case Alert():
            kinds["alerts"] = (data,)
        case Case():
            kinds["cases"] = (data,)
        case Unit():
            kinds["units"] = (data,)
        case UnitFix():
            kinds["fixes"] = (data,)
        case Camera():
            kinds["cameras"] = (data,)
        case Shelf():
            kinds["shelves"] = (data,)
        case _:
            pass
    return BatchMessage(
        source=unquote(envelope.source),
        seq=_seq_of(envelope.seq),
        at=_millis_of(envelope.time),
        snapshot=envelope.snapshot,
        part=envelope.part,
        parts=envelope.parts,
        piece=envelope.piece,
        pieces=envelope.pieces,
        **kinds,
    )


def _seq_of(seq: int | str) -> int:
    if isinstance(seq, int):
        return seq
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 19):
        raise Malformed(f"seq {seq[:40]!r} is not a number")
    return int(seq)


def _rfc3339(at: int) -> str:
    """UTC ms as RFC 3339. A time that no calendar has is sent as the epoch: the record's own times say it better."""
    try:
        return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        return "1970-01-01T00:00:00.000Z"


def _millis_of(text: str | None) -> Millis:
    if text is None:
        raise Malformed("a record's event needs a time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"time {text[:40]!r} is not RFC 3339") from None
    if moment.tzinfo is None:
        raise Malformed(f"time {text[:40]!r} has no offset")
    return Millis((moment - _EPOCH) // timedelta(milliseconds=1))


def _is_json(content_type: str) -> bool:
    kind = content_type.split(";", 1)[0].strip().lower()
    return kind == JSON_TYPE or kind.endswith("+json")
