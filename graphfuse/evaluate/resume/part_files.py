"""The parts of a study as files: the baselines of a fold, and banks of nets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from graphfuse.evaluate.baselines import Baseline
from graphfuse.evaluate.resume.dependencies import named_files
from graphfuse.evaluate.resume.finished_parts import Form
from graphfuse.files.atomic_write import write_json
from graphfuse.files.hashes import text_sha256
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


@dataclass(frozen=True, eq=False)
class Bank:
    """A net trained over all folds: its `outputs` for the test patients of each, and the fold
    `models` themselves (empty where they are not needed again)."""

    outputs: list[Baseline]
    models: list[FusionModel]


def name_of(repeat: int, what: str) -> str:
    """A part's name, which is one for files too, whatever modalities and layers are called."""
    words = re.sub(r"[^\w+-]+", "-", what)[:40]
    return f"r{repeat}-{words}-{text_sha256(what)[:8]}"


def _save_baselines(baselines: Mapping[str, Baseline], folder: Path) -> None:
    arrays, seconds = {}, []
    for number, (name, baseline) in enumerate(baselines.items()):
        arrays[str(number)] = np.ascontiguousarray(baseline.output)
        seconds.append([name, float(baseline.seconds)])
    save_file(arrays, folder / "rungs.safetensors")
    write_json(folder / "rungs.json", {"seconds": seconds})


def _load_baselines(folder: Path) -> dict[str, Baseline]:
    about = json.loads((folder / "rungs.json").read_text(encoding="utf-8"))
    arrays = load_file(folder / "rungs.safetensors")
    baselines = {}
    for number, (name, seconds) in enumerate(about["seconds"]):
        baselines[name] = Baseline(arrays[str(number)], seconds)
    return baselines


def _save_bank(bank: Bank, folder: Path) -> None:
    by_fold = {str(fold): output for fold, output in enumerate(bank.outputs)}
    _save_baselines(by_fold, folder)


def _load_bank(folder: Path) -> Bank:
    return Bank(list(_load_baselines(folder).values()), [])


def _save_models(bank: Bank, folder: Path) -> None:
    _save_bank(bank, folder)
    for number, model in enumerate(bank.models):
        model.save(folder / "models" / str(number))
    about = {"count": len(bank.models), "device": bank.models[0].device}
    write_json(folder / "models.json", about)


def _load_models(own_parts: Sequence[str], folder: Path) -> Bank:
    about = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    models = []
    for number in range(about["count"]):
        model = FusionModel.load(folder / "models" / str(number), allow_parts=own_parts)
        models.append(model.on(about["device"]))
    return Bank(_load_bank(folder).outputs, models)


BASELINES = Form(_save_baselines, _load_baselines)
BANK = Form(_save_bank, _load_bank)


def with_models(recipe: Recipe) -> Form[Bank]:
    """The form of a bank whose models are asked for again; they may use the parts of one's own that
    the recipe names."""
    own_parts = [name for name in named_files(recipe) if name.endswith(".py")]
    return Form(_save_models, partial(_load_models, own_parts))
