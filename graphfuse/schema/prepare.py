"""`[prepare]` of a recipe: the steps from a modality's numbers to what models see."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphfuse.schema.base import Section

USUAL_STEPS = ("impute", "scale", "select")


class StepSpec(Section):
    """A step, by its name or as `file.py:Class`, and the options of its `fit`."""

    step: str
    options: dict[str, bool | int | float | str] = {}


Steps = Annotated[list[str | StepSpec], Field(min_length=1)]


class PrepareSection(Section):
    """`[prepare]`: the steps in their order, one list for all modalities, or by modality, entity
    (`gene`, …) or kind (`ehr`, …), and `default` for the others."""

    steps: Steps | dict[str, Steps] = list(USUAL_STEPS)

    def of(self, *names: str) -> tuple[StepSpec, ...]:
        """The steps of a modality that goes by these names; the first of them that has steps
        decides."""
        steps = self._by_name.get("default", USUAL_STEPS)
        for name in names:
            if name in self._by_name:
                steps = self._by_name[name]
                break
        return tuple(StepSpec(step=each) if isinstance(each, str) else each for each in steps)

    @property
    def _by_name(self) -> dict[str, Steps]:
        """The lists of steps by what modalities go by; one list for all is the default."""
        return self.steps if isinstance(self.steps, dict) else {"default": self.steps}

    @property
    def named(self) -> set[str]:
        """The steps that any modality may go through."""
        names = {spec.step for key in self._by_name for spec in self.of(key)}
        return names if "default" in self._by_name else names | set(USUAL_STEPS)

    def without(self, *modalities: str) -> PrepareSection:
        """The same section for a cohort that lacks these modalities."""
        if not isinstance(self.steps, dict):
            return self
        left = {name: steps for name, steps in self.steps.items() if name not in modalities}
        return self.model_copy(update={"steps": left})
