"""The alert store and the queue against what a plain list of records would say: random alerts, random questions, nothing lost on the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.citypack import find_cities, load_city
from app.domain.alert import ASIDE, Acknowledgement, Alert, AlertMove, AlertState, AlertStep, Reality, shown_state
from app.domain.aside import How, Scope, Shelf
from app.domain.geo import Position
from app.domain.ids import AlertId, AlertKindId, AreaCode, CaseId, DepartmentId, Millis, SeriesId, ShelfId, SourceName
from app.domain.rule import Suppression
from app.domain.severity import Severity
from app.domain.text import Text
from app.live import columns
from app.live.alerts import STATES, AlertStore
from app.live.asides import Asides
from app.live.columns import CountedLexicon, RowSet
from app.live.folds import CHATTER_MS, QUIET_MS
from app.live.index import RowIndex
from app.live.queue import AlertQueue, Ask, Fold, Sort

NOW = Millis(1_763_700_000_000)
CITY = load_city(find_cities()["qingdao"])
CHAIN = next([c, k.id, CITY.alert_kinds[c].id] for k in CITY.alert_kinds.values() if (c := k.cause) is not None)[:2]
KINDS = [*CHAIN, next(k for k in CITY.alert_kinds if k not in CHAIN and CITY.alert_kinds[k].cause not in CHAIN), AlertKindId("unheard_of")]
AREAS = [*list(CITY.areas)[1:3], AreaCode("999999")]
NAMES = [AlertId(f"A{n}") for n in range(12)]
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

moments = st.integers(-3, 40).map(lambda n: Millis(NOW + n * 15_000))
numbers = st.sampled_from([None, 0.0, -0.0, 1.5, float("nan"), float("inf"), 1e300])
spots = st.sampled_from([None, Position(0.0, 0.0), Position(120.123456789, 36.1), Position(float("nan"), 1.0), Position(1.0, float("nan"))])
marks = st.builds(Acknowledgement, st.sampled_from(["", "王磊"]), st.sampled_from([Millis(0), NOW]), st.sampled_from(["", "已看", "Seen"]))
steps = st.builds(AlertStep, move=st.sampled_from(AlertMove), at=st.just(NOW), actor=st.just("王磊"), comment=st.sampled_from(["", "已看"]))
places = st.sampled_from([Text(), Text("五四广场", "May Fourth Square"), Text("栈桥", "Zhanqiao")])


def build(names: st.SearchStrategy[AlertId], causes: st.SearchStrategy[AlertId | None]) -> st.SearchStrategy[Alert]:
    return st.builds(
        Alert,
        id=names,
        kind=st.sampled_from(KINDS),
        severity=st.sampled_from(Severity),
        title=st.sampled_from([Text("积水", "Standing water"), Text("Größe\nß", ""), Text("停电", "Outage"), Text("内涝", "Flood")]),
        area=st.sampled_from(AREAS),
        place=places,
        at=moments,
        active=st.booleans(),
        ended_at=st.sampled_from([None, Millis(0), NOW]),
        position=spots,
        polygons=st.sampled_from([(), ((Position(1.0, 2.0), Position(3.0, 4.0)),)]),
        cause=causes,
        series=st.sampled_from([None, SeriesId("rain@370202")]),
        value=numbers,
        limit=numbers,
        confidence=st.sampled_from([None, 0.0, 0.75]),
        acknowledged=st.none() | marks,
        case=st.sampled_from([None, CaseId("c1")]),
        reality=st.sampled_from(Reality),
        advice=st.sampled_from([Text(), Text("抽水", "Pump")]),
        owner=st.sampled_from(["", "王磊", "Li"]),
        steps=st.lists(steps, max_size=2).map(tuple),
        source=st.sampled_from([SourceName("demo"), SourceName("cap")]),
        version=st.sampled_from([1, 2, 2**31]),
    )


alerts = build(st.sampled_from(NAMES), st.none() | st.sampled_from([*NAMES, AlertId("never")]))
batches = st.lists(st.lists(alerts, max_size=6), max_size=6)
plain = Alert(
    id=AlertId("a"), kind=KINDS[2], severity=Severity.SEVERE, title=Text("积水", "Water"), area=AREAS[0], place=Text("栈桥", ""), at=NOW
)  # fmt: skip


def make(name: str, **more: object) -> Alert:
    return msgspec.structs.replace(plain, id=AlertId(name), **more)


def store_of(*batch: Sequence[Alert], causes: bool = True) -> AlertStore:
    store = AlertStore({kind.id: kind.cause for kind in CITY.alert_kinds.values()} if causes else None)
    for each in batch:
        store.put_all(each, NOW)
    return store


def root_of(store: AlertStore, row: int) -> int:
    seen = set[int]()
    while (cause := int(store.cause[row])) >= 0:
        assert row not in seen, "causes lead in a circle"
        seen.add(row)
        row = cause
    return row


class Bursts:
    """What folds count, said plainly: all raises of a point since it was last quiet."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.chatter = 0

    def raised(self, at: int) -> None:
        if not self.times or at - max(self.times) > QUIET_MS:
            self.times = [at]
        elif min(self.times) - at <= QUIET_MS:
            self.times.append(at)
        newest = sorted(self.times)[-3:]
        if len(newest) == 3 and newest[2] - newest[0] <= CHATTER_MS:
            self.chatter = newest[2]


