"""What Alembic runs around a migration. The journal hands over its own open connection; there is no other way in."""

from __future__ import annotations

from alembic import context

from app.journal.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
