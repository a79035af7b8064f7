"""What happens to the city: storms, jams, leaks. Each has an intensity (0…1) by area and time; values and alerts follow from it.

Phenomena are named by the city pack; this module knows none by name.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AreaCode

Matrix = NDArray[np.float64]


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One phenomenon coming and going in one or more areas. Times in UTC ms, lengths in ms."""

    phenomenon: str
    peaks: dict[AreaCode, float]
    start: int
    ramp: int
    hold: int
    fall: int

    @property
    def end(self) -> int:
        """When nothing is left of it."""
        return self.start + self.ramp + self.hold + self.fall

    def strength(self, now: int) -> float:
        """Share of its peak at `now`, 0…1."""
        since = now - self.start
        if since <= 0 or now >= self.end:
            return 0.0
        if since < self.ramp:
            return since / self.ramp
        if since < self.ramp + self.hold:
            return 1.0
        return (self.end - now) / max(1, self.fall)


class Phenomena:
    """All that is happening now, as a matrix of intensities."""

    def __init__(self, names: tuple[str, ...], areas: tuple[AreaCode, ...], shares: dict[AreaCode, float], root: AreaCode) -> None:
        """`shares`: each area's part of the whole city, from which the city's own intensity follows."""
        self.names = names
        self._column = {name: index for index, name in enumerate(names)}
        self._row = {area: index for index, area in enumerate(areas)}
        self._root = self._row[root]
        self._shares = np.array([0.0 if area == root else shares.get(area, 0.0) for area in areas])
        self._happening: list[Occurrence] = []

    def begin(self, occurrence: Occurrence) -> None:
        """Let it happen; unknown names and areas have no effect on values."""
        self._happening.append(occurrence)

    def intensity(self, now: int, *, forget: bool = True) -> Matrix:
        """Intensity by (area, phenomenon) at `now`. The city's row is the mean of its areas by weight. `forget`: drop what is over."""
        matrix = np.zeros((len(self._row), len(self.names)))
        if forget:
            self._happening = [occurrence for occurrence in self._happening if occurrence.end > now]
        for occurrence in self._happening:
            column = self._column.get(occurrence.phenomenon)
            strength = occurrence.strength(now)
            if column is None or not strength:
                continue
            for area, peak in occurrence.peaks.items():
                row = self._row.get(area)
                if row is not None:
                    # Two of a kind in one place do not add up to more than the worse and a little.
                    matrix[row, column] = min(1.0, max(matrix[row, column], peak * strength) + 0.2 * min(matrix[row, column], peak * strength))
        matrix[self._root] = np.maximum(matrix[self._root], self._shares @ matrix)
        return matrix
