"""Appending to the audit chain, and keeping its head. Used on the writer's thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec
from sqlalchemy import Connection, Row, insert, select, text

from app.domain.audit import AuditEntry
from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.text import N_, Text
from app.journal.chain import EMPTY, FIELDS, GENESIS, GarbledHead, Head, HeadFile, Value, row_hash, values_of
from app.journal.database import Clock, Database
from app.journal.records import CHAIN_BREAK_FOUND, HEAD_BROUGHT_FORWARD, Entry, Who
from app.journal.schema import AUDIT

_LOCK_CHAIN = text("SELECT pg_advisory_xact_lock(4242107001)")


class Finding(msgspec.Struct, frozen=True):
    """What a chain_break_found or head_brought_forward row says in its detail."""

    what: str
    head_count: int = -1
    head_hash: str = ""
    rows: int = 0
    hash: str = ""
    kept: str = ""
    """Name of the file that the old head was kept in."""


class AuditTable:
    """The chain of one database, and its head file in one data folder."""

    def __init__(self, database: Database, head_file: HeadFile, *, desk: str, now: Clock) -> None:
        self._database = database
        self._file = head_file
        self._now = now
        self._deferred: list[Entry] = []
        self._itself = Who("citydeck", desk=desk)
        self._head = EMPTY
        self._committed = EMPTY
        self._written: Head | None = None
        self.warning: DeckError | None = None

    def reconcile(self, connection: Connection) -> None:
        """Compare the head file with the table, at the start. A crash leaves the head behind by rows that chain properly: that is mended
        and recorded. Anything else is a break: evidence is kept, recorded, and `warning` says so."""
        self._claim(connection)
        newest = self._newest(connection)
        try:
            head = self._file.read()
        except GarbledHead:
            self._record_break(connection, _finding(N_("the head file is garbled"), None, newest), newest)
        else:
            self._written = head
            self._compare(connection, head, newest)
        self._add(connection, self._deferred)
        self._deferred.clear()

    def _compare(self, connection: Connection, head: Head | None, newest: Head) -> None:
        if head is None:
            if newest == EMPTY:
                self._head = EMPTY
            else:
                self._record_break(connection, _finding(N_("the head file is missing"), None, newest), newest)
            return
        fault = self._fault_between(connection, head, newest)
        if fault:
            self._record_break(connection, _finding(fault, head, newest), newest)
            return
        self._head = newest
        if newest.count > head.count:
            why = N_("another desk has written since") if self._database.shared else N_("the desk ended between a commit and its head")
            self._add(connection, [self._own(HEAD_BROUGHT_FORWARD, _finding(why, head, newest))])

    def defer(self, entry: Entry) -> None:
        """Append this once `reconcile` knows where the chain ends."""
        self._deferred.append(entry)

    def append(self, connection: Connection, entries: Sequence[Entry]) -> list[AuditEntry]:
        """Number, chain and insert `entries` within the caller's transaction. Rows removed behind our back are noticed here too."""
        self._claim(connection)
        newest = self._newest(connection)
        if newest != self._head:
            fault = self._fault_between(connection, self._head, newest) if self._database.shared else N_("rows changed while the desk was running")
            if fault:
                self._record_break(connection, _finding(fault, self._head, newest), newest)
            else:
                self._head = newest
        return self._add(connection, entries)

    def _claim(self, connection: Connection) -> None:
        """Nobody else appends until this transaction ends. SQLite's transactions are exclusive anyway."""
        if self._database.shared:
            connection.execute(_LOCK_CHAIN)

    def holds(self, connection: Connection, head: Head) -> bool:
        """Whether the row that `head` speaks of is in the table."""
        return connection.execute(select(AUDIT.c.hash).where(AUDIT.c.seq == head.count)).scalar() == head.hash

    @property
    def head(self) -> Head:
        """The newest end, uncommitted rows included."""
        return self._head

    def adopt(self, head: Head) -> None:
        """Rows up to `head` turned out to be in the table after all."""
        self._head = self._committed = head

    def forget(self) -> None:
        """A transaction was rolled back: the head is again what the last one left."""
        self._head = self._committed

    def committed(self) -> None:
        """The transaction is durable; the head file may follow."""
        self._committed = self._head

    @property
    def behind(self) -> bool:
        """Whether the head file has to be written."""
        return self._written != self._committed

    def write_head(self) -> None:
        """Bring the head file to what is committed. Raises OSError; the journal itself is whole without it."""
        head = self._committed
        self._file.write(head)
        self._written = head

    def _add(self, connection: Connection, entries: Sequence[Entry]) -> list[AuditEntry]:
        numbered: list[AuditEntry] = []
        rows: list[dict[str, Value]] = []
        head = self._head
        for entry in entries:
            line = storable(entry).numbered(head.count + 1)
            values = values_of(line)
            fresh = row_hash(values, head.hash)
            rows.append({**dict(zip(FIELDS, values, strict=True)), "prev": head.hash, "hash": fresh})
            numbered.append(line)
            head = Head(line.seq, fresh)
        if rows:
            connection.execute(insert(AUDIT), rows)
        self._head = head
        return numbered

    def _record_break(self, connection: Connection, finding: Finding, newest: Head) -> None:
        kept = self._file.set_aside(self._now())
        self._written = None
        self._head = newest
        finding = msgspec.structs.replace(finding, kept=kept.name if kept else "")
        self._add(connection, [self._own(CHAIN_BREAK_FOUND, finding)])
        self.warning = DeckError(
            N_("The audit chain does not fit its head: somebody has changed or removed records."),
            where=f"{finding.what}: {finding.kept or self._file.path.name}",
            remedy=N_("Keep the data folder as it is, run the audit check, and tell whoever is responsible."),
        )

    def _own(self, verb: str, finding: Finding) -> Entry:
        return Entry(at=self._now(), who=self._itself, verb=verb, target="audit", comment=finding.what, detail=msgspec.json.encode(finding).decode())

    def _newest(self, connection: Connection) -> Head:
        row = connection.execute(select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).first()
        return EMPTY if row is None else Head(int(cast(int, row[0])), str(row[1]))

    def _fault_between(self, connection: Connection, head: Head, newest: Head) -> str:
        """What is wrong from the head's row on; empty where the table follows from the head."""
        if head.count > newest.count:
            return N_("rows were cut off at the end")
        if head.count == 0 and head.hash != GENESIS:
            return N_("the head differs from the table")
        rows = connection.execute(select(AUDIT).where(AUDIT.c.seq >= head.count).order_by(AUDIT.c.seq))
        return _follows(head, rows)


