"""Why a model predicts what it does of one patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import counted, examples
from graphfuse.explain.load_method import attributed
from graphfuse.explain.method import FoldNet, Method
from graphfuse.explain.patient.counterfactual import Counterfactuals, Move
from graphfuse.explain.patient.explanation import Explanation, decimals
from graphfuse.explain.patient.local_model import MOST, local_model
from graphfuse.explain.patient.patient_model import Outputs, PatientModel
from graphfuse.explain.patient.training_range import FAR, TrainingRange, own_values
from graphfuse.learn.fold_model import Fitted


@dataclass(frozen=True, eq=False)
class Asked:
    """A patient, and the model that explains them.

    Attributes
    ----------
    fitted : Fitted
        The model.
    cohort : Cohort
        The patients among whom the patient is, such as those of a test fold.
    row : int
        The patient's row in it.
    target : str
        The name of the outcome.
    training : Cohort or None
        The model's training patients; `None` where their tables are not at hand.
    about : tuple of str
        Which model that is, in sentences.
    group_of : pandas.Series or None
        As of `FoldNet`.
    """

    fitted: Fitted
    cohort: Cohort
    row: int
    target: str
    training: Cohort | None
    about: tuple[str, ...]
    group_of: pd.Series | None = None

    def on(self, device: str) -> Asked:
        """The same on a device, such as "cpu" or "cuda"."""
        return replace(self, fitted=self.fitted.on(device))


def explain_patient(asked: Asked, method: Method, top: int = 10) -> Explanation:
    """Explain the prediction of one patient.

    Parameters
    ----------
    asked : Asked
        The patient and the model.
    method : Method
        How columns are scored.
    top : int
        How many columns a print shows.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        Where the method fails, or does not go with the model.
    """
    fitted, task = asked.fitted, asked.fitted.task
    model = PatientModel(fitted, asked.cohort.take([asked.row]))
    by_input = _attributions(asked, method) * task.own_unit  # [K, G]
    said = model.at(model.values[None])
    direction = int(task.direction_called(said.output)[0])
    table = _table(model, by_input, direction, task.directions)
    lime = local_model(model, table["feature"].head(MOST).tolist(), direction)
    coefficients = pd.Series(lime.coefficients * task.own_unit, lime.features)
    table["lime"] = table["feature"].map(coefficients)
    training = TrainingRange(model, asked.training)
    found = _counterfactuals(model, training, said, direction)
    moves = {"smallest": found.smallest(), "fewest": found.fewest()}
    return Explanation(
        patient=str(model.cohort.patients[0]),
        target=asked.target,
        said=_prediction(task, said.output),
        about=[*asked.about, *_absent(model), *_observed(asked, model)],
        direction=_direction(task.directions, direction),
        unit=task.attribution_words.patient_unit or task.attribution_words.unit,
        method=method.name,
        description=method.description(task),
        attributions=table,
        moves=pd.concat([_moved_columns(model, training, *each) for each in moves.items()]),
        crossed=_crossed(len(task.directions)),
        flips=_flips(model, moves, training.is_known, found.outside()),
        total=_sum(model, table, said, direction),
        lime_fit=lime.fit,
        shown=top,
    )


def _attributions(asked: Asked, method: Method) -> np.ndarray:
    """The patient's attributions `[K, G]`, the mean over nets."""
    cohort, row = asked.cohort, asked.row
    if not method.compares_patients:
        cohort, row = cohort.take([row]), 0
    by_net = []
    for number in range(len(asked.fitted.nets)):
        net = FoldNet(asked.fitted, number, cohort, group_of=asked.group_of)
        columns = attributed(method, net).columns
        by_net.append(np.concatenate([columns[name][:, row] for name in net.columns], axis=1))
    return np.mean(by_net, axis=0)


