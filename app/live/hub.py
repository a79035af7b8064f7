"""The one way in. Sources put batches here; stores keep the newest; the frame clock takes what changed.

Also the operator's side of the present: a command that is journalled but not yet confirmed is laid over the source's truth,
so that the screen shows at once what was decided, and falls back by itself when the platform refuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np

from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.batch import Batch, LinkReport, LinkState, link_of
from app.domain.camera import Camera
from app.domain.case import Case, NotAllowed
from app.domain.command import AcknowledgeAlert, Command, OpenCase
from app.domain.ids import AlertId, CameraId, CaseId, CommandKey, Millis, SourceName, UnitId, indicator_of
from app.domain.obey import acknowledge, attach, move, open_case
from app.domain.text import N_
from app.live.alerts import AlertStore
from app.live.changes import ChangeSet, Topic
from app.live.overlay import Overlay
from app.live.series import SeriesStore
from app.live.units import UnitStore


class Hub:
    """Stores, and what changed in them. Everything runs on the event loop's thread."""

    def __init__(self, city: CityPack, now: Callable[[], Millis]) -> None:
        fresh = np.array([city.indicators[indicator_of(s)].fresh_ms for s in city.series], dtype=np.int64)
        self.series = SeriesStore(city.series, fresh)
        self.alerts = AlertStore()
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
        for alert in batch.alerts:
            self._take_alert(alert)
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
        if isinstance(act, AcknowledgeAlert):
            acknowledge(self._alert(act.alert), command)
        elif isinstance(act, OpenCase):
            open_case(self.cases.get(act.case), command)
        else:
            move(self._case(act.case), command)

    def pend(self, command: Command) -> None:
        """Lay a journalled command over the source's truth until it is settled."""
        self._overlay.add(command)
        self._recompute(command)

    def settle(self, key: CommandKey, outcome: Literal["confirmed", "refused", "kept"]) -> None:
        """The command's fate is known. Refused: its effect goes. Confirmed: the source's own record carries it now, or will with
        its next batch; until then it stays laid over. Kept: there is no platform, so it stays laid over for good."""
        command = self._overlay.get(key)
        if command is None:
            return
        if outcome == "refused" or (outcome == "confirmed" and self._carried(command)):
            self._overlay.remove(key)
        elif outcome == "confirmed":
            self._overlay.confirm(key)
        self._recompute(command)

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

    def _take_alert(self, alert: Alert) -> None:
        known = self._true_alerts.get(alert.id)
        if known is not None and known.version > alert.version:
            return
        self._true_alerts[alert.id] = alert
        self._drop_carried(alert.id)
        self._show_alert(alert.id)

    def _take_case(self, case: Case) -> None:
        known = self._true_cases.get(case.id)
        if known is not None and known.version > case.version:
            return
        self._true_cases[case.id] = case
        self._drop_carried(case.id)
        self._show_case(case.id)

    def _show_alert(self, alert_id: AlertId) -> None:
        alert = self._true_alerts.get(alert_id)
        if alert is None:
            return
        for command in self._overlay.about(alert_id):
            if isinstance(command.act, OpenCase):
                alert = attach(alert, command)
            elif alert.acknowledged is None:
                alert = acknowledge(alert, command)
        self.alerts.put(alert)
        self._changed_alerts[alert_id] = None
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
        if not isinstance(command.act, AcknowledgeAlert):
            self._show_case(command.act.case)
        for alert in _alerts_of(command):
            self._show_alert(alert)

    def _drop_carried(self, target: str) -> None:
        for command in self._overlay.confirmed_about(target):
            if self._carried(command):
                self._overlay.remove(command.key)

    def _carried(self, command: Command) -> bool:
        """Whether the source's own records already show what `command` brought about."""
        act = command.act
        if isinstance(act, AcknowledgeAlert):
            alert = self._true_alerts.get(act.alert)
            return alert is not None and alert.acknowledged is not None
        case = self._true_cases.get(act.case)
        return case is not None and case.version > command.seen

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
        for named in (known,) if running is None else (known, running):
            named.take(batch)
        if running is not None and batch.complete:
            del self._snapshots[batch.source]
            self._named[batch.source] = running
            self._forget(known, running, batch.at)

    def _forget(self, before: _Named, now: _Named, at: Millis) -> None:
        for gone in before.alerts - now.alerts:
            alert = self._true_alerts[gone]
            if alert.active:
                # It ended while the link was down. It is not thrown away unseen: it stays until somebody acknowledges it.
                self._take_alert(msgspec.structs.replace(alert, active=False, ended_at=at))
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
    act = command.act
    if isinstance(act, AcknowledgeAlert):
        return (act.alert,)
    return act.alerts if isinstance(act, OpenCase) else ()


class _Named:
    """Ids that one source has named, altogether or in a running snapshot."""

    def __init__(self) -> None:
        self.alerts: set[AlertId] = set()
        self.cases: set[CaseId] = set()
        self.units: set[UnitId] = set()
        self.cameras: set[CameraId] = set()

    def take(self, batch: Batch) -> None:
        """Add what `batch` names."""
        if batch.alerts:
            self.alerts.update(a.id for a in batch.alerts)
        if batch.cases:
            self.cases.update(c.id for c in batch.cases)
        if batch.units:
            self.units.update(u.id for u in batch.units)
        if batch.cameras:
            self.cameras.update(c.id for c in batch.cameras)
