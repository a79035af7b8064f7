"""The top and bottom bars of each seat: what the deck itself is up to, always in sight. They read the hub and do nothing but ask the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.actions.authority import covers
from app.citypack import CityPack
from app.domain.batch import LinkState
from app.domain.ids import AreaCode, Millis
from app.domain.role import ROLE_WORDS, SEAT_WORDS, Operator, Seat
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.live.hub import Hub
from app.qt.naming import alert_title, area_name
from app.qt.words import Words
from app.services.alarm_rate import AlarmRate
from app.services.reach import Reach
from app.shell import facts
from app.shell.barparts import Bar, BarItem, Ticker, TickerLine
from app.shell.keys import PALETTE
from app.shell.status import Part, Said, link_words, outbox_words, rate_words
from widgets.severity import SeverityCounts
from widgets.theme import Theme
from widgets.timeline import TimelineStrip

NEEDS = Topic.SECOND | Topic.LINK | Topic.ALERT | Topic.CASE | Topic.ACTION
_TICKER_LINES = 3


@dataclass(frozen=True)
class BarSources:
    """What the bars read."""

    city: CityPack
    hub: Hub
    theme: Theme
    words: Words
    seat: Seat
    now: Callable[[], Millis]
    outbox: Callable[[], Mapping[str, int]]
    """Commands by how far they have come: pending, sent, confirmed, refused."""
    operator: Callable[[], Operator | None]
    layout: Callable[[], tuple[str, bool]]
    """(name of the layout, whether it is locked)."""
    area: Callable[[], str | None]
    """Code of the selected area."""


class BarSignals(QObject):
    """What a person can ask for from the bars."""

    palette_asked = Signal()
    view_asked = Signal(QWidget)
    operator_asked = Signal(QWidget)
    area_asked = Signal(QWidget)
    panel_asked = Signal(str)
    severity_chosen = Signal(int)
    seek = Signal(int)
    live_asked = Signal()


class TopBar(Bar):
    """Common to all seats: the items, each kept up to date by `refresh`. A seat decides which stand where."""

    height_px = 48

    def __init__(self, sources: BarSources, asks: BarSignals) -> None:
        super().__init__(sources.theme, self.height_px)
        self.s = sources
        self.asks = asks
        theme, t = sources.theme, sources.words.t
        self.setAccessibleName(t(N_("Status of the desk")))
        self.simulated = BarItem(theme)
        self.simulated.say(t(N_("Simulated")))
        self.simulated.setToolTip(t(N_("What this desk shows is played by a simulation.")))
        self.link = BarItem(theme, reachable=True)
        self.link.clicked.connect(lambda: asks.panel_asked.emit("links"))
        self.clock = BarItem(theme, size=self.clock_px, boxed=False, steady=True)
        self.date = BarItem(theme, boxed=False)
        self.operator = BarItem(theme, reachable=True, boxed=False, size=15)
        self.operator.clicked.connect(lambda: asks.operator_asked.emit(self.operator))
        self.view = BarItem(theme, reachable=True)
        self.view.say(t(N_("View")), "quiet")
        self.view.clicked.connect(lambda: asks.view_asked.emit(self.view))
        self.search = BarItem(theme, reachable=True)
        self.search.set_icon("search")
        self.search.say(Said((Part(t(N_("Find / command")), "quiet"), Part(f"    {PALETTE.label}", "quiet")), 0, ""))
        self.search.clicked.connect(asks.palette_asked)
        self.arrange_items()
        for item in (self.simulated, self.link, self.clock, self.date, self.operator, self.view, self.search):
            if item.parentWidget() is None:
                item.setParent(self)
                item.hide()
        self.refresh(ChangeSet(NEEDS))
        theme.changed.connect(self._recolour)
        self._recolour()

    clock_px = 22

    def arrange_items(self) -> None:
        """Put the items in their places. Called once."""

    def refresh(self, change: ChangeSet) -> None:
        """Bring everything up to date that `change` touches."""
        s = self.s
        now = s.now()
        if change.topics & (Topic.SECOND | Topic.LINK):
            self.link.say(link_words(s.words, tuple(s.hub.links.values()), now))
            self.set_present(self.simulated, s.hub.simulated)
        if change.topics & Topic.SECOND:
            self.clock.say(s.words.clock(now, seconds=s.seat is not Seat.COCKPIT), "title", bold=True)
            self.date.say(s.words.date(now), "quiet")
        self.refit()

    def follow_operator(self) -> None:
        """Somebody else sits here."""
        operator = self.s.operator()
        if operator is None:
            self.operator.say(self.s.words.t(N_("Nobody signed in")), "quiet")
        else:
            self.operator.say(f"{operator.name} · {self.s.words.t(ROLE_WORDS[operator.role])}", "title")
        self.refit()

    def _recolour(self) -> None:
        self.simulated.set_mode(self.s.theme.tokens.simulated)

    def place(self) -> str:
        """City and seat."""
        return f"{self.s.words.text(self.s.city.name)} · {self.s.words.t(SEAT_WORDS[self.s.seat])}"


class DutyTopBar(TopBar):
    """The dispatcher's: everything about the load on this desk."""

    def arrange_items(self) -> None:
        theme, t = self.s.theme, self.s.words.t
        self._rate = AlarmRate(self.s.hub.alerts, self.s.city.rules.load, Reach(self.s.hub.alerts, self._areas, covers))
        product = BarItem(theme, size=19, boxed=False)
        product.say(t(N_("CityDeck")), "title", bold=True)
        place = BarItem(theme, boxed=False, size=15)
        place.say(self.place(), "quiet")
        self.rate = BarItem(theme, reachable=True)
        self.rate.clicked.connect(lambda: self.asks.panel_asked.emit("alerts"))
        self.waiting = BarItem(theme)
        self.outbox = BarItem(theme, reachable=True)
        self.outbox.clicked.connect(lambda: self.asks.panel_asked.emit("activity"))
        self.put(product, rank=3)
        self.put(place, rank=6)
        self.put(self.simulated)
        self.put(self.link)
        self.put(self.rate)
        self.put(self.waiting, rank=1)
        self.put(self.outbox, rank=4)
        self.space()
        self.put(self.search, rank=5)
        self.put(self.view, rank=2)
        self.put(self.operator)
        self.put(self.clock)
        self.put(self.date, rank=7)

    def refresh(self, change: ChangeSet) -> None:
        s = self.s
        if change.topics & (Topic.SECOND | Topic.ALERT):
            rate, load = self._rate.read(s.now())
            self.rate.say(rate_words(s.words, rate, load, self._rate.figures))
            waiting = s.hub.alerts.unacknowledged()
            parts = (Part(s.words.t(N_("Unhandled")) + " "), Part(s.words.number(waiting), bold=True))
            self.waiting.say(Said(parts, 0, s.words.t(N_("Alerts that nobody has acknowledged yet."))))
        if change.topics & (Topic.SECOND | Topic.ACTION):
            self.outbox.say(outbox_words(s.words, s.outbox()))
        super().refresh(change)

    def _areas(self) -> tuple[AreaCode, ...]:
        operator = self.s.operator()
        return operator.areas if operator is not None else ()


