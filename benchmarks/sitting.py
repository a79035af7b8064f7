"""A real desk at a real demo city, in this process, for as long as a benchmark watches it: what `main.py --demo` does, with a reset in the middle.

Off screen and 1920×1080 unless told otherwise. It is not the front door: no crash path and no log file, which measure nothing here.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication

from app.qt.collector import Collector
from app.shell.bootstrap import Desk
from app.shell.demo_process import DemoProcess
from app.shell.options import DeskOptions

SIZE = "1920x1080"
LIVE_S = 30.0
"""Longest wait for the first live frame."""

Watch = Callable[[Desk], Awaitable[dict[str, float]]]


class TooLate(RuntimeError):
    """What was waited for did not come in time."""


async def until(condition: Callable[[], bool], within_s: float) -> None:
    """Wait for `condition` without telling the desk of it, so that nothing it does is measured otherwise. Raises TooLate."""
    late = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() > late:
            raise TooLate(f"not within {within_s:g} s")
        await asyncio.sleep(0.02)


def options(data: Path, *, seat: str = "duty", rate: float = 0.0, faults: list[str] | None = None, seed: int = 1) -> DeskOptions:
    """A demo desk's options; `screenshot` is set so that the window has the size that is asked for."""
    return DeskOptions.checked(
        demo=True, connect=[], seat=seat, city="qingdao", lang="zh_CN", theme=None, data=data, token_file=None, ca=None, db=None,
        screenshot=data / "pictures", after=0.0, size=SIZE, progress=False, overlay=False, seed=seed, rate=rate, faults=faults or [],
    )  # fmt: skip


def sit(watch: Watch, *, seat: str = "duty", rate: float = 0.0, faults: list[str] | None = None, seed: int = 1) -> dict[str, float]:
    """Open a desk on a fresh data folder, wait for live data, let `watch` look at it; its figures."""
    with tempfile.TemporaryDirectory(prefix="citydeck-bench-") as folder:
        asked = options(Path(folder), seat=seat, rate=rate, faults=faults, seed=seed)
        city = DemoProcess.start(asked)
        try:
            app = QApplication(sys.argv[:1])
            app.setQuitOnLastWindowClosed(False)
            loop = qasync.QEventLoop(app)
            asyncio.set_event_loop(loop)
            with loop:
                return loop.run_until_complete(_sit(watch, Desk(asked, city)))
        finally:
            city.stop()


async def _sit(watch: Watch, desk: Desk) -> dict[str, float]:
    collector = Collector()  # as app.shell.bootstrap does for the front door
    collector.start()
    await desk.open()
    collector.keep()
    try:
        await until(lambda: desk.frames.gauges.first_live_ns > 0, LIVE_S)
        return await watch(desk)
    finally:
        await desk.close()
        collector.stop()
