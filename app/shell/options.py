"""What a desk was asked to be, checked. Imports nothing heavy: it is read before Qt is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.domain.errors import DeckError
from app.domain.role import Seat

LANGUAGES = ("zh_CN", "en")
THEMES = ("dark", "light")


@dataclass(frozen=True)
class DeskOptions:
    """The command line of a desk. None: not said, the desk's settings or the seat decide."""

    demo: bool
    connect: tuple[str, ...]
    seat: Seat
    city: str
    lang: str | None
    theme: str | None
    data: Path
    token_file: Path | None
    ca: Path | None
    db: str | None
    screenshot: Path | None
    after: float
    size: tuple[int, int]
    progress: bool
    overlay: bool
    seed: int
    rate: float
    faults: tuple[str, ...]

    @staticmethod
    def checked(
        *,
        demo: bool,
        connect: list[str],
        seat: str,
        city: str,
        lang: str | None,
        theme: str | None,
        data: Path | None,
        token_file: Path | None,
        ca: Path | None,
        db: str | None,
        screenshot: Path | None,
        after: float,
        size: str,
        progress: bool,
        overlay: bool,
        seed: int,
        rate: float,
        faults: list[str],
    ) -> DeskOptions:
        """The options, or a DeckError that names the one that is wrong and what it may be."""
        _one_of("--seat", seat, tuple(s.value for s in Seat))
        if lang is not None:
            _one_of("--lang", lang, LANGUAGES)
        if theme is not None:
            _one_of("--theme", theme, THEMES)
        across = re.fullmatch(r"(\d{3,5})x(\d{3,5})", size)
        if across is None:
            raise DeckError(f"{size!r} is not a size", where="--size", remedy="write it like 1920x1080")
        if after < 0:
            raise DeckError(f"{after} s is before the start", where="--after", remedy="give 0 or more seconds")
        folder = data if data is not None else default_data()
        return DeskOptions(
            demo, tuple(connect), Seat(seat), city, lang, theme, folder, token_file, ca, db, screenshot, after,
            (int(across[1]), int(across[2])), progress, overlay, seed, rate, tuple(faults),
        )  # fmt: skip


def default_data() -> Path:
    """The platform's own folder for what the desk keeps."""
    return Path(platformdirs.user_data_dir("citydeck", appauthor=False))


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DeckError(f"{value!r} is not known", where=name, remedy="it is one of " + ", ".join(known))
