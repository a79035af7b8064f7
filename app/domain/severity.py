"""The one severity table. The national four colours (GB/T: 红 橙 黄 蓝); shape, digit, colour token and word all derive from it."""

from __future__ import annotations

from enum import IntEnum

from app.domain.text import N_


class Severity(IntEnum):
    """1 is the worst. Wire value and sort key alike."""

    EXTREME = 1
    SEVERE = 2
    MODERATE = 3
    MINOR = 4


SEVERITY_WORDS: dict[Severity, str] = {
    Severity.EXTREME: N_("extreme"),
    Severity.SEVERE: N_("severe"),
    Severity.MODERATE: N_("moderate"),
    Severity.MINOR: N_("minor"),
}
