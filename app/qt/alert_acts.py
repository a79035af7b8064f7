"""What the person does to the chosen alerts: one, a folded row, or everything that matches a search. Asks for what an act needs, says why one
cannot be done; it changes nothing itself, `app.actions` does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.actions.desk import ActionDesk, Chosen, Deed, reach
from app.actions.spec import BY_ID, ActionSpec
from app.domain.alert import Alert, AlertMove
from app.domain.aside import How, Scope, Shelf
from app.domain.command import OpenCase, PutAside, TakeBack
from app.domain.ids import AlertId, AreaCode, CaseId, Millis
from app.domain.text import N_, Text
from app.live.hub import Hub
from app.qt.focus import Focus
from app.qt.words import Words

Ask = Callable[[str, str, bool], Awaitable[str | None]]
"""ask(title, prompt, required) → the comment, or None where the person cancelled."""
AskAside = Callable[[How, Alert], Awaitable["Aside | None"]]
"""ask(how, alert) → what to put aside, until when and why, or None."""

MOVES: dict[str, AlertMove] = {
    "acknowledge": AlertMove.ACKNOWLEDGE,
    "unacknowledge": AlertMove.UNACKNOWLEDGE,
    "comment_alert": AlertMove.COMMENT,
    "take_alert": AlertMove.TAKE,
    "release_alert": AlertMove.RELEASE,
}
ASIDES: dict[str, How] = {"shelve": How.SHELVED, "out_of_service": How.OUT_OF_SERVICE}
_CASE_ALERTS = 500
"""Alerts that one case is opened from at most: a case of more is a case of everything."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What the person decided to put aside."""

    scope: Scope
    until: Millis
    reason: str


class AlertActs:
    """Acts on the alerts that are chosen at one desk."""

    def __init__(self, hub: Hub, actions: ActionDesk, focus: Focus, words: Words, ask: Ask, ask_aside: AskAside) -> None:
        self._hub = hub
        self._actions = actions
        self._focus = focus
        self._words = words
        self._ask = ask
        self._ask_aside = ask_aside

    @property
    def chosen(self) -> tuple[AlertId, ...]:
        """Ids of the alerts that an act concerns, the selected one first."""
        focus = self._focus
        if focus.alert is None or self._hub.alerts.find(focus.alert) < 0:
            return ()
        return focus.alerts if focus.alert in focus.alerts else (focus.alert,)

    @property
    def alert(self) -> Alert | None:
        """The selected alert."""
        return self._hub.alerts.get(self._focus.alert)

    def why_not(self, action: str) -> str | None:
        """Why `action` cannot be done now, in the operator's words; None: it can."""
        t, alert, chosen = self._words.t, self.alert, self.chosen
        if alert is None:
            return t(N_("Select an alert first."))
        if len(chosen) == 1:
            reason = self._unfit(action, alert)
            if reason is not None:
                return reason
        reason = self._actions.permitted(action, alert.area)
        return None if reason is None else t(reason)

    async def perform(self, action: str) -> None:
        """Do `action` to the chosen alerts. Raises DeckError."""
        if action in MOVES:
            await self._move(BY_ID[action], MOVES[action])
        elif action in ASIDES:
            await self._put_aside(ASIDES[action])
        elif action == "open_case":
            await self.open_case()
        else:
            raise ValueError(action)

    async def take_back(self, shelf: Shelf) -> None:
        """End `shelf` now. Raises DeckError."""
        spec = BY_ID["take_back"]
        comment = await self._comment(spec, shelf.reason)
        if comment is not None:
            areas, about = reach(shelf.scope, self._areas_of(shelf.scope)), Text(shelf.reason, shelf.reason)
            act = TakeBack(shelf=shelf.id, comment=comment)
            deed = Deed(act=act, areas=areas, seen=shelf.version, title=about)
            await self._actions.perform_all([deed])

    async def open_case(self) -> CaseId | None:
        """Open one case from everything that is chosen, and from what the selected alert brought about in the same area."""
        alert = self.alert
        if alert is None:
            return None
        related = tuple(dict.fromkeys((alert.id, *self.chosen, *self._same_event(alert))))[:_CASE_ALERTS]
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

    # --- inside --------------------------------------------------------------------------------------------------------------

    def _unfit(self, action: str, alert: Alert) -> str | None:
        t = self._words.t
        if action == "acknowledge" and alert.acknowledged is not None:
            return t(N_("Already acknowledged by {who}."), who=alert.acknowledged.by)
        if action == "unacknowledge" and alert.acknowledged is None:
            return t(N_("Nobody has acknowledged it."))
        if action in ("unacknowledge", "open_case") and alert.case is not None:
            return t(N_("It already belongs to a case."))
        if action == "take_alert" and alert.owner:
            return t(N_("{who} looks after it already."), who=alert.owner)
        if action == "release_alert" and not alert.owner:
            return t(N_("Nobody looks after it."))
        return None

    async def _move(self, spec: ActionSpec, move: AlertMove) -> None:
        chosen, alert = self.chosen, self.alert
        if alert is None:
            return
        title = alert.title if len(chosen) == 1 else self._many(alert, len(chosen))
        comment = await self._comment(spec, self._words.text(title))
        if comment is None:
            return
        alerts = self._hub.alerts
        picked = [Chosen(one.id, one.area, one.source) for name in chosen if (one := alerts.get(name)) is not None]
        await self._actions.move_alerts(move, picked, title=title, comment=comment, seen=alert.version if len(chosen) == 1 else 0)

    async def _put_aside(self, how: How) -> None:
        alert = self.alert
        if alert is None:
            return
        decided = await self._ask_aside(how, alert)
        if decided is None:
            return
        act = PutAside(shelf=self._actions.new_shelf_id(), how=how, scope=decided.scope, until=decided.until, comment=decided.reason)
        await self._actions.perform_all([Deed(act=act, areas=(alert.area,) if alert.area else (), title=alert.title)])

    async def _comment(self, spec: ActionSpec, about: str) -> str | None:
        """The comment that `spec` asks for: "" where it asks for none, None where the person cancelled."""
        if spec.comment == "none":
            return ""
        return await self._ask(self._words.t(spec.title), about, spec.comment == "required")

    def _areas_of(self, scope: Scope) -> tuple[AreaCode, ...]:
        """Where the one alert is that a scope names."""
        alert = self._hub.alerts.get(scope.alert)
        return () if alert is None else (alert.area,)

    def _many(self, first: Alert, count: int) -> Text:
        """What many alerts are called in the log."""
        return Text(f"{first.title.zh} 等 {count} 条", f"{first.title.en} and {count - 1} more")

    def _same_event(self, alert: Alert) -> Sequence[AlertId]:
        """Alerts that stand for the same event: what stands in the group of `alert` in the same area, still without a case, first-out first."""
        alerts = self._hub.alerts
        rows = alerts.members("group", int(alerts.group[alerts.row_of(alert.id)]))
        rows = rows[(alerts.area[rows] == alerts.areas.find(alert.area)) & ~alerts.has_case[rows]]
        return [alerts.id_at(int(row)) for row in rows[:_CASE_ALERTS]]
