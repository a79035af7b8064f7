"""Floods as episodes: when each began and ended, how high it rose, what made it, and what came first.

Pure: it is stepped once a second with the time, and whoever steps it keeps the episodes. It suppresses and hides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis
from app.domain.rule import AlarmLoad
from app.domain.text import Text
from app.live.alerts import AlertStore
from app.services.alarm_rate import STANDARD, AlarmRate
from app.services.reach import Areas, Reach

MAX_EPISODES = 1_000
"""Episodes held in memory, the oldest go first; the journal has them all."""
WORST = 5
"""Kinds and places that an episode names."""


class KindShare(msgspec.Struct, frozen=True, gc=False):
    """How many alerts of a flood were of one kind."""

    kind: AlertKindId
    count: int


class PlaceShare(msgspec.Struct, frozen=True, gc=False):
    """How many alerts of a flood came from one place; the place may be without a name, and then it is its area."""

    place: Text
    area: AreaCode
    count: int


class Episode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One flood of one seat."""

    start: Millis
    """When the rate rose above the entry."""
    end: Millis | None = None
    """When it fell below the exit; None: it lasts."""
    peak: int = 0
    """The highest rate: alerts in one window."""
    count: int = 0
    """Alerts in it, with those that led into it."""
    kinds: tuple[KindShare, ...] = ()
    """The worst offenders, the most first."""
    places: tuple[PlaceShare, ...] = ()
    first: AlertId | None = None
    """First-out: the alert with which it began."""
    first_title: Text = Text()
    first_at: Millis | None = None
    areas: Areas = ()
    """Whose flood it was; empty: the whole city's."""

    def lasted(self, now: Millis) -> int:
        """Milliseconds from start to end, or until `now`."""
        return max(0, (now if self.end is None else self.end) - self.start)


class FloodStep(msgspec.Struct, frozen=True):
    """What the clock brought about: to be journalled."""

    verb: Literal["flood_began", "flood_ended"]
    episode: Episode


