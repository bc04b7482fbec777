"""Channels: encoders and what they need, and what a recipe's files hold of a cohort."""

import pandas as pd
import pytest

from graphfuse.errors import WARNED, InputError
from graphfuse.learn.signals.net_channels import describe_files, encoders_of, notices
from graphfuse.schema import Recipe


def recipe(**sections):
    return Recipe.model_validate({"name": "made", **sections})


@pytest.mark.parametrize("key", ["concepts", "signalling", "pathways"])
def test_an_encoder_of_a_signal_that_the_recipe_lacks_names_the_section(small, network, key):
    with pytest.raises(
        InputError, match=rf"\[net\] encode names '{key}', which needs a \[{key}\] section"
    ):
        encoders_of(
            recipe(net={"encode": {"default": "table", key: "table"}}), small.cohort, network
        )


# ------------------------------------------------------------------------ gene network and encoders


def test_a_network_that_no_encoder_looks_along_is_said_once(small, network, caplog):
    WARNED.clear()
    for _ in range(3):
        encoders_of(recipe(net={"encode": "table"}), small.cohort, network)
    assert [
        m for m in caplog.messages if "no encoder looks along it, so it changes no prediction" in m
    ] == caplog.messages
    assert len(caplog.messages) == 1 and "recipe 'made'" in caplog.text


def test_an_encoder_without_a_network_is_said_once(small, caplog):
    WARNED.clear()
    for _ in range(3):
        encoders_of(recipe(net={"encode": {"gene": "network"}}), small.cohort, None)
    assert (
        len(caplog.messages) == 1
        and "[net] encode = 'network' looks along a gene network, but there is none" in caplog.text
    )


@pytest.mark.parametrize(
    ("sections", "there"),
    [
        ({"net": {"encode": {"gene": "network"}}}, True),
        ({"net": {"encode": "table"}}, False),
        (
            {"net": {"encode": "network"}, "gene": {"network": "gone"}},
            False,
        ),  # switched off, which has been told
        ({"net": {"encode": "none"}, "signalling": {}}, True),
        ({"net": {"encode": "table"}, "search": {}}, True),
    ],
    ids=["both", "neither", "switched off", "signalling", "search"],
)
def test_where_they_meet_nothing_is_said(small, network, sections, there):
    assert notices(recipe(**sections), small.cohort, network if there else None) == []


def test_without_a_gene_an_idle_network_is_no_matter(small, network):
    assert notices(recipe(), small.cohort.without("rna", "meth"), network) == []


# ---------------------------------------------------------------------------------------- gene sets


@pytest.fixture
def sets(tmp_path, small):
    genes = small.cohort.modalities["rna"].columns
    lines = [
        ("large", genes[:9]),
        ("middle", genes[3:8]),
        ("small", genes[:4]),
        ("mouse", ["Actb", "Gapdh"]),
    ]
    (tmp_path / "sets.gmt").write_text(
        "".join("\t".join([name, "", *of]) + "\n" for name, of in lines)
    )
    return str(tmp_path / "sets.gmt")


@pytest.mark.parametrize(
    ("least", "said"),
    [
        (5, "2 of 4 sets have at least 5 measured genes"),
        (9, "1 of 4 sets has at least 9 measured genes"),
        (1, "3 of 4 sets have at least 1 measured gene"),
        (10, "0 of 4 sets have at least 10 measured genes"),
    ],
    ids=str,
)
def test_how_many_gene_sets_qualify(small, sets, least, said):
    asked = recipe(pathways={"sets": sets, "least": least})
    assert describe_files(asked, small.cohort) == [f"[pathways] sets: {sets}: {said}"]
    found = notices(asked, small.cohort, None)
    assert len(found) == (least == 10) and all(
        "no gene set has 10 of the 40 genes measured in rna" in f for f in found
    )


def test_more_gene_sets_than_are_taken(small, sets):
    (line,) = describe_files(recipe(pathways={"sets": sets, "least": 2, "most": 2}), small.cohort)
    assert line.endswith("3 of 4 sets have at least 2 measured genes; the 2 with most are taken")


def test_every_file_that_is_not_there_is_told(small, tmp_path):
    gone = {key: str(tmp_path / key) for key in ("sets", "table", "pathways", "edges")}
    asked = recipe(
        pathways={"sets": gone["sets"]}, patient={"layer": {"kin": {"edges": gone["edges"]}}},
        signalling={"identity": "table", "table": gone["table"], "pathways": gone["pathways"]},
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        describe_files(asked, small.cohort)
    said = str(caught.value)
    assert said.startswith("recipe 'made': 4 things to correct")
    for where in (
        "[pathways] sets",
        "[signalling] pathways",
        "[signalling] table",
        "[patient.layer.kin] edges",
    ):
        assert f"{where}: " in said
    with pytest.raises(InputError, match=r"\[gene\] aliases: .*no such alias table"):
        describe_files(recipe(gene={"aliases": str(tmp_path / "aliases.csv")}), small.cohort)


def test_what_files_hold_of_the_cohort_and_of_no_patient_by_name(small, tmp_path):
    genes, ids = small.cohort.modalities["rna"].columns, list(small.cohort.patients)
    (tmp_path / "sets.gmt").write_text("\t".join(["s", "", *genes[:3]]) + "\n")
    pd.DataFrame({"x": 1.0}, index=[f"prot:{genes[0]}", genes[1], "NOBODY"]).to_csv(
        tmp_path / "t.csv"
    )
    pd.DataFrame({"source": ids[:2], "target": [ids[2], "stranger"]}).to_csv(
        tmp_path / "kin.csv", index=False
    )
    (tmp_path / "aliases.csv").write_text("name,symbol\nOLD1,NEW1\nOLD2,NEW1\n")
    at = {name: str(tmp_path / name) for name in ("sets.gmt", "t.csv", "kin.csv", "aliases.csv")}
    said = describe_files(
        recipe(
            signalling={"identity": "table", "table": at["t.csv"], "pathways": at["sets.gmt"]},
            patient={"layer": {"kin": {"edges": at["kin.csv"]}}},
            gene={"aliases": at["aliases.csv"]},
        ), small.cohort,
    )  # fmt: skip
    assert said == [
        f"[gene] aliases: {at['aliases.csv']}: 2 names of 1 symbol",
        f"[signalling] pathways: {at['sets.gmt']}: 1 set",
        f"[signalling] table: {at['t.csv']}: 2 of 3 rows named after a measured gene",
        f"[patient.layer.kin] edges: {at['kin.csv']}: 2 edges, with 3 of the cohort's 80 patients",
    ]
