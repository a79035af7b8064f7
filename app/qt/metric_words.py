"""The alarm figures in words: each with its goal beside it, for the screen and for a table. It computes none of them and knows no panel."""

from __future__ import annotations

from collections.abc import Iterator

from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.ids import AlertKindId, Millis
from app.domain.severity import SEVERITY_WORDS, Severity
from app.domain.text import N_
from app.live.alerts import AlertStore
from app.live.folds import CHATTER_COUNT
from app.qt.naming import alert_title, alert_where, area_name
from app.qt.words import UNKNOWN, Words
from app.services.csv_cells import Cell
from app.services.flood import Episode, PlaceShare
from app.services.metrics import FLOOD_TARGET, PRIORITY_OF, PRIORITY_TARGETS, PRIORITY_WORDS, WINDOW_WORDS, Handling, Metrics, Priority
from widgets.bars import RankRow
from widgets.fact_table import FactRow
from widgets.goals import GoalFigure
from widgets.rows import RowFace
from widgets.share_bars import ShareRow

MOST_STANDING = 5
"""More alerts than this that are active for a day, and somebody should do something about them (ISA-18.2)."""
MOST_TOP = 0.05
"""Share of all alerts that the ten most frequent kinds may have (ISA-18.2)."""
_FAR_OFF = 0.05
"""A priority's share may lie so far from its goal."""
_MISSED, _FLOOD = 3, 2


