"""Cold start and memory of the real program: `main.py --demo` in a fresh process on a data folder that exists, to its first live frame.

Held against the floor: a process that imports Qt's widgets and makes one empty window.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.child import ROOT, ChildFailed
from benchmarks.measure import Measure

STARTS = 5
MEMORY_AFTER_S = 10.0
FULL_SCALE_RATE = 20_000
_EMPTY = "from PySide6.QtWidgets import QApplication, QWidget; a = QApplication([]); w = QWidget(); w.show(); a.processEvents()"


def _desk(data: Path, after_s: float, *more: str) -> dict[str, float]:
    """state.json's figures of one run of the front door. Raises ChildFailed."""
    out = data / "pictures"
    command = [sys.executable, "main.py", "--demo", "--seat", "duty", "--data", str(data), "--screenshot", str(out), "--after", str(after_s), *more]
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=after_s + 60, check=False)
    if done.returncode:
        raise ChildFailed(f"{' '.join(command[1:])}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    state = json.loads((out / "state.json").read_text(encoding="utf-8"))
    return {name: float(state[name]) for name in ("start_ms", "rss_mb")}


def _empty_window_ms() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _EMPTY], env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, timeout=60, check=True)
    return (time.perf_counter() - began) * 1000


def run() -> list[Measure]:
    """The median of five starts, each beside an empty window's, and one longer run under load for the memory."""
    with tempfile.TemporaryDirectory(prefix="citydeck-bench-") as folder:
        data = Path(folder)
        _desk(data, 2.0)  # makes the data folder, and warms the disk's cache for both
        starts, floors = list[float](), list[float]()
        for _ in range(STARTS):
            floors.append(_empty_window_ms())
            starts.append(_desk(data, 2.0)["start_ms"])
        memory = _desk(data, MEMORY_AFTER_S, "--rate", str(FULL_SCALE_RATE))
    return [
        Measure(
            name="cold start to first live frame",
            value=median(starts),
            unit="ms",
            budget=1500.0,
            baseline=median(floors),
            against="an empty Qt window",
        ),
        Measure(name="memory after 10 s at 20,000/s", value=memory["rss_mb"], unit="MB", budget=500.0),
    ]
