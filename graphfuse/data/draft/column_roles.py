"""The roles of columns of a table without a manifest: measurements, records, outcomes, groups, or
columns that follow an outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from graphfuse.data.cohort_checks.declared_values import sniff_values
from graphfuse.data.genes.feature_types import counted_through, named
from graphfuse.data.records.column_types import guess_type
from graphfuse.data.records.read_records import typed
from graphfuse.errors import Faults
from graphfuse.text.cell_words import as_word

_PERSONAL = re.compile(
    r"^(age|sex|gender|bmi|race|ethnicity|smok(er|ing)|(tumou?r|path\w*)?[_. ]?(stage|grade)|"
    r"comorbidit\w*|diabetes|hypertension)($|[_. ])|^is_?(female|male)$",
    re.IGNORECASE,
)
_WIDE = 200  # columns from which a table is not one of patients' records

_OUTCOME = re.compile(
    r"(^|[_. ])"
    r"(subtype|label|labels|class|pam50|diagnosis|dx|group|grp|target|outcome|phenotype|condition|"
    r"disease|case[_. ]?control|responder|(cell|cancer|tumou?r)[_. ]?type)"
    r"($|[_. ])|^(y|status|response)$",
    re.IGNORECASE,
)
_MEASURED_OUTCOME = re.compile(  # of a table that holds nothing else
    r"(^|[_. ])(score|ic50|ec50|gi50|auc|viability|sensitivity)($|[_. ])", re.IGNORECASE
)
_NO_OUTCOME = re.compile(
    r"(^|[_. ])(age|year|date|days|method|site|stage|primary|known|initial|treatment|is|at|of)[_. ]"
)
_FIRST_WORDS = (
    "subtype", "pam50", "label", "class", "target", "outcome", "phenotype", "diagnosis",
    "condition", "group",
)  # fmt: skip
_AFTER = re.compile(
    r"death|dead|deceas|died|vital|surviv|follow.?up|followup|last.?(known|contact)|treatment|"
    r"therap|recurren|progress|relaps|response|status|outcome|metastasis_at|new.?tumor|surgery|"
    r"drug|chemo|radiation|regimen|residual|free.?days|mortality|ventilat|discharg|"
    r"(^|[_.])icu|apache|sofa|length.?of.?stay|(^|[_.])(os|pfs|dfs|dss|pfi|dfi|efs|rfs)($|[_.])",
    re.IGNORECASE,
)
_AT_DIAGNOSIS = re.compile(
    r"^(er|pr|her2|msi|smoking|menopaus\w*|marital|receptor|mutation)[_. ]?status", re.IGNORECASE
)
_SUBTYPE = re.compile(
    r"subtype|cluster|leiden|louvain|pam50|mrna_|histology_?type_?call|class(ification)?$",
    re.IGNORECASE,
)
_IDENTITY = re.compile(
    r"(^|[_. ])(id|uuid|barcode|accession|datetime|created|updated|split|fold|set|batch|plate)"
    r"($|[_. ])|split$|sampleid|patientid",
    re.IGNORECASE,
)
_GROUP = re.compile(  # where, or in which batch; a primary site or a tumour's is no group
    r"^((study|clinical|enrol\w*|recruit\w*|tissue.source|source|sequencing|processing|array)"
    r"[_. ])?(site|centre|center|hospital|clinic|institution|batch|plate|family|household|split)"
    r"([_. ]?(id|name|code|number))?$",
    re.IGNORECASE,
)
_TIMES = (
    "days_to_death", "days_to_last_follow_up", "days_to_last_followup", "days_to_last_known_alive",
    "os_time", "os.time", "os_days", "os_months", "overall_survival", "overall_survival_months",
    "survival_time", "survival_days", "time_to_event", "time_to_death", "followup_time",
    "follow_up_time", "pfs_time", "pfs_months", "dfs_months", "time",
)  # fmt: skip
_EVENTS = (
    "vital_status", "os_status", "os_event", "os", "event", "death", "dead", "deceased", "died",
    "status", "survival_status", "pfs_status", "pfs_event", "dfs_status", "censored",
)  # fmt: skip
_DEAD = ("dead", "deceased", "died", "death", "1:deceased", "event", "yes", "true", "1")

_FEW_LEVELS = 10


def group_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that hold each patient's site, batch or family: named so, with values that patients
    share."""
    groups = []
    for column in map(str, frame.columns):
        is_named_so = _GROUP.search(column) and not _AFTER.search(column)
        if is_named_so and 1 < frame[column].nunique() <= len(frame) / 2:
            groups.append(column)
    return groups


@dataclass(frozen=True)
class Look:
    """What a table seems to be. `kind`: omics | embedding | ehr | labels | series; the other fields
    as in a manifest; `remark`: for readers of the draft."""

    kind: str
    values: str = "mixed"
    entity: str = "none"
    symbol: str | None = None
    remark: str = ""


def look(frame: pd.DataFrame, name: str) -> Look:
    """What the table `[N, F]` seems to be, by its columns' types and names and by its file's
    name."""
    is_numeric = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    if frame.shape[1] == 1:
        title = str(frame.columns[0])
        is_named_so = _OUTCOME.search(title) or _MEASURED_OUTCOME.search(title)
        if not is_numeric or frame.iloc[:, 0].nunique() <= 20 or is_named_so:
            return Look("labels")
    columns = list(frame.columns)
    features = named(columns, name)
    is_unclear = features.entity == "none" and not features.remark
    is_narrow = frame.shape[1] < 20
    if not is_numeric or (is_narrow and is_unclear) or _of_a_person(frame):
        return Look("ehr")
    if is_unclear and counted_through(columns, name):
        return Look("embedding", "mixed")
    values = sniff_values(frame)
    is_methylation = features.entity == "cpg" or re.search(r"meth|cpg", name, re.IGNORECASE)
    if values == "beta" and not is_methylation:
        values = "mixed"  # something else scaled to 0 to 1
    return Look("omics", values, features.entity, features.symbol, features.remark)


