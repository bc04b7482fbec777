"""A built graph as one HTML page that opens offline; of a large graph, a sample.

The drawing is our own: of the libraries that inline their JavaScript, pyvis brings IPython with it,
and its networks have no layers to switch between.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from graphfuse.data.cohort import Cohort
from graphfuse.files.atomic_write import whole
from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.page.colours import gene_hues, patient_hues
from graphfuse.graph.export.page.layout import place, symmetric
from graphfuse.graph.export.page.sample import Pairs, leading_genes, pairs, sample, whole_and_parts
from graphfuse.graph.neighbour_lists import Neighbours

MOST_PATIENTS = 1_500  # drawn; more are no picture
MOST_LINES = 45_000  # drawn, of all layers together
MOST_GENES = 160
_OWN_PLACES = 8  # layers that have places of their own
_SIDE = 10_000  # whole steps from one side of the picture to the other
_HERE = Path(__file__).parent


def write_picture(graph: CohortGraph, path: str | Path, seed: int = 0) -> str:
    """Writes the picture of a graph to `path`, whole or not at all; returns in words what of the
    graph is drawn.

    The same graph and seed give the same bytes. It is patient data: ids and outcomes of those drawn
    stand in it.
    """
    text, drawn = page(graph, seed)
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return drawn


def page(graph: CohortGraph, seed: int = 0) -> tuple[str, str]:
    """The picture as HTML, and what of the graph is drawn."""
    data = page_data(graph, seed)
    style = (_HERE / "graph.css").read_text(encoding="utf-8")
    script = (_HERE / "graph.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("graph.html.jinja")
    hashes = {"style": _hash(style), "script": _hash(script)}
    text = template.render(
        title=data["title"],
        drawn=data["drawn"],
        style=Markup(style),
        script=Markup(script),
        hashes=hashes,
        data=Markup(_json(data)),
    )
    return text, data["drawn"]


def page_data(graph: CohortGraph, seed: int = 0) -> dict:
    """Everything the page shows, as plain values."""
    cohort = graph.cohort
    target_name, labels = _first_classes(cohort)
    strata = np.zeros(len(cohort), int) if labels is None else labels
    rows, at_random = sample(graph.layers, strata, MOST_PATIENTS, seed)
    share = MOST_LINES // max(len(graph.layers), 1)
    lines = {name: pairs(lists, rows, share, seed) for name, lists in graph.layers.items()}
    places = whole_and_parts(graph.layers, rows, _OWN_PLACES)
    layers = []
    for name, among in lines.items():
        lists = graph.layers[name]
        layers.append(_layer(name, lists, among, places.get(name), rows, labels))
    ids = [str(patient) for patient in cohort.patients[rows]]
    patients = {
        "ids": ids,
        "places": _whole_steps(places[""]),
        "hues": patient_hues(cohort, rows),
        "layers": layers,
    }
    weaker = sum(among.left_out for among in lines.values())
    drawn = _in_words(len(cohort), len(rows), at_random, target_name, seed, weaker)
    return {
        "title": cohort.name,
        "target": target_name,
        "drawn": drawn,
        "patients": patients,
        "genes": _genes(graph),
    }


def _first_classes(cohort: Cohort) -> tuple[str | None, np.ndarray | None]:
    """Name and labels `[N]` of the first outcome with classes; `None` where there is none."""
    for outcome in cohort.outcomes.values():
        if outcome.task.has_classes:
            return outcome.name, outcome.values
    return None, None


def _in_words(
    total: int, count: int, at_random: int, target: str | None, seed: int, left_out: int
) -> str:
    """Which patients and lines are drawn; `left_out` lines are not."""
    weaker = ""
    if left_out:
        weaker = (
            f"; of the lines among them the strongest are drawn, {left_out:,} weaker ones are not"
        )
    if count == total:
        return f"all {total:,} patients are drawn{weaker}"
    within = f", in proportion to the classes of {target}" if target is not None else ""
    return (
        f"{count:,} of {total:,} patients are drawn: {at_random:,} by chance (seed "
        f"{seed}){within}, and their neighbours, "
        f"strongest first{weaker}"
    )


def _layer(
    name: str, lists: Neighbours, lines: Pairs, places: np.ndarray | None, rows: np.ndarray, labels
) -> dict:
    """What the page shows of a layer."""
    size = max(len(lists), lists.senders)
    receivers_of = np.bincount(lists.index, minlength=size)
    steps = None if places is None else _whole_steps(places)
    return {
        "name": name,
        "edges": lists.edges,
        "lines": _lines(lines),
        "places": steps,
        "hears": lists.degree[rows].tolist(),
        "heard": receivers_of[rows].tolist(),
        "alike": None if labels is None else _within_classes(lists, labels),
    }


def _within_classes(lists: Neighbours, labels: np.ndarray) -> list[float] | None:
    """Share of edges between patients of one class, and the share by chance, given how often each
    class is at either end."""
    receiver, sender = labels[lists.receivers], labels[lists.index]
    counted = (receiver >= 0) & (sender >= 0) & (lists.receivers != lists.index)
    if not counted.any():
        return None
    receiver, sender = receiver[counted], sender[counted]
    classes = int(max(receiver.max(), sender.max())) + 1
    share_of_receivers = np.bincount(receiver, minlength=classes) / len(receiver)
    share_of_senders = np.bincount(sender, minlength=classes) / len(sender)
    chance = float(share_of_receivers @ share_of_senders)
    share = float((receiver == sender).mean())
    return [round(share, 4), round(chance, 4)]


def _genes(graph: CohortGraph) -> dict | None:
    """What the page shows of the gene network; `None` where there is none."""
    network = graph.network
    if network is None or not len(network.genes):
        return None
    chosen, lines = leading_genes(network, MOST_GENES)
    size = len(chosen)
    ids = [network.genes[gene] for gene in chosen]
    links = symmetric(_matrix(lines, size))
    named = "all genes"
    if size < len(network.genes):
        named = f"the {size:,} of {len(network.genes):,} genes with the most edges"
    drawn = (
        f"{network.edges:,} edges among {len(network.genes):,} genes; drawn are {named}, "
        f"each with its 3 strongest lines among them ({lines.left_out:,} weaker ones are not drawn)"
    )
    return {
        "name": network.name,
        "drawn": drawn,
        "ids": ids,
        "places": _whole_steps(place(links)),
        "degree": network.degree[chosen].tolist(),
        "lines": _lines(lines),
        "hues": gene_hues(graph, ids),
    }


def _matrix(lines: Pairs, size: int):
    from scipy import sparse

    ones = np.ones(len(lines.a))
    return sparse.csr_matrix((ones, (lines.a, lines.b)), shape=(size, size))


def _lines(lines: Pairs) -> list[int]:
    """Both ends and the direction of each line in turn."""
    in_turn = np.stack([lines.a, lines.b, lines.way], axis=1)
    return in_turn.ravel().tolist()


def _whole_steps(places: np.ndarray) -> list[int]:
    """x and y of each place in turn, counted from one corner."""
    steps = np.round((places + 1) / 2 * _SIDE)
    return steps.astype(int).ravel().tolist()


def _json(data: dict) -> str:
    """JSON that ends no script element, whatever a patient is called."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()
