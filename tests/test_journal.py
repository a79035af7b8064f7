"""The journal: what is recorded is on disk, what is changed afterwards is found, and what fails is said in words with nothing half-written."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.alert import AlertMove
from app.domain.aside import How, Scope
from app.domain.case import Move
from app.domain.command import Act, Answer, Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import DeckError
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, CommandKey, Millis, SeriesId, ShelfId, SourceName, UnitId
from app.domain.role import Operator, Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Entry, Journal, Post, Who, cli, records
from app.journal.chain import FIELDS, GENESIS, Head, HeadFile, row_hash
from app.journal.verify import Verdict, verify

WHO = Who("wang", "duty_officer", "duty", "desk-1")
GATEWAY = SourceName("demo")
ROWS = 12


class Clock:
    """Time by hand."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now

    def __call__(self) -> Millis:
        return Millis(self.now)


def line(number: int = 1, **fields: object) -> Entry:
    return msgspec.structs.replace(
        Entry(
            at=Millis(1_700_000_000_000 + number),
            who=WHO,
            verb="comment",
            target=f"case-{number}",
            area="370202",
            comment=f"第 {number} 句",
            title=Text("积水", "Waterlogging"),
            detail="{}",
        ),
        **fields,
    )


def acknowledge(*alerts: str, comment: str = "") -> MoveAlerts:
    return MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=tuple(AlertId(alert) for alert in alerts), comment=comment)


def command(number: int = 1, act: Act | None = None) -> Command:
    return Command(
        key=CommandKey(f"{number:032x}"),
        act=act or acknowledge(f"alert-{number}", comment="seen"),
        area=AreaCode("370202"),
        actor="wang",
        role=Role.DUTY_OFFICER,
        seat=Seat.DUTY,
        desk="desk-1",
        at=Millis(1_700_000_000_000 + number),
        seen=number,
    )


def posted(number: int = 1) -> tuple[Entry, Command]:
    order = command(number)
    return line(number, verb=order.verb, target=order.target, key=order.key, detail=msgspec.json.encode(order).decode()), order


def answer(number: int, outcome: str = "confirmed") -> Answer:
    return msgspec.convert(
        {"key": f"{number:032x}", "outcome": outcome, "reason": {"zh": "好", "en": "fine"}, "version": 2, "at": 1_700_000_001_000}, type=Answer
    )


def database(folder: Path) -> Path:
    return folder / "journal.sqlite3"


def matching(folder: Path, pattern: str) -> list[bytes]:
    """What the files of these names hold."""
    return [path.read_bytes() for path in sorted(folder.glob(pattern))]


def filled(folder: Path, rows: int = ROWS) -> Path:
    """A closed journal of `rows` lines."""
    journal = Journal.open(folder)
    asyncio.run(_fill(journal, rows))
    journal.close()
    return folder


