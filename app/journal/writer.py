"""The journal's one thread. Everything that touches the database runs here, one thing at a time; the event loop never waits for a disk."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from app.domain.errors import DeckError
from app.domain.text import N_

T = TypeVar("T")

URGENT, USUAL, LAST = 0, 1, 9


class Writer:
    """Runs jobs in order of urgency, then of arrival: a click does not wait behind book-keeping. `submit` and `close` from any thread."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.PriorityQueue[tuple[int, int, Callable[[], None] | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._gate = threading.Lock()
        self._open = True
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], T], *, urgency: int = USUAL) -> Future[T]:
        """Run `job` on the thread. Raises DeckError once closed."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = job()
            except BaseException as fault:  # noqa: BLE001 - the border of the thread: whoever waits for the future gets it
                future.set_exception(fault)
            else:
                future.set_result(result)

        with self._gate:
            if not self._open:
                raise DeckError(N_("The journal is closed."), remedy=N_("Start the desk again."))
            self._jobs.put((urgency, next(self._number), run))
        return future

    def close(self) -> None:
        """Finish what was submitted, then end the thread. Returns when it has ended."""
        self.retire()
        self._thread.join()

    def retire(self) -> None:
        """Like `close`, without waiting: for the thread itself."""
        with self._gate:
            if self._open:
                self._open = False
                self._jobs.put((LAST, next(self._number), None))

    def _work(self) -> None:
        while True:
            job = self._jobs.get()[2]
            if job is None:
                return
            job()
            del job
