"""Reads rules.toml: the rules of a pack about alerts. Evaluates none of them; app.services does.

A pack may do without the file. A mistake in it costs the rule it is in and no other; when the file is read again while the desk runs, a rule
that cannot be read any more stays as it last was, since an alarm must not vanish over a slip of the pen.
"""

from __future__ import annotations

import math
import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from app.citypack.fault import BadRow, Faults, PackFault
from app.citypack.rows import SEVERITIES
from app.domain.city import AlertKind, Indicator
from app.domain.errors import DeckError
from app.domain.ids import AlertKindId, AreaCode, IndicatorId, SourceName
from app.domain.rule import (
    ANY_LINK,
    STANDARD_ESCALATIONS,
    AlarmLoad,
    Combination,
    Count,
    Escalation,
    EscalationLevel,
    Rate,
    Rule,
    RuleId,
    Rules,
    Side,
    Silence,
    Suppression,
    Threshold,
)
from app.domain.severity import Severity
from app.domain.text import Text

if TYPE_CHECKING:
    from app.citypack.pack import CityPack

FILE = "rules.toml"
_LOAD, _ESCALATIONS, _SUPPRESSIONS, _RULES = "load", "escalations", "suppressions", "rules"
_SECTIONS = (_LOAD, _ESCALATIONS, _SUPPRESSIONS, _RULES)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_]+)\s*\]")
_HOUR_S, _MINUTE_S, _DAY_S = 3_600, 60, 86_400
_TITLE_FIELDS = frozenset({"place", "value", "limit", "unit"})
_SEE = "see the section rules.toml in resources/cities/README.md"
T = TypeVar("T")


# --- the file as written -----------------------------------------------------------------------------------------------------


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every rule may say. Seconds, since that is what people write."""

    id: str
    raises: str = ""
    severity: str = ""
    title: Text = Text()
    areas: tuple[str, ...] = ()
    on_delay_s: float = 0
    off_delay_s: float = 0


class _WrittenLimit(_Written, frozen=True, kw_only=True):
    indicator: str
    above: float | None = None
    below: float | None = None
    deadband: float = 0


class _WrittenThreshold(_WrittenLimit, frozen=True, kw_only=True, tag="threshold"):
    pass


class _WrittenCount(_WrittenLimit, frozen=True, kw_only=True, tag="count"):
    times: int
    window_s: float


class _WrittenRate(_WrittenLimit, frozen=True, kw_only=True, tag="rate"):
    window_s: float


class _WrittenSilence(_Written, frozen=True, kw_only=True, tag="silence"):
    indicator: str = ""
    link: str = ""
    for_s: float


class _WrittenCombination(_Written, frozen=True, kw_only=True, tag="combination"):
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    least: int = 1


_WrittenRule = _WrittenThreshold | _WrittenCount | _WrittenRate | _WrittenSilence | _WrittenCombination


class _WrittenSuppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    kinds: tuple[str, ...]
    by: str
    where: str = "area"
    reason: Text


class _WrittenEscalation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    severity: str
    minutes: tuple[float, ...]


class _WrittenLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    window_s: float = 600
    flood_entry: int = 10
    flood_exit: int = 5
    quiet: int = 1
    chatter_s: float = 60
    shelve_min: float = 60


class _BadKey(BadRow):
    """A fault of one key of a table."""

    def __init__(self, key: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.key = key


# --- reading -----------------------------------------------------------------------------------------------------------------


def read_rules(folder: Path, city: CityPack, faults: Faults) -> Rules:
    """The rules of `city`, whose rules.toml lies in `folder`; the standard's figures alone where there is no such file. Blocks on the disk."""
    if not (folder / FILE).exists():
        return Rules()
    try:
        text, document = _document(folder / FILE)
    except DeckError as error:
        faults.add(FILE, int(error.where.rpartition(":")[2]), error.what, error.remedy)
        return Rules()
    return _Reader(city, text, document, faults).read()


