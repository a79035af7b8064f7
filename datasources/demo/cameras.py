"""The demo city's cameras: names, places, and now and then one that goes or comes back. There are no pictures here."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from app.domain.camera import Camera, CameraState
from app.domain.city import Place
from app.domain.geo import Position
from app.domain.ids import CameraId
from app.domain.text import Text
from datasources.demo.agenda import Agenda
from datasources.demo.register import Register
from datasources.demo.ways import METRES_A_DEGREE

if TYPE_CHECKING:
    from app.citypack import CityPack

COUNT = 2_000
_ONLINE = 0.97
_VIEWS = (
    ("东向", "eastbound", "fixed", 1, 0),
    ("西向", "westbound", "fixed", -1, 0),
    ("南向", "southbound", "fixed", 0, -1),
    ("北向", "northbound", "fixed", 0, 1),
    ("全景", "overview", "ptz", 0.3, 0.3),
    ("高点", "high point", "high_point", -0.4, 0.3),
    ("卡口", "checkpoint", "checkpoint", 0.6, -0.6),
    ("出入口", "entrance", "fixed", -0.6, -0.6),
)


def mount_cameras(pack: CityPack, register: Register, agenda: Agenda, rng: random.Random, now: int) -> None:
    """Put all cameras into the register, spread over the areas by weight, and plan their first failure."""
    by_area = {code: [place for place in pack.places if place.area == code] for code in pack.areas if code != pack.root}
    served = {code: places for code, places in by_area.items() if places}
    total = sum(pack.weights.get(code, 0.0) for code in served) or 1.0
    number = 0
    for code, places in served.items():
        for index in range(round(COUNT * pack.weights.get(code, 0.0) / total)):
            number += 1
            register.put_camera(_camera(number, places[index % len(places)], index // len(places), rng))
    ids = tuple(register.cameras)
    if ids:
        _plan_change(ids, register, agenda, rng, now)


def _camera(number: int, place: Place, turn: int, rng: random.Random) -> Camera:
    zh, en, kind, east, north = _VIEWS[turn % len(_VIEWS)]
    lap = turn // len(_VIEWS)
    far = (60 + 90 * lap + rng.uniform(0, 40)) / METRES_A_DEGREE
    position = Position(round(place.position.lon + 1.24 * far * east, 6), round(place.position.lat + far * north, 6))
    more = f" {lap + 1}" if lap else ""
    name = Text(f"{place.name.zh} {zh}{more}", f"{place.name.en}, {en}{more}")
    state = CameraState.ONLINE if rng.random() < _ONLINE else CameraState.OFFLINE
    return Camera(id=CameraId(f"cam-{number:05d}"), name=name, area=place.area, kind=kind, position=position, state=state)


def _plan_change(ids: tuple[CameraId, ...], register: Register, agenda: Agenda, rng: random.Random, now: int) -> None:
    def change(at: int) -> None:
        camera = register.cameras[rng.choice(ids)]
        failing = rng.random() < 0.5
        offline = next((c for c in register.cameras.values() if c.state is CameraState.OFFLINE), None)
        if failing and camera.state is CameraState.ONLINE:
            register.put_camera(msgspec.structs.replace(camera, state=CameraState.OFFLINE))
        elif not failing and offline is not None:
            register.put_camera(msgspec.structs.replace(offline, state=CameraState.ONLINE))
        _plan_change(ids, register, agenda, rng, at)

    agenda.plan(now + rng.uniform(4_000, 20_000), change)
