"""How rankings recover what was planted, beside a ridge's coefficients over the same folds.

    python tests/benchmarks/rankings.py [--only usual,singles,…] [--cohorts 4] [--cv 5x1]
    [--patients 300] [--recipe multiplex] [--method NAME]

Each line is the mean over cohorts (seeds 0, 1, …) of one kind, each of three modalities of 200
columns. `nodes`, `ridge` and `heavy ridge` are average precisions against the columns with an
effect; `in blocks` against all members of their blocks too, which at r = .9 can hardly be told
apart; `groups` and `ridge groups` of groups of correlated columns against those with a causal
member, a ridge's by the spread of what their columns add to its logit; `edges` of the network's
edges between causal genes, and `edges by genes` of the same edges by the lower score of their two
genes; `order` is the share of cohorts whose modalities are in the planted order. Nothing here
chooses a default.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from graphfuse.data.ranking_roles import RoleCounts
from graphfuse.data.synth_ranking import PlantedRanking, planted_ranking
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import Split, repeated, splits
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.rank_over_folds import rank
from graphfuse.explain.ranking import Ranking
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

# kind → how many columns of each modality have which role
KINDS = {
    "usual": RoleCounts(),
    "no suppressors": RoleCounts(suppressors=0),
    "singles": RoleCounts(blocks=0, null_blocks=0, suppressors=0),
    "blocks": RoleCounts(singles=0, suppressors=0),
    "one member": RoleCounts(singles=0, members=1, suppressors=0),
    "suppressors": RoleCounts(singles=1, blocks=0, null_blocks=0, suppressors=1),
}
ALPHAS = np.logspace(0, 5, 16)
HEAVY = 3000.0  # a penalty at which a ridge's coefficients are nearly covariances with the label


def dealt(truth: PlantedRanking, cv: tuple[int, int]) -> list[Split]:
    """Stratified folds of the cohort."""
    outcome = truth.cohort.outcome()
    table = repeated(truth.cohort.patients, outcome.values, *cv, 0)
    return splits(table, outcome.known)


def fold_models(
    truth: PlantedRanking, folds: list[Split], recipe: Recipe, network: GeneNetwork
) -> list[Replica]:
    """Nets trained on each fold's training patients, without baselines."""
    cohort, outcome = truth.cohort, truth.cohort.outcome()
    names = tuple(cohort.modalities)
    prepared = []
    for fold in folds:
        training = cohort.take(fold.train)
        prepared.append(PreparedFold.fit(training, outcome.take(fold.train), recipe, network, 0))
    trained = train_folds(prepared, names, recipe, 0, "cpu")
    replicas = []
    for fold, ready, found in zip(folds, prepared, trained, strict=True):
        model = FusionModel(recipe, device="cpu")
        model = model.adopt(found.fitted(ready, names), recipe, outcome)
        replicas.append(Replica(fold.repeat, fold.fold, fold.tested, fold.train, model))
    return replicas


def all_columns(truth: PlantedRanking) -> pd.DataFrame:
    """The columns of all modalities, by `modality:column`."""
    tables = []
    for modality in truth.cohort.modalities.values():
        tables.append(modality.table.set_axis(modality.feature_ids, axis=1))
    return pd.concat(tables, axis=1)


def ridge_coefficients(
    truth: PlantedRanking, folds: list[Split], ridge: RidgeClassifier | RidgeClassifierCV
) -> tuple[pd.Series, float]:
    """The mean coefficient of each standardised column over the folds, absent patients at the mean;
    and the mean AUROC of their held-out patients."""
    columns = all_columns(truth)
    values, labels = columns.to_numpy(), truth.cohort.outcome().values
    coefficients, scores = [], []
    for fold in folds:
        scaler = StandardScaler().fit(values[fold.train])
        standard = np.nan_to_num(scaler.transform(values))
        ridge.fit(standard[fold.train], labels[fold.train])
        coefficients.append(ridge.coef_.ravel())
        logits = ridge.decision_function(standard[fold.tested])
        scores.append(roc_auc_score(labels[fold.tested], logits))
    mean = np.mean(coefficients, axis=0)
    return pd.Series(mean, columns.columns), float(np.mean(scores))