def reread_rules(folder: Path, city: CityPack, last: Rules) -> tuple[Rules, tuple[PackFault, ...]]:
    """The rules as the file has them now, and what is wrong with it. A rule that cannot be used any more stays as `last` has it, and so do the
    figures; a faulty suppression is left out, since to show too much is the safe side. Raises DeckError where the whole file cannot be
    used. Blocks on the disk; may run on any thread."""
    text, document = _document(folder / FILE)
    faults = Faults()
    return _Reader(city, text, document, faults, last).read(), faults.all()


def _document(path: Path) -> tuple[str, dict[str, object]]:
    """The file's text and tables. Raises DeckError with "<path>:<line>" as `where`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DeckError("rules.toml is missing", where=f"{path}:1", remedy="put it back, or start the desk anew without it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeckError(f"rules.toml cannot be read: {error}", where=f"{path}:1", remedy="save it as UTF-8 text") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise DeckError(f"rules.toml is not valid TOML: {error}", where=f"{path}:{line}", remedy="correct this line") from error


class _Reader:
    """One reading of one file."""

    def __init__(self, city: CityPack, text: str, document: Mapping[str, object], faults: Faults, last: Rules | None = None) -> None:
        self._city = city
        self._document = document
        self._faults = faults
        self._last = last or Rules()
        self._before = {rule.id: rule for rule in self._last.rules}
        self._lines = _lines_of_keys(text)

    def read(self) -> Rules:
        for name in self._document.keys() - set(_SECTIONS):
            self._add(name, 0, "", "", f"{name!r} is no part of this file", f"write one of {', '.join(_SECTIONS)}")
        return Rules(
            rules=self._rules(),
            suppressions=self._suppressions(),
            escalations=self._escalations(),
            load=self._load(),
        )

    # --- the sections --------------------------------------------------------------------------------------------------------

    def _rules(self) -> tuple[Rule, ...]:
        ready: dict[RuleId, Rule] = {}
        combined: dict[RuleId, tuple[int, _WrittenCombination]] = {}
        seen: set[str] = set()
        for number, table in enumerate(self._tables(_RULES)):
            name = str(table.get("id", ""))
            with _Told(self, _RULES, number, name) as told:
                if name in seen:
                    raise _BadKey("id", f"the id {name!r} is there twice", "take one out or rename it")
                seen.add(name)
                written = cast("_WrittenRule", _convert(table, _WrittenRule))
                _check_id(written.id)
                if isinstance(written, _WrittenCombination):
                    combined[RuleId(written.id)] = number, written
                else:
                    ready[RuleId(written.id)] = self._rule(written)
            if told.bad and name not in ready and (before := self._before.get(RuleId(name))) is not None and not isinstance(before, Combination):
                ready[before.id] = before
        self._combine(combined, ready)
        self._drop_idle(ready)
        return tuple(ready.values())

    def _suppressions(self) -> tuple[Suppression, ...]:
        ready: dict[str, Suppression] = {}
        for number, table in enumerate(self._tables(_SUPPRESSIONS)):
            with _Told(self, _SUPPRESSIONS, number, str(table.get("id", ""))):
                suppression = self._suppression(_convert(table, _WrittenSuppression))
                if suppression.id in ready:
                    raise _BadKey("id", f"the id {suppression.id!r} is there twice", "take one out or rename it")
                _check_no_circle(suppression, ready.values())
                ready[suppression.id] = suppression
        return tuple(ready.values())

    def _escalations(self) -> tuple[Escalation, ...]:
        standing = {e.severity: e for e in STANDARD_ESCALATIONS}
        named: set[Severity] = set()
        for number, table in enumerate(self._tables(_ESCALATIONS)):
            with _Told(self, _ESCALATIONS, number, str(table.get("severity", ""))) as told:
                written = _convert(table, _WrittenEscalation)
                severity = _severity(written.severity)
                if severity in named:
                    raise _BadKey("severity", f"{written.severity} is there twice", "take one out")
                standing[severity] = _escalation(severity, written.minutes)
                named.add(severity)
            if told.bad and (severity := SEVERITIES.get(str(table.get("severity", "")))) is not None and severity not in named:
                standing[severity] = self._last.escalation(severity)
        return tuple(standing[severity] for severity in Severity)

    def _load(self) -> AlarmLoad:
        table = self._document.get(_LOAD, {})
        with _Told(self, _LOAD, 0, ""):
            if not isinstance(table, dict):
                raise _BadKey("", "load is not a table", "write [load] and its keys below it")
            return _alarm_load(_convert(cast("dict[str, object]", table), _WrittenLoad))
        return self._last.load

    # --- one rule ------------------------------------------------------------------------------------------------------------

    def _rule(self, written: _WrittenThreshold | _WrittenCount | _WrittenRate | _WrittenSilence) -> Rule:
        if isinstance(written, _WrittenSilence):
            return self._silence(written)
        indicator = self._indicator(written.indicator)
        side, limit = _side(written)
        common = self._common(written, self._areas(written, lambda area: self._city.measured(indicator.id, area)), numbers=True, indicator=indicator)
        common |= {"indicator": indicator.id, "side": side, "limit": limit, "deadband": _number("deadband", written.deadband, least=0)}
        if isinstance(written, _WrittenThreshold):
            return Threshold(**common)
        if isinstance(written, _WrittenCount):
            if written.times < 2:
                raise _BadKey("times", f"times is {written.times}", "write 2 or more, or make it a threshold")
            return Count(**common, times=written.times, window_ms=_ms("window_s", written.window_s, least=1))
        window = _ms("window_s", written.window_s, least=_MINUTE_S, most=_HOUR_S)
        if window % 60_000:
            raise _BadKey("window_s", f"window_s is {written.window_s:g}, not a whole number of minutes", "write a multiple of 60, at most 3600")
        return Rate(**common, window_ms=window)

    def _silence(self, written: _WrittenSilence) -> Silence:
        if bool(written.indicator) == bool(written.link):
            raise _BadKey("indicator", "a silence is that of an indicator or of a link", "write one of indicator and link")
        for_ms = _ms("for_s", written.for_s, least=1)
        if written.link:
            # A link belongs to no district: its silence is the whole city's.
            common = self._common(written, (self._city.root,), numbers=False, indicator=None)
            return Silence(**common, link=SourceName(written.link), for_ms=for_ms)
        indicator = self._indicator(written.indicator)
        if for_ms < 2 * indicator.period_ms:
            least = 2 * indicator.period_ms // 1000
            raise _BadKey("for_s", f"{indicator.id} reports every {indicator.period_ms // 1000} s only", f"write at least {least} for for_s")
        areas = self._areas(written, lambda area: self._city.measured(indicator.id, area))
        return Silence(**self._common(written, areas, numbers=False, indicator=indicator), indicator=indicator.id, for_ms=for_ms)

    def _common(self, written: _Written, areas: tuple[AreaCode, ...], *, numbers: bool, indicator: Indicator | None) -> dict[str, Any]:
        kind = self._kind("raises", written.raises) if written.raises else None
        title = Text(written.title.zh or (kind.title.zh if kind else ""), written.title.en or (kind.title.en if kind else ""))
        if bool(written.title.zh) != bool(written.title.en):
            raise _BadKey("title", "the title is there in one language only", "write title = { zh = …, en = … }")
        for template in (title.zh, title.en):
            _check_title(template, numbers=numbers, unit=indicator is not None)
        return {
            "id": RuleId(written.id),
            "raises": kind.id if kind else None,
            "severity": _severity(written.severity) if written.severity else kind.severity if kind else Severity.MINOR,
            "title": title,
            "areas": areas,
            "on_delay_ms": _ms("on_delay_s", written.on_delay_s),
            "off_delay_ms": _ms("off_delay_s", written.off_delay_s),
        }

    def _areas(self, written: _Written, fits: Callable[[AreaCode], bool]) -> tuple[AreaCode, ...]:
        """The areas that are asked for, in the pack's order; by default all that fit."""
        city = self._city
        asked: set[AreaCode] = set()
        for word in written.areas:
            if word == "city":
                asked.add(city.root)
            elif word == "districts":
                asked |= {area for area in city.areas if area != city.root and fits(area)}
            elif word not in city.areas:
                raise _BadKey("areas", f"the area {word!r} is unknown", "use city, districts, or codes of areas.csv")
            else:
                asked.add(AreaCode(word))
        if strange := [area for area in city.areas if area in asked and not fits(area)]:
            raise _BadKey("areas", f"there is nothing to watch in the area {strange[0]}", "take it out of areas")
        areas = tuple(area for area in city.areas if fits(area) and (not written.areas or area in asked))
        if not areas:
            raise _BadKey("areas", "there is no area to watch", "name areas where it is measured")
        return areas

    def _indicator(self, name: str) -> Indicator:
        indicator = self._city.indicators.get(IndicatorId(name))
        if indicator is None:
            raise _BadKey("indicator", f"the indicator {name} is unknown", "use an id of indicators.csv that can be used")
        return indicator

    def _kind(self, key: str, name: str) -> AlertKind:
        kind = self._city.alert_kinds.get(AlertKindId(name))
        if kind is None:
            raise _BadKey(key, f"the alert kind {name} is unknown", "use an id of alert-kinds.csv that can be used, or add it there")
        return kind

    # --- combinations --------------------------------------------------------------------------------------------------------

    def _combine(self, combined: dict[RuleId, tuple[int, _WrittenCombination]], ready: dict[RuleId, Rule]) -> None:
        """Add every combination after what it is made of."""
        waiting = dict(combined)
        while True:
            able = [name for name, (_, written) in waiting.items() if not set(_parts(written)) & waiting.keys()]
            if not able:
                break
            for name in able:
                number, written = waiting.pop(name)
                with _Told(self, _RULES, number, name) as told:
                    ready[name] = self._combination(written, ready)
                if told.bad:
                    self._keep_combination(name, ready)
        for name, (number, _) in waiting.items():
            self._add(_RULES, number, name, "all", "it is made of combinations that lead back to it", "take one of them out")
            self._keep_combination(name, ready)

    def _keep_combination(self, name: RuleId, ready: dict[RuleId, Rule]) -> None:
        before = self._before.get(name)
        if isinstance(before, Combination) and all(part in ready for part in before.of):
            ready[name] = before

    def _combination(self, written: _WrittenCombination, ready: Mapping[RuleId, Rule]) -> Combination:
        if bool(written.all) == bool(written.any):
            raise _BadKey("all", "a combination is all of some rules, or any of some", "write one of all and any")
        parts = _parts(written)
        key = "all" if written.all else "any"
        if len(set(parts)) != len(parts) or len(parts) < 2:
            raise _BadKey(key, "a combination is made of two different rules at least", f"write their ids in {key}")
        for part in parts:
            if part not in ready:
                raise _BadKey(key, f"the rule {part} is unknown or was left out", "use the id of a rule of this file that can be used")
            rule = ready[part]
            if isinstance(rule, Silence) and rule.link == ANY_LINK:
                raise _BadKey(key, f"the rule {part} is about any link, each for itself", "name a rule about one link")
        least = len(parts) if written.all else written.least
        if not 1 <= least <= len(parts):
            raise _BadKey("least", f"least is {least}, of {len(parts)}", f"write 1 to {len(parts)}")
        areas = self._areas(written, lambda area: sum(area in ready[part].areas for part in parts) >= least)
        return Combination(**self._common(written, areas, numbers=False, indicator=None), of=parts, least=least)

    def _drop_idle(self, ready: dict[RuleId, Rule]) -> None:
        """A rule that raises nothing must be a part of something, be that left out for a fault of its own."""
        tables = self._tables(_RULES)
        numbers = {str(table.get("id", "")): number for number, table in enumerate(tables)}
        lists = [table.get(key) for table in tables for key in ("all", "any")]
        used = {str(part) for parts in lists if isinstance(parts, list) for part in cast("list[object]", parts)}
        for name in [name for name, rule in ready.items() if rule.raises is None and name not in used]:
            self._add(_RULES, numbers[name], name, "id", "it raises nothing, and no combination is made of it", "write raises, or take it out")
            del ready[name]

    # --- the rest ------------------------------------------------------------------------------------------------------------

    def _suppression(self, written: _WrittenSuppression) -> Suppression:
        _check_id(written.id)
        by = self._kind("by", written.by)
        kinds = [self._kind("kinds", name) for name in written.kinds]
        if not kinds or by in kinds:
            raise _BadKey("kinds", "a suppression hides other kinds than the one that explains them", "write their ids in kinds")
        if worse := next((kind for kind in kinds if kind.severity < by.severity), None):
            raise _BadKey("kinds", f"{worse.id} is worse than {by.id} and must not be hidden by it", f"take {worse.id} out of kinds")
        if written.where not in ("area", "city"):
            raise _BadKey("where", f"where is {written.where!r}", "write area or city")
        if not (written.reason.zh and written.reason.en):
            raise _BadKey("reason", "the reason is missing in a language", "write reason = { zh = …, en = … }")
        return Suppression(id=written.id, kinds=tuple(kind.id for kind in kinds), by=by.id, whole_city=written.where == "city", reason=written.reason)

    def _tables(self, section: str) -> list[dict[str, object]]:
        """The tables of a section; none, and a fault, where it is something else."""
        found = self._document.get(section, [])
        if isinstance(found, list) and all(isinstance(table, dict) for table in cast("list[object]", found)):
            return cast("list[dict[str, object]]", found)
        self._faults.add(FILE, self._line(section, 0, ""), f"{section} is not a list of tables", f"write [[{section}]] above each")
        return []

    def _line(self, section: str, number: int, key: str) -> int:
        tables = self._lines.get(section, [])
        if number >= len(tables):
            return 1
        return tables[number].get(key) or tables[number][""]

    def _add(self, section: str, number: int, name: str, key: str, what: str, remedy: str) -> None:
        about = {_RULES: f"rule {name}: ", _SUPPRESSIONS: f"suppression {name}: ", _ESCALATIONS: f"escalation {name}: "}.get(section, "")
        self._faults.add(FILE, self._line(section, number, key), about + what, remedy)

    def told(self, section: str, number: int, name: str, bad: BadRow) -> None:
        """Record what is wrong with one table."""
        self._add(section, number, name, bad.key if isinstance(bad, _BadKey) else "", bad.what, bad.remedy)


