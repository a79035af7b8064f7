"""The one place that knows everything: builds the parts of a desk, connects them, and takes them apart again in order.

A desk is an object, so that a test can sit three of them at one city. Only `run` touches what a process has once: Qt's application,
the event loop, the crash path, the log.
"""

from __future__ import annotations

import asyncio
import locale
import os
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import qasync
from PySide6.QtCore import QCoreApplication, QLibraryInfo, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.actions.authority import covers
from app.actions.clerk import Clerk
from app.actions.desk import ActionDesk
from app.actions.outbox import Outbox
from app.actions.session import Session
from app.actions.spec import verb_words
from app.citypack import CityPack, find_cities, load_city
from app.domain.alert import Alert
from app.domain.batch import Batch, LinkReport, Source
from app.domain.command import Answer, Command, CommandState, MoveAlerts
from app.domain.errors import DeckError
from app.domain.ids import AlertId, AreaCode, Millis, SourceName
from app.domain.role import Operator, Role, Seat
from app.domain.rule import Rules
from app.domain.text import N_
from app.journal import Journal
from app.journal.journal import wall_clock
from app.live.hub import Hub
from app.qt.collector import Collector
from app.qt.focus import Focus
from app.qt.frame import FrameClock
from app.qt.tasks import Tasks
from app.qt.words import Words
from app.services.flood import Episode, FloodWatch
from app.services.reach import Reach
from app.shell.capture import capture
from app.shell.crash import CrashPath, LastRun
from app.shell.demo_process import DemoProcess
from app.shell.logs import close_log, open_log
from app.shell.notices import Notice
from app.shell.notify import BusWay, Notifier, TrayWay, WindowWay, bring_to_front, is_in_front
from app.shell.options import DeskOptions
from app.shell.overlay import Overlay
from app.shell.panels import find_panels
from app.shell.report import Meter
from app.shell.ruling import Ruling
from app.shell.seats import usual_scale, usually_dark
from app.shell.settings import WrittenBehind
from app.shell.sounding import Sounding
from app.shell.watch import Watch
from app.shell.window import DeskPieces, DeskWindow
from datasources.links import open_source
from widgets.icons import icon
from widgets.theme import Theme

DEMO_OPERATORS: dict[Seat, Operator] = {
    Seat.DUTY: Operator(id="wanglei", name="王磊", role=Role.DUTY_OFFICER),
    Seat.WALL: Operator(id="zhangying", name="张颖", role=Role.OPERATOR),
    Seat.COCKPIT: Operator(id="lilan", name="李岚", role=Role.LEADER),
}
"""Who sits at each seat of a demo. Only a demo signs anybody in by itself, and the journal says that it did."""

SETTLED_NS = 2_000_000_000
"""So long after the first live frame the snapshot is in, every panel has been drawn once, and the gauges begin."""

KEPT_FLOODS_MS = 7 * 24 * 3_600_000
"""Floods of so long are read back from the journal at the start."""
_PREFERENCES = "desk.preferences"


class Preferences(msgspec.Struct):
    """What a desk remembers between runs, beside its layouts."""

    lang: str = ""
    theme: str = ""
    connect: list[str] = []
    desk: str = ""
    texts: dict[str, str] = {}
    """Layouts, panels' mementos and the like, by key."""


class DeskDoor:
    """The way in to one desk: who may sign in, by the journal."""

    def __init__(self, journal: Journal, actions: ActionDesk) -> None:
        self._journal = journal
        self._actions = actions

    def operators(self) -> Awaitable[list[Operator]]:
        return self._journal.operators()

    async def add_first(self, operator: Operator, password: str) -> None:
        if await self._journal.operators():
            raise DeckError(N_("There is an operator already."), remedy=N_("Sign in."))
        await self._journal.add_operator(operator, password, who=self._actions.session.who)

    def sign_in(self, operator_id: str, password: str) -> Awaitable[Operator | None]:
        return self._actions.sign_in(operator_id, password)


class DeskSink:
    """Where the sources of one desk put what they have: records to the hub, what concerns commands to the outbox too."""

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self._hub = hub
        self._outbox = outbox

    def batch(self, batch: Batch) -> None:
        self._hub.batch(batch)

    def link(self, report: LinkReport) -> None:
        self._hub.link(report)
        self._outbox.link(report)

    def answer(self, answer: Answer) -> None:
        self._outbox.answer(answer)


