"""A seal on a saved model, so that what is read is what was written: one changed bit in its numbers
would otherwise be a wrong prediction without a word."""

from __future__ import annotations

import json
from pathlib import Path

from graphfuse.errors import InputError
from graphfuse.files.hashes import file_sha256, text_sha256

_SEAL = "sha256"


def sealed(described: dict, tensors: Path) -> dict:
    """A model's description with a hash of itself and of the file of its tensors."""
    plain = json.loads(json.dumps(described))
    return plain | {_SEAL: _hash(plain, tensors)}


def check_seal(described: dict, tensors: Path) -> None:
    """Raises `InputError` where a description or its tensors are not those that were sealed; models
    from before there were seals pass."""
    if _SEAL not in described:
        return
    plain = {key: value for key, value in described.items() if key != _SEAL}
    if described[_SEAL] != _hash(plain, tensors):
        raise InputError(
            f"{tensors.parent}: the model is not as it was written (its sha256 differs): damaged "
            "or changed by hand; copy it anew, or train again"
        )


def _hash(described: dict, tensors: Path) -> str:
    return text_sha256(json.dumps(described, sort_keys=True) + file_sha256(tensors))
