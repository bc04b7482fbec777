"""Custom classes, given as `file.py:Class`.

The file may import other files beside it. They are loaded anew with it, and can be imported by
their bare names only while it is being loaded.
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

_loading = threading.RLock()  # folds are fitted in threads, which share sys.path and sys.modules


def class_in_file(name: str, what: str = "a part") -> type:
    """The class of a Python file.

    Parameters
    ----------
    name : str
        `file.py:Class`; the file is run.
    what : str
        What the class is, for messages.

    Returns
    -------
    type

    Raises
    ------
    InputError
        Where there is no such file or class, and where the file cannot be imported.
    """
    path, _, symbol = name.rpartition(":")
    file = Path(path)
    if not file.is_file() or file.suffix != ".py":
        fault = "is no .py file" if file.is_file() else "no such file"
        raise InputError(f"{path}: {fault}; {what} is named as file.py:Class")
    with _loading:
        module = _loaded(file)
    if not hasattr(module, symbol):
        public = [name for name in vars(module) if name[0] != "_"]
        raise InputError(f"{path}: has no class {symbol!r}{nearest(symbol, public)}")
    return getattr(module, symbol)


def _loaded(path: Path) -> ModuleType:
    """The file as a module. While it is loaded its own folder is first on the path, as when Python
    runs it."""
    label = f"graphfuse_part_{path.stem}"
    folder = path.resolve().parent
    before = set(sys.modules)
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
        _rename_modules_of(folder, label, before)
    return module


def _rename_modules_of(folder: Path, label: str, before: set[str]) -> None:
    """Renames the modules that were loaded from a folder: two folders, and the caller, may each
    have a `layers.py`."""
    for name in sys.modules.keys() - before:
        top = name.partition(".")[0]
        if top in before:
            continue
        file = Path(getattr(sys.modules[name], "__file__", None) or "")
        if file == folder / f"{top}.py" or folder / top in file.parents:
            module = sys.modules.pop(name)
            module.__name__ = f"{label}.{name}"
            sys.modules[module.__name__] = module  # torch.compile looks modules up by name


def error_with_line(error: Exception, path: Path) -> str:
    """An error's message, with the line of the file, or of one beside it, that raised it."""
    message = str(error).strip().partition("\n")[0]
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        message = error.msg
        frames = [(error.filename or str(path), error.lineno)]
    own = path.resolve()
    for name, line in reversed(frames):
        file = Path(name).resolve()
        if not line or file.parent != own.parent:
            continue
        place = f"line {line}" if file == own else f"{file.name}, line {line}"
        return f"{message} ({place})"
    return message
