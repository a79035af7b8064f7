"""One desk a data folder. The lock is the operating system's, so it is gone when its process is, however that ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.domain.errors import DeckError
from app.domain.text import N_

LOCK_FILE = "desk.lock"

if sys.platform == "win32":
    import msvcrt

    def _seize(handle: int) -> None:
        # Windows forbids others to read a locked range, so the locked byte lies far behind the process number.
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _seize(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Held from construction until `release` or the end of the process. Raises DeckError where another desk holds it."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_FILE
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as fault:
            raise DeckError(
                N_("The data folder cannot be written."),
                where=f"{path}: {fault.strerror}",
                remedy=N_("Choose another folder with --data, or mend its permissions."),
            ) from fault
        try:
            _seize(self._handle)
        except OSError as fault:
            holder = _holder(self._handle)
            os.close(self._handle)
            raise DeckError(
                f"The journal is already in use by process {holder}.",
                where=str(folder),
                remedy=N_("Close the other desk, or start this one with another --data folder."),
            ) from fault
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others in. The file stays: deleting it would race with somebody who has just opened it."""
        os.close(self._handle)


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 20).decode("ascii", "replace").strip() or "?"
