"""The bank: own rates, own epochs, own stops, own masks; padding that no gradient reaches; in
parts, in turn, the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from graphfuse.learn import fold_data
from graphfuse.learn.bank.bank import Bank
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.bank.losses import mean_loss
from graphfuse.learn.bank.stacked_tensors import map_tensors
from graphfuse.learn.bank.stopping import EarlyStopping
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.random_draws import mask_sources
from graphfuse.nn.edge_lists import aggregate
from graphfuse.nn.slots import Propagate
from graphfuse.schema import Recipe
from graphfuse.task.classes import Classes

RECIPE = Recipe.model_validate({"name": "quick", "patient": {"neighbours": 4}, "net": {"width": 6}})
CLOSE = 1e-9
TEMPERATURES = Classes.calibrations
LISTENING = """
import torch
from graphfuse.nn.edge_lists import aggregate
from graphfuse.nn.slots import Propagate


class Plain(Propagate):
    def __init__(self, width):
        super().__init__()
        self.map = torch.nn.Linear(width, width)

    def forward(self, own, senders, lists):
        return torch.tanh(self.map(aggregate(senders, lists))) * own


class InTurn(Plain):
    loops = True

    def forward(self, own, senders, lists):
        if torch._C._functorch.is_batchedtensor(own):
            raise RuntimeError("runs under vmap")
        return super().forward(own, senders, lists)
"""


def folds_of(small, recipe: Recipe) -> list[fold_data.FoldData]:
    """Two folds of different sizes."""
    found = []
    for rows in (np.arange(70), np.arange(15, 80)):
        cohort = small.cohort.take(rows)
        cross = PreparedFold.fit(cohort, cohort.outcome(), recipe, None, 0)
        found.append(fold_data.fold_data(cross, tuple(cohort.modalities), recipe))
    return found


@pytest.fixture(scope="module")
def folds(small):
    return folds_of(small, RECIPE)


def bank_of(folds, seeds=(0, 1), settings=1, **options) -> tuple[Bank, list]:
    nets = [[initial_net(fold, s) for s in seeds] * settings for fold in folds]
    bank = Bank(
        nets,
        [f.inputs for f in folds],
        [f.target for f in folds],
        folds[0].task,
        **{"dtype": torch.float64} | options,
    )
    return bank, [[mask_sources(fold.channels, s) for s in seeds] for fold in folds]


def rows(folds, replicas=2) -> torch.Tensor:
    longest = max(len(f.target.values) for f in folds)
    return torch.stack(
        [
            (torch.arange(longest) < len(f.target.values)).double().expand(replicas, -1)
            for f in folds
        ]
    )


def held_rows(folds, replicas=2) -> torch.Tensor:
    held = torch.zeros_like(rows(folds, replicas))
    for f, fold in enumerate(folds):
        for r in range(replicas):
            held[f, r, : len(fold.target.values)] = torch.from_numpy(fold.inner == r % 2).double()
    return held


def gap(one: Bank, other: Bank) -> float:
    return (one.values - other.values).abs().max().item()


def test_a_new_bank_is_the_linear_start(folds):
    bank, _ = bank_of(folds)
    logits = bank.logits().detach()
    for f, fold in enumerate(folds):
        expected = initial_net(fold, 0).double()(fold.inputs)
        assert torch.allclose(logits[f, 0, : len(fold.target.values)], expected, atol=1e-12)
        assert torch.equal(logits[f, 0], logits[f, 1])  # seeds differ only once weights move


def test_a_fold_stops_after_its_own_epochs(folds):
    bank, draws = bank_of(folds)
    before = [bank.state(f, 0) for f in (0, 1)]
    bank.train(rows(folds), [0, 4], draws, learning_rate=1e-2, weight_decay=0.0)
    moved = [
        any(not torch.equal(before[f][n], v) for n, v in bank.state(f, 0).items()) for f in (0, 1)
    ]
    assert moved == [False, True]


def test_training_lowers_the_loss_and_padding_stays_zero(folds):
    bank, draws = bank_of(folds)
    weight = rows(folds)
    before = bank.losses(weight).detach()
    bank.train(weight, [30, 30], draws, learning_rate=1e-2, weight_decay=1e-2)
    assert (bank.losses(weight).detach() < before).all()
    for name, value in bank.parameters.items():
        kept = bank.state(1, 0)[name].shape
        padding = value[1, 0].detach().clone()
        padding[tuple(slice(n) for n in kept)] = 0
        assert not padding.any(), name


def test_watching_follows_the_loss_and_stops_for_want_of_patience(folds):
    bank, draws = bank_of(folds)
    nothing = torch.zeros_like(rows(folds))
    options = {"learning_rate": 1e-2, "weight_decay": 0.0, "validation": nothing, "patience": 5}
    curves = bank.train(rows(folds), [60, 60], draws, **options).losses  # a loss that never changes
    assert curves.shape == (1 + 5, 2, 1) and torch.isfinite(curves).all()


def test_what_is_watched_is_the_loss_of_those_held_out_before_each_step(folds):
    """Curves from the held-out rows alone are those of the whole net's logits, step by step."""
    held, weight = held_rows(folds), rows(folds)
    bank, draws = bank_of(folds)
    curves = bank.train(
        weight - held, [6, 4], draws, learning_rate=1e-2, weight_decay=1e-2, validation=held
    ).losses
    for epoch, row in enumerate(curves[..., 0]):
        other, draws = bank_of(folds)
        other.train(
            weight - held, [epoch, min(epoch, 4)], draws, learning_rate=1e-2, weight_decay=1e-2
        )
        logits = other.logits()
        for f, fold in enumerate(folds):
            if epoch > 4 and f == 1:
                assert row[f] == torch.inf
                continue
            each = [
                cross_entropy(
                    logits[f, s, : len(fold.target.values)][mask], fold.target.values[mask]
                )
                for s in (0, 1)
                for mask in [torch.from_numpy(fold.inner == s)]
            ]
            assert abs(row[f] - sum(each) / 2) <= CLOSE


