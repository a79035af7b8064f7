"""The demo city's process, as its desk sees it: started first, told its secret by the environment, gone when the desk goes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import DeckError
from app.domain.text import N_
from app.shell.options import DeskOptions

FRONT_DOOR = Path(__file__).resolve().parents[2] / "main.py"


@dataclass(frozen=True)
class DemoProcess:
    """A running demo city. Its standard input is its leash: when this process ends, however it ends, the city ends too."""

    process: subprocess.Popen[bytes]
    token: str

    @staticmethod
    def start(options: DeskOptions) -> DemoProcess:
        """Start it; does not wait."""
        token = secrets.token_hex(16)
        arguments = [
            sys.executable,
            str(FRONT_DOOR),
            "platform",
            "--city",
            options.city,
            "--port",
            "0",
            "--with-parent",
            "--seed",
            str(options.seed),
            "--rate",
            str(options.rate),
        ]
        for fault in options.faults:
            arguments += ["--fault", fault]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "CITYDECK_TOKEN": token})  # noqa: S603 - our own front door
        return DemoProcess(process, token)

    def address(self) -> str:
        """The WebSocket address it answers at. Blocks until it is ready: call it in a thread. Raises DeckError where it did not start."""
        line = self.process.stdout.readline() if self.process.stdout is not None else b""
        if not line:
            code = self.process.wait(timeout=5)
            raise DeckError(
                N_("The demo city did not start."),
                where=f"--demo, exit {code}",
                remedy=N_("What it said stands in the terminal; start it alone with: main.py platform"),
            )
        return str(json.loads(line)["url"])

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
