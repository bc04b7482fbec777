"""Ids: patterns instead of names, one spelling, files that fall apart."""

import pandas as pd

from graphfuse.data.ids import check_overlap, mask, normalised, patterns
from graphfuse.errors import Faults


def ids(*names):
    return pd.Index(names, dtype=object)


def overlap(**tables):
    faults, notices = Faults("f"), []
    check_overlap({name: ids(*members) for name, members in tables.items()}, faults, notices)
    return faults.found, notices


def test_patterns_hide_names():
    assert mask("TCGA-3C-aau_7") == "AAAA-9A-aaa_9"
    assert patterns(["P001", "P002", "x"]) == "A999 or a"


def test_barcodes_become_one_spelling():
    faults = Faults("f")
    assert list(normalised(ids("tcga.3c.aaau.01a"), "tcga-patient", "f", faults)) == [
        "TCGA-3C-AAAU"
    ]
    assert list(normalised(ids("TCGA-3C-AAAU-01A-11R"), "tcga-sample", "f", faults)) == [
        "TCGA-3C-AAAU-01"
    ]
    assert list(normalised(ids("x.y"), None, "f", faults)) == ["x.y"] and not faults.found


def test_files_joined_through_a_third_are_one_cohort():
    assert overlap(a="AB", b="BC", c="CD") == ([], [])


def test_islands_are_told_once_each():
    found, _ = overlap(a="AB", b="BC", c="XY", d="YZ", e="Q")
    assert len(found) == 2 and "c, d has ids" in found[0] and "e has ids" in found[1]


def test_few_shared_patients_are_noticed():
    found, notices = overlap(
        a=[f"P{i}" for i in range(100)], b=["P0", *(f"Q{i}" for i in range(99))]
    )
    assert not found and "only 1 of 100 patients" in notices[0]


def test_patients_written_in_two_ways_are_a_fault():

    faults, notices = Faults("c.toml"), []
    check_overlap(
        {"rna.csv": pd.Index(["PT-1", "PT-2", "PT-3"]), "meth.csv": pd.Index(["PT-1", "pt.2"])},
        faults,
        notices,
    )
    assert len(faults.found) == 1 and "1 patients are written in two ways" in faults.found[0]
    assert "PT-2" not in faults.found[0]
