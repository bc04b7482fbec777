"""Gene sets from GMT files, the format of pathway collections, and the network's edges inside
them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from graphfuse.data.read.encoding import utf8_content
from graphfuse.errors import Faults, InputError, examples
from graphfuse.graph.gene.network import GeneNetwork

log = logging.getLogger(__name__)


def read_gmt(path: str | Path) -> dict[str, tuple[str, ...]]:
    """The gene sets in a GMT file: one set a line, with name, description and genes between tabs.

    Parameters
    ----------
    path : str or Path
        Plain or `.gz`. Blank lines and empty cells are passed over.

    Returns
    -------
    dict of str to tuple of str
        Name → genes, sorted, each once.

    Raises
    ------
    InputError
        For files that cannot be read, lines that are no set, sets without a gene, names that stand
        twice and files without any set.
    """
    path = Path(path)
    faults, sets = Faults(str(path)), {}
    bare, twice = [], []
    for number, line in enumerate(_lines(path), start=1):
        name, *rest = (cell.strip() for cell in line.split("\t"))
        genes = tuple(sorted({gene for gene in rest[1:] if gene}))
        if not name or not genes:
            bare.append(number)
        elif name in sets:
            twice.append(name)
        else:
            sets[name] = genes
    if bare:
        faults.add(
            f"lines {examples(bare)}: expected name, description and at least one gene, by "
            "tabs; correct or drop them"
        )
    if twice:
        faults.add(
            f"{len(twice)} set names appear twice ({examples(twice)}); give each set a name "
            "of its own"
        )
    if not sets and not bare:
        faults.add("holds no gene set; give a .gmt file with a set a line")
    faults.stop()
    return sets


def edge_sets(sets: Mapping[str, Sequence[str]], network: GeneNetwork) -> dict[str, np.ndarray]:
    """Gene set → int64, the network's edges with both ends in it; sets without one are left out.

    Raises `InputError` where no set has a gene of the network.
    """
    place = {gene: i for i, gene in enumerate(network.genes)}
    if all(place.keys().isdisjoint(genes) for genes in sets.values()):
        raise InputError(
            f"[signalling] pathways: none of the {len(sets)} gene sets has a gene of "
            f"network {network.name!r}; "
            "are both written as symbols of one species?"
        )
    edges_of = {}
    for name in sorted(sets):
        inside = np.zeros(len(place), bool)
        inside[[place[gene] for gene in sets[name] if gene in place]] = True
        has_both = inside[network.source] & inside[network.target]
        edges_of[name] = np.flatnonzero(has_both)
    kept = {name: edges for name, edges in edges_of.items() if len(edges)}
    if len(kept) < len(sets):
        log.info(
            "%d of %d gene sets hold an edge among the genes of the graph", len(kept), len(sets)
        )
    return kept


def random_sets(
    sets: Mapping[str, Sequence[str]], genes: Sequence[str], seed: int
) -> dict[str, tuple[str, ...]]:
    """The control of a collection: for each set as many genes, drawn at random from `genes` without
    replacement, under the set's name with "(random)".

    Raises `InputError` where a set is larger than `genes`.
    """
    rng, drawn = np.random.default_rng(seed), {}
    for name, inside in sets.items():
        if len(inside) > len(genes):
            raise InputError(
                f"gene set {name!r} has {len(inside)} genes, but only {len(genes)} to draw "
                "a random set from"
            )
        places = rng.choice(len(genes), len(inside), replace=False)
        drawn[f"{name} (random)"] = tuple(sorted(genes[i] for i in places))
    return drawn


def gmt_file(path: str | Path) -> Path:
    """`path`, where there is a file; else raises `InputError` that says where to get gene sets."""
    if not Path(path).is_file():
        raise InputError(
            f"{path}: no such file; give a .gmt file of gene sets, by its path or under "
            "this name in the working folder, such as MSigDB's Hallmark sets (gsea-msigdb.org); or "
            "the name reactome, whose sets are fetched once"
        )
    return Path(path)


def _lines(path: Path) -> list[str]:
    """The lines of a GMT file that are not blank."""
    try:
        text = utf8_content(gmt_file(path)).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read as gene sets ({error}); give a .gmt file, plain or .gz"
        ) from None
    return [line for line in text.splitlines() if line.strip()]


def shared_edges(network: GeneNetwork, sets: Mapping[str, np.ndarray]) -> GeneNetwork:
    """The edges of a network that lie within gene sets, heavier the more sets hold them.

    Parameters
    ----------
    network : GeneNetwork
    sets : mapping of str to np.ndarray
        As `edge_sets` gives them: the edges of each set, int64, places in the network's.

    Returns
    -------
    GeneNetwork
        On the same genes; each weight is that of the edge times the sets that hold it.
    """
    edges = np.concatenate([[], *sets.values()]).astype(int)
    count = np.bincount(edges, minlength=network.edges)
    weight = network.weight * count
    inside = count > 0
    source, target = network.source[inside], network.target[inside]
    return replace(network, source=source, target=target, weight=weight[inside])