def _follows(head: Head, rows: Iterable[Row[tuple[object, ...]]]) -> str:
    expected, prev = (head.count, None) if head.count else (1, GENESIS)
    for row in rows:
        *values, row_prev, stored = cast("tuple[Value, ...]", tuple(row))
        if values[0] != expected or row_hash(values, str(row_prev)) != stored:
            return N_("the newest rows were changed")
        if prev is None and stored != head.hash:
            return N_("the head differs from the table")
        if prev is not None and row_prev != prev:
            return N_("the newest rows do not follow from one another")
        prev = str(stored)
        expected += 1
    return N_("the head's row is missing") if prev is None else ""


def _finding(what: str, head: Head | None, newest: Head) -> Finding:
    if head is None:
        return Finding(what=what, rows=newest.count, hash=newest.hash)
    return Finding(what=what, head_count=head.count, head_hash=head.hash, rows=newest.count, hash=newest.hash)


def storable(entry: Entry) -> Entry:
    """The entry without what a database cannot hold: NUL and halves of surrogate pairs."""
    return msgspec.structs.replace(
        entry,
        who=Who(clean(entry.who.actor), clean(entry.who.role), clean(entry.who.seat), clean(entry.who.desk)),
        verb=clean(entry.verb),
        target=clean(entry.target),
        area=clean(entry.area),
        comment=clean(entry.comment),
        title=Text(clean(entry.title.zh), clean(entry.title.en)),
        key=clean(entry.key),
        detail=clean(entry.detail),
    )


def clean(words: str) -> str:
    """`words` with NUL and halves of surrogate pairs replaced."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def entry_of(row: Sequence[object]) -> AuditEntry:
    """The line that a row of the audit table holds, whatever somebody may have put into it."""
    values = [value if isinstance(value, str) else "" if value is None else str(value) for value in row]
    return AuditEntry(
        seq=_number(row[0]),
        at=Millis(_number(row[1])),
        actor=values[2],
        role=values[3],
        seat=values[4],
        desk=values[5],
        verb=values[6],
        target=values[7],
        area=values[8],
        comment=values[9],
        title=Text(values[10], values[11]),
        key=values[12],
        detail=values[13],
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
