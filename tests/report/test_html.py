"""The report of a made run directory: what it says, what it hides, and that it is safe to open."""

import json
import re
import shutil
import tomllib
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.export import safe_csv
from graphfuse.errors import InputError
from graphfuse.report import markers, scores
from graphfuse.report.html import write_report
from graphfuse.schema import METRICS, RANKING_COLUMNS, Metrics

FIVE = ["Normal-like", "Basal", "HER2", "LumA", "LumB"]
MODELS = {
    "majority": 0.544, "clinical": 0.561, "single:rna": 0.880, "single:meth": 0.812, "single:mirna": 0.809,
    "single:clinical": 0.561, "single": 0.880, "early": 0.867, "late": 0.844, "no-graph": 0.8785, "graphfuse": 0.8794,
}  # fmt: skip
GENES = [
    "ESR1", "FOXA1", "GATA3", "MLPH", "ERBB2", "GRB7", "FOXC1", "KRT5", "KRT17", "MKI67", "UBE2C", "BIRC5",
    "CCNB1", "PGR", "NAT1", "BCL2", "EGFR", "MIA", "SFRP1", "CDC20", "TYMS", "ANLN",
]  # fmt: skip
ID = "TCGA-{:02d}-A{:03d}"


def make_run(folder, classes=FIVE, patients=240, repeats=2, seed=0, genes=GENES, ranked=True):
    """A run directory as `train` and `rank` write it, with made numbers."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(_metrics(rng, len(classes))))
    predictions = _predictions(rng, classes, patients, repeats)
    safe_csv(predictions, folder / "predictions.csv")
    (folder / "run.json").write_text(json.dumps(_record(classes, predictions, patients)))
    if ranked:
        _rankings(rng, folder / "rankings", classes, genes)
    return folder


def _score(rng, mean):
    half = float(rng.uniform(0.015, 0.04))
    return {"mean": mean, "sd": half / 2, "ci95": [mean - half, mean + half]}


def _metrics(rng, k):
    def row(accuracy, name):
        guess = name == "majority"
        means = {
            "accuracy": accuracy, "balanced_accuracy": 1 / k if guess else accuracy - 0.09,
            "macro_f1": 0.141 if guess else accuracy - 0.08, "auroc": 0.5 if guess else 0.5 + accuracy / 2 + 0.02,
            "auprc": 1 / k if guess else accuracy - 0.02, "mcc": 0.0 if guess else accuracy - 0.07,
            "brier": 1.19 - 1.1 * accuracy, "ece": 0.004 if guess else 0.05 + float(rng.uniform(0, 0.03)),
        }  # fmt: skip
        return {m: _score(rng, float(v)) for m, v in means.items()} | {"fit_seconds": round(float(rng.uniform(0, 90)), 2)}

    comparisons = []
    for name, accuracy in (MODELS | {"without:rna": 0.841}).items():
        for metric in ("accuracy", "macro_f1", "auroc") if name != "graphfuse" else ():
            d, half = (MODELS["graphfuse"] - accuracy) * (0.6 if metric == "auroc" else 1), float(rng.uniform(0.008, 0.02))
            verdict = "better" if d - half > 0 else "worse" if d + half < 0 else "no difference shown"
            comparisons.append(
                {
                    "a": "graphfuse",
                    "b": name,
                    "metric": metric,
                    "difference": d,
                    "ci95": [d - half, d + half],
                    "p": 0.5,
                    "verdict": verdict,
                }
            )
    return {
        "schema": 1,
        "target": "subtype",
        "protocol": {"folds": 5, "repeats": 2, "stratified": True},
        "models": {name: row(accuracy, name) for name, accuracy in MODELS.items()},
        "variants": {"without:rna": row(0.841, "without:rna")},
        "comparisons": comparisons,
    }


def _predictions(rng, classes, patients, repeats):
    k, tables = len(classes), []
    weights = np.array([0.05, 0.17, 0.07, 0.51, 0.20])[:k] if k > 2 else np.array([0.45, 0.55])
    truth = rng.choice(k, patients, p=weights / weights.sum())
    for repeat in range(repeats):
        logits = rng.normal(0, 1.15, (patients, k)) + 3.2 * np.eye(k)[truth]
        chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        table = {
            "patient": [ID.format(i // 50, i) for i in range(patients)],
            "repeat": repeat,
            "fold": rng.integers(0, 5, patients),
            "truth": np.array(classes)[truth],
            "call": np.array(classes)[chance.argmax(1)],
        }
        tables.append(pd.DataFrame(table | {f"p_{c}": chance[:, i] for i, c in enumerate(classes)}))
    return pd.concat(tables, ignore_index=True)


def _record(classes, predictions, patients):
    once = predictions[predictions["repeat"] == 0]["truth"].value_counts()
    steps = [("columns measured", 6000, 1.0, ""), ("with a gene symbol", 5990, 0.998, "no gene symbol"),
             ("symbol in the network", 4870, 0.81, "not in the network"),
             ("in an edge among measured genes", 4510, 0.75, "isolated")]  # fmt: skip
    return {
        "schema_version": 1,
        "created": "2025-11-23T18:40:12+00:00",
        "cohort": "tcga-brca",
        "manifest": "/home/someone/secret/tcga-brca.toml",
        "recipe": {
            "name": "multiplex",
            "title": "Patient multiplex and gene network",
            "patient": {"similarity": "cosine", "neighbours": 10, "layers": "each"},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 32},
            "select": {"top": None},
        },
        "target": "subtype",
        "classes": list(classes),
        "protocol": {"folds": 5, "repeats": 2, "stratified": True, "test_share": None},
        "seed": 0,
        "device": "cpu",
        "packages": {"graphfuse": "0.1.0", "torch": "2.8.0", "numpy": "2.3.1"},
        "hashes": {"manifest": "a" * 64, "recipe": "b" * 64, "data": "c" * 64},
        "timings": {"load": 3.2, "train": 312.4, "rank": 8011.0},
        "peak_memory_gb": 2.371,
        "notices": [f"{ID.format(0, 3)} has no miRNA", "18 columns are constant and were left out"],
        "fitted": {
            "epochs": 12,
            "fold_epochs": [8, 40, 12, 0, 20],
            "mix": {"joint": 0.41, "rna": 0.42, "meth": 0.05, "mirna": 0.0},
            "gates": {
                "rna": {"modality": 0.83, "patients": 0.10, "network": 0.13},
                "meth": {"modality": 0.46, "patients": 0.02, "network": 0.0},
                "mirna": {"modality": 0.41, "patients": -0.01},
                "clinical": {"modality": 0.41, "patients": 0.0},
            },
            "patients": patients,
            "labelled": patients,
            "presence": {"rna": patients, "meth": patients - 20, "mirna": 3},
            "classes": {c: int(once.get(c, 0)) for c in classes},
            "coverage": {"rna": [dict(zip(("step", "count", "share", "reason"), step)) for step in steps]},
        },
    }


def _ranking(rng, kind, ids, spread=2.2, **columns):
    n = len(ids)
    mean = 1 + np.sort(rng.gamma(1.2, 1.0, n)).round(2) * np.linspace(1, 12, n)
    table = pd.DataFrame({
        "rank": range(1, n + 1), "kind": kind, "id": ids, "score": np.linspace(1, 0.01, n) ** 2 / 7,
        "sign": rng.choice([-1, 1], n), "rank_mean": mean, "rank_lo": np.maximum(1, mean / spread).round(1),
        "rank_hi": (mean * spread).round(1), "selected_frequency": 1.0, "method": "integrated gradients", **columns,
    })  # fmt: skip
    return table.reindex(columns=RANKING_COLUMNS)


def _rankings(rng, folder, classes, genes):
    features = [f"rna:{gene}_{2000 + i}" for i, gene in enumerate(genes)] + [f"mirna:hsa-mir-{i}" for i in range(150)]
    where = ["rna"] * len(genes) + ["mirna"] * 150
    symbols = list(genes) + [None] * 150
    nodes = _ranking(rng, "feature", features, gene=symbols, modality=where)
    by_class = [nodes.assign(**{"class": c}) for c in classes]
    ends = [(a, b) for a in genes for b in genes if a < b]
    safe_csv(nodes, folder / "nodes.csv")
    safe_csv(pd.concat(by_class), folder / "nodes_by_class.csv")
    safe_csv(_ranking(rng, "gene", list(genes), gene=list(genes), modality="rna"), folder / "genes.csv")
    edges = _ranking(rng, "edge", [f"{a}|{b}" for a, b in ends], 4, source=[a for a, _ in ends], target=[b for _, b in ends])
    safe_csv(edges, folder / "edges.csv")
    shares = _ranking(rng, "modality", ["rna", "meth", "mirna"], modality=["rna", "meth", "mirna"])
    safe_csv(shares.assign(score=[0.86, 0.09, 0.05]), folder / "modalities.csv")


class Page(HTMLParser):
    """Tags with attributes, text, and the cells of the ladder: model → texts of its means."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)
        table = text.split('<table class="scores">')[1].split("</table>")[0]
        rows = re.findall(r'<th scope="row">([^<]*)<small>(.*?)</tr>', table, re.DOTALL)
        self.ladder = {name: re.findall(r"<td[^>]*>([^<]*)<", row) for name, row in rows}
        self.intervals = {name: re.findall(r"<td[^>]*>[^<]*<small>([^<]*)<", row) for name, row in rows}

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def source(run):
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def changed(run, folder, name, change):
    """A copy of a run with one JSON file changed."""
    shutil.copytree(run, folder, dirs_exist_ok=True)
    table = json.loads((folder / name).read_text())
    change(table)
    (folder / name).write_text(json.dumps(table))
    return folder


