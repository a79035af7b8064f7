"""Runs one measurement in a process of its own, so that no benchmark sees another's memory, imports or threads.

`python -m benchmarks.child MODULE FUNCTION JSON` calls `FUNCTION(**fields)` and prints what it returns as one JSON line, marked.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MARK = "citydeck-benchmark "


class ChildFailed(RuntimeError):
    """The measurement ended without a result; what it said is in the message."""


def in_child(module: str, function: str, *, timeout_s: float = 180.0, **fields: object) -> dict[str, float]:
    """The figures that `module.function(**fields)` returns in a fresh process off screen. Raises ChildFailed."""
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONUNBUFFERED": "1"}
    arguments = [sys.executable, "-m", "benchmarks.child", module, function, json.dumps(fields)]
    done = subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(_MARK):
            return dict[str, float](json.loads(line.removeprefix(_MARK)))
    raise ChildFailed(f"{module}.{function} gave no figures (exit code {done.returncode}):\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def main() -> int:
    """The child's side."""
    module, function, fields = sys.argv[1:4]
    found = getattr(importlib.import_module(module), function)(**json.loads(fields))
    print(_MARK + json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