async def _fill(journal: Journal, rows: int) -> None:
    for number in range(1, rows + 1):
        await journal.record(line(number))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound journal to be copied and spoilt."""
    return filled(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def spoilt(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "spoilt"))


def sql(folder: Path, *statements: str, parameters: tuple[object, ...] = ()) -> None:
    with sqlite3.connect(database(folder)) as connection:
        for statement in statements:
            connection.execute(statement, parameters)
    connection.close()


# --- what is recorded ------------------------------------------------------------------------------------------------------------


async def test_a_line_comes_back_as_it_was(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    heard: list[int] = []
    undo = journal.subscribe(lambda entry: heard.append(entry.seq))
    written = await journal.record(line(7))
    assert written == line(7).numbered(1)
    undo()
    await journal.record(line(8))
    assert [entry.seq for entry in await journal.recent(10)] == [2, 1]
    assert (await journal.recent(10))[1] == written
    assert heard == [1]
    journal.close()


async def test_it_is_on_disk_when_record_returns(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    await journal.record(*posted(1), GATEWAY)
    with sqlite3.connect(f"file:{database(data_dir)}?mode=ro", uri=True) as other:
        assert other.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert other.execute("SELECT link, state, seq FROM outbox").fetchone() == ("demo", "pending", 1)
    other.close()
    journal.close()


async def test_full_synchronous_wal_and_no_checkpoint_inside_a_click(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    database_ = journal._store._database
    found = await journal._run(lambda: _pragmas(database_))
    assert found == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0}
    journal.close()


def _pragmas(database_: object) -> dict[str, object]:
    raw = database_._connection.connection.dbapi_connection  # pyright: ignore[reportAttributeAccessIssue]
    return {name: raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "wal_autocheckpoint")}


async def test_the_log_is_folded_into_the_file_now_and_then(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    before = database(data_dir).stat().st_size
    for _ in range(3):
        await journal.record_all([(line(n), None) for n in range(200)])
    await asyncio.gather(*(journal.record(line(n)) for n in range(220)))
    await journal.recent(1)
    assert database(data_dir).stat().st_size > before
    journal.close()


async def test_many_at_once_are_one_transaction_or_none(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    first, order = posted(1)
    await journal.record(first, order, GATEWAY)
    twice = [(line(2), None), (first, Post(order, GATEWAY))]
    with pytest.raises(Exception, match="UNIQUE"):
        await journal.record_all(twice)
    assert [entry.seq for entry in await journal.recent(5)] == [1]
    assert (await journal.record(line(3))).seq == 2
    journal.close()
    assert verify(data_dir).ok


async def test_a_cancelled_caller_cancels_nothing(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    heard: list[int] = []
    journal.subscribe(lambda entry: heard.append(entry.seq))
    task = asyncio.create_task(journal.record(line(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await journal.recent(5)) == 1 and heard == [1]
    journal.close()


async def test_entries_are_read_a_page_at_a_time(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    await journal.record_all([(line(n), None) for n in range(1, 1_101)])
    assert [entry.seq async for entry in journal.iter_entries()] == list(range(1, 1_101))
    start = Millis(1_700_000_000_000 + 10)
    assert [entry.seq async for entry in journal.iter_entries(start, Millis(start + 3))] == [10, 11, 12]
    journal.close()


async def test_words_that_no_database_holds_are_made_harmless(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    written = await journal.record(line(1, comment="a\0b\ud800c", title=Text("\0", "😀")))
    assert written.comment == "a\ufffdb?c" and written.title == Text("\ufffd", "😀")
    assert (await journal.recent(1))[0] == written
    journal.close()
    assert verify(data_dir).ok


async def test_settings_and_closing(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    assert await journal.get_setting("layout/duty") is None
    await journal.set_setting("layout/duty", "{}")
    await journal.set_setting("layout/duty", '{"a": 1}')
    journal.close()
    journal.close()
    with pytest.raises(DeckError, match="closed"):
        await journal.record(line(1))
    again = Journal.open(data_dir)
    assert await again.get_setting("layout/duty") == '{"a": 1}'
    again.close()


# --- the outbox ------------------------------------------------------------------------------------------------------------------


async def test_a_command_waits_until_it_is_answered(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    for number in (1, 2, 3):
        await journal.record(*posted(number), GATEWAY)
    await journal.record(*posted(4), None)
    await journal.mark_sent(command(2).key)
    settled = await journal.settle(answer(1))
    assert settled is not None and settled.verb == records.ANSWER and settled.target == "alert-1"
    assert records.answer_of(settled) == answer(1)
    assert await journal.settle(answer(1)) is None
    assert await journal.settle(answer(99)) is None
    await journal.mark_sent(command(1).key)
    journal.close()

    again = Journal.open(data_dir)
    waiting = await again.unsettled()
    assert [(post.command, post.state, post.tries, post.link) for post in waiting] == [
        (command(2), "sent", 1, GATEWAY),
        (command(3), "pending", 0, GATEWAY),
    ]
    assert [post.command for post in await again.kept()] == [command(4)]
    again.close()
    assert verify(data_dir).ok


async def test_what_is_sent_is_what_was_audited(data_dir: Path) -> None:
    """Somebody edits a waiting command while the desk is down: it is not sent."""
    journal = Journal.open(data_dir)
    for number in (1, 2, 3):
        await journal.record(*posted(number), GATEWAY)
    journal.close()
    forged = msgspec.json.encode(command(1, acknowledge("alert-666"))).decode()
    sql(data_dir, "UPDATE audit SET detail = ? WHERE seq = 1", parameters=(forged,))
    again = Journal.open(data_dir)
    assert [post.command for post in await again.unsettled()] == [command(2), command(3)]
    assert again.warning is not None
    again.close()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scopes = st.builds(
    Scope,
    alert=st.none() | texts.map(AlertId),
    kind=st.none() | texts.map(AlertKindId),
    area=st.none() | texts.map(AreaCode),
    place=st.none() | texts,
    series=st.none() | texts.map(SeriesId),
    source=st.none() | texts.map(SourceName),
)
acts = st.one_of(
    st.builds(MoveAlerts, move=st.sampled_from(AlertMove), alerts=st.lists(texts.map(AlertId), max_size=5).map(tuple), comment=texts),
    st.builds(PutAside, shelf=texts.map(ShelfId), how=st.sampled_from(How), scope=scopes, until=st.integers(0, 2**53).map(Millis), comment=texts),
    st.builds(TakeBack, shelf=texts.map(ShelfId), comment=texts),
    st.builds(
        OpenCase,
        case=texts.map(CaseId),
        alerts=st.lists(texts.map(AlertId), max_size=3).map(tuple),
        kind=texts.map(AlertKindId),
        severity=st.sampled_from(Severity),
        title=st.builds(Text, texts, texts),
        area=texts.map(AreaCode),
        place=st.builds(Text, texts, texts),
        position=st.none() | st.builds(Position, st.floats(-180, 180), st.floats(-85, 85)),
        comment=texts,
    ),
    st.builds(MoveCase, case=texts.map(CaseId), move=st.sampled_from(Move), unit=st.none() | texts.map(UnitId), comment=texts),
)
commands = st.builds(
    Command,
    key=st.uuids().map(lambda number: CommandKey(number.hex)),
    act=acts,
    area=texts.map(AreaCode),
    actor=texts,
    role=st.sampled_from(Role),
    seat=st.sampled_from(Seat),
    desk=texts,
    at=st.integers(0, 2**53).map(Millis),
    seen=st.integers(0, 2**31),
)


@given(commands)
def test_a_command_survives_being_written_down(order: Command) -> None:
    text = msgspec.json.encode(order).decode()
    assert msgspec.json.decode(text, type=Command) == order
    entry = line(1, verb=order.verb, key=order.key, detail=text).numbered(1)
    assert records.command_of(entry) == order


# --- the chain -------------------------------------------------------------------------------------------------------------------


def test_the_hash_is_what_the_module_says_it_is(whole: Path) -> None:
    """Written again from the docstring, without the module's own code: others must be able to check a chain too."""
    with sqlite3.connect(database(whole)) as connection:
        rows = connection.execute(f"SELECT {', '.join(FIELDS)}, prev, hash FROM audit ORDER BY seq").fetchall()
    connection.close()
    prev = "0" * 64
    for *fields, stored_prev, stored in rows:
        body = "".join(f"{len(str(field).encode())}:{field}," for field in fields)
        assert stored_prev == prev
        prev = hashlib.sha256((prev + body).encode()).hexdigest()
        assert stored == prev


