"""A cohort that notices who is looked at: what is a read and what is none, whom a phase lets be
seen, and what it says."""

import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.errors import LeakError
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.task.outcome import Outcome
from tests.outcomes import learned

TRAIN, HELD = np.arange(60), np.arange(60, 80)
REPORT = ["phase", "what", "of", "patients"]


def values(cohort):
    return cohort.present


def labels(cohort):
    return cohort.outcome().values


@pytest.fixture
def watched(small):
    return spied(small.cohort)


def test_it_passes_for_the_cohort_it_watches(small, watched):
    cohort, _ = watched
    assert isinstance(cohort, Cohort) and len(cohort) == 80 and repr(cohort) == repr(small.cohort)
    assert cohort.digest() == small.cohort.digest()
    assert isinstance(cohort.outcome(), Outcome) and isinstance(cohort.modalities["rna"], Modality)
    pd.testing.assert_frame_equal(cohort.present, small.cohort.present)
    for made in (
        lambda c: c.take(HELD),
        lambda c: c.without("meth"),
        lambda c: c.take(c.patients[[5, 3]]),
        copy.deepcopy,
    ):
        assert made(cohort).digest() == made(small.cohort).digest()
    plain = cohort.plain
    assert (
        type(plain) is Cohort
        and type(plain.modalities["rna"]) is Modality
        and type(plain.outcome()) is Outcome
    )


def test_outside_a_phase_nothing_is_noted_and_all_can_be_read(watched):
    cohort, spy = watched
    cohort.digest(), cohort.groups["site"]
    assert spy.reads().empty and list(spy.reads().columns) == REPORT and not spy.phases


READS = {
    "table": lambda c: c.modalities["rna"].table,
    "present of one": lambda c: c.modalities["meth"].present,
    "present": lambda c: c.present,
    "values": lambda c: c.outcome().values,
    "known": lambda c: c.outcome("subtype").known,
    "group": lambda c: c.groups["site"],
    "groups as a dict": lambda c: dict(c.groups),
    "groups unpacked": lambda c: {**c.groups},
    "groups' items": lambda c: list(c.groups.items()),
    "groups' values": lambda c: list(c.groups.values()),
    "groups got": lambda c: c.groups.get("site"),
    "groups joined": lambda c: c.groups | {},
    "digest": lambda c: c.digest(),
    "held-out taken": lambda c: c.take(HELD).modalities["rna"].table,
    "held-out of a modality": lambda c: c.modalities["rna"].take(HELD).table,
    "held-out of an outcome": lambda c: c.outcome().take(HELD).values,
    "one held out": lambda c: c.take([*TRAIN, 60]).outcome().values,
    "with another name": lambda c: replace(c, name="other").outcome().values,
    "less a modality": lambda c: c.without("meth").present,
    "its symbols replaced": lambda c: replace(c.modalities["rna"], symbols=()).table,
    "a copy": lambda c: copy.copy(c).take(HELD).outcome().values,
    "a deep copy": lambda c: copy.deepcopy(c).outcome().values,
    "in another process": lambda c: pickle.loads(pickle.dumps(c)).present,
    "in another thread": lambda c: list(ThreadPoolExecutor(1).map(lambda each: each.present, [c])),
    "spied on again": lambda c: spied(c),
    "a pipeline": lambda c: Pipeline.fit(c.modalities["rna"], learned(np.zeros(80, int))),
}
GLANCES = {
    "take": lambda c: c.take(HELD).take([0, 1]).without("rna"),
    "patients": lambda c: c.patients[HELD],
    "length": lambda c: (len(c), len(c.take(HELD))),
    "columns": lambda c: (
        c.modalities["rna"].columns,
        c.modalities["rna"].feature_ids,
        c.modalities["rna"].symbols,
    ),
    "classes": lambda c: c.outcome().classes,
    "names of groups": lambda c: (list(c.groups), "site" in c.groups, len(c.groups)),
    "carried over": lambda c: replace(
        c, modalities={k: replace(m, symbols=()) for k, m in c.modalities.items()}
    ),
    "outcome carried over": lambda c: replace(c.outcome(), derived_from=("rna",)),
    "repr": repr,
}
TRAINING = {
    name: lambda c, read=read: read(c.take(TRAIN)) for name, read in list(READS.items())[:13]
}


