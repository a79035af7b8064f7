"""One Qt model for every live list: rows are integer keys in an order that somebody else decides, shown with the fewest signals.

No proxy, no work in data(): sorting and filtering happen before, in numpy, and the model only tells the view what moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from widgets.tooltip import as_text

FACE_ROLE = int(Qt.ItemDataRole.UserRole) + 1
KEY_ROLE = int(Qt.ItemDataRole.UserRole) + 2
MAX_RUNS = 64
"""More separate insertions than this in one frame and a reset is cheaper for the view."""

AnyIndex = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class RowModel(QAbstractListModel):
    """A list of keys. `face` draws a key for the delegate, `say` puts it in words for accessibility and copying."""

    def __init__(self, face: Callable[[int], object], say: Callable[[int], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._face = face
        self._say = say
        self._keys: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @property
    def keys(self) -> NDArray[np.int64]:
        """The keys shown, in order. Do not change them."""
        return self._keys

    def key(self, row: int) -> int | None:
        """The key at `row`, None outside."""
        return int(self._keys[row]) if 0 <= row < len(self._keys) else None

    def row_of(self, key: int) -> int:
        """The row of `key`, -1 where it is not shown."""
        found = np.flatnonzero(self._keys == key)
        return int(found[0]) if len(found) else -1

    def show(self, keys: NDArray[np.int64], changed: Iterable[int] = ()) -> None:
        """Show `keys` in this order; `changed` names keys whose content differs although their place may not."""
        old = self._keys
        fresh: NDArray[np.int64] = keys[:0]
        if not np.array_equal(old, keys):
            first, last = _alike(old, keys)
            middle_old, middle_new = old[first : len(old) - last], keys[first : len(keys) - last]
            kept_old, kept_new = np.isin(middle_old, middle_new), np.isin(middle_new, middle_old)
            gone, come = _runs(~kept_old, first), _runs(~kept_new, first)
            fresh = middle_new[~kept_new]
            if np.array_equal(middle_old[kept_old], middle_new[kept_new]) and len(gone) + len(come) <= MAX_RUNS:
                self._remove(gone)
                self._insert(keys, come)
            elif len(old) == len(keys) and kept_old.all():
                self._reorder(keys)
            else:
                self.beginResetModel()
                self._keys = keys
                self.endResetModel()
                return
        self._tell_changed(changed, fresh)

    def rowCount(self, parent: AnyIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._keys)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        key = self.key(index.row())
        if key is None or not index.isValid():
            return None
        if role == FACE_ROLE:
            return self._face(key)
        if role == KEY_ROLE:
            return key
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._say(key)
        if role == Qt.ItemDataRole.ToolTipRole:
            return as_text(self._say(key))
        return None

    def _remove(self, runs: list[tuple[int, int]]) -> None:
        for first, last in reversed(runs):
            self.beginRemoveRows(_ROOT, first, last)
            self._keys = np.delete(self._keys, slice(first, last + 1))
            self.endRemoveRows()

    def _insert(self, keys: NDArray[np.int64], runs: list[tuple[int, int]]) -> None:
        for first, last in runs:
            self.beginInsertRows(_ROOT, first, last)
            done = (first, last) == runs[-1]
            self._keys = keys if done else np.insert(self._keys, first, keys[first : last + 1])
            self.endInsertRows()

    def _reorder(self, keys: NDArray[np.int64]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        place = {int(k): row for row, k in enumerate(keys)} if before else {}
        after = [self.index(place[int(self._keys[i.row()])], 0) for i in before]
        self._keys = keys
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _tell_changed(self, changed: Iterable[int], fresh: NDArray[np.int64]) -> None:
        """`fresh` keys have just been inserted: nobody has seen their old content."""
        rest = np.fromiter(changed, dtype=np.int64)
        if len(fresh) and len(rest):
            rest = rest[~np.isin(rest, fresh)]
        if not len(rest):
            return
        for first, last in _runs(_among(self._keys, rest)):
            self.dataChanged.emit(self.index(first, 0), self.index(last, 0))


def _alike(old: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[int, int]:
    """How many keys are the same at the beginning and, of the rest, at the end: what changed is mostly a few rows of very many."""
    room = min(len(old), len(keys))
    differs = old[:room] != keys[:room]
    first = int(differs.argmax()) if room and differs.any() else room
    room -= first
    differs = old[len(old) - room :][::-1] != keys[len(keys) - room :][::-1]
    return first, int(differs.argmax()) if room and differs.any() else room


def _among(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """np.isin, at one look a key where keys are row numbers."""
    if not len(keys) or keys.min() < 0 or wanted.min() < 0 or (highest := int(keys.max())) > 8 * len(keys) + MAX_RUNS:
        return np.isin(keys, wanted)
    table = np.zeros(highest + 1, dtype=np.bool_)
    table[wanted[wanted <= highest]] = True
    return table[keys]


def _runs(mask: NDArray[np.bool_], offset: int = 0) -> list[tuple[int, int]]:
    """(first, last) of each run of True, counted from `offset`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))) + offset
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
