"""What a person does not see of the alerts that stand, and what a shelf would have kept from them: row numbers and counts off the store's
columns. It decides nothing and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.alert import ASIDE
from app.domain.ids import Millis
from app.live.alerts import CLEARED, STATES, AlertStore
from app.live.queue import Answer

FILTERED, FOLDED = "filtered", "folded"
_MOST_SEVERITIES = 5
_SIXTEEN_BITS = 0xFFFF

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Every alert that stands is in the queue as a row of its own, or in exactly one of these."""

    standing: int
    """How many alerts are not over."""
    rows: dict[str, Rows]
    """Row numbers by the reason: an aside state's name, FILTERED, or FOLDED, as in Answer.hidden. Every reason is there."""

    @property
    def count(self) -> int:
        """How many are not in the queue as a row of their own."""
        return sum(map(len, self.rows.values()))

    @property
    def all(self) -> Rows:
        """Rows of every reason."""
        return np.concatenate(list(self.rows.values()))


def unseen(alerts: AlertStore, answer: Answer) -> Unseen:
    """What the queue keeps back when it shows `answer`. The answer has to be of the store as it is now."""
    standing = alerts.base != CLEARED
    shown, inside = _mask(alerts, answer.rows), _mask(alerts, answer.matching)
    out = np.flatnonzero(standing & ~shown)
    within, state = inside[out], alerts.state[out]
    rows = {how.value: out[~within & (state == STATES.index(how))] for how in ASIDE}
    rows[FILTERED] = out[~within & (state < CLEARED)]
    rows[FOLDED] = out[within]
    return Unseen(int(np.count_nonzero(standing)), rows)


@dataclass(frozen=True, slots=True)
class Shadow:
    """What putting aside takes out of sight."""

    counts: tuple[int, int, int, int]
    """Alerts of severity 1…4."""
    queued: int
    """Those of them that are in the queue now."""
    worst: Rows
    """The first of them, most severe first, the newest first within."""

    @property
    def count(self) -> int:
        """How many alerts."""
        return sum(self.counts)

    @property
    def grave(self) -> int:
        """How many of them are extreme or severe."""
        return self.counts[0] + self.counts[1]


def shadow(alerts: AlertStore, rows: Rows, since: Millis, most: int) -> Shadow:
    """What would have been out of sight at some time from `since` (UTC ms) on, had `rows` been put aside: what began since, what was over
    or acknowledged only since, and what still stands. `most`: how many of them `worst` names."""
    recent = (alerts.at[rows] >= since) | (alerts.base[rows] != CLEARED) | (alerts.ended[rows] >= since) | (alerts.acked[rows] >= since)
    rows = rows[recent]
    _, *counts = severity_counts(alerts, rows)
    return Shadow((counts[0], counts[1], counts[2], counts[3]), int(np.count_nonzero(alerts.state[rows] < CLEARED)), worst_first(alerts, rows, most))


def severity_counts(alerts: AlertStore, rows: Rows) -> list[int]:
    """How many of `rows` have each severity: places 1…4; place 0 is unused."""
    return np.bincount(alerts.severity[rows], minlength=_MOST_SEVERITIES).tolist()


def worst_first(alerts: AlertStore, rows: Rows, most: int | None = None) -> Rows:
    """`rows`, most severe first, the newest first within; the first `most` of them."""
    severity = alerts.severity[rows]
    if most is not None and len(rows) > most:
        # All that could be among the first: of a million rows sorting fifty is enough.
        reach = int(np.searchsorted(np.cumsum(np.bincount(severity, minlength=_MOST_SEVERITIES)), most))
        surely, last = rows[severity < reach], rows[severity == reach]
        room = most - len(surely)
        if 0 < room < len(last):
            last = last[np.argpartition(-alerts.at[last], room - 1)[:room]]
        rows = np.concatenate((surely, last))
    rows = _newest_first(alerts, rows)
    return rows[np.argsort(alerts.severity[rows], kind="stable")][:most]


def _newest_first(alerts: AlertStore, rows: Rows) -> Rows:
    """`rows`, the newest first, to the second. By sixteen bits at a time numpy sorts a million several times faster than by whole numbers."""
    if not len(rows):
        return rows
    at = alerts.at[rows]
    age = np.minimum((at.max() - at) // 1000, np.iinfo(np.uint32).max).astype(np.uint32)
    order = np.argsort((age & _SIXTEEN_BITS).astype(np.uint16), kind="stable")
    high = (age >> 16).astype(np.uint16)
    if high.any():
        order = order[np.argsort(high[order], kind="stable")]
    return rows[order]


def _mask(alerts: AlertStore, rows: Rows) -> NDArray[np.bool_]:
    mask = np.zeros(len(alerts), dtype=np.bool_)
    mask[rows] = True
    return mask
