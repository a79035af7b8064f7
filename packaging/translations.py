"""Collects what the deck says, brings the catalogues up to date and compiles them. Called by `make translations`; needs Babel.

English phrases are the message ids. A phrase is collected where it is marked with N_() or handed to a function named t; a place is noted
without its line, and dates are left alone, so that a catalogue changes only when a phrase does.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HOUSE = Path(__file__).resolve().parents[1]
TRANSLATIONS = HOUSE / "resources" / "translations"
TEMPLATE = TRANSLATIONS / "citydeck.pot"
LANGUAGES = ("zh_CN",)
SPEAKING = ("app", "datasources", "panels", "widgets", "main.py")
KEYWORDS = {"t": None, "N_": None}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def phrases() -> dict[str, list[str]]:
    """Every phrase of the deck → the files that say it, in order of first appearance."""
    found: dict[str, list[str]] = {}
    for root in SPEAKING:
        place = HOUSE / root
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        for file in files:
            for _, message, _, _ in extract_from_file("python", str(file), keywords=KEYWORDS, options={"encoding": "utf-8"}):
                name = file.relative_to(HOUSE).as_posix()
                if isinstance(message, str) and message and name not in found.setdefault(message, []):
                    found[message].append(name)
    return found


def blank(language: str | None) -> Catalog:
    """A catalogue without phrases."""
    return Catalog(
        locale=language,
        project="CityDeck",
        version="1",
        copyright_holder="the CityDeck authors",
        header_comment="# What CityDeck says. Written by `make translations`; only the translations are written by hand.",
        msgid_bugs_address="see CONTRIBUTING.md",
        last_translator="the CityDeck authors",
        language_team="CityDeck",
        charset="utf-8",
        creation_date=EPOCH,
        revision_date=EPOCH,
        fuzzy=False,
    )


def template() -> Catalog:
    """The phrases as a catalogue without translations."""
    catalog = blank(None)
    for message, files in phrases().items():
        # Fields are filled in by str.format, which Babel's own guess (Python's % formatting) must not judge.
        flags = ["no-python-format", "python-brace-format"] if "{" in message else ["no-python-format"] if "%" in message else []
        catalog.add(message, locations=[(file, None) for file in files], flags=flags)  # pyright: ignore[reportArgumentType] - lines are left out on purpose
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """The catalogue as text."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=150, ignore_obsolete=True, include_lineno=False)
    return buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as gettext reads it. Doubtful (fuzzy) translations are left out."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog, use_fuzzy=False)
    return buffer.getvalue()


def catalogue(language: str, phrases_now: Catalog) -> Catalog:
    """A language's catalogue, with today's phrases."""
    file = TRANSLATIONS / language / "LC_MESSAGES" / "citydeck.po"
    if file.exists():
        with file.open("rb") as old:
            known = read_po(old, locale=language)
    else:
        known = blank(language)
    known.update(phrases_now, no_fuzzy_matching=True, keep_user_comments=True, update_creation_date=False)
    known.fuzzy = False
    return known


def main() -> int:
    """Write every file that changed; the exit code says whether something is untranslated."""
    now = template()
    write(TEMPLATE, as_po(now))
    untranslated = 0
    for language in LANGUAGES:
        known = catalogue(language, now)
        folder = TRANSLATIONS / language / "LC_MESSAGES"
        write(folder / "citydeck.po", as_po(known))
        write(folder / "citydeck.mo", compiled(known))
        missing = [message.id for message in known if message.id and not message.string]
        untranslated += len(missing)
        print(f"{language}: {len(known) - len(missing)} of {len(known)} phrases translated")
        for phrase in missing:
            print(f"  untranslated: {phrase!r}")
    return 1 if untranslated else 0


def write(file: Path, content: bytes) -> None:
    """Write a file where its content changed."""
    if file.exists() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    print(f"wrote {file.relative_to(HOUSE)}")


if __name__ == "__main__":
    sys.exit(main())
