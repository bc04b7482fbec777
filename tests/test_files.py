"""Files: what TOML says is told in a person's words, once a place."""

import tomllib

import pytest

from graphfuse.errors import InputError
from graphfuse.files.toml import located, parse, read_toml, resolve
from graphfuse.schema import Manifest, Recipe


def told(text, shape=Recipe):
    with pytest.raises(InputError) as caught:
        parse(tomllib.loads(f'name = "made"\n{text}'), shape, "made.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[train]\nlearning_rate = -0.1",
            "[train] learning_rate: Input should be greater than or equal to 0 (got -0.1)",
        ),
        (
            "[train]\nlearning_rate = [0.1, -1]",
            "[train] learning_rate[1]: Input should be greater than or equal to 0 (got -1)",
        ),
        (
            "[patient]\nlayers = 'rna'",
            (
                "[patient] layers: Input should be 'each', 'shared' or 'snf', or a valid list "
                "(got 'rna')"
            ),
        ),
        (
            "[net]\nencode = 3",
            "[net] encode: Input should be a valid string, or a valid dictionary (got 3)",
        ),
        ("[net]\nencode = { rna = 3 }", "[net.encode] rna: Input should be a valid string (got 3)"),
        (
            "[signalling]\nkinds = 3",
            "[signalling] kinds: Input should be 'auto', or a valid dictionary (got 3)",
        ),
        (
            '[patient]\nrule = "radius"',
            '[patient] rule = "radius" needs radius = the greatest distance',
        ),
        (
            '[patient.layer.a]\nrule = "radius"',
            '[patient.layer.a] rule = "radius" needs radius = the greatest distance',
        ),
    ],
    ids=[
        "rate",
        "rate of a list",
        "layers",
        "encode",
        "encode of one",
        "kinds",
        "rule",
        "rule of a layer",
    ],
)
def test_a_key_of_several_kinds_is_told_once(text, said):
    assert told(text) == f"made.toml: {said}"


def test_every_wrong_item_of_a_list_is_told():
    said = told("[train]\nlearning_rate = [-1, 0.1, -2]\nweight_decay = -3")
    assert "3 things to correct" in said and all(
        word in said for word in ("rate[0]", "rate[2]", "weight_decay:")
    )


def test_two_keys_that_are_missing_are_two_faults():
    said = told("[outcome.a]\n[modality.rna]\nvalues = 'log'", Manifest)
    assert "4 things to correct" in said and said.count("is missing") == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'epochs = "200"',
            "[train] epochs: expected a whole number (got '200'); write it without quotes",
        ),
        ("epochs = true", "[train] epochs: expected a whole number (got True)"),
        (
            'dropout = "0.1"',
            "[train] dropout: expected a number (got '0.1'); write it without quotes",
        ),
        (
            'learning_rate = [0.1, "0.2"]',
            "[train] learning_rate[1]: expected a number (got '0.2'); write it without quotes",
        ),
        (
            'amp = "true"',
            "[train] amp: expected true or false (got 'true'); write it without quotes",
        ),
        ("amp = 1", "[train] amp: expected true or false (got 1)"),
    ],
    ids=["whole", "truth", "number", "of a list", "truth in quotes", "number for truth"],
)
def test_numbers_are_numbers(text, said):
    assert told(f"[train]\n{text}") == f"made.toml: {said}"


def test_a_whole_number_is_a_number_and_text_may_be_one():
    made = parse(
        tomllib.loads('name = "r"\n[train]\ndropout = 0\nlearning_rate = [1, 0.1]\n'),
        Recipe,
        "r.toml",
    )
    assert made.train.dropout == 0.0 and made.train.learning_rate == [1.0, 0.1]
    groups = '[modality.rna]\nfile = "f"\nkind = "omics"\n[groups]\nsite = { id_slice = [5, 7] }\n'
    assert parse(tomllib.loads(f'name = "m"\n{groups}'), Manifest, "m").groups["site"].id_slice == (
        5,
        7,
    )
    assert "id_slice[0]: expected a whole number (got '5')" in told(
        groups.replace("[5", '["5"'), Manifest
    )
    event = (
        '[outcome.o]\nkind = "survival"\nfile = "f"\ntime = "t"\nevent = { column = "d", value '
        "= 1 }\n"
    )
    assert (
        parse(tomllib.loads(f'name = "m"\n{event}{groups}'), Manifest, "m").outcome["o"].event.value
        == "1"
    )


def test_a_table_is_no_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rna.csv").write_text("id,a\nP,1\n")
    with pytest.raises(
        InputError, match=r"^rna.csv: this is a table, no manifest; `graphfuse init rna.csv` drafts"
    ):
        resolve("rna.csv", "data_manifests")
    with pytest.raises(InputError, match="no such name in data_manifests/"):
        resolve("gone.csv", "data_manifests")


def test_a_file_is_told_by_its_path(tmp_path):
    (tmp_path / "r.toml").write_text('name = "r"\n[train]\nepochs = "9"\n')
    with pytest.raises(InputError, match=r"r\.toml: \[train\] epochs: expected a whole number"):
        read_toml(tmp_path / "r.toml", Recipe)


def test_files_are_located_in_the_first_folder_that_has_them(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "cards").mkdir(parents=True)
    (second / "edges.csv").write_text("")
    (second / "cards" / "mine.toml").write_text("")
    folders = [first, second]
    assert located("edges.csv", folders) == str((second / "edges.csv").resolve())
    (first / "edges.csv").write_text("")
    assert located("edges.csv", folders) == str((first / "edges.csv").resolve())
    assert located("mine", folders) == "mine"
    assert located("mine", folders, "cards") == str((second / "cards" / "mine.toml").resolve())
    assert located("theirs", folders, "cards") == "theirs"
