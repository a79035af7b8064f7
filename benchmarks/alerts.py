"""A million alerts in the store: what a question, an order, a fold, a frame and an alert cost; and 500 updates a second into a real desk.

Held against a QStandardItemModel behind a QSortFilterProxyModel, measured in the same run. A million standard items do not fit into a
reasonable run, so the baseline has 100,000 rows, a tenth, and every line says so.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks.child import in_child
from benchmarks.measure import Asked, Measure, median_ms, percentile, resident_bytes

if TYPE_CHECKING:
    from app.citypack import CityPack
    from app.domain.alert import Alert
    from app.live.alerts import AlertStore
    from app.shell.bootstrap import Desk

COUNT = 1_000_000
STANDARD_COUNT = 100_000
BATCH = 2_000
TITLES = 20_000
BEGAN = 1_760_000_000_000
STANDING = 10_000
"""Alerts on the desk while it is updated."""
RATE = 500
STEP_S = 0.05
SETTLE_S = 5.0
SHORT_S, FULL_S = 30.0, 300.0
AGAINST = "QStandardItemModel + QSortFilterProxyModel, 100,000 rows"


def mixture(city: CityPack, count: int, *, source: str = "bench") -> Iterator[Alert]:
    """Alerts of every kind at every place of the pack: of ten, six are new, one has returned, two are acknowledged, one is over; one in twenty
    belongs to a case. Times run on, with as much as five minutes of disorder."""
    from app.domain.alert import Acknowledgement, Alert, AlertMove, AlertStep  # noqa: PLC0415 - the child's
    from app.domain.ids import AlertId, CaseId, Millis, SourceName  # noqa: PLC0415
    from app.domain.severity import Severity  # noqa: PLC0415
    from app.domain.text import Text  # noqa: PLC0415

    rng, kinds, places = random.Random(1), list(city.alert_kinds), city.places
    titles = [
        Text(f"{p.name.zh}积水{n % 300}厘米", f"{p.name.en}: standing water {n % 300} cm") for n in range(TITLES) if (p := places[n % len(places)])
    ]
    for n in range(count):
        place, at = places[rng.randrange(len(places))], Millis(BEGAN + n * 7 - rng.randrange(300_000))
        fate = rng.randrange(10)
        mark = Acknowledgement("王磊", Millis(at + 60_000), "已派单") if fate >= 7 else None
        yield Alert(
            id=AlertId(f"{source}-alert-{n:07d}"),
            kind=kinds[rng.randrange(len(kinds))],
            severity=Severity(rng.randrange(1, 5)),
            title=titles[rng.randrange(TITLES)],
            area=place.area,
            place=place.name,
            position=place.position,
            at=at,
            active=fate not in (6, 9),
            ended_at=Millis(at + 90_000) if fate in (6, 9) else None,
            value=rng.random(),
            limit=0.5,
            acknowledged=mark,
            steps=(AlertStep(move=AlertMove.ACKNOWLEDGE, at=mark.at, actor=mark.by, comment=mark.comment),) if mark else (),
            case=CaseId(f"case-{n // 20}") if fate == 8 and rng.randrange(2) else None,
            source=SourceName(source),
        )


def filled(city: CityPack, count: int) -> tuple[AlertStore, dict[str, float]]:
    """A store of `count` alerts; what one cost to put in, the longest call, and bytes an alert by the process's memory."""
    from app.domain.ids import Millis  # noqa: PLC0415
    from app.live.alerts import AlertStore  # noqa: PLC0415

    store = AlertStore({kind.id: kind.cause for kind in city.alert_kinds.values()})
    alerts = mixture(city, count)
    first = next(alerts)
    store.put(first, Millis(BEGAN))
    gc.collect()
    before, took = resident_bytes(), list[float]()
    while batch := list(islice(alerts, BATCH)):
        began = time.perf_counter()
        store.put_all(batch, Millis(BEGAN))
        took.append(time.perf_counter() - began)
    gc.collect()
    held = resident_bytes() - before
    return store, {"put_us": sum(took) / len(store) * 1e6, "put_max": max(took) * 1000, "bytes": held / len(store)}


