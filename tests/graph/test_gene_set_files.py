"""Collections of gene sets by path and by name."""

from __future__ import annotations

import pytest

from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.graph.gene.gene_set_files import load_gene_sets
from graphfuse.learn.signals.net_channels import describe_files, encoders_of
from graphfuse.schema import Recipe

CARD = """name = "mine"
file = "mine.gmt"
[[source]]
path = "."
[expect]
sets = 2
genes = {genes}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with two gene sets of three genes, and a card by name."""
    monkeypatch.chdir(tmp_path)
    cards = tmp_path / "graphs" / "gene_sets"
    cards.mkdir(parents=True)
    (cards / "mine.gmt").write_text("a\t\tTP53\tMDM2\nb\t\tMDM2\tMYC\n")
    (cards / "mine.toml").write_text(CARD.format(genes=3))
    return cards


def test_a_file_and_a_card_by_name_and_by_path(folder):
    sets = {"a": ("MDM2", "TP53"), "b": ("MDM2", "MYC")}
    assert load_gene_sets(folder / "mine.gmt") == sets
    assert load_gene_sets("mine") == sets
    assert load_gene_sets(folder / "mine.toml") == sets


def test_a_collection_of_another_size_is_refused(folder):
    (folder / "mine.toml").write_text(CARD.format(genes=4))
    with pytest.raises(InputError, match=r"\[expect\] genes: expected 4, got 3"):
        load_gene_sets("mine")


def test_an_unknown_name_names_the_nearest(folder):
    with pytest.raises(InputError, match="did you mean 'reactome'"):
        load_gene_sets("reactom")
    with pytest.raises(InputError, match="no such file; give a .gmt file"):
        load_gene_sets("sets.gmt")


@pytest.mark.network
@pytest.mark.slow
def test_the_shipped_collection_is_fetched_and_has_its_size():
    sets = load_gene_sets("reactome")
    assert len(sets) == 1615 and "STAT3" in sets["REACTOME_INTERLEUKIN_6_SIGNALING"]


def test_a_recipe_names_them_as_rankings_do(folder):
    """By a card's name, for tokens and for the signalling graph; a run names the card again."""
    recipe = Recipe(name="r", pathways={"sets": "mine"}, signalling={"pathways": "mine"})
    found = recipe.located(folder.parents[1])
    assert found.pathways.sets == found.signalling.pathways == str(folder / "mine.toml")
    assert load_gene_sets(found.pathways.sets) == load_gene_sets("mine")
    assert (
        Recipe(name="r", pathways={"sets": "reactome"}).located(folder).pathways.sets == "reactome"
    )
    cohort = planted(40, {"rna": 8}).cohort
    network = None
    with pytest.raises(InputError, match="did you mean 'reactome'"):
        encoders_of(Recipe(name="r", pathways={"sets": "reactom"}), cohort, network)
    assert encoders_of(found, cohort, network)["pathways"] == "pathways"
    assert describe_files(found, cohort)[0].endswith("0 of 2 sets have at least 5 measured genes")
