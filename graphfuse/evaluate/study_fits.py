"""The fits of a study, repeat after repeat: the baselines, and a bank of nets for each model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.baselines import Baseline, by_group, fit_baselines
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.evaluate.emap import additive
from graphfuse.evaluate.folds import Split
from graphfuse.evaluate.graph_controls import NONE, OURS, Control, controlled, controls
from graphfuse.evaluate.leakage.access_log import Spy
from graphfuse.evaluate.resume.dependencies import Beside
from graphfuse.evaluate.resume.finished_parts import Finished, Form, Part
from graphfuse.evaluate.resume.part_files import BANK, BASELINES, Bank, name_of, with_models
from graphfuse.evaluate.shapley import only
from graphfuse.evaluate.skipped_models import left_out_if_failed
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn import fold_data
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.fusion_search import candidates, train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.parallel_folds import side_by_side
from graphfuse.learn.progress import Step, no_progress
from graphfuse.schema import Recipe
from graphfuse.schema.run_model_name import ADDITIVE, WITHOUT, ModelId

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Fits:
    """What every fit of a study shares, and the study that takes the results."""

    study: Study
    cohort: Cohort
    spy: Spy
    recipe: Recipe
    network: GeneNetwork | None
    seed: int
    device: str
    keeps: str | None
    finished: Finished
    has_kernels: bool = True
    step: Step = no_progress

    def parts(self, splits: Sequence[Split], beside: Beside) -> int:
        """How many parts all repeats have: the baselines of each fold, and a bank for each net."""
        nets = 2 + len(self._fewer(beside))
        if beside.graph_ablation:
            nets += len(controlled(self.recipe, self.cohort, self.network))
        projected = beside.modalities and len(self.cohort.modalities) > 1
        repeats = len({split.repeat for split in splits})
        return len(splits) + nets * repeats + projected

    def _fewer(self, beside: Beside) -> dict[tuple[str, ...], list[str]]:
        """Sets of modalities that nets are trained on besides all of them, and what these nets are
        called."""
        derived = self.study.outcome.derived_from
        rest = tuple(m for m in self.cohort.modalities if m not in derived)
        fewer = only(tuple(self.study.present)) if beside.modalities else {}
        if derived and rest:
            fewer.setdefault(rest, []).append(str(ModelId.of_modalities(WITHOUT, derived)))
        return fewer

    def repeat(self, mine: Sequence[Split], beside: Beside, final: bool) -> list[FusionModel]:
        """Fits the folds of one repeat; gives the net of each and, if `final`, that of everyone."""
        names = tuple(self.cohort.modalities)
        folds = _Folds(self, mine)
        for baselines in folds.baselines():
            self._note(baselines)
        self._bank([NONE], folds.without_graphs, names, mine)
        for modalities, called in self._fewer(beside).items():
            self._bank(called, partial(folds.restricted, modalities), modalities, mine)
        form = with_models(self.recipe)
        prepared = partial(folds.prepared, final)
        models = self._bank([OURS], prepared, names, mine, form).models
        if beside.modalities and len(names) > 1 and mine[0].repeat == 0:
            self._project(models, mine)
        if beside.graph_ablation:
            self._ablation(folds, names, mine)
        return models

    def _ablation(self, folds: _Folds, names: tuple[str, ...], mine: Sequence[Split]) -> None:
        """Fits the control nets; one that fails is left out, also from the next repeats."""
        for control in controls(self.recipe, self.cohort, self.network, self.seed):
            if control.name in self.study.failed:
                continue
            with left_out_if_failed(control.name, self.study):
                self._bank([control.name], partial(folds.controlled, control), names, mine)

    def part(self, name: str, work: Callable[[], Part], form: Form[Part]) -> Part:
        """A part of the study, made now, or read as it was made before."""
        made = self.finished.make(name, work, form)
        self.step(name not in self.finished.reused)
        return made

    def fold(self, train: np.ndarray) -> PreparedFold:
        """These training patients, prepared."""
        cohort = self.cohort.take(train)
        outcome = cohort.outcome(self.study.outcome.name)
        groups = None if self.keeps is None else cohort.groups[self.keeps]
        return PreparedFold.fit(cohort, outcome, self.recipe, self.network, self.seed, groups)

    def fitting(self, mine: Sequence[Split]):
        """A phase in which folds are fitted side by side."""
        return self.spy.fitting(*(split.train for split in mine))

    def _bank(
        self,
        called: Sequence[str],
        folds: Callable[[], Sequence[PreparedFold]],
        modalities: tuple[str, ...],
        mine: Sequence[Split],
        form: Form[Bank] = BANK,
    ) -> Bank:
        """One net trained over all folds, its outputs noted by all its names."""
        work = partial(self._trained, " = ".join(called), folds, modalities, mine)
        bank = self.part(name_of(mine[0].repeat, called[0]), work, form)
        for baseline in bank.outputs:
            self._note(dict.fromkeys(called, baseline))
        return bank

    def _trained(
        self,
        what: str,
        prepared: Callable[[], Sequence[PreparedFold]],
        modalities: tuple[str, ...],
        mine: Sequence[Split],
    ) -> Bank:
        """Trains one net over all folds, and scores the folds' test patients by it."""
        folds = prepared()
        side_by_side(partial(self._start, modalities), folds)
        began = time.perf_counter()
        models = []
        with self.fitting(mine):
            trained = train_folds(folds, modalities, self.recipe, self.seed, self.device)
            for fold, each in zip(folds, trained, strict=True):
                models.append(self._model(each.recipe, each.fitted(fold, modalities)))
        seconds = (time.perf_counter() - began) / max(len(mine), 1)
        outputs = []
        for model, split in zip(models, mine, strict=False):
            with self.spy.scoring(split.tested, split.train):
                output = _output(model, self.cohort.take(split.tested))
            outputs.append(Baseline(output, seconds))
        took = time.perf_counter() - began
        seeds = self.recipe.train.seeds
        log.info("%s: %d folds × %d seeds in %.0f s", what, len(folds), seeds, took)
        return Bank(outputs, models)

    def _model(self, recipe: Recipe, fitted: Fitted) -> FusionModel:
        """The model of one fold of a bank."""
        outcome = self.study.outcome
        model = FusionModel(recipe, seed=self.seed, device=self.device, kind=outcome.kind)
        return model.adopt(fitted, recipe, outcome)

    def _start(self, modalities: tuple[str, ...], fold: PreparedFold) -> None:
        """Fits what nets on these modalities start from, so that a net's clock does not count
        it."""
        with self.spy.fitting(fold.cohort):
            for candidate in candidates(self.recipe):
                fold_data.start_of(fold, modalities, candidate)
            fold.prepared(modalities)

    def _project(self, models: Sequence[FusionModel], mine: Sequence[Split]) -> None:
        """Notes what the nets would predict if their modalities could not interact."""
        work = partial(self._projected, models, mine)
        projected = self.part(name_of(mine[0].repeat, ADDITIVE), work, BANK)
        for baseline in projected.outputs:
            self._note({ADDITIVE: baseline})

    def _projected(self, models: Sequence[FusionModel], mine: Sequence[Split]) -> Bank:
        """The outputs of the nets' additive projections for the folds' test patients."""
        began = time.perf_counter()
        outputs = []
        for model, split in zip(models, mine, strict=False):
            with self.spy.scoring(split.tested, split.train):
                output = additive(model, self.cohort.take(split.tested), seed=self.seed)
            outputs.append(Baseline(output, 0.0))
        log.info("%s: %d folds in %.0f s", ADDITIVE, len(mine), time.perf_counter() - began)
        return Bank(outputs, [])

    def _note(self, baselines: Mapping[str, Baseline]) -> None:
        """Adds outputs and fit times of one fold to the study."""
        for name, baseline in baselines.items():
            self.study.outputs[name].append(baseline.output)
            self.study.seconds[name].append(baseline.seconds)


