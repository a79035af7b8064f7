"""What is wrong with a pack, said so that the person who wrote it can mend it. A fault is a record, never a reason to stop the rest."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackFault:
    """One thing in a pack that could not be taken as written."""

    file: str
    """Path inside the pack's folder, with forward slashes."""
    line: int
    """Counted from 1; where a table's row goes over several lines, its first."""
    what: str
    remedy: str


class BadRow(Exception):
    """A row or feature that has to be left out. Never leaves this package."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class Faults:
    """The faults found so far while one pack is loaded."""

    def __init__(self) -> None:
        self._found: list[PackFault] = []

    def add(self, file: str, line: int, what: str, remedy: str) -> None:
        """Record one fault."""
        self._found.append(PackFault(file, line, what, remedy))

    @contextmanager
    def row(self, file: str, line: int) -> Generator[None]:
        """Record what the body finds unusable as a fault of this line, and go on after it."""
        try:
            yield
        except BadRow as bad:
            self.add(file, line, bad.what, bad.remedy)

    def all(self) -> tuple[PackFault, ...]:
        """Every fault, by file and line."""
        return tuple(sorted(self._found, key=lambda fault: (fault.file, fault.line)))
