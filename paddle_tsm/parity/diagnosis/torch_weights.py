"""What a layer's weights may be taken for: transposed, flipped, exchanged, their gates in another order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from paddle_tsm.parity.diagnosis.torch_functions import Arguments, with_arguments
from paddle_tsm.parity.diagnosis.variation import Variation

LSTM_GATES = "input, forget, cell, output"
GRU_GATES = "reset, update, new"
NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")


def weight_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Other readings of the weights of this call."""
    weight, bias = given.get("weight"), given.get("bias")
    if name == "linear" and weight.ndim == 2 and weight.shape[0] == weight.shape[1]:
        yield from changed_tensor("transposed weight", "its weight transposed", "weight", lambda w: w.T)
    if name.startswith("conv"):
        yield from kernel_variations(weight)
    if name in NORMS and weight is not None and bias is not None:
        change = with_arguments(lambda g: {"weight": g.get("bias"), "bias": g.get("weight")})
        yield Variation("weight and bias exchanged", "", "its weight and bias exchanged", change)
    if name in NORMS and weight is not None:
        yield from changed_tensor("no weight", "no weight", "weight", torch.ones_like)
        yield from changed_tensor("weight", "1 added to its weight", "weight", lambda w: w + 1)
    if bias is not None:
        yield from changed_tensor("no bias", "no bias", "bias", torch.zeros_like)
        yield from changed_tensor("bias", "its bias twice", "bias", lambda b: b * 2)
        yield from changed_tensor("bias", "its bias subtracted", "bias", torch.neg)
    if name in ("lstm", "gru", "lstm_cell", "gru_cell"):
        yield from gate_variations(name)
    if name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        yield from sequence_variations(name, given)
    if name == "multi_head_attention_forward":
        yield from projection_variations(given)


def changed_tensor(kind: str, after: str, argument: str, new: Any) -> Iterator[Variation]:
    """One variation: this argument replaced by what `new` makes of it."""
    yield Variation(kind, "", after, with_arguments(lambda g: {argument: new(g.get(argument))}))


def kernel_variations(weight: torch.Tensor) -> Iterator[Variation]:
    """A convolution's kernel [out, in, *sizes] flipped, its sizes exchanged, its first two dimensions exchanged."""
    sizes = list(range(2, weight.ndim))
    yield from changed_tensor("flipped kernel", "its kernel flipped", "weight", lambda w: w.flip(sizes))
    if len(sizes) > 1:
        for axis in sizes:
            yield from changed_tensor(
                "flipped kernel", f"its kernel flipped along axis {axis}", "weight", partial(torch.flip, dims=[axis])
            )
        if weight.shape[-1] == weight.shape[-2]:
            yield from changed_tensor(
                "transposed weight", "its kernel's height and width exchanged", "weight", lambda w: w.transpose(-1, -2)
            )
    if weight.shape[0] == weight.shape[1]:
        yield from changed_tensor(
            "transposed weight", "its weight's first two axes exchanged", "weight", lambda w: w.transpose(0, 1)
        )


def blocks_in_order(tensor: torch.Tensor, order: tuple[int, ...]) -> torch.Tensor:
    """The tensor's equal blocks of rows in another order."""
    blocks = tensor.chunk(len(order))
    return torch.cat([blocks[i] for i in order])


def gate_variations(name: str) -> Iterator[Variation]:
    """Every other order of the gates, of all weights and biases alike."""
    gates = LSTM_GATES if name.startswith("lstm") else GRU_GATES
    words = gates.split(", ")
    for order in permutations(range(len(words))):
        if list(order) != sorted(order):

            def change(func: Any, args: tuple, kwargs: dict, order: tuple[int, ...] = order) -> Any:
                size = gate_rows(name, args)

                def turned(value: Any) -> Any:
                    if isinstance(value, (list, tuple)):
                        return [turned(member) for member in value]
                    fits = isinstance(value, torch.Tensor) and value.ndim <= 2 and value.shape[0] == size
                    return blocks_in_order(value, order) if fits else value

                start = 2  # behind the input and the state
                return func(*args[:start], *(turned(value) for value in args[start:]), **kwargs)

            yield Variation("gate order", gates, ", ".join(words[i] for i in order), change, "gates")
    if name == "gru":
        complement = with_arguments(lambda g: {"params": [exchanged_update(value) for value in g.get("params")]})
        yield Variation("complement", "", "the update gate's complement (1 - z for z)", complement)


