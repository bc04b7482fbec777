"""Cohorts from tables in memory, taking and leaving patients, digests."""

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError

RNA = pd.DataFrame({"TP53": [1.0, 2.0, 3.0], "x": [4.0, np.nan, 6.0]}, index=["c", "a", "b"])
EHR = pd.DataFrame({"age": [50.0, 60.0], "sex": ["f", "m"]}, index=["d", "a"])
LABELS = pd.Series(["B", "A", "B"], index=["a", "b", "d"], name="subtype")


def cohort(**changes):
    given = {
        "ehr": {"ehr": {"age": "numeric", "sex": "categorical"}},
        "symbols": {"rna": {"TP53": "TP53"}},
    }
    return Cohort.from_frames({"rna": RNA, "ehr": EHR}, LABELS, **{**given, **changes})


def test_patients_are_the_sorted_union():
    made = cohort(groups={"site": pd.Series(["s", "t"], index=["a", "d"])})
    assert list(made.patients) == list("abcd") and len(made) == 4
    assert made.present.to_numpy().tolist() == [
        [True, True],
        [True, False],
        [True, False],
        [False, True],
    ]
    assert made.outcome().classes == ("A", "B") and list(made.outcome().values) == [1, 0, -1, 1]
    assert made.modalities["rna"].symbols == ("TP53", None) and made.modalities["ehr"].kind == "ehr"
    assert list(made.groups["site"])[::3] == ["s", "t"]


def test_take_and_without():
    made = cohort()
    taken = made.take([3, 0])
    assert list(taken.patients) == ["d", "a"] and list(taken.outcome().values) == [1, 1]
    assert taken.modalities["ehr"].table["age"].tolist() == [50, 60]
    assert list(made.take(np.array([True, False, False, True])).patients) == ["a", "d"]
    assert list(made.take(["c", "b"]).patients) == ["c", "b"]
    assert list(made.without("rna").modalities) == ["ehr"] and list(made.modalities) == [
        "rna",
        "ehr",
    ]


def test_the_digest_tells_equal_from_changed_data():
    assert cohort().digest() == cohort().digest()
    turned = Cohort.from_frames({"rna": RNA.iloc[::-1]}, LABELS)
    assert turned.digest() == Cohort.from_frames({"rna": RNA}, LABELS).digest()
    other = RNA.copy()
    other.iloc[0, 0] += 1e-9
    assert Cohort.from_frames({"rna": other}).digest() != Cohort.from_frames({"rna": RNA}).digest()
    wide = pd.DataFrame(np.ones((2, 500)), index=["a", "b"]).add_prefix("g")
    middle = wide.rename(columns={"g250": "h250"})
    assert Cohort.from_frames({"w": wide}).digest() != Cohort.from_frames({"w": middle}).digest()
    renamed = Cohort.from_frames({"rna": RNA.rename(columns={"x": "y"})})
    assert renamed.digest() != Cohort.from_frames({"rna": RNA}).digest()


def test_unknown_outcomes_are_named():
    with pytest.raises(InputError, match="did you mean 'subtype'"):
        cohort().outcome("subtyp")
    with pytest.raises(InputError, match="has no outcome"):
        Cohort.from_frames({"rna": RNA}).outcome()


def test_bad_tables_are_told_without_showing_ids():
    twice = RNA.set_axis(["SECRET", "SECRET", "b"], axis=0)
    with pytest.raises(InputError, match="1 patient ids appear more than once") as caught:
        Cohort.from_frames({"rna": twice})
    assert "SECRET" not in str(caught.value)
    with pytest.raises(InputError, match=r"columns appear more than once \(x\)"):
        Cohort.from_frames({"rna": RNA.set_axis(["x", "x"], axis=1)})
    with pytest.raises(InputError, match="hold text"):
        Cohort.from_frames({"rna": RNA.assign(t="word")})
    with pytest.raises(InputError, match="infinite"):
        Cohort.from_frames({"rna": RNA.assign(t=np.inf)})


def test_from_anndata_and_mudata():

    def made():
        return anndata.AnnData(
            RNA.to_numpy(),
            obs=pd.DataFrame({"s": list("uvu")}, RNA.index),
            var=pd.DataFrame(index=RNA.columns),
        )

    one = Cohort.from_anndata(made(), "s")
    assert one.modalities["rna"].table.loc["c", "TP53"] == 1.0 and one.outcome().classes == (
        "u",
        "v",
    )
    with pytest.raises(InputError, match="no column 'z'"):
        Cohort.from_anndata(made(), "z")
    two = Cohort.from_mudata(mudata.MuData({"a": made(), "b": made()[:2]}))
    assert list(two.modalities) == ["a", "b"] and two.present["b"].sum() == 2


def test_its_words_hold_counts_and_no_ids():
    said = repr(cohort())
    assert (
        "4 patients" in said
        and "rna: omics, 3 of 4 patients" in said
        and "A 1, B 2; unlabelled 1" in said
    )
