"""Tables in memory: whatever a file would be refused for is refused, and intact ones are taken."""

import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.task.class_labels import looks_like_number

IDS = [f"K{number}" for number in range(24)]
TABLE = pd.DataFrame(
    np.random.default_rng(3).normal(size=(24, 3)), index=IDS, columns=["TP53", "MYC", "ALB"]
)
LABELS = pd.Series(["ctl", "case"] * 12, index=IDS, name="arm")


def made(tables=None, labels=LABELS, **options):
    return Cohort.from_frames({"rna": TABLE} if tables is None else tables, labels, **options)


def refused(said, *given, **options):
    with pytest.raises(InputError, match=said) as caught:
        made(*given, **options)
    assert "K3" not in str(caught.value)


def reindexed(**changes):
    return TABLE.set_axis([changes.get(name, name) for name in IDS], axis=0)


@pytest.mark.parametrize("blank", ["", "  ", "\u200b", np.nan, None, pd.NA, "nan", "<NA>"])
def test_ids_that_are_none(blank):
    refused("table 'rna': 1 row has no patient id", {"rna": reindexed(K3=blank)})
    refused("outcome: 1 row has no patient id", None, LABELS.set_axis([blank, *IDS[1:]]))


@pytest.mark.parametrize("twin", ["K4", "K4 ", "K4\u200b", "\ufeffK4", "K4\u00a0"])
def test_ids_that_stand_twice(twin):
    refused("table 'rna': 1 patient ids appear more than once", {"rna": reindexed(K3=twin)})
    refused("outcome: 1 patient ids appear", None, LABELS.rename({"K3": twin}))
    refused("group 'ward': 1 patient ids", groups={"ward": LABELS.rename({"K3": twin})})


def test_ids_that_cannot_be_told_apart_by_eye_are_one_patient():
    other = TABLE.set_axis([f"{name} \u200b" for name in IDS], axis=0)
    assert len(made({"rna": TABLE, "prot": other})) == 24


def test_ids_written_in_two_ways_between_tables():
    padded = TABLE.set_axis([f"K{number:02d}" for number in range(24)], axis=0)
    refused("10 patients are written in two ways", {"rna": TABLE, "prot": padded})
    refused("no patient in common", {"rna": TABLE, "prot": TABLE.add_prefix("Z", axis=0)})


def test_numbers_of_any_type_are_one_id():
    whole = TABLE.set_axis(range(100, 124), axis=0)
    floats = whole.set_axis(np.arange(100.0, 124.0), axis=0)
    cohort = made({"rna": whole, "prot": floats}, LABELS.set_axis(map(str, range(100, 124))))
    assert list(cohort.patients[:2]) == ["100", "101"] and cohort.present.all(axis=None)
    assert cohort.outcome().known.all()


def test_row_numbers_beside_ids():
    frame = TABLE.rename_axis("patient_id").reset_index()
    refused('set_index."patient_id"', {"rna": frame}, None)


def test_row_numbers_alone_are_ids_in_memory(caplog):
    with caplog.at_level(logging.WARNING):
        assert len(made({"rna": TABLE.reset_index(drop=True)}, None)) == 24
    assert caplog.text == ""


def test_things_that_are_no_tables():
    refused("expected a DataFrame indexed by patient .got ndarray", {"rna": TABLE.to_numpy()})
    refused("got Series", {"rna": TABLE["MYC"]})
    refused("tables: expected", {})
    for tables in ([TABLE], TABLE):
        refused("argument 'tables': expected {str: DataFrame}", tables)
    refused("got list", None, ["ctl"] * 24)
    refused("got DataFrame", None, LABELS.to_frame())
    refused("index has several levels", {"rna": pd.concat({"x": TABLE})})
    refused("named on several levels", {"rna": pd.concat({"x": TABLE}, axis=1)})


def test_columns_that_are_none_or_twice():
    refused(r"columns appear more than once \(MYC", {"rna": TABLE.set_axis(["MYC"] * 3, axis=1)})
    refused("1 column has no name", {"rna": TABLE.rename(columns={"MYC": np.nan})})
    refused(r"more than once \(1\)", {"rna": TABLE.set_axis([1, "1", 2], axis=1)})
    numbered = made({"rna": TABLE.set_axis(range(3), axis=1)})
    assert numbered.modalities["rna"].columns == ["0", "1", "2"]


