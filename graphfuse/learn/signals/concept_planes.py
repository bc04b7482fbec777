"""Concept planes: each patient as K graphs over the codes of all modalities, fitted on training
patients.

After D'Souza et al. 2022 (arXiv 2210.14377): an autoencoder turns each modality into codes, another
turns all codes into K concepts, and the codes that move a patient's concept most are that patient's
plane. What differs: each autoencoder sees a modality's leading principal components (6,000 columns
would make its first layer 29 million weights); codes are scaled by the training patients' range for
everyone; and, unless the recipe says otherwise, a code is left out by setting it to its training
mean, and absent codes stay out of the planes instead of being filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from graphfuse.errors import InputError
from graphfuse.graph.layers.points import principal_components
from graphfuse.learn.random_draws import seed_of
from graphfuse.nn.autoencoder import Autoencoder, reconstruction_loss
from graphfuse.schema import ConceptSection

BATCH = 128
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 5e-3
CHUNK = 4_000_000  # numbers held at once while codes are left out in turn
DIGITS = (
    12  # what differs by less is tied, so that a patient gets the same planes alone and in a batch
)


@dataclass(frozen=True, eq=False)
class Coder:
    """A modality's columns → codes: `centre` `[F]`, `turn` `[F, d]` to leading components of unit
    mean square, `autoencoder` d → c, and the training patients' `low`, `span` and `mean` of each
    code `[c]` (`mean` after scaling to 0–1)."""

    centre: Tensor
    turn: Tensor
    autoencoder: Autoencoder
    low: Tensor
    span: Tensor
    mean: Tensor

    @classmethod
    def fit(cls, values: np.ndarray, section: ConceptSection, seed: int) -> Coder:
        """From standardised columns `[n, F]` of the training patients who have the modality."""
        centre = values.mean(0)
        turn = torch.from_numpy(_components(values - centre, section.components))
        scores = torch.from_numpy(values - centre) @ turn
        width = min(section.codes, turn.shape[1])
        autoencoder = fit_autoencoder(
            scores, torch.ones(len(scores), 1), width, section.epochs, seed
        )
        codes = autoencoder.encode(scores)
        low, span = codes.amin(0), codes.amax(0) - codes.amin(0)
        span = torch.where(span > 0, span, 1)
        return cls(
            torch.from_numpy(centre), turn, autoencoder, low, span, ((codes - low) / span).mean(0)
        )

    def __call__(self, values: Tensor) -> Tensor:
        """Codes `[N, c]`, 0–1 among training patients; differentiable in `values` `[N, F]`."""
        return (
            self.autoencoder.encode((values.double() - self.centre) @ self.turn) - self.low
        ) / self.span

    def state(self) -> dict[str, Tensor]:
        own = {key: getattr(self, key) for key in ("centre", "turn", "low", "span", "mean")}
        return own | {
            f"autoencoder/{key}": value for key, value in self.autoencoder.state_dict().items()
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Coder:
        own = {key: value for key, value in state.items() if "/" not in key}
        return cls(autoencoder=_autoencoder(_under(state, "autoencoder/")), **own)


@dataclass(frozen=True, eq=False)
class ConceptPlanes:
    """The fitted channel. `coders`: modality → its coder, in the order of the columns it was fitted
    on; `concepts`: the autoencoder over all P codes; `baseline` `[P]`: what a left-out code is set
    to; `near` `[P, P]`: absolute correlations of codes among training patients, where `edges =
    "nearest"` looks (else empty).

    With `edges = "clique"` a plane joins the codes whose saliency lies above the quantile; with
    `"nearest"` it joins the most salient code and the `neighbours` codes nearest to it, so that a
    plane has one size and holds codes that go together. Either way a plane is a clique, said by its
    active codes alone.
    """

    name: ClassVar[str] = "concepts"
    edge_rows: ClassVar[slice] = slice(2, None)
    smooth_rows: ClassVar[slice] = slice(0, 2)

    section: ConceptSection
    coders: dict[str, Coder]
    concepts: Autoencoder
    baseline: Tensor
    near: Tensor

    @classmethod
    def fit(
        cls, own: Mapping[str, np.ndarray], present: np.ndarray, section: ConceptSection, seed: int
    ) -> ConceptPlanes:
        """From standardised columns of the training patients, modality → float64 `[n, F]`, and
        `present` bool `[n, M]`.

        Raises `InputError` for a modality that no training patient has.
        """
        lacking = [m for m, here in zip(own, present.T, strict=True) if not here.any()]
        if lacking:
            raise InputError(
                f"[concepts]: no training patient has {', '.join(map(repr, lacking))}; leave it out"
            )
        coders = {
            m: Coder.fit(x[here], section, seed_of(seed, m))
            for (m, x), here in zip(own.items(), present.T, strict=True)
        }
        tensors = {m: torch.from_numpy(x) for m, x in own.items()}
        codes, there = codes_of(coders, tensors, torch.from_numpy(present), section)
        whole = seed_of(seed, "concepts of all")
        concepts = fit_autoencoder(codes, there, section.planes, section.epochs, whole)
        near = (
            correlations(codes, there)
            if section.edges == "nearest"
            else torch.zeros(0, 0, dtype=torch.float64)
        )
        return cls(
            section,
            coders,
            concepts,
            torch.cat([_stand_in(c, section) for c in coders.values()]),
            near,
        )

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.coders)

    @property
    def features(self) -> tuple[int, int]:
        """(2 + planes, codes): the shape of one patient."""
        return 2 + self.section.planes, len(self.baseline)

    def inputs(self, own: Mapping[str, Tensor], present: Tensor) -> Tensor:
        """float64 `[N, 2 + K, P]`: codes, whether they are observed, and the active codes of K
        planes (0 or 1).

        `own`: modality → standardised columns `[N, F]`, `present` `[N, M]`. The codes are
        differentiable in the columns; mask and planes are constants.
        """
        codes, there = codes_of(self.coders, own, present, self.section)
        return torch.cat([codes[:, None], there[:, None], self.planes(codes, there)], 1)

    @torch.no_grad()
    def planes(self, codes: Tensor, there: Tensor) -> Tensor:
        """Active codes `[N, K, P]` of patients with codes `[N, P]`, of which `there` `[N, P]` may
        be active."""
        rows = max(1, CHUNK // (codes.shape[1] * max(self.concepts.inner.shape)))
        return torch.cat(
            [self._planes(c, t) for c, t in zip(codes.split(rows), there.split(rows), strict=True)]
        )

    def _planes(self, codes: Tensor, there: Tensor) -> Tensor:
        moved = saliency(self.concepts, codes, self.baseline)
        if self.section.edges == "nearest":
            return neighbourhood(moved, there, self.near, self.section.neighbours)
        return most_salient(moved, there, self.section.quantile)

    def prime(self, encode: nn.Module) -> None:
        """Nothing to put: its encoders learn all they hold."""

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]`: who has any modality; from bool `[N, M]`."""
        return np.asarray(present, bool).any(1)

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """(arrays, JSON), which `from_state` takes back."""
        tensors = {
            f"coders/{m}/{key}": value
            for m, coder in self.coders.items()
            for key, value in coder.state().items()
        }
        tensors |= {f"concepts/{key}": value for key, value in self.concepts.state_dict().items()}
        tensors |= {"baseline": self.baseline, "near": self.near}
        arrays = {key: np.ascontiguousarray(value.numpy()) for key, value in tensors.items()}
        return arrays, {"section": self.section.model_dump(), "modalities": list(self.coders)}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: dict) -> ConceptPlanes:
        """The channel that gave this state."""
        tensors = {key: torch.tensor(value) for key, value in arrays.items()}
        coders = {m: Coder.from_state(_under(tensors, f"coders/{m}/")) for m in about["modalities"]}
        concepts = _autoencoder(_under(tensors, "concepts/"))
        return cls(
            ConceptSection(**about["section"]),
            coders,
            concepts,
            tensors["baseline"],
            tensors["near"],
        )


