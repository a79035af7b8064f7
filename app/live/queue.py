"""What a person asks the alert queue for, and the rows that answer it: filters, search, order and folding, all on the store's columns.

Nothing is left out silently: an answer says how many alerts it does not show, and why.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.citypack import CityPack
from app.domain.alert import UNSEEN, AlertState
from app.domain.ids import AlertId, AlertKindId, AreaCode, DepartmentId, Millis, SourceName
from app.domain.text import N_
from app.live.alerts import RETURNED, STATES, UNACKNOWLEDGED, AlertStore
from app.live.columns import Lexicon, argsort

T = TypeVar("T", bound=Hashable)
MAX_SEARCH = 200
"""Characters of a search that count."""
_FEW = 2
"""Fewer than one alert in so many, and it is quicker to sort those that fit than all of the queue."""


class Sort(StrEnum):
    """Orders of the queue."""

    URGENCY = "urgency"
    """Unacknowledged before acknowledged, worst first, oldest first within."""
    NEWEST = "newest"
    OLDEST = "oldest"
    AREA = "area"
    KIND = "kind"


SORT_WORDS: dict[Sort, str] = {
    Sort.URGENCY: N_("worst first, oldest first"),
    Sort.NEWEST: N_("newest first"),
    Sort.OLDEST: N_("oldest first"),
    Sort.AREA: N_("by district"),
    Sort.KIND: N_("by kind"),
}


class Fold(StrEnum):
    """What stands in one row."""

    NOTHING = "nothing"
    DUPLICATES = "duplicates"
    CAUSES = "causes"
    """Everything that one cause brought about, with its duplicates, as in a flood."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question to the queue. What is empty does not narrow it. JSON of it is how a search is saved."""

    text: str = ""
    """Words, each of which must occur in title, place, area, kind, owner or source, whatever the case, or be the alert's id."""
    severities: tuple[int, ...] = ()
    states: tuple[AlertState, ...] = ()
    """Empty: what belongs in the queue. States of ASIDE and cleared are shown only where they are named."""
    kinds: tuple[AlertKindId, ...] = ()
    domains: tuple[str, ...] = ()
    departments: tuple[DepartmentId, ...] = ()
    areas: tuple[AreaCode, ...] = ()
    sources: tuple[SourceName, ...] = ()
    owner: str | None = None
    """Whose they are; "": nobody's."""
    without_case: bool = False
    chattering: bool = False
    since: Millis | None = None
    until: Millis | None = None

    @property
    def plain(self) -> bool:
        """Whether it asks for the whole queue."""
        return self == _EVERYTHING


class Question(msgspec.Struct, frozen=True):
    """Everything that an answer depends on besides the alerts: with the same store it gives the same rows."""

    ask: Ask = Ask()
    sort: Sort = Sort.URGENCY
    fold: Fold = Fold.DUPLICATES


_EVERYTHING = Ask()
UNSEEN_STATES = tuple(state for state in AlertState if state in UNSEEN)


class Answer(msgspec.Struct, frozen=True):
    """Rows of the store in the order to show them. `weight`: how many alerts stand in each. `hidden`: alerts that are not over and not
    shown, by the reason: an aside state's name, "filtered", or "folded"."""

    rows: NDArray[np.int64]
    weight: NDArray[np.int64]
    hidden: dict[str, int]
    matching: NDArray[np.int64]
    """Rows of every alert that fits, folded ones too, in the same order."""
    worst: NDArray[np.int8]
    """The worst severity of what stands in each row; of what nobody has acknowledged, where there is any."""
    unseen: NDArray[np.bool_]
    """Whether somebody still has to take note of anything in the row."""

    @staticmethod
    def nothing() -> Answer:
        """Before anything was asked."""
        none = np.empty(0, dtype=np.int64)
        return Answer(none, none, {}, none, none.astype(np.int8), none.astype(np.bool_))


