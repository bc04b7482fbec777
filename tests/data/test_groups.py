"""Groups: whose site or batch is what."""

import pandas as pd

from graphfuse.data.groups import group_values
from graphfuse.errors import Faults


def read(values):
    patients = pd.Index([f"P{i}" for i in range(len(values))])
    faults, notices = Faults("g"), []
    found = group_values(pd.Series(values, patients), patients, "g", faults, notices)
    return list(found), faults.messages, notices


def test_groups_keep_their_spelling():
    found, faults, _ = read(["1_2", "12", "01", "1", "1.0", "Not Reported", None])
    assert found == ["1_2", "12", "01", "1", "1", "unknown", "unknown"] and not faults


def test_what_cannot_be_seen_makes_no_group_and_case_is_a_fault():
    found, faults, notices = read(["North\u00a0A", "North  A", "North A"])
    assert found == ["North A"] * 3 and not faults and not notices
    assert "differ only in case" in read(["North", "north"])[1][0]
