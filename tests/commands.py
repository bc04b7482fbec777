"""graphfuse's command called in this process: starting Python anew for each would take minutes."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest


@contextmanager
def logging_kept() -> Iterator[None]:
    """Commands set up logging; afterwards it is as it was."""
    root, own = logging.getLogger(), logging.getLogger("graphfuse")
    handlers, levels = root.handlers[:], (root.level, own.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])


def call(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    """What `graphfuse *arguments` does in a folder."""
    from graphfuse.cli import main

    out, err = io.StringIO(), io.StringIO()
    typed = ["graphfuse", *map(str, arguments)]
    with (
        chdir(folder),
        logging_kept(),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", typed)
        with pytest.raises(SystemExit) as stop:
            main()
    code = stop.value.code or 0
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
