"""What must not break a desk: a line that is cut, kill -9 in the middle of acting, a platform that drops, doubles, mixes up and garbles, and ten
thousand alerts at once. Real desks, a real platform in a process of its own, real sockets."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, Qt

from app.domain.batch import LinkState
from app.domain.case import Move
from app.domain.command import MAX_ALERTS
from app.domain.ids import AlertId, CaseId
from app.domain.role import Seat
from app.journal.verify import verify
from app.live.hub import Hub
from panels.alerts import AlertPanel
from panels.board import BoardPanel
from tests.conftest import Run
from tests.desks import HOUSE, PASSWORD, WANG, Clock, Line, Sitting, Witness, desk_options, do, platform_process, row_with, sitting, until

LIMIT_S = 110.0


# --- the line is cut ---------------------------------------------------------------------------------------------------------


def test_a_cut_line_loses_nothing_and_hides_nothing(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("app.shell.bootstrap.wall_clock", clock)
    with platform_process("--seed", "3") as city:
        run(_a_cut_line(city, tmp_path, clock), timeout=LIMIT_S)


async def _a_cut_line(city: str, folder: Path, clock: Clock) -> None:
    line = Line(city)
    await line.open()
    async with sitting(desk_options(folder, Seat.DUTY, [line.url]), WANG) as duty:
        await until(duty.live)
        board = await duty.panel("board")
        assert isinstance(board, BoardPanel)
        await until(lambda: any(not board.board.face(n).missing for n in range(board.board.count())))
        await line.cut()
        await _the_link_says_so(duty)
        await _numbers_grow_old(duty, board, clock)
        alert, case, keys = await _act_meanwhile(duty)
        await line.open()
        await until(lambda: all(duty.state(key) == "confirmed" for key in keys))
        await until(lambda: not duty.desk.window.banner.isVisible())
        assert duty.desk.outbox.counts.resent == 0 and duty.desk.outbox.unanswered == 0
        async with Witness(city) as witness:
            after = witness.hub.alerts[alert]
            assert after.acknowledged is not None and after.acknowledged.comment == "while the line was down"
            assert after.case == case
            assert [step.move for step in witness.hub.cases[case].steps] == [Move.FILE]
            await until(lambda: duty.alert(alert).version == witness.hub.alerts[alert].version and duty.case(case) == witness.hub.cases[case])
    await line.close()


async def _the_link_says_so(duty: Sitting) -> None:
    """The chip and the banner say it in words, and since when: that moment stays the same however often the desk tries again."""
    window = duty.desk.window
    await until(lambda: duty.link is not None and duty.link.state is LinkState.DOWN)
    await until(lambda: "down" in window.top.link.accessibleName() and window.top.link.severity == 2)
    await until(lambda: window.banner.isVisible() and "out of reach since" in window.banner.notice.text)
    said = window.banner.notice.text
    tries = duty.link.reconnects if duty.link is not None else 0
    await until(lambda: duty.link is not None and duty.link.reconnects >= tries + 3)
    assert window.banner.notice.text == said


async def _numbers_grow_old(duty: Sitting, board: BoardPanel, clock: Clock) -> None:
    """When its limit is over, a number that was there is there no more: a dash, and for how long."""
    series = duty.hub.series
    assert not series.stale(clock()).all()
    clock.ahead_ms = int(series.fresh_ms.max()) + 60_000
    assert series.stale(clock()).all()

    def still_there() -> list[str]:
        """Of the tiles in sight; the others are brought up to date when somebody scrolls to them."""
        tiles = board.board
        return [tiles.face_text(n) for n in range(tiles.count()) if tiles.in_sight(n) and not tiles.face(n).missing]

    await until(lambda: not still_there(), lambda: f"still there: {still_there()}")
    face = board.board.face(0)
    assert face.value == "—" and "no data for" in face.age and board.board.face_text(0).split(" · ")[1] == "—"
    clock.ahead_ms = 0
    await until(lambda: any(not board.board.face(n).missing for n in range(board.board.count())))


async def _act_meanwhile(duty: Sitting) -> tuple[AlertId, CaseId, list[str]]:
    """Acknowledge, and open a case: on the screen at once, on the disk, and waiting to be sent."""
    alert = next(a for a in duty.hub.alerts if a.active and a.acknowledged is None and a.case is None)
    await duty.click("alerts", alert.title.en)
    await duty.press(Qt.Key.Key_A)
    await duty.answer("while the line was down")
    await duty.reads("alerts", alert.title.en, f"acknowledged by {WANG.name}")
    await duty.press(Qt.Key.Key_C)
    await until(lambda: duty.desk.focus.case is not None)
    case = duty.desk.focus.case
    assert case is not None
    await duty.reads("cases", "(number pending)", alert.title.en)
    commands = await duty.commands()
    assert [entry.verb for entry in commands] == ["acknowledge_alert", "open_case"]
    assert [duty.state(entry.key) for entry in commands] == ["pending", "pending"]
    await duty.reads("activity", "opened a case", "pending")
    return alert.id, case, [entry.key for entry in commands]


# --- kill -9 -----------------------------------------------------------------------------------------------------------------


def test_kill_9_loses_nothing_that_had_returned(tmp_path: Path, run: Run) -> None:
    with platform_process("--seed", "3", "--fault", "storm=600@0") as city:
        run(_kill_9(city, tmp_path), timeout=LIMIT_S)


async def _kill_9(city: str, folder: Path) -> None:
    line = Line(city)
    await line.open()
    returned = await _killed_desk(folder, line)
    verdict = verify(folder)
    assert verdict.ok, verdict
    async with sitting(desk_options(folder, Seat.DUTY, [line.url]), None) as again:
        written = await again.commands()
        assert {key for key, _, _ in returned} <= {entry.key for entry in written}
        # One more may have been on the disk and not yet on the driver's screen.
        assert len(written) - len(returned) in (0, 1)
        unsettled = {post.command.key for post in await again.desk.journal.unsettled()}
        assert unsettled and len(unsettled) < len(written), "the moment was not in the middle"
        line.release()
        await until(again.live)
        await until(lambda: again.desk.outbox.unanswered == 0)
        # Under another key the platform would refuse: it has obeyed most of them already.
        assert {again.state(key) for key in unsettled} == {"confirmed"}
        async with Witness(city) as witness:
            for _, verb, target in returned:
                _once(again.hub, verb, target)
                _once(witness.hub, verb, target)
            assert await again.desk.actions.sign_in(WANG.id, PASSWORD) == WANG
            last = next(CaseId(target) for _, verb, target in reversed(returned) if verb == "open_case")
            await again.reads("cases", again.case(last).number, "filed")
            mine = [c for c in witness.hub.cases.values() if c.steps and c.steps[0].actor == WANG.name]
            assert len(mine) == sum(entry.verb == "open_case" for entry in written)
    assert verify(folder).ok
    await line.close()


async def _killed_desk(folder: Path, line: Line) -> list[tuple[str, str, str]]:
    """Let a desk act, let nothing of what the platform says through any more, let it act on, kill it: what had returned by then."""
    chance = random.Random()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.desk_driver", str(folder), line.url, cwd=HOUSE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HOUSE), "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[bytes] = []
    for number in range(chance.randint(20, 60) + 40):
        if number == 20:
            line.hold()
        lines.append(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    words = [said.decode().split() for said in lines if said.endswith(b"\n")]
    assert all(len(said) == 3 for said in words), lines
    return [(key, verb, target) for key, verb, target in words]


def _once(hub: Hub, verb: str, target: str) -> None:
    """The effect of a command is there, and it is there once."""
    if verb == "open_case":
        case = hub.cases[CaseId(target)]
        assert [step.move for step in case.steps].count(Move.FILE) == 1 and case.number
        return
    alert = hub.alerts[AlertId(target)]
    assert alert.acknowledged is not None and alert.acknowledged.comment == "seen"
    assert alert.version == (2 if alert.active else 3)


# --- a platform on a bad day -------------------------------------------------------------------------------------------------


def test_a_platform_on_a_bad_day(tmp_path: Path, run: Run) -> None:
    faults = [part for fault in ("drop=0.05@0+5", "duplicate=0.05@0+5", "reorder=0.05@0+5", "garble=0.02@0+5") for part in ("--fault", fault)]
    with platform_process("--seed", "5", *faults) as city:
        run(_a_bad_day(city, tmp_path), timeout=LIMIT_S)


async def _a_bad_day(city: str, folder: Path) -> None:
    async with sitting(desk_options(folder, Seat.DUTY, [city]), WANG) as duty:
        await until(lambda: duty.link is not None and duty.link.refused > 0 and duty.link.gaps > 0 and duty.link.duplicates > 0)
        await until(duty.live)
        refused = await duty.view("links")
        await until(lambda: refused.model().rowCount() > 0)
        await duty.reads("links", "Refused: ")
        assert duty.link is not None
        # The other subscriber may come while the faults last: both have to end up alike all the same.
        async with Witness(city) as witness:
            await until(lambda: not _unlike(duty.hub, witness.hub), lambda: f"still unlike: {_unlike(duty.hub, witness.hub)}")
            await until(duty.live)
            await until(lambda: row_with(refused, f"{duty.link.refused if duty.link else -1} refused", "live") >= 0)


def _unlike(one: Hub, other: Hub) -> list[str]:
    """What two desks know differently: the newest value of a series, the version of an alert or a case, the state of a unit."""
    series = (one.series.at != other.series.at) | ~np.isclose(one.series.value, other.series.value, rtol=0.0, atol=0.0, equal_nan=True)
    found = [f"{one.series.ids[row]} at {one.series.at[row]} and {other.series.at[row]}" for row in np.flatnonzero(series)]
    pairs: list[tuple[dict[str, object], dict[str, object]]] = [
        ({a.id: a.version for a in one.alerts if a.active}, {a.id: a.version for a in other.alerts if a.active}),
        ({c.id: c.version for c in one.cases.values()}, {c.id: c.version for c in other.cases.values()}),
        ({u: one.units[u].state for u in one.units.ids}, {u: other.units[u].state for u in other.units.ids}),
    ]
    for mine, theirs in pairs:
        found += [f"{key}: {mine.get(key)} and {theirs.get(key)}" for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)]
    return found


# --- a storm -----------------------------------------------------------------------------------------------------------------


def test_ten_thousand_alerts_at_once(tmp_path: Path, run: Run) -> None:
    with platform_process("--seed", "5", "--fault", "storm=10000@2") as city:
        run(_ten_thousand_alerts(city, tmp_path), timeout=LIMIT_S)


async def _ten_thousand_alerts(city: str, folder: Path) -> None:
    async with sitting(desk_options(folder, Seat.DUTY, [city]), WANG) as duty:
        await until(duty.live)
        await until(lambda: len(duty.hub.alerts) > 10_000)
        async with Witness(city) as witness:
            await until(lambda: {a.id for a in duty.hub.alerts} >= {a.id for a in witness.hub.alerts} and len(witness.hub.alerts) > 10_000)
        model = (await duty.view("alerts")).model()
        panel = await duty.panel("alerts")
        assert isinstance(panel, AlertPanel)
        await until(lambda: _accounted_for(panel) > 10_000 and model.rowCount() == len(panel._answer.rows), lambda: str(panel._answer))
        order = [duty.hub.alerts.at_row(int(row)) for row in duty.hub.alerts.order()]
        worst = min(a.severity for a in order if a.acknowledged is None)
        await until(lambda: _first(model).startswith(f"{int(worst)} "))
        await duty.click("alerts")
        chosen = duty.desk.focus.alert
        assert chosen is not None and duty.alert(chosen).severity == worst
        await duty.press(Qt.Key.Key_A)
        await duty.answer("one of ten thousand")
        await until(lambda: any(entry.verb == "acknowledge_alert" for entry in duty.desk.actions.recent))
        key = (await duty.commands())[-1].key
        await until(lambda: duty.state(key) == "confirmed")
        mark = duty.alert(chosen).acknowledged
        assert mark is not None and mark.comment == "one of ten thousand"
        await _all_at_once(city, duty, panel)


async def _all_at_once(city: str, duty: Sitting, panel: AlertPanel) -> None:
    """Everything that matches, in sight or not, with one comment: here at once, in the city when it has confirmed."""
    await do(panel.choose_all)
    chosen = duty.desk.focus.alerts
    assert len(chosen) > 5_000, "most of a storm is not suppressed"
    waiting = {name for name in chosen if duty.alert(name).acknowledged is None}
    await duty.press(Qt.Key.Key_A)
    await duty.answer("all of them")
    await until(lambda: all(duty.alert(name).acknowledged is not None for name in waiting))
    mine = [entry for entry in await duty.commands() if entry.comment == "all of them"]
    assert len(mine) == -(-len(chosen) // MAX_ALERTS)
    await until(lambda: {duty.state(entry.key) for entry in mine} == {"confirmed"})
    async with Witness(city) as witness:
        marks = {name: witness.hub.alerts[name].acknowledged for name in waiting if witness.hub.alerts.get(name) is not None}
    assert {mark.comment for mark in marks.values() if mark is not None} >= {"all of them"} and None not in marks.values()


def _accounted_for(panel: AlertPanel) -> int:
    """Alerts that the queue shows, those folded into a row with them, and those that it says it does not show."""
    hidden = panel._answer.hidden
    return int(panel._answer.weight.sum()) + sum(count for why, count in hidden.items() if why != "folded")


def _first(model: QAbstractItemModel) -> str:
    """The first row in words."""
    return str(model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole))
