"""What changed since the last frame. Panels get one of these a frame and take what concerns them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AlertId, CaseId


class Topic(Flag):
    """What a panel can need."""

    SERIES = auto()
    ALERT = auto()
    CASE = auto()
    UNIT = auto()
    CAMERA = auto()
    LINK = auto()
    SECOND = auto()
    """Once a second, whether anything changed or not: ages and clocks."""
    ACTION = auto()
    """A command's state changed, or the activity log grew."""

    @classmethod
    def nothing(cls) -> Topic:
        return cls(0)


_NO_ROWS: NDArray[np.int32] = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """One frame's changes. `series` holds sorted store indices; `alerts` and `cases` ids, in the order of their first change."""

    topics: Topic = field(default_factory=Topic.nothing)
    series: NDArray[np.int32] = field(default_factory=lambda: _NO_ROWS)
    alerts: tuple[AlertId, ...] = ()
    cases: tuple[CaseId, ...] = ()

    def merged(self, later: ChangeSet) -> ChangeSet:
        """This change followed by `later`, for a panel that was hidden meanwhile."""
        return ChangeSet(
            self.topics | later.topics,
            np.union1d(self.series, later.series).astype(np.int32, copy=False),
            tuple(dict.fromkeys(self.alerts + later.alerts)),
            tuple(dict.fromkeys(self.cases + later.cases)),
        )
