"""Grad-CAM (Selvaraju et al., arXiv:1610.02391, equations 1 and 2) of a network that sees several frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from paddle_tsm.networks.layer_names import check_layer_name
from torch_ref.recognizer import Recognizer


@dataclass(frozen=True)
class GradCam:
    """What `grad_cam` gives of N clips.

    maps: L^c of every frame, [N, T, h, w]. weights: alpha^c of every frame, [N, T, C]. logits: y of every class,
    [N, K]. classes: c of every clip, int [N].
    """

    maps: np.ndarray
    weights: np.ndarray
    logits: np.ndarray
    classes: np.ndarray


def grad_cam(
    model: Recognizer, x: np.ndarray, layer: str | None = None, classes: Sequence[int] | None = None
) -> GradCam:
    """alpha^c_{t,k} = 1 / (h w) sum_{i,j} dy^c / dA_{t,k,i,j};   L^c_t = ReLU(sum_k alpha^c_{t,k} A_{t,k})

    A: the output of `layer`, by default the last stage's. y^c: the clip's logit of class c, by default the largest.
    It has the arguments and the errors of `paddle_tsm.grad_cam`.
    """
    name = layer if layer is not None else list(model.stage_ends)[-1]
    check_layer_name(name, model.network, model.stage_ends)
    seen: dict[str, torch.Tensor] = {}

    def keep(module: torch.nn.Module, arguments: Any, output: torch.Tensor) -> None:
        seen["A"] = output

    mode = model.training
    hook = model.get_submodule(model.stage_ends.get(name, name)).register_forward_hook(keep)
    try:
        # the input asks for a gradient, so that there is one wherever the parameters are frozen
        inputs = torch.tensor(np.asarray(x, order="C"), dtype=next(model.parameters()).dtype, requires_grad=True)
        logits = model.eval()(inputs)
    finally:
        hook.remove()
        model.train(mode)
    if "A" not in seen:
        raise ValueError(f"the layer {name!r} is not run as a whole; wanted a layer inside it")
    if seen["A"].dim() != 4:
        raise ValueError(f"the layer {name!r} has no height and width, its output is {[*seen['A'].shape]}")
    n, k = logits.shape
    wanted = logits.argmax(dim=1) if classes is None else torch.as_tensor(classes)
    if wanted.shape != (n,) or wanted.min() < 0 or wanted.max() >= k:
        raise ValueError(f"the classes are {classes}, wanted {n} of them, each from 0 to {k - 1}")
    gradient = torch.autograd.grad(logits[torch.arange(n), wanted].sum(), seen["A"])[0]
    a, g = (t.detach().unflatten(0, (n, -1)) for t in (seen["A"], gradient))
    alpha = g.flatten(3).mean(dim=3)
    cam = torch.einsum("ntk,ntkhw->nthw", alpha, a).clamp(min=0)
    return GradCam(cam.numpy(), alpha.numpy(), logits.detach().numpy(), wanted.numpy())
