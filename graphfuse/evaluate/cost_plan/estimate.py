"""The time, memory and disk of a training, estimated from trainings of some of its patients."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from graphfuse.data.memory import in_gb
from graphfuse.errors import counted
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.schema.run_model_name import NO_GRAPH, ONLY, OURS, WITHOUT, ModelId

TREES = ("forest", "boosting")
POWERS = {"trees": (0, 1.2), "net": (0, 1, 2), "controls": (0, 1, 2), "linear": (0, 1, 2)}
FEW = 200  # patients of whom the first probe has all
FIRST = (64, 128)  # of more: a quarter, at least and at most
FOLDS = 2  # that a probe tests; the patients of the others train
FINAL = 1.5  # folds that the linear part of the final model costs: it has more patients than one
AT_EASE = 8.0  # CPU seconds that the probes may always take
SHARE = 0.08  # of the training's own that they may take beyond


class Spent(NamedTuple):
    """Seconds by the `wall` clock, and `cpu` seconds of all threads together."""

    wall: float = 0.0
    cpu: float = 0.0

    @classmethod
    def now(cls) -> Spent:
        """What the clock and the processor show now."""
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> Spent:
        """What was spent since then."""
        now = Spent.now()
        return Spent(now.wall - self.wall, now.cpu - self.cpu)

    def plus(self, more: Spent) -> Spent:
        """Both together."""
        return Spent(self.wall + more.wall, self.cpu + more.cpu)

    def times(self, factor: float) -> Spent:
        """So many times as much."""
        return Spent(self.wall * factor, self.cpu * factor)


@dataclass(frozen=True)
class Plan:
    """What a training would take on this machine.

    Parameters
    ----------
    title : str
        The cohort, the recipe and how it is tested.
    parts : mapping of str to Spent
        Seconds of each part, in order.
    memory : float
        Bytes of the process at its peak.
    free : float or None
        Bytes that are free now; None where the system does not tell.
    disk : float
        Bytes of the run directory.
    probed : tuple of int
        How many patients the probes trained on, probe after probe.
    patients : int
        Of the cohort.
    epochs : tuple of int
        That the nets of the largest probe were trained for, fold by fold.
    fits : str
        What would fit where this does not; blank where it does.
    """

    title: str
    parts: Mapping[str, Spent]
    memory: float
    free: float | None
    disk: float
    probed: tuple[int, ...]
    patients: int
    epochs: tuple[int, ...]
    fits: str = ""

    def after(self, name: str, spent: Spent) -> Plan:
        """The same with a part before all others."""
        return replace(self, parts={name: spent, **self.parts})

    @property
    def seconds(self) -> float:
        """By the clock."""
        return sum(each.wall for each in self.parts.values())

    @property
    def cpu_seconds(self) -> float:
        """Of all threads together."""
        return sum(each.cpu for each in self.parts.values())

    def __str__(self) -> str:
        rows = [("time", in_time(self.seconds), f"{in_time(self.cpu_seconds)} of CPU")]
        for name, spent in self.parts.items():
            rows.append((f"  {name}", in_time(spent.wall), ""))
        there = "" if self.free is None else f"{in_gb(self.free)} are free"
        rows.append(("memory, at its peak", in_gb(self.memory), there))
        rows.append(("disk", f"{self.disk / 1e6:,.1f} MB", ""))
        lines = [self.title]
        for what, value, note in rows:
            lines.append(f"{what:<28}{value:>12}   {note}".rstrip())
        lines += ["", self._how()]
        if self.fits:
            lines.append(f"It does not fit. {self.fits}")
        return "\n".join(lines)

    __repr__ = __str__

    def _how(self) -> str:
        """Where the numbers come from."""
        sizes = ", ".join(f"{count:,}" for count in self.probed)
        is_whole = self.probed[-1] == self.patients
        reach = "" if is_whole else f", carried on to {self.patients:,}"
        return (
            f"from trainings of {sizes} patients on this machine as busy as it is{reach}; nets "
            f"stop as they did there (after {_span(self.epochs)})"
        )


def _span(epochs: Sequence[int]) -> str:
    """The fewest and the most epochs, in words."""
    low, high = min(epochs), max(epochs)
    return counted(low, "epoch") if low == high else f"{low} to {high} epochs"


def in_time(seconds: float) -> str:
    """Seconds in words: '8 s', '3 min 20 s', '2 h 5 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


# ------------------------------------------------------------------------------------- the probes


