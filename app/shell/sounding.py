"""Sound at one desk: looks out for what should be heard, lets a tone begin, keeps how it sounds, and a mute until its end.

When a tone is due is decided in app.services.ringing; here it only meets the store, the player, the settings and the journal. A desk that
cannot sound says why, calmly, and works on. Event loop's thread only.
"""

from __future__ import annotations

import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from app.domain.errors import DeckError
from app.domain.ids import Millis
from app.domain.text import N_
from app.live.alerts import AlertStore
from app.live.changes import ChangeSet, Topic
from app.services.ringing import MUTES_MIN, Lookout, Mute, Ringer, Rows, SoundSettings, Unseen, came_in_a_day, nothing_escalated
from app.shell.settings import Settings

SOUNDS = Path(__file__).resolve().parents[2] / "resources" / "sounds"
KEY = "sound"
"""Under which the settings are kept."""
NO_LIBRARY = N_("a library is missing")
LONGEST_FILE_S = 10.0
LARGEST_FILE = 4_000_000
"""Bytes of a file of one's own."""
_BETWEEN_LOOKS_MS = 250
_MANY_ALERTS = 200_000
"""With more than these a look takes milliseconds: once a second is enough."""
_OFF_SCREEN = frozenset({"offscreen", "minimal"})
_SECONDS_BEFORE = 3
"""The player is loaded this long after the first frame: before it, every millisecond is the start's."""


class Player(Protocol):
    """What makes the noise."""

    @property
    def fault(self) -> str:
        """Why nothing can be heard (a msgid, or a library's own words after a colon); empty: it can."""
        ...

    def play(self, file: Path, volume: float) -> None:
        """Begin `file`, `volume` 0…1 as it is heard; what was still sounding ends. Returns at once, and never raises."""
        ...

    def stop(self) -> None:
        """End what is sounding."""
        ...

    def close(self) -> None:
        """Nothing sounds any more."""
        ...


