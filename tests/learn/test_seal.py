"""A saved model is read as it was written, or refused."""

import json

import pytest
from safetensors.numpy import load_file, save_file

from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

QUICK = Recipe.model_validate(
    {"name": "quick", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
)


@pytest.fixture(scope="module")
def saved(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    FusionModel(QUICK).fit(small.cohort).save(folder)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    for name in ("model.json", "model.safetensors"):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    return tmp_path


def test_an_intact_model_passes(copy, saved, small):
    one, other = FusionModel.load(copy), FusionModel.load(saved)
    assert (one.predict_proba(small.cohort) == other.predict_proba(small.cohort)).all()


@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_one_bit_among_the_numbers_is_refused(copy, place):
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[int(place * len(content))] ^= 1
    (copy / "model.safetensors").write_bytes(bytes(content))
    with pytest.raises(InputError, match="not as it was written"):
        FusionModel.load(copy)


def test_a_changed_word_is_refused(copy):
    described = json.loads((copy / "model.json").read_text())
    described["classes"] = described["classes"][::-1]
    (copy / "model.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="not as it was written"):
        FusionModel.load(copy)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_file_cut_short_is_refused(copy, name, share):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="damaged"):
        FusionModel.load(copy)


def test_a_model_without_a_seal_is_refused(copy):
    described = json.loads((copy / "model.json").read_text())
    del described["sha256"]
    (copy / "model.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="damaged model: it has no sha256"):
        FusionModel.load(copy)


def test_the_order_of_modalities_is_sealed(copy):
    described = json.loads((copy / "model.json").read_text())
    described["modalities"] = dict(reversed(described["modalities"].items()))
    (copy / "model.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="not as it was written"):
        FusionModel.load(copy)


def test_mean_and_factor_swapped_is_refused(copy):
    arrays = load_file(copy / "model.safetensors")
    mean, factor = (arrays[f"tables/rna/{key}"] for key in ("mean", "factor"))
    save_file(
        arrays | {"tables/rna/mean": factor, "tables/rna/factor": mean}, copy / "model.safetensors"
    )
    with pytest.raises(InputError, match="not as it was written"):
        FusionModel.load(copy)
