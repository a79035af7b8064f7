"""Records from outside, made safe to show: words bounded and without what hides or turns the reading round, times that can be. Pure; no I/O.

What is cleaned or cut is kept and not counted: nothing that a person could read is lost by it. What cannot be true is named by a fault, and
whoever takes records in decides what it costs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.domain.alert import MAX_STEPS, Acknowledgement, Alert, AlertMove, AlertStep
from app.domain.aside import MAX_OUT_MS, MAX_SHELVED_MS, How, Scope, Shelf
from app.domain.camera import Camera
from app.domain.case import Case, CaseStep
from app.domain.command import MAX_COMMENT, Answer
from app.domain.geo import Position
from app.domain.ids import AlertKindId, AreaCode, Millis
from app.domain.text import N_, Text, plain
from app.domain.unit import Unit

MAX_TITLE = 300
MAX_PLACE = 300
MAX_ADVICE = 4_000
MAX_NAME = 100
"""Characters of a person's, a unit's, a camera's name, of a case's number, of a kind and of an area."""
MAX_REASON = 500
"""Of why a platform refused a command."""
MAX_ID = 240
MAX_VERSION = 2**31 - 1
MAX_CASE_STEPS = 1_000
MAX_RINGS = 200
MAX_CORNERS = 20_000
"""Of all warning areas of one alert together."""

MAX_VALUE = 1e30
"""No instrument shows more, either way."""
MIN_MILLIS = 946_684_800_000
"""The beginning of the year 2000, UTC ms: nothing that a desk hears of is older."""
MAX_MILLIS = 253_402_300_799_999
"""The end of the year 9999, UTC ms."""
MAX_AHEAD_MS = 86_400_000
"""No clock is wrong by more: what is further ahead is no time of this present."""


def fault_of_time(present: int, *times: int) -> str:
    """Why one of `times` (UTC ms) cannot be when something happened, seen at `present`; empty where all can."""
    for at in times:
        if MIN_MILLIS <= at <= present + MAX_AHEAD_MS and at <= MAX_MILLIS:
            continue
        if any(MIN_MILLIS <= at // finer <= present + MAX_AHEAD_MS for finer in (1_000, 1_000_000)):
            return N_("a time in microseconds or nanoseconds where milliseconds are meant")
        if MIN_MILLIS <= at <= MAX_MILLIS:
            return N_("a time more than a day in the future")
        return N_("a time before the year 2000") if at < MIN_MILLIS else N_("a time that no calendar has")
    return ""


def fault_of_moment(*times: int) -> str:
    """The same for times that may lie in any future, such as ends and limits."""
    return fault_of_time(MAX_MILLIS - MAX_AHEAD_MS, *times)


def fault_of_place(position: Position) -> str:
    """Why this is no place; empty where it is one."""
    return "" if -180 <= position.lon <= 180 and -90 <= position.lat <= 90 else N_("a place that is not on Earth")


def fault_of_id(*ids: str) -> str:
    """Why one of `ids` cannot name anything. An id is never cleaned or cut: it goes back to where it came from, and two must not become one."""
    for id in ids:
        if not (0 < len(id) <= MAX_ID and id.isprintable()):
            return N_("an id that is empty, too long or not printable")
    return ""


def fault_of_version(version: int) -> str:
    """Why this is no version; empty where it is one."""
    return "" if 0 <= version <= MAX_VERSION else N_("a version that cannot be")


def fault_of_shelf(shelf: Shelf, present: int) -> str:
    """Why a shelf must not hide anything; empty where it may."""
    longest = MAX_SHELVED_MS if shelf.how is How.SHELVED else MAX_OUT_MS
    if shelf.scope.empty or not shelf.reason.strip() or not 0 < shelf.until - shelf.at <= longest:
        return N_("alerts put aside without a scope, a reason or an end that may be")
    named = [id for id in (shelf.scope.alert, shelf.scope.series, shelf.scope.source) if id is not None]
    return fault_of_id(*named) or fault_of_time(present, shelf.at, *(() if shelf.ended_at is None else (shelf.ended_at,)))


# --- words -------------------------------------------------------------------------------------------------------------------


def words(text: Text, most: int, *, lines: bool = False) -> Text:
    """`text` cleaned and cut; the same object where nothing had to be done."""
    if _is_plain(text.zh, most) and _is_plain(text.en, most):
        return text
    zh, en = plain(text.zh, lines=lines, most=most), plain(text.en, lines=lines, most=most)
    return text if zh == text.zh and en == text.en else Text(zh, en)


def name(text: str) -> str:
    """A name or a code on one line."""
    return text if _is_plain(text, MAX_NAME) else plain(text, most=MAX_NAME)


def comment(text: str) -> str:
    """What somebody wrote, line by line."""
    return plain(text, lines=True, most=MAX_COMMENT)


def _is_plain(text: str, most: int) -> bool:
    """Whether `plain` would leave it as it is, which is quickly seen of by far the most words."""
    return len(text) <= most and text.isprintable() and text[:1] != " " and text[-1:] != " "


def _is_clean(alert: Alert) -> bool:
    """Whether `clean_alert` has nothing to do, seen in one look at all its words together."""
    if alert.acknowledged is not None or alert.steps:
        return False
    title, place, advice = alert.title, alert.place, alert.advice
    joined = "|".join(("", title.zh, title.en, place.zh, place.en, advice.zh, advice.en, alert.kind, alert.area, alert.owner, ""))
    if not joined.isprintable() or "| " in joined or " |" in joined or not (title.zh or title.en):
        return False
    return (
        max(len(title.zh), len(title.en)) <= MAX_TITLE
        and max(len(place.zh), len(place.en)) <= MAX_PLACE
        and max(len(advice.zh), len(advice.en)) <= MAX_ADVICE
        and max(len(alert.kind), len(alert.area), len(alert.owner)) <= MAX_NAME
    )


def clean_alert(alert: Alert) -> dict[str, Any]:
    """Those fields of `alert` that words had to be cleaned in."""
    if _is_clean(alert):
        return {}
    title = words(alert.title, MAX_TITLE)
    if not (title.zh or title.en):
        title = Text(alert.id, alert.id)
    changed: dict[str, Any] = {}
    if title is not alert.title:
        changed["title"] = title
    if (place := words(alert.place, MAX_PLACE)) is not alert.place:
        changed["place"] = place
    if (advice := words(alert.advice, MAX_ADVICE, lines=True)) is not alert.advice:
        changed["advice"] = advice
    for field in ("kind", "area", "owner"):
        text = getattr(alert, field)
        if (cleaned := name(text)) is not text:
            changed[field] = cleaned
    if alert.acknowledged is not None:
        changed["acknowledged"] = _clean_mark(alert.acknowledged)
    if alert.steps:
        changed["steps"] = _clean_steps(alert.steps)
    return changed


def clean_case(case: Case) -> Case:
    """The case with its words cleaned, and of its steps the newest."""
    title = words(case.title, MAX_TITLE)
    return msgspec.structs.replace(
        case,
        number=name(case.number),
        title=title if title.zh or title.en else Text(case.id, case.id),
        kind=AlertKindId(name(case.kind)),
        area=AreaCode(name(case.area)),
        place=words(case.place, MAX_PLACE),
        steps=tuple(_clean_case_step(step) for step in case.steps[-MAX_CASE_STEPS:]),
    )


def clean_shelf(shelf: Shelf) -> Shelf:
    """The shelf with its words cleaned. What its scope names is cleaned just as an alert's own words are, so that they still meet."""
    scope = shelf.scope
    return msgspec.structs.replace(
        shelf,
        scope=Scope(
            alert=scope.alert,
            kind=None if scope.kind is None else AlertKindId(name(scope.kind)),
            area=None if scope.area is None else AreaCode(name(scope.area)),
            place=None if scope.place is None else plain(scope.place, most=MAX_PLACE),
            series=scope.series,
            source=scope.source,
        ),
        by=name(shelf.by),
        reason=comment(shelf.reason),
        ended_by=name(shelf.ended_by),
    )


