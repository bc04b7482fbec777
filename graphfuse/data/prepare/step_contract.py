"""The contract suite of steps (`graphfuse check-part file.py:Class`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.prepare.fitted_steps import applied, owners_of, restored_step
from graphfuse.data.prepare.step import Context, Step, check_options
from graphfuse.errors import Faults, InputError
from graphfuse.files.arrays import check_shapes, check_values
from graphfuse.task.registry import trained_kind, trained_kinds

N, F = 24, 6
CLOSE = 1e-9
Promise = tuple[str, Callable[[], str]]


class _AnyGroup(dict):
    """Groups in which every name stands for two halves of the patients."""

    def __init__(self, rows: int):
        super().__init__()
        self.rows = rows

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> np.ndarray:
        return self[name]

    def __missing__(self, name: str) -> np.ndarray:
        return np.array(["one", "other"], dtype=object)[np.arange(self.rows) % 2]


def sample_table(missing: bool = False, seed: int = 0) -> np.ndarray:
    """float64 `[24, 6]`: columns of different levels and spreads, one constant; with `missing`,
    gaps, and one column nobody has."""
    draw = np.random.default_rng(seed)
    table = draw.normal(size=(N, F)) * np.array([1, 10, 0.1, 3, 1, 2]) + np.arange(F)
    table[:, 4] = 7.0
    if missing:
        table[draw.random(table.shape) < 0.2] = np.nan
        table[:, 5] = np.nan
    return table


def sample_context(of: str, rows: int = N) -> Context:
    """What a step is told of `sample_table`, where an outcome `of` this kind is learned."""
    patients = pd.Index([f"P{row}" for row in range(rows)])
    columns = np.array([f"c{column}" for column in range(F)])
    learned = trained_kind(of).example(rows).learned
    return Context("rna", "omics", patients, columns, _AnyGroup(rows), learned)


def check_step(kind: type[Step], name: str, options: Mapping[str, Any] | None = None) -> list[str]:
    """Names of the promises that a step keeps, whatever kind of outcome is learned; one that its
    `fit` refuses, by an `InputError`, is not tried. Raises `InputError` with those that it does
    not."""
    options = options or {}
    check_options(name, kind, options)
    tried = {of: _tried(kind, name, options, of) for of in _taken(kind, options)}
    faults, kept = Faults(name), []
    for promise in next(iter(tried.values())):
        said = {of: found[promise] for of, found in tried.items() if found[promise]}
        if not said:
            kept.append(promise)
            continue
        of, fault = next(iter(said.items()))
        where = "" if len(said) == len(tried) else f", where a {of} is learned"
        faults.add(f"{promise}{where}: {fault}")
    faults.stop()
    return kept


def _taken(kind: type[Step], options: Mapping[str, Any]) -> list[str]:
    """The kinds of outcome that a step does not refuse; all, where it refuses every one."""
    taken = []
    for of in trained_kinds():
        try:
            kind.fit(sample_table(), sample_context(of), **options)
        except InputError:
            continue
        except Exception:  # told as a finding by every promise
            pass
        taken.append(of)
    return taken or trained_kinds()


def _tried(kind: type[Step], name: str, options: Mapping[str, Any], of: str) -> dict[str, str]:
    """Each promise, and how it is broken where an outcome `of` this kind is learned; "" where it
    is kept."""
    found = {}
    for promise, holds in _promises(kind, name, options, of):
        try:
            found[promise] = holds()
        except Exception as error:  # a researcher's step may raise anything: it is a finding
            found[promise] = f"{type(error).__name__}: {error}"
    return found


def _promises(
    kind: type[Step], name: str, options: Mapping[str, Any], of: str
) -> Iterator[Promise]:
    def fitted(missing: bool = False) -> Step:
        return kind.fit(sample_table(missing), sample_context(of), **options)

    def of_one() -> Step:
        return kind.fit(sample_table()[:1], sample_context(of, 1), **options)

    yield "says whether it reads the target", lambda: _says(kind.reads_target(**options))
    yield "[N, F] becomes [N, F'], F' as `owners` says", lambda: _shape(fitted(), name)
    yield "no number becomes NaN or infinite", lambda: _finite(fitted(), name)
    yield "gaps cost no number beside them, or are refused", lambda: _gaps(fitted, name)
    yield "a patient alone = in a batch", lambda: _alone(fitted(), name)
    yield "one training patient is enough to be fitted", lambda: _one(of_one(), name)
    yield "fit and apply leave their table as it is", lambda: _untouched(kind, name, options, of)
    yield "the same fit twice gives the same", lambda: _twice(fitted, name)
    yield "its arrays are those it declares", lambda: _declared(fitted())
    yield "saved and read back, it gives the same", lambda: _read_back(fitted(), name)


def _says(answer: object) -> str:
    return "" if isinstance(answer, bool) else f"expected True or False (got {answer!r})"


def _shape(made: Step, name: str) -> str:
    applied(name, made, sample_table(seed=1))
    return ""


def _finite(made: Step, name: str) -> str:
    lost = ~np.isfinite(applied(name, made, sample_table(seed=1)))
    return f"{int(lost.sum())} of its numbers are not finite" if lost.any() else ""


def _gaps(fitted: Callable[[bool], Step], name: str) -> str:
    """Gaps may stay; what comes of a number must be one. Or the step says that it comes after
    `impute`, by an `InputError`."""
    try:
        made = fitted(True)
    except InputError:
        return ""
    table, owners = sample_table(True, seed=1), owners_of(name, made, F)
    is_known = np.isfinite(table)[:, owners]
    lost = is_known & ~np.isfinite(applied(name, made, table))
    return "numbers beside gaps are lost" if lost.any() else ""


def _alone(made: Step, name: str) -> str:
    table = sample_table(seed=1)
    batch = applied(name, made, table)
    rows = [applied(name, made, table[row : row + 1]) for row in range(N)]
    return _differ(batch, np.concatenate(rows))


def _one(made: Step, name: str) -> str:
    lost = ~np.isfinite(applied(name, made, sample_table(seed=1)))
    return "numbers are lost" if lost.any() else ""


def _untouched(kind: type[Step], name: str, options: Mapping[str, Any], of: str) -> str:
    table = sample_table()
    made = kind.fit(table, sample_context(of), **options)
    in_fit = not np.array_equal(table, sample_table())
    table = sample_table(seed=1)
    applied(name, made, table)
    in_apply = not np.array_equal(table, sample_table(seed=1))
    changed = [word for word, has in (("fit", in_fit), ("apply", in_apply)) if has]
    return f"{' and '.join(changed)} changed it" if changed else ""


def _twice(fitted: Callable[[], Step], name: str) -> str:
    table = sample_table(seed=1)
    return _differ(applied(name, fitted(), table), applied(name, fitted(), table))


def _declared(made: Step) -> str:
    arrays, _ = made.state()
    besides = [key for key in arrays if key not in made.arrays]
    if besides:
        return f"state() gives {besides[0]!r}, which `arrays` does not declare"
    sizes = {"before": F}
    check_shapes(arrays, made.arrays, sizes)
    check_values(arrays, made.arrays, sizes)
    return ""


def _read_back(made: Step, name: str) -> str:
    arrays, about = made.state()
    again = json.loads(json.dumps(about, allow_nan=False))
    back = restored_step(type(made), name, arrays, "", again, F)
    table = sample_table(seed=1)
    return _differ(applied(name, made, table), applied(name, back, table))


def _differ(one: np.ndarray, other: np.ndarray) -> str:
    """Whether two tables are one, to 1e-9 of their size."""
    if one.shape != other.shape:
        return f"shape {one.shape} against {other.shape}"
    gap = np.abs(one - other) / np.maximum(1, np.abs(one))
    return "" if gap.max(initial=0) <= CLOSE else f"differs by {gap.max():.1e}"
