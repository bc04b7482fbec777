"""`[prepare]`: the steps from a modality's numbers to what models see."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphfuse.schema.base import Section

USUAL_STEPS = ("impute", "scale", "select")


class StepSpec(Section):
    """A step, by its name or as `file.py:Class`, and options of its `fit`."""

    step: str
    options: dict[str, bool | int | float | str] = {}


Steps = Annotated[list[str | StepSpec], Field(min_length=1)]


class PrepareSection(Section):
    """`[prepare]`: the steps in their order, one list for all modalities, or by modality, entity
    (`gene`, …) or kind (`ehr`, …), and `default` for the others."""

    steps: Steps | dict[str, Steps] = list(USUAL_STEPS)

    def of(self, *names: str) -> tuple[StepSpec, ...]:
        """The steps of a modality that goes by these names, of which the first counts most."""
        named = self.steps if isinstance(self.steps, dict) else {"default": self.steps}
        usual = named.get("default", USUAL_STEPS)
        found = next((named[name] for name in names if name in named), usual)
        return tuple(StepSpec(step=each) if isinstance(each, str) else each for each in found)

    @property
    def named(self) -> set[str]:
        """The steps that any modality may go through."""
        named = self.steps if isinstance(self.steps, dict) else {"default": self.steps}
        names = {spec.step for key in named for spec in self.of(key)}
        return names if "default" in named else names | set(USUAL_STEPS)

    def without(self, *modalities: str) -> PrepareSection:
        """The same section for a cohort that lacks these modalities."""
        if not isinstance(self.steps, dict):
            return self
        left = {name: steps for name, steps in self.steps.items() if name not in modalities}
        return self.model_copy(update={"steps": left})