def test_the_page_asks_for_nothing_from_anywhere(source, page):
    names = {tag for tag, _ in page.tags}
    assert not names & {
        "script",
        "link",
        "img",
        "image",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "video",
        "audio",
        "source",
    }
    for tag, attrs in page.tags:
        assert not {"src", "srcset", "action", "data", "poster", "background", "xlink:href"} & set(attrs), tag
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("href", "#").startswith("#")
    assert set(re.findall(r"url\((.)", source)) <= {"#"}
    assert "@import" not in source and "://" not in source
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_ids_are_unique_and_every_link_lands(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for _, attrs in page.tags if "href" in attrs} <= set(ids)


def test_every_number_of_the_ladder_is_the_one_in_metrics(run, page):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    rows = metrics.models | metrics.variants
    assert list(page.ladder) == list(rows)
    for name, row in rows.items():
        means = [f"{row[m].mean:.3f}".replace("-", "−") for m in METRICS]
        assert page.ladder[name] == [*means, f"{row['fit_seconds']:,.1f}"]
        ends = [[f"{end:.3f}".replace("-0.000", "0.000").replace("-", "−") for end in row[m].ci95] for m in METRICS]
        assert page.intervals[name] == [" to ".join(pair) for pair in ends]


def test_best_marks_the_right_end_of_each_column_and_no_variant(run):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    best = {m: {row.name for row in scores.ladder(metrics) if row.cells[i].best} for i, m in enumerate(scores.NAMES)}
    assert best["accuracy"] == {"single:rna", "single"}
    assert best["ece"] == {"majority"}
    assert not any(cell.best for row in scores.variants(metrics) for cell in row.cells)
    assert set(scores.NAMES) == set(METRICS) == set(scores.MEANINGS)