@pytest.mark.parametrize("name", READS)
def test_a_read_of_the_held_out_is_a_leak(watched, name):
    cohort, spy = watched
    with (
        spy.fitting(TRAIN),
        pytest.raises(
            LeakError, match="of (20|<5) held-out patients were read while fitting on 60 "
        ),
    ):
        READS[name](cohort)


@pytest.mark.parametrize("name", GLANCES)
def test_what_tells_nothing_of_patients_is_no_read(watched, name):
    cohort, spy = watched
    with spy.fitting(TRAIN):
        GLANCES[name](cohort)
    assert spy.reads().empty


@pytest.mark.parametrize("name", TRAINING)
def test_training_patients_are_read_freely(watched, name):
    cohort, spy = watched
    with spy.fitting(TRAIN):
        TRAINING[name](cohort)
    assert set(spy.reads()["patients"]) == {60} and not spy.leaks


def test_what_is_read_is_noted_by_phase(watched):
    cohort, spy = watched
    with spy.fitting(TRAIN, name="fold 1"):
        labels(cohort.take(TRAIN[:10])), labels(cohort.take(TRAIN[5:20]))
        assert cohort.take(TRAIN).modalities["rna"].table.shape == (60, 40)
    with spy.scoring(HELD, name="fold 1, scored"):
        cohort.take(HELD).groups["site"]
    noted = {tuple(row) for row in spy.reads().itertuples(index=False)}
    assert noted == {
        ("fold 1", "labels", "subtype", 20), ("fold 1", "values", "rna", 60), ("fold 1, scored",
        "groups", "site", 20)
    }  # fmt: skip
    assert spy.summary() == (
        "every read in 1 fit and 1 scoring: no fit read a held-out patient's values, labels "
        "or groups, no scoring a label"
    )


def test_scoring_sees_values_and_never_labels(watched):
    cohort, spy = watched
    with spy.scoring(HELD):
        values(cohort.take(HELD)), cohort.take(HELD).groups["site"], values(cohort)
        labels(cohort.take(TRAIN))
        for rows in (HELD, [0, 79], np.arange(80)):
            with pytest.raises(
                LeakError, match="labels of outcome 'subtype' of (20|<5) held-out patients"
            ):
                labels(cohort.take(rows))


def test_scoring_after_fitting_on_some_hides_the_others(watched):
    cohort, spy = watched
    with spy.scoring(HELD, TRAIN[:30]):
        values(cohort.take(HELD)), labels(cohort.take(TRAIN[:30]))
        with pytest.raises(LeakError, match="values of modality 'rna' of 30 held-out patients"):
            values(cohort.take(TRAIN))
        with pytest.raises(LeakError, match="labels of outcome 'subtype' of 10 held-out patients"):
            labels(cohort.take(TRAIN[20:40]))


def test_rows_may_be_a_mask_and_patients_may_stand_twice(small):
    again = small.cohort.take([*range(80), 0, 79])
    cohort, spy = spied(again)
    with spy.fitting(np.arange(82) < 60):
        labels(cohort.take([0, 80]))
        with pytest.raises(LeakError, match="<5 held-out"):
            labels(cohort.take([81]))


def test_rows_may_be_given_as_a_part_of_the_cohort(watched):
    cohort, spy = watched
    train, held = cohort.take(TRAIN), cohort.take(HELD).without("meth")
    with spy.fitting(train), pytest.raises(LeakError):
        values(train), values(held)
    with spy.scoring(held, train), pytest.raises(LeakError):
        values(train), values(held), labels(train), labels(held)
    assert [phase.name for phase in spy.phases] == ["fitting on 60 patients", "scoring 20 patients"]
    assert set(spy.reads()["patients"]) <= {20, 60, 80} and [leak.what for leak in spy.leaks] == [
        "values",
        "labels",
    ]


def test_folds_side_by_side_must_not_be_mixed(watched):
    cohort, spy = watched
    with spy.fitting(TRAIN, np.arange(20, 80)):
        values(cohort.take(TRAIN)), values(cohort.take(HELD))
        with pytest.raises(
            LeakError, match="of 20 held-out patients were read while fitting on 60/60 patients"
        ):
            values(cohort)


