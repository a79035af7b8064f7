"""The widgets by themselves: what they emit, where they draw, and that their two lights can be read. No city, no store."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QPainter, QPaintEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from widgets.bars import RankBars, RankRow
from widgets.chips import Chip, FilterChip, KeyButton
from widgets.empty import EmptyNote
from widgets.icons import ICON_NAMES, icon, icon_pixmap
from widgets.map_layers import (
    AreaLayer,
    Hit,
    LineLayer,
    MapCircle,
    MapPath,
    Marker,
    MarkerLayer,
    PathLayer,
    PointLayer,
    PointState,
    PolygonLayer,
    UnitLayer,
    UnitState,
    WarningArea,
)
from widgets.map_view import MapView
from widgets.polyline import polygon, runs
from widgets.severity import SEVERITIES, SeverityCounts, draw_severity, severity_path, severity_pixmap
from widgets.sparkline import draw_sparkline
from widgets.stages import StageBar
from widgets.theme import DARK, LIGHT, Theme, Tokens, contrast
from widgets.tile import TileBoard, TileFace
from widgets.timeline import TimelineStrip

LEFT = Qt.MouseButton.LeftButton
SQUARE = np.array([[120.0, 36.0], [121.0, 36.0], [121.0, 37.0], [120.0, 37.0], [120.0, 36.0]])


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme()


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitExposed(widget):
        widget.show()


def painted(draw: Callable[[QPainter], None], width: int = 64, height: int = 64) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    draw(painter)
    painter.end()
    return image


def columns_drawn(image: QImage) -> list[int]:
    black = QColor("black").rgb()
    return [x for x in range(image.width()) if any(image.pixel(x, y) != black for y in range(image.height()))]


# --- theme and severity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [DARK, LIGHT], ids=["dark", "light"])
def test_every_text_colour_can_be_read_on_every_ground(t: Tokens) -> None:
    for ink in (t.ink, t.ink2, t.ink3):
        for ground in (t.panel, t.ground, t.bar):
            assert contrast(ink, ground) >= 4.5
    for ground in (t.select, t.hover, t.flash, t.land):
        assert contrast(t.ink2, ground) >= 4.5
    assert contrast(t.action_ink, t.action) >= 4.5
    assert contrast(t.live_ink, t.live_fill) >= 4.5
    assert contrast(t.replay, t.replay_fill) >= 4.5
    assert contrast(t.ink2, t.cluster) >= 4.5


@pytest.mark.parametrize("t", [DARK, LIGHT], ids=["dark", "light"])
def test_every_symbol_stands_out_and_its_digit_from_it(t: Tokens) -> None:
    for colour in (*t.sev, t.live, t.replay, t.simulated, t.select_edge):
        for ground in (t.panel, t.ground, t.bar, t.land, t.sea):
            assert contrast(colour, ground) >= 3.0
    for colour in t.sev:
        assert contrast(t.on_sev, colour) >= 4.5


def test_contrast_is_the_published_formula() -> None:
    assert contrast(QColor("white"), QColor("black")) == pytest.approx(21.0)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


def test_severities_differ_by_shape_without_colour(qapp: QApplication) -> None:
    box = QRectF(0, 0, 40, 40)
    images = [painted(lambda p, s=s: p.fillPath(severity_path(box, s), QColor("white")), 40, 40) for s in SEVERITIES]
    for i, one in enumerate(images):
        for other in images[i + 1 :]:
            differing = sum(one.pixel(x, y) != other.pixel(x, y) for x in range(40) for y in range(40))
            assert differing > 100


def test_no_severity_draws_nothing(theme: Theme) -> None:
    assert not columns_drawn(painted(lambda p: draw_severity(p, QRect(0, 0, 40, 40), 0, theme)))
    assert columns_drawn(painted(lambda p: draw_severity(p, QRect(0, 0, 40, 40), 1, theme, hollow=True)))


def test_a_theme_says_what_changed_and_forgets_its_sprites(qtbot: QtBot, theme: Theme) -> None:
    first = severity_pixmap(1, 16, theme)
    assert severity_pixmap(1, 16, theme).cacheKey() == first.cacheKey()
    with qtbot.waitSignal(theme.changed):
        theme.set_dark(False)
    assert theme.tokens is LIGHT
    assert severity_pixmap(1, 16, theme).cacheKey() != first.cacheKey()
    with qtbot.waitSignal(theme.changed):
        theme.set_scale(2.0)
    assert theme.px(12) == 24
    assert theme.font(13).pixelSize() == 26
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_scale(2.0)
    with pytest.raises(ValueError, match="scale"):
        theme.set_scale(0)


@pytest.mark.parametrize("dark", [True, False])
def test_the_style_sheet_is_understood_by_qt(qtbot: QtBot, dark: bool) -> None:
    theme = Theme(dark=dark)
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.setStyleSheet(theme.qss())  # Qt warns of a sheet it cannot read, and a warning fails a test
    widget.ensurePolished()
    assert theme.tokens.panel.name() in theme.qss()


def test_every_icon_is_drawn_within_its_square(theme: Theme) -> None:
    for name in sorted(ICON_NAMES):
        image = icon_pixmap(name, theme, 24).toImage()
        assert any(image.pixelColor(x, y).alpha() > 128 for x in range(24) for y in range(24)), name
        assert all(image.pixelColor(0, y).alpha() == 0 and image.pixelColor(23, y).alpha() == 0 for y in range(24)), name
        assert not icon(name, theme).isNull()
    with pytest.raises(KeyError):
        icon("nothing", theme)


def test_severity_counts_tell_which_was_chosen(qtbot: QtBot, theme: Theme) -> None:
    counts = SeverityCounts(theme)
    counts.set_counts((1, 3, 9, 1240))
    shown(qtbot, counts, counts.sizeHint().width(), counts.sizeHint().height())
    with qtbot.waitSignal(counts.chosen) as told:
        qtbot.mouseClick(counts, LEFT, pos=counts.slot_rect(3).center().toPoint())
    assert told.args == [3]
    qtbot.keyClick(counts, Qt.Key.Key_Right)
    with qtbot.waitSignal(counts.chosen) as told:
        qtbot.keyClick(counts, Qt.Key.Key_Return)
    assert told.args == [4]
    assert "1240" in counts.accessibleDescription()


# --- lines -------------------------------------------------------------------------------------------------------------------


def test_polygon_and_runs_are_exact(qapp: QApplication) -> None:
    made = polygon(np.array([1.5, 2.0]), np.array([-3.0, 4.25]))
    assert [(p.x(), p.y()) for p in made.toList()] == [(1.5, -3.0), (2.0, 4.25)]
    assert polygon(np.empty(0), np.empty(0)).isEmpty()
    assert list(runs(np.array([True, True, False, True, False]))) == [(0, 2), (3, 4)]


def test_a_sparkline_breaks_at_a_gap_and_ends_where_its_data_ended(qapp: QApplication) -> None:
    values = np.sin(np.arange(64.0))
    values[20:30] = np.nan
    values[50:] = np.nan
    image = painted(lambda p: draw_sparkline(p, QRectF(0, 0, 64, 32), values, QColor("white"), antialias=False))
    drawn = columns_drawn(image)
    assert not set(drawn) & set(range(22, 29))
    assert max(drawn) <= 50
    assert {5, 40} <= set(drawn)


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 5, [2.0] * 5, [1.0, np.nan, 2.0]])
def test_a_sparkline_takes_any_values(qapp: QApplication, values: list[float]) -> None:
    painted(lambda p: draw_sparkline(p, QRectF(0, 0, 64, 32), np.array(values), QColor("white"), band=(0.0, 1.5), end_dot=True))


# --- tiles -------------------------------------------------------------------------------------------------------------------


class PaintWatch(QObject):
    """Adds up the regions that a widget is told to paint."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.region = QRegion()
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region = self.region.united(event.region())
        return False


