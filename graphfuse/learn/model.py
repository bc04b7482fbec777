"""`FusionModel`, the scikit-learn estimator of graphfuse.

A fitted model holds everything that is needed to predict new patients, and no ids of the training
patients.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

from sklearn.utils.validation import check_is_fitted

from graphfuse.data.cohort import Cohort
from graphfuse.data.cohort_checks.variation import require_variation
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.recipe_network import gene_side
from graphfuse.learn.cohort_of_x_y import (
    asked_kind,
    cohort_of,
    labelled,
    remember_table,
    trained_outcome,
)
from graphfuse.learn.device import pick_device
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.fusion_support import require_fusion
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.predictions import Predictor
from graphfuse.learn.recipe_parts import with_parts
from graphfuse.learn.save.model_files import read_model, write_model
from graphfuse.schema import Recipe
from graphfuse.schema.check_arguments import Seed, check_arguments, checked


class FusionModel(Predictor):
    """A graph neural network on several modalities, as a scikit-learn classifier or regressor.

    The kind of outcome decides which of the two it is. Cross-validation and grid search of
    scikit-learn work on row numbers of `cohort`, or on a plain table.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, its name or its file.
    cohort : Cohort, str or Path, optional
        The cohort whose rows `fit`, `predict` and `score` are given, as in
        `cross_val_score(FusionModel(cohort=cohort), np.arange(len(cohort)), y)`. Without one they
        take a cohort, a manifest, or a plain table of numbers.
    target : str, optional
        The outcome to learn; default: the cohort's first.
    seed : int
        Of all random numbers.
    device : str
        "auto", "cpu" or "cuda".
    network : GeneNetwork, str or Path, optional
        A gene network in place of the recipe's.
    kind : str, optional
        The kind of labels `y` that are given as an array, such as "class" or "number". By default
        it is that of the cohort's outcome, and "class" for a plain table.

    Attributes
    ----------
    classes_ : np.ndarray
        Names of the classes `[K]`, sorted as labels are, or in the manifest's order; only for a
        class outcome.
    task_ : Task
        The kind of outcome that is predicted (`graphfuse.task`).
    target_ : str
        Name of the outcome that is predicted.
    recipe_ : Recipe
        The recipe of the fit; where it has a `[search]`, the candidate that was chosen.
    modalities_ : tuple of str
        Names of the modalities it was fitted on.
    epochs_ : int
        Epochs of training, chosen on inner folds.
    setting_ : dict of str to float
        The `learning_rate` and `weight_decay`, chosen on inner folds.
    gates_ : dict of str to dict of str to float
        Fitted gates of each modality and signal, as `Fitted.gates` describes them.
    fitted_ : Fitted
        Fitted steps, graphs, linear start and nets.
    comparison_ : Comparison or None
        Summaries of the training patients' tables, with which those of new patients are compared.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 20, "meth": 10}).cohort
    >>> model = gf.FusionModel("snf", device="cpu").fit(cohort.take(range(40)))
    >>> model
    FusionModel('snf': subtype (2 classes) from meth, rna; fitted on 40 patients, ... epochs)
    >>> model.predict(cohort.take(range(40, 60))).shape
    (20,)
    """

    def __init__(
        self,
        recipe: Recipe | str | Path = "multiplex",
        *,
        cohort: Cohort | str | Path | None = None,
        target: str | None = None,
        seed: Seed = 0,
        device: str = "auto",
        network: GeneNetwork | str | Path | None = None,
        kind: str | None = None,
    ):
        self.recipe = recipe
        self.cohort = cohort
        self.target = target
        self.seed = seed
        self.device = device
        self.network = network
        self.kind = kind

    def fit(self, X, y=None) -> FusionModel:
        """Fits steps, graphs and nets on the training patients.

        Parameters
        ----------
        X : Cohort, str, Path or array-like
            A cohort or its manifest; rows of the model's own `cohort`; or a table of numbers
            `[N, F]`, in which NaN is missing.
        y : array-like or str, optional
            Labels `[N]`, which a table needs; or the name of the cohort's outcome. Without it,
            patients of a cohort who have no label take part unlabelled.

        Returns
        -------
        FusionModel
            Itself.

        Raises
        ------
        InputError
            For patients, labels or recipes that a model cannot be fitted on.

        Examples
        --------
        >>> import numpy as np
        >>> import graphfuse as gf
        >>> X = np.random.default_rng(0).normal(size=(40, 5))
        >>> gf.FusionModel("snf", device="cpu").fit(X, X[:, 0] > 0).classes_.tolist()
        [False, True]
        """
        check_arguments(FusionModel.__init__, self.get_params(deep=False))
        asked_kind(self.kind, self.cohort, self.target)
        recipe = with_parts(self.recipe)
        cohort = cohort_of(self, X, fitting=True).ordered()
        kind = asked_kind(self.kind, cohort, self.target)
        cohort, target, classes = labelled(cohort, y, self.target, kind)
        outcome = trained_outcome(cohort, target)
        require_fusion(recipe, outcome.task)
        require_variation(cohort)
        cohort, network, _ = gene_side(recipe, cohort, self.network, self.seed)
        fold = PreparedFold.fit(cohort, outcome, recipe, network, self.seed)
        modalities = tuple(cohort.modalities)
        device = pick_device(self.device)
        (trained,) = train_folds([fold], modalities, recipe, self.seed, device)
        self.adopt(trained.fitted(fold, modalities), trained.recipe, outcome)
        vars(self).update(self.task_.attributes(classes))
        return self.compared_with(cohort)

    def adopt(self, fitted: Fitted, recipe: Recipe, outcome) -> FusionModel:
        """Takes over what was fitted elsewhere, as in cross-validation.

        Parameters
        ----------
        fitted : Fitted
            Fitted steps, graphs, linear start and nets.
        recipe : Recipe
            The recipe of the fit.
        outcome : Outcome
            The outcome that was learned.

        Returns
        -------
        FusionModel
            Itself.
        """
        self._take(fitted, recipe, outcome.name)
        return self

    def _take(self, fitted: Fitted, recipe: Recipe, target: str) -> None:
        """Sets all fitted attributes but the comparison of tables."""
        self.recipe_, self.fitted_, self.target_ = recipe, fitted, target
        self.task_ = fitted.task
        vars(self).pop("classes_", None)
        vars(self).update(self.task_.attributes(None))
        self.modalities_ = tuple(fitted.linear.slopes)
        self.epochs_, self.setting_ = fitted.epochs, fitted.setting
        self.gates_ = fitted.gates()
        self.comparison_ = None

    @checked
    def on(self, device: str | None) -> FusionModel:
        """The same model on another device; the fitted parameters are shared, not copied.

        Parameters
        ----------
        device : str or None
            "auto", "cpu" or "cuda"; None for the model's own.

        Returns
        -------
        FusionModel

        Raises
        ------
        InputError
            For a device that does not exist.
        """
        if device is None or device == self.device:
            return self
        there = copy.copy(self)
        there.device = pick_device(device)
        return there

    def __repr__(self) -> str:
        if not hasattr(self, "fitted_"):
            recipe = getattr(self.recipe, "name", self.recipe)
            return f"FusionModel({recipe!r}, not fitted)"
        modalities = ", ".join(self.modalities_)
        learned = f"{self.recipe_.name!r}: {self.target_} ({self.task_.brief})"
        fit = f"fitted on {self.fitted_.trained_on:,} patients, {self.epochs_} epochs"
        return f"FusionModel({learned} from {modalities}; {fit})"

    @checked
    def save(self, folder: str | Path) -> None:
        """Writes `model.json` and `model.safetensors`, which hold no pickle and no patient ids.

        They do hold the training patients' states and points, which new patients are compared with.

        Parameters
        ----------
        folder : str or Path
            Created where it does not exist.

        Examples
        --------
        >>> import tempfile
        >>> import graphfuse as gf
        >>> from graphfuse.data.synth import planted
        >>> cohort = planted(40, {"rna": 20}).cohort
        >>> model = gf.FusionModel("snf", device="cpu").fit(cohort)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(folder)
        ...     loaded = gf.FusionModel.load(folder)
        >>> bool((loaded.predict(cohort) == model.predict(cohort)).all())
        True
        """
        check_is_fitted(self, "fitted_")
        write_model(self, Path(folder))

    @classmethod
    @checked
    def load(cls, folder: str | Path, *, allow_parts: Iterable[str | Path] = ()) -> FusionModel:
        """Reads a saved model; no code that its files name is run unless it is allowed.

        Parameters
        ----------
        folder : str or Path
            A folder that `save` wrote.
        allow_parts : iterable of str or Path
            Python files whose parts the model may use. Their hashes must be those of the files that
            it was trained with.

        Returns
        -------
        FusionModel

        Raises
        ------
        InputError
            Where the folder holds no model, its schema is another, it is damaged, or the model uses
            custom parts that are not allowed.
        """
        saved = read_model(Path(folder), allow_parts)
        model = cls(saved.recipe, seed=saved.seed, kind=saved.fitted.task.kind)
        model._take(saved.fitted, saved.recipe, saved.target)
        model.comparison_ = saved.comparison
        remember_table(model)
        return model
