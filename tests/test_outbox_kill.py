"""kill -9, at any point: the next start shows a whole chain with every action that had returned, and sends what was not answered, once.
What is done to thousands of alerts at once is done to all of them or to none.

The child below is a desk without a screen, with a platform inside it that says on a pipe what it did. It is killed where it stands.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from app.actions.desk import ActionDesk, Chosen
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.domain.alert import AlertMove
from app.domain.audit import AuditEntry
from app.domain.batch import LinkReport, LinkState
from app.domain.command import MAX_ALERTS, Answer, Command
from app.domain.ids import AlertId, AreaCode, CommandKey, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.text import Text
from app.journal import Journal, records
from app.journal.chain import Head, HeadFile
from app.journal.journal import wall_clock
from app.journal.verify import verify

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")

ROOT = Path(__file__).resolve().parent.parent
DEMO = SourceName("demo")
OFFICER = Operator(id="wang", name="王", role=Role.DUTY_OFFICER)
SHINAN = AreaCode("370202")
BULK = 3_000
Say = Callable[[str, str], None]
Soon = Callable[..., Awaitable[None]]


class Ledger:
    """Remembers what is pending, and which command acknowledged which alert."""

    def __init__(self, pended: Callable[[Command], None] = lambda _command: None) -> None:
        self.pending: dict[CommandKey, Command] = {}
        self.acknowledged: dict[str, CommandKey] = {}
        self._pended = pended

    def check(self, command: Command) -> None:
        pass

    def pend(self, command: Command) -> None:
        self._pended(command)
        self.pending[command.key] = command
        assert not self.acknowledged.keys() & set(command.targets), "twice"
        self.acknowledged.update(dict.fromkeys(command.targets, command.key))

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        self.pending.pop(key, None)


class Desk:
    """A desk with its platform. `obeyed` are the keys that the platform knows; each is obeyed once and answered each time."""

    def __init__(self, folder: Path, say: Say, obeyed: set[str], pended: Callable[[Command], None] = lambda _command: None) -> None:
        self.journal = Journal.open(folder, desk="desk-1")
        self.ledger = Ledger(pended)
        self.outbox = Outbox(self.journal, self.ledger, now=wall_clock, call_later=asyncio.get_running_loop().call_later, retry_s=0.05)
        self.actions = ActionDesk(
            self.journal,
            self.ledger,
            Session(seat=Seat.DUTY, desk="desk-1", operator=OFFICER),
            self.outbox,
            now=wall_clock,
            routes=lambda _command: DEMO,
        )
        self.outbox.attach(DEMO, self._send)
        self._say = say
        self.obeyed = obeyed

    async def _send(self, command: Command) -> None:
        if command.key not in self.obeyed:
            self.obeyed.add(command.key)
            self._say("effect", command.key)
        answer = Answer(key=command.key, outcome="confirmed", at=wall_clock())
        asyncio.get_running_loop().call_soon(self.outbox.answer, answer)

    def live(self) -> None:
        self.outbox.link(LinkReport(name=DEMO, kind="gateway", address="ws", state=LinkState.LIVE, since=Millis(1), commands=True))

    async def close(self) -> None:
        await self.actions.close()
        self.journal.close()


# --- the child ---------------------------------------------------------------------------------------------------------------------


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def say_on_pipe(what: str, key: str) -> None:
    os.write(1, f"{what} {key}\n".encode())


def arm(where: str, actions: int) -> Callable[[Command], None]:
    """Make the child kill itself at a chosen point, once it has done some actions."""
    count = 0

    def later() -> None:
        nonlocal count
        count += 1
        if count > actions:
            die()

    from app.journal.audit_table import AuditTable

    if where == "before the commit":
        add = AuditTable._add

        def added(self: AuditTable, *rest: object) -> object:
            lines = add(self, *rest)  # pyright: ignore[reportArgumentType]
            later()
            return lines

        AuditTable._add = added  # pyright: ignore[reportAttributeAccessIssue]
    elif where == "after the commit":
        committed = AuditTable.committed

        def done(self: AuditTable) -> None:
            committed(self)
            later()

        AuditTable.committed = done
    elif where == "before the head":
        write = HeadFile.write

        def written(self: HeadFile, head: Head) -> None:
            later()
            write(self, head)

        HeadFile.write = written
    elif where == "within the head":
        # Between the new file and its taking the old one's place.
        replace = Path.replace

        def replaced(self: Path, target: str | os.PathLike[str]) -> Path:
            later()
            return replace(self, target)

        Path.replace = replaced
    elif where == "before it is on screen":
        return lambda _command: later()
    return lambda _command: None


async def child(folder: Path, where: str, actions: int, number: int, size: int) -> None:
    """Acknowledge for ever, so many alerts at once, or one after the other where `size` is 1."""
    desk = Desk(folder, say_on_pipe, set(), arm(where, actions))
    sent = desk._send

    async def sending(command: Command) -> None:
        await sent(command)
        if where == "after it was sent" and len(desk.obeyed) > actions:
            die()

    desk.outbox.attach(DEMO, sending)
    await desk.actions.start()
    desk.live()
    while True:
        number += 1
        chosen = [Chosen(AlertId(f"alert-{number}-{one}"), SHINAN, DEMO) for one in range(size)]
        for state in await desk.actions.move_alerts(AlertMove.ACKNOWLEDGE, chosen, title=Text(en="alerts"), comment=f"number {number}"):
            say_on_pipe("returned", state.key)


# --- the parent --------------------------------------------------------------------------------------------------------------------


class Killed:
    """What a child said before it was killed: effects of its platform, and keys of actions that had returned."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.returned: list[str] = []

    def hear(self, line: str) -> None:
        what, _, key = line.strip().partition(" ")
        {"effect": self.effects, "returned": self.returned}[what].append(key)


