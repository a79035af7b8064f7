"""Who hears of an alert that nobody acknowledges: it gets louder, goes to the next role, then to the next level of government.

Pure: it is stepped with the time, and only says which alerts have come how far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import Millis
from app.domain.rule import Escalation
from app.live.alerts import RETURNED, UNACKNOWLEDGED, AlertStore

KNOWN_MS = 3_000
"""An alert that came less long ago was not waited for here."""


class Escalations:
    """Follows the alerts of one store. Loop thread only; a step is a few passes over one column."""

    def __init__(self, alerts: AlertStore, steps: Sequence[Escalation]) -> None:
        self._alerts = alerts
        self.steps = tuple(steps)
        """May be changed while it runs, since rules are reloaded."""

    def step(self, now: Millis) -> NDArray[np.int64]:
        """Bring the store's levels up to date; the rows that have come further while the desk knew them, the worst first. What had come so
        far when the desk first heard of it is no news to those it has gone to."""
        alerts = self._alerts
        state, level = alerts.state, alerts.level
        waiting = (state == UNACKNOWLEDGED) | (state == RETURNED)
        done = np.flatnonzero(~waiting & (level > 0))
        if len(done):
            alerts.escalate(done, np.zeros(len(done), dtype=np.int8))
        rows = np.flatnonzero(waiting)
        reached = np.zeros(len(rows), dtype=np.int8)
        age, severity = now - alerts.at[rows], alerts.severity[rows]
        for step in self.steps:
            for after in step.after_ms:
                reached += (severity == int(step.severity)) & (age >= after)
        changed = reached != level[rows]
        if not changed.any():
            return rows[:0]
        further = rows[(reached > level[rows]) & (alerts.came[rows] <= now - KNOWN_MS)]
        alerts.escalate(rows[changed], reached[changed])
        return further[np.argsort(alerts.severity[further], kind="stable")]
