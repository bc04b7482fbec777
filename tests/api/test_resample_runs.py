"""The recipe of a run, as resamples find it: its files, and the parts that may be run."""

import pytest

from graphfuse.api.resample_runs import found_recipe
from graphfuse.errors import InputError
from graphfuse.schema import Recipe

SETS = Recipe.model_validate({"name": "sets", "pathways": {"sets": "mine.gmt"}})
PART = Recipe.model_validate({"name": "part", "net": {"fuse": "mine.py:Mean"}})


def test_a_file_is_found_in_the_working_folder_or_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"its recipe's file 'mine.gmt' is not to be found"):
        found_recipe(SETS, tmp_path / "run", ())
    (tmp_path / "mine.gmt").write_text("one\t\tA\tB\n")
    assert found_recipe(SETS, tmp_path / "run", ()).pathways.sets == str(tmp_path / "mine.gmt")


def test_a_part_of_the_users_own_runs_only_where_it_is_allowed(tmp_path):
    with pytest.raises(InputError, match=r"allow it by --allow-part mine.py"):
        found_recipe(PART, tmp_path, ())
    file = tmp_path / "elsewhere" / "mine.py"
    for allowed in (file, [file]):
        assert found_recipe(PART, tmp_path, allowed).net.fuse == f"{file}:Mean"