def test_fields_cannot_run_into_one_another() -> None:
    assert row_hash((1, "ab", "c"), GENESIS) != row_hash((1, "a", "bc"), GENESIS)
    assert row_hash((1, "1:a,", ""), GENESIS) != row_hash((1, "1:a", ","), GENESIS)


def test_a_sound_chain_is_sound_and_checking_it_touches_nothing(spoilt: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in spoilt.iterdir()}
    assert verify(spoilt) == Verdict(True, ROWS)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in spoilt.iterdir()} == before
    assert verify(None, f"sqlite:///{database(spoilt)}") == Verdict(True, ROWS)


@pytest.mark.parametrize("column", [*FIELDS[1:], "prev", "hash"])
@pytest.mark.parametrize("seq", [1, 6, ROWS])
def test_a_changed_column_is_found(spoilt: Path, column: str, seq: int) -> None:
    change = "+ 1" if column == "at" else "|| 'x'"
    sql(spoilt, f"UPDATE audit SET {column} = {column} {change} WHERE seq = {seq}")
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, "changed", seq), verdict
    assert f"row {seq} was changed" in verdict.what


@pytest.mark.parametrize("value", ["x'3336'", "NULL", "x'ff'", "CAST(x'ff' AS TEXT)"])
def test_a_column_of_another_type_is_found(spoilt: Path, value: str) -> None:
    with sqlite3.connect(database(spoilt)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'audit'")
    connection.close()
    sql(spoilt, f"UPDATE audit SET comment = {value} WHERE seq = 5")
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, "changed", 5), verdict


