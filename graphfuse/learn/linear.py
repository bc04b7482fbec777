"""The linear models of a fold, cross-fitted inside its training patients.

One set of kernels serves all: every rung of the ladder, every pattern of modalities and the net's
linear start are ridge regressions on sums of kernels, and so are those on columns smoothed by a
graph. Inner folds hide labels: what the net is shown of a training patient comes from an inner
model that never saw that patient's label, so its gates learn what a new patient would gain.
Scalers, components and layers see the training patients' values alone, labelled or not; where a
recipe selects columns by label, they are fitted anew in every inner fold, on the inner training
patients.
"""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.channels import Signal, Silent, fit_signals
from graphfuse.learn.kernels import Kernels, means_around, means_of
from graphfuse.learn.paths import Walk, World
from graphfuse.learn.ridge import PENALTIES, Descent, coordinates, log_loss, lowest_level
from graphfuse.learn.splits import dealt
from graphfuse.learn.stacking import linear_start
from graphfuse.learn.start import LinearFit, LinearStart
from graphfuse.learn.steps import reads_target
from graphfuse.learn.threads import side_by_side
from graphfuse.schema import Recipe

INNER = 5
PARTITIONS = (
    2,
    10,
)  # into inner folds, at least and at most: what is chosen by all depends less on how the dice fell
CALLS = 600  # so many partitions that the labelled patients are held out about this often in all
MOST_PATIENTS = 20_000  # a kernel of 3.2 GB for each modality
GATES = (1.0, 2.0, 4.0)  # tried in turn while the held-out loss falls
# share of the loss by which it must fall where all patients are labelled; in proportion less where
# fewer are
WORTH = 0.01
# gradient per patient at which a search may judge a fit; the one it takes goes on to the usual
ROUGH = 1e-3
WHOLE = -1  # the fit on all, beside the inner folds 0 … INNER - 1