def test_the_verdict_repeats_the_comparisons(page):
    assert "graphfuse 0.879 accuracy (95 % interval" in page.text
    assert "no difference shown to the best rung chosen without looking (single, 0.880)" in page.text
    assert "the graphs: no difference shown to the same net without graphs (+0.001," in page.text
    assert "positive control" in page.text and "without:rna" in page.text
    assert "significant" not in page.text.lower()
    assert "Research use only; not for clinical decisions." in page.text


@pytest.mark.parametrize("verdict, words", [("better", "better than the same"), ("worse", "worse than the same")])
def test_the_verdict_uses_the_word_given(run, tmp_path, verdict, words):
    def change(table):
        next(c for c in table["comparisons"] if c["b"] == "no-graph" and c["metric"] == "accuracy")["verdict"] = verdict

    assert words in Page(write_report(changed(run, tmp_path, "metrics.json", change)).read_text()).text


def test_the_same_files_give_the_same_bytes(run, tmp_path):
    shutil.copytree(run, tmp_path / "elsewhere")
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first == write_report(tmp_path / "elsewhere").read_bytes()


def test_no_patient_and_no_path_is_named(run, source):
    for patient in pd.read_csv(run / "predictions.csv")["patient"].unique():
        assert patient not in source
    assert "/home/someone" not in source and "[a patient] has no miRNA" in source


