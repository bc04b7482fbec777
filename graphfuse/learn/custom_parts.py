"""Parts and steps of one's own: checked by their contract, and kept in saved models as file name,
class and hash, to be loaded only from files that were allowed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from graphfuse.data.prepare.step import available_steps, is_step
from graphfuse.data.prepare.step_contract import check_step
from graphfuse.errors import InputError
from graphfuse.files.class_from_file import class_in_file
from graphfuse.files.hashes import file_sha256
from graphfuse.nn.contract import check_named
from graphfuse.nn.registry import available
from graphfuse.schema.saved_model import ModelFile, OwnPart

PYG = "pyg:"


def is_own(name: str) -> bool:
    """Whether a part is `file.py:Class`, not one that ships."""
    return name.rpartition(":")[0].endswith(".py")


def bare(name: str) -> str:
    """`folder/file.py:Class` as `file.py:Class`."""
    file, _, symbol = name.rpartition(":")
    return f"{Path(file).name}:{symbol}"


def saved_part(name: str) -> str | dict[str, str]:
    """A part as a model's file names it."""
    if not is_own(name):
        return name
    file, _, symbol = name.rpartition(":")
    return {"file": Path(file).name, "symbol": symbol, "sha256": file_sha256(Path(file))}


def loaded_parts(
    model: ModelFile, allowed: Iterable[str | Path], where: str
) -> tuple[dict[str, object], dict[str, tuple[str, ...]]]:
    """The names of a model's parts and steps, those of one's own in files that are allowed.

    Parameters
    ----------
    model : ModelFile
        What a model's file says.
    allowed : iterable of str or Path
        Python files that may be run.
    where : str
        What messages begin with.

    Returns
    -------
    tuple of dict
        The net's slots: `encode` (a tuple), `propagate`, `fuse` and `head`; and modality → names of
        its steps, where they are not the usual ones.

    Raises
    ------
    InputError
        Where a part's file is not among those allowed, or is another than the model was saved with.
    ValueError
        For a name that no part has.
    """
    files = _hashed(allowed)
    lacking: list[OwnPart] = []

    def named(slot: str, part: str | OwnPart) -> str:
        if isinstance(part, str):
            _check_shipped(slot, part)
            return part
        if part.sha256 not in files:
            lacking.append(part)
            return ""
        return f"{files[part.sha256]}:{part.symbol}"

    net = model.net
    slots: dict[str, object] = {"encode": tuple(named("encode", part) for part in net.encode)}
    slots |= {slot: named(slot, getattr(net, slot)) for slot in ("propagate", "fuse", "head")}
    steps = {
        name: tuple(named("step", each.step) for each in table.steps or ())
        for name, table in model.modalities.items()
    }
    if lacking:
        raise InputError(f"{where}: {_refusal(lacking, files)}")
    return slots, steps


def _hashed(allowed: Iterable[str | Path]) -> dict[str, Path]:
    """sha256 → absolute path of each file that is allowed."""
    files = {}
    for path in map(Path, [allowed] if isinstance(allowed, str | Path) else allowed):
        if path.suffix != ".py" or not path.is_file():
            raise InputError(f"--allow-part {path}: no such .py file")
        files[file_sha256(path)] = path.resolve()
    return files


def _check_shipped(slot: str, name: str) -> None:
    """Raises `ValueError` for what is neither a shipped part nor a convolution of PyTorch
    Geometric."""
    if name in (available_steps() if slot == "step" else available(slot)):
        return
    if slot == "propagate" and name.startswith(PYG):
        known = import_module("graphfuse.nn.pyg").names()
        if name.removeprefix(PYG) in known:
            return
    raise ValueError(f"{slot} {name!r} is no part that ships with this graphfuse")


def _refusal(lacking: list[OwnPart], files: dict[str, Path]) -> str:
    """Why the first of the parts of one's own that are not allowed is not loaded, and the cure for
    all."""
    part = lacking[0]
    other = next((digest for digest, path in files.items() if path.name == part.file), None)
    if other is not None:
        return (
            f"{files[other]} has sha256 {other}, and the model was trained with {part.file} of "
            f"sha256 {part.sha256}; give the file as it was then"
        )
    names = list(dict.fromkeys(part.file for part in lacking))
    options = " ".join(f"--allow-part {name}" for name in names)
    return (
        f"was trained with parts of one's own ({part.file}:{part.symbol}, sha256 {part.sha256}), "
        f"and no code runs that was not allowed; look at the file, then add {options} "
        f"(Python: allow_parts={names})"
    )


def check_part(name: str) -> list[str]:
    """Lines that say what was checked of the part or step `file.py:Class`. Raises `InputError` with
    everything that fails."""
    found = class_in_file(name) if is_own(name) else None
    if not is_step(found):
        return check_named(name)
    return [f"{name}: a step", *(f"  ok  {line}" for line in check_step(found, name))]