def codes_of(
    coders: Mapping[str, Coder], own: Mapping[str, Tensor], present: Tensor, section: ConceptSection
) -> tuple[Tensor, Tensor]:
    """(codes, whether each is observed), float64 `[N, P]` each.

    An absent modality's columns are never read: with `missing = "mask"` its codes stand at the
    baseline and are not observed; with `"impute"` they are those of the training patients' mean
    columns and pass for observed.
    """
    parts, masks = [], []
    for (name, coder), here in zip(coders.items(), present.bool().T, strict=True):
        fill = _stand_in(coder, section) if section.missing == "mask" else coder(coder.centre)
        parts.append(torch.where(here[:, None], coder(own[name]), fill))
        observed = here | (section.missing == "impute")
        masks.append(observed[:, None].double().expand(parts[-1].shape))
    return torch.cat(parts, 1), torch.cat(masks, 1)


def fit_autoencoder(x: Tensor, weight: Tensor, code: int, epochs: int, seed: int) -> Autoencoder:
    """An autoencoder of `x` `[n, F]` by mean squared error over what `weight` `[n, 1]` or `[n, F]`
    counts; AdamW on shuffled batches. First weights and shuffles come from `seed` alone, in the
    precision of `x`."""
    draw = torch.Generator().manual_seed(seed)
    model = Autoencoder(x.shape[1], code, draw).to(x.dtype)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    weight = weight.to(x.dtype)
    with torch.enable_grad():
        for _ in range(epochs):
            for rows in torch.randperm(len(x), generator=draw).split(BATCH):
                optimiser.zero_grad()
                reconstruction_loss(model, x[rows], weight[rows]).backward()
                optimiser.step()
    return model.requires_grad_(False)


