"""Class scores."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.slots import Head


class Classes(Head):
    """Layer norm, one hidden layer beside an identity path, and a last map that starts at zero:
    `[N, D]` → `[N, K]`."""

    def __init__(self, dim: int, classes: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.hidden = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, classes)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z: Tensor) -> Tensor:
        z = self.norm(z)
        return self.out(z + gelu(self.hidden(z)))
