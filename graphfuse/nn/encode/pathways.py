"""A patient as one token for each gene set."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Encode

RANK = 8  # numbers that a set's columns are first brought to


class Pathways(Encode):
    """`[N, T, G]` → `[N, T, D]`: token t is (x_t W_t · s_t) V_t + e_t, of its own columns alone,
    after DeePathNet's tokens.

    W_t `[G, 8]` and V_t `[8, D]` are a set's own: a map of rank 8, as W_t to D would be 4 times the
    weights at D = 32 and what a pathway does in a patient is commonly taken for a single number.
    s_t is 1 / √(the set's columns) and e_t the set's learned embedding: it is all that is left of a
    token whose columns are 0. Sets shorter than G are padded with zeros.
    """

    sees = "sets"

    def __init__(self, features: tuple[int, int], width: int):
        super().__init__()
        self.tokens, columns = features
        rank = min(RANK, width)
        tokens = self.tokens
        self.weight = nn.Parameter(torch.randn(tokens, columns, rank))
        self.out = nn.Parameter(torch.randn(tokens, rank, width) * rank**-0.5)
        self.embedding = nn.Parameter(torch.randn(tokens, width) * width**-0.5)
        self.register_buffer("scale", torch.full((tokens,), max(columns, 1) ** -0.5))

    def forward(self, x: Tensor) -> Tensor:
        product = torch.einsum("ntg,tgr->ntr", x, self.weight)
        active = product * self.scale[:, None]  # [N, T, 8]
        return torch.einsum("ntr,trd->ntd", active, self.out) + self.embedding
