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
# what differs by less is tied, so that a patient gets the same planes alone and in a batch
DIGITS = 12


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
        centred = values - centre
        turn = torch.from_numpy(_components(centred, section.components))
        scores = torch.from_numpy(centred) @ turn  # [n, d]
        width = min(section.codes, turn.shape[1])
        everyone = torch.ones(len(scores), 1)
        autoencoder = fit_autoencoder(scores, everyone, width, section.epochs, seed)
        codes = autoencoder.encode(scores)  # [n, c]
        low = codes.amin(0)
        span = codes.amax(0) - low
        span = torch.where(span > 0, span, 1)
        mean = ((codes - low) / span).mean(0)
        return cls(torch.from_numpy(centre), turn, autoencoder, low, span, mean)

    def __call__(self, values: Tensor) -> Tensor:
        """Codes `[N, c]`, 0–1 among training patients; differentiable in `values` `[N, F]`."""
        scores = (values.double() - self.centre) @ self.turn
        codes = self.autoencoder.encode(scores)
        return (codes - self.low) / self.span

    def state(self) -> dict[str, Tensor]:
        """The tensors from which `from_state` rebuilds the coder."""
        own = {key: getattr(self, key) for key in ("centre", "turn", "low", "span", "mean")}
        return own | _prefixed("autoencoder/", self.autoencoder.state_dict())

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Coder:
        """The coder of `state`'s tensors."""
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
    plane has one size and holds codes that go together. Either way a plane is a clique, given by
    its active codes alone.
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
        has = dict(zip(own, present.T, strict=True))  # modality → bool [n]
        lacking = [repr(m) for m, here in has.items() if not here.any()]
        if lacking:
            raise InputError(
                f"[concepts]: no training patient has {', '.join(lacking)}; leave it out"
            )
        coders = {m: Coder.fit(x[has[m]], section, seed_of(seed, m)) for m, x in own.items()}
        tensors = {m: torch.from_numpy(x) for m, x in own.items()}
        codes, there = codes_of(coders, tensors, torch.from_numpy(present), section)
        whole = seed_of(seed, "concepts of all")
        concepts = fit_autoencoder(codes, there, section.planes, section.epochs, whole)
        near = torch.zeros(0, 0, dtype=torch.float64)
        if section.edges == "nearest":
            near = correlations(codes, there)
        baseline = torch.cat([_stand_in(coder, section) for coder in coders.values()])
        return cls(section, coders, concepts, baseline, near)

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
        planes = self.planes(codes, there)
        return torch.cat([codes[:, None], there[:, None], planes], 1)

    @torch.no_grad()
    def planes(self, codes: Tensor, there: Tensor) -> Tensor:
        """Active codes `[N, K, P]` of patients with codes `[N, P]`, of which `there` `[N, P]` may
        be active."""
        numbers = codes.shape[1] * max(self.concepts.inner.shape)  # of one patient
        rows = max(1, CHUNK // numbers)
        pieces = zip(codes.split(rows), there.split(rows), strict=True)
        return torch.cat([self._planes(*piece) for piece in pieces])

    def _planes(self, codes: Tensor, there: Tensor) -> Tensor:
        moved = saliency(self.concepts, codes, self.baseline)
        if self.section.edges == "nearest":
            return neighbourhood(moved, there, self.near, self.section.neighbours)
        return most_salient(moved, there, self.section.quantile)

    def prime(self, encode: nn.Module) -> None:
        """Do nothing: the channel's encoders learn all that they hold."""

    def present(self, present: np.ndarray) -> np.ndarray:
        """bool `[N]`: who has any modality; from bool `[N, M]`."""
        return np.asarray(present, bool).any(1)

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """(arrays, JSON), which `from_state` takes back."""
        tensors = {}
        for m, coder in self.coders.items():
            tensors |= _prefixed(f"coders/{m}/", coder.state())
        tensors |= _prefixed("concepts/", self.concepts.state_dict())
        tensors |= {"baseline": self.baseline, "near": self.near}
        arrays = {key: np.ascontiguousarray(value.numpy()) for key, value in tensors.items()}
        return arrays, {"section": self.section.model_dump(), "modalities": list(self.coders)}

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], about: dict) -> ConceptPlanes:
        """The channel that gave this state."""
        tensors = {key: torch.tensor(value) for key, value in arrays.items()}
        coders = {m: Coder.from_state(_under(tensors, f"coders/{m}/")) for m in about["modalities"]}
        concepts = _autoencoder(_under(tensors, "concepts/"))
        section = ConceptSection(**about["section"])
        return cls(section, coders, concepts, tensors["baseline"], tensors["near"])


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
        masked = section.missing == "mask"
        fill = _stand_in(coder, section) if masked else coder(coder.centre)
        codes = torch.where(here[:, None], coder(own[name]), fill)
        observed = here | (section.missing == "impute")
        parts.append(codes)
        masks.append(observed[:, None].double().expand(codes.shape))
    return torch.cat(parts, 1), torch.cat(masks, 1)