class _Told:
    """Records what the body finds unusable as a fault of its table, and goes on after it; then `bad` is set."""

    def __init__(self, reader: _Reader, section: str, number: int, name: str) -> None:
        self._reader, self._section, self._number, self._name = reader, section, number, name
        self.bad = False

    def __enter__(self) -> _Told:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, BadRow):
            self.bad = True
            self._reader.told(self._section, self._number, self._name, error)
        return self.bad


# --- checks ------------------------------------------------------------------------------------------------------------------


def _convert(table: Mapping[str, object], to: type[T] | object) -> T:
    """The table as a record. Raises BadRow, naming the key."""
    try:
        return msgspec.convert(table, cast("type[T]", to))
    except msgspec.ValidationError as error:
        found = re.search(r"field `(\w+)`|at `\$\.(\w+)", str(error)) or re.search(r"value ['`\"]?(\w+)", str(error))
        key = next((group for group in found.groups() if group), "") if found else ""
        raise _BadKey("kind" if key not in table and "Invalid value" in str(error) else key, f"it cannot be used: {error}", _SEE) from None


def _check_id(word: str) -> None:
    if not _IDENTIFIER.fullmatch(word):
        raise _BadKey("id", f"the id {word!r} is not plain", "use lower-case letters, digits and underscores")


