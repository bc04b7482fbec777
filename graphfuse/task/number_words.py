"""What rankings and explanations say of attributions of a predicted number."""

from __future__ import annotations

from graphfuse.task.wording import AttributionWords

NUMBER_WORDS = AttributionWords(
    of="the predicted number",
    outputs="predictions",
    patient_unit="in the unit of the outcome",
    unit="in standard deviations of the outcome among training patients",
    score="mean over patients of what the item adds to predictions, averaged over models\n"
    "                      with its sign, then absolute, in units of its noise (how far\n"
    "                      slopes in the same modality are apart between models): what the\n"
    "                      models use of it, given all others (modalities: its share,\n"
    "                      without units; edges and gene sets: in standard deviations of the\n"
    "                      outcome, absolute mean, patients weighted by how far above (+) or\n"
    "                      below (-) the mean prediction they are)",
    sign="+ a higher value moves the prediction up, - down (edges: + away from the mean\n"
    "                      prediction, - towards it)",
    by_direction="empty: a number has one direction, which is that of nodes.csv",
    neighbours="what each neighbour adds to the\n"
    "                      prediction (in SD of the outcome) in the linear part of the model",
    alone="Spearman's ρ",
    marginal="Spearman's correlation with the outcome",
    effect="change of the outcome, in its own units, by standard deviation of the column",
    test="of the test that this correlation is 0",
    moved="predictions change, in standard deviations of the outcome, by",
)