def fit_autoencoder(x: Tensor, weight: Tensor, code: int, epochs: int, seed: int) -> Autoencoder:
    """An autoencoder of `x` `[n, F]` by mean squared error over what `weight` `[n, 1]` or `[n, F]`
    counts; AdamW on shuffled batches. First weights and shuffles come from `seed` alone, in the
    precision of `x`."""
    generator = torch.Generator().manual_seed(seed)
    model = Autoencoder(x.shape[1], code, generator).to(x.dtype)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    weight = weight.to(x.dtype)
    with torch.enable_grad():
        for _ in range(epochs):
            order = torch.randperm(len(x), generator=generator)
            for rows in order.split(BATCH):
                optimiser.zero_grad()
                loss = reconstruction_loss(model, x[rows], weight[rows])
                loss.backward()
                optimiser.step()
    return model.requires_grad_(False)


def saliency(concepts: Autoencoder, codes: Tensor, baseline: Tensor) -> Tensor:
    """How far each concept moves when a code is set to its baseline: `[N, P]`, `[P]` → `[N, K, P]`.

    The first layer is linear, so leaving a code out takes one column of its weights away from sums
    made once.
    """
    sums = linear(codes, concepts.inner, concepts.inner_bias)
    taken_away = (codes - baseline)[..., None] * concepts.inner.T
    without = sums[:, None] - taken_away  # [N, P, hidden]
    before = concepts.encode_hidden(sums)[:, None]
    moved = (concepts.encode_hidden(without) - before).abs()
    return moved.mT.round(decimals=DIGITS)


def most_salient(moved: Tensor, there: Tensor, quantile: float) -> Tensor:
    """Active codes `[N, K, P]`: those above the quantile (linear between ranks) of a plane's
    saliencies `[N, K, P]` among the patient's observed codes, `there` `[N, P]`."""
    there = there.bool()[:, None]
    ranked = moved.masked_fill(~there, torch.inf).sort(-1).values
    last = (there.sum(-1, keepdim=True) - 1).clamp(min=0)
    place = (quantile * last.double()).round(decimals=9)
    place = place.expand(*moved.shape[:2], 1)  # of the quantile among the ranks
    below = ranked.gather(-1, place.floor().long())
    above = ranked.gather(-1, place.ceil().long())
    threshold = below + (above - below) * place.frac()
    return (there & (moved > threshold)).to(moved.dtype)


def neighbourhood(moved: Tensor, there: Tensor, near: Tensor, count: int) -> Tensor:
    """Active codes `[N, K, P]`: a plane's most salient observed code and the `count` observed codes
    nearest to it; ties go to the first code. A plane that nothing moves is empty."""
    seen = there.bool()[:, None].expand(moved.shape)
    top, centre = torch.where(seen, moved, -1).max(-1, keepdim=True)
    close = torch.where(seen, near[centre.squeeze(-1)], -1)
    close = close.scatter(-1, centre, 2.0)  # the centre itself comes first
    order = close.argsort(dim=-1, descending=True, stable=True)
    active = torch.zeros_like(moved).scatter(-1, order[..., : count + 1], 1.0)
    return active * seen * (top > 0)


def correlations(codes: Tensor, there: Tensor) -> Tensor:
    """Absolute correlations `[P, P]` of `codes` `[n, P]`, each over the patients in whom both are
    `there`; 0 for constants."""
    mean = (there * codes).sum(0) / there.sum(0).clamp(min=1)
    z = there * (codes - mean)
    power = z.square().T @ there
    scale = (power * power.T).sqrt().clamp(min=1e-12)
    return ((z.T @ z) / scale).abs().round(decimals=DIGITS)


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin with `prefix`, without it."""
    keys = [key for key in state if key.startswith(prefix)]
    return {key.removeprefix(prefix): state[key] for key in keys}


def _prefixed(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in state.items()}


def _stand_in(coder: Coder, section: ConceptSection) -> Tensor:
    return coder.mean if section.baseline == "mean" else torch.zeros_like(coder.mean)


def _components(centred: np.ndarray, count: int) -> np.ndarray:
    """Leading components `[F, d]`, scaled together so that the scores' mean square is 1; a column
    of zeros where nothing varies."""
    turn = principal_components(centred, count)
    spread = np.sqrt(((centred @ turn) ** 2).mean(0))
    varies = spread > 1e-9 * spread.max(initial=1e-3)
    turn = turn[:, varies]
    if not turn.shape[1]:
        return np.zeros((centred.shape[1], 1))
    size = np.sqrt(((centred @ turn) ** 2).mean())
    return np.ascontiguousarray(turn / size)  # as it is saved: products round by layout


def _autoencoder(state: Mapping[str, Tensor]) -> Autoencoder:
    features, codes = state["inner"].shape[1], len(state["outer"])
    model = Autoencoder(features, codes, torch.Generator()).double()
    model.load_state_dict(state)
    return model.requires_grad_(False)
