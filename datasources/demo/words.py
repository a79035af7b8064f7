"""What the demo city's platform says to people, in both languages: reasons for refusing, names of stages, moves and unit states.

These are a platform's own words, sent as records; the desk's own words are in its catalogue.
"""

from __future__ import annotations

from app.domain.alert import Alert, AlertMove
from app.domain.aside import Shelf
from app.domain.case import MOVE_WORDS, STAGE_WORDS, Case, Move, Stage
from app.domain.errors import NotAllowed
from app.domain.text import Text
from app.domain.unit import UNIT_STATE_WORDS, Unit, UnitState

STAGES: dict[Stage, str] = {
    Stage.REPORTED: "已上报",
    Stage.FILED: "已立案",
    Stage.DISPATCHED: "已派遣",
    Stage.HANDLING: "处置中",
    Stage.FEEDBACK: "已反馈",
    Stage.VERIFIED: "已核查",
    Stage.CLOSED: "已结案",
    Stage.EVALUATED: "已评价",
    Stage.REJECTED: "不予立案",
    Stage.VOID: "已作废",
}
MOVES: dict[Move, str] = {
    Move.FILE: "立案",
    Move.REJECT: "不予立案",
    Move.DISPATCH: "派遣力量",
    Move.RECALL: "召回力量",
    Move.ARRIVE: "力量到场",
    Move.REPORT: "反馈处置结果",
    Move.REWORK: "退回返工",
    Move.VERIFY: "核查",
    Move.CLOSE: "结案",
    Move.REOPEN: "重新立案",
    Move.EVALUATE: "评价",
    Move.VOID: "作废",
    Move.COMMENT: "批注",
}
UNIT_STATES: dict[UnitState, str] = {
    UnitState.IDLE: "空闲",
    UnitState.DISPATCHED: "已派遣",
    UnitState.EN_ROUTE: "在途",
    UnitState.ON_SCENE: "在场",
    UnitState.RETURNING: "返回中",
    UnitState.OFF_DUTY: "不在岗",
    UnitState.NO_CONTACT: "失联",
}

UNKNOWN_ALERT = Text("平台没有这条告警", "the platform has no such alert")
UNKNOWN_CASE = Text("平台没有这件案卷", "the platform has no such case")
UNKNOWN_UNIT = Text("平台没有这支力量", "the platform has no such unit")
LEADER = Text("领导席只看不办:请交由值班员处置", "a leader's seat looks but does not act: ask the duty officer")
COMMENT_TOO_LONG = Text("批注过长", "the comment is too long")
NO_UNIT = Text("请选择力量", "choose a unit")
UNITS_REPORT = Text("到场和反馈由力量自行上报", "arrival and result are reported by the unit itself")
EXISTS = Text("案卷编号已被占用", "a case with this id exists already")
WRONG_TOKEN = Text("口令不对", "the token is wrong")
CLOCK = "clock"
"""Who ended a shelf that nobody took back: no person, so desks have their own word for it."""
TOO_MANY = Text("一条指令涉及的告警过多", "too many alerts in one command")

NOT_ALLOWED: dict[str, str] = {
    "Somebody else has acknowledged it already.": "已由他人确认",
    "Nobody has acknowledged it.": "这条告警尚未确认",
    "It belongs to a case already.": "这条告警已立案,不能撤销确认",
    "It is yours already.": "这条告警已由你负责",
    "It is nobody's.": "这条告警无人负责",
    "This has been done already.": "此操作已经完成",
    "Nothing was named to be put aside.": "未指明要搁置什么",
    "This needs a reason in words.": "请写明理由",
    "An alert can be put aside only until some moment that is to come, and not for longer than allowed.": "搁置须有到期时间,且不得超过允许的时长",
    "This is not known here any more.": "平台没有这项搁置",
    "It has ended already.": "这项搁置已经结束",
}
"""Why the shared state machine does not allow something, in this platform's Chinese; its English is the machine's own."""


def acknowledged_by(alert: Alert) -> Text:
    who = alert.acknowledged.by if alert.acknowledged else ""
    return Text(f"{who}已确认这条告警", f"{who} has already acknowledged this alert")


def alert_refused(alert: Alert, move: AlertMove, fault: NotAllowed) -> Text:
    if move is AlertMove.ACKNOWLEDGE and alert.acknowledged is not None:
        return acknowledged_by(alert)
    return not_allowed(fault)


def not_allowed(fault: NotAllowed) -> Text:
    return Text(NOT_ALLOWED.get(fault.what, fault.what), fault.what)


def taken_back_by(shelf: Shelf) -> Text:
    if shelf.ended_by == CLOCK:
        return Text("这项搁置已到期", "its time had run out already")
    return Text(f"{shelf.ended_by}已结束这项搁置", f"{shelf.ended_by} has already ended it")


def has_case(case: Case) -> Text:
    return Text(f"已有案卷 {case.number}({STAGES[case.stage]})", f"there is a case for it already: {case.number}, {STAGE_WORDS[case.stage]}")


def changed(case: Case) -> Text:
    last = case.steps[-1] if case.steps else None
    if last is None:
        return Text(f"案卷 {case.number} 已变化:现为{STAGES[case.stage]}", f"case {case.number} has changed: it is now {STAGE_WORDS[case.stage]}")
    return Text(
        f"案卷 {case.number} 已由{last.actor}变更({MOVES[last.move]}),现为{STAGES[case.stage]}",
        f"case {case.number} was changed meanwhile: {last.actor} {MOVE_WORDS[last.move]}; it is now {STAGE_WORDS[case.stage]}",
    )


def not_possible(case: Case, move: Move) -> Text:
    return Text(
        f"案卷 {case.number} 现为{STAGES[case.stage]},不能{MOVES[move]}",
        f"case {case.number} is {STAGE_WORDS[case.stage]}: the step “{move.value}” is not possible now",
    )


def busy(unit: Unit, case: Case | None) -> Text:
    zh, en = f"{unit.name.zh}{UNIT_STATES[unit.state]}", f"{unit.name.en} is {UNIT_STATE_WORDS[unit.state]}"
    if case is None:
        return Text(f"{zh},不能派遣", f"{en} and cannot be dispatched")
    return Text(f"{zh}(案卷 {case.number}),不能派遣", f"{en} with case {case.number} and cannot be dispatched")
