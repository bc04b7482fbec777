"""Checks of new patients' tables against those on which a model was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.utils.validation import check_is_fitted

from graphfuse.data.cohort import Cohort
from graphfuse.data.prepare.pipeline import Pipeline, unknown_values
from graphfuse.data.records.encode import TypedColumns
from graphfuse.learn.cohort_of_x_y import cohort_of
from graphfuse.learn.shift_comparison import Comparison, refuse
from graphfuse.learn.sklearn_tags import Estimator
from graphfuse.schema.check_arguments import checked

if TYPE_CHECKING:
    from graphfuse.learn.fold_model import Fitted

UNCHECKED = "this model keeps nothing to compare new tables with: scales were not checked"


class ChecksTables(Estimator):
    """A fitted model that compares the tables of new patients with those of training.

    Attributes
    ----------
    fitted_ : Fitted
        What was fitted on the training patients.
    comparison_ : Comparison or None
        Summaries of the training patients' tables; None for a model that keeps none.
    """

    fitted_: Fitted
    comparison_: Comparison | None

    @checked
    def compared_with(self, training: Cohort) -> ChecksTables:
        """Stores summaries of the training patients' tables, to compare those of new patients with.

        `fit` calls it.

        Parameters
        ----------
        training : Cohort
            The training patients.

        Returns
        -------
        FusionModel
            Itself.
        """
        self.comparison_ = Comparison.fit(training, self._pipelines)
        return self

    @checked
    def shifts(self, cohort: Cohort | str | Path, *, allow_shift: bool = False) -> list[str]:
        """Messages about modalities whose values are not on the scale of training.

        Parameters
        ----------
        cohort : Cohort, str or Path
            The new patients or their manifest, compared as one batch. Predictions do not depend on
            it.
        allow_shift : bool
            Whether shifts that would be refused are reported instead.

        Returns
        -------
        list of str
            A message for each modality that is shifted; empty where none is.

        Raises
        ------
        InputError
            For values declared other than in training, and for a shift beyond the bound.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 20}).cohort
        >>> gf.FusionModel("snf", device="cpu").fit(cohort).shifts(cohort)
        []
        """
        check_is_fitted(self, "fitted_")
        if self.comparison_ is None:
            return [UNCHECKED]
        cohort = cohort_of(self, cohort)
        findings = self.comparison_.findings(cohort, self._pipelines)
        if not allow_shift:
            refuse(f"cohort {cohort.name!r}", findings)
        return [finding.message for finding in findings]

    def flags(self, cohort: Cohort) -> list[str]:
        """Why the prediction of each patient should not be trusted, from its own row alone.

        Parameters
        ----------
        cohort : Cohort
            N patients.

        Returns
        -------
        list of str
            N reasons, such as "rna: most columns are missing"; blank where there is none.
        """
        check_is_fitted(self, "fitted_")
        comparison = self.comparison_ or Comparison({}, {})
        return comparison.flags(cohort_of(self, cohort), self._pipelines)

    @property
    def record_types(self) -> dict[str, TypedColumns]:
        """Modality of records → types of its columns as fitted.

        `graphfuse.load(manifest, like=model)` reads the records of new patients by them.
        """
        check_is_fitted(self, "fitted_")
        pipelines = self._pipelines
        return {name: each.typed for name, each in pipelines.items() if each.typed is not None}

    @checked
    def unknown_values(self, cohort: Cohort) -> list[str]:
        """Messages about values of records that did not occur in training.

        Parameters
        ----------
        cohort : Cohort
            The new patients.

        Returns
        -------
        list of str
            A message for each column with such values, such as levels of a category that the
            model has never seen, with their count.

        Raises
        ------
        InputError
            For columns of another type than in training.
        """
        check_is_fitted(self, "fitted_")
        return unknown_values(self._pipelines, cohort.modalities)

    @property
    def _pipelines(self) -> dict[str, Pipeline]:
        """Modality → its fitted steps."""
        return self.fitted_.preparation.pipelines