def some(folds: pd.DataFrame, strata: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of about so many patients, of every stratum and every fold of the first repeat alike.

    Parameters
    ----------
    folds : pd.DataFrame
        The folds table.
    strata : np.ndarray
        int `[N]`, such as class codes (`Task.strata`); -1 for unlabelled.
    count : int
        How many.
    seed : int
        Of the draw.
    """
    first = folds["repeat"].to_numpy() == folds["repeat"].iloc[0]
    fold = folds["fold"][first].fillna(-1).to_numpy(np.int64)
    count_all = len(strata)
    order = np.random.default_rng(seed).permutation(count_all)
    cells = pd.Series(range(count_all)).groupby([fold[order], strata[order]])
    sizes = cells.transform("size").to_numpy()
    place = cells.cumcount().to_numpy() / sizes  # within its cell
    chosen = order[place < count / count_all]
    return np.sort(chosen)


def factors(folds: int, repeats: int) -> dict[str, float]:
    """How many times a probe's work each part of the whole is."""
    tested = min(FOLDS, folds)
    all_folds = folds * repeats
    return {
        "trees": all_folds / tested,
        "controls": all_folds / tested,
        "linear": (all_folds + FINAL) / (tested + FINAL),
        "net": (2 * all_folds + 1) / (2 * tested + 1),
    }


def parts_of(study: Study, spent: Spent, threads: int) -> dict[str, float]:
    """CPU seconds of the parts of a study that took `spent` in all, by the clocks of its models."""
    walls = {"trees": 0.0, "net": 0.0, "controls": 0.0}
    by_model = {name: float(sum(seconds)) for name, seconds in study.seconds.items()}
    own = [OURS, NO_GRAPH]
    for name, seconds in by_model.items():
        model = ModelId.parse(name)
        if model.is_control:
            walls["controls"] += seconds
        elif model.is_one_of(ONLY, WITHOUT):
            own.append(name)
    walls["trees"] = sum(by_model.get(name, 0.0) for name in TREES) / threads
    walls["net"] = sum(by_model.get(name, 0.0) for name in own)
    walls["linear"] = max(0.0, spent.wall - sum(walls.values()))
    return {name: wall / spent.wall * spent.cpu for name, wall in walls.items()}


def carried_on(
    sizes: Sequence[int], taken: Sequence[float], powers: Sequence[float], to: int
) -> float:
    """What a part takes at size `to` from what it took at some sizes: a sum of powers of the size,
    none of them negative, that is as near to them in proportion as there is."""
    if sizes[-1] == to or not any(taken):
        return taken[-1]
    scale = np.asarray(sizes, float) / to
    terms = np.stack([scale**power for power in powers], 1)  # [sizes, powers]
    weight = 1 / np.maximum(taken, 1e-3)
    weighted = np.asarray(taken) * weight
    coefficients, _ = nnls(terms * weight[:, None], weighted)
    return float(coefficients.sum())


def probes(
    study: Callable[[int], dict[str, float]], patients: int, times: Mapping[str, float]
) -> tuple[list[int], list[dict[str, float]]]:
    """Sizes and CPU seconds by part of studies of ever more patients, each twice as many, for as
    long as they are cheap beside the whole, which is `times` (by part) such a study of all."""
    sizes, taken = [], []
    used = 0.0
    count = _first_size(patients)
    while True:
        taken.append(study(count))
        sizes.append(count)
        used += sum(taken[-1].values())
        if count == patients:
            return sizes, taken
        following = 2 * count if 2 * count <= patients and 3 * count <= 2 * patients else patients
        ahead = sum(predicted(sizes, taken, following).values())
        if len(sizes) > 1 and used + ahead > _budget(sizes, taken, patients, times):
            return sizes, taken
        count = following


def _budget(
    sizes: Sequence[int], taken: Sequence[Mapping], patients: int, times: Mapping[str, float]
) -> float:
    """CPU seconds that the probes may take."""
    each = predicted(sizes, taken, patients)
    whole = sum(times[part] * cpu for part, cpu in each.items())
    return AT_EASE + SHARE * whole


def _first_size(patients: int) -> int:
    """How many patients the first probe has."""
    if patients <= FEW:
        return patients
    least, most = FIRST
    return max(least, min(patients // 4, most))


def predicted(sizes: Sequence[int], taken: Sequence[Mapping], to: int) -> dict[str, float]:
    """CPU seconds by part of a study of so many patients."""
    seconds = {}
    for part, powers in POWERS.items():
        of_part = [each[part] for each in taken]
        seconds[part] = carried_on(sizes, of_part, powers, to)
    return seconds
