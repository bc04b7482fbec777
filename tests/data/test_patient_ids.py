"""Ids: patterns instead of names, one spelling, files that fall apart."""

import pandas as pd

from graphfuse.data.patient_ids import check_overlap, mask, normalised, patterns
from graphfuse.errors import Faults


def ids(*names):
    return pd.Index(names, dtype=object)


def at_level(level, *names):
    faults, notices = Faults("f"), []
    found = normalised(ids(*names), level, "f", faults, notices)
    return list(found), faults.messages, notices


def overlap(**tables):
    faults, notices = Faults("f"), []
    check_overlap({name: ids(*members) for name, members in tables.items()}, faults, notices)
    return faults.messages, notices


def test_patterns_hide_names():
    assert mask("TCGA-3C-aau_7") == "AAAA-9A-aaa_9"
    assert patterns(["P001", "P002", "x"]) == "A999 or a"


def test_barcodes_become_one_spelling():
    assert at_level("tcga-patient", "tcga.3c.aaau.01a") == (["TCGA-3C-AAAU"], [], [])
    assert at_level("tcga-sample", "TCGA-3C-AAAU-01A-11R") == (["TCGA-3C-AAAU-01"], [], [])
    assert at_level(None, "x.y") == (["x.y"], [], [])


def test_files_joined_through_a_third_are_one_cohort():
    assert overlap(a="AB", b="BC", c="CD") == ([], [])


def test_islands_are_told_once_each():
    found, _ = overlap(a="AB", b="BC", c="XY", d="YZ", e="Q")
    assert len(found) == 2 and "c, d has ids" in found[0] and "e has ids" in found[1]


def test_few_shared_patients_stop_unless_they_are_meant():
    many, others = [f"P{i}" for i in range(100)], [f"Q{i}" for i in range(99)]
    found, notices = overlap(a=many, b=["P0", *others])
    assert not notices and len(found) == 2
    assert "only 1 of 100 patients" in found[0] and "allow_low_overlap = true" in found[0]
    faults = Faults("f")
    check_overlap({"a": ids(*many), "b": ids("P0", *others)}, faults, notices, True)
    assert not faults.messages and "only 1 of 100 patients" in notices[0]


def test_a_tenth_of_the_patients_in_common_is_enough():
    found, notices = overlap(a=[f"P{i}" for i in range(100)], b=[f"P{i}" for i in range(90, 190)])
    assert not found and not notices


def test_patients_written_in_two_ways_are_a_fault():

    faults, notices = Faults("c.toml"), []
    check_overlap(
        {"rna.csv": pd.Index(["PT-1", "PT-2", "PT-3"]), "meth.csv": pd.Index(["PT-1", "pt.2"])},
        faults,
        notices,
    )
    assert len(faults.messages) == 1 and "1 patients are written in two ways" in faults.messages[0]
    assert "PT-2" not in faults.messages[0]


TUMOURS = [f"TCGA-AB-{1000 + i}-01A" for i in range(5)]
NORMALS = ["TCGA-CD-2000-11A", "TCGA-CD-2001-11B"]


def test_normal_tissue_is_no_tumour_of_another_patient():
    _, faults, _ = at_level("tcga-patient", *TUMOURS, *NORMALS)
    assert len(faults) == 1
    assert "01 × 5, 11 × 2; 01: primary tumour, 11: normal tissue" in faults[0]
    assert "keep the rows of one kind" in faults[0] and "2000" not in faults[0]


def test_tables_of_one_kind_of_sample_are_fine():
    metastases = [name.replace("-01A", "-06A") for name in TUMOURS[:2]]
    for names in (TUMOURS, NORMALS, [*metastases, *TUMOURS[2:]], [n[:12] for n in TUMOURS]):
        _, faults, notices = at_level("tcga-patient", *names)
        assert faults == [] and notices == []


def test_samples_that_are_told_apart_are_noticed():
    found, faults, notices = at_level(None, *TUMOURS, *NORMALS)
    assert found == [*TUMOURS, *NORMALS] and faults == []
    assert len(notices) == 1 and "more than one kind" in notices[0]
    _, faults, notices = at_level("tcga-sample", *TUMOURS, *NORMALS)
    assert faults == [] and len(notices) == 1


def test_a_barcode_too_short_or_too_long_is_told():
    _, faults, _ = at_level("tcga-sample", TUMOURS[0], TUMOURS[1][:12])
    assert len(faults) == 1 and "1 of 2 barcodes are shorter" in faults[0]
    _, faults, _ = at_level("tcga-patient", "TCGA-AB-10009", TUMOURS[0])
    assert len(faults) == 1 and "1 of 2 ids are no TCGA barcodes" in faults[0]


def test_barcodes_of_two_lengths_are_one_patient_twice():
    short = [name[:12] for name in TUMOURS]
    found, _ = overlap(rna=[*short[:2], *TUMOURS[2:]], labels=short)
    assert len(found) == 1 and "3 patients appear at different lengths" in found[0]
    assert 'level = "tcga-patient"' in found[0] and "AB-1002" not in found[0]
    assert overlap(rna=short, labels=short) == ([], [])
    assert len(overlap(rna=TUMOURS, labels=short)[0]) == 1  # told once, as files apart


def padded(prefix, width, last=30):
    return [f"{prefix}{number:0{width}d}" for number in range(1, last + 1)]


def test_zeros_in_front_do_not_make_another_patient():
    found, notices = overlap(rna=padded("K", 1), prot=padded("K", 3))
    assert any("30 patients are written in two ways in rna, prot" in each for each in found)
    found, _ = overlap(rna=padded("K", 1), prot=padded("K", 2))
    assert len(found) == 1 and "9 patients" in found[0] and "zeros in front" in found[0]
    assert "K07" not in found[0]
    found, _ = overlap(rna=["100000", "23", "4"], labels=["1e+05", "23.0", "4"])
    assert len(found) == 1 and "2 patients" in found[0]


def test_ids_of_one_file_are_its_own_patients():
    assert overlap(rna=padded("P", 1, 100), labels=padded("P", 1, 100)) == ([], [])
    found, notices = overlap(rna=["1", "01", "2", "3"], labels=["1", "01", "2", "3"])
    assert found == [] and len(notices) == 1 and "1 pair of ids" in notices[0]


def test_widths_and_dashes_of_letters_are_one_style():
    found, _ = overlap(rna=["A\N{EN DASH}1", "B-2", "C-3"], labels=["A-1", "B-2", "C-3"])
    assert len(found) == 1 and "1 patients are written in two ways" in found[0]
    assert len(overlap(rna=["Ａ1", "B2"], labels=["A1", "B2"])[0]) == 1
