"""Adding and listing operators from the command line, while the desk is closed. What is done here is audited like everything else."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from app.domain.errors import DeckError
from app.domain.ids import AreaCode
from app.domain.role import Operator, Role
from app.journal import Journal, Who
from app.shell.options import default_data
from app.shell.signin import SHORTEST_PASSWORD


def add_operator(data: Path | None, db: str | None, operator_id: str, name: str, role: str, areas: tuple[str, ...], password: str) -> int:
    """Add or change an operator; 0. Raises DeckError."""
    if role not in {r.value for r in Role}:
        raise DeckError(f"{role!r} is not a role", where="--role", remedy="it is one of " + ", ".join(Role))
    if len(password) < SHORTEST_PASSWORD:
        raise DeckError("the password is too short", where="password", remedy=f"give at least {SHORTEST_PASSWORD} characters")
    operator = Operator(id=operator_id, name=name, role=Role(role), areas=tuple(AreaCode(a) for a in areas))

    async def add(journal: Journal) -> None:
        await journal.add_operator(operator, password, who=Who(getpass.getuser(), "command line"))

    _with_journal(data, db, add)
    sys.stdout.write(f"{operator.id}: {operator.name}, {operator.role.value}\n")
    return 0


def list_operators(data: Path | None, db: str | None) -> int:
    """Print everybody who may sign in; 0. Raises DeckError."""

    async def show(journal: Journal) -> None:
        for person in await journal.operators():
            sys.stdout.write(f"{person.id}\t{person.name}\t{person.role.value}\t{', '.join(person.areas) or 'the whole city'}\n")

    _with_journal(data, db, show)
    return 0


def _with_journal(data: Path | None, db: str | None, work: Callable[[Journal], Coroutine[None, None, None]]) -> None:
    folder = data if data is not None else default_data()
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal.open(folder, db)
    try:
        asyncio.run(work(journal))
    finally:
        journal.close()