class TestRecords:
    @QUICK
    @given(batches)
    def test_the_newest_record_comes_back_whole_and_the_columns_say_the_same(self, sent: list[list[Alert]]) -> None:
        store, newest = store_of(), dict[AlertId, Alert]()
        for batch in sent:
            rows = store.put_all(batch, NOW)
            assert [store.id_at(int(row)) for row in rows] == [a.id for a in batch]
            newest.update((a.id, a) for a in batch)
            for name, alert in newest.items():
                # By repr, since nan is not equal to itself.
                assert repr(store[name]) == repr(alert)
                assert repr(store.at_row(store.row_of(name))) == repr(alert)
        assert len(store) == len(newest)
        assert [a.id for a in store] == list(newest)
        for row, alert in enumerate(newest.values()):
            assert store.severity[row] == alert.severity
            assert STATES[store.state[row]] is alert.state is store.state_of(alert.id)
            assert (store.at[row], store.ended[row], store.came[row]) == (alert.at, alert.ended_at or 0, NOW)
            assert store.acked[row] == (alert.acknowledged.at if alert.acknowledged else 0)
            assert store.kinds.values[store.kind[row]] == alert.kind
            assert store.areas.values[store.area[row]] == alert.area
            assert store.sources.values[store.source[row]] == alert.source
            assert store.titles.values[store.title[row]] == alert.title
            assert store.has_case[row] == (alert.case is not None)
            assert repr(float(store.lon[row])) == repr(alert.position.lon if alert.position else math.nan)
        standing = Counter(a.severity for a in newest.values() if a.state is not AlertState.CLEARED)
        assert store.standing().tolist() == [0, *(standing[s] for s in Severity)]
        assert store.unacknowledged() == sum(a.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED) for a in newest.values())

    @QUICK
    @given(batches)
    def test_the_order_is_that_of_a_plain_sort_however_it_came_about(self, sent: list[list[Alert]]) -> None:
        store = store_of([make(f"n{n}", at=NOW + n * 7_000, severity=Severity(1 + n % 4)) for n in range(60)])
        for batch in sent:
            store.put_all(batch)
            standing = [r for r, a in enumerate(store) if a.state is not AlertState.CLEARED]
            by = {r: (a.state is AlertState.ACKNOWLEDGED, a.severity, a.at, r) for r, a in enumerate(store)}
            assert store.order().tolist() == sorted(standing, key=by.__getitem__)

    @QUICK
    @given(batches)
    def test_groups_are_the_trees_that_causes_make(self, sent: list[list[Alert]]) -> None:
        store = store_of()
        for batch in sent:
            store.put_all(batch)
            for row in range(len(store)):
                assert store.group[row] == root_of(store, row)

    @QUICK
    @given(st.permutations(range(9)), st.data())
    def test_every_cause_that_is_said_is_found_whichever_comes_first(self, order: list[int], data: st.DataObject) -> None:
        causes = {n: data.draw(st.none() | st.integers(0, n - 1)) if n else None for n in order}
        cut = data.draw(st.integers(0, 9))
        sent = [make(f"n{n}", cause=None if causes[n] is None else AlertId(f"n{causes[n]}")) for n in order]
        store = store_of(sent[:cut], sent[cut:], causes=False)
        for n, cause in causes.items():
            row = store.row_of(AlertId(f"n{n}"))
            assert store.cause[row] == (-1 if cause is None else store.row_of(AlertId(f"n{cause}")))
            assert store.group[row] == root_of(store, row)

    @QUICK
    @given(batches)
    def test_folds_count_what_a_list_of_raises_would(self, sent: list[list[Alert]]) -> None:
        store, newest, bursts, raises = store_of(), dict[AlertId, Alert](), dict[int, Bursts](), Counter[AlertId]()
        for batch in sent:
            store.put_all(batch)
            known = dict(newest)
            last = {a.id: a for a in batch}
            for fresh in (True, False):  # those that are new are counted first
                for alert in (a for a in last.values() if (a.id not in known) is fresh):
                    before = newest.get(alert.id)
                    raised = alert.active and (before is None or not before.active or alert.at > before.at)
                    moved = before is not None and point(before) != point(alert)
                    if raised or (moved and alert.active):
                        bursts.setdefault(int(store.fold[store.row_of(alert.id)]), Bursts()).raised(alert.at)
                    raises[alert.id] += raised
                    newest[alert.id] = alert
        for name in newest:
            assert store.raises[store.row_of(name)] == raises[name]
        for fold, burst in bursts.items():
            assert store.folds.count[fold] == len(burst.times)
            assert (store.folds.first[fold], store.folds.last[fold]) == (min(burst.times), max(burst.times))
            assert store.folds.chatter[fold] == burst.chatter
            assert store.folds.chattering_at(fold, NOW) == bool(store.folds.chattering(NOW)[fold]) == (burst.chatter > NOW - CHATTER_MS)


