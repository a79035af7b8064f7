"""The newest batches of a source, kept for desks that were away for a moment. Bounded by bytes."""

from __future__ import annotations

from collections import deque

MOST_BYTES = 32 * 1024 * 1024


class Tail:
    """Encoded batches (citydeck.v1.json) by sequence number, without a hole."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._frames: deque[bytes] = deque()
        self._first = 0
        self._bytes = 0

    def append(self, seq: int, frame: bytes) -> None:
        """Keep the frame of batch `seq`, which follows the one before; the oldest go when there is no room."""
        if not self._frames:
            self._first = seq
        self._frames.append(frame)
        self._bytes += len(frame)
        while self._bytes > self._most:
            self._bytes -= len(self._frames.popleft())
            self._first += 1

    def after(self, seq: int) -> list[bytes] | None:
        """The frames after batch `seq`; None where one of them is gone or `seq` was never sent."""
        end = self._first + len(self._frames)
        if not self._frames or not self._first - 1 <= seq < end:
            return None
        return [self._frames[index] for index in range(seq + 1 - self._first, len(self._frames))]
