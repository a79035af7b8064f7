"""What happens at a desk by the clock, once a second, and is written down: shelves end, the pack's rules suppress and raise, floods begin and
end, and what nobody acknowledges goes further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from app.actions.clerk import Clerk
from app.actions.spec import ESCALATED, SHELF_ENDED, SUPPRESSED, UNSUPPRESSED
from app.citypack import CityPack
from app.domain.alert import Alert
from app.domain.ids import Millis
from app.domain.rule import EscalationLevel, Rules
from app.domain.text import Text
from app.live.asides import ClockStep
from app.live.hub import Hub
from app.services.escalation import Escalations
from app.services.flood import FloodWatch

STEP_S = 1.0
_TOLD = 100
LEVELS = tuple(level for level in EscalationLevel if level is not EscalationLevel.NONE)


class Watch:
    """Steps everything that goes by the clock. Loop thread only."""

    def __init__(
        self, hub: Hub, city: CityPack, floods: FloodWatch, clerk: Clerk, now: Callable[[], Millis], told: Callable[[list[Alert]], None]
    ) -> None:
        """`told` hears of alerts that have come further than the desk at which nobody took note of them, the worst first."""
        self._hub = hub
        self._floods = floods
        self._clerk = clerk
        self._now = now
        self._told = told
        self._escalations = Escalations(hub.alerts, city.rules.escalations)

    def use(self, rules: Rules) -> None:
        """These rules hold from now on."""
        self._escalations.steps = rules.escalations

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(STEP_S)

    def step(self) -> None:
        """One second has passed."""
        now = self._now()
        for step in self._hub.second(now):
            self._note_aside(step)
        flood = self._floods.step(now)
        if flood is not None:
            first = flood.episode.first_title
            self._clerk.note(flood.verb, flood.episode.first or "", title=first, detail=msgspec.json.encode(flood.episode).decode())
        self._escalate(now)

    def _note_aside(self, step: ClockStep) -> None:
        alerts = f"{len(step.rows)}"
        if step.shelf is not None:
            reason = step.shelf.reason
            self._clerk.note(SHELF_ENDED, step.shelf.id, comment=alerts, title=Text(reason, reason), detail=msgspec.json.encode(step.shelf).decode())
        elif step.suppression is not None:
            verb = SUPPRESSED if step.began else UNSUPPRESSED
            self._clerk.note(verb, step.suppression.id, comment=alerts, title=step.suppression.reason)

    def _escalate(self, now: Millis) -> None:
        rows = self._escalations.step(now)
        if not len(rows):
            return
        alerts = self._hub.alerts
        for level in LEVELS:
            reached = rows[alerts.level[rows] == level]
            if not len(reached):
                continue
            # One line however many they are: a storm must not push out of sight what people did.
            worst, ids = alerts.at_row(int(reached[0])), [alerts.id_at(row) for row in reached.tolist()]
            detail = msgspec.json.encode({"level": level.name.lower(), "alerts": ids}).decode()
            self._clerk.note(ESCALATED, worst.id, area=worst.area, title=worst.title, comment=f"{level.name.lower()} × {len(ids)}", detail=detail)
        further = [alerts.at_row(row) for row in rows[alerts.level[rows] >= EscalationLevel.NEXT_ROLE][:_TOLD].tolist()]
        self._hub.touch_alerts([alerts.id_at(row) for row in rows.tolist()])
        if further:
            self._told(further)