def _table(
    model: PatientModel, by_input: np.ndarray, direction: int, directions: tuple[str, ...]
) -> pd.DataFrame:
    """The columns of the model, the largest attribution first."""
    inputs = model.inputs
    shown = inputs[["feature", "modality", "column"]].assign(value=own_values(model).to_numpy())
    is_value = (inputs["kind"] == "value").to_numpy()
    shown["standardised"] = np.where(is_value, model.values, np.nan)
    names = ["attribution"]
    shown["attribution"] = by_input[direction]
    if len(directions) > 1:
        for name, attribution in zip(directions, by_input, strict=True):
            names.append(f"attribution_{name}")
            shown[names[-1]] = attribution
    by_feature = shown.groupby("feature", sort=False)
    first = by_feature[["modality", "column", "value"]].first()
    first["value"] = shown.drop_duplicates("feature").set_index("feature")["value"]
    numbers = by_feature["standardised"].first()
    table = first.assign(standardised=numbers).join(by_feature[names].sum()).reset_index()
    table.insert(1, "gene", _genes(model, table))
    table.insert(table.columns.get_loc("attribution") + 1, "lime", np.nan)
    has = table["modality"].map(model.present)
    table = table[has.to_numpy(bool)].drop(columns="column")
    size = table["attribution"].abs()
    return table.loc[size.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _genes(model: PatientModel, table: pd.DataFrame) -> list[str | None]:
    """The gene of each column of a table."""
    gene_of = {}
    for modality in model.cohort.modalities.values():
        gene_of |= dict(zip(modality.feature_ids, modality.symbols, strict=True))
    return [gene_of.get(feature) for feature in table["feature"]]


def _counterfactuals(
    model: PatientModel, training: TrainingRange, said: Outputs, direction: int
) -> Counterfactuals:
    """Moves against what the call hangs on."""
    gradient = model.gradient()  # [K, G]
    if len(gradient) == 1:
        slope = gradient[0] * np.sign(said.logits[0, 0])
    else:
        others = said.logits[0].copy()
        others[direction] = -np.inf
        slope = gradient[direction] - gradient[others.argmax()]
    return Counterfactuals(model, slope, training.range())


def _moved_columns(
    model: PatientModel, training: TrainingRange, name: str, move: Move | None
) -> pd.DataFrame:
    """The columns that a move changes, those that change most first."""
    columns = ["move", "feature", "modality", "from", "to", "from_standardised"]
    columns += ["to_standardised", "low", "high"]
    if move is None:
        return pd.DataFrame(columns=columns)
    limits, own = training.range(), own_values(model)
    rows = []
    change = np.abs(move.profile - model.values)
    for place in move.inputs[np.argsort(-change[move.inputs], kind="stable")]:
        of_input = model.inputs.loc[place]
        before, after = model.values[place], move.profile[place]
        in_units = own[place], training.in_own_units(place, after)
        bounds = limits.low[place], limits.high[place]
        rows.append(
            (name, of_input["feature"], of_input["modality"], *in_units, before, after, *bounds)
        )
    return pd.DataFrame(rows, columns=columns)


# ----------------------------------------------------------------------------------------- in words


def _prediction(task, output: np.ndarray) -> str:
    """`call class1, p_class0 0.07, p_class1 0.93`: as in predictions.csv."""
    parts = []
    for name, value in task.table(output).items():
        shown = value[0]
        parts.append(f"{name} {shown}" if isinstance(shown, str) else f"{name} {shown:.4g}")
    return ", ".join(parts)


def _direction(directions: tuple[str, ...], direction: int) -> str:
    """What attributions are of, in words."""
    if len(directions) == 1:
        return "the predicted value"
    return f"the probability of {directions[direction]}"


def _absent(model: PatientModel) -> list[str]:
    """A sentence about modalities that the patient lacks."""
    absent = [name for name, has in model.present.items() if not has]
    if not absent:
        return []
    names = ", ".join(absent)
    return [f"Not measured in this patient: {names}. Its columns have no part and are not listed."]


def _observed(asked: Asked, model: PatientModel) -> list[str]:
    """A sentence about the patient's own outcome."""
    outcomes = model.cohort.outcomes
    if asked.target not in outcomes:
        return [f"The cohort has no outcome {asked.target!r}: whether this is right is not known."]
    outcome = outcomes[asked.target]
    if not outcome.known[0]:
        return ["The patient's outcome is not known: whether this is right cannot be said."]
    shown = outcome.task.shown(outcome.target)[""][0]
    return [f"Observed: {shown}."]


def _crossed(directions: int) -> str:
    """What is so after a counterfactual move."""
    if directions > 1:
        return "the call is another"
    return "the prediction is on the other side of the training mean"


def _flips(
    model: PatientModel, moves: dict[str, Move | None], is_known: bool, outside: int
) -> list[str]:
    """What would flip the call, or take a number across the training mean, a sentence each."""
    task = model.fitted.task
    flips = "flips the call"
    if len(task.directions) == 1:
        mean = task.output(np.zeros((1, 1)))[0, 0]
        flips = f"takes the prediction across the training mean ({mean:.4g})"
    within = "the range of training values"
    if not is_known:
        within = f"{FAR:g} standard deviations of the training mean (training tables are not here)"
    beyond = []
    if outside:
        columns = counted(outside, "column")
        beyond = [f"Outside of that already: {columns}, which may move back but no farther out."]
    if all(move is None for move in moves.values()):
        return [f"No move of the columns within {within} {flips}.", *beyond]
    sentences = [f"What {flips}, within {within}:"]
    for name, move in moves.items():
        sentences.append(_flip(model, name, move))
    return [*sentences, *beyond]


def _flip(model: PatientModel, name: str, move: Move | None) -> str:
    """One of them."""
    which = {"smallest": "the shortest move of all columns", "fewest": "the fewest columns"}[name]
    if move is None:
        return f"{which}: none is found."
    change = np.abs(move.profile - model.values)[move.inputs]
    features = model.inputs.loc[move.inputs, "feature"].to_numpy()
    order = np.argsort(-change, kind="stable")
    largest = examples(features[order])
    several = counted(len(features), "column")
    after = _prediction(model.fitted.task, move.output[None])
    return (
        f"{which}: {several} ({largest}), {move.total:.3g} standard deviations in sum, "
        f"{move.length:.3g} as the root of the sum of squares; then {after}."
    )


def _sum(model: PatientModel, table: pd.DataFrame, said: Outputs, direction: int) -> str:
    """A sentence about what attributions start from, and what they sum to."""
    mean = model.at(np.zeros_like(model.values)[None])
    task = model.fitted.task
    change = (said.logits[0, direction] - mean.logits[0, direction]) * task.own_unit
    total = table["attribution"].sum()
    places = decimals(max(abs(total), abs(change)))
    return (
        f"All columns together {total:+.{places}f}, where the change from the training mean of "
        f"all columns is {change:+.{places}f} (there: {_prediction(task, mean.output)})."
    )
