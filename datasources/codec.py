"""Which wire form a connection speaks, and what can be saved of a frame that does not quite fit it. No I/O."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.batch import History, Readings
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.errors import DeckError
from app.domain.ids import Millis, SeriesId
from app.domain.text import N_
from app.domain.unit import Unit, UnitFix
from datasources.cloudevents import CloudEventsCodec
from datasources.protocol import (
    SUBPROTOCOL_CLOUDEVENTS,
    SUBPROTOCOL_V1,
    AnswerMessage,
    BatchMessage,
    Codec,
    Malformed,
    V1Codec,
    check_batch,
)

SUBPROTOCOLS = (SUBPROTOCOL_V1, SUBPROTOCOL_CLOUDEVENTS)
"""What a desk offers, best first."""

_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)
_KINDS: dict[str, type[Any]] = {
    "history": History,
    "alerts": Alert,
    "cases": Case,
    "units": Unit,
    "fixes": UnitFix,
    "cameras": Camera,
    "shelves": Shelf,
}
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in _KINDS.items()}
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
"""Escapes of a JSON text one by one, so that a backslash that is itself escaped begins none."""
_NO_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<none>-?\b(?:NaN|Infinity|nan|inf)\b)', re.DOTALL)
"""What some languages write where there is no number, outside of strings."""


def codec_for(subprotocol: str) -> Codec:
    """A new codec for `subprotocol` (a codec may number its messages, so each connection has its own). Raises DeckError for an unknown one."""
    if subprotocol == SUBPROTOCOL_V1:
        return V1Codec()
    if subprotocol == SUBPROTOCOL_CLOUDEVENTS:
        return CloudEventsCodec()
    raise DeckError(N_("this wire form is not known"), where=subprotocol, remedy=", ".join(SUBPROTOCOLS))


class _LooseBatch(msgspec.Struct, kw_only=True, tag_field="type", tag="batch"):
    """A batch whose records are not looked at yet."""

    source: str
    seq: int
    at: Millis
    snapshot: bool = False
    part: int = 1
    parts: int = 1
    piece: int = 1
    pieces: int = 1
    catalogue: tuple[SeriesId, ...] | None = None
    readings: msgspec.Raw = msgspec.Raw(b"null")
    history: tuple[msgspec.Raw, ...] = ()
    alerts: tuple[msgspec.Raw, ...] = ()
    cases: tuple[msgspec.Raw, ...] = ()
    units: tuple[msgspec.Raw, ...] = ()
    fixes: tuple[msgspec.Raw, ...] = ()
    cameras: tuple[msgspec.Raw, ...] = ()
    shelves: tuple[msgspec.Raw, ...] = ()


class _Other(msgspec.Struct, tag_field="type", tag=""):
    """Makes the tag of `_LooseBatch` compulsory."""


_loose = msgspec.json.Decoder(_LooseBatch | _Other)
_readings = msgspec.json.Decoder(Readings | None)


def salvage(codec: Codec, frame: bytes) -> tuple[BatchMessage | AnswerMessage, list[tuple[str, bytes]]] | None:
    """What is sound in a frame that `codec` found malformed, with (reason, sample) of each record left out; None where nothing can be saved.

    One record of a kind that this desk does not know yet must not cost its neighbours, nor leave a hole in the sequence; and half a
    character in a text must not cost the record that it is in: it is left out and nothing is refused.
    """
    mended = _mended(frame)
    try:
        message = codec.decode_for_desk(mended)
    except Malformed as fault:
        if not isinstance(codec, CloudEventsCodec):
            return _salvage_batch(mended)
        place = codec.salvage(mended)
        return None if place is None else (place, [(str(fault), frame)])
    return (message, []) if isinstance(message, BatchMessage | AnswerMessage) else None


def _mended(frame: bytes) -> bytes:
    """`frame` as UTF-8 without halves of characters, and with null for what is no number. What cannot be read becomes the replacement
    character, so that one sees it."""
    text = _ESCAPES.sub(lambda escape: "" if escape["half"] else escape[0], frame.decode("utf-8", "replace"))
    if any(word in text for word in ("NaN", "nan", "inf", "Infinity")):
        text = _NO_NUMBERS.sub(lambda found: "null" if found["none"] else found[0], text)
    return text.encode()


def _salvage_batch(frame: bytes) -> tuple[BatchMessage, list[tuple[str, bytes]]] | None:
    try:
        loose = _loose.decode(frame)
    except _FAULTS:
        return None
    if not isinstance(loose, _LooseBatch):
        return None
    left_out: list[tuple[str, bytes]] = []
    records: dict[str, Any] = {name: _sound(name, cast("tuple[msgspec.Raw, ...]", getattr(loose, name)), left_out) for name in _KINDS}
    places = {name: getattr(loose, name) for name in ("source", "seq", "at", "snapshot", "part", "parts", "piece", "pieces", "catalogue")}
    try:
        message = BatchMessage(**places, readings=_sound_readings(loose.readings, left_out), **records)
        check_batch(message)
    except Malformed:
        return None
    return message, left_out


def _sound(name: str, raws: tuple[msgspec.Raw, ...], left_out: list[tuple[str, bytes]]) -> tuple[Any, ...]:
    found: list[Any] = []
    for raw in raws:
        try:
            found.append(_DECODERS[name].decode(raw))
        except _FAULTS as fault:
            left_out.append((f"{name}: {fault}", bytes(raw)))
    return tuple(found)


def _sound_readings(raw: msgspec.Raw, left_out: list[tuple[str, bytes]]) -> Readings | None:
    """The columns, if they can be read and are of one length: a column out of step would put values to the wrong series."""
    try:
        readings = _readings.decode(raw)
        if readings is not None:
            check_batch(BatchMessage(source="", seq=0, at=Millis(0), readings=readings))
    except (*_FAULTS, Malformed) as fault:
        left_out.append((f"readings: {fault}", bytes(raw)))
        return None
    return readings
