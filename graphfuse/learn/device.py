"""The device on which nets are computed."""

from __future__ import annotations

import torch

from graphfuse.errors import InputError


def pick_device(device: str) -> str:
    """The name of a device, checked.

    Parameters
    ----------
    device : str
        "auto" (a GPU where there is one, else the CPU), "cpu", "cuda" or "cuda:1".

    Returns
    -------
    str
        A name that torch takes.

    Raises
    ------
    InputError
        For a device that does not exist.

    Examples
    --------
    >>> pick_device("cpu")
    'cpu'
    """
    if not isinstance(device, str):
        raise InputError(f"device: expected auto, cpu or cuda (got {type(device).__name__})")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = device.partition(":")
    numbered = number.isdecimal() if ":" in device else True
    if device != "cpu" and (kind != "cuda" or not numbered):
        raise InputError(f"--device {device}: no such device; use auto, cpu or cuda")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"--device {device}: PyTorch sees no GPU here; use --device cpu, or install a CUDA "
            "build of torch"
        )
    if number and int(number) >= torch.cuda.device_count():
        raise InputError(
            f"--device {device}: PyTorch sees no GPU of that number here, only "
            f"{torch.cuda.device_count()}, counted from 0"
        )
    return device