def _of_a_person(frame: pd.DataFrame) -> bool:
    """Whether a table that is not wide has columns such as age and sex: then AGE, BMI and LDH are
    no gene symbols."""
    return frame.shape[1] < _WIDE and any(_PERSONAL.match(str(name)) for name in frame.columns)


# ----------------------------------------------------------------------------------------- outcomes


def outcome_column(frame: pd.DataFrame, seen: Look) -> str | None:
    """The column most likely to be predicted: a class by its name, or the only column beside the
    ids."""
    if seen.kind == "labels":
        return str(frame.columns[0])
    candidates = []
    for name in frame.columns:
        is_named_so = _OUTCOME.search(name) and not _NO_OUTCOME.search(name.lower())
        if is_named_so and _is_class(frame[name]):
            candidates.append(name)
    return min(candidates, key=outcome_rank, default=None)


def outcome_rank(column: str) -> int:
    """How likely a column of that name is the outcome: smaller is more likely."""
    words = (rank for rank, word in enumerate(_FIRST_WORDS) if word in column.lower())
    return next(words, len(_FIRST_WORDS))


def _is_class(column: pd.Series) -> bool:
    """Whether a column has 2 to 10 values, each at least twice, in one spelling, known for most."""
    known = column.dropna()
    sizes = known.map(as_word).value_counts()
    if not 2 <= len(sizes) <= 10 or sizes.min() < 2:
        return False
    spellings = {str(value).strip().lower() for value in sizes.index}
    if len(spellings) < len(sizes):
        return False
    if pd.api.types.is_float_dtype(column) and (known % 1 != 0).any():
        return False
    return column.notna().mean() > 0.5


def survival_columns(frame: pd.DataFrame) -> tuple[list[str], str, str] | None:
    """(columns of time, column of the event, its value) where the table holds survival."""
    by_name = {column.lower(): column for column in reversed(list(frame.columns))}
    named_as_times = [by_name[name] for name in _TIMES if name in by_name]
    times = [column for column in named_as_times if _is_time(frame[column])]
    if not times:
        return None
    for event in [by_name[name] for name in _EVENTS if name in by_name]:
        words = frame[event].dropna().map(as_word)
        value = _word_for_death(words)
        if value is not None and words.nunique() == 2 and event not in times:
            return _one_clock(times), event, value
    return None


def _word_for_death(words: pd.Series) -> str | None:
    """The first word, in the order of `_DEAD`, that says that the event was seen."""
    by_lower = {word.lower(): word for word in reversed(list(words.unique()))}
    return next((by_lower[dead] for dead in _DEAD if dead in by_lower), None)


def _is_time(column: pd.Series) -> bool:
    """Whether a column holds numbers, and some are above 0."""
    return pd.api.types.is_numeric_dtype(column) and bool((column > 0).any())


def _one_clock(times: list[str]) -> list[str]:
    """Times that go together: days to death and to the last follow-up, else the first alone."""
    days = [time for time in times if time.lower().startswith("days_to_")]
    return days or times[:1]


# ------------------------------------------------------------------------------------------ records


def usable_columns(
    frame: pd.DataFrame, taken: set[str | None], tables: list[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Columns to predict from, with their types, and the others by the reason to leave them out.

    `taken`: columns of outcomes. `tables`: names of the cohort's tables; a column of such a name
    says who has the table.
    """
    columns: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    groups = group_columns(frame)
    for name in frame.columns:
        why = "says who has which table" if name in tables else _why_not(name, frame[name], taken)
        why = "where or with whom, a group" if name in groups else why
        if why:
            left_out.setdefault(why, []).append(name)
        else:
            columns[name] = _type(frame[[name]])
    return columns, left_out


def _type(frame: pd.DataFrame) -> str:
    """The guessed type of the frame's one column.

    Where some cells are not of that type, a column with few distinct cells is categorical. With
    many the guess stays, so that `check` names the cells; a category per number would hide them.
    """
    faults = Faults("")
    (kind,) = typed(frame, {}, "", faults).types.values()
    few = frame.iloc[:, 0].nunique() <= _FEW_LEVELS
    return "categorical" if faults.messages and few else kind


def _may_follow(name: str) -> bool:
    """Whether a column of that name may be an outcome or come after it."""
    if _AT_DIAGNOSIS.search(name):
        return False
    outcome = _OUTCOME.search(name) and "diagnosis" not in name.lower()
    return bool(_AFTER.search(name) or _SUBTYPE.search(name) or outcome)


def _why_not(name: str, column: pd.Series, taken: set[str | None]) -> str:
    """Why a column is no feature; '' where it is one."""
    plain = re.sub(r"\.\d+$", "", name)
    known = column.dropna()
    if name in taken or plain in taken:
        return "the outcome"
    if _may_follow(plain):
        return "may be or follow an outcome"
    if _IDENTITY.search(plain) or not name:
        return "names, not measurements"
    if plain != name:
        return "a repeated name"
    if len(known) < 0.2 * len(column) or known.nunique() < 2:
        return "blank or constant"
    if pd.api.types.is_numeric_dtype(column):
        return ""
    distinct, kind = known.nunique(), guess_type(column)
    hardly_repeats = distinct > 20 and distinct > 0.3 * len(known)
    if kind == "date" or (hardly_repeats and kind != "numeric"):
        return "dates, or texts that hardly repeat"
    return "names, not measurements" if distinct == len(known) else ""
