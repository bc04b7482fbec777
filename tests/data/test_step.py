"""Steps in files: the folder is the registry, one file is one step, and each keeps its contract."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.data.prepare.step import Context, Step, available_steps, step
from graphfuse.data.prepare.step_contract import check_step
from graphfuse.errors import WARNED, InputError
from graphfuse.files.array_rules import FLOATS, Array
from graphfuse.learn.custom_parts import check_part
from graphfuse.schema import Recipe
from tests.outcomes import learned

QUANTILE = '''
from dataclasses import dataclass

import numpy as np

from graphfuse.data.prepare.step import Step
from graphfuse.errors import InputError
from graphfuse.files.array_rules import FLOATS, Array, rising


@dataclass(frozen=True, eq=False)
class Quantile(Step):
    """Each patient's sorted values become the mean ones of the training patients."""

    reference: np.ndarray

    arrays = {"reference": Array(FLOATS, ("before",), rising)}

    @classmethod
    def reads_target(cls, **options):
        return False

    @classmethod
    def fit(cls, table, context):
        if np.isnan(table).any():
            raise InputError("quantile: put it after impute")
        return cls(np.sort(table, axis=1).mean(axis=0))

    def apply(self, table):
        rank = table.argsort(axis=1, kind="stable").argsort(axis=1)
        return self.reference[rank]
'''
CODES = np.arange(50) % 2
LABELS = learned(CODES)


@pytest.fixture
def quantile(tmp_path):
    path = tmp_path / "quantile.py"
    path.write_text(QUANTILE)
    return f"{path}:Quantile"


def made_table(rows=50, seed=3):
    """Ten columns of different levels; every row on a scale of its own, one value in ten gone."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 10)) + 3 * np.arange(10)
    values[:, 2] += 4 * CODES[:rows]
    values *= draw.uniform(0.5, 2, (rows, 1))
    return np.where(draw.random(values.shape) < 0.1, np.nan, values)


def rna(values):
    ids = [f"P{row}" for row in range(len(values))]
    return Modality("rna", pd.DataFrame(values, ids, [f"g{c}" for c in range(values.shape[1])]))


def steps(*names, **select):
    """A recipe's specs of these steps."""
    made = {"name": "r", "prepare": {"steps": list(names)}, "select": select}
    return Recipe.model_validate(made).steps_of("rna")


@dataclass(frozen=True, eq=False)
class Halve(Step):
    """Everything by two; what is wrong with it is up to a test."""

    factor: np.ndarray

    arrays = {"factor": Array(FLOATS, ("before",))}

    @classmethod
    def fit(cls, table, context):
        return cls(np.full(table.shape[1], 0.5))

    def apply(self, table):
        return table * self.factor


# ----------------------------------------------------------------------------------------- registry


def test_the_folder_is_the_registry():
    assert {"impute", "scale", "select"} <= set(available_steps())
    for name in available_steps():
        kind = step(name)
        assert kind.__module__ == f"graphfuse.data.steps.{name}" and kind.__doc__
        assert kind is step(name)


@pytest.mark.parametrize("name", available_steps())
def test_every_step_that_ships_keeps_its_contract(name):
    assert len(check_step(step(name), name)) == 10


def test_an_unknown_step_names_the_nearest_and_a_strange_class_is_told(tmp_path, quantile):
    with pytest.raises(InputError, match=r"'imput': no such step \(did you mean 'impute'\?\)"):
        step("imput")
    with pytest.raises(
        InputError, match="is no Step; derive it from graphfuse.data.prepare.step.Step"
    ):
        step(quantile.replace(":Quantile", ":InputError"))
    with pytest.raises(InputError, match="has no class 'Quantil' .did you mean 'Quantile'"):
        step(quantile[:-1])
    with pytest.raises(InputError, match="gone.py: no such file"):
        step(f"{tmp_path / 'gone.py'}:Quantile")


def test_options_are_those_that_fit_takes():
    spec = {"step": "scale", "options": {"bye": "range"}}
    with pytest.raises(InputError, match=r"'scale' has no option 'bye' \(did you mean 'by'\?\)"):
        Pipeline.fit(rna(made_table()), LABELS, steps("impute", spec))
    with pytest.raises(InputError, match="scale: by = .* .got 'size'"):
        Pipeline.fit(rna(made_table()), LABELS, steps("impute", spec | {"options": {"by": "size"}}))
    with pytest.raises(InputError, match="select: top must be a whole number .* .got 0"):
        spec = {"step": "select", "options": {"top": 0}}
        Pipeline.fit(rna(made_table()), LABELS, steps("impute", spec))


def test_an_option_of_a_step_goes_before_what_select_says():
    spec = {"step": "select", "options": {"top": 3}}
    fitted = Pipeline.fit(rna(made_table()), LABELS, steps("impute", spec, "scale", top=7))
    assert len(fitted.owners) == 3


# ------------------------------------------------------------------------------ a step of one's own


def test_a_quantile_normaliser_is_one_file(quantile):
    values = made_table()
    fitted = Pipeline.fit(rna(values), LABELS, steps("impute", quantile, "scale", "select", top=4))
    full = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    normal = np.sort(full, axis=1).mean(axis=0)[full.argsort(axis=1).argsort(axis=1)]
    scaled = (normal - normal.mean(0)) / normal.std(0)
    assert len(fitted.owners) == 4 and 2 in fitted.owners  # the planted column, by input column
    np.testing.assert_allclose(fitted.apply(rna(values)), scaled[:, fitted.owners], rtol=1e-9)


def test_one_patient_is_as_many_and_the_state_survives_json(quantile):
    values = made_table()
    fitted = Pipeline.fit(rna(values), LABELS, steps("impute", quantile, "scale", "select", top=4))
    arrays, described = fitted.state()
    assert [name for name in arrays if "reference" in name] == ["steps/1/reference"]
    back = Pipeline.from_state(arrays, json.loads(json.dumps(described)))
    together = fitted.apply(rna(values))
    alone = [back.apply(rna(values).take([row])) for row in range(len(values))]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_what_shift_checks_see_goes_through_every_step(quantile):
    """Missing stays missing, and nothing else differs from what models see."""
    values = made_table()
    fitted = Pipeline.fit(rna(values), LABELS, steps("impute", quantile, "scale", "select", top=4))
    numbers = fitted.numbers(rna(values))
    gone = np.isnan(values[:, fitted.sources])
    seen = fitted.standardise(numbers)
    assert gone.any() and np.array_equal(np.isnan(seen), gone)
    np.testing.assert_array_equal(seen[~gone], fitted.apply(rna(values))[~gone])
    np.testing.assert_array_equal(fitted.medians, np.nanmedian(values, axis=0))
    assert Pipeline.fit(rna(values), LABELS, steps("select", "impute")).medians is None


def test_the_usual_steps_in_another_order_give_the_same():
    values = made_table()
    usual = Pipeline.fit(rna(values), LABELS, steps("impute", "scale", "select", top=4))
    other = Pipeline.fit(rna(values), LABELS, steps("impute", "select", "scale", top=4))
    np.testing.assert_array_equal(usual.owners, other.owners)
    assert len(other.steps[2].mean) == 4
    np.testing.assert_allclose(other.apply(rna(values)), usual.apply(rna(values)), rtol=1e-12)


TWICE = '''
from dataclasses import dataclass
import numpy as np
from graphfuse.data.prepare.step import Step
from tests.outcomes import learned

