"""The present, as actions need it. The live hub is one; a test may be another."""

from __future__ import annotations

from typing import Literal, Protocol

from app.domain.command import Command
from app.domain.ids import CommandKey


class Ledger(Protocol):
    """Newest states, with the desk's own unconfirmed commands on top. All three are called on the event loop's thread and return at once."""

    def check(self, command: Command) -> None:
        """Raise NotAllowed where the command does not fit what the desk knows. Changes nothing."""
        ...

    def pend(self, command: Command) -> None:
        """Apply the command on top of the source's truth, marked pending. Raises NotAllowed where the world has changed since `check`."""
        ...

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        """The command's end: refused takes it off again, confirmed leaves it to the source's truth, kept makes it truth. Unknown keys are ignored."""
        ...
