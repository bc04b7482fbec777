"""Classes: each patient is of one of a few classes, such as a subtype; classification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.special import log_softmax, softmax

from graphfuse.errors import InputError, few
from graphfuse.statistics.columns import anova_f
from graphfuse.task.class_external import ExternalClasses
from graphfuse.task.class_labels import in_total
from graphfuse.task.class_marginal import class_interval, class_marginals
from graphfuse.task.class_metrics import METRICS
from graphfuse.task.class_values import ClassValues
from graphfuse.task.outcome import Outcome, Target
from graphfuse.task.ranking_interface import Marginal
from graphfuse.task.task import Task
from graphfuse.task.wording import AttributionWords, ReportWords

LEAST_PROBABLE = 0.01  # half a vote of a forest of 50 trees


@dataclass(frozen=True)
class Classes(ClassValues, ExternalClasses, Task):
    """The classes of one outcome.

    Parameters
    ----------
    names : tuple of str
        The classes' names, in the order of the codes that stand for them.
    """

    names: tuple[str, ...]

    kind = "class"
    metrics = METRICS
    estimator = "classifier"
    baseline = "majority"
    baseline_meaning = "always the commonest class"
    sections = ("confusion", "reliability", "decisions")
    gives_probabilities = True

    @property
    def report_words(self) -> ReportWords:
        return ReportWords(
            listed=", ".join(self.names),
            heading="Classes",
            calls="predicted classes",
            calling="predicting",
            outputs="probabilities",
            mix="another mix of classes",
            sign="a higher value raises the predicted probability of the class in which the item "
            "matters most, − lowers it",
        )

    # ------------------------------------------------------------------------ who trains, in folds

    @classmethod
    def example(cls, patients: int) -> Outcome:
        """Three classes in turn."""
        return Outcome("y", cls.kind, np.arange(patients) % 3, ("a", "b", "c"))

    strata_called = ("class", "classes")

    def strata(self, target: Target) -> np.ndarray:
        """The classes themselves."""
        return target.values

    def require(self, target: Target, fewest: int, what: str) -> None:
        counts = self._counts(target)
        if not counts.any():
            only = "nobody has a label"
        else:
            only = f"all are {self.names[counts.argmax()]}"
        if (counts > 0).sum() < 2:
            raise InputError(f"{what} need labelled patients of at least 2 classes; {only}")
        is_small = (counts > 0) & (counts < fewest)
        small = [f"{self.names[k]} has {few(counts[k])}" for k in np.flatnonzero(is_small)]
        if small:
            raise InputError(
                f"{what}: every class needs at least {fewest} labelled patients; "
                f"{', '.join(small)}. Take fewer folds, merge small classes, or leave their labels "
                "blank"
            )

    def lacks_spread(self, target: Target) -> str:
        has_several = (self._counts(target) > 0).sum() > 1
        return "" if has_several else "labelled patients of one class only"

    def untrained(self, training: Target, tested: Target) -> list[str]:
        trained = self._counts(training) > 0
        return [self.names[code] for code in np.unique(tested.values) if not trained[code]]

    def relevance(self, table: np.ndarray, target: Target) -> np.ndarray:
        """One-way ANOVA's F; 0 where no class has two patients."""
        if self._counts(target).max(initial=0) < 2:
            return np.zeros(table.shape[1])
        return anova_f(table, np.where(target.known, target.values, -1))

    # ------------------------------------------------------------------- how linear models learn it

    residuals_sum_to_zero = True  # both probabilities and one-hot classes add up to one
    curvature = 0.5  # of the softmax's cross-entropy (Böhning 1992, doi:10.1007/BF00048682)

    @property
    def width(self) -> int:
        return len(self.names)

    def coded(self, target: Target) -> np.ndarray:
        """One-hot classes."""
        one_hot = np.zeros((len(target.values), self.width))
        one_hot[target.known, target.values[target.known]] = 1
        return one_hot

    def intercepts(self, means: np.ndarray) -> np.ndarray:
        return np.log(means + 1e-3)

    def residual(self, predictor: np.ndarray, coded: np.ndarray) -> np.ndarray:
        """Probabilities less the one-hot classes."""
        p = predictor
        p -= p.max(0)
        np.exp(p, out=p)
        p /= p.sum(0)
        p -= coded
        return p

    def loss(self, predictor: np.ndarray, coded: np.ndarray) -> tuple[float, np.ndarray]:
        """Cross-entropy."""
        log_p = log_softmax(predictor, axis=1)
        return -(log_p * coded).sum(), np.exp(log_p) - coded

    def mean_loss(self, predictor: np.ndarray, target: Target) -> np.ndarray:
        """Mean cross-entropy."""
        log_p = log_softmax(predictor[:, target.known], axis=2)
        values = target.values[target.known]
        log_p_of_truth = np.take_along_axis(log_p, values[None, :, None], 2)[:, :, 0]  # [L, n]
        return -log_p_of_truth.mean(1)

    # --------------------------------------------------------------------------- how nets learn it

    calibrations = tuple(2 ** (step / 8) for step in range(-8, 9))  # temperatures

    def net_loss(self, predictor, target: Target):
        """Cross-entropy."""
        from torch.nn.functional import cross_entropy

        values = target.values.clamp(min=0)
        rows = predictor.flatten(0, -2)
        losses = cross_entropy(rows, values.flatten(), reduction="none")
        return losses.view(values.shape)

    def calibrated_loss(self, predictor, target: Target, calibrations):
        """Cross-entropy of the logits divided by each temperature (Guo et al. 2017, arXiv
        1706.04599)."""
        tempered = predictor.unsqueeze(-3) / calibrations[:, None, None]  # [..., C, n, K]
        values = target.values.unsqueeze(-2).expand(tempered.shape[:-1])
        return self.net_loss(tempered, target._replace(values=values))

    # ------------------------------------------------------------------------- how trees learn it

    def forest(self, **settings):
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**settings)

    def boosting(self, **settings):
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**settings)

    def trees_output(self, model, x: np.ndarray) -> np.ndarray:
        return self._of_all_classes(model, model.predict_proba(x))

    def out_of_bag(self, model) -> np.ndarray:
        return self._of_all_classes(model, model.oob_decision_function_)

    def staged_output(self, model, x: np.ndarray) -> np.ndarray:
        stages = np.stack(list(model.staged_predict_proba(x)))
        return self._of_all_classes(model, stages)

    def trees_loss(self, output: np.ndarray, target: Target) -> np.ndarray:
        """Log loss, a probability of nearly 0 counting as `LEAST_PROBABLE`."""
        rows = np.arange(len(target.values))
        p_of_truth = output[..., rows, target.values]
        return -np.log(np.maximum(p_of_truth, LEAST_PROBABLE)).sum(-1)

    def _of_all_classes(self, model, probability: np.ndarray) -> np.ndarray:
        """Probabilities `[…, n, K]` of trees that saw some classes only; 0 for the others."""
        of_all = np.zeros((*probability.shape[:-1], self.width))
        of_all[..., model.classes_] = probability
        return of_all

    # -------------------------------------------------------------------------- what is predicted

    def output(self, predictor: np.ndarray, calibration: float = 1.0) -> np.ndarray:
        """Probabilities of the classes."""
        return softmax(predictor / calibration, axis=-1)

    def null_output(self, target: Target) -> np.ndarray:
        """The classes' shares."""
        counts = self._counts(target)
        return counts / counts.sum()

    def valid(self, output: np.ndarray) -> np.ndarray:
        """Probabilities between 0 and 1 that sum to 1."""
        values = np.clip(output, 1e-12, None)
        return values / values.sum(-1, keepdims=True)

    def called(self, output: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """The most probable class."""
        names = np.asarray(self.names, dtype=object) if classes is None else classes
        return names[output.argmax(1)]

    def in_total(self, called: np.ndarray) -> str:
        return in_total(called)

    def table(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """`call`, and `p_<class>` for each class."""
        probabilities = {f"p_{name}": output[:, k] for k, name in enumerate(self.names)}
        return {"call": self.called(output)} | probabilities

    def read_table(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        columns = [f"p_{name}" for name in self.names]
        output = table[columns].apply(pd.to_numeric, errors="coerce")
        for column in columns:
            if not output[column].between(0, 1).all():
                raise ValueError(f"{column} holds what is no probability")
        codes = pd.Index(self.names).get_indexer(table["truth"])
        return output.to_numpy(float), codes

    # -------------------------------------------------------------------------- how it is explained

    attribution_words = AttributionWords(
        of="the class's logit",
        outputs="logits",
        unit="in logits, less their mean over the classes",
        score="mean over patients and classes of the absolute attribution of the class's logit\n"
        "                      less the mean logit, averaged over models with its sign, in units\n"
        "                      of its noise (how far slopes in the same modality are apart\n"
        "                      between models): what the models use of the item, given all others\n"
        "                      (modalities: its share, without units; edges and gene sets:\n"
        "                      absolute mean attribution among patients of the class)",
        sign="+ a higher value raises the predicted probability of the class `sign_class`, in\n"
        "                      which the item matters most (of two, the second), - lowers it",
        by_direction="features by class (column `class`)",
        neighbours="what each neighbour adds to the predicted\n"
        "                      class, in the linear part of the model",
        alone="AUROC",
        marginal="AUROC of the class `marginal_class` against all other patients, of which 1 is\n"
        "                      the strongest whichever has the higher values",
        effect="mean of that class less mean of the others, in pooled standard deviations",
        test="of the Kruskal-Wallis test of all classes; in nodes_by_class.csv of the rank\n"
        "                      test of that class against all others",
        moved="the probability of the class that is predicted with all columns falls by",
    )

    @property
    def directions(self) -> tuple[str, ...]:
        return self.names

    @property
    def sign_of(self) -> int | None:
        """Of two classes, the second."""
        return 1 if self.width == 2 else None

    def direction_called(self, output: np.ndarray) -> np.ndarray:
        """The most probable class."""
        return output.argmax(1)

    def moved(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """How far the probability of the class fell that was the most probable before."""
        patients, called = np.arange(len(before)), before.argmax(1)
        return before[patients, called] - after[patients, called]

    def reassigned(self, values: np.ndarray, utility: np.ndarray) -> np.ndarray:
        """Classes of the same sizes, so that the utilities of the patients' own classes have the
        largest sum."""
        _, place = linear_sum_assignment(utility[:, values], maximize=True)
        return values[place]

    def marginal(self, values: np.ndarray, target: Target) -> tuple[Marginal, ...]:
        """AUROC of one class against the rest."""
        labels = np.where(target.known, target.values, -1)
        return class_marginals(values, labels, self.width)

    def marginal_interval(self, association, positives, negatives, choices):
        return class_interval(association, positives, negatives, choices)

    def patient_weights(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """By the probability of the class: a class is explained by who is most likely of it."""
        probability = self.output(predictor, calibration)
        return probability / probability.sum(0)

    def contrast(self, predictor):
        """Logits less their mean over the classes."""
        return predictor - predictor.mean(-1, keepdims=True)

    # ------------------------------------------------------------------------------ as it is saved

    def state(self) -> dict:
        return {"classes": list(self.names)}

    @classmethod
    def restored(cls, classes: tuple[str, ...], units: dict[str, float]) -> Classes:
        if len(classes) < 2 or units:
            raise ValueError("classes: two names or more are needed, and no units")
        return cls(tuple(classes))

    def _counts(self, target: Target) -> np.ndarray:
        """int `[K]`: patients of each class."""
        return np.bincount(target.values[target.known], minlength=len(self.names))