def point(alert: Alert) -> tuple[object, ...]:
    return alert.kind, alert.area, alert.place, alert.series


@pytest.mark.parametrize("span", [10, 70_000, 2**44])
def test_many_are_sorted_as_numpy_would(span: int) -> None:
    keys = np.random.default_rng(1).integers(-5, span, 30_000)
    assert columns.argsort(keys).tolist() == np.argsort(keys, kind="stable").tolist()


class TestOddRecords:
    def test_a_title_that_changes_all_the_time_takes_no_room(self) -> None:
        store = store_of([make("a"), make("b")])
        for n in range(500):
            store.put_all([make("a", title=Text(f"水位 {n} cm", f"Level {n} cm"), version=n)])
        assert len(store.titles) <= 4
        assert store[AlertId("a")].title.en == "Level 499 cm"
        assert store[AlertId("b")].title == plain.title

    def test_a_new_title_in_a_used_place_is_found_and_the_old_one_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(columns, "_CHUNK", 2)
        lexicon = CountedLexicon("")
        first, second = lexicon.number("Alpha"), lexicon.number("beta")
        assert lexicon.matching("alpha")[first]
        lexicon.drop(first)
        third = lexicon.number("Gamma")
        assert third == first
        assert lexicon.matching("gamma").tolist() == [False, True, False]
        assert not lexicon.matching("alpha").any()
        assert lexicon.find("beta") == second

    def test_columns_are_not_for_others_to_write_in(self) -> None:
        store = store_of([plain])
        with pytest.raises(ValueError, match="read-only"):
            store.severity[0] = 4
        with pytest.raises(AttributeError):
            _ = store.colour

    def test_views_stay_behind_and_new_ones_do_not(self) -> None:
        store = store_of([plain])
        kept = store.at
        store.put_all([make(f"n{n}") for n in range(5_000)])
        assert (len(kept), len(store.at)) == (1, 5_001)

    def test_columns_that_grow_ahead_of_need_keep_everything(self) -> None:
        store = store_of()
        for first in range(0, 6_000, 17):
            store.put_all([make(f"n{n}", at=NOW + n, cause=AlertId("n0") if n else None, value=float(n)) for n in range(first, first + 17)])
        assert store.at.tolist() == [NOW + n for n in range(len(store))]
        assert store.value.tolist() == [float(n) for n in range(len(store))]
        assert (store.group == 0).all()

    def test_ten_thousand_symptoms_whose_cause_comes_last(self) -> None:
        symptoms = [make(f"n{n}", at=NOW + n, cause=AlertId("root")) for n in range(10_000)]
        store = store_of(symptoms[:5_000], [*symptoms[5_000:], make("root")])
        root = store.row_of(AlertId("root"))
        assert (store.group == root).all()
        assert not store._orphans
        assert not store._beside, "what waited for its cause is plain again"

    def test_causes_that_never_come_are_not_waited_for_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.live.alerts._AWAITED", 50)
        store = store_of([make(f"n{n}", cause=AlertId(f"never{n}")) for n in range(80)], [make("never0"), make("never79")])
        assert len(store._orphans) == 49
        assert store.cause[0] == -1
        assert store[AlertId("n0")].cause == "never0"
        assert store.cause[79] == store.row_of(AlertId("never79"))

    def test_waiting_for_a_cause_does_not_grow_with_every_update(self) -> None:
        store = store_of(*([make("a", cause=AlertId("never"), version=n)] for n in range(50)))
        assert store._orphans == {"never": [0]}

    def test_who_changed_its_mind_about_its_cause_does_not_go_back_to_the_first(self) -> None:
        store = store_of([make("a", cause=AlertId("x"))], [make("a", cause=AlertId("y"), version=2)], [make("x"), make("y")])
        assert store.cause[0] == store.row_of(AlertId("y"))

    def test_a_subtree_follows_its_root(self) -> None:
        store = store_of([make("leaf", cause=AlertId("mid")), make("mid", cause=AlertId("top")), make("top"), make("other")])
        store.put(make("mid", cause=AlertId("other"), version=2))
        other = store.row_of(AlertId("other"))
        assert [int(store.group[store.row_of(AlertId(n))]) for n in ("leaf", "mid", "other")] == [other] * 3
        assert store.group[store.row_of(AlertId("top"))] == store.row_of(AlertId("top"))

    def test_a_chain_of_thousands_told_backwards_is_one_group(self) -> None:
        names = [f"n{n}" for n in range(3_000)]
        store = store_of([make(a, cause=AlertId(b)) for a, b in pairwise(names)], [make(names[-1])])
        assert (store.group == store.row_of(AlertId(names[-1]))).all()

    def test_the_pack_says_what_brought_it_about_where_the_source_does_not(self) -> None:
        cause, symptom = CHAIN
        store = store_of([make("c", kind=cause), make("s", kind=symptom, at=NOW + 60_000)])
        assert store.group.tolist() == [0, 0]
        assert store[AlertId("s")].cause is None, "a record says what its source said"
        assert store.cause_of(AlertId("s")) == store[AlertId("c")]

    def test_three_in_a_minute_chatter_and_two_do_not(self) -> None:
        store = store_of(*([make(f"a{n}", at=NOW + n * 30_000)] for n in range(2)))
        fold = int(store.fold[0])
        assert not store.folds.chattering_at(fold, Millis(NOW + 30_000))
        store.put(make("a2", at=NOW + 60_000))
        assert store.folds.chattering_at(fold, Millis(NOW + 60_000))
        assert not store.folds.chattering_at(fold, Millis(NOW + 120_000))

    def test_raised_again_under_the_same_id_counts_for_it_and_for_its_fold(self) -> None:
        store = store_of(
            [plain], [make("a", active=False, version=2)], [make("a", at=NOW + 1_000, version=3)], [make("a", at=NOW + 1_000, version=4)]
        )
        assert (store.raises[0], store.folds.count[store.fold[0]]) == (2, 2)

    def test_of_two_with_one_id_in_a_batch_the_later_counts(self) -> None:
        for known in ([], [plain]):
            store = store_of(known)
            rows = store.put_all([make("a", value=1.0), make("b"), make("a", value=2.0)])
            assert rows.tolist() == [0, 1, 0]
            assert store[AlertId("a")].value == 2.0