def _number(key: str, value: float, *, least: float = -math.inf, most: float = math.inf) -> float:
    if not math.isfinite(value) or not least <= value <= most:
        raise _BadKey(key, f"{key} is {value:g}, outside {least:g} to {most:g}", f"correct {key}")
    return value


def _ms(key: str, seconds: float, *, least: float = 0, most: float = _DAY_S) -> int:
    return round(_number(key, seconds, least=least, most=most) * 1000)


def _severity(word: str) -> Severity:
    if word not in SEVERITIES:
        raise _BadKey("severity", f"severity is {word!r}", f"write one of {', '.join(SEVERITIES)} for severity")
    return SEVERITIES[word]


def _side(written: _WrittenLimit) -> tuple[Side, float]:
    if (written.above is None) == (written.below is None):
        raise _BadKey("above", "a limit is above or below something", "write one of above and below")
    if written.above is not None:
        return Side.ABOVE, _number("above", written.above)
    return Side.BELOW, _number("below", cast("float", written.below))


def _parts(written: _WrittenCombination) -> tuple[RuleId, ...]:
    return tuple(RuleId(part) for part in written.all or written.any)


def _check_title(template: str, *, numbers: bool, unit: bool) -> None:
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise _BadKey("title", f"the title {template!r} cannot be filled in: {error}", "close every brace") from None
    if strange := fields - _TITLE_FIELDS:
        raise _BadKey("title", f"the title has the unknown field {{{min(strange)}}}", "use {place}, {value}, {limit} and {unit} only")
    has = _TITLE_FIELDS - (frozenset() if numbers else {"value", "limit"}) - (frozenset() if unit else {"unit"})
    if missing := fields - has:
        raise _BadKey("title", f"the title shows {{{min(missing)}}}, which this kind of rule does not have", "write a title without it")


