"""Warnings from files: a CAP message, or a folder of them that some other program fills. Looks again every two seconds; takes no commands.

Reading and parsing happen on a worker thread; the alerts themselves are made on the loop's thread. A file that disappears takes nothing
with it: a warning ends by expiry, by a Cancel or by an Update, never because somebody tidied up.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.batch import Batch, LinkDown, LinkState, Sink
from app.domain.command import Command
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SourceName
from app.domain.text import N_, Text, plain
from datasources.cap_message import MAX_BYTES, CapFault, CapMessage, MessageType, parse
from datasources.outside import dated_step, fault_of_moment, fault_of_time
from datasources.reporting import LinkTally

MAX_FILES = 5_000
RESCAN_S = 2.0
BATCH_ALERTS = 500
SUFFIXES = (".cap", ".xml")
"""In a folder only these are read; a file that is named itself may be called anything."""

SLICE_S = 0.008

_Stamp = tuple[int, int]
_UNREADABLE: _Stamp = (-1, -1)


@dataclass(slots=True)
class _Scan:
    """What one look at the files brought. Made on a worker thread, read on the loop's."""

    messages: list[tuple[str, CapMessage]] = field(default_factory=list[tuple[str, CapMessage]])
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stamps: dict[str, _Stamp] = field(default_factory=dict[str, _Stamp])
    files: int = 0
    too_many: bool = False
    missing: str = ""


class CapSource:
    """The CAP file or folder at `path`, known to the operator as `name`. `now` gives UTC ms."""

    name: SourceName

    def __init__(self, name: SourceName, path: Path, city: CityPack, now: Callable[[], Millis], *, rescan_s: float = RESCAN_S) -> None:
        self.name = name
        self._path = path
        self._now = now
        self._rescan_s = rescan_s
        self._register = CapRegister(name, city)

    async def run(self, sink: Sink) -> None:
        """Deliver into `sink` until cancelled."""
        tally = LinkTally(sink.link, name=self.name, kind="cap", address=str(self._path), commands=False, now=self._now)
        tally.turn(LinkState.CONNECTING)
        known: dict[str, _Stamp] = {}
        warned = False
        seq = 0
        try:
            while True:
                scan = await asyncio.to_thread(_scan, self._path, known)
                known = scan.stamps
                tally.frames += scan.files
                for file, reason in scan.faults:
                    tally.refuse(reason, file)
                if scan.too_many and not warned:
                    tally.refuse(N_("the folder holds more files than are read"), f"{self._path.name}: {MAX_FILES}")
                warned = scan.too_many
                await self._take(scan, tally)
                for alerts in _chunks(self._register.changed(self._now())):
                    seq += 1
                    tally.records += len(alerts)
                    tally.last_record_at = self._now()
                    sink.batch(Batch(source=self.name, seq=seq, at=self._now(), alerts=alerts))
                    await asyncio.sleep(0)
                tally.touch()
                tally.turn(LinkState.DOWN if scan.missing else LinkState.LIVE, scan.missing)
                tally.flush()
                await asyncio.sleep(self._rescan_s)
        finally:
            tally.turn(LinkState.DOWN, N_("the link was closed here"))

    async def _take(self, scan: _Scan, tally: LinkTally) -> None:
        """Oldest first, in slices: a folder of thousands must not hold the loop."""
        began = time.perf_counter()
        for file, message in sorted(scan.messages, key=lambda found: (found[1].sent, found[1].type is not MessageType.ALERT)):
            for reason in self._register.take(message, self._now()):
                tally.refuse(reason, file)
            if time.perf_counter() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.perf_counter()

    async def send(self, command: Command) -> None:
        """Files take no commands: always raises LinkDown."""
        raise LinkDown


