"""The audit: each fault planted is found and named, what is clean is left in peace, and no patient
is named."""

import csv
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_ndtr
from scipy.stats import mannwhitneyu
from scipy.stats.contingency import association
from sklearn.metrics import roc_auc_score

from graphfuse.data.cohort import Cohort
from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.data.leak_audit.association import cramers_v
from graphfuse.data.leak_audit.chance import aurocs, log_chance
from graphfuse.data.leak_audit.outcome_cuts import _hits
from graphfuse.data.leak_audit.run import audit
from graphfuse.data.load_cohort import load
from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import FetchError, InputError
from graphfuse.files.toml import read_toml, resolve
from graphfuse.schema import Manifest

ROOT = Path(__file__).parents[2]
REAL = next(
    (p for p in (ROOT / "shared" / "data", ROOT.parent / "shared" / "data") if p.is_dir()),
    ROOT / "none",
)
N = 120
IDS = [f"zq{i:04d}" for i in range(N)]


def noise(seed=0, patients=N, columns=60):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        rng.normal(size=(patients, columns)), [f"zq{i:04d}" for i in range(patients)]
    ).add_prefix("c")


def labels(seed=0, classes=2, ids=IDS):
    codes = np.random.default_rng(seed + 100).permutation(np.arange(len(ids)) % classes)
    return pd.Series([f"class{c}" for c in codes], ids, name="subtype")


def cohort(table=None, outcome=None, **how):
    return Cohort.from_frames(
        {"rna": noise() if table is None else table},
        labels() if outcome is None else outcome,
        **how,
    )


def records(seed=0, patients=N):
    """A made clinic's few columns, in which equal rows are common."""
    rng = np.random.default_rng(seed)
    table = {
        "age": rng.integers(50, 60, patients).astype(float),
        "sex": rng.choice(["f", "m"], patients),
    }
    for name in ("stage", "grade", "race", "smoker"):
        table[name] = rng.choice(["I", "II", "III"], patients, p=[0.7, 0.2, 0.1])
    return pd.DataFrame(table, [f"zq{i:04d}" for i in range(patients)])


def found(audit, kind):
    """The one finding of a kind, the audit holding no other alarm."""
    assert {f.kind for f in audit.findings if f.severity != "note"} <= {kind}, str(audit)
    (finding,) = (f for f in audit.findings if f.kind == kind)
    return finding


def folds(fold_of, repeats=1):
    """A folds table: `fold_of` row number → fold."""
    table = pd.DataFrame({"patient": IDS, "fold": [fold_of(i) for i in range(N)]})
    return pd.concat([table.assign(repeat=r) for r in range(repeats)])


# ---------------------------------------------------------------------- the clean are left in peace


def alarms(of):
    return [(f.kind, f.where, f.message) for f in of.findings if f.severity != "note"]


@pytest.mark.parametrize("seed", range(3))
def test_planted_signal_is_no_leak(seed):
    made = planted(300, classes=2 + seed, missing={"meth": 0.3}, unlabelled=0.1, seed=seed)
    assert alarms(audit(made.cohort)) == []


def test_pure_noise_is_clean():
    assert audit(cohort(noise(1, N, 5_000))).findings == ()


def test_rosmap_is_clean():
    if not (REAL / "rosmap").is_dir():
        pytest.skip("no shared data")
    tables = {
        m: pd.read_csv(REAL / "rosmap" / f"{m}.csv.gz", index_col=0)
        for m in ("mrna", "methylation", "mirna")
    }
    about = pd.read_csv(REAL / "rosmap" / "labels.csv", index_col="patient")
    split = {"split": about["official_split"]}
    assert alarms(audit(Cohort.from_frames(tables, about["diagnosis"], groups=split))) == []


@pytest.mark.slow
def test_tcga_brca_is_clean_once_its_label_is_declared_to_come_from_rna():
    path = resolve("tcga-brca", "data_manifests")
    manifest = read_toml(path, Manifest)
    if not any(
        (Path.home() / ".cache" / "graphfuse" / source.sha256).is_dir()
        for source in manifest.source
    ):
        pytest.skip("not fetched")
    try:
        obtain(manifest.source, beside=path.parent, how_to_get=None, where=str(path))
    except FetchError:
        pytest.skip("not fetched")
    brca = load("tcga-brca")
    assert alarms(audit(brca)) == []
    silent = replace(brca, outcomes={"subtype": replace(brca.outcome(), derived_from=())})
    alarm = found(audit(silent), "label-like")
    assert (alarm.severity, alarm.columns) == (
        "leak",
        ("MLPH_79083",),
    )  # one gene that tells Basal: declared, a note


# --------------------------------------------------------------------------- the same patient twice


def test_a_profile_under_two_ids_is_found():
    table = noise()
    table.iloc[3, 5] = np.nan
    table.iloc[70] = table.iloc[3]
    alarm = found(audit(cohort(table)), "duplicate-patients")
    assert (alarm.severity, alarm.where, alarm.count, alarm.patients) == (
        "leak",
        "rna",
        2,
        ((3, 70),),
    )
    assert "<5 patients, in sets of 2" in alarm.message


