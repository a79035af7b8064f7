"""Arrangements of panels as data: a seat's default is a checked tree of rows, columns and tabbed groups, and can be turned into a dock state.

A dock state is the XML text that the docking library writes and reads. It is composed and checked here, so that only text that is known to fit
ever reaches the library (which says yes to a state that names panels it does not have). No Qt here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.domain.role import Seat

MAX_STATE = 1_000_000
"""Bytes; a longer dock state is not even read."""
_GAP = 4


class LayoutFault(ValueError):
    """An arrangement that cannot be shown: a bug in the declaration, found when it is made."""


@dataclass(frozen=True, slots=True)
class Group:
    """Panels that share one place as tabs; the first is in front. `share` weighs it among its neighbours.

    `bare`: no title bar while only one of them is open, for a panel that says itself what it is.
    """

    panels: tuple[str, ...]
    share: float = 1.0
    bare: bool = False

    def __post_init__(self) -> None:
        if not self.panels:
            raise LayoutFault("a group without a panel")
        if self.share <= 0:
            raise LayoutFault(f"the share of {self.panels} is not above 0")


@dataclass(frozen=True, slots=True)
class Split:
    """Parts side by side (row) or one above the other (column)."""

    kind: Literal["row", "column"]
    parts: tuple[Split | Group, ...]
    share: float = 1.0

    def __post_init__(self) -> None:
        if not self.parts:
            raise LayoutFault(f"a {self.kind} without parts")
        if self.share <= 0:
            raise LayoutFault(f"the share of a {self.kind} is not above 0")


def row(*parts: Split | Group, share: float = 1.0) -> Split:
    """Parts side by side."""
    return Split("row", parts, share)


def column(*parts: Split | Group, share: float = 1.0) -> Split:
    """Parts one above the other."""
    return Split("column", parts, share)


def group(*panels: str, share: float = 1.0, bare: bool = False) -> Group:
    """Panels as tabs of one place."""
    return Group(panels, share, bare)


@dataclass(frozen=True, slots=True)
class Layout:
    """A named arrangement for one seat."""

    name: str
    seat: Seat
    arrangement: Split

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise LayoutFault("a layout without a name")
        seen = list(_panels(self.arrangement))
        twice = {p for p in seen if seen.count(p) > 1}
        if twice:
            raise LayoutFault(f"{', '.join(sorted(twice))} stands in layout {self.name} more than once")

    @property
    def panels(self) -> tuple[str, ...]:
        """Every panel it shows, in reading order."""
        return tuple(_panels(self.arrangement))

    @property
    def mark(self) -> str:
        """Changes whenever the arrangement does: an operator's changes to another arrangement are not laid over this one."""
        return hashlib.sha256(repr(self.arrangement).encode()).hexdigest()[:16]

    def only(self, known: Iterable[str]) -> Layout:
        """The same without the panels that are not in `known`; places that become empty go. Raises LayoutFault where nothing is left."""
        kept = _pruned(self.arrangement, frozenset(known))
        if kept is None:
            raise LayoutFault(f"none of the panels of layout {self.name} exists")
        return Layout(self.name, self.seat, kept if isinstance(kept, Split) else row(kept))


def compose(layout: Layout, others: Iterable[str], width: int, height: int) -> bytes:
    """The dock state of `layout` for a place of width × height pixels. `others` are closed, as tabs of the largest group, where they open."""
    root = Element("QtAdvancedDockingSystem", Version="1", UserVersion="0", Containers="1")
    container = SubElement(root, "Container", Floating="0")
    home, _ = max(_groups(layout.arrangement, 1.0), key=lambda g: g[1])
    shut = tuple(p for p in others if p not in layout.panels)
    _write(container, layout.arrangement, width, height, home, shut)
    return tostring(root, encoding="utf-8", xml_declaration=True)


