"""Clean ids and names of columns for a frame that was read: text, none blank, none repeated."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.genes import date_genes
from graphfuse.errors import Faults, counted, examples, warn_once
from graphfuse.text.id_spelling import has_hidden, ids_as_text, missing_words

log = logging.getLogger(__name__)


def with_clean_ids(frame: pd.DataFrame, path: Path, repeats: bool) -> pd.DataFrame:
    """The frame with ids and names of columns as text.

    Parameters
    ----------
    frame
        As read, its ids in the index.
    path
        The file, for messages.
    repeats
        Whether an id may have many rows.

    Raises
    ------
    InputError
        Where ids are blank, or ids or columns are repeated. No id is shown.
    """
    faults = Faults(str(path))
    index = ids_as_text(frame.index)
    hidden = sum(has_hidden(label) for label in frame.index)
    if hidden:
        warn_once(
            log,
            f"{path}: {counted(hidden, 'id holds', 'ids hold')} characters that cannot be seen "
            "(no width, odd blanks, accents apart from their letters); read without them",
        )
    blank = np.flatnonzero((index == "") | missing_words(index))
    if len(blank):
        faults.add(
            f"{len(blank)} rows have no patient id (rows {examples(blank + 1)}); fill or "
            "remove them"
        )
    known = np.delete(index, blank)
    if not repeats and known.has_duplicates:
        faults.add(_repeated("patient ids", index, known))
    columns = pd.Index([str(column).strip() for column in frame.columns], dtype=object)
    if columns.has_duplicates:
        faults.add(_repeated("columns", columns, columns))
    faults.stop()
    return frame.set_axis(index, axis=0).set_axis(columns, axis=1)


def _repeated(what: str, labels: pd.Index, known: pd.Index) -> str:
    """The fault of labels that are repeated among those known."""
    twice = known[known.duplicated()].unique()
    if what == "columns":
        dates = date_genes.turned_into_dates(twice)
        at = date_genes.in_words(dates) if dates else examples(twice)
    else:
        at = f"rows {examples(np.flatnonzero(labels.isin(twice)) + 1)}"
    return (
        f"{len(twice)} {what} appear more than once ({at}); keep or average one each"
        " (or is the table the other way round: orient? or one measurement a row: series?)"
    )