def test_ids_in_notices_are_blotted_out_whole():
    found = markers.without_ids(["P-0001, P-0001-B and XP-0001 differ", "7 columns"], ["P-0001", "P-0001-B", "7"])
    assert found == ["[a patient], [a patient] and XP-0001 differ", "7 columns"]


def test_names_that_are_markup_are_harmless(tmp_path):
    evil = ["<script>alert(1)</script>", '"><img src=x onerror=a>', "$\\frac{", "=cmd()", "😀\u202e", "&amp;", "x" * 300, "NA"]
    classes = ["<b>bold</b>", "NA", "None"]
    folder = changed(make_run(tmp_path / "a", classes, 60, genes=evil), tmp_path / "b", "run.json", spoil)
    text = write_report(folder).read_text(encoding="utf-8")
    assert not {tag for tag, _ in Page(text).tags} & {"script", "img", "b-"}
    assert "<b>bold" not in text and "<i>" not in text
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        and "&lt;b&gt;bold" in text
        and "=cmd()" in text
        and "'=cmd()" not in text
    )


def spoil(table):
    table["cohort"], table["notices"] = "<i>x</i>", ["<i>notice</i>"]
    table["packages"]["<i>p</i>"] = "<i>1</i>"
    table["fitted"]["gates"]["<i>m</i>"] = {"modality": 1.0}


def test_without_rankings_it_says_how_to_make_them(tmp_path):
    found = Page(write_report(make_run(tmp_path, patients=60, ranked=False)).read_text())
    assert "graphfuse rank DIR" in found.text


def test_a_bare_run_has_a_report(tmp_path):
    def bare(table):
        table.update(fitted={}, notices=[], timings={}, manifest=None, protocol={}, recipe={})

    def few(table):
        table.update(variants={}, comparisons=[], models={"graphfuse": table["models"]["graphfuse"]})

    make_run(tmp_path / "a", patients=60, ranked=False)
    changed(tmp_path / "a", tmp_path / "b", "run.json", bare)
    changed(tmp_path / "b", tmp_path / "b2", "metrics.json", few)
    (tmp_path / "b2" / "predictions.csv").unlink()
    text = Page(write_report(tmp_path / "b2").read_text()).text
    assert "No comparisons" in text and "noted no gates" in text and "no predictions.csv" in text
    assert "positive control" not in text.lower()


@pytest.mark.parametrize("none", [None, float("nan")])
def test_unknown_scores_are_dashes(run, tmp_path, none):
    def change(table):
        for row in (table["models"]["graphfuse"], table["models"]["early"]):
            row["accuracy"] = {"mean": 0.5, "sd": 0.0, "ci95": [none, none]}
            row["auroc"] = {"mean": none, "sd": none, "ci95": [none, none]}
        table["models"]["late"]["macro_f1"] = {"mean": none, "sd": none, "ci95": [none, none]}

    found = Page(write_report(changed(run, tmp_path, "metrics.json", change)).read_text())
    assert "graphfuse 0.500 accuracy (no interval: too few folds)" in found.text
    assert found.ladder["early"][0] == "0.500" and found.ladder["early"][3] == "–" and found.intervals["early"][3] == ""
    assert "nan" not in found.text.lower().replace("nanofold", "").split()