def test_signed_zeros_are_equal_but_a_gap_is_not_a_zero():
    table = noise().round(0).abs()
    table.iloc[9] = 0.0
    table.iloc[10] = -table.iloc[9]
    table.iloc[9:11, ::2] = noise().iloc[9, ::2]
    assert found(audit(cohort(table)), "duplicate-patients").patients == ((9, 10),)
    table.iloc[10, 1] = np.nan
    assert not [f for f in audit(cohort(table)).findings if f.kind == "duplicate-patients"]


def test_the_message_counts_sets_with_one_label():
    table, outcome = noise(), labels()
    first, second = outcome[outcome == "class0"].index[:14], outcome[outcome == "class1"].index[:7]
    table.loc[first[7:]] = table.loc[first[:7]].to_numpy()  # 7 sets of one label
    table.loc[second] = noise(5).iloc[:7].to_numpy()
    last = outcome[outcome == "class0"].index[20:27]
    table.loc[last] = table.loc[second].to_numpy()  # 7 of two
    alarm = found(audit(cohort(table, outcome)), "duplicate-patients")
    assert alarm.count == 28 and "7 of 14 sets have one label" in alarm.message


@pytest.mark.parametrize(
    ("fold_of", "severity", "said"),
    [
        (
            lambda i: i % 2,
            "leak",
            "<5 sets are on both sides of a fold, in 4 folds",
        ),  # 3 and 70: folds 1 and 0, twice
        (
            lambda i: None if i == 3 else i % 2,
            "leak",
            "in 2 folds",
        ),  # always trains, while its twin is tested
        (lambda i: 0 if i in (3, 70) else i % 2, "warning", "0 sets are on both sides"),
    ],
    ids=["two folds", "training and tested", "one fold"],
)
def test_with_folds_it_says_whether_twins_stand_on_both_sides(fold_of, severity, said):
    table = noise()
    table.iloc[70] = table.iloc[3]
    alarm = found(audit(cohort(table), folds=folds(fold_of, 2)), "duplicate-patients")
    assert alarm.severity == severity and said in alarm.message


@pytest.mark.parametrize("seed", range(8))
def test_equal_rows_by_chance_do_not_alarm(seed):
    table = records(seed, 300)
    assert table.duplicated().sum() > 5
    assert audit(Cohort.from_frames({"clinical": table}, ehr=["clinical"])).table[
        "kind"
    ].tolist() == ["not-looked-at"]


@pytest.mark.parametrize("seed", range(8))
def test_sparse_binary_rows_do_not_alarm_and_a_copied_rich_one_does(seed):
    rng = np.random.default_rng(seed)
    burden = rng.random((N, 1)) ** 3
    table = pd.DataFrame((rng.random((N, 97)) < 0.3 * burden).astype(float), IDS)
    assert table.duplicated().sum() > 5
    assert alarms(audit(cohort(table))) == []
    table.iloc[4] = rng.permutation([1.0] * 30 + [0.0] * 67)
    table.iloc[5] = table.iloc[4]
    assert found(audit(cohort(table)), "duplicate-patients").patients == ((4, 5),)


def test_records_with_enough_in_them_are_told_apart_from_chance():
    table = pd.concat([records(), noise(2, columns=4)], axis=1)
    table.iloc[8] = table.iloc[90]
    alarm = found(
        audit(Cohort.from_frames({"clinical": table}, ehr=["clinical"])), "duplicate-patients"
    )
    assert alarm.patients == ((8, 90),)


@pytest.mark.parametrize("fill", ["zero", "mean", "median"])
def test_filled_rows_are_no_twins(fill):
    table = noise()
    table.iloc[10:30] = (
        0.0 if fill == "zero" else getattr(table.drop(table.index[10:30]), fill)().to_numpy()
    )
    alarm = found(audit(cohort(table)), "filled-rows")
    assert (alarm.severity, alarm.count) == ("warning", 20)


def test_near_identical_patients_are_found():
    table = noise(columns=400)
    table.iloc[50] = table.iloc[7] + 0.01 * np.random.default_rng(1).normal(size=400)
    table.iloc[51] = table.iloc[7] + 0.01 * np.random.default_rng(2).normal(size=400)
    alarm = found(audit(cohort(table)), "near-identical-patients")
    assert (alarm.severity, alarm.patients) == ("leak", ((7, 50, 51),))
    assert (
        found(
            audit(cohort(table), folds=folds(lambda i: i % 3)), "near-identical-patients"
        ).severity
        == "leak"
    )
    calm = audit(cohort(table), folds=folds(lambda i: 0 if i in (7, 50, 51) else i % 3))
    assert found(calm, "near-identical-patients").severity == "warning"


