"""The report of a made run directory: what it says, what it hides, and that it is safe to open."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.report.run_page import write_report
from graphfuse.schema import Metrics
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class").names


class Page(HTMLParser):
    """Tags with attributes, text, and cells of the table of scores: model → texts of its means."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)
        text = text.replace("<wbr>", "")
        table = text.split('<table class="scores">')[1].split("</table>")[0]
        rows = re.findall(r'<th scope="row">([^<]*)<small>(.*?)</tr>', table, re.DOTALL)
        self.means = {name: re.findall(r"<td[^>]*>([^<]*)<", row) for name, row in rows}
        self.intervals = {
            name: re.findall(r"<td[^>]*>[^<]*<small>([^<]*)<", row) for name, row in rows
        }

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def source(run):
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def changed(run, folder, name, change):
    """A copy of a run with one JSON file changed."""
    if run != folder:
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
        assert not {"src", "srcset", "action", "data", "poster", "background", "xlink:href"} & set(
            attrs
        ), tag
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("href", "#").startswith("#")
    assert set(re.findall(r"url\((.)", source)) <= {"#"}
    assert "@import" not in source and "://" not in source
    policy = next(
        attrs["content"]
        for _, attrs in page.tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_ids_are_unique_and_every_link_lands(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for _, attrs in page.tags if "href" in attrs} <= set(ids)


def test_every_number_of_the_ladder_is_the_one_in_metrics(run, page):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    rows = metrics.models | metrics.variants
    assert list(page.means) == list(rows)
    for name, row in rows.items():
        means = [f"{row[m].mean:.3f}".replace("-", "−") for m in METRICS]
        assert page.means[name] == [*means, f"{row['fit_seconds']:,.1f}"]
        ends = [
            [f"{end:.3f}".replace("-0.000", "0.000").replace("-", "−") for end in row[m].ci95]
            for m in METRICS
        ]
        assert page.intervals[name] == [" to ".join(pair) for pair in ends]


def test_the_verdict_repeats_the_comparisons(page):
    assert "graphfuse 0.879 accuracy (95 % interval" in page.text
    assert (
        "no difference shown to the single modality chosen by inner folds (single, 0.880), "
        "which is also the"
    ) in page.text
    assert "the graphs: no difference shown to the same net without graphs (+0.001," in page.text
    assert "positive control" in page.text and "without:rna" in page.text
    assert "significant" not in page.text.lower()
    assert "Research use only; not for clinical decisions." in page.text


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize(
    "verdict, words", [("better", "better than the same"), ("worse", "worse than the same")]
)
def test_the_verdict_uses_the_word_given(run, tmp_path, verdict, words):
    def change(table):
        next(c for c in table["comparisons"] if c["b"] == "no-graph" and c["metric"] == "accuracy")[
            "verdict"
        ] = verdict

    assert (
        words in Page(write_report(changed(run, tmp_path, "metrics.json", change)).read_text()).text
    )


def test_sections_without_data_are_left_out(source):
    assert not [
        name
        for name in ("graphs", "modalities", "groups")
        if f'id="{name}"' in source or f'href="#{name}"' in source
    ]
    assert 'id="leaks"' in source and "Decision-curve analysis" in source


@pytest.fixture(scope="module")
def evaluated_source(evaluated):
    return write_report(evaluated).read_text(encoding="utf-8")


def test_an_evaluated_run_has_every_section_and_is_as_safe(evaluated, evaluated_source):
    source, found = evaluated_source, Page(evaluated_source)
    for name in ("graphs", "modalities", "groups", "leaks"):
        assert f'<section id="{name}">' in source and f'href="#{name}"' in source
    test_the_page_asks_for_nothing_from_anywhere(source, found)
    test_ids_are_unique_and_every_link_lands(found)
    test_no_patient_and_no_path_is_named(evaluated, source)
    assert all(attrs.get("aria-label") for tag, attrs in found.tags if tag == "svg")
    assert (
        "The patient graph adds 0.5 points of accuracy (−0.7 to 1.7): no gain shown." in found.text
    )
    assert (
        "The gene network adds 1.9 points of accuracy (0.7 to 3.1): a gain is shown." in found.text
    )
    assert "Cross-modal interactions: no gain from them is shown." in found.text


def test_variants_with_a_section_of_their_own_do_not_crowd_the_baselines(evaluated_source):
    found = Page(evaluated_source)
    assert [name for name in found.means if ":" in name and not name.startswith("single")] == [
        "without:rna",
        "group:site",
    ]


@pytest.mark.usefixtures("words_alone")
def test_what_intervals_stand_on_is_said(run, page, tmp_path):
    def held_out(table):
        table["protocol"]["interval"] = "bootstrap"

    assert "corrected for overlapping training sets" in page.text
    text = Page(write_report(changed(run, tmp_path, "run.json", held_out)).read_text()).text
    assert (
        "over resampled patients of the held-out part" in text
        and "overlapping training sets" not in text
    )


@pytest.mark.usefixtures("words_alone")
def test_a_derived_label_is_told_even_where_nothing_could_be_withheld(run, tmp_path):
    folder = changed(
        run, tmp_path, "run.json", lambda table: table["fitted"].update(derived_from=["meth"])
    )
    text = Page(
        write_report(
            changed(folder, tmp_path, "metrics.json", lambda table: table.update(variants={}))
        ).read_text()
    ).text
    assert "The label is derived from meth" in text and "Rows that tell something new" not in text


def test_the_same_files_give_the_same_bytes(run, source, tmp_path):
    elsewhere = shutil.copytree(run, tmp_path / "elsewhere")
    assert write_report(elsewhere).read_text(encoding="utf-8") == source


def test_no_patient_and_no_path_is_named(run, source):
    for patient in pd.read_csv(run / "predictions.csv")["patient"].unique():
        assert patient not in source
    assert "/home/someone" not in source and "[a patient] has no miRNA" in source


def test_names_that_are_markup_are_harmless(make_run, tmp_path):
    evil = [
        "<script>alert(1)</script>",
        '"><img src=x onerror=a>',
        "$\\frac{",
        "=cmd()",
        "😀\u202e",
        "&amp;",
        "x" * 300,
        "NA",
    ]
    classes = ["<b>bold</b>", "NA", "None"]
    folder = changed(
        make_run(tmp_path / "a", classes, 60, genes=evil), tmp_path / "b", "run.json", spoil
    )
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


@pytest.mark.usefixtures("words_alone")
def test_without_rankings_it_says_how_to_make_them(make_run, tmp_path):
    found = Page(write_report(make_run(tmp_path, patients=60, ranked=False)).read_text())
    assert "graphfuse rank DIR" in found.text


def test_a_bare_run_has_a_report(make_run, tmp_path):
    def bare(table):
        table.update(fitted={}, notices=[], timings={}, manifest=None, protocol={}, recipe={})

    def few(table):
        table.update(
            variants={}, comparisons=[], models={"graphfuse": table["models"]["graphfuse"]}
        )

    make_run(tmp_path / "a", patients=60, ranked=False)
    changed(tmp_path / "a", tmp_path / "b", "run.json", bare)
    changed(tmp_path / "b", tmp_path / "b2", "metrics.json", few)
    (tmp_path / "b2" / "predictions.csv").unlink()
    text = Page(write_report(tmp_path / "b2").read_text()).text
    assert (
        "No comparisons" in text
        and "holds no learned weights" in text
        and "no predictions.csv" in text
    )
    assert "positive control" not in text.lower()


@pytest.mark.usefixtures("words_alone")
def test_unknown_scores_are_dashes(run, tmp_path):
    def change(table):
        for row in (table["models"]["graphfuse"], table["models"]["early"]):
            row["accuracy"] = {"mean": 0.5, "sd": 0.0, "ci95": [None, None]}
            row["auroc"] = {"mean": None, "sd": None, "ci95": [None, None]}
        table["models"]["late"]["macro_f1"] = {"mean": None, "sd": None, "ci95": [None, None]}

    found = Page(write_report(changed(run, tmp_path, "metrics.json", change)).read_text())
    assert "graphfuse 0.500 accuracy (no interval: too few folds)" in found.text
    assert (
        found.means["early"][0] == "0.500"
        and found.means["early"][3] == "–"
        and found.intervals["early"][3] == ""
    )
    assert "nan" not in found.text.lower().split()


@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_what_is_no_run_directory_is_refused_and_an_old_report_stays(run, tmp_path, name):
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "report.html").write_text("old")
    (tmp_path / name).write_text("{")
    with pytest.raises(InputError, match=f"{name}: damaged: not valid JSON"):
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


