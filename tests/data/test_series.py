"""Series: known last values, slopes and counts; what must not change them; every bad input with one
clear message."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.cohort_check import check
from graphfuse.data.draft.draft_manifest import draft
from graphfuse.data.load_cohort import load
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.data.records.series import series_columns
from graphfuse.errors import InputError
from tests.outcomes import learned

KEYS = {"patient": "id", "time": "day", "variable": "test", "value": "result"}


def summary(frame, **options):
    return series_columns(frame, **KEYS | options)


def made(seed=0, patients=30):
    """Three variables at irregular times, not everyone having all."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"P{p:02d}", float(day), test, float(rng.normal(50, 9)))
        for p in range(patients)
        for test in ("CRP", "LDH", "Hb")
        for day in rng.choice(90, rng.integers(0, 7), replace=False)
    ]
    return pd.DataFrame(rows, columns=["id", "day", "test", "result"])


# ------------------------------------------------------------------------------------ known answers


def test_a_line_a_constant_a_point_and_nothing():
    rows = [
        ("A", 3, "x", 16.0),
        ("A", 1, "x", 12.0),
        ("A", 9, "x", 28.0),
        ("B", 5, "x", 0.1),
        ("B", 7, "x", 0.1),
    ]
    rows += [("B", 8, "x", 0.1), ("C", 2, "x", 4.0), ("C", 2, "y", 1.0), ("D", 4, "y", np.nan)]
    table = summary(pd.DataFrame(rows, columns=["id", "day", "test", "result"]))
    assert list(table) == ["x last", "x slope", "x count", "y last", "y slope", "y count"]
    assert table.loc["A"].tolist()[:3] == [28.0, 2.0, 3.0]
    assert table.loc["B", "x slope"] == 0.0  # exactly, although 0.1 is no binary fraction
    assert table.loc["C"].tolist() == [4.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    assert table.loc["A"].tolist()[5] == 0 and table.loc["A", ["y last", "y slope"]].isna().all()
    assert table.loc["D"].isna().all()  # a blank value is no measurement: D lacks the modality


def test_slopes_are_those_of_polyfit():
    frame = made()
    table = summary(frame)
    for (patient, test), rows in frame.groupby(["id", "test"]):
        rows = rows.sort_values("day")
        expected = np.polyfit(rows["day"], rows["result"], 1)[0] if len(rows) > 1 else 0.0
        assert table.loc[patient, f"{test} slope"] == pytest.approx(expected, abs=1e-9)
        assert table.loc[patient, f"{test} last"] == rows["result"].iloc[-1]
        assert table.loc[patient, f"{test} count"] == len(rows)


def test_never_missing_where_there_is_a_measurement():
    table = summary(made())
    for test in ("CRP", "LDH", "Hb"):
        measured = table[f"{test} count"] > 0
        assert 0 < measured.sum() < len(table)
        for summarised in ("last", "slope"):
            assert (table[f"{test} {summarised}"].notna() == measured).all()
    assert np.isfinite(
        table.filter(like="slope").to_numpy()[table.filter(like="last").notna().to_numpy()]
    ).all()


# -------------------------------------------------------------------------------- what changes what


def test_the_order_of_rows_is_nothing():
    frame = pd.concat([made(), made(1).assign(day=3.0)])  # many at one time
    for seed in range(3):
        pd.testing.assert_frame_equal(
            summary(frame.sample(frac=1, random_state=seed)), summary(frame), check_exact=True
        )


def test_other_times_change_slope_and_last_only():
    frame, rng = made(), np.random.default_rng(0)
    shuffled = frame.assign(
        day=frame.groupby(["id", "test"])["day"].transform(lambda days: rng.permutation(days))
    )
    before, after = summary(frame), summary(shuffled)
    pd.testing.assert_frame_equal(before.filter(like="count"), after.filter(like="count"))
    assert not np.allclose(
        before.filter(like="slope").fillna(0), after.filter(like="slope").fillna(0)
    )
    many = before["CRP count"] > 2
    assert (before["CRP last"][many] != after["CRP last"][many]).any()


def test_later_clocks_and_other_units():
    frame = made()
    shifted, hours = (
        summary(frame.assign(day=frame["day"] + 1000)),
        summary(frame.assign(day=frame["day"] * 24)),
    )
    pd.testing.assert_frame_equal(shifted, summary(frame), check_exact=True)
    np.testing.assert_allclose(hours["LDH slope"] * 24, summary(frame)["LDH slope"])


def test_a_patient_alone_is_as_among_many():
    frame = made()
    table = summary(frame, variables=["CRP", "LDH", "Hb"])
    for patient in table.index:
        alone = summary(frame[frame["id"] == patient], variables=["CRP", "LDH", "Hb"])
        pd.testing.assert_frame_equal(alone, table.loc[[patient]], check_exact=True)


def test_values_at_one_time_are_averaged_and_a_row_twice_is_one(caplog):
    rows = [("A", 1, "x", 2.0), ("A", 1, "x", 4.0), ("A", 3, "x", 5.0)]
    table = summary(pd.DataFrame(rows, columns=["id", "day", "test", "result"]))
    assert table.loc["A"].tolist() == [5.0, 1.0, 2.0]
    assert "1 of 3 values share patient, variable and time with another: averaged" in caplog.text
    pd.testing.assert_frame_equal(summary(pd.concat([made(), made()])), summary(made()))


def test_dates_are_days_whatever_their_dress():
    frame = made()
    dates = pd.Timestamp("2020-02-25") + pd.to_timedelta(frame["day"], unit="D")
    dressed = [
        dates,
        dates.dt.strftime("%Y-%m-%d"),
        dates.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        dates.dt.date,
    ]
    for day in [*dressed, pd.to_timedelta(frame["day"], unit="D"), frame["day"].map(str)]:
        pd.testing.assert_frame_equal(summary(frame.assign(day=day)), summary(frame))
    half = pd.DataFrame(
        {"id": "A", "day": ["2020-01-31", "2020-01-31 12:00"], "test": "x", "result": [1.0, 2.0]}
    )
    assert summary(half).loc["A", "x slope"] == 2.0


def test_numbers_as_names_and_words_for_unknown():
    frame = pd.DataFrame(
        {
            "id": [7, 7.0, 8],
            "day": [0, 1, 0],
            "test": 50912,
            "result": ["1.5", "Not available", " 2 "],
        }
    )
    table = summary(frame)
    assert list(table.index) == ["7", "8"] and list(table) == [
        "50912 last",
        "50912 slope",
        "50912 count",
    ]
    assert table["50912 last"].tolist() == [1.5, 2.0]


def test_variables_fix_the_columns_and_the_rest_is_not_looked_at(caplog):
    frame = pd.concat(
        [made(), pd.DataFrame({"id": "Q", "day": "?", "test": "blood group", "result": ["A"]})]
    )
    table = summary(frame, variables=["LDH", "Troponin"])
    assert (
        next(iter(table)) == "LDH last"
        and (table["Troponin count"][table["LDH count"].notna()] == 0).all()
    )
    assert table["Troponin last"].isna().all() and table.loc["Q"].isna().all()
    assert "no value of 'Troponin'" in caplog.text
    summary(pd.concat([made(), made().assign(test="crp")]), variables=["CRP"])
    assert "values of 'crp' are left out: is it 'CRP'?" in caplog.text


def test_nothing_measured_is_no_row():
    empty = made().iloc[:0]
    assert summary(empty).shape == (0, 0) and summary(empty, variables=["x"]).shape == (0, 3)


def test_a_time_that_stands_still_is_told(caplog):
    summary(made().assign(day=1))
    assert "every slope is 0" in caplog.text


# ---------------------------------------------------------------------------------------- bad input


def _with(column, *values):
    frame = made().astype({column: object})
    frame.loc[frame.index[: len(values)], column] = values
    return frame


@pytest.mark.parametrize(
    "frame, said",
    [
        (
            _with("result", "<5", "12 mg"),
            ["column 'result': 1 value is no number ('12 mg'; of CRP)", "write numbers"],
        ),
        (_with("result", np.inf), ["column 'result': 1 value is infinite"]),
        (_with("result", pd.Timestamp("2020-01-01")), ["column 'result': 1 value is no number"]),
        (
            _with("day", "31/12/2020"),
            ["column 'day': 1 of", "are no numbers (they look like 99/99/9999)", "2020-01-31"],
        ),
        (_with("day", np.inf), ["column 'day': 1 of"]),
        (_with("day", None, np.nan), ["column 'day': 2 values have no time"]),
        (made().assign(day="20200131"), ["look like dates without dashes"]),
        (made().assign(day="2020-13-45"), ["times are no"]),
        (_with("test", None, " "), ["column 'test': 2 values have no variable"]),
        (_with("id", None, ""), ["2 values have no patient id"]),
        (made().rename(columns={"day": "days"}), ["no column 'day' (did you mean 'days'?)"]),
    ],
    ids=(
        "text infinite stamp date infinite-time no-time compact no-date no-variable no-patient "
        "no-column"
    ).split(),
)
def test_bad_rows_are_told(frame, said):
    with pytest.raises(InputError) as caught:
        summary(frame)
    assert all(words in str(caught.value) for words in said), str(caught.value)
    assert "2020-13" not in str(caught.value) and "31/12" not in str(
        caught.value
    )  # dates are private


def test_all_faults_at_once_and_columns_apart():
    frame = _with("result", "high")
    frame.loc[3, "day"] = np.nan
    with pytest.raises(InputError, match="2 things to correct"):
        summary(frame)
    with pytest.raises(InputError, match="four columns"):
        summary(frame, value="day")
    with pytest.raises(InputError, match=r"none of the variables 'day' \(known: CRP, Hb, LDH\)"):
        summary(made(), variables=["day"])


def test_of_many_variables_a_few_are_shown_and_the_nearest_of_all():
    frame = pd.concat([made().assign(test=f"lab{i:03d}") for i in range(90)])
    with pytest.raises(
        InputError, match=r"variables 'zzz' \(known: lab000, lab001, lab002 and 87 more\)"
    ):
        summary(frame, variables=["zzz"])
    with pytest.raises(InputError, match=r"did you mean 'lab089'"):
        summary(frame, variables=["Lab089"])


# ---------------------------------------------------------------------------------------- manifests

MANIFEST = """
name = "made"
[outcome.subtype]
kind = "class"
file = "labels.csv"
column = "label"
[modality.rna]
file = "rna.csv"
kind = "omics"
[modality.labs]
file = "labs.csv"
kind = "ehr"
columns = ["CRP", "LDH", "Hb"]
series = { time = "day", variable = "test", value = "result" }
"""


def write(folder, manifest=MANIFEST, labs=None):
    ids = [f"P{p:02d}" for p in range(34)]
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(8, 2, (34, 25)), ids, [f"GEN{i}A" for i in range(25)]).to_csv(
        folder / "rna.csv", index_label="id"
    )
    pd.DataFrame({"id": ids, "label": ["a", "b"] * 17}).to_csv(folder / "labels.csv", index=False)
    labs = made() if labs is None else labs
    if not isinstance(labs, str):
        labs = labs.to_csv(index=False)
    (folder / "labs.csv").write_text(labs)
    (folder / "made.toml").write_text(manifest)
    return folder / "made.toml"


