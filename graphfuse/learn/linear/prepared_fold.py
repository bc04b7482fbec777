"""A fold's training patients, prepared: what every model of the fold is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.linear.inner_folds import InnerFolds
from graphfuse.learn.linear.kernels import require_kernels
from graphfuse.learn.linear.result_cache import Results
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.recipe_steps import reads_target
from graphfuse.learn.signals.net_channels import (
    Signal,
    SignalWithoutEdges,
    encoders_of,
    fit_signals,
)
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Learned, Outcome, Target
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """The training patients of a fold and everything fitted on them before any model.

    Scalers, components and layers see the training patients' values alone, labelled or not. Inner
    folds hide labels: what a net is shown of a training patient comes from an inner model that
    never saw that patient's label, so that its gates learn what a new patient would gain.

    Attributes
    ----------
    cohort : Cohort
        The n training patients.
    target : Target
        What models learn of them.
    task : Task
        How models learn it.
    recipe, network, seed
        What the fold was prepared with.
    groups : np.ndarray or None
        `[n]`: groups of patients that inner folds must not part.
    preparation : Preparation
        Fitted on all n patients.
    views : Views
        Their columns.
    inner : InnerFolds
        The inner folds.
    inner_preparations : tuple of Preparation
        Where columns depend on labels (`[select] top`), fitted anew on the patients outside each
        inner fold.
    has_graphs : bool
        False for a fold whose graphs were taken away.
    results : Results
        Of work on this fold; folds made from it take over those that hold for them too.
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
        """Prepares all patients of `cohort`. Raises `InputError` where they are too many for the
        linear start that the recipe wants."""
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
            learned = Learned(self.target.take(rows), self.task)
            cohort = self.cohort.take(rows)
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
        has_other_layers = recipe.patient.control != self.recipe.patient.control
        encoders = encoders_of(recipe, self.cohort, network)

        def changed(preparation: Preparation) -> Preparation:
            control = preparation.controlled(recipe.patient.control)
            if not has_other_network:
                return control
            return replace(control, encoders=encoders).with_network(self.cohort, network)

        control = self._changed(changed)
        results = self.results.with_other(has_other_network, has_other_layers)
        views = self.views
        if has_other_network:
            views = replace(views, x_smoothed=control.preparation.smoothed(views.own))
        return replace(control, recipe=recipe, network=network, views=views, results=results)

    def restricted(self, modalities: tuple[str, ...]) -> PreparedFold:
        """The same fold for models on some modalities: itself, or, where a layer joins these with
        others, with layers fitted without those."""
        others = tuple(m for m in self.cohort.modalities if m not in modalities)
        if not self.preparation.joins(modalities, others):
            return self
        cohort = self.cohort.without(*others)
        recipe = self.recipe.without(*others)

        def fitted(preparation: Preparation, views: Views) -> Preparation:
            own = preparation.only(modalities)
            return own.with_layers(recipe, views.only(modalities), self.seed)

        inside = []
        for preparation, rows in zip(self.inner_preparations, self.outside, strict=False):
            views = preparation.views(self.cohort.take(rows))
            inside.append(fitted(preparation, views))
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
        encoders = encoders_of(recipe, self.cohort, self.network)
        if self.has_graphs:
            for name, present in self.preparation.encoders.items():
                _require_same_reach(encoders.get(name, present), present)
        else:
            encoders = {m: "table" if part("encode", e).hops else e for m, e in encoders.items()}
        return replace(self, preparation=replace(self.preparation, encoders=encoders))

    def relabelled(self, outcome: Outcome) -> PreparedFold:
        """The same fold with other labels of the same patients: what was fitted without labels is
        taken over, and all else is fitted anew when it is asked for."""
        outcomes = {**self.cohort.outcomes, outcome.name: outcome}
        cohort = replace(self.cohort, outcomes=outcomes)
        if self.inner_preparations:
            made_of = (self.recipe, self.network, self.seed, self.groups)
            return PreparedFold.fit(cohort, outcome, *made_of)
        task = outcome.task.fitted(outcome.target)
        inner = InnerFolds.deal(task.strata(outcome.target), self.seed, self.groups)
        learned = {"target": outcome.target, "task": task, "inner": inner}
        return replace(self, cohort=cohort, results=self.results.of_columns(), **learned)

    def _changed(self, change: Callable[[Preparation], Preparation]) -> PreparedFold:
        """With all preparations changed."""
        inside = tuple(change(each) for each in self.inner_preparations)
        return replace(self, preparation=change(self.preparation), inner_preparations=inside)

    # -------------------------------------------------------------------------------------- signals

    def prepared(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of these modalities, with signals fitted on them alone."""
        chosen = self.preparation.only(modalities)
        key = ("signals", modalities)
        signals = self.results.network.get(key, lambda: self._signals(chosen, modalities))
        if not self.has_graphs:
            signals = {name: SignalWithoutEdges(signal) for name, signal in signals.items()}
        return replace(chosen, signals=signals)

    def _signals(self, chosen: Preparation, modalities: tuple[str, ...]) -> Mapping[str, Signal]:
        """Signals of these modalities, fitted on all patients of the fold."""
        views, whole = self.views.only(modalities), self.cohort.modalities
        symbols = {}
        for m, pipeline in chosen.pipelines.items():
            symbols[m] = [whole[m].symbols[column] for column in pipeline.owners]
        others = [m for m in whole if m not in modalities]
        cohort = self.cohort.without(*others)
        recipe = self.recipe.without(*others)
        columns = (symbols, views.own, views.present)
        return fit_signals(recipe, cohort, *columns, self.network, self.seed)


def _require_same_reach(encoder: str, present: str) -> None:
    """Raises `InputError` where an encoder looks otherwise along the gene network than the present
    one."""
    if _reach(encoder) != _reach(present):
        raise InputError(
            f"[search] encode: {encoder!r} looks otherwise along the gene network than "
            f"the recipe's {present!r}"
        )


def _reach(encoder: str) -> tuple[int, int]:
    """How far an encoder looks along the gene network."""
    return part("encode", encoder).hops, part("encode", encoder).reach