@pytest.mark.parametrize("rewritten", [1, 5, ROWS - 1])
def test_a_row_changed_together_with_its_hash_is_found(spoilt: Path, rewritten: int) -> None:
    _rewrite(spoilt, rewritten, "comment", "nothing happened")
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, "changed", rewritten), verdict


def test_a_chain_written_anew_to_its_end_is_found_by_its_head(spoilt: Path) -> None:
    _rewrite(spoilt, 5, "comment", "nothing happened", to_the_end=True)
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, "head differs", ROWS), verdict


def _rewrite(folder: Path, seq: int, column: str, value: str, *, to_the_end: bool = False) -> None:
    with sqlite3.connect(database(folder)) as connection:
        connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, seq))
        last = ROWS if to_the_end else seq
        for number in range(seq, last + 1):
            before = connection.execute("SELECT hash FROM audit WHERE seq = ?", (number - 1,)).fetchone()
            prev = before[0] if before else GENESIS
            fields = connection.execute(f"SELECT {', '.join(FIELDS)} FROM audit WHERE seq = ?", (number,)).fetchone()
            connection.execute("UPDATE audit SET prev = ?, hash = ? WHERE seq = ?", (prev, row_hash(fields, prev), number))
    connection.close()


def _renumber(folder: Path, start: int, by: int) -> None:
    sql(folder, f"UPDATE audit SET seq = -seq WHERE seq >= {start}", f"UPDATE audit SET seq = -seq + {by} WHERE seq < 0")


def _copy_of(seq: int, as_: int) -> str:
    rest = ", ".join((*FIELDS[1:], "prev", "hash"))
    return f"INSERT INTO audit (seq, {rest}) SELECT {as_}, {rest} FROM audit WHERE seq = {seq}"


def _swap(folder: Path, a: int, b: int) -> None:
    sql(
        folder,
        f"UPDATE audit SET seq = -1 WHERE seq = {a}",
        f"UPDATE audit SET seq = {a} WHERE seq = {b}",
        f"UPDATE audit SET seq = {b} WHERE seq = -1",
    )


def _insert(folder: Path, seq: int) -> None:
    _renumber(folder, seq, 1)
    sql(folder, _copy_of(seq - 1, seq))


def _insert_with_hash(folder: Path, seq: int) -> None:
    _insert(folder, seq)
    _rewrite(folder, seq, "comment", "forged")


def _delete_and_renumber(folder: Path, seq: int) -> None:
    sql(folder, f"DELETE FROM audit WHERE seq = {seq}")
    _renumber(folder, seq + 1, -1)


def _head(folder: Path, count: int, hash_: str) -> None:
    HeadFile(folder).write(Head(count, hash_))


