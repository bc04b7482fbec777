"""The command line: `graphfuse COMMAND`. Exit codes: 0; 2 for bad input, with one message; 130
after Ctrl-C, 143 after SIGTERM."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from graphfuse.cli.options import app, unwrapped
from graphfuse.errors import GraphfuseError, reason

# Each module registers its commands; --help lists them in this order.
# isort: off
from graphfuse.cli import cohort_commands, audit, planning, run_commands  # noqa: F401
from graphfuse.cli import explain, evaluation_commands, subtypes, check_part  # noqa: F401

# isort: on


for _command in app.registered_commands:
    _command.help = unwrapped(_command.callback.__doc__)


def main() -> None:
    """The entry point: turns graphfuse's errors into one message and exit code 2, Ctrl-C into 130
    and SIGTERM into 143."""
    _hush_libraries()
    try:
        with _terminable():
            code = app(standalone_mode=False)
    except typer.Abort as error:
        cause = error.__cause__
        code = _refused(cause) if isinstance(cause, EOFError) else _stopped(cause, 130)
    except KeyboardInterrupt as error:
        code = _stopped(error, 130)
    except _TerminatedError as error:
        code = _stopped(error, 143)
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
    """Keeps other libraries' warnings, which are meant for programmers, from the terminal."""
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.CRITICAL)


class _TerminatedError(BaseException):
    """The system, or a queue of jobs, asks the process to end. Nothing that catches errors may
    catch it, as with Ctrl-C."""


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block in order, so that what is tidied after Ctrl-C is tidied."""

    def end(number: int, frame: object) -> None:
        raise _TerminatedError

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stopped(cause: BaseException | None, code: int) -> int:
    """Says that the process was asked to end, and what to do with what it had finished; gives the
    exit code."""
    typer.echo(f"graphfuse: stopped{_noted(cause)}", err=True)
    return code


def _noted(error: BaseException | None) -> str:
    return "".join(f"; {note}" for note in getattr(error, "__notes__", ()))


def _refused(error: BaseException) -> int:
    """Says what is wrong, in one message; gives the exit code."""
    typer.echo(f"graphfuse: {_in_words(error)}{_noted(error)}", err=True)
    return 2


def _is_of_memory(error: Exception) -> bool:
    """Whether torch, which has no MemoryError, could not have what it asked for."""
    message = str(error)
    is_full = "can't allocate memory" in message or "out of memory" in message
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
