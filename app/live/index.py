"""Which row an id has. A dict of a million would spend 74 bytes an entry, most of it on numbers as objects; this spends about nine.

Open addressing over row numbers, with Python's own hash, which outsiders cannot foresee. It lies in many small tables, each of which grows by
itself: none of them ever makes the loop wait.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from app.domain.ids import AlertId

_TABLES = 256
_SHIFT = 8
"""Bits of the hash that choose the table; the others choose the place in it."""
_FIRST_ROOM = 16


class RowIndex:
    """Ids in the order in which they came, and the way back. Nothing is ever taken out."""

    def __init__(self) -> None:
        self.ids: list[AlertId] = []
        self._tables = [array("I", [0] * _FIRST_ROOM) for _ in range(_TABLES)]
        """Row + 1; 0: free."""
        self._used = [0] * _TABLES

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, alert: AlertId) -> int:
        """Its row, -1 where it never came."""
        code = hash(alert)
        table = self._tables[code & (_TABLES - 1)]
        mask = len(table) - 1
        place = (code >> _SHIFT) & mask
        ids = self.ids
        while held := table[place]:
            if ids[held - 1] == alert:
                return held - 1
            place = (place + 1) & mask
        return -1

    def take(self, alerts: Iterable[AlertId]) -> list[int]:
        """The rows of ids; those that are new get the next ones."""
        ids, tables, rows = self.ids, self._tables, list[int]()
        for alert in alerts:
            code = hash(alert)
            which = code & (_TABLES - 1)
            table = tables[which]
            mask = len(table) - 1
            place = (code >> _SHIFT) & mask
            while (held := table[place]) and ids[held - 1] != alert:
                place = (place + 1) & mask
            if not held:
                ids.append(alert)
                table[place] = held = len(ids)
                used = self._used[which] = self._used[which] + 1
                if used * 5 > len(table) * 3:
                    tables[which] = self._grown(table)
            rows.append(held - 1)
        return rows

    def _grown(self, table: array[int]) -> array[int]:
        larger = array("I", bytes(2 * table.itemsize * len(table)))
        mask, ids = len(larger) - 1, self.ids
        for held in table:
            if held:
                place = (hash(ids[held - 1]) >> _SHIFT) & mask
                while larger[place]:
                    place = (place + 1) & mask
                larger[place] = held
        return larger
