"""Today's briefing: what a leader should know now, in sentences that are computed from the stores and can be checked against them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.domain.alert import Alert
from app.domain.case import ENDED
from app.domain.ids import Millis, area_of, indicator_of
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import HeaderLine, scrolled
from app.qt.naming import alert_title, area_name
from app.qt.panel import Panel, PanelContext, PanelSpec


class BriefPanel(Panel):
    """A page of sentences, written anew every ten seconds."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setMargin(self.theme.px(16))
        self.text.setFont(self.theme.font(15))
        column.addWidget(scrolled(self.text), 1)
        self.foot = HeaderLine(self.context)
        column.addWidget(self.foot)
        self._written = 0
        return content

    def refresh(self, change: ChangeSet) -> None:
        now = self.context.now()
        if not self.hub.series.reported:
            self.head(self.t(N_("waiting for the first data")))
            return
        if now - self._written < 10_000:
            return
        self._written = now
        lines = [*self._alert_lines(), *self._case_lines(now), *self._data_lines(now)]
        self.text.setText("\n\n".join(lines))
        self.head(self.t(N_("written by itself at {time}"), time=self.words.clock(now)))
        stale = int(np.count_nonzero(self.hub.series.stale(now)))
        self.foot.say(self.t(N_("{n} series are out of date and not counted"), n=stale))

    @property
    def live(self) -> bool:
        return self._written > 0

    def _alert_lines(self) -> list[str]:
        alerts = self.hub.alerts
        standing = [int(n) for n in alerts.standing()]
        lines = [
            self.t(
                N_("{n} alerts stand: {a} extreme, {b} severe, {c} moderate, {d} minor; {u} are unacknowledged."),
                n=sum(standing),
                a=standing[1],
                b=standing[2],
                c=standing[3],
                d=standing[4],
                u=alerts.unacknowledged(),
            )
        ]
        worst = [alerts.at_row(int(r)) for r in alerts.order()[:4]]
        lines.extend(self._alert_line(alert) for alert in worst if alert.severity <= 2)
        return lines

    def _alert_line(self, alert: Alert) -> str:
        where = area_name(self.context.city, self.words, alert.area)
        case = self.hub.cases.get(alert.case) if alert.case is not None else None
        if case is None:
            return self.t(
                N_("{title}, {where}, since {time}; no case yet."),
                title=alert_title(self.words, alert),
                where=where,
                time=self.words.clock(alert.at, seconds=False),
            )
        return self.t(
            N_("{title}, {where}; case {number}, {n} units."),
            title=alert_title(self.words, alert),
            where=where,
            number=case.number or case.id,
            n=len(case.units),
        )

    def _case_lines(self, now: Millis) -> list[str]:
        cases = self.hub.cases.values()
        working = [c for c in cases if c.stage not in ENDED]
        late = [c for c in working if c.overdue(now)]
        return [self.t(N_("{n} cases are open, {late} overdue; {done} have ended."), n=len(working), late=len(late), done=len(cases) - len(working))]

    def _data_lines(self, now: Millis) -> list[str]:
        stale = np.flatnonzero(self.hub.series.stale(now) & (self.hub.series.at > 0))
        names: dict[str, None] = {}
        for row in stale:
            series = self.hub.series.ids[int(row)]
            if area_of(series) == self.context.city.root:
                names[self.words.text(self.context.city.indicators[indicator_of(series)].name)] = None
        if not names:
            return []
        return [self.t(N_("No current data for the whole city: {names}."), names=self.t(N_(", ")).join(list(names)[:5]))]


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return BriefPanel(spec, context)


PANEL = PanelSpec(id="brief", title=N_("Briefing"), icon="log", needs=Topic.ALERT | Topic.CASE | Topic.SECOND, create=create)