@pytest.mark.parametrize(
    "options, said",
    [
        ({"symbols": {"rna": {"MYCC": "MYC"}}}, r"MYCC\) \(did you mean 'MYC'"),
        ({"symbols": {"dna": {"MYC": "MYC"}}}, "'dna' is no table"),
        ({"symbols": {"rna": ["MYC"]}}, "got list"),
        ({"symbols": ["rna"]}, "argument 'symbols': expected {str: {str: str}} or None .got list"),
        ({"ehr": {"rna": {"MYCC": "numeric"}}}, "no column 'MYCC' .did you mean 'MYC'"),
        ({"ehr": {"rna": {"MYC": "number"}}}, "'number' .did you mean 'numeric'"),
        ({"ehr": ["clin"]}, "'clin' is no table"),
        ({"groups": ["ward"]}, "argument 'groups': expected {str: Series} or None .got list"),
        ({"groups": {"ward": list(LABELS)}}, "group 'ward': expected a pandas Series"),
        ({"groups": {"ward": LABELS.add_prefix("Z")}}, "no patient in common"),
    ],
)
def test_keys_that_name_nothing(options, said):
    refused(said, **options)


def test_labels_that_are_numbers():
    values = pd.Series(np.linspace(0.1, 9.7, 24), index=IDS, name="dose")
    for labels in (values, values.astype(str), values.round(1).astype(object)):
        refused("outcome 'dose': looks like a number", None, labels)
    refused("looks like a number", None, pd.Series(range(24), index=IDS, name="dose"))
    doses = pd.Series([0.5, 1.0, 2.5] * 8, index=IDS)
    assert made(None, doses).outcome().classes == ("0.5", "1", "2.5")
    assert made(None, pd.Series([0.0, 1.0] * 12, index=IDS)).outcome().classes == ("0", "1")
    assert looks_like_number(pd.Series(list("abc") * 10)) == ""
    hospitals = pd.Series([f"H{number}" for number in range(25)] * 8)
    assert looks_like_number(hospitals) == ""


def test_missing_labels_that_became_text(caplog):
    refused("12 labels are the text 'nan'", None, LABELS.where(LABELS == "ctl").astype(str))
    with caplog.at_level(logging.WARNING):
        assert made(None, LABELS.replace("ctl", "None")).outcome().classes == ("None", "case")
    assert "'None' is taken for a class" in caplog.text


def test_labels_of_any_type():
    spaced = made(None, LABELS.replace("ctl", "ctl\u200b")).outcome()
    assert spaced.classes == ("case", "ctl")
    for labels in (LABELS.astype("category"), LABELS.astype("string")):
        assert made(None, labels).outcome().classes == ("case", "ctl")
    gaps = LABELS.copy().astype("string")
    gaps.iloc[:3] = pd.NA
    assert made(None, gaps).outcome().known.sum() == 21
    truth = pd.Series([True, None, False] * 8, index=IDS)
    assert made(None, truth).outcome().classes == ("False", "True")


def test_records_of_declared_types_are_read_as_those_of_files():
    clinical = pd.DataFrame(
        {"age": ["50", "Unknown"] * 12, "stage": ["II", "I"] * 12, "sex": ["f", "m"] * 12},
        index=IDS,
    )
    cohort = made({"clin": clinical}, ehr={"clin": {"age": "numeric"}})
    table = cohort.modalities["clin"].table
    assert table["age"].dtype == float and table["age"].notna().sum() == 12
    refused(
        "'age' is numeric",
        {"clin": clinical.replace("50", "old")},
        ehr={"clin": {"age": "numeric"}},
    )
    refused("infinite", {"clin": clinical.assign(bmi=np.inf)}, ehr=["clin"])


def test_a_mended_cohort_is_the_same_cohort():
    """Nothing that was checked moves a value."""
    cohort = made(symbols={"rna": {"TP53": "TP53", "MYC": None, "ALB": " "}})
    expected = TABLE.sort_index()
    assert np.array_equal(cohort.modalities["rna"].table.to_numpy(), expected.to_numpy())
    assert cohort.modalities["rna"].symbols == ("TP53", None, None)


def test_labels_that_are_collections_and_symbols_that_are_a_series():
    refused("holds lists", None, pd.Series([["a"], ["b"]] * 12, index=IDS))
    symbols = {"rna": pd.Series({"MYC": "MYC", "ALB": np.nan})}
    assert made(symbols=symbols).modalities["rna"].symbols == (None, "MYC", None)
