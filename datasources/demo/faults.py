"""How the demo city's platform misbehaves when told to: what a bad line, a bad feed or a bad day does to a desk. Seeded, so that it can be repeated.

`KIND[=VALUE][@START[+DURATION]]`, START and DURATION in seconds since the platform began. This module decides; the server does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import msgspec

from app.domain.errors import DeckError

KINDS: dict[str, tuple[str, float, float | None]] = {
    "drop": ("share", 0.0, None),
    "delay": ("milliseconds", 0.0, None),
    "duplicate": ("share", 0.0, None),
    "reorder": ("share", 0.0, None),
    "garble": ("share", 0.0, None),
    "stall": ("", 5.0, 10.0),
    "silence": ("feed", 0.0, None),
    "disconnect": ("", 5.0, 5.0),
    "storm": ("count", 5.0, 1.0),
    "flap": ("", 0.0, None),
}
"""Kind → (what its value is, when it begins unless told, how long it lasts unless told; None: to the end)."""
MAX_STORM = 100_000
FLAP_S = 2.0
_SPEC = re.compile(r"(?P<kind>[a-z]+)(=(?P<value>[^@]*))?(@(?P<start>\d+(\.\d+)?)(\+(?P<duration>\d+(\.\d+)?))?)?")
_FORM = "write KIND[=VALUE][@START[+DURATION]], for example drop=0.05@10+20"


class Fault(msgspec.Struct, frozen=True):
    """One kind of misbehaviour from `start` to `end`, seconds since the platform began."""

    kind: str
    value: str
    start: float
    end: float

    @property
    def number(self) -> float:
        """Its value as a number; 0 where it has none."""
        return float(self.value) if KINDS[self.kind][0] in ("share", "milliseconds", "count") else 0.0

    def active(self, elapsed: float) -> bool:
        """Whether it is in force `elapsed` seconds after the beginning."""
        return self.start <= elapsed < self.end


def parse_fault(spec: str) -> Fault:
    """Read one fault. Raises DeckError for what is not one."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise DeckError(f"{spec!r} is not a fault", where="--fault", remedy=_FORM)
    kind = match["kind"]
    if kind not in KINDS:
        raise DeckError(f"there is no fault called {kind!r}", where="--fault", remedy="choose one of " + ", ".join(KINDS))
    meaning, start, duration = KINDS[kind]
    value = match["value"] or ""
    _check(spec, kind, meaning, value)
    begins = float(match["start"]) if match["start"] else start
    lasts = float(match["duration"]) if match["duration"] else duration
    return Fault(kind, value, begins, float("inf") if lasts is None else begins + lasts)


def _check(spec: str, kind: str, meaning: str, value: str) -> None:
    if not meaning:
        if value:
            raise DeckError(f"{kind} takes no value", where=f"--fault {spec}", remedy=_FORM)
        return
    if meaning == "feed":
        if not value:
            raise DeckError(f"{kind} needs a feed", where=f"--fault {spec}", remedy="name an indicator, a domain, an area, a series, or units")
        return
    try:
        number = float(value)
    except ValueError:
        raise DeckError(f"{kind} needs a number ({meaning})", where=f"--fault {spec}", remedy=_FORM) from None
    most = {"share": 1.0, "milliseconds": 60_000.0, "count": float(MAX_STORM)}[meaning]
    if not 0 <= number <= most:
        raise DeckError(f"{kind} goes from 0 to {most:g}", where=f"--fault {spec}", remedy=_FORM)


class Frame(msgspec.Struct, frozen=True):
    """One WebSocket message as it goes out."""

    payload: bytes
    text: bool = True


class Faults:
    """All faults of one run."""

    def __init__(self, specs: Sequence[str], seed: int) -> None:
        """Raises DeckError for a spec that is none."""
        self._faults = tuple(parse_fault(spec) for spec in specs)
        self._rng = random.Random(f"faults {seed}")

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def share(self, kind: str, elapsed: float) -> float:
        """The strongest share of `kind` in force, 0…1."""
        return max((fault.number for fault in self._faults if fault.kind == kind and fault.active(elapsed)), default=0.0)

    def happens(self, kind: str, elapsed: float) -> bool:
        """Throw the dice for a fault that has a share."""
        share = self.share(kind, elapsed)
        return share > 0 and self._rng.random() < share

    def active(self, kind: str, elapsed: float) -> bool:
        """Whether a fault of `kind` is in force."""
        return any(fault.kind == kind and fault.active(elapsed) for fault in self._faults)

    def delay_s(self, elapsed: float) -> float:
        """How much later frames go out, seconds."""
        return self.share("delay", elapsed) / 1_000

    def garble(self, frame: Frame) -> Frame:
        """What a broken sender might have made of `frame`. Text stays valid UTF-8: the connection itself is not broken."""
        way = self._rng.randrange(5)
        text = frame.payload.decode("utf-8", "ignore")
        if way == 0:
            return Frame(text[: self._rng.randrange(1, max(2, len(text)))].encode())
        if way == 1:
            return Frame(self._rng.randbytes(64), text=False)
        if way == 2:
            return Frame(b'{"type":"batch","source":17,"seq":"one","at":null}')
        if way == 3:
            return Frame(b'{"type":"no_such_message"}')
        return Frame(text.replace(":", ";", 3).encode())