def _check_no_circle(new: Suppression, others: Sequence[Suppression] | object) -> None:
    """What explains must never be hidden, over however many steps, by what it explains: both would be gone."""
    hides: dict[AlertKindId, set[AlertKindId]] = {}
    for rule in (*cast("Sequence[Suppression]", others), new):
        hides.setdefault(rule.by, set()).update(rule.kinds)
    reached: set[AlertKindId] = set()
    ahead = set(new.kinds)
    while ahead:
        reached |= ahead
        ahead = {kind for by in ahead for kind in hides.get(by, set())} - reached
    if new.by in reached:
        raise _BadKey("kinds", f"{new.by} would in the end hide itself", "take one of the suppressions between them out")


def _escalation(severity: Severity, minutes: tuple[float, ...]) -> Escalation:
    if len(minutes) > EscalationLevel.NEXT_GOVERNMENT:
        raise _BadKey("minutes", f"there are {len(minutes)} levels", "write three numbers at most: louder, next role, next government")
    after = tuple(round(_number("minutes", m, least=0, most=_DAY_S / 60) * 60_000) for m in minutes)
    if list(after) != sorted(set(after)):
        raise _BadKey("minutes", "the minutes do not ascend", "write each level's minutes larger than the one before")
    return Escalation(severity=severity, after_ms=after)


def _alarm_load(written: _WrittenLoad) -> AlarmLoad:
    for key, least in (("flood_entry", 1), ("flood_exit", 1), ("quiet", 0)):
        _number(key, float(getattr(written, key)), least=least)
    if not written.quiet <= written.flood_entry >= written.flood_exit:
        raise _BadKey("flood_entry", "a flood must not begin below where it ends or below what is quiet", "raise flood_entry")
    return AlarmLoad(
        window_ms=_ms("window_s", written.window_s, least=1),
        flood_entry=written.flood_entry,
        flood_exit=written.flood_exit,
        quiet=written.quiet,
        chatter_ms=_ms("chatter_s", written.chatter_s, least=1),
        shelve_ms=_ms("shelve_min", written.shelve_min * 60, least=60),
    )


def _lines_of_keys(text: str) -> dict[str, list[dict[str, int]]]:
    """For each section and each of its tables, the line of every key; "" is the table's header."""
    found: dict[str, list[dict[str, int]]] = {}
    table: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = {"": number}
            found.setdefault(header[2], []).append(table)
        elif key := re.match(r"\s*([A-Za-z0-9_]+)\s*[.=]", line):
            table.setdefault(key[1], number)
    return found
