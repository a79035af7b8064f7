"""Tasks that belong to something and die with it. A lost task is a bug, so every coroutine of the desk is started here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from app.domain.errors import DeckError


class Tasks:
    """A group of running coroutines. A DeckError goes to `told` (shown to the operator); anything else to the loop's handler (crash path)."""

    def __init__(self, told: Callable[[DeckError], None]) -> None:
        self._told = told
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, object], name: str) -> asyncio.Task[None]:
        """Run `work` on the event loop until it ends or the group is closed."""
        task = asyncio.get_event_loop().create_task(self._guard(work), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # Cancelled before its first step, a task never touches what it was to run, and Python would complain of that some day.
        task.add_done_callback(lambda _task: work.close())
        return task

    @property
    def names(self) -> list[str]:
        """What is running now."""
        return sorted(task.get_name() for task in self._running)

    def cancel(self) -> None:
        """Ask every task to end; does not wait."""
        for task in tuple(self._running):
            task.cancel()

    async def close(self, deadline_s: float = 2.0) -> None:
        """Cancel everything and wait, at most `deadline_s` seconds."""
        self.cancel()
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=deadline_s)

    async def _guard(self, work: Coroutine[object, object, object]) -> None:
        try:
            await work
        except DeckError as error:
            self._told(error)
        except asyncio.CancelledError:
            raise
        except Exception as bug:  # noqa: BLE001 - a task's border: the one place that hands a bug to the crash path
            asyncio.get_event_loop().call_exception_handler({"message": "a task of the desk failed", "exception": bug})
