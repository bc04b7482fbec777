"""From a recipe to the gene network that it uses on a cohort: loaded, renamed, cut to the genes
measured, replaced by a control, or switched off."""

from __future__ import annotations

import logging
from dataclasses import replace
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

# Share of a cohort's gene columns that must have an edge, or the network is switched off.
LEAST_GENES = 0.05


def gene_network(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None, seed: int = 0
) -> tuple[GeneNetwork | None, list[str]]:
    """The gene network that a recipe uses on a cohort, among the genes measured.

    Its symbols are those of `gene_cohort`, which is to be taken from here on.

    Parameters
    ----------
    recipe : Recipe
    cohort : Cohort
    network : str, Path or GeneNetwork, optional
        By default the recipe's; a network given here is required.
    seed : int
        Of the recipe's control.

    Returns
    -------
    network : GeneNetwork or None
        After the recipe's control. `None` where the recipe has none, or where it is not required
        and cannot be had or covers too few genes.
    notices : list of str
        What to tell the user.

    Raises
    ------
    InputError, FetchError
        Where a required network cannot be used.
    """
    wanted = network if network is not None else recipe.gene.network
    required = recipe.gene.required or network is not None
    if wanted is None:
        return None, []
    if not any(_symbols(cohort)):
        problem = f"cohort {cohort.name!r}: no column has a gene symbol"
        cure = 'declare entity = "gene" in its manifest, or give symbols= to Cohort.from_frames'
        if required:
            raise InputError(f"{problem}, but a gene network is asked for; {cure}")
        return None, [_logged(f"{problem}: the gene network is switched off; {cure}")]
    try:
        whole = whole_network(recipe, wanted, cut=network is None)
    except FetchError as error:
        if required:
            raise
        notice = f"the gene network {wanted!r} could not be had, so this run goes without it"
        return None, [_logged(f"{notice}: {error}")]
    renamed_cohort, _ = gene_cohort(recipe, cohort, whole)
    symbols = [symbol for symbol in _symbols(renamed_cohort) if symbol]
    measured = whole.on(symbols)
    share = _share_with_edge(measured, symbols)
    if share < LEAST_GENES:
        return None, [_too_few(whole, symbols, share, required)]
    return controls.control(recipe.gene.control, measured, seed), []


def _too_few(whole: GeneNetwork, symbols: list[str], share: float, required: bool) -> str:
    """The notice that too few genes have an edge; `InputError` where the network is required."""
    problem = (
        f"{share:.1%} of the {len(symbols):,} gene columns have an edge in network {whole.name!r}"
    )
    question = "are the symbols those of the network (ids, species)?"
    cure = "; ".join([question, *suspicions(whole, symbols)])
    if required:
        raise InputError(f"{problem}; at least {LEAST_GENES:.0%} are needed: {cure}")
    return _logged(f"{problem}: the gene network is switched off; {cure}")


def _symbols(cohort: Cohort) -> list[str | None]:
    """The gene symbol of every column of every modality."""
    return [symbol for modality in cohort.modalities.values() for symbol in modality.symbols]


def _share_with_edge(measured: GeneNetwork, symbols: list[str]) -> float:
    """The share of columns, by their symbols, whose gene has an edge."""
    linked = {gene for gene, degree in zip(measured.genes, measured.degree, strict=True) if degree}
    return sum(symbol in linked for symbol in symbols) / len(symbols)


def gene_side(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None, seed: int = 0
) -> tuple[Cohort, GeneNetwork | None, list[str]]:
    """`gene_cohort` and `gene_network` together: the cohort and the network in the same symbols,
    and what to tell the user."""
    used, notices = gene_network(recipe, cohort, network, seed)
    cohort, renaming_notices = gene_cohort(recipe, cohort, used)
    return cohort, used, [*notices, *renaming_notices]


def whole_network(
    recipe: Recipe, wanted: str | Path | GeneNetwork, *, cut: bool = True
) -> GeneNetwork:
    """The network `wanted` with all its genes, renamed by the recipe's alias table; cut at the
    recipe's score where `cut`."""
    min_score = recipe.gene.min_score if cut else None
    whole = wanted if isinstance(wanted, GeneNetwork) else load_network(wanted, min_score)
    return whole.renamed(aliases_of(recipe))


def aliases_of(recipe: Recipe) -> Aliases:
    """The recipe's alias table (`[gene] aliases`); `NO_ALIASES` where it has none. Raises
    `InputError` for a bad one."""
    return NO_ALIASES if recipe.gene.aliases is None else Aliases.read(recipe.gene.aliases)


def gene_cohort(
    recipe: Recipe, cohort: Cohort, network: GeneNetwork | None = None
) -> tuple[Cohort, list[str]]:
    """The cohort with the symbols that encoders, operators and rankings have in common, and what to
    tell the user.

    Ensembl ids lose their version; the recipe's alias table renames what is no gene of `network`
    (the whole one, or the one that `gene_network` returned). Doing it twice changes nothing.
    """
    return renamed(cohort, aliases_of(recipe), () if network is None else network.genes)


def gene_coverage(
    recipe: Recipe, cohort: Cohort, network: str | Path | GeneNetwork | None = None
) -> Coverage | None:
    """How the recipe's network, or `network`, covers the cohort, to print before anything is
    trained; `None` where there is no network."""
    wanted = network if network is not None else recipe.gene.network
    if wanted is None:
        return None
    whole = whole_network(recipe, wanted, cut=network is None)
    cohort, notices = gene_cohort(recipe, cohort, whole)
    coverage = cover(whole, cohort)
    return replace(coverage, notices=[*notices, *coverage.notices])


def _logged(notice: str) -> str:
    """The notice, for the run's record, after a warning in the log."""
    log.warning(notice)
    return notice
