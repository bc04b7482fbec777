"""How long the package takes to start. By the clock, and so apart from the tests that every run
has."""

import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow


def seconds_of(*arguments):
    """Seconds that a new interpreter takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=120)
    return time.perf_counter() - began


def test_the_package_loads_at_once():
    bare = min(seconds_of("-c", "") for _ in range(3))
    assert min(seconds_of("-c", "import graphfuse") for _ in range(3)) < bare + 0.5


def test_help_comes_in_seconds():
    code = "import sys; from graphfuse.cli import main; sys.argv = ['graphfuse', '--help']; main()"
    assert seconds_of("-c", code) < 20
