"""How far a number may be trusted. The grades of OPC UA, plus the one it lacks: nothing was ever reported."""

from __future__ import annotations

from enum import IntEnum

from app.domain.text import N_


class Quality(IntEnum):
    """Grade of one reading. Wire value and column value alike."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    MISSING = 3
    """No value was ever reported, or the source reported that it has none. Never shown as zero."""


QUALITY_WORDS: dict[Quality, str] = {
    Quality.GOOD: N_("good"),
    Quality.UNCERTAIN: N_("uncertain"),
    Quality.BAD: N_("bad"),
    Quality.MISSING: N_("no value"),
}
