"""Every alert that the desk knows. The facts that sorting and filtering need are numpy columns; the records lie beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.domain.alert import Alert, AlertState
from app.domain.ids import AlertId, Millis

STATES = list(AlertState)
_UNACKNOWLEDGED = {STATES.index(AlertState.UNACKNOWLEDGED), STATES.index(AlertState.RETURNED)}


class AlertStore:
    """Alerts by id and by row. Rows are never reused while the desk runs, so that a row number stays good."""

    def __init__(self) -> None:
        self._row: dict[AlertId, int] = {}
        self._records: list[Alert] = []
        self._severity = np.zeros(1024, dtype=np.int8)
        self._state = np.zeros(1024, dtype=np.int8)
        self._at = np.zeros(1024, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, alert: AlertId) -> Alert:
        return self._records[self._row[alert]]

    def get(self, alert: AlertId | None) -> Alert | None:
        row = self._row.get(alert) if alert is not None else None
        return None if row is None else self._records[row]

    def at_row(self, row: int) -> Alert:
        return self._records[row]

    def row_of(self, alert: AlertId) -> int:
        return self._row[alert]

    def __iter__(self):
        return iter(self._records)

    @property
    def severity(self) -> NDArray[np.int8]:
        return self._severity[: len(self._records)]

    @property
    def state(self) -> NDArray[np.int8]:
        """Index into STATES."""
        return self._state[: len(self._records)]

    @property
    def at(self) -> NDArray[np.int64]:
        """Event time, UTC ms."""
        return self._at[: len(self._records)]

    def put(self, alert: Alert) -> None:
        """Take an alert's newest state."""
        row = self._row.get(alert.id)
        if row is None:
            row = len(self._records)
            self._row[alert.id] = row
            self._records.append(alert)
            if row >= len(self._severity):
                self._grow()
        else:
            self._records[row] = alert
        self._severity[row] = alert.severity
        self._state[row] = STATES.index(alert.state)
        self._at[row] = alert.at

    def order(self) -> NDArray[np.int64]:
        """Rows of the standing queue: everything not cleared, unacknowledged before acknowledged, worst first, oldest first within."""
        state = self.state
        rows = np.flatnonzero(state != STATES.index(AlertState.CLEARED))
        quiet = state[rows] == STATES.index(AlertState.ACKNOWLEDGED)
        return rows[np.lexsort((self.at[rows], self.severity[rows], quiet))]

    def standing(self) -> NDArray[np.int64]:
        """Number of alerts not cleared, by severity 1…4 (index 0 is unused)."""
        rows = self.state != STATES.index(AlertState.CLEARED)
        return np.bincount(self.severity[rows], minlength=5)

    def unacknowledged(self) -> int:
        return int(np.isin(self.state, list(_UNACKNOWLEDGED)).sum())

    def raised_since(self, since: Millis) -> int:
        """How many alerts began after `since`: the alarm rate's numerator."""
        return int(np.count_nonzero(self.at > since))

    def _grow(self) -> None:
        for name in ("_severity", "_state", "_at"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate((old, np.zeros_like(old))))
