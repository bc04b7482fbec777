"""The results of a training run, as a value and as a run directory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.safe_csv import safe_csv
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica, Study
from graphfuse.evaluate.graph_controls import sentences
from graphfuse.evaluate.portable_paths import portable, portable_metrics
from graphfuse.evaluate.read_run_tables import load_folds, load_predictions
from graphfuse.evaluate.run_directory import load_record, run_folder
from graphfuse.evaluate.score_lines import score_lines, verdict_words
from graphfuse.evaluate.subgroups import subgroups
from graphfuse.files.atomic_write import whole, write_json
from graphfuse.files.safe_paths import inside
from graphfuse.files.working_folders import recover, take_place
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.model import FusionModel
from graphfuse.schema import (
    Evaluation,
    Metrics,
    Recipe,
    RunRecord,
    Score,
)
from graphfuse.schema.check_arguments import checked
from graphfuse.schema.read_run_json import read_shape
from graphfuse.schema.run_model_name import EARLY, LATE, NO_GRAPH, OURS, SINGLE
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of

_JUDGED = (SINGLE, EARLY, LATE, NO_GRAPH)  # baselines that a report's lines compare with


@checked
@dataclass(eq=False)
class Report:
    """The results of a training run: scores, predictions of held-out patients, and models.

    `graphfuse.train` gives one. It prints as the scores of the net and its baselines, and what the
    comparisons show.

    Attributes
    ----------
    cohort : Cohort or None
        The patients; `None` for a report loaded from its folder.
    network : GeneNetwork or None
        The gene network; `None` where there is none, and for a report loaded from its folder.
    metrics : Metrics
        Scores of every model with 95 % intervals, and comparisons of the net with the others, as
        in `metrics.json`.
    evaluation : Evaluation
        What each modality adds, and scores of groups of patients, as in `evaluation.json`.
    predictions : pandas.DataFrame
        Of held-out patients by the net, as in `predictions.csv`: `patient, repeat, fold, truth`,
        the prediction (`call, p_<class>…` of classes, `value, lo, hi` of a number) and `flag`.
    folds : pandas.DataFrame
        Who is tested when, as in `folds.csv`: `patient, repeat, fold`; blank: always trains.
    model : FusionModel
        Fitted on all patients.
    replicas : list of Replica
        One model per fold, fitted without it; empty for a report loaded from its folder.
    record : RunRecord
        How the run was made, as in `run.json`.
    failed : tuple of str
        Which models beside the net could not be trained, and why.
    folder : Path or None
        The run directory that the report was loaded from.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 20, "meth": 10}, effect=2.0, seed=1).cohort
    >>> recipe = gf.Recipe.model_validate({"name": "quick", "train": {"epochs": 2, "seeds": 1}})
    >>> report = gf.train(cohort, recipe, cv=(2, 1), ledger=False)
    >>> report.metrics.models["graphfuse"]["auroc"].mean > 0.9
    True
    >>> report.predictions.shape[0]
    60
    >>> folder = report.save("run")
    >>> gf.Report.load(folder).metrics == report.metrics
    True
    """

    cohort: Cohort | None
    network: GeneNetwork | None
    metrics: Metrics
    evaluation: Evaluation
    predictions: pd.DataFrame
    folds: pd.DataFrame
    model: FusionModel
    replicas: list[Replica]
    record: RunRecord
    failed: tuple[str, ...] = ()
    folder: Path | None = None

    @classmethod
    def load(cls, folder: str | Path, *, allow_parts: Iterable[str | Path] = ()) -> Report:
        """Loads the report of a run directory; nothing is trained.

        Parameters
        ----------
        folder : str or Path
            What `save` or `graphfuse train` wrote.
        allow_parts : iterable of str or Path
            Python files whose parts the model may use (`FusionModel.load`).

        Returns
        -------
        Report
            Without cohort, network and fold models: `graphfuse.rank(report, cohort=…)` fetches them
            from the folder.

        Raises
        ------
        InputError
            Where it is no run directory, or is damaged.
        """
        folder = recover(Path(folder))
        record = load_record(folder)
        return cls(
            cohort=None,
            network=None,
            metrics=read_shape(inside(folder, "metrics.json"), Metrics),
            evaluation=read_shape(inside(folder, "evaluation.json"), Evaluation),
            predictions=load_predictions(folder, record.task),
            folds=load_folds(folder),
            model=FusionModel.load(inside(folder, "model"), allow_parts=allow_parts),
            replicas=[],
            record=record,
            folder=folder,
        )

    @classmethod
    def of(
        cls,
        study: Study,
        cohort: Cohort,
        network: GeneNetwork | None,
        folds: pd.DataFrame,
        protocol: dict,
        record: RunRecord,
    ) -> Report:
        """The report of a finished study, with scores by the groups that the cohort declares.

        Parameters
        ----------
        study : Study
            The results of the cross-validation.
        cohort : Cohort
            The patients it was made on.
        network : GeneNetwork or None
        folds : pandas.DataFrame
            The folds table it was made over.
        protocol : dict
            What `metrics.json` says of the protocol.
        record : RunRecord
            How the run was made.

        Returns
        -------
        Report
        """
        draws = study.draws()
        metrics = study.metrics(protocol, draws)
        predictions = study.predictions(cohort)
        by_group = subgroups(
            predictions,
            cohort.groups,
            cohort.patients,
            study.outcome.task,
            metrics_of(metrics.kind).by_group,
            seed=record.seed,
            widening=draws.widening,
        )
        return cls(
            cohort=cohort,
            network=network,
            metrics=metrics,
            evaluation=study.evaluation(metrics, draws, by_group),
            predictions=predictions,
            folds=folds,
            model=study.model,
            replicas=study.replicas,
            record=record,
        )

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run."""
        return Recipe.model_validate(self.record.recipe)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the run directory, whole or not at all.

        Parameters
        ----------
        folder : str or Path
            Where; a run directory of the same data there is replaced.
        overwrite : bool
            Whether a run on other data is replaced too.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            Where the folder holds something else, and for a report that was loaded.
        """
        self._refuse_if_loaded()
        with run_folder(folder, self.cohort, overwrite) as (work, out):
            self.write(work / "new", out)
            take_place(work, out)
        return Path(folder)

    def write(self, folder: str | Path, place: str | Path | None = None) -> None:
        """Writes the files of a run directory into an existing folder.

        Rankings, graphs and the report are written elsewhere.

        Parameters
        ----------
        folder : str or Path
        place : str, Path or None
            Where the folder will be in the end, if not there.

        Raises
        ------
        InputError
            For a report that was loaded.
        """
        self._refuse_if_loaded()
        folder = Path(folder)
        self.write_record(folder, place)
        metrics = portable_metrics(self.metrics, self.record).model_dump(mode="json", by_alias=True)
        evaluation = self.evaluation.model_dump(mode="json", by_alias=True)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "evaluation.json", evaluation)
        safe_csv(self.folds, folder / "folds.csv")
        safe_csv(self.predictions, folder / "predictions.csv")
        self.model.save(folder / "model")
        for replica in self.replicas:
            name = f"r{replica.repeat}f{replica.fold}"
            replica.model.save(folder / "model" / "folds" / name)

    def _refuse_if_loaded(self) -> None:
        """Raises `InputError` for a report without its fold models."""
        if self.folder is not None:
            raise InputError(
                f"this report was loaded from {self.folder}, without its fold models; copy that "
                "folder"
            )

    def write_record(self, folder: Path, place: str | Path | None = None) -> None:
        """Writes `run.json` into an existing folder.

        Parameters
        ----------
        folder : Path
        place : str, Path or None
            The folder from which the files that the record names are called (default: `folder`).
        """
        record = portable(self.record, folder if place is None else Path(place))
        with whole(folder / "run.json") as part:
            write_json(part, record.model_dump(mode="json", by_alias=True))

    def __str__(self) -> str:
        title = f"{self.record.cohort}: {self.metrics.target}"
        return "\n".join([title, *score_lines(self.metrics), "", *self.verdicts()])

    __repr__ = __str__

    def verdicts(self) -> list[str]:
        """What the comparisons show, in words.

        The net against `single`, `early` and `late`, which are chosen without the test patients,
        and against `no-graph`; then what each graph adds, and each modality.

        Returns
        -------
        list of str
            One line for each.
        """
        metrics = metrics_of(self.metrics.kind)
        primary = metrics[metrics.primary]
        lines = self._against_baselines(metrics[metrics.secondary])
        for sentence in sentences(self.metrics.comparisons, primary):
            lines.append(f"{primary.in_sentence}: {sentence}")
        gains = [
            f"{share.modality} {primary.signed(share.value)}"
            for share in self.evaluation.contributions
            if share.metric == primary.name
        ]
        if gains:
            title = f"{primary.in_sentence} that each modality adds (Shapley)"
            lines.append(f"{title}: {', '.join(gains)}")
        return lines

    def _against_baselines(self, metric: Metric) -> list[str]:
        """The net's differences to some baselines in one metric."""
        lines = []
        for pair in self.metrics.comparisons:
            if pair.metric != metric.name or pair.a != OURS or pair.b not in _JUDGED:
                continue
            own = self.metrics.models[OURS].get(metric.name, Score.none()).mean
            change = metric.signed(pair.difference, like=own)
            low, high = (metric.signed(end, like=own) for end in pair.ci95)
            against = f"{metric.in_sentence} against {pair.b}"
            verdict = verdict_words(pair, metric)
            lines.append(f"{against}: {change} ({low} to {high}), {verdict}")
        return lines