class Desk:
    """One running desk. `open` builds and shows it, `close` takes it apart; both on the event loop's thread."""

    def __init__(self, options: DeskOptions, city_process: DemoProcess | None = None) -> None:
        self.options = options
        self._city_process = city_process
        self._undo: list[Callable[[], object]] = []
        self.sources: list[Source] = []
        self.closed = asyncio.Event()
        """Set when the person has closed the window."""

    async def open(self) -> None:
        """Build the desk and show its window; sources start to run. Raises DeckError where the pack or the journal cannot be used."""
        options = self.options
        opening = Journal.opening(options.data, options.db)
        try:
            self.city = city_of(options.city)
        finally:
            self.journal = await asyncio.wrap_future(opening)
        try:
            await self._build()
        except BaseException:
            await asyncio.to_thread(self.journal.close)
            raise

    async def _build(self) -> None:
        options = self.options
        self.preferences = _preferences(await self.journal.get_setting(_PREFERENCES))
        self.preferences.desk = self.preferences.desk or uuid.uuid4().hex[:8]
        self.theme = Theme(dark=self._dark(), scale=usual_scale(options.seat, self._screen_height()))
        self.hub = Hub(self.city, wall_clock)
        self.session = Session(seat=options.seat, desk=self.preferences.desk)
        self.outbox = Outbox(self.journal, self.hub, now=wall_clock, call_later=asyncio.get_running_loop().call_later)
        self.actions = ActionDesk(self.journal, self.hub, self.session, self.outbox, now=wall_clock, routes=self._route, city=self.city.root)
        self.frames = FrameClock(self.hub)
        self.focus = Focus()
        self.tasks = Tasks(self.tell)
        self.settings = WrittenBehind(self.preferences.texts, lambda key, text: self._keep())
        self._undo.append(self.actions.subscribe(self._command_changed))
        self._undo.append(self.actions.subscribe_entries(lambda _entry: self.hub.touch_actions()))
        await self.actions.start()
        reach = Reach(self.hub.alerts, self._areas, covers)
        self.floods = FloodWatch(self.hub.alerts, self.city.rules.load, reach)
        self.clerk = Clerk(self.journal, self.session, now=wall_clock, call_later=asyncio.get_running_loop().call_later, told=self.tell)
        self.watch = Watch(self.hub, self.city, self.floods, self.clerk, wall_clock, self._escalated)
        self.ruling = Ruling(
            self.hub,
            self.city,
            get=self.journal.get_setting,
            put=self.journal.set_setting,
            now=wall_clock,
            tasks=self.tasks,
            tell=self.tell,
            note=self.clerk.note,
        )
        self._undo.append(self.ruling.subscribe(self._use_rules))
        self.sounding = self._make_sounding()
        self.window = self._make_window(options.lang or self.preferences.lang or _system_language())
        self.notifier = self._make_notifier()
        self.meter = Meter(self.city, self.hub, self.frames.gauges, options.seat, self.window.words.lang, self.outbox_counts)
        self.overlay = Overlay(self.window, self.theme, shown=options.overlay)
        self._show()
        self.frames.start()
        await self._sit_down()
        self._tell_findings()
        self.tasks.start(self._watch(), "watch")
        self.ruling.start()
        self._connect()

    async def close(self) -> None:
        """Sources, tasks, journal: in this order, each with a deadline."""
        self.frames.stop()
        self.ruling.stop()
        self.notifier.close()
        self.sounding.teardown()
        await self.tasks.close()
        await self.clerk.close()
        await self.actions.close()
        for undo in self._undo:
            undo()
        self.window.teardown()
        self.window.close()
        self.window.deleteLater()
        self.preferences.texts = self.settings.texts
        await self.journal.set_setting(_PREFERENCES, msgspec.json.encode(self.preferences).decode())
        await asyncio.to_thread(self.journal.close)
        if self._city_process is not None:
            await asyncio.to_thread(self._city_process.stop)

    def tell(self, error: DeckError) -> None:
        """Show an operator's error."""
        self.window.tell(error)

    def outbox_counts(self) -> dict[str, int]:
        """Commands by how far they have come."""
        counts = self.outbox.counts
        return {
            "pending": self.outbox.unsent,
            "sent": self.outbox.unanswered - self.outbox.unsent,
            "confirmed": counts.confirmed,
            "refused": counts.refused,
            "kept": counts.kept,
        }

    # --- inside -------------------------------------------------------------------------------------------------------------

    def _command_changed(self, state: CommandState) -> None:
        """A command has come further. A refusal is told: what was shown as done falls back, and whoever gave it has long looked elsewhere."""
        self.hub.touch_actions()
        if state.state != "refused":
            return
        words = self.window.words
        entry = next((e for e in reversed(self.actions.recent) if e.key == state.key and e.verb != "answer"), None)
        what = " · ".join(part for part in (words.t(verb_words(entry)), words.text(entry.title) or entry.target) if part) if entry else state.key
        self.window.tell(Notice(words.t(N_("Refused: {what} · {reason}"), what=what, reason=words.text(state.reason)), 3))

    def _use_rules(self, rules: Rules) -> None:
        """The pack's rules have been read anew."""
        self.floods.figures = rules.load
        self.watch.use(rules)
        self.hub.use_rules(rules)

    def _make_sounding(self) -> Sounding:
        sounding = Sounding(
            self.hub.alerts,
            self.settings,
            now=wall_clock,
            note=lambda action, target, comment: self.actions.note(action, target, comment=comment),
            by_clock=lambda verb, target, comment: self.clerk.note(verb, target, comment=comment),
            tell=self.tell,
            escalated=lambda: np.flatnonzero(self.hub.alerts.level > 0),
        )
        sounding.changed.connect(lambda: self.focus.say_muted(sounding.state.unheard))
        self._undo.append(self.frames.subscribe(sounding.frame))
        return sounding

    def _make_notifier(self) -> Notifier:
        notifier = Notifier(
            self.hub.alerts,
            self.city,
            lambda: self.window.words,
            now=wall_clock,
            in_front=lambda: is_in_front(self.window),
            clicked=self._called_back,
            start=self.tasks.start,
            ways=(BusWay(), TrayWay(lambda: icon("bell", self.theme)), WindowWay(lambda: self.window)),
        )
        self.sounding.came.connect(notifier.came)
        self._undo.append(self.frames.subscribe(notifier.frame))
        return notifier

    def _called_back(self, alert: AlertId) -> None:
        """A notification was clicked on."""
        bring_to_front(self.window)
        self.window.show_panel("alerts")
        self.focus.select_alert(alert)

    def _areas(self) -> tuple[AreaCode, ...]:
        """Whom the alarm load of this desk burdens: the areas of who sits here; empty: the whole city."""
        operator = self.session.operator
        return operator.areas if operator is not None else ()

    async def _watch(self) -> None:
        self.floods.restore(await self._kept_floods())
        await self.watch.run()

    async def _kept_floods(self) -> list[Episode]:
        """The floods of the last days, as the journal has them."""
        since = Millis(wall_clock() - KEPT_FLOODS_MS)
        entries = [entry async for entry in self.journal.iter_entries(since) if entry.verb in ("flood_began", "flood_ended")]
        return [msgspec.json.decode(entry.detail, type=Episode) for entry in entries if entry.detail]

    def _escalated(self, alerts: list[Alert]) -> None:
        """Nobody has taken note of these for too long: whoever sits at this desk hears of it, whatever they look at."""
        words = self.window.words
        title = words.text(alerts[0].title)
        phrase = N_("Nobody has acknowledged this yet: {title}") if len(alerts) == 1 else N_("Nobody has acknowledged {n} alerts yet: {title} …")
        self.window.tell(Notice(words.t(phrase, n=len(alerts), title=title), int(alerts[0].severity)))

    def _make_window(self, lang: str) -> DeskWindow:
        words = Words(lang, self.city.zone)
        speak_qt(lang)
        pieces = DeskPieces(
            self.city, self.hub, self.actions, self.focus, self.frames, self.theme, words, self.tasks, wall_clock, self.options.seat,
            DeskDoor(self.journal, self.actions), self.outbox_counts, self.floods, self.sounding,
        )  # fmt: skip
        window = DeskWindow(pieces, find_panels(), self.settings)
        window.resize(*self.options.size)
        window.language_asked.connect(self._change_language)
        window.closing.connect(self.closed.set)
        window.seek.connect(self._select_near)
        window.start()
        return window

    def _select_near(self, at: int) -> None:
        """A moment on the time strip was pointed at: select the alert that began nearest to it."""
        began = self.hub.alerts.at
        if len(began):
            alert = self.hub.alerts.at_row(int(np.abs(began - at).argmin()))
            self.focus.select_alert(alert.id)
            self.focus.select_case(alert.case)

    def _show(self) -> None:
        """A desk takes the whole screen, a wall without any frame; a picture takes the size that was asked for."""
        if self.options.screenshot is not None:
            self.window.show()
        elif self.options.seat is Seat.WALL:
            self.window.showFullScreen()
        else:
            self.window.showMaximized()

    def _change_language(self, lang: str) -> None:
        """Words stand in every panel, so the window is made anew; everything else goes on."""
        old = self.window
        old.closing.disconnect(self.closed.set)
        geometry = old.saveGeometry()
        old.teardown()
        self.preferences.lang = lang
        self.window = self._make_window(lang)
        self.window.restoreGeometry(geometry)
        self.overlay = Overlay(self.window, self.theme, shown=self.overlay.isVisible())
        self.window.show()
        old.close()
        old.deleteLater()
        self._keep()

    async def _sit_down(self) -> None:
        """A demo signs its own people in and writes that down; anybody else comes in by the sign-in page."""
        if not self.options.demo:
            self.window.show_sign_in()
            return
        operator = DEMO_OPERATORS[self.options.seat]
        self.session.change(operator)
        await self.actions.note("sign_in", operator.id, comment=self.window.t(N_("demo: signed in by itself")))

    def _tell_findings(self) -> None:
        if self.journal.warning is not None:
            self.window.tell(self.journal.warning)
        for fault in self.city.faults[:3]:
            self.window.tell(DeckError(fault.what, where=f"{fault.file}:{fault.line}", remedy=fault.remedy))

    def _connect(self) -> None:
        """Begin with every source that was asked for."""
        if self._city_process is not None:
            self.tasks.start(self._connect_demo(self._city_process), "connect demo")
        asked = list(self.options.connect)
        if not asked and not self.options.demo:
            asked = self.preferences.connect
            if not asked:
                self.window.tell(
                    DeckError(
                        N_("This desk has no source of data."), remedy=N_("Start it with --demo, or with --connect wss://… once; it is remembered.")
                    )
                )
        token = _token(self.options)
        for spec in asked:
            try:
                self.add_source(spec, token=token)
            except DeckError as error:
                self.tell(error)  # one source that cannot be had is no reason to be without the others
        if self.options.connect and not self.options.demo:
            self.preferences.connect = asked

    async def _connect_demo(self, process: DemoProcess) -> None:
        url = await asyncio.to_thread(process.address)
        self.add_source(url, token=process.token, name="demo")

    def add_source(self, spec: str, *, token: str | None = None, name: str = "") -> None:
        """Connect to one more source. Raises DeckError where the address cannot be used."""
        source = open_source(
            spec,
            desk=self.preferences.desk,
            city=self.city,
            now=wall_clock,
            token=token,
            ca=self.options.ca,
            name=name,
            taken=[s.name for s in self.sources],
        )
        self.sources.append(source)
        self._undo.append(self.outbox.attach(source.name, source.send))
        self.tasks.start(source.run(DeskSink(self.hub, self.outbox)), f"source {source.name}")

    def _route(self, command: Command) -> SourceName | None:
        """Where a command goes: an alert's to the link it came by, a case's to the platform that keeps the cases. None: nobody takes it."""
        act = command.act
        alert = self.hub.alerts.get(act.alerts[0]) if isinstance(act, MoveAlerts) and act.alerts else None
        source = alert.source if alert is not None else None
        link = self.hub.command_link(source)
        if link is not None:
            return link.name
        if source is not None:
            return None
        # No platform has been reached yet: the first that can take commands will get it.
        return next((s.name for s in self.sources if not s.name.startswith("cap:")), None)

    def _keep(self) -> None:
        self.preferences.texts = self.settings.texts
        self.tasks.start(self.journal.set_setting(_PREFERENCES, msgspec.json.encode(self.preferences).decode()), "keep settings")

    def _dark(self) -> bool:
        wanted = self.options.theme or self.preferences.theme
        return wanted == "dark" if wanted else usually_dark(self.options.seat)

    def _screen_height(self) -> int:
        if self.options.screenshot is not None:
            return self.options.size[1]
        return QGuiApplication.primaryScreen().size().height()


