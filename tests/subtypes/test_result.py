"""The value of subtype discovery: what it prints, tells and writes."""

import json

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.subtypes.number_choice import Choice
from graphfuse.subtypes.result import Subtypes, plain

TABLE = pd.DataFrame(
    {
        "clusters": [2],
        "stability": [0.9],
        "stability_lo": [0.8],
        "stability_hi": [1.0],
        "null_stability": [0.4],
    }
)


def made(ids=("=a", "b", "c", "d")):
    return Subtypes(
        cohort="made",
        patients=pd.Index(ids, name="patient"),
        modalities=("rna",),
        labels=np.array([0, 0, 1, -1]),
        confidence=np.array([1.0, 0.5, 1.0, np.nan]),
        table=TABLE,
        choice=Choice(
            2,
            2,
            3,
            True,
            False,
            0.05,
            "2 clusters by stability; the eigengap says 3: the two disagree",
        ),
        clusters=pd.DataFrame({"cluster": [0, 1], "patients": [2, 1]}),
        contribution=pd.DataFrame({"modality": ["rna"], "nmi": [float("nan")]}),
        survival={},
        association={},
        about={"parameters": {"layer": "rna", "method": "spectral"}, "hashes": {}, "recipe": {}},
    )


def test_a_print_is_short_and_says_both_rules():
    assert repr(made()).splitlines() == [
        "Subtypes(made, layer rna, spectral: 2 stable clusters)",
        "  2 clusters by stability; the eigengap says 3: the two disagree",
        "  clusters of <5, <5 patients; <5 in none",
        "  stability 0.90 (0.80-1.00), 0.40 without clusters",
    ]


def test_tables_are_safe_and_blank_where_nothing_is_known(tmp_path):
    folder = made().save(tmp_path / "out")
    assert (
        folder / "subtypes.csv"
    ).read_text() == "patient,cluster,confidence\n'=a,0,1.0\nb,0,0.5\nc,1,1.0\nd,,\n"
    told = json.loads((folder / "subtypes.json").read_text())
    assert (
        told["in_no_cluster"] == 1
        and told["contribution"][0]["nmi"] is None
        and told["verdict"] == "2 stable clusters"
    )
    assert not (folder / "survival.csv").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        made().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_plain_values_are_json():
    value = {1: [np.float64("inf"), np.int64(3), (np.bool_(True), None, float("nan"))]}
    assert plain(value) == {"1": [None, 3, [True, None, None]]}
    json.dumps(plain(value), allow_nan=False)
