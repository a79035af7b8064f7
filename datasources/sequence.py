"""Puts the messages of one wire source in order: holds early ones back, drops duplicates, notices losses. Pure: no clock, no I/O.

Nothing that arrived is ever thrown away for being early: what is held is delivered when the hole before it is filled, when a snapshot
covers it, or when waiting has lasted too long (then the hole is remembered, and what belongs into it is still taken, late).
Times are seconds of any one monotonic clock, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

from datasources.protocol import BatchMessage

NOTHING = -1
"""Asked for as "what came after": no number of any source, so that only a snapshot can answer it."""
MAX_HOLES = 64
MAX_OLD_IN_A_ROW = 1_000
"""So many old numbers and nothing new: one wrong number must not make a source mute for ever."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how much to wait for what is missing. Seconds and counts."""

    reorder_s: float = 0.25
    """A message out of its turn is waited for so long before it counts as lost."""
    reorder_messages: int = 8
    """More early messages than this, and the missing one counts as lost at once."""
    resync_s: float = 3.0
    """How long a resync (or a snapshot that has begun) may take until it is asked for again."""
    tries: int = 3
    held_rows: int = 200_000
    """Most records held back; beyond it they are delivered over the hole."""


class _Assembly:
    """The parts and pieces that together are one numbered message; given out in their order."""

    __slots__ = ("_items", "_next", "_parts", "_pieces", "done")

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._items: dict[tuple[int, int], BatchMessage] = {}
        self._pieces: dict[int, int] = {}
        self._next = (1, 1)
        self.done = False

    def add(self, message: BatchMessage) -> bool:
        """Whether the piece is new."""
        key = (message.part, message.piece)
        if self.done or key < self._next or key in self._items:
            return False
        self._pieces.setdefault(message.part, message.pieces)
        self._items[key] = message
        return True

    def ready(self) -> list[BatchMessage]:
        """The pieces whose turn has come, each only once."""
        out: list[BatchMessage] = []
        while (message := self._items.pop(self._next, None)) is not None:
            out.append(message)
            part, piece = self._next
            self._next = (part, piece + 1) if piece < self._pieces[part] else (part + 1, 1)
            if self._next[0] > self._parts:
                self.done = True
                break
        return out

    def rest(self) -> list[BatchMessage]:
        """All that is here, in order, whatever is missing between."""
        return [self._items[key] for key in sorted(self._items)]


def rows_of(message: BatchMessage) -> int:
    """Records of all kinds in a message."""
    readings = 0 if message.readings is None else len(message.readings.series)
    records = len(message.alerts) + len(message.cases) + len(message.units) + len(message.fixes) + len(message.cameras) + len(message.shelves)
    return readings + len(message.history) + records


def is_first(message: BatchMessage) -> bool:
    """Whether a snapshot begins with it."""
    return message.snapshot and message.part == 1 and message.piece == 1


def is_last(message: BatchMessage) -> bool:
    """Whether nothing more of the same snapshot follows. True for everything that is not a snapshot."""
    return not message.snapshot or (message.part == message.parts and message.piece == message.pieces)


