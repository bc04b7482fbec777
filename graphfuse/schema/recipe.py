"""A recipe: graphs, net and training as a value (`graphs/NAME.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic import model_validator

from graphfuse.errors import Faults, InputError, nearest
from graphfuse.files.toml import located, read_toml, resolve
from graphfuse.schema.base import Described
from graphfuse.schema.check_arguments import checked
from graphfuse.schema.prepare import PrepareSection, StepSpec
from graphfuse.schema.recipe_sections import (
    ConceptSection,
    Control,
    GeneSection,
    NetSection,
    PathwaySection,
    PatientSection,
    SearchSection,
    SelectSection,
    SignallingSection,
    TrainSection,
)
from graphfuse.schema.rename_recipe_files import with_files

DEFAULT_RECIPE = "multiplex"


@checked
class Recipe(Described):
    """Graphs, net and training as a value; a published method is a recipe, not a class.

    Recipes are TOML files (`graphs/NAME.toml`), one section per field; `graphs/README.md` explains
    every key. A recipe is never changed: its methods return changed copies.

    Parameters
    ----------
    name : str
        What the recipe is called.
    title, licence, citation : str
        For people who read it.
    patient : PatientSection
        The layers of the patient graph.
    gene : GeneSection
        The gene network.
    net : NetSection
        The part in each slot of the net, and its width.
    train : TrainSection
        Epochs, seeds, learning rates, dropout.
    prepare : PrepareSection
        The steps from a modality's numbers to what models see.
    select : SelectSection
        How many columns of each modality are kept, and how they are scaled.
    concepts : ConceptSection, optional
        Concept planes, where the net has that channel.
    signalling : SignallingSection, optional
        The signalling graph, where the net has that channel.
    pathways : PathwaySection, optional
        Gene sets, where the net has that channel.
    search : SearchSection, optional
        Parts among which a search chooses.

    Raises
    ------
    InputError
        For unknown keys and for values that are out of bounds, all at once.

    Examples
    --------
    >>> recipe = Recipe.named("multiplex")
    >>> recipe.net.fuse, recipe.patient.neighbours
    ('bilinear', 10)
    >>> Recipe(name="wide", net={"width": 64}).net.width
    64
    """

    patient: PatientSection = PatientSection()
    gene: GeneSection = GeneSection()
    net: NetSection = NetSection()
    train: TrainSection = TrainSection()
    prepare: PrepareSection = PrepareSection()
    select: SelectSection = SelectSection()
    concepts: ConceptSection | None = None
    signalling: SignallingSection | None = None
    pathways: PathwaySection | None = None
    search: SearchSection | None = None

    @model_validator(mode="after")
    def _gate_is_for_nets_without_a_linear_start(self) -> Recipe:
        if self.patient.gate and self.net.start == "linear":
            raise ValueError(
                "[patient] gate is for nets without a linear start: set [net] start = "
                '"none", or leave it out'
            )
        return self

    @model_validator(mode="after")
    def _selection_has_its_steps(self) -> Recipe:
        steps = self.prepare.named
        if self.select.top is not None and "select" not in steps:
            raise ValueError('[select] top needs "select" among [prepare] steps')
        if self.select.scale != "deviation" and "scale" not in steps:
            raise ValueError('[select] scale needs "scale" among [prepare] steps')
        return self

    def steps_of(self, *names: str) -> tuple[StepSpec, ...]:
        """The preparation steps of a modality.

        Parameters
        ----------
        *names : str
            What the modality goes by: its name, its entity, its kind. The first of them for which
            `[prepare]` lists steps decides.

        Returns
        -------
        tuple of StepSpec
            In their order; `scale` and `select` have the options that `[select]` gives them.

        Examples
        --------
        >>> recipe = Recipe(name="few", select={"top": 100})
        >>> [spec.step for spec in recipe.steps_of("rna", "gene", "omics")]
        ['impute', 'scale', 'select']
        >>> recipe.steps_of("rna")[-1].options
        {'top': 100}
        """
        defaults: dict[str, dict] = {"scale": {"by": self.select.scale}}
        if self.select.top is not None:
            defaults["select"] = {"top": self.select.top}
        steps = []
        for spec in self.prepare.of(*names):
            options = defaults.get(spec.step, {}) | spec.options
            steps.append(spec.model_copy(update={"options": options}))
        return tuple(steps)

    def controlled(self, patient: str | None = None, gene: str | None = None) -> Recipe:
        """The same recipe with controls in place of its graphs.

        Parameters
        ----------
        patient, gene : {"none", "rewired", "random", "identity", "empty"}, optional
            The control of the patient graph and of the gene network; `None` keeps the recipe's.

        Returns
        -------
        Recipe

        Raises
        ------
        InputError
            For unknown controls.

        Examples
        --------
        >>> Recipe(name="plain").controlled(patient="rewired").patient.control
        'rewired'
        """
        known = get_args(Control)
        for control in (patient, gene):
            if control is not None and control not in known:
                raise InputError(f"control {control!r} is unknown{nearest(control, known)}")
        changed = {}
        if patient is not None:
            changed["patient"] = self.patient.model_copy(update={"control": patient})
        if gene is not None:
            changed["gene"] = self.gene.model_copy(update={"control": gene})
        return self.model_copy(update=changed)

    def searched(self) -> Recipe:
        """The same recipe with a `[search]` section.

        Returns
        -------
        Recipe
            With its own section, or one of the parts that are usually tried.

        Examples
        --------
        >>> Recipe(name="plain").searched().search.encode
        ['table', 'mlp', 'tokens']
        """
        if self.search is not None:
            return self
        return self.model_copy(update={"search": SearchSection()})

    def without(self, *modalities: str) -> Recipe:
        """The same recipe for a cohort that lacks some modalities.

        Parameters
        ----------
        *modalities : str
            Their names. No section names them any more; a patient layer of these alone goes.

        Returns
        -------
        Recipe

        Examples
        --------
        >>> recipe = Recipe(name="two", patient={"layers": ["rna", "meth"]})
        >>> recipe.without("meth").patient.layers
        ['rna']
        """
        signalling = self.signalling
        if signalling is not None:
            signalling = signalling.without(*modalities)
        changed = {
            "patient": self.patient.without(*modalities),
            "net": self.net.without(*modalities),
            "prepare": self.prepare.without(*modalities),
            "signalling": signalling,
        }
        return self.model_copy(update=changed)

    @staticmethod
    def named(name: str | Path) -> Recipe:
        """Reads a recipe.

        Parameters
        ----------
        name : str or Path
            A path to a .toml, or the name of a recipe in `graphs/` of the working folder or among
            those that ship with the package.

        Returns
        -------
        Recipe
            With the paths of its files absolute (`located`).

        Raises
        ------
        InputError
            Where there is no such recipe, and for every fault of the file.

        Examples
        --------
        >>> Recipe.named("mogonet").name
        'mogonet'
        """
        path = resolve(name, "graphs")
        return read_toml(path, Recipe).located(path.parent)

    @staticmethod
    def of(given: Recipe | str | Path) -> Recipe:
        """A recipe as it is, or the one of a name or path.

        Parameters
        ----------
        given : Recipe, str or Path
            What a user passes as `recipe=`.

        Returns
        -------
        Recipe
            With the paths of its files absolute (`located`).

        Raises
        ------
        InputError
            As `named`.

        Examples
        --------
        >>> Recipe.of("mogonet") == Recipe.of(Recipe.named("mogonet"))
        True
        """
        return given.located() if isinstance(given, Recipe) else Recipe.named(given)

    def located(self, beside: str | Path = Path()) -> Recipe:
        """The same recipe with absolute paths for the files that it names.

        Parameters
        ----------
        beside : str or Path
            The folder in which files are looked for after the working folder, such as that of the
            recipe's own file.

        Returns
        -------
        Recipe
            Names of files that are in neither folder stay as they are: they may be names of
            shipped networks.

        Raises
        ------
        InputError
            For custom parts (`file.py:Class`) whose file is in neither folder.
        """
        folders, faults = (Path(), Path(beside)), Faults(f"recipe {self.name!r}")

        def part(where: str, name: str) -> str:
            file, _, symbol = name.rpartition(":")
            path = located(file, folders)
            if not Path(path).is_absolute():
                faults.add(
                    f"{where} = {name!r}: no such file in the working folder or beside the recipe; "
                    "put it there"
                )
            return f"{path}:{symbol}"

        changed = with_files(self, lambda name, home: located(name, folders, home), part)
        faults.stop()
        return changed