def questions(count: int = COUNT) -> dict[str, float]:
    """What each question costs, ms, when an alert has just changed, so that no answer from before will do; and what the worst of them costs
    when so many have changed that the whole order has to be found anew."""
    import msgspec  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from app.citypack import find_cities, load_city  # noqa: PLC0415
    from app.domain.ids import AreaCode, DepartmentId, Millis  # noqa: PLC0415
    from app.live.alerts import SHELVED  # noqa: PLC0415
    from app.live.queue import AlertQueue, Ask, Fold, Sort  # noqa: PLC0415

    city = load_city(find_cities()["qingdao"])
    store, figures = filled(city, count)
    queue, now = AlertQueue(store, city), Millis(BEGAN + count * 7)

    def asked(ask: Ask, sort: Sort = Sort.URGENCY, fold: Fold = Fold.NOTHING) -> float:
        def answer() -> None:
            store.put(msgspec.structs.replace(store.at_row(7), version=store.at_row(7).version + 1))
            queue.answer(ask, now, sort=sort, fold=fold)

        return median_ms(answer)

    narrow = Ask(severities=(1, 2), departments=(DepartmentId(next(iter(city.departments))),), areas=(AreaCode(next(iter(city.areas))),))
    filters = {
        "severity": Ask(severities=(1,)),
        "district and department": narrow,
        "without a case": Ask(without_case=True),
        "since": Ask(since=Millis(now - 3_600_000)),
    }
    figures |= {f"filter: {name}": asked(ask) for name, ask in filters.items()}
    figures |= {"search: a frequent word": asked(Ask(text="积水")), "search: two words": asked(Ask(text="29厘米 water"))}
    figures |= {f"sort: {sort.value}": asked(Ask(without_case=True), sort) for sort in Sort}

    def anew() -> None:
        store.put_aside(everything, np.full(len(store), SHELVED, dtype=np.int8))
        store.put_aside(everything, np.zeros(len(store), dtype=np.int8))
        began = time.perf_counter()
        queue.answer(Ask(), now, fold=Fold.NOTHING)
        took.append((time.perf_counter() - began) * 1000)

    everything, took = np.arange(len(store)), list[float]()
    for _ in range(5):
        anew()
    figures["sort: urgency, of all anew"] = percentile(took, 50)
    figures |= {"fold: duplicates": asked(Ask(), fold=Fold.DUPLICATES), "fold: causes": asked(Ask(), fold=Fold.CAUSES)}
    return figures


def shown(count: int = COUNT) -> dict[str, float]:
    """The list over a million rows: one new alert from the store to the pixel, and one step of scrolling. Milliseconds."""
    import msgspec  # noqa: PLC0415
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415

    from app.citypack import find_cities, load_city  # noqa: PLC0415
    from app.domain.ids import AlertId, Millis  # noqa: PLC0415
    from app.live.queue import AlertQueue, Ask, Fold  # noqa: PLC0415
    from app.qt.rows import FACE_ROLE, RowModel  # noqa: PLC0415
    from benchmarks.baselines import paint  # noqa: PLC0415
    from widgets.rows import RowFace, RowList  # noqa: PLC0415
    from widgets.theme import Theme  # noqa: PLC0415

    app = QApplication([])
    city = load_city(find_cities()["qingdao"])
    store, _ = filled(city, count)
    queue, now = AlertQueue(store, city), Millis(BEGAN + count * 7)

    def face(row: int) -> RowFace:
        alert = store.at_row(row)
        return RowFace(title=alert.title.zh, note=alert.place.zh, severity=int(alert.severity))

    model, view = RowModel(face, str), RowList(Theme(), FACE_ROLE)
    view.setModel(model)
    view.resize(600, 700)
    view.show()
    paint()
    steps = {"ask": list[float](), "show": list[float](), "paint": list[float]()}

    def one_more(number: int) -> None:
        fresh = msgspec.structs.replace(store.at_row(0), id=AlertId(f"new-{number}"), at=Millis(now + number), active=True, acknowledged=None)
        rows = store.put_all([fresh])
        marks = [time.perf_counter()]
        keys = queue.answer(Ask(), now, fold=Fold.NOTHING).rows
        marks.append(time.perf_counter())
        model.show(keys, rows.tolist())
        marks.append(time.perf_counter())
        paint()
        marks.append(time.perf_counter())
        for name, began, ended in zip(steps, marks, marks[1:], strict=False):
            steps[name].append((ended - began) * 1000)

    for number in range(12):
        one_more(number)

    def scrolled() -> None:
        view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 130)
        paint()

    figures = {name: percentile(took[2:], 50) for name, took in steps.items()} | {"scroll": median_ms(scrolled, 40)}
    view.deleteLater()
    del app
    return figures


def updates(seconds: float = SHORT_S, rate: int = RATE) -> dict[str, float]:
    """Frames and memory of a real desk while `rate` of its alerts a second change their value, severity, state or title."""
    from benchmarks.sitting import sit  # noqa: PLC0415

    async def watch(desk: Desk) -> dict[str, float]:
        feed = _feed(desk, rate)
        await _paced(feed, SETTLE_S)
        gc.collect()
        before = resident_bytes()
        desk.frames.gauges.reset()
        await _paced(feed, seconds)
        gauges = desk.frames.gauges
        frames = {"frame_p50": gauges.frame_percentile(50), "frame_p99": gauges.frame_percentile(99), "gap_max": gauges.gap_ms_max}
        gc.collect()
        return frames | {"growth_mb": (resident_bytes() - before) / 1e6, "alerts": float(len(desk.hub.alerts))}

    return sit(watch)