@pytest.mark.parametrize("classes", [["AD", "control"], FIVE])
def test_small_counts_are_hidden_and_cannot_be_worked_out(tmp_path, classes):
    predictions = _predictions(np.random.default_rng(1), classes, 200, 2)
    counts = pd.crosstab(predictions["truth"], predictions["call"]).reindex(index=classes, columns=classes, fill_value=0) / 2
    table = scores.confusion(predictions, classes)
    for row, true in zip(table, counts.to_numpy()):
        shown = [cell.text for cell in row]
        hidden = [i for i, text in enumerate(shown) if text == "<5"]
        assert all(cell.share is None for cell in row if cell.text == "<5")
        assert not {"1", "2", "3", "4"} & set(shown)
        assert len(hidden) != 1 or sum("–" in text for text in shown) == 1
        for text, value in zip(shown, true):
            low, _, high = text.partition("–")
            assert (text == "<5" and value < 5) or int(low) - 1 <= value <= int(high or low) + 1
    assert any("–" in cell.text for row in table for cell in row) or len(classes) > 2


def test_a_row_without_small_counts_shows_them_all_and_the_limit_can_be_moved():
    table = pd.DataFrame({"repeat": "0", "truth": ["a"] * 20 + ["b"] * 12, "call": ["a"] * 14 + ["b"] * 6 + ["b"] * 12})
    assert [[cell.text for cell in row] for row in scores.confusion(table, ["a", "b"])] == [["14", "6"], ["0", "12"]]
    assert [cell.text for cell in scores.confusion(table, ["a", "b"], hide_below=10)[0]] == ["11–20", "<10"]


def test_calibration_bins_hold_their_own_and_leave_out_the_few():
    rng = np.random.default_rng(0)
    sure = np.repeat([0.55, 0.75, 0.97], [100, 60, 4])
    right = rng.random(164) < sure
    table = pd.DataFrame(
        {"repeat": "0", "truth": "a", "call": np.where(right, "a", "b"), "p_a": np.where(right, sure, 1 - sure)}
    )
    table["p_b"] = 1 - table["p_a"]
    bins = scores.calibration(table, ["a", "b"])
    assert [round(b.confidence, 2) for b in bins] == [0.55, 0.75]
    assert bins[0].right == pytest.approx(right[:100].mean()) and bins[0].low < bins[0].right < bins[0].high
    assert scores.wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_numbers_in_words():
    assert [scores.number(x) for x in (0.8794, -0.0004, -0.02, None, float("nan"))] == ["0.879", "0.000", "−0.020", "–", "–"]
    assert [scores.signed(x) for x in (0.01, -0.01, -0.0001, 0.0)] == ["+0.010", "−0.010", "0.000", "0.000"]
    assert [scores.count(n) for n in (0, 1, 4, 5, 1200)] == ["0", "<5", "<5", "5", "1,200"]
    assert [markers.duration(s) for s in (0.42, 31, 200, 7500)] == ["0.4 s", "31 s", "3 min 20 s", "2 h 5 min"]


def test_the_recipe_reads_back_as_toml(run):
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    assert tomllib.loads(markers.toml_text(recipe)) == recipe | {"select": {}}


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_what_is_no_run_directory_is_refused_and_an_old_report_stays(run, tmp_path, name):
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "report.html").write_text("old")
    (tmp_path / name).write_text("{")
    with pytest.raises(InputError, match=f"{name}: not valid JSON"):
        write_report(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="no such file; give the folder"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_table_without_its_columns_is_refused(run, tmp_path):
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "rankings" / "edges.csv").write_text("rank,id\n1,x\n")
    with pytest.raises(InputError, match=r"edges\.csv: no column kind"):
        write_report(tmp_path)
