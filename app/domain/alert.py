"""An alert: something is abnormal and somebody should know. States follow ISA-18.2."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, Millis, SeriesId, SourceName
from app.domain.severity import Severity
from app.domain.text import N_, Text


class AlertState(StrEnum):
    """The states that follow from the condition (active or not) and from people (acknowledged or not)."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    """The condition went away before anybody acknowledged it: it stays in the queue until somebody does."""
    CLEARED = "cleared"


ALERT_STATE_WORDS: dict[AlertState, str] = {
    AlertState.UNACKNOWLEDGED: N_("unacknowledged"),
    AlertState.ACKNOWLEDGED: N_("acknowledged"),
    AlertState.RETURNED: N_("returned, unacknowledged"),
    AlertState.CLEARED: N_("cleared"),
}


class Reality(StrEnum):
    """CAP's status. Anything but `ACTUAL` is marked wherever it is shown."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"
    SIMULATED = "simulated"


class Acknowledgement(msgspec.Struct, frozen=True, gc=False):
    """Who took notice, when and with what words."""

    by: str
    at: Millis
    comment: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The newest state of one alert, as its source and its operators left it."""

    id: AlertId
    kind: AlertKindId
    severity: Severity
    title: Text
    area: AreaCode
    place: Text = Text()
    at: Millis
    """When the condition began, by the source's clock."""
    active: bool = True
    ended_at: Millis | None = None
    position: Position | None = None
    polygons: tuple[tuple[Position, ...], ...] = ()
    """Warning areas, where the source drew some."""
    cause: AlertId | None = None
    series: SeriesId | None = None
    value: float | None = None
    limit: float | None = None
    confidence: float | None = None
    """0…1, where an algorithm raised it."""
    acknowledged: Acknowledgement | None = None
    case: CaseId | None = None
    reality: Reality = Reality.ACTUAL
    advice: Text = Text()
    """What the source says should be done."""
    source: SourceName = SourceName("")
    """The link it came by; set where it enters the desk."""
    version: int = 1

    @property
    def state(self) -> AlertState:
        """The ISA-18.2 state."""
        if self.acknowledged is None:
            return AlertState.UNACKNOWLEDGED if self.active else AlertState.RETURNED
        return AlertState.ACKNOWLEDGED if self.active else AlertState.CLEARED
