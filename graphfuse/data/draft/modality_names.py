"""Short names for modalities from the names of their files: what is measured, without what files
are called besides."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Words for what is measured, as people write them in the names of files.
_MEASURED = frozenset({
    "rna", "mrna", "rnaseq", "scrna", "snrna", "lncrna", "circrna", "expression", "transcriptome",
    "transcriptomics", "genes", "microarray", "mirna", "mirnas", "mir", "meth", "methyl",
    "methylation", "methylome", "dnam", "cpg", "cpgs", "atac", "chip", "prot", "protein",
    "proteins",
    "proteome", "proteomics", "phospho", "phosphoproteome", "phosphoproteomics", "rppa", "olink",
    "metab", "metabolite", "metabolites", "metabolome", "metabolomics", "lipid", "lipids",
    "lipidome", "lipidomics", "glycomics", "cytokines", "microbiome", "taxa", "otu", "asv",
    "metagenome", "metagenomics", "cnv", "cna", "scna", "gistic", "copynumber", "mutation",
    "mutations", "mut", "snv", "snp", "snps", "variants", "genotype", "genotypes", "fusions",
    "clinical", "clin", "ehr", "emr", "demographics", "phenotype", "phenotypes", "pheno", "labs",
    "vitals", "medications", "drugs", "comorbidities", "image", "images", "imaging", "histology",
    "wsi", "hif", "radiomics", "ct", "mri", "pet", "xray", "ecg", "eeg", "embedding",
    "embeddings", "latent", "features", "cytometry", "facs", "adt", "text", "notes", "obs",
})  # fmt: skip
# Of these, what may be said of more than one thing.
_VAGUE = frozenset({"expression", "genes", "microarray", "features", "embedding", "embeddings"})
# Words for how, when and for whom a file was made; they say nothing of what it holds.
_NOISE = frozenset({
    "data", "dataset", "table", "matrix", "file", "df", "train", "training", "test", "testing",
    "val", "valid", "validation", "holdout", "external", "discovery", "tcga", "cptac", "geo",
    "gdc", "xena", "cbioportal", "depmap", "omics", "seq", "v1", "v2", "v3", "v4", "rsem", "fpkm",
    "tpm", "rpkm", "cpm", "counts", "count", "raw", "log", "log2", "log1p", "norm", "normalized",
    "normalised", "normalization", "zscore", "zscores", "scaled", "processed", "preprocessed",
    "filtered", "cleaned", "clean", "final", "new", "old", "merged", "all", "hiseq", "hiseqv2",
    "htseq",
    "illuminahiseq", "median", "patient", "patients", "sample", "samples", "by", "of", "the",
    "for", "and", "with", "x", "y", "my", "copy", "output", "input", "result", "results",
})  # fmt: skip
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def modality_names(stems: Sequence[str]) -> list[str]:
    """A short name for each table, unlike the others.

    The word for what is measured, where the file's name has one (`train_mrna` is `mrna`); with the
    words that tell it from others of the same. Else the name without words that say nothing of
    what it holds.

    Parameters
    ----------
    stems : sequence of str
        Names of files without their endings, or of parts of a file.

    Returns
    -------
    list of str

    Examples
    --------
    >>> modality_names(["data_mrna_seq_v2_rsem", "brca_methylation_2020", "clinical"])
    ['mrna', 'methylation', 'clinical']
    >>> modality_names(["rna_tumour", "rna_normal"])
    ['rna-tumour', 'rna-normal']
    """
    words = [_words(stem) for stem in stems]
    short = [_measured(each) or _plain(each) for each in words]
    alike = {name for name in short if short.count(name) > 1}
    names = []
    for name, own in zip(short, words, strict=True):
        others = [each for each, other in zip(words, short, strict=True) if other == name]
        shared = set.intersection(*map(set, others))
        apart = [word for word in own if word not in shared and word != name]
        names.append("-".join([name, *apart]) if name in alike else name)
    return _numbered(names)


def _words(stem: str) -> list[str]:
    """The words of a name in lower case; words grown together are parted where neither knows
    them."""
    found = []
    for word in re.findall(r"[A-Za-z0-9]+", stem):
        parts = [part.lower() for part in _CAMEL.findall(word)]
        known = word.lower() in _MEASURED | _NOISE
        parted = not known and not _MEASURED.isdisjoint(parts)
        found += parts if parted else [word.lower()]
    return found


def _measured(words: list[str]) -> str:
    """The first word for what is measured, one that says it exactly before any other; ''."""
    found = [word for word in words if word in _MEASURED]
    exact = [word for word in found if word not in _VAGUE]
    return next(iter([*exact, *found]), "")


def _plain(words: list[str]) -> str:
    """All words that are not noise, or all there are."""
    telling = [word for word in words if word not in _NOISE and not word.isdigit()]
    return "-".join(telling or words) or "table"


def _numbered(names: list[str]) -> list[str]:
    """Names that are still alike, counted through from the second on."""
    found: list[str] = []
    for name in names:
        count = names[: len(found)].count(name)
        found.append(f"{name}-{count + 1}" if count else name)
    return found
