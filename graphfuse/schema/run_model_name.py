"""The id of a model of a run: its text is the model's name in files and tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from graphfuse.errors import InputError

OURS = "graphfuse"  # the recipe's net
NO_GRAPH = "no-graph"  # the same net without graphs
SINGLE, EARLY, LATE = "single", "early", "late"
ADDITIVE = "additive"  # the net's projection without interactions of modalities (EMAP)
PATTERN = "pattern"  # the net on the patients who have these modalities and no others
ONLY, WITHOUT = "only", "without"  # the net on these modalities alone, and on all others
GROUP = "group"  # a prediction from the patient's group alone
GRAPHS = {"patient": "the patient graph", "gene": "the gene network"}  # that have controls
_OF_ONE = (SINGLE, GROUP, *GRAPHS)
_OF_MODALITIES = (ONLY, WITHOUT, PATTERN)


@dataclass(frozen=True)
class ModelId:
    """The kind of a model of a run, and its modalities, group or control.

    Parameters
    ----------
    kind : str
        Alone: "graphfuse", "early", the baseline of a task, …. With `of`: "single" (ridge
        regression on one modality), "group" (a prediction from the group alone), "only",
        "without" and "pattern" (the net by modalities), "patient" and "gene" (the net with a
        control in place of that graph).
    of : tuple of str
        The modality, the group, the modalities in their order (`("",)`: of none), or the kind of
        control.

    Examples
    --------
    >>> str(ModelId("only", ("rna", "meth")))
    'only:rna+meth'
    >>> ModelId.parse("gene:rewired").control
    'rewired'
    """

    kind: str
    of: tuple[str, ...] = ()

    @classmethod
    def of_modalities(cls, kind: str, names: Iterable[str]) -> ModelId:
        """A model of this kind of some modalities, in their order, or of none."""
        return cls(kind, tuple(names) or ("",))

    @classmethod
    def parse(cls, name: str, modalities: Collection[str] = ()) -> ModelId:
        """The id of a model's name.

        Parameters
        ----------
        name : str
            As in files.
        modalities : collection of str
            Those of the run, where they are known: a modality may be called "a+b", which reads
            like two.

        Returns
        -------
        ModelId
            Its text is the name; a name without a known kind before a colon is a kind of its own.
        """
        kind, colon, rest = name.partition(":")
        if colon and kind in _OF_ONE:
            return cls(kind, (rest,))
        if colon and kind in _OF_MODALITIES:
            return cls(kind, _made_of(rest, modalities) or tuple(rest.split("+")))
        return cls(name)

    def __str__(self) -> str:
        return f"{self.kind}:{'+'.join(self.of)}" if self.of else self.kind

    def is_one_of(self, *kinds: str) -> bool:
        """Whether it has an `of`, and is of one of these kinds."""
        return bool(self.of) and self.kind in kinds

    @property
    def is_variant(self) -> bool:
        """Whether it stands among the variants of a run, and not with the net and its baselines."""
        return self.kind == ADDITIVE or (bool(self.of) and self.kind != SINGLE)

    @property
    def is_control(self) -> bool:
        """Whether it is the net with a control in place of a graph."""
        return self.is_one_of(*GRAPHS)

    @property
    def graph(self) -> str | None:
        """ "patient" or "gene": the graph that a control stands in for."""
        return self.kind if self.is_control else None

    @property
    def control(self) -> str | None:
        """The kind of control, such as "rewired"."""
        return self.of[0] if self.is_control else None

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those in its name."""
        if not self.is_one_of(SINGLE, *_OF_MODALITIES):
            return ()
        return tuple(name for name in self.of if name)


def _made_of(text: str, modalities: Collection[str]) -> tuple[str, ...]:
    """Some of these modalities that make up `text`, joined by "+"; none where none do."""
    words, known = text.split("+"), set(modalities)
    longest = max((name.count("+") + 1 for name in known), default=0)
    end_of: dict[int, int] = {len(words): 0}  # where a modality begins → where it ends
    for first in reversed(range(len(words))):
        furthest = min(first + longest, len(words))
        for last in range(first + 1, furthest + 1):
            name = "+".join(words[first:last])
            if last in end_of and name in known:
                end_of[first] = last
                break
    names = []
    start = 0
    while start in end_of and start < len(words):
        end = end_of[start]
        names.append("+".join(words[start:end]))
        start = end
    return tuple(names)


def refuse_same_names(models: Iterable[ModelId]) -> None:
    """Raises `InputError` where two of these models would have one name: of modalities called "a",
    "b" and "a+b", the first two and the last read the same."""
    known: dict[str, ModelId] = {}
    for model in models:
        other = known.setdefault(str(model), model)
        if other != model:
            first = " and ".join(map(repr, other.of))
            second = " and ".join(map(repr, model.of))
            raise InputError(
                f"modalities {first}, as well as {second}, would be called {str(model)!r}; rename "
                "one of them, without '+'"
            )