def fault_of(state: bytes, panels: Iterable[str]) -> str | None:
    """Why `state` does not fit a desk with exactly these `panels`; None where it does."""
    if len(state) > MAX_STATE:
        return "too long"
    try:
        root = fromstring(state.decode("utf-8"))
    except (ParseError, UnicodeDecodeError, DefusedXmlException, ValueError) as fault:
        return f"not readable: {fault}"
    if root.tag != "QtAdvancedDockingSystem" or root.get("Version") != "1":
        return "of another kind or version"
    containers = root.findall("Container")
    if not containers or str(len(containers)) != root.get("Containers") or containers[0].get("Floating") != "0":
        return "its windows do not add up"
    for element in root.iter():
        if (fault := _fault_in(element)) is not None:
            return fault
    named = [w.get("Name", "") for w in root.iter("Widget")]
    known = set(panels)
    if len(named) != len(set(named)):
        return "names a panel twice"
    if unknown := set(named) - known:
        return f"names panels that do not exist: {', '.join(sorted(unknown))}"
    if missing := known - set(named):
        return f"says nothing about {', '.join(sorted(missing))}"
    return None


def signature(state: bytes) -> str:
    """What makes two dock states the same arrangement to a person: the tree, open panels and rounded proportions, not the pixels."""
    root = fromstring(state.decode("utf-8"))
    for splitter in root.iter("Splitter"):
        sizes = splitter.find("Sizes")
        if sizes is None:
            continue
        parts = [part for part in splitter if part.tag in ("Splitter", "Area")]
        # What is closed has whatever size it had last.
        seen = [any(w.get("Closed") == "0" for w in part.iter("Widget")) for part in parts]
        pixels = [float(s) if shown else 0.0 for s, shown in zip((sizes.text or "").split(), seen, strict=True)]
        total = sum(pixels) or 1.0
        sizes.text = " ".join(f"{p / total:.2f}" for p in pixels)
    return tostring(root, encoding="unicode")


def _panels(part: Split | Group) -> Iterator[str]:
    if isinstance(part, Group):
        yield from part.panels
    else:
        for inner in part.parts:
            yield from _panels(inner)


def _groups(part: Split | Group, size: float) -> Iterator[tuple[Group, float]]:
    if isinstance(part, Group):
        yield part, size
        return
    total = sum(p.share for p in part.parts)
    for inner in part.parts:
        yield from _groups(inner, size * inner.share / total)


def _pruned(part: Split | Group, known: frozenset[str]) -> Split | Group | None:
    if isinstance(part, Group):
        kept = tuple(p for p in part.panels if p in known)
        return Group(kept, part.share, part.bare) if kept else None
    parts = tuple(p for p in (_pruned(inner, known) for inner in part.parts) if p is not None)
    return Split(part.kind, parts, part.share) if parts else None


def _write(parent: Element, part: Split | Group, width: int, height: int, home: Group, shut: tuple[str, ...]) -> None:
    if isinstance(part, Group):
        inside = (*part.panels, *(shut if part is home else ()))
        area = SubElement(parent, "Area", Tabs=str(len(inside)), Current=part.panels[0])
        if part.bare:
            area.set("Flags", "1")
        for panel in inside:
            SubElement(area, "Widget", Name=panel, Closed="0" if panel in part.panels else "1")
        return
    across = part.kind == "row"
    # The library calls a splitter whose parts lie side by side "|", after the line that is dragged.
    splitter = SubElement(parent, "Splitter", Orientation="|" if across else "-", Count=str(len(part.parts)))
    room = max(len(part.parts), (width if across else height) - _GAP * (len(part.parts) - 1))
    total = sum(p.share for p in part.parts)
    sizes = [max(1, round(room * p.share / total)) for p in part.parts]
    for inner, size in zip(part.parts, sizes, strict=True):
        _write(splitter, inner, size if across else width, height if across else size, home, shut)
    SubElement(splitter, "Sizes").text = " ".join(map(str, sizes)) + " "


def _fault_in(element: Element) -> str | None:
    if element.tag == "Splitter":
        parts = [c for c in element if c.tag in ("Splitter", "Area")]
        sizes = (element.findtext("Sizes") or "").split()
        if element.get("Orientation") not in ("|", "-") or element.get("Count") != str(len(parts)) or len(sizes) != len(parts):
            return "a row or column does not add up"
        if not all(s.isdigit() for s in sizes):
            return "a size is not a number"
    elif element.tag == "Area":
        tabs = element.findall("Widget")
        if not tabs or element.get("Tabs") != str(len(tabs)):
            return "a group does not add up"
    elif element.tag == "Widget" and element.get("Closed") not in ("0", "1"):
        return "a panel is neither open nor closed"
    return None
