"""The slot contracts. A part is a class in a file of its slot's folder, or `file.py:Class`
anywhere.

Parts are written for one replica: no `nn.Dropout` (the bank draws masks per replica), no batch
statistics, no boolean indexing, no `.item()`, no shape that depends on data.
"""

from __future__ import annotations

from torch import Tensor, nn

from graphfuse.nn.edge_lists import EdgeLists


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

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
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
    each modality counts, whoever the patient. `of_probabilities` (decision and hybrid levels): it
    takes logits for what they say of classes, as in a softmax over them, and so serves class
    outcomes only; a part that says False combines any numbers, K = 1 of each modality too.
    """

    level: str = "embedding"
    apart: bool = False
    least_tokens: int = 1
    weighs: bool = False
    of_probabilities: bool = True

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward(h, present)")

    def prime(self, held: Tensor, present: Tensor, codes: Tensor) -> None:
        """Decision level: where its parameters start, given what each training patient's modalities
        said of it while it was held out, logits `[n, M, K]`, and its class `[n]` (-1:
        unlabelled), or its value."""


class Head(nn.Module):
    """Embedding → outcome: `[N, D]` → `[N, K]`. Built as `Head(dim, classes)`; starts at zero, so
    that the net starts at its linear model."""

    def forward(self, z: Tensor) -> Tensor:
        raise TypeError(f"{type(self).__name__} must define forward([N, D]) -> [N, K]")
