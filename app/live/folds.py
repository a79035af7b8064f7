"""What belongs together: raises of the same point fold into one row, and alerts of one cause form a group.

A point is one kind of alert at one place (or series). It chatters when it is raised three times within a minute.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AlertKindId, AreaCode, Millis
from app.live.columns import Columns

CHATTER_COUNT = 3
CHATTER_MS = 60_000
"""CHATTER_COUNT raises within it are chatter; usual, see Folds.chatter_ms."""
_PAIR = 2
QUIET_MS = 600_000
"""A point that was silent for so long begins to count anew."""
_GENERATIONS = 4
"""Kinds that are looked back over for what brought an alert about."""
_Chain = tuple[AlertKindId, ...]


class Folds:
    """Points by number. Columns, one value a point: `count` raises since it was last quiet, `first` and `last` of them (UTC ms), `chatter`
    when it last raised so often as to chatter (UTC ms, 0: never)."""

    def __init__(self) -> None:
        self._number: dict[Hashable, int] = {}
        self._columns = Columns(dict.fromkeys(("first", "last", "before", "chatter"), (np.int64, 0)) | {"count": (np.int32, 0)})
        self.chatter_ms = CHATTER_MS
        """Three raises within it are chatter; may be changed while it runs, since rules are reloaded."""

    def __len__(self) -> int:
        return len(self._columns)

    def __getattr__(self, name: str) -> NDArray[np.int64]:
        """`count`, `first`, `last`, `chatter`."""
        if name in ("count", "first", "last", "chatter"):
            return self._columns.shown(name)
        raise AttributeError(name)

    def of(self, points: Sequence[Hashable]) -> list[int]:
        """The numbers of `points`."""
        known, found = self._number, list[int]()
        for point in points:
            number = known.get(point)
            if number is None:
                number = known[point] = self._columns.add(1)[0]
            found.append(number)
        return found

    def raised(self, raises: Iterable[tuple[int, int]]) -> None:
        """Points were raised: (number, UTC ms) each. Times may come in any order; what was before a point was last quiet counts no more."""
        cells = self._columns.cells
        count, first, last, before, chatter = (cells(name) for name in ("count", "first", "last", "before", "chatter"))
        for fold, at in raises:
            newest = last[fold]
            if not count[fold] or at - newest > QUIET_MS:
                count[fold], first[fold], last[fold], before[fold] = 1, at, at, at
                continue
            began, second = first[fold], before[fold]
            if at < began:
                if began - at > QUIET_MS:
                    continue
                first[fold] = at
            count[fold] += 1
            if at >= newest:
                last[fold], before[fold], oldest = at, newest, second
            elif at > second or count[fold] == _PAIR:
                before[fold], oldest = at, second
            else:
                oldest = at
            if count[fold] > _PAIR and last[fold] - oldest <= self.chatter_ms:
                chatter[fold] = last[fold]

    def chattering(self, now: Millis) -> NDArray[np.bool_]:
        """For each point whether it chatters at `now`."""
        return self._columns["chatter"] > now - self.chatter_ms

    def chattering_at(self, fold: int, now: Millis) -> bool:
        """The same of one point."""
        return bool(self._columns["chatter"][fold] > now - self.chatter_ms)


class Groups:
    """Finds the likely cause of an alert whose source names none: the newest alert of a kind that the pack says brings it about, in the same
    area, not long before."""

    WINDOW_MS = 3_600_000

    def __init__(self, causes: Mapping[AlertKindId, AlertKindId | None]) -> None:
        self._chains = {kind: self._chain(kind, causes) for kind, cause in causes.items() if cause is not None}
        self._newest: dict[tuple[AlertKindId, AreaCode], int] = {}
        self._behind = frozenset(cause for cause in causes.values() if cause is not None)
        self.kin = self._behind | self._chains.keys()
        """Kinds that bring others about, or are brought about."""

    def seen(self, kind: AlertKindId, area: AreaCode, row: int) -> None:
        """Remember the newest alert of a kind that can bring others about."""
        if kind in self._behind:
            self._newest[kind, area] = row

    def likely_causes(self, kind: AlertKindId, area: AreaCode) -> list[int]:
        """Rows that may have brought an alert of `kind` in `area` about, the nearest cause first."""
        newest = self._newest
        return [row for cause in self._chains.get(kind, ()) if (row := newest.get((cause, area))) is not None]

    def _chain(self, kind: AlertKindId, causes: Mapping[AlertKindId, AlertKindId | None]) -> _Chain:
        found: list[AlertKindId] = []
        while len(found) < _GENERATIONS and (cause := causes.get(kind)) is not None:
            found.append(cause)
            kind = cause
        return tuple(found)
