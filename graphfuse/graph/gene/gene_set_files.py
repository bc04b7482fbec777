"""Collections of gene sets: a GMT file, or a card that says where one is."""

from __future__ import annotations

from pathlib import Path

from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.errors import Faults
from graphfuse.files.toml import read_toml, resolve
from graphfuse.graph.gene.gene_sets import read_gmt
from graphfuse.schema import GeneSetCard


def load_gene_sets(name_or_path: str | Path) -> dict[str, tuple[str, ...]]:
    """The gene sets of a card, or of a GMT file.

    Parameters
    ----------
    name_or_path : str or Path
        A card, by name in `graphs/gene_sets/` or by path, whose file is fetched once and verified;
        or a `.gmt` file, plain or `.gz`.

    Returns
    -------
    dict of str to tuple of str
        Name → genes, sorted, each once.

    Raises
    ------
    InputError
        For unknown names, files that `read_gmt` refuses, and counts that are not those a card
        expects.
    """
    path = Path(name_or_path)
    is_name = not path.suffix and not path.is_file()
    if not is_name and path.suffix != ".toml":
        return read_gmt(path)
    path = resolve(name_or_path, "graphs/gene_sets")
    card = read_toml(path, GeneSetCard)
    where = str(path)
    folder = obtain(card.source, beside=path.parent, how_to_get=card.how_to_get, where=where)
    gene_sets = read_gmt(folder / card.file)
    _check_expected(card, gene_sets, path)
    return gene_sets


def _check_expected(card: GeneSetCard, gene_sets: dict[str, tuple[str, ...]], path: Path) -> None:
    """Raises `InputError` when the counts are not those of `[expect]`."""
    if card.expect is None:
        return
    genes = set().union(*gene_sets.values())
    counts = (
        ("sets", card.expect.sets, len(gene_sets)),
        ("genes", card.expect.genes, len(genes)),
    )
    faults = Faults(str(path))
    for what, expected, got in counts:
        if expected != got:
            faults.add(
                f"[expect] {what}: expected {expected:,}, got {got:,}; the file or the card "
                "has changed: check both"
            )
    faults.stop()