@pytest.mark.parametrize("rounds", [1, 2])
def test_rounds_of_messages_are_watched_too(small, rounds):
    recipe = Recipe.model_validate(
        {
            "name": "far",
            "patient": {"neighbours": 4},
            "net": {"width": 4, "rounds": rounds, "propagate": "gcn"},
        }
    )
    (fold, _) = folds_of(small, recipe)
    bank, draws = bank_of([fold])
    with torch.no_grad():
        bank.values += 0.1 * torch.randn(
            bank.values.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
    held = held_rows([fold])
    logits = bank.logits()
    (row,) = bank.train(
        rows([fold]) - held, [0], draws, learning_rate=0.1, weight_decay=0.0, validation=held
    ).losses
    each = [
        cross_entropy(logits[0, s][held[0, s] > 0], fold.target.values[held[0, s] > 0])
        for s in (0, 1)
    ]
    assert abs(row[0, 0] - sum(each) / 2) <= CLOSE


def test_temperatures_are_those_of_the_lowest_epoch(folds):
    bank, draws = bank_of(folds)
    held = held_rows(folds)
    found = bank.train(
        rows(folds) - held, [6, 6], draws, learning_rate=1e-2, weight_decay=1e-2, validation=held
    )
    middle = found.calibrated[..., len(TEMPERATURES) // 2]
    assert TEMPERATURES[len(TEMPERATURES) // 2] == 1 and torch.equal(
        middle, found.losses.min(0).values
    )
    still, sources = bank_of(folds)
    logits = still.logits()
    at_start = still.train(
        rows(folds), [0, 0], sources, learning_rate=0.0, weight_decay=0.0, validation=held
    ).calibrated
    target = map_tensors(still.shown.target, lambda each: each[:, None])
    for t, value in enumerate(TEMPERATURES):
        losses = mean_loss(still.task, logits / value, target, held)
        assert (losses.mean(1) - at_start[:, 0, t]).abs().max() <= CLOSE


def test_every_replica_has_its_own_rates(folds):
    rates = torch.tensor([[1e-2, 3e-3], [1e-3, 3e-2]]).double()
    decays = torch.tensor([[0.0, 1.0], [0.1, 0.01]]).double()
    together, draws = bank_of(folds)
    together.train(rows(folds), [8, 5], draws, learning_rate=rates, weight_decay=decays)
    for f, fold in enumerate(folds):
        for s in (0, 1):
            alone, draws = bank_of([fold], seeds=(s,))
            options = {"learning_rate": rates[f, s].item(), "weight_decay": decays[f, s].item()}
            alone.train(rows([fold], 1), [(8, 5)[f]], draws, **options)
            own = alone.state(0, 0)
            assert all((v - own[n]).abs().max() <= CLOSE for n, v in together.state(f, s).items())


def test_settings_side_by_side_are_settings_alone(folds):
    """Each setting stops by itself, with the masks that it would have alone."""
    held, weight = held_rows(folds), rows(folds)
    rates = torch.tensor([1e-1, 1e-3, 1e-2]).double()
    together, draws = bank_of(folds, settings=3)
    options = {"weight_decay": 1e-2, "patience": 3}
    curves = together.train(
        (weight - held).repeat(1, 3, 1), [12, 12], draws, validation=held.repeat(1, 3, 1),
        learning_rate=rates.repeat_interleave(2).expand(2, -1), **options,
    ).losses  # fmt: skip
    stops = []
    for g, rate in enumerate(rates.tolist()):
        alone, draws = bank_of(folds)
        curve = alone.train(
            weight - held, [12, 12], draws, validation=held, learning_rate=rate, **options
        ).losses
        stops.append(len(curve))
        seen = curves[: len(curve), :, g]
        assert torch.equal(torch.isfinite(seen), torch.isfinite(curve[..., 0]))
        assert (seen - curve[..., 0]).nan_to_num(0.0).abs().max() <= CLOSE
        assert not torch.isfinite(curves[len(curve) :, :, g]).any()
        assert (together.values[:, 2 * g : 2 * g + 2] - alone.values).abs().max() <= CLOSE
    assert len(set(stops)) > 1


def test_a_replica_that_diverges_stops_and_is_never_the_best():
    stop = EarlyStopping(torch.tensor([50]), 2, 3, TEMPERATURES)
    for epoch, loss in enumerate((1.0, torch.nan, 0.5, torch.inf, torch.nan, torch.nan)):
        seen = stop.see(
            torch.tensor([[loss, 1.0]])[..., None].expand(1, 2, len(TEMPERATURES)), epoch
        )
        assert not seen.isnan().any()
    assert stop.going(1).tolist() == [[False, False]] and stop.best[0, 0] == 0.5


# ---------------------------------------------------------------------------------- parts and turns


@pytest.mark.parametrize("at_once", [1, 3, 4])
def test_replicas_in_parts_are_all_at_once(folds, at_once):
    held, weight = held_rows(folds, 4), rows(folds, 4)
    banks = []
    for size in (None, at_once):
        bank, draws = bank_of(folds, seeds=(0, 1, 2, 3), at_once=size, modality_dropout=0.3)
        found = bank.train(
            weight - held, [6, 6], draws, learning_rate=1e-2, weight_decay=1e-2, validation=held
        )
        banks.append((bank, found.losses))
    (whole, curves), (parts, again) = banks
    assert gap(whole, parts) <= CLOSE and (curves - again).abs().max() <= CLOSE


def test_parts_that_do_not_run_under_vmap_run_in_turn(small, tmp_path):
    (tmp_path / "mine.py").write_text(LISTENING)
    banks = []
    for name in ("Plain", "InTurn"):
        net = {"width": 6, "propagate": f"{tmp_path / 'mine.py'}:{name}", "fuse": "late"}
        folds = folds_of(
            small,
            Recipe.model_validate({"name": "turns", "patient": {"neighbours": 4}, "net": net}),
        )
        held, weight = held_rows(folds), rows(folds)
        bank, draws = bank_of(folds, modality_dropout=0.2)
        bank.train(
            weight - held, [5, 4], draws, learning_rate=1e-2, weight_decay=1e-2, validation=held
        )
        banks.append(bank)
    assert gap(*banks) <= CLOSE
    assert (
        issubclass(type(banks[1].net.propagate[0]), Propagate)
        and banks[1].net.propagate[0].loops
        and aggregate
    )


# --------------------------------------------------------------------------------- modality dropout


def drawn(folds, **options) -> tuple[Bank, dict]:
    bank, draws = bank_of(folds, **options)
    return bank, bank.masks(draws, 1)


def test_modalities_are_dropped_at_the_rate_given_but_never_all_of_a_patient(folds):
    bank, hidden = drawn(folds, modality_dropout=0.4)
    present = bank.shown.inputs.present.bool()[:, None].expand_as(hidden["kept"])
    left = hidden["kept"] & present
    assert torch.equal(left.any(3), present.any(3))
    both = present.all(3)
    dropped = 1 - left[both].double().mean()
    assert dropped == pytest.approx(
        0.4 * (1 - 0.4), abs=0.06
    )  # one falls, the other stays: both cannot
    only = present.sum(3) == 1
    assert torch.equal(left[only], present[only])
    assert not torch.equal(hidden["kept"][0, 0], hidden["kept"][0, 1])


def test_a_dropped_modality_is_absent_but_for_its_linear_start(folds):
    fold = folds[0]
    net = initial_net(fold, 0).double()
    with torch.no_grad():
        for value in net.parameters():
            value.add_(
                0.3
                * torch.randn(
                    value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
                )
            )
        kept = torch.ones_like(fold.inputs.present)
        kept[::2, 0] = 0
        without = fold.inputs._replace(present=fold.inputs.present * kept)
        residual = net(without) - net.linear(without).sum(1)
        assert torch.allclose(
            net(fold.inputs, kept=kept), residual + net.linear(fold.inputs).sum(1), atol=1e-12
        )
        assert torch.equal(net(fold.inputs, kept=torch.ones_like(kept)), net(fold.inputs))
        assert not torch.allclose(net(fold.inputs, kept=kept), net(fold.inputs))


@pytest.mark.parametrize("fuse", ["gated", "late", "hybrid"])
def test_a_new_net_says_its_linear_start_whatever_is_dropped(small, fuse):
    net = {"width": 6, "fuse": fuse}
    fold = folds_of(
        small, Recipe.model_validate({"name": "drop", "patient": {"neighbours": 4}, "net": net})
    )[0]
    module = initial_net(fold, 0).double()
    kept = (
        (torch.arange(len(fold.target.values)) % 2).double()[:, None].expand_as(fold.inputs.present)
    )
    assert torch.allclose(module(fold.inputs, kept=kept), module(fold.inputs), atol=1e-12)


@pytest.mark.parametrize(
    "dropout, modality_dropout", [(0.3, 0.0), (0.3, 0.3), (0.0, 0.0), (0.0, 0.3)]
)
def test_masks_are_those_of_a_training_alone(folds, dropout, modality_dropout):
    options = {"dropout": dropout, "modality_dropout": modality_dropout}
    together, draws = bank_of(folds, **options)
    together.train(rows(folds), [7, 4], draws, learning_rate=1e-2, weight_decay=1e-2)
    for f, fold in enumerate(folds):
        for s in (0, 1):
            alone, draws = bank_of([fold], seeds=(s,), **options)
            alone.train(rows([fold], 1), [(7, 4)[f]], draws, learning_rate=1e-2, weight_decay=1e-2)
            own = alone.state(0, 0)
            assert all((v - own[n]).abs().max() <= CLOSE for n, v in together.state(f, s).items())


def test_dropout_is_what_it_is_set_to(folds):
    _, hidden = drawn(folds, dropout=0.6)
    inside = hidden["mask"][0, :, :60]
    assert set(inside.unique().tolist()) == {0.0, 1 / (1 - 0.6)}
    assert (inside == 0).double().mean() == pytest.approx(0.6, abs=0.03)
    assert drawn(folds, dropout=0.0)[1] == {}


def test_half_precision_on_the_cpu_stays_close(folds):
    banks = []
    for amp in (False, True):
        bank, draws = bank_of(folds, amp=amp, dtype=torch.float32)
        bank.train(rows(folds), [10, 10], draws, learning_rate=1e-2, weight_decay=1e-2)
        banks.append(bank)
    exact, half = (torch.softmax(bank.logits().detach(), -1) for bank in banks)
    assert torch.isfinite(half).all() and 0 < (exact - half).abs().max() < 0.03


@pytest.mark.slow
def test_a_compiled_bank_is_the_same_bank(small):
    """As written down for the compiler: compiling itself takes a minute, and is torch's."""
    net = {"width": 4, "fuse": "late"}
    (fold, _) = folds_of(
        small, Recipe.model_validate({"name": "fast", "patient": {"neighbours": 4}, "net": net})
    )
    banks = []
    for compiled in (False, True):
        bank, draws = bank_of([fold], compiled=compiled, modality_dropout=0.2)
        held = held_rows([fold])
        with torch.compiler.set_stance("force_eager"):
            bank.train(
                rows([fold]) - held,
                [4],
                draws,
                learning_rate=1e-2,
                weight_decay=1e-2,
                validation=held,
            )
        banks.append(bank)
    assert gap(*banks) <= CLOSE and len(banks[1]._step.programs) == 1


def test_unlabelled_patients_count_in_no_loss(folds):
    bank, _ = bank_of(folds)
    weight = rows(folds)
    whole = bank.losses(weight).detach()
    bank.shown.target.known[0, :10] = False
    part = bank.losses(weight).detach()
    weight[0, :, :10] = 0
    assert torch.equal(part, bank.losses(weight).detach()) and not torch.equal(part[0], whole[0])
