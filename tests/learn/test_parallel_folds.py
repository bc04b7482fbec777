"""Threads side by side: warnings stay quiet in them, and a forked process does not wait for those
of its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings

import pytest

from graphfuse.learn.parallel_folds import side_by_side

FORKED = """
import multiprocessing
from graphfuse.learn.parallel_folds import side_by_side
import torch

def double(number):
    torch.ones(400, 400) @ torch.ones(400, 400)
    return sum(side_by_side(lambda each: 2 * each, range(number)))

if __name__ == "__main__":
    torch.ones(4000, 400) @ torch.ones(400, 4000)
    double(4)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(double, [3, 4]))
"""


def noisy(number: int) -> int:
    """Changes the filters of warnings and puts them back, as every tree of a forest does."""
    for _ in range(50):
        with warnings.catch_warnings():
            warnings.filters = list(warnings.filters)
            time.sleep(1e-4 * (number % 3))
            warnings.warn(f"{number} means little", UserWarning, stacklevel=1)
    return number


def test_threads_that_change_filters_warn_nobody_and_leave_them_as_they_were():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        assert side_by_side(noisy, range(20)) == list(range(20))
        assert warnings.filters == before
    assert not caught


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_process_has_threads_of_its_own():
    ran = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.stdout.strip() == "[6, 12]", ran.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity to set")
def test_there_are_as_many_threads_as_processors_that_may_be_used():
    asked = """
import os, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from graphfuse.learn.parallel_folds import side_by_side

def who(number):
    time.sleep(0.02)
    return threading.get_ident()

print(len(set(side_by_side(who, range(6)))))
"""
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert answer.stdout.strip() == "1", answer.stderr
