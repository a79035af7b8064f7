"""What a benchmark says: one figure with its budget and what it is held against. Plain records, no measuring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import msgspec
import psutil


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `budget` None: informative. `baseline` is the same quantity, in the same unit, of what `against` names, from the same run."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    baseline: float | None = None
    against: str = ""
    more_is_better: bool = False

    @property
    def ok(self) -> bool:
        """Whether the budget is kept; True where there is none."""
        if self.budget is None:
            return True
        return self.value >= self.budget if self.more_is_better else self.value <= self.budget

    @property
    def ratio(self) -> float | None:
        """Value over baseline, None where there is none."""
        return self.value / self.baseline if self.baseline else None


@dataclass(frozen=True, slots=True)
class Asked:
    """How the benchmarks are to be run. `runs`: how often each is repeated; its figures are the medians. `full`: for as long as the budgets
    say, where a benchmark is shorter otherwise."""

    runs: int = 3
    full: bool = False


def middle(runs: Sequence[Sequence[Measure]]) -> list[Measure]:
    """The medians of several runs of one benchmark, figure by figure, in the order of the first run."""
    found: list[Measure] = []
    for first in runs[0]:
        same = [m for run in runs for m in run if m.name == first.name]
        baselines = [m.baseline for m in same if m.baseline is not None]
        found.append(msgspec.structs.replace(first, value=median(m.value for m in same), baseline=median(baselines) if baselines else None))
    return found


def median_ms(work: Callable[[], object], times: int = 5) -> float:
    """Milliseconds that `work` takes: the median of several calls, after one that does not count."""
    work()
    took: list[float] = []
    for _ in range(times):
        began = perf_counter()
        work()
        took.append((perf_counter() - began) * 1000)
    return median(took)


def resident_bytes() -> int:
    """Memory that this process holds now."""
    return psutil.Process().memory_info().rss


def percentile(values: Sequence[float], q: float) -> float:
    """The `q`-th percentile (0…100), by the nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q / 100))] if ordered else 0.0