class WallTopBar(TopBar):
    """For a room: who we are, how bad it is, what time it is. No buttons that nobody could reach."""

    height_px = 52
    clock_px = 28

    def arrange_items(self) -> None:
        theme, t = self.s.theme, self.s.words.t
        name = BarItem(theme, size=22, boxed=False)
        name.say(t(N_("{city} City Brain"), city=self.s.words.text(self.s.city.name)), "title", bold=True)
        self.counts = SeverityCounts(theme, size=18)
        self.counts.setFocusPolicy(self.link.focusPolicy())
        self.counts.chosen.connect(self.asks.severity_chosen)
        self.cases = BarItem(theme)
        self.put(name)
        self.put(self.simulated)
        self.space()
        self.put(self.counts)
        self.put(self.cases, rank=3)
        self.put(self.link)
        self.put(self.view, rank=4)
        self.put(self.date, rank=5)
        self.put(self.clock)

    def refresh(self, change: ChangeSet) -> None:
        s = self.s
        if change.topics & (Topic.SECOND | Topic.ALERT):
            self.counts.set_counts(facts.standing(s.hub.alerts))
        if change.topics & (Topic.SECOND | Topic.CASE):
            counts = facts.case_counts(s.hub, s.now())
            late = Part(s.words.number(counts.overdue), "3" if counts.overdue else "quiet", bold=counts.overdue > 0)
            total = Part(s.words.number(counts.open), "title", bold=True)
            self.cases.say(Said((Part(s.words.t(N_("Open cases")) + " "), total, Part(" · " + s.words.t(N_("overdue")) + " "), late)))
        super().refresh(change)