class CapRegister:
    """All messages so far as alerts: which message replaces, ends or repeats which. Does no I/O and has no clock. One thread."""

    def __init__(self, name: SourceName, city: CityPack) -> None:
        self._name = name
        self._city = city
        self._alerts: dict[AlertId, Alert] = {}
        self._messages: dict[AlertId, CapMessage] = {}
        self._root_of: dict[AlertId, AlertId] = {}
        self._cancelled: dict[AlertId, Millis] = {}
        self._changed: dict[AlertId, None] = {}
        self._arrived: dict[tuple[AlertId, Millis], Millis] = {}
        """When messages were read whose own time cannot be, by their id and what they said."""

    def take(self, message: CapMessage, now: Millis) -> list[str]:
        """Take one message at `now`; what of it was refused, in words."""
        if message.type in (MessageType.ACK, MessageType.ERROR):
            return [f"msgType {message.type} tells a sender something, it warns of nothing"]
        faults = list(message.faults)
        message = self._in_time(message, now, faults)
        roots = list(dict.fromkeys(self._root(reference.id) for reference in message.references))
        if message.type is MessageType.CANCEL:
            if not roots:
                return [N_("a Cancel without references ends nothing")]
            for root in roots:
                self._cancel(root, message.sent)
            return faults
        root = self._root(message.id)
        if message.type is MessageType.UPDATE and roots:
            # one row in the queue for the whole chain, whichever of its messages was read first
            root = next((known for known in (root, *roots) if known in self._alerts), roots[0])
            for id in (*(reference.id for reference in message.references), message.id):
                self._root_of[id] = root
                if id in self._cancelled:  # a Cancel may have been read before the message that it ends
                    self._cancelled[root] = max(self._cancelled[id], self._cancelled.get(root, Millis(0)))
            for other in roots:
                if other != root:
                    self._cancel(other, message.sent)
        if self._is_news(root, message):
            self._messages[root] = message
            self._put(root, self._alert(root, message, now))
        return faults

    def _in_time(self, message: CapMessage, now: Millis, faults: list[str]) -> CapMessage:
        """A warning is never lost for its times: what cannot be gives way to what can, and `faults` says so."""
        sent, effective, expires = message.sent, message.effective, message.expires
        if fault_of_time(now, sent):
            faults.append(N_("an alert with an impossible time, dated at its arrival"))
            sent = self._arrived.setdefault((message.id, sent), now)
        if fault_of_time(now, effective):
            if effective != message.sent:
                faults.append(N_("a warning that takes effect at a time that cannot be or is far ahead, dated at its sending"))
            effective = sent
        if expires is not None and fault_of_moment(expires):
            faults.append(N_("a warning with an end that cannot be, kept without it"))
            expires = None
        if (sent, effective, expires) == (message.sent, message.effective, message.expires):
            return message
        steps = (dated_step(self._name, message.sent, sent),) if sent != message.sent else ()
        return msgspec.structs.replace(message, sent=sent, effective=effective, expires=expires, steps=steps)

    def changed(self, now: Millis) -> list[Alert]:
        """The alerts that are new or different since the last call; those that expire by `now` among them."""
        for id, alert in self._alerts.items():
            expires = self._messages[id].expires
            if alert.active and expires is not None and expires <= now:
                self._put(id, msgspec.structs.replace(alert, active=False, ended_at=expires))
        changed = [self._alerts[id] for id in self._changed]
        self._changed.clear()
        return changed

    def _root(self, id: AlertId) -> AlertId:
        return self._root_of.get(id, id)

    def _is_news(self, root: AlertId, message: CapMessage) -> bool:
        """Whether `message` says more than what is held: later, or of the same moment and different and not emptier."""
        held = self._messages.get(root)
        if held is None:
            return True
        if message.sent != held.sent:
            return message.sent > held.sent
        return message != held and message.informs >= held.informs

    def _cancel(self, root: AlertId, at: Millis) -> None:
        self._cancelled[root] = max(at, self._cancelled.get(root, at))
        alert = self._alerts.get(root)
        if alert is not None and alert.active and self._messages[root].sent <= at:
            self._put(root, msgspec.structs.replace(alert, active=False, ended_at=at))

    def _put(self, root: AlertId, alert: Alert) -> None:
        before = self._alerts.get(root)
        self._alerts[root] = msgspec.structs.replace(alert, version=before.version + 1 if before is not None else 1)
        self._changed[root] = None

    def _alert(self, root: AlertId, message: CapMessage, now: Millis) -> Alert:
        ended = self._ended_at(root, message, now)
        return Alert(
            id=root,
            kind=self._kind(message),
            severity=message.severity,
            title=message.title,
            area=self._area(message),
            place=message.place,
            at=message.effective,
            active=ended is None,
            ended_at=ended,
            position=message.centre,
            polygons=message.polygons,
            reality=message.reality,
            advice=message.advice,
            steps=message.steps,
            source=self._name,
        )

    def _ended_at(self, root: AlertId, message: CapMessage, now: Millis) -> Millis | None:
        cancelled = self._cancelled.get(root)
        if cancelled is not None and cancelled >= message.sent:
            return cancelled
        if message.all_clear:
            return message.sent
        return message.expires if message.expires is not None and message.expires <= now else None

    def _kind(self, message: CapMessage) -> AlertKindId:
        """The pack's kind by code or by name; else one made of the category, which no pack describes."""
        for code in message.codes:
            if (kind := AlertKindId(code)) in self._city.alert_kinds:
                return kind
        for kind, declared in self._city.alert_kinds.items():
            if _same_words(declared.name, message.event):
                return kind
        return AlertKindId(f"cap.{plain(message.category, most=20).lower() or 'other'}")

    def _area(self, message: CapMessage) -> AreaCode:
        """Where the centre lies; without a drawing, what the codes say; else the whole city. Empty: it is about somewhere else, or about
        codes that this city does not have."""
        areas, root = self._city.areas, self._city.root
        if message.centre is not None:
            inside = [code for code, area in areas.items() if code != root and _contains(area.outline, message.centre)]
            if inside:
                return inside[-1]
            return root if _meets(self._city.bounds, message) else AreaCode("")
        codes = [AreaCode(code) for code in (*message.geocodes, message.region) if code]
        return next((code for code in codes if code in areas), AreaCode("") if codes else root)


