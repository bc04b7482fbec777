"""The graphs of a cohort, to look at and to export."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.manifest import as_cohort
from graphfuse.graph.gene.coverage import Coverage
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.resolve import gene_coverage, gene_side
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.signals.signalling import Signalling
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.schema.arguments import Seed, checked
from graphfuse.task.outcome import Learned


@checked
def build(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    *,
    network: GeneNetwork | str | Path | None = None,
    seed: Seed = 0,
) -> PatientGraph:
    """The graphs of a whole cohort, to look at and to export: one layer per modality, and the gene
    network.

    Fitted on all patients, so no model is trained on it: `train` takes the recipe and fits graphs
    in every fold.
    """
    cohort, recipe = as_cohort(cohort), Recipe.of(recipe)
    cohort, genes, _ = gene_side(recipe, cohort, network, seed)
    return graph_of(cohort, recipe, genes, seed)


def graph_of(cohort: Cohort, recipe: Recipe, genes: GeneNetwork | None, seed: int) -> PatientGraph:
    """Of a cohort with its genes as the recipe wants them, fitted on all patients."""
    trained = [each for each in cohort.outcomes.values() if each.task.trains]
    learned = trained[0].learned if trained else Learned.nothing(len(cohort))
    preparation, views = Preparation.fit(cohort, learned, recipe, genes, seed)
    names = {m: [p.columns[c] for c in p.owners] for m, p in preparation.pipelines.items()}
    lists = {name: layer.lists() for name, layer in preparation.layers.items()}
    symbols = {
        m: [cohort.modalities[m].symbols[c] for c in p.owners]
        for m, p in preparation.pipelines.items()
    }
    template = None
    if recipe.signalling is not None and any(any(each) for each in symbols.values()):
        template = Signalling.fit(cohort, symbols, genes, recipe.signalling, seed).template
    about = {name: layer.about for name, layer in preparation.layers.items()}
    return PatientGraph(cohort, lists, genes, views.own, names, template, about)


@checked
def coverage(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    *,
    network: GeneNetwork | str | Path | None = None,
) -> Coverage | str:
    """How much of the cohort's gene tables the recipe's network (or `network`) covers, and why the
    rest is lost."""
    return (
        gene_coverage(Recipe.of(recipe), as_cohort(cohort), network)
        or "this recipe has no gene network"
    )
