"""The journal's database as one thing: opened, checked, written, read. Used on the writer's thread only."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, insert, inspect, select, update

from app.domain.audit import AuditEntry
from app.domain.command import Answer
from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.role import Operator
from app.domain.text import N_
from app.journal import people_table
from app.journal.audit_table import AuditTable, clean, entry_of
from app.journal.chain import FIELDS, Head, HeadFile, free_name
from app.journal.database import Clock, Database, address, damaged, in_words, keep_copy
from app.journal.lock import FolderLock
from app.journal.outbox_table import OutboxTable
from app.journal.records import (
    JOURNAL_MIGRATED,
    OPERATOR_ADDED,
    OPERATOR_CHANGED,
    SIGN_IN,
    SIGN_IN_FAILED,
    SIGN_IN_LOCKED,
    Entry,
    Post,
    Posted,
    Who,
)
from app.journal.schema import AUDIT, METADATA, REVISION, SETTINGS, VERSION

T = TypeVar("T")

CHECKPOINT_EVERY = 200
"""Commits between two checkpoints of SQLite's write-ahead log."""
ORIGIN_FILE = "journal.id"


class Store:
    """Opened by its constructor. Raises DeckError where the journal is in use, damaged, too new or out of reach."""

    def __init__(self, folder: Path, url: str | None, *, desk: str, now: Clock, busy_ms: int) -> None:
        self._now = now
        self._desk = desk
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise DeckError(
                N_("The data folder cannot be made."), where=f"{folder}: {fault.strerror}", remedy=N_("Choose another folder with --data.")
            ) from fault
        self._lock = FolderLock(folder)
        try:
            self._database = Database(address(folder, url), busy_ms=busy_ms)
            self._audit = AuditTable(self._database, HeadFile(folder), desk=desk, now=now)
            self._outbox = OutboxTable(_origin(folder) if self._database.shared else "")
            self._commits = 0
            self._open()
        except BaseException:
            self._lock.release()
            raise

    @property
    def warning(self) -> DeckError | None:
        """What is wrong with the chain, if anything was found."""
        return self._audit.warning

    def _open(self) -> None:
        try:
            self._write(self._make_current)
            self._write(self._audit.reconcile)
            self.book_keeping()
        except DeckError as fault:
            self._database.close()
            if self._database.file is None or not damaged(fault.__cause__):
                raise
            copy = keep_copy(self._database.file, self._now())
            raise DeckError(fault.what, where=f"{fault.where}; copy kept as {copy.name if copy else '-'}", remedy=fault.remedy) from fault
        except OSError as fault:
            self._database.close()
            raise DeckError(N_("The data folder cannot be written."), where=str(fault), remedy=N_("Make room, or mend its permissions.")) from fault

    def _make_current(self, connection: Connection) -> None:
        """Bring the tables to REVISION; Alembic is loaded only where there is something to do."""
        tables = set(inspect(connection).get_table_names())
        if VERSION.name not in tables and not tables & set(METADATA.tables):
            METADATA.create_all(connection)
            VERSION.create(connection)
            connection.execute(insert(VERSION).values(version_num=REVISION))
            return
        found = connection.execute(select(VERSION.c.version_num)).scalar() if VERSION.name in tables else None
        if found == REVISION:
            return
        self._migrate(connection, str(found or "base"))

    def _migrate(self, connection: Connection, found: str) -> None:
        from app.journal.migrate import migrate  # noqa: PLC0415

        if self._database.file is not None:
            copy = free_name(self._database.file.with_name(f"{self._database.file.name}.before-{REVISION}-{self._now()}"))
            _copy_database(self._database.file, copy)
        migrate(connection)
        self._audit.defer(
            Entry(at=self._now(), who=Who("citydeck", desk=self._desk), verb=JOURNAL_MIGRATED, target="journal", comment=f"{found} → {REVISION}")
        )

    # --- transactions ----------------------------------------------------------------------------------------------------------

    def _write(self, job: Callable[[Connection], T]) -> T:
        try:
            with self._database.transaction() as connection:
                result = job(connection)
        except BaseException:
            self._audit.forget()
            raise
        self._audit.committed()
        self._commits += 1
        return result

    def _audited(self, job: Callable[[Connection], T]) -> T:
        """A transaction that appends to the chain. A server lost in the middle of a commit does not say whether it was done, so we look."""
        outcome: list[tuple[T, Head]] = []

        def noted(connection: Connection) -> T:
            result = job(connection)
            outcome.append((result, self._audit.head))
            return result

        try:
            return self._write(noted)
        except DeckError:
            if not outcome or not self._holds(outcome[0][1]):
                raise
            self._audit.adopt(outcome[0][1])
            return outcome[0][0]

    def _holds(self, head: Head) -> bool:
        try:
            return self._write(lambda connection: self._audit.holds(connection, head))
        except DeckError:
            return False

    def book_keeping(self) -> None:
        """What may follow a commit: the head file and, now and then, a checkpoint. Raises OSError where the head cannot be written."""
        if self._audit.behind:
            self._audit.write_head()
        if self._commits >= CHECKPOINT_EVERY:
            self._commits = 0
            self._database.checkpoint()

    # --- actions ---------------------------------------------------------------------------------------------------------------

    def record(self, items: Sequence[tuple[Entry, Post | None]]) -> list[AuditEntry]:
        """One transaction: every audit row, and every outbox row."""

        def job(connection: Connection) -> list[AuditEntry]:
            lines = self._audit.append(connection, [entry for entry, _ in items])
            self._outbox.add(connection, [(line.seq, post) for line, (_, post) in zip(lines, items, strict=True) if post is not None])
            return lines

        return self._audited(job)

    def mark_sent(self, keys: Sequence[str]) -> None:
        """See OutboxTable.mark_sent."""
        self._write(lambda connection: self._outbox.mark_sent(connection, keys, self._now()))

    def settle(self, answer: Answer) -> AuditEntry | None:
        """The answer's audit row and the outbox row's end in one transaction; None where there was nothing to settle."""

        def job(connection: Connection) -> AuditEntry | None:
            entry = self._outbox.settle(connection, answer)
            return None if entry is None else self._audit.append(connection, [entry])[0]

        return self._audited(job)

    def unsettled(self) -> list[Posted]:
        """See OutboxTable.unsettled."""
        return self._write(self._outbox.unsettled)

    def kept(self) -> list[Posted]:
        """See OutboxTable.kept."""
        return self._write(self._outbox.kept)

    @property
    def unreadable(self) -> int:
        """Commands in the outbox that are not what was written: they are never sent."""
        return self._outbox.unreadable

    # --- reading ---------------------------------------------------------------------------------------------------------------

    def recent(self, limit: int) -> list[AuditEntry]:
        """The newest lines, newest first."""
        query = select(*(AUDIT.c[name] for name in FIELDS)).order_by(AUDIT.c.seq.desc()).limit(limit)
        return self._write(lambda connection: [entry_of(row) for row in connection.execute(query)])

    def page(self, after: int, since: Millis, until: Millis, limit: int) -> list[AuditEntry]:
        """Lines after number `after`, oldest first, whose time is in [since, until)."""
        query = (
            select(*(AUDIT.c[name] for name in FIELDS))
            .where(AUDIT.c.seq > after, AUDIT.c.at >= since, AUDIT.c.at < until)
            .order_by(AUDIT.c.seq)
            .limit(limit)
        )
        return self._write(lambda connection: [entry_of(row) for row in connection.execute(query)])

    # --- people ----------------------------------------------------------------------------------------------------------------

    def operators(self) -> list[Operator]:
        """Everybody who may sign in."""
        return self._write(people_table.operators)

    def put_operator(self, operator: Operator, password_hash: str, who: Who) -> AuditEntry:
        """Add or change an operator, audited."""

        def job(connection: Connection) -> AuditEntry:
            fresh = people_table.put(connection, operator, password_hash, self._now())
            entry = Entry(
                at=self._now(), who=who, verb=OPERATOR_ADDED if fresh else OPERATOR_CHANGED, target=operator.id, comment=operator.role.value
            )
            return self._audit.append(connection, [entry])[0]

        return self._audited(job)

    def begin_sign_in(self, operator_id: str, who: Who) -> tuple[str | None, AuditEntry | None]:
        """The hash to check against (None: nobody has this id); with the line that says so, where sign-in is locked."""

        def job(connection: Connection) -> tuple[str | None, AuditEntry | None]:
            found = people_table.find(connection, operator_id)
            locked = people_table.begin_try(connection, operator_id, self._now())
            line = self._audit.append(connection, [self._sign_in(SIGN_IN_LOCKED, operator_id, found, who)])[0] if locked else None
            return (None if found is None else found[1], line)

        return self._audited(job)

    def end_sign_in(self, operator_id: str, right: bool, who: Who) -> tuple[Operator | None, AuditEntry]:
        """Record how the try ended."""

        def job(connection: Connection) -> tuple[Operator | None, AuditEntry]:
            found = people_table.find(connection, operator_id)
            good = right and found is not None
            if good:
                people_table.clear_tries(connection, operator_id)
            line = self._audit.append(connection, [self._sign_in(SIGN_IN if good else SIGN_IN_FAILED, operator_id, found, who)])[0]
            return (found[0] if found is not None and good else None, line)

        return self._audited(job)

    def _sign_in(self, verb: str, operator_id: str, found: tuple[Operator, str] | None, who: Who) -> Entry:
        # A name that nobody has is not written down: people type passwords into the wrong field.
        known = "?" if found is None else operator_id
        role = "" if found is None else found[0].role.value
        return Entry(at=self._now(), who=Who(known, role, who.seat, who.desk or self._desk), verb=verb, target=known)

    # --- settings --------------------------------------------------------------------------------------------------------------

    def get_setting(self, key: str) -> str | None:
        """The text kept under `key`."""
        found = self._write(lambda connection: connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.key == key)).scalar())
        return None if found is None else str(found)

    def set_setting(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""

        def job(connection: Connection) -> None:
            if not connection.execute(update(SETTINGS).where(SETTINGS.c.key == key).values(value=clean(value))).rowcount:
                connection.execute(insert(SETTINGS).values(key=key, value=clean(value)))

        self._write(job)

    def close(self) -> None:
        """Leave everything as it should be found: head written, log folded into the file, lock gone."""
        try:
            self.book_keeping()
            self._database.checkpoint()
        finally:
            self._database.close()
            self._lock.release()


def _origin(folder: Path) -> str:
    """This data folder's own name in a shared database, made once."""
    path = folder / ORIGIN_FILE
    if not path.exists():
        path.write_text(uuid.uuid4().hex, encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _copy_database(file: Path, copy: Path) -> None:
    """A whole copy of a SQLite database, log included. Raises DeckError."""
    try:
        source, target = sqlite3.connect(file), sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
    except sqlite3.Error as fault:
        raise in_words(fault, str(file)) from fault
