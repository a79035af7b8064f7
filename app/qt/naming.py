"""How records are called on screen: one wording for every panel."""

from __future__ import annotations

from app.citypack import CityPack
from app.domain.alert import ALERT_STATE_WORDS, Alert, Reality
from app.domain.case import Case
from app.domain.ids import AreaCode, DepartmentId, Millis
from app.domain.text import N_
from app.qt.words import Words

REALITY_WORDS: dict[Reality, str] = {
    Reality.ACTUAL: "",
    Reality.EXERCISE: N_("exercise"),
    Reality.TEST: N_("test"),
    Reality.SIMULATED: "",
}
"""Simulated says nothing a row: the whole desk says so, all the time."""
_SOURCE_WORDS = {"demo": N_("demo"), "rules": N_("this desk's rules")}
"""The links that the deck itself has named; all others are called as the person who set them up calls them."""


def area_name(city: CityPack, words: Words, code: AreaCode) -> str:
    """The area's name; its code where the pack does not know it; that it lies elsewhere where it has none."""
    if not code:
        return words.t(N_("not among this city's areas"))
    area = city.areas.get(code)
    return words.text(area.name) if area is not None else code


def owner_name(city: CityPack, words: Words, department: DepartmentId) -> str:
    """The department's short name."""
    found = city.departments.get(department)
    return words.text(found.short) if found is not None else department


def source_name(words: Words, source: str) -> str:
    """What the link is called."""
    return words.t(_SOURCE_WORDS.get(source, "")) or source


def alert_title(words: Words, alert: Alert) -> str:
    """The title, marked where the alert is not real."""
    mark = words.t(REALITY_WORDS[alert.reality])
    title = words.text(alert.title)
    return f"[{mark}] {title}" if mark else title


def alert_where(city: CityPack, words: Words, alert: Alert) -> str:
    """Area, place and where it came from."""
    source = source_name(words, alert.source.split(":")[0])
    return " · ".join(part for part in (area_name(city, words, alert.area), words.text(alert.place), source) if part)


def alert_standing(words: Words, alert: Alert, now: Millis) -> str:
    """The state in words, with who acknowledged it."""
    if alert.acknowledged is not None and alert.active:
        return words.t(N_("acknowledged by {who}"), who=alert.acknowledged.by)
    return words.t(ALERT_STATE_WORDS[alert.state])


def case_label(words: Words, case: Case) -> str:
    """Number and title; while the platform has given no number yet, that is said."""
    number = case.number or words.t(N_("(number pending)"))
    return f"{number}  {words.text(case.title)}"
