"""Tables for other programs. A spreadsheet takes a cell that begins like a formula for one, and titles come from outside: it is made text first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

Cell = str | int | float | None
"""None: an empty field, for what is not known."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The wide forms too: some spreadsheets read them alike."""


def cell(value: Cell) -> str:
    """What stands in the field: a text that could be taken for a formula begins with an apostrophe; a number stays one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value)


def table(rows: Iterable[Iterable[Cell]]) -> str:
    """The rows as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()
