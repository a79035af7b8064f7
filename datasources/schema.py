"""The protocol for other people's tools: the AsyncAPI document of `citydeck.v1.json`, made from the structs themselves so that it cannot drift.

`python -m datasources.schema` writes docs/asyncapi.json to standard output; a test compares. The examples here are also those of docs/protocol.md.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from app.domain.alert import Acknowledgement, Alert, AlertMove, AlertStep
from app.domain.aside import How, Scope, Shelf
from app.domain.batch import History, Readings
from app.domain.camera import Camera, CameraState
from app.domain.case import Case, CaseStep, Move, Stage
from app.domain.command import Act, Answer, Command, MoveAlerts, OpenCase, PutAside, TakeBack
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CameraId, CaseId, CommandKey, Millis, SeriesId, ShelfId, UnitId
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.domain.unit import Unit, UnitFix, UnitState
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
    Message,
    Problem,
    Resync,
    Subscribe,
    Welcome,
)

_AT = Millis(1_784_505_600_000)
_AREA = AreaCode("370202")
_KEY = CommandKey("3f0c9d1e5b7a42c8a1d6e4f2b8097c55")


def _command(act: Act, seen: int = 0) -> CommandMessage:
    return CommandMessage(
        command=Command(key=_KEY, act=act, area=_AREA, actor="li.na", role=Role.DUTY_OFFICER, seat=Seat.DUTY, desk="duty-3", at=_AT, seen=seen)
    )


FROM_DESK: dict[str, Message] = {
    "hello": Hello(desk="duty-3", city="qingdao"),
    "authenticate": Authenticate(token="the secret of this desk"),  # noqa: S106 - an example
    "subscribe": Subscribe(topics=("readings", "alerts", "cases"), areas=(_AREA,), from_seq={"city": 41}),
    "resync": Resync(source="city", from_seq=44),
    "command": _command(
        OpenCase(
            case=CaseId("duty-3-17"),
            alerts=(AlertId("a-1"),),
            kind=AlertKindId("waterlogging"),
            severity=Severity.SEVERE,
            title=Text("香港中路积水", "Waterlogging in Hong Kong Middle Road"),
            area=_AREA,
            position=Position(120.3826, 36.0671),
            comment="two callers",
        )
    ),
}
OTHER_COMMANDS: tuple[Message, ...] = (
    _command(MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(AlertId("a-1"), AlertId("a-2")), comment="crew is on its way")),
    _command(
        PutAside(
            shelf=ShelfId("duty-3-s4"),
            how=How.SHELVED,
            scope=Scope(kind=AlertKindId("waterlogging"), area=_AREA),
            until=Millis(_AT + 7_200_000),
            comment="pump 2 is being repaired",
        )
    ),
    _command(TakeBack(shelf=ShelfId("duty-3-s4"), comment="pump 2 runs again"), seen=1),
)
"""What else a desk may order: one example an act."""
FROM_PLATFORM: dict[str, Message] = {
    "welcome": Welcome(platform="Qingdao city brain", city="qingdao", at=_AT),
    "authenticated": Authenticated(),
    "denied": Denied(reason=Text("令牌已过期", "the token has expired")),
    "batch": BatchMessage(
        source="city",
        seq=42,
        at=_AT,
        snapshot=True,
        catalogue=(SeriesId("rain_1h@370202"), SeriesId("road_speed@370202")),
        readings=Readings([0, 1], [31.5, None], [_AT, _AT], [0, 3]),
        history=(History(0, Millis(_AT - 120_000), 60_000, [12.0, None, 31.5]),),
        alerts=(
            Alert(
                id=AlertId("a-1"),
                kind=AlertKindId("waterlogging"),
                severity=Severity.SEVERE,
                title=Text("香港中路积水 32 厘米", "32 cm of water in Hong Kong Middle Road"),
                area=_AREA,
                at=_AT,
                position=Position(120.3826, 36.0671),
                acknowledged=Acknowledgement(by="li.na", at=_AT, comment="crew is on its way"),
                owner="li.na",
                steps=(
                    AlertStep(move=AlertMove.ACKNOWLEDGE, at=_AT, actor="li.na", comment="crew is on its way"),
                    AlertStep(move=AlertMove.TAKE, at=_AT, actor="li.na"),
                ),
                version=3,
            ),
        ),
        cases=(
            Case(
                id=CaseId("duty-3-17"),
                number="2026-0720-0031",
                title=Text("香港中路积水", "Waterlogging in Hong Kong Middle Road"),
                kind=AlertKindId("waterlogging"),
                severity=Severity.SEVERE,
                area=_AREA,
                stage=Stage.FILED,
                alerts=(AlertId("a-1"),),
                opened_at=_AT,
                stage_at=_AT,
                steps=(CaseStep(move=Move.FILE, at=_AT, actor="li.na", comment="two callers"),),
            ),
        ),
        units=(
            Unit(
                id=UnitId("u-7"),
                name=Text("排水抢修一队", "Drainage crew 1"),
                kind="drainage",
                area=_AREA,
                position=Position(120.37, 36.07),
                state=UnitState.IDLE,
                at=_AT,
            ),
        ),
        fixes=(UnitFix(UnitId("u-7"), 120.3701, 36.0702, 90.0, 32.0, _AT),),
        cameras=(
            Camera(
                id=CameraId("c-9"),
                name=Text("香港中路东口", "Hong Kong Middle Road, east"),
                area=_AREA,
                kind="road",
                position=Position(120.3831, 36.0669),
                state=CameraState.ONLINE,
            ),
        ),
        shelves=(
            Shelf(
                id=ShelfId("duty-3-s4"),
                how=How.SHELVED,
                scope=Scope(kind=AlertKindId("waterlogging"), area=_AREA),
                by="li.na",
                at=_AT,
                until=Millis(_AT + 7_200_000),
                reason="pump 2 is being repaired",
            ),
        ),
    ),
    "answer": AnswerMessage(
        answer=Answer(key=_KEY, outcome="refused", reason=Text("案卷已被他人更改", "somebody else changed the case"), version=4, at=_AT)
    ),
}
OTHERS: dict[str, tuple[Message, ...]] = {"command": OTHER_COMMANDS}
"""Further examples of a message."""
FROM_BOTH: dict[str, Message] = {
    "heartbeat": Heartbeat(at=_AT, echo=Millis(_AT - 12), seqs={"city": 42}),
    "problem": Problem(reason="Expected `int`, got `str` - at `$.seq`"),
}

_REF = "#/components/schemas/{name}"


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document as plain data."""
    examples = {**FROM_DESK, **FROM_PLATFORM, **FROM_BOTH}
    structs = {name: type(message) for name, message in examples.items()}
    refs, schemas = msgspec.json.schema_components(structs.values(), ref_template=_REF)
    # Python 3.13 and later take the indentation out of docstrings by themselves; the document is the same on all.
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    payloads = dict(zip(structs, refs, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CityDeck gateway protocol",
            "version": "1.0.0",
            "description": "What a city platform and a CityDeck desk say to each other over one WebSocket. The rules are in protocol.md.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "platform": {
                "host": "platform.example:443",
                "protocol": "wss",
                "description": f"WebSocket subprotocol {SUBPROTOCOL_V1}; {SUBPROTOCOL_CLOUDEVENTS} carries the same as CloudEvents.",
            }
        },
        "channels": {
            "desk": {
                "address": "/",
                "description": f"One connection a desk. Text messages, one JSON object each, at most {MAX_FRAME_BYTES} bytes.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in examples},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "takeFromDesk": _operation("receive", "What a platform takes.", {**FROM_DESK, **FROM_BOTH}),
            "sendToDesk": _operation("send", "What a platform sends.", {**FROM_PLATFORM, **FROM_BOTH}),
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "title": structs[name].__name__,
                    "summary": " ".join((structs[name].__doc__ or "").split()),
                    "contentType": "application/json",
                    "payload": payloads[name],
                    "examples": [{"name": name, "payload": msgspec.to_builtins(shown)} for shown in (message, *OTHERS.get(name, ()))],
                }
                for name, message in examples.items()
            },
            "schemas": schemas,
        },
    }


def _operation(action: str, summary: str, messages: dict[str, Message]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/desk"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/desk/messages/{name}"} for name in messages],
    }


def text() -> str:
    """The document as docs/asyncapi.json has it."""
    return json.dumps(asyncapi(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
