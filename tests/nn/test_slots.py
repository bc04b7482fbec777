"""Parts: every one in the folders keeps its contract; names, files and slots are checked."""

import importlib
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from graphfuse.errors import InputError
from graphfuse.nn.check_contract import check, check_named, check_own
from graphfuse.nn.net import Inputs, Net, NetSpec, without_edges
from graphfuse.nn.registry import SLOTS, available, part

EVERY = [(slot, name) for slot in SLOTS for name in available(slot)]

MINE = """
import torch
from torch import nn
from graphfuse.nn.slots import Fuse, Head


class Bilinear(Fuse):
    '''Pairwise products of modality embeddings.'''

    def __init__(self, dim, modalities):
        super().__init__()
        self.mix = nn.Linear(2 * dim, dim)

    def forward(self, h, present):
        h = h.mean(2)
        total = h.sum(1)
        return self.mix(torch.cat([total, total**2 - (h**2).sum(1)], -1))


class Slim(Head):
    '''A linear head that starts at zero.'''

    def __init__(self, dim, classes):
        super().__init__()
        self.out = nn.Linear(dim, classes)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z):
        return self.out(z)


class Stranger(nn.Module):
    '''Of no slot.'''


number = 3
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize(("slot", "name"), EVERY)
def test_every_part_keeps_its_contract(slot, name):
    kept = check(part(slot, name), name)
    assert "a bank of replicas = the loop over them" in kept and len(kept) >= 6


def test_the_folders_are_the_registry():
    assert set(SLOTS) == {"encode", "propagate", "fuse", "head"}
    assert {"table", "network"} <= set(available("encode"))
    assert {"mean", "none"} <= set(available("propagate"))
    assert {
        "early",
        "concat",
        "sum",
        "gated",
        "attention_pool",
        "cross_attention",
        "bilinear",
    } <= set(available("fuse"))
    assert {"label_tensor", "late", "weighted", "stack", "hybrid"} <= set(
        available("fuse")
    ) and "class" in available("head")
    for slot, name in EVERY:
        found = part(slot, name)
        assert issubclass(found, SLOTS[slot]) and found is not SLOTS[slot]
        assert found.__doc__ and found.__module__ == f"graphfuse.nn.{slot}.{name}"
        assert found is part(slot, name)


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(
        InputError,
        match=r"fuse = 'gatd': no such part \(did you mean 'gated'\?\); or give file.py:Class",
    ):
        part("fuse", "gatd")
    with pytest.raises(InputError, match="known: .*mean"):
        part("propagate", "zzzzz")


def test_a_part_of_ones_own(mine):
    found = part("fuse", f"{mine}:Bilinear")
    assert found.__name__ == "Bilinear" and check(found)
    assert part("head", f"{mine}:Slim").__name__ == "Slim"
    said = check_named(f"{mine}:Bilinear")
    assert (
        "slot fuse" in said[0]
        and len(said) > 6
        and all(line.startswith("  ok  ") for line in said[1:-1])
    )
    assert (
        said[-1].startswith("  note  `present` is not looked at")
        and "note" not in check_named(f"{mine}:Slim")[-1]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef f(:\n", r"SyntaxError: invalid syntax \(line 2\)"),
        (
            "import torch\nimport nowhere_at_all\n",
            r"ModuleNotFoundError: No module named 'nowhere_at_all' \(line 2\)",
        ),
        ("\n\n1 / 0\n", r"ZeroDivisionError: division by zero \(line 3\)"),
        ("from broken import x\n", r"SyntaxError: .* \(broken.py, line 1\)"),
        ("raise ValueError('one\\ntwo')\n", r"ValueError: one \(line 1\)$"),
    ],
    ids=["syntax", "import", "error", "beside", "lines"],
)
def test_a_file_that_cannot_be_imported_says_where(tmp_path, text, said):
    path = tmp_path / "mine.py"
    path.write_text(text)
    (tmp_path / "broken.py").write_text("def\n")
    before = list(sys.path)
    with pytest.raises(InputError, match=f"mine.py: cannot be imported: {said}"):
        part("fuse", f"{path}:Bilinear")
    assert sys.path == before and "graphfuse_part_mine" not in sys.modules


def test_a_file_may_import_those_beside_it(tmp_path):
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
        (tmp_path / home / "beside_it.py").write_text(
            f"HOME = '{home}'\ndef where():\n    return HOME\n"
        )
        (tmp_path / home / "mine.py").write_text(
            "from beside_it import where\n" + MINE + "\nBilinear.home = where\n"
        )
    a, b = (part("fuse", f"{tmp_path / home / 'mine.py'}:Bilinear") for home in ("a", "b"))
    assert (a.home(), b.home()) == ("a", "b") and check(a) and check(b)
    assert str(tmp_path / "a") not in sys.path and "beside_it" not in sys.modules
    space = b.home.__globals__
    assert vars(importlib.import_module(space["__name__"])) is space  # torch.compile looks there


def test_files_read_at_once_are_not_mixed_up(tmp_path):
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
        (tmp_path / home / "beside_it.py").write_text(f"HOME = '{home}'\n")
        slow = "import time\nfrom beside_it import HOME\ntime.sleep(0.01)\n"
        (tmp_path / home / "mine.py").write_text(slow + MINE + "\nBilinear.home = HOME\n")
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda home: part("fuse", f"{tmp_path / home / 'mine.py'}:Bilinear").home, "ab" * 6
            )
        )
    assert found == list("ab" * 6) and "beside_it" not in sys.modules


def test_what_the_caller_imported_stays(tmp_path, monkeypatch):
    (tmp_path / "beside_it.py").write_text("HOME = 'here'\n")
    (tmp_path / "mine.py").write_text("import beside_it\nimport wave\n" + MINE)
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    theirs = importlib.import_module("beside_it")
    for _ in range(2):
        part("fuse", f"{tmp_path / 'mine.py'}:Bilinear")
    assert sys.modules["beside_it"] is theirs and "wave" in sys.modules


@pytest.mark.parametrize(("name", "file"), [("bilinear", "my.py"), ("mine.py", "mine.py")])
def test_a_name_without_a_class_says_how_to_give_one(name, file):
    with pytest.raises(
        InputError,
        match=f"^{name}: names no class of a file; give file.py:Class, such as {file}:Bilinear$",
    ):
        check_named(name)


def test_parts_of_ones_own_are_checked_and_those_that_ship_are_not(mine):
    check_own(
        [
            ("fuse", "gated"),
            ("head", "no such part"),
            ("propagate", "pyg:GCNConv"),
            ("fuse", f"{mine}:Bilinear"),
        ]
    )
    mine.write_text(MINE.replace("total = h.sum(1)", "total = h.sum(1) - h.sum(1).mean(0)"))
    with pytest.raises(InputError, match="mine.py:Bilinear: a patient alone = in a batch"):
        check_own([("fuse", "gated"), ("fuse", f"{mine}:Bilinear")])


@pytest.mark.parametrize(
    ("slot", "symbol", "said"),
    [
        ("fuse", "Slim", "is no Fuse; derive it from graphfuse.nn.slots.Fuse"),
        ("head", "Bilinear", "is no Head"),
        ("fuse", "Stranger", "is no Fuse"),
        ("fuse", "number", "is no Fuse"),
        ("fuse", "Bilinar", "has no class 'Bilinar' \\(did you mean 'Bilinear'"),
    ],
)
def test_the_wrong_class_for_a_slot(mine, slot, symbol, said):
    with pytest.raises(InputError, match=said):
        part(slot, f"{mine}:{symbol}")


def test_a_class_of_no_slot_and_a_file_that_is_not_there(mine, tmp_path):
    with pytest.raises(InputError, match="is of no slot"):
        check_named(f"{mine}:Stranger")
    with pytest.raises(InputError, match="no such file; a part is named as file.py:Class"):
        part("fuse", f"{tmp_path / 'gone.py'}:Bilinear")


def test_a_file_that_is_no_python(tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text(MINE)
    with pytest.raises(InputError, match="mine.txt: is no .py file"):
        part("fuse", f"{text}:Bilinear")


def test_two_files_of_one_name_are_two_parts(tmp_path):
    for home in ("a", "b"):
        (tmp_path / home).mkdir()
        (tmp_path / home / "mine.py").write_text(MINE + f"\nBilinear.home = '{home}'\n")
    a, b = (part("fuse", f"{tmp_path / home / 'mine.py'}:Bilinear") for home in ("a", "b"))
    assert (a.home, b.home) == ("a", "b") and check(a) and check(b)


# ----------------------------------------------------------------------------- a net of these parts


N, K = 6, 3


def spec_of(fuse, propagate="mean"):
    """Two modalities; several tokens of the first where the fusion needs them."""
    first = "tokens" if part("fuse", fuse).least_tokens > 1 else "table"
    return NetSpec((first, "network"), (5, 4), propagate, fuse, "class", 8, K)


def net_and_inputs(fuse="gated", propagate="mean", absent=()):
    """A net away from its start, and inputs of six patients who hear two others each."""
    from graphfuse.nn.edge_lists import EdgeLists

    torch.manual_seed(0)
    spec = spec_of(fuse, propagate)
    encode, features = spec.encode, spec.features
    net = Net(spec).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    index = torch.tensor([(i + step) % N for i in range(N) for step in (1, 2)])
    lists = EdgeLists.build(
        torch.arange(0, 2 * N + 1, 2), index, torch.full((2 * N,), 0.5, dtype=torch.float64), N
    )
    x = [
        torch.randn(N, 2, f) if e == "network" else torch.randn(N, f)
        for e, f in zip(encode, features, strict=True)
    ]
    present = torch.ones(N, len(encode))
    for patient, modality in absent:
        present[patient, modality] = 0
    start, bias = torch.randn(N, len(encode), 3, K), torch.randn(N, len(encode), K)
    inputs = Inputs(
        tuple(v.double() for v in x),
        present.double(),
        start.double(),
        bias.double(),
        (lists,) * len(encode),
    )
    return net, inputs


FUSES = available("fuse")


@pytest.mark.parametrize("fuse", FUSES)
def test_a_new_net_is_its_linear_start(fuse):
    _, inputs = net_and_inputs()
    net = Net(spec_of(fuse)).double()
    each = (inputs.start[:, :, 0] + inputs.bias) * inputs.present[..., None]
    joint, one = each.sum(1), inputs.present[:, :1]
    expected = {
        "embedding": lambda: joint,
        "decision": lambda: net.fuse(each, inputs.present),
        "hybrid": lambda: net.fuse(
            torch.cat([each, joint[:, None]], 1), torch.cat([inputs.present, one], 1)
        ),
    }[net.level]()
    torch.testing.assert_close(net(inputs), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fuse", FUSES)
@pytest.mark.parametrize("propagate", available("propagate"))
def test_no_edges_is_no_graph(fuse, propagate):
    net, inputs = net_and_inputs(fuse=fuse, propagate=propagate)
    inputs = inputs._replace(start=inputs.start.clone())
    inputs.start[:, :, 2] = 0  # nobody's mean: the views are made from the same lists
    cut = inputs._replace(lists=tuple(map(without_edges, inputs.lists)))
    closed = Net(spec_of(fuse, propagate)).double()
    closed.load_state_dict(net.state_dict())
    with torch.no_grad():
        closed.patient_gate.zero_()
    torch.testing.assert_close(net(cut), closed(inputs), rtol=1e-12, atol=1e-12)
    if propagate != "none":
        assert (net(inputs) - net(cut)).abs().max() > 1e-4


@pytest.mark.parametrize("fuse", FUSES)
def test_what_lies_behind_the_mask_changes_nothing(fuse):
    net, inputs = net_and_inputs(fuse=fuse, absent=[(2, 0), (4, 1)])
    before = net(inputs)
    other = inputs._replace(
        x=tuple(v.clone() for v in inputs.x), start=inputs.start.clone(), bias=inputs.bias.clone()
    )
    for patient, m in ((2, 0), (4, 1)):
        other.x[m][patient], other.start[patient, m], other.bias[patient, m] = 7.0, -3.0, 5.0
    torch.testing.assert_close(net(other), before, rtol=1e-12, atol=1e-12)
    there = inputs._replace(x=tuple(v.clone() for v in inputs.x))
    there.x[0][1] = 7.0
    assert (net(there) - before).abs().max() > 1e-3


@pytest.mark.parametrize("fuse", FUSES)
def test_a_new_patient_does_not_depend_on_the_batch_and_hears_the_stored_states(fuse):
    net, inputs = net_and_inputs(fuse=fuse)
    stored = torch.randn(N, 1, 2, net.tokens, 8, dtype=torch.float64)
    together = net(inputs, senders=stored)
    for i in range(N):
        lists = tuple(
            type(each).build(
                torch.tensor([0, 2]), each.index[2 * i : 2 * i + 2], each.weight[:2], N
            )
            for each in inputs.lists
        )
        one = Inputs(
            tuple(v[[i]] for v in inputs.x),
            inputs.present[[i]],
            inputs.start[[i]],
            inputs.bias[[i]],
            lists,
        )
        torch.testing.assert_close(net(one, senders=stored)[0], together[i], rtol=1e-10, atol=1e-10)
    assert (net(inputs, senders=stored.flip(0)) - together).abs().max() > 1e-4


@pytest.mark.parametrize("fuse", [f for f in FUSES if part("fuse", f).level != "embedding"])
def test_modalities_trained_apart_hear_nothing_of_what_the_fusion_learns(fuse):
    net, inputs = net_and_inputs(fuse=fuse)
    fused, own = net(inputs, by_modality=True)
    encoders = list(net.encode.parameters())

    def reached(out):
        found = torch.autograd.grad(
            out.square().sum(), encoders, allow_unused=True, retain_graph=True
        )
        return any(grad is not None and grad.any() for grad in found)

    assert reached(own)
    assert net.fuse.apart is not (fused.requires_grad and reached(fused))
    assert own.shape == (N, 2 + (net.level == "hybrid"), K)


def test_the_fusion_that_contributors_are_shown_is_right(tmp_path):
    """Its maximum is that of the modalities present, and zero where there is none."""
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tmp_path / "peak.py").write_text(
        re.search(r"```python\n(.*?class Peak.*?)```", page, re.S).group(1)
    )
    assert "note" not in check_named(f"{tmp_path / 'peak.py'}:Peak")[-1]
    peak = part("fuse", f"{tmp_path / 'peak.py'}:Peak")(2, 3).double()
    with torch.no_grad():
        peak.first.weight.zero_(), peak.first.bias.zero_(), peak.second.bias.zero_()
        peak.second.weight.copy_(torch.eye(2))
    h = (
        torch.tensor([[-3.0, 1.0], [-2.0, -1.0], [0.0, 0.0]])
        .double()[None, :, None]
        .expand(2, -1, -1, -1)
    )
    present = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).double()
    assert peak(h * present[..., None, None], present).tolist() == [[-2.0, 1.0], [0.0, 0.0]]
