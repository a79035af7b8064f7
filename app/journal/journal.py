"""The journal as the rest of the deck sees it: asynchronous, durable, and told in words where something fails.

Every coroutine here may be awaited on any event loop; the work is done on the writer's thread, and a cancelled caller cancels nothing
that has begun. It does no network I/O of its own (a PostgreSQL journal is a database all the same).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.domain.audit import AuditEntry
from app.domain.command import Answer, Command
from app.domain.errors import DeckError
from app.domain.ids import CommandKey, Millis, SourceName
from app.domain.role import Operator
from app.domain.text import N_
from app.journal.records import Entry, Post, Posted, Who
from app.journal.writer import LAST, URGENT, USUAL, Writer

if TYPE_CHECKING:
    from app.journal.store import Store

T = TypeVar("T")

PAGE = 500
FOREVER = Millis(1 << 62)


def wall_clock() -> Millis:
    """UTC ms now."""
    return Millis(time.time_ns() // 1_000_000)


class Journal:
    """One desk's journal. `open` or `opening` make it; `close` it last, after everything that writes."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._hasher: Writer | None = None
        self._listeners: dict[int, Callable[[AuditEntry], None]] = {}
        self._next_listener = 0
        self.warning: DeckError | None = store.warning
        """What is wrong with the chain or its head, if anything was found at the start or since."""

    @classmethod
    def open(
        cls,
        data_dir: Path,
        url: str | None = None,
        *,
        desk: str = "",
        now: Callable[[], Millis] = wall_clock,
        busy_ms: int = 2_000,
    ) -> Journal:
        """Open, or make, the journal in `data_dir` (or at `url`); blocks some tens of ms. Raises DeckError where another desk uses the
        folder, or the file is damaged (a copy is kept), too new or out of reach. `busy_ms`: how long to wait for another program's lock."""
        return cls.opening(data_dir, url, desk=desk, now=now, busy_ms=busy_ms).result()

    @classmethod
    def opening(
        cls,
        data_dir: Path,
        url: str | None = None,
        *,
        desk: str = "",
        now: Callable[[], Millis] = wall_clock,
        busy_ms: int = 2_000,
    ) -> Future[Journal]:
        """Like `open`, but on the writer's thread while the caller does something else: `await asyncio.wrap_future(…)`, or `.result()`."""
        writer = Writer("journal")

        def job() -> Journal:
            # Loading the database layer is most of the time it takes, so it happens here and not at import.
            from app.journal.store import Store  # noqa: PLC0415

            return cls(Store(data_dir, url, desk=desk, now=now, busy_ms=busy_ms), writer)

        def ended(future: Future[Journal]) -> None:
            if future.exception() is not None:
                writer.retire()

        future = writer.submit(job)
        future.add_done_callback(ended)
        return future

    def close(self) -> None:
        """Finish what was asked for, write the head, let go of the folder. From any thread; blocks until done; a second call does nothing."""
        if self._hasher is not None:
            self._hasher.close()
        try:
            last = self._writer.submit(self._store.close, urgency=LAST)
        except DeckError:
            return
        self._writer.close()
        last.result()

    # --- actions ---------------------------------------------------------------------------------------------------------------

    async def record(self, entry: Entry, outbox: Command | None = None, link: SourceName | None = None) -> AuditEntry:
        """Write one audit row and, for a command, its outbox row. Returns when both are on disk; raises DeckError, and then neither is.
        `link` is where the command goes; None: nobody to send it to, it is kept."""
        return (await self.record_all([(entry, None if outbox is None else Post(outbox, link))]))[0]

    async def record_all(self, items: Sequence[tuple[Entry, Post | None]]) -> list[AuditEntry]:
        """Like `record` for many, in one transaction: all or none."""
        rows = list(items)
        return await self._run(lambda: self._store.record(rows), self._tell_all, urgency=URGENT)

    async def mark_sent(self, *keys: CommandKey) -> None:
        """These were handed to their link."""
        await self._run(lambda: self._store.mark_sent(keys))

    async def settle(self, answer: Answer) -> AuditEntry | None:
        """Journal an answer and end its command. None where the key is unknown or was answered before. Raises DeckError."""
        return await self._run(lambda: self._store.settle(answer), self._tell)

    async def unsettled(self) -> list[Posted]:
        """Commands without an answer, in the order in which they were given."""
        posts = await self._run(self._store.unsettled)
        if self._store.unreadable and self.warning is None:
            self.warning = DeckError(
                N_("A command in the outbox is not what was recorded. It is not sent."), where="journal", remedy=N_("Run the audit check.")
            )
        return posts

    async def kept(self) -> list[Posted]:
        """Commands about sources without a platform: apply them again at the start."""
        return await self._run(self._store.kept)

    # --- the activity log ------------------------------------------------------------------------------------------------------

    async def recent(self, limit: int) -> list[AuditEntry]:
        """The newest lines, newest first."""
        return await self._run(lambda: self._store.recent(limit))

    async def iter_entries(self, since: Millis = Millis(0), until: Millis = FOREVER) -> AsyncIterator[AuditEntry]:  # noqa: B008 - a NewType, not a call
        """Every line with since ≤ time < until, oldest first, a page at a time."""
        after = 0
        while page := await self._page(after, since, until):
            for entry in page:
                yield entry
            after = page[-1].seq

    async def _page(self, after: int, since: Millis, until: Millis) -> list[AuditEntry]:
        return await self._run(lambda: self._store.page(after, since, until, PAGE))

    def subscribe(self, told: Callable[[AuditEntry], None]) -> Callable[[], None]:
        """Call `told` with each new line, on the event loop's thread, once it is durable. Returns the undo."""
        number = self._next_listener
        self._next_listener += 1
        self._listeners[number] = told
        return lambda: void(self._listeners.pop(number, None))

    # --- people ----------------------------------------------------------------------------------------------------------------

    async def operators(self) -> list[Operator]:
        """Everybody who may sign in, by id."""
        return await self._run(self._store.operators)

    async def add_operator(self, operator: Operator, password: str, *, who: Who) -> AuditEntry:
        """Add an operator, or change one of the same id; audited under `who`. Raises DeckError for an empty or overlong id or an empty password."""
        if not operator.id.strip() or len(operator.id) > _LONGEST_ID or not password:
            raise DeckError(N_("An operator needs a short id and a password."), where=operator.id[:_LONGEST_ID], remedy=N_("Give both."))
        password_hash = await self._hash(lambda: _passwords_hashed(password))
        return await self._run(lambda: self._store.put_operator(operator, password_hash, who), self._tell)

    async def check_password(self, operator_id: str, password: str, *, who: Who | None = None) -> Operator | None:
        """The operator, or None for a wrong id or password; either takes the same time. Audited, never with the password. Raises DeckError
        while sign-in is locked: for 30 s after the fifth wrong try in a row. `who` says seat and desk."""
        from_where, name = who or Who(""), operator_id[:_LONGEST_ID]
        password_hash, line = await self._run(lambda: self._store.begin_sign_in(name, from_where))
        if line is not None:
            self._tell(line)
            raise DeckError(
                N_("Too many wrong passwords. Sign-in is locked for a short while."), where=name, remedy=N_("Wait half a minute, then try again.")
            )
        right = await self._hash(lambda: _passwords_match(password_hash, password))
        operator, line = await self._run(lambda: self._store.end_sign_in(name, right, from_where))
        self._tell(line)
        return operator

    # --- settings --------------------------------------------------------------------------------------------------------------

    async def get_setting(self, key: str) -> str | None:
        """The text kept under `key`, or None."""
        return await self._run(lambda: self._store.get_setting(key))

    async def set_setting(self, key: str, value: str) -> None:
        """Keep a text (layouts are JSON) under `key`."""
        await self._run(lambda: self._store.set_setting(key, value))

    # --- the border to the thread ----------------------------------------------------------------------------------------------

    async def _run(self, job: Callable[[], T], then: Callable[[T], None] | None = None, *, urgency: int = USUAL) -> T:
        def followed() -> T:
            result = job()
            self._submit_book_keeping()
            return result

        future = asyncio.wrap_future(self._writer.submit(followed, urgency=urgency))
        # From a callback, so that listeners hear of it even where whoever asked was cancelled meanwhile.
        future.add_done_callback(lambda done: self._done(done, then))
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[T], then: Callable[[T], None] | None) -> None:
        if self._store.warning is not None:
            self.warning = self._store.warning
        if not future.cancelled() and future.exception() is None and then is not None:
            then(future.result())

    def _submit_book_keeping(self) -> None:
        try:
            self._writer.submit(self._store.book_keeping).add_done_callback(self._book_kept)
        except DeckError:
            return  # Closing does it.

    def _book_kept(self, future: Future[None]) -> None:
        fault = future.exception()
        if isinstance(fault, OSError):
            self.warning = DeckError(
                N_("The head of the audit chain could not be written. The records themselves are safe."),
                where=str(fault),
                remedy=N_("Make room, or mend the permissions."),
            )

    async def _hash(self, job: Callable[[], T]) -> T:
        # A thread of its own: a password takes as long as thirty clicks.
        if self._hasher is None:
            self._hasher = Writer("journal-passwords")
        return await asyncio.shield(asyncio.wrap_future(self._hasher.submit(job)))

    def _tell(self, entry: AuditEntry | None) -> None:
        if entry is not None:
            for told in list(self._listeners.values()):
                told(entry)

    def _tell_all(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._tell(entry)


_LONGEST_ID = 64


def void(_value: object) -> None:
    """For a lambda that must return nothing."""


def _passwords_hashed(password: str) -> str:
    from app.journal import passwords  # noqa: PLC0415

    return passwords.hashed(password)


def _passwords_match(password_hash: str | None, password: str) -> bool:
    from app.journal import passwords  # noqa: PLC0415

    return passwords.matches(password_hash, password)
