"""A desk that is going to be killed: `python tests/desk_driver.py FOLDER URL` opens a real desk, signs an officer in, and acknowledges alerts and
opens cases one after the other. Each command that has returned is a line on standard output: key, verb, target. Run by test_desk_faults."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication

from app.domain.alert import Alert, AlertMove
from app.domain.command import MoveAlerts, OpenCase
from app.domain.role import Seat
from app.shell.bootstrap import Desk
from tests.desks import WANG, desk_options, sit_down


async def work(folder: Path, url: str) -> None:
    """Act as fast as the disk allows, until killed or until there is nothing to do any more."""
    desk = await sit_down(desk_options(folder, Seat.DUTY, [url]), WANG)
    try:
        seen = 0
        while True:
            alerts = [alert for alert in desk.hub.alerts if alert.acknowledged is None and alert.case is None]
            for number, alert in enumerate(alerts):
                await (_open_case(desk, alert) if (seen + number) % 3 == 0 else _acknowledge(desk, alert))
            seen += len(alerts)
            await asyncio.sleep(0.01)
    finally:
        await desk.close()


async def _acknowledge(desk: Desk, alert: Alert) -> None:
    act = MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(alert.id,), comment="seen")
    state = await desk.actions.perform(act, area=alert.area, seen=alert.version, title=alert.title)
    _say(state.key, "acknowledge_alert", alert.id)


async def _open_case(desk: Desk, alert: Alert) -> None:
    case = desk.actions.new_case_id()
    act = OpenCase(case=case, alerts=(alert.id,), kind=alert.kind, severity=alert.severity, title=alert.title, area=alert.area)
    state = await desk.actions.perform(act, area=alert.area, seen=0, title=alert.title)
    _say(state.key, "open_case", case)


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    app = QApplication(sys.argv[:1])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(work(Path(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
