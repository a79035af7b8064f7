"""Sound and notification: when a tone is due, what a mute does, what a desk does that cannot sound, and who is called back to it.

No test makes a noise: what would sound is counted. The real player is tried without any device, in a process of its own.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from app.actions.spec import BY_ID, OWN
from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Acknowledgement, Alert, AlertState, Reality
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis
from app.domain.severity import Severity
from app.domain.text import Text
from app.live.alerts import STATES, AlertStore
from app.live.changes import ChangeSet, Topic
from app.qt.words import Words
from app.services.ringing import GAP_MS, LOUDER, REST_MS, Lookout, Mute, Ringer, SoundSettings, ToneSetting, Unseen, came_in_a_day
from app.shell import sounding as sounding_module
from app.shell.notify import CALL_GAP_MS, BusWay, Caller, Notifier, TrayWay, WindowWay, without_markup
from app.shell.settings import WrittenBehind
from app.shell.soundbox import SoundChip, SoundDialog, sound_said
from app.shell.sounding import KEY, SOUNDS, Sounding, check_file, load_player
from widgets.theme import Theme

Run = Callable[..., Any]

HOUSE = Path(__file__).resolve().parents[1]
START = Millis(1_795_228_944_000)
SECOND = ChangeSet(Topic.SECOND)
SHINAN = AreaCode("370202")
NOTHING = (0, 0, 0, 0, 0)


def alert(number: int, severity: int = 1, **other: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": AlertId(f"a{number}"),
        "kind": AlertKindId("flooding"),
        "severity": Severity(severity),
        "title": Text("积水", "Flooding"),
        "area": SHINAN,
        "at": START,
    }
    return Alert(**{**fields, **other})


def acknowledged(one: Alert) -> Alert:
    return msgspec.structs.replace(one, acknowledged=Acknowledgement("wang", START), version=one.version + 1)


def unseen(*severities: int, fresh: bool = True, escalated: bool = False) -> Unseen:
    count = tuple(severities.count(n) for n in range(5))
    there = tuple(n > 0 for n in count)
    no = (False,) * 5
    return Unseen(count, there if fresh else no, there if escalated else no)


# --- when a tone is due --------------------------------------------------------------------------------------------------------------


def test_a_new_alert_sounds_at_once_and_again_until_it_is_seen() -> None:
    ringer = Ringer()
    first = ringer.tick(START, unseen(1))
    assert first is not None and first.severity == 1 and first.why == "new"
    rings = [s for s in range(1, 31) if ringer.tick(Millis(START + s * 1_000), unseen(1, fresh=False))]
    assert rings == [10, 20, 30]
    assert ringer.tick(Millis(START + 60_000), Unseen()) is None


def test_the_worst_severity_wins_and_the_others_wait_for_it() -> None:
    ringer = Ringer()
    first = ringer.tick(START, unseen(4, 2, 3, 2))
    assert first is not None and first.severity == 2
    # A lesser one that comes now does not sound; a worse one does, as soon as the first tone has had its time.
    assert ringer.tick(Millis(START + 5_000), unseen(4, 2, 3, 2, 3)) is None
    worse = ringer.tick(Millis(START + 6_000), unseen(4, 2, 3, 1))
    assert worse is not None and worse.severity == 1


def test_what_sounds_once_does_not_sound_again() -> None:
    ringer = Ringer()
    assert ringer.tick(START, unseen(4)) is not None
    assert not any(ringer.tick(Millis(START + s * 1_000), unseen(4, fresh=False)) for s in range(1, 600))


def test_escalated_is_louder() -> None:
    plain = Ringer().tick(START, unseen(3))
    louder = Ringer().tick(START, unseen(3, escalated=True))
    assert plain is not None and louder is not None
    assert louder.volume == pytest.approx(plain.volume * LOUDER)
    assert Ringer(SoundSettings(master=1.0)).tick(START, unseen(1, escalated=True)).volume == 1.0  # pyright: ignore[reportOptionalMemberAccess]


def test_a_severity_that_is_off_leaves_the_word_to_the_next() -> None:
    tones = SoundSettings().tones
    off = SoundSettings(tones=(msgspec.structs.replace(tones[0], on=False), *tones[1:]))
    ring = Ringer(off).tick(START, unseen(1, 3))
    assert ring is not None and ring.severity == 3
    assert Ringer(off).tick(START, unseen(1)) is None


def test_what_came_during_a_mute_sounds_when_it_ends() -> None:
    mute = Mute(since=START, until=Millis(START + 300_000), reason="meeting", by="wang")
    ringer = Ringer(mute=mute)
    assert ringer.tick(START, unseen(4)) is None
    assert ringer.tick(Millis(START + 299_999), unseen(4, fresh=False)) is None
    ring = ringer.tick(Millis(START + 300_000), unseen(4, fresh=False))
    assert ring is not None and ring.severity == 4


def test_a_clock_that_was_set_back_lengthens_nothing() -> None:
    mute = Mute(since=START, until=Millis(START + 300_000), reason="meeting", by="wang")
    assert not mute.holds(Millis(START - 3_600_000))
    forever = Mute(since=START, until=Millis(START + 10**12), reason="by hand in the file", by="?")
    assert not forever.holds(START)
    ringer = Ringer()
    assert ringer.tick(START, unseen(1)) is not None
    before = START - 3_600_000
    assert any(ringer.tick(Millis(before + s * 1_000), unseen(1, fresh=False)) for s in range(12))


def test_settings_are_kept_within_their_limits() -> None:
    wild = SoundSettings(tones=(ToneSetting(volume=7, repeat_s=1), ToneSetting(volume=-1), ToneSetting(volume=float("nan")), ToneSetting()), master=3)
    kept = wild.checked()
    assert [tone.volume for tone in kept.tones] == [1.0, 0.0, 0.0, 0.6]
    assert kept.tones[0].repeat_s == 5 and kept.tones[1].repeat_s == 0 and kept.master == 1.0


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 5_000),  # ms since the step before
        st.tuples(*[st.integers(0, 3)] * 4),  # unseen alerts by severity
        st.tuples(*[st.booleans()] * 4),  # whether one of them is fresh
        st.sampled_from(["", "", "", "", "mute", "unmute"]),
    ),
    min_size=1,
    max_size=120,
)
_SETTINGS = st.builds(
    lambda tones, master: SoundSettings(tones=tones, master=master).checked(),
    st.tuples(*[st.builds(ToneSetting, on=st.booleans(), volume=st.floats(0, 1), repeat_s=st.sampled_from([0, 5, 10, 60]))] * 4),
    st.floats(0, 1),
)


@given(_STEPS, _SETTINGS)
def test_whatever_happens_the_rules_hold(steps: list[tuple[int, tuple[int, ...], tuple[bool, ...], str]], settings: SoundSettings) -> None:
    ringer = Ringer(settings)
    now, last, before = int(START), None, NOTHING
    owed: int | None = None  # since when a severity 1 waits for its tone
    latest = max(GAP_MS, settings.of(1).repeat_s * 1_000, REST_MS)
    for wait, amounts, fresh, deed in steps:
        previous, now = now, now + wait
        if deed == "mute":
            ringer.mute = Mute(since=Millis(now), until=Millis(now + 300_000), reason="x", by="y")
        elif deed == "unmute":
            ringer.mute = None
        count = (0, *amounts)
        seen = Unseen(count, (False, *((f and n > 0) or (n > 0 and before[i + 1] == 0) for i, (f, n) in enumerate(zip(fresh, amounts, strict=True)))))
        muted = ringer.muted(Millis(now))
        ring = ringer.tick(Millis(now), seen)
        before = count
        waits = bool(count[1]) and settings.of(1).on and settings.of(1).repeat_s > 0 and not muted
        owed = (owed if owed is not None else now) if waits else None
        if ring is None:
            # Never late: the last moment at which it may have been silent is this step's.
            assert owed is None or now - owed <= latest, f"severity 1 has waited {now - owed} ms"
            continue
        assert not muted
        assert last is None or now - last >= GAP_MS
        assert settings.of(ring.severity).on and count[ring.severity] > 0
        worse = [s for s in range(1, ring.severity) if count[s] and settings.of(s).on and settings.of(s).repeat_s]
        assert worse == [], "a lesser tone while a worse one is due again and again"
        assert 0.0 <= ring.volume <= 1.0
        last = now
        owed = now if ring.severity == 1 else owed
        assert previous <= now


@given(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=40))
def test_a_storm_sounds_once(worst: int, others: list[int]) -> None:
    ringer = Ringer()
    storm = [worst, *[max(worst, s) for s in others]]
    rings = [ringer.tick(Millis(START + ms), unseen(*storm)) for ms in range(0, 2_000, 33)]
    assert [ring.severity for ring in rings if ring is not None] == [worst]


# --- what is looked at ---------------------------------------------------------------------------------------------------------------


def test_ten_thousand_alerts_are_one_look_and_one_tone() -> None:
    store = AlertStore()
    lookout, ringer = Lookout(store), Ringer()
    store.put_all([alert(n, 1 + n % 4) for n in range(10_000)], START)
    found = lookout.look()
    assert found.count == (0, 2_500, 2_500, 2_500, 2_500) and len(found.new) == 10_000
    assert ringer.tick(START, found) is not None
    assert ringer.tick(Millis(START + 33), lookout.look()) is None
    assert lookout.look().new.size == 0


def test_exercises_tests_and_what_is_put_aside_do_not_sound() -> None:
    store = AlertStore()
    lookout = Lookout(store)
    realities = [Reality.EXERCISE, Reality.TEST, Reality.SIMULATED, Reality.ACTUAL]
    store.put_all([alert(n, 2, reality=reality) for n, reality in enumerate(realities)], START)
    assert lookout.look().count == (0, 0, 2, 0, 0)
    for state in (AlertState.SHELVED, AlertState.SUPPRESSED, AlertState.OUT_OF_SERVICE):
        rows = np.array([2, 3])
        store.put_aside(rows, np.full(2, STATES.index(state), dtype=np.int8))
        assert lookout.look().count == NOTHING
        store.put_aside(rows, np.zeros(2, dtype=np.int8))
        assert list(lookout.look().new) == [2, 3], "it is back in the queue, and new to whoever sits there"


def test_fresh_is_what_came_came_back_or_became_worse() -> None:
    store = AlertStore()
    lookout = Lookout(store)
    first = alert(1, 3)
    store.put(first, START)
    assert lookout.look().fresh[3]
    store.put(acknowledged(first), START)
    assert lookout.look().count == NOTHING
    store.put(msgspec.structs.replace(first, version=3), START)
    assert lookout.look().fresh[3], "unacknowledged again"
    store.put(msgspec.structs.replace(first, severity=Severity.EXTREME, version=4), START)
    assert lookout.look().fresh == (False, True, False, False, False)
    store.put(msgspec.structs.replace(first, severity=Severity.MINOR, version=5), START)
    assert not any(lookout.look().fresh), "it became less severe"


def test_escalation_is_fresh_and_marks_its_severity() -> None:
    store = AlertStore()
    raised: list[int] = []
    lookout = Lookout(store, lambda: np.array(raised, dtype=np.int64))
    store.put_all([alert(1, 2), alert(2, 3)], START)
    assert not any(lookout.look().escalated)
    raised.append(1)
    found = lookout.look()
    assert found.escalated[3] and found.fresh[3] and not found.fresh[2]
    assert lookout.look().escalated[3] and not any(lookout.look().fresh)


def test_a_mute_is_weighed_against_a_day() -> None:
    store = AlertStore()
    store.put_all([alert(1, 1), alert(2, 3), alert(3, 3, reality=Reality.TEST)], START)
    assert came_in_a_day(store, Millis(START + 1_000)) == (0, 1, 0, 1, 0)
    assert came_in_a_day(store, Millis(START + 2 * 86_400_000)) == NOTHING


# --- one desk's sound ----------------------------------------------------------------------------------------------------------------


class CountingPlayer:
    """Counts what would sound."""

    def __init__(self, failed: Callable[[Path], None], changed: Callable[[], None]) -> None:
        self.failed = failed
        self.changed = changed
        self.fault = ""
        self.played: list[tuple[str, float]] = []
        self.stopped = 0
        self.closed = False

    def play(self, file: Path, volume: float) -> None:
        self.played.append((file.name, volume))

    def stop(self) -> None:
        self.stopped += 1

    def close(self) -> None:
        self.closed = True


@dataclass
class Room:
    """A sounding desk and everything around it."""

    store: AlertStore = field(default_factory=AlertStore)
    kept: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    by_clock: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[DeckError] = field(default_factory=list)
    now: int = START
    refuses: bool = False
    players: list[CountingPlayer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sounding = self.make()

    def make(self) -> Sounding:
        def player(failed: Callable[[Path], None], changed: Callable[[], None]) -> CountingPlayer:
            self.players.append(CountingPlayer(failed, changed))
            return self.players[-1]

        async def note(action: str, target: str, comment: str) -> None:
            if self.refuses:
                raise DeckError("the disk is full")
            self.notes.append((action, target, comment))

        return Sounding(
            self.store,
            WrittenBehind(self.kept, self.kept.__setitem__),
            now=lambda: Millis(self.now),
            note=note,
            by_clock=lambda action, target, comment: self.by_clock.append((action, target, comment)),
            tell=self.told.append,
            player=player,
        )

    @property
    def played(self) -> list[tuple[str, float]]:
        return [tone for player in self.players for tone in player.played]

    def seconds(self, n: int) -> None:
        for _ in range(n):
            self.now += 1_000
            self.sounding.frame(SECOND)

    def raised(self, *alerts: Alert) -> None:
        self.store.put_all(alerts, Millis(self.now))
        self.sounding.frame(ChangeSet(Topic.ALERT, alerts=tuple(a.id for a in alerts)))


@pytest.fixture
def room(qapp: object) -> Generator[Room]:
    made = Room()
    yield made
    made.sounding.teardown()


def test_it_sounds_until_every_alert_is_seen(room: Room) -> None:
    came: list[int] = []
    room.sounding.came.connect(lambda rows: came.extend(rows.tolist()))
    room.seconds(1)
    room.now += 300
    room.raised(alert(1), alert(2))
    room.seconds(20)
    assert [name for name, _ in room.played] == ["severity-1.wav"] * 3
    assert came == [0, 1]
    room.store.put(acknowledged(alert(1)))
    room.seconds(10)
    assert len(room.played) == 4, "one is still unseen"
    room.store.put(acknowledged(alert(2)))
    room.seconds(30)
    assert len(room.played) == 4


def test_a_storm_of_frames_is_one_tone(room: Room) -> None:
    for n in range(200):
        room.now += 33
        room.raised(alert(n, 2))
    assert [name for name, _ in room.played] == ["severity-2.wav"]


def test_a_mute_is_journalled_shown_kept_and_ends_by_itself(room: Room, run: Run) -> None:
    words = Words("en", "Asia/Shanghai")
    run(room.sounding.mute(5, "press conference", "wang"))
    assert room.notes == [("mute", "5 min", "press conference")]
    room.raised(alert(1))
    room.seconds(30)
    assert room.played == []
    said = sound_said(words, room.sounding.state)
    assert said.text == "Muted, 04:30 left · press conference" and said.severity == 3
    assert "1 alerts that would sound do not" in said.explains
    # A restart neither ends nor hides it.
    room.sounding.teardown()
    room.sounding = room.make()
    room.seconds(1)
    assert room.sounding.state.kind == "muted" and room.played == []
    room.seconds(269)
    assert room.sounding.state.kind == "on"
    assert room.by_clock == [("unmute", "", "press conference")]
    assert len(room.played) == 1


def test_whoever_muted_can_end_it(room: Room, run: Run) -> None:
    run(room.sounding.mute(60, "drill", "wang"))
    room.raised(alert(1))
    assert room.played == []
    run(room.sounding.unmute())
    room.seconds(1)
    assert [note[0] for note in room.notes] == ["mute", "unmute"] and len(room.played) == 1


def test_a_mute_needs_a_reason_an_end_and_the_journal(room: Room, run: Run) -> None:
    for minutes, reason in ((5, "  "), (600, "x")):
        with pytest.raises(DeckError):
            run(room.sounding.mute(minutes, reason, "wang"))
    room.refuses = True
    with pytest.raises(DeckError):
        run(room.sounding.mute(5, "x", "wang"))
    assert room.sounding.state.kind == "on" and KEY not in room.kept


def test_the_settings_are_kept_and_journalled(room: Room, run: Run) -> None:
    wanted = msgspec.structs.replace(room.sounding.settings, master=0.2)
    run(room.sounding.change(wanted))
    assert room.notes[0][0] == "sound_settings" and "20%" in room.notes[0][2]
    assert room.make().settings == wanted
    run(room.sounding.change(wanted))
    assert len(room.notes) == 1, "nothing was changed"


def test_settings_that_cannot_be_read_are_the_standard(qapp: object) -> None:
    for text in ("", "{", '{"settings": 3}', '{"settings": {"master": 9}}'):
        made = Room(kept={KEY: text})
        assert made.sounding.settings.of(1).on and made.sounding.settings.master <= 1.0


def test_own_files_are_checked_and_an_alert_is_never_silent_for_one(room: Room, run: Run, tmp_path: Path) -> None:
    for name, raw in (("text.wav", b"no sound"), ("empty.wav", b"")):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(DeckError):
            check_file(tmp_path / name)
    with pytest.raises(DeckError):
        check_file(tmp_path / "missing.wav")
    own = tmp_path / "own.wav"
    shutil.copy(SOUNDS / "severity-4.wav", own)
    tones = room.sounding.settings.tones
    run(room.sounding.change(SoundSettings(tones=(msgspec.structs.replace(tones[0], file=str(own)), *tones[1:]))))
    room.raised(alert(1))
    assert room.played[-1][0] == "own.wav"
    own.unlink()
    room.seconds(10)
    assert room.played[-1][0] == "severity-1.wav"
    assert [str(own)] == [fault.where for fault in room.told], "told once"
    room.seconds(10)
    assert len(room.told) == 1


def test_the_test_button_sounds_even_while_muted_and_says_why_it_cannot(room: Room, run: Run) -> None:
    run(room.sounding.mute(5, "x", "wang"))
    room.sounding.test(3)
    assert [name for name, _ in room.played] == ["severity-3.wav"]
    room.players[0].fault = "no sound device was found"
    with pytest.raises(DeckError):
        room.sounding.test(3)


def test_a_desk_that_cannot_sound_says_so_and_works_on(room: Room) -> None:
    room.seconds(3)
    room.players[0].fault = f"{sounding_module.NO_LIBRARY}: libpulse.so.0"
    room.raised(alert(1))
    room.seconds(30)
    said = sound_said(Words("en", "Asia/Shanghai"), room.sounding.state)
    assert said.text == "No sound" and said.severity == 3
    assert said.explains == "This desk cannot sound: a library is missing: libpulse.so.0."


def test_the_deck_has_its_words_for_it() -> None:
    assert {"mute", "unmute", "sound_settings"} <= OWN
    assert BY_ID["mute"].comment == "required"


# --- what is seen of it --------------------------------------------------------------------------------------------------------------


def test_the_dialog_tests_mutes_and_saves(room: Room, until: Callable[..., None], loop: asyncio.AbstractEventLoop) -> None:
    words, theme = Words("en", "Asia/Shanghai"), Theme()
    parent = QWidget()
    tasks: list[asyncio.Task[object]] = []

    def start(work: Any, name: str) -> None:
        tasks.append(loop.create_task(work, name=name))

    def ask(_title: str, _prompt: str, required: bool) -> Awaitable[str | None]:
        assert required
        answer: asyncio.Future[str | None] = loop.create_future()
        answer.set_result("shift meeting")
        return answer

    chip = SoundChip(theme, words, room.sounding)
    chip.setParent(parent)
    dialog = SoundDialog(parent, words, theme, room.sounding, start=start, ask=ask, who=lambda: "王磊")
    dialog.show()
    assert chip.shown == "Sound on"
    dialog.lines[1].volume.setValue(100)
    dialog.master.setValue(50)
    dialog.lines[1].test.click()
    until(lambda: room.played == [("severity-2.wav", 0.5)])
    dialog.mutes[15].click()
    until(lambda: room.sounding.state.kind == "muted")
    assert chip.shown == "Muted, 15:00 left · shift meeting"
    room.seconds(1)
    assert chip.shown == "Muted, 14:59 left · shift meeting"
    assert dialog.said.text() == "Muted, 14:59 left" and dialog.explains.text().startswith("王磊 muted the sound until ")
    dialog.unmute.click()
    until(lambda: room.sounding.state.kind == "on")
    dialog.lines[3].on.setChecked(False)
    dialog.lines[0].repeat.setCurrentIndex(dialog.lines[0].repeat.findData(60))
    dialog.save.click()
    until(lambda: not isValid(dialog) or not dialog.isVisible())
    kept = room.sounding.settings
    assert not kept.of(4).on and kept.of(1).repeat_s == 60 and kept.of(2).volume == 1.0 and kept.master == 0.5
    chip.teardown()
    parent.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


# --- who is called back --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> CityPack:
    return load_city(find_cities()["qingdao"])


def test_one_call_in_ten_seconds_tells_the_worst_and_how_many_more() -> None:
    store = AlertStore()
    caller = Caller(store)
    rows = store.put_all([alert(n, severity) for n, severity in enumerate([2, 3, 1, 4, 1])], START)
    caller.came(rows)
    call = caller.due(START, in_front=False)
    assert call is not None and (call.row, call.more) == (2, 2)
    caller.came(store.put_all([alert(9, 1)], START))
    assert caller.due(Millis(START + CALL_GAP_MS - 1), in_front=False) is None
    later = caller.due(Millis(START + CALL_GAP_MS), in_front=False)
    assert later is not None and (later.row, later.more) == (5, 0)


def test_who_has_the_desk_before_them_is_not_called() -> None:
    store = AlertStore()
    caller = Caller(store)
    caller.came(store.put_all([alert(1, 1)], START))
    assert caller.due(START, in_front=True) is None
    assert caller.due(Millis(START + 60_000), in_front=False) is None, "it was seen on the screen"
    caller.came(store.put_all([alert(2, 2)], START))
    store.put(acknowledged(alert(2, 2)))
    assert caller.due(Millis(START + 60_000), in_front=False) is None, "somebody else has taken note of it"


@given(st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 3), st.booleans()), max_size=60))
def test_never_more_than_one_call_in_ten_seconds_and_never_in_front(steps: list[tuple[int, int, bool]]) -> None:
    store = AlertStore()
    caller, now, last, number = Caller(store), int(START), None, 0
    for wait, came, in_front in steps:
        now += wait
        caller.came(store.put_all([alert(number + n, 1 + n % 4) for n in range(came)], Millis(now)))
        number += came
        call = caller.due(Millis(now), in_front=in_front)
        if call is not None:
            assert not in_front and (last is None or now - last >= CALL_GAP_MS)
            last = now


class FakeWay:
    def __init__(self, works: bool) -> None:
        self.works = works
        self.shown: list[tuple[str, str]] = []
        self.click: Callable[[], None] = lambda: None

    async def show(self, title: str, body: str, clicked: Callable[[], None]) -> bool:
        if self.works:
            self.shown.append((title, body))
            self.click = clicked
        return self.works

    def close(self) -> None:
        self.shown.clear()


async def test_the_first_way_that_works_is_taken_and_a_click_selects_the_alert(city: CityPack) -> None:
    store, selected, tasks = AlertStore(), [], []
    ways = [FakeWay(False), FakeWay(True), FakeWay(True)]
    notifier = Notifier(
        store, city, lambda: Words("en", city.zone), now=lambda: START, in_front=lambda: False, clicked=selected.append,
        start=lambda work, _name: tasks.append(asyncio.ensure_future(work)), ways=ways,
    )  # fmt: skip
    evil = Text("", "<b>Pump</b> & \u202egnp.exe\n" + "x" * 1_000_000)
    notifier.came(store.put_all([alert(1, 1, title=evil), alert(2, 2)], START))
    await asyncio.gather(*tasks)
    notifier.frame(SECOND)
    assert len(tasks) == 1
    (title, body), *_ = ways[1].shown
    assert title == "Alert (extreme) · Shinan" or title.startswith("Alert (extreme) · ")
    assert body.endswith(", and 1 more") and "\u202e" not in body and len(body) < 300
    assert ways[0].shown == ways[2].shown == []
    ways[1].click()
    assert selected == [AlertId("a1")]
    notifier.close()


def test_text_that_could_be_markup_reads_the_same_either_way() -> None:
    assert without_markup("<img src=x> & co") == "‹img src=x› ＆ co"


def test_without_bus_or_tray_the_window_asks(qapp: object, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    window = QWidget()
    bus, tray = BusWay(), TrayWay(window.windowIcon)
    assert run(bus.show("a", "b", lambda: None)) is False
    assert run(tray.show("a", "b", lambda: None)) is False
    assert run(WindowWay(lambda: window).show("a", "b", lambda: None)) is True
    bus.close()
    tray.close()
    window.deleteLater()


SERVICE = """
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, QTimer, Signal, Slot
from PySide6.QtDBus import QDBusConnection
import json, sys

