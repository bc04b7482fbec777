"""Subtypes without labels."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.schema.arguments import checked
from graphfuse.subtypes.discover import Subtypes, subtypes


@checked
def subtype(
    cohort: Cohort | str | Path, recipe: Recipe | str | Path = DEFAULT_RECIPE, **options
) -> Subtypes:
    """Clusters of patients that no label was used for, how stable they are, and what they go with.

    Options as in `graphfuse.subtypes.discover.subtypes`: `layer` ("snf", a modality, or any layer),
    `method` ("spectral" or "leiden"), `clusters` (chosen where not given), `resolution`,
    `resamples`, `nulls`, `seed`.
    """
    return subtypes(as_cohort(cohort), Recipe.of(recipe), **options)