def _hash(folder: Path, seq: int) -> str:
    with sqlite3.connect(database(folder)) as connection:
        found = str(connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()[0])
    connection.close()
    return found


TAMPERED: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "first row deleted": (lambda f: sql(f, "DELETE FROM audit WHERE seq = 1"), "removed", 1),
    "middle row deleted": (lambda f: sql(f, "DELETE FROM audit WHERE seq = 6"), "removed", 6),
    "middle rows deleted": (lambda f: sql(f, "DELETE FROM audit WHERE seq IN (6, 7, 8)"), "removed", 6),
    "last row deleted": (lambda f: sql(f, f"DELETE FROM audit WHERE seq = {ROWS}"), "cut off", ROWS),
    "newest three cut off": (lambda f: sql(f, "DELETE FROM audit WHERE seq > 9"), "cut off", 10),
    "all rows deleted": (lambda f: sql(f, "DELETE FROM audit"), "cut off", 1),
    "row deleted, rest renumbered": (lambda f: _delete_and_renumber(f, 6), "removed", 6),
    "first row deleted, rest renumbered": (lambda f: _delete_and_renumber(f, 1), "removed", 1),
    "neighbours exchanged": (lambda f: _swap(f, 5, 6), "moved", 5),
    "distant rows exchanged": (lambda f: _swap(f, 3, 10), "moved", 3),
    "row inserted in the middle": (lambda f: _insert(f, 6), "inserted", 6),
    "row with a right hash inserted": (lambda f: _insert_with_hash(f, 6), "inserted", 6),
    "row before the first": (lambda f: sql(f, _copy_of(1, 0)), "inserted", 0),
    "row behind the last": (lambda f: sql(f, _copy_of(3, ROWS + 1)), "moved", ROWS + 1),
    "row far behind the last": (lambda f: sql(f, _copy_of(3, ROWS + 5)), "removed", ROWS + 1),
    "head deleted": (lambda f: (f / "audit.head").unlink(), "head missing", ROWS),
    "head with another hash": (lambda f: _head(f, ROWS, "f" * 64), "head differs", ROWS),
    "head with another count": (lambda f: _head(f, ROWS + 2, _hash(f, ROWS)), "cut off", ROWS + 1),
    "head of an older row under a wrong count": (lambda f: _head(f, 7, _hash(f, 8)), "head differs", 7),
    "head garbled": (lambda f: void((f / "audit.head").write_text("{}")), "head differs", 0),
}


def void(_value: object) -> None:
    """For a lambda that must return nothing."""


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found_and_named(spoilt: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tamper, kind, seq = TAMPERED[name]
    tamper(spoilt)
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, kind, seq), verdict
    assert cli.audit_verify(spoilt, None) == 1
    assert f"at row {seq}" in capsys.readouterr().out


AT_THE_END = [
    "last row deleted",
    "newest three cut off",
    "all rows deleted",
    "head deleted",
    "head with another hash",
    "head with another count",
    "head garbled",
]


@pytest.mark.parametrize("name", AT_THE_END)
def test_a_desk_that_starts_on_a_broken_end_says_so_and_keeps_the_evidence(spoilt: Path, name: str) -> None:
    old = (spoilt / "audit.head").read_bytes()
    TAMPERED[name][0](spoilt)
    evidence = (spoilt / "audit.head").read_bytes() if (spoilt / "audit.head").exists() else None
    journal = Journal.open(spoilt, now=Clock(5_000))
    assert journal.warning is not None and "audit chain" in journal.warning.what
    asyncio.run(_fill(journal, 2))
    journal.close()
    kept = list(spoilt.glob("audit.head.broken-5000*"))
    assert [path.read_bytes() for path in kept] == ([] if evidence is None else [evidence])
    assert (spoilt / "audit.head").read_bytes() != old

    quiet = Journal.open(spoilt)
    assert quiet.warning is None
    quiet.close()
    verdict = verify(spoilt)
    assert (verdict.ok, verdict.kind) == (False, "break recorded")


