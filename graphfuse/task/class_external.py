"""Classes of a cohort that the model never saw: matched by name, counted, and compared with the
training shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphfuse.errors import Faults, counted, nearest
from graphfuse.task.external_interface import External
from graphfuse.task.outcome import Outcome, Target


class ExternalClasses(External):
    """How the classes called `names` are scored in a cohort that the model never saw."""

    names: tuple[str, ...]
    model_does = "predicts classes"

    def matched(self, outcome: Outcome, cohort: str) -> Target:
        """The outcome's classes as this task's, by their names."""
        own = super().matched(outcome, cohort)
        faults = Faults(f"cohort {cohort!r}")
        counts = np.bincount(own.values[own.known], minlength=len(outcome.classes))
        code_of = {name: code for code, name in enumerate(self.names)}
        for name, count in zip(outcome.classes, counts, strict=True):
            if count and name not in code_of:
                faults.add(
                    f"outcome {outcome.name!r}: label {name!r} ({counted(count, 'patient')}) is "
                    f"none that the model was trained on{nearest(name, self.names)}; rename it by "
                    "labels = { … } in the manifest, or leave it blank"
                )
        faults.stop()
        codes = [code_of.get(name, -1) for name in outcome.classes]
        codes.append(-1)  # which the value -1, unlabelled, picks
        values = np.array(codes)[own.values]
        return Target(values, values >= 0)

    def caveats(self, target: Target) -> list[str]:
        """A caveat that names the classes of which there are no patients."""
        absent = [repr(name) for name, count in self._class_counts(target).items() if not count]
        if not absent:
            return []
        return [
            f"nobody here is {' or '.join(absent)}: macro-F1 is the mean over classes that "
            "are here or were predicted, AUROC and "
            "AUPRC over those with patients in and out of them"
        ]

    def on_record(self, target: Target) -> dict[str, dict[str, int]]:
        """`classes`: how many patients each has."""
        return {"classes": self._class_counts(target)}

    def in_protocol(self, target: Target) -> dict[str, dict[str, float]]:
        """`prevalence`: the classes' shares."""
        counts = np.array(list(self._class_counts(target).values()))
        shares = (counts / target.known.sum()).round(4)
        return {"prevalence": dict(zip(self.names, shares.tolist(), strict=True))}

    def null_on_record(self, fitted: Mapping[str, object]) -> np.ndarray | None:
        """The shares of the training patients' classes."""
        count_of = fitted.get("classes", {})
        counts = np.array([count_of.get(name, 0) for name in self.names], float)
        total = counts.sum()
        return counts / total if total else None

    def _class_counts(self, target: Target) -> dict[str, int]:
        """How many patients each class has."""
        return {name: int((target.values == k).sum()) for k, name in enumerate(self.names)}