def _same_words(name: Text, event: Text) -> bool:
    return bool((name.zh and name.zh == event.zh) or (name.en and name.en.casefold() == event.en.casefold()))


def _meets(bounds: tuple[float, float, float, float], message: CapMessage) -> bool:
    """Whether what the message draws can touch the city at all: their boxes overlap."""
    points = [p for ring in message.polygons for p in ring] + ([message.centre] if message.centre is not None else [])
    west, south, east, north = bounds
    lon, lat = [p.lon for p in points], [p.lat for p in points]
    return min(lon) <= east and max(lon) >= west and min(lat) <= north and max(lat) >= south


def _contains(rings: Iterable[tuple[Position, ...]], point: Position) -> bool:
    """Even-odd rule over all rings, so that holes are holes."""
    inside = False
    for ring in rings:
        for a, b in zip(ring, (*ring[1:], *ring[:1]), strict=False):
            if (a.lat > point.lat) != (b.lat > point.lat) and point.lon < (b.lon - a.lon) * (point.lat - a.lat) / (b.lat - a.lat) + a.lon:
                inside = not inside
    return inside


def _chunks(alerts: list[Alert]) -> Iterable[tuple[Alert, ...]]:
    for start in range(0, len(alerts), BATCH_ALERTS):
        yield tuple(alerts[start : start + BATCH_ALERTS])


def _scan(path: Path, known: dict[str, _Stamp]) -> _Scan:
    """Read every file at `path` that is new or has changed since `known`. Blocks: worker thread only. Never raises for what it finds."""
    scan = _Scan()
    try:
        files = sorted(_files(path))
    except OSError as fault:
        scan.missing = fault.strerror or str(fault)
        scan.stamps = known
        return scan
    scan.too_many = len(files) > MAX_FILES
    for file in files[:MAX_FILES]:
        try:
            _look(file, known, scan)
        except CapFault as fault:
            scan.faults.append((Path(file).name, str(fault)))
        except OSError as fault:
            scan.stamps[file] = _UNREADABLE  # it may become readable without changing
            if known.get(file) != _UNREADABLE:
                scan.faults.append((Path(file).name, fault.strerror or str(fault)))
    return scan


def _files(path: Path) -> Iterable[str]:
    if not path.is_dir():
        path.stat()  # says why there is nothing
        return [str(path)]
    with os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".")]


def _look(file: str, known: dict[str, _Stamp], scan: _Scan) -> None:
    about = Path(file).stat()
    if not stat.S_ISREG(about.st_mode):
        return  # a pipe would block for ever, a folder is not a message
    stamp = (about.st_mtime_ns, about.st_size)
    scan.stamps[file] = stamp
    if known.get(file) == stamp:
        return
    scan.files += 1
    with Path(file).open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    scan.messages.append((Path(file).name, parse(raw)))
