"""An action's way from the click to the disk: authorise, check, journal, apply. No link is up, which must make no difference.

The yardstick is a bare sqlite3 INSERT and COMMIT with synchronous=FULL on the same disk in the same run: what no journal can be faster than.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.domain.alert import AlertMove
from app.domain.batch import LinkReport, LinkState
from app.domain.command import Answer, Command, MoveAlerts
from app.domain.ids import AlertId, AreaCode, CommandKey, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.text import Text
from app.journal import Journal
from app.journal.journal import wall_clock

RECORDS = 500
BUDGET_MS = 20.0
DEMO = SourceName("demo")
Row = dict[str, object]


class _NoLedger:
    """The present costs nothing here: the hub has a benchmark of its own."""

    def check(self, command: Command) -> None:
        pass

    def pend(self, command: Command) -> None:
        pass

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        pass


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def _clicks(folder: Path, *, live: bool) -> list[float]:
    journal = Journal.open(folder, desk="bench")
    ledger = _NoLedger()
    outbox = Outbox(journal, ledger, now=wall_clock, call_later=asyncio.get_running_loop().call_later)
    officer = Operator(id="wang", name="王", role=Role.DUTY_OFFICER)
    session = Session(seat=Seat.DUTY, desk="bench", operator=officer)
    desk = ActionDesk(journal, ledger, session, outbox, now=wall_clock, routes=lambda _command: DEMO)

    async def send(command: Command) -> None:
        answer = Answer(key=command.key, outcome="confirmed", version=2, at=wall_clock())
        asyncio.get_running_loop().call_soon(outbox.answer, answer)

    outbox.attach(DEMO, send)
    await desk.start()
    if live:
        outbox.link(LinkReport(name=DEMO, kind="gateway", address="bench", state=LinkState.LIVE, since=Millis(1), commands=True))
    took: list[float] = []
    for number in range(RECORDS):
        alert = AlertId(f"qd-2026-{number:06d}")
        act = MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(alert,), comment="已通知排水中心,十分钟内到场")
        start = time.perf_counter()
        await desk.perform(act, area=AreaCode("370202"), seen=1, title=Text("香港中路积水", "Waterlogging, Xianggang Middle Road"))
        took.append((time.perf_counter() - start) * 1_000)
    await desk.close()
    journal.close()
    return took


def _bare(folder: Path) -> list[float]:
    connection = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, line TEXT NOT NULL)")
    took: list[float] = []
    for number in range(RECORDS):
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO audit VALUES (?, ?)", (number, "x" * 900))
        connection.execute("COMMIT")
        took.append((time.perf_counter() - start) * 1_000)
    connection.close()
    return took


def _in_a_folder(measure: Callable[[Path], list[float]]) -> list[float]:
    # Beside the working tree, not in /tmp: that may be memory, which has no disk to wait for.
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
        return measure(Path(folder))


def run() -> list[Row]:
    """p99 from click to durable, ms, with the link down and with it up; the baseline is the bare database's p99."""
    bare = percentile(_in_a_folder(_bare), 0.99)
    rows: list[Row] = []
    for words, live in (("link down", False), ("link up", True)):
        took = _in_a_folder(lambda folder, live=live: asyncio.run(_clicks(folder, live=live)))
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            value = percentile(took, share)
            rows.append(
                {
                    "name": f"click to durable, {words}, {name}",
                    "value": round(value, 3),
                    "unit": "ms",
                    "budget": BUDGET_MS,
                    "ok": value < BUDGET_MS,
                    "baseline": round(bare, 3),
                }
            )
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
    sys.exit(0)
