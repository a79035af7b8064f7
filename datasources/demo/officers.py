"""Officers at the city's other desks: they acknowledge some alerts and see some cases through. They act by the same commands as everybody.

They keep their hands off a case as soon as anybody else has acted on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.domain.alert import Alert, AlertMove
from app.domain.case import Case, Move, Stage
from app.domain.command import Act, Command, MoveAlerts, MoveCase, OpenCase
from app.domain.ids import AlertId, AreaCode, CaseId, CommandKey, Millis, UnitId
from app.domain.role import Role, Seat
from app.domain.severity import Severity
from datasources.demo.affairs import EVALUATION, Affairs, Refused
from datasources.demo.agenda import Agenda
from datasources.demo.fleet import Fleet
from datasources.demo.register import Register

if TYPE_CHECKING:
    from app.citypack import CityPack

NAMES = ("李海宁", "王岩", "张晓彤", "刘建平", "陈思远", "赵敏", "孙立群", "周文静")
REMARKS = ("已知悉,正在核实", "已电话联系属地", "已调看视频,情况属实", "持续关注")
SWEPT_REMARK = "已恢复,归档"
AT_HAND = 9
"""Open cases that these officers have in hand at most; the rest is for the desks that are connected."""
_SWEEP_MS = 60_000
_STALE_MS = 900_000
_SWEPT = 200


class Officers:
    """People who are not at this desk."""

    def __init__(
        self,
        pack: CityPack,
        register: Register,
        agenda: Agenda,
        affairs: Affairs,
        fleet: Fleet,
        rng: random.Random,
        next_case: Callable[[], CaseId],
    ) -> None:
        self._pack = pack
        self._register = register
        self._agenda = agenda
        self._affairs = affairs
        self._fleet = fleet
        self._rng = rng
        self._next_case = next_case
        self._tended: set[CaseId] = set()
        self._count = 0

    def begin(self, now: int) -> None:
        """Start looking after what nobody looks after."""
        self._agenda.plan(now + _SWEEP_MS, self._sweep)

    def hear(self, alert: Alert, now: int) -> None:
        """Decide whether one of them will do something about a new alert, and when."""
        chance = self._rng.random()
        if chance < 0.3:
            self._agenda.plan(now + self._rng.uniform(15_000, 70_000), lambda at: self._acknowledge(alert.id, at))
        elif chance < (0.55 if alert.severity <= Severity.SEVERE else 0.45):
            self._agenda.plan(now + self._rng.uniform(40_000, 100_000), lambda at: self._open(alert.id, at))

    def tend(self, case: CaseId, now: int) -> None:
        """See a case through from where it stands."""
        self._tended.add(case)
        self._agenda.plan(now + self._rng.uniform(12_000, 45_000), lambda at: self._next_step(case, at))

    def _command(self, act: Act, area: AreaCode, now: int, seen: int, actor: str = "") -> bool:
        self._count += 1
        actor = actor or NAMES[self._count % len(NAMES)]
        key = CommandKey(f"{self._count:032x}")
        role, seat = Role.DUTY_OFFICER, Seat.DUTY
        command = Command(key=key, act=act, area=area, actor=actor, role=role, seat=seat, desk="district", at=Millis(now), seen=seen)
        try:
            self._affairs.execute(command, now)
        except Refused:
            return False
        return True

    def _acknowledge(self, alert_id: AlertId, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is None or alert.acknowledged is not None:
            return
        remark = self._rng.choice(REMARKS) if self._rng.random() < 0.5 else ""
        who = NAMES[(self._count + 1) % len(NAMES)]
        self._command(MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=(alert_id,), comment=remark), alert.area, now, alert.version, who)
        if alert.active and alert.severity <= Severity.SEVERE:
            self._command(MoveAlerts(move=AlertMove.TAKE, alerts=(alert_id,)), alert.area, now, alert.version + 1, who)

    def _open(self, alert_id: AlertId, now: int) -> None:
        alert = self._register.alerts.get(alert_id)
        if alert is None or not alert.active or alert.acknowledged is not None or alert.case is not None or len(self._tended) >= AT_HAND:
            return
        case = self._next_case()
        act = OpenCase(
            case=case,
            alerts=(alert_id,),
            kind=alert.kind,
            severity=alert.severity,
            title=alert.title,
            area=alert.area,
            place=alert.place,
            position=alert.position,
        )
        if self._command(act, alert.area, now, 0):
            self.tend(case, now)

    def _next_step(self, case_id: CaseId, now: int) -> None:
        case = self._register.cases.get(case_id)
        if case is None or case.ended or self._touched(case):
            self._tended.discard(case_id)
            return
        act = self._act(case)
        if act is not None:
            self._command(act, case.area, now, case.version)
        self.tend(case_id, now)

    def _touched(self, case: Case) -> bool:
        return any(step.actor not in NAMES and step.actor != EVALUATION and step.move not in (Move.ARRIVE, Move.REPORT) for step in case.steps)

    def _act(self, case: Case) -> MoveCase | None:
        if case.stage is Stage.REPORTED:
            return MoveCase(case=case.id, move=Move.FILE)
        if case.stage is Stage.FILED:
            unit = self.nearest(case)
            return MoveCase(case=case.id, move=Move.DISPATCH, unit=unit) if unit else None
        if case.stage is Stage.FEEDBACK:
            back = self._rng.random() < 0.1
            return MoveCase(case=case.id, move=Move.REWORK, comment="现场照片不全,请补充") if back else MoveCase(case=case.id, move=Move.VERIFY)
        return MoveCase(case=case.id, move=Move.CLOSE) if case.stage is Stage.VERIFIED else None

    def nearest(self, case: Case) -> UnitId | None:
        """The nearest idle unit that can handle the case's kind."""
        kind = self._pack.alert_kinds.get(case.kind)
        able = self._fleet.able(kind.skills if kind else ())
        goal = case.position or self._pack.areas[case.area].centre
        return min(able, key=lambda unit: self._fleet.distance(unit.id, goal)).id if able else None

    def called(self, unit: UnitId) -> str:
        """A unit's name, as it signs."""
        name = self._register.units[unit].name
        return name.zh or name.en

    def _sweep(self, now: int) -> None:
        """Acknowledge what has been over for long and nobody acknowledged, so that the books do not grow for ever."""
        over = [a.id for a in self._register.alerts.values() if a.acknowledged is None and a.ended_at is not None and now - a.ended_at > _STALE_MS]
        if over:
            act = MoveAlerts(move=AlertMove.ACKNOWLEDGE, alerts=tuple(over[:_SWEPT]), comment=SWEPT_REMARK)
            self._command(act, self._pack.root, now, 0)
        self._agenda.plan(now + _SWEEP_MS, self._sweep)
