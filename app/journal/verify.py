"""Checks a journal from outside: every row, every link between rows, and the head. Opens everything read-only and changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, inspect, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from app.domain.errors import DeckError
from app.domain.text import N_
from app.journal.chain import FIELDS, GENESIS, HEAD_FILE, NUMBERS, GarbledHead, Head, HeadFile, Value, row_hash
from app.journal.database import FILE_NAME, address, file_of, in_words
from app.journal.records import CHAIN_BREAK_FOUND
from app.journal.schema import AUDIT

Kind = Literal["sound", "changed", "removed", "inserted", "moved", "cut off", "head missing", "head differs", "break recorded", "unreadable"]
RawRow = tuple[object, ...]

NEIGHBOURHOOD = 2_000
"""How far around its place a row that does not fit is looked for, to tell a moved row from a changed one."""
WINDOW = 1_000


class Verdict(msgspec.Struct, frozen=True):
    """What the check found. `first_bad` is the number of the first row that is not as it was written (or is not there)."""

    ok: bool
    rows: int
    kind: Kind = "sound"
    first_bad: int | None = None
    what: str = ""
    """One sentence, for a person."""
    notes: tuple[str, ...] = ()
    """What is worth knowing and no fault."""


class Fault(msgspec.Struct, frozen=True):
    """One finding."""

    kind: Kind
    seq: int
    what: str


def verify(data: Path | None, url: str | None = None) -> Verdict:
    """Check the journal in the folder `data`, or at `url`; the head is looked for in `data`, or beside a SQLite file. Raises DeckError
    where there is no journal to check."""
    verdict = _look(data, url)
    # A second look where the first is bad: a desk that starts in the middle of it can make a good chain look broken.
    return verdict if verdict.ok else _look(data, url)


def _look(data: Path | None, url: str | None) -> Verdict:
    folder, head, fault = _head(data, url)
    try:
        with reading(data, url) as connection:
            return _verdict(connection, folder, head, fault)
    except Unreadable as unreadable:
        return Verdict(False, 0, "unreadable", None, str(unreadable))


def _head(data: Path | None, url: str | None) -> tuple[Path | None, Head | None, Fault | None]:
    """The folder of the head, the head, and what is wrong with its file. Read before the table: a desk may be writing meanwhile."""
    folder = data
    if folder is None and url is not None:
        file = file_of(address(Path(), url))
        folder = None if file is None else file.parent
    if folder is None:
        return None, None, None
    try:
        head = HeadFile(folder).read()
    except (GarbledHead, OSError) as fault:
        return folder, None, Fault("head differs", 0, f"the head file cannot be read: {fault}")
    return folder, head, None


def _verdict(connection: Connection, folder: Path | None, head: Head | None, head_fault: Fault | None) -> Verdict:
    if not inspect(connection).has_table(AUDIT.name):
        raise Unreadable("there is no audit table in it")
    walk = _Walk(head)
    walk.over(rows_of(connection))
    notes: list[str] = []
    faults = [fault for fault in (walk.fault, walk.recorded) if fault is not None]
    if not faults:
        faults = [fault for fault in (head_fault or _head_fault(folder, head, walk),) if fault is not None]
    if folder is None:
        notes.append("the head was not checked: it lies in the data folder of the desk, which was not named")
    elif head is not None and walk.count > head.count and not faults:
        notes.append(f"rows {head.count + 1} to {walk.count} are not in the head yet: the desk is running, or ended before it could write it")
    if not faults:
        return Verdict(True, walk.count, notes=tuple(notes))
    first = faults[0]
    return Verdict(False, walk.count, first.kind, first.seq, first.what, tuple(notes))


def _head_fault(folder: Path | None, head: Head | None, walk: _Walk) -> Fault | None:
    if folder is None:
        return None
    if head is None:
        return (
            Fault("head missing", walk.count, f"the head file is missing, so nobody can tell whether rows after {walk.count} were cut off")
            if walk.count
            else None
        )
    if head.count > walk.count:
        return Fault("cut off", walk.count + 1, f"cut off at the end: rows {walk.count + 1} to {head.count} are gone")
    if walk.hash_at_head != head.hash:
        return Fault("head differs", head.count, f"the head differs from row {head.count}: the chain was written anew, or the head was")
    return None


class _Walk:
    """One pass over the table, oldest row first; memory does not grow with it."""

    def __init__(self, head: Head | None) -> None:
        self._head = head
        self.count = 0
        self.hash_at_head = GENESIS
        self.fault: Fault | None = None
        self.recorded: Fault | None = None
        self._prev = GENESIS
        self._rows: Iterator[RawRow] = iter(())

    def over(self, rows: Iterable[RawRow]) -> None:
        """Look at every row; stop looking for faults at the first, but go on counting."""
        self._rows = iter(rows)
        for row in self._rows:
            if self.fault is None:
                self.fault = self._look(row)
            if self.fault is None:
                self._prev = str(row[-1])
                self._note(row)
            self.count += 1

    def _note(self, row: RawRow) -> None:
        if self._head is not None and row[0] == self._head.count:
            self.hash_at_head = str(row[-1])
        if row[6] == CHAIN_BREAK_FOUND and self.recorded is None:
            self.recorded = Fault("break recorded", cast(int, row[0]), f"a desk found the chain broken and recorded it in row {row[0]}: {row[9]}")

    def _look(self, row: RawRow) -> Fault | None:
        expected = self.count + 1
        seq = row[0]
        if not isinstance(seq, int):
            return Fault("changed", expected, f"row {expected} was changed: its number is not one")
        if seq < expected:
            return Fault("inserted", seq, f"row {seq} was inserted: the chain begins with row 1")
        if seq > expected:
            return self._gap(expected, seq)
        values = _values(row)
        if values is None:
            return Fault("changed", seq, f"row {seq} was changed: a column holds what was never written to it")
        prev, stored = row[-2], row[-1]
        right = row_hash(values, self._prev)
        if stored == right and prev == self._prev:
            return None
        return self._classify(row, values, right)

    def _gap(self, expected: int, seq: int) -> Fault:
        gone = f"row {expected} was" if seq == expected + 1 else f"rows {expected} to {seq - 1} were"
        return Fault("removed", expected, f"{gone} removed: row {seq} follows row {expected - 1}")

    def _classify(self, row: RawRow, values: tuple[Value, ...], right: str) -> Fault:
        """What was done to a row that stands in the right place and does not fit. It is one fault in any case; this is a help to whoever
        investigates. A forger who rewrites hashes can make one kind look like another, but not like none."""
        seq, stored = cast(int, values[0]), str(row[-1])
        following = next(self._rows, None)
        self.count += following is not None
        written, written_next = _written_as(row), None if following is None else _written_as(following)
        if stored == self._prev:
            return Fault("inserted", seq, f"row {seq} was inserted: it is a copy of row {seq - 1}")
        if written is not None and written != seq:
            return _misplaced(seq, written, written_next)
        if written == seq and self._vouched(seq, stored, following):
            return Fault("changed", seq - 1, f"row {seq - 1} was changed and given a new hash: row {seq} does not follow from it")
        if written == seq:
            return Fault("inserted", seq, f"row {seq} was inserted or written anew: it does not follow row {seq - 1}")
        if written_next == seq:
            return Fault("inserted", seq, f"row {seq} was inserted: the row after it was written as row {seq}")
        if stored == right:
            return Fault("changed", seq, f"row {seq} was changed: its link to the row before it was")
        if following is not None and following[-2] == right:
            return Fault("changed", seq, f"row {seq} was changed: its hash was")
        return Fault("changed", seq, f"row {seq} was changed: it is not what its hash was made of")

    def _vouched(self, seq: int, stored: str, following: RawRow | None) -> bool:
        """Whether what comes after a row, or the head, says that its hash is the one it always had."""
        if following is not None:
            return following[-2] == stored
        return self._head is not None and self._head.count == seq and self._head.hash == stored


def _misplaced(seq: int, written: int, written_next: int | None) -> Fault:
    """A row stands in another place than it was written in."""
    if written == seq - 1:
        return Fault("inserted", written, f"row {written} was inserted and what follows was renumbered")
    if written > seq and written_next == written + 1:
        gone = f"row {seq} was" if written == seq + 1 else f"rows {seq} to {written - 1} were"
        return Fault("removed", seq, f"{gone} removed and what follows was renumbered")
    return Fault("moved", seq, f"row {seq} was exchanged: what stands there was written as row {written}")


def _written_as(row: RawRow) -> int | None:
    """The number that a row had when it was hashed, or None where it is not what was hashed."""
    values = _values(row)
    if values is None:
        return None
    seq, prev, stored = cast(int, values[0]), str(row[-2]), row[-1]
    for step in range(NEIGHBOURHOOD):
        for number in {seq + step, seq - step}:
            if number > 0 and row_hash((number, *values[1:]), prev) == stored:
                return number
    return None


def _values(row: RawRow) -> tuple[Value, ...] | None:
    """The hashed columns, or None where one has a type that was never written."""
    numbers, words = row[:NUMBERS], row[NUMBERS:]
    if all(isinstance(value, int) for value in numbers) and all(isinstance(value, str) for value in words):
        return cast("tuple[Value, ...]", row[: len(FIELDS)])
    return None


# --- opening without touching ----------------------------------------------------------------------------------------------------


class Unreadable(Exception):
    """The database is there, but cannot be read as a journal."""


def rows_of(connection: Connection) -> Iterator[RawRow]:
    """Every row as it stands, oldest first: FIELDS, prev, hash."""
    columns = (*(AUDIT.c[name] for name in FIELDS), AUDIT.c.prev, AUDIT.c.hash)
    result = connection.execution_options(yield_per=WINDOW).execute(select(*columns).order_by(AUDIT.c.seq))
    for row in result:
        yield tuple(row)


@contextmanager
def reading(data: Path | None, url: str | None) -> Generator[Connection]:
    """A connection that cannot write. Raises DeckError where there is no journal, Unreadable where it cannot be read."""
    target = address(data or Path(), url)
    file = file_of(target)
    if data is None and url is None:
        raise DeckError(N_("No journal was named."), remedy=N_("Name a folder with --data or a database with --db."))
    if file is not None and not file.is_file():
        head = file.parent / HEAD_FILE
        if head.exists():
            raise Unreadable(f"{file} is gone, and its head {head} is still there")
        raise DeckError(N_("There is no journal here."), where=str(file), remedy=N_("Name the data folder of a desk with --data."))
    engine = _engine(target, file)
    try:
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            yield connection
    except (DBAPIError, sqlite3.Error) as fault:
        raise Unreadable(str(in_words(fault, FILE_NAME if file is None else str(file)))) from fault
    finally:
        engine.dispose()


def _engine(url: URL, file: Path | None) -> Engine:
    if file is not None:
        return create_engine("sqlite://", poolclass=NullPool, creator=lambda: _open_untouched(file))
    try:
        return create_engine(url, poolclass=NullPool)
    except (NoSuchModuleError, ImportError, ArgumentError) as fault:
        raise DeckError(N_("There is no driver for this database here."), remedy=N_("Install the driver, or leave the address out.")) from fault


def _open_untouched(file: Path) -> sqlite3.Connection:
    # Without a log nobody has the file open, and "immutable" keeps SQLite from leaving a log and an index beside it.
    log = file.with_name(file.name + "-wal")
    mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?{mode}", uri=True)
    # Text that is no UTF-8 was never written by a desk: it must show as a changed row, not as an unreadable file.
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
