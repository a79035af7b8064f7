"""Reads city.toml, the pack's front page. Without a sound one there is no city, so here a fault is an error."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.citypack.fault import Faults
from app.domain.city import Domain
from app.domain.errors import DeckError
from app.domain.geo import Position
from app.domain.text import Text

FILE = "city.toml"


class _Domain(msgspec.Struct, frozen=True):
    id: str
    zh: str
    en: str


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """city.toml as written."""

    id: str
    root: str
    zone: str
    bounds: tuple[float, float, float, float]
    name: Text
    phenomena: tuple[str, ...]
    domains: tuple[_Domain, ...]


def read_head(folder: Path) -> Head:
    """The front page. Raises DeckError with file, line and remedy when it cannot be used."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        remedy = "choose a folder of resources/cities, or add city.toml"
        raise DeckError("this folder is not a city pack: it has no city.toml", where=f"{path}:1", remedy=remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeckError(f"city.toml cannot be read: {error}", where=f"{path}:1", remedy="save it as UTF-8 text") from error
    try:
        head = msgspec.convert(tomllib.loads(text), Head)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise DeckError(f"city.toml is not valid TOML: {error}", where=f"{path}:{line}", remedy="correct this line") from error
    except msgspec.ValidationError as error:
        key = re.search(r"(?:field `|at `\$\.)(\w+)", str(error))
        line = line_of(text, key[1] if key else "")
        raise DeckError(
            f"city.toml cannot be used: {error}", where=f"{path}:{line}", remedy="see resources/cities/README.md for what belongs there"
        ) from error
    _check(head, path, text)
    return head


def line_of(text: str, key: str) -> int:
    """The line on which a top-level key or table is written; 1 where it is not."""
    found = re.search(rf"^\s*\[*\s*{re.escape(key)}\b", text, re.MULTILINE) if key else None
    return text.count("\n", 0, found.end()) + 1 if found else 1


def root_error(folder: Path, root: str, what: str) -> DeckError:
    """The error for a root area that the pack does not describe."""
    path = folder / FILE
    line = line_of(path.read_text(encoding="utf-8-sig"), "root")
    return DeckError(what, where=f"{path}:{line}", remedy=f"write the code of the city's own row in areas.csv as root, or mend the row {root}")


def read_domains(folder: Path, head: Head, faults: Faults) -> dict[str, Domain]:
    """The domains in their order; one without both names or with an id seen before is left out."""
    text = (folder / FILE).read_text(encoding="utf-8-sig")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*domains\s*\]\]", line)]
    domains: dict[str, Domain] = {}
    for index, domain in enumerate(head.domains):
        line = lines[index] if index < len(lines) else line_of(text, "domains")
        if not (domain.id and domain.zh and domain.en):
            faults.add(FILE, line, "a domain lacks its id or a name", "write id, zh and en")
        elif domain.id in domains:
            faults.add(FILE, line, f"the domain {domain.id} is there twice", "take one out")
        else:
            domains[domain.id] = Domain(id=domain.id, name=Text(domain.zh, domain.en))
    return domains


def _check(head: Head, path: Path, text: str) -> None:
    west, south, east, north = head.bounds
    for key, good, remedy in (
        ("id", bool(head.id), "write a short name without blanks"),
        ("name", bool(head.name.zh and head.name.en), "write both zh and en"),
        (
            "bounds",
            west < east and south < north and Position(west, south).valid and Position(east, north).valid,
            "write west, south, east, north in degrees",
        ),
        ("zone", _zone_exists(head.zone), "write an IANA name such as Asia/Shanghai; where the system has no time zones, install tzdata"),
    ):
        if not good:
            raise DeckError(f"{key} in city.toml cannot be used", where=f"{path}:{line_of(text, key)}", remedy=remedy)


def _zone_exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
