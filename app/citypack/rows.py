"""Reads the pack's tables: CSV in UTF-8 with a header line. Knows cells and columns, not what they mean."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar

from app.citypack.fault import BadRow, Faults
from app.domain.severity import Severity
from app.domain.text import Text

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
E = TypeVar("E", bound=Enum)
SEVERITIES = {severity.name.lower(): severity for severity in Severity}
"""How tables write a severity."""


class Row:
    """One row of a table. Every reading method raises BadRow, naming the column, when the cell does not hold what is asked for."""

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self._cells = cells

    def text(self, column: str) -> str:
        """The cell without surrounding blanks; empty where it is empty or absent."""
        return self._cells.get(column, "")

    def word(self, column: str) -> str:
        """A cell that must not be empty."""
        if not (cell := self.text(column)):
            raise BadRow(f"{column} is empty", f"write the {column}")
        return cell

    def identifier(self) -> str:
        """The column id: lower-case letters, digits and underscores, since other ids are made of it."""
        word = self.word("id")
        if not _IDENTIFIER.fullmatch(word):
            raise BadRow(f"the id {word!r} is not plain", "use lower-case letters, digits and underscores")
        return word

    def name(self) -> Text:
        """The columns zh and en, both of which must be there."""
        return Text(self.word("zh"), self.word("en"))

    def pair(self, stem: str, *, needed: bool = False) -> Text:
        """The columns <stem>_zh and <stem>_en."""
        read = self.word if needed else self.text
        return Text(read(f"{stem}_zh"), read(f"{stem}_en"))

    def maybe_number(self, column: str) -> float | None:
        """A finite number, or None where the cell is empty."""
        cell = self.text(column)
        if not cell:
            return None
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadRow(f"{column} is {cell!r}, which is not a number", f"write {column} with digits and a decimal point, nothing else")
        return number

    def number(self, column: str, default: float | None = None, *, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number from `least` to `most`; `default` for an empty cell, where there is one."""
        number = self.maybe_number(column)
        if number is None:
            number = default
        if number is None:
            raise BadRow(f"{column} is empty", f"write a number for {column}")
        if not least <= number <= most:
            raise BadRow(f"{column} is {number:g}, outside {least:g} to {most:g}", f"correct {column}")
        return number

    def whole(self, column: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number of at least `least`."""
        number = self.number(column, default, least=least)
        if number != int(number):
            raise BadRow(f"{column} is {number:g}, not a whole number", f"write {column} without decimals")
        return int(number)

    def yes(self, column: str) -> bool:
        """yes or no; empty is no."""
        cell = self.text(column).lower()
        if cell not in ("", "yes", "no"):
            raise BadRow(f"{column} is {cell!r}", f"write yes or no for {column}")
        return cell == "yes"

    def words(self, column: str) -> tuple[str, ...]:
        """The parts of a cell, parted by semicolons."""
        return tuple(part for piece in self.text(column).split(";") if (part := piece.strip()))

    def choice(self, column: str, choices: Mapping[str, E], default: E | None = None) -> E:
        """One of the words in `choices`."""
        cell = self.text(column).lower()
        if not cell and default is not None:
            return default
        if cell not in choices:
            raise BadRow(f"{column} is {cell!r}", f"write one of {', '.join(choices)} for {column}")
        return choices[cell]


def read_rows(folder: Path, file: str, columns: tuple[str, ...], faults: Faults) -> Iterator[Row]:
    """The rows of a table. Where the file is missing, is not UTF-8 or lacks one of `columns`, a fault is recorded and there are none."""
    try:
        with (folder / file).open(encoding="utf-8-sig", newline="") as lines:
            text = lines.read()
    except FileNotFoundError:
        faults.add(file, 1, "the file is missing", f"add {file}, or take one from another city's pack")
        return
    except OSError as error:
        faults.add(file, 1, f"the file cannot be read: {error.strerror}", "check the file and its permissions")
        return
    except UnicodeDecodeError:
        faults.add(file, 1, "the file is not UTF-8", "save it as CSV with UTF-8 encoding")
        return
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip() for cell in next(reader, list[str]())]
        if missing := [column for column in columns if column not in header]:
            faults.add(file, 1, f"the header lacks {', '.join(missing)}", "add the columns to the first line")
            return
        yield from _body(reader, header, file, faults)
    except csv.Error as error:
        faults.add(file, reader.line_num, f"the table cannot be read further: {error}", "check quotation marks in this line and the one before")


def _body(reader: Iterator[list[str]], header: list[str], file: str, faults: Faults) -> Iterator[Row]:
    last = _line_of(reader)
    for cells in reader:
        line, last = last + 1, _line_of(reader)
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            faults.add(file, line, f"the row has {len(cells)} cells, the header {len(header)}", "put cells that hold a comma in quotation marks")
            continue
        yield Row(line, dict(zip(header, (cell.strip() for cell in cells), strict=False)))


def _line_of(reader: object) -> int:
    # typeshed keeps the reader's class private, so the attribute cannot be named in an annotation.
    return int(getattr(reader, "line_num", 0))
