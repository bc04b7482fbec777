"""Names of models are read and written as one value, whatever modalities are called."""

from itertools import combinations

import pytest

from graphfuse.errors import InputError
from graphfuse.schema.run_model_name import ModelId, refuse_same_names

PARSED = {
    "graphfuse": ModelId("graphfuse"),
    "no-graph": ModelId("no-graph"),
    "majority": ModelId("majority"),
    "single": ModelId("single"),
    "additive": ModelId("additive"),
    "single:rna": ModelId("single", ("rna",)),
    "group:site": ModelId("group", ("site",)),
    "only:rna+meth": ModelId("only", ("rna", "meth")),
    "without:rna": ModelId("without", ("rna",)),
    "pattern:rna+meth": ModelId("pattern", ("rna", "meth")),
    "patient:rewired": ModelId("patient", ("rewired",)),
    "gene:empty": ModelId("gene", ("empty",)),
}


@pytest.mark.parametrize("name", PARSED)
def test_names_are_read_and_written(name):
    assert ModelId.parse(name) == PARSED[name] and str(PARSED[name]) == name


@pytest.mark.parametrize(
    "name",
    [
        "", ":", "+", "only", "only:", "only:+", "gene", "gene:", "pattern:", "single:", "nobody",
        "single:single:x", "single:a+b", "only:single:x+b", "kaplan-meier", "made:up", "ONLY:a",
    ],
)  # fmt: skip
def test_every_text_is_written_as_it_was_read(name):
    assert str(ModelId.parse(name)) == name
    assert str(ModelId.parse(name, ("a", "b", "a+b", "single:x"))) == name


def test_what_stands_where():
    variants = [name for name, model in PARSED.items() if model.is_variant]
    assert variants == [
        "additive", "group:site", "only:rna+meth", "without:rna", "pattern:rna+meth",
        "patient:rewired", "gene:empty",
    ]  # fmt: skip
    controls = {name: model for name, model in PARSED.items() if model.is_control}
    assert [(each.graph, each.control) for each in controls.values()] == [
        ("patient", "rewired"),
        ("gene", "empty"),
    ]
    assert [name for name, model in PARSED.items() if model.is_one_of("pattern")] == [
        "pattern:rna+meth"
    ]
    assert PARSED["only:rna+meth"].modalities == ("rna", "meth")
    assert PARSED["single:rna"].modalities == ("rna",) and not PARSED["group:site"].modalities


@pytest.mark.parametrize("name", ["only", "group", "pattern", "patient", "gene", "without"])
def test_a_bare_word_is_no_variant(name):
    model = ModelId.parse(name)
    assert not (model.is_variant or model.is_control or model.is_one_of(name) or model.modalities)
    assert model.graph is None and model.control is None


def test_a_modality_may_be_called_like_a_model():
    odd = ("single:x", "only:y", "majority")
    for size in (1, 2, 3):
        for some in combinations(odd, size):
            model = ModelId.of_modalities("only", some)
            assert ModelId.parse(str(model)) == model and model.modalities == some
    assert ModelId.parse("single:single:x").modalities == ("single:x",)


@pytest.mark.parametrize(
    "names", [("a+b", "c"), ("a", "b+c", "a+b"), ("c", "a+b", "a"), ("a+", "+b", "c++")]
)
def test_where_modalities_are_known_a_plus_in_a_name_is_no_join(names):
    for size in range(1, len(names) + 1):
        for some in combinations(names, size):
            name = str(ModelId.of_modalities("pattern", some))
            assert ModelId.parse(name, names).modalities == some, name
            assert str(ModelId.parse(name)) == name


def test_where_they_are_not_it_reads_like_two():
    assert ModelId.parse("only:a+b").modalities == ("a", "b")
    assert ModelId.parse("only:a+b", ("a", "c")).modalities == ("a", "b")


def test_patients_with_no_modality_have_a_name_too():
    nobody = ModelId.of_modalities("pattern", ())
    assert str(nobody) == "pattern:" and ModelId.parse("pattern:") == nobody
    assert nobody.is_one_of("pattern") and nobody.modalities == ()


def test_two_models_of_one_name_are_refused():
    names = ("a", "b", "a+b")
    subsets = [some for size in (1, 2) for some in combinations(names, size)]
    with pytest.raises(InputError, match="'a' and 'b'.* would be called 'only:a[+]b'; rename"):
        refuse_same_names([ModelId.of_modalities("only", some) for some in reversed(subsets)])
    refuse_same_names(
        [ModelId("only", ("a",)), ModelId("only", ("a",)), ModelId("without", ("a",))]
    )


def test_a_long_forged_name_is_read_quickly():
    name = "only:" + "+".join(["a"] * 20_000)
    assert len(ModelId.parse(name, ("a", "a+a", "b")).modalities) == 20_000
