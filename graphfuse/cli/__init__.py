"""The same verbs for the shell. Exit codes: 0; 2 for bad input, with one message; 130 after
Ctrl-C."""

from __future__ import annotations

import sys

import typer

from graphfuse.cli.app import app
from graphfuse.errors import GraphfuseError

# Each registers its commands, in this order.
# isort: off
from graphfuse.cli import cohorts, audit, runs, evaluate, subtypes, parts  # noqa: F401

# isort: on


def main() -> None:
    """The entry point: turns graphfuse's errors into one message and exit code 2, Ctrl-C into
    130."""
    try:
        code = app(standalone_mode=False)
    except GraphfuseError as error:
        typer.echo(f"graphfuse: {error}", err=True)
        code = 2
    except OSError as error:
        typer.echo(
            f"graphfuse: {error.filename or 'output'}: {error.strerror}; choose another "
            "place or free it",
            err=True,
        )
        code = 2
    except (KeyboardInterrupt, typer.Abort):  # Ctrl-C arrives as either
        typer.echo("graphfuse: stopped", err=True)
        code = 130
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        error.show()  # a usage error of the command line itself
        code = error.exit_code
    sys.exit(code or 0)
