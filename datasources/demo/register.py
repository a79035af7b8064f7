"""The demo city's own books: the newest state of every alert, case, unit, camera and shelf, and what has changed since the desks were last told."""

from __future__ import annotations

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.ids import AlertId, CameraId, CaseId, ShelfId, UnitId
from app.domain.unit import Unit


class Changes(msgspec.Struct, frozen=True):
    """What changed, each record once, in the order of its first change."""

    alerts: tuple[Alert, ...]
    cases: tuple[Case, ...]
    units: tuple[Unit, ...]
    cameras: tuple[Camera, ...]
    shelves: tuple[Shelf, ...]

    def __bool__(self) -> bool:
        return bool(self.alerts or self.cases or self.units or self.cameras or self.shelves)


class Register:
    """Records by id. Whoever puts one in need not think of telling the desks."""

    def __init__(self) -> None:
        self.alerts: dict[AlertId, Alert] = {}
        self.cases: dict[CaseId, Case] = {}
        self.units: dict[UnitId, Unit] = {}
        self.cameras: dict[CameraId, Camera] = {}
        self.shelves: dict[ShelfId, Shelf] = {}
        self._alerts: dict[AlertId, None] = {}
        self._cases: dict[CaseId, None] = {}
        self._units: dict[UnitId, None] = {}
        self._cameras: dict[CameraId, None] = {}
        self._shelves: dict[ShelfId, None] = {}

    def put_alert(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert
        self._alerts[alert.id] = None

    def put_case(self, case: Case) -> None:
        self.cases[case.id] = case
        self._cases[case.id] = None

    def put_unit(self, unit: Unit) -> None:
        self.units[unit.id] = unit
        self._units[unit.id] = None

    def put_camera(self, camera: Camera) -> None:
        self.cameras[camera.id] = camera
        self._cameras[camera.id] = None

    def put_shelf(self, shelf: Shelf) -> None:
        self.shelves[shelf.id] = shelf
        self._shelves[shelf.id] = None

    def drop_shelf(self, shelf: ShelfId) -> None:
        """Forget a shelf that has ended."""
        self.shelves.pop(shelf, None)

    def take(self) -> Changes:
        """What changed since the last call."""
        changes = Changes(
            tuple(self.alerts[key] for key in self._alerts if key in self.alerts),
            tuple(self.cases[key] for key in self._cases if key in self.cases),
            tuple(self.units[key] for key in self._units),
            tuple(self.cameras[key] for key in self._cameras),
            tuple(self.shelves[key] for key in self._shelves if key in self.shelves),
        )
        for changed in (self._alerts, self._cases, self._units, self._cameras, self._shelves):
            changed.clear()
        return changes
