"""What an operator decided, as data. One frozen record a verb; the journal keeps it, the outbox sends it, the platform obeys it."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.alert import AlertMove
from app.domain.aside import How, Scope
from app.domain.case import Move
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, ShelfId, UnitId
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text

MAX_COMMENT = 2_000
"""Characters; a longer comment is refused before it is journalled."""
MAX_ALERTS = 1_000
"""Alerts that one command may be about; more make more commands, so that the desk never stands still over one of them."""


class MoveAlerts(msgspec.Struct, frozen=True, tag_field="verb", tag="move_alerts", kw_only=True):
    """Do one thing to one or many alerts: acknowledge, take that back, comment, take, release. Those that it does not fit are left as they
    are; it is refused where it fits none."""

    move: AlertMove
    alerts: tuple[AlertId, ...]
    comment: str = ""


class PutAside(msgspec.Struct, frozen=True, tag_field="verb", tag="put_aside", kw_only=True):
    """Shelve, or take out of service, everything in a scope until a moment. The comment is the reason."""

    shelf: ShelfId
    how: How
    scope: Scope
    until: Millis
    comment: str


class TakeBack(msgspec.Struct, frozen=True, tag_field="verb", tag="take_back", kw_only=True):
    """End a shelf before its time."""

    shelf: ShelfId
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


Act = MoveAlerts | PutAside | TakeBack | OpenCase | MoveCase
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
        """Id of what it is about; of the first where it is about many."""
        return self.targets[0]

    @property
    def targets(self) -> tuple[str, ...]:
        """Ids of everything whose look it changes, what it is about first."""
        act = self.act
        if isinstance(act, MoveAlerts):
            return act.alerts
        if isinstance(act, OpenCase):
            return (act.case, *act.alerts)
        return (act.case,) if isinstance(act, MoveCase) else (act.shelf,)

    @property
    def verb(self) -> str:
        """What the audit chain and the activity log call it."""
        act = self.act
        if isinstance(act, MoveCase):
            return act.move.value
        if isinstance(act, MoveAlerts):
            return f"{act.move.value}_alert"
        if isinstance(act, PutAside):
            return "shelve" if act.how is How.SHELVED else act.how.value
        return act.__struct_config__.tag  # pyright: ignore[reportReturnType]


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
