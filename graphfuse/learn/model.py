"""A fitted model: everything needed to score a patient never seen, and nothing of who the training
patients were."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.variation import require_variation
from graphfuse.data.prepare.pipeline import unknown_values
from graphfuse.data.records.encode import TypedColumns
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.resolve import gene_side
from graphfuse.learn.device import pick_device
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.fusion_search import trained_by
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model_inputs import (
    asked_kind,
    cohort_of,
    labelled,
    remember_table,
    scored,
    trained_outcome,
)
from graphfuse.learn.save.model_files import read_model, write_model
from graphfuse.learn.shift_reference import Comparison, refuse
from graphfuse.learn.sklearn_tags import Estimator, gives_probabilities
from graphfuse.learn.unscorable import refuse_beyond, refuse_lost
from graphfuse.schema import Recipe
from graphfuse.schema.arguments import Seed, check_arguments, checked

log = logging.getLogger(__name__)


class FusionModel(Estimator):
    """A graph fusion classifier or regressor in scikit-learn's manner.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, its name or its file.
    cohort : Cohort, str or Path, optional
        Whose rows `fit`, `predict` and `score` are given, as in
        `cross_val_score(FusionModel(cohort=cohort), np.arange(len(cohort)), y)`. Without one they
        take a cohort, a manifest, or a plain table of numbers.
    target : str, optional
        The outcome to learn; default: the cohort's first.
    seed : int
        Of everything drawn by chance.
    device : str
        "auto", "cpu" or "cuda".
    network : GeneNetwork, str or Path, optional
        In place of the recipe's.
    kind : str, optional
        What labels that are given as an array are: a kind of outcome, as manifests have it. By
        default they are what the outcome of the same cohort is, and classes beside a table.

    Attributes
    ----------
    classes_ : np.ndarray
        Of a class outcome only: sorted as labels are, or in the manifest's order.
    task_ : Task
        The kind of outcome that is predicted (`graphfuse.task`).
    modalities_ : tuple of str
    epochs_ : int
    setting_ : dict
        The learning rate and weight decay chosen.
    gates_ : dict
        See `Fitted.gates`.
    fitted_ : Fitted
    """

    def __init__(
        self,
        recipe: Recipe | str | Path = "multiplex",
        *,
        cohort: Cohort | str | Path | None = None,
        target: str | None = None,
        seed: Seed = 0,
        device: str = "auto",
        network: GeneNetwork | str | Path | None = None,
        kind: str | None = None,
    ):
        self.recipe, self.cohort, self.target = recipe, cohort, target
        self.seed, self.device, self.network = seed, device, network
        self.kind = kind

    def fit(self, X, y=None) -> FusionModel:
        """Fits everything on these patients.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            A cohort or its manifest; rows of the model's own `cohort`; or a table of numbers
            `[N, F]`, in which NaN is missing.
        y : array-like or str, optional
            Labels `[N]`, which a table needs; or the name of the cohort's outcome. Without it,
            patients of a cohort who have no label take part unlabelled.

        Returns
        -------
        FusionModel
            Itself.

        Raises
        ------
        InputError
            For what cannot be fitted on.
        """
        check_arguments(FusionModel.__init__, self.get_params(deep=False))
        asked_kind(self.kind, self.cohort, self.target)
        cohort = cohort_of(self, X, fitting=True).ordered()
        recipe = Recipe.of(self.recipe)
        kind = asked_kind(self.kind, cohort, self.target)
        cohort, target, classes = labelled(cohort, y, self.target, kind)
        outcome = trained_outcome(cohort, target)
        require_fusion(recipe, outcome.task)
        require_variation(cohort)
        cohort, network, _ = gene_side(recipe, cohort, self.network, self.seed)
        fold = PreparedFold.fit(cohort, outcome, recipe, network, self.seed)
        modalities = tuple(cohort.modalities)
        (found,) = trained_by([fold], modalities, recipe, self.seed, pick_device(self.device))
        self.adopt(found.gathered(fold, modalities), found.recipe, outcome)
        vars(self).update(self.task_.attributes(classes))
        return self.compared_with(cohort)

    def adopt(self, fitted: Fitted, recipe: Recipe, outcome) -> FusionModel:
        """Takes over what a bank fitted elsewhere."""
        self._take(fitted, recipe, outcome.name)
        return self

    def _take(self, fitted: Fitted, recipe: Recipe, target: str) -> None:
        self.recipe_, self.fitted_, self.target_ = recipe, fitted, target
        self.task_ = fitted.task
        vars(self).pop("classes_", None)
        vars(self).update(self.task_.attributes(None))
        self.modalities_ = tuple(fitted.linear.slopes)
        self.epochs_, self.setting_, self.gates_ = fitted.epochs, fitted.setting, fitted.gates()
        self.comparison_ = None

    @checked
    def on(self, device: str | None) -> FusionModel:
        """The same model, which computes on that device (`None`: on its own); the fit is shared,
        not copied."""
        if device is None or device == self.device:
            return self
        there = copy.copy(self)
        there.device = pick_device(device)
        return there

    @checked
    def compared_with(self, training: Cohort) -> FusionModel:
        """Keeps what new patients' tables are compared with, from those of the training
        patients."""
        self.comparison_ = Comparison.fit(training, self.fitted_.preparation.pipelines)
        return self

    @checked
    def shifts(self, cohort: Cohort | str | Path, *, allow_shift: bool = False) -> list[str]:
        """What is to be told of patients whose tables are not on the scale of training.

        Parameters
        ----------
        cohort : Cohort
            The new patients, compared as one batch; no prediction depends on it.
        allow_shift : bool
            Whether what would be refused is told instead.

        Returns
        -------
        list of str
            A message for each modality that is shifted; empty where none is.

        Raises
        ------
        InputError
            For declared values other than in training, and for a shift beyond the bound.
        """
        check_is_fitted(self, "fitted_")
        if self.comparison_ is None:
            return ["this model keeps nothing to compare new tables with: scales were not checked"]
        cohort = cohort_of(self, cohort)
        found = self.comparison_.told(cohort, self.fitted_.preparation.pipelines)
        if not allow_shift:
            refuse(f"cohort {cohort.name!r}", found)
        return [told.message for told in found]

    def flags(self, cohort: Cohort) -> list[str]:
        """Why each patient's row should not be trusted, from that row alone; "" where nothing is
        found."""
        check_is_fitted(self, "fitted_")
        comparison = self.comparison_ or Comparison({}, {})
        return comparison.flags(cohort_of(self, cohort), self.fitted_.preparation.pipelines)

    @property
    def record_types(self) -> dict[str, TypedColumns]:
        """Modality of records → its columns as fitted, for `load(manifest, like=model)`."""
        check_is_fitted(self, "fitted_")
        pipelines = self.fitted_.preparation.pipelines
        return {name: each.typed for name, each in pipelines.items() if each.typed is not None}

    @checked
    def unknown_values(self, cohort: Cohort) -> list[str]:
        """What to tell of records that the model can make nothing of: levels never seen in training
        and the like, by column, with counts. Raises `InputError` for columns of another type."""
        check_is_fitted(self, "fitted_")
        return unknown_values(self.fitted_.preparation.pipelines, cohort.modalities)

    @available_if(gives_probabilities)
    @checked
    def predict_proba(self, X, *, allow_shift: bool = False) -> np.ndarray:
        """Class probabilities, the mean over seeds; a row does not depend on who else is there. A
        model of another kind of outcome has no such method.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            Patients as in `fit`; a manifest is read by the model's own column types.
        allow_shift : bool
            Whether tables far from the scale of training are told of only, not refused.

        Returns
        -------
        np.ndarray
            float64 `[N, K]`, the classes in the order of `classes_`.

        Raises
        ------
        InputError
            Where a patient has none of the model's modalities, a modality lacks half its columns,
            values are too large to be measurements, or tables are not on the scale of training.
        """
        return self._told(X, allow_shift)

    def _told(self, X, allow_shift: bool) -> np.ndarray:
        """What is predicted of patients as in `fit`, and told of their tables."""
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        for said in self.unknown_values(cohort):
            log.warning("%s: %s", cohort.name, said)
        output = self.output(cohort)
        for said in self.shifts(cohort, allow_shift=allow_shift):
            log.warning("%s", said)
        return output

    @checked
    def output(self, cohort: Cohort) -> np.ndarray:
        """All that is predicted of each patient, float64 `[N, O]`, the mean over seeds: what
        `table` shows, such as class probabilities. Raises `InputError` as `predict` does, but has
        no word of unknown values or of another scale."""
        fitted = self.fitted_.on(pick_device(self.device))
        views = fitted.preparation.views(cohort)
        refuse_beyond(self, cohort, views)
        found = fitted.output(views)
        refuse_lost(cohort, found)
        return found

    @checked
    def predict(self, X, *, allow_shift: bool = False) -> np.ndarray:
        """Classes or numbers `[N]` of patients as in `fit`.

        Warns where tables are not on the scale of training, and raises `InputError` where they are
        far from it, unless `allow_shift`, where a patient has none of the model's modalities, a
        modality lacks half its columns, or values are too large to be measurements.
        """
        output = self._told(X, allow_shift)
        return self.task_.called(output, getattr(self, "classes_", None))

    @checked
    def table(self, X, *, allow_shift: bool = False) -> pd.DataFrame:
        """`patient, call, p_<class>…, flag`, or `patient, value, lo, hi, flag` of a number: one row
        a patient; warns and raises as `predict`."""
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        output = self._told(cohort, allow_shift)
        said = {"patient": cohort.patients, **self.task_.table(output)}
        return pd.DataFrame({**said, "flag": self.flags(cohort)})

    def score(self, X, y=None) -> float:
        """Accuracy, or R² of a number, on patients as in `fit`: by the labels `y` `[N]`, or on
        those with a label in the cohort (`y`: the outcome's name; default: that of training).
        Raises `InputError` where that outcome is of another kind than the model's."""
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        return scored(self, cohort, y, self._told(cohort, False))

    def __repr__(self) -> str:
        if not hasattr(self, "fitted_"):
            return f"FusionModel({getattr(self.recipe, 'name', self.recipe)!r}, not fitted)"
        return (
            f"FusionModel({self.recipe_.name!r}: {self.target_} ({self.task_.brief}) from "
            f"{', '.join(self.modalities_)}; fitted on {self.fitted_.trained_on:,} "
            f"patients, {self.epochs_} epochs)"
        )

    @checked
    def save(self, folder: str | Path) -> None:
        """`model.json` and `model.safetensors` in `folder`: no pickle, no patient ids (but
        patients' states and points)."""
        check_is_fitted(self, "fitted_")
        write_model(self, Path(folder))

    @classmethod
    @checked
    def load(cls, folder: str | Path, *, allow_parts: Iterable[str | Path] = ()) -> FusionModel:
        """The model saved in `folder`; nothing that its files name is run.

        `allow_parts`: Python files whose parts the model may use, known by hash as those that it
        was trained with. Raises `InputError` where there is none, its schema is another, it is
        damaged, or it has parts of one's own that are not allowed.
        """
        saved = read_model(Path(folder), allow_parts)
        model = cls(saved.recipe, seed=saved.seed, kind=saved.fitted.task.kind)
        model._take(saved.fitted, saved.recipe, saved.target)
        model.comparison_ = saved.comparison
        remember_table(model)
        return model
