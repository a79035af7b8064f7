"""The past, durable: the audit chain, the outbox, operators and small settings, in SQLite or PostgreSQL.

It may not know of Qt, of the live stores, of sources or of panels. Importing it is cheap: the database layer is loaded by the
writer thread of the first `Journal.open`.
"""

from __future__ import annotations

from app.journal.journal import Journal
from app.journal.records import Entry, Post, Posted, Who

__all__ = ["Entry", "Journal", "Post", "Posted", "Who"]
