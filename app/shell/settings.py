"""Small settings of the deck as the shell needs them: read at once, written behind. The journal keeps them; only text goes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class Settings(Protocol):
    """Texts by key."""

    def get(self, key: str) -> str | None:
        """The text kept under `key`, or None."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep `text` under `key`; returns before it is on disk."""
        ...


class WrittenBehind:
    """Settings that were read at the start and are written behind the program's back, newest text only."""

    def __init__(self, known: Mapping[str, str], write: Callable[[str, str], None]) -> None:
        """`known`: what was kept at the start. `write(key, text)` begins writing and returns at once."""
        self._texts = dict(known)
        self._write = write

    def get(self, key: str) -> str | None:
        """See Settings."""
        return self._texts.get(key)

    @property
    def texts(self) -> dict[str, str]:
        """Everything that is kept, by key."""
        return dict(self._texts)

    def put(self, key: str, text: str) -> None:
        """See Settings."""
        if self._texts.get(key) != text:
            self._texts[key] = text
            self._write(key, text)
