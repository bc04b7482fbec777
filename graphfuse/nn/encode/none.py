"""No state: the modality takes part in the linear start alone."""

from __future__ import annotations

from torch import Tensor

from graphfuse.nn.slots import Encode


class Nothing(Encode):
    """Zeros `[N, 1, D]`, whatever the columns: for recipes in which another channel carries the
    modality."""

    sees = "nothing"

    def __init__(self, features: int, width: int):
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[0], 1, self.width)
