"""Commands on their way to a platform, and what became of them. Used on the writer's thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from sqlalchemy import Connection, Row, and_, insert, select, update

from app.domain.command import Answer, Command
from app.domain.ids import Millis, SourceName
from app.domain.text import Text
from app.journal.chain import Value, row_hash
from app.journal.records import ANSWER, Entry, Post, Posted, PostState, Who
from app.journal.schema import AUDIT, OUTBOX

OPEN_STATES = ("pending", "sent")
MOST_KEPT = 20_000
"""Newest kept commands that are applied again at the start; older ones stay in the audit chain."""


class OutboxTable:
    """The outbox rows of one data folder: `origin` tells them from those of other desks in a shared database."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.unreadable = 0
        """Commands found whose audit row was damaged or changed: they are never sent."""

    def add(self, connection: Connection, seqs: Sequence[tuple[int, Post]]) -> None:
        """Queue commands; `seqs` pairs each with the number of its audit row."""
        if seqs:
            rows = [
                {
                    "key": post.command.key,
                    "seq": seq,
                    "origin": self._origin,
                    "link": post.link or "",
                    "state": "pending" if post.link else "kept",
                    "tries": 0,
                    "at": post.command.at,
                }
                for seq, post in seqs
            ]
            connection.execute(insert(OUTBOX), rows)

    def mark_sent(self, connection: Connection, keys: Sequence[str], now: Millis) -> None:
        """Note that these were handed to their link. Settled ones stay settled."""
        connection.execute(
            update(OUTBOX).where(OUTBOX.c.key.in_(keys), OUTBOX.c.state.in_(OPEN_STATES)).values(state="sent", tries=OUTBOX.c.tries + 1, at=now)
        )

    def settle(self, connection: Connection, answer: Answer) -> Entry | None:
        """Settle a command by its answer; the line to audit, or None where the key is unknown or was settled before."""
        row = connection.execute(
            select(OUTBOX.c.link, AUDIT)
            .join_from(OUTBOX, AUDIT, AUDIT.c.seq == OUTBOX.c.seq)
            .where(OUTBOX.c.key == answer.key, OUTBOX.c.state.in_(OPEN_STATES))
        ).first()
        if row is None:
            return None
        connection.execute(update(OUTBOX).where(OUTBOX.c.key == answer.key).values(state=answer.outcome, at=answer.at))
        return Entry(
            at=answer.at,
            who=Who(str(row.link), role="platform", desk=str(row.desk)),
            verb=ANSWER,
            target=str(row.target),
            area=str(row.area),
            title=Text(str(row.title_zh), str(row.title_en)),
            key=answer.key,
            detail=msgspec.json.encode(answer).decode(),
        )

    def unsettled(self, connection: Connection) -> list[Posted]:
        """Commands of this desk without an answer, in the order in which they were given."""
        return self._posted(connection, OPEN_STATES, None)

    def kept(self, connection: Connection) -> list[Posted]:
        """Commands that the desk itself keeps, oldest first; at most the newest MOST_KEPT."""
        return self._posted(connection, ("kept",), MOST_KEPT)

    def _posted(self, connection: Connection, states: Sequence[str], limit: int | None) -> list[Posted]:
        rows = connection.execute(
            select(OUTBOX.c.link, OUTBOX.c.state, OUTBOX.c.tries, OUTBOX.c.key, AUDIT)
            .join_from(OUTBOX, AUDIT, and_(AUDIT.c.seq == OUTBOX.c.seq))
            .where(OUTBOX.c.state.in_(states), OUTBOX.c.origin == self._origin)
            .order_by(OUTBOX.c.seq.desc())
            .limit(limit)
        ).all()
        found = [_read(row) for row in reversed(rows)]
        self.unreadable += sum(1 for post in found if post is None)
        return [post for post in found if post is not None]


def _read(row: Row[tuple[object, ...]]) -> Posted | None:
    """The command of a joined row, or None where its audit row is not what was written: nobody ordered that."""
    link, state, tries, key, *values, prev, stored = cast("tuple[Value, ...]", tuple(row))
    if row_hash(values, str(prev)) != stored:
        return None
    try:
        command = msgspec.json.decode(str(row.detail), type=Command)
    except msgspec.MsgspecError:
        return None
    if command.key != key:
        return None
    return Posted(command, SourceName(str(link)), cast("PostState", state), int(tries), Text(str(row.title_zh), str(row.title_en)))
