"""How a number should be taken: is it known, is it fresh, is it normal? The one place that decides, for every panel and seat."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.city import Direction, Indicator
from app.domain.ids import Millis
from app.domain.quality import Quality
from app.live.series import Reading


@dataclass(frozen=True, slots=True)
class Judgement:
    """`severity` 0: inside its band, or nothing can be said. A number that is missing, stale or bad is never called normal."""

    missing: bool
    stale: bool
    doubtful: bool
    severity: int

    @property
    def sound(self) -> bool:
        """Whether the number may be believed as it stands."""
        return not (self.missing or self.stale or self.doubtful)


def judge(indicator: Indicator, reading: Reading, now: Millis) -> Judgement:
    """Judge the newest reading of a series of `indicator` at `now`."""
    missing = reading.value is None
    stale = reading.at is not None and now - reading.at > indicator.fresh_ms
    doubtful = reading.quality in (Quality.UNCERTAIN, Quality.BAD)
    severity = 0
    if reading.value is not None and not stale and reading.quality is not Quality.BAD and outside(indicator, reading.value):
        severity = int(indicator.out_of_band)
    return Judgement(missing, stale, doubtful, severity)


def outside(indicator: Indicator, value: float) -> bool:
    """Whether `value` is outside the normal band (no band: never)."""
    return (indicator.low is not None and value < indicator.low) or (indicator.high is not None and value > indicator.high)


def worse(indicator: Indicator, change: float) -> bool:
    """Whether a change of this sign is for the worse."""
    return (indicator.good is Direction.UP and change < 0) or (indicator.good is Direction.DOWN and change > 0)