@given(st.lists(st.integers(0, 5_000), max_size=400))
def test_the_index_is_a_dict(numbers: list[int]) -> None:
    index, plain_dict = RowIndex(), dict[AlertId, int]()
    names = [AlertId(f"x{n}") for n in numbers]
    for name in names:
        plain_dict.setdefault(name, len(plain_dict))
    assert index.take(names) == [plain_dict[name] for name in names]
    assert index.take(names) == [plain_dict[name] for name in names]
    assert {name: index.find(name) for name in plain_dict} == plain_dict
    assert index.find(AlertId("nobody")) == -1
    assert index.ids == list(plain_dict)


@given(st.lists(st.integers(0, 60), min_size=1), st.lists(st.integers(0, 60), min_size=1))
def test_row_sets_subtract(first: list[int], second: list[int]) -> None:
    a, b = RowSet(), RowSet()
    a.add(np.array(first))
    assert a.without(b).tolist() == sorted(set(first))
    b.add(np.array(second))
    assert a.without(b).tolist() == sorted(set(first) - set(second))


def some(values: Sequence[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple) | st.just(())


asks = st.builds(
    Ask,
    text=st.sampled_from(["", "积水", "WATER", "五四广场 积水", "市南", "grösse", "a3", "A3", "li", "cap", "zzz", "standing may"]),
    severities=some([1, 2, 3, 4]),
    states=some(list(AlertState)),
    kinds=some(KINDS),
    domains=some(list(CITY.domains)[:3]),
    departments=some([DepartmentId(k.owner) for k in list(CITY.alert_kinds.values())[:4]]),
    areas=some([*AREAS, AreaCode("000000")]),
    sources=some(["demo", "cap", "nobody"]),
    owner=st.sampled_from([None, "", "王磊", "nobody"]),
    without_case=st.booleans(),
    chattering=st.sampled_from([False, False, True]),
    since=st.none() | moments,
    until=st.none() | moments,
)


def states_shown(store: AlertStore) -> list[AlertState]:
    return [STATES[n] for n in store.state]


def fits(store: AlertStore, row: int, alert: Alert, ask: Ask) -> bool:
    state, kind = store.state_at(row), CITY.alert_kinds.get(alert.kind)
    wanted = ask.states or (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, AlertState.RETURNED)
    area = CITY.areas.get(alert.area)
    named = [alert.title, alert.place, *(x.name for x in (kind, area) if x is not None)]
    said = [part for text in named for part in (text.zh, text.en)] + [alert.kind, alert.area, alert.owner, alert.source]
    said = [part.casefold().replace("\n", " ") for part in said]
    return (
        state in wanted
        and (not ask.severities or alert.severity in ask.severities)
        and (not ask.kinds or alert.kind in ask.kinds)
        and (not ask.domains or (kind is not None and kind.domain in ask.domains))
        and (not ask.departments or (kind is not None and kind.owner in ask.departments))
        and (not ask.areas or alert.area in ask.areas)
        and (not ask.sources or alert.source in ask.sources)
        and (ask.owner is None or alert.owner == ask.owner)
        and (not ask.without_case or alert.case is None)
        and (not ask.chattering or store.folds.chattering_at(int(store.fold[row]), NOW))
        and (ask.since is None or alert.at >= ask.since)
        and (ask.until is None or alert.at < ask.until)
        and all(word == alert.id or any(word.casefold() in part for part in said) for word in ask.text.split())
    )


def sort_key(store: AlertStore, sort: Sort, row: int) -> tuple[object, ...]:
    alert = store.at_row(row)
    urgency = (store.state_at(row) is AlertState.ACKNOWLEDGED, alert.severity, alert.at, row)
    if sort is Sort.NEWEST:
        return (-alert.at, row)
    if sort is Sort.OLDEST:
        return (alert.at, row)
    known: list[str] = list(CITY.areas) if sort is Sort.AREA else list(CITY.alert_kinds)
    value = alert.area if sort is Sort.AREA else alert.kind
    return urgency if sort is Sort.URGENCY else (known.index(value) if value in known else len(known), *urgency)


class TestQueue:
    @QUICK
    @given(batches, asks, st.sampled_from(Sort), st.sampled_from(Fold), st.lists(st.sampled_from([*NAMES]), max_size=3))
    def test_an_answer_is_what_a_list_would_give(self, sent: list[list[Alert]], ask: Ask, sort: Sort, fold: Fold, aside: list[AlertId]) -> None:
        store = store_of(*sent)
        queue, rows = AlertQueue(store, CITY), np.array([r for a in aside if (r := store.find(a)) >= 0], dtype=np.int64)
        store.put_aside(np.unique(rows), np.array([STATES.index(AlertState.SHELVED)] * len(np.unique(rows)), dtype=np.int8))
        found = queue.answer(ask, NOW, sort=sort, fold=fold)

        matching = [row for row, alert in enumerate(store) if fits(store, row, alert, ask)]
        assert found.matching.tolist() == sorted(matching, key=lambda row: sort_key(store, sort, row))
        numbers = queue.numbers(fold).tolist()
        heads: dict[int, int] = {}
        for row in found.matching.tolist():
            heads.setdefault(numbers[row], row)
        if fold is Fold.CAUSES:
            for row in reversed(found.matching.tolist()):
                if store.group[row] == row:
                    heads[numbers[row]] = row
        assert found.rows.tolist() == list(heads.values())
        weights = Counter(numbers[row] for row in matching)
        assert found.weight.tolist() == [weights[numbers[row]] for row in found.rows.tolist()]
        for row in found.rows.tolist():
            members = queue.members(row, fold).tolist()
            assert members == sorted(members, key=lambda r: (store.at[r], r))
            if not ask.states:
                assert row in members
                assert {r for r in matching if numbers[r] == numbers[row]} <= set(members)

    @QUICK
    @given(batches, asks, st.sampled_from(Fold))
    def test_what_is_not_shown_is_counted(self, sent: list[list[Alert]], ask: Ask, fold: Fold) -> None:
        store = store_of(*sent)
        ask = msgspec.structs.replace(ask, states=())
        found = AlertQueue(store, CITY).answer(ask, NOW, fold=fold)
        assert len(found.rows) + sum(found.hidden.values()) == sum(state is not AlertState.CLEARED for state in states_shown(store))

    def test_an_ask_survives_as_json(self) -> None:
        ask = Ask(text="积水", states=(AlertState.SHELVED,), severities=(1,), owner="")
        assert msgspec.json.decode(msgspec.json.encode(ask), type=Ask) == ask
        assert Ask().plain
        assert not ask.plain


scopes = st.builds(
    Scope,
    alert=st.none() | st.none() | st.sampled_from([*NAMES, AlertId("never")]),
    kind=st.none() | st.sampled_from(KINDS),
    area=st.none() | st.sampled_from(AREAS),
    place=st.none() | st.sampled_from(["栈桥", "五四广场", "nowhere"]),
    series=st.none() | st.just(SeriesId("rain@370202")),
    source=st.none() | st.sampled_from([SourceName("demo"), SourceName("cap"), SourceName("nobody")]),
)
RULES = (
    Suppression(id="r1", kinds=(KINDS[2], KINDS[3]), by=KINDS[0], reason=Text("因", "why")),
    Suppression(id="r2", kinds=(KINDS[1],), by=KINDS[2], whole_city=True, reason=Text("因", "why")),
)
shelf_acts = st.tuples(
    st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(How), scopes, st.integers(1, 4), st.sampled_from(["put", "put", "end", "forget"])
)
acts = st.lists(shelf_acts | st.lists(alerts, max_size=4) | st.integers(0, 2), max_size=12)


def strongest(alert: Alert, shelves: Sequence[Shelf], store: AlertStore, now: Millis) -> AlertState | None:
    found = {AlertState(s.how.value) for s in shelves if s.holds(now) and s.scope.covers(alert)}
    for rule in RULES:
        areas = {a.area for a in store if a.kind == rule.by and a.active}
        if alert.kind in rule.kinds and (areas if rule.whole_city else alert.area in areas):
            found.add(AlertState.SUPPRESSED)
    return max(found, key=ASIDE.index) if found else None


class TestAsides:
    @QUICK
    @given(batches, scopes, st.booleans())
    @example([[make("a")]], Scope(), False)
    def test_a_scope_means_the_same_in_columns(self, sent: list[list[Alert]], scope: Scope, half: bool) -> None:
        store = store_of(*sent)
        rows = np.arange(0, len(store), 2) if half else None
        wanted = [r for r, a in enumerate(store) if scope.covers(a) and (rows is None or r % 2 == 0)]
        assert Asides(store, ()).matching(scope, rows).tolist() == wanted

    @QUICK
    @given(acts)
    def test_whatever_happens_each_shows_its_strongest_reason(self, done: list[object]) -> None:
        store, shelves, now = store_of(), dict[ShelfId, Shelf](), NOW
        asides, told = Asides(store, RULES), Counter[ShelfId]()
        before = dict[int, AlertState]()
        for act in done:
            if isinstance(act, list):
                asides.place(store.put_all(act), now)
                before.update(enumerate(states_shown(store)))
            elif isinstance(act, tuple):
                self.change(shelves, act, now)
                changed = set(asides.use(shelves, now).tolist())
                after = dict(enumerate(states_shown(store)))
                assert {r for r in after if after[r] is not before[r]} == changed
                before = after
            else:
                assert isinstance(act, int)
                now = Millis(now + act * 20_000)
            running = {s.id for s in asides._held.values()}
            for step in asides.second(now):
                after = dict(enumerate(states_shown(store)))
                if step.shelf is not None:
                    told[step.shelf.id] += 1
                    assert step.shelf.id in running
                    assert not step.shelf.holds(now)
            before = dict(enumerate(states_shown(store)))
            for row, alert in enumerate(store):
                assert store.state_at(row) is shown_state(alert.state, strongest(alert, list(shelves.values()), store, now))
            assert not [s for s in asides.second(now) if len(s.rows)]

    def change(self, shelves: dict[ShelfId, Shelf], act: tuple[object, ...], now: Millis) -> None:
        name, how, scope, minutes, what = act
        key = ShelfId(str(name))
        assert isinstance(how, How)
        assert isinstance(scope, Scope)
        assert isinstance(minutes, int)
        if what == "put":
            shelves[key] = Shelf(id=key, how=how, scope=scope, by="王磊", at=now, until=Millis(now + minutes * 20_000), reason="r")
        elif what == "end" and key in shelves:
            shelves[key] = msgspec.structs.replace(shelves[key], ended_at=now, ended_by="王磊")
        elif what == "forget":
            shelves.pop(key, None)

    def test_a_rule_that_moves_to_another_area_both_begins_and_ends(self) -> None:
        here, there = AREAS[:2]
        store = store_of([make("s1", area=here), make("s2", area=there), make("c", kind=KINDS[0], area=here)])
        asides = Asides(store, RULES[:1])
        assert [(s.began, s.rows.tolist()) for s in asides.second(NOW)] == [(True, [0])]
        asides.place(store.put_all([make("c", kind=KINDS[0], area=there, version=2)]), NOW)
        assert [(s.began, s.rows.tolist()) for s in asides.second(NOW)] == [(True, [1]), (False, [0])]
        assert store.aside_counts()[AlertState.SUPPRESSED] == 1
