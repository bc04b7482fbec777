"""What nodes are coloured by."""

import numpy as np

from graphfuse.graph.export.page.colours import gene_hues, patient_hues


def test_outcomes_come_first_then_groups_and_presence(built):
    rows = np.array([0, 7, 5])
    hues = {h["name"]: h for h in patient_hues(built.cohort, rows)}
    assert list(hues) == [
        "risk", "stage", "overall (time)", "overall (event)", "site", "has rna", "has meth",
        "has age",
    ]  # fmt: skip
    codes = built.cohort.outcomes["risk"].values[rows]
    assert hues["risk"]["names"] == ["high", "low"] and hues["risk"]["codes"] == codes.tolist()
    unknown = int(np.flatnonzero(~built.cohort.outcomes["overall"].known)[0])
    first = {h["name"]: h for h in patient_hues(built.cohort, np.array([unknown]))}
    assert first["overall (time)"]["values"] == [None] and first["overall (event)"]["codes"] == [-1]
    meth = hues["has meth"]
    assert [meth["names"][c] == "measured" for c in meth["codes"]] == built.cohort.modalities[
        "meth"
    ].present[rows].tolist()
    assert meth["names"][meth["quiet"]] == "not measured"


def test_many_names_are_cut_to_the_most_frequent(built):
    from dataclasses import replace

    site = np.array([f"s{i:02d}" for i in range(24)], object)
    many = np.concatenate([np.repeat("big", 10), [f"s{i:03d}" for i in range(40)]]).astype(object)
    (hue,) = [
        h
        for h in patient_hues(replace(built.cohort, groups={"site": site}), np.arange(24))
        if h["name"] == "site"
    ]
    assert len(hue["names"]) == 24
    from graphfuse.graph.export.page.colours import _names

    codes = np.unique(many, return_inverse=True)[1]
    cut = _names("site", np.unique(many).tolist(), np.r_[codes, -1])
    assert len(cut["names"]) == 24 and cut["names"][-1] == "other" and cut["names"][0] == "big"
    assert (
        cut["codes"].count(0) == 10
        and cut["codes"].count(23) == 50 - 10 - 22
        and cut["codes"][-1] == -1
    )


def test_genes_say_who_measures_them(built):
    (hue,) = gene_hues(built, ["A", "B", "D", "unheard-of"])
    assert [hue["names"][c] for c in hue["codes"]] == [
        "rna and meth",
        "rna",
        "meth",
        "not measured",
    ]