class MetricWords:
    """Says one city's figures in one language."""

    def __init__(self, city: CityPack, words: Words) -> None:
        self._city = city
        self._words = words
        self.load = city.rules.load
        """The figures of calm and flood; set anew when the rules are."""

    def kind(self, kind: AlertKindId) -> str:
        """The kind's name; its id where the pack does not know it."""
        known = self._city.alert_kinds.get(kind)
        return self._words.text(known.name) if known is not None else kind

    def percent(self, share: float | None) -> str:
        """A share of 0…1 in percent, the finer the smaller it is: what lies just below a goal of 1 % must not look like it."""
        if share is None:
            return UNKNOWN
        said = self._words.number(share * 100, 0 if share >= 0.1 else 1 if share >= 0.02 else 2)
        return f"{said.rstrip('0').rstrip('.') if '.' in said else said} %"

    def span(self, ms: int | None) -> str:
        """A length of time, or that it is not known."""
        return UNKNOWN if ms is None else self._words.span(ms)

    # --- the screen ----------------------------------------------------------------------------------------------------------

    def figures(self, m: Metrics) -> list[GoalFigure]:
        """The fields of AlarmMetricsType, and what stands beside them in the standards."""
        t, number, load = self._words.t, self._words.number, self.load
        minutes = load.window_ms // 60_000
        calm = round(load.quiet * m.observed / load.window_ms)
        per = t(N_("/ {n} min"), n=minutes)
        flood = m.flood_share
        return [
            GoalFigure(
                t(N_("Alerts raised")),
                number(m.alarm_count),
                t(N_("calm: up to {n}"), n=number(calm)) if calm else "",
                _miss(calm > 0 and m.average_alarm_rate is not None and m.average_alarm_rate > 2 * load.quiet),
                t(N_("Alerts that began since {when}, by their source's clock."), when=self._words.moment(m.start_time)),
            ),
            GoalFigure(
                t(N_("Rate now")),
                f"{number(m.current_alarm_rate)} {per}",
                t(N_("calm {quiet}, flood above {entry}"), quiet=load.quiet, entry=load.flood_entry),
                _FLOOD if m.current_alarm_rate > load.flood_entry else 0,
                t(N_("What was put aside loads nobody and is not counted.")),
            ),
            GoalFigure(
                t(N_("Highest rate")),
                f"{number(m.maximum_alarm_rate)} {per}",
                t(N_("at most {n}"), n=load.flood_entry),
                _miss(m.maximum_alarm_rate > load.flood_entry),
            ),
            GoalFigure(
                t(N_("Average rate")),
                f"{number(m.average_alarm_rate, 1)} {per}" if m.average_alarm_rate is not None else UNKNOWN,
                t(N_("about {n}"), n=load.quiet),
                _miss(m.average_alarm_rate is not None and m.average_alarm_rate > 2 * load.quiet),
                t(N_("Known once {n} minutes were measured."), n=minutes) if m.average_alarm_rate is None else "",
            ),
            GoalFigure(
                t(N_("Time in flood")),
                self.percent(flood),
                t(N_("under {share}"), share=self.percent(FLOOD_TARGET)),
                _miss(flood is not None and flood >= FLOOD_TARGET),
                t(N_("Floods are followed for this seat as a whole, not for one district, kind or person."))
                if flood is None
                else self.span(m.flooded),
            ),
            GoalFigure(t(N_("Longest active")), self.span(m.maximum_active_state), t(N_("standing from 24 h"))),
            GoalFigure(t(N_("Longest unacknowledged")), self.span(m.maximum_un_ack)),
            GoalFigure(
                t(N_("Most re-alarms of one")),
                number(m.maximum_re_alarm_count),
                tooltip=t(N_("How often one and the same alert was raised again.")),
            ),
            GoalFigure(
                t(N_("Chattering points")),
                number(m.chattering_count),
                t(N_("goal: none")),
                _miss(m.chattering_count > 0),
                t(N_("Raised {n} times or more within {s} s."), n=CHATTER_COUNT, s=load.chatter_ms // 1000),
            ),
            GoalFigure(
                t(N_("Standing over 24 h")),
                number(m.standing_count),
                t(N_("fewer than {n}"), n=MOST_STANDING),
                _miss(m.standing_count >= MOST_STANDING),
            ),
        ]

    def top(self, m: Metrics) -> list[RankRow]:
        """The most frequent kinds, as bars against the first."""
        most = m.kinds[0][1] if m.kinds else 1
        return [
            RankRow(str(n), self.kind(kind), count / most, f"{self._words.number(count)} · {self.percent(count / m.alarm_count)}")
            for n, (kind, count) in enumerate(m.kinds, start=1)
        ]

    def top_note(self, m: Metrics) -> str:
        """How much of all the most frequent are."""
        if m.top_share is None:
            return ""
        return self._words.t(N_("{share} of all, goal at most {goal}"), share=self.percent(m.top_share), goal=self.percent(MOST_TOP))

    def shares(self, m: Metrics) -> list[ShareRow]:
        """The three priorities against 80, 15 and 5 percent."""
        rows: list[ShareRow] = []
        for priority in Priority:
            share, goal = m.priority_share(priority), PRIORITY_TARGETS[priority]
            words = self._words.t(N_("goal {share}"), share=self.percent(goal))
            severities = tuple(int(s) for s in Severity if PRIORITY_OF[s] is priority)
            off = share is not None and abs(share - goal) > _FAR_OFF
            rows.append(ShareRow(self._words.t(PRIORITY_WORDS[priority]), share, goal, self.percent(share), words, severities, off))
        return rows

    def handling_head(self) -> tuple[str, ...]:
        """Columns of the table of acknowledgements."""
        t = self._words.t
        return "", t(N_("raised")), t(N_("acknowledged")), t(N_("median")), "p90", t(N_("waiting")), t(N_("longest wait"))

    def handling(self, m: Metrics) -> list[FactRow]:
        """How each severity was acknowledged."""
        return [FactRow(self._handled(h), int(h.severity)) for h in m.handling]

    def _handled(self, h: Handling) -> tuple[str, ...]:
        number = self._words.number
        name = self._words.t(SEVERITY_WORDS[h.severity])
        return name, number(h.count), number(h.acknowledged), self.span(h.median), self.span(h.p90), number(h.waiting), self.span(h.longest)

    def flood(self, episode: Episode, now: Millis) -> RowFace:
        """One flood as a row."""
        t, words = self._words.t, self._words
        began = f"{words.date(episode.start)} {words.clock(episode.start, seconds=False)}"
        title = t(N_("{start}, lasts"), start=began) if episode.end is None else f"{began} – {words.clock(episode.end, seconds=False)}"
        worst = episode.kinds[0] if episode.kinds else None
        most = t(N_("{n} × {kind}"), n=words.number(worst.count), kind=self.kind(worst.kind)) if worst else ""
        first = t(N_("first: {title}"), title=words.text(episode.first_title)) if episode.first is not None else ""
        return RowFace(
            title=title,
            note=" · ".join(part for part in (most, first) if part),
            right=t(N_("peak {peak}, {n} in all"), peak=words.number(episode.peak), n=words.number(episode.count)),
            right_note=words.span(episode.lasted(now)),
            bold=episode.end is None,
            tone=_FLOOD if episode.end is None else 0,
        )

    def standing(self, alert: Alert, ms: int) -> RowFace:
        """One standing alert as a row."""
        right = self._words.span(ms)
        return RowFace(alert_title(self._words, alert), alert_where(self._city, self._words, alert), right, severity=int(alert.severity))

    def chattering(self, alert: Alert, raises: int) -> RowFace:
        """One chattering point as a row, by its newest alert."""
        right = self._words.t(N_("{n} times"), n=self._words.number(raises))
        last = self._words.clock(alert.at)
        return RowFace(alert_title(self._words, alert), alert_where(self._city, self._words, alert), right, last, severity=int(alert.severity))

    # --- the table -----------------------------------------------------------------------------------------------------------

    def rows(self, m: Metrics, alerts: AlertStore, *, person: str) -> Iterator[tuple[Cell, ...]]:
        """Long form, for other programs: section, what, figure, value, unit, goal. Times are UTC milliseconds and lengths of time seconds; what
        is not known is empty."""
        q = m.question
        yield "section", "item", "figure", "value", "unit", "goal"
        yield "question", "", "window", self._words.t(WINDOW_WORDS[q.window]), "", None
        yield "question", "", "area", "" if q.area is None else area_name(self._city, self._words, q.area), "", None
        yield "question", "", "kind", "" if q.kind is None else self.kind(q.kind), "", None
        yield "question", "", "person", person, "", None
        yield "question", "", "computed_at", q.now, "utc_ms", None
        per = f"per_{self.load.window_ms // 60_000}_min"
        entry, quiet = self.load.flood_entry, self.load.quiet
        for name, value, unit, goal in (
            ("AlarmCount", m.alarm_count, "", None),
            ("StartTime", m.start_time, "utc_ms", None),
            ("MaximumActiveState", _seconds(m.maximum_active_state), "s", None),
            ("MaximumUnAck", _seconds(m.maximum_un_ack), "s", None),
            ("CurrentAlarmRate", m.current_alarm_rate, per, quiet),
            ("MaximumAlarmRate", m.maximum_alarm_rate, per, entry),
            ("MaximumReAlarmCount", m.maximum_re_alarm_count, "", None),
            ("AverageAlarmRate", _rounded(m.average_alarm_rate), per, quiet),
            ("ObservedTime", _seconds(m.observed), "s", None),
            ("TimeInFlood", _seconds(m.flooded), "s", None),
            ("ShareInFlood", _rounded(m.flood_share), "share", FLOOD_TARGET),
            ("StandingAlarms", m.standing_count, "", MOST_STANDING),
            ("ChatteringPoints", m.chattering_count, "", 0),
            ("TopKindsShare", _rounded(m.top_share), "share", MOST_TOP),
        ):
            yield "metrics", "", name, value, unit, goal
        for kind, count in m.kinds:
            yield "top", self.kind(kind), "count", count, "", None
            yield "top", self.kind(kind), "share", _rounded(count / m.alarm_count), "share", None
        for priority in Priority:
            yield "priority", priority.value, "share", _rounded(m.priority_share(priority)), "share", PRIORITY_TARGETS[priority]
        for h in m.handling:
            yield from self._handling_rows(h)
        for episode in m.floods:
            yield from self._flood_rows(episode)
        for listed in m.standing:
            yield "standing", self._words.text(alerts.at_row(listed.row).title), "active", listed.figure // 1000, "s", None
        for listed in m.chattering:
            yield "chattering", self._words.text(alerts.at_row(listed.row).title), "raises", listed.figure, "", None

    def _handling_rows(self, h: Handling) -> Iterator[tuple[Cell, ...]]:
        name = self._words.t(SEVERITY_WORDS[h.severity])
        for figure, value, unit in (
            ("raised", h.count, ""),
            ("acknowledged", h.acknowledged, ""),
            ("median", _seconds(h.median), "s"),
            ("p90", _seconds(h.p90), "s"),
            ("waiting", h.waiting, ""),
            ("longest_wait", _seconds(h.longest), "s"),
        ):
            yield "acknowledgement", name, figure, value, unit, None

    def _flood_rows(self, episode: Episode) -> Iterator[tuple[Cell, ...]]:
        name = self._words.moment(episode.start)
        yield "flood", name, "start", episode.start, "utc_ms", None
        yield "flood", name, "end", episode.end, "utc_ms", None
        yield "flood", name, "peak", episode.peak, "", None
        yield "flood", name, "count", episode.count, "", None
        yield "flood", name, "first", self._words.text(episode.first_title), "", None
        for worst in episode.kinds:
            yield "flood", name, self.kind(worst.kind), worst.count, "", None
        for place in episode.places:
            yield "flood", name, self._place(place), place.count, "", None

    def _place(self, share: PlaceShare) -> str:
        return " · ".join(part for part in (area_name(self._city, self._words, share.area), self._words.text(share.place)) if part)


def _miss(missed: bool) -> int:
    """The severity that marks a figure beyond its goal."""
    return _MISSED if missed else 0


def _seconds(ms: int | None) -> int | None:
    return None if ms is None else ms // 1000


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
