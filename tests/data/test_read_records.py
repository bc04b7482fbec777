"""Records: typed columns, words for unknown, numbers that are not, orders and dates."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.records.encode import TypedColumns
from graphfuse.data.records.read_records import typed
from graphfuse.errors import Faults


def read(values, kind=None, like=None):
    """One column, typed: the records, and the faults."""
    faults = Faults("f.csv")
    frame = pd.DataFrame({"x": values}, dtype=object)
    found = typed(frame, {} if kind is None else {"x": kind}, "f.csv", faults, like)
    return found, faults.messages


def fault(values, kind=None):
    """The one fault of a column."""
    _, (said,) = read(values, kind)
    assert said.startswith("f.csv: column 'x' ")
    return said


def test_words_for_unknown_are_missing_whatever_their_case():
    words = ["white", "Not Reported", "UNKNOWN", " not available ", "[Not Available]", "asian"]
    faults = Faults("f")
    table, types, *_ = typed(pd.DataFrame({"race": words}), {}, "f", faults)
    assert (
        table["race"].dropna().tolist() == ["white", "asian"]
        and types == {"race": "categorical"}
        and not faults.messages
    )


def test_not_assessed_has_no_place_in_an_order_but_is_a_category():
    frame = pd.DataFrame(
        {"t": ["T1", "TX", "T2"], "s": ["Stage X", "Stage I", "Stage II"], "m": ["M0", "MX", "M1"]}
    )
    table, *_ = typed(frame, {"t": "ordinal", "s": "ordinal", "m": "categorical"}, "f", Faults("f"))
    assert table.isna().sum().to_dict() == {"t": 1, "s": 1, "m": 0}


def test_text_in_a_numeric_column_is_a_fault_with_examples():
    faults = Faults("f")
    typed(
        pd.DataFrame({"dose": ["12", "15 mg", "9"], "y": [1.0, np.inf, 2.0]}),
        {"dose": "numeric"},
        "f.csv",
        faults,
    )
    assert "f.csv: column 'dose' is numeric, but 1 value is text ('15 mg')" in faults.messages[0]
    assert "infinite" in faults.messages[1]


@pytest.mark.parametrize("unit", ["mg", " %", " mmol/l", " years"])
def test_numbers_with_units_are_refused_not_made_categories(unit):
    some = [f"{n}{unit if n % 2 else ''}" for n in range(10, 40)]
    every = [f"{n}{unit}" for n in range(10, 40)]
    for values in (some, every):
        assert "is numeric" in fault(values) and repr(f"11{unit}") in fault(values)
    arms, faults = read([f"10{unit}", f"20{unit}"] * 10)
    assert arms.types == {"x": "categorical"} and not faults


def test_commas_in_numbers_are_refused():
    said = fault([f"1,{n:03d}" for n in range(100, 160)] + ["980"] * 20)
    assert "60 values are text ('1,100'" in said and "nothing for thousands" in said


def test_bounds_are_read_as_their_number_and_told():
    ages = [str(age) for age in range(40, 89)]
    found, faults = read([*ages, "90+", " 90+", "> 89"])
    assert found.types == {"x": "numeric"} and not faults
    assert found.table["x"].tolist()[-3:] == [90, 90, 89]
    assert found.notices == [
        "column 'x': 3 values are bounds ('90+', '> 89'), read as the number in it"
    ]
    dilutions = ["<0.01", "0.02", "0.5", "≤0.01", "1.5"]
    assert read(dilutions, "numeric")[0].table["x"].tolist() == [0.01, 0.02, 0.5, 0.01, 1.5]
    assert read(["0", "1+", "2+", "3+"] * 5)[0].types == {"x": "categorical"}


def test_underscores_and_other_digits_make_no_number():
    assert "2 values are text ('1_2', '١٢')" in fault(["1_2", "١٢", "12"], "numeric")


def test_codes_stay_apart_as_categories():
    codes = ["1_2", "12", "1E2", "100", "01", "1", "1.0", "007", "7"]
    found, faults = read(codes, "categorical")
    expected = ["1_2", "12", "1E2", "100", "01", "1", "1", "007", "7"]
    assert found.table["x"].tolist() == expected and not faults


def test_minus_is_a_value_beside_plus_and_else_missing():
    assert read(["+", "-", "+", "-"])[0].table["x"].tolist() == ["+", "-", "+", "-"]
    assert read(["+", "−", "+/-"])[0].table["x"].tolist() == ["+", "-", "+/-"]
    assert read(["yes", "-", "no"])[0].table["x"].isna().tolist() == [False, True, False]
    fitted = TypedColumns.fit(pd.DataFrame({"x": ["+", "-"]}), {"x": "categorical"})
    assert read(["-"], like=fitted)[0].table["x"].tolist() == ["-"]  # whoever else is there
    other = TypedColumns.fit(pd.DataFrame({"x": ["a", "b"]}), {"x": "categorical"})
    assert read(["-", "+"], like=other)[0].table["x"].isna().tolist() == [True, False]


def test_categories_that_differ_only_in_case_are_told():
    found, faults = read(["male", "Male", "female"])
    assert not faults and "'Male', 'male'" in found.notices[0]
    assert not read(["male", "female"])[0].notices


@pytest.mark.parametrize(
    "levels",
    [
        ["none", "mild", "moderate", "severe"],
        ["very low", "low", "intermediate", "high"],
        ["T0", "Tis", "T1mi", "T1", "T1b", "T2"],
        ["Stage 0", "Stage I", "Stage IA", "Stage IIB", "Stage IV"],
    ],
)
def test_known_orders_are_guessed(levels):
    found, faults = read(levels[::-1] * 3)
    assert found.types == {"x": "ordinal"} and not faults
    fitted = TypedColumns.fit(found.table, found.types, found.levels)
    assert fitted.levels["x"] == tuple(levels)


def test_an_order_is_known_or_given_or_refused():
    said = fault(["grim", "gay", "glum"], "ordinal")
    assert "order of 'grim', 'gay', 'glum' is not known" in said and '"highest"' in said
    found, faults = read(["grim", "gay", "glum"], ["grim", "glum", "gay"])
    assert not faults and found.types == {"x": "ordinal"}
    assert found.levels == {"x": ("grim", "glum", "gay")}
    assert "'odd', which is not among its levels grim, gay" in fault(["odd"], ["grim", "gay"])
    assert read(["grim", "gay", "glum"])[0].types == {"x": "categorical"}
    assert "'cT2', 'pT2' share a place" in fault(["cT2", "pT2", "T1"], "ordinal")


def test_two_digit_years_are_refused_declared_or_not():
    births = [f"{day:02d}.05.{year}" for day, year in zip(range(1, 29), range(40, 68), strict=True)]
    for kind in (None, "date"):
        assert "28 dates whose year has two digits" in fault(births, kind)


def test_day_and_month_are_told_apart_or_refused():
    found, _ = read(["03/04/2020", "25/12/2019", "2020-01-31"])
    assert found.table["x"].tolist() == ["2020-04-03", "2019-12-25", "2020-01-31"]
    assert found.levels == {"x": ("day first",)}
    found, _ = read(["03/04/2020", "12/25/2019"])
    assert found.table["x"].tolist() == ["2020-03-04", "2019-12-25"]
    assert read(["03.04.2020"])[0].table["x"].tolist() == ["2020-04-03"]
    assert "could have the day or the month first" in fault(["03/04/2020", "05/06/2019"])
    assert "mix both orders" in fault(["25/12/2019", "12/25/2019"])
    assert "1 value is none" in fault(["2020-02-30", "2020-01-31"], "date")
    trained = TypedColumns.fit(found.table, found.types, {"x": ("month first",)})
    alone, faults = read(["03/04/2020"], like=trained)
    assert alone.table["x"].tolist() == ["2020-03-04"] and not faults


def test_a_models_types_hold_whatever_the_cells_look_like():
    frame = pd.DataFrame({"code": ["01", "02"], "seen": ["yes", "no"], "age": [50.0, 60.0]})
    kinds = {"code": "categorical", "seen": "categorical", "age": "numeric"}
    model = TypedColumns.fit(frame, kinds)
    rows = pd.DataFrame({"code": ["01", "2"], "seen": ["no", "TRUE"], "age": ["50", "70"]})
    faults = Faults("f")
    for part in (rows, rows.iloc[:1], rows.assign(code=["01", "weeks"])):
        found = typed(part, {"code": "numeric"}, "f", faults, like=model)
        assert found.types == kinds and not faults.messages
        assert found.table.iloc[0].tolist() == ["01", "no", 50.0]
    typed(rows.assign(age="old"), {}, "f", faults, like=model)
    assert "column 'age' is numeric" in faults.messages[0]


def test_booleans_with_blanks_are_one_category_however_written():
    found, faults = read(["TRUE", "False", True, np.nan, "true", "unknown"])
    assert found.table["x"].tolist()[:3] == ["True", "False", "True"] and not faults
    assert found.table["x"].isna().tolist() == [False, False, False, True, False, True]