class AlertQueue:
    """Answers questions about one store. Loop thread only; at a million alerts any of them stays under 100 ms."""

    def __init__(self, alerts: AlertStore, city: CityPack) -> None:
        self._alerts = alerts
        self._city = city

    def answer(self, ask: Ask, now: Millis, *, sort: Sort = Sort.URGENCY, fold: Fold = Fold.DUPLICATES) -> Answer:
        """The rows that fit `ask`."""
        alerts = self._alerts
        if ask.plain and sort is Sort.URGENCY:
            matching = alerts.order()
        else:
            matching = self._sorted(self._fits(ask, now), sort, within=not ask.states)
        rows, weight = self._folded(matching, fold)
        worst, unseen = self._worst(rows, matching, fold)
        hidden = {state.value: count for state, count in alerts.aside_counts().items() if count and state not in ask.states}
        queued = int(np.count_nonzero(alerts.queued()))
        shown = matching if not ask.states else matching[alerts.queued()[matching]]
        hidden |= {why: count for why, count in (("filtered", queued - len(shown)), ("folded", len(matching) - len(rows))) if count}
        return Answer(rows, weight, hidden, matching, worst, unseen)

    def members(self, row: int, fold: Fold) -> NDArray[np.int64]:
        """Rows of the queue that stand in `row` when folded so, first-out first; the row itself where it is not in the queue."""
        if fold is Fold.NOTHING:
            return np.array([row], dtype=np.int64)
        alerts, numbers = self._alerts, self.numbers(fold)
        found = np.flatnonzero((numbers == numbers[row]) & alerts.queued())
        found = found[np.argsort(alerts.at[found], kind="stable")]
        return found if len(found) else np.array([row], dtype=np.int64)

    def numbers(self, fold: Fold) -> NDArray[np.int64]:
        """For each row of the store a number that it shares with those that stand in one row when folded so."""
        return fold_numbers(self._alerts, fold)

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _fits(self, ask: Ask, now: Millis) -> NDArray[np.bool_]:
        alerts = self._alerts
        if ask.states:
            fits = np.isin(alerts.state, [STATES.index(state) for state in ask.states])
        else:
            fits = alerts.queued()
        if ask.severities:
            fits &= np.isin(alerts.severity, ask.severities)
        if kinds := self._kinds(ask):
            fits &= _of(alerts.kinds, kinds)[alerts.kind]
        if ask.areas:
            fits &= _of(alerts.areas, ask.areas)[alerts.area]
        if ask.sources:
            fits &= _of(alerts.sources, ask.sources)[alerts.source]
        if ask.owner is not None:
            fits &= alerts.owner == alerts.people.find(ask.owner)
        if ask.without_case:
            fits &= ~alerts.has_case
        if ask.chattering:
            fits &= alerts.folds.chattering(now)[alerts.fold]
        if ask.since is not None:
            fits &= alerts.at >= ask.since
        if ask.until is not None:
            fits &= alerts.at < ask.until
        for word in ask.text[:MAX_SEARCH].split():
            fits &= self._contains(word.casefold()) | self._named(word)
        return fits

    def _kinds(self, ask: Ask) -> list[AlertKindId]:
        """Kinds that fit; empty: any. A kind that the pack does not know belongs to no domain and to no department."""
        if not (ask.kinds or ask.domains or ask.departments):
            return []
        known = self._city.alert_kinds
        chosen = [
            kind
            for kind in self._alerts.kinds.values
            if (not ask.kinds or kind in ask.kinds)
            and (not ask.domains or (kind in known and known[kind].domain in ask.domains))
            and (not ask.departments or (kind in known and known[kind].owner in ask.departments))
        ]
        return chosen or [AlertKindId("")]

    def _contains(self, word: str) -> NDArray[np.bool_]:
        """Whether `word` (casefolded) occurs in what each is known by."""
        alerts, city = self._alerts, self._city
        kinds = [_named(word, kind, city.alert_kinds) for kind in alerts.kinds.values]
        areas = [_named(word, area, city.areas) for area in alerts.areas.values]
        found = alerts.titles.matching(word)[alerts.title]
        found |= alerts.places.matching(word)[alerts.place]
        for lexicon, column in ((alerts.people, alerts.owner), (alerts.sources, alerts.source)):
            mask = lexicon.matching(word)
            if mask.any():
                found |= mask[column]
        for mask, column in ((kinds, alerts.kind), (areas, alerts.area)):
            if any(mask):
                found |= np.array(mask, dtype=np.bool_)[column]
        return found

    def _named(self, word: str) -> NDArray[np.bool_]:
        """The alert whose id it is."""
        found, row = np.zeros(len(self._alerts), dtype=np.bool_), self._alerts.find(AlertId(word))
        if row >= 0:
            found[row] = True
        return found

    def _sorted(self, fits: NDArray[np.bool_], sort: Sort, *, within: bool) -> NDArray[np.int64]:
        """Rows that fit, in order. `within`: only rows of the queue are among them, whose order is mostly known."""
        alerts = self._alerts
        if sort is Sort.NEWEST or sort is Sort.OLDEST:
            rows = np.flatnonzero(fits)
            at = alerts.at[rows]
            return rows[argsort(-at if sort is Sort.NEWEST else at)]
        if within and (alerts.ordered or np.count_nonzero(fits) * _FEW > len(fits)):
            order = alerts.order()[fits[alerts.order()]]
        else:
            order = alerts.sorted(np.flatnonzero(fits))
        if sort is Sort.URGENCY:
            return order
        lexicon, column, known = (
            (alerts.areas, alerts.area, list(self._city.areas)) if sort is Sort.AREA else (alerts.kinds, alerts.kind, list(self._city.alert_kinds))
        )
        place = {name: n for n, name in enumerate(known)}
        # By the pack's own order; by urgency within, since that is how they stand.
        rank = np.array([place.get(value, len(known)) for value in lexicon.values], dtype=np.int16)
        return order[np.argsort(rank[column[order]], kind="stable")]

    def _folded(self, rows: NDArray[np.int64], fold: Fold) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """One row for each fold: the first in order; and how many stand in it. Of a cause's group the cause itself, where it is among them."""
        if fold is Fold.NOTHING or not len(rows):
            return rows, np.ones(len(rows), dtype=np.int64)
        alerts = self._alerts
        number = alerts.fold[rows if fold is Fold.DUPLICATES else alerts.group[rows]]
        weight = np.bincount(number, minlength=len(alerts.folds))
        kept = _firsts(number, len(weight))
        heads = rows[kept]
        if fold is Fold.CAUSES:
            roots = np.flatnonzero(alerts.group[rows] == rows)
            first_root = np.full(len(weight), -1, dtype=np.int64)
            first = roots[_firsts(number[roots], len(weight))]
            first_root[number[first]] = rows[first]
            found = first_root[number[kept]]
            heads = np.where(found >= 0, found, heads)
        return heads, weight[number[kept]]

    def _worst(self, rows: NDArray[np.int64], matching: NDArray[np.int64], fold: Fold) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """See Answer.worst and Answer.unseen."""
        alerts = self._alerts
        state = alerts.state
        if len(rows) == len(matching):
            return alerts.severity[rows].astype(np.int8, copy=False), (state[rows] == UNACKNOWLEDGED) | (state[rows] == RETURNED)
        numbers = fold_numbers(alerts, fold)
        number, severity = numbers[matching], alerts.severity[matching]
        waiting = (state[matching] == UNACKNOWLEDGED) | (state[matching] == RETURNED)
        worst = np.zeros(int(number.max()) + 1, dtype=np.int8)
        unseen = np.zeros(len(worst), dtype=np.bool_)
        unseen[number[waiting]] = True
        # The mildest first, so that the worst stays; what waits for somebody after what does not.
        for counts in (~waiting, waiting):
            for step in (4, 3, 2, 1):
                worst[number[counts & (severity == step)]] = step
        return worst[numbers[rows]], unseen[numbers[rows]]


def fold_numbers(alerts: AlertStore, fold: Fold) -> NDArray[np.int64]:
    """See AlertQueue.numbers."""
    if fold is Fold.NOTHING:
        return np.arange(len(alerts))
    # Of one cause that was raised again and again, everything it ever brought about.
    return alerts.fold if fold is Fold.DUPLICATES else alerts.fold[alerts.group]


def _firsts(number: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """Where each number occurs first, ascending."""
    first = np.full(room, len(number), dtype=np.int64)
    first[number[::-1]] = np.arange(len(number) - 1, -1, -1)
    return np.sort(first[first < len(number)])


def _of(lexicon: Lexicon[T], wanted: Iterable[T]) -> NDArray[np.bool_]:
    """For each number of the lexicon whether it is wanted."""
    mask = np.zeros(len(lexicon), dtype=np.bool_)
    for value in wanted:
        number = lexicon.find(value)
        if number >= 0:
            mask[number] = True
    return mask


def _named(word: str, name: str, known: Mapping[Any, object]) -> bool:
    """Whether `word` occurs in the id or the pack's name of a kind or an area."""
    found = known.get(name)
    text = getattr(found, "name", None)
    return word in name.casefold() or (text is not None and (word in text.zh.casefold() or word in text.en.casefold()))