def test_near_identical_patients_are_found_over_gaps():
    rng = np.random.default_rng(1)
    table = noise(columns=400)
    table.iloc[50] = table.iloc[7] + 0.01 * rng.normal(size=400)
    table = table.mask(rng.random(table.shape) < 0.2)
    assert found(audit(cohort(table)), "near-identical-patients").patients == ((7, 50),)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_where_everyone_correlates_nobody_is_a_twin(dimensions, seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(300, dimensions)) @ rng.normal(
        size=(dimensions, 200)
    ) + 50 * rng.normal(size=200)
    table = pd.DataFrame(
        table + 1e-3 * rng.normal(size=table.shape), [f"zq{i:04d}" for i in range(300)]
    )
    raw = np.corrcoef(table)
    if dimensions < 5:
        assert np.median(np.sort(raw, axis=1)[:, -2]) > 0.999
    assert alarms(audit(Cohort.from_frames({"rna": table}))) == []


def test_a_twin_stands_out_where_everyone_correlates():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 200)) + 50 * rng.normal(size=200)
    table = pd.DataFrame(table, [f"zq{i:04d}" for i in range(300)])
    table.iloc[5] = table.iloc[6] + 1e-3 * rng.normal(size=200)
    assert found(audit(Cohort.from_frames({"rna": table})), "near-identical-patients").patients == (
        (5, 6),
    )


@pytest.mark.parametrize(
    ("ids", "related"),
    [
        (["P07", "P07_2", "P08"], 2),
        (["P07-1", "P07-2", "P08-1", "P09-1"], 2),
        (["P07-rep1", "P07", "P08", "P09"], 2),
        (["P07.rep1", "P07.rep2", "P08"], 2),
        (["P7_dup", "P7", "P8"], 2),
        ([f"clinic_{i:02d}" for i in range(90)], 0),
        ([f"site{s}-{i}" for s in range(4) for i in range(9)], 0),
        (["TCGA-3C-AAAU", "TCGA-3C-AAAV", "TCGA-4C-AAAU"], 0),
        (["TCGA-3C-AAAU-01A", "TCGA-3C-AAAU-11A", "TCGA-4C-AAAU-01A"], 2),
        (["TCGA.3C.AAAU.01", "TCGA.3C.AAAU.06", "TCGA.4C.AAAU.01"], 2),
        (["a", "b", "c"], 0),
    ],
    ids=[
        "suffix",
        "visits",
        "rep",
        "two reps",
        "dup",
        "numbers",
        "sites",
        "barcodes",
        "samples",
        "dots",
        "letters",
    ],
)
def test_ids_of_one_patient(ids, related):
    table = noise(patients=len(ids)).set_axis(ids)
    result = audit(Cohort.from_frames({"rna": table}))
    counts = [(f.severity, f.count) for f in result.findings if f.kind == "related-ids"]
    assert counts == ([("warning", related)] if related else [])


# ------------------------------------------------------------------------- the label in other words


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_is_the_label_is_found(sign):
    table, outcome = noise(columns=2_000), labels()
    table["c3"] = sign * (outcome == "class1") + 0.05 * table["c3"]
    alarm = found(audit(cohort(table, outcome)), "label-like")
    assert (alarm.severity, alarm.columns, alarm.count) == ("leak", ("c3",), 1)
    assert "AUROC 1.000" in alarm.message


def test_one_class_of_many_is_enough():
    table, outcome = noise(columns=500), labels(classes=4)
    table["c9"] += 8.0 * (outcome == "class2")
    alarm = found(audit(cohort(table, outcome)), "label-like")
    assert alarm.columns == ("c9",) and "tells 'class2' from the rest" in alarm.message


def test_strong_is_not_label_like():
    table, outcome = noise(columns=500), labels()
    table["c9"] += 3.0 * (outcome == "class1")
    assert 0.95 < roc_auc_score(outcome, table["c9"]) < 0.99
    warning = found(audit(cohort(table, outcome)), "strong-column")
    assert (warning.severity, warning.columns) == ("warning", ("c9",))
    assert "1 column alone says much of 'class1' from the rest (c9; AUROC 0.9" in warning.message
    assert warning.cure.startswith("a good marker, or a leak: ask whether")


def test_a_strong_column_in_a_broad_signal_is_a_note():
    table, outcome = noise(4, columns=500), labels()
    table.iloc[:, :20] += np.linspace(0.8, 1.6, 20) * (outcome == "class1").to_numpy()[:, None]
    (note,) = audit(cohort(table, outcome)).findings
    assert (note.kind, note.severity) == ("strong-column", "note")
    assert "more have AUROCs above 0.7: the signal is broad" in note.message
    table["run"] = np.random.default_rng(5).random(N) + 0.75 * (outcome == "class1")
    warning = found(audit(cohort(table, outcome)), "strong-column")
    assert warning.severity == "warning" and "run" in warning.columns


