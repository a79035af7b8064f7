"""The platform's side of a command: check it, obey it once, answer it each time. Cases change by the state machine that the desks use too."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.case import ENDED, Case, CaseStep, Move, Stage, UnitTask, advance
from app.domain.command import MAX_ALERTS, MAX_COMMENT, Answer, Command, MoveAlerts, MoveCase, OpenCase, PutAside, TakeBack
from app.domain.errors import NotAllowed
from app.domain.ids import CaseId, CommandKey, Millis, ShelfId, UnitId
from app.domain.obey import UNVERSIONED, attach, move, move_alert, open_case, shelve, unshelve
from app.domain.role import Role
from app.domain.severity import Severity
from app.domain.text import Text
from app.domain.unit import UnitState
from datasources.demo import words
from datasources.demo.agenda import Agenda
from datasources.demo.missions import Missions
from datasources.demo.register import Register

KEYS = 50_000
"""Answers kept for commands that come again."""
ENDED_KEPT = 60
"""Ended cases that a new desk still gets to see."""
SHELF_KEPT_MS = 600_000
"""How long a shelf that has ended stays in the register."""
EVALUATION = "综合评价组"
EVALUATE_AFTER_S = 720.0
_MINUTE = 60_000
_LIMITS = {
    Stage.REPORTED: 2 * _MINUTE,
    Stage.DISPATCHED: 30 * _MINUTE,
    Stage.HANDLING: 30 * _MINUTE,
    Stage.FEEDBACK: 10 * _MINUTE,
    Stage.VERIFIED: 10 * _MINUTE,
}
_AT_WORK = frozenset({UnitTask.SENT, UnitTask.ON_SCENE})


class Refused(Exception):
    """A command cannot be obeyed; `reason` says why, in both languages."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


def with_due(case: Case, now: int) -> Case:
    """The case with the time by which it must leave its stage, where that is not set yet."""
    if case.due_at is not None or case.stage in ENDED:
        return case
    urgent = case.severity <= Severity.SEVERE
    limit = (1 if urgent else 5) * _MINUTE if case.stage is Stage.FILED else _LIMITS[case.stage]
    return msgspec.structs.replace(case, due_at=Millis(now + limit))


