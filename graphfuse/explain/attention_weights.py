"""Attention of nets that have it: to neighbours in patient layers, and to tokens of gene sets.

Attention of a receiver sums to 1, so that of each of k edges is about 1 / k whatever the net has
learned: raw weights rank edges by the degree of their receiver. Times k it is 1 where all count
alike.
"""

from __future__ import annotations

import numpy as np
import torch

from graphfuse.explain.method import FoldNet
from graphfuse.learn.fold_model import Fitted
from graphfuse.nn.fuse.attention_pool import AttentionPool
from graphfuse.nn.propagate.attention import Attention

SETS = "pathways"  # the channel whose tokens are gene sets


def attends_to_patients(fitted: Fitted) -> bool:
    """Whether a model's nets attend to neighbours in patient layers.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.

    Returns
    -------
    bool
    """
    propagators = fitted.nets[0].propagate
    return bool(fitted.preparation.layers) and isinstance(propagators[0], Attention)


def attends_to_sets(fitted: Fitted) -> bool:
    """Whether a model's nets attend to tokens of gene sets.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.

    Returns
    -------
    bool
    """
    has_sets = SETS in fitted.preparation.signals
    return has_sets and isinstance(fitted.nets[0].fuse, AttentionPool)


def attention_to_patients(net: FoldNet, name: str, number: int) -> np.ndarray:
    """Attention along the edges of a patient layer, the mean over rounds, heads and tokens.

    Parameters
    ----------
    net : FoldNet
        A fold's net that attends to patients, with its tested patients.
    name : str
        The modality.
    number : int
        Which of its layers.

    Returns
    -------
    numpy.ndarray
        `[E]`; over a receiver's edges it sums to 1.
    """
    fitted, inputs, module = net.fitted, net.inputs, net.module.double()
    channel = list(fitted.preparation.pipelines).index(name)
    place = channel * module.patient_gate.shape[1] + number
    edges = inputs.lists[place]
    is_alone = fitted.preparation.isolates_patients
    stored = None if is_alone else fitted.states[net.number].double()
    by_round = []
    with torch.no_grad():
        states = module.states_by_round(inputs, senders=stored)
        for step in range(module.rounds):
            own = states[step][:, channel]
            senders = own if stored is None else stored[:, step, channel]
            attend = module.propagate[step * len(inputs.lists) + place]
            by_round.append(attend.weights(own, senders, edges))
    return torch.stack(by_round).mean(0).cpu().numpy()


def attention_to_sets(net: FoldNet) -> np.ndarray:
    """Attention to the tokens of gene sets, the mean over heads.

    Parameters
    ----------
    net : FoldNet
        A fold's net that attends to gene sets, with its tested patients.

    Returns
    -------
    numpy.ndarray
        `[N, T]`, times the number of tokens that the patient has: 1 where all count alike.
    """
    fitted, inputs, module = net.fitted, net.inputs, net.module.double()
    channel = fitted.preparation.channels.index(SETS)
    is_alone = fitted.preparation.isolates_patients
    stored = None if is_alone else fitted.states[net.number].double()
    with torch.no_grad():
        states = module.states_by_round(inputs, senders=stored)[-1]  # [N, M, T, D]
        weights = module.fuse.weights(states, inputs.present).mean(1)  # [N, M, T]
        tokens = inputs.present.sum(1, keepdim=True) * states.shape[2]  # [N, 1]
        times_tokens = weights[:, channel] * tokens
    return times_tokens.cpu().numpy()
