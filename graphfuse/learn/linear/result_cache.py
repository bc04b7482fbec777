"""Results of work on a fold, kept by what they depend on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from weakref import WeakValueDictionary

Result = TypeVar("Result")
_LABEL_FREE = ("own kernel", "cross kernel", "smoothed kernel", "means", "rotated")


class Memo:
    """Results by key, each made when it is first asked for.

    A key says all that its result depends on, so that no result depends on what was asked before.
    The first entry of a key is the kind of result.
    """

    def __init__(self):
        self._kept: dict[Hashable, object] = {}
        self._held: WeakValueDictionary[Hashable, object] = WeakValueDictionary()

    def get(self, key: tuple, make: Callable[[], Result], keep: bool = True) -> Result:
        """The result of this key. Without `keep` it is freed as soon as nobody holds it, and made
        again when it is asked for again."""
        results = self._kept if keep else self._held
        found = results.get(key)
        if found is None:
            found = results[key] = make()
        return found

    def only(self, kinds: Collection[str]) -> Memo:
        """A memo that begins with the kept results of these kinds."""
        begun = Memo()
        begun._kept = {key: made for key, made in self._kept.items() if key[0] in kinds}
        return begun

    def count(self, kind: str) -> int:
        """How many results of a kind are kept."""
        return sum(key[0] == kind for key in self._kept)


@dataclass(frozen=True, eq=False)
class Results:
    """The results on a fold: those that depend on its `tables` alone, on the gene `network` too, on
    the patient `layers` too, and on `both` graphs.

    A fold that differs from another in one graph takes over the results that do not depend on it.
    """

    tables: Memo = field(default_factory=Memo)
    network: Memo = field(default_factory=Memo)
    layers: Memo = field(default_factory=Memo)
    both: Memo = field(default_factory=Memo)

    def of(self, network: bool, layers: bool) -> Memo:
        """Results that depend on these graphs."""
        if network and layers:
            return self.both
        if network:
            return self.network
        return self.layers if layers else self.tables

    def with_other(self, network: bool = False, layers: bool = False) -> Results:
        """The results that hold where these graphs are others."""
        found = self
        if network:
            found = replace(found, network=Memo(), both=Memo())
        if layers:
            found = replace(found, layers=Memo(), both=Memo())
        return found

    def of_columns(self) -> Results:
        """The results that hold for other labels of the same patients: kernels, and means over
        neighbours."""
        memos = (self.tables, self.network, self.layers, self.both)
        return Results(*(memo.only(_LABEL_FREE) for memo in memos))

    def count(self, kind: str) -> int:
        """How many results of a kind are kept."""
        return sum(memo.count(kind) for memo in (self.tables, self.network, self.layers, self.both))
