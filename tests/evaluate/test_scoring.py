"""External cohorts: never seen, frozen by hash, every look on record."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from typer.testing import CliRunner

import graphfuse as gf
from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.external.model_identity import Frozen, known_profiles
from graphfuse.evaluate.external.scoring import default_folder, score
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import metrics_of

pytestmark = pytest.mark.usefixtures("few_trees")

METRICS = metrics_of("class").names

RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 5, "seeds": 2}}
)
MADE = planted(
    150,
    {"rna": 40, "meth": 24},
    carriers=6,
    effect=1.5,
    missing={"meth": 0.3},
    unlabelled=0.1,
    seed=5,
).cohort
TRAIN, OTHER = MADE.take(range(80)), replace(MADE.take(range(80, 150)), name="other clinic")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "mine"
    gf.train(TRAIN, RECIPE, cv=(2, 1), device="cpu").save(folder)
    return folder


@pytest.fixture(scope="module")
def found(run):
    return score(run, OTHER)


def renamed(cohort, prefix="X"):
    return replace(cohort, patients=pd.Index([prefix + p for p in cohort.patients], name="patient"))


def relabelled(cohort, classes, codes=None):
    outcome = cohort.outcome()
    new = Outcome(outcome.name, "class", outcome.values if codes is None else codes, classes)
    return replace(cohort, outcomes={outcome.name: new})


# ------------------------------------------------------------------------------------------- scores


def test_scores_are_those_of_scikit_learn_on_the_models_own_predictions(run, found):
    probability = FusionModel.load(run / "model").predict_proba(OTHER)
    codes = OTHER.outcome().values
    known = codes >= 0
    row = found.metrics.models["graphfuse"]
    assert row["auroc"].mean == pytest.approx(roc_auc_score(codes[known], probability[known, 1]))
    assert row["accuracy"].mean == pytest.approx(
        accuracy_score(codes[known], probability[known].argmax(1))
    )
    assert found.predictions["p_class1"].to_numpy() == pytest.approx(probability[:, 1])
    assert found.predictions["truth"].isna().to_numpy().tolist() == (~known).tolist()
    assert found.record["patients"] == 70 and found.record["scored"] == known.sum() < 70
    for metric in METRICS:
        low, high = row[metric].ci95
        assert low <= row[metric].mean <= high


def test_beside_it_stand_the_training_shares(found):
    codes = OTHER.outcome().values
    codes, trained = codes[codes >= 0], TRAIN.outcome().values
    share = np.bincount(trained[trained >= 0]) / (trained >= 0).sum()
    row = found.metrics.models["majority"]
    assert (
        row["accuracy"].mean == pytest.approx((codes == share.argmax()).mean())
        and row["auroc"].mean == 0.5
    )
    assert row["brier"].mean == pytest.approx(((np.eye(2)[codes] - share) ** 2).sum(1).mean())


def test_a_model_that_sees_the_effect_is_better_and_on_shuffled_labels_it_is_not(run, found):
    verdicts = {pair.metric: pair.verdict for pair in found.metrics.comparisons}
    assert verdicts["accuracy"] == verdicts["auroc"] == verdicts["brier"] == "better"
    codes, rng = OTHER.outcome().values, np.random.default_rng(0)
    shuffled = codes.copy()
    shuffled[codes >= 0] = rng.permutation(codes[codes >= 0])
    pairs = score(run, relabelled(OTHER, ("class0", "class1"), shuffled)).metrics.comparisons
    assert pairs and all(pair.b == "majority" and pair.verdict != "better" for pair in pairs)


def test_the_same_cohort_in_another_order_scores_the_same(run, found):
    other = score(run, OTHER.take(np.random.default_rng(0).permutation(70)))
    for name in ("majority", "graphfuse"):
        for metric in METRICS:
            assert other.metrics.models[name][metric].mean == pytest.approx(
                found.metrics.models[name][metric].mean
            )


def test_classes_are_met_by_name_whatever_their_order(run, found):
    codes = OTHER.outcome().values
    turned = relabelled(OTHER, ("class1", "class0"), np.where(codes >= 0, 1 - codes, -1))
    other = score(run, turned)
    pd.testing.assert_frame_equal(other.predictions, found.predictions)
    assert other.metrics.models == found.metrics.models


def test_who_lacks_a_modality_is_masked_and_counted(run):
    other = score(run, OTHER.without("meth"))
    assert any("all patients lack modality 'meth'" in notice for notice in other.record["notices"])
    assert other.predictions["p_class0"].notna().all()


def test_scores_of_few_patients_of_one_class_say_so(run, found):
    codes = OTHER.outcome().values
    few = score(run, OTHER.take(np.flatnonzero(codes == 1)[:15]))
    assert few.record["notices"][-2].startswith("15 patients scored: too few")
    assert few.record["notices"][-1].startswith("nobody here is 'class0'")
    assert not any(
        "too few" in notice or "nobody here" in notice for notice in found.record["notices"]
    )


def test_who_lacks_a_modality_among_others_is_counted(found):
    meth = OTHER.modalities["meth"]
    assert any(
        f"{int((~meth.present).sum())} patients lack modality 'meth'" in n
        for n in found.record["notices"]
    )


# --------------------------------------------------------------------------------------- never seen


def test_a_training_patient_stops_it_by_count_not_by_name(run):
    with pytest.raises(LeakError, match="5 of 70 patient ids are in the training data") as caught:
        score(run, MADE.take(range(75, 145)))
    assert "P00" not in str(caught.value)


def test_ids_spelt_otherwise_are_the_same_patients(run):
    spelt = MADE.take(range(79, 150))
    with pytest.raises(LeakError, match="1 of 71"):
        score(run, replace(spelt, patients=pd.Index([p.lower() for p in spelt.patients])))


def test_training_patients_under_other_ids_are_known_by_their_profile(run):
    with pytest.raises(
        LeakError, match="5 patients have the very values of a training patient under another id"
    ):
        score(run, renamed(MADE.take(range(75, 145))))


@pytest.mark.parametrize("modality", ["rna", "meth"])
def test_one_modality_gives_a_patient_away(run, modality):
    model = FusionModel.load(run / "model")
    copies = renamed(MADE.take(range(60, 90))).without("rna" if modality == "meth" else "meth")
    is_known, looked = known_profiles(model, copies)
    has = copies.modalities[modality].present
    assert (
        looked == [modality]
        and is_known.tolist() == (has & (np.arange(30) < 20)).tolist()
        and is_known.any()
    )


def test_a_rounded_copy_and_a_stranger_are_not_taken_for_a_training_patient(run):
    model, rna = FusionModel.load(run / "model"), MADE.modalities["rna"]
    near = replace(
        TRAIN, modalities={"rna": replace(rna.take(range(80)), table=rna.table.iloc[:80].round(3))}
    )
    assert not known_profiles(model, near)[0].any() and not known_profiles(model, OTHER)[0].any()


def test_rows_of_few_values_are_nobodys_profile():
    """Mutations: many patients share a row of zeros and ones."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.integers(0, 2, (80, 12)).astype(float), index=[f"A{i}" for i in range(80)]
    ).add_prefix("g")
    labels = pd.Series(
        np.where(table["g0"] + rng.normal(0, 0.3, 80) > 0.5, "yes", "no"), table.index, name="kind"
    )
    model = FusionModel(RECIPE, device="cpu").fit(Cohort.from_frames({"mutations": table}, labels))
    is_known, looked = known_profiles(
        model, Cohort.from_frames({"mutations": table.add_prefix("")}, labels)
    )
    assert not is_known.any() and not looked


