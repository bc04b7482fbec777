"""The gene network that a recipe gets on a cohort: loaded, cut to the genes measured, controlled, or switched off."""

from __future__ import annotations

import logging

from graphfuse.data.cohort import Cohort
from graphfuse.errors import FetchError, InputError
from graphfuse.graph import controls
from graphfuse.graph.network import GeneNetwork, load_network
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

LEAST_GENES = 0.05  # share of a cohort's gene columns that must have an edge, or the gene slot switches off


def gene_network(recipe: Recipe, cohort: Cohort, network=None, seed: int = 0) -> tuple[GeneNetwork | None, list[str]]:
    """The gene network that a recipe uses on this cohort, on the genes measured and under its control, and what to
    tell the user.

    `None` where the recipe has none, or where it cannot be had or too few genes map and it is not required.
    """
    wanted = network if network is not None else recipe.gene.network
    symbols = [s for m in cohort.modalities.values() for s in m.symbols if s]
    asked = recipe.gene.required or network is not None
    if wanted is None:
        return None, []
    if not symbols:
        bare = f"cohort {cohort.name!r}: no column has a gene symbol"
        cure = 'declare entity = "gene" in its manifest, or give symbols= to Cohort.from_frames'
        if asked:
            raise InputError(f"{bare}, but a gene network is asked for; {cure}")
        return None, told(f"{bare}: the gene network is switched off; {cure}")
    try:
        cut = recipe.gene.min_score if network is None else None
        whole = wanted if isinstance(wanted, GeneNetwork) else load_network(wanted, cut)
    except FetchError as error:
        if asked:
            raise
        return None, told(f"the gene network {wanted!r} could not be had, so this run goes without it: {error}")
    measured = whole.on(symbols)
    joined = {g for g, d in zip(measured.genes, measured.degree, strict=True) if d}
    share = sum(s in joined for s in symbols) / len(symbols)
    if share < LEAST_GENES:
        few = f"{share:.1%} of the {len(symbols):,} gene columns have an edge in network {whole.name!r}"
        cure = "are the symbols those of the network (ids, species)?"
        if asked:
            raise InputError(f"{few}; at least {LEAST_GENES:.0%} are needed: {cure}")
        return None, told(f"{few}: the gene network is switched off; {cure}")
    return controls.control(recipe.gene.control, measured, seed), []


def told(notice: str) -> list[str]:
    """The notice, logged, as a list for the run's record."""
    log.warning(notice)
    return [notice]
