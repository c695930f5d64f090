"""What attention, a gate, a softmax and an embedding could do otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import torch
import torch.nn.functional as F

from paddle_tsm.parity.diagnosis.torch_activations import ACTIVATIONS
from paddle_tsm.parity.diagnosis.torch_functions import Arguments, with_arguments, with_first, with_function
from paddle_tsm.parity.diagnosis.torch_windows import setting
from paddle_tsm.parity.diagnosis.variation import Fit, Variation, number

MOST_ROWS = 100  # of an embedding that are tried


def softmax_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Another axis; the logarithm or not; sigmoid."""
    x, dim = given.first(), given.get("dim")
    for other in range(x.ndim):
        if dim is None or other != dim % x.ndim:
            yield setting("dim", dim, other)
    other_name = "softmax" if name == "log_softmax" else "log_softmax"
    yield Variation("activation", name, other_name, with_function(lambda x: getattr(F, other_name)(x, dim)))
    yield Variation("activation", name, "sigmoid", with_function(torch.sigmoid))
    for power in (0.5, -0.5, 1.0, -1.0):
        for size in sorted(set(x.shape)):
            factor = float(size) ** power
            if factor != 1.0:
                change = with_first(torch.mul, factor)
                yield Variation("constant factor", "1", number(factor), change, "the factor of its input")


def product_attention_variations(given: Arguments) -> Iterator[Variation | Fit]:
    """Another scale, causal or not, the mask inverted, queries, keys and values exchanged."""
    size = given.get("query").shape[-1]
    scale = given.get("scale") or size**-0.5
    for value in (1.0, size**-0.5, 1.0 / size, float(size) ** 0.5):
        if value != scale:
            change = with_arguments({"scale": value})
            yield Variation("constant factor", number(scale), number(value), change, "scale")
    causal = bool(given.get("is_causal", False))
    yield setting("is_causal", causal, not causal)
    mask = given.get("attn_mask")
    if mask is not None:
        yield Variation("mask", "", "no mask", with_arguments(lambda g: {"attn_mask": None}))
        if mask.dtype == torch.bool:
            yield Variation("mask", "", "its mask inverted", with_arguments(lambda g: {"attn_mask": ~mask}))
    words = ("query", "key", "value")
    for order in permutations(range(3)):
        if list(order) != [0, 1, 2]:
            after = ", ".join(words[i] for i in order)
            change = with_arguments({word: given.get(words[i]) for word, i in zip(words, order)})
            yield Variation("projection order", ", ".join(words), after, change)
    yield Fit("constant factor", "scale", scale, lambda v: with_arguments(lambda g: {"scale": v}))


def gate_functions(given: Arguments) -> Iterator[Variation]:
    """Another function of the gate than the sigmoid, and the two halves exchanged."""
    dim = given.get("dim", -1)

    def gated(x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor], turned: bool) -> torch.Tensor:
        value, gate = x.chunk(2, dim)
        return gate * function(value) if turned else value * function(gate)

    yield Variation("order", "", "its halves exchanged", with_function(gated, torch.sigmoid, True))
    for name, function in ACTIVATIONS.items():
        for turned in (False, True):
            after = f"{name}{' of the other half' * turned}"
            yield Variation("activation", "sigmoid", after, with_function(gated, function, turned))


def embedding_variations(given: Arguments) -> Iterator[Variation]:
    """A row that gives zeros; a row further on."""
    tokens, rows = given.get("input"), given.get("weight").shape[0]
    for row in tokens.unique().tolist()[:MOST_ROWS]:

        def zeroed(func: Callable, args: tuple, kwargs: dict, row: int = row) -> Any:
            return func(*args, **kwargs) * (Arguments("embedding", args, kwargs).get("input") != row).unsqueeze(-1)

        yield Variation(
            "padding_idx", str(given.get("padding_idx")), f"{row}, whose row gives 0", zeroed, "padding_idx"
        )
    for step in (1, -1):
        if rows > int(tokens.max()) + step and int(tokens.min()) + step >= 0:
            change = with_first(torch.add, step)
            yield Variation("index", "", f"{step} added to its indices", change)