@pytest.mark.parametrize(("effect", "counts"), [(1.3, 0), (1.65, 1)])
def test_a_column_is_strong_from_an_auroc_of_85(effect, counts):
    ids = [f"zq{i:05d}" for i in range(4_000)]
    outcome = labels(ids=ids)
    table = noise(1, 4_000, 12)
    table.index = ids
    table["c3"] += effect * (outcome == "class1")
    area = roc_auc_score(outcome, table["c3"])
    assert (area > 0.85) == counts
    assert len(audit(cohort(table, outcome)).findings) == counts


def test_what_the_label_is_declared_to_come_from_may_tell_it_but_not_be_it():
    table, outcome = noise(), labels()
    table["c3"] = 1.0 * (outcome == "class1") + 0.05 * table["c3"]
    declared = cohort(table, outcome)
    declared = replace(
        declared, outcomes={"subtype": replace(declared.outcome(), derived_from=("rna",))}
    )
    result = audit(declared)
    assert result.leaks == 0
    assert {(f.kind, f.severity) for f in result.findings} == {
        ("label-like", "note"),
        ("derived-label", "note"),
    }
    declared.modalities["rna"].table["c3"] = 1.0 * (outcome == "class1")
    assert audit(declared).leaks == 1


def test_a_tiny_cohort_is_not_alarmed_by_chance():
    ids = IDS[:12]
    table, outcome = noise(3, 12, 20_000), labels(ids=ids)
    tells = aurocs(table.to_numpy(), (outcome == "class1").astype(int).to_numpy(), 2)[1]
    assert (np.abs(tells - 0.5) > 0.49).sum() > 10  # with 6 against 6, 1 in 462 columns is perfect
    result = audit(cohort(table, outcome))
    (note,) = result.findings
    assert (note.kind, note.severity) == (
        "label-like",
        "note",
    ) and "expected by chance" in note.message


def test_levels_that_determine_the_label():
    table, outcome = records(), labels(classes=3)
    ward = outcome.map({"class0": "A", "class1": "B", "class2": "A"})
    odd = np.arange(N) % 2 == 0
    table["ward"] = ward.where(odd, ward + "2")  # A and A2 never hold class1
    clinic = Cohort.from_frames({"clinical": table}, outcome, ehr=["clinical"])
    alarm = found(audit(clinic), "label-like")
    assert (alarm.severity, alarm.columns) == ("leak", ("ward",)) and "'class1'" in alarm.message


def test_texts_that_never_repeat_tell_nothing():
    table = records().assign(
        name=[f"note {i}" for i in range(N)], pair=[f"pair {i // 2}" for i in range(N)]
    )
    assert alarms(audit(Cohort.from_frames({"clinical": table}, labels(), ehr=["clinical"]))) == []


def test_a_date_can_be_the_label():
    outcome = labels()
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(
        np.arange(N) % 40 + 90 * (outcome == "class1").to_numpy(), "D"
    )
    table = records().assign(admitted=day.strftime("%Y-%m-%d"))
    clinic = Cohort.from_frames(
        {"clinical": table}, outcome, ehr={"clinical": {"admitted": "date"}}
    )
    assert found(audit(clinic), "label-like").columns == ("admitted",)


def test_auroc_is_scikit_learns():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 12, (80, 6)).astype(float)
    values[rng.random(values.shape) < 0.15] = np.nan
    codes = rng.integers(0, 3, 80)
    ours = aurocs(values, codes, 3)
    for k, c in itertools.product(range(3), range(6)):
        known = ~np.isnan(values[:, c])
        assert ours[k, c] == pytest.approx(
            roc_auc_score(codes[known] == k, values[known, c]), abs=1e-12
        )