class CrossFit:
    """The kernels of one fold's training patients; `solve` fits a ridge on some modalities, whole
    and in inner folds.

    `splits` `[partitions, n]`: inner fold of every training patient; `inner`, the first of them, is
    shared by the net's epoch search. `keep` `[n]`: the group of every training patient where inner
    folds must not part groups. `walks`: what another fit of the same patients found that does not
    hang on where the two differ (`unheard`).
    """

    def __init__(
        self,
        cohort: Cohort,
        codes: np.ndarray,
        classes: int,
        recipe: Recipe,
        network: GeneNetwork | None,
        seed: int,
        keep: np.ndarray | None = None,
        walks: dict[tuple, Walk] | None = None,
    ):
        if len(codes) > MOST_PATIENTS:
            raise InputError(
                f"cohort {cohort.name!r}: {len(codes):,} training patients; linear starts "
                "are solved from patients × patients "
                f"kernels, which are kept up to {MOST_PATIENTS:,} patients so far. Train on "
                "a part of them"
            )
        self.cohort, self.recipe, self.network, self.seed = cohort, recipe, network, seed
        self.codes, self.classes, self.graphs, self.keep = codes, classes, True, keep
        count = int(np.clip(CALLS // max((codes >= 0).sum(), 1), *PARTITIONS))
        is_shared = not reads_target(recipe, cohort)
        count = count if is_shared else 1  # each fold of which then has tables of its own
        self.splits = np.stack(
            [dealt(codes, INNER, seed + number, keep) for number in range(count)]
        )
        self.inner = self.splits[0]
        self.preparation, self.training = Preparation.fit(cohort, codes, recipe, network, seed)
        whole = Kernels.of(self.training, means_of(self.preparation))
        self.grams = whole.own
        if is_shared:
            self._worlds = [World(whole, (*range(count * INNER), WHOLE))]
        else:
            self._worlds = [*side_by_side(self._inside, range(INNER)), World(whole, (WHOLE,))]
        self._walks = dict(walks or {})
        self._solved: dict[tuple, LinearFit] = {}
        self._rungs: dict[tuple[str, ...], LinearFit] = {}
        self._gates: dict[str, np.ndarray] = {}
        self._turned: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._starts: dict[tuple, LinearStart] = {}
        self._signals: dict[tuple[str, ...], dict[str, Signal]] = {}

    def _inside(self, k: int) -> World:
        """All anew on the patients outside inner fold k."""
        train = np.flatnonzero(self.inner != k)
        preparation, _ = Preparation.fit(
            self.cohort.take(train), self.codes[train], self.recipe, self.network, self.seed
        )
        views = preparation.views(self.cohort)
        return World(Kernels.of(views, means_around(preparation, views, train)), (k,))

    # ---------------------------------------------------------------------------- ridge regressions

    def solve(
        self, modalities: tuple[str, ...], plain: bool = False, near: int | None = None
    ) -> LinearFit:
        """The ridge on the sum of these modalities' kernels, each smoothed through its gates (not
        with `plain`, nor without graphs), fitted once and remembered; `near`: a penalty's level to
        search around. A `plain` one of several modalities is a rung of the ladder: it searches by
        itself, whatever level a net's start was found at."""
        closed = plain or not self.graphs
        gates = {m: self._closed() if closed else self.gates(m) for m in modalities}
        if not plain or len(modalities) == 1:
            return self._fitted(modalities, gates, near)
        if modalities not in self._rungs:
            self._rungs[modalities] = self._taken_apart(
                modalities, gates, self._walk(modalities, gates, None)
            )
        return self._rungs[modalities]

    def gates(self, m: str) -> np.ndarray:
        """How far the modality's gene network and each of its patient layers are let in `[1 + L]`:
        that which lowers the held-out loss of the ridge on the smoothed columns most is opened
        first, for as long as the loss falls."""
        if m not in self._gates:
            self._gates[m] = self._opened(m)
        return self._gates[m]

    def _opened(self, m: str) -> np.ndarray:
        gates, fit = self._closed(), self._fitted((m,), {m: self._closed()})
        least = 1 - WORTH * (self.codes >= 0).mean()
        doors = self._doors(m)
        while doors:
            losses = {door: self._through(m, gates, door, GATES[0], fit)[1].loss for door in doors}
            door = min(doors, key=losses.get)
            for value in GATES:
                wider, found = self._through(m, gates, door, value, fit)
                if found.loss > least * fit.loss:
                    break
                gates, fit = wider, found
            if not gates[door]:
                break
            doors = [each for each in doors if each != door]
        return gates

    def _through(
        self, m: str, gates: np.ndarray, door: int, value: float, fit: LinearFit
    ) -> tuple[np.ndarray, LinearFit]:
        """`gates` with one of them set to `value`, and the fit through them."""
        wider = gates.copy()
        wider[door] = value
        return wider, self._fitted((m,), {m: wider}, fit.level)

    def _doors(self, m: str) -> list[int]:
        """Which of the modality's gates lead anywhere."""
        kernels = self.kernels
        layers = [
            1 + number
            for number, mean in enumerate(kernels.means[m])
            if mean.nnz and not self.preparation.alone
        ]
        return [0, *layers] if m in kernels.hop and kernels.hop[m].any() else layers

    def _closed(self) -> np.ndarray:
        return np.zeros(1 + self.preparation.depth)

    def _fitted(
        self, modalities: tuple[str, ...], gates: dict[str, np.ndarray], near: int | None = None
    ) -> LinearFit:
        key = (modalities, *(tuple(gates[m]) for m in modalities))
        if key not in self._solved:
            if key not in self._walks:
                self._walks[key] = self._walk(modalities, gates, near)
            self._solved[key] = self._taken_apart(modalities, gates, self._walks[key])
        return self._solved[key]

    def _walk(
        self, modalities: tuple[str, ...], gates: dict[str, np.ndarray], near: int | None
    ) -> Walk:
        """Ridge regressions of all worlds, at the penalty with the lowest held-out loss."""
        began = time.perf_counter()
        columns = [list(self.training.own).index(m) for m in modalities]
        codes = np.where(self.training.present[:, columns].any(1), self.codes, -1)
        if not (codes >= 0).any():  # nobody to learn from: the shares of the classes are left
            codes = self.codes
        descents = []
        for world in self._worlds:
            kernel = sum(world.kernels.smoothed(m, gates[m]) for m in modalities)
            counted = np.column_stack([~self._held(k) for k in world.fits])
            descents.append(Descent(kernel, codes, self.classes, counted))
        weights = {}

        def held_out() -> tuple[np.ndarray, float]:
            logits = self._held_out([descent.logits() for descent in descents])
            return logits, float(log_loss(logits, codes).mean())

        def loss(level: int) -> float:
            for descent in descents:
                descent.to(PENALTIES[level], ROUGH)
            weights[level] = [descent.weights for descent in descents]
            return held_out()[1]

        level, _ = lowest_level(loss, 0 if near is None else max(near - 1, 0))
        for descent, start in zip(descents, weights[level], strict=True):
            descent.weights = start
            descent.to(PENALTIES[level])
        ends = [(descent.alpha(), descent.intercept()) for descent in descents]
        return Walk(level, *held_out(), ends, time.perf_counter() - began)

    def _held_out(self, said: list[np.ndarray]) -> np.ndarray:
        """What fits say of those they hold out `[partitions, n, K]`, from all they say, by world
        `[n, fits, K]`."""
        logits = np.zeros((len(self.splits), len(self.codes), self.classes))
        for world, each in zip(self._worlds, said, strict=True):
            for g, k in enumerate(world.fits):
                logits[k // INNER, self._held(k)] = each[self._held(k), g]
        return logits

    def unheard(self, graph: str) -> dict[tuple, Walk]:
        """What was found through gates that keep this graph ("patient" or "gene") out: it holds
        whatever the graph."""
        gates = slice(0, 1) if graph == "gene" else slice(1, None)
        return {
            key: walk
            for key, walk in self._walks.items()
            if not any(any(each[gates]) for each in key[1:])
        }

    def _held(self, fit: int) -> np.ndarray:
        """bool `[n]`: whom the fit holds out."""
        return (
            np.zeros(len(self.codes), bool)
            if fit == WHOLE
            else self.splits[fit // INNER] == fit % INNER
        )

    def _taken_apart(
        self, modalities: tuple[str, ...], gates: dict[str, np.ndarray], walk: Walk
    ) -> LinearFit:
        """The fit on all, and what fits of the first partition say of those they hold out."""
        shape = (len(self.codes), len(modalities), 2 + self.preparation.depth, self.classes)
        views, held_bias, coefficients, bias = np.zeros(shape), np.zeros(shape[::3]), {}, None
        for world, (alpha, intercept) in zip(self._worlds, walk.ends, strict=True):
            fits, flat = len(world.fits), alpha.reshape(len(alpha), -1)
            for column, m in enumerate(modalities):
                own, hop = world.kernels.spread(m, gates[m], flat)
                ways = world.kernels.views(m, own, hop).reshape(len(alpha), -1, fits, self.classes)
                for g, k in enumerate(world.fits):
                    if k < INNER:
                        views[self._held(k), column] = ways[self._held(k), :, g]
                    if k == WHOLE:
                        take = slice(g * self.classes, (g + 1) * self.classes)
                        coefficients[m] = own[:, take], hop[:, take]
            for g, k in enumerate(world.fits):
                if k < INNER:
                    held_bias[self._held(k)] = intercept[g]
                bias = intercept[g] if k == WHOLE else bias
        found = (coefficients, bias, walk.held_out, views, held_bias, walk.seconds)
        return LinearFit(modalities, walk.level, walk.loss, *found)

    def coordinates(self, m: str) -> tuple[np.ndarray, np.ndarray]:
        """The training patients' columns of a modality in their own coordinates, and what turns
        them (`ridge.coordinates`); where no column varies, one coordinate in which all are 0."""
        if m not in self._turned:
            placed, turn = coordinates(self.grams[m])
            if not placed.shape[1]:
                placed = turn = np.zeros((len(self.codes), 1))
            self._turned[m] = placed, turn
        return self._turned[m]

    # --------------------------------------------------------------------------------------- starts

    def start(self, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
        """The linear start on these modalities (`stacking.linear_start`), built once and
        remembered."""
        key = (modalities, stacked, self.graphs)
        if key not in self._starts:
            self._starts[key] = linear_start(self, modalities, stacked)
        return self._starts[key]

    @property
    def kernels(self) -> Kernels:
        """Those of all training patients, on which the fit on all stands."""
        return self._worlds[-1].kernels

    # ------------------------------------------------------------------ the same fold, made smaller

    def prepared(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of these modalities, with signals fitted on them alone, once and
        remembered."""
        chosen = self.preparation.only(modalities)
        if modalities not in self._signals:
            views, whole = self.training.only(modalities), self.cohort.modalities
            symbols = {
                m: [whole[m].symbols[c] for c in pipeline.owners]
                for m, pipeline in chosen.pipelines.items()
            }
            others = [m for m in whole if m not in modalities]
            cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)
            self._signals[modalities] = fit_signals(
                recipe, cohort, symbols, views.own, views.present, self.network, self.seed
            )
        signals = self._signals[modalities]
        return replace(
            chosen, signals=signals if self.graphs else {n: Silent(s) for n, s in signals.items()}
        )

    def restricted(self, modalities: tuple[str, ...]) -> CrossFit:
        """The same fold on some modalities: itself, or, where a layer joins them with others,
        fitted anew without those."""
        others = tuple(m for m in self.cohort.modalities if m not in modalities)
        if not any(
            set(layer.of) & set(modalities) and set(layer.of) & set(others)
            for layer in self.preparation.layers.values()
        ):
            return self
        cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)
        return CrossFit(
            cohort, self.codes, self.classes, recipe, self.network, self.seed, self.keep
        )

    def without_graphs(self) -> CrossFit:
        """The same fold, kernels and fits shared, with every graph taken away."""
        other = copy.copy(self)
        other.graphs = False
        other.preparation = self.preparation.without_graphs()
        other.training = replace(self.training, hop={})
        return other

    @property
    def turned(self) -> int:
        """How many kernels were brought into their own coordinates, which is what takes longest
        where patients are many: one for each search over penalties, and for each linear table."""
        return len(self._walks) + len(self._rungs) + len(self._turned)

    def forget(self) -> None:
        """Frees what only solving needs, once everything needed is solved."""
        self._worlds = []