class Sequence:
    """The order of one source. `take` and `tick` return what may be delivered now, in order."""

    def __init__(self, patience: Patience) -> None:
        self.last: int | None = None
        """Newest number up to which everything is delivered; None before the first snapshot."""
        self.duplicates = 0
        self.gaps = 0
        self.hopeless = False
        """A snapshot cannot be completed by asking again: only a new connection helps."""
        self.patience = patience
        """May be replaced at any time."""
        self._fresh = True
        self._held: dict[int, _Assembly] = {}
        self._held_rows = 0
        self._snapshot: _Assembly | None = None
        self._snapshot_seq = 0
        self._newest = 0
        self._behind = 0
        self._old_in_a_row = 0
        self._holes: list[tuple[int, int]] = []
        self._since: float | None = None
        self._tries = 0

    def reconnected(self) -> None:
        """A new connection: what was held comes again, and the source may have begun to count anew."""
        if self.hopeless:
            self.last = None
        self.hopeless = False
        self._fresh = True
        self._forget_waiting()

    def take(self, message: BatchMessage, at: float) -> list[BatchMessage]:
        """One message came at `at` (seconds). What may be delivered now."""
        if message.snapshot:
            return self._take_snapshot(message, at)
        seq = message.seq
        if self.last is not None and seq <= self.last:
            if not self._fresh and any(low <= seq <= high for low, high in self._holes):
                return [message]
            self.duplicates += 1
            self._old_in_a_row += 1
            if self._old_in_a_row > MAX_OLD_IN_A_ROW:
                self._count_anew(at)
            return []
        self._old_in_a_row = 0
        if seq - 1 == self.last and self._snapshot is None and not self._held and message.parts == message.pieces == 1:
            self.last = seq  # by far the usual case
            self._fresh = False
            if self._since is not None:
                self._since = None
                self._settle(at)
            return [message]
        assembly = self._held.get(seq)
        if assembly is None:
            assembly = self._held[seq] = _Assembly(message.parts)
        if not assembly.add(message):
            self.duplicates += 1
            return []
        self._held_rows += rows_of(message)
        return self._release(at)

    def seen(self, seq: int, at: float) -> None:
        """The source says that its newest number is `seq`."""
        if self.last is not None and seq < self.last:
            self._behind += 1
            if self._behind >= 2:  # twice in a row is no reordering: the source counts anew
                self._count_anew(at)
        else:
            self._behind = 0
        self._newest = seq
        if self._waiting and self._since is None:
            self._since = at

    def tick(self, at: float) -> tuple[list[BatchMessage], int | None]:
        """What to deliver because waiting is over, and the number after which to ask for a resync, if it is time to."""
        if self._since is None:
            return [], None
        if self._held_rows > self.patience.held_rows:
            return self._give_up(), None
        starting = self._snapshot is not None or self.last is None
        limit = self.patience.resync_s if self._tries or starting else self.patience.reorder_s
        crowded = not self._tries and not starting and len(self._held) > self.patience.reorder_messages
        if at - self._since < limit and not crowded:
            return [], None
        if self._tries >= self.patience.tries:
            return self._give_up(), None
        if self._tries == 0:
            self.gaps += 1
        self._tries += 1
        self._since = at
        return [], NOTHING if starting or self.last is None else self.last

    @property
    def _waiting(self) -> bool:
        return bool(self._held) or self._snapshot is not None or self._newest > (self.last or 0)

    def _take_snapshot(self, message: BatchMessage, at: float) -> list[BatchMessage]:
        old = self.last is not None and message.seq <= self.last and not self._fresh
        if self._snapshot is not None and message.seq != self._snapshot_seq:
            old = message.seq < self._snapshot_seq and not self._fresh
        if old:
            self.duplicates += 1
            return []
        if self._snapshot is None or message.seq != self._snapshot_seq:
            self._snapshot, self._snapshot_seq = _Assembly(message.parts), message.seq
        if not self._snapshot.add(message):
            self.duplicates += 1
            return []
        self._fresh = False
        self._since = at
        return self._release(at)

    def _release(self, at: float) -> list[BatchMessage]:
        out: list[BatchMessage] = []
        if self._snapshot is not None:
            out += self._snapshot.ready()
            if self._snapshot.done:
                self.last, self._snapshot = self._snapshot_seq, None
                self._holes.clear()
                for seq in [seq for seq in self._held if seq <= self.last]:
                    self._drop(seq)
        if self._snapshot is None:
            out += self._release_held()
        if out:
            self._fresh = False
            self._since = None
        self._settle(at)
        return out

    def _release_held(self) -> list[BatchMessage]:
        out: list[BatchMessage] = []
        while self.last is not None and (assembly := self._held.get(self.last + 1)) is not None:
            ready = assembly.ready()
            self._held_rows -= sum(map(rows_of, ready))
            out += ready
            if not assembly.done:
                break
            self.last += 1
            self._drop(self.last)
        return out

    def _settle(self, at: float) -> None:
        """After a step forward: nothing to wait for any more, or wait anew from here."""
        if not self._waiting:
            self._since, self._tries = None, 0
        elif self._since is None:
            self._since = at
            self._tries = min(self._tries, 1)

    def _give_up(self) -> list[BatchMessage]:
        """Deliver over the holes and remember them; a snapshot with a hole is worth nothing, so that needs a new connection."""
        if self._snapshot is not None:
            self.hopeless = True
            self._forget_waiting()
            return []
        out: list[BatchMessage] = []
        last = self.last
        for seq in sorted(self._held):
            if last is not None and seq > last + 1:
                self._holes.append((last + 1, seq - 1))
            assembly = self._held[seq]
            out += assembly.ready() + assembly.rest()
            if not assembly.done:
                self._holes.append((seq, seq))
            last = seq
        if last is not None and self._newest > last:
            self._holes.append((last + 1, self._newest))
        self.last = max(last or 0, self._newest)
        del self._holes[:-MAX_HOLES]
        self._fresh = False
        self._forget_waiting()
        return out

    def _count_anew(self, at: float) -> None:
        """What we took for its newest number is not: begin again with a snapshot."""
        self.last = None
        self._fresh = True
        self._forget_waiting()
        self._newest = 1
        self._since = at

    def _drop(self, seq: int) -> None:
        assembly = self._held.pop(seq)
        self._held_rows -= sum(map(rows_of, assembly.rest()))

    def _forget_waiting(self) -> None:
        self._held.clear()
        self._held_rows = 0
        self._snapshot = None
        self._newest = 0
        self._behind = 0
        self._old_in_a_row = 0
        self._since = None
        self._tries = 0
