"""Predictions of a fitted model: probabilities, calls, tables of them, and their score."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from graphfuse.data.cohort import Cohort
from graphfuse.learn.cohort_of_x_y import cohort_of, scored
from graphfuse.learn.device import pick_device
from graphfuse.learn.sklearn_tags import gives_probabilities
from graphfuse.learn.table_checks import ChecksTables
from graphfuse.learn.unscorable import refuse_beyond, refuse_lost
from graphfuse.schema.check_arguments import checked

if TYPE_CHECKING:
    from graphfuse.task.task import Task

log = logging.getLogger(__name__)


class Predictor(ChecksTables):
    """A fitted model that predicts new patients.

    Attributes
    ----------
    task_ : Task
        The kind of outcome that is predicted.
    device : str
        "auto", "cpu" or "cuda".
    """

    task_: Task
    device: str

    @available_if(gives_probabilities)
    @checked
    def predict_proba(self, X, *, allow_shift: bool = False) -> np.ndarray:
        """Class probabilities, the mean over seeds.

        The row of a patient does not depend on the other patients. Only models of a class outcome
        have this method.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            N patients as in `fit`; a manifest is read by the model's own column types.
        allow_shift : bool
            Whether tables far from the scale of training cause a warning in place of an error.

        Returns
        -------
        np.ndarray
            float64 `[N, K]`, the classes in the order of `classes_`.

        Raises
        ------
        InputError
            Where a patient has none of the model's modalities, a modality lacks half its columns,
            values are too large to be measurements, or tables are not on the scale of training.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 20}).cohort
        >>> gf.FusionModel("snf", device="cpu").fit(cohort).predict_proba(cohort).shape
        (40, 2)
        """
        return self._checked_output(X, allow_shift)

    @checked
    def output(self, cohort: Cohort) -> np.ndarray:
        """Everything that is predicted of each patient, such as class probabilities.

        Unlike `predict` it does not warn about unknown values or about another scale.

        Parameters
        ----------
        cohort : Cohort
            N patients.

        Returns
        -------
        np.ndarray
            float64 `[N, O]`, the mean over seeds: the numbers that `table` shows.

        Raises
        ------
        InputError
            Where a patient has none of the model's modalities, a modality lacks half its columns,
            or values are too large to be measurements.
        """
        fitted = self.fitted_.on(pick_device(self.device))
        views = fitted.preparation.views(cohort)
        refuse_beyond(self, cohort, views)
        output = fitted.output(views)
        refuse_lost(cohort, output)
        return output

    def _checked_output(self, X, allow_shift: bool) -> np.ndarray:
        """`output` of patients as in `fit`, with warnings and errors about their tables."""
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        for message in self.unknown_values(cohort):
            log.warning("%s: %s", cohort.name, message)
        output = self.output(cohort)
        for message in self.shifts(cohort, allow_shift=allow_shift):
            log.warning("%s", message)
        return output

    @checked
    def predict(self, X, *, allow_shift: bool = False) -> np.ndarray:
        """Predicted classes or numbers.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            N patients as in `fit`; a manifest is read by the model's own column types.
        allow_shift : bool
            Whether tables far from the scale of training cause a warning in place of an error.

        Returns
        -------
        np.ndarray
            `[N]`: names of classes, or numbers in the unit of the outcome.

        Raises
        ------
        InputError
            Where a patient has none of the model's modalities, a modality lacks half its columns,
            values are too large to be measurements, or tables are not on the scale of training.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 20}).cohort
        >>> gf.FusionModel("snf", device="cpu").fit(cohort).predict(cohort).shape
        (40,)
        """
        output = self._checked_output(X, allow_shift)
        return self.task_.called(output, getattr(self, "classes_", None))

    @checked
    def table(self, X, *, allow_shift: bool = False) -> pd.DataFrame:
        """A table of predictions, one row per patient.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            N patients as in `fit`.
        allow_shift : bool
            Whether tables far from the scale of training cause a warning in place of an error.

        Returns
        -------
        pd.DataFrame
            `patient`, `call`, `p_<class>` of each class and `flag`; of a number `patient`, `value`,
            its interval `lo` and `hi`, and `flag`. See `flags` for the last.

        Raises
        ------
        InputError
            As `predict` does.

        Examples
        --------
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 20}).cohort
        >>> list(gf.FusionModel("snf", device="cpu").fit(cohort).table(cohort))
        ['patient', 'call', 'p_class0', 'p_class1', 'flag']
        """
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        output = self._checked_output(cohort, allow_shift)
        columns = {"patient": cohort.patients, **self.task_.table(output)}
        return pd.DataFrame({**columns, "flag": self.flags(cohort)})

    def score(self, X, y=None) -> float:
        """Accuracy, or R² of a number.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            N patients as in `fit`.
        y : array-like or str, optional
            Labels `[N]`; or the name of the cohort's outcome, of which patients with a label count.
            Default: the outcome of training.

        Returns
        -------
        float
            At most 1.

        Raises
        ------
        InputError
            As `predict` does, and where the outcome is of another kind than the model's.
        """
        check_is_fitted(self, "fitted_")
        cohort = cohort_of(self, X)
        return scored(self, cohort, y, self._checked_output(cohort, False))
