"""What the entry point makes of every kind of end: exit codes, and one message without a
traceback."""

import sys

import pytest
import torch
import typer

import graphfuse.cli
from graphfuse.errors import InputError, LeakError


def _raising(error, cause=None):
    def app(**options):
        raise error from cause

    return app


@pytest.mark.parametrize(
    "error, cause, code, said",
    [
        (InputError("a.csv: no such file"), None, 2, "graphfuse: a.csv: no such file"),
        (LeakError("knows the held-out ones"), None, 2, "graphfuse: knows the held-out ones"),
        (OSError(28, "No space left on device", "out"), None, 2, "graphfuse: out: No space left"),
        (OSError("bad block"), None, 2, "graphfuse: output: bad block"),
        (MemoryError("Unable to allocate 9 TiB"), None, 2, "out of memory (Unable to allocate"),
        (MemoryError(), None, 2, "graphfuse: out of memory (no more is there)"),
        (KeyboardInterrupt(), None, 130, "graphfuse: stopped"),
        (typer.Abort(), KeyboardInterrupt(), 130, "graphfuse: stopped"),
        (typer.Abort(), EOFError("cut short"), 2, "graphfuse: a file ends too early (cut short)"),
    ],
)  # fmt: skip
def test_an_end_has_its_code_and_one_line(monkeypatch, capsys, error, cause, code, said):
    monkeypatch.setattr(graphfuse.cli, "app", _raising(error, cause))
    with pytest.raises(SystemExit) as stop:
        graphfuse.cli.main()
    assert stop.value.code == code
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_ctrl_c_within_a_command_says_what_was_kept(monkeypatch, capsys, tmp_path):
    """typer alone would end with 130 and say nothing."""

    def load(*_, **__):
        error = KeyboardInterrupt()
        error.add_note("the same command with --resume continues from 3 finished parts")
        raise error

    monkeypatch.setattr("graphfuse.api.train_runs.as_cohort", load)
    monkeypatch.setattr(sys, "argv", ["graphfuse", "train", "a.toml", "-o", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        graphfuse.cli.main()
    assert stop.value.code == 130
    said = "graphfuse: stopped; the same command with --resume continues from 3 finished parts\n"
    assert capsys.readouterr().err == said


def test_what_torch_cannot_have_is_out_of_memory(monkeypatch, capsys):
    """torch raises a RuntimeError with lines of C++ beneath."""

    def asks(standalone_mode):
        torch.empty(1 << 62, dtype=torch.uint8)

    monkeypatch.setattr(graphfuse.cli, "app", asks)
    with pytest.raises(SystemExit) as stop:
        graphfuse.cli.main()
    told = capsys.readouterr().err
    assert stop.value.code == 2 and told.count("\n") == 1, told
    assert told.startswith("graphfuse: out of memory (") and "fewer columns" in told


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["check"], ["check", "a.toml", "--nope"], ["train", "a.toml", "--seed", "x"],
     ["train", "a.toml", "--seed", "-1"],
     ["train", "a.toml", "-o"], ["rank", "run", "--top", "0"], ["check", "a.toml", "b.toml"]],
)  # fmt: skip
def test_a_wrong_command_line_has_code_2(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["graphfuse", *arguments])
    with pytest.raises(SystemExit) as stop:
        graphfuse.cli.main()
    assert stop.value.code == 2
    assert "Error: " in capsys.readouterr().err


def test_a_file_whose_name_is_no_text_is_refused_by_name(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    name = "\udcff.csv"  # how Python shows the byte 255
    try:
        (tmp_path / name).write_text("id,TP53,EGFR\na,1.5,2.5\nb,2.5,0.5\n")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system wants names of text")
    monkeypatch.setattr(sys, "argv", ["graphfuse", "init", name, "-o", "draft.toml"])
    with pytest.raises(SystemExit) as stop:
        graphfuse.cli.main()
    assert stop.value.code == 2
    assert "\\udcff.csv" in (said := capsys.readouterr().err) and "not UTF-8" in said
    assert [path.name for path in tmp_path.iterdir()] == [name]
