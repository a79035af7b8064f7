"""The list whose rows are all alike, and the frame clock's second: what they cost must not depend on how much there is."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from pytestqt.qtbot import QtBot

from app.citypack import find_cities, load_city
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.frame import FrameClock
from app.qt.rows import FACE_ROLE, RowModel
from widgets.rows import ROW, RowFace, RowList
from widgets.theme import Theme


@pytest.fixture
def drawn() -> list[int]:
    return []


@pytest.fixture
def made(qtbot: QtBot, drawn: list[int]) -> tuple[RowList, RowModel]:
    def face(key: int) -> RowFace:
        drawn.append(key)
        return RowFace(title=str(key))

    model = RowModel(face, str)
    view = RowList(Theme(), FACE_ROLE)
    model.setParent(view)
    view.setModel(model)
    qtbot.addWidget(view)
    view.resize(300, ROW * 5)
    view.show()
    return view, model


def painted(qtbot: QtBot, drawn: list[int], wanted: set[int]) -> None:
    qtbot.waitUntil(lambda: set(drawn) >= wanted)
    assert len(set(drawn)) <= 12, "more rows were drawn than are in sight"


def test_a_million_rows_cost_what_is_in_sight(qtbot: QtBot, made: tuple[RowList, RowModel], drawn: list[int]) -> None:
    view, model = made
    model.show(np.arange(1_000_000))
    painted(qtbot, drawn, {0, 1, 2, 3, 4})
    assert view.verticalScrollBar().maximum() == 1_000_000 * ROW - view.viewport().height()
    drawn.clear()
    view.scrollTo(model.index(999_999, 0))
    painted(qtbot, drawn, {999_999})
    assert view.indexAt(QPoint(5, view.viewport().height() - 1)).row() == 999_999


def test_rows_that_come_and_go_are_shown_at_once(qtbot: QtBot, made: tuple[RowList, RowModel], drawn: list[int]) -> None:
    view, model = made
    model.show(np.array([10, 20]))
    painted(qtbot, drawn, {10, 20})
    drawn.clear()
    model.show(np.array([5, 10, 20]))
    painted(qtbot, drawn, {5, 10, 20})
    drawn.clear()
    model.show(np.array([10, 20]))
    painted(qtbot, drawn, {10, 20})
    assert 5 not in drawn
    assert not view.indexAt(QPoint(5, ROW * 3)).isValid()


def test_only_rows_that_changed_are_drawn_again(qtbot: QtBot, made: tuple[RowList, RowModel], drawn: list[int]) -> None:
    _, model = made
    keys = np.arange(5)
    model.show(keys)
    painted(qtbot, drawn, {0, 4})
    drawn.clear()
    model.show(keys, [3])
    painted(qtbot, drawn, {3})
    assert set(drawn) == {3}


def test_a_row_that_has_just_come_is_not_told_as_changed_too(made: tuple[RowList, RowModel]) -> None:
    _, model = made
    model.show(np.array([1, 2]))
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    model.show(np.array([1, 2, 3]), [2, 3])
    assert told == [(1, 1)]


def test_keys_move_and_scroll(qtbot: QtBot, made: tuple[RowList, RowModel]) -> None:
    view, model = made
    model.show(np.arange(100))
    view.selectionModel().setCurrentIndex(model.index(3, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
    for key, row in (
        (Qt.Key.Key_Down, 4),
        (Qt.Key.Key_Down, 5),
        (Qt.Key.Key_End, 99),
        (Qt.Key.Key_PageUp, 95),
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_Up, 0),
    ):
        qtbot.keyClick(view, key)
        assert view.currentIndex().row() == row
        assert view.viewport().rect().contains(view.visualRect(view.currentIndex()).center())
        assert view.selectionModel().isSelected(view.currentIndex())


def test_a_click_chooses_the_row_under_it(qtbot: QtBot, made: tuple[RowList, RowModel]) -> None:
    view, model = made
    model.show(np.arange(100))
    view.verticalScrollBar().setValue(ROW * 10)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(150, ROW * 2 + 4))
    assert view.currentIndex().row() == 12


def test_every_subscriber_hears_of_a_second_once_and_those_that_take_long_in_frames_of_their_own(qtbot: QtBot) -> None:
    hub = Hub(load_city(find_cities()["qingdao"]), lambda: 0)  # type: ignore[arg-type,return-value]
    clock = FrameClock(hub)
    heard: list[tuple[str, int]] = []

    def slow(name: str, change: ChangeSet) -> None:
        if Topic.SECOND in change.topics:
            heard.append((name, clock.gauges.frames))
            until = clock_ns() + 8_000_000
            while clock_ns() < until:
                pass

    from time import perf_counter_ns as clock_ns

    undo = [clock.subscribe(lambda change, n=name: slow(n, change)) for name in "abc"]
    clock.start()
    qtbot.waitUntil(lambda: len(heard) >= 3)
    clock.stop()
    assert [name for name, _ in heard[:3]] == ["a", "b", "c"]
    assert len({frame for _, frame in heard[:3]}) == 3
    for one in undo:
        one()