class FloodWatch:
    """Follows one seat's rate. Loop thread only. A step costs one pass over one column; who was to blame is counted when a flood begins, when
    it ends and when somebody looks."""

    def __init__(self, alerts: AlertStore, figures: AlarmLoad = STANDARD, reach: Reach | None = None) -> None:
        self._alerts = alerts
        self._rate = AlarmRate(alerts, figures, reach)
        self._kept: deque[Episode] = deque(maxlen=MAX_EPISODES)
        self._running: Episode | None = None
        self._from = Millis(0)
        """Alerts that began after this belong to the running flood."""
        self.since: Millis | None = None
        """When it was stepped first; None: not yet."""
        self._away = False
        """Whether the running flood was restored and nobody has looked since."""

    @property
    def figures(self) -> AlarmLoad:
        """Entry, exit and window. They may be set while it runs."""
        return self._rate.figures

    @figures.setter
    def figures(self, figures: AlarmLoad) -> None:
        self._rate.figures = figures

    @property
    def areas(self) -> Areas:
        """Whose load it follows now; empty: the whole city's."""
        return self._rate.areas

    @property
    def flooded(self) -> bool:
        """Whether a flood is on."""
        return self._running is not None

    def step(self, now: Millis) -> FloodStep | None:
        """Look at the rate: what began or ended at `now`, if anything did."""
        if self.since is None:
            self.since = now
        if self._running is not None and not len(self._alerts):
            return None  # after a restart nothing has come yet: that says nothing about the flood that was on
        rate, _ = self._rate.read(now)
        if self._running is None:
            if not self._rate.flood:
                return None
            self._from, self._away = Millis(now - self.figures.window_ms), False
            self._running = self._told(Episode(start=now, peak=rate, areas=self._rate.areas))
            return FloodStep("flood_began", self._running)
        if rate > self._running.peak:
            self._running = msgspec.structs.replace(self._running, peak=rate)
        if self._rate.flood:
            self._away = False
            return None
        ended = msgspec.structs.replace(self._told(self._running), end=self._fell(self._running, now))
        self._running = None
        self._kept.append(ended)
        return FloodStep("flood_ended", ended)

    def episodes(self) -> tuple[Episode, ...]:
        """What is known, oldest first; the last one has no end while it lasts."""
        running = () if self._running is None else (self._told(self._running),)
        return (*self._kept, *running)

    def restore(self, kept: Iterable[Episode]) -> None:
        """Take back what was journalled, in any order; of two that began at one moment the ended one counts. One without an end goes on, if it
        is the newest: the next step with alerts to look at ends it where the rate has fallen meanwhile."""
        by_start: dict[tuple[Millis, tuple[AreaCode, ...]], Episode] = {}
        for episode in kept:
            key = (episode.start, episode.areas)
            if key not in by_start or by_start[key].end is None:
                by_start[key] = episode
        ordered = sorted(by_start.values(), key=lambda e: e.start)
        if ordered and ordered[-1].end is None:
            self._running = ordered.pop()
            self._from = Millis(self._running.start - self.figures.window_ms)
            self._rate.flood = self._away = True
        # An older one without an end was cut off by a crash, and nobody knows how long it lasted.
        self._kept.extend(msgspec.structs.replace(e, end=e.start) if e.end is None else e for e in ordered)

    def _told(self, episode: Episode) -> Episode:
        """The episode with what is known of it by now: count, offenders, first-out."""
        rows = self._rate.rows(self._from)
        if len(rows) < episode.count:
            return episode  # after a restart the store knows less than was counted before it
        first = self._first_out(rows) if episode.first is None and len(rows) else None
        alert = self._alerts.at_row(first) if first is not None else None
        return msgspec.structs.replace(
            episode,
            count=len(rows),
            kinds=self._worst_kinds(rows),
            places=self._worst_places(rows),
            first=alert.id if alert else episode.first,
            first_title=alert.title if alert else episode.first_title,
            first_at=alert.at if alert else episode.first_at,
        )

    def _first_out(self, rows: NDArray[np.int64]) -> int:
        """The row with which the flood began: the first of the longest run without a pause. At the rate of entry alerts come one in every
        window / entry; a longer pause divides what was there before from the flood."""
        at = self._alerts.at[rows]
        order = np.argsort(at, kind="stable")
        pause = self.figures.window_ms // max(1, self.figures.flood_entry)
        starts = np.concatenate(([0], np.flatnonzero(np.diff(at[order]) > pause) + 1))
        lengths = np.diff(np.append(starts, len(rows)))
        return int(rows[order[starts[int(np.argmax(lengths))]]])

    def _worst_kinds(self, rows: NDArray[np.int64]) -> tuple[KindShare, ...]:
        counts = np.bincount(self._alerts.kind[rows])
        return tuple(KindShare(self._alerts.kinds.values[n], int(counts[n])) for n in most(counts, WORST))

    def _worst_places(self, rows: NDArray[np.int64]) -> tuple[PlaceShare, ...]:
        places = self._alerts.place[rows]
        found: list[PlaceShare] = []
        for number in most(np.bincount(places), WORST):
            place, of_place = self._alerts.places.values[number], rows[places == number]
            areas = np.bincount(self._alerts.area[of_place])
            # What has no name is not one place: it is told apart by its area.
            named = bool(place.zh or place.en)
            found += [
                PlaceShare(place, self._alerts.areas.values[area], len(of_place) if named else int(areas[area]))
                for area in most(areas, 1 if named else WORST)
            ]
        return tuple(sorted(found, key=lambda share: -share.count)[:WORST])

    def _fell(self, running: Episode, now: Millis) -> Millis:
        """When the rate fell below the exit: `now` for who has watched. Where the desk was away meanwhile, as far as its alerts tell; where
        they do not, one window after the start, since time in flood must not be made up."""
        if not self._away:
            return now
        at = np.sort(self._alerts.at[self._rate.rows(self._from)])
        needed = max(1, self.figures.flood_exit)
        fell = (int(at[-needed]) if len(at) >= needed else running.start) + self.figures.window_ms
        return Millis(min(now, max(running.start, fell)))


def most(counts: NDArray[np.int64], wanted: int) -> list[int]:
    """Places of the `wanted` highest counts above 0, the highest first; of equals the one that was known first."""
    order = np.argsort(-counts, kind="stable")[:wanted]
    return [int(n) for n in order if counts[n] > 0]


def flooded_ms(episodes: Iterable[Episode], since: Millis, until: Millis) -> int:
    """Milliseconds of flood between `since` and `until`. Where floods of several seats overlap, the time counts once."""
    spans = sorted((max(since, e.start), min(until, until if e.end is None else e.end)) for e in episodes)
    total, reached = 0, int(since)
    for start, end in spans:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
