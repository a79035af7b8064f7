"""Numpy columns that grow together, and the numbering of what repeats: what a store of a million rows is made of."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=Hashable)
Column = NDArray[Any]

_FIRST_ROOM = 1_024
_CHUNK = 2_048
"""Phrases that are searched as one text."""
_MANY = 20_000
_AHEAD = 7 / 8
"""Share of a column's room beyond which it may grow before it has to."""


class Columns:
    """Columns of one length by name. `fill`: dtype and the value that a row begins with."""

    def __init__(self, fill: Mapping[str, tuple[Any, Any]]) -> None:
        self._fill = fill
        self._columns: dict[str, Column] = {name: np.zeros(_FIRST_ROOM, dtype=kind) for name, (kind, _) in fill.items()}
        self._cells = {name: column.data for name, column in self._columns.items()}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> Column:
        """The rows of one column. It is a view: taken before the store grows it stays behind."""
        return self._columns[name][: self._count]

    def shown(self, name: str) -> Column:
        """The same for those who must not write."""
        view = self._columns[name][: self._count]
        view.flags.writeable = False
        return view

    def cells(self, name: str) -> memoryview[int]:
        """The same for one row at a time, which numpy is slow at; floats too, whatever the annotation says."""
        return self._cells[name]

    def add(self, rows: int) -> range:
        """Make `rows` more rows, filled as they begin: their numbers."""
        first, self._count = self._count, self._count + rows
        ahead = True
        for name, column in self._columns.items():
            # One column a call grows before it has to, so that copying a million rows never falls due for all columns at once.
            if self._count > len(column) or (ahead and self._count > len(column) * _AHEAD):
                ahead = False
                self._grow(name, first)
            value = self._fill[name][1]
            if value:
                self._columns[name][first : self._count] = value
        return range(first, self._count)

    def _grow(self, name: str, used: int) -> None:
        old = self._columns[name]
        # Zeros, since what has never been touched takes no memory.
        fresh = np.zeros(max(self._count, len(old) * 3 // 2), dtype=old.dtype)
        fresh[:used] = old[:used]
        self._columns[name], self._cells[name] = fresh, fresh.data


def argsort(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """As np.argsort(keys, kind="stable"), in half the time where there are many: numpy sorts 16 bits by radix, and everything else by comparing."""
    if len(keys) < _MANY:
        return np.argsort(keys, kind="stable")
    keys = keys - keys.min()
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(keys.max()).bit_length(), 16):
        digit = ((keys >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


class RowSet:
    """Row numbers, at a byte each up to the highest."""

    def __init__(self) -> None:
        self._inside: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    def add(self, rows: NDArray[np.int64]) -> None:
        """`rows` are in it from now on. There must be one at least."""
        need = int(rows.max()) + 1
        if need > len(self._inside):
            larger = np.zeros(max(need, len(self._inside) * 3 // 2), dtype=np.bool_)
            larger[: len(self._inside)] = self._inside
            self._inside = larger
        self._inside[rows] = True

    def without(self, other: RowSet) -> NDArray[np.int64]:
        """Those that are in this and not in `other`, ascending."""
        left, short = self._inside.copy(), min(len(self._inside), len(other._inside))
        left[:short] &= ~other._inside[:short]
        return np.flatnonzero(left)


class Lexicon(Generic[T]):
    """Numbers each value as it first comes, so that a column can hold it and a search looks at it once."""

    def __init__(self, phrase: Callable[[T], str] = str) -> None:
        """`phrase`: what a search finds a value by."""
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}
        self._phrase = phrase
        self._chunks: list[str | None] = []
        """Every _CHUNK phrases as one text, a line each: most of them are ruled out at the speed of one search. None: made when needed."""

    def __len__(self) -> int:
        return len(self.values)

    def number(self, value: T) -> int:
        """Its number, a new one where it has none."""
        known = self._numbers.get(value)
        if known is None:
            known = self._numbers[value] = len(self.values)
            self.values.append(value)
        return known

    def number_all(self, values: Sequence[T]) -> list[int]:
        """The numbers of many."""
        known = self._numbers
        try:
            return [known[value] for value in values]
        except KeyError:
            return [self.number(value) for value in values]

    def find(self, value: T) -> int:
        """Its number, -1 where it has none."""
        return self._numbers.get(value, -1)

    def matching(self, needle: str) -> NDArray[np.bool_]:
        """For each number whether its phrase contains `needle` (casefolded)."""
        found = np.zeros(len(self.values), dtype=np.bool_)
        whole = len(self.values) // _CHUNK
        self._chunks += [None] * (whole - len(self._chunks))
        for place in range(whole):
            chunk = self._chunk(place)
            if needle in chunk:
                first = place * _CHUNK
                found[first : first + _CHUNK] = [needle in line for line in chunk.split("\n")]
        rest = whole * _CHUNK
        found[rest:] = [needle in self._line(v) for v in self.values[rest:]]
        return found

    def _chunk(self, place: int) -> str:
        chunk = self._chunks[place]
        if chunk is None:
            chunk = self._chunks[place] = "\n".join(self._line(v) for v in self.values[place * _CHUNK : (place + 1) * _CHUNK])
        return chunk

    def _line(self, value: T) -> str:
        return self._phrase(value).casefold().replace("\n", " ")


class CountedLexicon(Lexicon[T]):
    """A lexicon of what changes: a number that no row has any more is given to the next new value. Number 0 is kept for its first value."""

    def __init__(self, first: T, phrase: Callable[[T], str] = str) -> None:
        super().__init__(phrase)
        self._used = array("I", [0])
        self._free: list[int] = []
        super().number(first)

    def number(self, value: T) -> int:
        """Its number, for one more row. Give it back by `drop`."""
        known = self._numbers.get(value)
        if known is None:
            known = self._numbers[value] = self._room(value)
        self._used[known] += 1
        return known

    def number_all(self, values: Sequence[T]) -> list[int]:
        known, used = self._numbers, self._used
        try:
            found = [known[value] for value in values]
        except KeyError:
            return [self.number(value) for value in values]
        for number in found:
            used[number] += 1
        return found

    def drop(self, number: int) -> None:
        """A row has this number no more."""
        self._used[number] -= 1
        if number and not self._used[number]:
            del self._numbers[self.values[number]]
            self._free.append(number)

    def _room(self, value: T) -> int:
        if not self._free:
            self.values.append(value)
            self._used.append(0)
            return len(self.values) - 1
        number = self._free.pop()
        self.values[number] = value
        if number // _CHUNK < len(self._chunks):
            self._chunks[number // _CHUNK] = None
        return number
