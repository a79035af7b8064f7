"""The shell: arrangements, bars, palette, dialogs, sign-in, notices, crash path. On a real city, hub and journal, with tiny panels."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QDialog, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot
from shell_desk import NOW, PANELS, WANG, Desk, TinyPanel, city, desk, specs

from app.domain.alert import Alert
from app.domain.batch import Batch, LinkReport, LinkState
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.severity import Severity
from app.domain.text import Text
from app.journal import Who
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.dialogs import ConfirmDialog, TextDialog, ask_text, confirm
from app.qt.words import Words
from app.services.alarm_rate import Load
from app.shell import facts, seats
from app.shell.bars import NEEDS
from app.shell.crash import CrashPath
from app.shell.fuzzy import best, folded, score
from app.shell.layouts import Layout, LayoutFault, compose, fault_of, group, row, signature
from app.shell.logs import LOG_FILE, close_log, open_log, without_secrets
from app.shell.notices import Notice
from app.shell.rescue import rescued
from app.shell.signin import SignInPage
from app.shell.status import banner_words, link_words, outbox_words, rate_words

Key = Qt.Key
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def d(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Desk]:
    with desk(tmp_path, loop) as made:
        yield made


def alert(number: int, severity: int, minutes: int, title: str = "煤气") -> Alert:
    return Alert(
        id=AlertId(f"a{number}"), kind=AlertKindId("gas"), severity=Severity(severity), title=Text(title, "gas"), area=AreaCode("370203"),
        at=Millis(NOW - minutes * 60_000), source=SourceName("demo"),
    )  # fmt: skip


def link(state: LinkState, *, since: int = 38_000, simulated: bool = True) -> LinkReport:
    return LinkReport(
        name=SourceName("demo"),
        kind="gateway",
        address="ws://127.0.0.1",
        state=state,
        since=Millis(NOW - since),
        simulated=simulated,
        commands=True,
        delay_ms=18.0,
    )


# --- layouts as data -------------------------------------------------------------------------------------------------------------


def test_every_seat_has_a_sound_default() -> None:
    for seat in Seat:
        for width in (1280, 1920, 3840):
            layout = seats.standard(seat, width)
            assert layout.seat is seat
            assert set(layout.panels) <= set(PANELS)
            assert fault_of(compose(layout, PANELS, width, width * 9 // 16), PANELS) is None


def test_a_desk_shows_more_on_4k_and_a_wall_the_same_bigger() -> None:
    assert len(seats.standard(Seat.DUTY, 3840).panels) > 0
    assert seats.standard(Seat.DUTY, 3840) != seats.standard(Seat.DUTY, 1920)
    assert seats.standard(Seat.WALL, 3840) == seats.standard(Seat.WALL, 1920)
    assert seats.usual_scale(Seat.WALL, 2160) == 2 * seats.usual_scale(Seat.WALL, 1080)
    assert seats.usual_scale(Seat.DUTY, 2160) == seats.usual_scale(Seat.DUTY, 1080)


def test_a_layout_is_checked_when_it_is_declared() -> None:
    with pytest.raises(LayoutFault, match="more than once"):
        Layout("x", Seat.DUTY, row(group("map"), group("map")))
    with pytest.raises(LayoutFault, match="without a panel"):
        group()
    with pytest.raises(LayoutFault, match="share"):
        group("map", share=0)
    with pytest.raises(LayoutFault, match="none of the panels"):
        Layout("x", Seat.DUTY, row(group("map"))).only(["case"])


def test_a_panel_that_does_not_exist_leaves_no_hole() -> None:
    layout = seats.DUTY.only(set(PANELS) - {"units", "alerts"})
    assert "units" not in layout.panels
    assert "board" in layout.panels


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: b"garbage", "not readable"),
        (lambda s: s.replace(b'Name="map"', b'Name="mop"'), "do not exist"),
        (lambda s: s.replace(b'Name="map"', b'Name="case"', 1), "twice"),
        (lambda s: s.replace(b'Count="3"', b'Count="9"', 1), "does not add up"),
        (lambda s: s.replace(b'Version="1" ', b'Version="7" '), "version"),
        (lambda s: b"<!DOCTYPE x [<!ENTITY a 'b'>]><QtAdvancedDockingSystem>&a;</QtAdvancedDockingSystem>", "not readable"),
        (lambda s: b"x" * 2_000_000, "too long"),
        (lambda s: b"\xff\xfe\x00", "not readable"),
    ],
)
def test_a_state_that_does_not_fit_is_known_before_the_library_sees_it(spoil: Callable[[bytes], bytes], says: str) -> None:
    state = compose(seats.DUTY, PANELS, 1900, 980)
    assert says in (fault_of(spoil(state), PANELS) or "")


def test_a_state_without_a_panel_does_not_fit() -> None:
    assert "says nothing about zoo" in (fault_of(compose(seats.DUTY, PANELS, 1900, 980), [*PANELS, "zoo"]) or "")


# --- docks and arrangements ---------------------------------------------------------------------------------------------------------


def test_only_what_is_seen_is_made(d: Desk) -> None:
    assert sorted(TinyPanel.made[-5:]) == ["alerts", "board", "case", "map", "units"]
    before = len(TinyPanel.made)
    d.window.show_panel("trend")
    d.window.show_panel("trend")
    assert TinyPanel.made[before:] == ["trend"]


def test_proportions_are_the_drawings(d: Desk) -> None:
    docks = d.window.docks
    widths = {i: docks.panel(i).width() / d.window.width() for i in ("alerts", "map", "units")}  # type: ignore[union-attr]
    assert widths["alerts"] == pytest.approx(0.23, abs=0.02)
    assert widths["map"] == pytest.approx(0.56, abs=0.02)
    assert docks.panel("map").height() > docks.panel("case").height()  # type: ignore[union-attr]


def test_an_arrangement_is_saved_loaded_renamed_and_deleted(d: Desk) -> None:
    arranger = d.window.arranger
    standard = signature(d.window.docks.capture())
    d.window.docks.close_panel("units")
    arranger.save("夜班")
    changed = signature(d.window.docks.capture())
    arranger.reset()
    assert signature(d.window.docks.capture()) == standard
    assert arranger.is_default
    assert arranger.load("夜班")
    assert signature(d.window.docks.capture()) == changed
    assert not d.window.docks.is_open("units")
    d.window.show_panel("units")
    d.until(lambda: d.window.docks.panel("units").height() > 100)  # type: ignore[union-attr]
    assert arranger.load("夜班")
    arranger.rename("夜班", "夜班 2")
    assert arranger.names == ("夜班 2",)
    assert arranger.name == "夜班 2"
    arranger.delete("夜班 2")
    assert arranger.names == ()
    assert arranger.is_default


def test_layout_names_are_checked(d: Desk) -> None:
    d.window.arranger.save("a")
    d.window.arranger.save("b")
    with pytest.raises(DeckError):
        d.window.arranger.save("   ")
    with pytest.raises(DeckError):
        d.window.arranger.save("x" * 100)
    with pytest.raises(DeckError):
        d.window.arranger.rename("a", "b")
    assert d.window.arranger.names == ("a", "b")


def test_the_next_start_shows_the_same(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    kept: dict[str, str] = {}
    with desk(tmp_path, loop, settings=kept) as first:
        first.window.docks.close_panel("board")
        first.window.show_panel("trend")
        first.until(lambda: first.window.arranger.can_undo == 1)
        first.window.arranger.lock(True)
        first.window.docks.panel("map").note = "zoomed"  # type: ignore[union-attr]
        before = signature(first.window.docks.capture())
    with desk(tmp_path, loop, settings=kept) as second:
        assert signature(second.window.docks.capture()) == before
        assert second.window.arranger.locked
        assert second.window.docks.panel("map").note == "zoomed"  # type: ignore[union-attr]
        assert not second.window.notices.notice.text


@pytest.mark.parametrize("text", ["garbage", "{}", '{"name":"x","mark":"y","state":"<a/>"}', '{"name":1}'])
def test_what_does_not_fit_is_dropped_with_a_word(tmp_path: Path, loop: asyncio.AbstractEventLoop, text: str) -> None:
    with desk(tmp_path, loop, settings={"layout.duty": text, "panel.duty.map": "[1", "layouts.duty": "nonsense"}) as made:
        assert made.window.arranger.is_default
        assert made.window.docks.is_open("alerts")
        assert "dropped" in made.window.notices.notice.text


def test_a_layout_that_names_a_missing_panel_is_dropped(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    kept: dict[str, str] = {}
    with desk(tmp_path, loop, settings=kept) as first:
        first.window.arranger.save("mine")
    fewer = [spec for spec in specs() if spec.id != "trend"]
    with desk(tmp_path, loop, settings=kept, panels=fewer) as second:
        assert "dropped" in second.window.notices.notice.text
        assert second.window.arranger.unfit().keys() == {"mine"}
        assert not second.window.arranger.load("mine")
        assert second.window.arranger.names == ()
        assert second.window.docks.is_open("map")


def test_undo_takes_back_up_to_twenty_changes(d: Desk) -> None:
    arranger, docks = d.window.arranger, d.window.docks
    start = signature(docks.capture())
    docks.close_panel("board")
    d.until(lambda: arranger.can_undo == 1)
    docks.float_panel("units")
    d.until(lambda: arranger.can_undo == 2)
    assert docks.is_floating("units")
    assert len(docks.floating()) == 1
    assert arranger.undo()
    assert not docks.is_floating("units")
    assert arranger.undo()
    assert signature(docks.capture()) == start
    assert not arranger.undo()
    for _ in range(25):
        arranger.reset()
    assert arranger.can_undo == 20


def test_a_locked_desk_does_not_move(d: Desk) -> None:
    d.window.arranger.lock(True)
    before = signature(d.window.docks.capture())
    d.window.docks.close_panel("map")
    d.window.docks.float_panel("map")
    assert signature(d.window.docks.capture()) == before
    d.window.show_panel("links")
    assert d.window.docks.is_seen("links")
    assert not d.window.arranger.undo()
    d.window.arranger.lock(False)
    d.window.docks.close_panel("map")
    assert not d.window.docks.is_open("map")


def test_windows_come_back_when_their_screen_goes() -> None:
    main = QRect(0, 0, 1920, 1080)
    second = QRect(1920, 0, 1920, 1080)
    on_second = QRect(2000, 100, 800, 600)
    assert rescued(on_second, [main, second], main) is None
    moved = rescued(on_second, [main], main)
    assert moved is not None
    assert main.contains(moved)
    assert rescued(QRect(100, -400, 800, 600), [main], main) is not None
    huge = rescued(QRect(5000, 0, 3840, 2160), [main], main)
    assert huge == main


def test_a_floating_window_out_of_sight_is_brought_back(d: Desk) -> None:
    d.window.docks.float_panel("units")
    floating = d.window.docks.floating()[0]
    floating.move(9_000, 9_000)
    assert d.window._screens.look() >= 1  # pyright: ignore[reportPrivateUsage]
    assert floating.x() < 9_000


# --- bars ----------------------------------------------------------------------------------------------------------------------------


def test_the_bar_says_how_the_platform_is(d: Desk) -> None:
    top = d.window.top
    assert "No platform" in top.link.shown
    assert not top.simulated.isVisible()
    d.hub.link(link(LinkState.LIVE))
    d.window._on_frame(d.hub.take())  # pyright: ignore[reportPrivateUsage]
    assert top.link.shown == "Platform normal · 18 ms"
    assert top.link.severity == 0
    assert top.simulated.isVisible()
    assert not d.window.banner.isVisible()
    d.hub.link(link(LinkState.DOWN))
    d.window._on_frame(d.hub.take())  # pyright: ignore[reportPrivateUsage]
    assert top.link.shown == "Platform down 38 s · figures are getting old"
    assert top.link.severity == 2
    assert d.window.banner.isVisible()
    assert "10:41:46" in d.window.banner.notice.text


def test_status_words() -> None:
    words = Words("en", "Asia/Shanghai")
    live, down = link(LinkState.LIVE), link(LinkState.STALLED)
    assert "silent" in link_words(words, [down], NOW).text
    assert banner_words(words, [live], NOW) == ""
    assert link_words(words, [link(LinkState.REFUSED)], NOW).severity == 2
    assert rate_words(words, 14, Load.FLOOD).text == "Alerts 14 / 10 min · flood (1–10)"
    assert outbox_words(words, {"pending": 0, "sent": 1, "confirmed": 118}).text == "to send 0 · awaiting 1 · confirmed 118"
    assert outbox_words(words, {"refused": 2}).text.endswith("refused 2")


def test_the_worst_that_wait_are_named_first() -> None:
    hub = Hub(city(), lambda: NOW)
    rows = ((1, 3, 1), (2, 1, 9), (3, 2, 3), (4, 2, 1), (5, 4, 80))
    hub.batch(Batch(source=SourceName("demo"), at=NOW, alerts=tuple(alert(*row) for row in rows)))
    assert [a.id for a in facts.worst_waiting(hub.alerts, 3)] == ["a2", "a4", "a3"]
    assert facts.standing(hub.alerts) == (1, 2, 1, 1)
    times, _ = facts.last_hour(hub.alerts, NOW)
    assert len(times) == 4


@pytest.mark.parametrize("seat", list(Seat))
@pytest.mark.parametrize("width", [1024, 1366, 1920])
def test_bars_fit_their_window(tmp_path: Path, loop: asyncio.AbstractEventLoop, seat: Seat, width: int) -> None:
    with desk(tmp_path, loop, seat=seat, size=(width, 768)) as made:
        made.hub.link(link(LinkState.DOWN))
        made.window._on_frame(ChangeSet(NEEDS | Topic.SECOND))  # pyright: ignore[reportPrivateUsage]
        made.loop.run_until_complete(asyncio.sleep(0.02))
        assert made.window.width() == width
        top = made.window.top
        for item in (top.link, top.simulated, top.clock):
            assert item.isVisible()
            assert top.rect().contains(item.geometry())
            assert item.width() >= item.sizeHint().width()


# --- palette --------------------------------------------------------------------------------------------------------------------------


def test_fuzzy_finding() -> None:
    assert score("map", "map") > score("map", "map of") > score("map", "the map") > score("map", "remapped") > score("map", "my app") > 0
    assert score("市北", folded("青岛市北区")) > 0
    assert score("xyz", "map") == 0
    assert folded("ＭＡＰ É") == "map e"
    assert best("zz", [], 5) == []


def test_the_palette_opens_finds_and_does_by_keyboard(d: Desk, qtbot: QtBot) -> None:
    d.window.activateWindow()
    qtbot.keyClick(d.window, Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    box = d.window.palette_box
    assert box.isVisible()
    assert box.field.hasFocus()
    qtbot.keyClicks(box.field, "trend")
    assert box.entries()[0].id == "panel.trend"
    qtbot.keyClick(box.field, Key.Key_Return)
    assert not box.isVisible()
    assert d.window.docks.is_seen("trend")


def test_the_palette_reaches_areas_indicators_layouts_and_says_why_not(d: Desk, qtbot: QtBot) -> None:
    d.window.arranger.save("夜班布局")
    find = d.window.reach.find
    assert find("市北", 20)[0].id.startswith("area.")
    assert find("shibei", 20)[0].id.startswith("area.")
    assert any(e.id.startswith("indicator.") for e in find("PM2.5", 20))
    assert find("夜班", 20)[0].id == "layout.夜班布局"
    acknowledge = find("acknowledge", 20)[0]
    assert acknowledge.key == "A"
    assert acknowledge.why_not
    d.window.open_palette()
    box = d.window.palette_box
    qtbot.keyClicks(box.field, "acknowledge")
    qtbot.keyClick(box.field, Key.Key_Return)
    assert box.isVisible()
    assert box.nothing.text() == acknowledge.why_not
    qtbot.keyClick(box.field, Key.Key_Escape)
    assert not box.isVisible()


def test_palette_arrows_go_round(d: Desk, qtbot: QtBot) -> None:
    d.window.open_palette()
    box = d.window.palette_box
    assert box.results.currentRow() == 0
    qtbot.keyClick(box.field, Key.Key_Up)
    assert box.results.currentRow() == box.results.count() - 1
    qtbot.keyClick(box.field, Key.Key_Down)
    assert box.results.currentRow() == 0
    qtbot.keyClicks(box.field, "qqqqzzzz")
    assert box.entries() == []
    assert box.nothing.isVisible()


def test_choosing_an_area_moves_the_focus(d: Desk) -> None:
    d.window.reach.find("市北", 5)[0].run()
    assert d.window.pieces.focus.area == "370203"


def test_window_keys(d: Desk, qtbot: QtBot) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    d.window.activateWindow()
    qtbot.keyClick(d.window, Key.Key_L, control)
    assert d.window.arranger.locked
    qtbot.keyClick(d.window, Key.Key_L, control)
    assert not d.window.arranger.locked
    d.window.arranger.reset()
    qtbot.keyClick(d.window, Key.Key_Z, control)
    assert d.window.arranger.can_undo == 0
    qtbot.keyClick(d.window, Key.Key_F11)
    assert d.window.isFullScreen()
    qtbot.keyClick(d.window, Key.Key_F11)
    assert not d.window.isFullScreen()
    qtbot.keyClick(d.window, Key.Key_F1)
    assert any(w.windowTitle() == "Keys" for w in d.window.findChildren(QDialog))
    d.until(lambda: sum(e.verb == "lock_layout" for e in d.window.pieces.actions.recent) == 2)


def test_undo_in_a_text_field_is_the_fields_own(d: Desk, qtbot: QtBot) -> None:
    d.window.arranger.reset()
    field = QLineEdit(d.window.desk)
    field.show()
    field.setFocus()
    qtbot.keyClicks(field, "abc")
    qtbot.keyClick(field, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert field.text() == ""
    assert d.window.arranger.can_undo == 1


def test_an_action_key_without_a_target_says_why(d: Desk, qtbot: QtBot) -> None:
    d.window.activateWindow()
    qtbot.keyClick(d.window, Key.Key_A)
    d.until(lambda: bool(d.told))
    assert "Select an alert" in d.told[0].what


# --- notices ---------------------------------------------------------------------------------------------------------------------------


def test_notices_wait_for_one_another(d: Desk) -> None:
    notices = d.window.notices
    d.window.tell(DeckError("The disk is full.", where="journal", remedy="Make room."))
    d.window.tell(DeckError("The disk is full.", where="journal", remedy="Make room."))
    d.window.tell(DeckError("Something else."))
    assert notices.notice.text == "The disk is full. · journal · Make room."
    assert len(notices.waiting) == 1
    notices.dismiss()
    assert notices.notice.text == "Something else."
    notices.dismiss()
    assert not notices.isVisible()
    d.window.tell("Saved.")
    assert notices.notice == Notice("Saved.")
    d.window.tell(DeckError("An error is not kept waiting by an information."))
    assert notices.notice.severity == 3


# --- dialogs ----------------------------------------------------------------------------------------------------------------------------


def test_a_comment_is_asked_for_without_blocking(d: Desk, qtbot: QtBot) -> None:
    async def run() -> tuple[str | None, bool]:
        task = asyncio.ensure_future(ask_text(d.window, d.window.words, d.window.theme, "Void", "case 7", required=True))
        await asyncio.sleep(0)
        dialog = d.window.findChildren(TextDialog)[0]
        refused = not dialog.main.isEnabled()
        field = dialog.findChildren(QPlainTextEdit)[0]
        qtbot.keyClicks(field, "  ")
        refused = refused and not dialog.main.isEnabled()
        qtbot.keyClick(field, Key.Key_Return)
        refused = refused and dialog.isVisible()
        qtbot.keyClicks(field, "line one")
        qtbot.keyClick(field, Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClicks(field, "line two")
        qtbot.keyClick(field, Key.Key_Return)
        return await asyncio.wait_for(task, 5), refused

    assert d.loop.run_until_complete(run()) == ("line one\nline two", True)


def test_escape_cancels_and_a_cancelled_task_closes_its_dialog(d: Desk, qtbot: QtBot) -> None:
    async def run() -> str | None:
        task = asyncio.ensure_future(ask_text(d.window, d.window.words, d.window.theme, "Void", "", required=False, preset="x"))
        await asyncio.sleep(0)
        qtbot.keyClick(d.window.findChildren(TextDialog)[0].field, Key.Key_Escape)
        answer = await asyncio.wait_for(task, 5)
        other = asyncio.ensure_future(ask_text(d.window, d.window.words, d.window.theme, "Void", "", required=False))
        await asyncio.sleep(0)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        await asyncio.sleep(0.02)
        assert not [x for x in d.window.findChildren(TextDialog) if x.isVisible()]
        return answer

    assert d.loop.run_until_complete(run()) is None


def test_too_long_a_comment_is_not_taken(d: Desk) -> None:
    dialog = TextDialog(d.window, d.window.words, d.window.theme, "t", "p", required=True, preset="x" * 11, limit=10)
    assert not dialog.main.isEnabled()
    assert "1 characters too many" in dialog.hint.text()
    dialog.deleteLater()


def test_confirm(d: Desk, qtbot: QtBot) -> None:
    async def run(key: Qt.Key, grave: bool) -> bool:
        task = asyncio.ensure_future(confirm(d.window, d.window.words, d.window.theme, "Delete", "Really?", grave=grave))
        await asyncio.sleep(0)
        qtbot.keyClick(next(x for x in d.window.findChildren(ConfirmDialog) if x.isVisible()), key)
        return await asyncio.wait_for(task, 5)

    assert d.loop.run_until_complete(run(Key.Key_Return, False)) is True
    assert d.loop.run_until_complete(run(Key.Key_Return, True)) is False
    assert d.loop.run_until_complete(run(Key.Key_Escape, False)) is False


# --- sign-in ----------------------------------------------------------------------------------------------------------------------------


def test_the_first_operator_is_made_and_comes_in(tmp_path: Path, loop: asyncio.AbstractEventLoop, qtbot: QtBot) -> None:
    with desk(tmp_path, loop, operator=None) as made:
        page = made.window.sign_in
        made.window.show_sign_in()
        made.until(lambda: page.first)
        assert made.window.stack.currentWidget() is page
        assert page.who.hasFocus() or page.who.lineEdit().hasFocus()  # type: ignore[union-attr]
        qtbot.keyClicks(page.who.lineEdit(), "wang")
        page.name.setText("王磊")
        page.password.setText("short")
        page.again.setText("short")
        page.submit()
        assert "8 characters" in page.error.text()
        page.password.setText("long enough")
        page.again.setText("long enougH")
        page.submit()
        assert "not the same" in page.error.text()
        page.again.setText("long enough")
        qtbot.keyClick(page.again, Key.Key_Return)
        made.until(lambda: made.session.operator is not None)
        made.until(lambda: made.window.stack.currentWidget() is made.window.desk)
        assert page.password.text() == ""
        assert "王磊" in made.window.top.operator.shown


def test_a_wrong_password_is_said_calmly_and_a_right_one_opens(tmp_path: Path, loop: asyncio.AbstractEventLoop, qtbot: QtBot) -> None:
    with desk(tmp_path, loop, operator=None) as made:
        made.loop.run_until_complete(made.journal.add_operator(WANG, "correct horse", who=Who("test")))
        made.window.show_sign_in()
        page: SignInPage = made.window.sign_in
        made.until(lambda: page.who.count() == 1)
        assert page.password.hasFocus()
        assert not page.name.isVisible()
        qtbot.keyClicks(page.password, "wrong")
        qtbot.keyClick(page.password, Key.Key_Return)
        made.until(lambda: bool(page.error.text()))
        assert page.error.text() == "The operator or the password is wrong."
        assert made.session.operator is None
        qtbot.keyClicks(page.password, "correct horse")
        qtbot.keyClick(page.password, Key.Key_Return)
        made.until(lambda: made.session.operator is not None)
        made.window.sign_out()
        made.until(lambda: made.window.stack.currentWidget() is page)
        qtbot.keyClick(page, Key.Key_Escape)
        assert made.window.stack.currentWidget() is made.window.desk
        assert made.window.top.operator.shown == "Nobody signed in"
        made.window.toggle_lock()
        assert "signed in" in made.window.notices.notice.text


def test_the_sign_in_page_hides_floating_panels_without_closing_them(d: Desk) -> None:
    d.window.docks.float_panel("units")
    before = signature(d.window.docks.capture())
    assert len(d.window.docks.floating()) == 1
    d.window.show_sign_in(may_watch=True)
    assert d.window.docks.floating() == []
    d.window.show_desk()
    assert len(d.window.docks.floating()) == 1
    assert signature(d.window.docks.capture()) == before


def test_a_leader_may_look_but_not_act(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    leader = Operator(id="li", name="李岚", role=Role.LEADER)
    with desk(tmp_path, loop, seat=Seat.COCKPIT, operator=leader) as made:
        made.hub.batch(Batch(source=SourceName("demo"), at=NOW, alerts=(alert(1, 2, 1),)))
        made.window.pieces.focus.select_alert(AlertId("a1"))
        acknowledge = next(e for e in made.window.reach.find("acknowledge", 5) if e.id == "acknowledge")
        assert acknowledge.why_not is not None
        assert "duty officer" in acknowledge.why_not


def test_menus_open_without_blocking(d: Desk) -> None:
    d.window.arranger.save("mine")
    for menu in (d.window.menus.view(), d.window.menus.operator(), d.window.menus.area(), d.window.menus.panel("map")):
        assert menu.actions()
        menu.popup(QPoint(0, 0))
        menu.close()


def test_theme_and_language(d: Desk) -> None:
    asked: list[str] = []
    d.window.language_asked.connect(asked.append)
    d.window.change_language("zh_CN")
    assert asked == ["zh_CN"]
    dark = d.window.theme.dark
    d.window.toggle_theme()
    assert d.window.theme.dark is not dark
    d.window.theme.set_scale(1.5)
    assert d.window.top.height() == d.window.theme.px(48)


# --- crash path --------------------------------------------------------------------------------------------------------------------------

CHILD = """
import asyncio, logging, sys
from pathlib import Path
from app.domain.errors import DeckError
from app.shell.crash import CrashPath
from app.shell.logs import open_log
folder = Path(sys.argv[1])
crash = CrashPath(folder, last_lines=open_log(folder).lines, told=lambda e: print("told", e.what))
last = crash.install()
print("reports", len(last.reports), "died", last.died)
logging.getLogger("x").info("token=verysecret1 reached line")
what = sys.argv[2]
if what == "raise":
    raise RuntimeError("a bug with password: hunter2")
