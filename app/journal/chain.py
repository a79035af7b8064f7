"""The arithmetic of the audit chain, and the head file that guards its newest end. No database here.

Row hash = SHA-256 over the previous row's hash (64 hex digits) followed by every field in the order of `FIELDS`, each as a netstring
("<length in bytes>:<UTF-8 bytes>,"); numbers are written in decimal. The first row follows `GENESIS`. A chain alone cannot tell that
its newest rows were cut off, so their number and hash are kept apart in `audit.head`. Whoever may rewrite the whole database *and*
the head can forge both: an exported copy kept elsewhere is the answer to that, not this file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.domain.audit import AuditEntry
from app.domain.ids import Millis

FIELDS = ("seq", "at", "actor", "role", "seat", "desk", "verb", "target", "area", "comment", "title_zh", "title_en", "key", "detail")
NUMBERS = 2
"""The first so many of `FIELDS` are whole numbers, the others text."""
GENESIS = "0" * 64
HEAD_FILE = "audit.head"

Value = int | str


def row_hash(values: Sequence[Value], prev: str) -> str:
    """Hash of one row: `values` in the order of `FIELDS`."""
    digest = hashlib.sha256(prev.encode("utf-8", "surrogatepass"))
    for value in values:
        data = str(value).encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b," % (len(data), data))
    return digest.hexdigest()


def values_of(entry: AuditEntry) -> tuple[Value, ...]:
    """The entry's fields in the order of `FIELDS`."""
    return (
        entry.seq,
        entry.at,
        entry.actor,
        entry.role,
        entry.seat,
        entry.desk,
        entry.verb,
        entry.target,
        entry.area,
        entry.comment,
        entry.title.zh,
        entry.title.en,
        entry.key,
        entry.detail,
    )


class Head(msgspec.Struct, frozen=True):
    """The newest end of the chain: how many rows, and the newest one's hash."""

    count: int
    hash: str


EMPTY = Head(0, GENESIS)


class GarbledHead(ValueError):
    """The head file is there but does not say what a head file says."""


class HeadFile:
    """`audit.head` in the data folder. Writing is atomic: a reader sees the old head or the new one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HEAD_FILE

    def read(self) -> Head | None:
        """The head, or None where there is no file. Raises GarbledHead, OSError."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            head = msgspec.json.decode(text, type=Head)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise GarbledHead(str(fault)) from None
        if head.count < 0 or len(head.hash) != len(GENESIS):
            raise GarbledHead("not a count and a hash")
        return head

    def write(self, head: Head) -> None:
        """Replace the head and wait until the disk has it. Raises OSError."""
        fresh = self.path.with_name(HEAD_FILE + ".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(head) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        sync_folder(self.path.parent)

    def set_aside(self, now: Millis) -> Path | None:
        """Keep the present file as evidence under another name. Returns where, or None where there was none. Raises OSError."""
        if not self.path.exists():
            return None
        kept = free_name(self.path.with_name(f"{HEAD_FILE}.broken-{now}"))
        self.path.rename(kept)
        sync_folder(self.path.parent)
        return kept


def free_name(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 … that nothing is called yet: evidence never replaces evidence."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable. Windows cannot open folders, and needs it not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
