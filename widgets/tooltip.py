"""Tooltips of words that came from outside. Qt takes anything that looks like markup for markup; here it stays text."""

from __future__ import annotations

from html import escape


def as_text(words: str) -> str:
    """`words` so that a tooltip shows them as they are: markup stays visible, line breaks stay."""
    return f"<qt>{escape(words).replace(chr(10), '<br>')}</qt>" if words else ""
