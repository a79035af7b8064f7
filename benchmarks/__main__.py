"""Runs the benchmarks: `python -m benchmarks [-k NAME]… [--runs N]`. Prints one table and writes out/bench.json.

Exit code 0 even where a budget is missed, since a busy machine is not a bug, but it says so; 1 where a benchmark could not be run.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

import benchmarks
from benchmarks.child import ROOT
from benchmarks.measure import Asked, Measure, middle

Run = Callable[..., Sequence[Measure | dict[str, object]]]
"""Takes an Asked where it has a parameter of that name."""
OUT = ROOT / "out" / "bench.json"
RUNS = 3
ONCE = frozenset({"start"})
"""Those that take their own medians."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of bench.json."""

    name: str
    value: float
    unit: str
    budget: float | None
    ok: bool
    baseline: float | None
    against: str


def found(names: Sequence[str]) -> dict[str, Run]:
    """The modules of this folder that have a `run`, by name; those whose name contains one of `names`, all where none is given."""
    modules = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__")
    wanted = [m for m in modules if not names or any(n in m for n in names)]
    runs: dict[str, Run | None] = {m: getattr(importlib.import_module(f"benchmarks.{m}"), "run", None) for m in wanted}
    return {name: run for name, run in runs.items() if run is not None}


def measured(run: Run, asked: Asked) -> list[Measure]:
    """What one run gave, as Measures."""
    found = run(asked=asked) if "asked" in inspect.signature(run).parameters else run()
    return [m if isinstance(m, Measure) else msgspec.convert({k: v for k, v in m.items() if k != "ok"}, Measure) for m in found]


def table(measures: Sequence[Measure]) -> str:
    """The figures in columns."""
    heads = ("what", "value", "unit", "budget", "", "baseline", "ratio", "against")
    rows = [heads, *(_row(m) for m in measures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(heads))]
    right = {1, 3, 5, 6}
    return "\n".join(
        "  ".join(cell.rjust(w) if n in right else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    )


def _row(m: Measure) -> tuple[str, ...]:
    verdict = "" if m.budget is None else "ok" if m.ok else "OVER" if not m.more_is_better else "UNDER"
    return (
        m.name, _number(m.value), m.unit, _number(m.budget), verdict, _number(m.baseline), "" if m.ratio is None else f"{m.ratio:.2f}", m.against,
    )  # fmt: skip


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def write(path: Path, measures: Sequence[Measure]) -> None:
    """Keep the figures for people and programs."""
    lines = [
        Line(
            name=m.name,
            value=round(m.value, 3),
            unit=m.unit,
            budget=m.budget,
            ok=m.ok,
            baseline=m.baseline and round(m.baseline, 3),
            against=m.against,
        )
        for m in measures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(lines), indent=2) + b"\n")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Figures of the real program, with budgets and baselines.")
    parser.add_argument(
        "-k", metavar="NAME", action="append", default=[], help="only the benchmarks whose module's name contains NAME; may be repeated"
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="repeat each so often and take medians")
    parser.add_argument("--full", action="store_true", help="as long as the budgets say: 500 alert updates a second for five minutes")
    asked = parser.parse_args()
    all_of_them: list[Measure] = []
    broken: list[str] = []
    for name, run in found(asked.k).items():
        began = time.monotonic()
        print(f"{name} …", end=" ", flush=True, file=sys.stderr)
        try:
            how = Asked(runs=max(1, asked.runs), full=asked.full)
            rounds = [measured(run, how) for _ in range(1 if name in ONCE else how.runs)]
        except Exception as fault:  # noqa: BLE001 - the border: one benchmark that cannot be run must not cost the others
            broken.append(f"{name}: {fault}")
            print("failed", file=sys.stderr)
            continue
        all_of_them += middle(rounds)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(all_of_them))
    write(OUT, all_of_them)
    missed = [m.name for m in all_of_them if not m.ok]
    print(
        f"\n{len(all_of_them)} figures in {OUT.relative_to(ROOT)}; "
        + (f"{len(missed)} outside their budget: " + ", ".join(missed) if missed else "every budget is kept")
    )
    for line in broken:
        print(f"could not be run: {line}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
