"""The shapes of every file that is read and written, versioned (format 1).

TOML in: `Manifest`, `Recipe`, `NetworkCard`, `GeneSetCard`. JSON and CSV out: `RunRecord`,
`Metrics`, `RANKING_COLUMNS`, `PREDICTION_COLUMNS`. An unknown key is an error that names the
nearest known one.
"""

from graphfuse.schema.base import SCHEMA, Described, Shape, Source
from graphfuse.schema.bench import Bench, BenchEntry
from graphfuse.schema.evaluation_json import Contribution, Evaluation, GroupScore
from graphfuse.schema.gene_set_card import ExpectedSets, GeneSetCard
from graphfuse.schema.manifest import (
    Event,
    GroupSpec,
    Manifest,
    ModalitySpec,
    OutcomeSpec,
    Patients,
    Series,
)
from graphfuse.schema.network_card import EdgeSpec, Expect, NetworkCard
from graphfuse.schema.recipe import DEFAULT_RECIPE, Recipe
from graphfuse.schema.recipe_sections import (
    ConceptSection,
    Control,
    GeneSection,
    LayerSpec,
    NetSection,
    PathwaySection,
    PatientSection,
    SearchSection,
    SelectSection,
    SignallingSection,
    TrainSection,
)
from graphfuse.schema.run import (
    FOLD_COLUMNS,
    GENE_COLUMNS,
    GROUP_COLUMNS,
    PREDICTION_COLUMNS,
    RANKING_COLUMNS,
    SECONDS,
    Comparison,
    Metrics,
    RunRecord,
    Score,
)