def test_a_model_without_its_run_says_what_could_not_be_checked():
    model = FusionModel(RECIPE, device="cpu").fit(TRAIN)
    found = score(model, OTHER)
    assert found.record["checked_unseen"] == {"ids": False, "profiles": ["meth", "rna"]}
    assert any("keeps no patient ids" in notice for notice in found.record["notices"])
    with pytest.raises(LeakError, match="very values"):
        score(model, MADE.take(range(70, 90)))


# ------------------------------------------------------------------------------------------- labels


def test_labels_never_trained_on_are_named(run):
    codes = OTHER.outcome().values.copy()
    codes[:3] = 2
    with pytest.raises(
        InputError,
        match="label 'Class-2' .3 patients. is none that the model was trained on .did you mean",
    ):
        score(run, relabelled(OTHER, ("class0", "class1", "Class-2"), codes))


def test_a_class_that_nobody_has_is_no_obstacle(run, found):
    assert (
        score(run, relabelled(OTHER, ("class0", "class1", "other"))).metrics.models
        == found.metrics.models
    )


@pytest.mark.parametrize(
    ("cohort", "target", "said"),
    [
        (relabelled(OTHER, ("class0", "class1"), np.full(70, -1)), None, "nobody has a label"),
        (OTHER, "stage", "has no outcome 'stage'"),
        (
            replace(OTHER, outcomes={"subtype": Outcome("subtype", "number", np.ones(70))}),
            None,
            "of kind 'number'",
        ),
    ],
    ids=["unlabelled", "no such outcome", "a number"],
)
def test_what_cannot_be_scored_is_refused(run, cohort, target, said):
    with pytest.raises(InputError, match=said):
        score(run, cohort, target)


def test_one_class_only_is_scored_as_far_as_it_goes(run):
    one = OTHER.take(OTHER.outcome().values == 1)
    row = score(run, one).metrics.models["graphfuse"]
    assert row["auroc"].mean is None and 0 <= row["accuracy"].mean <= 1