if what == "deck":
    raise DeckError("no room")
if what == "loop":
    async def bad():
        raise RuntimeError("lost")
    async def main():
        crash.watch(asyncio.get_running_loop())
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    asyncio.run(main())
if what == "abort":
    import os
    os.abort()
if what in ("loop", "end"):
    crash.remove()
"""


def child(folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", CHILD, str(folder), what], env=env, capture_output=True, text=True, timeout=30, check=False)


def test_a_bug_leaves_a_report_that_the_next_start_finds(tmp_path: Path) -> None:
    child(tmp_path, "raise")
    reports = list((tmp_path / "crashes").glob("crash-*.txt"))
    assert len(reports) == 1
    text = reports[0].read_text(encoding="utf-8")
    assert "RuntimeError" in text
    assert "PySide6-QtAds 5.1.1" in text
    assert "reached line" in text
    assert "hunter2" not in text
    assert "verysecret1" not in text
    assert "verysecret1" not in (tmp_path / LOG_FILE).read_text(encoding="utf-8")
    assert child(tmp_path, "end").stdout.startswith("reports 1 died True")
    assert child(tmp_path, "end").stdout.startswith("reports 0 died False")


def test_a_native_crash_is_found_at_the_next_start(tmp_path: Path) -> None:
    assert child(tmp_path, "abort").returncode != 0
    assert child(tmp_path, "end").stdout.startswith("reports 1 died True")


def test_an_operators_error_is_no_crash_and_the_loops_errors_are(tmp_path: Path) -> None:
    assert "told no room" in child(tmp_path / "a", "deck").stdout
    assert list((tmp_path / "a" / "crashes").glob("crash-*.txt")) == []
    child(tmp_path / "b", "loop")
    assert "ZeroDivisionError" in next((tmp_path / "b" / "crashes").glob("crash-*.txt")).read_text(encoding="utf-8")


def test_the_crash_page_does_not_block(d: Desk, tmp_path: Path) -> None:
    d.window.show_crash(tmp_path / "crash-1.txt")
    d.window.show_crash(tmp_path / "crash-2.txt")
    pages = [w for w in d.window.findChildren(QDialog) if w.windowTitle() == "Something broke"]
    assert len(pages) == 1
    assert not pages[0].isModal()


def test_a_crash_path_writes_only_a_few_reports_a_run(tmp_path: Path) -> None:
    crash = CrashPath(tmp_path)
    for number in range(30):
        crash.report(RuntimeError(str(number)), "a frame")
    assert len(list((tmp_path / "crashes").glob("crash-*.txt"))) == 10


def test_secrets_do_not_reach_the_log(tmp_path: Path) -> None:
    for text in (
        "ws://u:pa55word@h/x",
        "wss://h/?token=pa55word&x=1",
        "Authorization: Bearer pa55word",
        '{"password": "pa55word"}',
        "api_key=pa55word",
    ):
        assert "pa55word" not in without_secrets(text)
    assert without_secrets("the platform said 12 tokens of text") == "the platform said 12 tokens of text"
    last = open_log(tmp_path)
    try:
        logging.getLogger("t").warning("connect %s", "wss://u:pa55word@h")
        assert "pa55word" not in last.lines[-1]
    finally:
        close_log()
