"""Reads one Common Alerting Protocol 1.1 or 1.2 message: from hostile bytes to a checked record. Pure; knows no files, no city, no clock.

The XML is parsed with DTDs, entities and external references forbidden. Whatever cannot be read raises CapFault with the reason; a drawing
that cannot be true costs the drawing (see `CapMessage.faults`), not the warning. Safe on any thread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml.common import DefusedXmlException, DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import fromstring

from app.domain.alert import AlertStep, Reality
from app.domain.geo import EARTH_RADIUS_M, Position
from app.domain.ids import AlertId, Millis
from app.domain.severity import Severity
from app.domain.text import N_, Text, plain

MAX_BYTES = 2 * 1024 * 1024
MAX_TITLE = 300
MAX_ADVICE = 4_000
MAX_ID = 200
CIRCLE_CORNERS = 32
MAX_RADIUS_KM = 5_000.0
NAMESPACES = ("urn:oasis:names:tc:emergency:cap:1.2", "urn:oasis:names:tc:emergency:cap:1.1")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHINESE_ID = re.compile(r"[0-9A-Za-z]{14}_[0-9]{14}(_[0-9A-Za-z]+)?")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SPACES = re.compile(r"\s+")

_SEVERITIES = {"Extreme": Severity.EXTREME, "Severe": Severity.SEVERE, "Moderate": Severity.MODERATE, "Minor": Severity.MINOR}
_BY_URGENCY = {"Immediate": Severity.SEVERE, "Expected": Severity.MODERATE}
_REALITIES = {
    "Actual": Reality.ACTUAL,
    "Exercise": Reality.EXERCISE,
    "Test": Reality.TEST,
    "System": Reality.TEST,
    "Draft": Reality.TEST,
}


class CapFault(Exception):
    """The bytes are not a CAP message that can be taken; the text says why."""


class MessageType(StrEnum):
    """What a message does to those it refers to."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Reference(msgspec.Struct, frozen=True):
    """An earlier message that this one is about."""

    id: AlertId
    sent: Millis


class CapMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a deck needs of a message, cleaned and bounded. Times are UTC ms; positions WGS-84, longitude first."""

    id: AlertId
    region: str
    """First six characters of a Chinese identifier (GB/T 2260), else empty."""
    sent: Millis
    type: MessageType
    reality: Reality
    references: tuple[Reference, ...] = ()
    informs: bool = False
    """Whether it carries any `info` at all."""
    title: Text = Text()
    event: Text = Text()
    category: str = ""
    codes: tuple[str, ...] = ()
    """Values of eventCode."""
    geocodes: tuple[str, ...] = ()
    severity: Severity = Severity.MINOR
    place: Text = Text()
    advice: Text = Text()
    effective: Millis
    expires: Millis | None = None
    all_clear: bool = False
    """Every `info` says that the danger is over."""
    polygons: tuple[tuple[Position, ...], ...] = ()
    centre: Position | None = None
    faults: tuple[str, ...] = ()
    """Drawings that were left out, and why."""
    steps: tuple[AlertStep, ...] = ()
    """What the deck has to say of it in the alert's own history; a message that was only parsed has none."""


def parse(raw: bytes) -> CapMessage:
    """The message in `raw`. Raises CapFault."""
    if len(raw) > MAX_BYTES:
        raise CapFault(f"larger than {MAX_BYTES // 1024 // 1024} MiB")
    root = _root(raw)
    space = root.tag[1:].split("}", 1)[0] if root.tag.startswith("{") else ""
    if root.tag != f"{{{space}}}alert" or space not in NAMESPACES:
        raise CapFault(N_("not a CAP 1.1 or 1.2 message"))
    return _Reader(space).message(root)