@ClassInfo(**{"D-Bus Interface": "org.freedesktop.Notifications"})
class Service(QObject):
    ActionInvoked = Signal("uint", str)

    @Slot(result="QStringList")
    def GetCapabilities(self):
        return ["body", "actions", "body-markup"]

    @Slot(str, "uint", str, str, str, "QStringList", "QVariantMap", int, result="uint")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        print(json.dumps([app, summary, body, actions]), flush=True)
        QTimer.singleShot(0, lambda: self.ActionInvoked.emit(3, "default"))  # another program's
        self.clicks = QTimer(self, interval=50, timeout=lambda: self.ActionInvoked.emit(7, "default"))
        self.clicks.start()
        return 7

app, service, bus = QCoreApplication([]), Service(), QDBusConnection.sessionBus()
every = QDBusConnection.RegisterOption.ExportAllSlots | QDBusConnection.RegisterOption.ExportAllSignals
bus.registerObject("/org/freedesktop/Notifications", service, every)
bus.registerService("org.freedesktop.Notifications")
print("ready", flush=True)
app.exec()
"""
CLIENT = """
import asyncio, sys
import qasync
from PySide6.QtWidgets import QApplication
from app.shell.notify import BusWay
app = QApplication([])
loop = qasync.QEventLoop(app)
async def main():
    clicked, way = asyncio.Event(), BusWay()
    shown = await way.show("Alert (extreme)", "<b>5 < 6</b> & more", clicked.set)
    await asyncio.wait_for(clicked.wait(), 10)
    way.close()
    print("shown" if shown else "not shown", "clicked")
