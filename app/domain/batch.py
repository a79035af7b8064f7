"""What sources hand to the deck: batches of records, link reports, answers. The only way in."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.command import Answer, Command
from app.domain.ids import Millis, SeriesId, SourceName
from app.domain.text import N_
from app.domain.unit import Unit, UnitFix


class Readings(msgspec.Struct, frozen=True):
    """Columns of equal length, one row a reading. Columns, not objects: a million a second have to pass here.

    series: index into the source's catalogue · value: None where the source has no value · at: event time, UTC ms ·
    quality: app.domain.quality.Quality values, or empty where all are good.
    """

    series: list[int]
    value: list[float | None]
    at: list[int]
    quality: list[int] = []


class History(msgspec.Struct, frozen=True):
    """The recent past of one series at even steps, oldest first; None where there was no value."""

    series: int
    start: Millis
    step_ms: int
    value: list[float | None]


def link_of(source: SourceName) -> SourceName:
    """The link that a batch came by: a platform behind one link may relay several sources, named "<link>/<source>"."""
    return SourceName(source.split("/", 1)[0])


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one source that arrived together."""

    source: SourceName
    seq: int = 0
    at: Millis
    """When the source sent it."""
    catalogue: tuple[SeriesId, ...] | None = None
    """The series that `Readings.series` counts in. Comes with a snapshot and stays valid until the next one."""
    readings: Readings | None = None
    history: tuple[History, ...] = ()
    alerts: tuple[Alert, ...] = ()
    cases: tuple[Case, ...] = ()
    units: tuple[Unit, ...] = ()
    fixes: tuple[UnitFix, ...] = ()
    cameras: tuple[Camera, ...] = ()
    shelves: tuple[Shelf, ...] = ()
    snapshot: bool = False
    """First part of a snapshot: alerts, cases, units, cameras and shelves of this source that are not in the parts that follow are gone."""
    complete: bool = True
    """False while more parts of a snapshot follow."""
    arrived_ns: int = 0
    """time.perf_counter_ns() when its frame was read from the socket; 0: not measured."""

    def __len__(self) -> int:
        rows = len(self.readings.series) if self.readings else 0
        return rows + len(self.alerts) + len(self.cases) + len(self.units) + len(self.fixes) + len(self.cameras) + len(self.shelves)


class LinkState(StrEnum):
    """State of a source's connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    """Connected, but silent for longer than its heartbeat allows."""
    DOWN = "down"
    REFUSED = "refused"
    """The other side does not want us (token, protocol): trying again will not help until somebody changes something."""


LINK_STATE_WORDS: dict[LinkState, str] = {
    LinkState.CONNECTING: N_("connecting"),
    LinkState.LIVE: N_("live"),
    LinkState.STALLED: N_("stalled"),
    LinkState.DOWN: N_("down"),
    LinkState.REFUSED: N_("refused"),
}


class Refusal(msgspec.Struct, frozen=True):
    """One record or frame that was not taken, and why."""

    at: Millis
    reason: str
    sample: str
    """The first 200 characters of what came, control characters escaped."""


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator may want to know of a link. Sent whenever something in it changes, at most a few times a second."""

    name: SourceName
    kind: str
    """"gateway", "cap" …"""
    address: str
    """Where to; never with a secret in it."""
    state: LinkState
    since: Millis
    detail: str = ""
    simulated: bool = False
    commands: bool = False
    """Whether this link can carry commands."""
    delay_ms: float | None = None
    """Newest round trip of a heartbeat."""
    records: int = 0
    frames: int = 0
    refused: int = 0
    gaps: int = 0
    resyncs: int = 0
    duplicates: int = 0
    reconnects: int = 0
    last_record_at: Millis | None = None
    refusals: tuple[Refusal, ...] = ()
    """The newest few."""


class Sink(Protocol):
    """Where a source puts what it has. All three are called on the event loop's thread and return at once."""

    def batch(self, batch: Batch) -> None: ...
    def link(self, report: LinkReport) -> None: ...
    def answer(self, answer: Answer) -> None: ...


class LinkDown(Exception):
    """A command could not be handed to the link now; it stays in the outbox."""


class Source(Protocol):
    """A place where data comes from: one module a source, all with this interface."""

    name: SourceName

    async def run(self, sink: Sink) -> None:
        """Deliver into `sink` until cancelled; reconnect for ever; never raise for what the other side does."""
        ...

    async def send(self, command: Command) -> None:
        """Hand one command to the other side; the answer comes through the sink. Raises LinkDown."""
        ...
