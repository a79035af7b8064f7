"""What a link counts and how it tells the operator: at once when its state changes, else at most twice a second. No I/O.

Every source keeps one tally; the rest of the deck only ever sees the LinkReport made from it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from app.domain.batch import LinkReport, LinkState, Refusal
from app.domain.ids import Millis, SourceName

REFUSALS_KEPT = 20
SAMPLE_CHARS = 200
REPORT_EVERY_S = 0.5
MAX_REASON = 300


def printable(raw: str | bytes, limit: int = SAMPLE_CHARS) -> str:
    """The first `limit` characters of `raw` with everything that does not print (bidi overrides too) escaped."""
    text = raw[: limit * 4].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw[:limit]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape", "replace").decode("ascii") for char in text[:limit])
    return shown[:limit]


class LinkTally:
    """Counters of one link. The public numbers are those of LinkReport; whoever changes one calls `touch` or `flush` afterwards. Loop thread only."""

    def __init__(
        self,
        emit: Callable[[LinkReport], None],
        *,
        name: SourceName,
        kind: str,
        address: str,
        commands: bool,
        now: Callable[[], Millis],
        secret: str = "",
    ) -> None:
        self.records = 0
        self.frames = 0
        self.refused = 0
        self.gaps = 0
        self.resyncs = 0
        self.duplicates = 0
        self.reconnects = 0
        self.delay_ms: float | None = None
        self.last_record_at: Millis | None = None
        self.simulated = False
        self.state = LinkState.CONNECTING
        self._emit = emit
        self._name, self._kind, self._address, self._commands = name, kind, address, commands
        self._now = now
        self._secret = secret
        self._since = now()
        self._detail = ""
        self._refusals: deque[tuple[Millis, str, str | bytes]] = deque(maxlen=REFUSALS_KEPT)
        self._changed = True
        self._emitted_at = float("-inf")

    def turn(self, state: LinkState, detail: str = "") -> None:
        """The link is now in `state`, because of `detail`. Reported at once where that is news."""
        detail = self._veil(printable(detail, MAX_REASON))
        if state is not self.state:
            self.state, self._since = state, self._now()
        elif detail == self._detail and not self._never_emitted:
            return
        self._detail = detail
        self._report()

    def refuse(self, reason: str, sample: str | bytes) -> None:
        """Count one record or frame that was not taken and keep it among the newest few."""
        self.refused += 1
        # Made printable only when it is reported: a flood of refusals must not cost more than what it refuses.
        self._refusals.append((self._now(), reason[: MAX_REASON * 4], sample[: SAMPLE_CHARS * 4]))
        self._changed = True

    def touch(self) -> None:
        """Some number changed."""
        self._changed = True

    def flush(self) -> None:
        """Report what changed, unless the last report is younger than half a second."""
        if self._changed and time.monotonic() - self._emitted_at >= REPORT_EVERY_S:
            self._report()

    @property
    def _never_emitted(self) -> bool:
        return self._emitted_at == float("-inf")

    def _veil(self, text: str) -> str:
        # the other side may send our own secret back to us, in an error text for instance
        return text.replace(self._secret, "***") if self._secret else text

    def _shown(self, at: Millis, reason: str, sample: str | bytes) -> Refusal:
        return Refusal(at, self._veil(printable(reason, MAX_REASON)), self._veil(printable(sample)))

    def _report(self) -> None:
        self._changed = False
        self._emitted_at = time.monotonic()
        self._emit(
            LinkReport(
                name=self._name,
                kind=self._kind,
                address=self._address,
                state=self.state,
                since=self._since,
                detail=self._detail,
                simulated=self.simulated,
                commands=self._commands,
                delay_ms=self.delay_ms,
                records=self.records,
                frames=self.frames,
                refused=self.refused,
                gaps=self.gaps,
                resyncs=self.resyncs,
                duplicates=self.duplicates,
                reconnects=self.reconnects,
                last_record_at=self.last_record_at,
                refusals=tuple(self._shown(*refusal) for refusal in self._refusals),
            )
        )
