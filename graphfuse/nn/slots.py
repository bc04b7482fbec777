"""The base classes of a net's parts: encoders, propagators, fusions and heads.

A part is a class in a file of its slot's folder (`graphfuse/nn/encode`, `propagate`, `fuse` or
`head`), or `file.py:Class` anywhere; `graphfuse.nn.registry` finds it by name. Parts are written in
plain PyTorch for one replica, and the bank runs many replicas at once by `torch.func.vmap`. So a
part has no `nn.Dropout` (the bank draws dropout masks itself), no batch statistics, no boolean
indexing, no `.item()` and no shape that depends on data.

Letters in shapes: N patients, S senders (the patients whose states messages are made of), M
channels (modalities and signals), T tokens, D the net's width, K outputs (classes, or 1 for a
number).
"""

from __future__ import annotations

from torch import Tensor, nn

from graphfuse.nn.edge_lists import EdgeLists


class Encode(nn.Module):
    """Turn one channel of each patient into tokens.

    Derive an encoder from this class, with `__init__(features, width)` and `forward(x)`.

    Parameters
    ----------
    features : int or tuple of int
        The size of the input, by what the encoder sees: F columns; `(2 + planes, codes)`;
        `(channels, nodes, identity)`; or `(sets, columns)`.
    width : int
        The net's width D.

    Attributes
    ----------
    sees : {"columns", "planes", "nodes", "sets", "nothing"}
        What the input is: a modality's standardised columns `[N, F]`, rows of absent patients zero;
        concept planes `[N, 2 + planes, codes]`; a signal on the signalling graph `[N, C, nodes]`;
        the columns of each gene set `[N, T, G]`; or nothing, `[N, 0]`.
    tokens : int
        How many tokens a patient gets; an encoder that gives more than one sets it in `__init__`.
    hops : {0, 1}
        With 1 the input is `[N, 2, F]`: the columns, and their mean over neighbours in the gene
        network, which the encoder mixes in by its parameter `gate` `[1]` that starts at 0.
    reach : int
        Over how many rounds along the gene network that mean is taken.
    restart : float
        The share of the columns themselves that each of these rounds brings back.
    linear : bool
        Whether the encoder touches the columns through a matrix `weight` `[F, ...]` alone, so that
        a rotation of the columns can be undone by rotating the matrix. Training then runs in
        coordinates of the training patients, which are fewer, and rotates the matrix back.

    Examples
    --------
    >>> import torch
    >>> class Scaled(Encode):
    ...     def __init__(self, features, width):
    ...         super().__init__()
    ...         self.weight = torch.nn.Parameter(torch.ones(features, width))
    ...
    ...     def forward(self, x):
    ...         return (x @ self.weight)[:, None]
    >>> Scaled(5, 8)(torch.ones(3, 5)).shape
    torch.Size([3, 1, 8])
    """

    sees: str = "columns"
    tokens: int = 1
    hops: int = 0
    reach: int = 1
    restart: float = 0.0
    linear: bool = False

    @staticmethod
    def prepare(x: Tensor) -> Tensor:
        """Compute what needs no parameter, once for all epochs, seeds and settings.

        Parameters
        ----------
        x : Tensor, [N, ...]
            The channel as `sees` says.

        Returns
        -------
        Tensor, [N, ...]
            What `forward` is given; by default the channel itself.
        """
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Encode the patients.

        Parameters
        ----------
        x : Tensor, [N, ...]
            The output of `prepare`.

        Returns
        -------
        Tensor, [N, T, D]
        """
        raise TypeError(f"{type(self).__name__} must define forward([N, F]) -> [N, T, D]")


class Propagate(nn.Module):
    """Make messages to patients from their neighbours' states, over one patient layer.

    Derive a propagator from this class, with `__init__(width)` and `forward(own, senders, lists)`.
    The net adds `gate * (message(edges) - message(no edges))` to the patients' states, with a gate
    that starts at 0.

    Parameters
    ----------
    width : int
        The net's width D.

    Attributes
    ----------
    couples : bool
        Whether the part serves all layers at once. `forward` is then given `own` `[N, M, T, D]`,
        `senders` `[S, M, T, D]` and a sequence of P = M x L edge lists (modality by modality), and
        returns `[N, P, T, D]`.
    quiet : bool
        Whether the message is zero where there are no edges, so that nothing needs to be
        subtracted.
    loops : bool
        Whether the part does not run under `torch.func.vmap`, because its shapes depend on data.
        The bank then calls its replicas one by one, which takes longer.

    See Also
    --------
    graphfuse.nn.edge_lists.aggregate : The weighted sum over neighbours.

    Examples
    --------
    >>> import torch
    >>> from graphfuse.nn.edge_lists import EdgeLists, aggregate
    >>> class Half(Propagate):
    ...     quiet = True
    ...
    ...     def forward(self, own, senders, lists):
    ...         return aggregate(senders, lists) / 2
    >>> one_edge = EdgeLists.build(torch.tensor([0, 1]), torch.tensor([1]), torch.ones(1), 2)
    >>> own, senders = torch.zeros(1, 1, 1), torch.tensor([[[3.0]], [[4.0]]])
    >>> Half()(own, senders, one_edge)
    tensor([[[2.]]])
    """

    couples: bool = False
    quiet: bool = False
    loops: bool = False

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        """Compute the messages.

        Parameters
        ----------
        own : Tensor, [N, T, D]
            The states of the patients who get messages.
        senders : Tensor, [S, T, D]
            The states of the patients who may be their neighbours.
        lists : EdgeLists
            The edges, from S senders to N receivers.

        Returns
        -------
        Tensor, [N, T, D]
        """
        raise TypeError(
            f"{type(self).__name__} must define forward(own, senders, lists) -> [N, T, D]"
        )


class Fuse(nn.Module):
    """Fuse a patient's modalities into one embedding or one prediction.

    Derive a fusion from this class, with `__init__(dim, modalities)` and `forward(h, present)`.

    Parameters
    ----------
    dim : int
        The net's width D; at the decision level the number of outputs K.
    modalities : int
        The number of channels M.

    Attributes
    ----------
    level : {"embedding", "decision", "hybrid"}
        What is fused: embeddings; each modality's own logits; or both. A hybrid fusion also has a
        method `joint(h, present)`, as `forward` at the embedding level. The logits of the joint
        embedding's head then stand last in what `forward` is given, `[N, M + 1, K]`.
    apart : bool
        At the decision level: whether each modality's logits are trained on the labels alone, as
        separate models are; gradients of the fused prediction do not reach them.
    least_tokens : int
        How many tokens of a modality the fusion needs to be what its name says.
    weighs : bool
        Whether the fusion has a property `weights` that begins with the weight of each modality,
        the same for every patient.
    of_probabilities : bool
        At the decision and hybrid levels: whether logits are taken as those of a softmax over
        classes, so that the fusion serves class outcomes only. A fusion that says False combines
        any numbers, K = 1 of each modality too.

    Notes
    -----
    Absent modalities arrive as rows of zeros (with `[net] bridge`, as a guess made from those
    present). In a sum or a linear map zeros are neutral. In a maximum, a product, a softmax or a
    mean over modalities they are not: there the fusion must look at `present`, and return something
    finite where all modalities are absent. No test can tell an oversight from what is meant.

    Examples
    --------
    >>> import torch
    >>> class Mean(Fuse):
    ...     def __init__(self, dim, modalities):
    ...         super().__init__()
    ...
    ...     def forward(self, h, present):
    ...         count = present.sum(1, keepdim=True).clamp(min=1)
    ...         return h.mean(2).sum(1) / count
    >>> h, present = torch.tensor([[[[4.0]], [[0.0]]]]), torch.tensor([[1.0, 0.0]])
    >>> Mean(1, 2)(h, present)
    tensor([[4.]])
    """

    level: str = "embedding"
    apart: bool = False
    least_tokens: int = 1
    weighs: bool = False
    of_probabilities: bool = True

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Fuse the modalities.

        Parameters
        ----------
        h : Tensor, [N, M, T, D]
            The modalities' states; at the decision level their logits `[N, M, K]`, at the hybrid
            level `[N, M + 1, K]`.
        present : Tensor, [N, M]
            1 where a patient has a modality, else 0; at the hybrid level `[N, M + 1]`.

        Returns
        -------
        Tensor, [N, D]
            At the decision and hybrid levels `[N, K]`.
        """
        raise TypeError(f"{type(self).__name__} must define forward(h, present)")

    def prime(self, logits: Tensor, present: Tensor, labels: Tensor) -> None:
        """Set where the parameters start, from validation predictions of the linear models.

        It is called once, before training; by default it does nothing.

        Parameters
        ----------
        logits : Tensor, [n, M, K]
            What each modality's linear model predicts for each training patient, fitted without
            that patient.
        present : Tensor, [n, M]
            1 where a patient has a modality, else 0.
        labels : Tensor, [n]
            Each patient's class (-1: unlabelled), or value where a number is predicted.
        """


class Head(nn.Module):
    """Turn a patient's embedding into outputs.

    Derive a head from this class, with `__init__(dim, classes)` and `forward(z)`. A new head must
    return zeros, so that the net starts as its linear model.

    Parameters
    ----------
    dim : int
        The net's width D.
    classes : int
        The number of outputs K.

    Examples
    --------
    >>> import torch
    >>> class Flat(Head):
    ...     def __init__(self, dim, classes):
    ...         super().__init__()
    ...         self.weight = torch.nn.Parameter(torch.zeros(dim, classes))
    ...
    ...     def forward(self, z):
    ...         return z @ self.weight
    >>> Flat(8, 2)(torch.ones(1, 8))
    tensor([[0., 0.]], grad_fn=<MmBackward0>)
    """

    def forward(self, z: Tensor) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        z : Tensor, [N, D]
            The patients' embeddings.

        Returns
        -------
        Tensor, [N, K]
        """
        raise TypeError(f"{type(self).__name__} must define forward([N, D]) -> [N, K]")
