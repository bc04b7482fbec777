"""The contract suite catches what it is there to catch: planted bad parts, each with one thing wrong."""

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from graphfuse.errors import InputError
from graphfuse.nn.contract import check
from graphfuse.nn.lists import aggregate
from graphfuse.nn.parts import Encode, Fuse, Head, Propagate


class Sum(Fuse):
    """A good fusion; the bad ones differ in one thing."""

    def __init__(self, dim, modalities):
        super().__init__()
        self.map = nn.Linear(dim, dim)

    def forward(self, h, present):
        return self.map(h.mean(2).sum(1))


class Zero(Head):
    """A good head."""

    def __init__(self, dim, classes):
        super().__init__()
        self.out = nn.Linear(dim, classes)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z):
        return self.out(z)


class Plain(Encode):
    """A good encoder."""

    linear = True

    def __init__(self, features, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, width))

    def forward(self, x):
        return (x @ self.weight)[:, None]


class Hops(Encode):
    """A good encoder that looks along the gene network."""

    hops = 1

    def __init__(self, features, width):
        super().__init__()
        self.weight, self.gate = nn.Parameter(torch.randn(features, width)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        own, far = (x @ self.weight).unbind(1)
        return (own + self.gate * far)[:, None]


class Message(Propagate):
    """A good propagator."""

    def __init__(self, width):
        super().__init__()
        self.map = nn.Linear(width, width)

    def forward(self, own, senders, lists):
        return self.map(aggregate(senders, lists))


class Drops(Sum):
    def __init__(self, dim, modalities):
        super().__init__(dim, modalities)
        self.drop = nn.Dropout(0.5)

    def forward(self, h, present):
        return self.drop(super().forward(h, present))


class DropsQuietly(Sum):
    def forward(self, h, present):
        return dropout(super().forward(h, present), 0.5, training=True)


class BatchStatistics(Sum):
    def __init__(self, dim, modalities):
        super().__init__(dim, modalities)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, h, present):
        return self.norm(super().forward(h, present))


class MixesPatients(Sum):
    def forward(self, h, present):
        out = super().forward(h, present)
        return out - out.mean(0)


class Deaf(Sum):
    def forward(self, h, present):
        return super().forward(h[:, :2], present)


class DividesByNobody(Sum):
    def forward(self, h, present):
        total = h.mean(2).sum(1)
        return self.map(total) / present[:, 1:].sum(1, keepdim=True)


class FixedModalities(Fuse):
    def __init__(self, dim, modalities):
        super().__init__()
        self.map = nn.Linear(3 * dim, dim)

    def forward(self, h, present):
        return self.map(h.mean(2).flatten(1))


class WrongWidth(Sum):
    def forward(self, h, present):
        return super().forward(h, present)[:, :-1]


class Boolean(Sum):
    """Its shapes depend on the data: no bank can hold it."""

    def forward(self, h, present):
        out = super().forward(h, present)
        out = out.clone()
        out[out > 0] *= 2
        return out


class Breaks(Sum):
    def forward(self, h, present):
        raise KeyError("mine")


class NotAtZero(Zero):
    def __init__(self, dim, classes):
        super().__init__(dim, classes)
        nn.init.ones_(self.out.bias)


class HeadMixes(Zero):
    def forward(self, z):
        return self.out(z - z.mean(0))


class HeadTooWide(Head):
    def __init__(self, dim, classes):
        super().__init__()

    def forward(self, z):
        return torch.zeros_like(z)


class NoTokens(Plain):
    def forward(self, x):
        return x @ self.weight


class NotLinear(Plain):
    def forward(self, x):
        return (x.relu() @ self.weight)[:, None]


class EncodeMixes(Plain):
    def forward(self, x):
        return ((x - x.mean(0)) @ self.weight)[:, None]


