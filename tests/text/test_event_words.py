"""Events: which status is one, which is censored, and which says nothing."""

import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.text.event_words import read_events


def read(words, value):
    event, known, notices = read_events(pd.Series(words, dtype=object, name="vital"), value)
    return event.tolist(), known.tolist(), notices


def test_an_event_counts_whatever_its_case_and_is_told():
    event, known, notices = read(["Gone", "GONE", "gone", "alive"], "Gone")
    assert event == [True, True, True, False] and all(known)
    assert notices == ["the event is written in 3 ways ('GONE', 'Gone', 'gone'): all count"]
    assert read(["Dead", "Alive"], "Dead")[2] == []


@pytest.mark.parametrize("word", ["[Not Available]", "Not Reported", "unknown"])
def test_an_unknown_status_is_not_censored(word):
    event, known, notices = read(["1", "0", word, word, None], "1")
    assert event == [True, False, False, False, False]
    assert known == [True, True, False, False, False]
    assert len(notices) == 1 and notices[0].startswith("<5 patients have a status like")


@pytest.mark.parametrize("value", ["1", "DECEASED", "1:DECEASED", "deceased"])
def test_codes_with_their_words(value):
    assert read(["1:DECEASED", "0:LIVING", "0:LIVING"], value) == (
        [True, False, False], [True] * 3, [],
    )  # fmt: skip
    mixed = ["1:DECEASED", "1", "0", "0:LIVING"]
    assert read(mixed, "1")[0] == [True, True, False, False]


def test_what_counts_as_censored_and_does_not_say_so_is_told():
    words = ["Died of disease", "Died of other causes", "Alive", "Alive"]
    (notice,) = read(words, "Died of disease")[2]
    assert notice.startswith("<5 patients whose status is 'Died of other causes' count as censored")
    (notice,) = read([0, 1, 2, 2], "1")[2]
    assert notice.startswith("<5 patients whose status is '2' count as censored")
    assert read(["Recurred", "Fine", "Fine"], "Recurred")[2] == []


def test_an_event_the_wrong_way_round_is_told():
    assert "the wrong way round" in read(["Alive", "Dead"], "Alive")[2][0]
    assert read([0, 1, 1], "0")[2][0].startswith("<5 patients whose status is '1'")


def test_no_event_is_refused():
    with pytest.raises(InputError, match=r"no events \(values: Alive, Dead\)"):
        read(["Alive", "Dead"], "Deceased")
