"""The lines of the argument `align`: what the caller says of two models' layers and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle_tsm.parity.model_pair.alignment import TensorPair
from paddle_tsm.parity.model_pair.layer_calls import Calls
from paddle_tsm.parity.model_pair.layer_tensors import TensorLayer, without_ones
from paddle_tsm.parity.model_pair.pairing_errors import PADDLE, framework

AlignLines = Mapping[str, str | None]


class CallerLines:
    """align: PyTorch's layer, tensor or anything that contains some -> Paddle's, "name.T" for a transposed tensor, None
    for no twin. torch, paddle: the layers of both models, out of which these methods take what they deal with.
    """

    def __init__(self, align: AlignLines | None, torch: Calls, paddle: Calls):
        if not isinstance(align or {}, Mapping):
            raise ValueError(f"align: got {align!r}, wanted PyTorch's names -> Paddle's, an Alignment or a file of one")
        self.lines, self.torch, self.paddle = dict(align or {}), torch, paddle

    def left_out(self) -> dict[str, list[str]]:
        """Take what has no twin out of both models' layers. Returns framework -> the tensors."""
        found: dict[str, list[str]] = {"torch": [], "paddle": []}
        for line in [line for line, target in self.lines.items() if target is None]:
            side, path = ("paddle", line[len(PADDLE) :]) if line.startswith(PADDLE) else ("torch", line)
            calls: Calls = getattr(self, side)
            taken = [
                (layer, tensor, full)
                for layer in calls.layers
                for tensor, full in layer.full_names().items()
                if full == path or full.startswith(f"{path}.") or layer.name == path
            ]
            if not taken:
                raise ValueError(f"align: {line!r} names no layer and no tensor of {framework(side)}'s model")
            for layer, tensor, full in taken:
                calls.drop(layer, tensor)
                found[side].append(full)
            del self.lines[line]
        return found

    def tensor_pairs(self, torch_tensors: Mapping[str, Any], paddle_tensors: Mapping[str, Any]) -> list[TensorPair]:
        """The tensors that the caller pairs one by one, taken out of both models' layers."""
        found = []
        for name, target in list(self.lines.items()):
            if name not in torch_tensors or target is None:
                continue
            full, transposed = target.removesuffix(".T"), target.endswith(".T")
            owner, other = self.torch.owner(name), self.paddle.owner(full)
            if owner is None or other is None:
                word, side = (name, "torch") if owner is None else (full, "paddle")
                raise ValueError(f"align: {word!r} names no tensor of {framework(side)}'s model that is still free")
            shape, own = tuple(paddle_tensors[full].shape), tuple(torch_tensors[name].shape)
            if without_ones(own) != without_ones(shape[::-1] if transposed else shape):
                raise ValueError(
                    f"align: {name} is {list(own)}, {full} {list(shape)}{' and transposed' if transposed else ''}: "
                    "they cannot be the same tensor"
                )
            found.append(TensorPair(name, full, shape, transposed, None, owner[0].name))
            self.torch.drop(*owner)
            self.paddle.drop(*other)
            del self.lines[name]
        return found

    def layer_pairs(self) -> dict[str, str]:
        """Paddle's layer -> PyTorch's, for every layer that the lines name or contain; the longest name decides."""
        twins: dict[str, str] = {}
        own, others = ({layer.name: layer for layer in calls.layers} for calls in (self.torch, self.paddle))
        for path, target in sorted(self.lines.items(), key=lambda line: len(line[0])):
            assert target is not None
            inside = [name for name in own if name == path or name.startswith(f"{path}.")]
            if not inside:
                raise ValueError(f"align: {path!r} names no layer and no tensor of PyTorch's model")
            found = {name: target + name[len(path) :] for name in inside if target + name[len(path) :] in others}
            if not found:
                raise ValueError(f"align: {target!r} names no layer and no tensor of Paddle's model")
            for name, twin in found.items():
                refuse_unlike(own[name], others[twin])
            twins |= found
        doubly = [twin for twin in twins.values() if list(twins.values()).count(twin) > 1]
        if doubly:
            names = ", ".join(repr(name) for name, twin in twins.items() if twin == doubly[0])
            raise ValueError(f"align: {doubly[0]!r} is paired twice, with {names}; wanted one layer of PyTorch for it")
        return {twin: name for name, twin in twins.items()}


def refuse_unlike(torch: TensorLayer, paddle: TensorLayer) -> None:
    """Raise ValueError for two layers of another kind or with tensors of other shapes."""
    if torch.signature != paddle.signature:
        raise ValueError(f"align: PyTorch's {torch} cannot be Paddle's {paddle}; pair their tensors one by one")
