"""PyTorch with the constants of Paddle's kernels, so that what is left of a difference has another reason.

Paddle's kernels hold many constants as float32, whatever the tensors are; the table of rules says which. In float64,
where constants show, a PyTorch function of the table computes with Paddle's. Each rule is a row of
`paddle_tsm.parity.differences`, which a test measures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
HARDSIGMOID_SLOPE = 0.1666667  # of paddle.nn.functional.hardsigmoid; PyTorch's is 1 / 6
CUBIC = -0.75  # the constant of both frameworks' bicubic interpolation


def float32(value: float) -> float:
    """The value as float32 holds it."""
    return float(np.float32(value))


def elu(x: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    return F.elu(x, float32(alpha))


def celu(x: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    return F.celu(x, float32(alpha))


def selu(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    scale, alpha = float32(SELU_SCALE), float32(SELU_ALPHA)
    value = torch.where(x > 0, scale * x, scale * (alpha * torch.exp(x) - alpha)).detach()
    # Paddle's backward pass takes the slope from the value, and the product of its two constants is rounded once more.
    slope = torch.where(x > 0, torch.full_like(value, scale), value + float32(scale * alpha)).detach()
    return value + slope * (x - x.detach())


def hardsigmoid(x: torch.Tensor, inplace: bool = False, slope: float = HARDSIGMOID_SLOPE) -> torch.Tensor:
    return (x * float32(slope) + 0.5).clamp(0, 1)


def hardtanh(x: torch.Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> torch.Tensor:
    return F.hardtanh(x, float32(min_val), float32(max_val))


def softshrink(x: torch.Tensor, lambd: float = 0.5) -> torch.Tensor:
    return F.softshrink(x, float32(lambd))


def batch_norm(
    x: torch.Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, float32(eps))


def layer_norm(
    x: torch.Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> torch.Tensor:
    return F.layer_norm(x, normalized_shape, weight, bias, float32(eps))


def instance_norm(
    x: torch.Tensor,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    return F.instance_norm(x, running_mean, running_var, weight, bias, use_input_stats, momentum, float32(eps))


def interpolate(
    x: torch.Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> torch.Tensor:
    """Linear and cubic interpolation, whose ratio of sizes, and for linear also the weights, Paddle has in float32."""
    if mode not in ("linear", "bilinear", "trilinear", "bicubic") or antialias:
        return F.interpolate(x, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    axes = x.dim() - 2
    scales = scale_factor if isinstance(scale_factor, (tuple, list)) else [scale_factor] * axes
    sizes = size if isinstance(size, (tuple, list)) else [size] * axes
    for axis in range(axes):
        length = x.shape[axis + 2]
        wanted = int(length * scales[axis]) if sizes[axis] is None else int(sizes[axis])
        given = None if sizes[axis] is not None or recompute_scale_factor else scales[axis]
        single = "height" if (axes, axis) == (2, 0) else "line" if axes == 1 else "all"
        place = cubic_places if mode == "bicubic" else partial(linear_places, rounding=single)
        places = place(length, wanted, given, bool(align_corners))
        weights = {"bicubic": cubic_weights, "linear": line_weights}.get(mode, linear_weights)
        matrix = interpolation_matrix(length, places, weights)
        # The kernels of the backward pass compute every place in float32, whatever those of the forward pass do.
        places = float32_places(length, wanted, given, bool(align_corners))
        if mode != "bicubic":
            places, weights = np.maximum(places, 0), linear_weights
        slopes = interpolation_matrix(length, places, weights)
        x = mixed(x.movedim(axis + 2, -1), matrix, slopes).movedim(-1, axis + 2)
    return x


def mixed(x: torch.Tensor, matrix: np.ndarray, slopes: np.ndarray) -> torch.Tensor:
    """The last axis of x times the matrix [wanted, length], whose gradient goes back through `slopes`."""
    rest = x.detach() @ torch.from_numpy((matrix - slopes).T).to(x.dtype)
    return x @ torch.from_numpy(slopes.T).to(x.dtype) + rest


def float32_places(length: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """As `linear_places`, without the bound at 0, for a kernel that computes all of it in float32."""
    k, half = np.arange(wanted).astype("float32"), np.float32(0.5)
    if align_corners:
        return (corner_ratio(length, wanted) * k).astype("float64")
    return (np.float32(1 / scale if scale else length / wanted) * (k + half) - half).astype("float64")


def linear_places(
    length: int, wanted: int, scale: float | None, align_corners: bool, rounding: str = "all"
) -> np.ndarray:
    """Where Paddle's CPU kernels take the values of one axis from: [wanted], in places of the old axis.

    scale: the factor where the caller gave one, from which the kernel takes the ratio. rounding: its kernels differ in
    what they compute in float32: "all", the place at the end ("height" of a picture), or the ratio alone ("line"). They
    are phi/kernels/cpu/interpolate_kernel.cc of Paddle 3.3; which rounds where was measured with unit vectors.
    """
    k = np.arange(wanted)
    if align_corners:
        return (corner_ratio(length, wanted) * k.astype("float32")).astype("float64")
    ratio = np.float32(1 / scale if scale else length / wanted)
    if rounding == "all":
        return np.maximum(float32_places(length, wanted, scale, align_corners), 0)
    places = float(ratio) * (k + 0.5) - 0.5
    places = places.astype("float32") if rounding == "height" else places
    return np.maximum(places, 0).astype("float64")


def cubic_places(length: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """As `linear_places`, for cubic interpolation, which holds the ratio in float32 and goes on in float64."""
    k = np.arange(wanted)
    if align_corners:
        return (corner_ratio(length, wanted) * k.astype("float32")).astype("float64")
    return float(np.float32(1 / scale if scale else length / wanted)) * (k + 0.5) - 0.5


def corner_ratio(length: int, wanted: int) -> np.float32:
    """The distance of two new places where the corners are aligned."""
    return np.float32((length - 1) / (wanted - 1)) if wanted > 1 else np.float32(0)


def interpolation_matrix(length: int, places: np.ndarray, weights: Callable[[np.ndarray], list]) -> np.ndarray:
    """The matrix [wanted, length] that mixes the values around each place. weights: from how far a place lies behind
    the value in front of it to the weights of the two, or four, values around it.
    """
    first = np.floor(places).astype(int)
    found = weights(places - first)
    matrix = np.zeros((len(places), length))
    for tap, weight in enumerate(found, 1 - len(found) // 2):
        np.add.at(matrix, (np.arange(len(places)), np.clip(first + tap, 0, length - 1)), weight)
    return matrix


def line_weights(t: np.ndarray) -> list[np.ndarray]:
    """Of interpolation along one axis."""
    return [1 - t, t]


def linear_weights(t: np.ndarray) -> list[np.ndarray]:
    """Of interpolation along two or three axes, whose kernels subtract in float32."""
    return [(np.float32(1) - t.astype("float32")).astype("float64"), t]


def cubic_weights(t: np.ndarray) -> list[np.ndarray]:
    """The weights of the four values around a place that lies t behind the second of them."""

    def near(x: np.ndarray) -> np.ndarray:
        return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1

    def far(x: np.ndarray) -> np.ndarray:
        return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def power(x: torch.Tensor, exponent: Any) -> torch.Tensor:
    return torch.pow(x, float32(exponent) if isinstance(exponent, float) else exponent)


def cross_entropy(
    x: torch.Tensor, target: torch.Tensor, weight: Any = None, label_smoothing: float = 0.0, **named: Any
) -> torch.Tensor:
    """Paddle makes smoothed labels of integers in float32. Labels that are ignored or weighted stay PyTorch's."""
    integers = not target.is_floating_point() and x.dim() == target.dim() + 1
    if not label_smoothing or not integers or weight is not None or target.numel() == 0 or target.min() < 0:
        return F.cross_entropy(x, target, weight, label_smoothing=label_smoothing, **named)
    axis = 1 if x.dim() > 1 else 0
    share = torch.tensor(label_smoothing, dtype=torch.float32)
    labels = (1 - share) * F.one_hot(target, x.shape[axis]).float() + share / x.shape[axis]
    labels = labels.movedim(-1, axis).to(x.dtype)
    log_sum = x.logsumexp(axis)
    # Paddle's gradient, softmax minus label, takes the sum of a label for 1, which its values do not
    losses = log_sum + (labels.sum(axis) - 1) * log_sum.detach() - (labels * x).sum(axis)
    reduction = named.get("reduction", "mean")
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def huber_loss(
    x: torch.Tensor, target: torch.Tensor, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> torch.Tensor:
    return F.huber_loss(x, target, reduction, float32(delta), weight)


def group_norm(
    x: torch.Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> torch.Tensor:
    """With Paddle's variance, the mean of the squares less the square of the mean, of which float32 loses digits."""
    grouped = x.reshape(len(x), num_groups, -1)  # [N, C, ...] -> [N, groups, values of a group]
    mean = grouped.mean(-1, keepdim=True)
    variance = ((grouped * grouped).mean(-1, keepdim=True) - mean * mean).clamp(min=0)
    normed = ((grouped - mean) / torch.sqrt(variance + eps)).reshape(x.shape)
    channels = [-1] + [1] * (x.dim() - 2)  # [C] -> [C, 1, ...]
    normed = normed if weight is None else normed * weight.reshape(channels)
    return normed if bias is None else normed + bias.reshape(channels)


# PyTorch's function -> what computes with Paddle's constants. A rule goes by the function's name in Paddle.
RULES: dict[str, dict[Callable, Callable]] = {
    "elu": {F.elu: elu, F.elu_: elu},
    "celu": {F.celu: celu, F.celu_: celu},
    "selu": {F.selu: selu, F.selu_: selu},
    "hardsigmoid": {F.hardsigmoid: hardsigmoid},
    "hardtanh": {F.hardtanh: hardtanh},
    "softshrink": {F.softshrink: softshrink},
    "batch_norm": {F.batch_norm: batch_norm},
    "layer_norm": {F.layer_norm: layer_norm},
    "instance_norm": {F.instance_norm: instance_norm},
    "interpolate": {F.interpolate: interpolate},
    "cross_entropy": {F.cross_entropy: cross_entropy},
    "smooth_l1_loss": {F.huber_loss: huber_loss},
    "pow": {torch.pow: power, torch.Tensor.pow: power, torch.Tensor.__pow__: power},
}


# The same for what shows in float32 only.
RULES_OF_FLOAT32: dict[str, dict[Callable, Callable]] = {"group_norm": {F.group_norm: group_norm}}


class PaddleConstants(TorchFunctionMode):
    """While it is entered, the functions of the rules compute with Paddle's constants, or in its way.

    rules: the name of a rule -> what it is to be called with beside PyTorch's arguments. used: takes the names of the
    rules whose functions are called.
    """

    def __init__(self, rules: dict[str, dict[str, float]], used: set[str]):
        super().__init__()
        self.functions = {
            (func, dtype): (name, partial(own, **given))
            for dtype, table in ((torch.float64, RULES), (torch.float32, RULES_OF_FLOAT32))
            for name, given in rules.items()
            for func, own in table.get(name, {}).items()
        }
        self.used = used

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        first = args[0] if args else None
        found = self.functions.get((func, first.dtype)) if isinstance(first, torch.Tensor) else None
        if found:
            self.used.add(found[0])
            return found[1](*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


class PaddleNorms:
    """Gives BatchNorms, LayerNorms and InstanceNorms of a PyTorch model Paddle's constants and its biased variance.

    layers: the modules whose twins are Paddle's own layers, by name. values: takes, for each BatchNorm in training
    mode, the least number of values of a channel that its statistics were of.
    """

    def __init__(self, layers: dict[str, torch.nn.Module], values: dict[str, int]):
        self.values = values
        for name, layer in layers.items():
            layer.eps = float32(layer.eps)
            if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) and layer.track_running_stats:
                if layer.momentum is not None:
                    layer.momentum = 1 - float32(1 - layer.momentum)  # Paddle holds the share that stays
                    self.make_biased(name, layer)

    def make_biased(self, name: str, layer: Any) -> None:
        """Let the running variance take up the biased variance of a batch of n values: (n - 1) / n of PyTorch's."""
        before: list[torch.Tensor] = []

        def keep(layer: Any, arguments: tuple) -> None:
            if layer.training:
                before[:] = [layer.running_var.clone()]

        def change(layer: Any, arguments: tuple, output: Any) -> None:
            if not layer.training or not before:
                return
            n = arguments[0].numel() // arguments[0].shape[1]
            self.values[name] = min(n, self.values.get(name, n))
            stays = (1 - layer.momentum) * before.pop()
            # a new tensor, because autograd keeps the old one for the backward pass
            layer.running_var = stays + (layer.running_var - stays) * (n - 1) / n

        layer.register_forward_pre_hook(keep)
        layer.register_forward_hook(change)
