"""The deck's log: a rotating file in the data folder, and the last lines in memory for a crash report. Secrets never reach either."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG_FILE = "citydeck.log"
_SIZE = 2_000_000
_KEPT = 5
_LINES = 200
_HIDDEN = "***"
_SECRET = re.compile(
    r"(?i)((?:pass(?:word|wd)?|token|secret|api[-_]?key|authorization|cookie)[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|basic\s+)?)"
    r"([^\s\"',;&)}\]]+)"
)
_IN_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^/\s:@]*:)([^@\s/]+)(@)")
_BEARER = re.compile(r"(?i)(bearer\s+)([a-z0-9._~+/=-]{8,})")


def without_secrets(text: str) -> str:
    """`text` with everything that looks like a password or a token struck out."""
    text = _IN_ADDRESS.sub(rf"\1{_HIDDEN}\3", text)
    text = _SECRET.sub(rf"\1{_HIDDEN}", text)
    return _BEARER.sub(rf"\1{_HIDDEN}", text)


class _Lines(logging.Formatter):
    """UTC times, one format, no secrets. Works on the finished line, so that arguments and tracebacks are covered too."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = _utc

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class LastLines(logging.Handler):
    """The newest lines of the log, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.setFormatter(_Lines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def open_log(folder: Path, level: int = logging.INFO) -> LastLines:
    """Log to `folder` from now on; answers the handler that keeps the last lines. Raises OSError where the folder cannot be written."""
    file = RotatingFileHandler(folder / LOG_FILE, maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8", delay=True)
    file.setFormatter(_Lines())
    last = LastLines()
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(file)
    root.addHandler(last)
    return last


def close_log() -> None:
    """Take the deck's handlers off again."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, RotatingFileHandler | LastLines)]:
        root.removeHandler(handler)
        handler.close()


def _utc(seconds: float | None) -> time.struct_time:
    return time.gmtime(seconds)
