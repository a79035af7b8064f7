"""Alembic's scripts, one file a revision of app/journal/schema.py."""
