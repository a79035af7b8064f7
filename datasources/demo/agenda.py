"""What the demo city has decided to do later. Ordered by simulated time, then by the order of deciding, so that a run can be repeated."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Deed = Callable[[int], None]
"""Called with the simulated time (UTC ms) for which it was planned or later."""


class Agenda:
    """A queue of deeds by time. It never looks at a clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Deed]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def plan(self, at: float, deed: Deed) -> None:
        """Do `deed` in the first step that is not before `at` (UTC ms)."""
        self._count += 1
        heapq.heappush(self._heap, (int(at), self._count, deed))

    def run(self, now: int) -> None:
        """Do everything that is due, including what those deeds plan for now."""
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2](now)
