"""What the person at this desk can do to what is selected: from an action's id to a finished act. Buttons, keys, menus and the palette
all come here, so that an action means the same wherever it is started."""

from __future__ import annotations

from app.actions.desk import ActionDesk
from app.actions.spec import ACTIONS, ActionSpec
from app.domain.alert import Alert
from app.domain.aside import Shelf
from app.domain.case import Case, Move, allowed
from app.domain.command import MoveCase
from app.domain.errors import DeckError
from app.domain.ids import UnitId
from app.domain.text import N_
from app.live.hub import Hub
from app.qt.alert_acts import AlertActs, Ask, AskAside
from app.qt.focus import Focus
from app.qt.words import Words

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

    def __init__(self, hub: Hub, actions: ActionDesk, focus: Focus, words: Words, ask: Ask, ask_aside: AskAside) -> None:
        self.alerts = AlertActs(hub, actions, focus, words, ask, ask_aside)
        self._hub = hub
        self._actions = actions
        self._focus = focus
        self._words = words
        self.ask = ask
        """Ask the person for words: see Ask."""
        self._specs = {spec.id: spec for spec in ACTIONS}
        self.chosen: list[UnitId] = []
        """Units that the person has marked for dispatch."""
        self.choose_units = _nothing
        """Bring the list of units to the front; set by the panel that has it."""
        self.shelf: Shelf | None = None
        """What was put aside and is chosen to be brought back; set by the panel that lists it."""

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
            return self.alerts.why_not(action)
        if spec.target == "shelf":
            return self._why_not_shelf(action)
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
        if self._specs[action].target == "alert":
            await self.alerts.perform(action)
        elif self.shelf is not None and self._specs[action].target == "shelf":
            await self.alerts.take_back(self.shelf)
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

    async def _dispatch(self) -> None:
        case = self.case
        if case is None:
            await self.alerts.open_case()
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
        return await self.ask(self._words.t(spec.title), about, spec.comment == "required")

    def _why_not_shelf(self, action: str) -> str | None:
        t = self._words.t
        if self.shelf is None:
            return t(N_("Choose what is to be brought back first."))
        reason = self._actions.permitted(action, self.shelf.scope.area or "")
        return None if reason is None else t(reason)

    def _forbidden(self, action: str, target: Alert | Case) -> str | None:
        reason = self._actions.permitted(action, target.area)
        return None if reason is None else self._words.t(reason)

    def _unit_name(self, unit: UnitId) -> str:
        found = self._hub.units.get(unit)
        return self._words.text(found.name) if found else unit
