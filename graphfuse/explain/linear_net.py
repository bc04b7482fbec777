"""Nets that are their gated linear model, as after 0 epochs: their gradients are known exactly."""

from __future__ import annotations

import torch

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.method import FoldNet


def is_linear(net: FoldNet) -> bool:
    """Whether the net's outputs are exactly those of its gated linear model.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    bool
    """
    module = net.module
    if module.level != "embedding":
        return False
    with torch.no_grad():
        outputs = net.fitted.run(net.number, net.inputs)
        linear = module.double().linear(net.inputs).sum(1)
    return torch.equal(outputs, linear)


def linear_gradients(net: FoldNet) -> Gradients:
    """The gradients of a net that is its gated linear model, in closed form.

    Parameters
    ----------
    net : FoldNet
        For which `is_linear` holds.

    Returns
    -------
    Gradients
        The same anywhere, so averaged along any path.
    """
    own, x_smoothed, linear = {}, {}, net.fitted.linear
    pattern = linear.pattern(net.views.present)
    if (pattern == pattern[0]).all():
        pattern = pattern[:1]  # one row serves all patients
    encoders = zip(linear.slopes.items(), net.module.encode, strict=False)
    for (name, slope), encoder in encoders:
        contrast = net.fitted.task.contrast(slope)
        own[name] = contrast[pattern].transpose(2, 0, 1)
        if encoder.hops:
            x_smoothed[name] = own[name] * encoder.gate[0].item()
    return Gradients(own, x_smoothed)