def test_a_manifest_gives_what_python_gives(tmp_path):
    cohort = load(write(tmp_path))
    labs = cohort.modalities["labs"]
    expected = summary(made(), variables=["CRP", "LDH", "Hb"])
    pd.testing.assert_frame_equal(labs.table.loc[expected.index], expected, check_names=False)
    assert labs.kind == "ehr" and set(labs.types.values()) == {"numeric"}
    assert not labs.present[-4:].any() and labs.present[0]  # the last four have no row in the file
    frames = {"rna": cohort.modalities["rna"].table, "labs": expected}
    same = Cohort.from_frames(frames, ehr=["labs"]).modalities["labs"]
    rows = np.arange(20)
    labels = learned(np.zeros(20, dtype=int))
    fitted, other = (
        Pipeline.fit(labs.take(rows), labels),
        Pipeline.fit(same.take(rows), labels),
    )
    values = fitted.apply(labs)
    np.testing.assert_allclose(values, other.apply(same), atol=1e-9)
    assert np.isfinite(values).all()


def test_one_new_patient_without_a_variable_is_as_among_many(tmp_path):
    cohort = load(write(tmp_path))
    frame = made()
    patient = next(p for p, rows in frame.groupby("id") if rows["test"].nunique() == 2)
    alone = load(write(tmp_path, labs=frame[frame["id"] == patient]))
    labs, one = cohort.modalities["labs"], alone.modalities["labs"]
    fitted = Pipeline.fit(labs, np.zeros(len(cohort), dtype=int))
    row = cohort.patients.get_loc(patient)
    np.testing.assert_array_equal(fitted.apply(one)[row], fitted.apply(labs)[row])


