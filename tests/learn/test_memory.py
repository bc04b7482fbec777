"""Chunks: everything once, in as few banks as fit."""

from __future__ import annotations

import gc
import itertools
import logging

import pytest
import torch

from graphfuse.learn.bank.memory import COPIES, HEADROOM, RANDOM, SPREAD, Size, chunks
from graphfuse.learn.linear.inner_folds import INNER_FOLDS
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs, Net, NetSpec

SIZE = Size(shared=100.0, own=10.0, step=40.0)


@pytest.mark.parametrize("folds, settings, seeds", [(5, 1, 3), (7, 4, 2), (1, 1, 1), (25, 6, 5)])
@pytest.mark.parametrize("budget", [1, 189, 300, 1000, 5000, 10**6])
def test_every_fold_and_setting_has_its_bank_and_fits(folds, settings, seeds, budget):
    found = chunks(SIZE, folds, settings, seeds, budget)
    pairs = [pair for chunk in found for pair in itertools.product(chunk.folds, chunk.settings)]
    assert sorted(pairs) == list(itertools.product(range(folds), range(settings)))
    for chunk in found:
        replicas = len(chunk.settings) * seeds
        assert chunk.at_once >= 1
        taken = SIZE.shared + replicas * SIZE.own + min(chunk.at_once, replicas) * SIZE.step
        least = SIZE.shared + seeds * SIZE.own + SIZE.step
        assert len(chunk.folds) * taken <= HEADROOM * budget or (
            HEADROOM * budget < least and chunk.at_once == len(chunk.folds) == 1
        )


def test_what_fits_whole_is_one_bank_and_says_nothing(caplog):
    caplog.set_level(logging.INFO)
    (chunk,) = chunks(SIZE, 5, 2, 3, 5 * (100 + 6 * 50) / HEADROOM)
    assert (chunk.folds, chunk.settings, chunk.at_once) == ([0, 1, 2, 3, 4], [0, 1], 6)
    assert not caplog.records


def test_what_does_not_fit_is_counted_and_what_cannot_is_warned_of(caplog):
    caplog.set_level(logging.INFO)
    assert len(chunks(SIZE, 5, 1, 3, 2 * (100 + 3 * 50) / HEADROOM)) == 3
    assert "5 folds × 3 replicas in 3 banks" in caplog.text
    chunks(SIZE, 5, 1, 3, 1)
    assert "more than memory_gb" in caplog.text


def tables(n, features, width):
    """A net whose encoders are tables, and what it sees."""
    torch.manual_seed(0)
    nobody = EdgeLists.build(
        torch.zeros(n + 1).long(), torch.zeros(0).long(), torch.zeros(0).double(), n
    )
    x = tuple(torch.randn(n, f).double() for f in features)
    start, bias = torch.zeros(n, 2, 3, 2).double(), torch.zeros(n, 2, 2).double()
    inputs = Inputs(x, torch.ones(n, 2).double(), start, bias, (nobody,) * 2)
    return Net(NetSpec(("table",) * 2, features, "mean", "gated", "class", width, 2)), inputs


def test_the_size_of_a_replica_is_what_it_keeps():
    """n × M × D numbers of each stage, and no table twice."""
    n, features, width = 50, (300, 200), 8
    net, inputs = tables(n, features, width)
    size = Size.of(net, inputs, torch.float32)
    parameters = sum(p.numel() for p in net.parameters())
    heard = (
        sum(each.numel() * each.element_size() for lists in inputs.lists for each in lists)
        / INNER_FOLDS
    )
    assert size.own == COPIES * parameters * 4 + RANDOM * n * 2 * width + heard
    stage = n * 2 * width * 4
    assert 3 * SPREAD * stage < size.step < 20 * SPREAD * stage < SPREAD * n * sum(features) * 4
    assert size.shared > n * sum(features) * 4
    assert Size.of(net, inputs, torch.float64).step == pytest.approx(2 * size.step)


def test_finding_the_size_leaves_nothing_behind():
    net, inputs = tables(50, (300, 200), 8)
    Size.of(net, inputs, torch.float32)
    gc.collect()
    before = sum(type(each) is torch.Tensor for each in gc.get_objects())
    Size.of(net, inputs, torch.float32)
    gc.collect()
    assert sum(type(each) is torch.Tensor for each in gc.get_objects()) == before
