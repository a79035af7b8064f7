"""What the person at this desk is looking at. Panels follow it; whoever selects something sets it here and nowhere else."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.domain.ids import AlertId, AreaCode, CaseId, SeriesId, UnitId
from app.live.queue import Question

MUTED = "muted"
"""Among Focus.hidden: alerts that would sound and do not."""


class Focus(QObject):
    """The selection of one desk. Each signal says what is selected now; None: nothing."""

    alert_selected = Signal(object)
    case_selected = Signal(object)
    unit_selected = Signal(object)
    series_selected = Signal(object)
    area_selected = Signal(object)
    hidden_changed = Signal()
    """The queue keeps something else, or nothing, from the person."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.alert: AlertId | None = None
        self.alerts: tuple[AlertId, ...] = ()
        """Everything that is chosen where it is more than one alert, `alert` among them; acts concern all of it."""
        self.case: CaseId | None = None
        self.unit: UnitId | None = None
        self.series: SeriesId | None = None
        self.area: AreaCode | None = None
        self.hidden: dict[str, int] = {}
        """What the alert queue does not show, by reason: see app.live.queue.Answer."""
        self.question = Question()
        """What the alert queue was asked for when it said so."""

    def select_alert(self, alert: AlertId | None) -> None:
        if alert != self.alert:
            self.alert = alert
            if alert not in self.alerts:
                self.alerts = ()
            self.alert_selected.emit(alert)

    def choose_alerts(self, alert: AlertId, alerts: tuple[AlertId, ...]) -> None:
        """Select `alert`, and choose `alerts` with it."""
        self.alerts = alerts if alert in alerts else ()
        if alert == self.alert:
            self.alert_selected.emit(alert)
        else:
            self.select_alert(alert)

    def select_case(self, case: CaseId | None) -> None:
        if case != self.case:
            self.case = case
            self.case_selected.emit(case)

    def select_unit(self, unit: UnitId | None) -> None:
        if unit != self.unit:
            self.unit = unit
            self.unit_selected.emit(unit)

    def select_series(self, series: SeriesId | None) -> None:
        if series != self.series:
            self.series = series
            self.series_selected.emit(series)

    def select_area(self, area: AreaCode | None) -> None:
        if area != self.area:
            self.area = area
            self.area_selected.emit(area)

    def say_hidden(self, hidden: dict[str, int], question: Question | None = None) -> None:
        """The queue does not show these, having been asked `question`."""
        if question is not None:
            self.question = question
        self._keep_hidden({**hidden, MUTED: self.hidden[MUTED]} if MUTED in self.hidden and MUTED not in hidden else hidden)

    def say_muted(self, alerts: int) -> None:
        """So many alerts would sound and do not."""
        others = {why: count for why, count in self.hidden.items() if why != MUTED}
        self._keep_hidden({**others, MUTED: alerts} if alerts else others)

    def _keep_hidden(self, hidden: dict[str, int]) -> None:
        if hidden != self.hidden:
            self.hidden = hidden
            self.hidden_changed.emit()
