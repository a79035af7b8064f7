"""The alarm rate against ISA-18.2: about 1 alarm in 10 minutes is quiet, more than 10 is a flood until it falls below 5."""

from __future__ import annotations

from enum import StrEnum

from app.domain.ids import Millis
from app.domain.text import N_
from app.live.alerts import AlertStore

WINDOW_MS = 600_000
FLOOD_ENTRY = 10
FLOOD_EXIT = 5
QUIET = 1


class Load(StrEnum):
    """How much an operator is asked to take in."""

    QUIET = "quiet"
    BUSY = "busy"
    FLOOD = "flood"


LOAD_WORDS: dict[Load, str] = {Load.QUIET: N_("quiet"), Load.BUSY: N_("busy"), Load.FLOOD: N_("flood")}


class AlarmRate:
    """Remembers whether a flood is on, since leaving one takes a lower rate than entering it."""

    def __init__(self, alerts: AlertStore) -> None:
        self._alerts = alerts
        self._flood = False

    def read(self, now: Millis) -> tuple[int, Load]:
        """(alerts raised in the last 10 minutes, what that means)."""
        rate = self._alerts.raised_since(Millis(now - WINDOW_MS))
        self._flood = rate >= FLOOD_EXIT if self._flood else rate > FLOOD_ENTRY
        if self._flood:
            return rate, Load.FLOOD
        return rate, Load.QUIET if rate <= QUIET else Load.BUSY
