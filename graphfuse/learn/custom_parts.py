"""Custom parts and steps: the user's own classes, named as `file.py:Class`.

They are checked by their contract. Saved models hold their file name, class and hash, and load them
only from files that the user allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from graphfuse.data.prepare.step import available_steps, is_step
from graphfuse.data.prepare.step_contract import check_step
from graphfuse.errors import InputError
from graphfuse.files.class_from_file import class_in_file
from graphfuse.files.hashes import file_sha256
from graphfuse.nn.check_contract import check_named
from graphfuse.nn.registry import available
from graphfuse.schema.saved_model import ModelFile, OwnPart

PYG = "pyg:"


def is_custom(name: str) -> bool:
    """Whether a part is the user's own, `file.py:Class`."""
    return name.rpartition(":")[0].endswith(".py")


def bare_name(name: str) -> str:
    """The name of a custom part without its folder.

    >>> bare_name("folder/file.py:Class")
    'file.py:Class'
    """
    file, _, symbol = name.rpartition(":")
    return f"{Path(file).name}:{symbol}"


def saved_part(name: str) -> str | dict[str, str]:
    """A part as `model.json` names it: a name, or for a custom part its file, class and hash."""
    if not is_custom(name):
        return name
    file, _, symbol = name.rpartition(":")
    path = Path(file)
    return {"file": path.name, "symbol": symbol, "sha256": file_sha256(path)}


def loaded_parts(
    model: ModelFile, allowed: Iterable[str | Path], where: str
) -> tuple[dict[str, object], dict[str, tuple[str, ...]]]:
    """The names of a model's parts and steps; custom ones are looked for in the allowed files.

    Parameters
    ----------
    model : ModelFile
        Content of `model.json`.
    allowed : iterable of str or Path
        Python files that may be run.
    where : str
        The model's folder, for messages.

    Returns
    -------
    slots : dict
        Names of the net's parts: `encode` (a tuple), `propagate`, `fuse` and `head`.
    steps : dict of str to tuple of str
        Modality → names of its steps, where they are not the usual ones.

    Raises
    ------
    InputError
        Where a custom part's file is not allowed, or differs from that of training.
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
    encoders = tuple(named("encode", part) for part in net.encode)
    slots: dict[str, object] = {"encode": encoders}
    for slot in ("propagate", "fuse", "head"):
        slots[slot] = named(slot, getattr(net, slot))
    steps = {}
    for name, table in model.modalities.items():
        steps[name] = tuple(named("step", each.step) for each in table.steps or ())
    if lacking:
        raise InputError(f"{where}: {_refusal(lacking, files)}")
    return slots, steps


def _hashed(allowed: Iterable[str | Path]) -> dict[str, Path]:
    """sha256 → absolute path of each allowed file."""
    paths = [allowed] if isinstance(allowed, str | Path) else allowed
    files = {}
    for path in map(Path, paths):
        if path.suffix != ".py" or not path.is_file():
            raise InputError(f"--allow-part {path}: no such .py file")
        files[file_sha256(path)] = path.resolve()
    return files


def _check_shipped(slot: str, name: str) -> None:
    """Raises `ValueError` for names that neither graphfuse nor PyTorch Geometric has."""
    shipped = available_steps() if slot == "step" else available(slot)
    if name in shipped:
        return
    if slot == "propagate" and name.startswith(PYG):
        known = import_module("graphfuse.nn.pyg").names()
        if name.removeprefix(PYG) in known:
            return
    raise ValueError(f"{slot} {name!r} is no part that ships with this graphfuse")


def _refusal(lacking: list[OwnPart], files: dict[str, Path]) -> str:
    """Why custom parts that are not allowed are not loaded, and how to allow them."""
    part = lacking[0]
    for digest, path in files.items():
        if path.name == part.file:
            return (
                f"{path} has sha256 {digest}, and the model was trained with {part.file} of "
                f"sha256 {part.sha256}; give the file as it was then"
            )
    names = list(dict.fromkeys(part.file for part in lacking))
    options = " ".join(f"--allow-part {name}" for name in names)
    return (
        f"was trained with custom parts ({part.file}:{part.symbol}, sha256 {part.sha256}), "
        f"and no code runs that was not allowed; look at the file, then add {options} "
        f"(Python: allow_parts={names})"
    )


def check_part(name: str) -> list[str]:
    """Checks the contract of a part or step.

    Parameters
    ----------
    name : str
        `file.py:Class`, or the name of a shipped part.

    Returns
    -------
    list of str
        A line for each thing that was checked.

    Raises
    ------
    InputError
        With everything that fails.
    """
    custom = class_in_file(name) if is_custom(name) else None
    if not is_step(custom):
        return check_named(name)
    checks = [f"  ok  {line}" for line in check_step(custom, name)]
    return [f"{name}: a step", *checks]
