"""Reading and writing fitted models: `model.json` and `model.safetensors`.

Reading a model runs no code that it names, and a damaged model causes a single message.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graphfuse.errors import InputError
from graphfuse.files.atomic_write import undamaged
from graphfuse.files.json import damaged
from graphfuse.files.safe_paths import inside
from graphfuse.learn.custom_parts import bare_name, loaded_parts
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.save.consistency import check_arrays, check_description
from graphfuse.learn.save.seal import check_seal, sealed
from graphfuse.learn.save.serialize import pack, unpack, unpack_pipelines
from graphfuse.learn.shift_comparison import Comparison
from graphfuse.schema import SCHEMA, Recipe
from graphfuse.schema.read_run_json import read_schema, shaped
from graphfuse.schema.rename_recipe_files import with_files
from graphfuse.schema.saved_model import ModelFile

DAMAGED = "damaged model"


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A model as read from a folder.

    Attributes
    ----------
    fitted : Fitted
    comparison : Comparison or None
        Summaries of the training patients' tables, where they were saved.
    recipe : Recipe
        The recipe of the fit.
    target : str
        Name of the outcome that is predicted.
    seed : int
        That of the fit.
    """

    fitted: Fitted
    comparison: Comparison | None
    recipe: Recipe
    target: str
    seed: int


def write_model(model, folder: Path) -> None:
    """Writes `model.json` and `model.safetensors`.

    Parameters
    ----------
    model : FusionModel
        Fitted. Files that its recipe names are saved by their bare names, without folders.
    folder : Path
        Created where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays, described = pack(model.fitted_)
    comparison = None
    if model.comparison_ is not None:
        shifts, comparison = model.comparison_.state()
        arrays |= shifts
    described |= {
        "schema": SCHEMA,
        "recipe": _bare_recipe(model.recipe_).model_dump(mode="json"),
        "target": model.target_,
        **model.task_.state(),
        "seed": model.seed,
        "compared": comparison,
    }
    tensors = folder / "model.safetensors"
    contiguous = {key: np.array(value, order="C") for key, value in arrays.items()}
    save_file(contiguous, tensors)
    described = sealed(described, tensors)
    text = folder / "model.json"
    text.write_text(json.dumps(described, indent=1) + os.linesep)
    shutil.copymode(text, tensors)  # safetensors lets nobody else read it


def _bare_recipe(recipe: Recipe) -> Recipe:
    """The recipe with files named without their folders."""
    return with_files(
        recipe, lambda name, home: Path(name).name, lambda where, name: bare_name(name)
    )


def read_model(folder: Path, allow_parts: Iterable[str | Path] = ()) -> SavedModel:
    """Reads a model that `write_model` wrote.

    Parameters
    ----------
    folder : Path
    allow_parts : iterable of str or Path
        Python files whose parts the model may use.

    Returns
    -------
    SavedModel

    Raises
    ------
    InputError
        Where the folder holds no model, its schema is another, it is damaged, or it has custom
        parts whose files are not among those allowed.
    """
    described_in, tensors = inside(folder, "model.json"), inside(folder, "model.safetensors")
    if not described_in.is_file() or not tensors.is_file():
        raise InputError(
            f"{folder}: holds no model; train one with `graphfuse train COHORT -o DIR`"
        )
    described = read_schema(described_in, DAMAGED)
    check_seal(described, tensors)
    model = shaped(described, ModelFile, described_in, DAMAGED)
    with undamaged(folder):
        try:
            check_description(model)
            _check_recipe(model.recipe)
            return _restored(model, _arrays(tensors), folder, allow_parts)
        except InputError:
            raise
        except ValueError as error:
            raise damaged(folder, str(error), DAMAGED) from None


def _restored(
    model: ModelFile, arrays: dict[str, np.ndarray], folder: Path, allowed: Iterable[str | Path]
) -> SavedModel:
    """The model of these arrays; raises `ValueError` where they are not as described."""
    slots, steps = loaded_parts(model, allowed, str(folder))
    pipelines = unpack_pipelines(arrays, model, steps)
    check_arrays(model, arrays, pipelines)
    comparison = None
    if model.compared is not None:
        comparison = Comparison.from_state(arrays, dict(model.compared))
    fitted = unpack(arrays, model, slots, pipelines)
    return SavedModel(fitted, comparison, model.recipe, model.target, model.seed)


def _check_recipe(recipe: Recipe) -> None:
    """Raises `ValueError` where the recipe names a file by more than its bare name."""

    def file(name: str, home: str | None) -> str:
        if Path(name).name != name or "\\" in name:
            raise ValueError(f"its recipe names the file {name!r}, which is no bare name")
        return name

    with_files(recipe, file, lambda where, name: file(name, None))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file.

    Its header is checked against its length before memory is allocated.
    """
    try:
        return load_file(path)
    except (SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
        raise damaged(path, f"no arrays can be read ({error})", DAMAGED) from None