def faces(count: int) -> list[TileFace]:
    line = np.cumsum(np.ones(60))
    return [TileFace(f"指标 {i}", f"{i}.5", "mm", "+1", "实时", "市水务局", severity=i % 5, values=line) for i in range(count)]


@pytest.fixture
def board(qtbot: QtBot, theme: Theme) -> TileBoard:
    made = TileBoard(theme)
    made.set_faces(faces(12))
    shown(qtbot, made, 720, 460)
    return made


def test_a_changed_tile_repaints_only_its_rectangle(qtbot: QtBot, board: TileBoard) -> None:
    watch = PaintWatch(board.viewport())
    board.update_face(5, TileFace("指标 5", "99", "mm"), flash=False)
    qtbot.waitUntil(lambda: not watch.region.isEmpty())
    assert watch.region.boundingRect() == board.tile_rect(5)


def test_a_flash_fades_by_itself(qtbot: QtBot, board: TileBoard) -> None:
    board.update_face(2, TileFace("指标 2", "7"))
    during = board.viewport().grab(board.tile_rect(2)).toImage()
    flash = board._theme.tokens.flash
    assert during.pixelColor(4, 4) == flash
    qtbot.waitUntil(lambda: board.viewport().grab(board.tile_rect(2)).toImage().pixelColor(4, 4) != flash, timeout=3000)
    assert not board._fade.isActive()


