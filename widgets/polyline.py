"""numpy to Qt geometry without a Python object a point: a thousand lines a frame are only affordable this way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPolygonF
from shiboken6 import VoidPtr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def polygon(x: Floats, y: Floats) -> QPolygonF:
    """The points (x[i], y[i]) as a QPolygonF. Both of one length; no NaN."""
    count = len(x)
    made = QPolygonF()
    if not count:
        return made
    made.resize(count)
    # QPolygonF is a contiguous array of two doubles a point, so one copy fills it.
    # To the type checker shiboken's pointer has no buffer; to Python it has.
    buffer = cast("memoryview[int]", VoidPtr(made.data(), count * 16, True))  # pyright: ignore[reportCallIssue]
    memory = np.frombuffer(buffer, np.float64).reshape(-1, 2)
    memory[:, 0] = x
    memory[:, 1] = y
    return made


def runs(present: Bools) -> Iterator[tuple[int, int]]:
    """The half-open ranges in which `present` is true: the stretches of a line between its gaps."""
    padded = np.concatenate(([False], present, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    for i in range(0, len(edges), 2):
        yield int(edges[i]), int(edges[i + 1])
