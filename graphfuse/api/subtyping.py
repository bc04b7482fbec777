"""Subtypes: clusters of patients without labels."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.schema.check_arguments import checked
from graphfuse.subtypes.discover import Subtypes, subtypes


@checked
def subtype(
    cohort: Cohort | str | Path, recipe: Recipe | str | Path = DEFAULT_RECIPE, **options
) -> Subtypes:
    """Clusters patients without labels, and measures how stable the clusters are.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest; outcomes are compared with the clusters afterwards.
    recipe : Recipe, str or Path
        Whose steps and patient layers are used.
    **options
        `layer`, `method`, `clusters`, `resolution`, `resamples`, `nulls` and `seed`, as in
        `graphfuse.subtypes.discover.subtypes`.

    Returns
    -------
    Subtypes
        The cluster of each patient, stability, and what the clusters are associated with.

    Raises
    ------
    InputError
        For an unknown layer or method, too few patients, and a number of clusters that the method
        does not give.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 40}, effect=3.0).cohort
    >>> subtypes = gf.subtype(cohort, layer="rna", clusters=2, resamples=5, nulls=0)
    >>> subtypes.labels.shape
    (60,)
    """
    return subtypes(as_cohort(cohort), Recipe.of(recipe), **options)
