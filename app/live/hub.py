"""The one way in. Sources put batches here; stores keep the newest; the frame clock takes what changed.

Also the operator's side of the present: a command that is journalled but not yet confirmed is laid over the source's truth,
so that the screen shows at once what was decided, and falls back by itself when the platform refuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.citypack import CityPack
from app.domain.alert import Alert, AlertMove
from app.domain.aside import Scope, Shelf
from app.domain.batch import Batch, LinkReport, LinkState, link_of
from app.domain.camera import Camera
from app.domain.case import Case
from app.domain.command import Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import NotAllowed
from app.domain.ids import AlertId, CameraId, CaseId, CommandKey, Millis, ShelfId, SourceName, UnitId, indicator_of
from app.domain.obey import attach, move, move_alert, open_case, shelve, unshelve
from app.domain.rule import Rules, Suppression
from app.domain.text import N_
from app.live.alerts import ACKNOWLEDGED, AlertStore
from app.live.asides import Asides, ClockStep
from app.live.changes import ChangeSet, Topic
from app.live.columns import RowSet
from app.live.overlay import Overlay
from app.live.series import SeriesStore
from app.live.units import UnitStore


class Hub:
    """Stores, and what changed in them. Everything runs on the event loop's thread."""

    def __init__(self, city: CityPack, now: Callable[[], Millis]) -> None:
        fresh = np.array([city.indicators[indicator_of(s)].fresh_ms for s in city.series], dtype=np.int64)
        self.series = SeriesStore(city.series, fresh)
        self.alerts = AlertStore({kind.id: kind.cause for kind in city.alert_kinds.values()})
        self.alerts.folds.chatter_ms = city.rules.load.chatter_ms
        self.shelves: dict[ShelfId, Shelf] = {}
        self.cases: dict[CaseId, Case] = {}
        self.units = UnitStore()
        self.cameras: dict[CameraId, Camera] = {}
        self.links: dict[SourceName, LinkReport] = {}
        self.batches = 0
        self.records = 0
        self.arrivals: list[tuple[int, int]] = []
        """(monotonic ns of arrival, records) of what came since the last frame."""
        self._now = now
        self._true_alerts: dict[AlertId, Alert] = {}
        """Of those alerts only that unconfirmed commands lie over; of all others the store has the source's truth."""
        self._true_shelves: dict[ShelfId, Shelf] = {}
        self._asides = Asides(self.alerts, city.rules.suppressions)
        self._true_cases: dict[CaseId, Case] = {}
        self._overlay = Overlay()
        self._topics = Topic.nothing()
        self._changed_alerts: dict[AlertId, None] = {}
        self._changed_cases: dict[CaseId, None] = {}
        self._named: dict[SourceName, _Named] = {}
        self._snapshots: dict[SourceName, _Named] = {}
        self.wake: Callable[[], None] | None = None
        """Called when something came and no frame has taken it yet."""

    # --- what sources call -------------------------------------------------------------------------------------------------

    def batch(self, batch: Batch) -> None:
        """Take a batch into the stores."""
        arrived = self._now()
        self.batches += 1
        self.records += len(batch)
        self.arrivals.append((batch.arrived_ns or time.perf_counter_ns(), len(batch)))
        if batch.catalogue is not None:
            self.series.open_catalogue(batch.source, batch.catalogue)
        if batch.readings is not None:
            self.series.take_readings(batch.source, batch.readings, arrived)
            self._touch(Topic.SERIES)
        if batch.history:
            self.series.take_history(batch.source, batch.history, arrived)
            self._touch(Topic.SERIES)
        self._take_alerts(batch.alerts, arrived)
        for shelf in batch.shelves:
            self._take_shelf(shelf)
        for case in batch.cases:
            self._take_case(case)
        for unit in batch.units:
            self.units.put(unit)
        if batch.fixes:
            self.units.fix(batch.fixes)
        if batch.units or batch.fixes:
            self._touch(Topic.UNIT)
        for camera in batch.cameras:
            self.cameras[camera.id] = camera
        if batch.cameras:
            self._touch(Topic.CAMERA)
        self._follow_names(batch)

    def link(self, report: LinkReport) -> None:
        """Take a link's newest report."""
        self.links[report.name] = report
        self._touch(Topic.LINK)

    # --- what actions call -------------------------------------------------------------------------------------------------

    def check(self, command: Command) -> None:
        """Raise NotAllowed where `command` cannot follow from what the desk shows now."""
        act = command.act
        if isinstance(act, MoveAlerts):
            self._check_moves(command, act)
        elif isinstance(act, PutAside):
            shelve(self.shelves.get(act.shelf), command)
        elif isinstance(act, TakeBack):
            unshelve(self.shelves.get(act.shelf), command)
        elif isinstance(act, OpenCase):
            open_case(self.cases.get(act.case), command)
        else:
            move(self._case(act.case), command)

    def pend(self, command: Command) -> None:
        """Lay a journalled command over the source's truth until it is settled."""
        self._overlay.add(command)
        for alert in _alerts_of(command):
            if alert not in self._true_alerts and (known := self.alerts.get(alert)) is not None:
                self._true_alerts[alert] = known
        self._recompute(command)

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        """The command's fate is known. Refused: its effect goes. Confirmed: the source's own record carries it now, or will with
        its next batch; until then it stays laid over. Kept: there is no platform, so it stays laid over for good."""
        command = self._overlay.get(key)
        if command is None:
            return
        if outcome == "refused":
            self._overlay.remove(key)
        elif outcome == "confirmed":
            self._overlay.confirm(key)
            for target in command.targets:
                self._drop_carried(target)
        self._recompute(command)

    def second(self, now: Millis) -> list[ClockStep]:
        """Once a second: let end what has an end, and suppress what the pack's rules say. What the clock did, for the journal."""
        steps = self._asides.second(now)
        for step in steps:
            for row in step.rows.tolist():
                self._changed_alerts[self.alerts.id_at(row)] = None
        if steps:
            self._touch(Topic.ALERT)
        return steps

    def use_rules(self, rules: Rules) -> None:
        """These rules suppress from now on, and say what chatter is."""
        self.alerts.folds.chatter_ms = rules.load.chatter_ms
        self.touch_alerts(self.alerts.id_at(row) for row in self._asides.use_suppressions(rules.suppressions, self._now()).tolist())

    def touch_alerts(self, alerts: Iterable[AlertId]) -> None:
        """Something about these changed that no source said."""
        self._changed_alerts |= dict.fromkeys(alerts)
        self._touch(Topic.ALERT)

    def touch_actions(self) -> None:
        """A command's state or the activity log changed."""
        self._touch(Topic.ACTION)

    # --- what the frame clock calls ----------------------------------------------------------------------------------------

    def take(self) -> ChangeSet:
        """What changed since the last call."""
        topics, self._topics = self._topics, Topic.nothing()
        if not topics:
            return ChangeSet()
        series = self.series.take_changed() if Topic.SERIES in topics else np.empty(0, dtype=np.int32)
        change = ChangeSet(topics, series, tuple(self._changed_alerts), tuple(self._changed_cases))
        self._changed_alerts.clear()
        self._changed_cases.clear()
        return change

    # --- reading ------------------------------------------------------------------------------------------------------------

    @property
    def simulated(self) -> bool:
        """Whether anything on this desk is played by a simulation."""
        return any(link.simulated for link in self.links.values())

    def command_link(self, source: SourceName | None) -> LinkReport | None:
        """The link that takes commands for records of `source`; for None, and for sources that take none, see the first that does
        (None: no link takes any)."""
        if source is not None and (link := self.links.get(link_of(source))) is not None:
            return link if link.commands else None
        return next((link for link in self.links.values() if link.commands), None)

    def covered(self, scope: Scope, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Those of `rows` (default: all) that `scope` means, over or not: what a shelf of it holds, or would have held."""
        return self._asides.matching(scope, rows)

    @property
    def suppressions(self) -> Sequence[Suppression]:
        """The pack's rules that suppress alerts by design, as they are in force now."""
        return self._asides.suppressions

    def worst_link(self) -> LinkState:
        """The state of the link in the worst shape, CONNECTING where there is none yet."""
        rank = [LinkState.LIVE, LinkState.CONNECTING, LinkState.STALLED, LinkState.DOWN, LinkState.REFUSED]
        return max((link.state for link in self.links.values()), key=rank.index, default=LinkState.CONNECTING)

    # --- inside -------------------------------------------------------------------------------------------------------------

    def _touch(self, topic: Topic) -> None:
        first = not self._topics
        self._topics |= topic
        if first and self.wake is not None:
            self.wake()

    def _take_alerts(self, alerts: Sequence[Alert], arrived: Millis) -> None:
        """A source's newest states. An older version than the one known changes nothing."""
        newest: dict[AlertId, Alert] = {}
        version = self.alerts.version
        for alert in alerts:
            earlier = newest.get(alert.id) or self._true_alerts.get(alert.id)
            row = self.alerts.find(alert.id) if earlier is None else -1
            known = earlier.version if earlier is not None else int(version[row]) if row >= 0 else 0
            if known <= alert.version:
                newest[alert.id] = alert
        shown = list(newest.values())
        if len(self._overlay):
            shown = [self._laid_over(alert) if self._overlay.over(alert.id) else alert for alert in shown]
        self._show(shown, arrived)

    def _laid_over(self, alert: Alert) -> Alert:
        """A source's newest state of an alert that commands lie over, as it is to be shown."""
        self._true_alerts[alert.id] = alert
        self._drop_carried(alert.id)
        if self._overlay.over(alert.id):
            return self._folded(alert)
        del self._true_alerts[alert.id]
        return alert

    def _show(self, alerts: Sequence[Alert], arrived: Millis) -> None:
        if not alerts:
            return
        self._asides.place(self.alerts.put_all(alerts, arrived), arrived)
        for alert in alerts:
            self._changed_alerts[alert.id] = None
        self._touch(Topic.ALERT)

    def _take_shelf(self, shelf: Shelf) -> None:
        known = self._true_shelves.get(shelf.id)
        if known is not None and known.version > shelf.version:
            return
        self._true_shelves[shelf.id] = shelf
        self._drop_carried(shelf.id)
        self._show_shelf(shelf.id)

    def _take_case(self, case: Case) -> None:
        known = self._true_cases.get(case.id)
        if known is not None and known.version > case.version:
            return
        self._true_cases[case.id] = case
        self._drop_carried(case.id)
        self._show_case(case.id)

    def _folded(self, alert: Alert) -> Alert:
        """The source's truth with the desk's own commands over it. What no longer fits is skipped: the record already carries it, or the
        platform will refuse it."""
        for command in self._overlay.about(alert.id):
            try:
                alert = attach(alert, command) if isinstance(command.act, OpenCase) else move_alert(alert, command)
            except NotAllowed:
                continue
        return alert

    def _show_alerts(self, alerts: Iterable[AlertId]) -> None:
        """Show these as their truth and the commands over them have it."""
        shown: list[Alert] = []
        for alert_id in alerts:
            true = self._true_alerts.get(alert_id)
            if true is None:
                continue
            shown.append(self._folded(true))
            if not self._overlay.over(alert_id):
                del self._true_alerts[alert_id]
        self._show(shown, self._now())

    def _show_shelf(self, shelf_id: ShelfId) -> None:
        shelf = self._true_shelves.get(shelf_id)
        for command in self._overlay.about(shelf_id):
            try:
                shelf = shelve(shelf, command) if isinstance(command.act, PutAside) else unshelve(shelf, command)
            except NotAllowed:
                continue
        if shelf is None:
            self.shelves.pop(shelf_id, None)
        else:
            self.shelves[shelf_id] = shelf
        for row in self._asides.use(self.shelves, self._now()).tolist():
            self._changed_alerts[self.alerts.id_at(row)] = None
        self._touch(Topic.ALERT)

    def _show_case(self, case_id: CaseId) -> None:
        case = self._true_cases.get(case_id)
        for command in self._overlay.about(case_id):
            try:
                case = open_case(case, command) if isinstance(command.act, OpenCase) else move(case, command) if case is not None else None
            except NotAllowed:
                continue  # the platform's own record already carries it, or will refuse it
        if case is None:
            self.cases.pop(case_id, None)
        else:
            self.cases[case_id] = case
        self._changed_cases[case_id] = None
        self._touch(Topic.CASE)

    def _recompute(self, command: Command) -> None:
        act = command.act
        if isinstance(act, PutAside | TakeBack):
            self._show_shelf(act.shelf)
        elif not isinstance(act, MoveAlerts):
            self._show_case(act.case)
        self._show_alerts(_alerts_of(command))

    def _drop_carried(self, target: str) -> None:
        for command in self._overlay.confirmed_about(target):
            if self._carried(command, target):
                self._overlay.lift(command.key, target)

    def _carried(self, command: Command, target: str) -> bool:
        """Whether the source's own record of `target` already shows what `command` brought about."""
        act = command.act
        if isinstance(act, PutAside | TakeBack):
            shelf = self._true_shelves.get(act.shelf)
            return shelf is not None and (isinstance(act, PutAside) or shelf.ended_at is not None)
        if isinstance(act, MoveCase) or (isinstance(act, OpenCase) and target == act.case):
            case = self._true_cases.get(act.case)
            return case is not None and case.version > command.seen
        alert = self._true_alerts.get(AlertId(target))
        if alert is None:
            return True
        return _carries(alert, command) if isinstance(act, MoveAlerts) else alert.case is not None

    def _check_moves(self, command: Command, act: MoveAlerts) -> None:
        """Raise NotAllowed where it fits none of its alerts; the reason is that of the first."""
        why: NotAllowed | None = None
        for name in act.alerts:
            try:
                move_alert(self._alert(name), command)
            except NotAllowed as fault:
                why = why or fault
            else:
                return
        raise why or NotAllowed(N_("No alert was named."), remedy=N_("Choose an alert."))

    def _alert(self, alert: AlertId) -> Alert:
        found = self.alerts.get(alert)
        if found is None:
            raise NotAllowed(N_("This alert is not known here any more."), where=alert)
        return found

    def _case(self, case: CaseId) -> Case:
        found = self.cases.get(case)
        if found is None:
            raise NotAllowed(N_("This case is not known here any more."), where=case)
        return found

    def _follow_names(self, batch: Batch) -> None:
        """Remember what each source has named; when a snapshot of it is complete, forget what it does not name any more."""
        if batch.snapshot:
            self._snapshots[batch.source] = _Named()
        known = self._named.setdefault(batch.source, _Named())
        running = self._snapshots.get(batch.source)
        rows = np.fromiter((self.alerts.find(a.id) for a in batch.alerts), dtype=np.int64, count=len(batch.alerts))
        for named in (known,) if running is None else (known, running):
            named.take(batch, rows)
        if running is not None and batch.complete:
            del self._snapshots[batch.source]
            self._named[batch.source] = running
            self._forget(known, running, batch.at)

    def _forget(self, before: _Named, now: _Named, at: Millis) -> None:
        rows = before.alerts.without(now.alerts)
        rows = rows[self.alerts.base[rows] <= ACKNOWLEDGED]
        gone = [self._true_alerts.get(self.alerts.id_at(row)) or self.alerts.at_row(row) for row in rows.tolist()]
        # They ended while the link was down. They are not thrown away unseen: they stay until somebody acknowledges them.
        self._take_alerts([msgspec.structs.replace(alert, active=False, ended_at=at) for alert in gone if alert.active], at)
        for shelf in before.shelves - now.shelves:
            self._true_shelves.pop(shelf, None)
            self._show_shelf(shelf)
        for case in before.cases - now.cases:
            self._true_cases.pop(case, None)
            self._show_case(case)
        if lost := before.units - now.units:
            self.units.forget(lost)
            self._touch(Topic.UNIT)
        if dark := before.cameras - now.cameras:
            for camera in dark:
                self.cameras.pop(camera, None)
            self._touch(Topic.CAMERA)


def _alerts_of(command: Command) -> tuple[AlertId, ...]:
    return command.act.alerts if isinstance(command.act, MoveAlerts | OpenCase) else ()


def _carries(alert: Alert, command: Command) -> bool:
    """Whether a source's own record already shows what `command` did to it, or has become such that it does not fit any more."""
    act = command.act
    if not isinstance(act, MoveAlerts):
        raise TypeError(command.verb)
    if any((step.move, step.at, step.actor) == (act.move, command.at, command.actor) for step in alert.steps):
        return True
    try:
        move_alert(alert, command)
    except NotAllowed:
        return True
    # What was its author's and is somebody else's has been released meanwhile.
    return act.move is AlertMove.RELEASE and alert.owner != command.actor


class _Named:
    """What one source has named, altogether or in a running snapshot: ids, and rows of alerts, of which there may be very many."""

    def __init__(self) -> None:
        self.alerts = RowSet()
        self.cases: set[CaseId] = set()
        self.units: set[UnitId] = set()
        self.cameras: set[CameraId] = set()
        self.shelves: set[ShelfId] = set()

    def take(self, batch: Batch, alerts: NDArray[np.int64]) -> None:
        """Add what `batch` names; `alerts` are the rows of its alerts."""
        if len(alerts):
            self.alerts.add(alerts)
        if batch.cases:
            self.cases.update(c.id for c in batch.cases)
        if batch.units:
            self.units.update(u.id for u in batch.units)
        if batch.cameras:
            self.cameras.update(c.id for c in batch.cameras)
        if batch.shelves:
            self.shelves.update(s.id for s in batch.shelves)
