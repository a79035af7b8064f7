"""The alarm rate of a seat against ISA-18.2: about 1 alarm in 10 minutes is quiet, more than 10 is a flood until fewer than 5.

What was put aside does not load anybody and is not counted: a shelf that takes the noise away also ends the flood that it made.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import Millis
from app.domain.rule import AlarmLoad
from app.domain.text import N_
from app.live.alerts import CLEARED, AlertStore
from app.services.reach import Areas, Reach

STANDARD = AlarmLoad()
"""The standard's own figures, for a city that says nothing else."""


class Load(StrEnum):
    """How much an operator is asked to take in."""

    QUIET = "quiet"
    BUSY = "busy"
    FLOOD = "flood"


LOAD_WORDS: dict[Load, str] = {Load.QUIET: N_("quiet"), Load.BUSY: N_("busy"), Load.FLOOD: N_("flood")}


class AlarmRate:
    """Remembers whether a flood is on, since leaving one takes a lower rate than entering it. Loop thread only."""

    def __init__(self, alerts: AlertStore, figures: AlarmLoad = STANDARD, reach: Reach | None = None) -> None:
        """`reach`: whose rate it is; None: the whole city's."""
        self._alerts = alerts
        self._reach = reach or Reach(alerts)
        self.figures = figures
        """May be changed while it runs, since rules are reloaded."""
        self.flood = False

    @property
    def areas(self) -> Areas:
        """Whose rate it is; empty: the whole city's."""
        return self._reach.areas

    def rows(self, since: Millis) -> NDArray[np.int64]:
        """Rows of the seat's alerts that began after `since` and are not put aside. A source's clock may be ahead: what came has begun."""
        rows = np.flatnonzero(self._alerts.at > since)
        # The states up to CLEARED are those of the queue and what has left it in the ordinary way.
        return self._reach.only(rows[self._alerts.state[rows] <= CLEARED])

    def read(self, now: Millis) -> tuple[int, Load]:
        """(alerts raised in the window that ends now, what that means). One pass over one column: about a millisecond for a million."""
        rate = len(self.rows(Millis(now - self.figures.window_ms)))
        self.flood = rate >= self.figures.flood_exit if self.flood else rate > self.figures.flood_entry
        if self.flood:
            return rate, Load.FLOOD
        return rate, Load.QUIET if rate <= self.figures.quiet else Load.BUSY
