"""What is to be predicted: a class, a survival time or a number per patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Outcome:
    """One outcome over N patients.

    `values`: class codes int64 `[N]` with -1 for unlabelled; survival times or numbers float64
    `[N]` with NaN for unknown. `event` bool `[N]` for survival. `classes`: class names in the order
    of the codes.
    """

    name: str
    kind: str
    values: np.ndarray
    classes: tuple[str, ...] = ()
    event: np.ndarray | None = None
    derived_from: tuple[str, ...] = ()

    @property
    def known(self) -> np.ndarray:
        """bool `[N]`: patients with this outcome."""
        return self.values >= 0 if self.kind == "class" else np.isfinite(self.values)

    def take(self, rows: np.ndarray) -> Outcome:
        """The same outcome for the patients at `rows`."""
        return replace(
            self, values=self.values[rows], event=None if self.event is None else self.event[rows]
        )

    def __repr__(self) -> str:
        if self.kind == "class":
            counts = ", ".join(
                f"{c} {int((self.values == i).sum())}" for i, c in enumerate(self.classes)
            )
            return f"Outcome({self.name}: class; {counts}; unlabelled {int((~self.known).sum())})"
        events = f", {int(self.event[self.known].sum())} events" if self.event is not None else ""
        return f"Outcome({self.name}: {self.kind}; {int(self.known.sum())} known{events})"