def test_check_shows_it(tmp_path):
    found = check(write(tmp_path, labs=pd.concat([made(), made().head(2)])))
    row = found.match.loc["labs"]
    assert (row["kind"], row["columns"], row["patients"]) == (
        "ehr",
        9,
        made()["id"].nunique(),
    ) and not found.faults
    assert found.notices == [
        (
            f"[modality.labs] labs.csv: 2 of {len(made()) + 2} values share patient, variable "
            "and time with another: averaged"
        )
    ]


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('kind = "ehr"', 'kind = "embedding"', 'needs kind = "ehr"'),
        ('columns = ["CRP", "LDH", "Hb"]', "", "its variables"),
        ('time = "day"', 'tim = "day"', "unknown key 'tim' (did you mean 'time'?)"),
        ('time = "day"', 'time = "test"', "three columns"),
        ('time = "day"', 'time = "dai"', "no column 'dai' (did you mean 'day'?)"),
        ('columns = ["CRP"', 'types = { CRP = "numeric" }\ncolumns = ["CRP"', "remove types"),
        ('["CRP", "LDH", "Hb"]', '["id"]', "none of the variables 'id'"),
        ('name = "made"', 'name = "made"\n[patients]\nid = "patient"', "no id column 'patient'"),
    ],
    ids=["kind", "columns", "key", "twice", "column", "types", "variables", "id"],
)
def test_bad_manifests_are_told(tmp_path, old, new, said):
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, MANIFEST.replace(old, new)))
    assert said in str(caught.value)