def clean_unit(unit: Unit) -> Unit:
    """The unit with its words cleaned."""
    case = None if unit.case is None or fault_of_id(unit.case) else unit.case
    return msgspec.structs.replace(unit, name=words(unit.name, MAX_NAME), kind=name(unit.kind), area=AreaCode(name(unit.area)), case=case)


def clean_camera(camera: Camera) -> Camera:
    """The camera with its words cleaned."""
    return msgspec.structs.replace(camera, name=words(camera.name, MAX_NAME), kind=name(camera.kind), area=AreaCode(name(camera.area)))


def clean_answer(answer: Answer, now: Millis) -> Answer:
    """An answer is what a command waits for, so it is never refused: what cannot be in it is put right."""
    return msgspec.structs.replace(
        answer,
        reason=words(answer.reason, MAX_REASON),
        version=answer.version if not fault_of_version(answer.version) else 0,
        at=now if fault_of_time(now, answer.at) else answer.at,
    )


def drawn(polygons: tuple[tuple[Position, ...], ...]) -> tuple[tuple[Position, ...], ...]:
    """Those warning areas that lie on Earth, as many as can be drawn; the same object where all do."""
    left = MAX_CORNERS
    kept: list[tuple[Position, ...]] = []
    for ring in polygons[:MAX_RINGS]:
        if len(ring) <= left and not any(fault_of_place(corner) for corner in ring):
            kept.append(ring)
            left -= len(ring)
    return polygons if len(kept) == len(polygons) else tuple(kept)


def dated_step(source: str, said: int, at: Millis) -> AlertStep:
    """The line in an alert's own history that says that its date (`at`) is not the one that its source gave (`said`). It is not a person's
    and in no catalogue, so it says the same in both languages."""
    shown = str(said)[:20]
    remark = f"来源所报时间 {shown} 不可信,以到达时间为准 · the time that its source gave, {shown}, cannot be: dated at its arrival"
    return AlertStep(move=AlertMove.COMMENT, at=at, actor=source, comment=remark)


def _clean_mark(mark: Acknowledgement) -> Acknowledgement:
    return Acknowledgement(name(mark.by), mark.at, comment(mark.comment))


def _clean_steps(steps: tuple[AlertStep, ...]) -> tuple[AlertStep, ...]:
    return tuple(msgspec.structs.replace(step, actor=name(step.actor), comment=comment(step.comment)) for step in steps[-MAX_STEPS:])


def _clean_case_step(step: CaseStep) -> CaseStep:
    return msgspec.structs.replace(step, actor=name(step.actor), comment=comment(step.comment))
