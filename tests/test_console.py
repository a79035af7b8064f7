"""The alert console in the hand: searching, choosing, acting on many, by mouse and by keys alone, while alerts pour in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.domain.alert import Alert, AlertState
from app.domain.aside import How, Scope, Shelf
from app.domain.batch import Batch
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, ShelfId
from app.domain.severity import Severity
from app.domain.text import Text
from app.live.queue import Fold, Sort
from panels.alerts import AlertPanel
from panels.case import CasePanel
from tests.desks import words_of
from tests.test_panels import LINK, START, Bench, alert
from tests.test_panels import bench as bench
from tests.test_panels import pack as pack

Until = Callable[[Callable[[], bool]], None]


def raised(number: int, **fields: object) -> Alert:
    """An alert of its own place, unless `fields` say otherwise."""
    usual: dict[str, object] = {"place": Text(f"地点{number}", f"Place {number}"), "title": Text(f"告警{number}", f"alert {number}")}
    return msgspec.structs.replace(alert(number), **(usual | fields))


def queue(bench: Bench) -> AlertPanel:
    return cast("AlertPanel", bench.panel("alerts"))


def shown(panel: AlertPanel) -> list[str]:
    return [panel.hub.alerts.id_at(int(key)) for key in panel.model.keys]


async def done(bench: Bench) -> None:
    """What was begun has come to an end."""
    while bench.tasks._running:
        await asyncio.wait(tuple(bench.tasks._running))
    assert bench.told == []


# --- asking ------------------------------------------------------------------------------------------------------------------


def test_a_search_finds_by_place_and_kind_and_says_what_it_leaves_out(bench: Bench, until: Until) -> None:
    panel = queue(bench)
    bench.alerts(*(raised(n) for n in range(1, 6)), raised(9, place=Text("香港中路", "Hong Kong Middle Road")))
    bench.frame(1_000)
    assert len(shown(panel)) == 6
    QTest.keyClick(panel.list, Qt.Key.Key_Slash)
    QTest.keyClicks(panel.asking.field, "hong kong")
    QTest.keyClick(panel.asking.field, Qt.Key.Key_Return)
    assert shown(panel) == ["a9"]
    assert bench.focus.hidden == {"filtered": 5} and panel.hidden.text() == "5 not shown"
    assert "hong kong" in panel.asking.told.text()
    panel.asking.field.clear()
    until(lambda: len(shown(panel)) == 6)
    assert panel.hidden.text() == "nothing hidden"


def test_the_order_and_the_folding_that_were_chosen_are_kept_and_a_search_is_not(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(*(raised(n, severity=Severity(1 + n % 4)) for n in range(1, 9)))
    bench.frame(1_000)
    menu = panel.asking.make_menu()
    orders = menu.actions()[0].menu().actions()  # pyright: ignore[reportAttributeAccessIssue]
    next(entry for entry in orders if entry.text() == "newest first").trigger()
    at = bench.hub.alerts.at[panel.model.keys]
    assert (np.diff(at) <= 0).all()
    panel.asking.choose_severity(2)
    panel.asking.save("severe ones")
    kept = panel.memento()
    other = queue(bench)
    other.restore(kept)
    bench.frame(1_000)
    assert other.asking.sort is Sort.NEWEST and len(shown(other)) == 8
    assert [saved.name for saved in other.asking.saved] == ["severe ones"]
    other.asking.follow(other.asking.saved[0].ask)
    assert {bench.hub.alerts[AlertId(name)].severity for name in shown(other)} == {Severity.SEVERE}


# --- folding -----------------------------------------------------------------------------------------------------------------


def test_raises_of_one_point_are_one_row_with_their_number(bench: Bench) -> None:
    panel = queue(bench)
    same = Text("桥洞", "underpass")
    bench.alerts(*(raised(n, place=same, at=Millis(START + n * 1_000)) for n in range(1, 5)), raised(9))
    bench.frame(5_000)
    assert len(shown(panel)) == 2
    row = next(line for line in words_of(panel.list) if "4 alike" in line)
    assert "chattering, 4 times" in row
    panel.asking.chattering.click()
    assert shown(panel) == ["a1"]


def test_in_a_flood_symptoms_stand_in_the_row_of_their_cause(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(raised(1, severity=Severity.MODERATE), *(raised(n, cause=AlertId("a1"), severity=Severity.SEVERE) for n in range(2, 40)))
    bench.frame(1_000)
    bench.frame(1_000)
    assert bench.floods.flooded and panel._fold() is Fold.CAUSES
    row = words_of(panel.list)[0]
    assert shown(panel) == ["a1"] and "39 of one cause" in row
    assert row.startswith("2 alert 1"), "the worst that stands in the row, in the row of its cause"
    assert panel.headline.trailing == "flood: folded by cause"
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    assert len(bench.focus.alerts) == 39


async def test_one_key_opens_one_case_from_the_whole_group(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(raised(1), *(raised(n, cause=AlertId("a1")) for n in range(2, 8)))
    bench.frame(1_000)
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    panel.bar.start("open_case")
    await done(bench)
    case = next(iter(bench.hub.cases.values()))
    assert set(case.alerts) == {f"a{n}" for n in range(1, 8)} and case.alerts[0] == bench.focus.alert


# --- acting on many ----------------------------------------------------------------------------------------------------------


async def test_everything_that_matches_is_acknowledged_by_keys_alone(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(*(raised(n) for n in range(1, 3_001)))
    bench.frame(1_000)
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(bench.focus.alerts) == 3_000 and panel.chosen.text() == "3,000 chosen"
    bench.says = "rain, all of it"
    panel.bar.start("acknowledge")
    await done(bench)
    bench.frame(1_000)
    assert bench.hub.alerts.unacknowledged() == 0
    assert bench.actions.recent[-1].comment == "rain, all of it" and bench.actions.recent[-1].verb == "acknowledge_alert"
    assert len([entry for entry in bench.actions.recent if entry.verb == "acknowledge_alert"]) == 3, "a command a thousand"


async def test_space_and_shift_choose_some_and_the_choice_stays_while_others_come(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(*(raised(n) for n in range(1, 11)))
    bench.frame(1_000)
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=panel.list.visualRect(panel.model.index(2, 0)).center())
    QTest.keyClick(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    chosen = set(bench.focus.alerts)
    assert len(chosen) == 2
    bench.alerts(*(raised(n, severity=Severity.EXTREME) for n in range(100, 600)))
    bench.frame(1_000)
    assert set(bench.focus.alerts) == chosen
    bench.says = "seen"
    panel.bar.start("acknowledge")
    await done(bench)
    assert {a.id for a in bench.hub.alerts if a.acknowledged} == chosen


async def test_what_is_shelved_leaves_the_queue_is_counted_and_comes_back_by_itself(bench: Bench) -> None:
    panel = queue(bench)
    kind, other = AlertKindId("rain_heavy"), AlertKindId("waterlogging")
    bench.alerts(*(raised(n, kind=kind) for n in range(1, 5)), raised(9, kind=other))
    bench.frame(1_000)
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    bench.focus.select_alert(AlertId("a1"))
    panel.bar.start("shelve")
    await done(bench)
    bench.frame(1_000)
    assert shown(panel) == ["a9"] and panel.hidden.text() == "4 not shown"
    bench.alerts(raised(7, kind=kind))
    bench.frame(1_000)
    assert shown(panel) == ["a9"], "what comes later is covered too"
    assert bench.hub.alerts.state_of(AlertId("a7")) is AlertState.SHELVED
    bench.frame(600_000)
    assert len(shown(panel)) == 6 and panel.hidden.text() == "nothing hidden"


def test_a_shelf_of_another_desk_counts_here_too(bench: Bench) -> None:
    panel = queue(bench)
    bench.alerts(*(raised(n) for n in range(1, 4)))
    until, scope = Millis(START + 9_000_000), Scope(area=AreaCode("370202"))
    shelf = Shelf(id=ShelfId("s"), how=How.OUT_OF_SERVICE, scope=scope, by="陈静", at=bench.now(), until=until, reason="works")
    bench.hub.batch(Batch(source=LINK, at=bench.now(), shelves=(shelf,)))
    bench.frame(1_000)
    assert shown(panel) == [] and bench.focus.hidden == {"out_of_service": 3}


# --- what is told of one -----------------------------------------------------------------------------------------------------


def test_beside_an_alert_stand_its_history_its_group_and_the_cameras_near(bench: Bench) -> None:
    bench.city()
    panel = cast("CasePanel", bench.panel("case"))
    place = next(iter(bench.hub.cameras.values())).position
    bench.alerts(raised(1, position=place, owner="陈静"), raised(2, cause=AlertId("a1")))
    bench.focus.select_alert(AlertId("a1"))
    bench.frame(1_000)
    lines = words_of(panel.history)
    assert any("alert 2" in line and "first of this cause" in line for line in lines)
    assert any("camera" in line for line in lines)
    assert "陈静 looks after it." in panel.facts.text()


@pytest.mark.parametrize("text", ["<img onerror=x>", "a" * 10_000, "\u202egnp.exe", "%s {n} {0}", "\0\n\t"])
def test_whatever_a_title_says_it_is_shown_as_text(bench: Bench, text: str) -> None:
    panel = queue(bench)
    bench.panel("case")
    bench.alerts(raised(1, title=Text(text, text), place=Text(text, text), owner=text))
    bench.focus.select_alert(AlertId("a1"))
    bench.frame(1_000)
    assert len(shown(panel)) == 1
    panel.grab()
