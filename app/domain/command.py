"""What an operator decided, as data. One frozen record a verb; the journal keeps it, the outbox sends it, the platform obeys it."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.case import Move
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, UnitId
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text

MAX_COMMENT = 2_000
"""Characters; a longer comment is refused before it is journalled."""


class AcknowledgeAlert(msgspec.Struct, frozen=True, tag_field="verb", tag="acknowledge_alert"):
    """I have seen this alert."""

    alert: AlertId
    comment: str = ""


class OpenCase(msgspec.Struct, frozen=True, tag_field="verb", tag="open_case", kw_only=True):
    """File a case from one or more alerts. The desk makes the id, so that work goes on while the link is down; the platform gives the number."""

    case: CaseId
    alerts: tuple[AlertId, ...]
    kind: AlertKindId
    severity: Severity
    title: Text
    area: AreaCode
    place: Text = Text()
    position: Position | None = None
    comment: str = ""


class MoveCase(msgspec.Struct, frozen=True, tag_field="verb", tag="move_case", kw_only=True):
    """Take a case one step on: dispatch, recall, verify, rework, close, reject, reopen, void, comment."""

    case: CaseId
    move: Move
    unit: UnitId | None = None
    comment: str = ""


Act = AcknowledgeAlert | OpenCase | MoveCase
"""Everything a platform can be asked to do."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One act of one person, with all that authorising, journalling and sending it need."""

    key: CommandKey
    act: Act
    area: AreaCode
    actor: str
    role: Role
    seat: Seat
    desk: str
    at: Millis
    seen: int = 0
    """Version of the alert or case that the person was looking at; 0: it did not exist yet."""

    @property
    def target(self) -> str:
        """Id of the alert or case it is about."""
        return self.act.alert if isinstance(self.act, AcknowledgeAlert) else self.act.case

    @property
    def verb(self) -> str:
        """Wire name of the act; for a case's move, the move's own."""
        return self.act.move.value if isinstance(self.act, MoveCase) else self.act.__struct_config__.tag  # pyright: ignore[reportReturnType]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform made of a command."""

    key: CommandKey
    outcome: Literal["confirmed", "refused"]
    reason: Text = Text()
    version: int = 0
    """Version of the target after (confirmed) or as it stands (refused)."""
    at: Millis


class CommandState(msgspec.Struct, frozen=True):
    """How far a command has come, for the screen: pending → sent → confirmed | refused; kept: there is no platform to ask."""

    key: CommandKey
    state: Literal["pending", "sent", "confirmed", "refused", "kept"]
    at: Millis
    reason: Text = Text()