@dataclass(frozen=True, eq=False)
class Twice(Step):
    """Every column, and its square."""

    power: int

    @classmethod
    def fit(cls, table, context, power=2):
        return cls(power)

    def apply(self, table):
        return np.concatenate([table, table**self.power], axis=1)

    def owners(self, columns):
        return np.tile(np.arange(columns), 2)
'''


def test_a_step_may_make_more_columns_which_belong_to_those_they_came_from(tmp_path):
    path = tmp_path / "twice.py"
    path.write_text(TWICE)
    values = made_table()
    spec = {"step": f"{path}:Twice", "options": {"power": 3}}
    fitted = Pipeline.fit(rna(values), LABELS, steps("impute", spec, "scale", "select", top=15))
    kept = fitted.steps[3].keep
    np.testing.assert_array_equal(fitted.owners, kept % 10)
    assert fitted.apply(rna(values)).shape == (50, 15)
    arrays, described = fitted.state()
    assert described["steps"][1]["about"] == {"power": 3}
    back = Pipeline.from_state(arrays, described)
    np.testing.assert_array_equal(back.apply(rna(values)), fitted.apply(rna(values)))
    records = pd.DataFrame({"age": np.arange(50.0), "sex": list("fm") * 25})
    modality = Modality("about", records, "ehr", types={"age": "numeric", "sex": "categorical"})
    fitted = Pipeline.fit(modality, LABELS, steps("impute", spec, "scale"))
    assert fitted.owners.tolist() == [0, 1, 1, 0, 1, 1]


def test_a_context_says_who_and_what(monkeypatch):
    said = []

    def fit(cls, table, context):
        said.append(context)
        return cls(np.ones(table.shape[1]))

    monkeypatch.setattr(Halve, "fit", classmethod(fit))
    kinds = {"half": Halve, "impute": step("impute")}
    monkeypatch.setattr("graphfuse.data.prepare.fitted_steps.step", kinds.get)
    table = pd.DataFrame({"age": [1.0, 2, np.nan, 4], "sex": ["f", "m", None, "f"]}, list("abcd"))
    modality = Modality("about", table, "ehr", types={"age": "numeric", "sex": "categorical"})
    groups = {"site": np.array(["x", "y", "z", None], dtype=object)}
    target = np.array([0, 1, 1, -1])
    Pipeline.fit(modality, learned(target), steps("impute", "half"), groups)
    (context,) = said
    assert (context.modality, context.kind) == ("about", "ehr")
    assert list(context.patients) == ["a", "b", "d"]  # c has nothing
    assert list(context.columns) == ["age", "sex", "sex"]
    assert list(context.groups["site"]) == ["x", "y", None]
    assert list(context.learned.target.values) == [0, 1, -1]
    monkeypatch.setattr(Halve, "reads_target", classmethod(lambda cls: False))
    Pipeline.fit(modality, learned(target), steps("impute", "half"), groups)
    assert list(said[1].learned.target.values) == [-1, -1, -1]


# ----------------------------------------------------------------------------- what is left missing


def test_a_pipeline_without_an_imputer_says_so():
    with pytest.raises(InputError, match="'rna': values are still missing after the last step, "):
        Pipeline.fit(rna(made_table()), LABELS, steps("select"))
    with pytest.raises(InputError, match='scale: .* put "impute" before "scale"'):
        Pipeline.fit(rna(made_table()), LABELS, steps("scale", "impute"))
    with pytest.raises(InputError, match='put "impute" before "select"'):
        Pipeline.fit(rna(made_table()), LABELS, steps("select", "impute", top=3))
    whole = np.nan_to_num(made_table())
    fitted = Pipeline.fit(rna(whole), LABELS, steps("scale"))
    assert np.isfinite(fitted.apply(rna(whole))).all()
    with pytest.raises(InputError, match="values are still missing after the last step, 'scale'"):
        fitted.apply(rna(made_table()))
    gone = whole.copy()
    gone[4] = np.nan
    assert not fitted.apply(rna(gone))[4].any()  # an absent patient is none with missing values


def test_columns_that_no_step_centred_are_told(quantile, caplog):
    WARNED.clear()
    for last in (("scale",), ("scale", "select"), (quantile, "scale")):
        Pipeline.fit(rna(made_table()), LABELS, steps("impute", *last))
    centred = np.nan_to_num(made_table() - np.nanmean(made_table(), axis=0))
    Pipeline.fit(rna(centred), LABELS, steps("impute"))
    assert not caplog.messages
    for _ in range(2):
        Pipeline.fit(rna(made_table()), LABELS, steps("impute"))
    (said,) = caplog.messages
    assert "'rna': after the last step, columns are not centred on training patients" in said


def test_a_step_that_makes_nan_is_named(tmp_path):
    path = tmp_path / "log.py"
    path.write_text(TWICE.replace("np.concatenate([table, table**self.power], axis=1)",
                                  "np.log(np.concatenate([table, table], axis=1))"))  # fmt: skip
    name = f"{path}:Twice"
    with pytest.raises(InputError, match="log.py:Twice' makes NaN or infinity of numbers"):
        Pipeline.fit(rna(made_table() - 50), LABELS, steps("impute", name, "select"))
    fitted = Pipeline.fit(rna(np.abs(made_table()) + 1), LABELS, steps("impute", name, "select"))
    with pytest.raises(InputError, match="log.py:Twice' makes NaN"):
        fitted.apply(rna(made_table() - 50))


def test_a_modality_that_nobody_of_the_training_set_has_is_fitted(quantile):
    nobody = np.full((50, 10), np.nan)
    fitted = Pipeline.fit(rna(nobody), LABELS, steps("impute", quantile, "scale", "select", top=4))
    assert not fitted.apply(rna(nobody)).any()
    assert np.isfinite(fitted.apply(rna(made_table()))).all()


# ----------------------------------------------------------------------------------------- contract


def test_check_part_checks_steps(quantile, tmp_path):
    said = check_part(quantile)
    assert said[0].endswith("quantile.py:Quantile: a step") and len(said) == 11
    broken = QUANTILE.replace("return self.reference[rank]", "return table - table.mean(axis=0)")
    (tmp_path / "broken.py").write_text(broken)
    with pytest.raises(
        InputError, match="broken.py:Quantile: a patient alone = in a batch: differ"
    ):
        check_part(f"{tmp_path / 'broken.py'}:Quantile")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"apply": lambda self, t: t - t.mean(axis=0)}, "a patient alone = in a batch"),
        ({"apply": lambda self, t: t[:, :-1]}, r"gave a table of shape .*owners` says"),
        ({"apply": lambda self, t: np.log(t)}, "no number becomes NaN or infinite"),
        ({"apply": lambda self, t: np.multiply(t, 2, out=t)}, "apply changed it"),
        ({"apply": lambda self, t: t + np.random.random()}, "the same fit twice gives the same"),
        ({"apply": lambda self, t: 1 / 0}, "ZeroDivisionError"),
        ({"owners": lambda self, n: np.arange(n) + 1}, "`owners` must be places among 6 columns"),
        ({"arrays": {"factor": Array(FLOATS, ("after",))}, "owners": lambda self, n: [0]}, "shape"),
        ({"arrays": {"factor": Array(("i8",), ("before",))}}, "of type float64, not i8"),
        ({"arrays": {"factor": Array(FLOATS, (3,))}}, "factor: of shape"),
        ({"reads_target": classmethod(lambda cls: None)}, "expected True or False .got None"),
        ({"arrays": {}}, "TypeError: Object of type ndarray is not JSON"),
        ({"state": lambda self: ({"factor": self.factor * 2}, {})}, "read back, it gives the same"),
        ({"fit": classmethod(lambda cls, t, c: cls(t.std(axis=0, ddof=1)))}, "one training"),
        ({"apply": lambda self, t: np.where(np.isnan(t).any(1)[:, None], np.nan, t)}, "gaps cost"),
    ],
)  # fmt: skip
def test_a_step_that_breaks_its_contract_is_told(changed, said):
    assert len(check_step(Halve, "half")) == 10
    with np.errstate(all="ignore"), pytest.raises(InputError, match=said):
        check_step(dataclass(frozen=True, eq=False)(type("Broken", (Halve,), changed)), "broken")


def by_code(cls, table, context):
    """It takes the values of every outcome for codes of classes."""
    share = np.bincount(context.learned.target.values, minlength=3)[0] / len(table)
    return cls(np.full(table.shape[1], share))


def of_classes_only(cls, table, context):
    if context.learned.target.values.dtype.kind != "i":
        raise InputError("half: needs classes")
    return by_code(cls, table, context)


def endless_of_numbers(cls, table, context):
    is_codes = context.learned.target.values.dtype.kind == "i"
    return cls(np.full(table.shape[1], 2.0 if is_codes else np.inf))


def fitted_by(fit):
    """Halve, fitted otherwise."""
    changed = type("Changed", (Halve,), {"fit": classmethod(fit)})
    return dataclass(frozen=True, eq=False)(changed)


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (by_code, "as `owners` says, where a number is learned: TypeError"),
        (endless_of_numbers, "NaN or infinite, where a number is learned: 144 of its"),
    ],
)
def test_a_step_is_tried_on_every_kind_of_outcome(fit, said):
    with np.errstate(all="ignore"), pytest.raises(InputError, match=said) as caught:
        check_step(fitted_by(fit), "codes")
    assert "where a class is learned" not in str(caught.value)


def test_a_step_may_refuse_a_kind_of_outcome():
    assert len(check_step(fitted_by(of_classes_only), "codes")) == 10


def test_a_step_without_methods_says_what_it_must_define():
    context = Context("x", "omics", pd.Index(["a"]), np.array(["c"]), {}, learned(np.array([0])))
    with pytest.raises(TypeError, match="Step must define fit"):
        Step.fit(np.ones((1, 1)), context)
    with pytest.raises(TypeError, match=r"Step must define apply"):
        Step().apply(np.ones((1, 1)))


# ------------------------------------------------------------------------------------- damaged ones


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("steps/1/reference", lambda a: a[::-1], "steps/1/reference: not in rising order"),
        ("steps/1/reference", lambda a: a[:-1], "steps/1/reference: of shape"),
        ("steps/1/reference", lambda a: a * np.nan, "not finite"),
        ("steps/1/reference", lambda a: a.astype("f4"), "of type float32"),
        ("steps/3/keep", lambda a: a[::-1], "steps/3/keep: not in rising order"),
        ("steps/3/keep", lambda a: a + 10, "places outside of 0 to 9"),
        ("steps/2/factor", lambda a: -a - 1, "negative numbers"),
        ("owners", lambda a: a[::-1], "owners: not the columns that are kept"),
        ("owners", lambda a: a[:-1], "owners: of shape"),
    ],
)
def test_arrays_that_are_not_as_declared_are_refused(quantile, name, change, said):
    specs = steps("impute", quantile, "scale", "select", top=4)
    arrays, described = Pipeline.fit(rna(made_table()), LABELS, specs).state()
    with pytest.raises(ValueError, match=said):
        Pipeline.from_state(arrays | {name: change(arrays[name])}, described)
    del arrays[name]
    with pytest.raises(ValueError, match=f"it lacks the array '{name}'"):
        Pipeline.from_state(arrays, described)


def test_what_is_saved_of_a_step_besides_arrays_is_its_own(quantile):
    arrays, described = Pipeline.fit(rna(made_table()), LABELS, steps("impute", quantile)).state()
    described["steps"][0]["about"] = {"size": 3}
    with pytest.raises(ValueError, match="'impute' cannot be made of what is saved: TypeError"):
        Pipeline.from_state(arrays, described)
