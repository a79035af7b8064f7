"""What the bars say about the deck itself, in words: links, alarm rate, outbox. Knows no widget, so that it can be tested by reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.batch import LinkReport, LinkState
from app.domain.ids import Millis
from app.domain.rule import AlarmLoad
from app.domain.text import N_
from app.qt.naming import source_name
from app.qt.words import Words
from app.services.alarm_rate import LOAD_WORDS, STANDARD, Load

_RANK = (LinkState.LIVE, LinkState.CONNECTING, LinkState.STALLED, LinkState.DOWN, LinkState.REFUSED)
_SEVERITY = {LinkState.LIVE: 0, LinkState.CONNECTING: 0, LinkState.STALLED: 3, LinkState.DOWN: 2, LinkState.REFUSED: 2}
_SLOW_TO_CONNECT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a chip's text. `tone`: "ink", "quiet", "live", or a severity "1"…"4"."""

    text: str
    tone: str = "ink"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a chip says. `severity` 0: nothing is wrong, no symbol; else its shape and colour."""

    parts: tuple[Part, ...] = ()
    severity: int = 0
    explains: str = ""
    """For the tooltip, and for a screen reader."""

    @property
    def text(self) -> str:
        """The chip in one line."""
        return "".join(p.text for p in self.parts)


def worst_of(links: Sequence[LinkReport]) -> LinkReport | None:
    """The link in the worst shape; of equals, the one that has been so the longest."""
    return max(links, key=lambda link: (_RANK.index(link.state), -link.since), default=None)


def link_words(words: Words, links: Sequence[LinkReport], now: Millis) -> Said:
    """The link chip: state, delay or how long it has been wrong, in words and by severity."""
    worst = worst_of(links)
    if worst is None:
        return Said((Part(words.t(N_("No platform")), "quiet"),), 0, words.t(N_("This desk has no source of data.")))
    name = _name(words, worst, links)
    span = words.span(now - worst.since)
    if worst.state is LinkState.LIVE:
        delays = [link.delay_ms for link in links if link.delay_ms is not None]
        parts = [Part(words.t(N_("{name} normal"), name=name) if len(links) == 1 else words.t(N_("{n} links normal"), n=len(links)))]
        if delays:
            parts.append(Part(" · " + words.t(N_("{n} ms"), n=f"{max(delays):.0f}"), "quiet"))
        return Said(tuple(parts), 0, words.t(N_("Every link is live.")))
    if worst.state is LinkState.CONNECTING:
        severity = 4 if now - worst.since > _SLOW_TO_CONNECT_MS else 0
        return Said(
            (Part(words.t(N_("{name} connecting {span}"), name=name, span=span), str(severity) if severity else "quiet"),),
            severity,
            banner_words(words, links, now),
        )
    severity = _SEVERITY[worst.state]
    said = {
        LinkState.STALLED: N_("{name} silent {span}"),
        LinkState.DOWN: N_("{name} down {span}"),
        LinkState.REFUSED: N_("{name} refuses this desk"),
    }[worst.state]
    parts = (Part(words.t(said, name=name, span=span), str(severity), bold=True), Part(" · " + words.t(N_("figures are getting old"))))
    return Said(parts, severity, banner_words(words, links, now))


def banner_words(words: Words, links: Sequence[LinkReport], now: Millis) -> str:
    """What a broken link means for the person at the desk, and since when; "" where no link is broken."""
    worst = worst_of(links)
    if worst is None or worst.state in (LinkState.LIVE, LinkState.CONNECTING):
        return ""
    name, since = _name(words, worst, links), words.clock(worst.since)
    if worst.state is LinkState.STALLED:
        return words.t(
            N_("{name} is connected but has said nothing since {since}. Figures stay as they were; what you do is kept and sent."),
            name=name,
            since=since,
        )
    if worst.state is LinkState.REFUSED:
        return words.t(
            N_("{name} has refused this desk since {since} ({why}). It is not tried again until its address or key is changed."),
            name=name,
            since=since,
            why=words.detail(worst.detail) or "—",
        )
    return words.t(
        N_("{name} has been out of reach since {since}. Figures stay as they were; what you do is kept and sent when it is back."),
        name=name,
        since=since,
    )


def rate_words(words: Words, rate: int, load: Load, figures: AlarmLoad = STANDARD) -> Said:
    """The alarm-rate chip: the rate, always beside the figures of quiet and of flood."""
    tone = {Load.QUIET: "ink", Load.BUSY: "ink", Load.FLOOD: "2"}[load]
    minutes = figures.window_ms // 60_000
    parts = (
        Part(words.t(N_("Alerts")) + " "),
        Part(words.number(rate), tone, bold=True),
        Part(" " + words.t(N_("/ {n} min"), n=minutes) + " · ", "quiet"),
        Part(words.t(LOAD_WORDS[load]), tone if load is Load.FLOOD else "quiet"),
        Part(f" ({figures.quiet}–{figures.flood_entry})", "quiet"),
    )
    explains = words.t(
        N_("New alerts in the last {n} minutes. About {quiet} is calm; above {entry} is a flood until fewer than {exit} (ISA-18.2)."),
        n=minutes,
        quiet=figures.quiet,
        entry=figures.flood_entry,
        exit=figures.flood_exit,
    )
    return Said(parts, 0, explains)


def outbox_words(words: Words, counts: Mapping[str, int]) -> Said:
    """The outbox chip. `counts`: commands that are pending, sent, confirmed, refused."""
    parts = [
        _counted(words, N_("to send"), counts.get("pending", 0)),
        Part(" · ", "quiet"),
        _counted(words, N_("awaiting"), counts.get("sent", 0)),
        Part(" · ", "quiet"),
        _counted(words, N_("confirmed"), counts.get("confirmed", 0)),
    ]
    refused = counts.get("refused", 0)
    if refused:
        parts += [Part(" · ", "quiet"), Part(f"{words.t(N_('refused'))} {words.number(refused)}", "2", bold=True)]
    explains = words.t(
        N_("What was decided at this desk: on disk and not sent yet, sent and not answered yet, confirmed by the platform, refused by it.")
    )
    return Said(tuple(parts), 0, explains)


def _counted(words: Words, phrase: str, count: int) -> Part:
    return Part(f"{words.t(phrase)} {words.number(count)}")


def _name(words: Words, link: LinkReport, links: Sequence[LinkReport]) -> str:
    return words.t(N_("Platform")) if len(links) == 1 else source_name(words, link.name)
