"""Whether a recipe's fusion is of such an outcome, as `check` says before anything is trained."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli.options import app

MANIFEST = """\
name = "doses"
[outcome.dose]
kind = "{kind}"
file = "y.csv"
column = "{column}"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "log"
[modality.protein]
file = "protein.csv"
kind = "omics"
values = "log"
"""


@pytest.mark.parametrize(
    ("kind", "column", "refused"), [("number", "dose", True), ("class", "side", False)]
)
def test_a_fusion_of_probabilities_is_refused_where_there_are_none(tmp_path, kind, column, refused):
    rng = np.random.default_rng(3)
    ids = pd.Index([f"L{row}" for row in range(40)], name="id")
    for name in ("rna", "protein"):
        pd.DataFrame(rng.normal(8, 2, (40, 6)), ids).to_csv(tmp_path / f"{name}.csv")
    dose = rng.normal(size=40)
    sides = np.where(dose > 0, "up", "down")
    pd.DataFrame({"dose": dose, "side": sides}, ids).to_csv(tmp_path / "y.csv")
    manifest = tmp_path / "doses.toml"
    manifest.write_text(MANIFEST.format(kind=kind, column=column))
    done = CliRunner().invoke(app, ["check", str(manifest), "--recipe", "late-stack"])
    assert (done.exit_code != 0) == refused
    assert ("combines the class probabilities" in str(done.exception)) == refused
    assert ("No faults" in done.output) != refused