class Affairs:
    """Obeys commands. Nothing here waits: each call changes the register and returns."""

    def __init__(self, register: Register, agenda: Agenda, missions: Missions, utc_offset_ms: int, first_number: int, tempo: float) -> None:
        self._register = register
        self._agenda = agenda
        self._missions = missions
        self._offset = utc_offset_ms
        self._day = ""
        self._number = first_number
        self._evaluate_ms = EVALUATE_AFTER_S * 1_000 / tempo
        self._answers: OrderedDict[CommandKey, Answer] = OrderedDict()

    def number(self, now: int) -> str:
        """The next running number of the local day of `now`: 20261121-0187."""
        day = dt.datetime.fromtimestamp((now + self._offset) / 1_000, dt.UTC).strftime("%Y%m%d")
        if self._day and day != self._day:
            self._number = 0
        self._day = day
        self._number += 1
        return f"{day}-{self._number:04d}"

    def obey(self, command: Command, now: int) -> Answer:
        """Obey `command`, or say why not. A key that came before gets its first answer again and changes nothing."""
        known = self._answers.get(command.key)
        if known is not None:
            return known
        try:
            version, reason = self.execute(command, now), None
        except Refused as refusal:
            version, reason = self._version(command), refusal.reason
        answer = Answer(key=command.key, outcome="refused" if reason else "confirmed", reason=reason or Text(), version=version, at=Millis(now))
        self._answers[command.key] = answer
        if len(self._answers) > KEYS:
            self._answers.popitem(last=False)
        return answer

    def execute(self, command: Command, now: int) -> int:
        """Do what `command` says; the target's new version. Raises Refused."""
        act = command.act
        if command.role is Role.LEADER:
            raise Refused(words.LEADER)
        if len(act.comment) > MAX_COMMENT:
            raise Refused(words.COMMENT_TOO_LONG)
        if isinstance(act, MoveAlerts):
            return self._move_alerts(command, act)
        if isinstance(act, PutAside):
            return self._put_aside(command, act, now)
        if isinstance(act, TakeBack):
            return self._take_back(command, act, now)
        if isinstance(act, OpenCase):
            return self._open(command, act, now)
        return self._move(command, act, now)

    def _version(self, command: Command) -> int:
        """As the first of its targets stands; 0: it does not exist here."""
        act, books = command.act, self._register
        record: Alert | Shelf | Case | None
        if isinstance(act, MoveAlerts):
            record = books.alerts.get(act.alerts[0]) if act.alerts else None
        elif isinstance(act, PutAside | TakeBack):
            record = books.shelves.get(act.shelf)
        else:
            record = books.cases.get(act.case)
        return record.version if record else 0

    def _move_alerts(self, command: Command, act: MoveAlerts) -> int:
        """Change those that it fits, once each. Raises Refused where it fits none, for the first one's reason."""
        if len(act.alerts) > MAX_ALERTS:
            raise Refused(words.TOO_MANY)
        moved: list[Alert] = []
        why = words.UNKNOWN_ALERT
        for name in dict.fromkeys(act.alerts):
            alert = self._register.alerts.get(name)
            if alert is None:
                continue
            try:
                moved.append(move_alert(alert, command))
            except NotAllowed as fault:
                if why is words.UNKNOWN_ALERT:
                    why = words.alert_refused(alert, act.move, fault)
        if not moved:
            raise Refused(why)
        for alert in moved:
            self._register.put_alert(alert)
        return self._version(command)

    def _put_aside(self, command: Command, act: PutAside, now: int) -> int:
        try:
            shelf = shelve(self._register.shelves.get(act.shelf), command)
        except NotAllowed as fault:
            raise Refused(words.not_allowed(fault)) from None
        self._register.put_shelf(shelf)
        self._agenda.plan(max(shelf.until, now), lambda at: self._let_end(shelf.id, at))
        return shelf.version

    def _take_back(self, command: Command, act: TakeBack, now: int) -> int:
        shelf = self._register.shelves.get(act.shelf)
        try:
            after = unshelve(shelf, command)
        except NotAllowed as fault:
            raise Refused(words.taken_back_by(shelf) if shelf is not None and shelf.ended_by else words.not_allowed(fault)) from None
        self._end_shelf(after, now)
        return after.version

    def _let_end(self, shelf_id: ShelfId, now: int) -> None:
        """A shelf that nobody took back ends by its time."""
        shelf = self._register.shelves.get(shelf_id)
        if shelf is not None and shelf.ended_at is None:
            self._end_shelf(msgspec.structs.replace(shelf, ended_at=shelf.until, ended_by=words.CLOCK, version=shelf.version + 1), now)

    def _end_shelf(self, shelf: Shelf, now: int) -> None:
        self._register.put_shelf(shelf)
        self._agenda.plan(now + SHELF_KEPT_MS, lambda _at: self._register.drop_shelf(shelf.id))

    def _open(self, command: Command, act: OpenCase, now: int) -> int:
        # An alert that this platform does not know may be another source's: the case is filed all the same.
        known = [alert for name in act.alerts if (alert := self._register.alerts.get(name)) is not None]
        for alert in known:
            case = self._register.cases.get(alert.case) if alert.case else None
            if case is not None and not case.ended:
                raise Refused(words.has_case(case))
        try:
            case = open_case(self._register.cases.get(act.case), command)
        except NotAllowed:
            raise Refused(words.EXISTS) from None
        case = with_due(msgspec.structs.replace(case, number=self.number(now)), now)
        self._register.put_case(case)
        for alert in known:
            after = attach(alert, command)
            if after is not alert:
                self._register.put_alert(after)
        return case.version

    def _move(self, command: Command, act: MoveCase, now: int) -> int:
        case = self._register.cases.get(act.case)
        if case is None:
            raise Refused(words.UNKNOWN_CASE)
        if act.move in (Move.ARRIVE, Move.REPORT):
            raise Refused(words.UNITS_REPORT)
        if act.move not in UNVERSIONED and command.seen != case.version:
            raise Refused(words.changed(case))
        self._check_units(case, act)
        try:
            after = move(case, command)
        except NotAllowed:
            raise Refused(words.not_possible(case, act.move)) from None
        self._register.put_case(with_due(after, now))
        self._consequences(case, after, act, now)
        return after.version

    def _check_units(self, case: Case, act: MoveCase) -> None:
        if act.move is Move.DISPATCH:
            self._check_free(act.unit)
        elif act.move is Move.REWORK:
            for assignment in case.units:
                unit = self._register.units.get(assignment.unit)
                if assignment.task is UnitTask.DONE and unit is not None and unit.case not in (None, case.id):
                    raise Refused(words.busy(unit, self._register.cases.get(unit.case) if unit.case else None))

    def _check_free(self, unit_id: UnitId | None) -> None:
        if unit_id is None:
            raise Refused(words.NO_UNIT)
        unit = self._register.units.get(unit_id)
        if unit is None:
            raise Refused(words.UNKNOWN_UNIT)
        if unit.state is not UnitState.IDLE:
            raise Refused(words.busy(unit, self._register.cases.get(unit.case) if unit.case else None))

    def _consequences(self, before: Case, case: Case, act: MoveCase, now: int) -> None:
        if act.move is Move.DISPATCH and act.unit is not None:
            self._missions.send(act.unit, case, now)
        elif act.move is Move.RECALL and act.unit is not None:
            self._missions.release(act.unit, now)
        elif act.move is Move.REWORK:
            for assignment in before.units:
                if assignment.task is UnitTask.DONE and assignment.unit in self._register.units:
                    self._missions.send(assignment.unit, case, now, again=True)
        elif case.stage in ENDED and before.stage not in ENDED:
            for assignment in case.units:
                if assignment.task in _AT_WORK and assignment.unit in self._register.units:
                    self._missions.release(assignment.unit, now)
            self.prune()
        if case.stage is Stage.CLOSED and before.stage is not Stage.CLOSED:
            self.plan_evaluation(case, now)

    def plan_evaluation(self, case: Case, now: int) -> None:
        """Evaluate a closed case after a while, unless it has been opened again meanwhile."""

        def evaluate(at: int) -> None:
            newest = self._register.cases.get(case.id)
            if newest is None or newest.stage is not Stage.CLOSED or newest.stage_at != case.stage_at:
                return
            step = CaseStep(move=Move.EVALUATE, at=Millis(at), actor=EVALUATION)
            self._register.put_case(advance(newest, step))

        self._agenda.plan(now + self._evaluate_ms, evaluate)

    def prune(self) -> None:
        """Forget the oldest ended cases beyond ENDED_KEPT."""
        ended = [case for case in self._register.cases.values() if case.ended]
        for case in sorted(ended, key=lambda case: case.stage_at)[: max(0, len(ended) - ENDED_KEPT)]:
            del self._register.cases[case.id]


def next_case_id(city: str) -> Callable[[], CaseId]:
    """Ids for cases that the city's own officers open."""
    count = 0

    def name() -> CaseId:
        nonlocal count
        count += 1
        return CaseId(f"{city}-case-{count:06d}")

    return name
