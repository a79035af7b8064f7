"""Commands that are journalled and not yet part of any source's truth, found by what they are about."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.command import AcknowledgeAlert, Command, OpenCase
from app.domain.ids import CommandKey


class Overlay:
    """In the order in which they were given. Looking one target up costs what lies over that target, however many there are."""

    def __init__(self) -> None:
        self._commands: dict[CommandKey, Command] = {}
        self._about: dict[str, dict[CommandKey, Command]] = {}
        self._confirmed: set[CommandKey] = set()

    def __len__(self) -> int:
        return len(self._commands)

    def get(self, key: CommandKey) -> Command | None:
        return self._commands.get(key)

    def add(self, command: Command) -> None:
        """Lay `command` over everything that it is about."""
        self._commands[command.key] = command
        for target in targets(command):
            self._about.setdefault(target, {})[command.key] = command

    def remove(self, key: CommandKey) -> None:
        """Take a command off again; an unknown key is ignored."""
        command = self._commands.pop(key, None)
        self._confirmed.discard(key)
        for target in targets(command) if command is not None else ():
            lying = self._about[target]
            del lying[key]
            if not lying:
                del self._about[target]

    def confirm(self, key: CommandKey) -> None:
        """The platform said yes; it stays until the source's own records carry it."""
        self._confirmed.add(key)

    def about(self, target: str) -> list[Command]:
        """What lies over one alert or case, oldest first."""
        return list(self._about.get(target, {}).values())

    def confirmed_about(self, target: str) -> list[Command]:
        """Those of them that the platform has confirmed."""
        return [c for c in self.about(target) if c.key in self._confirmed] if self._confirmed else []


def targets(command: Command) -> Iterable[str]:
    """Ids of everything whose look `command` changes."""
    act = command.act
    if isinstance(act, AcknowledgeAlert):
        return (act.alert,)
    return (act.case, *act.alerts) if isinstance(act, OpenCase) else (act.case,)
