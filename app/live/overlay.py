"""Commands that are journalled and not yet part of any source's truth, found by what they are about."""

from __future__ import annotations

from app.domain.command import Command
from app.domain.ids import CommandKey


class Overlay:
    """In the order in which they were given. Looking one target up costs what lies over that target, however many there are."""

    def __init__(self) -> None:
        self._commands: dict[CommandKey, Command] = {}
        self._about: dict[str, dict[CommandKey, Command]] = {}
        self._confirmed: set[CommandKey] = set()
        self._left: dict[CommandKey, int] = {}
        """Over how many things each still lies."""

    def __len__(self) -> int:
        return len(self._commands)

    def get(self, key: CommandKey) -> Command | None:
        return self._commands.get(key)

    def add(self, command: Command) -> None:
        """Lay `command` over everything that it is about."""
        self._commands[command.key] = command
        targets = dict.fromkeys(command.targets)
        self._left[command.key] = len(targets)
        for target in targets:
            self._about.setdefault(target, {})[command.key] = command

    def remove(self, key: CommandKey) -> None:
        """Take a command off again; an unknown key is ignored."""
        command = self._commands.get(key)
        for target in command.targets if command is not None else ():
            self.lift(key, target)

    def lift(self, key: CommandKey, target: str) -> None:
        """Take a command off one of the things that it is about; off the last one, and it is gone."""
        lying = self._about.get(target, {})
        if lying.pop(key, None) is None:
            return
        if not lying:
            del self._about[target]
        self._left[key] -= 1
        if not self._left[key]:
            del self._left[key], self._commands[key]
            self._confirmed.discard(key)

    def confirm(self, key: CommandKey) -> None:
        """The platform said yes; it stays until the source's own records carry it."""
        self._confirmed.add(key)

    def over(self, target: str) -> bool:
        """Whether anything lies over it."""
        return target in self._about

    def about(self, target: str) -> list[Command]:
        """What lies over one alert or case, oldest first."""
        return list(self._about.get(target, {}).values())

    def confirmed_about(self, target: str) -> list[Command]:
        """Those of them that the platform has confirmed."""
        return [c for c in self.about(target) if c.key in self._confirmed] if self._confirmed else []
