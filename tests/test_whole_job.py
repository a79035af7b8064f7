"""The whole job, with hands on the desk: rain, alert, acknowledgement, case, dispatch, arrival, verification, end. Three desks watch the same
city; after every step the journal of the one that acted and the screens of all of them are asked what happened."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from app.domain.alert import Alert
from app.domain.case import Case, Move, Stage, UnitTask
from app.domain.ids import AlertId, CaseId
from app.domain.role import Seat
from tests.conftest import Run
from tests.desks import CHEN, HOUSE, LI, WANG, ZHANG, Line, Sitting, desk_options, platform_process, sitting, until

SEED = "7"
"""Of the demo city: the day on which the rain comes soonest."""
RAIN = ("rain_heavy", "waterlogging_road", "underpass_flooded")
COMMENT = "underpass closed, pumps on their way"
LIMIT_S = 110.0


@pytest.fixture(scope="module")
def city() -> Iterator[str]:
    """One platform for the tests of this file: each works on another case."""
    with platform_process("--seed", SEED) as url:
        yield url


# --- the whole job -----------------------------------------------------------------------------------------------------------


def test_the_whole_job(city: str, tmp_path: Path, run: Run) -> None:
    run(_the_whole_job(city, tmp_path), timeout=LIMIT_S)


async def _the_whole_job(city: str, folder: Path) -> None:
    async with AsyncExitStack() as open_desks:
        duty, wall, cockpit = [
            await open_desks.enter_async_context(sitting(desk_options(folder / seat.value, seat, [city]), operator))
            for seat, operator in ((Seat.DUTY, WANG), (Seat.WALL, ZHANG), (Seat.COCKPIT, LI))
        ]
        desks = (duty, wall, cockpit)
        alert = await _rain(duty)
        await until(lambda: all(d.hub.alerts.get(alert.id) is not None for d in desks))
        await _acknowledge(duty, desks, alert)
        case = await _open_case(duty, desks, alert)
        await _dispatch(duty, desks, case)
        await _unit_does_its_work(desks, case)
        await _verify_and_close(duty, desks, case)
        commands = await duty.commands()
        assert [entry.verb for entry in commands] == ["acknowledge_alert", "open_case", "dispatch", "verify", "close"]
        assert {entry.actor for entry in commands} == {WANG.id}
        rows = await duty.audit()
        assert [entry.seq for entry in rows] == list(range(1, len(rows) + 1))
        assert not await wall.commands() and not await cockpit.commands()
    await _the_chain_tells_the_truth(folder / Seat.DUTY.value)


async def _rain(duty: Sitting) -> Alert:
    """Wait until it rains in the city, and somebody has to do something about it."""

    def waiting() -> Alert | None:
        return next((a for a in duty.hub.alerts if a.kind in RAIN and a.active and a.acknowledged is None and a.case is None), None)

    await until(waiting)
    found = waiting()
    assert found is not None
    return found


async def _acknowledge(duty: Sitting, desks: tuple[Sitting, ...], alert: Alert) -> None:
    title = alert.title.en
    await duty.reads("alerts", title, "unacknowledged")
    await duty.click("alerts", title)
    assert duty.desk.focus.alert == alert.id
    await duty.press(Qt.Key.Key_A)
    await duty.answer(COMMENT)
    await _journalled_and_confirmed(duty, "acknowledge_alert", target=alert.id, comment=COMMENT)
    for seen in desks:
        await until(lambda seen=seen: _is_acknowledged(seen, alert.id))
        await seen.reads("alerts", title, f"acknowledged by {WANG.name}")


def _is_acknowledged(seen: Sitting, alert: AlertId) -> bool:
    mark = seen.alert(alert).acknowledged
    return mark is not None and mark.by == WANG.name and mark.comment == COMMENT


async def _open_case(duty: Sitting, desks: tuple[Sitting, ...], alert: Alert) -> CaseId:
    await duty.press(Qt.Key.Key_C)
    await until(lambda: duty.desk.focus.case is not None)
    case = duty.desk.focus.case
    assert case is not None
    await _journalled_and_confirmed(duty, "open_case", target=case)
    for seen in desks:
        await until(lambda seen=seen: seen.stage(case) is Stage.FILED and seen.case(case).number != "")
        assert alert.id in seen.case(case).alerts
        await seen.reads("cases", seen.case(case).number, alert.title.en, "filed")
        await seen.reads("alerts", alert.title.en, f"case {seen.case(case).number}")
    return case


async def _dispatch(duty: Sitting, desks: tuple[Sitting, ...], case: CaseId) -> None:
    """D brings the units up with the best one marked, and nothing is sent yet; Enter sends it."""
    await duty.press(Qt.Key.Key_D)
    window = duty.desk.window
    await until(lambda: window.operations.chosen)
    units = await duty.panel("units")
    focus = window.focusWidget()
    assert focus is not None and units.isAncestorOf(focus)
    best = window.operations.chosen[0]
    model = (await duty.view("units")).model()
    assert str(model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)).startswith(duty.hub.units[best].name.en)
    assert duty.stage(case) is Stage.FILED
    await duty.press(Qt.Key.Key_Return)
    await until(lambda: duty.stage(case) is not Stage.FILED)
    await _journalled_and_confirmed(duty, "dispatch", target=case)
    for seen in desks:
        await until(lambda seen=seen: seen.stage(case) is Stage.DISPATCHED and seen.case(case).units[0].unit == best)
        await seen.reads("cases", seen.case(case).number, "dispatched")


async def _unit_does_its_work(desks: tuple[Sitting, ...], case: CaseId) -> None:
    """Nobody at a desk can hurry it: it drives there, works, and reports."""
    for stage, task in ((Stage.HANDLING, UnitTask.ON_SCENE), (Stage.FEEDBACK, UnitTask.DONE)):
        for seen in desks:
            await until(lambda seen=seen, stage=stage: seen.stage(case) is stage)
            assert seen.case(case).units[0].task is task
            await seen.reads("cases", seen.case(case).number, stage.value)


async def _verify_and_close(duty: Sitting, desks: tuple[Sitting, ...], case: CaseId) -> None:
    for key, move, words, stage in (
        (Qt.Key.Key_V, Move.VERIFY, "the water is gone", Stage.VERIFIED),
        (Qt.Key.Key_X, Move.CLOSE, "", Stage.CLOSED),
    ):
        await duty.press(key)
        await duty.answer(words)
        await _journalled_and_confirmed(duty, move.value, target=case, comment=words)
        for seen in desks:
            await until(lambda seen=seen, stage=stage: seen.stage(case) is stage)
            await seen.reads("cases", seen.case(case).number, stage.value)
            step = seen.case(case).steps[-1]
            assert (step.move, step.actor, step.comment) == (move, WANG.name, words)


async def _journalled_and_confirmed(duty: Sitting, verb: str, *, target: str, comment: str = "") -> None:
    """The newest command in the journal is this one, by Wang; the platform has confirmed it, and that is in the journal after it."""
    await until(lambda: any(entry.verb == verb for entry in duty.desk.actions.recent))
    done = (await duty.commands())[-1]
    assert (done.verb, done.actor, done.role, done.seat, done.target, done.comment) == (verb, WANG.id, "duty_officer", "duty", target, comment)
    await until(lambda: duty.state(done.key) == "confirmed")
    answers = [entry for entry in await duty.audit() if entry.verb == "answer" and entry.key == done.key]
    assert len(answers) == 1 and answers[0].seq > done.seq


async def _the_chain_tells_the_truth(folder: Path) -> None:
    """`audit verify` finds nothing, and after somebody changed one word in one row it finds that row."""
    code, said = await _verify(folder)
    assert code == 0, said
    database = sqlite3.connect(folder / "journal.sqlite3")
    with database:
        row = database.execute("SELECT seq FROM audit WHERE verb = 'dispatch'").fetchone()[0]
        database.execute("UPDATE audit SET actor = 'somebody else' WHERE seq = ?", (row,))
    database.close()
    code, said = await _verify(folder)
    assert code == 1 and f"row {row} " in said, said


async def _verify(folder: Path) -> tuple[int | None, str]:
    """Exit code and words of `main.py audit verify`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HOUSE / "main.py"), "audit", "verify", "--data", str(folder), cwd=HOUSE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