def exchanged_update(value: torch.Tensor) -> torch.Tensor:
    """A GRU's tensor whose update gate z is 1 - z: sigmoid(-x) = 1 - sigmoid(x)."""
    reset, update, new = value.chunk(3)
    return torch.cat([reset, -update, new])


def gate_rows(name: str, args: tuple) -> int:
    """The number of rows of a weight that holds all gates."""
    weights = args[2] if name in ("lstm", "gru") else args[2:]
    return int(weights[0].shape[0])


def projection_variations(given: Arguments) -> Iterator[Variation]:
    """The projections of queries, keys and values in another order, or packed by head; other numbers of heads."""
    heads, size = given.get("num_heads"), given.get("embed_dim_to_check")
    if given.get("in_proj_weight") is not None:
        words = ("query", "key", "value")
        for order in permutations(range(3)):
            if list(order) != [0, 1, 2]:
                after = ", ".join(words[i] for i in order)
                change = with_packed(partial(blocks_in_order, order=order))
                yield Variation("projection order", ", ".join(words), after, change, "projections")

        def by_head(tensor: torch.Tensor) -> torch.Tensor:
            rest = tensor.shape[1:]
            return tensor.reshape(heads, 3, size // heads, *rest).transpose(0, 1).reshape(tensor.shape)

        yield Variation("projection order", "", "its projections packed head by head", with_packed(by_head))
        yield from changed_tensor("no bias", "no bias of the projections", "in_proj_bias", torch.zeros_like)
    for other in range(1, size + 1):
        if size % other == 0 and other != heads:
            change = with_arguments({"num_heads": other})
            yield Variation("heads", str(heads), str(other), change, "heads")
    yield from changed_tensor("transposed weight", "its output weight transposed", "out_proj_weight", lambda w: w.T)

    def turned(tensor: torch.Tensor) -> torch.Tensor:
        return torch.cat([block.T for block in tensor.chunk(3)]) if tensor.ndim == 2 else tensor

    yield Variation("transposed weight", "", "its projection weights transposed", with_packed(turned))


def with_packed(new: Any) -> Any:
    """The change of attention that makes something else of the packed weight and bias."""

    def values(given: Arguments) -> dict[str, Any]:
        found = {name: given.get(name) for name in ("in_proj_weight", "in_proj_bias")}
        return {name: new(value) for name, value in found.items() if value is not None}

    return with_arguments(values)


def sequence_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """A recurrent layer over the other axis, backwards, or with the reset gate in front of the product."""

    def other_axis(func: Any, args: tuple, kwargs: dict) -> Any:
        x, state, turned = args[0], args[1], not args[-1]
        batch = x.shape[0] if turned else x.shape[1]

        def of_batch(value: torch.Tensor) -> torch.Tensor:
            return value.new_zeros(value.shape[0], batch, value.shape[2])

        state = tuple(map(of_batch, state)) if isinstance(state, tuple) else of_batch(state)
        return func(x, state, *args[2:-1], turned, **kwargs)

    first = bool(given.get("batch_first"))
    yield Variation("layout", str(first), str(not first), other_axis, "batch_first")

    def backwards(func: Any, args: tuple, kwargs: dict) -> Any:
        axis = 1 if args[-1] else 0
        output, *state = func(args[0].flip(axis), *args[1:], **kwargs)
        return (output.flip(axis), *state)

    yield Variation("sequence", "forwards", "backwards", backwards)
    if name == "gru" and not given.get("bidirectional") and given.get("num_layers") == 1:
        yield Variation("reset gate", "behind the product with the state", "in front of it", reset_in_front)


def reset_in_front(func: Any, args: tuple, kwargs: dict) -> Any:
    """One layer of GRU whose reset gate multiplies the state before its product with the weights."""
    x, state, params, biases, *_, batch_first = args
    x = x.transpose(0, 1) if batch_first else x
    weight, other, *rest = params
    bias, other_bias = rest if biases else (torch.zeros_like(weight[:, 0]),) * 2
    h, outputs = state[0], []
    for step in x:
        (ir, iz, i_n), (hr, hz, _) = (step @ weight.T + bias).chunk(3, -1), (h @ other.T + other_bias).chunk(3, -1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        n = torch.tanh(i_n + (r * h) @ other.chunk(3)[2].T + other_bias.chunk(3)[2])
        h = (1 - z) * n + z * h
        outputs.append(h)
    result = torch.stack(outputs, 1 if batch_first else 0)
    return result, h.unsqueeze(0)
