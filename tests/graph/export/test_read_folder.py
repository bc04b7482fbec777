"""A graph folder is the graph: written, read, written again."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph import convert
from graphfuse.graph.export.read_folder import read_graph
from graphfuse.graph.export.tables import to_frames


def test_a_folder_gives_the_graph_back(built, tmp_path):
    convert.write(built, tmp_path)
    back = read_graph(tmp_path)
    for (name, left), right in zip(to_frames(built).items(), to_frames(back).values(), strict=True):
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=name)
    for name, values in built.features.items():
        np.testing.assert_array_equal(back.features[name], values)  # float64, from the MuData
        present = built.cohort.modalities[name].present
        np.testing.assert_array_equal(
            back.cohort.modalities[name].table.to_numpy()[present], values[present]
        )
    convert.write(back, tmp_path / "again")
    for name in (
        "patient_nodes.csv",
        "gene_edges.csv",
        "graph.graphml",
        "graph.html",
    ):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_how_a_layer_was_made_stays_with_it(built, tmp_path):
    layer = next(iter(built.layers))
    about = {
        layer: {"rule": "nearest", "search": {"method": "cells of a k-means", "recall": 0.973}}
    }
    convert.write(replace(built, about=about), tmp_path)
    back = read_graph(tmp_path)
    assert back.about == about and "(cells of a k-means, recall 0.973)" in repr(back)


def test_without_the_mudata_features_are_rounded_and_said_to_be(built, tmp_path, caplog):
    convert.write(built, tmp_path)
    (tmp_path / "graph.h5mu").unlink()
    with caplog.at_level(logging.WARNING):
        back = read_graph(tmp_path)
    assert "rounded to float32" in caplog.text
    np.testing.assert_array_equal(back.features["rna"], built.features["rna"].astype(np.float32))


def test_a_bare_graph_comes_back(bare, tmp_path):
    convert.write(bare, tmp_path)
    back = read_graph(tmp_path)
    assert back.layers == {} and back.network is None and len(back.cohort) == 24


def test_no_graph_no_reading(tmp_path):
    with pytest.raises(InputError, match="give a folder that graphfuse wrote"):
        read_graph(tmp_path)


def test_a_mudata_that_is_cut_short_says_so(built, tmp_path):
    convert.write(built, tmp_path)
    path = tmp_path / "graph.h5mu"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"graph\.h5mu: damaged or cut short .*build it again"):
        read_graph(tmp_path)
