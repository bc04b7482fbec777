"""Modalities are called by what they measure, not by what files are called besides."""

import pytest

from graphfuse.data.draft.modality_names import modality_names


@pytest.mark.parametrize(
    ("stems", "names"),
    [
        (["train_mrna", "train_mirna", "train_protein"], ["mrna", "mirna", "protein"]),
        (["test_mrna"], ["mrna"]),
        (["data_mrna_seq_v2_rsem", "data_methylation_hm450"], ["mrna", "methylation"]),
        (
            ["data_clinical_patient", "data_clinical_sample"],
            ["clinical-patient", "clinical-sample"],
        ),
        (["luad_rna_2019", "luad_clinical_2019"], ["rna", "clinical"]),
        (["proteomics_normalized"], ["proteomics"]),
        (["gene_expression_miRNA", "expression"], ["mirna", "expression"]),
        (["OmicsExpressionTPMLogp1", "RNAseq"], ["expression", "rnaseq"]),
        (["rna_tumour", "rna_normal"], ["rna-tumour", "rna-normal"]),
        (["rna-train", "rna-test"], ["rna-train", "rna-test"]),
        (["rna", "rna"], ["rna", "rna-2"]),
        (["my table [1]"], ["my-table-1"]),
        (["GSE1234_matrix"], ["gse1234"]),
        (["data", "42"], ["data", "42"]),
        (["größe"], ["gr-e"]),
        (["???"], ["table"]),
    ],
)
def test_names(stems, names):
    assert modality_names(stems) == names


def test_names_are_unlike():
    stems = ["a_rna", "b_rna", "rna", "rna", "a-rna", "RNA_A", "x", "X", "data", "dataset"]
    assert len(set(modality_names(stems))) == len(stems)
