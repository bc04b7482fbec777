"""Roles of columns in a synthetic cohort for rankings: correlations, and effects on the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK_SIZE = 20  # columns of a correlated block
BLOCK_R = 0.9  # correlation of two columns of a block
DECOY_R = 0.5  # of a decoy with its causal column
SUPPRESSOR_R = 0.6  # of a suppressor with its partner


@dataclass(frozen=True)
class RoleCounts:
    """How many columns of a modality have which role.

    Parameters
    ----------
    singles : int
        Causal columns outside blocks; each has a decoy.
    blocks : int
        Blocks of 20 correlated columns with an effect.
    null_blocks : int
        Blocks without one.
    members : int
        How many columns of a block with an effect are causal; they share it.
    suppressors : int
        Pairs of a suppressor and its partner.

    Examples
    --------
    >>> RoleCounts(singles=3).needed  # 40 in blocks, 3 singles with decoys, 1 pair
    48
    """

    singles: int = 2
    blocks: int = 1
    null_blocks: int = 1
    members: int = BLOCK_SIZE
    suppressors: int = 1

    @property
    def needed(self) -> int:
        """How many columns these are."""
        in_blocks = (self.blocks + self.null_blocks) * BLOCK_SIZE
        return in_blocks + 2 * self.singles + 2 * self.suppressors

    @property
    def units(self) -> int:
        """How many independent parts of the logit they are."""
        return self.blocks + self.singles + self.suppressors

    def require_fit(self, columns: int) -> None:
        """Raises `ValueError` where so many columns cannot have these roles."""
        if not 1 <= self.members <= BLOCK_SIZE:
            raise ValueError(f"members: expected 1 to {BLOCK_SIZE} (got {self.members})")
        if self.units == 0:
            raise ValueError("counts: no column is causal; ask for a single, block or suppressor")
        if self.needed > columns:
            raise ValueError(f"columns: the roles need {self.needed} (got {columns})")


@dataclass(frozen=True, eq=False)
class RankingRoles:
    """Which columns of a table have which role.

    Attributes
    ----------
    counts : RoleCounts
    width : int
        The number of columns of the table.
    blocks : numpy.ndarray
        Positions `[blocks, BLOCK_SIZE]`; the first `counts.blocks` have an effect, through their
        first `counts.members` columns.
    singles, decoys : numpy.ndarray
        Positions, in pairs.
    partners, suppressors : numpy.ndarray
        Positions, in pairs.
    """

    counts: RoleCounts
    width: int
    blocks: np.ndarray
    singles: np.ndarray
    decoys: np.ndarray
    partners: np.ndarray
    suppressors: np.ndarray

    @classmethod
    def at_random(cls, rng: np.random.Generator, counts: RoleCounts, width: int) -> RankingRoles:
        """Roles at random positions of a table of `width` columns."""
        counts.require_fit(width)
        sizes = (counts.singles, counts.singles, counts.suppressors, counts.suppressors)
        ends = counts.needed - np.cumsum(sizes[::-1])[::-1]
        places = rng.permutation(width)[: counts.needed]
        in_blocks, *rest = np.split(places, ends)
        return cls(counts, width, in_blocks.reshape(-1, BLOCK_SIZE), *rest)

    @property
    def causal_blocks(self) -> np.ndarray:
        """Positions `[counts.blocks, BLOCK_SIZE]` of the blocks with an effect."""
        return self.blocks[: self.counts.blocks]

    def names(self) -> np.ndarray:
        """The role of each column, `[width]`."""
        names = np.full(self.width, "noise", dtype=object)
        names[self.blocks] = "null block"
        names[self.causal_blocks] = "block"
        names[self.singles], names[self.decoys] = "single", "decoy"
        names[self.partners], names[self.suppressors] = "partner", "suppressor"
        return names

    def values(self, rng: np.random.Generator, patients: int) -> np.ndarray:
        """Standard normal columns `[patients, width]` with the correlations of their roles."""
        values = rng.normal(size=(patients, self.width))
        factors = rng.normal(size=(patients, len(self.blocks), 1))
        in_blocks = values[:, self.blocks]  # [patients, blocks, BLOCK_SIZE]
        values[:, self.blocks] = _correlated(in_blocks, factors, np.sqrt(BLOCK_R))
        decoys, singles = values[:, self.decoys], values[:, self.singles]
        values[:, self.decoys] = _correlated(decoys, singles, DECOY_R)
        suppressors, partners = values[:, self.suppressors], values[:, self.partners]
        values[:, self.suppressors] = _correlated(suppressors, partners, SUPPRESSOR_R)
        return values

    def effects(self, rng: np.random.Generator) -> np.ndarray:
        """Coefficients `[width]` with random signs, of which every unit adds a variance of 1."""
        effects, members = np.zeros(self.width), self.counts.members
        block_variance = members + BLOCK_R * members * (members - 1)
        signs = _signs(rng, self.counts.blocks)[:, None]
        effects[self.causal_blocks[:, :members]] = signs / np.sqrt(block_variance)
        effects[self.singles] = _signs(rng, len(self.singles))
        of_pairs = _signs(rng, len(self.partners)) / np.sqrt(1 - SUPPRESSOR_R**2)
        effects[self.partners] = of_pairs
        # cancels the covariance with the logit that a suppressor has through its partner
        effects[self.suppressors] = -SUPPRESSOR_R * of_pairs
        return effects


def _signs(rng: np.random.Generator, count: int) -> np.ndarray:
    """+1 or -1, at random."""
    return rng.choice([-1.0, 1.0], count)


def _correlated(own: np.ndarray, leader: np.ndarray, r: float) -> np.ndarray:
    """Standard normal values whose correlation with `leader` is r, from independent ones."""
    return r * leader + np.sqrt(1 - r**2) * own