def test_a_wall_never_flashes(qtbot: QtBot, theme: Theme) -> None:
    wall = TileBoard(theme, wall=True)
    wall.set_faces(faces(4))
    shown(qtbot, wall, 480, 700)
    wall.update_face(1, TileFace("指标 1", "8"))
    assert not wall._fade.isActive()
    assert wall.tile_rect(3).bottom() <= wall.viewport().height()


def test_tiles_answer_mouse_and_keys(qtbot: QtBot, board: TileBoard) -> None:
    view = board.viewport()
    with qtbot.waitSignal(board.chosen) as told:
        qtbot.mouseClick(view, LEFT, pos=board.tile_rect(1).center())
    assert told.args == [1]
    with qtbot.waitSignal(board.chosen) as told:
        qtbot.keyClick(board, Qt.Key.Key_Right)
    assert told.args == [2]
    with qtbot.waitSignal(board.chosen) as told:
        qtbot.keyClick(board, Qt.Key.Key_Down)
    assert told.args == [2 + board._columns]
    with qtbot.waitSignal(board.activated) as told:
        qtbot.keyClick(board, Qt.Key.Key_Return)
    assert told.args == [board.current]
    with qtbot.waitSignal(board.activated) as told:
        qtbot.mouseDClick(view, LEFT, pos=board.tile_rect(0).center())
    assert told.args == [0]
    with qtbot.waitSignal(board.menu) as told:
        point = board.tile_rect(3).center()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, view.mapToGlobal(point))
        QApplication.sendEvent(view, event)
    assert told.args == [3, view.mapToGlobal(board.tile_rect(3).center())]
    assert board.face_text(3).startswith("指标 3 · 3.5 mm")


def test_tiles_scroll_to_the_chosen_one_and_tile_the_whole_width(qtbot: QtBot, board: TileBoard) -> None:
    board.set_faces(faces(100))
    board.set_current(99)
    assert QRect(QPoint(0, 0), board.viewport().size()).contains(board.tile_rect(99))
    last = board._columns - 1
    assert board.tile_rect(0).left() == 0 and board.tile_rect(last).right() == board.viewport().width() - 1
    for i in range(90, 100):
        assert board.index_at(board.tile_rect(i).center()) == i


def test_a_missing_value_is_a_dash_and_never_a_zero(board: TileBoard) -> None:
    board.update_face(0, TileFace("水库蓄水率", "0", "%", "上次 09:14", "数据中断 88 min", missing=True))
    assert board.face_text(0) == "水库蓄水率 · — · 上次 09:14 · 数据中断 88 min"
    board.grab()


# --- map ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> MapView:
    made = MapView(theme)
    shown(qtbot, made, 800, 600)
    made.set_bounds(119.5, 35.5, 121.5, 37.2)
    return made


def test_screen_and_degrees_round_trip(view: MapView) -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(119.5, 121.5, 200), rng.uniform(35.5, 37.2, 200)
    for zoom in (8.0, 11.3, 17.9):
        view.go_to(120.4, 36.1, zoom)
        x, y = view.to_screen(lon, lat)
        for i in range(200):
            back = view.to_lonlat(QPointF(float(x[i]), float(y[i])))
            assert back == pytest.approx((lon[i], lat[i]), abs=1e-9)
    assert view.point_of(120.4, 36.1).x() == pytest.approx(400.0, abs=1e-6)


def test_the_bounds_fit_and_follow_a_resize(qtbot: QtBot, view: MapView) -> None:
    view.resize(500, 700)
    corners = [view.point_of(119.5, 35.5), view.point_of(121.5, 37.2)]
    assert all(QRectF(view.rect()).contains(corner) for corner in corners)


