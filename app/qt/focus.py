"""What the person at this desk is looking at. Panels follow it; whoever selects something sets it here and nowhere else."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.domain.ids import AlertId, AreaCode, CaseId, SeriesId, UnitId


class Focus(QObject):
    """The selection of one desk. Each signal says what is selected now; None: nothing."""

    alert_selected = Signal(object)
    case_selected = Signal(object)
    unit_selected = Signal(object)
    series_selected = Signal(object)
    area_selected = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.alert: AlertId | None = None
        self.case: CaseId | None = None
        self.unit: UnitId | None = None
        self.series: SeriesId | None = None
        self.area: AreaCode | None = None

    def select_alert(self, alert: AlertId | None) -> None:
        if alert != self.alert:
            self.alert = alert
            self.alert_selected.emit(alert)

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