class SilentPlayer:
    """Stands in where QtMultimedia cannot be loaded."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def play(self, file: Path, volume: float) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


def open_player(failed: Callable[[Path], None], changed: Callable[[], None]) -> Player:
    """The player of this desk; where there can be none, one that says why. Off screen nobody sits there to hear it, and nothing is loaded."""
    return SilentPlayer("") if QGuiApplication.platformName() in _OFF_SCREEN else load_player(failed, changed)


def load_player(failed: Callable[[Path], None], changed: Callable[[], None]) -> Player:
    """The same wherever it runs. Loads QtMultimedia."""
    try:
        # Late on purpose: it costs tens of milliseconds, and a library of the system may be missing.
        from app.shell.player import QtPlayer  # noqa: PLC0415
    except ImportError as missing:
        return SilentPlayer(f"{NO_LIBRARY}: {str(missing).partition(':')[0]}")
    return QtPlayer(failed, changed)


class _Kept(msgspec.Struct, frozen=True):
    """What is kept between runs. A mute is among it: a restart must not end it, nor hide it."""

    settings: SoundSettings
    mute: Mute | None = None


@dataclass(frozen=True, slots=True)
class SoundState:
    """What the bar says about sound. `mute` and `left_ms` where it is muted; `fault` where the desk cannot sound."""

    kind: Literal["on", "muted", "off", "fault"]
    left_ms: int = 0
    mute: Mute | None = None
    fault: str = ""
    unheard: int = 0
    """Alerts that would sound and do not."""


class Sounding(QObject):
    """One desk's sound. Subscribe `frame` to the frame clock; `teardown` before the journal closes."""

    changed = Signal()
    """The state or the settings are others now; while it is muted, once a second, for the countdown."""
    came = Signal(object)
    """Rows of alerts that somebody has yet to take note of and had not at the last look (int64, oldest first); never exercises or tests."""

    def __init__(
        self,
        store: AlertStore,
        settings: Settings,
        *,
        now: Callable[[], Millis],
        note: Callable[[str, str, str], Awaitable[object]],
        by_clock: Callable[[str, str, str], None],
        tell: Callable[[DeckError], None],
        escalated: Callable[[], Rows] = nothing_escalated,
        player: Callable[[Callable[[Path], None], Callable[[], None]], Player] = open_player,
        parent: QObject | None = None,
    ) -> None:
        """`note(action, target, comment)` journals what a person decided, or raises DeckError; `by_clock` what the clock did, at once.
        `escalated()`: rows that are to be louder."""
        super().__init__(parent)
        self._store = store
        self._kept_in = settings
        self._now = now
        self._note = note
        self._by_clock = by_clock
        self._tell = tell
        self._make_player = player
        self._player: Player | None = None
        self._lookout = Lookout(store, escalated)
        kept = _read(settings.get(KEY))
        self._ringer = Ringer(kept.settings, kept.mute)
        self._unseen = Unseen()
        self._looked: int | None = None
        self._seconds = 0
        self._bad_files: set[str] = set()

    # --- reading -----------------------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> SoundSettings:
        """How the desk sounds."""
        return self._ringer.settings

    @property
    def unseen(self) -> Unseen:
        """What the last look found."""
        return self._unseen

    @property
    def state(self) -> SoundState:
        """What the bar says now."""
        now, mute = self._now(), self._ringer.mute
        if mute is not None and mute.holds(now):
            return SoundState("muted", max(0, mute.until - now), mute, unheard=self._would_sound())
        if self._player is not None and self._player.fault:
            return SoundState("fault", fault=self._player.fault, unheard=self._would_sound())
        return SoundState("off", unheard=self._unseen.total) if self.settings.silent else SoundState("on")

    def of_a_day(self) -> tuple[int, ...]:
        """How many alerts came in the last 24 hours, by severity (place 0 unused): what a mute is weighed against."""
        return came_in_a_day(self._store, self._now())

    # --- what a person does ------------------------------------------------------------------------------------------------------

    async def mute(self, minutes: int, reason: str, by: str) -> None:
        """Nothing sounds for `minutes` (one of MUTES_MIN) from now on. Raises DeckError, and then nothing has changed."""
        if minutes not in MUTES_MIN:
            raise DeckError(N_("A mute has an end, an hour from now at the latest."), remedy=N_("Choose a shorter time; it can be done again."))
        if not reason.strip():
            raise DeckError(N_("This needs a reason in words."), remedy=N_("Write a comment."))
        await self._note("mute", f"{minutes} min", reason)
        now = self._now()
        self._ringer.mute = Mute(since=now, until=Millis(now + minutes * 60_000), reason=reason.strip(), by=by)
        if self._player is not None:
            self._player.stop()
        self._keep()

    async def unmute(self) -> None:
        """Tones sound again. Raises DeckError, and then nothing has changed."""
        if self._ringer.mute is None:
            return
        await self._note("unmute", "", "")
        self._ringer.mute = None
        self._keep()

    async def change(self, settings: SoundSettings) -> None:
        """Sound like this from now on. Raises DeckError where a file cannot be used or the journal fails, and then nothing has changed."""
        wanted = settings.checked()
        if wanted == self.settings:
            return
        for tone in wanted.tones:
            if tone.file:
                check_file(Path(tone.file))
        await self._note("sound_settings", "", said_of(wanted))
        self._ringer.settings = wanted
        self._bad_files.clear()
        self._keep()

    def test(self, severity: int, settings: SoundSettings | None = None) -> None:
        """Let the tone of `severity` be heard once, as it is or as it would be with `settings`, muted or not: it was asked for. Raises DeckError
        where this desk cannot sound."""
        player = self.ready()
        if player.fault:
            raise DeckError(N_("This desk cannot sound."), where=player.fault, remedy=N_("Check the loudspeaker and the system's sound."))
        tried = settings or self.settings
        tone = tried.of(severity)
        player.play(self._file(severity, tone.file), tone.volume * tried.master)

    # --- life --------------------------------------------------------------------------------------------------------------------

    def frame(self, change: ChangeSet) -> None:
        """Look, and sound where it is due. For the frame clock."""
        second = bool(change.topics & Topic.SECOND)
        if second:
            self._seconds += 1
            if self._seconds == _SECONDS_BEFORE:
                self.ready()
            self._follow_mute()
        elif not change.topics & (Topic.ALERT | Topic.ACTION) or len(self._store) > _MANY_ALERTS:
            return
        now = self._now()
        if not second and self._looked is not None and 0 <= now - self._looked < _BETWEEN_LOOKS_MS:
            return
        self._looked = now
        self._unseen = self._lookout.look()
        if len(self._unseen.new):
            self.came.emit(self._unseen.new)
        self._ring(now)

    def ready(self) -> Player:
        """The player, loaded at the first call (tens of milliseconds)."""
        if self._player is None:
            self._player = self._make_player(self._on_bad_file, self.changed.emit)
            self.changed.emit()
        return self._player

    def teardown(self) -> None:
        """Nothing sounds any more."""
        if self._player is not None:
            self._player.close()
            self._player = None

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _ring(self, now: Millis) -> None:
        ring = self._ringer.tick(now, self._unseen)
        if ring is None:
            return
        # What is due before the player is loaded is worth the wait for it.
        self.ready().play(self._file(ring.severity, self.settings.of(ring.severity).file), ring.volume)

    def _file(self, severity: int, own: str) -> Path:
        """The person's own file while it can be had, else the deck's: an alert is never silent for a file's sake."""
        if own and own not in self._bad_files:
            if Path(own).is_file():
                return Path(own)
            self._on_bad_file(Path(own))
        return SOUNDS / f"severity-{severity}.wav"

    def _on_bad_file(self, file: Path) -> None:
        if str(file) not in self._bad_files:
            self._bad_files.add(str(file))
            self._tell(
                DeckError(N_("A sound file cannot be played; the deck's own tone is used."), where=str(file), remedy=N_("Choose another file."))
            )

    def _follow_mute(self) -> None:
        mute = self._ringer.mute
        if mute is None:
            return
        if mute.holds(self._now()):
            self.changed.emit()
            return
        self._ringer.mute = None
        self._by_clock("unmute", "", mute.reason)
        self._keep()

    def _would_sound(self) -> int:
        return sum(count for severity, count in enumerate(self._unseen.count) if severity and self.settings.of(severity).on)

    def _keep(self) -> None:
        self._kept_in.put(KEY, msgspec.json.encode(_Kept(self._ringer.settings, self._ringer.mute)).decode())
        self.changed.emit()


