"""A hash of a saved model, by which a change after writing is detected.

One changed bit in its numbers would otherwise give a wrong prediction without a message.
"""

from __future__ import annotations

import json
from pathlib import Path

from graphfuse.files.hashes import file_sha256, text_sha256
from graphfuse.files.json import damaged

_SEAL = "sha256"


def sealed(described: dict, tensors: Path) -> dict:
    """A model's description, with a hash of itself and of its file of tensors added."""
    plain = json.loads(json.dumps(described))
    return plain | {_SEAL: _hash(plain, tensors)}


def check_seal(described: dict, tensors: Path) -> None:
    """Raises `InputError` where the hash of a description and its tensors differs or is missing."""
    plain = {key: value for key, value in described.items() if key != _SEAL}
    if _SEAL not in described:
        why = "it has no sha256, without which nothing tells whether it is as it was written"
    elif described[_SEAL] != _hash(plain, tensors):
        why = "it is not as it was written (its sha256 differs), or was changed by hand"
    else:
        return
    raise damaged(tensors.parent, why, "damaged model")


def _hash(described: dict, tensors: Path) -> str:
    """The hash of the tensors and of the description, whose order is that of the net's channels."""
    return text_sha256(json.dumps(described) + file_sha256(tensors))
