"""How a model is tested, as one value: who is held out when, and what intervals mean."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.groups import group_known
from graphfuse.errors import InputError, counted, few_counted, nearest
from graphfuse.evaluate.folds import (
    check_groups,
    check_ids,
    read_folds,
    repeated,
    splits,
)
from graphfuse.evaluate.hold_out_folds import (
    left_out,
    part_held_out,
    require_share,
    share_held_out,
)
from graphfuse.task.outcome import Outcome

log = logging.getLogger(__name__)


_INTERVALS = {
    "patients": (
        "95 %, over patients and training sets: mean ± 1.96 standard errors of patients drawn with "
        "replacement, all repeats of one together, × √(1 + tested / trained) for models that share "
        "training patients (after Nadeau and Bengio 2003)"
    ),
    "groups": (
        "95 %, over groups and training sets: mean ± standard errors of whole groups drawn with "
        "replacement, all repeats of one together, by Student's t at their number, × √(1 + tested "
        "/ trained) for models that share training patients (after Nadeau and Bengio 2003); "
        "patients are drawn where one group alone is tested"
    ),
}
_NESTED = (
    "nested: columns, scalers, graphs, penalties, epochs and settings are chosen on inner "
    "folds of each training part, and no "
    "held-out patient is in any of them"
)


@dataclass(frozen=True)
class Protocol:
    """A way to hold patients out; make one with `Protocol.of`.

    Attributes
    ----------
    kind : str
        "cv" (stratified `folds` × `repeats`), "leave-out" (each value of the group `by` once),
        "split" (the patients whose group `by` is `value`), "holdout" (a stratified `share`,
        `repeats` times) or "file" (the user's folds).
    folds, repeats : int
    group : str or None
        A group of the cohort, whose patients may not be on both sides of a fold.
    by, value : str or None
        The group that is left out or split, and its value that is held out.
    share : float or None
        Of the patients held out.
    file : str, Path, pd.DataFrame or None
        The user's folds.
    """

    kind: str = "cv"
    folds: int = 5
    repeats: int = 5
    group: str | None = None
    by: str | None = None
    value: str | None = None
    share: float | None = None
    file: str | Path | pd.DataFrame | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        cv: tuple[int, int] | int = (5, 5),
        *,
        folds: str | Path | pd.DataFrame | None = None,
        group: str | None = None,
        leave_out: str | None = None,
        split: str | tuple[str, str] | None = None,
        holdout: float | tuple[float, int] | None = None,
    ) -> Protocol:
        """The protocol of `train`'s arguments.

        Parameters
        ----------
        cv : tuple of int or int
            Folds and repeats, where nothing else is given.
        folds : str, Path or pd.DataFrame, optional
            The user's folds file.
        group : str, optional
            Goes with all of them.
        leave_out : str, optional
            A group.
        split : str or tuple of str, optional
            "GROUP=VALUE", or both.
        holdout : float or tuple, optional
            A share, or share and repeats.

        Raises
        ------
        InputError
            Where two are given, or one cannot be read.
        """
        options = {
            "--folds": folds,
            "--leave-out": leave_out,
            "--split": split,
            "--holdout": holdout,
        }
        _refuse_contradictions(options, group)
        if folds is not None:
            return cls("file", group=group, file=folds)
        if leave_out is not None:
            return cls("leave-out", repeats=1, group=group, by=leave_out)
        if split is not None:
            return cls("split", 1, 1, group, *_split_at(split))
        if holdout is not None:
            share, repeats = holdout if isinstance(holdout, tuple) else (holdout, 1)
            require_share(share, repeats)
            return cls("holdout", 1, repeats, group, share=float(share))
        count, repeats = (cv, 1) if isinstance(cv, int) else cv
        return cls("cv", count, repeats, group)

    def table(self, cohort: Cohort, outcome: Outcome, seed: int) -> pd.DataFrame:
        """The folds table (see `evaluate.folds`) for this cohort and outcome.

        Raises `InputError` where it cannot be made, or a training part would have nothing to
        learn; `LeakError` where a patient or a group is on both sides.
        """
        check_ids(cohort.patients)
        groups = None if self.group is None else groups_of(cohort, self.group, "--group-by")
        table = self._table(cohort, outcome, groups, seed)
        if groups is not None:
            check_groups(table, groups)
        _check_training(table, outcome)
        return table

    def _table(
        self, cohort: Cohort, outcome: Outcome, groups: pd.Series | None, seed: int
    ) -> pd.DataFrame:
        patients, target = cohort.patients, outcome.target
        if self.kind == "file":
            return read_folds(self.file, patients, target.known)
        strata = outcome.task.strata(target)
        if self.kind == "leave-out":
            by = groups_of(cohort, self.by, "--leave-out")
            return left_out(patients, strata, by, seed, outcome.task.strata_called)
        if self.kind == "split":
            return part_held_out(patients, groups_of(cohort, self.by, "--split"), self.value)
        if self.kind == "holdout":
            outcome.task.require(target, 2, f"--holdout {self.share:g}")
            called = outcome.task.strata_called
            return share_held_out(patients, strata, self.share, self.repeats, seed, groups, called)
        outcome.task.require(target, self.folds, f"--cv: {self.folds} folds")
        return repeated(patients, strata, self.folds, self.repeats, seed, groups)

    @property
    def keeps(self) -> str | None:
        """The group that inner folds must not part either: the one kept whole, or the one left
        out."""
        return self.group or (self.by if self.kind == "leave-out" else None)

    def described(self, table: pd.DataFrame) -> dict[str, object]:
        """What `run.json` and `metrics.json` say of it, given its folds table: JSON values, no
        patient ids."""
        tested = table.dropna(subset="fold")
        counts = tested.groupby("repeat")["fold"].nunique()
        always_trains = ~table["patient"].isin(tested["patient"])
        drawn = "patients" if self.keeps is None else "groups"
        described = {
            "kind": self.kind,
            "folds": int(counts.max()),
            "repeats": len(counts),
            "stratified": self.kind in ("cv", "holdout"),
            "grouped_by": self.group,
            "left_out": self.by if self.kind == "leave-out" else None,
            "held_out": f"{self.by}={self.value}" if self.kind == "split" else None,
            "share": self.share,
            "folds_file": None if self.kind != "file" else _called(self.file),
            "always_training": int(always_trains.sum() / table["repeat"].nunique()),
            "inner_folds": 5,
            "inner_grouped_by": self.keeps,
            "selection": _NESTED,
            "interval": drawn,
            "intervals": _INTERVALS[drawn],
        }
        return {key: value for key, value in described.items() if value is not None}


def _refuse_contradictions(options: dict[str, object], group: str | None) -> None:
    """Raises `InputError` where two of the options are given, or a group is left out and kept
    whole."""
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}: give one of them; each says who is tested when")
    leave_out = options["--leave-out"]
    if leave_out is not None and leave_out == group:
        raise InputError(
            f"--leave-out {leave_out} --group-by {group}: leaving a group out keeps it "
            "whole; give one of them"
        )


def _split_at(split: str | tuple[str, str]) -> tuple[str, str]:
    """The group and the value of `--split`. Raises `InputError` where one is missing."""
    if isinstance(split, str):
        by, _, value = split.partition("=")
    else:
        by, value = split
    if not by or not value:
        raise InputError(
            f"--split {split}: give GROUP=VALUE, the patients to hold out, such as split=test"
        )
    return by, value


def _called(file: str | Path | pd.DataFrame) -> str:
    """The name of a folds file."""
    return "in memory" if isinstance(file, pd.DataFrame) else Path(file).name


def groups_of(cohort: Cohort, name: str, option: str) -> pd.Series:
    """Each patient's value of a declared group, text `[N]` named `name`; says how many have none,
    who are one group together.

    Raises `InputError` where the cohort declares no such group.
    """
    if name not in cohort.groups:
        raise InputError(
            f"{option} {name}: cohort {cohort.name!r} declares no such "
            f"group{nearest(name, cohort.groups)} (it has "
            f"{', '.join(cohort.groups) or 'none'}); add it to [groups] in its manifest, or "
            "to groups= in Python"
        )
    groups = pd.Series(cohort.groups[name], dtype=object).astype(str).rename(name)
    known = group_known(groups)
    blank = int((~known).sum())
    if blank:
        log.warning(
            
                "%s %s: %s no known value; they are kept together, which keeps nobody from a "
                "relative whose value is known"
            ,
            option, name, few_counted(blank, "patient has", "patients have"),
        )  # fmt: skip
    return groups.where(known, "unknown")


def _check_training(table: pd.DataFrame, outcome: Outcome) -> None:
    """Raises `InputError` where a split has nothing to learn or tests nobody; says which classes
    some fold does not train."""
    missing, task, target = Counter(), outcome.task, outcome.target
    for split in splits(table, outcome.known):
        where = f"fold {split.fold} of repeat {split.repeat}"
        if not len(split.tested):
            raise InputError(f"{where} tests nobody with a label; hold others out")
        training = target.take(split.train)
        lacking = task.lacks_spread(training)
        if lacking:
            raise InputError(f"{where} leaves to train {lacking}; hold others out")
        missing.update(task.untrained(training, target.take(split.tested)))
    if missing:
        classes = [f"{name} ({counted(folds, 'fold')})" for name, folds in sorted(missing.items())]
        log.warning(
            "classes that are tested in folds where no training patient has them, and are "
            "always predicted wrong: %s",
            ", ".join(classes),
        )
