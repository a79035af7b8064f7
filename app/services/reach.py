"""Which alerts concern a seat: those of its operator's areas, or of the whole city where the operator has none. Changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AreaCode
from app.live.alerts import AlertStore

Areas = tuple[AreaCode, ...]
Covers = Callable[[AreaCode, AreaCode], bool]
"""(mine, area) → whether `area` is `mine` or part of it."""


def whole_city() -> Areas:
    """No area named: everything concerns the seat."""
    return ()


class Reach:
    """A seat's part of the store. Loop thread only."""

    def __init__(self, alerts: AlertStore, areas: Callable[[], Areas] = whole_city, covers: Covers = operator.eq) -> None:
        """`areas`: asked each time, since operators come and go; empty: the whole city. `covers`: how codes nest."""
        self._alerts = alerts
        self._areas = areas
        self._covers = covers
        self._known: tuple[Areas, NDArray[np.bool_]] = ((), np.empty(0, dtype=np.bool_))

    @property
    def areas(self) -> Areas:
        """The areas as they are now; empty: the whole city."""
        return self._areas()

    def mine(self) -> NDArray[np.bool_] | None:
        """For each number of the store's areas whether it concerns the seat; None: every one does."""
        areas = self._areas()
        if not areas:
            return None
        known, numbers = self._alerts.areas.values, self._known[1]
        if self._known[0] != areas or len(numbers) != len(known):
            numbers = np.array([any(self._covers(mine, area) for mine in areas) for area in known], dtype=np.bool_)
            self._known = (areas, numbers)
        return numbers

    def only(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `rows` that concern the seat, in the same order."""
        mine = self.mine()
        return rows if mine is None else rows[mine[self._alerts.area[rows]]]
