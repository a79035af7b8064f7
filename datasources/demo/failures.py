"""Feeds of the demo city that do not work as they should, as some never do: stopped, without a value at times, doubtful, never there.

A desk has to show each of these as what it is. Which series fail follows from the seed; values themselves are not touched.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import SeriesId
from app.domain.quality import Quality

if TYPE_CHECKING:
    from app.citypack import CityPack

STOPPED = 5
MISSING = 2
FLAKY = 3
DOUBTFUL = 4
_FLAKY_MS = 150_000
_FLAKY_GAP_MS = 45_000


class Failures:
    """Which series fail, and how, as columns in the order of the pack's series."""

    def __init__(self, pack: CityPack, series: tuple[SeriesId, ...], seed: int) -> None:
        rng = random.Random(f"failures {seed}")
        indicators = list(pack.indicators.values())
        headline = {i.id for i in indicators if i.headline}
        pairs = [name.rsplit("@", 1) for name in series]
        quiet = [row for row, (name, area) in enumerate(pairs) if area != pack.root and name not in headline]
        district_headlines = [row for row, (name, area) in enumerate(pairs) if area != pack.root and name in headline]
        late = max((i for i in indicators if i.headline), key=lambda i: i.headline, default=None)
        top = [row for row, (name, area) in enumerate(pairs) if late is not None and name == late.id and area == pack.root]
        chosen = rng.sample(quiet, min(len(quiet), STOPPED + MISSING + FLAKY + DOUBTFUL))
        self._rng = rng
        self.stopped: NDArray[np.bool_] = np.zeros(len(series), dtype=np.bool_)
        self._grade = np.zeros(len(series), dtype=np.int64)
        self._phase = np.full(len(series), -1, dtype=np.int64)
        self._missing = chosen[STOPPED : STOPPED + MISSING]
        stopped = chosen[:STOPPED] + rng.sample(district_headlines, min(1, len(district_headlines)))
        self.stopped[stopped + self._missing] = True
        self._grade[self._missing] = Quality.MISSING
        flaky = chosen[STOPPED + MISSING : STOPPED + MISSING + FLAKY]
        for row in flaky:
            self._phase[row] = rng.randrange(_FLAKY_MS)
        self._grade[chosen[STOPPED + MISSING + FLAKY :] + top] = Quality.UNCERTAIN

    def last_report(self, last: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """When each series last reported, given when it would have: stopped ones did so 4 to 50 minutes before `now` (UTC ms)."""
        at = last.copy()
        for row in np.flatnonzero(self.stopped).tolist():
            at[row] = now - self._rng.randrange(4 * 60_000, 50 * 60_000)
        return at

    def quality(self, now: int) -> NDArray[np.int64]:
        """The grade (app.domain.quality.Quality) of a report at `now`; BAD and MISSING ones carry no value."""
        out = (self._phase >= 0) & ((now + self._phase) % _FLAKY_MS < _FLAKY_GAP_MS)
        return np.where(out, int(Quality.BAD), self._grade)
