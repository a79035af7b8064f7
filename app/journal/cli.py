"""`main.py audit verify|list|export`: the audit chain for people outside the desk. Read-only; each returns the exit code.

0: done, and sound · 1: the chain is broken · 2: there is nothing to read, or it cannot be written to where it was asked to be.
"""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec
import platformdirs

from app.domain.audit import AuditEntry
from app.domain.errors import DeckError
from app.journal.audit_table import entry_of
from app.journal.verify import RawRow, Unreadable, Verdict, reading, rows_of, verify

COLUMNS = (
    "seq",
    "time",
    "at",
    "actor",
    "role",
    "seat",
    "desk",
    "verb",
    "target",
    "area",
    "comment",
    "title_zh",
    "title_en",
    "key",
    "detail",
    "prev",
    "hash",
)
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def audit_verify(data: Path | None, db: str | None, out: TextIO | None = None) -> int:
    """Check the chain and say what was found."""
    printed = sys.stdout if out is None else out
    try:
        verdict = verify(*_place(data, db))
    except DeckError as fault:
        return _say_fault(fault)
    for note in verdict.notes:
        printed.write(f"note: {note}\n")
    printed.write(_sentence(verdict) + "\n")
    return 0 if verdict.ok else 1


def audit_list(data: Path | None, db: str | None, limit: int = 50, out: TextIO | None = None) -> int:
    """Print the newest `limit` lines (0: all), oldest first."""
    printed = sys.stdout if out is None else out
    try:
        with reading(*_place(data, db)) as connection:
            rows = rows_of(connection)
            for row in rows if limit <= 0 else deque(rows, maxlen=limit):
                printed.write(_line(entry_of(row)) + "\n")
    except (DeckError, Unreadable) as fault:
        return _say_fault(fault)
    return 0


def audit_export(data: Path | None, db: str | None, to: Path) -> int:
    """Write every line to `to`: .csv for spreadsheets, .jsonl for programs. A broken chain is exported too, and says so by the exit code."""
    if to.suffix.lower() not in (".csv", ".jsonl"):
        return _say_fault(DeckError("The file must end in .csv or .jsonl.", where=str(to)))
    place = _place(data, db)
    try:
        with reading(*place) as connection, to.open("w", encoding="utf-8-sig" if to.suffix.lower() == ".csv" else "utf-8", newline="") as file:
            count = _write(to.suffix.lower(), rows_of(connection), file)
        verdict = verify(*place)
    except (DeckError, Unreadable) as fault:
        return _say_fault(fault)
    except OSError as fault:
        return _say_fault(DeckError("The file could not be written.", where=f"{to}: {fault.strerror}"))
    sys.stdout.write(f"{count} rows → {to}\n{_sentence(verdict)}\n")
    return 0 if verdict.ok else 1


def _place(data: Path | None, db: str | None) -> tuple[Path | None, str | None]:
    if data is None and db is None:
        return Path(platformdirs.user_data_dir("citydeck", appauthor=False)), None
    return data, db


def _sentence(verdict: Verdict) -> str:
    if verdict.ok:
        return f"audit chain sound: {verdict.rows} rows"
    place = "" if verdict.first_bad is None else f" at row {verdict.first_bad}"
    return f"audit chain BROKEN{place} ({verdict.kind}): {verdict.what}"


def _say_fault(fault: Exception) -> int:
    sys.stderr.write(f"citydeck: {fault}\n")
    return 1 if isinstance(fault, Unreadable) else 2


def time_words(at: int) -> str:
    """UTC, ISO 8601; empty where the number can be no time."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return ""


def _line(entry: AuditEntry) -> str:
    who = " ".join(part for part in (entry.actor, entry.role, entry.seat, entry.desk) if part)
    about = " ".join(part for part in (entry.target, entry.title.zh or entry.title.en, entry.area) if part)
    parts = (str(entry.seq), time_words(entry.at), who, entry.verb, about, entry.comment)
    return "  ".join(_visible(part) for part in parts if part)


def _visible(words: str) -> str:
    """`words` with control characters escaped: a comment must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in words)


def _write(suffix: str, rows: Iterable[RawRow], file: TextIO) -> int:
    lines = _csv(rows, file) if suffix == ".csv" else _json_lines(rows, file)
    return sum(1 for _ in lines)


def _csv(rows: Iterable[RawRow], file: TextIO) -> Iterator[None]:
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for row in rows:
        entry = entry_of(row)
        table.writerow([entry.seq, time_words(entry.at), entry.at, *(harmless(_told(value)) for value in row[2:])])
        yield


def _json_lines(rows: Iterable[RawRow], file: TextIO) -> Iterator[None]:
    for row in rows:
        names = tuple(name for name in COLUMNS if name != "time")
        told = {name: value if isinstance(value, int) else _told(value) for name, value in zip(names, row, strict=True)}
        file.write(msgspec.json.encode(told).decode() + "\n")
        yield


def _told(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def harmless(words: str) -> str:
    """`words` such that a spreadsheet takes them for text and never for a formula."""
    return "'" + words if words.startswith(FORMULA_SIGNS) else words