def _root(raw: bytes) -> Element:
    try:
        return fromstring(raw, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DTDForbidden:
        raise CapFault(N_("a document type definition is forbidden")) from None
    except EntitiesForbidden:
        raise CapFault(N_("an entity declaration is forbidden")) from None
    except ExternalReferenceForbidden:
        raise CapFault(N_("an external reference is forbidden")) from None
    except ParseError as fault:
        raise CapFault(N_("not XML") + f": {fault}") from None
    except (DefusedXmlException, ValueError, LookupError) as fault:
        raise CapFault(N_("unreadable XML") + f": {fault}") from None


class _Reader:
    """Reads elements of one CAP namespace."""

    def __init__(self, space: str) -> None:
        self._space = space

    def message(self, root: Element) -> CapMessage:
        identifier, sender, sent_text = (self._needed(root, name) for name in ("identifier", "sender", "sent"))
        status, kind = self._needed(root, "status"), self._needed(root, "msgType")
        self._needed(root, "scope")
        if status not in _REALITIES:
            raise CapFault(f"unknown status {status[:40]!r}")
        if kind not in set(MessageType):
            raise CapFault(f"unknown msgType {kind[:40]!r}")
        sent = _moment(sent_text)
        if sent is None:
            raise CapFault(N_("sent is not a time") + f": {sent_text[:40]!r}")
        chinese = _CHINESE_ID.fullmatch(identifier) is not None
        infos = self._all(root, "info")
        geometry = _Geometry()
        for info in infos:
            self._draw(info, geometry)
        return CapMessage(
            id=_alert_id(sender, identifier, sent),
            region=identifier[:6] if chinese else "",
            sent=sent,
            type=MessageType(kind),
            reality=_REALITIES[status],
            references=_references(self._one(root, "references")),
            informs=bool(infos),
            title=self._title(infos, self._one(root, "note"), identifier),
            event=self._in_both(infos, lambda info: self._one(info, "event"), MAX_TITLE),
            category=next((self._one(info, "category") for info in infos), ""),
            codes=tuple(self._values(infos, "eventCode")),
            geocodes=tuple(self._values([area for info in infos for area in self._all(info, "area")], "geocode")),
            severity=min((self._severity(info) for info in infos), default=Severity.MINOR),
            place=self._in_both(infos, self._place, MAX_TITLE),
            advice=self._in_both(infos, self._advice, MAX_ADVICE, lines=True),
            effective=next((at for info in infos if (at := _moment(self._one(info, "effective"))) is not None), sent),
            expires=self._expires(infos),
            all_clear=bool(infos) and all("AllClear" in [_plain(e) for e in self._all(info, "responseType")] for info in infos),
            polygons=tuple(geometry.polygons),
            centre=geometry.centre(),
            faults=tuple(geometry.faults),
        )

    def _all(self, parent: Element, name: str) -> list[Element]:
        return parent.findall(f"{{{self._space}}}{name}")

    def _one(self, parent: Element, name: str) -> str:
        element = parent.find(f"{{{self._space}}}{name}")
        return "" if element is None else _plain(element)

    def _needed(self, root: Element, name: str) -> str:
        value = _line(self._one(root, name))
        if not value:
            raise CapFault(f"missing {name}")
        return value

    def _values(self, parents: Iterable[Element], name: str) -> Iterable[str]:
        for parent in parents:
            for element in self._all(parent, name):
                if value := self._one(element, "value"):
                    yield value

    def _in_both(self, infos: list[Element], phrase: Callable[[Element], str], limit: int, *, lines: bool = False) -> Text:
        """`phrase` of the first Chinese and of the first other `info` that has it; English goes before other languages."""
        zh = en = other = ""
        for info in infos:
            words = _clean(phrase(info), limit, lines=lines)
            language = (self._one(info, "language") or "en-US").lower()
            if language.startswith("zh"):
                zh = zh or words
            elif language.startswith("en"):
                en = en or words
            else:
                other = other or words
        return Text(zh=zh, en=en or other)

    def _title(self, infos: list[Element], note: str, identifier: str) -> Text:
        title = self._in_both(infos, lambda info: _line(self._one(info, "headline")) or _line(self._one(info, "event")), MAX_TITLE)
        if title == Text():
            return Text(en=_clean(_line(note) or identifier, MAX_TITLE))
        return title

    def _place(self, info: Element) -> str:
        return "; ".join(words for area in self._all(info, "area") if (words := _line(self._one(area, "areaDesc"))))

    def _advice(self, info: Element) -> str:
        return "\n\n".join(words for name in ("instruction", "description") if (words := self._one(info, name)))

    def _severity(self, info: Element) -> Severity:
        """The table of the house; where the sender does not know, how soon one has to act decides."""
        said = _SEVERITIES.get(self._one(info, "severity"))
        return said if said is not None else _BY_URGENCY.get(self._one(info, "urgency"), Severity.MINOR)

    def _expires(self, infos: list[Element]) -> Millis | None:
        """The latest end; None where any part has no end."""
        ends = [_moment(self._one(info, "expires")) for info in infos]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def _draw(self, info: Element, geometry: _Geometry) -> None:
        for area in self._all(info, "area"):
            for element in self._all(area, "polygon"):
                if text := _plain(element):
                    geometry.polygon(text)
            for element in self._all(area, "circle"):
                if text := _plain(element):
                    geometry.circle(text)


class _Geometry:
    """The drawings of one message, each once; those that cannot be true become faults."""

    def __init__(self) -> None:
        self.polygons: list[tuple[Position, ...]] = []
        self._centres: list[Position] = []
        self.faults: list[str] = []
        self._points: list[Position] = []
        self._seen: set[str] = set()

    def polygon(self, text: str) -> None:
        if not self._new(text):
            return
        points = [_point(pair) for pair in text.split()]
        corners = [point for point in points if point is not None]
        if len(corners) != len(points):
            self.faults.append(N_("polygon left out, a corner is not a place (latitude comes first)") + f": {text[:80]}")
        elif len(corners) < 4 or corners[0] != corners[-1]:
            self.faults.append(N_("polygon left out, it is not closed") + f": {text[:80]}")
        else:
            self.polygons.append(tuple(corners))
            self._centres.append(_centroid(self.polygons[-1]))

    def circle(self, text: str) -> None:
        if not self._new(text):
            return
        middle, _, radius_text = text.partition(" ")
        point, radius = _point(middle), _number(radius_text)
        if point is None or radius is None or not 0 <= radius <= MAX_RADIUS_KM:
            self.faults.append(N_("circle left out, it has no true centre (latitude comes first) or radius") + f": {text[:80]}")
        elif radius == 0:
            self._points.append(point)
        else:
            self.polygons.append(_ring(point, radius))
            self._centres.append(point)

    def centre(self) -> Position | None:
        """The middle of the largest drawing, or a bare point where nothing is drawn."""
        if self.polygons:
            return max(zip(self.polygons, self._centres, strict=True), key=lambda drawn: abs(_area(drawn[0])))[1]
        return self._points[0] if self._points else None

    def _new(self, text: str) -> bool:
        if text in self._seen:
            return False
        self._seen.add(text)
        return True


def _plain(element: Element) -> str:
    return (element.text or "").strip()


def _line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _clean(text: str, limit: int, *, lines: bool = False) -> str:
    """Without what hides or turns the reading round, at most `limit` characters; what is cut ends in an ellipsis."""
    return plain(_BREAK.sub("\n", text), lines=lines, most=limit)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _point(pair: str) -> Position | None:
    """ "lat,lon" as a position; None where it is none on Earth."""
    lat_text, _, lon_text = pair.partition(",")
    lat, lon = _number(lat_text), _number(lon_text)
    if lat is None or lon is None or not -90 <= lat <= 90 or not -180 <= lon <= 180:
        return None
    return Position(lon, lat)


def _moment(text: str) -> Millis | None:
    """An XML dateTime with an offset as UTC ms; "-00:00" (offset unknown) is taken as UTC. None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    at = (moment - _EPOCH) // timedelta(milliseconds=1)
    return Millis(at) if at >= 0 else None


def _alert_id(sender: str, identifier: str, sent: int) -> AlertId:
    """One identity however the time is written; a Chinese identifier is unique by itself."""
    whole = identifier if _CHINESE_ID.fullmatch(identifier) else f"{sender},{identifier},{sent}"
    return AlertId("cap:" + plain(whole)[:MAX_ID])


def _references(text: str) -> tuple[Reference, ...]:
    """ "sender,identifier,sent" triples, oldest first; what is none is passed over."""
    found: list[Reference] = []
    for item in text.split():
        parts = item.split(",")
        sent = _moment(parts[-1]) if len(parts) >= 3 else None
        if sent is not None:
            found.append(Reference(_alert_id(parts[0], ",".join(parts[1:-1]), sent), sent))
        elif _CHINESE_ID.fullmatch(item):
            found.append(Reference(_alert_id("", item, 0), Millis(0)))
    return tuple(sorted(found, key=lambda reference: reference.sent))


def _ring(centre: Position, radius_km: float) -> tuple[Position, ...]:
    """A closed ring of 32 corners around `centre` (great-circle destinations)."""
    lat, lon, arc = math.radians(centre.lat), math.radians(centre.lon), radius_km * 1_000 / EARTH_RADIUS_M
    corners: list[Position] = []
    for step in range(CIRCLE_CORNERS):
        bearing = 2 * math.pi * step / CIRCLE_CORNERS
        to_lat = math.asin(math.sin(lat) * math.cos(arc) + math.cos(lat) * math.sin(arc) * math.cos(bearing))
        across = math.sin(bearing) * math.sin(arc) * math.cos(lat)
        to_lon = lon + math.atan2(across, math.cos(arc) - math.sin(lat) * math.sin(to_lat))
        corners.append(Position((math.degrees(to_lon) + 540) % 360 - 180, math.degrees(to_lat)))
    return (*corners, corners[0])


def _area(ring: tuple[Position, ...]) -> float:
    """Signed area in square degrees: good enough to compare and to weigh."""
    return sum(a.lon * b.lat - b.lon * a.lat for a, b in pairwise(ring)) / 2


def _centroid(ring: tuple[Position, ...]) -> Position:
    """Centre of mass of a closed ring; the mean of the corners where it has no area. Reckoned from its first corner, for precision."""
    origin = ring[0]
    local = tuple(Position(p.lon - origin.lon, p.lat - origin.lat) for p in ring)
    area = _area(local)
    if abs(area) < 1e-12:
        corners = ring[:-1]
        return Position(sum(p.lon for p in corners) / len(corners), sum(p.lat for p in corners) / len(corners))
    lon = lat = 0.0
    for a, b in pairwise(local):
        cross = a.lon * b.lat - b.lon * a.lat
        lon += (a.lon + b.lon) * cross
        lat += (a.lat + b.lat) * cross
    return Position(origin.lon + lon / (6 * area), origin.lat + lat / (6 * area))
