"""The gene network that a recipe gets on a cohort: loaded, its names and the cohort's brought
together, cut to the genes measured, controlled, or switched off."""

from __future__ import annotations

import logging
from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.errors import FetchError, InputError
from graphfuse.graph import controls
from graphfuse.graph.gene.aliases import NO_ALIASES, Aliases, renamed
from graphfuse.graph.gene.coverage import Coverage, cover, suspicions
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.network_files import load_network
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

LEAST_GENES = (
    0.05  # share of a cohort's gene columns that must have an edge, or the gene slot switches off
)


def gene_network(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None, seed: int = 0
) -> tuple[GeneNetwork | None, list[str]]:
    """The gene network that a recipe uses on this cohort, on the genes measured and under its
    control, and what to tell the user.

    `None` where the recipe has none, or where it cannot be had or too few genes map and it is not
    required. Its symbols are those of `gene_cohort`, which is to be taken from here on.
    """
    wanted = network if network is not None else recipe.gene.network
    asked = recipe.gene.required or network is not None
    if wanted is None:
        return None, []
    if not any(s for m in cohort.modalities.values() for s in m.symbols):
        bare = f"cohort {cohort.name!r}: no column has a gene symbol"
        cure = 'declare entity = "gene" in its manifest, or give symbols= to Cohort.from_frames'
        if asked:
            raise InputError(f"{bare}, but a gene network is asked for; {cure}")
        return None, told(f"{bare}: the gene network is switched off; {cure}")
    try:
        whole = whole_network(recipe, wanted, cut=network is None)
    except FetchError as error:
        if asked:
            raise
        return None, told(
            f"the gene network {wanted!r} could not be had, so this run goes without it: {error}"
        )
    symbols = [
        s for m in gene_cohort(recipe, cohort, whole)[0].modalities.values() for s in m.symbols if s
    ]
    measured = whole.on(symbols)
    joined = {g for g, d in zip(measured.genes, measured.degree, strict=True) if d}
    share = sum(s in joined for s in symbols) / len(symbols)
    if share < LEAST_GENES:
        few = (
            f"{share:.1%} of the {len(symbols):,} gene columns have an edge in network "
            f"{whole.name!r}"
        )
        cure = "; ".join(
            ["are the symbols those of the network (ids, species)?", *suspicions(whole, symbols)]
        )
        if asked:
            raise InputError(f"{few}; at least {LEAST_GENES:.0%} are needed: {cure}")
        return None, told(f"{few}: the gene network is switched off; {cure}")
    return controls.control(recipe.gene.control, measured, seed), []


def gene_side(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None, seed: int = 0
) -> tuple[Cohort, GeneNetwork | None, list[str]]:
    """`gene_cohort` and `gene_network` together: the cohort and the network in the same symbols,
    and what to tell the user."""
    found, notices = gene_network(recipe, cohort, network, seed)
    cohort, said = gene_cohort(recipe, cohort, found)
    return cohort, found, [*notices, *said]


def whole_network(
    recipe: Recipe, wanted: str | Path | GeneNetwork, *, cut: bool = True
) -> GeneNetwork:
    """The network as it is loaded, with the recipe's cut where `cut`, and its names after the
    recipe's alias table."""
    score = recipe.gene.min_score if cut else None
    whole = wanted if isinstance(wanted, GeneNetwork) else load_network(wanted, score)
    return whole.renamed(aliases_of(recipe))


def aliases_of(recipe: Recipe) -> Aliases:
    """The recipe's alias table (`[gene] aliases`); `NO_ALIASES` where it has none. Raises
    `InputError` for a bad one."""
    return NO_ALIASES if recipe.gene.aliases is None else Aliases.read(recipe.gene.aliases)


def gene_cohort(
    recipe: Recipe, cohort: Cohort, network: GeneNetwork | None = None
) -> tuple[Cohort, list[str]]:
    """The cohort with the symbols that encoders, operators and rankings meet on, and what to tell
    the user.

    Ensembl ids lose their version; the recipe's alias table renames what is no gene of `network`
    (the whole one, or the one that `gene_network` gave). Doing it twice changes nothing.
    """
    return renamed(cohort, aliases_of(recipe), () if network is None else network.genes)


def gene_coverage(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None
) -> Coverage | None:
    """How the recipe's network, or `network`, covers the cohort, to print before anything is
    trained; `None` for none."""
    wanted = network if network is not None else recipe.gene.network
    if wanted is None:
        return None
    whole = whole_network(recipe, wanted, cut=network is None)
    cohort, notices = gene_cohort(recipe, cohort, whole)
    found = cover(whole, cohort)
    return Coverage(found.network, found.steps, found.lost, [*notices, *found.notices])


def told(notice: str) -> list[str]:
    """The notice, logged, as a list for the run's record."""
    log.warning(notice)
    return [notice]
