"""What the bars show of the present, read from the hub in one go. Columns only: it must cost the same with a million alerts as with ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.alert import Alert, AlertState
from app.domain.ids import Millis
from app.live.alerts import STATES, AlertStore
from app.live.hub import Hub

HOUR_MS = 3_600_000
_UNACKNOWLEDGED, _RETURNED = STATES.index(AlertState.UNACKNOWLEDGED), STATES.index(AlertState.RETURNED)
_MOST_MARKS = 4_000


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """Cases that somebody still has to do something about."""

    open: int
    overdue: int


def standing(alerts: AlertStore) -> tuple[int, int, int, int]:
    """Alerts not cleared, by severity 1…4."""
    counts = alerts.standing()
    return int(counts[1]), int(counts[2]), int(counts[3]), int(counts[4])


def case_counts(hub: Hub, now: Millis) -> CaseCounts:
    """Open cases, and those whose stage is past its limit."""
    open_cases = [case for case in hub.cases.values() if not case.ended]
    return CaseCounts(len(open_cases), sum(case.due_at is not None and case.due_at < now for case in open_cases))


def worst_waiting(alerts: AlertStore, count: int) -> list[Alert]:
    """The worst alerts that nobody has acknowledged; of equals, the newest first."""
    waiting = (alerts.state == _UNACKNOWLEDGED) | (alerts.state == _RETURNED)
    found: list[Alert] = []
    for severity in (1, 2, 3, 4):
        rows = np.flatnonzero(waiting & (alerts.severity == severity))
        wanted = count - len(found)
        if len(rows) > wanted:
            rows = rows[np.argpartition(alerts.at[rows], -wanted)[-wanted:]]
        rows = rows[np.argsort(-alerts.at[rows])]
        found.extend(alerts.at_row(int(row)) for row in rows)
        if len(found) >= count:
            break
    return found


def last_hour(alerts: AlertStore, now: Millis) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(UTC ms, severity) of the alerts that began in the last hour; in a storm a sample of the milder ones, and all of the worst."""
    rows = np.flatnonzero(alerts.at > now - HOUR_MS)
    if len(rows) > _MOST_MARKS:
        order = np.argsort(alerts.severity[rows], kind="stable")
        rows = rows[order][:_MOST_MARKS]
    return alerts.at[rows], alerts.severity[rows]
