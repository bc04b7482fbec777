"""Fixtures of cross-validations."""

import pytest

from graphfuse.evaluate import tree_baselines


@pytest.fixture(scope="module")
def fewest_trees():
    """Forests and boosting of a handful of trees, for a module in which no number hangs on
    them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"TREES": 6, "TRIED": 5, "STAGES": 2}.items():
            patch.setattr(tree_baselines, name, count)
        yield
