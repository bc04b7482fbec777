"""Layers of one's own edges: reading, cleaning, and new patients whom the file names."""

import gzip
import json
import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.layers.factory import fit_layer, layer_from_state
from graphfuse.graph.layers.layer import Spec
from graphfuse.graph.read_patient_edges import read_patient_edges

IDS = pd.Index(["001", "002", "003", "004", "005"])
NONE = ({"rna": np.zeros((5, 2))}, {"rna": np.zeros(5, bool)})
FILE = "source,target,weight\n001,002,2\n002,003,0.5\n003,099,3\n098,099,1\n"


def fitted(path, ids=IDS, control="none", weight="similarity"):
    n = len(ids)
    present = {"rna": np.ones(n, bool)}
    return fit_layer(
        "kin",
        Spec(("rna",), edges=str(path), weight=weight),
        {"rna": np.zeros((n, 2))},
        present,
        ids,
        control,
        0,
    )


def written(tmp_path, text, name="kin.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def edges(found):
    return {
        (int(r), int(s)): float(w)
        for r, s, w in zip(found.receivers, found.index, found.weight, strict=True)
    }


def attached(layer, ids):
    rows = len(ids)
    return layer.extend({"rna": np.zeros((rows, 2))}, {"rna": np.ones(rows, bool)}, pd.Index(ids))


# ----------------------------------------------------------------------------------- who hears whom


def test_edges_go_both_ways_with_their_weights(tmp_path):
    layer = fitted(written(tmp_path, FILE))
    assert edges(layer.lists()) == {(0, 1): 2, (1, 0): 2, (1, 2): 0.5, (2, 1): 0.5}
    assert edges(fitted(written(tmp_path, FILE), weight="one").lists()) == {
        (0, 1): 1,
        (1, 0): 1,
        (1, 2): 1,
        (2, 1): 1,
    }
    assert layer.of == ("rna",) and layer.lists().senders == 5


def test_a_new_patient_has_the_edges_that_the_file_gives_it(tmp_path):
    layer = fitted(written(tmp_path, FILE))
    asked = ["099", "001", "nobody", "098", "002"]
    together = attached(layer, asked)
    assert edges(together) == {
        (0, 2): 3,
        (1, 1): 2,
        (4, 0): 2,
        (4, 2): 0.5,
    }  # 001 and 002 as in training
    for i, name in enumerate(asked):
        np.testing.assert_array_equal(attached(layer, [name]).weight, together.take([i]).weight)
    assert len(attached(layer, [])) == 0


def test_held_out_patients_leave_their_edges_and_get_them_back(tmp_path):
    path = written(tmp_path, FILE)
    whole, fold = fitted(path), fitted(path, IDS[[0, 2, 3, 4]])
    assert fold.lists().edges == 0
    assert edges(attached(fold, ["002"])) == {(0, 0): 2, (0, 1): 0.5}
    assert (
        whole.about["cleaned"]["unknown_patients"] == 2
        and fold.about["cleaned"]["unknown_patients"] == 3
    )


def test_no_id_is_kept(tmp_path):
    ids = pd.Index(["TCGA-AA-0001", "TCGA-AA-0002"])
    layer = fitted(
        written(tmp_path, "source,target\nTCGA-AA-0001,TCGA-AA-0002\nTCGA-AA-0001,TCGA-ZZ-9999\n"),
        ids,
    )
    arrays, about = layer.state()
    kept = json.dumps(about) + "".join(f"{v.tobytes()!r}" for v in arrays.values())
    assert "TCGA" not in kept and len(arrays["hashes"]) == 3
    other = fitted(written(tmp_path, "source,target\nTCGA-AA-0001,TCGA-AA-0002\n"), ids)
    assert not set(other.hashes.tolist()) & set(layer.hashes.tolist())  # another file, another salt
    again = layer_from_state(arrays, json.loads(json.dumps(about)))
    assert edges(attached(again, ["TCGA-ZZ-9999"])) == {(0, 0): 1.0}


def test_controls_keep_the_count(tmp_path):
    layer = fitted(written(tmp_path, FILE), control="random")
    tables = {"rna": np.random.default_rng(0).normal(size=(2, 2))}
    found = layer.extend(tables, {"rna": np.ones(2, bool)}, pd.Index(["002", "099"]))
    assert found.degree.tolist() == [2, 1] and set(found.index) <= {0, 1, 2}
    assert layer.lists().degree.tolist() == [1, 2, 1, 0, 0]


# ----------------------------------------------------------------------------- reading and cleaning


@pytest.mark.parametrize(
    "kind", ["csv", "tsv", "gz", "parquet", "semicolon", "bare", "renamed", "numbers"]
)
def test_every_format_gives_the_same_edges(tmp_path, kind):
    frame = pd.DataFrame({"source": ["001", "002"], "target": ["002", "003"], "weight": [2.0, 0.5]})
    path = tmp_path / {
        "tsv": "e.tsv",
        "gz": "e.csv.gz",
        "parquet": "e.parquet",
        "numbers": "e.parquet",
    }.get(kind, "e.csv")
    expected = {(0, 1): 2, (1, 0): 2, (1, 2): 0.5, (2, 1): 0.5}
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "numbers":  # ids as numbers in the file, as text in the cohort
        frame.assign(source=[1, 2], target=[2.0, 3.0]).to_parquet(path)
        assert edges(fitted(path, pd.Index(["1", "2", "3"])).lists()) == expected
        return
    elif kind == "gz":
        path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    elif kind == "renamed":
        frame.assign(note="x")[["note", "target", "source", "weight"]].rename(
            columns=str.upper
        ).to_csv(path, index=False)
    else:
        sep = {"tsv": "\t", "semicolon": ";"}.get(kind, ",")
        frame.to_csv(path, index=False, header=kind != "bare", sep=sep)
    assert edges(fitted(path).lists()) == expected


def test_what_means_nothing_is_left_out_and_counted(tmp_path, caplog):
    text = (
        FILE
        + "001,001,5\n004,005,\n004,005,nan\n004,005,0\n003,004,-1\n"
        + "002,001,7\n001,002,1\n,003,1\n005,777,1\n"
    )
    caplog.set_level(logging.INFO, "graphfuse")
    layer = fitted(written(tmp_path, text))
    assert edges(layer.lists()) == {(0, 1): 7, (1, 0): 7, (1, 2): 0.5, (2, 1): 0.5}
    assert layer.about["cleaned"] == {
        "blank_id": 1, "self_loop": 1, "missing_weight": 2, "nonpositive_weight": 2, "duplicate": 2,
        "unknown_patients": 3, "unusable": 1,
    }  # fmt: skip
    assert "kin: edges read; left out: blank_id 1, self_loop 1" in caplog.text
    assert not [name for name in (*IDS, "777") if f" {name}" in caplog.text]  # counts, never ids
    assert json.dumps(layer.about)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source,target\nA,B\n", "none of its 2 patients is among the 5 training patients"),
        ("source,target,weight\n001,002,0\n", "none of 1 edges is left .nonpositive_weight 1"),
        ("source,target\n", "none of 0 edges is left .the list is empty"),
        ("left,right\n001,002\n", "none of its 2 columns are called source and target"),
        (
            "source,target,weight\n001,002,strong\n",
            "1 scores are no numbers .they look like aaaaaa",
        ),
        ("", "cannot be read as an edge list"),
        ("<html>\n", "cannot be read as an edge list"),
    ],
    ids=["strangers", "no weight", "empty list", "no names", "words", "empty", "web page"],
)
def test_files_that_cannot_be_used_say_why(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        fitted(written(tmp_path, text))


def test_a_missing_or_broken_file_says_so(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_patient_edges(tmp_path / "none.csv", IDS)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(InputError, match="cannot be read as an edge list"):
        read_patient_edges(tmp_path / "bad.parquet", IDS)
