"""The main job on real data: from TCGA-BRCA's tables to ranked biomarkers, and what it must
show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from graphfuse import api
from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.model import FusionModel

# the 50 genes of the PAM50 classifier (Parker et al. 2009, doi:10.1200/JCO.2008.18.1370)
PAM50 = set(
    """ACTR3B ANLN BAG1 BCL2 BIRC5 BLVRA CCNB1 CCNE1 CDC20 CDC6 CDH3 CENPF CEP55 CXXC5
    EGFR ERBB2 ESR1 EXO1 FGFR4 FOXA1
    FOXC1 GPR160 GRB7 KIF2C KRT14 KRT17 KRT5 MAPT MDM2 MELK MIA MKI67 MLPH MMP11 MYBL2 MYC
    NAT1 NDC80 NUF2 ORC6 PGR PHGDH
    PTTG1 RRM2 SFRP1 SLC39A6 TMEM45B TYMS UBE2C UBE2T CDCA1 KNTC2 ORC6L""".split()
)


def shuffled_columns(cohort: Cohort, seed: int) -> Cohort:
    """The cohort with every modality's columns in another order: file order must not decide
    anything."""
    rng = np.random.default_rng(seed)
    modalities = {}
    for name, m in cohort.modalities.items():
        order = rng.permutation(len(m.columns))
        modalities[name] = replace(
            m, table=m.table.iloc[:, order], symbols=tuple(m.symbols[i] for i in order)
        )
    return replace(cohort, modalities=modalities)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A run on all but ten patients of TCGA-BRCA, columns shuffled: (folder, report, ranking, the
    ten)."""
    cohort = shuffled_columns(api.load("tcga-brca"), seed=11)
    ten = np.linspace(0, len(cohort) - 1, 10).astype(int)
    folder = tmp_path_factory.mktemp("story") / "run"
    rest = cohort.take(np.setdiff1d(np.arange(len(cohort)), ten))
    report, ranking = api.run(rest, folder, ledger=False)  # which the README's demo runs
    return folder, report, ranking, cohort.take(ten)


@pytest.mark.slow
@pytest.mark.network
def test_tcga_brca_scores(story):
    report = story[1]
    models = report.metrics.models
    assert models["graphfuse"]["accuracy"].mean >= 0.855
    assert models["graphfuse"]["macro_f1"].mean >= 0.75
    assert "without:rna" in report.metrics.variants
    for pair in report.metrics.comparisons:
        if pair.b in ("early", "single") and pair.metric in ("accuracy", "macro_f1"):
            error = (pair.ci95[1] - pair.difference) / 1.963  # t of 758 degrees of freedom
            assert pair.difference >= -error, pair


@pytest.mark.slow
@pytest.mark.network
def test_pam50_genes_stand_in_the_first_hundred(story):
    nodes = story[2].nodes
    assert len(nodes) == 12514
    first = nodes[nodes["rank"] <= 100]
    assert ((first["modality"] == "rna") & first["gene"].isin(PAM50)).sum() >= 8
    assert (story[2].edges["score"] > 0).any()
    assert story[2].error <= 0.01


@pytest.mark.slow
@pytest.mark.network
def test_ten_held_out_patients_one_at_a_time_together_and_shuffled(story):
    folder, _, _, ten = story
    model = FusionModel.load(folder / "model")
    together = model.predict_proba(ten)
    order = np.random.default_rng(0).permutation(10)
    assert np.abs(model.predict_proba(ten.take(order)) - together[order]).max() <= 1e-6
    assert (
        np.abs(
            np.concatenate([model.predict_proba(ten.take([i])) for i in range(10)]) - together
        ).max()
        <= 1e-6
    )


@pytest.mark.slow
def test_planted_nodes_and_edges_come_back(few_trees):
    truth = planted(240, {"rna": 200, "meth": 120}, missing={"meth": 0.2}, seed=7)
    network = GeneNetwork.from_frame(truth.network, "planted")
    report = api.train(
        truth.cohort, "multiplex", cv=(3, 1), network=network, ledger=False, device="cpu"
    )
    ranking = api.rank(report)
    assert (
        average_precision_score(ranking.nodes["id"].isin(truth.features), ranking.nodes["score"])
        >= 0.9
    )
    edges = pd.Series(
        list(zip(ranking.edges["source"], ranking.edges["target"], strict=True))
    ).isin(truth.edges)
    assert average_precision_score(edges, ranking.edges["score"]) >= 0.9