with loop:
    loop.run_until_complete(main())
"""


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="there is no dbus-daemon here")
def test_over_a_real_bus_the_text_is_escaped_and_the_click_comes_back() -> None:
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert daemon.stdout is not None
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": daemon.stdout.readline().strip(), "QT_QPA_PLATFORM": "offscreen"}
    service = subprocess.Popen([sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, text=True, env=environment)
    assert service.stdout is not None
    try:
        assert service.stdout.readline().strip() == "ready"
        client = subprocess.run([sys.executable, "-c", CLIENT], capture_output=True, text=True, env=environment, cwd=HOUSE, timeout=30, check=False)
        assert client.stdout.strip() == "shown clicked", client.stderr
        said = json.loads(service.stdout.readline())
        assert said == ["CityDeck", "Alert (extreme)", "&lt;b&gt;5 &lt; 6&lt;/b&gt; &amp; more", ["default", "Alert (extreme)"]]
    finally:
        for process in (service, daemon):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


# --- the real player, and what it needs ----------------------------------------------------------------------------------------------

WITHOUT_DEVICE = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.shell.sounding import SOUNDS, load_player, open_player
app = QApplication([])
assert "PySide6.QtMultimedia" not in sys.modules
assert open_player(lambda _file: None, lambda: None).fault == ""
assert "PySide6.QtMultimedia" not in sys.modules, "off screen nobody hears it"
failed = []
player = load_player(failed.append, lambda: None)
fault = player.fault
for _ in range(3):
    player.play(SOUNDS / "severity-1.wav", 0.5)
player.play(Path("/nowhere/at all.wav"), 0.5)
player.stop()
player.close()
print(json.dumps({"fault": fault, "kind": type(player).__name__, "failed": len(failed)}))
"""