def test_a_map_that_a_person_moved_is_moved_by_nobody_else(qtbot: QtBot, view: MapView) -> None:
    assert view.go_to(120.0, 36.0, 12.0)
    with qtbot.waitSignal(view.moved):
        qtbot.mousePress(view, LEFT, pos=QPoint(400, 300))
        qtbot.mouseMove(view, QPoint(440, 330))
        qtbot.mouseMove(view, QPoint(460, 340))
        qtbot.mouseRelease(view, LEFT, pos=QPoint(460, 340))
    assert view.locked
    assert view.point_of(120.0, 36.0) == QPointF(460, 340)
    held = view.centre()
    assert not view.go_to(121.0, 37.0)
    assert not view.fit()
    view.set_bounds(1.0, 2.0, 3.0, 4.0)
    view.resize(640, 480)
    assert view.centre() == pytest.approx(held)
    assert view.go_to(121.0, 37.0, force=True)
    view.unlock()
    assert view.fit()


def test_the_wheel_zooms_about_the_pointer(qtbot: QtBot, view: MapView) -> None:
    at = QPointF(200.0, 450.0)
    before, zoom = view.to_lonlat(at), view.zoom
    event = QWheelEvent(
        at, QPointF(view.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)
    assert view.zoom > zoom
    assert view.to_lonlat(at) == pytest.approx(before, abs=1e-9)
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_Left, Qt.Key.Key_Minus, Qt.Key.Key_Up):
        with qtbot.waitSignal(view.moved):
            qtbot.keyClick(view, key)


def test_a_click_finds_the_marker_above_all_else(qtbot: QtBot, theme: Theme, view: MapView) -> None:
    areas = PolygonLayer(theme, [[SQUARE]], ["一区"], keys=["370202"])
    points = PointLayer(theme)
    points.set_points([120.5], [36.5], keys=["camera"])
    markers = MarkerLayer(theme)
    markers.set_markers([Marker("a", 120.5, 36.5, 3), Marker("b", 120.5, 36.5, 1), Marker("c", 120.9, 36.9, 2, acknowledged=True)])
    units = UnitLayer(theme)
    units.set_units([120.7], [36.7], [np.nan], [UnitState.FREE], keys=["car"])
    for layer in (areas, points, units, markers):
        view.add_layer(layer)
    view.grab()

    def clicked(lon: float, lat: float) -> Hit | None:
        with qtbot.waitSignal(view.picked) as told:
            qtbot.mouseClick(view, LEFT, pos=view.point_of(lon, lat).toPoint())
        assert told.args is not None
        return told.args[0]

    assert clicked(120.5, 36.5) == Hit("alerts", 1, "b", 2)
    assert markers.members(view, 1) == ["b", "a"]
    assert clicked(120.7, 36.7) == Hit("units", 0, "car")
    assert clicked(120.3, 36.3) == Hit("areas", 0, "370202")
    assert clicked(119.6, 36.0) is None
    view.set_layer_visible(markers, False)
    assert clicked(120.5, 36.5) == Hit("points", 0, "camera")
    with qtbot.waitSignal(view.hovered) as told:
        qtbot.mouseMove(view, view.point_of(120.7, 36.7).toPoint())
    assert told.args == [Hit("units", 0, "car")]


def test_a_right_click_tells_the_place(qtbot: QtBot, view: MapView) -> None:
    point = view.point_of(120.5, 36.5).toPoint()
    with qtbot.waitSignal(view.context) as told:
        QApplication.sendEvent(view, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, view.mapToGlobal(point)))
    assert told.args is not None
    assert told.args[:3] == [pytest.approx(120.5, abs=0.01), pytest.approx(36.5, abs=0.01), None]


def test_every_point_is_drawn_once_alone_or_counted(theme: Theme, view: MapView) -> None:
    rng = np.random.default_rng(2)
    lon, lat = rng.normal(120.4, 0.05, 20_000), rng.normal(36.1, 0.05, 20_000)
    points = PointLayer(theme)
    points.set_points(lon, lat)
    view.add_layer(points)
    for zoom in (9.0, 12.0, 15.0, 19.0):
        view.go_to(float(lon[0]), float(lat[0]), zoom)
        view.grab()
        # Circles of cells that only reach into the frame count points outside it too.
        counted = sum(bubble[3] for bubble in points._bubbles) + len(points._drawn)
        assert counted >= points.count_in(view)
    view.go_to(120.4, 36.1, 9.0)
    view.grab()
    assert sum(bubble[3] for bubble in points._bubbles) + len(points._drawn) == 20_000


def test_circles_never_touch_and_an_alarm_is_never_hidden(theme: Theme, view: MapView) -> None:
    rng = np.random.default_rng(3)
    points = PointLayer(theme)
    points.set_points(rng.normal(120.4, 0.1, 5000), rng.normal(36.1, 0.1, 5000))
    points.set_states([17], [PointState.ALARM])
    view.add_layer(points)
    view.grab()
    circles = points._bubbles
    assert len(circles) > 3
    for i, (x1, y1, r1, _, _) in enumerate(circles):
        for x2, y2, r2, _, _ in circles[i + 1 :]:
            assert np.hypot(x1 - x2, y1 - y2) * view.scale >= r1 + r2 - 1e-6
    assert 17 in points._order[points._drawn]


