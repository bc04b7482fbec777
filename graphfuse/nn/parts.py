"""The slot contracts. A part is a class in a file of its slot's folder, or `file.py:Class`
anywhere.

A file of one's own may import those beside it; they are read anew with it, and found only while it
is being read.

Parts are written for one replica: no `nn.Dropout` (the bank draws masks per replica), no batch
statistics, no boolean indexing, no `.item()`, no shape that depends on data.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import threading
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType

from torch import Tensor, nn

from graphfuse.errors import InputError, nearest
from graphfuse.nn.lists import Lists


class Encode(nn.Module):
    """One channel → tokens `[N, T, D]`. Built as `Encode(features, width)`.

    `sees` says of what: `"columns"`, a modality's standardised columns `[N, F]`, absent rows zero,
    features = F; `"planes"`, concept planes `[N, 2 + planes, codes]`, features = (2 + planes,
    codes); `"nodes"`, a signal on the signalling graph `[N, C, nodes]`, features = (C, nodes,
    identity); `"sets"`, the columns of each gene set `[N, T, G]`, features = (T, G); `"nothing"`,
    `[N, 0]`.

    `tokens`: how many it gives of each patient; a part that gives more than one says so on the
    instance.

    `hops`: how many rounds over the gene network the part wants to see; with hops = 1 it gets `[N,
    2, F]`, the columns and their network neighbours' mean, and mixes them by its parameter `gate`
    `[hops]`, which starts at 0. `reach` and `restart`: how many rounds that mean goes over the
    network, and how much of the start each brings back. `linear`: the part touches the columns only
    through a matrix `weight` `[F, …]` (its output is the same in any rotation of the columns), so
    that the fit may run in the training patients' own coordinates and fold the rotation back
    afterwards.
    """

    sees: str = "columns"
    tokens: int = 1
    hops: int = 0
    reach: int = 1
    restart: float = 0.0
    linear: bool = False

    @staticmethod
    def prepare(x: Tensor) -> Tensor:
        """What is computed of the input without any parameter: done once for all epochs, seeds and
        settings."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward([N, F]) -> [N, T, D]")


class Propagate(nn.Module):
    """Message over one patient layer: own states `[N, T, D]`, senders' states `[S, T, D]`, lists →
    `[N, T, D]`.

    Built as `Propagate(width)`. The net adds `gate · (message(with edges) - message(no edges))`.
    With `couples = True` the part serves all layers at once: own `[N, M, T, D]`, senders `[S, M, T,
    D]`, a sequence of P = M × L lists (modality by modality) → `[N, P, T, D]`. `quiet`: without
    edges its message is zero, so that there is nothing to subtract. `loops`: it does not run under
    `vmap` (shapes that depend on data); the bank then calls its replicas one by one, which takes
    longer.
    """

    couples: bool = False
    quiet: bool = False
    loops: bool = False

    def forward(self, own: Tensor, senders: Tensor, lists: Lists) -> Tensor:
        raise TypeError(
            f"{type(self).__name__} must define forward(own, senders, lists) -> [N, T, D]"
        )


class Fuse(nn.Module):
    """Many modalities → one: `h` `[N, M, T, D]`, `present` `[N, M]` → `[N, D]`; absent modalities
    arrive as zeros (with `[net] bridge`, as a guess made from those present).

    A row of zeros is neutral in a sum, and in a linear map; where it is not (a maximum, a product,
    a softmax or a mean over modalities), the part must look at `present`, and give something finite
    where all are absent. No test can tell a share given to absent modalities from a gate that is
    meant, so that is the author's to see to.

    Built as `Fuse(dim, modalities)`. With `level = "decision"` it gets per-modality logits `[N, M,
    K]` and gives `[N, K]`; `dim` is then the number of classes. With `level = "hybrid"` it has a
    method `joint(h, present)` as at the embedding level, whose head's logits stand last, as if of
    one modality more, in what `forward` gets: `[N, M + 1, K]` → `[N, K]`.

    `apart` (decision level): each modality's own logits are trained on the labels alone, as
    separate models are; what `forward` learns does not reach them. `least_tokens`: how many tokens
    of a modality it takes to be what its name says. `weighs`: its `weights` begin with how much
    each modality counts, whoever the patient.
    """

    level: str = "embedding"
    apart: bool = False
    least_tokens: int = 1
    weighs: bool = False

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward(h, present)")

    def prime(self, held: Tensor, present: Tensor, codes: Tensor) -> None:
        """Decision level: where its parameters start, given what each training patient's modalities
        said of it while it was held out, logits `[n, M, K]`, and its class `[n]` (-1:
        unlabelled)."""


