"""What scikit-learn asks of a model: which kind of estimator it is, as its kind of outcome says."""

from __future__ import annotations

from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.learn.model_inputs import asked_kind
from graphfuse.task.task import Task


class Estimator(BaseEstimator):
    """A classifier or a regressor, by the `kind` of outcome that it is asked for or has learned
    (`task_`), or by the outcome of its `cohort`."""

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
        """The kind of outcome that is predicted; before `fit`, that of labels in an array."""
        return getattr(self, "task_", None) or asked_kind(self.kind, self.cohort, self.target)


def gives_probabilities(model: Estimator) -> bool:
    """Whether it predicts classes. Raises `InputError` where it does not."""
    if not model.predicted.gives_probabilities:
        raise InputError(
            f"a model of a {model.predicted.kind} outcome knows no classes; take predict, or "
            "table, which has all that is predicted of a patient"
        )
    return True
