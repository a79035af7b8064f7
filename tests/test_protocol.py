"""The protocol's codecs never raise anything but Malformed, say everything both ways, and are what the documents say they are."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.batch import Readings
from app.domain.errors import DeckError
from app.domain.ids import Millis
from datasources import protocol, schema
from datasources.cloudevents import EVENT_TYPES, CloudEventsCodec
from datasources.codec import SUBPROTOCOLS, codec_for, salvage
from datasources.protocol import MAX_ROWS, BatchMessage, Codec, DeskMessage, Heartbeat, Malformed, Message, PlatformMessage, Subscribe

DOCS = Path(__file__).resolve().parents[1] / "docs"
FROM_DESK, FROM_PLATFORM = {**schema.FROM_DESK, **schema.FROM_BOTH}, {**schema.FROM_PLATFORM, **schema.FROM_BOTH}
EXAMPLES = {**FROM_DESK, **FROM_PLATFORM}
CODECS = [codec_for(name) for name in SUBPROTOCOLS]
NOW = Millis(1_760_000_000_000)


def message_structs() -> dict[str, type[msgspec.Struct]]:
    """Every struct of the protocol module that has a `type` on the wire."""
    found: dict[str, type[msgspec.Struct]] = {}
    for _, kind in inspect.getmembers(protocol, inspect.isclass):
        if issubclass(kind, msgspec.Struct) and kind.__module__ == protocol.__name__ and kind.__struct_config__.tag:
            found[str(kind.__struct_config__.tag)] = kind
    return found


def test_every_message_has_an_example_and_belongs_to_a_side() -> None:
    structs = message_structs()
    assert {tag: type(message) for tag, message in EXAMPLES.items()} == structs
    assert {*get_args(DeskMessage), *get_args(PlatformMessage)} == set(structs.values())


@pytest.mark.parametrize("name", FROM_DESK)
@pytest.mark.parametrize("codec", CODECS, ids=SUBPROTOCOLS)
def test_what_a_desk_says_comes_back(codec: Codec, name: str) -> None:
    (frame,) = codec.encode(EXAMPLES[name])
    assert codec.decode_for_platform(frame) == EXAMPLES[name]
    assert codec.decode_for_platform(frame.decode()) == EXAMPLES[name]


@pytest.mark.parametrize("name", [name for name in FROM_PLATFORM if name != "batch"])
@pytest.mark.parametrize("codec", CODECS, ids=SUBPROTOCOLS)
def test_what_a_platform_says_comes_back(codec: Codec, name: str) -> None:
    (frame,) = codec.encode(EXAMPLES[name])
    assert codec.decode_for_desk(frame) == EXAMPLES[name]


def test_a_batch_is_one_frame_or_one_event_a_record() -> None:
    batch = schema.FROM_PLATFORM["batch"]
    assert isinstance(batch, BatchMessage)
    v1, events = CODECS
    assert v1.decode_for_desk(v1.encode(batch)[0]) == batch
    decoded_events = [events.decode_for_desk(frame) for frame in events.encode(batch)]
    pieces = [piece for piece in decoded_events if isinstance(piece, BatchMessage)]
    assert len(pieces) == len(decoded_events)
    assert all((piece.source, piece.seq, piece.at, piece.snapshot) == ("city", 42, batch.at, True) for piece in pieces)
    assert [(piece.piece, piece.pieces) for piece in pieces] == [(n, len(pieces)) for n in range(1, len(pieces) + 1)]
    for kind in ("alerts", "cases", "units", "fixes", "cameras", "history", "shelves"):
        assert tuple(record for piece in pieces for record in getattr(piece, kind)) == getattr(batch, kind)
    rows = [piece.readings for piece in pieces if piece.readings is not None]
    assert [row.value for row in rows] == [[31.5], [None]] and [row.quality for row in rows] == [[0], [3]]
    assert pieces[0].catalogue == batch.catalogue


@pytest.mark.parametrize("codec", CODECS, ids=SUBPROTOCOLS)
def test_an_empty_batch_and_a_long_sequence_pass(codec: Codec) -> None:
    batch = BatchMessage(source="城市 a/b", seq=2**40, at=NOW, snapshot=True, part=2, parts=3)
    (frame,) = codec.encode(batch)
    assert codec.decode_for_desk(frame) == batch


def test_cloudevents_keep_to_their_standard() -> None:
    for message in EXAMPLES.values():
        for frame in CloudEventsCodec().encode(message):
            event = json.loads(frame)
            assert {"id", "source", "specversion", "type", "time", "datacontenttype"} <= event.keys()
            assert event["specversion"] == "1.0" and event["type"] in EVENT_TYPES and event["id"] and event["source"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
            assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    first, second = (json.loads(CloudEventsCodec().encode(schema.FROM_PLATFORM["batch"])[3])["id"] for _ in range(2))
    assert first == second, "a record that is sent again is the same event"


EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "city", "type": "citydeck.empty", "time": "2026-07-20T00:00:00Z", "data": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"source": ""},
        {"type": "com.example.other"},
        {"type": "citydeck.nonsense"},
        {"type": "citydeck.hello"},
        {"time": None},
        {"time": "yesterday"},
        {"time": "2026-07-20T00:00:00"},
        {"datacontenttype": "text/xml"},
        {"data": None},
        {"seq": "-1"},
        {"seq": "1e9"},
        {"part": 2},
        {"piece": 0},
    ],
)
def test_events_that_do_not_fit_are_malformed(change: dict[str, Any]) -> None:
    events = CloudEventsCodec()
    assert isinstance(events.decode_for_desk(json.dumps(EVENT)), BatchMessage)
    with pytest.raises(Malformed):
        events.decode_for_desk(json.dumps({**EVENT, **change}))


def test_bounds_are_kept() -> None:
    v1 = codec_for("citydeck.v1.json")
    rows = [0] * (MAX_ROWS + 1)
    for batch in (
        BatchMessage(source="s", seq=1, at=NOW, readings=Readings(rows, [None] * len(rows), rows)),
        BatchMessage(source="s", seq=1, at=NOW, readings=Readings([0], [None], [1, 2])),
        BatchMessage(source="s", seq=1, at=NOW, readings=Readings([0, 1], [None, None], [1, 2], [0])),
        BatchMessage(source="s", seq=1, at=NOW, part=0),
        BatchMessage(source="s", seq=1, at=NOW, piece=2),
    ):
        with pytest.raises(Malformed):
            v1.decode_for_desk(v1.encode(batch)[0])
    with pytest.raises(DeckError):
        codec_for("soap")


NAMES = st.sampled_from(["type", *EVENT, "seq", "part"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from([*EXAMPLES, *EVENT_TYPES, "1.0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | NAMES, inner, max_size=5),
    max_leaves=20,
)


def decode_every_way(frame: bytes | str) -> None:
    for codec in CODECS:
        for decode in (codec.decode_for_desk, codec.decode_for_platform):
            try:
                decode(frame)
            except Malformed:
                pass
        if isinstance(frame, bytes):
            salvage(codec, frame)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_raise_anything_but_malformed(frame: bytes | str) -> None:
    decode_every_way(frame)


@given(JSON)
def test_no_json_raises_anything_but_malformed(value: Any) -> None:
    decode_every_way(json.dumps(value).encode("utf-8", "surrogatepass"))


@given(st.data())
def test_no_change_to_an_example_raises_anything_but_malformed(data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(CODECS))
    frame = json.loads(data.draw(st.sampled_from(codec.encode(EXAMPLES[data.draw(st.sampled_from(sorted(EXAMPLES)))]))))
    spot: Any = frame
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.booleans()):
            spot[key] = data.draw(JSON)
            break
        spot = spot[key]
    decode_every_way(json.dumps(frame).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "frame", [b"[" * 1_000_000, b'{"type":"batch","seq":' + b"9" * 100_000 + b"}", b'{"a":' * 200_000, b'"\\ud800"', b'{"type":"batch"']
)
def test_hostile_frames_are_malformed(frame: bytes) -> None:
    for codec in CODECS:
        with pytest.raises(Malformed):
            codec.decode_for_desk(frame)
        assert salvage(codec, frame) is None


def test_half_a_character_costs_nothing_but_itself() -> None:
    for codec in CODECS:
        batch = BatchMessage(source="city", seq=3, at=NOW, cameras=schema.FROM_PLATFORM["batch"].cameras[:1])  # type: ignore[union-attr]
        (frame,) = codec.encode(batch)
        for half in (b"\\ud83d", b"\\udc00\\ud800", b"\\udfff\\\\ud800"):
            broken = frame.replace(b"Hong Kong", b"Hong" + half + b" Kong")
            assert broken != frame
            with pytest.raises(Malformed):
                codec.decode_for_desk(broken)
            saved, left_out = salvage(codec, broken) or (None, [])
            assert isinstance(saved, BatchMessage) and left_out == []
            assert saved.cameras[0].name.en.startswith("Hong") and saved.cameras[0].name.en.encode()
        latin = frame.replace(b"Hong Kong", b"H\xf6ng Kong")
        saved, left_out = salvage(codec, latin) or (None, [])
        assert isinstance(saved, BatchMessage) and saved.cameras[0].name.en.startswith("H\ufffdng") and left_out == []


def test_salvage_takes_nothing_that_is_not_a_batch() -> None:
    v1 = codec_for("citydeck.v1.json")
    for frame in (b'{"seq":1,"source":"s","at":0}', b'{"type":"hello"}', b'{"type":""}', b'{"type":"batch","source":"s","seq":1,"at":0,"part":9}'):
        assert salvage(v1, frame) is None


# --- the documents -----------------------------------------------------------------------------------------------------------


def documented() -> dict[str, Any]:
    return json.loads((DOCS / "asyncapi.json").read_text("utf-8"))


def test_the_asyncapi_document_is_what_the_structs_say() -> None:
    assert (DOCS / "asyncapi.json").read_text("utf-8") == schema.text(), "run: python -m datasources.schema > docs/asyncapi.json"


def test_the_asyncapi_document_is_sound() -> None:
    document = documented()
    assert document["asyncapi"] == "3.0.0" and {"info", "servers", "channels", "operations", "components"} <= document.keys()
    refs = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    for ref in refs:
        spot: Any = document
        for step in ref.removeprefix("#/").split("/"):
            spot = spot[step]
    said = {ref["$ref"].rsplit("/", 1)[1] for operation in document["operations"].values() for ref in operation["messages"]}
    assert said == set(document["components"]["messages"]) == set(document["channels"]["desk"]["messages"]) == set(message_structs())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_asyncapi_document_fit_and_decode(name: str) -> None:
    document = documented()
    message = document["components"]["messages"][name]
    examples = [EXAMPLES[name], *schema.OTHERS.get(name, ())]
    assert len(message["examples"]) == len(examples)
    for example, meant in zip(message["examples"], examples, strict=True):
        jsonschema.validate(example["payload"], {**message["payload"], "components": document["components"]})
        assert decoded(name, json.dumps(example["payload"])) == meant


def decoded(name: str, frame: str) -> Message:
    v1 = codec_for("citydeck.v1.json")
    return v1.decode_for_platform(frame) if name in FROM_DESK else v1.decode_for_desk(frame)


def test_the_text_shows_every_message_and_its_examples_decode() -> None:
    text = (DOCS / "protocol.md").read_text("utf-8")
    shown: dict[str, list[Message]] = {}
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        example = json.loads(block)
        if "specversion" in example:
            assert isinstance(CloudEventsCodec().decode_for_desk(block), BatchMessage)
        else:
            shown.setdefault(example["type"], []).append(decoded(example["type"], block))
    assert shown == {name: [message, *schema.OTHERS.get(name, ())] for name, message in EXAMPLES.items()}
    assert set(shown) == set(message_structs())
    headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert {kind.__name__.removesuffix("Message") for kind in message_structs().values()} <= headings
    for event in EVENT_TYPES:
        assert f".{event.split('.')[1]}" in text
    assert "50,000" in text and "8 MiB" in text and MAX_ROWS == 50_000


def test_defaults_are_not_shared() -> None:
    assert Subscribe().from_seq is not Subscribe().from_seq
    assert Heartbeat(at=NOW).seqs is not Heartbeat(at=NOW).seqs