def test_bad_files_are_told(tmp_path):
    with pytest.raises(
        InputError, match=r"\[modality.labs\] .*labs.csv: column 'result': 1 value is no number"
    ):
        load(write(tmp_path, labs=_with("result", "high")))
    with pytest.raises(
        InputError,
        match=r"column 'day' cannot hold patient ids, series has it; say \[patients\] id",
    ):
        load(write(tmp_path, labs=made()[["day", "id", "test", "result"]]))
    with pytest.raises(InputError, match="no patient in common"):
        load(write(tmp_path, labs=made().assign(id=lambda f: "Z" + f["id"])))
    only = load(write(tmp_path, labs="id,day,test,result\n"))
    assert len(only) == 34 and not only.modalities["labs"].present.any()


def test_init_knows_a_long_table(tmp_path):
    write(
        tmp_path,
        labs=pd.concat(
            [made(), pd.DataFrame({"id": ["P00"], "day": 1, "test": "ABO", "result": ["A"]})]
        ),
    )
    text = draft([tmp_path / "rna.csv", tmp_path / "labels.csv", tmp_path / "labs.csv"])
    (tmp_path / "drafted.toml").write_text(text)
    assert "# left out of labs.csv: hold text: ABO" in text
    assert sorted(load(tmp_path / "drafted.toml").modalities["labs"].table) == sorted(
        summary(made())
    )
    made().pivot_table(index=["id", "day"], columns="test", values="result").to_csv(
        tmp_path / "labs.csv"
    )
    with pytest.raises(InputError, match="or one measurement a row: series?"):
        draft([tmp_path / "rna.csv", tmp_path / "labels.csv", tmp_path / "labs.csv"])