def test_rankings_of_an_older_version_are_refused_with_a_cure(run, tmp_path):
    """Their scores meant something else."""
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "rankings" / "genes.csv"
    table = pd.read_csv(path).drop(columns=["marginal", "q", "level"])
    table.to_csv(path, index=False)
    cure = r"genes\.csv: no column marginal, q, level; make the file again with this version"
    with pytest.raises(InputError, match=cure):
        write_report(tmp_path)


@pytest.mark.usefixtures("words_alone")
def test_markers_show_what_they_tell_alone_and_what_is_missingness(run, tmp_path):
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "rankings" / "genes.csv"
    table = pd.read_csv(path)
    first = {
        "marginal": 0.912,
        "marginal_lo": 0.85,
        "marginal_hi": 0.95,
        "marginal_class": "Basal",
        "effect": -1.2,
        "q": 1e-7,
        "missing_share": 0.4,
    }
    table = table.astype(dict.fromkeys(first, object))
    table.loc[0, list(first)] = list(first.values())
    table.to_csv(path, index=False)
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "0.91 (0.85 to 0.95), lower in Basal" in page and "&lt; 0.001" in page
    assert page.count("<small>partly missingness</small>") == 1 and "alone: AUROC" in page
    assert "Partly missingness: a fifth or more of the score" in page
