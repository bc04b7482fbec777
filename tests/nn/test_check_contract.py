"""The contract suite catches what it is there to catch: planted bad parts, each with one thing
wrong."""

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from graphfuse.errors import InputError
from graphfuse.nn.check_contract import check
from graphfuse.nn.contract_checks import K
from graphfuse.nn.edge_lists import aggregate
from graphfuse.nn.slots import Encode, Fuse, Head, Propagate


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
        self.weight, self.gate = (
            nn.Parameter(torch.randn(features, width)),
            nn.Parameter(torch.zeros(1)),
        )

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


class Twice(Fuse):
    """A good fusion of decisions that is primed; the bad ones differ in one thing."""

    level, apart = "decision", True

    def __init__(self, dim, modalities):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, h, present):
        return self.scale * torch.where(present[..., None] > 0, h, 0.0).sum(1)

    def prime(self, held, present, codes):
        rows = (codes >= 0)[:, None] & (present > 0)
        self.scale.copy_(1 + torch.where(rows[..., None], held, 0.0).square().mean())


class OfNumbers(Twice):
    """A good fusion of any numbers, of one too."""

    of_probabilities = False


class OfSeveral(OfNumbers):
    """Says that it is, and takes a softmax, which is 1 of one number."""

    def forward(self, h, present):
        return super().forward(torch.log_softmax(h, -1), present)


class Looks(Twice):
    """Behind the mask."""

    def forward(self, h, present):
        return self.scale * h.sum(1)


class PrimedOnAll(Twice):
    """On the unlabelled too."""

    def prime(self, held, present, codes):
        super().prime(held, present, codes.clamp(min=0))


class PrimedByNobody(Twice):
    """Divides by the number of those labelled."""

    def prime(self, held, present, codes):
        super().prime(held, present, codes)
        self.scale.div_((codes >= 0).double().sum() / len(codes))


class Refuses(Twice):
    """Cannot be built for so many modalities."""

    def __init__(self, dim, modalities):
        super().__init__(dim, modalities)
        raise InputError(f"too many: {modalities}")


class Unheard(Sum):
    """Has a parameter that it does not use."""

    def __init__(self, dim, modalities):
        super().__init__(dim, modalities)
        self.spare = nn.Parameter(torch.zeros(dim))


class Both(Sum):
    """A good hybrid fusion."""

    level = "hybrid"

    def joint(self, h, present):
        return super().forward(h, present)

    def forward(self, h, present):
        return torch.where(present[..., None] > 0, h, 0.0).sum(1)


class NoJoint(Both):
    joint = None


class JointTooSlim(Both):
    def joint(self, h, present):
        return super().joint(h, present)[:, :K]


class BothApart(Both):
    apart = True


class Elsewhere(Sum):
    level = "desicion"


class OneToken(Sum):
    """Cannot take more."""

    def forward(self, h, present):
        return self.map(h.squeeze(2).sum(1))


class Attends(Sum):
    """A good fusion of tokens."""

    least_tokens = 2

    def forward(self, h, present):
        return self.map((torch.softmax(h, 2) * h).sum((1, 2)))


class InOrder(Attends):
    """Knows tokens by their place."""

    def forward(self, h, present):
        return self.map((torch.arange(h.shape[2])[:, None] * h).sum((1, 2)))


class Speaks(Message):
    """Says that it is quiet, and is not."""

    quiet = True


class ManyTokens(Plain):
    """Gives two and says nothing."""

    def forward(self, x):
        return super().forward(x).expand(-1, 2, -1)


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


@pytest.mark.parametrize("cls", [Sum, Zero, Plain, Hops, Message, Twice, OfNumbers, Both, Attends])
def test_good_parts_pass(cls):
    kept = check(cls)
    assert len(kept) == len(set(kept)) >= 7


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Drops, "no dropout, no batch statistics inside: holds Dropout"),
        (DropsQuietly, "the same call twice gives the same"),
        (
            DropsQuietly,
            (
                "a bank of .*: it draws random numbers; the bank draws dropout itself, so parts "
                "must not draw"
            ),
        ),
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
        (
            NoTokens,
            (
                r"what it sees becomes \[N, T, D\], T = its tokens: expected shape \(7, 1, 8\), "
                r"got \(7, 8\)"
            ),
        ),
        (NotLinear, "a rotation of the columns folds into `weight`"),
        (EncodeMixes, "a patient alone = in a batch"),
        (OpenDoor, "with its gate closed, the network is not there"),
        (CountsEdges, "an edge of weight 0 is no edge"),
        (BySeat, "the order of the senders does not matter"),
        (OfSeveral, r"one number of each modality will do: modalities \[0, 1, 2\] get none"),
        (Looks, "what lies behind the mask changes nothing"),
        (PrimedOnAll, "priming sees labelled patients and present modalities only"),
        (PrimedByNobody, "primed, its parameters are finite, whoever is labelled"),
        (Refuses, "it cannot be built: InputError: too many: 3"),
        (Unheard, "gradients are finite and reach the parameters: spare has none"),
        (NoJoint, "joint gives an embedding: TypeError"),
        (JointTooSlim, r"joint gives an embedding: expected shape \(7, 8\), got \(7, 4\)"),
        (
            BothApart,
            "level, apart and least_tokens go together: apart = True is for level = 'decision'",
        ),
        (Elsewhere, r"level = 'desicion': there is no such level \(did you mean 'decision'\?\)"),
        (OneToken, "several tokens of a modality will do"),
        (InOrder, "the order of a modality's tokens does not matter"),
        (Speaks, "quiet: without edges, no message"),
        (ManyTokens, r"T = its tokens: expected shape \(7, 1, 8\), got \(7, 2, 8\)"),
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
    lone = (
        Deaf,
        NotAtZero,
        OpenDoor,
        CountsEdges,
        BySeat,
        FixedModalities,
        Looks,
        PrimedOnAll,
        PrimedByNobody,
        Refuses,
    )
    for cls in (
        *lone,
        Unheard,
        JointTooSlim,
        BothApart,
        Elsewhere,
        OneToken,
        InOrder,
        Speaks,
        ManyTokens,
    ):
        with pytest.raises(InputError) as caught:
            check(cls)
        assert "things to correct" not in str(caught.value), cls.__name__


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(InputError, match="things to correct") as caught:
        check(type("Worse", (MixesPatients, Drops), {}), "mine.py:Worse")
    said = str(caught.value)
    assert said.startswith("mine.py:Worse: ") and "Dropout" in said and "alone" in said


def test_a_part_without_forward_says_what_to_write():
    class Nothing(Head):
        def __init__(self, dim, classes):
            super().__init__()

    with pytest.raises(InputError, match=r"must define forward\(\[N, D\]\) -> \[N, K\]"):
        check(Nothing)


def test_a_part_that_does_not_run_as_a_bank_is_not_asked_to():
    class Loops(Message):
        loops = True

        def forward(self, own, senders, lists):
            return super().forward(own, senders, lists) * (
                1 if self.map.weight.sum().item() > -1e9 else 0
            )

    kept = check(Loops)
    assert (
        "an edge of weight 0 is no edge" in kept
        and "a bank of replicas = the loop over them" not in kept
    )
    Loops.loops = False
    with pytest.raises(InputError, match="a bank of replicas = the loop over them"):
        check(type("Claims", (Loops,), {}))


def test_checking_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check(Sum)
    assert torch.equal(torch.rand(3), expected)
