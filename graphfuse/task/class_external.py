"""Classes of a cohort that the model never saw: met by name, counted, and judged by the training
shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphfuse.errors import Faults, counted, nearest
from graphfuse.task.external_interface import External
from graphfuse.task.outcome import Outcome, Target


class ExternalClasses(External):
    """How classes, by their `names`, are met in other cohorts."""

    names: tuple[str, ...]
    model_does = "calls classes"

    def matched(self, outcome: Outcome, cohort: str) -> Target:
        """By the names of the classes."""
        own = super().matched(outcome, cohort)
        faults = Faults(f"cohort {cohort!r}")
        counts = np.bincount(own.values[own.known], minlength=len(outcome.classes))
        for name, count in zip(outcome.classes, counts, strict=True):
            if count and name not in self.names:
                faults.add(
                    f"outcome {outcome.name!r}: label {name!r} ({counted(count, 'patient')}) is "
                    f"none that the model was trained on{nearest(name, self.names)}; rename it by "
                    "labels = { … } in the manifest, or leave it blank"
                )
        faults.stop()
        codes = [self.names.index(name) if name in self.names else -1 for name in outcome.classes]
        values = np.array([*codes, -1])[own.values]  # code -1, unlabelled, is the last
        return Target(values, values >= 0)

    def caveats(self, target: Target) -> list[str]:
        """Which classes nobody is of."""
        absent = [repr(name) for name, count in self._counted(target).items() if not count]
        if not absent:
            return []
        return [
            f"nobody here is {' or '.join(absent)}: macro-F1 is the mean over classes that "
            "are here or were called, AUROC and "
            "AUPRC over those with patients in and out of them"
        ]

    def on_record(self, target: Target) -> dict[str, dict[str, int]]:
        """`classes`: how many patients each has."""
        return {"classes": self._counted(target)}

    def in_protocol(self, target: Target) -> dict[str, dict[str, float]]:
        """`prevalence`: the classes' shares."""
        counts = np.array(list(self._counted(target).values()))
        shares = (counts / target.known.sum()).round(4).tolist()
        return {"prevalence": dict(zip(self.names, shares, strict=True))}

    def null_on_record(self, fitted: Mapping[str, object]) -> np.ndarray | None:
        """The shares of the training patients' classes."""
        of_class = fitted.get("classes", {})
        counts = np.array([of_class.get(name, 0) for name in self.names], float)
        return counts / counts.sum() if counts.sum() else None

    def _counted(self, target: Target) -> dict[str, int]:
        return {name: int((target.values == k).sum()) for k, name in enumerate(self.names)}
