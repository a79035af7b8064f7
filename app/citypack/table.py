"""One table of a pack while it is read: every sound row becomes a record, a repeated key or name is left out. Knows no columns but zh and en."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app.citypack.fault import BadRow, Faults
from app.citypack.rows import Row, read_rows

K = TypeVar("K")
R = TypeVar("R")


@dataclass(slots=True)
class Table:
    """One table being read: refuses ids and names that were there before."""

    folder: Path
    file: str
    faults: Faults
    lines: dict[str, int] = field(default_factory=dict[str, int])
    """Every key that has a row, sound or not, and its first line."""
    names: dict[str, int] = field(default_factory=dict[str, int])

    def read(self, columns: tuple[str, ...], key: Callable[[Row], K], make: Callable[[Row], R]) -> dict[K, R]:
        """The records of all sound rows, by key, in the order of the file."""
        records: dict[K, R] = {}
        for row in read_rows(self.folder, self.file, columns, self.faults):
            with self.faults.row(self.file, row.line):
                name = key(row)
                self._once("key", str(name), self.lines, row.line)
                record = make(row)
                self._once_named(row)
                records[name] = record
        return records

    def _once_named(self, row: Row) -> None:
        for lang in ("zh", "en"):
            self._once("name", row.text(lang), self.names, row.line)

    def _once(self, what: str, word: str, seen: dict[str, int], line: int) -> None:
        if word in seen:
            raise BadRow(f"the {what} {word!r} is already in line {seen[word]}", "take one out or rename it")
        seen[word] = line
