"""Numbers and names in words."""

import math
from dataclasses import replace

from graphfuse.report import formatting
from graphfuse.schema import Comparison
from graphfuse.schema.run_model_name import ModelId
from graphfuse.task.registry import metrics_of


def test_numbers_in_words():
    assert [formatting.number(x) for x in (0.8794, -0.0004, -0.02, None, float("nan"))] == [
        "0.879",
        "0.000",
        "−0.020",
        "–",
        "–",
    ]
    assert [formatting.signed(x) for x in (0.01, -0.01, -0.0001, 0.0)] == [
        "+0.010",
        "−0.010",
        "0.000",
        "0.000",
    ]
    assert [formatting.count(n) for n in (0, 1, 4, 5, 1200)] == ["0", "<5", "<5", "5", "1,200"]
    assert [formatting.points(x) for x in (0.004, -0.0054, 0.0, None)] == [
        "0.4",
        "−0.5",
        "0.0",
        "–",
    ]
    assert [formatting.points(x, sign=True) for x in (0.004, -0.004, 0.0, None)] == [
        "+0.4",
        "−0.4",
        "0.0",
        "–",
    ]
    assert (
        formatting.points_span((-0.005, 0.013)) == "−0.5 to 1.3"
        and formatting.points_span((None, None)) == "no interval"
    )


def test_scores_without_a_largest_value_have_significant_digits():
    bounded = metrics_of("class")["accuracy"]
    unbounded = replace(bounded, bounds=(0.0, math.inf))
    values = (0.8794, 12.345, 0.000312, -45600.4, None)
    found = [formatting.scored(value, bounded) for value in values]
    assert found == ["0.879", "12.345", "0.000", "−45,600.400", "–"]
    found = [formatting.scored(value, unbounded) for value in values]
    assert found == ["0.879", "12.3", "0.000312", "−45,600", "–"]
    signs = [formatting.scored_sign(value, unbounded) for value in (0.00021, -12.0, 0.0)]
    assert signs == ["+0.000210", "−12.0", "0.00"]
    assert formatting.scored_span((-0.0314, 1.31), unbounded) == "−0.03 to 1.31"
    assert formatting.scored_span((None, 0.5), unbounded) == ""
    noise = (
        formatting.scored_sign(-5e-16, unbounded, 5.75),
        formatting.scored_span((-5e-16, 0.2), unbounded, 5.75),
    )
    assert noise == ("0.00", "0.00 to 0.20")


def test_lists_in_words():
    found = [formatting.listed(list(letters)) for letters in ("", "a", "ab", "abc")]
    assert (
        found == ["", "a", "a and b", "a, b and c"]
        and formatting.listed(["a", "b"], "or") == "a or b"
    )


def test_names_break_behind_their_marks_and_stay_harmless():
    assert formatting.breakable("only:rna+<b>") == "only:<wbr>rna+<wbr>&lt;b&gt;"
    assert formatting.breakable("&amp;") == "&amp;amp;"


def test_every_kind_of_model_has_words():
    def about(name, modalities=()):
        return formatting.about(ModelId.parse(name, modalities), "class")

    assert about("without:rna+meth") == "the net with its graphs, rna and meth withheld"
    assert about("pattern:rna+meth+x") == "the net on patients with rna, meth and x only"
    assert about("pattern:rna+meth+x", ("rna+meth", "x")).endswith("with rna+meth and x only")
    assert about("gene:rewired") == "the net with a rewired gene network"
    assert about("single:rna") == "ridge regression on rna alone"
    assert about("early") == "ridge regression on all modalities side by side"
    assert about("majority") == "always the commonest class"
    assert about("late") == "mean of the single modalities' probabilities"
    assert about("new:thing") == about("pattern:") == about("only") == ""


def test_identical_is_0_with_no_spread_in_every_metric():
    def pair(d, half):
        ends = (d - half, d + half)
        return Comparison(
            a="a",
            b="b",
            metric="auroc",
            difference=d,
            ci95=ends,
            p=1.0,
            verdict="no difference shown",
        )

    assert (
        formatting.identical(pair(0.0, 0.0), pair(0.0, 0.0))
        and formatting.verdict(pair(0.0, 0.0)) == "same in every fold"
    )
    assert not formatting.identical(pair(0.0, 0.0), pair(0.0, 0.1)) and not formatting.identical(
        None
    )
    assert formatting.verdict(pair(0.0, 0.1)) == "no difference shown"
