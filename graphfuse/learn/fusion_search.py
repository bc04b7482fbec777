"""Successive halving over fusions, encoders and propagators, inside the training folds.

It is an automated choice of fusion as AutoFM's, by halving in place of a differentiable mixture
(Jamieson and Talwalkar 2016, arXiv 1502.07943). Candidates are recipes that differ from the given
one in one slot. Each is trained on inner folds for a few epochs; every fold keeps its better half
and trains them for three times as many. The winner is trained on all training patients as usual.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from graphfuse.errors import InputError, counted
from graphfuse.learn import fold_data
from graphfuse.learn.bank.training import Trained, first_pass, second_pass, train
from graphfuse.learn.bank.validated_choice import Choice
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.nn.check_contract import check_own
from graphfuse.nn.net import Net
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)

FIRST, FACTOR = 8, 3  # epochs of the first round, and how many times more each next one has


@dataclass(frozen=True, eq=False)
class TrainedFold:
    """The trained nets of a fold.

    Attributes
    ----------
    recipe : Recipe
        The recipe of the nets; with a search, the candidate that the fold chose.
    trained : Trained
        The nets of all seeds.
    """

    recipe: Recipe
    trained: Trained

    def fitted(self, fold: PreparedFold, modalities: tuple[str, ...]) -> Fitted:
        """The fitted model of the fold."""
        own = fold if self.recipe.search is None else fold.with_net(self.recipe)
        return Fitted.gather(own, modalities, self.recipe, self.trained)


def train_folds(
    folds: Sequence[PreparedFold],
    modalities: tuple[str, ...],
    recipe: Recipe,
    seed: int,
    device: str,
) -> list[TrainedFold]:
    """Trains the nets of every fold.

    Parameters
    ----------
    folds : sequence of PreparedFold
    modalities : tuple of str
        Those of the model.
    recipe : Recipe
        Where it has a `[search]`, each fold is trained by the candidate that its own inner folds
        prefer.
    seed : int
        Of all random numbers.
    device : str
        A name that torch takes.

    Returns
    -------
    list of TrainedFold

    Raises
    ------
    InputError
        Where a custom part breaks the contract of its slot.
    """
    check_parts(recipe)
    if recipe.search is not None:
        return successive_halving(folds, modalities, candidates(recipe), seed, device)
    data = side_by_side(lambda fold: fold_data.fold_data(fold, modalities, recipe), folds)
    return [TrainedFold(recipe, trained) for trained in train(data, recipe, seed, device)]


def check_parts(recipe: Recipe) -> None:
    """Checks the contract of every custom part that the recipe, or its search, names.

    Raises `InputError` with everything that fails.
    """
    named: dict[tuple[str, str], None] = {}
    for net in (each.net for each in candidates(recipe)):
        encoders = [net.encode] if isinstance(net.encode, str) else net.encode.values()
        slots = [("encode", name) for name in encoders]
        slots += [("propagate", net.propagate), ("fuse", net.fuse), ("head", net.head)]
        named |= dict.fromkeys(slots)
    check_own(named)


def candidates(recipe: Recipe) -> list[Recipe]:
    """The recipes that a search tries.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    list of Recipe
        The recipe itself; and where it has a `[search]`, every one that differs from it by one of
        the parts named there. A fusion that needs several tokens of a modality also comes with the
        encoder that gives them.
    """
    search = recipe.search
    if search is None:
        return [recipe]
    changes = [{"fuse": name} for name in search.fuse]
    changes += [{"propagate": name} for name in search.propagate]
    changes += [{"encode": _default(recipe, name)} for name in search.encode]
    tokens = _default(recipe, "tokens")
    needs_tokens = [name for name in search.fuse if part("fuse", name).least_tokens > 1]
    changes += [{"encode": tokens, "fuse": name} for name in needs_tokens]
    recipes = [recipe]
    for change in changes:
        net = recipe.net.model_copy(update=change)
        if all(net != each.net for each in recipes):
            recipes.append(recipe.model_copy(update={"net": net}))
    return recipes


def _default(recipe: Recipe, name: str) -> dict[str, str]:
    """The recipe's encoders with another one for the columns that have none of their own."""
    given = recipe.net.encode
    return {"default": name} if isinstance(given, str) else {**given, "default": name}


def successive_halving(
    folds: Sequence[PreparedFold],
    modalities: tuple[str, ...],
    recipes: Sequence[Recipe],
    seed: int,
    device: str,
) -> list[TrainedFold]:
    """The best of these recipes in every fold, trained; no patient outside the folds is read.

    Parameters
    ----------
    folds : sequence of PreparedFold
    modalities : tuple of str
        Those of the model.
    recipes : sequence of Recipe
        The candidates; of equals the first is taken.
    seed : int
        Of all random numbers.
    device : str
        A name that torch takes.

    Returns
    -------
    list of TrainedFold

    Raises
    ------
    InputError
        Where none of the recipes makes a net of these modalities.
    """
    data = _buildable(folds, modalities, recipes)
    numbers = range(len(folds))
    alive = {fold: list(data) for fold in numbers}
    choices: dict[int, dict[int, Choice]] = {fold: {} for fold in numbers}
    race = _Race(data, recipes, seed, device, alive, choices)
    race.run(recipes[0].train.epochs)
    return race.winners()