def _feed(desk: Desk, rate: int) -> Callable[[], None]:
    """Fills the desk; what it returns changes as many alerts as come in one step."""
    import msgspec  # noqa: PLC0415

    from app.domain.batch import Batch  # noqa: PLC0415
    from app.domain.ids import Millis, SourceName  # noqa: PLC0415
    from app.domain.severity import Severity  # noqa: PLC0415
    from app.domain.text import Text  # noqa: PLC0415

    rng, source, now = random.Random(2), SourceName("bench/alerts"), Millis(int(time.time() * 1000))
    truth = [msgspec.structs.replace(alert, at=now, case=None) for alert in mixture(desk.city, STANDING)]
    desk.hub.batch(Batch(source=source, at=now, alerts=tuple(truth)))

    def step() -> None:
        changed: list[Alert] = []
        for n in rng.sample(range(STANDING), round(rate * STEP_S)):
            old, value = truth[n], rng.random() * 100
            more: dict[str, object] = {"value": value, "title": Text(f"水位{value:.1f}厘米", f"Level {value:.1f} cm")}
            if rng.random() < 0.2:
                more |= {"severity": Severity(rng.randint(1, 4)), "active": rng.random() < 0.8}
            truth[n] = msgspec.structs.replace(old, version=old.version + 1, **more)
            changed.append(truth[n])
        desk.hub.batch(Batch(source=source, at=Millis(int(time.time() * 1000)), alerts=tuple(changed), arrived_ns=time.perf_counter_ns()))

    return step


async def _paced(step: Callable[[], None], seconds: float) -> None:
    """Take a step every STEP_S, however long each takes."""
    clock = asyncio.get_running_loop().time
    began = due = clock()
    while due < began + seconds:
        step()
        due += STEP_S
        await asyncio.sleep(max(0.0, due - clock()))


def run(asked: Asked) -> list[Measure]:
    """All of it once."""
    plain = in_child("benchmarks.baselines", "standard_queue", count=STANDARD_COUNT, timeout_s=600.0)
    answers = in_child("benchmarks.alerts", "questions", count=COUNT, timeout_s=600.0)
    listed = in_child("benchmarks.alerts", "shown", count=COUNT, timeout_s=600.0)
    seconds = FULL_S if asked.full else SHORT_S
    changing = in_child("benchmarks.alerts", "updates", seconds=seconds, rate=RATE, timeout_s=seconds + 120.0)
    standard = in_child("benchmarks.baselines", "standard_updates", count=STANDING, seconds=min(seconds, SHORT_S), rate=RATE)
    basis = {"filter": plain["filter"], "search": plain["search"], "sort": plain["sort"], "fold": None}
    found = [
        Measure(name=f"1 M alerts: {name}", value=value, unit="ms", budget=100.0, baseline=base, against=AGAINST if base else "")
        for name, value in answers.items()
        if (kind := name.split(":", 1)[0]) in basis
        for base in (basis[kind],)
    ]
    wide = f"{RATE} updates/s for {seconds:.0f} s, {STANDING:,} alerts"
    bare = f"the same model and list alone, {STANDING:,} rows"
    return [
        *found,
        Measure(name="1 M alerts: memory of one", value=answers["bytes"], unit="B", budget=300.0, baseline=plain["bytes"], against=AGAINST),
        Measure(name="1 M alerts: putting one in", value=answers["put_us"], unit="us"),
        Measure(name=f"1 M alerts: putting {BATCH:,} in, longest", value=answers["put_max"], unit="ms"),
        Measure(name="1 M rows: one new alert, order", value=listed["ask"], unit="ms"),
        Measure(name="1 M rows: one new alert, model and view", value=listed["show"], unit="ms"),
        Measure(
            name="1 M rows: one new alert, order to pixel",
            value=listed["ask"] + listed["show"] + listed["paint"],
            unit="ms",
            baseline=plain["one_more"],
            against=AGAINST,
        ),
        Measure(name="1 M rows: a step of scrolling", value=listed["scroll"], unit="ms", budget=16.7, baseline=plain["scroll"], against=AGAINST),
        Measure(name=f"{wide}: frame, p50", value=changing["frame_p50"], unit="ms", baseline=standard["frame_p50"], against=bare),
        Measure(name=f"{wide}: frame, p99", value=changing["frame_p99"], unit="ms", budget=16.7, baseline=standard["frame_p99"], against=bare),
        Measure(name=f"{wide}: event-loop gap, max", value=changing["gap_max"], unit="ms"),
        Measure(name=f"{wide}: growth of memory", value=changing["growth_mb"], unit="MB", budget=10.0),
    ]
