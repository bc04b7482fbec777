"""Collections of gene sets: a GMT file, or a card that says where one is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.files.toml import read_toml, resolve
from graphfuse.graph.gene.card_counts import check_counts
from graphfuse.graph.gene.gene_sets import gmt_file, read_gmt
from graphfuse.schema import GeneSetCard
from graphfuse.schema.rename_recipe_files import GENE_SETS


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
    if _is_gmt(path):
        return read_gmt(path)
    path = resolve(path, GENE_SETS)
    card, file = _obtained(path, path.stat().st_mtime_ns)
    gene_sets = read_gmt(file)
    genes = set().union(*gene_sets.values())
    check_counts(card.expect, {"sets": len(gene_sets), "genes": len(genes)}, path)
    return gene_sets


def require_gene_sets(name_or_path: str | Path) -> None:
    """Raises `InputError` where `load_gene_sets` would find no file, which it fetches first."""
    path = Path(name_or_path)
    if _is_gmt(path):
        gmt_file(path)
        return
    path = resolve(path, GENE_SETS)
    _obtained(path, path.stat().st_mtime_ns)


def _is_gmt(path: Path) -> bool:
    """Whether the path is of a GMT file, not of a card."""
    is_name = not path.suffix and not path.is_file()
    return not is_name and path.suffix != ".toml"


@lru_cache(maxsize=8)
def _obtained(path: Path, modified: int) -> tuple[GeneSetCard, Path]:
    """A card that was last modified then, and its GMT file: every fold asks for them."""
    card = read_toml(path, GeneSetCard)
    beside, advice = path.parent, card.how_to_get
    folder = obtain(card.source, beside=beside, how_to_get=advice, where=str(path))
    return card, folder / card.file
