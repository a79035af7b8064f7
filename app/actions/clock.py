"""Time as actions see it: handed in, so that a test needs no sleeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.domain.ids import Millis

Now = Callable[[], Millis]


class Timer(Protocol):
    """Something that will happen later, unless it is cancelled."""

    def cancel(self) -> None: ...


class CallLater(Protocol):
    """`asyncio.AbstractEventLoop.call_later`, or a test's own. Seconds."""

    def __call__(self, delay: float, callback: Callable[[], None], /) -> Timer: ...
