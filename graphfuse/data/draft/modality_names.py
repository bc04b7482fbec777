"""Short names for modalities, from the words for what is measured in the names of files."""

from __future__ import annotations

import re
from collections import Counter
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
# Of these, words that fit more than one kind of measurement.
_VAGUE = frozenset({"expression", "genes", "microarray", "features", "embedding", "embeddings"})
# Words for how, when and for whom a file was made, not for its contents.
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
    """A short, unique name for each table.

    It is the word for what is measured, where the file's name has one (`train_mrna` is `mrna`),
    followed by the words that distinguish tables with the same word. Otherwise it is the name
    without words that do not describe the contents.

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
    words_of = [_words(stem) for stem in stems]
    short_names = [_measured(words) or _plain(words) for words in words_of]
    shared_by: dict[str, set[str]] = {}  # short name → words that all of its tables have
    for name, words in zip(short_names, words_of, strict=True):
        shared_by[name] = shared_by.get(name, set(words)) & set(words)
    names = []
    for name, words in zip(short_names, words_of, strict=True):
        distinguishing = []
        if short_names.count(name) > 1:
            common = {name, *shared_by[name]}
            distinguishing = [word for word in words if word not in common]
        names.append("-".join([name, *distinguishing]))
    return _numbered(names)


def _words(stem: str) -> list[str]:
    """The words of a name in lower case; an unknown word such as TrainMRNA is split where its parts
    are known."""
    words = []
    for word in re.findall(r"[A-Za-z0-9]+", stem):
        parts = [part.lower() for part in _CAMEL.findall(word)]
        is_known = word.lower() in _MEASURED or word.lower() in _NOISE
        is_split = not is_known and not _MEASURED.isdisjoint(parts)
        words += parts if is_split else [word.lower()]
    return words


def _measured(words: list[str]) -> str:
    """The first word for what is measured, exact words before vague ones; '' where there is
    none."""
    known = [word for word in words if word in _MEASURED]
    exact = [word for word in known if word not in _VAGUE]
    return next(iter([*exact, *known]), "")


def _plain(words: list[str]) -> str:
    """All words that describe the contents, or all words where none does."""
    describing = [word for word in words if word not in _NOISE and not word.isdigit()]
    return "-".join(describing or words) or "table"


def _numbered(names: list[str]) -> list[str]:
    """Names with a number from the second of the same on."""
    unique = []
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        unique.append(f"{name}-{seen[name]}" if seen[name] > 1 else name)
    return unique
