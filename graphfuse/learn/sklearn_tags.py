"""Tags of a scikit-learn estimator that is a classifier or a regressor, by its kind of outcome."""

from __future__ import annotations

from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.learn.cohort_of_x_y import asked_kind
from graphfuse.task.task import Task


class Estimator(BaseEstimator):
    """A scikit-learn estimator whose kind of outcome decides what it is.

    It is a classifier or a regressor by the outcome that it has learned (`task_`); before `fit`, by
    its `kind` or by the outcome of its `cohort`.
    """

    kind: str | None
    cohort: Cohort | str | Path | None
    target: str | None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = self.predicted.estimator
        tags.classifier_tags, tags.regressor_tags = ClassifierTags(), RegressorTags()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        return tags

    @property
    def predicted(self) -> Task | type[Task]:
        """The kind of outcome that is predicted; before `fit`, that of labels given as an array."""
        return getattr(self, "task_", None) or asked_kind(self.kind, self.cohort, self.target)


def gives_probabilities(model: Estimator) -> bool:
    """True for a model that predicts classes; raises `InputError` for others."""
    if not model.predicted.gives_probabilities:
        raise InputError(
            f"a model of a {model.predicted.kind} outcome knows no classes; take predict, or "
            "table, which has all that is predicted of a patient"
        )
    return True
