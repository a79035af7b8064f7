"""The journal's tables. A change here needs a migration beside it, and a new `REVISION`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

REVISION = "0001"
"""Revision of the tables below; the newest file in migrations/versions."""

METADATA = MetaData()

# No autoincrement anywhere: the chain numbers its own rows, so that a hole is a finding and not an accident.
AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("seat", Text, nullable=False),
    Column("desk", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("key", String(64), primary_key=True),
    # The command itself stands in the audit row of this number: what is sent is what was audited.
    Column("seq", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("outbox_state", "state", "seq"),
)

OPERATORS = Table(
    "operators",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("areas", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

TRIES = Table(
    "sign_in_tries",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)

# Alembic's own table, named here so that a fresh journal can be stamped without loading Alembic (a third of a second).
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
