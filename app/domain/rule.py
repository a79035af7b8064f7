"""Rules of a city pack about alerts: what raises them, what suppresses them, who hears of them next, and how much an operator can take in.

Records only: app.citypack reads them, app.services evaluates them. A rule never acts by itself and knows no clock.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NewType

import msgspec

from app.domain.ids import AlertKindId, AreaCode, IndicatorId, SourceName
from app.domain.severity import Severity
from app.domain.text import N_, Text

RuleId = NewType("RuleId", str)
"""Lower-case letters, digits and underscores; unique in a pack. Alert ids are made of it."""

ANY_LINK = SourceName("*")
"""As the link of a silence rule: every link of the desk, each for itself."""


class RuleKind(StrEnum):
    """The five tests that a rule can make; also what `kind` says in a pack."""

    THRESHOLD = "threshold"
    COUNT = "count"
    RATE = "rate"
    SILENCE = "silence"
    COMBINATION = "combination"


class Side(StrEnum):
    """On which side of its limit a value is abnormal."""

    ABOVE = "above"
    BELOW = "below"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What every rule says. Delays are milliseconds: the condition has to hold, or to be over, for that long without a break before the
    alert is raised, or ends."""

    id: RuleId
    raises: AlertKindId | None
    """The kind of its alerts; None: it is there for combinations only and raises nothing itself."""
    severity: Severity
    title: Text
    """Template with {place}, {value}, {limit} and {unit}."""
    areas: tuple[AreaCode, ...]
    """Where it is evaluated, each area for itself. The pack's default is written out."""
    on_delay_ms: int = 0
    off_delay_ms: int = 0


class Threshold(Watch, frozen=True, kw_only=True, tag="threshold"):
    """The value is beyond `limit`. Once raised it stays so until the value is back by `deadband` (in the indicator's unit, 0 or more)."""

    indicator: IndicatorId
    side: Side
    limit: float
    deadband: float = 0.0


class Count(Watch, frozen=True, kw_only=True, tag="count"):
    """The value went beyond `limit` (each time after having been back by `deadband`) at least `times` times within `window_ms`."""

    indicator: IndicatorId
    side: Side
    limit: float
    deadband: float = 0.0
    times: int
    window_ms: int


class Rate(Watch, frozen=True, kw_only=True, tag="rate"):
    """The change within `window_ms` (whole minutes, at most an hour) is above `limit`, or below it (a fall has a negative limit)."""

    indicator: IndicatorId
    side: Side
    limit: float
    deadband: float = 0.0
    window_ms: int


class Silence(Watch, frozen=True, kw_only=True, tag="silence"):
    """Nothing came for `for_ms`: no reading of `indicator`'s series, or, where `link` is named instead, a link that is not live. What has
    never reported is not silent: nobody knows that it is meant to speak."""

    indicator: IndicatorId | None = None
    link: SourceName | None = None
    for_ms: int


class Combination(Watch, frozen=True, kw_only=True, tag="combination"):
    """At least `least` of the rules `of` stand in the same area (all of them, or any, in a pack's words)."""

    of: tuple[RuleId, ...]
    least: int


Rule = Threshold | Count | Rate | Silence | Combination

RULE_KINDS: dict[type[Watch], RuleKind] = {
    Threshold: RuleKind.THRESHOLD,
    Count: RuleKind.COUNT,
    Rate: RuleKind.RATE,
    Silence: RuleKind.SILENCE,
    Combination: RuleKind.COMBINATION,
}


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """While an alert of kind `by` is active in an area, alerts of `kinds` there are suppressed by design: it explains them."""

    id: str
    kinds: tuple[AlertKindId, ...]
    by: AlertKindId
    whole_city: bool = False
    """Whether it suppresses them everywhere, and not only in the same area."""
    reason: Text


class EscalationLevel(IntEnum):
    """How far an alert that nobody acknowledges has come."""

    NONE = 0
    LOUDER = 1
    """At the same seats, so that it cannot be overheard."""
    NEXT_ROLE = 2
    """To the next role of the room."""
    NEXT_GOVERNMENT = 3
    """To the next level of government."""


LEVEL_WORDS: dict[EscalationLevel, str] = {
    EscalationLevel.NONE: "",
    EscalationLevel.LOUDER: N_("louder at this desk"),
    EscalationLevel.NEXT_ROLE: N_("to the next role"),
    EscalationLevel.NEXT_GOVERNMENT: N_("to the next level of government"),
}


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to an alert of `severity` that nobody acknowledges: `after_ms[n]` milliseconds after it came it reaches level n + 1.
    Ascending, at most three; fewer: it goes no further."""

    severity: Severity
    after_ms: tuple[int, ...] = ()

    def level(self, unacknowledged_ms: int) -> EscalationLevel:
        """The level of an alert that has been unacknowledged for so long."""
        return EscalationLevel(sum(unacknowledged_ms >= after for after in self.after_ms))


_MINUTE = 60_000
STANDARD_ESCALATIONS = (
    Escalation(severity=Severity.EXTREME, after_ms=(1 * _MINUTE, 3 * _MINUTE, 10 * _MINUTE)),
    Escalation(severity=Severity.SEVERE, after_ms=(3 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE)),
    Escalation(severity=Severity.MODERATE, after_ms=(15 * _MINUTE, 60 * _MINUTE)),
    Escalation(severity=Severity.MINOR),
)
"""For a city that says nothing else, the worst first."""


class AlarmLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as how much load for one operator. The defaults are those of ISA-18.2, IEC 62682 and EEMUA 191. Rates are alerts in
    `window_ms`."""

    window_ms: int = 600_000
    flood_entry: int = 10
    """A flood begins above it."""
    flood_exit: int = 5
    """It lasts until there are fewer."""
    quiet: int = 1
    """Up to here nobody is burdened."""
    chatter_ms: int = 60_000
    """Three raises of one point within it are chatter."""
    shelve_ms: int = 3_600_000
    """For how long an alert is shelved unless the operator says otherwise."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of a pack, each known to fit the pack that it came with."""

    rules: tuple[Rule, ...] = ()
    """In an order in which every combination comes after what it is made of."""
    suppressions: tuple[Suppression, ...] = ()
    escalations: tuple[Escalation, ...] = STANDARD_ESCALATIONS
    """One a severity, the worst first."""
    load: AlarmLoad = AlarmLoad()

    def escalation(self, severity: Severity) -> Escalation:
        """How alerts of `severity` escalate."""
        return next((e for e in self.escalations if e.severity is severity), Escalation(severity=severity))
