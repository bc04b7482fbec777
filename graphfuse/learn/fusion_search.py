"""Successive halving over fusions, encoders and propagators, inside the training folds.

Automated fusion as AutoFM's, by halving in place of a differentiable mix (Jamieson and Talwalkar
2016, arXiv 1502.07943): candidates are recipes that differ from the given one in one slot. Each
trains on inner folds for a few epochs; every fold keeps its better half and gives them three times
as many. The fold's winner is trained on all its training patients as usual.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphfuse.errors import InputError, counted
from graphfuse.learn import fold_data
from graphfuse.learn.bank.training import Choice, Trained, first_pass, second_pass, train
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.nn.contract import check_own
from graphfuse.nn.net import Net
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

FIRST, FACTOR = 8, 3  # epochs of the first rung, and how many times more each next one gives


@dataclass(frozen=True, eq=False)
class Found:
    """The recipe that a fold ends up with, and its trained nets."""

    recipe: Recipe
    trained: Trained

    def gathered(self, fold: PreparedFold, modalities: tuple[str, ...]) -> Fitted:
        """What the fold leaves behind."""
        own = fold if self.recipe.search is None else fold.with_net(self.recipe)
        return Fitted.gather(own, modalities, self.recipe, self.trained)


def trained_by(
    folds: Sequence[PreparedFold],
    modalities: tuple[str, ...],
    recipe: Recipe,
    seed: int,
    device: str,
) -> list[Found]:
    """Every fold's nets: of the recipe as it stands, or, where it has a `[search]`, of the
    candidate that the fold's own inner folds prefer. Raises `InputError` where a part of one's own
    breaks the contract of its slot."""
    check_parts(recipe)
    if recipe.search is None:
        data = side_by_side(lambda fold: fold_data.fold_data(fold, modalities, recipe), folds)
        return [Found(recipe, each) for each in train(data, recipe, seed, device)]
    return halved(folds, modalities, candidates(recipe), seed, device)


def check_parts(recipe: Recipe) -> None:
    """The contract suite on every part of one's own that the recipe, or its search, names. Raises
    `InputError` with what fails."""
    named: dict[tuple[str, str], None] = {}
    for net in (each.net for each in candidates(recipe)):
        encoders = [net.encode] if isinstance(net.encode, str) else net.encode.values()
        slots = [("propagate", net.propagate), ("fuse", net.fuse), ("head", net.head)]
        named |= dict.fromkeys([*(("encode", name) for name in encoders), *slots])
    check_own(named)


def candidates(recipe: Recipe) -> list[Recipe]:
    """The recipe, and where it has a `[search]`, every one that differs from it by one of the parts
    named there; a fusion that needs several tokens of a modality also comes with the encoder that
    gives them."""
    found, wanted = [recipe], recipe.search
    if wanted is None:
        return found
    changes = [{"fuse": name} for name in wanted.fuse] + [
        {"propagate": name} for name in wanted.propagate
    ]
    changes += [{"encode": _default(recipe, name)} for name in wanted.encode]
    changes += [
        {"encode": _default(recipe, "tokens"), "fuse": name}
        for name in wanted.fuse
        if part("fuse", name).least_tokens > 1
    ]
    for change in changes:
        net = recipe.net.model_copy(update=change)
        if net not in [each.net for each in found]:
            found.append(recipe.model_copy(update={"net": net}))
    return found


def _default(recipe: Recipe, name: str) -> dict[str, str]:
    """The recipe's encoders with another one for the columns that have none of their own."""
    given = recipe.net.encode
    return {"default": name} if isinstance(given, str) else {**given, "default": name}


def halved(
    folds: Sequence[PreparedFold],
    modalities: tuple[str, ...],
    recipes: Sequence[Recipe],
    seed: int,
    device: str,
) -> list[Found]:
    """Successive halving of these recipes in every fold; no patient outside the folds is read.

    Raises `InputError` where no recipe makes a net of these modalities.
    """
    data = _buildable(folds, modalities, recipes)
    alive = {f: list(data) for f in range(len(folds))}
    chosen: dict[int, dict[int, Choice]] = {f: {} for f in alive}
    budget, most = FIRST, recipes[0].train.epochs
    while True:
        racing = [n for n in data if any(n in left for left in alive.values())]
        log.info(
            "search: %s for %d epochs on inner folds",
            counted(len(racing), "candidate"),
            min(budget, most),
        )
        for place, number in enumerate(
            racing, 1
        ):  # all folds: who is in a bank must not depend on others' data
            passed = first_pass(
                data[number], recipes[number].train, seed, device, epochs=min(budget, most)
            )
            for f, choice in enumerate(passed):
                chosen[f][number] = choice
            lowest = _mean_loss(chosen, number, [f for f in alive if number in alive[f]])
            log.info(
                "search: %d of %d: %s: loss %.3f",
                place,
                len(racing),
                described(recipes[number]),
                lowest,
            )
        if budget >= most:
            break
        alive = {
            f: sorted(left, key=lambda n: (chosen[f][n].loss, n))[: -(-len(left) // 2)]
            for f, left in alive.items()
        }
        budget = (
            most if all(len(left) == 1 for left in alive.values()) else budget * FACTOR
        )  # a winner trains to the end
    best = {f: min(left, key=lambda n: (chosen[f][n].loss, n)) for f, left in alive.items()}
    found = {}
    for number, shown in data.items():
        mine = [f for f in best if best[f] == number]
        if mine:
            choices = [chosen[f][number] if f in mine else Choice(0, 0, []) for f in best]
            nets = second_pass(shown, choices, recipes[number].train, seed, device)
            found |= {f: Found(recipes[number], nets[f]) for f in mine}
            taken = described(recipes[number]), _mean_loss(chosen, number, mine)
            log.info(
                "search: %d of %s took %s: loss %.3f",
                len(mine),
                counted(len(best), "model"),
                *taken,
            )
    return [found[f] for f in range(len(folds))]


def _mean_loss(
    chosen: Mapping[int, Mapping[int, Choice]], number: int, folds: Sequence[int]
) -> float:
    return sum(chosen[f][number].loss for f in folds) / len(folds)


def described(recipe: Recipe) -> str:
    """What stands in the slots that a search may change: 'fuse late, encode table (network for
    gene), propagate mean'."""
    encode = recipe.net.encode
    if not isinstance(encode, str):
        others = ", ".join(f"{name} for {key}" for key, name in encode.items() if key != "default")
        encode = encode.get("default", "table") + (f" ({others})" if others else "")
    return f"fuse {recipe.net.fuse}, encode {encode}, propagate {recipe.net.propagate}"


def _buildable(folds, modalities, recipes) -> dict[int, list[fold_data.FoldData]]:
    """Number → what the folds show a net of that recipe, for those that these modalities make."""
    found, why = {}, None
    for number, recipe in enumerate(recipes):
        try:
            require_fusion(recipe, folds[0].task)
            turned = [fold.with_net(recipe) for fold in folds]
            Net(fold_data.net_spec(turned[0].prepared(modalities), recipe, folds[0].task.width))
            found[number] = [fold_data.fold_data(fold, modalities, recipe) for fold in turned]
        except InputError as error:
            why = error
            log.info("search: %s is passed over: %s", described(recipe), error)
    if not found:
        raise why
    return found