def check_file(file: Path) -> None:
    """Raise DeckError where `file` is no wave file that may be a tone: it is played again and again, so it is short."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise DeckError(N_("The sound file is too large."), where=str(file), remedy=N_("Choose a wave file of a few seconds."))
        with wave.open(str(file), "rb") as heard:
            length = heard.getnframes() / max(1, heard.getframerate())
    except (OSError, EOFError, wave.Error) as fault:
        raise DeckError(
            N_("This is no sound file that the deck can play."), where=f"{file}: {fault}", remedy=N_("Choose a wave file (PCM).")
        ) from fault
    if not 0 < length <= LONGEST_FILE_S:
        raise DeckError(
            N_("A tone may last ten seconds at most."),
            where=str(file),
            remedy=N_("Choose a wave file of a few seconds."),
        )


def said_of(settings: SoundSettings) -> str:
    """The settings in one line, for the journal."""
    tones = (
        f"{severity}: {f'{tone.volume:.0%} / {tone.repeat_s} s' if tone.on else 'off'}{f' ({Path(tone.file).name})' if tone.file else ''}"
        for severity, tone in enumerate(settings.tones, start=1)
    )
    return f"{settings.master:.0%} · " + " · ".join(tones)


def _read(text: str | None) -> _Kept:
    """What was kept; the standard where it cannot be read."""
    try:
        kept = msgspec.json.decode(text, type=_Kept) if text else _Kept(SoundSettings())
    except msgspec.MsgspecError:
        return _Kept(SoundSettings())
    return _Kept(kept.settings.checked(), kept.mute)
