"""What the palette can reach: panels, actions, layouts, looks, and things of the city. Asked anew at every letter, so it must be quick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from app.domain.ids import CameraId, UnitId, series_id
from app.domain.text import N_, Text
from app.qt.panel import PanelContext, PanelSpec
from app.shell.fuzzy import Entry, best, folded

_MINIMUM_FOR_CITY = 1
_MINIMUM_FOR_CAMERAS = 2
_CAMERAS = 20


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the shell or of the actions' list, as it stands now."""

    id: str
    title: str
    names: tuple[str, ...]
    run: Callable[[], None]
    key: str = ""
    why_not: str | None = None
    kind: str = ""


class Reach:
    """Answers the palette."""

    def __init__(self, context: PanelContext, specs: Sequence[PanelSpec], commands: Callable[[], Iterable[Command]]) -> None:
        """`commands`: actions, layouts and looks, each time with its present reason why not."""
        self._context = context
        self._specs = specs
        self._commands = commands
        self._units_named: list[tuple[UnitId, Text]] = []
        self._cameras: list[tuple[str, CameraId]] = []
        self._cameras_of = -1

    def find(self, query: str, limit: int) -> list[Entry]:
        """Entries for `query`, best first; for nothing, the commands and panels."""
        entries = [*self._command_entries(), *self._panel_entries()]
        plain = folded(query).strip()
        if len(plain) >= _MINIMUM_FOR_CITY:
            entries += [*self._areas(), *self._units(), *self._indicators()]
        if len(plain) >= _MINIMUM_FOR_CAMERAS:
            entries += self._camera_entries(plain)
        return best(query, entries, limit)

    def _command_entries(self) -> Iterable[Entry]:
        action = self._context.words.t(N_("action"))
        for c in self._commands():
            # What cannot be done now is still found, but below what can.
            yield Entry(c.id, c.title, c.kind or action, (c.title, *c.names, c.id), c.run, c.key, c.why_not, weight=60 if c.why_not is None else 20)

    def _panel_entries(self) -> Iterable[Entry]:
        t, show = self._context.words.t, self._context.show_panel
        kind = t(N_("panel"))
        for number, spec in enumerate(self._specs, start=1):
            key = f"Ctrl {number}" if number <= 9 else ""
            yield Entry(f"panel.{spec.id}", t(spec.title), kind, (t(spec.title), spec.title, spec.id), lambda i=spec.id: show(i), key, weight=50)

    def _areas(self) -> Iterable[Entry]:
        c, kind = self._context, self._context.words.t(N_("area"))
        for area in c.city.areas.values():
            names = (*_names(area.name), area.code)
            yield Entry(f"area.{area.code}", c.words.text(area.name), kind, names, lambda code=area.code: self._go_area(code), weight=20)

    def _units(self) -> Iterable[Entry]:
        c, kind = self._context, self._context.words.t(N_("unit"))
        if len(self._units_named) != len(c.hub.units):
            self._units_named = [(u, unit.name) for u in c.hub.units.ids if (unit := c.hub.units.get(u)) is not None]
        for unit_id, name in self._units_named:
            yield Entry(f"unit.{unit_id}", c.words.text(name), kind, (*_names(name), unit_id), lambda u=unit_id: self._go_unit(u))

    def _indicators(self) -> Iterable[Entry]:
        c, kind = self._context, self._context.words.t(N_("indicator"))
        for indicator in c.city.indicators.values():
            names = (*_names(indicator.name), indicator.id)
            yield Entry(f"indicator.{indicator.id}", c.words.text(indicator.name), kind, names, lambda i=indicator.id: self._go_indicator(i))

    def _camera_entries(self, plain: str) -> list[Entry]:
        """There are hundreds of thousands: names are folded once, and the first few that hold the words are enough."""
        c, hub = self._context, self._context.hub
        if self._cameras_of != len(hub.cameras):
            self._cameras_of = len(hub.cameras)
            self._cameras = [(folded(f"{camera.name.zh} {camera.name.en} {camera.id}"), camera.id) for camera in hub.cameras.values()]
        kind, tokens = c.words.t(N_("camera")), plain.split()
        found: list[Entry] = []
        for names, camera_id in self._cameras:
            if all(token in names for token in tokens):
                camera = hub.cameras.get(camera_id)
                if camera is not None:
                    run = partial(self._go_area, camera.area)
                    found.append(Entry(f"camera.{camera_id}", c.words.text(camera.name), kind, (names,), run))
                if len(found) >= _CAMERAS:
                    break
        return found

    def _go_area(self, code: str) -> None:
        self._context.focus.select_area(next((a for a in self._context.city.areas if a == code), None))
        self._context.show_panel("map")

    def _go_unit(self, unit: UnitId) -> None:
        self._context.focus.select_unit(unit)
        self._context.show_panel("map")

    def _go_indicator(self, indicator: str) -> None:
        c = self._context
        found = next(i for i in c.city.indicators if i == indicator)
        wanted = series_id(found, c.focus.area or c.city.root)
        c.focus.select_series(wanted if wanted in c.hub.series.index else series_id(found, c.city.root))
        c.show_panel("trend")


def _names(text: Text) -> tuple[str, ...]:
    return tuple(name for name in (text.zh, text.en) if name)