# --- who may not -------------------------------------------------------------------------------------------------------------


def test_a_leader_cannot_dispatch(city: str, tmp_path: Path, run: Run) -> None:
    run(_a_leader_cannot_dispatch(city, tmp_path), timeout=LIMIT_S)


async def _a_leader_cannot_dispatch(city: str, folder: Path) -> None:
    async with sitting(desk_options(folder, Seat.COCKPIT, [city]), LI) as cockpit:
        case = await _filed_case(cockpit)
        await cockpit.reads("cases", case.number)
        await cockpit.click("cases", case.number)
        assert cockpit.desk.focus.case == case.id
        before = await cockpit.audit()
        await cockpit.press(Qt.Key.Key_D)
        await until(lambda: "Only the duty officer may do this." in cockpit.notice())
        button = (await cockpit.panel("units")).findChild(QAbstractButton, "action.dispatch")
        assert isinstance(button, QAbstractButton)
        await until(lambda: not button.isEnabled() and "duty officer" in button.toolTip())
        assert await cockpit.audit() == before
        assert cockpit.desk.outbox.unanswered == 0 and not cockpit.desk.window.operations.chosen


async def _filed_case(seen: Sitting) -> Case:
    """A case that waits for somebody to dispatch, and that the city's own officers leave alone for a while."""
    await until(seen.live)
    await until(lambda: any(c.stage is Stage.FILED for c in seen.hub.cases.values()))
    return max((c for c in seen.hub.cases.values() if c.stage is Stage.FILED), key=lambda c: c.opened_at)


