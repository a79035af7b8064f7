"""The crash path: where a bug goes. Everything that is raised and is no DeckError ends here: written down, shown calmly, told at the next start.

It must work when little else does, so it asks nothing of the rest of the deck.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qVersion

from app.domain.errors import DeckError
from app.shell.logs import without_secrets

FOLDER = "crashes"
_KEPT = 20
_MOST_A_RUN = 10
_FATAL = "running.fault"
"""faulthandler writes here while the deck runs. Removed at a clean end; found at the next start, the last run did not end well."""
_QUIET_QT = ("This plugin does not support",)
_log = logging.getLogger("citydeck.crash")
_qt_log = logging.getLogger("qt")
_QT_LEVEL = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the last run left behind that this start should tell: its crash reports, and whether it died without a word (kill, power)."""

    reports: tuple[Path, ...]
    died: bool

    @property
    def ended_well(self) -> bool:
        """Nothing to tell."""
        return not self.reports and not self.died


class CrashPath:
    """Installed once a process, before anything else; removed at its end."""

    def __init__(self, folder: Path, *, last_lines: Iterable[str] = (), told: Callable[[DeckError], None] | None = None) -> None:
        """`folder`: the data folder. `last_lines`: the newest log lines, read when a report is written.

        Raises OSError where the folder cannot be written.
        """
        self._folder = folder / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lines = last_lines
        self.told = told
        """Shows a DeckError that was raised where nobody caught it; these are not crashes."""
        self.on_crash: Callable[[Path | None], None] | None = None
        """Called once a report is written (None: it could not be), on whatever thread the bug was on."""
        self._written = 0
        self._writing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fatal: IO[str] | None = None
        self._hooks = (sys.excepthook, sys.unraisablehook, threading.excepthook)

    def install(self) -> LastRun:
        """Take over every exit of an error; answers what the last run left."""
        last = self._last_run()
        self._fatal = (self._folder / _FATAL).open("w", encoding="utf-8")
        self._fatal.write(f"pid {os.getpid()}\n")
        self._fatal.flush()
        faulthandler.enable(self._fatal)
        sys.excepthook = self._on_exception
        sys.unraisablehook = self._on_unraisable
        threading.excepthook = self._on_thread
        qInstallMessageHandler(_on_qt_message)
        return last

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the errors of `loop` too."""
        self._loop = loop
        loop.set_exception_handler(self._on_loop)

    def remove(self) -> None:
        """A clean end: hand everything back, and leave no sign of a crash."""
        sys.excepthook, sys.unraisablehook, threading.excepthook = self._hooks
        qInstallMessageHandler(None)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.set_exception_handler(None)
        if self._fatal is not None:
            faulthandler.disable()
            self._fatal.close()
            self._fatal = None
            (self._folder / _FATAL).unlink(missing_ok=True)

    def report(self, error: BaseException, where: str) -> None:
        """Write `error` down and show the calm page; a DeckError is told instead."""
        if isinstance(error, DeckError):
            if self.told is not None:
                self.told(error)
            return
        if isinstance(error, KeyboardInterrupt | SystemExit | asyncio.CancelledError):
            return
        text = "".join(traceback.format_exception(error))
        _log.error("a bug in %s\n%s", where, text)
        path = self._write(where, text)
        if self.on_crash is not None:
            self.on_crash(path)

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _on_exception(self, kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, _trace)
            return
        self.report(error, "the event loop's thread")

    def _on_unraisable(self, what: sys.UnraisableHookArgs) -> None:
        if what.exc_value is not None:
            self.report(what.exc_value, f"{what.err_msg or 'a finaliser'}: {what.object!r}"[:300])

    def _on_thread(self, what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            self.report(what.exc_value, f"thread {what.thread.name if what.thread else '?'}")

    def _on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        message = str(context.get("message", "the event loop"))
        if isinstance(error, BaseException):
            self.report(error, message)
        else:
            _log.error("event loop: %s", message)

    def _write(self, where: str, text: str) -> Path | None:
        """One report; at most a few a run, so that a bug in every frame does not fill the disk."""
        with self._writing:
            if self._written >= _MOST_A_RUN:
                return None
            self._written += 1
            number = self._written
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = self._folder / f"crash-{stamp}-{os.getpid()}-{number}.txt"
        body = "\n".join(("CityDeck crash report", stamp, f"where: {where}", *_versions(), "", text, "", "last log lines:", *self._lines, ""))
        try:
            path.write_text(without_secrets(body), encoding="utf-8")
            for old in sorted(self._folder.glob("crash-*.txt"))[:-_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as fault:
            _log.error("the crash report could not be written: %s", fault)
            return None
        return path

    def _last_run(self) -> LastRun:
        """Reports nobody has been told of yet, a native crash's stack among them."""
        fatal = self._folder / _FATAL
        died = fatal.exists()
        if died:
            stack = fatal.read_text(encoding="utf-8", errors="replace")
            if "Fatal Python error" in stack or "Current thread" in stack:
                stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(fatal.stat().st_mtime))
                fatal.rename(self._folder / f"crash-{stamp}-native.txt")
        told = self._folder / "told"
        since = told.stat().st_mtime_ns if told.exists() else 0
        fresh = tuple(p for p in sorted(self._folder.glob("crash-*.txt")) if p.stat().st_mtime_ns > since)
        told.touch()
        return LastRun(fresh, died)


def _versions() -> list[str]:
    lines = [f"python {platform.python_version()} on {platform.platform()}", f"qt {qVersion()}"]
    for package in ("PySide6-Essentials", "PySide6-QtAds", "qasync", "msgspec", "websockets", "numpy", "SQLAlchemy"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} is not installed")
    return lines


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    if message.startswith(_QUIET_QT):
        return
    category = f"{context.category}: " if context.category and context.category != "default" else ""
    _qt_log.log(_QT_LEVEL.get(kind, logging.WARNING), "%s%s", category, message)
