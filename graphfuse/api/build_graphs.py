"""The graphs of a cohort, to look at and to export."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.cohort import Cohort
from graphfuse.data.load_cohort import as_cohort
from graphfuse.graph.gene.coverage import Coverage
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_coverage, gene_side
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.signals.signalling import Signalling
from graphfuse.schema import DEFAULT_RECIPE, Recipe
from graphfuse.schema.check_arguments import Seed, checked
from graphfuse.task.outcome import Learned


@checked
def build(
    cohort: Cohort | str | Path,
    recipe: Recipe | str | Path = DEFAULT_RECIPE,
    *,
    network: GeneNetwork | str | Path | None = None,
    seed: Seed = 0,
) -> PatientGraph:
    """Builds the graphs of a whole cohort, to look at and to export.

    They are fitted on all patients, so that no model may be trained on them: `train` takes the
    recipe, and fits graphs anew in every fold.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest: its path, or a name in `data_manifests/`.
    recipe : Recipe, str or Path
        Which graphs: a recipe, its path, or a name in `graphs/`.
    network : GeneNetwork, str or Path, optional
        In place of the recipe's gene network: one, its card, or a table of edges.
    seed : int
        Of everything drawn at random.

    Returns
    -------
    PatientGraph
        Patient layers, by default one per modality, and the gene network.

    Raises
    ------
    InputError
        Where the cohort, the recipe or the network cannot be used.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> graph = gf.build(planted(40, {"rna": 8, "meth": 6}).cohort)
    >>> list(graph.layers)
    ['rna', 'meth']
    """
    cohort = as_cohort(cohort)
    recipe = Recipe.of(recipe)
    cohort, genes, _ = gene_side(recipe, cohort, network, seed)
    return graph_of(cohort, recipe, genes, seed)


def graph_of(cohort: Cohort, recipe: Recipe, genes: GeneNetwork | None, seed: int) -> PatientGraph:
    """The graphs of a cohort, fitted on all patients.

    Parameters
    ----------
    cohort : Cohort
        Its genes called as the gene network calls them (`gene_side`).
    recipe : Recipe
    genes : GeneNetwork or None
        The gene network among its genes.
    seed : int
        Of everything drawn at random.
    """
    trained = [outcome for outcome in cohort.outcomes.values() if outcome.task.trains]
    learned = trained[0].learned if trained else Learned.nothing(len(cohort))
    preparation, views = Preparation.fit(cohort, learned, recipe, genes, seed)
    names = {}  # modality -> the column that each of its features stands for
    symbols = {}  # modality -> the gene symbol of each
    for modality, pipeline in preparation.pipelines.items():
        names[modality] = [pipeline.columns[owner] for owner in pipeline.owners]
        own = cohort.modalities[modality].symbols
        symbols[modality] = [own[owner] for owner in pipeline.owners]
    lists = {name: layer.lists() for name, layer in preparation.layers.items()}
    template = None
    has_symbols = any(any(each) for each in symbols.values())
    if recipe.signalling is not None and has_symbols:
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
    """Says how much of a cohort's gene tables a gene network covers, and why the rest is lost.

    Parameters
    ----------
    cohort : Cohort, str or Path
        Patients, or their manifest.
    recipe : Recipe, str or Path
        Whose gene network.
    network : GeneNetwork, str or Path, optional
        In place of the recipe's: one, its card, or a table of edges.

    Returns
    -------
    Coverage or str
        Text where the recipe has no gene network.
    """
    covered = gene_coverage(Recipe.of(recipe), as_cohort(cohort), network)
    return covered or "this recipe has no gene network"
