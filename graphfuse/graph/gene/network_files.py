"""Gene networks from files: an edge list, or a card that says where one is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.errors import FetchError, InputError, examples
from graphfuse.files.toml import read_toml, resolve
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.card_counts import check_counts
from graphfuse.graph.gene.edge_cleaning import is_id
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.read_gene_edges import read_gene_edges
from graphfuse.graph.read_edges import in_words
from graphfuse.schema import NetworkCard

log = logging.getLogger(__name__)

_LISTS = (".csv", ".tsv", ".txt", ".tab", ".sif", ".gz", ".parquet")


def load_network(name_or_path: str | Path, min_score: float | None = None) -> GeneNetwork:
    """The network of a card, or of an edge list.

    Parameters
    ----------
    name_or_path : str or Path
        A card, by name in `graphs/networks/` or by path, or the file of an edge list (see
        `read_gene_edges`).
    min_score : float, optional
        Edges with a lower score are left out; by default as the card says.

    Returns
    -------
    GeneNetwork

    Raises
    ------
    InputError
        For unknown names, unreadable files, no edges left, and, at the card's own cut, counts that
        are not those it expects.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and (path.is_file() or path.suffix in _LISTS):
        return _from_list(path, min_score)
    path = resolve(name_or_path, "graphs/networks")
    card = read_toml(path, NetworkCard)
    if min_score is None:
        min_score = card.edges.min_score
    return _from_card(card, path, min_score)


def _from_list(path: Path, min_score: float | None) -> GeneNetwork:
    edges = read_gene_edges(path)
    network = GeneNetwork.from_frame(edges, path.name, min_score=min_score)
    return _described(network, {"title": path.name, "file": path.name, "min_score": min_score})


def _from_card(card: NetworkCard, path: Path, min_score: float | None) -> GeneNetwork:
    folder, spec = _folder(card, path), card.edges
    edge_file = _packed_or_not(folder, spec.file)
    edges = read_gene_edges(edge_file, spec.source, spec.target, spec.score)
    table = None
    if spec.aliases is not None:
        table = Aliases.read(_table(folder, path, spec.aliases))
    network = GeneNetwork.from_frame(
        edges,
        card.name,
        directed=spec.directed,
        min_score=min_score,
        symbols=_symbols_by(card, path, table),
    )
    if min_score == spec.min_score:
        counts = {"nodes": len(network.genes), "edges": network.edges}
        check_counts(card.expect, counts, path)
    about = {key: getattr(card, key) for key in ("title", "version", "licence", "citation")}
    named = {} if table is None else {"aliases": table.title}
    return _described(network, {**about, "file": spec.file, "min_score": min_score, **named})


def _folder(card: NetworkCard, path: Path) -> Path:
    """The folder of the card's files.

    Where its sources are folders of the user's own, those are looked for in the working folder,
    then beside the card; others are fetched. Raises `FetchError` that says what is missing, where
    it belongs and how to get it.
    """
    own = [source for source in card.source if source.path is not None]
    folders = [Path(source.path).expanduser() / source.root for source in own]
    places = [home / folder for folder in folders for home in (Path.cwd(), path.parent)]
    missing = [_missing(card, path, place) for place in places]
    if [] in missing:
        return places[missing.index([])]
    is_fetched = not own or len(own) < len(card.source)
    if is_fetched or any(place.is_file() for place in places):
        return obtain(card.source, beside=path.parent, how_to_get=card.how_to_get, where=str(path))
    fewest = min(missing, key=len)
    place = places[missing.index(fewest)]
    cure = f"; how to get it: {card.how_to_get}" if card.how_to_get else ""
    raise FetchError(f"network {card.name!r}: {examples(fewest)} not found in {place}{cure}")


def _missing(card: NetworkCard, path: Path, place: Path) -> list[str]:
    """The files of the card that are not at `place`."""
    missing = []
    if not _packed_or_not(place, card.edges.file).is_file():
        missing.append(card.edges.file)
    table = card.edges.aliases
    if table is not None and not _table(place, path, table).is_file():
        missing.append(table)
    return missing


def _packed_or_not(folder: Path, name: str) -> Path:
    """The file, also where it was packed or unpacked since (with or without .gz)."""
    file = folder / name
    other = folder / (name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
    return other if other.is_file() and not file.is_file() else file


def _table(folder: Path, path: Path, name: str) -> Path:
    """The alias table in the folder of the edges, or beside the card."""
    with_edges = _packed_or_not(folder, name)
    return with_edges if with_edges.is_file() else _packed_or_not(path.parent, name)


def _symbols_by(card: NetworkCard, path: Path, table: Aliases | None):
    """A function from the list's names to their symbols, by the card's alias table.

    Ids without a symbol in the table have none; of symbols, retired ones are renamed and others
    stay. It raises `InputError` where the names are not what the card says, or none is in the
    table.
    """
    are_ids = card.edges.ids == "ensembl"

    def symbols(names: Sequence[str]) -> Sequence[str | None]:
        if table is None:
            if are_ids and names and not any(map(is_id, names)):
                raise InputError(
                    f'{path}: ids = "ensembl", but the names are {examples(names)}; correct '
                    "ids, source or target"
                )
            return names
        if not are_ids:
            return table.nodes(names).names
        if names and not table.apply(names).changed:
            raise InputError(
                f"{path}: {table.title} names none of {len(names):,} ids "
                f"({examples(names)}); is it their table?"
            )
        return [table.table.get(name) for name in names]

    return symbols


def _described(network: GeneNetwork, about: dict) -> GeneNetwork:
    """The network with these words about it, after a line in the log."""
    log.info("%r; edges left out: %s", network, in_words(network.cleaned) or "none")
    return replace(network, about={**about, **network.about})
