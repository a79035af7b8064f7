"""Whether a tone sounds now, and which: the whole of the decision, and nothing that makes a noise.

The rule: the tone is that of the worst severity of which somebody has yet to take note. It sounds when such an alert comes and then again
and again until every one of them is acknowledged. There is one tone at a time and a rest after each, so that a storm sounds once and not ten
thousand times. What is put aside, and what is an exercise or a test, does not sound. A mute has an end.

It knows no clock and no Qt: `now` is handed in. It may not play, store or show anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.domain.alert import UNSEEN, Reality
from app.domain.ids import Millis
from app.domain.severity import Severity
from app.live.alerts import STATES, AlertStore

GAP_MS = 2_000
"""From the beginning of one tone to that of the next, at least; no tone of the deck's own is longer."""
REST_MS = 10_000
"""One new alert sounds at once; of those that come within this time after it, no more severe than it, the last sounds for all."""
SHORTEST_REPEAT_S, LONGEST_REPEAT_S = 5, 3_600
LOUDER = 1.6
"""An escalated alert's tone, times the volume that was set; never above 1."""
MUTES_MIN = (5, 15, 30, 60)
"""How long a mute may be, in minutes: nothing is silent because somebody forgot it."""
_CLOCK_SLACK_MS = 60_000
_DAY_MS = 86_400_000

_UNSEEN = tuple(number for number, state in enumerate(STATES) if state in UNSEEN)
_PLAYED = tuple(number for number, reality in enumerate(Reality) if reality in (Reality.EXERCISE, Reality.TEST))
_SEEN = np.int8(127)
"""Instead of a severity: nobody has to take note."""

Rows = NDArray[np.int64]


class ToneSetting(msgspec.Struct, frozen=True, kw_only=True):
    """How one severity sounds."""

    on: bool = True
    file: str = ""
    """A wave file of the person's own; empty: the deck's."""
    volume: float = 0.6
    """0…1 as it is heard, not as it is measured."""
    repeat_s: int = 0
    """Seconds from one tone to the next while somebody has yet to take note; 0: it sounds once."""

    def checked(self) -> ToneSetting:
        """The same within its limits: what is kept may come from another version or another hand."""
        repeat = 0 if self.repeat_s <= 0 else min(LONGEST_REPEAT_S, max(SHORTEST_REPEAT_S, self.repeat_s))
        return msgspec.structs.replace(self, volume=_share(self.volume), repeat_s=repeat)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if value == value else 0.0


# Near the top: the tones themselves differ in loudness, and the master volume leaves room for an escalated one.
STANDARD: dict[Severity, ToneSetting] = {
    Severity.EXTREME: ToneSetting(volume=1.0, repeat_s=10),
    Severity.SEVERE: ToneSetting(volume=0.9, repeat_s=30),
    Severity.MODERATE: ToneSetting(volume=0.8, repeat_s=120),
    Severity.MINOR: ToneSetting(volume=0.7, repeat_s=0),
}


class SoundSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a desk sounds."""

    tones: tuple[ToneSetting, ToneSetting, ToneSetting, ToneSetting] = (
        STANDARD[Severity.EXTREME],
        STANDARD[Severity.SEVERE],
        STANDARD[Severity.MODERATE],
        STANDARD[Severity.MINOR],
    )
    """Severity 1 first."""
    master: float = 0.7

    def of(self, severity: int) -> ToneSetting:
        """The setting of severity 1…4."""
        return self.tones[severity - 1]

    def checked(self) -> SoundSettings:
        """The same within its limits."""
        one, two, three, four = (tone.checked() for tone in self.tones)
        return SoundSettings(tones=(one, two, three, four), master=_share(self.master))

    @property
    def silent(self) -> bool:
        """Whether nothing would ever be heard of it."""
        return self.master <= 0 or not any(tone.on and tone.volume > 0 for tone in self.tones)


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """One decision not to hear anything for a while."""

    since: Millis
    until: Millis
    reason: str
    by: str

    def holds(self, now: Millis) -> bool:
        """Whether nothing sounds at `now`. A clock that was set back does not make a mute longer."""
        return self.since - _CLOCK_SLACK_MS <= now < self.until and self.until - self.since <= max(MUTES_MIN) * 60_000


@dataclass(frozen=True, slots=True)
class Unseen:
    """What somebody has yet to take note of. Tuples are by severity; place 0 is unused."""

    count: tuple[int, ...] = (0, 0, 0, 0, 0)
    fresh: tuple[bool, ...] = (False, False, False, False, False)
    """Whether one has come, come back, become worse or been escalated since the last look."""
    escalated: tuple[bool, ...] = (False, False, False, False, False)
    new: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64), compare=False)
    """Rows of the store that are fresh, oldest first."""

    @property
    def total(self) -> int:
        """Of all severities."""
        return sum(self.count)


def nothing_escalated() -> Rows:
    """For a desk without rules of escalation."""
    return np.empty(0, dtype=np.int64)


class Lookout:
    """Looks through the store for what should be heard. Costs some milliseconds at a million alerts, and nothing where nothing changed."""

    def __init__(self, store: AlertStore, escalated: Callable[[], Rows] = nothing_escalated) -> None:
        """`escalated()`: rows of the alerts that nobody has acknowledged for too long, by the city pack's rules."""
        self._store = store
        self._escalated = escalated
        self._before: NDArray[np.int8] = np.empty(0, dtype=np.int8)
        self._raised: Rows = np.empty(0, dtype=np.int64)
        self._generation = -1
        self._count = (0, 0, 0, 0, 0)

    def look(self) -> Unseen:
        """What there is now. `fresh` and `new` are since the last call; at the first, everything is fresh."""
        store = self._store
        raised = self._escalated()
        if store.generation == self._generation and np.array_equal(raised, self._raised):
            return Unseen(self._count, escalated=self._by_severity(raised))
        self._generation = store.generation
        # Comparisons of bytes: a look has to fit into a frame at a million alerts, and a table that is looked up in, or a mask, is ten times slower.
        heard = _one_of(store.state, _UNSEEN) & ~_one_of(store.reality, _PLAYED)
        severity = np.where(heard, store.severity.astype(np.int8, copy=False), _SEEN)
        known = len(self._before)
        fresh = heard.copy()
        fresh[:known] = severity[:known] < self._before
        fresh[np.setdiff1d(raised, self._raised)] = True
        fresh &= heard
        self._before, self._raised = severity, raised
        new: Rows = np.flatnonzero(fresh)
        one, two, three, four = (int(np.count_nonzero(severity == number)) for number in range(1, 5))
        self._count = (0, one, two, three, four)
        return Unseen(self._count, self._by_severity(new), self._by_severity(raised), new)

    def _by_severity(self, rows: Rows) -> tuple[bool, ...]:
        """For each severity whether one of `rows` is to be heard and has it."""
        found: set[int] = set(self._before[rows].tolist())
        return tuple(number in found for number in range(5))