class Head(nn.Module):
    """Embedding → outcome: `[N, D]` → `[N, K]`. Built as `Head(dim, classes)`; starts at zero, so
    that the net starts at its linear model."""

    def forward(self, z: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward([N, D]) -> [N, K]")


SLOTS: dict[str, type[nn.Module]] = {
    "encode": Encode,
    "propagate": Propagate,
    "fuse": Fuse,
    "head": Head,
}


def available(slot: str) -> list[str]:
    """Names of the parts in a slot's folder, sorted."""
    return list(_shipped(slot))


@cache
def _shipped(slot: str) -> tuple[str, ...]:
    folder = Path(__file__).parent / slot
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(folder)])))


def part(slot: str, name: str) -> type[nn.Module]:
    """The class of a part, by name in its slot's folder, as `file.py:Class`, or as `pyg:NAME` (see
    `graphfuse.nn.pyg`).

    Raises `InputError` for an unknown name, a missing file or class, or a class of another slot.
    """
    base = SLOTS[slot]
    if name.startswith("pyg:"):
        found = importlib.import_module("graphfuse.nn.pyg").convolution(name.removeprefix("pyg:"))
    elif ":" in name:
        found = _from_file(name)
    elif name in available(slot):
        module = importlib.import_module(f"graphfuse.nn.{slot}.{name}")
        own = [
            v
            for v in vars(module).values()
            if isinstance(v, type) and v.__module__ == module.__name__
        ]
        found = next(v for v in own if issubclass(v, base))
    else:
        or_pyg = (
            ", or pyg:NAME for a convolution of PyTorch Geometric" if slot == "propagate" else ""
        )
        raise InputError(
            f"{slot} = {name!r}: no such part{nearest(name, available(slot))}; or give "
            f"file.py:Class{or_pyg}"
        )
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(
            f"{slot} = {name!r}: is no {base.__name__}; derive it from "
            f"graphfuse.nn.parts.{base.__name__}"
        )
    return found


_loading = threading.RLock()  # folds are fitted side by side, and what is importable is one for all


def _from_file(name: str) -> type:
    path, _, symbol = name.rpartition(":")
    if not Path(path).is_file() or Path(path).suffix != ".py":
        what = "is no .py file" if Path(path).is_file() else "no such file"
        raise InputError(f"{path}: {what}; a part is named as file.py:Class")
    with _loading:
        module = _loaded(Path(path))
    if not hasattr(module, symbol):
        raise InputError(
            f"{path}: has no class "
            f"{symbol!r}{nearest(symbol, [k for k in vars(module) if k[0] != '_'])}"
        )
    return getattr(module, symbol)


def _loaded(path: Path) -> ModuleType:
    """The file as a module. While it is read its own folder comes first, as when Python runs it;
    what it imports from there goes by another name afterwards: two folders, and the caller, may
    each have a `layers.py`."""
    label, folder, before = f"graphfuse_part_{path.stem}", path.resolve().parent, set(sys.modules)
    spec = importlib.util.spec_from_file_location(label, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[label] = module
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a researcher's file may raise anything
        del sys.modules[label]
        raise InputError(
            f"{path}: cannot be imported: {type(error).__name__}: {_where(error, path)}"
        ) from error
    finally:
        sys.path.remove(str(folder))
        for name in sys.modules.keys() - before:
            top, file = (
                name.partition(".")[0],
                Path(getattr(sys.modules[name], "__file__", None) or ""),
            )
            if top not in before and (file == folder / f"{top}.py" or folder / top in file.parents):
                found = sys.modules.pop(name)
                # still to be found by that name: torch.compile looks modules up
                found.__name__ = f"{label}.{name}"
                sys.modules[found.__name__] = found
    return module


def _where(error: Exception, path: Path) -> str:
    """What the error says, and in which line of the file or of one beside it."""
    said, folder = str(error).strip().partition("\n")[0], path.resolve().parent
    frames = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        said, frames = error.msg, [(error.filename or str(path), error.lineno)]
    own = [
        (Path(name).resolve(), line)
        for name, line in frames
        if line and Path(name).resolve().parent == folder
    ]
    if not own:
        return said
    file, line = own[-1]
    return (
        f"{said} (line {line})" if file == path.resolve() else f"{said} ({file.name}, line {line})"
    )
