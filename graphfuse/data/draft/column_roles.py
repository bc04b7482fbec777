"""What the columns of an undescribed table are: measurements, records, outcomes, or what follows an
outcome."""

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
_WIDE = 200  # columns from which on a table is no patients' record

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
    "subtype",
    "pam50",
    "label",
    "class",
    "target",
    "outcome",
    "phenotype",
    "diagnosis",
    "condition",
    "group",
)
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
    """Columns that say where or in which batch a patient was measured, or of which family: values
    that patients share."""
    groups = []
    for column in map(str, frame.columns):
        is_called_so = _GROUP.search(column) and not _AFTER.search(column)
        if is_called_so and 1 < frame[column].nunique() <= len(frame) / 2:
            groups.append(column)
    return groups


@dataclass(frozen=True)
class Look:
    """A table at first sight. `kind`: omics | embedding | ehr | labels."""

    kind: str
    values: str = "mixed"
    entity: str = "none"
    symbol: str | None = None
    remark: str = ""


def look(frame: pd.DataFrame, name: str) -> Look:
    """What the table `[N, F]` is, by its columns' types and names and by its file's name."""
    numeric = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    if frame.shape[1] == 1:
        title = str(frame.columns[0])
        by_name = _OUTCOME.search(title) or _MEASURED_OUTCOME.search(title)
        if not numeric or frame.iloc[:, 0].nunique() <= 20 or by_name:
            return Look("labels")
    names = named(list(frame.columns), name)
    unnamed = names.entity == "none" and not names.remark
    if not numeric or (frame.shape[1] < 20 and unnamed) or _of_a_person(frame):
        return Look("ehr")
    if unnamed and counted_through(list(frame.columns), name):
        return Look("embedding", "mixed")
    values = sniff_values(frame)
    methylation = names.entity == "cpg" or re.search(r"meth|cpg", name, re.IGNORECASE)
    if values == "beta" and not methylation:
        values = "mixed"  # something else scaled to 0 to 1
    return Look("omics", values, names.entity, names.symbol, names.remark)


def _of_a_person(frame: pd.DataFrame) -> bool:
    """Whether a table that is not wide has what is asked of everybody: then AGE, BMI and LDH are no
    gene symbols."""
    return frame.shape[1] < _WIDE and any(_PERSONAL.match(str(name)) for name in frame.columns)


# ----------------------------------------------------------------------------------------- outcomes


def outcome_column(frame: pd.DataFrame, seen: Look) -> str | None:
    """The column most likely to be what is to be predicted: a class by its name, or the only column
    beside the ids."""
    if seen.kind == "labels":
        return str(frame.columns[0])
    called = [name for name in frame.columns if _OUTCOME.search(name)]
    called = [name for name in called if not _NO_OUTCOME.search(name.lower())]
    named = [name for name in called if _is_class(frame[name])]
    return min(named, key=outcome_rank, default=None)


def outcome_rank(column: str) -> int:
    """How surely a column of that name is the outcome: smaller is surer."""
    words = (rank for rank, word in enumerate(_FIRST_WORDS) if word in column.lower())
    return next(words, len(_FIRST_WORDS))


def _is_class(column: pd.Series) -> bool:
    """2 to 10 values, each at least twice, written in one way, known for most."""
    sizes = column.dropna().map(as_word).value_counts()
    spellings = {str(value).strip().lower() for value in sizes.index}
    alike = len(spellings) == len(sizes)
    fraction = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 != 0).any()
    return (
        2 <= len(sizes) <= 10
        and sizes.min() >= 2
        and alike
        and not fraction
        and column.notna().mean() > 0.5
    )


def survival_columns(frame: pd.DataFrame) -> tuple[list[str], str, str] | None:
    """(columns of time, column of the event, its value) where the table holds survival."""
    by_name = {column.lower(): column for column in reversed(list(frame.columns))}
    times = [by_name[t] for t in _TIMES if t in by_name and _is_time(frame[by_name[t]])]
    for event in (by_name[e] for e in _EVENTS if e in by_name):
        words = frame[event].dropna().map(as_word)
        value = next((w for dead in _DEAD for w in words.unique() if w.lower() == dead), None)
        if times and value is not None and words.nunique() == 2 and event not in times:
            return _one_clock(times), event, value
    return None


def _is_time(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool((column > 0).any())


def _one_clock(times: list[str]) -> list[str]:
    """Times that go together: days to death and to the last follow-up, else the first alone."""
    days = [time for time in times if time.lower().startswith("days_to_")]
    return days or times[:1]


# ------------------------------------------------------------------------------------------ records


def usable_columns(
    frame: pd.DataFrame, taken: set[str | None], tables: list[str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Columns fit to predict from with their types, and the others by why they are left out.

    `taken`: columns of outcomes. `tables`: names of the cohort's tables, which a table of
    availability repeats.
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

    Where some cells are not of that type, a few different cells are categories. Many are left as
    guessed: `check` then names the cells, which a category per number would hide.
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
    text = not pd.api.types.is_numeric_dtype(column)
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
    unlike = known.nunique() > 20 and known.nunique() > 0.3 * len(known)
    if text and (unlike or guess_type(column) == "date") and guess_type(column) != "numeric":
        return "dates, or texts that hardly repeat"
    if text and known.nunique() == len(known):
        return "names, not measurements"
    return ""
