"""Putting alerts aside: a shelf takes what matches it out of the queue, for a reason and for a while, what is there and what comes.

ISA-18.2 knows three ways. Shelving and taking out of service are a person's decision and are commands; suppression by design is a rule
of the city pack, and no record of its own.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.domain.alert import Alert, AlertState
from app.domain.errors import NotAllowed
from app.domain.ids import AlertId, AlertKindId, AreaCode, Millis, SeriesId, ShelfId, SourceName
from app.domain.text import N_


class How(StrEnum):
    """The two ways that are a person's to choose; the values are AlertState's own."""

    SHELVED = AlertState.SHELVED.value
    OUT_OF_SERVICE = AlertState.OUT_OF_SERVICE.value


MAX_SHELVED_MS = 24 * 3_600_000
"""Nothing is shelved for longer; what has to be quiet for longer is out of service, or its limit is wrong."""
MAX_OUT_MS = 90 * 24 * 3_600_000


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is put aside: everything that fits all that is named. Nothing named fits nothing."""

    alert: AlertId | None = None
    kind: AlertKindId | None = None
    area: AreaCode | None = None
    """This area; areas within it are not meant, a pack's areas being districts."""
    place: str | None = None
    """The place's name as `Text.zh` has it."""
    series: SeriesId | None = None
    source: SourceName | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is named."""
        return not any((self.alert, self.kind, self.area, self.place, self.series, self.source))

    def covers(self, alert: Alert) -> bool:
        """Whether `alert` is meant."""
        pairs = (
            (self.alert, alert.id),
            (self.kind, alert.kind),
            (self.area, alert.area),
            (self.place, alert.place.zh),
            (self.series, alert.series),
            (self.source, alert.source),
        )
        return not self.empty and all(wanted is None or wanted == has for wanted, has in pairs)


class Shelf(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision to put alerts aside, and how it ended."""

    id: ShelfId
    how: How
    scope: Scope
    by: str
    at: Millis
    until: Millis
    """It ends by itself then: nothing stays aside because somebody forgot it."""
    reason: str
    ended_at: Millis | None = None
    ended_by: str = ""
    version: int = 1

    def holds(self, now: Millis) -> bool:
        """Whether it takes alerts out of the queue at `now`."""
        return self.ended_at is None and now < self.until


def put_aside(existing: Shelf | None, shelf: Shelf) -> Shelf:
    """The new shelf. Raises NotAllowed where it exists, names nothing, gives no reason, or has no end that may be."""
    if existing is not None:
        raise NotAllowed(N_("This has been done already."), where=shelf.id)
    if shelf.scope.empty:
        raise NotAllowed(N_("Nothing was named to be put aside."), where=shelf.id, remedy=N_("Choose an alert, a kind, an area or a source."))
    if not shelf.reason.strip():
        raise NotAllowed(N_("This needs a reason in words."), where=shelf.id, remedy=N_("Write a comment."))
    longest = MAX_SHELVED_MS if shelf.how is How.SHELVED else MAX_OUT_MS
    if not shelf.at < shelf.until <= shelf.at + longest:
        raise NotAllowed(
            N_("An alert can be put aside only until some moment that is to come, and not for longer than allowed."),
            where=shelf.id,
            remedy=N_("Choose a shorter time; it can be done again."),
        )
    return shelf


def take_back(shelf: Shelf | None, by: str, at: Millis) -> Shelf:
    """The shelf, ended. Raises NotAllowed where there is none, or it has ended."""
    if shelf is None:
        raise NotAllowed(N_("This is not known here any more."))
    if not shelf.holds(at):
        raise NotAllowed(N_("It has ended already."), where=shelf.ended_by or shelf.id)
    return msgspec.structs.replace(shelf, ended_at=at, ended_by=by, version=shelf.version + 1)