def test_the_real_player_without_a_device_says_that_it_cannot(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PULSE", "PIPEWIRE"))},
        "PULSE_SERVER": f"unix:{tmp_path}/nothing", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", WITHOUT_DEVICE], capture_output=True, text=True, env=environment, cwd=HOUSE, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["kind"] in {"QtPlayer", "SilentPlayer"}
    assert said["fault"] == "no sound device was found" or said["fault"].startswith("a library is missing: lib")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.shell.player", None)
    player = load_player(lambda _file: None, lambda: None)
    assert player.fault.startswith("a library is missing: ")
    player.play(SOUNDS / "severity-1.wav", 1.0)
    player.stop()
    player.close()


def test_nothing_of_it_is_loaded_at_the_start() -> None:
    code = "import sys, app.shell.bootstrap, app.shell.sounding, app.shell.soundbox, app.shell.notify; print('PySide6.QtMultimedia' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HOUSE, timeout=60, check=False)
    assert done.stdout.strip() == "False", done.stderr


def from_packaging(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"citydeck_packaging_{name}", HOUSE / "packaging" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_tones_are_what_their_script_makes() -> None:
    sounds = from_packaging("sounds")
    heard: list[bytes] = []
    for severity, tone in sounds.TONES.items():
        file = SOUNDS / f"severity-{severity}.wav"
        assert file.stat().st_size < 100_000
        with wave.open(str(file), "rb") as kept:
            assert (kept.getnchannels(), kept.getsampwidth(), kept.getframerate()) == (1, 2, 44_100)
            raw = kept.readframes(kept.getnframes())
        made = sounds.samples(tone)
        assert np.abs(np.frombuffer(raw, "<i2").astype(np.int32) - made).max() <= 1, "another processor may round one step differently"
        assert len(made) / sounds.RATE * 1_000 < GAP_MS
        assert abs(int(made[0])) < 50 and not made[-100:].any(), "no click at either end"
        heard.append(raw)
    assert len(set(heard)) == 4
    strength = [float(np.abs(sounds.samples(tone)).max()) for tone in sounds.TONES.values()]
    assert strength == sorted(strength, reverse=True)


def test_every_library_that_sound_needs_has_its_package() -> None:
    system = from_packaging("system")
    packages = Path(importlib.util.find_spec("PySide6").origin).parents[1]  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType]
    needed = system.linked(packages, system.FOR_SOUND)
    assert "libpulse.so.0" in needed
    assert system.PACKAGE_OF["libpulse.so.0"] == ("libpulse0",)
    assert all(not lack.needed for lack in system.lacking_libraries(packages, system.FOR_SOUND, needed=False))
