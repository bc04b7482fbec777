"""Names of modalities, outcomes, groups and layers: what no path or column holds is refused."""

import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.draft.draft_manifest import draft
from graphfuse.errors import InputError
from graphfuse.files.toml import parse, read_toml
from graphfuse.schema import Manifest, Recipe
from graphfuse.schema.names import (
    LONGEST,
    TAKEN_BY_LAYERS,
    TAKEN_BY_TABLES,
    name_fault,
    usable_name,
)

BAD = [
    "",
    "  ",
    " rna",
    "rna ",
    "../x",
    "a/b",
    "a\\b",
    "..",
    ".hidden",
    "a.",
    "a\nb",
    "a\0b",
    "a:b",
]
BAD += ["con", "NUL", "lpt1.csv", "x" * (LONGEST + 1), "a\u200bb", "a\u00a0b", "a\u202eb", "what?"]
GOOD = [
    "rna",
    "RNA-seq (2020)",
    "méthylation",
    "基因",
    "x" * LONGEST,
    "a b",
    "v1.2",
    "ER+",
    "score",
]


def manifest(modality="rna", outcome="subtype", group="site"):
    return {
        "name": "made",
        "modality": {modality: {"file": "rna.csv", "kind": "omics"}},
        "outcome": {outcome: {"kind": "class", "file": "l.csv", "column": "s"}},
        "groups": {group: {"id_slice": [0, 2]}},
    }


def refused(table, shape=Manifest):
    with pytest.raises(InputError) as caught:
        parse(table, shape, "m.toml")
    return str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_no_path_or_column_can_hold_is_one_fault(name):
    for where in ("modality", "outcome", "group"):
        said = refused(manifest(**{where: name}))
        assert said.startswith("m.toml: ") and "\n" not in said and "name" in said


@pytest.mark.parametrize("name", GOOD)
def test_names_that_people_use_are_taken(name):
    found = parse(manifest(name, name, f"{name[:70]} site"), Manifest, "m.toml")
    assert list(found.modality) == [name] and list(found.outcome) == [name]


def test_names_of_our_own_columns_and_words_are_refused():
    for name in ("patient", "Patient", "fold", "truth", "call", "flag"):
        assert "own outputs" in refused(manifest(outcome=name))
        assert "own outputs" in refused(manifest(group=name))
    for name in ("patient", "snf", "shared", "default"):
        assert "[modality] " + name in refused(manifest(modality=name))


def test_two_columns_of_one_name_are_refused():
    assert "'has_rna' would be two columns" in refused(manifest(outcome="has_rna"))
    table = manifest(outcome="death_event")
    event = {"column": "dead", "value": "1"}
    table["outcome"]["death"] = {
        "kind": "survival",
        "file": "l.csv",
        "time": "days",
        "event": event,
    }
    assert "'death_event' would be two columns" in refused(table)
    parse(manifest(outcome="site", group="site"), Manifest, "m.toml")  # the group is group:site


def test_recipes_cards_and_benches_are_named_as_cohorts_are():
    assert "[patient.layer] ../x" in refused(
        {"name": "r", "patient": {"layer": {"../x": {"of": "rna"}}}}, Recipe
    )
    assert "name: a name cannot hold '/'" in refused({"name": "a/b"}, Recipe)
    kinds = {"name": "r", "signalling": {"kinds": {"patient": ["rna"]}}}
    assert "own outputs" in refused(kinds, Recipe)


def test_tables_in_memory_are_named_as_those_of_files_are():
    rna = pd.DataFrame({"TP53": [1.5, 2.5]}, index=["P1", "P2"])
    arm = pd.Series({"P1": "a", "P2": "b"}, name="patient")
    with pytest.raises(InputError) as caught:
        Cohort.from_frames({"a/b": rna, 3: rna}, arm, groups={"fold": arm})
    said = str(caught.value)
    assert "table 'a/b': a name cannot hold '/'" in said and "table 3: a name is text" in said
    with pytest.raises(InputError, match=r"(?s)group 'fold': .*outcome 'patient': "):
        Cohort.from_frames({"rna": rna}, arm, groups={"fold": arm})


@pytest.mark.parametrize("name", BAD + ["patient", "default", "con"])
def test_a_name_can_be_made_usable(name):
    for taken in (TAKEN_BY_TABLES, TAKEN_BY_LAYERS):
        assert name_fault(usable_name(name, taken), taken) == ""


def test_a_draft_has_names_that_its_manifest_takes(tmp_path):
    ids = [f"P{number:02}" for number in range(40)]
    values = pd.DataFrame({f"G{g}": [0.1 * g + i for i in range(40)] for g in range(30)}, index=ids)
    values.to_csv(tmp_path / "patient.csv")
    labels = pd.DataFrame({"diagnosis/site": ["a", "b"] * 20}, index=ids)
    labels.to_csv(tmp_path / "labels.csv")
    text = draft([tmp_path / "patient.csv", tmp_path / "labels.csv"], "aux", tmp_path)
    (tmp_path / "m.toml").write_text(text)
    made = read_toml(tmp_path / "m.toml", Manifest)
    assert made.name == "aux-1" and list(made.modality) == ["patient-1"]
    assert list(made.outcome) == ["diagnosis-site"]


@pytest.mark.parametrize(
    "line",
    [
        "z = " + "[" * 5_000 + "]" * 5_000,
        "z = " + "{a = " * 5_000 + "1" + "}" * 5_000,
        ".".join(["a"] * 5_000) + " = 1",
        "[" + ".".join(["a"] * 5_000) + "]",
        "[outcome.s.labels." + ".".join(["a"] * 5_000) + "]",
        "[outcome.s.labels]\n" + "[".join(["z = "] + [""] * 500) + "]" * 500,
        "z = " + "9" * 5_000,
        "z = 2020-99-99",
    ],
    ids=["lists", "tables", "key", "heading", "labels", "labels' lists", "digits", "date"],
)
def test_toml_that_is_nested_or_long_without_end_is_one_message(tmp_path, line):
    (tmp_path / "m.toml").write_text(f'name = "m"\n{line}\n')
    with pytest.raises(InputError, match=r"m\.toml: (not valid TOML|tables and lists)") as caught:
        read_toml(tmp_path / "m.toml", Manifest)
    assert len(str(caught.value)) < 400