class _Folds:
    """The folds of one repeat. They are prepared when first asked for, which is never where all
    parts that need them were finished before."""

    def __init__(self, fits: Fits, splits: Sequence[Split]):
        self.fits, self.splits = fits, splits
        self._made: dict[int, PreparedFold] = {}

    def baselines(self) -> list[dict[str, Baseline]]:
        """The baselines of every fold."""
        return side_by_side(self._baselines_of, range(len(self.splits)))

    def prepared(self, final: bool = False) -> list[PreparedFold]:
        """All folds and, if `final`, everyone."""
        folds = side_by_side(self._fold, range(len(self.splits)))
        if final:
            everyone = np.arange(len(self.fits.cohort))
            folds.append(self.fits.fold(everyone))
        return folds

    def without_graphs(self) -> list[PreparedFold]:
        """All folds without graphs."""
        return [fold.without_graphs() for fold in self.prepared()]

    def restricted(self, modalities: tuple[str, ...]) -> list[PreparedFold]:
        """All folds for nets on some modalities."""
        folds = self.prepared()
        with self.fits.fitting(self.splits):
            return [fold.restricted(modalities) for fold in folds]

    def controlled(self, control: Control) -> list[PreparedFold]:
        """All folds with a control in place of a graph."""
        return [fold.controlled(control.recipe, control.network) for fold in self.prepared()]

    def _fold(self, number: int) -> PreparedFold:
        """The fold of this number, prepared once."""
        if number not in self._made:
            train = self.splits[number].train
            with self.fits.spy.fitting(train):
                self._made[number] = self.fits.fold(train)
        return self._made[number]

    def _baselines_of(self, number: int) -> dict[str, Baseline]:
        """The baselines of the fold of this number, fitted or read from the finished part."""
        split = self.splits[number]
        name = name_of(split.repeat, f"ladder {split.fold}")
        return self.fits.part(name, partial(self._fit_baselines, number), BASELINES)

    def _fit_baselines(self, number: int) -> dict[str, Baseline]:
        """Fits the baselines of a fold."""
        began = time.perf_counter()
        spy, split = self.fits.spy, self.splits[number]
        test = self.fits.cohort.take(split.tested)
        fold = self._fold(number)
        with spy.scoring(split.tested, split.train):
            views = fold.preparation.views(test)
            groups = by_group(fold, test)
        with spy.fitting(split.train):
            baselines = fit_baselines(fold, test, views, self.fits.has_kernels)
        seconds = time.perf_counter() - began
        log.info("Baselines, fold %d of %d: %.0f s", number + 1, len(self.splits), seconds)
        return baselines | groups


def _output(model: FusionModel, test: Cohort) -> np.ndarray:
    """The model's outputs; those of a predictor of 0 for a patient who has none of its modalities
    (in a variant without some)."""
    has = test.present[list(model.modalities_)].any(axis=1).to_numpy()
    output = model.task_.output(np.zeros((len(test), model.task_.width)))
    if has.any():
        known = test if has.all() else test.take(has)  # a copy of all takes as long as the net
        output[has] = model.output(known)
    return output
