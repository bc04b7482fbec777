"""A fold's training patients, prepared: what every model of the fold is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.linear.inner_folds import InnerFolds
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.learn.linear.result_cache import Results
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.learn.recipe_steps import reads_target
from graphfuse.learn.signals.channels import Signal, SignalWithoutEdges, encoders_of, fit_signals
from graphfuse.learn.views import Views
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Learned, Outcome, Target
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """The training patients of a fold and everything fitted on them before any model.

    Scalers, components and layers see the training patients' values alone, labelled or not. Inner
    folds hide labels: what a net is shown of a training patient comes from an inner model that
    never saw that patient's label, so that its gates learn what a new patient would gain. Where
    columns depend on labels (`[select] top`), `inner_preparations` are fitted anew on the patients
    outside each inner fold.

    `target`: what the models of a `task` learn of the n patients. `groups` `[n]`: what inner folds
    must not part, where there is anything. `views`: the patients' columns. `results`: of work on
    this fold; folds made from it take over those that hold for them too.
    """

    cohort: Cohort
    target: Target
    task: Task
    recipe: Recipe
    network: GeneNetwork | None
    seed: int
    groups: np.ndarray | None
    preparation: Preparation
    views: Views
    inner: InnerFolds
    inner_preparations: tuple[Preparation, ...] = ()
    has_graphs: bool = True
    results: Results = field(default_factory=Results)

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        outcome: Outcome,
        recipe: Recipe,
        network: GeneNetwork | None,
        seed: int,
        groups: np.ndarray | None = None,
    ) -> PreparedFold:
        """Of all patients of `cohort`. Raises `InputError` where they are too many for the linear
        start that the recipe wants."""
        if recipe.net.start == "linear":
            require_kernels(cohort)
        # where columns depend on labels, each inner fold has tables of its own
        is_inside = reads_target(recipe, cohort)
        target = outcome.target
        task = outcome.task.fitted(target)
        strata = task.strata(target)
        inner = InnerFolds.deal(strata, seed, groups, partitions=1 if is_inside else None)
        preparation, views = Preparation.fit(cohort, Learned(target, task), recipe, network, seed)
        fitted = preparation, views, inner
        bare = cls(cohort, target, task, recipe, network, seed, groups, *fitted)
        return replace(bare, inner_preparations=bare._inside()) if is_inside else bare

    def _inside(self) -> tuple[Preparation, ...]:
        """All fitted anew on the patients outside each inner fold."""

        def fitted(rows: np.ndarray) -> Preparation:
            cohort, learned = self.cohort.take(rows), Learned(self.target.take(rows), self.task)
            return Preparation.fit(cohort, learned, self.recipe, self.network, self.seed)[0]

        return tuple(side_by_side(fitted, self.outside))

    @property
    def outside(self) -> list[np.ndarray]:
        """Rows of the patients outside each inner fold of the first partition."""
        fits = [fit for fit in self.inner.fits if fit.is_first]
        return [np.flatnonzero(~self.inner.held_out(fit)) for fit in fits]

    @property
    def null_output(self) -> np.ndarray:
        """float64 `[O]`: what is predicted of a patient of whom nothing is known."""
        return self.task.null_output(self.target)

    # ---------------------------------------------------------------- the same fold, made otherwise

    def without_graphs(self) -> PreparedFold:
        """The same fold with every graph taken away."""
        return replace(
            self._changed(Preparation.without_graphs),
            views=replace(self.views, x_smoothed={}),
            has_graphs=False,
            results=self.results.with_other(layers=True),
        )

    def controlled(self, recipe: Recipe, network: GeneNetwork | None) -> PreparedFold:
        """The same fold with a control in place of a graph: of the patient layers as `recipe` has
        it, or another gene `network`. What the graph does not change is taken over."""
        has_other_network = network is not self.network
        encoders = encoders_of(recipe, self.cohort, network)

        def changed(preparation: Preparation) -> Preparation:
            found = preparation.controlled(recipe.patient.control)
            if has_other_network:
                found = replace(found, encoders=encoders).with_network(self.cohort, network)
            return found

        found = self._changed(changed)
        has_other_layers = recipe.patient.control != self.recipe.patient.control
        results = self.results.with_other(has_other_network, has_other_layers)
        views = self.views
        if has_other_network:
            views = replace(views, x_smoothed=found.preparation.smoothed(views.own))
        return replace(found, recipe=recipe, network=network, views=views, results=results)

    def restricted(self, modalities: tuple[str, ...]) -> PreparedFold:
        """The same fold for models on some modalities: itself, or, where a layer joins these with
        others, with layers fitted without those."""
        others = tuple(m for m in self.cohort.modalities if m not in modalities)
        joined = (set(layer.of) for layer in self.preparation.layers.values())
        if not any(of & set(modalities) and of & set(others) for of in joined):
            return self
        cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)

        def fitted(preparation: Preparation, views: Views) -> Preparation:
            own = preparation.only(modalities)
            return own.with_layers(recipe, views.only(modalities), self.seed)

        inside = [
            fitted(preparation, preparation.views(self.cohort.take(rows)))
            for preparation, rows in zip(self.inner_preparations, self.outside, strict=False)
        ]
        return replace(
            self,
            cohort=cohort,
            recipe=recipe,
            preparation=fitted(self.preparation, self.views),
            views=self.views.only(modalities),
            inner_preparations=tuple(inside),
            results=self.results.with_other(layers=True),
        )

    def with_net(self, recipe: Recipe) -> PreparedFold:
        """The same fold with the recipe's encoders. Raises `InputError` where they see something
        else than the fold's own see."""
        wanted, have = encoders_of(recipe, self.cohort, self.network), self.preparation.encoders
        for name, encoder in wanted.items():
            if name in have and self.has_graphs and _reach(encoder) != _reach(have[name]):
                raise InputError(
                    f"[search] encode: {encoder!r} looks otherwise along the gene network than "
                    f"the recipe's {have[name]!r}"
                )
        if not self.has_graphs:
            wanted = {m: "table" if part("encode", e).hops else e for m, e in wanted.items()}
        return replace(self, preparation=replace(self.preparation, encoders=wanted))

    def _changed(self, change: Callable[[Preparation], Preparation]) -> PreparedFold:
        """With all preparations changed."""
        inside = tuple(change(each) for each in self.inner_preparations)
        return replace(self, preparation=change(self.preparation), inner_preparations=inside)

    # -------------------------------------------------------------------------------------- signals

    def prepared(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of these modalities, with signals fitted on them alone."""
        chosen = self.preparation.only(modalities)
        signals = self.results.network.get(
            ("signals", modalities), lambda: self._signals(chosen, modalities)
        )
        if not self.has_graphs:
            signals = {name: SignalWithoutEdges(signal) for name, signal in signals.items()}
        return replace(chosen, signals=signals)

    def _signals(self, chosen: Preparation, modalities: tuple[str, ...]) -> Mapping[str, Signal]:
        views, whole = self.views.only(modalities), self.cohort.modalities
        symbols = {
            m: [whole[m].symbols[c] for c in pipeline.owners]
            for m, pipeline in chosen.pipelines.items()
        }
        others = [m for m in whole if m not in modalities]
        cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)
        return fit_signals(
            recipe, cohort, symbols, views.own, views.present, self.network, self.seed
        )


def _reach(encoder: str) -> tuple[int, int]:
    """How far an encoder looks along the gene network."""
    return part("encode", encoder).hops, part("encode", encoder).reach