@pytest.mark.parametrize(("a", "b"), [(3, 5), (6, 6), (5, 40), (9, 4)])
def test_the_chance_of_an_extreme_column_is_exact(a, b):
    for u in range(0, a * b // 2):
        places = _with_u(u, a, b)
        others = sorted(set(range(a + b)) - set(places))
        exact = mannwhitneyu(places, others, alternative="less", method="exact").pvalue
        assert math.exp(log_chance(u, a, b)) == pytest.approx(exact, rel=1e-9)


def _with_u(u, a, b):
    """`a` of the places 0 … a + b − 1 whose Mann-Whitney U is `u`."""
    steps = np.full(a, u // a)
    steps[a - u % a :] += 1
    return list(np.arange(a) + steps)


@pytest.mark.parametrize(("a", "b"), [(15, 15), (30, 30), (100, 100), (20, 400)])
def test_the_normal_tail_that_stands_in_for_it_is_on_the_safe_side(a, b):
    u = a * b // 100
    assert log_chance(u, a, b) < log_ndtr(
        (u + 0.5 - a * b / 2) / math.sqrt(a * b * (a + b + 1) / 12)
    )
    assert log_chance(10 * a * b, 10 * a, 100 * b) < -100


# ---------------------------------------------------------------------------------- what is missing


def test_having_a_modality_can_tell_the_label():
    outcome = labels()
    cases = outcome.index[outcome == "class1"]
    tables = {
        "rna": noise(),
        "image": noise(9).loc[cases.append(outcome.index[outcome == "class0"][:5])],
    }
    alarm = found(audit(Cohort.from_frames(tables, outcome)), "missing-by-label")
    assert (alarm.severity, alarm.where) == (
        "warning",
        "image",
    ) and "has image tells 'class1'" in alarm.message


def test_a_gap_in_a_column_can_tell_the_label():
    table, outcome = noise(), labels(classes=3)
    dead = (outcome == "class1").to_numpy() & (np.arange(N) % 20 != 0)
    table["c5"] = table["c5"].where(dead)
    alarm = found(audit(cohort(table, outcome)), "missing-by-label")
    assert (alarm.severity, alarm.where, alarm.columns) == ("warning", "rna", ("c5",))


def test_a_gap_that_is_the_label_is_a_leak():
    table, outcome = noise(), labels(classes=3)
    table["c5"] = table["c5"].where(outcome == "class1")
    alarm = found(audit(cohort(table, outcome)), "missing-by-label")
    assert (alarm.severity, alarm.columns) == ("leak", ("c5",)) and "AUROC 1.000" in alarm.message


def test_gaps_at_random_tell_nothing():
    table = noise(columns=3_000)
    assert (
        audit(cohort(table.mask(np.random.default_rng(3).random(table.shape) < 0.3))).findings == ()
    )


# ------------------------------------------------------------------------------------------- groups


def test_a_site_for_each_class_is_completely_confounded():
    outcome = labels(classes=3)
    site = outcome.map({"class0": "north", "class1": "south", "class2": "south"})
    half = pd.Series(np.where(np.arange(N) % 2, "", "-old"), IDS)
    sites = site.str.cat(half).where(outcome != "class2", "east")
    alarm = found(audit(cohort(outcome=outcome, groups={"site": sites})), "group-by-label")
    assert (alarm.severity, alarm.count) == ("leak", 5) and "completely confounded" in alarm.message


@pytest.mark.parametrize(("swapped", "severity"), [(0.1, "warning"), (0.35, "note"), (0.5, None)])
def test_the_severity_goes_by_the_size(swapped, severity):
    outcome = labels()
    site = outcome.where(
        np.random.default_rng(2).random(N) >= swapped,
        outcome.map({"class0": "class1", "class1": "class0"}),
    )
    result = audit(cohort(outcome=outcome, groups={"batch": site}))
    assert [(f.kind, f.severity) for f in result.findings] == (
        [("group-by-label", severity)] if severity else []
    )


def test_families_that_share_a_label_are_to_be_kept_together():
    outcome = labels().sort_values()
    outcome = pd.Series(outcome.to_numpy(), IDS, name="subtype")
    family = pd.Series([f"f{i // 2}" for i in range(N)], IDS)
    alarm = found(audit(cohort(outcome=outcome, groups={"family": family})), "group-by-label")
    assert alarm.severity == "warning" and "grouped by family" in alarm.cure


def test_groups_that_go_with_having_a_modality():
    site = pd.Series(np.where(np.arange(N) < 60, "north", "south"), IDS)
    tables = {"rna": noise(), "image": noise(9).iloc[:60]}
    alarm = found(
        audit(Cohort.from_frames(tables, labels(), groups={"site": site})), "group-by-presence"
    )
    assert (alarm.severity, alarm.where) == (
        "warning",
        "group site, image",
    ) and "as a whole" in alarm.message


@pytest.mark.parametrize("seed", range(5))
def test_many_small_sites_at_random_are_no_confounding(seed):
    site = pd.Series(np.random.default_rng(seed).integers(0, 40, N).astype(str), IDS)
    tables = {"rna": noise(), "image": noise(9).sample(80, random_state=seed)}
    assert audit(Cohort.from_frames(tables, labels(seed), groups={"site": site})).findings == ()


def test_cramers_v():
    counts = np.array([[30, 10, 5], [8, 25, 12], [4, 9, 40], [0, 0, 0]])
    plain, n = association(counts[:3], method="cramer"), counts.sum()
    phi2 = plain**2 * 2 - 4 / (n - 1)
    assert cramers_v(counts)[0] == pytest.approx(math.sqrt(phi2 / (3 - 4 / (n - 1) - 1)))
    assert cramers_v(np.diag([40, 40, 40]))[0] == pytest.approx(1)
    assert cramers_v(np.full((3, 2), 20)) == (0.0, 1.0) and cramers_v(np.array([[5, 9]])) == (
        0.0,
        1.0,
    )


def test_the_correction_takes_the_bias_away():
    rng = np.random.default_rng(0)
    tables = [
        np.histogram2d(rng.integers(0, 12, 100), rng.integers(0, 4, 100), (12, 4))[0]
        for _ in range(100)
    ]
    assert np.mean([association(t.astype(int), method="cramer") for t in tables]) > 0.3
    assert np.mean([cramers_v(t)[0] for t in tables]) < 0.12


# ---------------------------------------------------------------------------- scaled, derived, none


@pytest.mark.parametrize("ddof", [0, 1])
def test_values_scaled_over_everyone_are_noted(ddof):
    table = noise()
    result = audit(cohort((table - table.mean()) / table.std(ddof=ddof)))
    assert [(f.kind, f.severity, f.where) for f in result.findings] == [("scaled", "note", "rna")]
    train = table.iloc[:80]
    assert audit(cohort((table - train.mean()) / train.std())).findings == ()


def test_a_survival_outcome_is_looked_at_by_its_event(tmp_path):
    rng, died = np.random.default_rng(0), np.arange(N) % 3 == 0
    noise().rename_axis("id").to_csv(tmp_path / "rna.csv")
    time, last = rng.integers(10, 900, N), rng.integers(10, 900, N)
    about = pd.DataFrame(
        {"death": np.where(died, time, np.nan), "last": last, "dead": died.astype(int)}, IDS
    )
    about.assign(seen=np.where(died, last, np.nan)).rename_axis("id").to_csv(
        tmp_path / "clinical.csv"
    )
    (tmp_path / "made.toml").write_text("""name = "made"
[outcome.overall]
kind = "survival"
file = "clinical.csv"
time = ["death", "last"]
event = { column = "dead", value = "1" }
[outcome.age]
kind = "number"
file = "clinical.csv"
column = "last"
[modality.rna]
file = "rna.csv"
kind = "omics"
[modality.clinical]
file = "clinical.csv"
kind = "ehr"
columns = ["seen"]
""")
    assert found(audit(tmp_path / "made.toml"), "missing-by-label").where == "clinical"
    (of_age,) = audit(tmp_path / "made.toml", "age").findings
    assert of_age.kind == "label-like" and of_age.columns == ("seen",)


# ----------------------------------------------------------------------------------------- a number


@pytest.fixture(scope="module")
def score():
    """A skewed number for each patient, unknown for some."""
    values = np.exp(np.random.default_rng(7).normal(size=N))
    values[:10] = np.nan
    return pd.Series(values, IDS, name="score")


@pytest.mark.parametrize(
    "copied",
    [
        lambda y, rng: 3 * y + 2,
        lambda y, rng: -np.log(y),
        lambda y, rng: np.log(y) + rng.normal(0, 0.1, len(y)),  # r = 0.995
    ],
    ids=["linear", "monotone", "nearly"],
)
def test_a_column_that_is_the_number_is_found_and_no_class_is_spoken_of(score, copied):
    column = copied(score.to_numpy(), np.random.default_rng(1))
    report = audit(cohort(noise().assign(copy=column), score, kind="number"))
    finding = found(report, "label-like")
    assert finding.severity == "leak" and finding.columns == ("copy",)
    assert "1 column alone tells who is above the median (copy; AUROC" in finding.message
    assert "class" not in str(report)


def test_a_column_that_goes_with_the_number_is_no_leak(score):
    y = np.log(score.to_numpy())
    helpful = y + np.random.default_rng(1).normal(0, 0.5, N)  # r = 0.9
    report = audit(cohort(noise().assign(helpful=helpful), score, kind="number"))
    warning = found(report, "strong-column")
    assert report.leaks == 0 and "1 column alone says much of who is above" in warning.message


@pytest.mark.parametrize(
    "cut",
    [
        lambda y: np.where(np.isnan(y), np.nan, y > np.nanquantile(y, 0.8)),
        lambda y: -np.searchsorted(np.nanquantile(y, [0.3, 0.6, 0.7]), y).astype(float),
    ],
    ids=["high", "four levels"],
)
def test_a_number_cut_into_levels_is_told(score, cut):
    column = np.where(score.isna(), np.nan, cut(score.to_numpy()))
    finding = found(audit(cohort(noise().assign(risk=column), score, kind="number")), "label-like")
    assert finding.severity == "warning" and finding.columns == ("risk",)
    assert "1 column is the outcome cut into levels that do not overlap (risk; by" in str(finding)


def test_the_chance_of_a_cut_is_how_often_columns_of_noise_are_one():
    rng, sizes = np.random.default_rng(0), np.repeat([0.0, 1.0, 2.0], [5, 5, 1])
    drawn = rng.permuted(np.tile(sizes, (40_000, 1)), axis=1)
    table = pd.DataFrame(drawn).T
    modality = Modality("rna", table)
    hits = list(_hits(modality, np.arange(11), np.arange(11.0)))
    expected = 40_000 * math.factorial(3) * math.factorial(5) ** 2 / math.factorial(11)
    assert {round(each, 9) for _, each in hits} == {round(expected, 9)}  # 86.6
    assert abs(len(hits) - expected) < 4 * math.sqrt(expected)


def test_levels_that_overlap_are_no_cut_and_a_cut_at_the_median_is_told_once(score):
    y = score.to_numpy()
    high = np.where(np.isnan(y), np.nan, y > np.nanquantile(y, 0.8))
    first, last = np.nanargmin(y), np.nanargmax(y)
    high[[first, last]] = high[[last, first]]
    rare = np.where(np.isnan(y), np.nan, y > np.sort(y[~np.isnan(y)])[-4])  # three patients
    assert not audit(cohort(noise().assign(high=high, rare=rare), score, kind="number")).findings
    half = np.where(np.isnan(y), np.nan, y > np.nanmedian(y))
    finding = found(audit(cohort(noise().assign(half=half), score, kind="number")), "label-like")
    assert finding.severity == "leak" and finding.columns == ("half",)


def test_who_was_measured_and_sites_that_tell_the_number_are_found(score):
    above = (score > score.median()).to_numpy()
    tables = {"rna": noise(), "meth": noise(1)[above]}
    site = pd.Series(np.where(above, "north", "south"), IDS, name="site")
    report = audit(Cohort.from_frames(tables, score, groups={"site": site}, kind="number"))
    kinds = {finding.kind: finding for finding in report.findings}
    assert kinds["missing-by-label"].severity == kinds["group-by-label"].severity == "leak"
    assert "every site holds patients on one side of the median only" in str(report)
    assert "measure all patients alike" in str(report) and "class" not in str(report)


def test_of_a_number_that_few_have_nothing_is_said(score):
    few = score.where(np.arange(N) < 18)
    (note,) = audit(cohort(noise(), few, kind="number")).findings
    assert note.kind == "not-looked-at"
    assert "not known of enough patients on both sides of its median" in note.message
    assert note.cure == (
        "give an outcome that is known of 5 patients on either side of its median (--target)"
    )


def test_twins_have_one_label_only_where_the_number_is_the_same(score):
    table, twice = noise(), score.copy()
    table.iloc[41] = table.iloc[40]
    table.iloc[43] = table.iloc[42]
    twice.iloc[40:44] = [2.0, 2.0, 3.0, 3.1]
    finding = found(audit(cohort(table, twice, kind="number")), "duplicate-patients")
    assert "some sets have one label" in finding.message
    twice.iloc[41] = 2.1
    finding = found(audit(cohort(table, twice, kind="number")), "duplicate-patients")
    assert "no set has one label" in finding.message


# ----------------------------------------------------------------------------------- how it is told


@pytest.fixture(scope="module")
def told():
    """An audit with something of everything, of patients whose ids are easily seen."""
    table, outcome = noise(), labels()
    twin = outcome.index.get_loc(outcome.index[70:][outcome[70:] == outcome.iloc[3]][0])
    table.iloc[twin] = table.iloc[3]
    table["=c9"] = (outcome == "class1").astype(float)
    table = table.rename(index={IDS[80]: f"{IDS[5]}_2"})
    outcome = outcome.rename(index={IDS[80]: f"{IDS[5]}_2"})
    site = pd.Series(np.where(outcome == "class1", "north", "south"), outcome.index)
    return audit(Cohort.from_frames({"rna": table}, outcome, groups={"site": site}))


def test_worst_first_and_no_patient_is_named(told):
    severities = [f.severity for f in told.findings]
    assert (
        severities == sorted(severities, key=["leak", "warning", "note"].index) and told.leaks == 3
    )
    assert {f.kind for f in told.findings} == {
        "duplicate-patients",
        "label-like",
        "group-by-label",
        "related-ids",
    }
    assert (
        "zq" not in str(told)
        and "zq" not in told.table.to_string()
        and "zq" not in repr(told.findings)
    )
    assert "leaks:" in str(told) and "warnings:" in str(told)
    assert list(told.table.columns) == ["kind", "severity", "where", "message", "count", "cure"]


def test_the_csv_says_which_column_and_which_patient(told, tmp_path):
    with told.to_csv(tmp_path / "findings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    twins = [row for row in rows if row["kind"] == "duplicate-patients"]
    assert [row["set"] for row in twins] == ["1", "1"] and twins[0]["patient"] == IDS[3]
    assert all(told.patients[int(row["row"])] == row["patient"] for row in twins)
    assert [row["column"] for row in rows if row["kind"] == "label-like"] == [
        "'=c9"
    ]  # no spreadsheet runs it
    assert len([row for row in rows if row["kind"] == "group-by-label"]) == 1


def test_nothing_is_changed_and_it_is_told_alike_twice():
    table = noise().mask(np.random.default_rng(0).random((N, 60)) < 0.1)
    made = cohort(table)
    before = made.digest()
    assert str(audit(made)) == str(audit(made)) and made.digest() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="fold"), "columns patient and fold"),
        (
            lambda f: f.assign(patient=["new", *IDS[1:]]),
            "1 rows are of patients who are not in the cohort",
        ),
        (lambda f: pd.concat([f, f]), "twice in a repeat"),
        (lambda f: f.assign(fold="first"), "no numbers"),
    ],
    ids=["columns", "strangers", "twice", "words"],
)
def test_folds_that_are_no_good(change, said):
    with pytest.raises(InputError, match=said):
        audit(cohort(), folds=change(folds(lambda i: i % 2)))


