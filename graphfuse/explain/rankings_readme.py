"""README.txt of a folder of rankings: what each table and column is."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from graphfuse.explain.biology.biology import Biology, descriptions
from graphfuse.explain.group_scores import ABLATED
from graphfuse.explain.ranked_tables import TOP
from graphfuse.statistics.correlated_columns import LEAST

_README = """Rankings of this run
====================

method: {method}
verdict: {verdict}

Of a linear model (0 epochs, as the report says) integrated-gradients, gradient-x-input and
occlusion score columns alike: that their lists are the same is then no evidence for any of them.

nodes.csv             every measured feature, one row, one rank (ties share a rank)
levels.csv            levels of categories (kind level) and flags of missing values (kind flag),
                      which are part of their features' scores
genes.csv             the same, summed over the features of a gene in each patient
groups.csv            groups of correlated columns, ranked as one, since a model divides what they
                      say among them: scores are of their attributions, summed in each patient;
                      every column is in one group, by itself where it is like no other
edges.csv             {edges}
links.csv             only of a signalling graph: edges between a gene's own nodes
                      (methylation to transcript to protein)
modalities.csv        each modality's share
nodes_by_class.csv    {nodes_by_class}
pathways.csv          {pathways}
enrichment.csv        {enrichment}
modules.csv           {modules}
markers.csv           {markers}
knockoffs.csv         {knockoffs}
faithfulness.csv      {faithfulness}
recovery.csv          {recovery}
stability.csv         {stability}
patient_edges.parquet edges between patients (ids inside): {patient_edges}
                      (each csv file stands beside a parquet file with the same table)

score                 {score}
                      Patients without the modality count as 0. Ranks are by score alone.
sign                  {sign};
                      a gene's is that of its columns together, which may differ in it;
                      flags of missing values and levels of categories have no part in it;
                      0: none, as of a category
level                 of a category: its level with the largest slope
missing_share         the share of the score that comes from the flag of missing values
network_share         the share that comes through neighbours in the gene network
rank_mean, rank_lo, rank_hi   mean and 2.5 and 97.5 percentiles of the rank by each single one of
                      {ranged};
                      rank itself is by the scores of the run's fold models together, and may lie
                      outside of these percentiles
selected_frequency    share of those models that have the item among their first {top}, or the first
                      twentieth of the table where that is fewer
null_quantile         {null_quantile}
degree                neighbours in the gene network among measured genes (edges: sum over both
                      ends)

Groups are clustered once for all models, on the patients that some model was trained on, without
labels: average linkage, so that the mean |r| between two parts of a group is at least {least},
within a modality and across modalities, over patients who have both. A group's id is its most
central column and how many more there are.

size, members         how many columns a group has, and which, from the highest score to the lowest
best                  the member with the highest score; the group's gene is its gene
ablation              how far predictions move where all columns of the group are at their training
                      mean: the mean absolute change over patients and directions, in the unit of
                      attributions, not of noise; for the first {ablated} groups by score
ablation_rank         the rank among these groups by ablation

Beside the ranks stands how a column goes with the outcome by itself, on the same patients, without
any model and with no part in the ranks. A column may matter in one way and not in the other: one
of many that say the same has a small score and a strong association; one that only matters beside
others, the opposite. Missing values are left out; a category has the figures of its level that
tells most, a gene those of its column that does (`marginal_column`), whose direction may be
another than the gene's sign.

marginal              {marginal}
marginal_lo, marginal_hi   its 95 % interval; where it is the strongest of several classes, levels
                      of a category or columns of a gene, wide enough for all (Bonferroni)
marginal_column       in genes.csv: the column that marginal, effect, difference and p are of
effect                {effect}
difference            mean of that class less mean of the others, in the unit of the table: a log
                      fold change where its values are logarithms; blank for a predicted number
p                     {p};
                      times the number of a category's levels (from three on) and of a gene's
                      columns, of which the strongest is shown
q                     false-discovery rate (Benjamini-Hochberg) by p, over all items of the table
group                 of a column: its group in groups.csv
"""
_USUAL = {
    "edges": "every edge of the gene network among the measured genes",
    "p": "of the rank test of that association",
    "null_quantile": "blank: no null rankings were given",
    "knockoffs": "not made: none were drawn (--knockoffs DRAWS)",
    "stability": "not made: there are no resamples (--resamples MODELS)",
    "verdict": "none on the list's stability, as there are no resamples",
    "faithfulness": "not made: not asked for (--faithfulness)",
    "recovery": "not made: nothing was planted (--recovery COHORTS)",
}


def readme(
    about: Mapping[str, str],
    ranged: str,
    biology: Biology | None,
    added: Sequence[object],
) -> str:
    """The text of README.txt.

    Parameters
    ----------
    about : mapping of str to str
        Descriptions of the method, and of tables and columns that depend on it.
    ranged : str
        The models over which ranges of ranks are taken.
    biology : Biology or None
        What is known of the first genes.
    added : sequence
        What stands beside the tables; those with `readme_texts` describe their files.

    Returns
    -------
    str
    """
    texts = {**_USUAL, **about, **descriptions(biology)}
    for each in added:
        texts |= getattr(each, "readme_texts", {})
    texts["verdict"] = textwrap.fill(texts["verdict"], 92)
    texts["method"] = textwrap.fill(about["method"], 92)
    limits = {"top": TOP, "least": LEAST, "ablated": ABLATED}
    return _README.format(**limits, ranged=ranged, **texts)
