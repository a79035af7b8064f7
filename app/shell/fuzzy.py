"""How the palette finds: by any name a thing has, in any language, forgiving about gaps and order. No Qt, no word lists."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that the palette can reach. `names`: every name it may be found by; `why_not`: why it cannot be done now."""

    id: str
    title: str
    kind: str
    """What it is, in the operator's words."""
    names: tuple[str, ...]
    run: Callable[[], None]
    key: str = ""
    why_not: str | None = None
    weight: int = 0
    """Added to the score: actions and panels stand above things of the city."""


@lru_cache(maxsize=50_000)
def folded(text: str) -> str:
    """How text is compared: width, case and accents do not count."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def score(query: str, name: str) -> int:
    """How well folded `name` answers folded `query`; 0: not at all. Whole > beginning > beginning of a word > inside > letters in order."""
    if not query:
        return 1
    if query == name:
        return 1_000
    at = name.find(query)
    if at == 0:
        return 800 - min(99, len(name) - len(query))
    if at > 0:
        return (600 if not name[at - 1].isalnum() else 400) - min(99, at)
    return _in_order(query, name)


def best(query: str, entries: Iterable[Entry], limit: int) -> list[Entry]:
    """The entries that answer `query` best, best first. Every word of it has to be found."""
    tokens = folded(query).split()
    found: list[tuple[int, int, Entry]] = []
    for number, entry in enumerate(entries):
        names = [folded(n) for n in entry.names]
        points = [max((score(token, name) for name in names), default=0) for token in tokens]
        if all(points):
            found.append((-(sum(points) + entry.weight), number, entry))
    found.sort(key=lambda row: row[:2])
    return [entry for _, _, entry in found[:limit]]


def _in_order(query: str, name: str) -> int:
    """Letters of `query` in `name` in order, close together; too far apart is no answer."""
    if len(query) < 2:
        return 0
    at, first = -1, 0
    for letter in query:
        at = name.find(letter, at + 1)
        if at < 0:
            return 0
        if letter == query[0] and not first:
            first = at + 1
    spread = at + 1 - first + 1 - len(query)
    return 0 if spread > 2 * len(query) + 2 else 200 - min(99, 10 * spread)