def test_still_layers_are_drawn_once_and_moving_ones_every_frame(theme: Theme, view: MapView) -> None:
    drawn: list[str] = []

    class Counting:
        def __init__(self, name: str, static: bool) -> None:
            self.name, self.static, self.visible = name, static, True

        def draw(self, painter: QPainter, view: MapView) -> None:
            drawn.append(self.name)

        def pick(self, view: MapView, point: QPointF) -> object | None:
            return None

    still, moving = Counting("still", True), Counting("moving", False)
    view.add_layer(still)
    view.add_layer(moving)
    view.grab()
    view.grab()
    assert drawn == ["still", "moving", "moving"]
    drawn.clear()
    view.pan_by(30, 20)
    view.grab()
    assert drawn == ["moving"]
    view.refresh(still)
    view.grab()
    assert drawn == ["moving", "still", "moving"]
    view.pan_by(700, 0)
    view.grab()
    assert drawn[3:] == ["still", "moving"]


def test_a_shifted_base_shows_the_same_ground(theme: Theme, view: MapView) -> None:
    view.add_layer(PolygonLayer(theme, [[SQUARE]], [""]))
    view.go_to(120.0, 36.0, 10.0)
    view.grab()
    view.pan_by(60, -40)
    shifted = view.grab().toImage()
    view.refresh_base()
    fresh = view.grab().toImage()
    assert all(shifted.pixel(x, y) == fresh.pixel(x, y) for x in range(0, 800, 16) for y in range(0, 540, 12))


def test_all_layers_draw_and_explain_themselves(theme: Theme, view: MapView) -> None:
    areas = PolygonLayer(theme, [[SQUARE], [SQUARE + 1.0]], ["一区", "二区"], caption="区市")
    areas.set_fills([QColor("#e2d3c2"), None], [(QColor("#e2d3c2"), "94")])
    areas.set_selected(1)
    coast = LineLayer(theme, [SQUARE, SQUARE[:3] + 0.1], caption="海岸")
    warnings = AreaLayer(theme, captions=("红", "橙", "黄", "蓝"))
    warnings.set_areas([WarningArea("w", s, [SQUARE - 0.1 * s], f"预警 {s}") for s in SEVERITIES])
    paths = PathLayer(theme, route_caption="路线", radius_caption="半径")
    paths.set_paths([MapPath(np.array([120.1, 120.2]), np.array([36.1, 36.3]), label="4 min")])
    paths.set_circles([MapCircle(120.3, 36.2, 500.0, 1, label="500 m")])
    units = UnitLayer(theme, captions=("空闲", "途中", "忙", "失联"))
    units.set_units([120.1] * 4, [36.1, 36.2, 36.3, 36.4], [0.0, 90.0, 359.0, np.nan], list(UnitState))
    units.set_selected(0, "交警 1211")
    markers = MarkerLayer(theme, captions=("一", "二", "三", "四"))
    markers.set_markers([Marker(s, 120.2, 36.0 + 0.1 * s, s, "标签", callout=True, selected=s == 2) for s in SEVERITIES])
    markers.set_phase(0.5)
    points = PointLayer(theme, captions=("正常", "离线", "异常", "告警"))
    points.set_points(np.linspace(120, 121, 60), [36.3] * 60, np.arange(60) % 4)
    layers = (areas, coast, warnings, paths, units, markers, points)
    expected = (1, 1, 4, 2, 4, 4, 4)
    for layer, rows in zip(layers, expected, strict=True):
        view.add_layer(layer)
        legend = layer.legend(2.0)
        assert len(legend) == rows
        assert all(not pixmap.isNull() and words for pixmap, words in legend)
    view.grab()
    assert markers.pulsing
    assert warnings.pick(view, view.point_of(119.95, 36.05)) == Hit("warnings", 3, "w")
    view.theme.set_dark(False)
    view.theme.set_scale(1.5)
    view.grab()
    view.remove_layer(coast)
    assert coast not in view.layers()


# --- bars, strips, chips -----------------------------------------------------------------------------------------------------


