"""Parts of one's own in saved models: kept as file name, class and hash, and loaded only from files
that were allowed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.hashes import file_sha256
from graphfuse.nn.parts import available
from graphfuse.schema.model import NetShape, OwnPart

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


def loaded_parts(net: NetShape, allowed: Iterable[str | Path], where: str) -> dict[str, object]:
    """The slots of a net with the names of its parts, those of one's own in files that are allowed.

    Parameters
    ----------
    net : NetShape
        As a model's file has it.
    allowed : iterable of str or Path
        Python files that may be run.
    where : str
        What messages begin with.

    Returns
    -------
    dict
        `encode` (a tuple), `propagate`, `fuse` and `head`.

    Raises
    ------
    InputError
        Where a part's file is not among those allowed, or is another than the model was saved with.
    ValueError
        For a name that no part has.
    """
    files = _hashed(allowed)
    slots = {"encode": net.encode, "propagate": (net.propagate,), "fuse": (net.fuse,)}
    slots["head"] = (net.head,)
    lacking: list[OwnPart] = []
    found: dict[str, list[str]] = {}
    for slot, parts in slots.items():
        found[slot] = []
        for part in parts:
            if isinstance(part, str):
                _check_shipped(slot, part)
                found[slot].append(part)
            elif part.sha256 in files:
                found[slot].append(f"{files[part.sha256]}:{part.symbol}")
            else:
                lacking.append(part)
    if lacking:
        raise InputError(f"{where}: {_refusal(lacking, files)}")
    one = {slot: parts[0] for slot, parts in found.items() if slot != "encode"}
    return {"encode": tuple(found["encode"]), **one}


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
    if name in available(slot):
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