def run(options: DeskOptions, city_process: DemoProcess | None) -> int:
    """Run one desk until it is closed; the process's exit code."""
    options.data.mkdir(parents=True, exist_ok=True)
    crash = CrashPath(options.data, last_lines=(log := open_log(options.data)).lines)
    last = crash.install()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("CityDeck")
    app.setQuitOnLastWindowClosed(False)
    loop = cast("asyncio.AbstractEventLoop", qasync.QEventLoop(app))
    asyncio.set_event_loop(loop)
    crash.watch(loop)
    try:
        return loop.run_until_complete(_live(options, city_process, crash, last))
    finally:
        loop.close()
        if city_process is not None:
            city_process.stop()
        crash.remove()
        close_log()
        del log


async def _live(options: DeskOptions, city_process: DemoProcess | None, crash: CrashPath, last: LastRun) -> int:
    desk = Desk(options, city_process)
    collector = Collector()
    collector.start()
    await desk.open()
    collector.keep()
    crash.told = desk.tell
    crash.on_crash = desk.window.show_crash
    if not last.ended_well:
        desk.window.tell_last_crash(last.reports[-1] if last.reports else None)
    desk.tasks.start(_meter(desk), "meter")
    for name in (signal.SIGINT, signal.SIGTERM):
        # The event loop's beat lets Python see the signal within some milliseconds.
        signal.signal(name, lambda _number, _frame: desk.closed.set())
    try:
        if options.screenshot is not None:
            await asyncio.sleep(options.after)
            await capture(options.screenshot, desk.window, desk.window.docks, desk.meter, wall_clock())
        else:
            await desk.closed.wait()
    finally:
        await desk.close()
        collector.stop()
    return 0


