"""One line of the audit chain as the rest of the deck sees it."""

from __future__ import annotations

import msgspec

from app.domain.ids import Millis
from app.domain.text import Text


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to what, when, from where, with which words; `seq` counts from 1 without a hole."""

    seq: int
    at: Millis
    actor: str
    role: str
    seat: str
    desk: str
    verb: str
    """A command's verb, or one of the deck's own (sign_in, sign_out, answer, layout, export …)."""
    target: str = ""
    area: str = ""
    comment: str = ""
    title: Text = Text()
    """What the target was called at the time, for people."""
    key: str = ""
    """The command this line is about, if any."""
    detail: str = ""
    """The whole of it as JSON: the command, the answer, or what an automatic step found."""
