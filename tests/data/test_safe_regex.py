"""Patterns of manifests: as Python's re has them, and stopped where they would not end."""

import threading
import time

import pytest

from graphfuse.data import safe_regex
from graphfuse.data.safe_regex import first_groups
from graphfuse.errors import InputError

HANGS = "^(a+)+$"


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(safe_regex, "SECONDS", 0.7)


def test_first_group_or_whole_match_or_none():
    assert first_groups("^(.+)_[0-9]+$", ["HLA_F_3134", "odd"]) == ["HLA_F", None]
    assert first_groups("TP5.", ["TP53", "ä\ud800"]) == ["TP53", None]
    assert first_groups("(?:x|(y))z", ["xz", "yz"]) == [None, "y"]
    assert first_groups("^(.+)$", []) == []
    assert first_groups("^(.+)_é$", ["ÄB_é"]) == ["ÄB"]


@pytest.mark.parametrize("pattern", ["(", "(?P<x", "a{99999999999}", "\\"])
def test_what_is_no_pattern_is_said(pattern):
    with pytest.raises(InputError, match="is no regular expression"):
        first_groups(pattern, ["a"])
    with pytest.raises(InputError, match="at most 1,000 characters"):
        first_groups(pattern * 1_001, ["a"])


def test_a_pattern_that_would_not_end_is_stopped_in_any_thread(hurried):
    said = []

    def search():
        with pytest.raises(InputError, match=r"takes more than .*; simplify it") as caught:
            first_groups(HANGS, ["a" * 60 + "!"])
        said.append(str(caught.value))

    began = time.monotonic()
    thread = threading.Thread(target=search)
    thread.start()
    thread.join(20)
    assert len(said) == 1 and time.monotonic() - began < 20


def test_it_is_told_with_its_modality(hurried, tmp_path, shell):
    name = "a" * 60 + "!"
    (tmp_path / "rna.csv").write_text(f"id,{name}\nP1,1.5\nP2,2.5\n")
    (tmp_path / "m.toml").write_text(
        'name = "m"\n[modality.rna]\nfile = "rna.csv"\nkind = "omics"\nentity = "gene"\n'
        f'symbol = "{HANGS}"\n'
    )
    done = shell(tmp_path, "check", "m.toml")
    assert done.returncode == 2 and "[modality.rna] rna.csv: symbol = '^(a+)+$'" in done.stderr
