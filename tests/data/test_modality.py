"""Modalities: who has one, how features are named."""

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality

TABLE = pd.DataFrame({"A_1": [1.0, np.nan, np.nan], "B": [np.nan, 2.0, np.nan]}, index=list("xyz"))


def test_a_row_of_missing_values_is_an_absent_patient():
    modality = Modality("rna", TABLE)
    assert modality.present.tolist() == [True, True, False]
    assert modality.take(np.array([2, 0])).present.tolist() == [False, True]


def test_names():
    modality = Modality("rna", TABLE, symbols=("A", None))
    assert modality.feature_ids == ["rna:A_1", "rna:B"] and modality.columns == ["A_1", "B"]
    assert Modality("rna", TABLE).symbols == (None, None)
    assert "2 of 3 patients, 2 columns, 1 columns with a gene" in repr(modality)