async def test_rows_removed_behind_a_running_desk_are_noticed_by_the_next_action(data_dir: Path) -> None:
    journal = Journal.open(data_dir, now=Clock(5_000))
    for number in range(1, 6):
        await journal.record(line(number))
    sql(data_dir, "DELETE FROM audit WHERE seq > 3")
    written = await journal.record(line(6))
    assert journal.warning is not None
    assert [entry.verb for entry in await journal.recent(2)] == ["comment", records.CHAIN_BREAK_FOUND]
    assert written.seq == 5
    journal.close()
    verdict = verify(data_dir)
    assert (verdict.ok, verdict.kind, verdict.first_bad) == (False, "break recorded", 4)
    assert len(matching(data_dir, "audit.head.broken-*")) == 1


async def test_a_head_left_behind_by_a_crash_is_mended_and_that_is_recorded(spoilt: Path) -> None:
    _head(spoilt, ROWS - 2, _hash(spoilt, ROWS - 2))
    verdict = verify(spoilt)
    assert verdict.ok and f"rows {ROWS - 1} to {ROWS}" in verdict.notes[0]
    journal = Journal.open(spoilt)
    assert journal.warning is None
    assert (await journal.recent(1))[0].verb == records.HEAD_BROUGHT_FORWARD
    journal.close()
    assert verify(spoilt) == Verdict(True, ROWS + 1)


async def test_a_row_behind_the_head_that_does_not_chain_is_a_break(spoilt: Path) -> None:
    _head(spoilt, ROWS - 2, _hash(spoilt, ROWS - 2))
    sql(spoilt, f"UPDATE audit SET comment = 'x' WHERE seq = {ROWS}")
    journal = Journal.open(spoilt)
    assert journal.warning is not None
    journal.close()


