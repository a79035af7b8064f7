"""One connected desk: what it may do so far, what it subscribed to, and the frames that wait for it.

A desk that is slow loses intermediate values first and then gets a snapshot; it never loses an alert, a case or an answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from app.domain.ids import Millis
from datasources.demo.faults import Faults, Frame
from datasources.demo.narrow import Wish
from datasources.protocol import Codec

MOST_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for a desk before values are dropped."""
TOO_MANY_WAITING = 64 * 1024 * 1024
"""Bytes after which a desk that takes nothing is let go."""
_LOOK_AGAIN_S = 0.02


class Standing(IntEnum):
    """How far a desk has come; later ones include the earlier."""

    CONNECTED = 0
    GREETED = 1
    ADMITTED = 2
    SUBSCRIBED = 3


class Parcel(msgspec.Struct, frozen=True):
    """Frames that go out together. `values`: nothing but readings and positions, which a newer one makes good."""

    frames: tuple[Frame, ...]
    values: bool = False
    snapshot: bool = False
    due: float = 0.0
    """Not before this time of the event loop."""

    @property
    def size(self) -> int:
        return sum(len(frame.payload) for frame in self.frames)


class Session:
    """A desk's side of the server. Used on the event loop only."""

    def __init__(self, connection: ServerConnection, codec: Codec, faults: Faults, elapsed: Callable[[], float]) -> None:
        self.connection = connection
        self.codec = codec
        self.standing = Standing.CONNECTED
        self.wish = Wish()
        self.desk = ""
        self.echo: Millis | None = None
        self.malformed = 0
        self.behind = False
        """Values were dropped; a snapshot has to make up for them."""
        self.caught_up: Callable[[Session], None] = lambda session: None
        """Called when a desk that was behind has room again."""
        self._faults = faults
        self._elapsed = elapsed
        self._queue: deque[Parcel] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._late: Parcel | None = None

    @property
    def snapshot_waiting(self) -> bool:
        """Whether a snapshot has not gone out yet."""
        return any(parcel.snapshot for parcel in self._queue)

    # --- into the queue --------------------------------------------------------------------------------------------------------

    def post(self, frames: Sequence[bytes], *, snapshot: bool = False) -> None:
        """Queue frames that must arrive: answers, snapshots, heartbeats."""
        self._enqueue(Parcel(tuple(Frame(frame) for frame in frames), snapshot=snapshot))

    def broadcast(self, frames: Sequence[bytes], *, values: bool) -> None:
        """Queue frames of a batch, as the faults in force let them through."""
        elapsed = self._elapsed()
        if (values and self.behind) or self._faults.happens("drop", elapsed):
            return
        parcel = Parcel(tuple(Frame(frame) for frame in frames), values=values)
        if self._faults.happens("garble", elapsed):
            parcel = Parcel(tuple(self._faults.garble(frame) for frame in parcel.frames), values=values)
        if self._late is None and self._faults.happens("reorder", elapsed):
            self._late = parcel
            return
        self._enqueue(parcel)
        if self._faults.happens("duplicate", elapsed):
            self._enqueue(parcel)
        if self._late is not None:
            late, self._late = self._late, None
            self._enqueue(late)

    def _enqueue(self, parcel: Parcel) -> None:
        delay = self._faults.delay_s(self._elapsed())
        if delay:
            parcel = msgspec.structs.replace(parcel, due=asyncio.get_running_loop().time() + delay)
        self._queue.append(parcel)
        self._waiting += parcel.size
        if self._waiting > MOST_WAITING and any(waiting.values for waiting in self._queue):
            self._drop_values()
        if self._waiting > TOO_MANY_WAITING:
            self.connection.transport.abort()
        self._news.set()

    def _drop_values(self) -> None:
        self._queue = deque(parcel for parcel in self._queue if not parcel.values)
        self._waiting = sum(parcel.size for parcel in self._queue)
        self.behind = True

    # --- out of the queue ------------------------------------------------------------------------------------------------------

    async def send_all(self) -> None:
        """Send what is queued, until the connection ends or the task is cancelled."""
        try:
            while True:
                await self._send_next()
        except ConnectionClosed:
            return

    async def _send_next(self) -> None:
        if not self._queue:
            self._news.clear()
            await self._news.wait()
            return
        if self._faults.active("stall", self._elapsed()):
            await asyncio.sleep(_LOOK_AGAIN_S)
            return
        wait = self._queue[0].due - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(min(wait, _LOOK_AGAIN_S))
            return
        parcel = self._queue.popleft()
        self._waiting -= parcel.size
        for frame in parcel.frames:
            await self.connection.send(frame.payload, text=frame.text)
        if self.behind and not self._queue:
            self.behind = False
            self.caught_up(self)

    async def flush(self) -> None:
        """Wait until everything queued so far has been handed to the connection."""
        while self._queue:
            await self._send_next()
