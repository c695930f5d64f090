"""PyTorch's dropout, off or with given masks, while a context lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from paddle_tsm.parity.model_pair.dropout_masks import AlphaDropout, Draws

# function -> (whether it drops whole channels, whether it is alpha dropout)
PLAIN = {
    "dropout": (False, False),
    "dropout1d": (True, False),
    "dropout2d": (True, False),
    "dropout3d": (True, False),
    "feature_dropout": (True, False),
    "alpha_dropout": (False, True),
    "feature_alpha_dropout": (True, True),
}
UNBATCHED = {"dropout1d": 2, "dropout3d": 4}  # dimensions of an input without a batch
OFF_BY_DEFAULT = ("alpha_dropout", "feature_alpha_dropout")  # of torch.nn.functional, without the argument training


class TorchDropout(TorchFunctionMode):
    """Replaces every dropout that a model calls, also inside attention, however its function was imported."""

    def __init__(self, draws: Draws):
        super().__init__()
        self.draws = draws

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name.removesuffix("_") in PLAIN:
            return self.dropout(function, name, args, kwargs)
        if name == "scaled_dot_product_attention":
            return self.attention(function, args, kwargs)
        if name == "multi_head_attention_forward":
            with self.inside_attention():
                return function(*args, **kwargs)
        return function(*args, **kwargs)

    def dropout(self, function: Callable, name: str, args: tuple, kwargs: dict) -> Any:
        """A call of a dropout function."""
        words = dict(zip(("input", "p", "training", "inplace"), args)) | kwargs
        plain = name.removesuffix("_")
        training = words.get("training", words.get("train", plain not in OFF_BY_DEFAULT))
        p, x = float(words.get("p", 0.5)), words["input"]
        if not training or p == 0 or not 0 <= p <= 1:
            return function(*args, **kwargs)
        if not self.draws.same:
            return x
        channels, alpha = PLAIN[plain]
        shape = tuple(x.shape)
        if channels:
            kept = 1 if UNBATCHED.get(plain) == x.dim() else 2
            shape = shape[:kept] + (1,) * (x.dim() - kept)
        mask = torch.tensor(self.draws.mask(shape, p, "alpha dropout" if alpha else "dropout"), dtype=x.dtype)
        result = dropped(x, mask, p, alpha)
        return x.copy_(result) if name.endswith("_") or words.get("inplace") else result

    def attention(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        """A call of scaled_dot_product_attention."""
        words = dict(zip(("query", "key", "value", "attn_mask", "dropout_p", "is_causal"), args)) | kwargs
        p = float(words.get("dropout_p", 0.0))
        words["dropout_p"] = 0.0
        if p == 0 or not self.draws.same:
            return function(words.pop("query"), words.pop("key"), words.pop("value"), **words)
        weights = attention_weights(words)
        mask = torch.tensor(self.draws.mask(tuple(weights.shape), p), dtype=weights.dtype)
        return dropped(weights, mask, p, alpha=False) @ words["value"]

    @contextlib.contextmanager
    def inside_attention(self) -> Iterator[None]:
        """The functions that multi_head_attention_forward calls, which run outside of any mode, are replaced, too."""
        own = {name: getattr(functional, name) for name in ("dropout", "scaled_dot_product_attention")}

        def replaced(name: str) -> Callable:
            return lambda *args, **kwargs: self.__torch_function__(own[name], (), args, kwargs)

        try:
            for name in own:
                setattr(functional, name, replaced(name))
            yield
        finally:
            for name, function in own.items():
                setattr(functional, name, function)


def dropped(x: torch.Tensor, mask: torch.Tensor, p: float, alpha: bool) -> torch.Tensor:
    """x with the values dropped at which the mask is 0."""
    if p == 1:
        return x * 0.0
    if not alpha:
        return x * mask / (1 - p)
    rule = AlphaDropout.of(p)
    return (x * mask + (1 - mask) * rule.dropped) * rule.a + rule.b


def attention_weights(words: dict[str, Any]) -> torch.Tensor:
    """The weights [..., L, S] in scaled_dot_product_attention, which is given these arguments."""
    query, key, mask = words["query"], words["key"], words.get("attn_mask")
    if words.get("enable_gqa"):
        repeats = query.shape[-3] // key.shape[-3]
        key = key.repeat_interleave(repeats, -3)
        words["value"] = words["value"].repeat_interleave(repeats, -3)
    scale = words.get("scale")
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if words.get("is_causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, float("-inf"))
    elif mask is not None:
        scores = scores + mask
    return torch.softmax(scores, -1)
