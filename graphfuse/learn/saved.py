"""Fitted models on disk: `model.json` and `model.safetensors`, and back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from graphfuse.errors import InputError
from graphfuse.files.written import undamaged
from graphfuse.learn.comparison import Comparison
from graphfuse.learn.fitted import Fitted
from graphfuse.learn.pack import pack, unpack
from graphfuse.learn.seal import check_seal, sealed
from graphfuse.schema import SCHEMA, Recipe


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a folder holds of a model."""

    fitted: Fitted
    comparison: Comparison | None
    recipe: Recipe
    target: str
    classes: tuple[str, ...]
    seed: int


def write_model(model, folder: Path) -> None:
    """`model.json` and `model.safetensors` of a fitted `FusionModel`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays, described = pack(model.fitted_)
    described |= {
        "schema": SCHEMA,
        "recipe": model.recipe_.model_dump(mode="json"),
        "target": model.target_,
        "classes": model.class_names,
        "seed": model.seed,
    }
    if model.comparison_ is not None:
        shifts, described["compared"] = model.comparison_.state()
        arrays |= shifts
    tensors = folder / "model.safetensors"
    save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, tensors)
    described = sealed(described, tensors)
    (folder / "model.json").write_text(json.dumps(described, indent=1) + os.linesep)


def read_model(folder: Path) -> SavedModel:
    """What `write_model` wrote.

    Raises `InputError` where there is none, its schema is newer, or it is damaged: not as it was
    written.
    """
    tensors = folder / "model.safetensors"
    if not (folder / "model.json").is_file() or not tensors.is_file():
        raise InputError(
            f"{folder}: holds no model; train one with `graphfuse train COHORT -o DIR`"
        )
    with undamaged(folder):
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if described["schema"] > SCHEMA:
            raise InputError(
                f"{folder}: schema {described['schema']} is newer than this graphfuse reads "
                f"({SCHEMA}); update it"
            )
        check_seal(described, tensors)
        return _restored(load_file(tensors), described)


def _restored(arrays: dict[str, np.ndarray], described: dict) -> SavedModel:
    """The model of saved arrays and what describes them."""
    comparison = None
    if "compared" in described:
        comparison = Comparison.from_state(arrays, described["compared"])
    return SavedModel(
        unpack(arrays, described),
        comparison,
        Recipe.model_validate(described["recipe"]),
        described["target"],
        tuple(described["classes"]),
        described["seed"],
    )