# --- two at one case ---------------------------------------------------------------------------------------------------------


def test_the_later_of_two_desks_is_refused(city: str, tmp_path: Path, run: Run) -> None:
    run(_the_later_of_two_desks_is_refused(city, tmp_path), timeout=LIMIT_S)


async def _the_later_of_two_desks_is_refused(city: str, folder: Path) -> None:
    """Both look at the same version of a case. What the first one does has not reached the second one yet when that one acts too."""
    line = Line(city)
    await line.open()
    async with (
        sitting(desk_options(folder / "first", Seat.DUTY, [city]), WANG) as first,
        sitting(desk_options(folder / "second", Seat.DUTY, [line.url]), CHEN) as second,
    ):
        await until(lambda: first.live() and second.live())
        case = await _own_case(first, second)
        line.hold()
        for seen in (first, second):
            await seen.click("cases", case.number)
            await seen.press(Qt.Key.Key_D)
            await until(lambda seen=seen: seen.desk.window.operations.chosen)
        await first.press(Qt.Key.Key_D)
        await until(lambda: first.stage(case.id) is Stage.DISPATCHED)
        await _state_of_last(first, "confirmed")
        assert second.case(case.id).version == case.version
        await second.press(Qt.Key.Key_D)
        await until(lambda: second.stage(case.id) is Stage.DISPATCHED)
        mine = (await second.commands())[-1]
        assert second.state(mine.key) in ("pending", "sent")
        line.release()
        await _state_of_last(second, "refused")
        await until(lambda: second.case(case.id) == first.case(case.id))
        assert [step.actor for step in second.case(case.id).steps if step.move is Move.DISPATCH] == [WANG.name]
        await second.reads("activity", "refused", f"was changed meanwhile: {WANG.name}")
        assert sum(step.move is Move.DISPATCH for step in first.case(case.id).steps) == 1
    await line.close()


async def _own_case(first: Sitting, second: Sitting) -> Case:
    """A case that the first desk opens from an alert; both see it."""
    await until(lambda: any(a.active and a.acknowledged is None for a in first.hub.alerts))
    alert = next(a for a in first.hub.alerts if a.active and a.acknowledged is None)
    await first.click("alerts", alert.title.en)
    await first.press(Qt.Key.Key_C)
    await until(lambda: first.desk.focus.case is not None and first.stage(first.desk.focus.case) is Stage.FILED)
    opened = first.desk.focus.case
    assert opened is not None
    await until(lambda: all(d.stage(opened) is Stage.FILED and d.case(opened).number for d in (first, second)))
    for seen in (first, second):
        await seen.reads("cases", seen.case(opened).number)
    return first.case(opened)


async def _state_of_last(seen: Sitting, state: str) -> None:
    key = (await seen.commands())[-1].key
    await until(lambda: seen.state(key) == state)
