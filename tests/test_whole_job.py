"""The whole job, with hands on the desk: rain, alert, acknowledgement, case, dispatch, arrival, verification, end. Three desks watch the same
city; after every step the journal of the one that acted and the screens of all of them are asked what happened."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from app.domain.alert import Alert
from app.domain.case import Stage, UnitTask
from app.domain.ids import AlertId, CaseId
from app.domain.role import Seat
from tests.conftest import Run, Until
from tests.desks import CHEN, HOUSE, LI, WANG, ZHANG, Line, Sitting, desk_options, platform_process, sitting

SEED = "7"
"""Of the demo city: the day on which the rain comes soonest."""
COMMENT = "underpass closed, pumps on their way"


@pytest.fixture(scope="module")
def city() -> Iterator[str]:
    """One platform for the tests of this file: what they do to it does not meet."""
    with platform_process("--seed", SEED) as url:
        yield url


# --- the whole job -----------------------------------------------------------------------------------------------------------


def test_the_whole_job(city: str, tmp_path: Path, run: Run, until: Until) -> None:
    with (
        sitting(desk_options(tmp_path / "duty", Seat.DUTY, [city]), WANG, run, until) as duty,
        sitting(desk_options(tmp_path / "wall", Seat.WALL, [city]), ZHANG, run, until) as wall,
        sitting(desk_options(tmp_path / "cockpit", Seat.COCKPIT, [city]), LI, run, until) as cockpit,
    ):
        desks = (duty, wall, cockpit)
        alert = _rain(duty)
        until(lambda: all(alert.id in {a.id for a in d.hub.alerts} for d in desks), 30)
        _acknowledge(duty, desks, alert)
        case = _open_case(duty, desks, alert)
        _dispatch(duty, desks, case)
        _unit_does_its_work(desks, case)
        _verify_and_close(duty, desks, case)
        verbs = [entry.verb for entry in duty.commands()]
        assert verbs == ["acknowledge_alert", "open_case", "dispatch", "verify", "close"]
        assert {entry.actor for entry in duty.commands()} == {WANG.id}
        assert [entry.seq for entry in duty.audit()] == list(range(1, len(duty.audit()) + 1))
        assert not wall.commands() and not cockpit.commands()
    _the_chain_tells_the_truth(tmp_path / "duty")


def _rain(duty: Sitting) -> Alert:
    """Wait until it rains in the city, and somebody has to do something about it."""

    def waiting() -> Alert | None:
        kinds = ("rain_heavy", "waterlogging_road", "underpass_flooded")
        return next((a for a in duty.hub.alerts if a.kind in kinds and a.active and a.acknowledged is None and a.case is None), None)

    duty.until(waiting)
    found = waiting()
    assert found is not None
    return found


def _acknowledge(duty: Sitting, desks: tuple[Sitting, ...], alert: Alert) -> None:
    title, place = alert.title.en, alert.place.en
    duty.until(lambda: duty.row_with("alerts", title, place))
    duty.click("alerts", title, place)
    assert duty.desk.focus.alert == alert.id
    duty.press(Qt.Key.Key_A)
    duty.answer(COMMENT)
    duty.until(lambda: duty.alert(alert.id).acknowledged is not None)
    _journalled_and_confirmed(duty, "acknowledge_alert", target=alert.id, comment=COMMENT)
    for seen in desks:
        seen.until(lambda seen=seen: _is_acknowledged(seen, alert.id))
        seen.until(lambda seen=seen: seen.row_with("alerts", title, f"acknowledged by {WANG.id}"))


def _is_acknowledged(seen: Sitting, alert: AlertId) -> bool:
    mark = seen.alert(alert).acknowledged
    return mark is not None and mark.by == WANG.id and mark.comment == COMMENT


def _open_case(duty: Sitting, desks: tuple[Sitting, ...], alert: Alert) -> CaseId:
    duty.press(Qt.Key.Key_C)
    duty.until(lambda: duty.desk.focus.case is not None)
    case = duty.desk.focus.case
    assert case is not None
    _journalled_and_confirmed(duty, "open_case", target=case)
    for seen in desks:
        seen.until(lambda seen=seen: seen.stage(case) is Stage.FILED and seen.case(case).number != "")
        number = seen.case(case).number
        assert alert.id in seen.case(case).alerts
        seen.until(lambda seen=seen, number=number: seen.row_with("cases", number, "filed"))
        seen.until(lambda seen=seen, number=number: seen.row_with("alerts", alert.title.en, f"case {number}"))
    return case


def _dispatch(duty: Sitting, desks: tuple[Sitting, ...], case: CaseId) -> None:
    duty.press(Qt.Key.Key_D)
    operations = duty.desk.window.operations
    duty.until(lambda: operations.chosen)
    units = duty.panel("units")
    assert units.isVisible() and units.isAncestorOf(duty.desk.window.focusWidget() or units)
    best = operations.chosen[0]
    name = duty.hub.units[best].name.en
    assert duty.rows("units")[0].startswith(name)
    assert duty.stage(case) is Stage.FILED
    duty.press(Qt.Key.Key_Return)
    duty.until(lambda: duty.stage(case) is not Stage.FILED)
    _journalled_and_confirmed(duty, "dispatch", target=case)
    for seen in desks:
        seen.until(lambda seen=seen: seen.stage(case) in (Stage.DISPATCHED, Stage.HANDLING) and seen.case(case).units[0].unit == best)
        number = seen.case(case).number
        seen.until(lambda seen=seen, number=number: seen.row_with("cases", number, "dispatched") or seen.row_with("cases", number, "handling"))


def _unit_does_its_work(desks: tuple[Sitting, ...], case: CaseId) -> None:
    """Nobody at a desk can hurry it: it drives there, works, and reports."""
    for stage, task in ((Stage.HANDLING, UnitTask.ON_SCENE), (Stage.FEEDBACK, UnitTask.DONE)):
        for seen in desks:
            seen.until(lambda seen=seen, stage=stage: seen.stage(case) in (stage, Stage.FEEDBACK))
            assert seen.case(case).units[0].task in (task, UnitTask.DONE)
            number = seen.case(case).number
            seen.until(lambda seen=seen, number=number, stage=stage: seen.row_with("cases", number, stage) or seen.row_with("cases", number, "feedback"))


def _verify_and_close(duty: Sitting, desks: tuple[Sitting, ...], case: CaseId) -> None:
    for key, verb, words, stage in (
        (Qt.Key.Key_V, "verify", "water is gone", Stage.VERIFIED),
        (Qt.Key.Key_X, "close", "", Stage.CLOSED),
    ):
        duty.press(key)
        duty.answer(words)
        _journalled_and_confirmed(duty, verb, target=case, comment=words)
        for seen in desks:
            seen.until(lambda seen=seen, stage=stage: seen.stage(case) is stage)
            number = seen.case(case).number
            seen.until(lambda seen=seen, number=number, stage=stage: seen.row_with("cases", number, stage))
            step = seen.case(case).steps[-1]
            assert (step.actor, step.comment, step.move.value) == (WANG.id, words, verb)


def _journalled_and_confirmed(duty: Sitting, verb: str, *, target: str, comment: str = "") -> None:
    """The newest command in the journal is this one, by Wang; the platform has confirmed it, and that is in the journal after it."""
    duty.until(lambda: any(entry.verb == verb for entry in duty.desk.actions.recent))
    done = duty.commands()[-1]
    assert (done.verb, done.actor, done.role, done.seat, done.target, done.comment) == (verb, WANG.id, "duty_officer", "duty", target, comment)
    duty.until(lambda: duty.state(done.key) == "confirmed")
    answers = [entry for entry in duty.audit() if entry.verb == "answer" and entry.key == done.key]
    assert len(answers) == 1 and answers[0].seq > done.seq


def _the_chain_tells_the_truth(folder: Path) -> None:
    """`audit verify` finds nothing, and after somebody changed one word in one row it finds that row."""
    sound = _verify(folder)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    with sqlite3.connect(folder / "journal.sqlite3") as database:
        row = database.execute("SELECT seq FROM audit WHERE verb = 'dispatch'").fetchone()[0]
        database.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = ?", (row,))
    database.close()
    broken = _verify(folder)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert f"row {row} " in broken.stdout


def _verify(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HOUSE / "main.py"), "audit", "verify", "--data", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=HOUSE)


# --- who may not -------------------------------------------------------------------------------------------------------------


def test_a_leader_cannot_dispatch(city: str, tmp_path: Path, run: Run, until: Until) -> None:
    with sitting(desk_options(tmp_path, Seat.COCKPIT, [city]), LI, run, until) as cockpit:
        cockpit.until(lambda: any(c.stage is Stage.FILED for c in cockpit.hub.cases.values()))
        case = next(c for c in cockpit.hub.cases.values() if c.stage is Stage.FILED)
        cockpit.until(lambda: cockpit.row_with("cases", case.number))
        cockpit.click("cases", case.number)
        assert cockpit.desk.focus.case == case.id
        before = [entry.seq for entry in cockpit.audit()]
        cockpit.press(Qt.Key.Key_D)
        cockpit.until(lambda: "Only the duty officer may do this." in cockpit.notice())
        button = cockpit.panel("units").findChild(QAbstractButton, "action.dispatch")
        assert isinstance(button, QAbstractButton)
        until(lambda: not button.isEnabled() and "duty officer" in button.toolTip())
        assert [entry.seq for entry in cockpit.audit()] == before
        assert cockpit.desk.outbox.unanswered == 0

