"""The graph ablation: the same net with real, rewired, random, identity and no graph.

What a graph is worth is not told by a net with it beating one without: a graph of chance edges also
smooths. A graph has shown a value where the net with the real one beats the net without, and the
nets with its controls do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from graphfuse.data.cohort import Cohort
from graphfuse.graph.controls import KINDS, control
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.signals.channels import encoders_of
from graphfuse.nn.registry import part
from graphfuse.schema import Comparison, Recipe
from graphfuse.schema.model_id import GRAPHS, OURS, ModelId
from graphfuse.schema.model_id import NO_GRAPH as NONE
from graphfuse.task.metric import Metric

CONTROLS = tuple(kind for kind in KINDS if kind != "none")


@dataclass(frozen=True, eq=False)
class Control:
    """A net that differs from the recipe's own in one `graph` ("patient" or "gene") by its control
    `kind`."""

    graph: str
    kind: str
    recipe: Recipe
    network: GeneNetwork | None

    @property
    def name(self) -> str:
        """Its name among the variants."""
        return str(ModelId(self.graph, (self.kind,)))


def graphs_of(recipe: Recipe, cohort: Cohort, network: GeneNetwork | None) -> list[str]:
    """Which graphs the recipe's net really hears on this cohort: "patient", "gene", both or none. A
    graph that the recipe controls already is a control itself."""
    found = []
    if (
        recipe.net.propagate != "none"
        and recipe.patient.layers != []
        and recipe.patient.control == "none"
    ):
        found.append("patient")
    hears = any(part("encode", name).hops for name in encoders_of(recipe, cohort, network).values())
    if (
        network is not None
        and (hears or recipe.signalling is not None)
        and recipe.gene.control == "none"
    ):
        found.append("gene")
    return found


def controlled(
    recipe: Recipe, cohort: Cohort, network: GeneNetwork | None
) -> list[tuple[str, str]]:
    """(graph, kind) of every control. Where there is one graph, the net without it is the baseline
    `no-graph`."""
    graphs = graphs_of(recipe, cohort, network)
    kinds = [kind for kind in CONTROLS if kind != "empty" or len(graphs) > 1]
    return list(product(graphs, kinds))


def controls(
    recipe: Recipe, cohort: Cohort, network: GeneNetwork | None, seed: int
) -> list[Control]:
    """The control nets: one for each graph and kind of control."""
    found = []
    for graph, kind in controlled(recipe, cohort, network):
        if graph == "patient":
            found.append(Control(graph, kind, recipe.controlled(patient=kind), network))
        else:
            found.append(Control(graph, kind, recipe, control(kind, network, seed)))
    return found


def without(graph: str, names: Mapping | list[str]) -> str:
    """The name of the net that lacks this graph and has the others, among the models and variants
    of a run."""
    bare = str(ModelId(graph, ("empty",)))
    return bare if bare in names else NONE


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """(a, b) of every comparison that the graph ablation makes among these models: each graph,
    real and controlled, against none."""
    found = []
    for graph in GRAPHS:
        mine = [name for name in names if ModelId.parse(name).graph == graph]
        bare = without(graph, names)
        if mine and bare in names:
            found += [
                (name, bare)
                for name in (OURS, *mine)
                if name != bare and (name, bare) != (OURS, NONE)
            ]
    return found


def entries(comparisons: list[Comparison], metric: str) -> dict[str, dict[str, Comparison]]:
    """graph → "real" and each control → its comparison with the net that lacks the graph."""
    found: dict[str, dict[str, Comparison]] = {}
    names = {pair.b for pair in comparisons} | {pair.a for pair in comparisons}
    for graph in GRAPHS:
        if not any(ModelId.parse(name).graph == graph for name in names):
            continue
        bare = without(graph, list(names))
        mine = {p.a: p for p in comparisons if p.b == bare and p.metric == metric}
        rows = {"real": mine.get(OURS)} | {
            kind: mine.get(str(ModelId(graph, (kind,)))) for kind in CONTROLS
        }
        found[graph] = {kind: pair for kind, pair in rows.items() if pair is not None}
    return found


def sentences(comparisons: list[Comparison], metric: Metric) -> list[str]:
    """What each graph adds to the metric, in points where it is written so, and whether a gain
    is shown."""
    said = []
    for graph, rows in entries(comparisons, metric.name).items():
        if "real" not in rows:
            continue
        real = rows["real"]
        change, low, high = (metric.in_points(each) for each in (real.difference, *real.ci95))
        verdict = {"better": "a gain is shown", "worse": "a loss is shown"}.get(
            real.verdict, "no gain shown"
        )
        also = [kind for kind, pair in rows.items() if kind != "real" and pair.verdict == "better"]
        if real.verdict == "better" and also:
            verdict = f"a gain, but not of its edges: so it is with {' and '.join(also)} ones"
        said.append(
            f"{GRAPHS[graph]} adds {change}{' points' if metric.percent else ''} ({low} to "
            f"{high}): {verdict}"
        )
    return said