@dataclass(eq=False)
class _Race:
    """Candidates that are trained for more and more epochs while every fold drops its worse half.

    Attributes
    ----------
    data : dict of int to list of FoldData
        Number of a candidate → data of all folds for its net.
    recipes : sequence of Recipe
        The candidates by number.
    seed : int
    device : str
    alive : dict of int to list of int
        Fold → candidates that it still has.
    choices : dict of int to dict of int to Choice
        Fold → candidate → its training on inner folds so far.
    """

    data: dict[int, list[fold_data.FoldData]]
    recipes: Sequence[Recipe]
    seed: int
    device: str
    alive: dict[int, list[int]]
    choices: dict[int, dict[int, Choice]]

    def run(self, most: int) -> None:
        """Trains and halves until the remaining candidates were trained for `most` epochs."""
        epochs = FIRST
        while True:
            self._train(min(epochs, most))
            if epochs >= most:
                return
            self._halve()
            has_winners = all(len(left) == 1 for left in self.alive.values())
            epochs = most if has_winners else epochs * FACTOR  # a winner is trained to the end

    def _train(self, epochs: int) -> None:
        """Trains every candidate that any fold still has.

        It is trained in all folds: the nets of a bank must not depend on other folds' data.
        """
        remaining = set().union(*self.alive.values())
        racing = [number for number in self.data if number in remaining]
        count = counted(len(racing), "candidate")
        log.info("search: %s for %d epochs on inner folds", count, epochs)
        for place, number in enumerate(racing, 1):
            recipe = self.recipes[number]
            passed = first_pass(
                self.data[number], recipe.train, self.seed, self.device, epochs=epochs
            )
            for fold, choice in enumerate(passed):
                self.choices[fold][number] = choice
            mine = [fold for fold, left in self.alive.items() if number in left]
            loss = self._mean_loss(number, mine)
            name = described(recipe)
            log.info("search: %d of %d: %s: loss %.3f", place, len(racing), name, loss)

    def _halve(self) -> None:
        """Drops the worse half of each fold's candidates."""
        for fold, left in self.alive.items():
            kept = -(-len(left) // 2)  # rounded up
            self.alive[fold] = self._ranked(fold)[:kept]

    def _ranked(self, fold: int) -> list[int]:
        """The candidates of a fold, of least loss first."""
        choices = self.choices[fold]
        return sorted(self.alive[fold], key=lambda number: (choices[number].loss, number))

    def winners(self) -> list[TrainedFold]:
        """The best candidate of each fold, trained on all its training patients."""
        best = {fold: self._ranked(fold)[0] for fold in self.alive}
        trained = {}
        for number, data in self.data.items():
            mine = [fold for fold in best if best[fold] == number]
            if not mine:
                continue
            recipe = self.recipes[number]
            untrained = Choice(0, 0, [])  # of a fold that another candidate has won
            choices = [self.choices[f][number] if f in mine else untrained for f in best]
            nets = second_pass(data, choices, recipe.train, self.seed, self.device)
            trained |= {fold: TrainedFold(recipe, nets[fold]) for fold in mine}
            models = counted(len(best), "model")
            loss = self._mean_loss(number, mine)
            log.info(
                "search: %d of %s took %s: loss %.3f", len(mine), models, described(recipe), loss
            )
        return [trained[fold] for fold in best]

    def _mean_loss(self, number: int, folds: Sequence[int]) -> float:
        """Mean loss of a candidate over folds."""
        losses = [self.choices[fold][number].loss for fold in folds]
        return sum(losses) / len(folds)


def described(recipe: Recipe) -> str:
    """The parts that a search may change, in words.

    An example is 'fuse late, encode table (network for gene), propagate mean'.
    """
    encode = recipe.net.encode
    if not isinstance(encode, str):
        own = [f"{name} for {key}" for key, name in encode.items() if key != "default"]
        others = f" ({', '.join(own)})" if own else ""
        encode = encode.get("default", "table") + others
    return f"fuse {recipe.net.fuse}, encode {encode}, propagate {recipe.net.propagate}"


def _buildable(
    folds: Sequence[PreparedFold], modalities: tuple[str, ...], recipes: Sequence[Recipe]
) -> dict[int, list[fold_data.FoldData]]:
    """Number → data of all folds, for the recipes that make a net of these modalities."""
    task = folds[0].task
    data, error = {}, None
    for number, recipe in enumerate(recipes):
        try:
            require_fusion(recipe, task)
            own = [fold.with_net(recipe) for fold in folds]
            spec = fold_data.net_spec(own[0].prepared(modalities), recipe, task.width)
            Net(spec)  # refuses what cannot be built
            data[number] = [fold_data.fold_data(fold, modalities, recipe) for fold in own]
        except InputError as refused:
            error = refused
            log.info("search: %s is skipped: %s", described(recipe), error)
    if not data:
        raise error
    return data
