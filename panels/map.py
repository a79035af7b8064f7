"""The map: districts and coast, alerts, units, cameras and warning areas; in the cockpit, one indicator by district."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.alert import Alert
from app.domain.camera import CameraState
from app.domain.city import Area, AreaLevel, Direction, Indicator
from app.domain.geo import Position
from app.domain.ids import AlertId, AreaCode, CaseId, UnitId, indicator_of, series_id
from app.domain.role import Seat
from app.domain.severity import SEVERITY_WORDS, Severity
from app.domain.text import N_
from app.domain.unit import UNIT_STATE_WORDS, UnitState
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import action_menu
from app.qt.naming import alert_title, area_name, case_label
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.services.judge import judge
from widgets.chips import FilterChip
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
    WarningArea,
)
from widgets.map_layers import UnitState as Drawn
from widgets.map_view import MapView
from widgets.tooltip import as_text

_DRAWN: dict[UnitState, Drawn] = {
    UnitState.IDLE: Drawn.FREE,
    UnitState.DISPATCHED: Drawn.MOVING,
    UnitState.EN_ROUTE: Drawn.MOVING,
    UnitState.ON_SCENE: Drawn.BUSY,
    UnitState.RETURNING: Drawn.BUSY,
    UnitState.OFF_DUTY: Drawn.LOST,
    UnitState.NO_CONTACT: Drawn.LOST,
}
_DRAWN_CODES = np.array([_DRAWN[s] for s in UnitState], dtype=np.int64)
_LOOK_ZOOM = 11.2
_MAX_MARKERS = 1_000
"""The most urgent alerts are drawn; of the others the head says how many they are."""
_MANY_MARKERS = 200
_BETWEEN_MS = 250
"""With many alerts the map follows them so often at most: nobody sees one more symbol among hundreds sooner, and the queue has the frame."""
"""Alerts drawn at most, worst first; the header says when more stand than are drawn."""


class MapPanel(Panel):
    """Moves only when a person moves it, or, until then, to what that person selects."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        city, theme = self.context.city, self.theme
        west, south, east, north = _bounds(city.areas.values(), city.bounds)
        self.view = MapView(theme, readout=self.context.seat is Seat.DUTY)
        self.view.setObjectName("map.view")
        self.view.setAccessibleName(self.t(N_("Map")))
        self.view.set_bounds(west, south, east, north)
        self._districts = [a for a in city.areas.values() if a.level is AreaLevel.DISTRICT and a.outline]
        rings = [[_ring(ring) for ring in area.outline] for area in self._districts]
        self.ground = PolygonLayer(
            theme, rings, [self.words.text(a.name) for a in self._districts], keys=[a.code for a in self._districts], label_size=13
        )
        self.coast = LineLayer(theme, [_ring(line) for line in city.coast])
        severities = [self.t(SEVERITY_WORDS[s]) for s in Severity]
        self.warnings = AreaLayer(theme, captions=severities)
        self.cameras = PointLayer(theme, name="cameras")
        self.units = UnitLayer(theme)
        self.paths = PathLayer(theme)
        self.cases = MarkerLayer(theme, name="cases")
        self.alerts = MarkerLayer(theme, captions=severities)
        for layer in (self.ground, self.coast, self.warnings, self.cameras, self.units, self.paths, self.cases, self.alerts):
            self.view.add_layer(layer)
        column.addWidget(self._tools())
        column.addWidget(self.view, 1)
        self.view.picked.connect(self._on_picked)
        self.view.hovered.connect(self._on_hovered)
        self.view.context.connect(self._on_context)
        self.view.lock_changed.connect(self._headline)
        focus = self.context.focus
        for signal, slot in (
            (focus.alert_selected, self._on_alert),
            (focus.unit_selected, self._on_unit),
            (focus.area_selected, self._on_area),
            (focus.series_selected, self._on_series),
        ):
            signal.connect(slot)
            self.own(lambda s=signal, f=slot: s.disconnect(f))
        self._undrawn = 0
        self._owed = False
        """Alerts have changed since they were drawn."""
        self._shown_at = 0.0
        self._markers: dict[AlertId, tuple[Alert, Marker | None]] = {}
        self._warned: list[Alert] = []
        return content

    def refresh(self, change: ChangeSet) -> None:
        self._owed |= bool(change.topics & (Topic.ALERT | Topic.CASE))
        if self._owed and (len(self._markers) < _MANY_MARKERS or time.monotonic() - self._shown_at > _BETWEEN_MS / 1000):
            self._show_alerts()
        if Topic.CAMERA in change.topics:
            self._show_cameras()
        if Topic.UNIT in change.topics:
            self._show_units()
        if Topic.SECOND in change.topics:
            if self.choice.currentData() is not None:
                self._show_choropleth()
            self._headline()
            if self.alerts.pulsing and self.context.seat is not Seat.COCKPIT:
                self.alerts.set_phase(0.0 if int(self.context.now() / 1000) % 2 else 0.6)
                self.view.update()

    @property
    def live(self) -> bool:
        return len(self.hub.units) > 0

    def memento(self) -> dict[str, object]:
        lon, lat = self.view.centre()
        return {"lon": lon, "lat": lat, "zoom": self.view.zoom} if self.view.locked else {}

    def restore(self, memento: dict[str, object]) -> None:
        lon, lat, zoom = memento.get("lon"), memento.get("lat"), memento.get("zoom")
        if isinstance(lon, float) and isinstance(lat, float) and isinstance(zoom, float):
            self.view.go_to(lon, lat, zoom, force=True)
            self.view.lock()

    def _tools(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        px = self.theme.px
        layout.setContentsMargins(px(12), px(6), px(12), px(6))
        layout.setSpacing(px(6))
        for name, layer, on in ((N_("Cameras"), self.cameras, True), (N_("Units"), self.units, True), (N_("Warning areas"), self.warnings, True)):
            chip = FilterChip(self.theme, self.t(name))
            chip.setChecked(on)
            chip.toggled.connect(partial(self.view.set_layer_visible, layer))
            layout.addWidget(chip)
        self.whole = FilterChip(self.theme, self.t(N_("Whole city")))
        self.whole.setCheckable(False)
        self.whole.clicked.connect(self._whole_city)
        layout.addWidget(self.whole)
        layout.addStretch(1)
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.t(N_("Colour districts by")))
        self.choice.addItem(self.t(N_("Districts in one colour")), None)
        for indicator in _comparable(self.context):
            self.choice.addItem(self.words.text(indicator.name), indicator.id)
        self.choice.currentIndexChanged.connect(self._show_choropleth)
        layout.addWidget(self.choice)
        cockpit = self.context.seat is Seat.COCKPIT
        row.setVisible(self.context.seat is Seat.DUTY)
        if cockpit:
            self.choice.setCurrentIndex(min(1, self.choice.count() - 1))
            for layer in (self.cameras, self.units):
                layer.visible = False
        if self.context.seat is Seat.WALL:
            self.cameras.visible = False
        return row

    def _show_alerts(self) -> None:
        self._owed, self._shown_at = False, time.monotonic()
        rows = self.hub.alerts.order()
        standing = [self.hub.alerts.at_row(int(r)) for r in rows[:_MAX_MARKERS]]
        self._undrawn = len(rows) - len(standing)
        worst = (
            next((a for a in standing if a.severity is Severity.EXTREME and a.acknowledged is None), None) if self.context.seat is Seat.WALL else None
        )
        self.alerts.set_markers([m for a in standing if (m := self._marker(a, a is worst)) is not None])
        self.view.refresh(self.alerts)
        self._show_cases({a.id for a in standing})
        warned = [a for a in standing if a.polygons]
        if warned != self._warned:
            # They are drawn into the map's cached base, which costs a frame to draw anew.
            self._warned = warned
            self.warnings.set_areas([WarningArea(a.id, int(a.severity), [_ring(ring) for ring in a.polygons]) for a in warned])
            self.view.refresh(self.warnings)
        self._show_reach()

    def _show_cases(self, standing: set[AlertId]) -> None:
        """Open cases that no standing alert stands for any more: they are still somewhere, and somebody still works there."""
        left = [c for c in self.hub.cases.values() if not c.ended and c.position is not None and standing.isdisjoint(c.alerts)]
        markers = [
            Marker(
                c.id,
                c.position.lon,
                c.position.lat,
                int(c.severity),
                case_label(self.words, c),
                acknowledged=True,
                selected=c.id == self.context.focus.case,
            )
            for c in left
            if c.position is not None and c.position.valid
        ]
        self.cases.set_markers(markers)
        self.view.refresh(self.cases)

    def _marker(self, alert: Alert, callout: bool) -> Marker | None:
        """The alert's symbol, None where it has no place. In a storm most alerts are those of the frame before, so theirs are kept."""
        if callout or alert.id == self.context.focus.alert:
            return self._make_marker(alert, callout)
        known = self._markers.get(alert.id)
        if known is None or known[0] is not alert:
            if len(self._markers) > 2 * _MAX_MARKERS:
                self._markers.clear()
            known = self._markers[alert.id] = (alert, self._make_marker(alert, callout))
        return known[1]

    def _make_marker(self, alert: Alert, callout: bool) -> Marker | None:
        where = alert.position
        if where is None or not where.valid:
            return None
        return Marker(
            key=alert.id,
            lon=where.lon,
            lat=where.lat,
            severity=int(alert.severity),
            label=alert_title(self.words, alert),
            acknowledged=alert.acknowledged is not None,
            selected=alert.id == self.context.focus.alert,
            callout=callout,
        )

    def _show_units(self) -> None:
        units = self.hub.units
        self.units.set_units(units.lon, units.lat, units.heading, _DRAWN_CODES[units.state.astype(np.int64)], units.ids)
        self.view.refresh(self.units)

    def _show_cameras(self) -> None:
        cameras = list(self.hub.cameras.values())
        state = [PointState.NORMAL if c.state is CameraState.ONLINE else PointState.LOST for c in cameras]
        self.cameras.set_points([c.position.lon for c in cameras], [c.position.lat for c in cameras], state, [c.id for c in cameras])
        self.view.refresh(self.cameras)

    def _show_reach(self) -> None:
        """Draw the straight way of each unit that is under way to the selected case, and a ring around the selected alert."""
        alert, case = self.context.operations.alert, self.context.operations.case
        place = alert.position if alert is not None else case.position if case is not None else None
        if place is None:
            self.paths.set_circles([])
            self.paths.set_paths([])
            self.view.refresh(self.paths)
            return
        severity = int(alert.severity) if alert is not None else 0
        self.paths.set_circles([MapCircle(place.lon, place.lat, 500.0, severity, dashed=True, label="")])
        ways: list[MapPath] = []
        for part in case.units if case is not None else ():
            unit = self.hub.units.get(part.unit)
            if unit is not None and part.task.value == "sent":
                ways.append(
                    MapPath(np.array([unit.position.lon, place.lon]), np.array([unit.position.lat, place.lat]), label=self.words.text(unit.name))
                )
        self.paths.set_paths(ways)
        self.view.refresh(self.paths)

    _coloured: tuple[object, ...] = ()
    """What the ground shows: indicator, light, labels."""

    def _show_choropleth(self) -> None:
        chosen = self.choice.currentData()
        if chosen is None:
            self._coloured = ()
            self.ground.set_fills([None] * len(self._districts))
            self.ground.set_labels([self.words.text(a.name) for a in self._districts])
            self.view.refresh(self.ground)
            return
        indicator = self.context.city.indicators[chosen]
        values = [self._value(indicator, a.code) for a in self._districts]
        known = [v for v in values if v is not None]
        if not known:
            return
        low, high = min(known), max(known)
        labels = [f"{self.words.text(a.name)} {self.words.number(v, indicator.decimals)}" for a, v in zip(self._districts, values, strict=True)]
        shown = (chosen, self.theme.dark, tuple(labels))
        if shown == self._coloured:
            return  # the ground is drawn into the map's cached base, which costs a frame to draw anew
        self._coloured = shown
        self.ground.set_fills([self._shade(v, low, high) for v in values], self._ramp(indicator, low, high))
        self.ground.set_labels(labels)
        self.view.refresh(self.ground)

    def _value(self, indicator: Indicator, area: AreaCode) -> float | None:
        """The district's value, None where it is unknown or old: it then stays uncoloured."""
        row = self.hub.series.index.get(series_id(indicator.id, area))
        if row is None:
            return None
        reading = self.hub.series.reading(row)
        verdict = judge(indicator, reading, self.context.now())
        return None if verdict.missing or verdict.stale else reading.value

    def _shade(self, value: float | None, low: float, high: float) -> QColor | None:
        """One hue from pale to full: more is darker, and the figure stands beside the name."""
        if value is None:
            return None
        share = 0.5 if high == low else (value - low) / (high - low)
        strong, pale = self.theme.tokens.action_edge, self.theme.tokens.panel
        mix = 0.12 + 0.5 * share
        share_of = (pale.redF(), pale.greenF(), pale.blueF()), (strong.redF(), strong.greenF(), strong.blueF())
        return QColor.fromRgbF(*(p + (s - p) * mix for p, s in zip(*share_of, strict=True)))

    def _ramp(self, indicator: Indicator, low: float, high: float) -> list[tuple[QColor, str]]:
        unit = self.words.text(indicator.unit)
        steps = [(self._shade(v, low, high), f"{self.words.number(v, indicator.decimals)} {unit}") for v in (low, (low + high) / 2, high)]
        return [(colour, text) for colour, text in steps if colour is not None]

    def _headline(self) -> None:
        if not self.hub.batches:
            self.head(self.t(N_("waiting for the first data")), self._held())
            return
        note = [
            self.t(N_("{n} cameras"), n=self.words.number(len(self.hub.cameras))),
            self.t(N_("{n} units"), n=self.words.number(len(self.hub.units))),
        ]
        if self._undrawn:
            note.append(self.t(N_("{n} alerts not drawn"), n=self.words.number(self._undrawn)))
        self.head(" · ".join(note), self._held())

    def _held(self) -> str:
        if self.context.seat is not Seat.DUTY:
            return ""
        return self.t(N_("held where you left it")) if self.view.locked else self.t(N_("follows the selection"))

    def _whole_city(self) -> None:
        self.view.unlock()
        self.view.fit(force=True)
        self._headline()

    def _on_picked(self, found: object, _where: QPoint) -> None:
        if not isinstance(found, Hit):
            return
        focus = self.context.focus
        if found.layer == "alerts":
            alert = self.hub.alerts.get(AlertId(str(found.key)))
            if alert is not None:
                focus.select_alert(alert.id)
                focus.select_case(alert.case)
                if alert.series is not None:
                    focus.select_series(alert.series)
        elif found.layer == "cases":
            case = self.hub.cases.get(CaseId(str(found.key)))
            if case is not None:
                focus.select_alert(case.alerts[0] if case.alerts else None)
                focus.select_case(case.id)
        elif found.layer == "units":
            focus.select_unit(UnitId(str(found.key)))
        elif found.layer == "areas":
            focus.select_area(AreaCode(str(found.key)))

    def _on_hovered(self, found: object) -> None:
        self.view.setToolTip(as_text(self._words_of(found)) if isinstance(found, Hit) else "")

    def _words_of(self, hit: Hit) -> str:
        if hit.layer == "alerts":
            alert = self.hub.alerts.get(AlertId(str(hit.key)))
            return alert_title(self.words, alert) if alert is not None else ""
        if hit.layer == "cases":
            case = self.hub.cases.get(CaseId(str(hit.key)))
            return case_label(self.words, case) if case is not None else ""
        if hit.layer == "units":
            unit = self.hub.units.get(UnitId(str(hit.key)))
            return (
                f"{self.words.text(unit.name)} · {self.t(UNIT_STATE_WORDS[unit.state])} · {self.words.ago(unit.at, self.context.now())}"
                if unit is not None
                else ""
            )
        if hit.layer == "cameras" and hit.count > 1:
            return self.t(N_("{n} cameras"), n=hit.count)
        if hit.layer == "cameras":
            camera = self.hub.cameras.get(hit.key)  # type: ignore[call-overload]
            return self.words.text(camera.name) if camera is not None else ""
        return area_name(self.context.city, self.words, AreaCode(str(hit.key)))

    def _on_context(self, _lon: float, _lat: float, found: object, where: QPoint) -> None:
        """The actions that fit what is under the pointer, each with its reason where it cannot be done."""
        self._on_picked(found, where)
        actions = self.spec.actions if isinstance(found, Hit) and found.layer == "alerts" else ()
        menu = action_menu(self, self.context, actions)
        menu.addSeparator()
        menu.addAction(self.t(N_("Whole city")), self._whole_city)
        menu.popup(where)

    def _on_alert(self, selected: AlertId | None) -> None:
        alert = self.hub.alerts.get(selected)
        self._show_alerts()
        if self.context.seat is Seat.DUTY and alert is not None and alert.position is not None and alert.position.valid:
            self.view.go_to(alert.position.lon, alert.position.lat, max(self.view.zoom, _LOOK_ZOOM))

    def _on_unit(self, selected: UnitId | None) -> None:
        unit = self.hub.units.get(selected) if selected is not None else None
        place = self.hub.units.ids.index(unit.id) if unit is not None else -1
        self.units.set_selected(place, self.words.text(unit.name) if unit is not None else "")
        self.view.refresh(self.units)

    def _on_area(self, selected: AreaCode | None) -> None:
        place = next((n for n, a in enumerate(self._districts) if a.code == selected), -1)
        self.ground.set_selected(place)
        self.view.refresh(self.ground)

    def _on_series(self, selected: object) -> None:
        if self.context.seat is Seat.COCKPIT and isinstance(selected, str):
            place = self.choice.findData(indicator_of(selected))  # type: ignore[arg-type]
            if place >= 0:
                self.choice.setCurrentIndex(place)


def _ring(ring: tuple[Position, ...]) -> NDArray[np.float64]:
    return np.array([(p.lon, p.lat) for p in ring], dtype=np.float64)


def _bounds(areas: Iterable[Area], usual: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The extent of the areas' outlines, or what the pack says where they have none."""
    points = [p for area in areas for ring in area.outline for p in ring]
    if not points:
        return usual
    lon, lat = [p.lon for p in points], [p.lat for p in points]
    return min(lon), min(lat), max(lon), max(lat)


def _comparable(context: PanelContext) -> list[Indicator]:
    """Indicators by which districts can be compared: those with a normal band that holds for each, not totals that follow a district's size."""
    chosen = [i for i in context.city.indicators.values() if (i.low, i.high) != (None, None) and i.good is not Direction.NEITHER]
    leading = [i for i in chosen if i.domain == next(iter(context.city.domains))]
    return (leading + [i for i in chosen if i not in leading])[:40]


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return MapPanel(spec, context)


PANEL = PanelSpec(
    id="map",
    title=N_("Map"),
    icon="map",
    needs=Topic.ALERT | Topic.CASE | Topic.UNIT | Topic.CAMERA | Topic.SECOND,
    create=create,
    actions=("acknowledge", "open_case", "dispatch"),
)
