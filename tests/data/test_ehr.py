"""Records: typed columns, words for unknown, numbers that are not."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.ehr import as_word, typed
from graphfuse.errors import Faults


def test_words_for_unknown_are_missing_whatever_their_case():
    words = ["white", "Not Reported", "UNKNOWN", " not available ", "[Not Available]", "asian"]
    faults = Faults("f")
    table, types = typed(pd.DataFrame({"race": words}), {}, "f", faults)
    assert (
        table["race"].dropna().tolist() == ["white", "asian"]
        and types == {"race": "categorical"}
        and not faults.found
    )


def test_not_assessed_has_no_place_in_an_order_but_is_a_category():
    frame = pd.DataFrame(
        {"t": ["T1", "TX", "T2"], "s": ["Stage X", "Stage I", "Stage II"], "m": ["M0", "MX", "M1"]}
    )
    table, _ = typed(frame, {"t": "ordinal", "s": "ordinal", "m": "categorical"}, "f", Faults("f"))
    assert table.isna().sum().to_dict() == {"t": 1, "s": 1, "m": 0}


def test_text_in_a_numeric_column_is_a_fault_with_examples():
    faults = Faults("f")
    typed(
        pd.DataFrame({"dose": ["12", "15 mg", "9"], "y": [1.0, np.inf, 2.0]}),
        {"dose": "numeric"},
        "f.csv",
        faults,
    )
    assert "f.csv: column 'dose' is numeric, but 1 values are text ('15 mg')" in faults.found[0]
    assert "infinite" in faults.found[1]


@pytest.mark.parametrize(
    "value, word",
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        (" x ", "x"),
        (True, "True"),
        ("007", "007"),
        (0.0, "0"),
        ("0.50", "0.50"),
        (-2.0, "-2"),
    ],
)
def test_one_spelling_for_a_value(value, word):
    assert as_word(value) == word
