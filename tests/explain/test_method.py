"""The protocol of ranking methods: known answers, names, and methods of one's own that fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.explain import methods
from graphfuse.explain.load_method import attributed, ranking_method
from graphfuse.explain.method import FoldNet, Method
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

OCCLUSION = f"{Path(__file__).parent / 'occlusion.py'}:Occlusion"


def fitted(small, network, epochs):
    recipe = Recipe.model_validate(
        {
            "name": "quick",
            "patient": {"neighbours": 4},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": epochs, "stop": "last", "seeds": 1, "learning_rate": 1e-2},
        }
    )
    return FusionModel(recipe, device="cpu", network=network).fit(small.cohort).fitted_


@pytest.fixture(scope="module")
def net(small, network) -> FoldNet:
    return FoldNet(fitted(small, network, 4), 0, small.cohort.take(range(12)), network)


def test_logits_are_the_models_and_follow_the_columns(net):
    logits = net.fitted.predictors(net.views)[0].numpy()
    centred = logits - logits.mean(1, keepdims=True)
    np.testing.assert_allclose(net.logits(net.columns), centred, atol=1e-9)
    name, step = "rna", 1e-6
    changed = net.columns["rna"].copy()
    changed[:, 3] += step
    slope = (net.logits(net.columns | {name: changed}) - net.logits(net.columns)) / step  # [N, K]
    at = list(net.columns).index(name)
    gradient = net.forward.gradients(net.forward.columns)[at].numpy()  # [K, N, 2, F]
    spread = net.fitted.preparation.gene_operators[name]
    both = gradient[:, :, 0] + np.stack([(spread.T @ each.T).T for each in gradient[:, :, 1]])
    np.testing.assert_allclose(slope.T, both[:, :, 3], atol=1e-5)


def test_weights_are_of_each_class(net):
    np.testing.assert_allclose(net.weight.sum(0), 1)


def test_occlusion_of_a_linear_model_is_its_integrated_gradients(small, network):
    net = FoldNet(fitted(small, network, 0), 0, small.cohort, network)
    whole, occluded = (
        attributed(ranking_method(name), net) for name in (methods.DEFAULT, OCCLUSION)
    )
    for name in net.columns:
        np.testing.assert_allclose(occluded.columns[name], whole.columns[name], atol=1e-9)
    assert occluded.through_network is None and occluded.edges is None


# --------------------------------------------------------------------------------------- the names


@pytest.mark.parametrize("name", methods.available())
def test_each_file_here_is_a_method_that_says_what_it_is(name):
    method = ranking_method(name)
    assert isinstance(method, Method) and method.about and method.name == name.replace("-", " ")


def test_a_file_in_the_folder_is_a_method(tmp_path, monkeypatch):
    (tmp_path / "all_alike.py").write_text(
        "from graphfuse.explain.method import Method\n\n\nclass AllAlike(Method):\n    pass\n"
    )
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    assert {"all-alike", "integrated-gradients"} <= set(methods.available())
    method = ranking_method("all-alike")
    assert method.name == "all alike" and method.about == ""
    with pytest.raises(TypeError, match="AllAlike must define attribute"):
        method.attribute(None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "integrated-gradient",
            r"no such ranking method \(did you mean 'integrated-gradients'\?\)",
        ),
        ("integrated gradients", "did you mean 'integrated-gradients'"),
        ("", "no such ranking method"),
        ("none.py:Mine", "none.py: no such file; a ranking method is named as file.py:Class"),
        (OCCLUSION.replace("Occlusion", "Oclusion"), "no class 'Oclusion' .*mean 'Occlusion'"),
        (OCCLUSION.replace("Occlusion", "Attribution"), "is no ranking method; derive it from"),
        (OCCLUSION.replace("Occlusion", "np"), "is no ranking method; derive it from"),
    ],
)
def test_what_is_no_method_is_named(name, said):
    with pytest.raises(InputError, match=said):
        ranking_method(name)


# --------------------------------------------------------------------------- methods that go wrong

FAULTS = {
    "return None": r"expected an Attribution \(got NoneType\)",
    "return Attribution({})": "mine.py: columns lacks 'meth', 'rna'",
    "return Attribution({m: x for m, x in net.columns.items()})": (
        r"columns\['meth'\] has shape \(12, 24\); expected \(2, 12, 24\)"
    ),
    "return Attribution(whole(net) | {'meth': whole(net)['meth'] * np.nan})": (
        r"columns\['meth'\] holds values that are no finite numbers"
    ),
    "return Attribution(whole(net), {m: x[:1] for m, x in whole(net).items()})": (
        r"through_network\['meth'\] has shape \(1, 12, 24\); expected \(2, 12, 24\)"
    ),
    "return Attribution(whole(net), edges=np.zeros(3))": r"edges has shape \(3,\); expected \(2,",
    "return net.nothing": r"mine.py: AttributeError: .*'nothing' \(line 8\)",
}


@pytest.mark.parametrize("line", FAULTS)
def test_what_a_method_of_ones_own_does_wrong_is_named(tmp_path, net, line):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom graphfuse.explain.method import Attribution, Method\n"
        "def whole(net):\n    return {m: np.stack([x, x]) for m, x in net.columns.items()}\n\n"
        f"class Mine(Method):\n    def attribute(self, net):\n        {line}\n"
    )
    with pytest.raises(InputError, match=FAULTS[line]):
        attributed(ranking_method(f"{tmp_path / 'mine.py'}:Mine"), net)


def test_a_method_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from graphfuse.explain.method import Method\n\n\nclass Mine(Method):\n"
        "    def __init__(self, steps):\n        pass\n"
    )
    with pytest.raises(InputError, match="mine.py: TypeError: .*'steps'"):
        ranking_method(f"{tmp_path / 'mine.py'}:Mine")
