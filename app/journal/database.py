"""One open database and its transactions, and what its faults mean in words. Used on the writer's thread only."""

from __future__ import annotations

import filecmp
import shutil
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.text import N_
from app.journal.chain import free_name

FILE_NAME = "journal.sqlite3"


def address(folder: Path, url: str | None) -> URL:
    """Where the journal is: the URL given, or the file in the data folder. Raises DeckError."""
    if url is None:
        return URL.create("sqlite", database=str(folder / FILE_NAME))
    try:
        return make_url(url)
    except ArgumentError as fault:
        raise DeckError(N_("This is not a database address."), remedy=N_("Write it as postgresql://user@host/name or sqlite:///file.")) from fault


def file_of(url: URL) -> Path | None:
    """The SQLite file behind `url`, or None for another database."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


class Database:
    """A journal's database, opened for writing. The connection is made when first needed and made again after a fault."""

    def __init__(self, url: URL, *, busy_ms: int) -> None:
        self.file = file_of(url)
        self._label = url.render_as_string(hide_password=True) if self.file is None else str(self.file)
        self._connection: Connection | None = None
        try:
            self._engine = create_engine(url, poolclass=NullPool)
        except (NoSuchModuleError, ImportError, ArgumentError) as fault:
            raise DeckError(
                N_("There is no driver for this database here."), where=self._label, remedy=N_("Install the driver, or leave the address out.")
            ) from fault
        if self.file is not None:
            _prepare_sqlite(self._engine, busy_ms)

    @property
    def shared(self) -> bool:
        """Whether desks of other data folders may write into it too."""
        return self.file is None

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """All or nothing; durable when it is left. Raises DeckError for what a person can mend, and then nothing is written."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                yield self._connection
        except IntegrityError:
            self.drop()
            raise
        except (DBAPIError, sqlite3.Error) as fault:
            self.drop()
            raise in_words(fault, self._label) from fault

    def drop(self) -> None:
        """Let go of the connection; the next transaction makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (SQLAlchemyError, sqlite3.Error):
                connection.invalidate()

    def checkpoint(self) -> None:
        """Move what stands in SQLite's write-ahead log into the file. Not needed for durability, so a fault in it is no fault."""
        if self.file is None or self._connection is None:
            return
        raw = self._connection.connection.dbapi_connection
        if isinstance(raw, sqlite3.Connection):
            try:
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error:
                self.drop()

    def close(self) -> None:
        """Close for good."""
        self.drop()
        self._engine.dispose()


def _prepare_sqlite(engine: Engine, busy_ms: int) -> None:
    # Hooks of SQLAlchemy: the sqlite3 module's own idea of transactions is switched off, ours are IMMEDIATE from the first statement on.
    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        if not isinstance(connection, sqlite3.Connection):
            raise TypeError(type(connection))
        connection.isolation_level = None
        # The log is checkpointed by us between actions: an automatic checkpoint would fall into somebody's click.
        for pragma in (f"busy_timeout = {busy_ms}", "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def in_words(fault: DBAPIError | sqlite3.Error, where: str) -> DeckError:
    """What a fault of the database means, and what to do about it."""
    text = str(fault.orig if isinstance(fault, DBAPIError) else fault).strip()
    low = text.lower()
    for signs, what, remedy in _WORDS:
        if any(sign in low for sign in signs):
            return DeckError(what, where=f"{where}: {text}", remedy=remedy)
    return DeckError(
        N_("The journal could not be read or written. Nothing was done."),
        where=f"{where}: {text}",
        remedy=N_("Look at the disk and the database, then try again."),
    )


DAMAGE = ("malformed", "not a database", "file is encrypted", "no such table", "no such column")

_WORDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("disk is full", "no space left", "disk quota", "quota exceeded"),
        N_("The journal's disk is full. Nothing was done."),
        N_("Make room on the disk, then try again."),
    ),
    (
        ("database is locked", "lock timeout"),
        N_("Another program holds the journal. Nothing was done."),
        N_("Close the program that has the file open, then try again."),
    ),
    (DAMAGE, N_("The journal is damaged. Nothing was done."), N_("Move the file out of the data folder and start again; keep the copy as evidence.")),
    (
        ("readonly", "read-only", "permission denied"),
        N_("The journal may not be written. Nothing was done."),
        N_("Mend the permissions of the data folder."),
    ),
    (("unable to open",), N_("The journal cannot be opened."), N_("Mend the permissions of the data folder.")),
    (
        ("connection", "could not translate host", "server closed", "password authentication"),
        N_("The journal's database server does not answer. Nothing was done."),
        N_("Look at the server and the address, then try again."),
    ),
)


def damaged(fault: BaseException | None) -> bool:
    """Whether the fault behind a DeckError means that the file itself is broken."""
    while isinstance(fault, DBAPIError):
        fault = fault.orig
    return isinstance(fault, sqlite3.Error) and any(sign in str(fault).lower() for sign in DAMAGE)


def keep_copy(file: Path, now: Millis) -> Path | None:
    """Copy a damaged journal (and its log) aside, unless the same damage was copied before. Returns the copy. Raises OSError."""
    if not file.exists():
        return None
    for earlier in sorted(file.parent.glob(file.name + ".damaged-*"), reverse=True):
        if not earlier.name.endswith("-wal") and filecmp.cmp(earlier, file, shallow=False):
            return earlier
    copy = free_name(file.with_name(f"{file.name}.damaged-{now}"))
    shutil.copy2(file, copy)
    log = file.with_name(file.name + "-wal")
    if log.exists():
        shutil.copy2(log, copy.with_name(copy.name + "-wal"))
    return copy


Clock = Callable[[], Millis]