def spread_by_group(
    truth: PlantedRanking, coefficients: pd.Series, group_of: pd.Series
) -> pd.Series:
    """The standard deviation of what each group's columns together add to a ridge's logit."""
    columns = all_columns(truth)[coefficients.index]
    standard = (columns - columns.mean()) / columns.std()
    parts = (standard.fillna(0.0) * coefficients).T.groupby(group_of[coefficients.index]).sum()
    return parts.std(axis=1)


def by_genes(ranking: Ranking) -> pd.Series:
    """The lower score of the two genes of each ranked edge."""
    genes = ranking.genes.set_index("id")["score"]
    ends = ranking.edges[["source", "target"]]
    scores = [ends[end].map(genes).to_numpy(float) for end in ends]
    return pd.Series(np.min(scores, axis=0), ranking.edges["id"])


def precision(scores: pd.Series, positives: set) -> float:
    """Average precision of a ranking of items by score."""
    if not positives or scores.empty:  # a method may not score edges
        return np.nan
    is_positive = scores.index.isin(positives)
    return float(average_precision_score(is_positive, scores.to_numpy(float)))


def measured(truth: PlantedRanking, ranking: Ranking, folds: list[Split]) -> dict[str, float]:
    """One cohort's figures."""
    causal = set(truth.causal)
    in_blocks = causal.union(*truth.causal_groups)
    nodes = ranking.nodes.set_index("id")["score"]
    groups = ranking.groups.set_index("id")["score"]
    edges = ranking.edges.set_index("id")["score"]
    group_of = ranking.nodes.set_index("id")["group"]
    causal_groups = set(group_of[list(truth.causal)])
    planted_edges = {f"{a}|{b}" for a, b in truth.edges}
    ridge, auroc = ridge_coefficients(truth, folds, RidgeClassifierCV(ALPHAS))
    heavy, _ = ridge_coefficients(truth, folds, RidgeClassifier(HEAVY))
    found_order = tuple(ranking.modalities.sort_values("rank")["id"])
    return {
        "oracle": roc_auc_score(truth.cohort.outcome().values, truth.logits),
        "ridge AUROC": auroc,
        "nodes": precision(nodes, causal),
        "ridge": precision(ridge.abs(), causal),
        "heavy ridge": precision(heavy.abs(), causal),
        "in blocks": precision(nodes, in_blocks),
        "ridge in blocks": precision(ridge.abs(), in_blocks),
        "groups": precision(groups, causal_groups),
        "ridge groups": precision(spread_by_group(truth, ridge, group_of), causal_groups),
        "edges": precision(edges, planted_edges),
        "edges by genes": precision(by_genes(ranking), planted_edges),
        "order": float(found_order == truth.modality_order),
    }


def over_cohorts(kind: str, options: argparse.Namespace) -> Iterator[dict[str, float]]:
    """The figures of each cohort of a kind."""
    recipe, method = Recipe.named(options.recipe), ranking_method(options.method)
    cv = tuple(int(part) for part in options.cv.split("x"))
    for seed in range(options.cohorts):
        truth = planted_ranking(options.patients, counts=KINDS[kind], seed=seed)
        network = GeneNetwork.from_frame(truth.network)
        folds = dealt(truth, cv)
        replicas = fold_models(truth, folds, recipe, network)
        ranking = rank(replicas, truth.cohort, network, method=method)
        yield measured(truth, ranking, folds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of cohorts, by comma")
    parser.add_argument("--cohorts", type=int, default=4, help="how many of each kind")
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--cv", default="5x1", help="FOLDSxREPEATS")
    parser.add_argument("--recipe", default="multiplex", help="a recipe's name or file")
    parser.add_argument("--method", default="integrated-gradients", help="a ranking method")
    options = parser.parse_args()
    kinds = options.only.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not among {', '.join(KINDS)}")
    for kind in kinds:
        mean = pd.DataFrame(over_cohorts(kind, options)).mean()
        shown = "  ".join(f"{name} {value:.2f}" for name, value in mean.items())
        print(f"{kind:<14} {shown}", flush=True)


if __name__ == "__main__":
    main()
