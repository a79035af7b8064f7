"""An alert: something is abnormal and somebody should know. States follow ISA-18.2."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from app.domain.errors import NotAllowed
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, Millis, SeriesId, SourceName
from app.domain.severity import Severity
from app.domain.text import N_, Text


class AlertState(StrEnum):
    """Where an alert stands. The first four follow from its condition (active or not) and from people (acknowledged or not); the other
    three lie over them: the alert is put aside, and what it was is what it comes back to."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    """The condition went away before anybody acknowledged it: it stays in the queue until somebody does."""
    CLEARED = "cleared"
    SHELVED = "shelved"
    """By a person, for a while, for a reason."""
    SUPPRESSED = "suppressed"
    """By design: a rule of the city pack says that something greater explains it."""
    OUT_OF_SERVICE = "out_of_service"
    """What raises it is being worked on; by a person, for a reason."""


ALERT_STATE_WORDS: dict[AlertState, str] = {
    AlertState.UNACKNOWLEDGED: N_("unacknowledged"),
    AlertState.ACKNOWLEDGED: N_("acknowledged"),
    AlertState.RETURNED: N_("returned, unacknowledged"),
    AlertState.CLEARED: N_("cleared"),
    AlertState.SHELVED: N_("shelved"),
    AlertState.SUPPRESSED: N_("suppressed by design"),
    AlertState.OUT_OF_SERVICE: N_("out of service"),
}

ASIDE = (AlertState.SHELVED, AlertState.SUPPRESSED, AlertState.OUT_OF_SERVICE)
"""States that take an alert out of the queue, the strongest last: what is both shelved and out of service is out of service."""
UNSEEN = frozenset({AlertState.UNACKNOWLEDGED, AlertState.RETURNED})
"""States in which somebody still has to take note."""


class Happening(StrEnum):
    """What can happen to an alert."""

    RAISE = "raise"
    """Its condition holds (again)."""
    RETURN = "return"
    """Its condition is over."""
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"


TRANSITIONS: dict[tuple[AlertState, Happening], AlertState] = {
    (AlertState.UNACKNOWLEDGED, Happening.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (AlertState.UNACKNOWLEDGED, Happening.RETURN): AlertState.RETURNED,
    (AlertState.ACKNOWLEDGED, Happening.UNACKNOWLEDGE): AlertState.UNACKNOWLEDGED,
    (AlertState.ACKNOWLEDGED, Happening.RETURN): AlertState.CLEARED,
    (AlertState.RETURNED, Happening.ACKNOWLEDGE): AlertState.CLEARED,
    (AlertState.RETURNED, Happening.RAISE): AlertState.UNACKNOWLEDGED,
    (AlertState.CLEARED, Happening.UNACKNOWLEDGE): AlertState.RETURNED,
    (AlertState.CLEARED, Happening.RAISE): AlertState.UNACKNOWLEDGED,
}
"""The machine under the covers: (state, happening) → state; a pair that is not here cannot happen. Being put aside lies over it: see
`shown_state`. A cleared alert whose condition comes back is a new one to the eye: its acknowledgement was for the last time."""


def standing_state(*, active: bool, acknowledged: bool) -> AlertState:
    """The state that condition and people bring about."""
    if acknowledged:
        return AlertState.ACKNOWLEDGED if active else AlertState.CLEARED
    return AlertState.UNACKNOWLEDGED if active else AlertState.RETURNED


def shown_state(standing: AlertState, aside: AlertState | None) -> AlertState:
    """`standing` with what it was put aside by (one of ASIDE) over it. What is over needs no putting aside."""
    return standing if aside is None or standing is AlertState.CLEARED else aside


class AlertMove(StrEnum):
    """What people do to alerts."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    COMMENT = "comment"
    TAKE = "take"
    """Become its owner."""
    RELEASE = "release"
    """Be its owner no more."""


ALERT_MOVE_WORDS: dict[AlertMove, str] = {
    AlertMove.ACKNOWLEDGE: N_("acknowledged"),
    AlertMove.UNACKNOWLEDGE: N_("took the acknowledgement back"),
    AlertMove.COMMENT: N_("commented"),
    AlertMove.TAKE: N_("took it over"),
    AlertMove.RELEASE: N_("let it go"),
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


class AlertStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a person did to an alert: a line of its history."""

    move: AlertMove
    at: Millis
    actor: str
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
    owner: str = ""
    """Who has taken it upon themselves; empty: nobody."""
    steps: tuple[AlertStep, ...] = ()
    """What people did to it, oldest first."""
    source: SourceName = SourceName("")
    """The link it came by; set where it enters the desk."""
    version: int = 1

    @property
    def state(self) -> AlertState:
        """The ISA-18.2 state, without anything that it may be put aside by."""
        return standing_state(active=self.active, acknowledged=self.acknowledged is not None)


MAX_STEPS = 200
"""Lines of an alert's own history; the audit chain has them all."""


def advance_alert(alert: Alert, step: AlertStep) -> Alert:
    """The alert after a person's `step`, one version on. Raises NotAllowed, and then nothing has changed."""
    if step in alert.steps:
        # Else an acknowledgement that comes once more would count for what was taken back, or raised anew, since.
        raise NotAllowed(N_("This has been done already."), where=alert.id)
    change = _MOVES[step.move]
    return msgspec.structs.replace(alert, **change(alert, step), steps=(*alert.steps[1 - MAX_STEPS :], step), version=alert.version + 1)


def _acknowledge(alert: Alert, step: AlertStep) -> dict[str, object]:
    if alert.acknowledged is not None:
        raise NotAllowed(N_("Somebody else has acknowledged it already."), where=alert.acknowledged.by)
    return {"acknowledged": Acknowledgement(step.actor, step.at, step.comment)}


def _unacknowledge(alert: Alert, step: AlertStep) -> dict[str, object]:
    if alert.acknowledged is None:
        raise NotAllowed(N_("Nobody has acknowledged it."), where=alert.id)
    if alert.case is not None:
        raise NotAllowed(N_("It belongs to a case already."), where=alert.case, remedy=N_("Void the case if it was a mistake."))
    return {"acknowledged": None}


def _take(alert: Alert, step: AlertStep) -> dict[str, object]:
    if alert.owner == step.actor:
        raise NotAllowed(N_("It is yours already."), where=alert.owner)
    return {"owner": step.actor}


def _release(alert: Alert, step: AlertStep) -> dict[str, object]:
    if not alert.owner:
        raise NotAllowed(N_("It is nobody's."), where=alert.id)
    return {"owner": ""}


def _comment(_alert: Alert, _step: AlertStep) -> dict[str, object]:
    return {}


_MOVES: dict[AlertMove, Callable[[Alert, AlertStep], dict[str, object]]] = {
    AlertMove.ACKNOWLEDGE: _acknowledge,
    AlertMove.UNACKNOWLEDGE: _unacknowledge,
    AlertMove.COMMENT: _comment,
    AlertMove.TAKE: _take,
    AlertMove.RELEASE: _release,
}