def _one_of(column: NDArray[np.int64], values: tuple[int, ...]) -> NDArray[np.bool_]:
    found = column == values[0]
    for value in values[1:]:
        found |= column == value
    return found


def came_in_a_day(store: AlertStore, now: Millis) -> tuple[int, ...]:
    """How many alerts came to this desk in the last 24 hours, by severity (place 0 unused): what a mute is weighed against."""
    rows = (store.came > now - _DAY_MS) & ~_one_of(store.reality, _PLAYED)
    return tuple(int(n) for n in np.bincount(store.severity[rows], minlength=5)[:5])


@dataclass(frozen=True, slots=True)
class Ring:
    """A tone to sound now."""

    severity: int
    volume: float
    """0…1 as it is heard, the master volume and escalation in it."""
    why: Literal["new", "again"]


class Ringer:
    """Remembers what has sounded. One instance a desk; `tick` it about once a second and whenever an alert came."""

    def __init__(self, settings: SoundSettings | None = None, mute: Mute | None = None) -> None:
        self.settings = settings or SoundSettings()
        self.mute = mute
        self._new = [False] * 5
        self._rang: list[int | None] = [None] * 5
        """When a tone of this severity, or of a worse one, began."""
        self._last: int | None = None

    def muted(self, now: Millis) -> bool:
        """Whether nothing may sound."""
        return self.mute is not None and self.mute.holds(now)

    def tick(self, now: Millis, unseen: Unseen) -> Ring | None:
        """The tone to begin at `now`, if one is due. What it answers counts as begun."""
        self._follow(now, unseen)
        if self.muted(now):
            return None
        severity = self._claims(unseen)
        if severity is None or (self._last is not None and now - self._last < GAP_MS):
            return None
        setting, rang = self.settings.of(severity), self._rang[severity]
        waited = None if rang is None else now - rang
        again = setting.repeat_s > 0 and (waited is None or waited >= setting.repeat_s * 1_000)
        new = self._new[severity] and (waited is None or waited >= REST_MS)
        if not (new or again):
            return None
        self._begun(now, severity)
        volume = setting.volume * self.settings.master * (LOUDER if unseen.escalated[severity] else 1.0)
        return Ring(severity, min(1.0, volume), "new" if new else "again")

    def _follow(self, now: Millis, unseen: Unseen) -> None:
        for severity in range(1, 5):
            self._new[severity] = unseen.count[severity] > 0 and (self._new[severity] or unseen.fresh[severity])
        if self._last is not None and now < self._last:
            # The clock was set back: what has sounded lies in the past all the same.
            self._last = min(now, self._last)
            self._rang = [None if at is None else min(now, at) for at in self._rang]

    def _claims(self, unseen: Unseen) -> int | None:
        """The worst severity that still has something to say; the others wait, so that the worst is never late."""
        for severity in range(1, 5):
            setting = self.settings.of(severity)
            if setting.on and unseen.count[severity] and (setting.repeat_s > 0 or self._new[severity]):
                return severity
        return None

    def _begun(self, now: Millis, severity: int) -> None:
        self._last = now
        for lesser in range(severity, 5):
            self._rang[lesser] = now
            self._new[lesser] = False
