"""Steps fitted on training patients: against scikit-learn, and what may never reach a fitted
number."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import f_classif
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline, unknown_values
from graphfuse.data.prepare.step import Context
from graphfuse.data.records.encode import TypedColumns
from graphfuse.data.steps.impute import Impute
from graphfuse.data.steps.scale import Scale
from graphfuse.data.steps.select import Select
from graphfuse.errors import InputError
from graphfuse.schema import Recipe
from graphfuse.statistics.columns import anova_f, is_constant
from tests.outcomes import learned

RNG = np.random.default_rng(7)
CODES = RNG.integers(0, 3, 60)
NAMES = [f"g{i:02d}" for i in range(25)]


def table(missing=0.1):
    values = np.random.default_rng(1).normal(3, 2, (60, 25)) * np.linspace(0.1, 50, 25)
    values[np.random.default_rng(2).random(values.shape) < missing] = np.nan
    return values


def omics(values, names=NAMES, ids=None):
    frame = pd.DataFrame(
        values, index=ids or [f"P{i}" for i in range(len(values))], columns=list(names)
    )
    return Modality("rna", frame)


def ehr(columns, types):
    return Modality(
        "ehr",
        pd.DataFrame(columns).astype({c: object for c, t in types.items() if t != "numeric"}),
        "ehr",
        types=types,
    )


def keeping(top):
    """The usual steps, of which the last keeps so many columns."""
    return Recipe(name="r", select={"top": top}).steps_of()


def selected(values, codes, names, top):
    """`Select` fitted on columns of these names."""
    context = Context(
        "rna", "omics", pd.RangeIndex(len(values)), np.array(names), {}, learned(codes)
    )
    return Select.fit(values, context, top=top)


def same(a, b):
    """Two pipelines have the same fitted numbers, bit for bit."""
    (left, about), (right, other) = a.state(), b.state()
    return (
        about == other
        and left.keys() == right.keys()
        and all(np.array_equal(left[k], right[k]) for k in left)
    )


# -------------------------------------------------------------------------------------------- steps


def test_impute_is_the_median_of_scikit_learn():
    values = table()
    step = Impute.fit(values)
    np.testing.assert_allclose(
        step.apply(values), SimpleImputer(strategy="median").fit_transform(values), rtol=1e-13
    )
    full = table(missing=0)
    np.testing.assert_allclose(Impute.fit(full).median, np.median(full, axis=0), rtol=1e-13)
    np.testing.assert_array_equal(step.apply(full), full)


def test_a_column_never_seen_is_imputed_with_zero_and_without_a_warning():
    values = table()
    values[:, 3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step = Impute.fit(values)
    assert (
        step.median[3] == 0
        and np.isfinite(step.apply(values)).all()
        and not step.apply(values)[:, 3].any()
    )
    assert Impute.fit(np.full((4, 2), np.nan)).median.tolist() == [0, 0]


def test_scale_is_the_standard_scaler():
    values = table(missing=0)
    reference = StandardScaler().fit(values[:40])
    np.testing.assert_allclose(
        Scale.fit(values[:40]).apply(values), reference.transform(values), rtol=1e-10, atol=1e-12
    )


def test_by_range_is_the_range_scaler_around_the_mean():
    values = table(missing=0)
    reference = MinMaxScaler().fit(values[:40])
    expected = reference.transform(values) - reference.transform(values[:40]).mean(0)
    np.testing.assert_allclose(
        Scale.fit(values[:40], by="range").apply(values), expected, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("by", ["deviation", "range"])
@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1, -3e8])
def test_a_constant_column_becomes_zero_for_everyone(constant, by):
    values = table(missing=0)
    values[:, 4] = constant
    step = Scale.fit(values, by=by)
    values[:, 4] += 5
    assert not step.apply(values)[:, 4].any() and np.isfinite(step.apply(values)).all()


def test_a_small_spread_is_no_constant():
    values = 1e-6 * np.arange(10.0)[:, None]
    assert Scale.fit(values).apply(values).std() == pytest.approx(1)


@pytest.mark.parametrize("by", ["deviation", "range"])
@pytest.mark.parametrize("unit", [1e-200, 1e-15, 1e-12, 1e-9, 1e12, 1e150])
def test_neither_the_unit_nor_an_offset_decides_whether_a_column_counts(unit, by):
    values = table(missing=0)
    expected = Scale.fit(values, by=by).apply(values)
    found = Scale.fit(values * unit, by=by).apply(values * unit)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(anova_f(values * unit, CODES), anova_f(values, CODES), rtol=1e-9)
    constant = np.full((60, 1), 0.3) * unit
    assert not Scale.fit(constant, by=by).factor.any() and not anova_f(constant, CODES).any()


@pytest.mark.parametrize("offset", [1e9, -1e9, 1e6])
def test_an_offset_costs_no_more_than_the_rounding_of_the_values(offset):
    values = table(missing=0)
    moved = values + offset
    expected = Scale.fit(moved - offset).apply(moved - offset)
    np.testing.assert_allclose(Scale.fit(moved).apply(moved), expected, atol=1e-5)
    np.testing.assert_allclose(Scale.fit(moved).apply(moved).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(
        anova_f(moved, CODES), f_classif(moved - offset, CODES)[0], rtol=1e-4
    )


def test_what_only_rounding_tells_apart_is_constant():
    values = np.full(60, 0.1) * np.random.default_rng(0).integers(1, 9, 60)
    sums = np.column_stack([(values + 0.2) - values, (values * 3 / values) * 1e-9])
    assert np.ptp(sums, axis=0).all() and is_constant(sums).all()
    assert not Scale.fit(sums).factor.any()


def test_f_is_that_of_scikit_learn():
    values = table(missing=0)
    values[:, 2] += CODES
    np.testing.assert_allclose(anova_f(values, CODES), f_classif(values, CODES)[0], rtol=1e-9)
    some = np.where(np.arange(60) % 4 == 0, -1, CODES)
    np.testing.assert_allclose(
        anova_f(values, some), f_classif(values[some >= 0], some[some >= 0])[0], rtol=1e-9
    )


def test_a_perfect_marker_comes_first_and_a_constant_last():
    values = table(missing=0)[:, :4]
    values[:, 1], values[:, 2] = CODES, 5.0
    f = anova_f(values, CODES)
    assert f[1] == np.inf and f[2] == 0 and np.isfinite(f[[0, 3]]).all()
    assert selected(values, CODES, list("abcd"), 1).keep.tolist() == [1]


def test_select_takes_the_best_in_column_order():
    values = table(missing=0)
    best = np.argsort(-f_classif(values, CODES)[0])[:6]
    step = selected(values, CODES, NAMES, 6)
    assert step.keep.tolist() == sorted(best) and step.apply(values).shape == (60, 6)
    for top in (None, 25, 100):
        assert selected(values, CODES, NAMES, top).keep.tolist() == list(range(25))


def test_ties_go_by_name_whatever_the_column_order():
    twins = np.repeat(table(missing=0)[:, :5], 4, axis=1)  # every column four times
    names = [f"n{i:02d}" for i in RNG.permutation(20)]
    expected = None
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(20)
        kept = selected(twins[:, order], CODES, [names[i] for i in order], 7).keep
        chosen = {names[order[k]] for k in kept}
        expected = expected or chosen
        assert chosen == expected and len(chosen) == 7


# ------------------------------------------------------------------------------------ typed columns


def test_numbers_stay_and_a_flag_says_what_was_missing():
    made = ehr({"age": [50.0, np.nan, 70.0]}, {"age": "numeric"})
    typed = TypedColumns.fit(made.table, made.types)
    np.testing.assert_array_equal(typed.apply(made.table), [[50, 0], [np.nan, 1], [70, 0]])
    full = TypedColumns.fit(made.table.iloc[[0, 2]], made.types)
    np.testing.assert_array_equal(
        full.apply(made.table), [[50], [np.nan], [70]]
    )  # no missing in training: no flag


def test_categories_are_one_hot_and_an_unseen_level_is_none_of_them():
    made = ehr({"race": ["b", "a", np.nan, "c"]}, {"race": "categorical"})
    typed = TypedColumns.fit(made.table.iloc[:3], made.types)
    np.testing.assert_array_equal(
        typed.apply(made.table), [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
    )
    assert typed.owners.tolist() == [0, 0, 0]


def test_an_ordinal_is_its_rank_and_an_unseen_level_unknown():
    made = ehr({"stage": ["II", "I", "III", "IV"]}, {"stage": "ordinal"})
    typed = TypedColumns.fit(made.table.iloc[:3], made.types)
    np.testing.assert_array_equal(typed.apply(made.table), [[1], [0], [2], [np.nan]])


@pytest.mark.parametrize("form", [str, int, float])
def test_ordinal_numbers_are_in_the_order_of_numbers(form):
    numbers = [10, 2, 9, 1, 11]
    made = ehr({"grade": [form(n) for n in numbers]}, {"grade": "ordinal"})
    found = TypedColumns.fit(made.table, made.types).apply(made.table)
    assert found[:, 0].tolist() == [3, 1, 2, 0, 4]


def test_a_level_is_the_same_however_it_is_written():
    """A column with gaps reads as 1.0, 2.0; the same column without gaps as 1, 2."""
    fitted = TypedColumns.fit(pd.DataFrame({"c": [1.0, 2.0, np.nan]}), {"c": "categorical"})
    np.testing.assert_array_equal(fitted.apply(pd.DataFrame({"c": [2, 1]})), [[0, 1, 0], [1, 0, 0]])


def test_a_date_is_its_day():
    made = ehr({"seen": ["2000-01-02", "1999-12-31", np.nan, "2001-01-01"]}, {"seen": "date"})
    typed = TypedColumns.fit(made.table, made.types)
    np.testing.assert_array_equal(typed.apply(made.table)[:, 0], [1, -1, np.nan, 366])


@pytest.mark.parametrize(
    "dates",
    [
        ["2001-05-03", "03/05/2001", "junk", "13/02/2001"],
        ["04/02/2001", "01/13/2001", "2001-02-03"],
    ],
)
def test_a_date_does_not_depend_on_who_else_is_there(dates):
    made = ehr({"seen": dates}, {"seen": "date"})
    typed = TypedColumns.fit(made.table, made.types)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = typed.apply(made.table)
        alone = np.concatenate([typed.apply(made.table.iloc[[i]]) for i in range(len(dates))])
    np.testing.assert_array_equal(whole, alone)


def test_days_come_first_where_a_training_date_says_so():
    fitted = TypedColumns.fit(pd.DataFrame({"d": ["13/02/2000", "04/01/2000"]}), {"d": "date"})
    later = pd.DataFrame({"d": ["02/01/2000", "2000-02-01"]})
    assert fitted.apply(later)[:, 0].tolist() == [1, 31]
    months_first = TypedColumns.fit(pd.DataFrame({"d": ["01/13/2000"]}), {"d": "date"})
    assert months_first.apply(later)[:, 0].tolist() == [31, 31]


def test_dates_that_do_not_say_which_part_is_the_day_are_refused():
    with pytest.raises(InputError, match="'seen': dates do not say whether the day"):
        TypedColumns.fit(pd.DataFrame({"seen": ["04/02/2001", "01/02/2001"]}), {"seen": "date"})


def test_an_order_that_nobody_knows_is_never_the_alphabet():
    frame = pd.DataFrame({"pain": ["none", "mild", "severe"], "mood": ["grim", "gay", "glum"]})
    fitted = TypedColumns.fit(frame[["pain"]], {"pain": "ordinal"})
    assert fitted.apply(frame)[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="order of gay, glum, grim is not known"):
        TypedColumns.fit(frame[["mood"]], {"mood": "ordinal"})
    given = TypedColumns.fit(
        frame[["mood"]], {"mood": "ordinal"}, {"mood": ("grim", "glum", "gay")}
    )
    assert given.apply(frame)[:, 0].tolist() == [0, 2, 1]


def test_what_has_no_type_is_guessed_by_its_values():
    typed = TypedColumns.fit(pd.DataFrame({"n": [1.0, 2.0], "t": ["x", "y"]}), {})
    assert [kind for _, kind, _, _ in typed.columns] == ["numeric", "categorical"]


def test_what_the_fit_can_make_nothing_of_is_counted_and_told():
    train = mixed()
    fitted = Pipeline.fit(train, learned(np.zeros(40, int)))
    assert fitted.unknown(train) == []
    frame = train.table.copy().astype(object)
    frame.loc[["P0", "P1"], "age"], frame.loc["P2", "race"] = ["old", "70+"], "d"
    frame.loc[["P3", "P4", "P5"], "stage"], frame.loc["P6", "seen"] = "IV", "long ago"
    new = Modality("ehr", frame, "ehr", types=train.types)
    said = fitted.unknown(new)
    assert said == [
        "ehr, age: <5 patients have a value that is no number; taken as missing",
        "ehr, race: <5 patients have a value not seen in training; taken as none of those that "
        "were",
        "ehr, stage: <5 patients have a value not seen in training; taken as missing",
        "ehr, seen: <5 patients have a value that is no date; taken as missing",
    ]
    assert not any(private in " ".join(said) for private in ("P0", "70+", "IV", "long ago"))
    alone = Pipeline.fit(omics(table()), learned(CODES)).unknown(omics(table(missing=0.5)))
    assert alone == []


def test_missing_values_and_columns_are_not_unknown_ones():
    train = mixed()
    fitted = Pipeline.fit(train, learned(np.zeros(40, int)))
    gone = Modality(
        "ehr", train.table[["age", "stage"]].assign(age=np.nan), "ehr", types=train.types
    )
    assert fitted.unknown(gone) == []
    assert unknown_values({"ehr": fitted, "absent": fitted}, {"ehr": gone}) == []
    odd = Modality("ehr", train.table.assign(race="d"), "ehr", types=train.types)
    assert (
        unknown_values({"ehr": fitted, "absent": fitted}, {"ehr": odd}) == fitted.unknown(odd) != []
    )


# ----------------------------------------------------------------------------------------- pipeline


def mixed(rows=40, seed=0):
    """An EHR modality with every type and gaps."""
    rng = np.random.default_rng(seed)
    gaps = rng.random((rows, 4)) < 0.15
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 10, rows),
            "race": rng.choice(["a", "b", "c"], rows).astype(object),
            "stage": rng.choice(["I", "II", "III"], rows).astype(object),
            "seen": rng.choice(["2001-02-03", "2010-10-10", "2005-05-05"], rows).astype(object),
        },
        index=[f"P{i}" for i in range(rows)],
    ).mask(gaps)
    return Modality(
        "ehr",
        frame,
        "ehr",
        types={"age": "numeric", "race": "categorical", "stage": "ordinal", "seen": "date"},
    )


def test_omics_go_through_impute_scale_select():
    values = table()
    made = Pipeline.fit(omics(values), learned(CODES), steps=keeping(8))
    full = SimpleImputer(strategy="median").fit_transform(values)
    scaled = StandardScaler().fit_transform(full)
    kept = np.sort(np.argsort(-f_classif(scaled, CODES)[0])[:8])
    np.testing.assert_allclose(made.apply(omics(values)), scaled[:, kept], rtol=1e-9, atol=1e-12)
    assert made.owners.tolist() == kept.tolist() and [made.columns[o] for o in made.owners] == [
        NAMES[k] for k in kept
    ]


def test_ehr_columns_know_their_owners():
    made = mixed()
    pipeline = Pipeline.fit(made, learned(RNG.integers(0, 2, 40)))
    values = pipeline.apply(made)
    # age + flag, three races + flag, stage + flag, date + flag
    assert pipeline.owners.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 3, 3] and values.shape == (40, 10)
    present = values[made.present]
    np.testing.assert_allclose(present.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(present.std(0), 1, rtol=1e-12)


@pytest.mark.parametrize("kind", ["omics", "ehr"])
def test_held_out_patients_change_no_fitted_number(kind):
    whole = omics(table()) if kind == "omics" else mixed(60)
    train = np.arange(40)
    whole = Modality(
        "x", whole.table.astype(float if kind == "omics" else object), whole.kind, types=whole.types
    )
    fitted = Pipeline.fit(whole.take(train), learned(CODES[train]), steps=keeping(4))
    changed = whole.table.copy()
    changed.iloc[40:] = 1e6 if kind == "omics" else "1999"
    other = Pipeline.fit(
        Modality("x", changed, whole.kind, types=whole.types).take(train),
        learned(CODES[train]),
        steps=keeping(4),
    )
    assert same(fitted, other)
    seen = Pipeline.fit(whole, learned(CODES), steps=keeping(4))
    assert not same(fitted, seen)  # and they would, had they been seen


def test_absent_patients_are_not_fitted_on_and_get_zero_rows():
    values = table()
    gone = values.copy()
    gone[[3, 17]] = np.nan
    fitted = Pipeline.fit(omics(gone), learned(CODES), steps=keeping(9))
    there = np.setdiff1d(np.arange(60), [3, 17])
    (left, about), (right, other) = (
        fitted.state(),
        Pipeline.fit(omics(values[there]), learned(CODES[there]), steps=keeping(9)).state(),
    )
    assert about == other and left["keep"].tolist() == right["keep"].tolist()
    for key in ("median", "mean", "factor"):  # to rounding: tables lie differently in memory
        np.testing.assert_allclose(left[key], right[key], rtol=1e-12)
    found = fitted.apply(omics(gone))
    assert not found[[3, 17]].any() and found[there].any(1).all()
    ehr_gone = mixed()
    ehr_gone.table.iloc[5] = np.nan
    assert not Pipeline.fit(ehr_gone, learned(np.zeros(40, int))).apply(ehr_gone)[5].any()


@pytest.mark.parametrize("kind", ["omics", "ehr"])
def test_one_patient_is_as_many(kind):
    whole = omics(table()) if kind == "omics" else mixed(60)
    fitted = Pipeline.fit(whole, learned(CODES), steps=keeping(5))
    together = fitted.apply(whole)
    np.testing.assert_array_equal(
        together, np.concatenate([fitted.apply(whole.take(np.array([i]))) for i in range(60)])
    )


def test_column_order_and_further_columns_do_not_matter_later():
    whole = omics(table())
    fitted = Pipeline.fit(whole, learned(CODES), steps=keeping(10))
    other = whole.table[NAMES[::-1]].assign(extra=1.0)
    np.testing.assert_array_equal(fitted.apply(Modality("rna", other)), fitted.apply(whole))
    records = mixed()
    fitted = Pipeline.fit(records, learned(np.zeros(40, int)))
    turned = Modality("ehr", records.table.iloc[:, ::-1], "ehr", types=records.types)
    np.testing.assert_array_equal(fitted.apply(turned), fitted.apply(records))


def test_missing_columns_are_imputed_down_to_half():
    whole = omics(table())
    fitted = Pipeline.fit(whole, learned(CODES))
    some = fitted.apply(Modality("rna", whole.table[NAMES[:13]]))
    full = fitted.apply(whole)
    np.testing.assert_array_equal(some[:, :13], full[:, :13])
    impute, scale, _ = fitted.steps
    empty = (impute.median - scale.mean) * scale.factor
    np.testing.assert_allclose(some[:, 13:], np.tile(empty[13:], (60, 1)), rtol=1e-13)
    with pytest.raises(
        InputError, match="modality 'rna': 12 of the 25 columns .* at least 50% are needed"
    ):
        fitted.apply(Modality("rna", whole.table[NAMES[:12]]))


@pytest.mark.parametrize("kind", ["omics", "ehr"])
def test_a_pipeline_survives_arrays_and_json(kind):
    whole = omics(table()) if kind == "omics" else mixed(60)
    fitted = Pipeline.fit(whole, learned(CODES), steps=keeping(6))
    arrays, described = fitted.state()
    assert all(isinstance(a, np.ndarray) and a.dtype != object for a in arrays.values())
    back = Pipeline.from_state(arrays, json.loads(json.dumps(described)))
    assert same(back, fitted) and back.typed == fitted.typed and back.columns == fitted.columns
    np.testing.assert_array_equal(back.apply(whole), fitted.apply(whole))