async def test_a_running_desk_can_be_checked(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    for number in range(30):
        await journal.record(line(number))
        assert verify(data_dir).ok
    journal.close()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_single_edit_goes_unnoticed(whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any one column of any one row set to anything else."""
    folder = tmp_path_factory.mktemp("edit") / "journal"
    shutil.copytree(whole, folder)
    column, seq = data.draw(st.sampled_from([*FIELDS, "prev", "hash"])), data.draw(st.integers(1, ROWS))
    value = data.draw(st.integers(-(2**40), 2**40) if column in ("seq", "at") else texts)
    with sqlite3.connect(database(folder)) as connection:
        same = connection.execute(f"SELECT {column} FROM audit WHERE seq = ?", (seq,)).fetchone()[0] == value
        taken = column == "seq" and connection.execute("SELECT 1 FROM audit WHERE seq = ?", (value,)).fetchone()
        if not (same or taken):
            connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, seq))
    connection.close()
    assert verify(folder).ok is bool(same or taken)
    shutil.rmtree(folder)


# --- when something is wrong -------------------------------------------------------------------------------------------------------


async def test_a_full_disk_is_said_in_words_and_leaves_nothing(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    await journal.record(line(1))
    store = journal._store
    await journal._run(lambda: _limit(store))
    with pytest.raises(DeckError, match="disk is full"):
        await journal.record_all([(line(n, comment="x" * 3_000), None) for n in range(300)])
    assert [entry.seq for entry in await journal.recent(5)] == [1]
    assert (await journal.record(line(2))).seq == 2
    journal.close()
    assert verify(data_dir) == Verdict(True, 2)


def _limit(store: object) -> None:
    raw = store._database._connection.connection.dbapi_connection  # pyright: ignore[reportAttributeAccessIssue]
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {pages + 20}").fetchall()


async def test_a_journal_that_another_program_holds_is_said_in_words(data_dir: Path) -> None:
    journal = Journal.open(data_dir, busy_ms=20)
    await journal.record(line(1))
    other = sqlite3.connect(database(data_dir), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DeckError, match="Another program holds the journal"):
        await journal.record(line(2))
    other.execute("ROLLBACK")
    other.close()
    assert (await journal.record(line(2))).seq == 2
    journal.close()


@pytest.mark.parametrize("damage", ["no database", "cut short", "a page of noise", "no table"])
def test_a_damaged_journal_is_kept_and_never_written_over(spoilt: Path, damage: str) -> None:
    file = database(spoilt)
    whole = file.read_bytes()
    if damage == "no table":
        sql(spoilt, "DROP TABLE audit")
    else:
        spoiled = {"no database": b"not a database at all" * 400, "cut short": whole[:5_000], "a page of noise": b"\xa5" * 4_096 * 12}[damage]
        file.write_bytes(spoiled if damage != "a page of noise" else whole[:4_096] + spoiled)
    broken = file.read_bytes()
    for _ in range(2):
        with pytest.raises(DeckError, match="damaged") as told:
            Journal.open(spoilt, now=Clock(77))
        assert "journal.sqlite3.damaged-77" in told.value.where
    assert file.read_bytes() == broken
    assert [path.read_bytes() for path in spoilt.glob("journal.sqlite3.damaged-*")] == [broken]
    assert not verify(spoilt).ok


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeckError, match="data folder"):
        Journal.open(tmp_path / "file" / "data")


def test_one_desk_a_folder(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    with pytest.raises(DeckError, match=r"already in use by process \d+"):
        Journal.open(data_dir)
    code = "import sys, pathlib; from app.journal import Journal; Journal.open(pathlib.Path(sys.argv[1]))"
    other = subprocess.run([sys.executable, "-c", code, str(data_dir)], capture_output=True, text=True, timeout=60, check=False)
    assert "already in use by process" in other.stderr
    journal.close()
    Journal.open(data_dir).close()


def test_addresses_that_are_none(data_dir: Path) -> None:
    for url in ("nonsense", "nosuchdatabase://host/name"):
        with pytest.raises(DeckError):
            Journal.open(data_dir, url)
    Journal.open(data_dir).close()


# --- versions of the tables --------------------------------------------------------------------------------------------------------


def _tables(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(file) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        found = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        found["indexes"] = connection.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    connection.close()
    return found


async def test_migrations_lead_to_the_same_tables_as_a_fresh_start(data_dir: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    Journal.open(fresh).close()
    sql(data_dir, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    journal = Journal.open(data_dir)
    assert [entry.verb for entry in await journal.recent(5)] == [records.JOURNAL_MIGRATED]
    journal.close()
    assert _tables(database(data_dir)) == _tables(database(fresh))
    assert len(matching(data_dir, "journal.sqlite3.before-*")) == 1
    assert verify(data_dir).ok


def test_a_journal_from_the_future_is_left_alone(spoilt: Path) -> None:
    sql(spoilt, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DeckError, match="another version"):
        Journal.open(spoilt)
    sql(spoilt, "UPDATE alembic_version SET version_num = '0001'")
    assert verify(spoilt).ok


def test_importing_the_journal_loads_no_database() -> None:
    code = "import sys, app.journal, app.actions.desk; print([m for m in ('sqlalchemy', 'alembic', 'argon2', 'PySide6') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def test_opening_the_newest_version_loads_no_alembic(data_dir: Path) -> None:
    code = "import sys, pathlib; from app.journal import Journal; Journal.open(pathlib.Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    for _ in range(2):
        found = subprocess.run([sys.executable, "-c", code, str(data_dir)], capture_output=True, text=True, timeout=60, check=True)
        assert found.stdout.strip() == "False"


# --- people ------------------------------------------------------------------------------------------------------------------------

LI = Operator(id="li", name="李", role=Role.OPERATOR, areas=(AreaCode("370202"),))


async def test_signing_in_is_audited_and_never_with_the_password(data_dir: Path) -> None:
    journal = Journal.open(data_dir)
    await journal.add_operator(LI, "s3cret-words", who=WHO)
    assert await journal.operators() == [LI]
    assert await journal.check_password("li", "s3cret-words", who=WHO) == LI
    assert await journal.check_password("li", "wrong-words", who=WHO) is None
    assert await journal.check_password("my-password-in-the-wrong-field", "x", who=WHO) is None
    lines = [(entry.verb, entry.actor, entry.role) async for entry in journal.iter_entries()]
    assert lines == [
        (records.OPERATOR_ADDED, "wang", "duty_officer"),
        (records.SIGN_IN, "li", "operator"),
        (records.SIGN_IN_FAILED, "li", "operator"),
        (records.SIGN_IN_FAILED, "?", ""),
    ]
    journal.close()
    written = b"".join(matching(data_dir, "*"))
    assert b"s3cret-words" not in written and b"wrong-words" not in written and b"$argon2id$" in written
    with pytest.raises(DeckError):
        await journal.add_operator(msgspec.structs.replace(LI, id=" "), "x", who=WHO)


async def test_five_wrong_passwords_lock_for_half_a_minute_across_a_restart(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.journal.journal._passwords_match", lambda _hash, password: password == "right")
    clock = Clock()
    journal = Journal.open(data_dir, now=clock)
    await journal.add_operator(LI, "right", who=WHO)
    tries = await asyncio.gather(*(journal.check_password("li", "wrong") for _ in range(9)), return_exceptions=True)
    assert [type(outcome) for outcome in tries] == [type(None)] * 5 + [DeckError] * 4
    journal.close()
    journal = Journal.open(data_dir, now=clock)
    with pytest.raises(DeckError, match="locked"):
        await journal.check_password("li", "right")
    assert (await journal.recent(1))[0].verb == records.SIGN_IN_LOCKED
    clock.now += 30_000
    assert await journal.check_password("li", "wrong") is None
    assert await journal.check_password("li", "right") == LI
    for _ in range(4):
        assert await journal.check_password("li", "wrong") is None
    assert await journal.check_password("li", "right") == LI
    journal.close()


# --- the command line ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(data_dir: Path) -> Path:
    async def fill() -> None:
        journal = Journal.open(data_dir)
        for number, comment in enumerate(("=1+1", "+1", "-1", "@x", "\tx", "plain", "线\nbreak\x1b[31m"), 1):
            await journal.record(line(number, comment=comment))
        journal.close()

    asyncio.run(fill())
    return data_dir


def test_list(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.audit_list(written, None, 2) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 2 and "2023-11-14T22:13:20.007Z" in printed and "\x1b" not in printed
    assert cli.audit_list(written, None, 0) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_export_for_spreadsheets_holds_no_formula(written: Path, tmp_path: Path) -> None:
    assert cli.audit_export(written, None, tmp_path / "audit.csv") == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "audit.csv").read_text("utf-8-sig"), newline="")))
    assert [row["comment"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "线\nbreak\x1b[31m"]


def test_export_for_programs_can_be_checked_again(written: Path, tmp_path: Path) -> None:
    assert cli.audit_export(written, None, tmp_path / "audit.jsonl") == 0
    prev = GENESIS
    for text in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines():
        row = json.loads(text)
        assert row["prev"] == prev and row_hash([row[name] for name in FIELDS], prev) == row["hash"]
        prev = row["hash"]


def test_exit_codes(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.audit_verify(written, None) == 0
    assert "sound: 7 rows" in capsys.readouterr().out
    assert cli.audit_verify(tmp_path / "nowhere", None) == 2
    assert cli.audit_export(written, None, tmp_path / "audit.txt") == 2
    assert cli.audit_export(written, None, tmp_path / "no" / "audit.csv") == 2
    sql(written, "UPDATE audit SET actor = 'li' WHERE seq = 3")
    assert cli.audit_export(written, None, tmp_path / "audit.jsonl") == 1
    assert "BROKEN at row 3" in capsys.readouterr().out
    database(written).unlink()
    assert cli.audit_verify(written, None) == 1
