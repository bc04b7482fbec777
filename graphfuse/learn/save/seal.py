"""A seal on a saved model, so that what is read is what was written: one changed bit in its numbers
would otherwise be a wrong prediction without a word."""

from __future__ import annotations

import json
from pathlib import Path

from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.files.json import damaged

_SEAL = "sha256"


def sealed(described: dict, tensors: Path) -> dict:
    """A model's description with a hash of itself and of the file of its tensors."""
    plain = json.loads(json.dumps(described))
    return plain | {_SEAL: _hash(plain, tensors)}


def check_seal(described: dict, tensors: Path) -> None:
    """Raises `InputError` where a description or its tensors are not those that were sealed, or
    there is no seal."""
    plain = {key: value for key, value in described.items() if key != _SEAL}
    if _SEAL not in described:
        why = "it has no sha256, without which nothing tells whether it is as it was written"
    elif described[_SEAL] != _hash(plain, tensors):
        why = "it is not as it was written (its sha256 differs), or was changed by hand"
    else:
        return
    raise damaged(tensors.parent, why, "damaged model")


def _hash(described: dict, tensors: Path) -> str:
    """Of the description in its order, which says what the net's channels are, and the tensors."""
    return text_sha256(json.dumps(described) + file_sha256(tensors))
