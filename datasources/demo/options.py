"""How a demo city is to be played. Plain records: this module does nothing and imports little, so that the command line can use it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from app.domain.errors import DeckError
from app.domain.ids import Millis


class PlatformOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the demo city's platform."""

    city: str = "qingdao"
    host: str = "127.0.0.1"
    port: int = 0
    """0: the system chooses a free one."""
    seed: int = 1
    rate: float = 0.0
    """At least so many readings a second; 0: as many as the indicators' own periods bring about."""
    faults: tuple[str, ...] = ()
    """Each `KIND[=VALUE][@START[+DURATION]]`, seconds since the start (see faults.py)."""
    token: str | None = None
    """What a desk must show; None or empty: nothing."""
    start: Millis | str | None = None
    """Simulated time of the first step, UTC ms or ISO 8601 (the city's time unless it says otherwise); None: now."""
    tempo: float = 6.0
    """How much faster than in life storms, journeys and work go by. Clocks are not affected."""
    with_parent: bool = False
    """End when standard input is closed."""


def moment(text: str) -> Millis:
    """UTC ms of an ISO time; one without a zone is UTC. Raises DeckError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as fault:
        raise DeckError(f"{text!r} is not an ISO time", where="--start", remedy="write it like 2026-07-01T08:00:00+08:00") from fault
    return Millis(int((when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp() * 1000))
