"""The tests of a step's contract (`graphfuse check-part file.py:Class`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.prepare.fitted_steps import applied, owners_of, restored_step
from graphfuse.data.prepare.step import Context, Step, check_options
from graphfuse.errors import Faults, InputError
from graphfuse.files.array_rules import check_shapes, check_values
from graphfuse.task.registry import trained_kind, trained_kinds

N, F = 24, 6
CLOSE = 1e-9
Promise = tuple[str, Callable[[], str]]


class _AnyGroup(dict):
    """Groups of any name, each of which splits the patients in two halves."""

    def __init__(self, rows: int):
        super().__init__()
        self.rows = rows

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> np.ndarray:
        return self[name]

    def __missing__(self, name: str) -> np.ndarray:
        halves = np.array(["one", "other"], dtype=object)
        return halves[np.arange(self.rows) % 2]


def sample_table(missing: bool = False, seed: int = 0) -> np.ndarray:
    """float64 `[24, 6]`: columns of different levels and spreads, one constant; with `missing`,
    gaps, and one column nobody has."""
    rng = np.random.default_rng(seed)
    spreads = np.array([1, 10, 0.1, 3, 1, 2])
    table = rng.normal(size=(N, F)) * spreads + np.arange(F)
    table[:, 4] = 7.0
    if missing:
        is_gap = rng.random(table.shape) < 0.2
        table[is_gap] = np.nan
        table[:, 5] = np.nan
    return table


def sample_context(of: str, rows: int = N) -> Context:
    """The context of `sample_table`, where an outcome `of` this kind is learned."""
    patients = pd.Index([f"P{row}" for row in range(rows)])
    columns = np.array([f"c{column}" for column in range(F)])
    learned = trained_kind(of).example(rows).learned
    return Context("rna", "omics", patients, columns, _AnyGroup(rows), learned)


def check_step(kind: type[Step], name: str, options: Mapping[str, Any] | None = None) -> list[str]:
    """Tests a step, for every kind of outcome that its `fit` does not refuse by an `InputError`.

    Parameters
    ----------
    kind
        The class of the step.
    name
        Its name, for messages.
    options
        Options of its `fit`.

    Returns
    -------
    list of str
        The promises that it keeps.

    Raises
    ------
    InputError
        With the promises that it does not keep.
    """
    options = options or {}
    check_options(name, kind, options)
    results = {of: _tried(kind, name, options, of) for of in _accepted(kind, options)}
    faults, kept = Faults(name), []
    for promise in next(iter(results.values())):
        broken = {of: result[promise] for of, result in results.items() if result[promise]}
        if not broken:
            kept.append(promise)
            continue
        of, fault = next(iter(broken.items()))
        where = "" if len(broken) == len(results) else f", where a {of} is learned"
        faults.add(f"{promise}{where}: {fault}")
    faults.stop()
    return kept


def _accepted(kind: type[Step], options: Mapping[str, Any]) -> list[str]:
    """The kinds of outcome that a step does not refuse; all, where it refuses every one."""
    accepted = []
    for of in trained_kinds():
        try:
            kind.fit(sample_table(), sample_context(of), **options)
        except InputError:
            continue
        except Exception:  # every promise then reports it
            pass
        accepted.append(of)
    return accepted or trained_kinds()


def _tried(kind: type[Step], name: str, options: Mapping[str, Any], of: str) -> dict[str, str]:
    """Each promise, and how it is broken where an outcome `of` this kind is learned; '' where it is
    kept."""
    results = {}
    for promise, test in _promises(kind, name, options, of):
        try:
            results[promise] = test()
        except Exception as error:  # a custom step may raise anything
            results[promise] = f"{type(error).__name__}: {error}"
    return results


def _promises(
    kind: type[Step], name: str, options: Mapping[str, Any], of: str
) -> Iterator[Promise]:
    """The promises of a step, each with its test, which returns '' or how it is broken."""

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
    """Gaps may stay, but numbers must stay numbers; or the step refuses gaps by an `InputError`,
    since it comes after `impute`."""
    try:
        made = fitted(True)
    except InputError:
        return ""
    table = sample_table(True, seed=1)
    owners = owners_of(name, made, F)
    is_known = np.isfinite(table)[:, owners]
    is_lost = is_known & ~np.isfinite(applied(name, made, table))
    return "numbers beside gaps are lost" if is_lost.any() else ""


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
    if in_fit and in_apply:
        return "fit and apply changed it"
    if in_fit:
        return "fit changed it"
    return "apply changed it" if in_apply else ""


def _twice(fitted: Callable[[], Step], name: str) -> str:
    table = sample_table(seed=1)
    return _differ(applied(name, fitted(), table), applied(name, fitted(), table))


def _declared(made: Step) -> str:
    arrays, _ = made.state()
    undeclared = [key for key in arrays if key not in made.arrays]
    if undeclared:
        return f"state() gives {undeclared[0]!r}, which `arrays` does not declare"
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
    """How two tables differ; '' where they agree to 1e-9 of their size."""
    if one.shape != other.shape:
        return f"shape {one.shape} against {other.shape}"
    difference = np.abs(one - other) / np.maximum(1, np.abs(one))
    largest = difference.max(initial=0)
    return "" if largest <= CLOSE else f"differs by {largest:.1e}"
