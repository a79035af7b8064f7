"""Errors an operator can act on. Anything else that is raised is a bug and goes the crash path."""

from __future__ import annotations


class DeckError(Exception):
    """Something went wrong that a person can mend. `what` happened, `where`, and what to do about it (`remedy`), in plain words."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(" — ".join(part for part in (where, what, remedy) if part))


class NotAllowed(DeckError):
    """What was asked for does not fit the state that its target is in. Nothing has changed."""