class CockpitTopBar(TopBar):
    """For reading: the city, an area, a question, the time."""

    def arrange_items(self) -> None:
        theme = self.s.theme
        name = BarItem(theme, size=18, boxed=False)
        brain = self.s.words.t(N_("{city} City Brain"), city=self.s.words.text(self.s.city.name))
        name.say(f"{brain} · {self.s.words.t(SEAT_WORDS[self.s.seat])}", "title", bold=True)
        self.area = BarItem(theme, reachable=True)
        self.area.clicked.connect(lambda: self.asks.area_asked.emit(self.area))
        self.put(name)
        self.put(self.simulated)
        self.put(self.link)
        self.put(self.area, rank=2)
        self.space()
        self.put(self.search, rank=4)
        self.put(self.view, rank=3)
        self.put(self.operator)
        self.put(self.clock)
        self.put(self.date, rank=5)

    def refresh(self, change: ChangeSet) -> None:
        s = self.s
        code = s.area()
        area = s.city.areas.get(code) if code is not None else None  # pyright: ignore[reportArgumentType, reportCallIssue]
        self.area.say(s.words.t(N_("Whole city")) if area is None or area.code == s.city.root else s.words.text(area.name))
        super().refresh(change)


class DutyBottomBar(Bar):
    """The last hour as a place, and which layout this is."""

    def __init__(self, sources: BarSources, asks: BarSignals) -> None:
        super().__init__(sources.theme, 42, line_on_top=True)
        self.s = sources
        t = sources.words.t
        self.strip = TimelineStrip(sources.theme, lambda ms: sources.words.clock(ms, seconds=False))
        self.strip.setAccessibleName(t(N_("The last hour")))
        self.strip.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.strip.set_mode("live", t(N_("Live")))
        self.strip.seek.connect(asks.seek)
        self.strip.live_asked.connect(asks.live_asked)
        self.layout_name = BarItem(sources.theme, boxed=False, reachable=True)
        self.layout_name.clicked.connect(lambda: asks.view_asked.emit(self.layout_name))
        self.put(self.strip, 1)
        self.put(self.layout_name)
        self.follow_layout()
        self.refresh(ChangeSet(NEEDS))

    def refresh(self, change: ChangeSet) -> None:
        """Once a second the hour moves on."""
        if change.topics & Topic.SECOND:
            now = self.s.now()
            self.strip.set_window(now - facts.HOUR_MS, now)
            times, severities = facts.last_hour(self.s.hub.alerts, now)
            self.strip.set_marks(times, severities.astype(np.int64))
        if change.topics & (Topic.SECOND | Topic.LINK):
            self._follow_links()

    def _follow_links(self) -> None:
        """Green is said only while something live comes in; else the marker stands where the data ended."""
        t, links = self.s.words.t, self.s.hub.links.values()
        live = any(link.state is LinkState.LIVE for link in links)
        if (self.strip.mode == "live") is not live:
            self.strip.set_mode("live" if live else "waiting", t(N_("Live")) if live else t(N_("No live data")))
        self.strip.set_now(None if live else max((link.last_record_at or 0 for link in links), default=0) or None)

    def follow_layout(self) -> None:
        """Another layout, or it was locked."""
        self.layout_name.say(layout_said(self.s))
        self.refit()


class WallBottomBar(Bar):
    """The three worst that nobody has acknowledged, as text."""

    def __init__(self, sources: BarSources, asks: BarSignals) -> None:
        super().__init__(sources.theme, 40, line_on_top=True)
        self.s = sources
        self.ticker = Ticker(sources.theme)
        self.layout_name = BarItem(sources.theme, boxed=False)
        self.layout_name.clicked.connect(lambda: asks.view_asked.emit(self.layout_name))
        self.put(self.ticker, 1)
        self.put(self.layout_name, rank=1)
        self.follow_layout()
        self.refresh(ChangeSet(NEEDS))

    def refresh(self, change: ChangeSet) -> None:
        """What is worst now."""
        s = self.s
        if change.topics & (Topic.SECOND | Topic.ALERT):
            worst = facts.worst_waiting(s.hub.alerts, _TICKER_LINES)
            lines = [TickerLine(int(a.severity), f"{area_name(s.city, s.words, a.area)} {alert_title(s.words, a)}") for a in worst]
            self.ticker.say(lines, s.words.t(N_("Nothing waits for acknowledgement.")))

    def follow_layout(self) -> None:
        """Another layout, or it was locked."""
        self.layout_name.say(layout_said(self.s))
        self.refit()


def layout_said(s: BarSources) -> Said:
    """Name and lock of the layout."""
    name, locked = s.layout()
    state = s.words.t(N_("locked")) if locked else s.words.t(N_("free"))
    return Said((Part(s.words.t(N_("Layout")) + " ", "quiet"), Part(s.words.t(name)), Part(f" · {state}", "quiet")))


TOP_BARS: dict[Seat, type[TopBar]] = {Seat.DUTY: DutyTopBar, Seat.WALL: WallTopBar, Seat.COCKPIT: CockpitTopBar}
BOTTOM_BARS: dict[Seat, type[DutyBottomBar] | type[WallBottomBar] | None] = {Seat.DUTY: DutyBottomBar, Seat.WALL: WallBottomBar, Seat.COCKPIT: None}
