"""The case beside the selected alert: where it stands, what to do next, who is on it, what has happened, and the number behind it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.domain.alert import ALERT_MOVE_WORDS, ALERT_STATE_WORDS, ASIDE, Alert
from app.domain.camera import Camera, CameraState
from app.domain.case import MOVE_WORDS, STAGE_WORDS, Case, Stage, UnitTask
from app.domain.geo import distance_m
from app.domain.ids import AlertId, Millis, UnitId, indicator_of
from app.domain.rule import LEVEL_WORDS, EscalationLevel
from app.domain.severity import SEVERITY_WORDS
from app.domain.text import N_
from app.live.changes import ChangeSet, Topic
from app.qt.furniture import ActionBar, HeaderLine, scrolled
from app.qt.naming import alert_standing, alert_title, alert_where, case_label
from app.qt.panel import Panel, PanelContext, PanelSpec
from app.qt.rows import FACE_ROLE, RowModel
from app.services.judge import judge
from widgets.curve import Curve
from widgets.empty import EmptyNote
from widgets.rows import RowFace, RowList
from widgets.stages import Stage as BarStage
from widgets.stages import StageBar

_LINKS: tuple[tuple[str, tuple[Stage, ...]], ...] = (
    (N_("Report"), (Stage.REPORTED,)),
    (N_("File"), (Stage.FILED,)),
    (N_("Dispatch"), (Stage.DISPATCHED,)),
    (N_("Handle"), (Stage.HANDLING,)),
    (N_("Feedback"), (Stage.FEEDBACK,)),
    (N_("Verify and close"), (Stage.VERIFIED, Stage.CLOSED)),
    (N_("Evaluate"), (Stage.EVALUATED,)),
)
"""The seven links, each with the stages in which a case stands at it."""

TASK_WORDS: dict[UnitTask, str] = {
    UnitTask.SENT: N_("dispatched"),
    UnitTask.ON_SCENE: N_("on scene"),
    UnitTask.DONE: N_("reported"),
    UnitTask.RECALLED: N_("recalled"),
}


_TOGETHER, _CAMERAS, _CAMERA_REACH_M = 30, 4, 1_500.0


@dataclass(frozen=True, slots=True)
class Line:
    """A row below the facts. `alert`: what it leads to, if it leads anywhere."""

    face: RowFace
    alert: AlertId | None = None


class CasePanel(Panel):
    """Shows the selected case; for an alert without one, the alert and how to open it."""

    def build(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.pages = QStackedWidget()
        self.empty = EmptyNote(self.theme, self.t(N_("Select an alert or a case. What it needs is shown here.")), icon="case")
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self._page())
        column.addWidget(self.pages, 1)
        self.bar = ActionBar(self.context, self.spec.actions, more=("reject", "reopen", "void"))
        column.addWidget(self.bar)
        focus = self.context.focus
        for signal in (focus.alert_selected, focus.case_selected):
            signal.connect(self._on_focus)
            self.own(lambda s=signal: s.disconnect(self._on_focus))
        self._lines: list[Line] = []
        self._near: tuple[AlertId | None, list[tuple[Camera, float]]] = (None, [])
        return content

    def refresh(self, change: ChangeSet) -> None:
        operations = self.context.operations
        case, alert = operations.case, operations.alert
        touched = (alert is not None and alert.id in change.alerts) or (case is not None and case.id in change.cases)
        if not touched and Topic.SECOND not in change.topics:
            return  # in a storm something changes in every frame, and hardly ever what is shown here
        if alert is None and case is not None and case.alerts:
            alert = self.hub.alerts.get(case.alerts[0])
        self.bar.update_state()
        self.bar.setVisible(case is not None or alert is not None)
        if case is None and alert is None:
            self.pages.setCurrentIndex(0)
            return
        self.pages.setCurrentIndex(1)
        self._show_head(case, alert)
        self._show_facts(case, alert)
        self._show_lines(self._case_lines(case) if case is not None else self._alert_lines(alert) if alert is not None else [])
        self._show_curve(alert)

    def _page(self) -> QWidget:
        px = self.theme.px
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        self.header = HeaderLine(self.context)
        self.header.left.setFont(self.theme.font(16, bold=True))
        column.addWidget(self.header)
        self.stages = StageBar(self.theme)
        column.addWidget(self.stages)
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(px(12), px(4), px(12), px(4))
        grid.setHorizontalSpacing(px(24))
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.facts = self._text()
        self.procedure = self._text()
        words = QWidget()
        said = QVBoxLayout(words)
        said.setContentsMargins(0, 0, 0, 0)
        said.setSpacing(px(8))
        said.addWidget(self.facts)
        said.addWidget(self.procedure)
        said.addStretch(1)
        self.words_area = scrolled(words)
        left = QVBoxLayout()
        left.setSpacing(px(8))
        left.addWidget(self.words_area, 1)
        self.model = RowModel(self._line_face, self._line_words, self)
        self.history = RowList(self.theme, FACE_ROLE)
        self.history.setObjectName("case.history")
        self.history.setAccessibleName(self.t(N_("History of the case")))
        self.history.setModel(self.model)
        self.history.entered_row.connect(self._on_line)
        self.history.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        left.addWidget(self.history, 1)
        grid.addLayout(left, 0, 0)
        self.curve = Curve(self.theme)
        grid.addWidget(self.curve, 0, 1)
        column.addWidget(body, 1)
        return page

    def _text(self) -> QLabel:
        label = QLabel()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        label.setFont(self.theme.font(13))
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _show_head(self, case: Case | None, alert: Alert | None) -> None:
        severity = case.severity if case is not None else alert.severity if alert is not None else None
        worded = f"{int(severity)} · {self.t(SEVERITY_WORDS[severity])}" if severity is not None else ""
        if case is not None:
            self.header.say(case_label(self.words, case), f"{worded} · {self.t(STAGE_WORDS[case.stage])}")
            self.head(trailing=self.t(N_("{n} alerts in this case"), n=len(case.alerts)))
        elif alert is not None:
            self.header.say(alert_title(self.words, alert), " · ".join((worded, self.t(N_("no case yet")))))
            self.head()
        self.stages.set_stages(self._links(case, alert), late=2 if case is not None and case.overdue(self.context.now()) else 0)

    def _links(self, case: Case | None, alert: Alert | None) -> list[BarStage]:
        """The seven links: done ones with their time, the present one with the clock that runs."""
        if case is None:
            at = self.words.clock(alert.at) if alert is not None else ""
            return [(self.t(name), at if n == 0 else "", "now" if n == 0 else "later", "") for n, (name, _) in enumerate(_LINKS)]
        entered = self._entered(case)
        here = next((n for n, (_, stages) in enumerate(_LINKS) if case.stage in stages), len(_LINKS) if case.stage is Stage.EVALUATED else -1)
        if case.stage in (Stage.REJECTED, Stage.VOID):
            here = 1
        links: list[BarStage] = []
        for n, (name, stages) in enumerate(_LINKS):
            done = n < here or (case.stage in (Stage.CLOSED, Stage.EVALUATED) and n <= here)
            at = next((entered[s] for s in stages if s in entered), None)
            clock = self._remaining(case) if n == here and not done else ""
            when = self.words.clock(at) if at and (done or n == here) else ""
            links.append((self.t(name), clock or when, "done" if done else "now" if n == here else "later", when))
        return links

    def _entered(self, case: Case) -> dict[Stage, Millis]:
        """When each stage was last entered, as far as the history says."""
        entered = {Stage.REPORTED: case.opened_at}
        reached = {"file": Stage.FILED, "dispatch": Stage.DISPATCHED, "arrive": Stage.HANDLING, "report": Stage.FEEDBACK, "verify": Stage.VERIFIED}
        reached |= {"close": Stage.CLOSED, "evaluate": Stage.EVALUATED, "rework": Stage.HANDLING}
        for step in case.steps:
            if step.move.value in reached:
                entered[reached[step.move.value]] = step.at
        return entered

    def _remaining(self, case: Case) -> str:
        if case.due_at is None:
            return ""
        left = case.due_at - self.context.now()
        return (
            self.t(N_("{span} left"), span=self.words.stopwatch(left))
            if left >= 0
            else self.t(N_("overdue {span}"), span=self.words.stopwatch(-left))
        )

    def _show_facts(self, case: Case | None, alert: Alert | None) -> None:
        lines: list[str] = []
        if alert is not None:
            state = self.hub.alerts.state_of(alert.id)
            standing = self.t(ALERT_STATE_WORDS[state]) if state in ASIDE else alert_standing(self.words, alert, self.context.now())
            lines.append(f"{alert_where(self.context.city, self.words, alert)} · {standing}")
            if alert.acknowledged is not None and alert.acknowledged.comment:
                lines.append(self.t(N_("Comment: {text}"), text=alert.acknowledged.comment))
            cause = self.hub.alerts.cause_of(alert.id) if self.hub.alerts.find(alert.id) >= 0 else None
            if cause is not None:
                lines.append(self.t(N_("Caused by: {title}"), title=alert_title(self.words, cause)))
            lines.extend(self._alert_facts(alert))
            if not alert.active:
                lines.append(self.t(N_("The condition ended at {time}."), time=self.words.moment(alert.ended_at)))
        if case is not None:
            lines.extend(f"{self._unit(part.unit)} · {self.t(TASK_WORDS[part.task])} {self.words.clock(part.at)}" for part in case.units)
        _set(self.facts, "\n".join(lines))
        kind = self.context.city.alert_kinds.get(case.kind if case is not None else alert.kind if alert is not None else "")  # type: ignore[arg-type]
        advice = self.words.text(kind.procedure) if kind is not None else self.words.text(alert.advice) if alert is not None else ""
        _set(self.procedure, self.t(N_("What to do: {text}"), text=advice) if advice else "")
        self.procedure.setVisible(bool(advice))

    def _alert_facts(self, alert: Alert) -> list[str]:
        """Whose it is, how often it came, how far it has gone."""
        alerts, now = self.hub.alerts, self.context.now()
        row = alerts.row_of(alert.id)
        fold = int(alerts.fold[row])
        raises, level = int(alerts.folds.count[fold]), EscalationLevel(int(alerts.level[row]))
        facts: list[str] = []
        if alert.owner:
            facts.append(self.t(N_("{who} looks after it."), who=alert.owner))
        if level is not EscalationLevel.NONE:
            facts.append(
                self.t(N_("Nobody acknowledged it for {span}: {level}."), span=self.words.span(now - alert.at), level=self.t(LEVEL_WORDS[level]))
            )
        if alerts.folds.chattering_at(fold, now):
            facts.append(self.t(N_("It chatters: {n} times since {time}."), n=raises, time=self.words.clock(Millis(int(alerts.folds.first[fold])))))
        elif raises > 1:
            facts.append(self.t(N_("Raised {n} times since {time}."), n=raises, time=self.words.clock(Millis(int(alerts.folds.first[fold])))))
        return facts

    def _show_lines(self, lines: list[Line]) -> None:
        if lines != self._lines:
            self._lines = lines
            count = len(lines)
            self.model.show(np.arange(count, dtype=np.int64), range(count))
        self.history.setVisible(bool(lines))

    def _case_lines(self, case: Case) -> list[Line]:
        """The case's history, newest first."""
        lines: list[Line] = []
        for step in reversed(case.steps):
            what = self.t(MOVE_WORDS[step.move])
            if step.unit is not None:
                what = self.t(N_("{what}: {more}"), what=what, more=self._unit(step.unit))
            note = " · ".join(part for part in (step.actor, step.comment) if part)
            lines.append(Line(RowFace(title=what, note=note, right=self.words.clock(step.at))))
        return lines

    def _alert_lines(self, alert: Alert) -> list[Line]:
        """What people did to the alert, newest first; what stands for the same cause, first-out first; the nearest cameras."""
        lines = [
            Line(
                RowFace(
                    title=self.t(ALERT_MOVE_WORDS[step.move]),
                    note=" · ".join(part for part in (step.actor, step.comment) if part),
                    right=self.words.clock(step.at),
                )
            )
            for step in reversed(alert.steps)
        ]
        alerts = self.hub.alerts
        row = alerts.row_of(alert.id)
        together = alerts.members("group", int(alerts.group[row]))
        for number, other in enumerate(int(r) for r in together[:_TOGETHER]):
            if other == row:
                continue
            one = alerts.at_row(other)
            alike = alerts.fold[other] == alerts.fold[row]
            why = self.t(N_("likely the same")) if alike else self.t(N_("first of this cause")) if number == 0 else self.t(N_("same cause"))
            dim, clock = one.acknowledged is not None, self.words.clock(one.at)
            face = RowFace(title=alert_title(self.words, one), note=why, right=clock, severity=int(one.severity), dim=dim)
            lines.append(Line(face, one.id))
        for camera, metres in self._cameras_near(alert):
            state = "" if camera.state is CameraState.ONLINE else self.t(N_("not online"))
            note = " · ".join(part for part in (self.t(N_("camera")), state) if part)
            lines.append(Line(RowFace(title=self.words.text(camera.name), note=note, right=self.words.distance(metres))))
        return lines

    def _cameras_near(self, alert: Alert) -> list[tuple[Camera, float]]:
        """The cameras nearest to the alert, with their distance in metres; looked for once an alert."""
        place = alert.position
        if place is None or not place.valid or not self.hub.cameras:
            return []
        if self._near[0] != alert.id:
            found = nsmallest(_CAMERAS, ((distance_m(place, c.position), c.id) for c in self.hub.cameras.values()))
            self._near = (alert.id, [(self.hub.cameras[name], metres) for metres, name in found if metres <= _CAMERA_REACH_M])
        return self._near[1]

    def _line_face(self, key: int) -> RowFace:
        return self._lines[key].face if key < len(self._lines) else RowFace("")

    def _line_words(self, key: int) -> str:
        face = self._line_face(key)
        return f"{face.right} {face.title}, {face.note}"

    def _on_line(self, row: int) -> None:
        alert = self._lines[row].alert if 0 <= row < len(self._lines) else None
        if alert is not None:
            self.context.focus.select_alert(alert)

    def _show_curve(self, alert: Alert | None) -> None:
        row = self.hub.series.index.get(alert.series) if alert is not None and alert.series is not None else None
        self.curve.setVisible(row is not None)
        if alert is None or row is None:
            return
        reading = self.hub.series.reading(row)
        indicator = self.context.city.indicators[indicator_of(reading.series)]
        now = self.context.now()
        verdict = judge(indicator, reading, now)
        broken = verdict.missing or verdict.stale
        limit = alert.limit if alert.limit is not None else indicator.high
        self.curve.show_curve(
            self.hub.series.spark(row, now).astype(np.float64),
            title=f"{self.words.text(indicator.name)} · {self.words.text(indicator.unit)} · {self.words.ago(reading.at, now)}",
            value=self.words.number(None if broken else reading.value, indicator.decimals),
            unit=self.words.text(indicator.unit),
            note=self.t(N_("no data for {span}"), span=self.words.span(now - reading.at)) if verdict.stale and reading.at else "",
            limit=limit,
            limit_text=self.t(N_("limit {value}"), value=self.words.number(limit, indicator.decimals)),
        )

    def _unit(self, unit: UnitId) -> str:
        found = self.hub.units.get(unit)
        return self.words.text(found.name) if found is not None else unit

    def _on_focus(self, _selected: object) -> None:
        if self.isVisible():
            self.refresh(ChangeSet(self.spec.needs))


def _set(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)


def create(spec: PanelSpec, context: PanelContext) -> Panel:
    return CasePanel(spec, context)


PANEL = PanelSpec(
    id="case",
    title=N_("Case"),
    icon="case",
    needs=Topic.CASE | Topic.ALERT | Topic.SECOND,
    create=create,
    actions=("acknowledge", "open_case", "file", "dispatch", "verify", "close", "rework", "recall", "comment"),
)
