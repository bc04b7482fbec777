"""The graph ablation: the same net with real, rewired, random, identity and no graph.

A net with a graph may beat one without for another reason than its edges: a graph of random edges
smooths too. A graph has shown a value where the net with the real one beats the net without, and
the nets with its controls do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.score_lines import detectable
from graphfuse.graph.controls import KINDS, control
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.signals.net_channels import encoders_of
from graphfuse.nn.registry import part
from graphfuse.schema import Comparison, Recipe
from graphfuse.schema.run_model_name import GRAPHS, OURS, ModelId
from graphfuse.schema.run_model_name import NO_GRAPH as NONE
from graphfuse.task.metric import Metric

NOT_SHOWN = "no gain shown"
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
    """Which graphs the recipe's net uses on this cohort: "patient", "gene", both or none. A graph
    that the recipe controls already is a control itself."""
    graphs = []
    propagates = recipe.net.propagate != "none" and recipe.patient.layers != []
    if propagates and recipe.patient.control == "none":
        graphs.append("patient")
    if network is None or recipe.gene.control != "none":
        return graphs
    encoders = encoders_of(recipe, cohort, network).values()
    smooths = any(part("encode", name).hops for name in encoders)
    if smooths or recipe.signalling is not None:
        graphs.append("gene")
    return graphs


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
    nets = []
    for graph, kind in controlled(recipe, cohort, network):
        if graph == "patient":
            nets.append(Control(graph, kind, recipe.controlled(patient=kind), network))
        else:
            nets.append(Control(graph, kind, recipe, control(kind, network, seed)))
    return nets


def without(graph: str, names: Mapping | list[str]) -> str:
    """The name of the net that lacks this graph and has the others, among the models and variants
    of a run."""
    bare = str(ModelId(graph, ("empty",)))
    return bare if bare in names else NONE


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """(a, b) of every comparison that the graph ablation makes among these models: each graph,
    real and controlled, against none."""
    compared = []
    for graph in GRAPHS:
        mine = [name for name in names if ModelId.parse(name).graph == graph]
        bare = without(graph, names)
        if not mine or bare not in names:
            continue
        for name in (OURS, *mine):
            is_known = (name, bare) == (OURS, NONE)  # is compared as a baseline
            if name != bare and not is_known:
                compared.append((name, bare))
    return compared


def entries(comparisons: list[Comparison], metric: str) -> dict[str, dict[str, Comparison]]:
    """graph → "real" and each control → its comparison with the net that lacks the graph."""
    names = {pair.b for pair in comparisons} | {pair.a for pair in comparisons}
    known_graphs = {ModelId.parse(name).graph for name in names}
    by_graph: dict[str, dict[str, Comparison]] = {}
    for graph in GRAPHS:
        if graph not in known_graphs:
            continue
        bare = without(graph, list(names))
        against_bare = [pair for pair in comparisons if pair.b == bare]
        mine = {pair.a: pair for pair in against_bare if pair.metric == metric}
        models = {"real": OURS}
        for kind in CONTROLS:
            models[kind] = str(ModelId(graph, (kind,)))
        by_graph[graph] = {kind: mine[name] for kind, name in models.items() if name in mine}
    return by_graph


def sentences(comparisons: list[Comparison], metric: Metric) -> list[str]:
    """What each graph adds to the metric, in points where it is written so, and whether a gain
    is shown."""
    lines = []
    for graph, rows in entries(comparisons, metric.name).items():
        if "real" not in rows:
            continue
        real = rows["real"]
        change = metric.in_points(real.difference)
        low, high = (metric.in_points(end) for end in real.ci95)
        unit = " points" if metric.percent else ""
        gain = f"{change}{unit} ({low} to {high})"
        verdict = _verdict(rows)
        if verdict == NOT_SHOWN and real.detectable is not None:
            verdict += f" ({detectable(real, metric, in_points=True)})"
        lines.append(f"{GRAPHS[graph]} adds {gain}: {verdict}")
    return lines


def _verdict(rows: Mapping[str, Comparison]) -> str:
    """Whether a graph shows a gain, and whether its controls show it too."""
    verdict = rows["real"].verdict
    better = [kind for kind, pair in rows.items() if pair.verdict == "better"]
    also = [kind for kind in better if kind != "real"]
    if verdict == "better" and also:
        return f"a gain, but not of its edges: so it is with {' and '.join(also)} ones"
    return {"better": "a gain is shown", "worse": "a loss is shown"}.get(verdict, NOT_SHOWN)