class OneGateForAll(Sum):
    """Harmless at its start, where the gate is 0: mixes patients once it opens."""

    def __init__(self, dim, modalities):
        super().__init__(dim, modalities)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, h, present):
        out = super().forward(h, present)
        return out + self.gate * out.mean(0)


class OpenDoor(Hops):
    def forward(self, x):
        own, far = (x @ self.weight).unbind(1)
        return (own + (self.gate + 0.1) * far)[:, None]


class CountsEdges(Message):
    """Forgets the weights: an edge of weight 0 still speaks."""

    def forward(self, own, senders, lists):
        return self.map(aggregate(senders, lists, torch.ones_like(lists.weight)))


class BySeat(Message):
    """Reads who sends from the place in the table."""

    def forward(self, own, senders, lists):
        seat = torch.arange(len(senders), dtype=senders.dtype)[:, None, None]
        return self.map(aggregate(senders * seat, lists))


class WrongReceivers(Message):
    def forward(self, own, senders, lists):
        return self.map(aggregate(senders, lists))[:-1]


@pytest.mark.parametrize("cls", [Sum, Zero, Plain, Hops, Message])
def test_good_parts_pass(cls):
    kept = check(cls)
    assert len(kept) == len(set(kept)) >= 7


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Drops, "no dropout, no batch statistics inside: holds Dropout"),
        (DropsQuietly, "the same call twice gives the same"),
        (BatchStatistics, "holds BatchNorm1d"),
        (MixesPatients, "a patient alone = in a batch"),
        (Deaf, "each present modality gets a gradient"),
        (DividesByNobody, "all but one absent is finite"),
        (FixedModalities, "one modality will do"),
        (WrongWidth, r"modalities become one: expected shape \(7, 8\), got \(7, 7\)"),
        (Boolean, "a bank of replicas = the loop over them"),
        (Breaks, "KeyError: 'mine'"),
        (NotAtZero, "starts at zero: a new head must give zeros"),
        (HeadTooWide, r"expected shape \(7, 4\), got \(7, 8\)"),
        (NoTokens, r"what it sees becomes \[N, T, D\]: expected shape \(7, None, 8\), got \(7, 8\)"),
        (NotLinear, "a rotation of the columns folds into `weight`"),
        (EncodeMixes, "a patient alone = in a batch"),
        (OpenDoor, "with its gate closed, the network is not there"),
        (CountsEdges, "an edge of weight 0 is no edge"),
        (BySeat, "the order of the senders does not matter"),
        (WrongReceivers, r"states become a message of their shape"),
    ],
)
def test_a_bad_part_is_caught_for_what_it_does(cls, said):
    with pytest.raises(InputError, match=said) as caught:
        check(cls)
    assert str(caught.value).startswith(f"{cls.__name__}: ")


@pytest.mark.parametrize("cls", [HeadMixes, OneGateForAll])
def test_what_shows_only_after_the_start_is_caught(cls):
    """A head or a gate at zero hides everything: the suite looks at parts a step further."""
    with pytest.raises(InputError, match="a patient alone = in a batch"):
        check(cls)


def test_a_finding_stands_alone():
    """One thing wrong is one finding: the suite does not drown it in others."""
    for cls in (Deaf, NotAtZero, OpenDoor, CountsEdges, BySeat, FixedModalities):
        with pytest.raises(InputError) as caught:
            check(cls)
        assert "things to mend" not in str(caught.value), cls.__name__


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(InputError, match="things to mend") as caught:
        check(type("Worse", (MixesPatients, Drops), {}), "mine.py:Worse")
    said = str(caught.value)
    assert said.startswith("mine.py:Worse: ") and "Dropout" in said and "alone" in said


def test_a_part_without_forward_says_what_to_write():
    class Nothing(Head):
        def __init__(self, dim, classes):
            super().__init__()

    with pytest.raises(InputError, match=r"must define forward\(\[N, D\]\) -> \[N, K\]"):
        check(Nothing)


def test_checking_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check(Sum)
    assert torch.equal(torch.rand(3), expected)
