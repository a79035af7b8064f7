"""Runs the demo city's platform as a process: tells its parent where it listens, ends when told to or when the parent is gone."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from app.citypack import CityPack, find_cities, load_city
from app.domain.errors import DeckError
from datasources.demo.options import PlatformOptions
from datasources.demo.server import Platform


def city_folder(name: str) -> Path:
    """The folder of the pack called `name`, or the folder that `name` itself names. Raises DeckError where there is none."""
    cities = find_cities()
    if name in cities:
        return cities[name]
    if (folder := Path(name)).is_dir():
        return folder
    raise DeckError(f"there is no city called {name!r}", where="--city", remedy="choose one of " + ", ".join(cities))


async def serve(options: PlatformOptions, ready: Callable[[str, int], None], pack: CityPack | None = None) -> None:
    """Play a city until cancelled. `ready(host, port)` is called once desks may connect. Raises DeckError (city, fault, port)."""
    platform = Platform(pack or load_city(city_folder(options.city)), options)
    try:
        await platform.run(ready)
    except OSError as fault:
        where = f"{options.host}:{options.port}"
        raise DeckError(f"the demo city cannot listen: {fault.strerror}", where=where, remedy="choose another port, or 0 for any") from fault


def run_platform(options: PlatformOptions) -> None:
    """Play a city until SIGTERM, SIGINT or, with `with_parent`, the end of standard input. Prints one JSON line when ready.

    Raises DeckError (city, fault, port)."""
    asyncio.run(_until_told(options))


async def _until_told(options: PlatformOptions) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for name in ("SIGTERM", "SIGINT"):
        if hasattr(signal, name) and sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), told.set)
    if options.with_parent:
        threading.Thread(target=_watch_parent, args=(loop, told), name="platform: parent", daemon=True).start()

    def ready(host: str, port: int) -> None:
        # What exists now stays; looking through it again and again would only cost pauses.
        gc.freeze()
        line = {"url": f"ws://{host}:{port}", "city": options.city, "simulated": True}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    serving = asyncio.create_task(serve(options, ready), name="platform")
    waiting = asyncio.create_task(told.wait(), name="platform: told to end")
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        serving.result()
        return
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def _watch_parent(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    """Read standard input to its end, in a thread of its own: no event loop can watch a pipe on every system."""
    try:
        while os.read(0, 4_096):
            pass
    except OSError:
        # A closed descriptor is an end too.
        pass
    try:
        loop.call_soon_threadsafe(told.set)
    except RuntimeError:
        # The loop has ended before its parent did.
        return