def test_the_time_strip_asks_for_moments(qtbot: QtBot, theme: Theme) -> None:
    strip = TimelineStrip(theme, lambda ms: f"{ms // 60_000 % 60:02d}")
    strip.set_mode("live", "实时")
    strip.set_window(0, 3_600_000)
    strip.set_marks(np.array([60_000, 60_001, 9_999_999]), np.array([4, 1, 2]))
    shown(qtbot, strip, 900, 40)
    middle = QPoint(strip.strip_rect().center().x(), 20)
    with qtbot.waitSignal(strip.seek) as told:
        qtbot.mouseClick(strip, LEFT, pos=middle)
    assert told.args is not None and abs(told.args[0] - 1_800_000) < 10_000
    with qtbot.waitSignals([strip.seek] * 2):
        qtbot.mousePress(strip, LEFT, pos=middle)
        qtbot.mouseMove(strip, middle + QPoint(50, 0))
        qtbot.mouseRelease(strip, LEFT, pos=middle + QPoint(50, 0))
    with qtbot.waitSignal(strip.live_asked):
        qtbot.mouseClick(strip, LEFT, pos=strip.badge_rect().center())
    strip.set_now(1_000_000)
    with qtbot.waitSignal(strip.seek) as told:
        qtbot.keyClick(strip, Qt.Key.Key_Left)
    assert told.args == [990_000]
    # Two alerts in one column of pixels: the worse is seen.
    x = round(strip.x_of(60_000))
    colours = {strip.grab().toImage().pixelColor(x + dx, 20).name() for dx in (-1, 0, 1)}
    assert theme.severity(1).name() in colours and theme.severity(4).name() not in colours
    for mode in ("replay", "drill"):
        strip.set_mode(mode, mode)
        strip.grab()
    with pytest.raises(ValueError, match="length"):
        strip.set_window(5, 5)


def test_rank_bars_tell_the_row(qtbot: QtBot, theme: Theme) -> None:
    bars = RankBars(theme)
    bars.set_rows([RankRow(str(i), f"区 {i}", i / 10, f"{i}.0", missing=i == 2, values=np.arange(5.0)) for i in range(1, 6)])
    shown(qtbot, bars, 600, bars.sizeHint().height())
    with qtbot.waitSignal(bars.chosen) as told:
        qtbot.mouseClick(bars, LEFT, pos=bars.row_rect(3).center())
    assert told.args == [3]
    qtbot.keyClick(bars, Qt.Key.Key_Up)
    with qtbot.waitSignal(bars.chosen) as told:
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert told.args == [2]
    assert bars.row_text(1) == "2 区 2 —"


def test_buttons_and_chips_say_what_they_are(qtbot: QtBot, theme: Theme) -> None:
    confirm, chip, only = KeyButton(theme, "确认", "A", "main"), Chip(theme), FilterChip(theme, "未处理")
    for widget in (confirm, chip, only):
        shown(qtbot, widget, 160, 40)
    with qtbot.waitSignal(confirm.clicked):
        qtbot.mouseClick(confirm, LEFT)
    assert confirm.accessibleName() == "确认 (A)"
    narrow = chip.sizeHint().width()
    chip.set_parts([("告警 ", False, 0), ("14", True, 2), (" / 10 min", False, 0)])
    chip.set_tone("simulated")
    assert chip.sizeHint().width() > narrow and chip.text() == "告警 14 / 10 min"
    with qtbot.waitSignal(chip.clicked):
        qtbot.mouseClick(chip, LEFT)
    with qtbot.waitSignal(only.toggled) as told:
        qtbot.mouseClick(only, LEFT)
    assert told.args == [True]
    confirm.setEnabled(False)
    with qtbot.assertNotEmitted(confirm.clicked):
        qtbot.mouseClick(confirm, LEFT)
    for widget in (confirm, chip, only):
        widget.grab()


def test_quiet_widgets_paint_and_can_be_read_aloud(qtbot: QtBot, theme: Theme) -> None:
    stages = StageBar(theme)
    stages.set_stages([("采集", "10:41", "done", ""), ("派遣", "剩 00:38", "now", "限 1 min"), ("评价", "", "later", "")], late=2)
    note = EmptyNote(theme, "没有打开的案件", "选择一条告警", "case")
    for widget in (stages, note):
        shown(qtbot, widget, 500, 120)
        widget.grab()
    assert stages.accessibleDescription() == "采集 10:41 · 派遣 剩 00:38"
    assert note.accessibleName() == "没有打开的案件"
    theme.set_dark(False)
    note.set_note("没有数据")
    note.grab()
