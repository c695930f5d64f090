"""The names of the arguments of PyTorch's functions, many of which are built in and tell none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from paddle_tsm.parity.diagnosis.variation import Change

CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
CONV_TRANSPOSE = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
AVG_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
REDUCTION = ("input", "dim", "keepdim")
RECURRENT = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
ATTENTION = (
    *("query", "key", "value", "embed_dim_to_check", "num_heads", "in_proj_weight", "in_proj_bias", "bias_k", "bias_v"),
    *("add_zero_attn", "dropout_p", "out_proj_weight", "out_proj_bias", "training", "key_padding_mask"),
    *("need_weights", "attn_mask"),
)
NAMES: dict[str, tuple[str, ...]] = {
    **{f"conv{n}d": CONV for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": CONV_TRANSPOSE for n in (1, 2, 3)},
    **{f"max_pool{n}d": MAX_POOL for n in (1, 2, 3)},
    **{f"avg_pool{n}d": AVG_POOL for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{n}d": ("input", "output_size") for n in (1, 2, 3) for kind in ("avg", "max")},
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "logsumexp"), REDUCTION),
    **dict.fromkeys(("var", "std"), ("input", "dim", "unbiased", "keepdim")),
    **dict.fromkeys(("cat", "concat", "stack"), ("tensors", "dim")),
    **dict.fromkeys(("add", "sub", "mul", "div", "matmul", "bmm", "mm", "maximum", "minimum"), ("input", "other")),
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "glu", "unbind"), ("input", "dim")),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), ("input", "p", "training", "inplace")),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), RECURRENT),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "instance_norm": ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "rms_norm": ("input", "normalized_shape", "weight", "eps"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "local_response_norm": ("input", "size", "alpha", "beta", "k"),
    "normalize": ("input", "p", "dim", "eps"),
    "linear": ("input", "weight", "bias"),
    "leaky_relu": ("input", "negative_slope", "inplace"),
    "elu": ("input", "alpha", "inplace"),
    "celu": ("input", "alpha", "inplace"),
    "gelu": ("input",),
    "hardtanh": ("input", "min_val", "max_val", "inplace"),
    "clamp": ("input", "min", "max"),
    "softplus": ("input", "beta", "threshold"),
    "pad": ("input", "pad", "mode", "value"),
    "interpolate": ("input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias"),
    "grid_sample": ("input", "grid", "mode", "padding_mode", "align_corners"),
    "embedding": ("input", "weight", "padding_idx"),
    "roll": ("input", "shifts", "dims"),
    "flip": ("input", "dims"),
    "transpose": ("input", "dim0", "dim1"),
    "flatten": ("input", "start_dim", "end_dim"),
    "pixel_shuffle": ("input", "upscale_factor"),
    "pixel_unshuffle": ("input", "downscale_factor"),
    "channel_shuffle": ("input", "groups"),
    "chunk": ("input", "chunks", "dim"),
    "split": ("input", "split_size_or_sections", "dim"),
    "masked_fill": ("input", "mask", "value"),
    "where": ("condition", "input", "other"),
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale"),
    "multi_head_attention_forward": ATTENTION,
}


def plain_name(name: str) -> str:
    """The function's name without the mark of one that works in place, and of an operator."""
    plain = name.strip("_")
    return {"iadd": "add", "isub": "sub", "imul": "mul", "idiv": "div", "truediv": "div", "itruediv": "div"}.get(
        plain, plain
    )


def works_in_place(name: str, kwargs: dict) -> bool:
    """Whether a call of the function of this name changes its first argument: relu_, __iadd__, relu(inplace=True)."""
    return bool(kwargs.get("inplace")) or (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


class Arguments:
    """The arguments of one call, by name."""

    def __init__(self, name: str, args: tuple, kwargs: dict):
        self.name, self.args, self.kwargs = name, args, kwargs
        self.names = NAMES.get(plain_name(name), ("input",))

    def get(self, name: str, default: Any = None) -> Any:
        """The argument of this name, or what is given where the call leaves it out."""
        position = self.names.index(name) if name in self.names else len(self.args)
        return self.args[position] if position < len(self.args) else self.kwargs.get(name, default)

    def first(self) -> Any:
        """The first argument, under whatever name."""
        return self.args[0] if self.args else next(iter(self.kwargs.values()), None)

    def replaced(self, values: dict[str, Any]) -> tuple[tuple, dict]:
        """The arguments with other values for those of these names."""
        args, kwargs = list(self.args), dict(self.kwargs)
        for name, value in values.items():
            position = self.names.index(name) if name in self.names else len(args)
            if position < len(args):
                args[position] = value
            else:
                kwargs[name] = value
        return tuple(args), kwargs


def with_arguments(values: Callable[[Arguments], dict[str, Any]] | dict[str, Any]) -> Change:
    """The change of a call that gives other values to some arguments. values: these, or what is made of the others."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        given = Arguments(func.__name__, args, kwargs)
        new_args, new_kwargs = given.replaced(values(given) if callable(values) else values)
        return func(*new_args, **new_kwargs)

    return change


def with_function(new: Callable[..., torch.Tensor], *more: Any, **named: Any) -> Change:
    """The change of a call that gives its first argument to another function instead. more, named: what else it takes.

    A function that works in place still does, because the model may go on with its argument.
    """

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        first = Arguments(func.__name__, args, kwargs).first()
        if works_in_place(func.__name__, kwargs):
            return first.copy_(new(first.clone(), *more, **named))
        return new(first, *more, **named)

    return change


def on_result(new: Callable[..., torch.Tensor], *more: Any) -> Change:
    """The change of a call that does something more with its result. more: what else `new` takes."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor):
            if works_in_place(func.__name__, kwargs):
                return result.copy_(new(result.clone(), *more))
            return new(result, *more)
        return result

    return change


def with_first(new: Callable[..., torch.Tensor], value: float) -> Change:
    """The change of a call that makes something else of its first argument: new(argument, value)."""
    return lambda func, args, kwargs: func(new(args[0], value), *args[1:], **kwargs)