def saliency(concepts: Autoencoder, codes: Tensor, baseline: Tensor) -> Tensor:
    """How far each concept moves when a code is set to its baseline: `[N, P]`, `[P]` → `[N, K, P]`.

    The first layer is linear, so leaving a code out takes one column of its weights away from sums
    made once.
    """
    sums = linear(codes, concepts.inner, concepts.inner_bias)
    without = sums[:, None] - (codes - baseline)[..., None] * concepts.inner.T
    moved = (concepts.encode_hidden(without) - concepts.encode_hidden(sums)[:, None]).abs()
    return moved.mT.round(decimals=DIGITS)


def most_salient(moved: Tensor, there: Tensor, quantile: float) -> Tensor:
    """Active codes `[N, K, P]`: those above the quantile (linear between ranks) of a plane's
    saliencies `[N, K, P]` among the patient's observed codes, `there` `[N, P]`."""
    there = there.bool()[:, None]
    ranked = moved.masked_fill(~there, torch.inf).sort(-1).values
    place = (
        (quantile * (there.sum(-1, keepdim=True) - 1).clamp(min=0).double())
        .round(decimals=9)
        .expand(*moved.shape[:2], 1)
    )
    below, above = (ranked.gather(-1, at.long()) for at in (place.floor(), place.ceil()))
    return (there & (moved > below + (above - below) * place.frac())).to(moved.dtype)


def neighbourhood(moved: Tensor, there: Tensor, near: Tensor, count: int) -> Tensor:
    """Active codes `[N, K, P]`: a plane's most salient observed code and the `count` observed codes
    nearest to it; ties go to the first code. A plane that nothing moves is empty."""
    seen = there.bool()[:, None].expand(moved.shape)
    top, centre = torch.where(seen, moved, -1).max(-1, keepdim=True)
    close = torch.where(seen, near[centre.squeeze(-1)], -1).scatter(-1, centre, 2.0)
    chosen = close.argsort(dim=-1, descending=True, stable=True)[..., : count + 1]
    return torch.zeros_like(moved).scatter(-1, chosen, 1.0) * seen * (top > 0)


def correlations(codes: Tensor, there: Tensor) -> Tensor:
    """Absolute correlations `[P, P]` of `codes` `[n, P]`, each over the patients in whom both are
    `there`; 0 for constants."""
    z = there * (codes - (there * codes).sum(0) / there.sum(0).clamp(min=1))
    power = z.square().T @ there
    return ((z.T @ z) / (power * power.T).sqrt().clamp(min=1e-12)).abs().round(decimals=DIGITS)


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin with `prefix`, without it."""
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }


def _stand_in(coder: Coder, section: ConceptSection) -> Tensor:
    return coder.mean if section.baseline == "mean" else torch.zeros_like(coder.mean)


def _components(centred: np.ndarray, count: int) -> np.ndarray:
    """Leading components `[F, d]`, scaled together so that the scores' mean square is 1; a column
    of zeros where nothing varies."""
    turn = principal_components(centred, count)
    spread = np.sqrt(((centred @ turn) ** 2).mean(0))
    turn = turn[:, spread > 1e-9 * spread.max(initial=1e-3)]
    if not turn.shape[1]:
        return np.zeros((centred.shape[1], 1))
    return np.ascontiguousarray(
        turn / np.sqrt(((centred @ turn) ** 2).mean())
    )  # as it is saved: products round by layout


def _autoencoder(state: Mapping[str, Tensor]) -> Autoencoder:
    model = Autoencoder(state["inner"].shape[1], len(state["outer"]), torch.Generator()).double()
    model.load_state_dict(state)
    return model.requires_grad_(False)
