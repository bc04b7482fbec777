"""Gene networks from files: an edge list, or a card that says where one is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.errors import Faults, FetchError, InputError, examples
from graphfuse.files.toml import read_toml, resolve
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.edge_cleaning import is_id
from graphfuse.graph.gene.gene_edges import read_gene_edges
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import NetworkCard

log = logging.getLogger(__name__)

_LISTS = (".csv", ".tsv", ".txt", ".tab", ".sif", ".gz", ".parquet")


def load_network(name_or_path: str | Path, min_score: float | None = None) -> GeneNetwork:
    """The network of a card (by name in `graphs/networks/` or by path), or of one's own edge list
    (see `read_gene_edges`).

    `min_score` overrides the card's cut. Raises `InputError` for unknown names, unreadable files,
    no edges left, and, at the card's own cut, counts that are not those it expects.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and (path.is_file() or path.suffix in _LISTS):
        return _from_list(path, min_score)
    path = resolve(name_or_path, "graphs/networks")
    card = read_toml(path, NetworkCard)
    return _from_card(card, path, card.edges.min_score if min_score is None else min_score)


def _from_list(path: Path, min_score: float | None) -> GeneNetwork:
    network = GeneNetwork.from_frame(read_gene_edges(path), path.name, min_score=min_score)
    return _described(network, {"title": path.name, "file": path.name, "min_score": min_score})


def _from_card(card: NetworkCard, path: Path, min_score: float | None) -> GeneNetwork:
    folder, spec = _folder(card, path), card.edges
    edges = read_gene_edges(_file(folder, spec.file), spec.source, spec.target, spec.score)
    table = None if spec.aliases is None else Aliases.read(_table(folder, path, spec.aliases))
    symbols = _names(card, path, table)
    network = GeneNetwork.from_frame(
        edges, card.name, directed=spec.directed, min_score=min_score, symbols=symbols
    )
    if min_score == spec.min_score:
        _check_expected(card, network, path)
    about = {key: getattr(card, key) for key in ("title", "version", "licence", "citation")}
    named = {} if table is None else {"aliases": table.title}
    return _described(network, {**about, "file": spec.file, "min_score": min_score, **named})


def _folder(card: NetworkCard, path: Path) -> Path:
    """Where the card's files are. Where its sources are folders of one's own, those are looked for
    in the working folder, then beside the card. Raises `FetchError` that says what is missing,
    where it belongs and how to get it."""
    own = [
        Path(source.path).expanduser() / source.root
        for source in card.source
        if source.path is not None
    ]
    places = [home / folder for folder in own for home in (Path.cwd(), path.parent)]
    lacking = [_lacking(card, path, place) for place in places]
    if [] in lacking:
        return places[lacking.index([])]
    if len(own) < len(card.source) or not own or any(place.is_file() for place in places):
        return obtain(card.source, beside=path.parent, how_to_get=card.how_to_get, where=str(path))
    least = min(lacking, key=len)
    cure = f"; how to get it: {card.how_to_get}" if card.how_to_get else ""
    raise FetchError(
        f"network {card.name!r}: {examples(least)} not found in "
        f"{places[lacking.index(least)]}{cure}"
    )


def _lacking(card: NetworkCard, path: Path, place: Path) -> list[str]:
    """The files of the card that are not at `place`."""
    lists = [] if _file(place, card.edges.file).is_file() else [card.edges.file]
    table = card.edges.aliases
    return lists if table is None or _table(place, path, table).is_file() else [*lists, table]


def _file(folder: Path, name: str) -> Path:
    """The file, also where it was packed or unpacked since (with or without .gz)."""
    other = folder / (name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
    return other if other.is_file() and not (folder / name).is_file() else folder / name


def _table(folder: Path, path: Path, name: str) -> Path:
    """The alias table among the edges, or beside the card."""
    among = _file(folder, name)
    return among if among.is_file() else _file(path.parent, name)


def _names(card: NetworkCard, path: Path, table: Aliases | None):
    """From the list's names to symbols: ids without a symbol have none; a retired symbol is
    renamed, others stay."""
    ids = card.edges.ids == "ensembl"

    def checked(names: Sequence[str]) -> Sequence[str | None]:
        if table is None and ids and names and not any(map(is_id, names)):
            raise InputError(
                f'{path}: ids = "ensembl", but the names are {examples(names)}; correct '
                "ids, source or target"
            )
        if table is None:
            return names
        found = table.apply(names) if ids else table.nodes(names)
        if ids and names and not found.changed:
            raise InputError(
                f"{path}: {table.title} names none of {len(names):,} ids "
                f"({examples(names)}); is it their table?"
            )
        return [table.table.get(name) for name in names] if ids else found.names

    return checked


def _described(network: GeneNetwork, about: dict) -> GeneNetwork:
    left_out = ", ".join(f"{what} {count:,}" for what, count in network.cleaned.items() if count)
    log.info("%r; edges left out: %s", network, left_out or "none")
    return replace(network, about={**about, **network.about})


def _check_expected(card: NetworkCard, network: GeneNetwork, path: Path) -> None:
    """Raises `InputError` when the counts are not those of `[expect]`."""
    if card.expect is None:
        return
    faults = Faults(str(path))
    for what, expected, got in (
        ("nodes", card.expect.nodes, len(network.genes)),
        ("edges", card.expect.edges, network.edges),
    ):
        if expected != got:
            faults.add(
                f"[expect] {what}: expected {expected:,}, got {got:,}; the file or the card "
                "has changed: check both"
            )
    faults.stop()
