"""What the person at this desk can do to what is selected: from an action's id to a finished act. Buttons, keys, menus and the palette
all come here, so that an action means the same wherever it is started."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.actions.desk import ActionDesk
from app.actions.spec import ACTIONS, ActionSpec
from app.domain.alert import Alert, AlertState
from app.domain.case import Case, Move, allowed
from app.domain.command import AcknowledgeAlert, MoveCase, OpenCase
from app.domain.errors import DeckError
from app.domain.ids import AlertId, CaseId, UnitId
from app.domain.text import N_
from app.live.hub import Hub
from app.qt.focus import Focus
from app.qt.words import Words

Ask = Callable[[str, str, bool], Awaitable[str | None]]
"""ask(title, prompt, required) → the comment, or None where the person cancelled."""

MOVES: dict[str, Move] = {
    "file": Move.FILE,
    "dispatch": Move.DISPATCH,
    "recall": Move.RECALL,
    "verify": Move.VERIFY,
    "rework": Move.REWORK,
    "close": Move.CLOSE,
    "reject": Move.REJECT,
    "reopen": Move.REOPEN,
    "void": Move.VOID,
    "comment": Move.COMMENT,
}


def _nothing() -> None:
    """No panel shows units."""


class Operations:
    """Acts on the focus of one desk."""

    def __init__(self, hub: Hub, actions: ActionDesk, focus: Focus, words: Words, ask: Ask) -> None:
        self._hub = hub
        self._actions = actions
        self._focus = focus
        self._words = words
        self._ask = ask
        self._specs = {spec.id: spec for spec in ACTIONS}
        self.chosen: list[UnitId] = []
        """Units that the person has marked for dispatch."""
        self.choose_units = _nothing
        """Bring the list of units to the front; set by the panel that has it."""

    def no_chooser(self) -> None:
        """The panel that had the list of units is gone."""
        self.choose_units = _nothing

    def spec(self, action: str) -> ActionSpec:
        """The declaration of `action`."""
        return self._specs[action]

    @property
    def alert(self) -> Alert | None:
        """The selected alert."""
        return self._hub.alerts.get(self._focus.alert)

    @property
    def case(self) -> Case | None:
        """The selected case, or that of the selected alert."""
        case = self._focus.case
        if case is None and self.alert is not None:
            case = self.alert.case
        return self._hub.cases.get(case) if case is not None else None

    def why_not(self, action: str) -> str | None:
        """Why `action` cannot be done now, in the operator's words; None: it can."""
        t = self._words.t
        spec = self._specs[action]
        if spec.target == "alert":
            alert = self.alert
            if alert is None:
                return t(N_("Select an alert first."))
            if action == "acknowledge" and alert.acknowledged is not None:
                return t(N_("Already acknowledged by {who}."), who=alert.acknowledged.by)
            if action == "open_case" and alert.case is not None:
                return t(N_("It already belongs to a case."))
            return self._forbidden(action, alert)
        case = self.case
        if action == "dispatch" and case is None and self.alert is not None:
            return self._forbidden(action, self.alert)
        if case is None:
            return t(N_("Select a case first."))
        if not allowed(case, MOVES[action]):
            return t(N_("Not possible at this stage of the case."))
        return self._forbidden(action, case)

    async def perform(self, action: str) -> None:
        """Do `action` to what is selected, asking for what it needs. Raises DeckError with the reason where it cannot be done."""
        reason = self.why_not(action)
        if reason is not None:
            raise DeckError(reason, where=self._words.t(self._specs[action].title))
        if action == "acknowledge":
            await self._acknowledge()
        elif action == "open_case":
            await self._open_case()
        elif action == "dispatch":
            await self._dispatch()
        elif action == "recall":
            await self._recall()
        else:
            await self._move(action)

    async def move_case(self, case: Case, move: Move, comment: str = "", unit: UnitId | None = None) -> None:
        """Take `case` one step on."""
        act = MoveCase(case=case.id, move=move, unit=unit, comment=comment)
        await self._actions.perform(act, area=case.area, seen=case.version, title=case.title)

    async def _acknowledge(self) -> None:
        alert = self.alert
        comment = await self._comment(self._specs["acknowledge"], self._words.text(alert.title) if alert else "")
        if alert is None or comment is None:
            return
        await self._actions.perform(AcknowledgeAlert(alert.id, comment), area=alert.area, seen=alert.version, title=alert.title)

    async def _open_case(self) -> CaseId | None:
        alert = self.alert
        if alert is None:
            return None
        related = tuple(dict.fromkeys((alert.id, *self._same_event(alert))))
        case = self._actions.new_case_id()
        act = OpenCase(
            case=case,
            alerts=related,
            kind=alert.kind,
            severity=alert.severity,
            title=alert.title,
            area=alert.area,
            place=alert.place,
            position=alert.position,
        )
        await self._actions.perform(act, area=alert.area, seen=0, title=alert.title)
        self._focus.select_case(case)
        return case

    async def _dispatch(self) -> None:
        case = self.case
        if case is None:
            await self._open_case()
            case = self.case
        if case is None or not self.chosen:
            self.choose_units()
            return
        chosen, self.chosen = self.chosen, []
        for unit in chosen:
            current = self._hub.cases.get(case.id)
            if current is not None:
                await self.move_case(current, Move.DISPATCH, unit=unit)

    async def _recall(self) -> None:
        case = self.case
        working = [a.unit for a in case.units if a.task.value in ("sent", "on_scene")] if case else []
        if case is None or not working:
            raise DeckError(self._words.t(N_("No unit of this case can be recalled.")))
        unit = next((u for u in working if u == self._focus.unit), working[-1])
        comment = await self._comment(self._specs["recall"], self._unit_name(unit))
        if comment is not None:
            await self.move_case(self._hub.cases.get(case.id, case), Move.RECALL, comment, unit)

    async def _move(self, action: str) -> None:
        case = self.case
        if case is None:
            return
        comment = await self._comment(self._specs[action], f"{case.number} {self._words.text(case.title)}".strip())
        if comment is not None:
            await self.move_case(case, MOVES[action], comment)

    async def _comment(self, spec: ActionSpec, about: str) -> str | None:
        """The comment that `spec` asks for: "" where it asks for none, None where the person cancelled."""
        if spec.comment == "none":
            return ""
        return await self._ask(self._words.t(spec.title), about, spec.comment == "required")

    def _same_event(self, alert: Alert) -> list[AlertId]:
        """Alerts that stand for the same event: what `alert` caused in the same area, still without a case."""
        return [
            a.id for a in self._hub.alerts if a.cause == alert.id and a.area == alert.area and a.case is None and a.state is not AlertState.CLEARED
        ]

    def _forbidden(self, action: str, target: Alert | Case) -> str | None:
        reason = self._actions.permitted(action, target.area)
        return None if reason is None else self._words.t(reason)

    def _unit_name(self, unit: UnitId) -> str:
        found = self._hub.units.get(unit)
        return self._words.text(found.name) if found else unit
