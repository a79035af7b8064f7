"""What goes into the journal and comes out of it, as values. No SQL here, so that every layer above may import it cheaply."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.audit import AuditEntry
from app.domain.command import Answer, Command
from app.domain.ids import Millis, SourceName
from app.domain.text import Text

PostState = Literal["pending", "sent", "confirmed", "refused", "kept"]

ANSWER = "answer"
CHAIN_BREAK_FOUND = "chain_break_found"
HEAD_BROUGHT_FORWARD = "head_brought_forward"
SIGN_IN = "sign_in"
SIGN_IN_FAILED = "sign_in_failed"
SIGN_IN_LOCKED = "sign_in_locked"
OPERATOR_ADDED = "operator_added"
OPERATOR_CHANGED = "operator_changed"
JOURNAL_MIGRATED = "journal_migrated"


class Who(msgspec.Struct, frozen=True):
    """Who does something, and from where."""

    actor: str
    role: str = ""
    seat: str = ""
    desk: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line for the audit chain before it has its number. Fields as in `AuditEntry`."""

    at: Millis
    who: Who
    verb: str
    target: str = ""
    area: str = ""
    comment: str = ""
    title: Text = Text()
    key: str = ""
    detail: str = ""

    def numbered(self, seq: int) -> AuditEntry:
        """The line as it stands in the chain."""
        return AuditEntry(
            seq=seq,
            at=self.at,
            actor=self.who.actor,
            role=self.who.role,
            seat=self.who.seat,
            desk=self.who.desk,
            verb=self.verb,
            target=self.target,
            area=self.area,
            comment=self.comment,
            title=self.title,
            key=self.key,
            detail=self.detail,
        )


class Post(msgspec.Struct, frozen=True):
    """A command on its way to the outbox. `link` None: there is no platform to ask, the command is kept by the desk itself."""

    command: Command
    link: SourceName | None


class Posted(msgspec.Struct, frozen=True):
    """A command in the outbox, and how far it has come."""

    command: Command
    link: SourceName
    """Empty for a kept one."""
    state: PostState
    tries: int = 0
    title: Text = Text()


def answer_of(entry: AuditEntry) -> Answer | None:
    """The platform's answer that a line of verb ANSWER is about, with its reason."""
    if entry.verb != ANSWER:
        return None
    try:
        return msgspec.json.decode(entry.detail, type=Answer)
    except msgspec.MsgspecError:
        return None


def command_of(entry: AuditEntry) -> Command | None:
    """The command that a line is about, where it is one."""
    if not entry.key or entry.verb == ANSWER:
        return None
    try:
        return msgspec.json.decode(entry.detail, type=Command)
    except msgspec.MsgspecError:
        return None
