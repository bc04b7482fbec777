"""The same verbs for the shell. Exit codes: 0; 2 for bad input, with one message; 130 after
Ctrl-C."""

from __future__ import annotations

import logging
import sys

import typer

from graphfuse.cli.app import app
from graphfuse.errors import GraphfuseError, reason

# Each registers its commands, in this order.
# isort: off
from graphfuse.cli import cohorts, audit, runs, evaluate, subtypes, parts  # noqa: F401

# isort: on


def main() -> None:
    """The entry point: turns graphfuse's errors into one message and exit code 2, Ctrl-C into
    130."""
    _hush_libraries()
    try:
        code = app(standalone_mode=False)
    except typer.Abort as error:
        code = _refused(error.__cause__) if isinstance(error.__cause__, EOFError) else _stopped()
    except KeyboardInterrupt:
        code = _stopped()
    except (GraphfuseError, OSError, MemoryError) as error:
        code = _refused(error)
    except Exception as error:
        if _is_of_memory(error):
            code = _refused(MemoryError(reason(error)))
        elif hasattr(error, "exit_code"):
            error.show()  # a usage error of the command line itself
            code = error.exit_code
        else:
            raise
    sys.exit(code or 0)


def _hush_libraries() -> None:
    """Keeps other libraries' warnings, which speak to programmers, from the terminal."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.CRITICAL)


def _stopped() -> int:
    """Says that Ctrl-C was heard; gives the exit code."""
    typer.echo("graphfuse: stopped", err=True)
    return 130


def _refused(error: BaseException) -> int:
    """Says what is wrong, in one message; gives the exit code."""
    typer.echo(f"graphfuse: {_in_words(error)}", err=True)
    return 2


def _is_of_memory(error: Exception) -> bool:
    """Whether torch, which has no MemoryError, could not have what it asked for."""
    said = str(error)
    is_full = "can't allocate memory" in said or "out of memory" in said
    return isinstance(error, RuntimeError) and is_full


def _in_words(error: BaseException) -> str:
    if isinstance(error, OSError):
        place, why = error.filename or "output", error.strerror or error
        return f"{place}: {why}; choose another place or free it"
    if isinstance(error, MemoryError):
        why = str(error) or "no more is there"
        return (
            f"out of memory ({why}); give fewer columns or patients, a smaller width in the "
            "recipe, or a larger machine"
        )
    if isinstance(error, EOFError):  # the shell's library would take it for Ctrl-C
        return f"a file ends too early ({error or 'end of file'}); obtain it again"
    return str(error)