def test_a_phase_within_a_phase_only_narrows(watched):
    cohort, spy = watched
    with spy.fitting(TRAIN):
        with spy.fitting(np.arange(80)), pytest.raises(LeakError):
            values(cohort.take(HELD))
        with spy.scoring(TRAIN[50:]):
            values(cohort.take(TRAIN)), labels(cohort.take(TRAIN[:50]))
            for rows in (TRAIN, HELD):
                with pytest.raises(LeakError):
                    labels(cohort.take(rows))
        labels(cohort.take(TRAIN))
    labels(cohort)


def test_threads_keep_their_own_phase_and_pools_inside_them_belong_to_one(watched):
    cohort, spy = watched
    folds = np.split(np.arange(80), 4)

    def fitted(k):
        train = np.setdiff1d(np.arange(80), folds[k])
        with spy.fitting(train), ThreadPoolExecutor(2) as inner:
            values(cohort.take(train))
            list(inner.map(lambda rows: labels(cohort.take(rows)), np.split(train, 3)))
            with pytest.raises(LeakError):
                values(cohort.take(folds[k]))
            with pytest.raises(LeakError):
                list(inner.map(lambda c: c.present, [cohort]))
        return True

    with ThreadPoolExecutor(4) as outer:
        assert list(outer.map(fitted, range(4))) == [True] * 4


def test_two_spies_do_not_blind_one_another(watched):
    cohort, spy = watched
    with spy.fitting(TRAIN):
        inner, other = spied(cohort.take(TRAIN))
        with other.fitting(TRAIN[:40]):
            values(inner.take(TRAIN[:40]))
            with pytest.raises(
                LeakError, match="of 20 held-out patients were read while fitting on 40"
            ):
                values(inner)
            with pytest.raises(
                LeakError, match="of 20 held-out patients were read while fitting on 60"
            ):
                values(cohort)


def test_a_message_says_what_where_and_the_cure_and_no_id(watched):
    cohort, spy = watched
    with spy.fitting(TRAIN, name="fitting fold 2"), pytest.raises(LeakError) as found:
        labels(cohort)
    said = str(found.value)
    assert said.startswith(
        "the labels of outcome 'subtype' of 20 held-out patients were read while fitting "
        "fold 2, at "
    )
    assert re.search(r"test_access_log\.py:\d+; take labels from cohort\.take\(rows\)", said)
    with spy.fitting(TRAIN), pytest.raises(LeakError) as found:
        Pipeline.fit(cohort.take(range(62)).modalities["rna"], learned(np.zeros(62, int)))
    said = str(found.value)
    assert re.search(
        r"of <5 held-out .* at graphfuse/data/prepare/pipeline\.py:\d+ \(called at "
        r"\S*test_access_log\.py:\d+\); fit on",
        said,
    )
    assert not any(patient in said for patient in cohort.patients)


def test_leaks_can_be_gathered(small):
    cohort, spy = spied(small.cohort, strict=False)
    with spy.fitting(TRAIN):
        for _ in range(3):
            values(cohort), labels(cohort)
    assert [(leak.what, leak.of, leak.patients) for leak in spy.leaks] == [
        ("values", "rna", 20), ("values", "meth", 20), ("labels", "subtype", 20)
    ]  # fmt: skip
    assert "3 leaks. First: the values of modality 'rna'" in spy.summary()


def test_parts_given_later_are_watched_too(small, watched):
    cohort, spy = watched
    scaled = {k: Modality(k, m.table - m.table.mean()) for k, m in small.cohort.modalities.items()}
    shuffled = {"subtype": replace(small.cohort.outcome(), values=labels(small.cohort)[::-1])}
    other = replace(
        cohort, modalities=scaled, outcomes=shuffled, groups={"site": small.cohort.groups["site"]}
    )
    with spy.fitting(TRAIN):
        other.take(TRAIN).digest()
        for read in (lambda: values(other), lambda: labels(other), lambda: other.groups["site"]):
            with pytest.raises(LeakError):
                read()