async def _meter(desk: Desk) -> None:
    """Once a second: bring the rates up to date, and say so where somebody asked for it."""
    gauges, settled = desk.frames.gauges, False
    while True:
        await asyncio.sleep(1.0)
        desk.meter.tick()
        if not settled and gauges.first_live_ns and time.perf_counter_ns() - gauges.first_live_ns > SETTLED_NS:
            # The start has a figure of its own (start_ms); from here on the gauges tell how the desk runs.
            settled = True
            gauges.reset()
        desk.overlay.tell(desk.meter.gauge_lines())
        if desk.options.progress:
            sys.stdout.write(desk.meter.line() + "\n")
            sys.stdout.flush()


def speak_qt(lang: str) -> None:
    """Qt's own few words (the menu of a text field, a file dialog) in `lang` too. English is what it speaks by itself."""
    app = QCoreApplication.instance()
    if app is None:
        return
    for old in app.findChildren(QTranslator):
        app.removeTranslator(old)
        old.deleteLater()
    translator = QTranslator(app)
    if translator.load(f"qtbase_{lang}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)


def city_of(name: str) -> CityPack:
    """The city pack called `name`, or in the folder `name`. Raises DeckError."""
    cities = find_cities()
    if name in cities:
        return load_city(cities[name])
    if Path(name).is_dir():
        return load_city(Path(name))
    raise DeckError(f"there is no city {name!r}", where="--city", remedy="choose one of " + ", ".join(cities))


def _preferences(text: str | None) -> Preferences:
    """What was kept; anew where it cannot be read, since a desk that does not open over a setting is worse than one without it."""
    try:
        return msgspec.json.decode(text, type=Preferences) if text else Preferences()
    except msgspec.MsgspecError:
        return Preferences()


def _system_language() -> str:
    return "en" if (locale.getlocale()[0] or os.environ.get("LANG", "")).startswith("en") else "zh_CN"


def _token(options: DeskOptions) -> str | None:
    """The platform's token, from a file or the environment: never from the command line, where everybody on the machine could read it."""
    if options.token_file is None:
        return os.environ.get("CITYDECK_TOKEN")
    try:
        return options.token_file.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise DeckError("the token cannot be read", where=str(options.token_file), remedy=str(fault.strerror)) from fault
