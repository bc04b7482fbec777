"""Groups of correlated columns in a report: their names, their first members, runs without them."""

from __future__ import annotations

import pandas as pd
import pytest

from graphfuse.data.safe_csv import safe_csv
from graphfuse.report.column_groups import group_rows
from graphfuse.report.run_files import read_run
from graphfuse.report.run_page import page
from graphfuse.schema import GROUP_COLUMNS, RANKING_COLUMNS


def ranked(rows):
    """A ranking of groups: (gene, modality, members by score, score, ablation)."""
    table = []
    for place, (gene, modality, members, score, ablation) in enumerate(rows, 1):
        centre, others = members[-1], len(members) - 1
        table.append(
            {
                "rank": place, "kind": "group", "gene": gene, "modality": modality, "score": score,
                "id": f"{centre} +{others}" if others else centre, "rank_mean": place,
                "rank_lo": place, "rank_hi": place + 2, "selected_frequency": 1.0,
                "method": "integrated gradients", "size": len(members), "best": members[0],
                "members": "; ".join(members), "ablation": ablation, "ablation_rank": place,
            }
        )  # fmt: skip
    return pd.DataFrame(table, columns=[*RANKING_COLUMNS, *GROUP_COLUMNS])


MANY = [f"rna:G{number}" for number in range(9)]
TABLE = ranked(
    [
        ("ESR1", "rna", ["rna:ESR1", "rna:CA12", "rna:AGR3"], 0.3, 0.4123),
        ("G0", "rna", MANY, 0.2, None),
        ("STC2", "rna+meth", ["meth:STC2", "rna:STC2"], 0.1, None),
        (None, "mirna", ["mirna:mir_21"], 0.05, None),
        ("X", "rna", ["rna:X"], 0.0, None),
    ]
)


def test_a_group_is_named_by_its_best_members_gene_and_its_size():
    rows = group_rows(TABLE)
    assert [row.name for row in rows] == [
        "ESR1 group, 3 columns", "G0 group, 9 columns", "STC2 group, 2 columns", "mirna:mir_21",
    ]  # fmt: skip
    assert rows[0].members == "ESR1, CA12 and AGR3" and rows[0].ablation == "0.412"
    assert rows[1].members == "G0, G1, G2, G3, G4, G5 and 3 more" and rows[1].ablation == ""
    assert rows[2].members == "meth:STC2 and rna:STC2" and rows[3].members == ""
    assert rows[0].marker.interval == "1 to 3"
    assert len(group_rows(TABLE, 2)) == 2


@pytest.mark.usefixtures("words_alone")
@pytest.mark.parametrize("old", [True, False])
def test_the_page_shows_groups_where_they_were_ranked(make_run, tmp_path, old):
    folder = make_run(tmp_path / "run")
    if not old:
        safe_csv(TABLE, folder / "rankings" / "groups.csv")
    text = page(read_run(folder))
    assert ("Groups of correlated columns: the first 4 of 5" in text) is not old
    assert ("ESR1 group, 3 columns" in text) is not old
    assert "Table: the first 20 genes" in text
