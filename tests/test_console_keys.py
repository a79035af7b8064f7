"""The console of a whole desk at the real demo city, in a flood, by keys alone: acknowledge, take that back, search, shelve, bring back, and
everything at once. Each step is followed to the platform and into the journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from app.domain.alert import AlertState
from app.domain.ids import AlertId
from app.domain.role import Seat
from app.qt.shelf_dialog import ShelfDialog
from panels.alerts import AlertPanel
from tests.desks import WANG, Sitting, Witness, desk_options, do, platform_process, sitting, until
from tests.test_desk_faults import LIMIT_S, Run


def test_a_flood_is_worked_off_by_keys_alone(tmp_path: Path, run: Run) -> None:
    with platform_process("--seed", "5", "--fault", "storm=400@1", "--fault", "flap@1") as city:
        run(_by_keys(city, tmp_path), timeout=LIMIT_S)


async def _by_keys(city: str, folder: Path) -> None:
    async with sitting(desk_options(folder, Seat.DUTY, [city]), WANG) as duty, Witness(city) as witness:
        await until(duty.live)
        await until(lambda: len(duty.hub.alerts) > 300)
        panel = await duty.panel("alerts")
        assert isinstance(panel, AlertPanel)
        await do(panel.list.setFocus)
        await duty.press(Qt.Key.Key_Home)
        await _acknowledge_and_take_back(duty, witness)
        await _search_and_shelve(duty, witness, panel)
        await _everything(duty, witness, panel)


async def _acknowledge_and_take_back(duty: Sitting, witness: Witness) -> None:
    alert = await _acknowledged_by_us(duty, witness)
    duty.desk.tasks.start(duty.desk.window.operations.perform("unacknowledge"), "undo")
    await duty.answer("the wrong one")
    await until(lambda: witness.hub.alerts[alert].acknowledged is None)
    verbs = [entry.verb for entry in await duty.commands()]
    assert verbs[-1] == "unacknowledge_alert" and set(verbs[:-1]) == {"acknowledge_alert"}


async def _acknowledged_by_us(duty: Sitting, witness: Witness) -> AlertId:
    """The city has officers of its own, who may be quicker: then the next one."""
    while True:
        await duty.press(Qt.Key.Key_Down)
        alert = duty.desk.focus.alert
        assert alert is not None, "the whole queue was acknowledged by others"
        if duty.hub.alerts[alert].acknowledged is not None:
            continue
        await duty.press(Qt.Key.Key_A)
        await duty.answer("seen from the desk")
        await until(lambda alert=alert: witness.hub.alerts[alert].acknowledged is not None)
        mark = witness.hub.alerts[alert].acknowledged
        if mark is not None and mark.comment == "seen from the desk":
            return alert


async def _search_and_shelve(duty: Sitting, witness: Witness, panel: AlertPanel) -> None:
    """What is shelved leaves the queue of every desk, and comes back by a key."""
    await duty.press(Qt.Key.Key_Slash)
    await until(panel.asking.field.hasFocus)
    await do(lambda: QTest.keyClicks(panel.asking.field, "jiaozhou"))
    await do(lambda: QTest.keyClick(panel.asking.field, Qt.Key.Key_Return))
    await until(lambda: panel.asking.ask.text == "jiaozhou" and panel.list.hasFocus())
    await duty.press(Qt.Key.Key_Home)
    await until(lambda: duty.desk.focus.alert is not None and duty.hub.alerts[duty.desk.focus.alert].area == "370281")
    alert = AlertId(str(duty.desk.focus.alert))
    await duty.press(Qt.Key.Key_S)
    await until(lambda: _shelf_dialog(duty) is not None)
    dialog = _shelf_dialog(duty)
    assert dialog is not None
    await do(lambda: QTest.keyClicks(dialog.reason, "being repaired"))
    await do(lambda: QTest.keyClick(dialog.reason, Qt.Key.Key_Return))
    for hub in (duty.hub, witness.hub):
        await until(lambda hub=hub: hub.alerts.state_of(alert) is AlertState.SHELVED)
    assert "not shown" in panel.hidden.text()
    listed = await duty.view("hidden")
    await do(listed.setFocus)
    duty.desk.focus.select_alert(alert)
    await duty.press(Qt.Key.Key_B)
    await duty.answer("")
    for hub in (duty.hub, witness.hub):
        await until(lambda hub=hub: hub.alerts.state_of(alert) is not AlertState.SHELVED)


async def _everything(duty: Sitting, witness: Witness, panel: AlertPanel) -> None:
    """One act for all that matches: and for nothing else."""
    assert await duty.panel("alerts") is panel
    await do(panel.list.setFocus)
    await do(lambda: QTest.keyClick(panel.list, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier))
    await until(lambda: len(duty.desk.focus.alerts) > 1)
    chosen = set(duty.desk.focus.alerts)
    assert all("jiaozhou" in f"{a.title.en} {a.place.en} {duty.desk.city.areas[a.area].name.en}".lower() for a in map(duty.alert, chosen))
    before = {a.id for a in witness.hub.alerts if a.acknowledged}
    await duty.press(Qt.Key.Key_A)
    await duty.answer("all of Jiaozhou")
    await until(lambda: all(witness.hub.alerts[a].acknowledged for a in chosen))
    by_us = {a.id for a in witness.hub.alerts if (mark := a.acknowledged) and mark.comment == "all of Jiaozhou"}
    assert by_us == chosen - before


def _shelf_dialog(duty: Sitting) -> ShelfDialog | None:
    seen: Callable[[QDialog], bool] = QDialog.isVisible
    return next((d for d in duty.desk.window.findChildren(ShelfDialog) if seen(d)), None)
