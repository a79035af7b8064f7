"""Reads the pack's GeoJSON layers: outlines of areas and the coast. WGS-84 (or CGCS2000) degrees only; converts nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import msgspec

from app.citypack.fault import Faults
from app.domain.geo import Position
from app.domain.ids import AreaCode

Ring = tuple[Position, ...]
T = TypeVar("T")


class _Code(msgspec.Struct, frozen=True):
    code: str = ""


class _Polygon(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    coordinates: tuple[Ring, ...]


class _MultiPolygon(msgspec.Struct, frozen=True, tag_field="type", tag="MultiPolygon"):
    coordinates: tuple[tuple[Ring, ...], ...]


class _Line(msgspec.Struct, frozen=True, tag_field="type", tag="LineString"):
    coordinates: Ring


class _MultiLine(msgspec.Struct, frozen=True, tag_field="type", tag="MultiLineString"):
    coordinates: tuple[Ring, ...]


class _District(msgspec.Struct, frozen=True):
    properties: _Code
    geometry: _Polygon | _MultiPolygon


class _Coast(msgspec.Struct, frozen=True):
    geometry: _Line | _MultiLine


class _Features(msgspec.Struct, frozen=True):
    features: tuple[msgspec.Raw, ...] = ()


def read_outlines(folder: Path, file: str, known: frozenset[AreaCode], faults: Faults) -> dict[AreaCode, tuple[Ring, ...]]:
    """Outer rings of each area, by the feature's property `code`."""
    found: dict[AreaCode, tuple[Ring, ...]] = {}
    for line, district in _features(folder, file, _District, faults):
        code = AreaCode(district.properties.code)
        if code not in known:
            faults.add(file, line, f"the area {code!r} is not in areas.csv", "add the area there or take the feature out")
        elif code in found:
            faults.add(file, line, f"the area {code} has a second feature", "join both into one MultiPolygon")
        else:
            shape = district.geometry
            polygons = (shape.coordinates,) if isinstance(shape, _Polygon) else shape.coordinates
            found[code] = tuple(rings[0] for rings in polygons if rings)
    return found


def read_lines(folder: Path, file: str, faults: Faults) -> tuple[Ring, ...]:
    """All lines of a layer."""
    lines: list[Ring] = []
    for _line, feature in _features(folder, file, _Coast, faults):
        shape = feature.geometry
        lines.extend((shape.coordinates,) if isinstance(shape, _Line) else shape.coordinates)
    return tuple(lines)


def _features(folder: Path, file: str, kind: type[T], faults: Faults) -> list[tuple[int, T]]:
    try:
        text = (folder / file).read_bytes()
    except OSError as error:
        faults.add(file, 1, f"the layer cannot be read: {error.strerror}", "add the file; until then the map shows no outlines from it")
        return []
    try:
        collection = msgspec.json.decode(text, type=_Features)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        faults.add(
            file, _line_of_syntax_error(text), f"the layer is not a GeoJSON FeatureCollection: {error}", "export it again as GeoJSON in WGS-84"
        )
        return []
    decoder = msgspec.json.Decoder(kind)
    good: list[tuple[int, T]] = []
    start, line = 0, 1
    for raw in collection.features:
        # Raw carries no position; searching on from the last feature finds it and counts its lines on the way.
        at = text.find(bytes(raw), start)
        line += text.count(b"\n", start, at)
        start = at
        try:
            good.append((line, decoder.decode(raw)))
        except msgspec.DecodeError as error:
            faults.add(file, line, f"the feature cannot be used: {error}", "correct the feature's code and geometry or take it out")
    return good


def _line_of_syntax_error(text: bytes) -> int:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno
    except UnicodeDecodeError as error:
        return text.count(b"\n", 0, error.start) + 1
    return 1