def run_until_killed(folder: Path, said: Killed, *, where: str = "", actions: int = 0, lines: int | None = None, size: int = 1) -> None:
    """Start a child; kill it once it has said so many lines, or let it kill itself."""
    arguments = [sys.executable, str(Path(__file__)), str(folder), where, str(actions), str(len(said.returned) * 1_000), str(size)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as desk:
        assert desk.stdout is not None and desk.stderr is not None
        for heard, line in enumerate(desk.stdout, 1):
            if line.endswith("\n"):
                said.hear(line)
            if heard == lines:
                desk.kill()
        assert desk.wait(30) == -signal.SIGKILL, desk.stderr.read()


async def look_and_finish(folder: Path, said: Killed, soon: Soon, *, size: int = 1) -> None:
    """The next start: whole, complete, and nothing done twice; what was done to `size` alerts at once is there for each of them."""
    before = verify(folder)
    assert before.ok, before
    again: list[str] = []
    desk = Desk(folder, lambda _what, key: again.append(key), set(said.effects))
    assert desk.journal.warning is None
    entries = [entry async for entry in desk.journal.iter_entries()]
    ordered = [entry.key for entry in entries if entry.verb == "acknowledge_alert"]
    answered = {entry.key for entry in entries if entry.verb == records.ANSWER}
    assert set(said.returned) <= set(ordered)
    assert set(said.effects) <= set(ordered)
    alerts = alerts_of(entries)
    assert all(len(found) == len(set(found)) == size for found in alerts.values()), {words: len(found) for words, found in alerts.items()}
    waiting = [post.command.key for post in await desk.journal.unsettled()]
    assert waiting == [key for key in ordered if key not in answered]

    await desk.actions.start()
    assert list(desk.ledger.pending) == waiting
    assert set(desk.ledger.acknowledged.values()) == set(waiting)
    desk.live()
    await soon(lambda: desk.outbox.unanswered == 0)
    assert not desk.ledger.pending and not set(again) & set(said.effects) and len(again) == len(set(again))
    said.effects.extend(again)
    assert set(said.effects) == set(ordered)
    await desk.close()
    after = verify(folder)
    assert after.ok, after


def alerts_of(entries: list[AuditEntry]) -> dict[str, list[str]]:
    """By what was said of them, the alerts that were acknowledged at once."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        command = records.command_of(entry)
        if command is not None:
            found.setdefault(entry.comment, []).extend(command.targets)
    return found


POINTS = ["before the commit", "after the commit", "before the head", "within the head", "before it is on screen", "after it was sent"]


@pytest.mark.parametrize("where", POINTS)
async def test_killed_at_a_chosen_point(data_dir: Path, soon: Soon, where: str) -> None:
    said = Killed()
    run_until_killed(data_dir, said, where=where, actions=7)
    assert said.returned
    await look_and_finish(data_dir, said, soon)


async def test_killed_again_and_again_on_one_journal(data_dir: Path, soon: Soon) -> None:
    dice, said = random.Random(20_260), Killed()
    for _ in range(6):
        run_until_killed(data_dir, said, lines=dice.randrange(1, 120))
        await look_and_finish(data_dir, said, soon)
    assert len(said.returned) > 50


BULKS = [*((BULK, where) for where in POINTS), *((MAX_ALERTS + BULK, where) for where in POINTS if "commit" in where or "screen" in where)]
"""More than one command carries are two commands, and one act all the same."""


@pytest.mark.parametrize(("size", "where"), BULKS)
async def test_killed_while_thousands_are_acknowledged_at_once(data_dir: Path, soon: Soon, size: int, where: str) -> None:
    said = Killed()
    run_until_killed(data_dir, said, where=where, actions=7, size=size)
    assert said.returned
    await look_and_finish(data_dir, said, soon, size=size)


async def test_killed_again_and_again_while_thousands_are_acknowledged(data_dir: Path, soon: Soon) -> None:
    dice, said = random.Random(3), Killed()
    for _ in range(4):
        run_until_killed(data_dir, said, lines=dice.randrange(1, 30), size=BULK)
        await look_and_finish(data_dir, said, soon, size=BULK)
    assert len(said.returned) > 10


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
