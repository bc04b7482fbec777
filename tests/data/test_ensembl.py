"""Ids of Ensembl, with and without what others write around them."""

import pytest

from graphfuse.data.genes.ensembl import is_ensembl_id, plain_id


@pytest.mark.parametrize(
    "name",
    [
        "ENSG00000141510",
        "ENSMUSG00000059552.14",
        "9606.ENSP00000269305",
        "ENSG00000182378.15_PAR_Y",
    ],
)
def test_ids(name):
    assert is_ensembl_id(name)
    assert plain_id(name).startswith("ENS") and "." not in plain_id(name)


@pytest.mark.parametrize("name", ["TP53", "ENSA", "ENSAP1", "7157", ""])
def test_symbols_are_no_ids(name):
    assert not is_ensembl_id(name) and plain_id(name) == name