def test_what_is_no_run_is_refused(tmp_path, run):
    with pytest.raises(InputError, match="no run directory"):
        score(tmp_path, OTHER)
    assert score(run / "model", OTHER).record["checked_unseen"]["ids"] is False


# ---------------------------------------------------------------------------------------- on record


def record_of(folder):
    return json.loads((folder / "record.json").read_text())["evaluations"]


def test_the_first_evaluation_stays_and_later_ones_say_what_changed(run, found, tmp_path, caplog):
    folder = tmp_path / "external" / "clinic"
    assert found.save(folder) == folder
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "record.json"}
    assert set(before) == {"predictions.csv", "metrics.json"}
    assert score(run, OTHER).save(folder) == folder  # once more: a line, and nothing else
    other_data = score(run, replace(OTHER.take(range(60)), name="other clinic"))
    assert other_data.save(folder) == folder / "2"
    other_model = score(FusionModel(RECIPE, seed=7, device="cpu").fit(TRAIN), OTHER)
    assert other_model.save(folder) == folder / "3"
    assert other_data.save(folder) == folder / "2"
    assert "external validation 4 on this cohort, with another model than the first" in caplog.text
    entries = record_of(folder)
    assert [e["number"] for e in entries] == [1, 2, 3, 4, 5]
    assert [e["folder"] for e in entries] == [".", ".", "2", "3", "2"]
    assert [e["changed_since_first"] for e in entries] == [[], [], ["data"], ["model"], ["data"]]
    assert before == {p.name: p.read_bytes() for p in folder.iterdir() if p.name in before}
    assert {p.name for p in (folder / "3").iterdir()} == set(before)
    for entry in entries:
        place = folder / entry["folder"]
        assert (
            entry["files"]["metrics.json"]
            == hashlib.sha256((place / "metrics.json").read_bytes()).hexdigest()
        )
    assert all(
        entry["time"] and len(entry["model"]) == len(entry["data"]) == 64 for entry in entries
    )


def test_hashes_are_those_of_the_files(run, found):
    for name, told in found.record["model_files"].items():
        assert told == hashlib.sha256((run / "model" / name).read_bytes()).hexdigest()
    assert found.record["data"] == OTHER.digest()
    assert Frozen.of(FusionModel.load(run / "model")).sha256 == found.record["model"]


def test_metrics_on_disk_are_metrics(found, tmp_path):
    found.save(tmp_path / "e")
    told = gf.schema.Metrics.model_validate(
        json.loads((tmp_path / "e" / "metrics.json").read_text())
    )
    assert told == found.metrics and told.protocol["kind"] == "external"
    assert (
        pd.read_csv(tmp_path / "e" / "predictions.csv")["patient"].tolist()
        == OTHER.patients.tolist()
    )


def test_another_folder_with_files_in_it_is_left_alone(found, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        found.save(tmp_path)


def test_it_stands_beside_the_run(run):
    assert default_folder(run, "other clinic/2") == run.parent / "external" / "other-clinic-2"


def test_it_stands_beside_a_run_as_that_was_typed(tmp_path, monkeypatch):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert default_folder("runs/mine", "clinic") == Path("runs/external/clinic")
    (tmp_path / "link").symlink_to(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path / "runs" / "mine")
    for here in (".", "../mine", tmp_path / "link"):
        assert (
            default_folder(here, "clinic").resolve() == tmp_path.resolve() / "runs/external/clinic"
        )


def test_from_the_shell(run, tmp_path):
    from graphfuse.cli.evaluation_commands import score as command
    from graphfuse.cli.options import app

    assert command in [each.callback for each in app.registered_commands]
    OTHER.modalities["rna"].table.to_csv(tmp_path / "rna.csv")
    known = OTHER.outcome().known
    labels = pd.Series(
        np.asarray(OTHER.outcome().classes)[OTHER.outcome().values], OTHER.patients, name="subtype"
    )[known]
    labels.to_csv(tmp_path / "labels.csv")
    (tmp_path / "clinic.toml").write_text(
        'name = "clinic"\n[outcome.subtype]\nkind = "class"\nfile = "labels.csv"\ncolumn = '
        '"subtype"\n'
        '[modality.rna]\nfile = "rna.csv"\nkind = "omics"\nentity = "gene"\nsymbol = "^(.+)$"\n'
    )
    done = CliRunner().invoke(
        app, ["score", str(run), str(tmp_path / "clinic.toml"), "-o", str(tmp_path / "out"), "-q"]
    )
    assert done.exit_code == 0, done.output
    assert (
        "that the model never saw" in done.output
        and "graphfuse" in done.output
        and "accuracy against majority" in done.output
    )
    assert record_of(tmp_path / "out")[0]["run"] == "mine"
