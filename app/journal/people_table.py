"""Operators, and wrong sign-ins. Passwords come here only as argon2 hashes. Used on the writer's thread only."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from app.domain.ids import AreaCode, Millis
from app.domain.role import Operator, Role
from app.journal.schema import OPERATORS, TRIES

MOST_TRIES = 5
LOCKED_MS = 30_000
ID_LENGTH = 64


def operators(connection: Connection) -> list[Operator]:
    """Everybody who may sign in, by id."""
    rows = connection.execute(select(OPERATORS.c.id, OPERATORS.c.name, OPERATORS.c.role, OPERATORS.c.areas).order_by(OPERATORS.c.id)).all()
    return [_operator(str(row[0]), str(row[1]), str(row[2]), str(row[3])) for row in rows]


def find(connection: Connection, operator_id: str) -> tuple[Operator, str] | None:
    """The operator and the hash of the password."""
    row = connection.execute(
        select(OPERATORS.c.id, OPERATORS.c.name, OPERATORS.c.role, OPERATORS.c.areas, OPERATORS.c.hash).where(OPERATORS.c.id == operator_id)
    ).first()
    return None if row is None else (_operator(str(row[0]), str(row[1]), str(row[2]), str(row[3])), str(row[4]))


def put(connection: Connection, operator: Operator, password_hash: str, now: Millis) -> bool:
    """Add or change an operator. Returns whether it is a new one."""
    values = {
        "name": operator.name,
        "role": operator.role.value,
        "areas": msgspec.json.encode(operator.areas).decode(),
        "hash": password_hash,
    }
    if find(connection, operator.id) is not None:
        connection.execute(update(OPERATORS).where(OPERATORS.c.id == operator.id).values(**values))
        return False
    connection.execute(insert(OPERATORS).values(id=operator.id, created_at=now, **values))
    return True


def begin_try(connection: Connection, operator_id: str, now: Millis) -> Millis:
    """Count a try as wrong before the password is looked at, so that many at once do not get round the limit.
    Returns 0, or until when no try is taken."""
    row = connection.execute(select(TRIES.c.wrong, TRIES.c.locked_until).where(TRIES.c.id == operator_id)).first()
    wrong, locked_until = (0, 0) if row is None else (int(row[0]), int(row[1]))
    if locked_until > now:
        return Millis(locked_until)
    wrong = 1 if wrong >= MOST_TRIES else wrong + 1
    values = {"wrong": wrong, "locked_until": now + LOCKED_MS if wrong >= MOST_TRIES else 0}
    if row is None:
        connection.execute(insert(TRIES).values(id=operator_id, **values))
    else:
        connection.execute(update(TRIES).where(TRIES.c.id == operator_id).values(**values))
    return Millis(0)


def clear_tries(connection: Connection, operator_id: str) -> None:
    """The password was right."""
    connection.execute(delete(TRIES).where(TRIES.c.id == operator_id))


def _operator(operator_id: str, name: str, role: str, areas: str) -> Operator:
    return Operator(id=operator_id, name=name, role=Role(role), areas=tuple(msgspec.json.decode(areas, type=list[AreaCode])))
