"""A class of one's own, `file.py:Class`.

The file may import those beside it; they are read anew with it, and found only while it is being
read.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType

from graphfuse.errors import InputError, nearest

_loading = threading.RLock()  # folds are fitted side by side, and what is importable is one for all


def class_in_file(name: str, what: str = "a part") -> type:
    """What `file.py:Class` names, whose file is run; `what` it is, for messages.

    Raises `InputError` where there is no such file or class, and where the file cannot be imported.
    """
    path, _, symbol = name.rpartition(":")
    if not Path(path).is_file() or Path(path).suffix != ".py":
        fault = "is no .py file" if Path(path).is_file() else "no such file"
        raise InputError(f"{path}: {fault}; {what} is named as file.py:Class")
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
            f"{path}: cannot be imported: {type(error).__name__}: {error_with_line(error, path)}"
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


def error_with_line(error: Exception, path: Path) -> str:
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
