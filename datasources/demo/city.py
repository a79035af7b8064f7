"""The demo city: everything that goes on in it, stepped by simulated time. Pure: no clock, no socket, no file.

The same pack, seed, start and sequence of steps and commands give the same batches, byte for byte.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from app.domain.batch import Readings
from app.domain.command import Answer, Command
from app.domain.errors import DeckError
from app.domain.geo import Position
from app.domain.ids import AreaCode, Millis
from app.domain.unit import UnitFix
from datasources.demo.affairs import Affairs, next_case_id, with_due
from datasources.demo.agenda import Agenda
from datasources.demo.alarms import Alarms
from datasources.demo.beginnings import open_books
from datasources.demo.cameras import mount_cameras
from datasources.demo.fleet import Fleet
from datasources.demo.missions import Missions
from datasources.demo.narrow import Wish, narrow
from datasources.demo.officers import Officers
from datasources.demo.phenomena import Phenomena
from datasources.demo.register import Changes, Register
from datasources.demo.story import Story
from datasources.demo.values import Values
from datasources.demo.ways import Ways
from datasources.protocol import BatchMessage

if TYPE_CHECKING:
    from app.citypack import CityPack

SOURCE = "city"
ALERTS_A_BATCH = 2_000
"""More go into several batches, so that a frame stays well below its bound."""
HISTORY_A_PART = 800
_UNITS_FEED = "units"
Row = TypeVar("Row")


class City:
    """One city at play. Not thread-safe; whoever owns it calls `step` with times that never go back."""

    def __init__(self, pack: CityPack, *, start: int, seed: int = 1, rate: float = 0.0, tempo: float = 6.0) -> None:
        """`start`: simulated time of the beginning, UTC ms. `rate`: least readings a second (0: the natural load)."""
        self.pack = pack
        self.now = start
        self.seq = 0
        self._rate = rate
        self._register = Register()
        self._agenda = Agenda()
        offset = utc_offset_ms(pack.zone, start)
        dice = _Dice(seed)
        next_case = next_case_id(pack.id)
        shares = {code: pack.weights.get(code, 0.0) for code in pack.areas if code != pack.root}
        self._phenomena = Phenomena(pack.phenomena, tuple(pack.areas), shares, pack.root)
        self._fleet = Fleet(pack, self._register, Ways(pack, dice("ways")), dice("fleet"), start)
        self._missions = Missions(self._register, self._agenda, self._fleet, dice("missions"), tempo, with_due, self._centre)
        self._affairs = Affairs(self._register, self._agenda, self._missions, offset, dice("numbers").randrange(120, 190), tempo)
        self._officers = Officers(pack, self._register, self._agenda, self._affairs, self._fleet, dice("officers"), next_case)
        self._alarms = Alarms(pack, self._register, self._agenda, self._phenomena, dice("alarms"), tempo)
        self.story = Story(pack, self._agenda, self._alarms, self._phenomena, dice("story"), tempo)
        standing = self.story.standing(start)
        open_books(pack, self._register, self._affairs, self._missions, self._officers, standing, dice("books"), next_case, start)
        mount_cameras(pack, self._register, self._agenda, dice("cameras"), start)
        self.values = Values(pack, seed, lambda at: self._phenomena.intensity(at, forget=False), start, offset)
        self._alarms.heard = self._officers.hear
        self.story.begin(start)
        self._officers.begin(start)
        self._units_silent = False
        self._register.take()

    def _centre(self, area: AreaCode) -> Position:
        return self.pack.areas.get(area, self.pack.areas[self.pack.root]).centre

    # --- time ------------------------------------------------------------------------------------------------------------------

    def step(self, now: int) -> list[BatchMessage]:
        """Take the city on to `now` (UTC ms): what there is to tell, usually one batch, none where nothing happened."""
        self.now = now
        self._agenda.run(now)
        self.values.advance(now, self._phenomena.intensity(now))
        readings = self.values.report(now, self._rate)
        fixes = self._fleet.move(now)
        return self._batches(now, self._register.take(), readings, () if self._units_silent else fixes)

    def obey(self, command: Command, now: int) -> tuple[list[BatchMessage], Answer]:
        """Obey or refuse a command at `now`: the batches that tell everybody, and the answer to who asked."""
        answer = self._affairs.obey(command, now)
        return self._batches(now, self._register.take(), None, ()), answer

    def _batches(self, now: int, changes: Changes, readings: Readings | None, fixes: tuple[UnitFix, ...]) -> list[BatchMessage]:
        if not (changes or readings or fixes):
            return []
        self.seq += 1
        first = BatchMessage(
            source=SOURCE,
            seq=self.seq,
            at=Millis(now),
            readings=readings,
            alerts=changes.alerts[:ALERTS_A_BATCH],
            cases=changes.cases,
            units=changes.units,
            fixes=fixes,
            cameras=changes.cameras,
            shelves=changes.shelves,
        )
        batches = [first]
        for part in _chunks(changes.alerts, ALERTS_A_BATCH)[1:]:
            self.seq += 1
            batches.append(BatchMessage(source=SOURCE, seq=self.seq, at=Millis(now), alerts=part))
        return batches

    # --- telling a new desk ----------------------------------------------------------------------------------------------------

    def snapshot(self, wish: Wish) -> list[BatchMessage]:
        """Everything `wish` asks for as it stands, in parts: values first, then what people act on, then cameras, then the past."""
        books = self._register
        blank = BatchMessage(source=SOURCE, seq=self.seq, at=Millis(self.now), snapshot=True)
        parts = [replace(blank, catalogue=self.values.series, readings=self.values.newest())]
        alerts = _chunks(tuple(books.alerts.values()), ALERTS_A_BATCH)
        cases, units, shelves = tuple(books.cases.values()), tuple(books.units.values()), tuple(books.shelves.values())
        parts.append(replace(blank, alerts=alerts[0] if alerts else (), cases=cases, units=units, shelves=shelves))
        parts.extend(replace(blank, alerts=chunk) for chunk in alerts[1:])
        if "cameras" in wish.topics:
            parts.append(replace(blank, cameras=tuple(books.cameras.values())))
        if "history" in wish.topics:
            parts.extend(replace(blank, history=chunk) for chunk in _chunks(self.values.history(), HISTORY_A_PART))
        return [self.narrow(replace(part, part=index, parts=len(parts)), wish) for index, part in enumerate(parts, 1)]

    def narrow(self, batch: BatchMessage, wish: Wish) -> BatchMessage:
        """What of `batch` a desk with `wish` gets."""
        return narrow(batch, wish, self.values.areas, self._register.units)

    # --- mischief --------------------------------------------------------------------------------------------------------------

    def silence(self, feed: str, on: bool) -> None:
        """Stop or resume the reports of a feed: "units", an indicator, a domain, an area or a series. Raises DeckError for another name."""
        if feed == _UNITS_FEED:
            self._units_silent = on
        elif not self.values.silence(feed, on):
            remedy = "name an indicator, a domain, an area, a series, or units"
            raise DeckError(f"there is no feed {feed!r} to silence", where="--fault silence", remedy=remedy)

    def flood(self, count: int) -> None:
        """Raise `count` alerts in the next step, of any kind and at any place."""
        self._agenda.plan(self.now, lambda now: self._alarms.flood(count, now))

    def flap(self) -> None:
        """Let one alert come if it is gone and go if it is there, in the next step."""
        self._agenda.plan(self.now, self._alarms.flap)


def _chunks(rows: tuple[Row, ...], size: int) -> list[tuple[Row, ...]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class _Dice:
    """One stream of chance a purpose, so that a change in one part of the play leaves the others as they were."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, purpose: str) -> random.Random:
        return random.Random(f"{purpose} {self._seed}")


def start_time(start: Millis | str | None, zone: str, now: Millis) -> Millis:
    """When a play begins, UTC ms: `start` where it is given (ISO 8601 is read in `zone`), else `now`. Raises DeckError."""
    if not isinstance(start, str):
        return now if start is None else start
    try:
        moment = dt.datetime.fromisoformat(start)
    except ValueError:
        raise DeckError(f"{start!r} is not a time", where="--start", remedy="write it like 2026-07-21T08:00") from None
    wall = round(moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp() * 1_000)
    return Millis(wall if moment.tzinfo else wall - utc_offset_ms(zone, wall))


def utc_offset_ms(zone: str, at: int) -> int:
    """How far local time is ahead of UTC at `at` (UTC ms), ms; 0 where this machine does not know the zone."""
    try:
        offset = dt.datetime.fromtimestamp(at / 1_000, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    return int(offset.total_seconds() * 1_000) if offset else 0