def test_an_unknown_target_is_an_error():
    with pytest.raises(InputError, match="no outcome 'subtyp'"):
        audit(cohort(), "subtyp")


def test_without_an_outcome_and_with_an_empty_modality():
    tables = {"rna": noise(), "none": noise().iloc[:0], "one": noise(1).iloc[:1]}
    result = audit(Cohort.from_frames(tables))
    assert [f.kind for f in result.findings] == ["not-looked-at"]


def test_the_absent_are_no_twins():
    tables = {"rna": noise(), "image": noise(1).iloc[:50]}
    assert audit(Cohort.from_frames(tables, labels())).findings == ()


# ---------------------------------------------------------------------------------------- the shell


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A manifest whose patients 3 and 70 are one, and folds that part them."""
    folder = tmp_path_factory.mktemp("clinic")
    table = noise()
    table.iloc[70] = table.iloc[3]
    table.rename_axis("id").to_csv(folder / "rna.csv")
    labels().rename_axis("id").to_csv(folder / "labels.csv")
    folds(lambda i: i % 2).to_csv(folder / "folds.csv", index=False)
    (folder / "made.toml").write_text("""name = "made"
[outcome.subtype]
kind = "class"
file = "labels.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
""")
    return folder


def test_a_leak_ends_in_0_and_with_strict_in_2(shell, clinic):
    plain = shell(clinic, "audit", "made.toml", "-o", "out/findings.csv", "--quiet")
    assert plain.returncode == 0, plain.stderr
    assert "leaks:" in plain.stdout and "zq" not in plain.stdout + plain.stderr
    listed = pd.read_csv(clinic / "out" / "findings.csv")
    assert listed["patient"].tolist() == [IDS[3], IDS[70]] and listed["row"].tolist() == [3, 70]
    strict = shell(clinic, "audit", "made.toml", "--strict", "--folds", "folds.csv")
    assert (
        strict.returncode == 2 and "both sides of a fold" in strict.stdout and strict.stderr == ""
    )


def test_bad_input_is_told_in_one_line_and_help_has_an_example(shell, clinic):
    (clinic / "bad.csv").write_text("patient,fold\nnobody,1\n")
    bad = shell(clinic, "audit", "made.toml", "--folds", "bad.csv")
    assert (
        bad.returncode == 2 and "not in the cohort" in bad.stderr and "Traceback" not in bad.stderr
    )
    said = shell(clinic, "audit", "--help").stdout
    assert "Example: graphfuse audit" in said and "patient ids" in " ".join(
        said.replace("│", " ").split()
    )


@pytest.mark.parametrize("unknown", [0, 1])
def test_a_column_cut_from_a_number_is_found_whether_or_not_all_are_known(unknown):
    rng = np.random.default_rng(0)
    ids = [f"zq{i:03d}" for i in range(80)]
    number = pd.Series(rng.normal(size=80), ids, name="age")
    table = pd.DataFrame(rng.normal(size=(80, 10)), ids).add_prefix("c")
    table["cut"] = (number > 0.8) * 1.0
    number.iloc[:unknown] = np.nan
    findings = audit(Cohort.from_frames({"rna": table}, number, kind="number")).findings
    assert [(f.kind, f.columns) for f in findings] == [("label-like", ("cut",))]


# ------------------------------------------------------------------------------------ many patients


def test_the_chance_to_miss_a_column_among_very_many_patients_is_none(monkeypatch):
    """Columns are first looked at among some patients; a rare class and a rare overlap are still
    found."""
    import graphfuse.data.leak_audit.label_columns as labels_

    rng = np.random.default_rng(0)
    ids = [f"zq{i:05d}" for i in range(6_000)]
    table = pd.DataFrame(rng.normal(size=(6_000, 30)), ids).add_prefix("c")
    outcome = pd.Series(np.where(rng.random(6_000) < 0.01, "rare", "often"), ids, name="subtype")
    table["c4"] += 3.6 * (outcome == "rare")
    area = roc_auc_score(outcome == "rare", table["c4"])
    monkeypatch.setattr(labels_, "_SCREEN", 1_000)
    hits = [
        f
        for f in audit(Cohort.from_frames({"rna": table}, outcome)).findings
        if f.kind == "label-like"
    ]
    assert bool(hits) == (area > 0.99) and area > 0.99


def test_blocks_do_not_change_what_is_found(monkeypatch):
    import graphfuse.data.leak_audit.finding as finding
    import graphfuse.data.leak_audit.similar_profiles as profiles

    table, outcome = noise(columns=90), labels()
    table.iloc[70] = table.iloc[3]
    table.iloc[50] = table.iloc[7] + 0.01
    table["c3"] = 1.0 * (outcome == "class1") + 0.05 * table["c3"]
    whole = str(audit(cohort(table, outcome)))
    monkeypatch.setattr(finding, "_CELLS", 700)
    chunks = profiles.chunks
    monkeypatch.setattr(
        profiles,
        "chunks",
        lambda rows, n: [c for part in chunks(rows, n) for c in np.array_split(part, 5)],
    )
    assert str(audit(cohort(table, outcome))) == whole
