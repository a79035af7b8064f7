"""Brings an older journal's tables to this version. Imported only where there is something to do: Alembic takes a third of a second."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from app.domain.errors import DeckError
from app.domain.text import N_

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Upgrade within the caller's transaction. Raises DeckError where the journal is from a newer CityDeck."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as fault:
        raise DeckError(
            N_("The journal was written by another version of CityDeck."), where=str(fault), remedy=N_("Install the newer version.")
        ) from fault
