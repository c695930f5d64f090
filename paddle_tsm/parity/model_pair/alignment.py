"""Which tensor of a PyTorch model is which tensor of a Paddle model: applied to weights, and kept in a JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity.model_pair.structure import as_array

FORMAT = "paddle-tsm alignment 1"


@dataclass(frozen=True)
class LayerPair:
    """Two layers. how: what paired them, "align" (the caller), "name", "input" (the same values went in) or "order" (of
    execution).
    """

    torch: str
    paddle: str
    how: str


@dataclass(frozen=True)
class TensorPair:
    """PyTorch's tensor, or its rows from rows[0] to before rows[1], is Paddle's of this shape, transposed or not.
    layer: PyTorch's name of the layer that both belong to.
    """

    torch: str
    paddle: str
    shape: tuple[int, ...]
    transposed: bool = False
    rows: tuple[int, int] | None = None
    layer: str = ""

    def to_paddle(self, array: np.ndarray) -> np.ndarray:
        """Paddle's tensor of PyTorch's, which has PyTorch's shape."""
        part = array[slice(*self.rows)] if self.rows else array
        part = part.T if self.transposed else part
        return np.ascontiguousarray(part).reshape(self.shape)  # in this order: the first makes 0 dimensions 1

    def to_torch(self, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """PyTorch's tensor of this shape, or its rows, of Paddle's."""
        part = array.T if self.transposed else array
        return part if self.rows else part.reshape(shape)


@dataclass
class Alignment:
    """layers: the pairs of layers, in PyTorch's order of execution. tensors: every tensor of Paddle that has a twin.
    torch_shapes: PyTorch's tensor -> its shape. left_out: tensors without a twin, which the caller left out, and
    buffers that only one model has. other_names: framework -> further name -> first name, of the tensors that layers
    share: `tensors` has the first, a state dict has all. unsaved: framework -> buffers that no state dict has.
    """

    layers: list[LayerPair] = field(default_factory=list)
    tensors: list[TensorPair] = field(default_factory=list)
    torch_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=lambda: {"torch": [], "paddle": []})
    other_names: dict[str, dict[str, str]] = field(default_factory=lambda: {"torch": {}, "paddle": {}})
    unsaved: dict[str, list[str]] = field(default_factory=lambda: {"torch": [], "paddle": []})

    def to_paddle(self, torch_tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Paddle's tensors, by Paddle's names, of PyTorch's. A tensor that has no twin in Paddle is left out.

        Raises ValueError where one is missing, or has another shape than when the two models were paired.
        """
        missing = sorted({pair.torch for pair in self.tensors} - set(torch_tensors) - set(self.unsaved["torch"]))
        if missing:
            raise ValueError(f"{missing[0]}: PyTorch's weights have no such tensor; {len(missing)} are missing in all")
        found = {}
        for pair in [pair for pair in self.tensors if pair.torch in torch_tensors]:
            array, shape = as_array(torch_tensors[pair.torch]), self.torch_shapes[pair.torch]
            if array.shape != shape:
                raise ValueError(f"{pair.torch}: got the shape {list(array.shape)}, wanted PyTorch's {list(shape)}")
            found[pair.paddle] = pair.to_paddle(array)
        return found

    def to_torch(self, paddle_tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """PyTorch's tensors of Paddle's, those that were packed into one put together again.

        Raises ValueError for one that has another shape than when the two models were paired.
        """
        parts: dict[str, list[np.ndarray]] = {}
        for pair in self.tensors:
            array = paddle_tensors.get(pair.paddle)
            if array is not None:
                if array.shape != pair.shape:
                    got, wanted = list(array.shape), list(pair.shape)
                    raise ValueError(f"{pair.paddle}: got the shape {got}, wanted Paddle's {wanted}")
                parts.setdefault(pair.torch, []).append(pair.to_torch(array, self.torch_shapes[pair.torch]))
        return {name: members[0] if len(members) == 1 else np.concatenate(members) for name, members in parts.items()}

    def save(self, path: str | os.PathLike) -> None:
        """Write the alignment as JSON, for `convert_weights` and for the argument `align`."""
        content = {"format": FORMAT} | asdict(self)
        with atomic_file(path) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Alignment:
        """Read what `save` wrote. Raises ValueError for any other file."""
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            if content["format"] != FORMAT:
                raise KeyError("format")
            return cls(
                [LayerPair(**pair) for pair in content["layers"]],
                [
                    TensorPair(**{**pair, "shape": tuple(pair["shape"]), "rows": pair["rows"] and tuple(pair["rows"])})
                    for pair in content["tensors"]
                ],
                {name: tuple(shape) for name, shape in content["torch_shapes"].items()},
                content["left_out"],
                content["other_names"],
                content["unsaved"],
            )
        except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path}: is no alignment that paddle-tsm wrote ({error})") from error

    def lines(self) -> dict[str, str]:
        """The pairs of layers as the argument `align` takes them."""
        return {pair.torch: pair.paddle for pair in self.layers if pair.torch or pair.paddle}


def convert_weights(
    torch_state: Mapping[str, Any], align: Alignment | str | os.PathLike, to: str = "paddle"
) -> dict[str, np.ndarray]:
    """The weights of one framework's model as those of the other's: a converter for any pair of models.

    torch_state: name -> tensor or array: PyTorch's state dict; Paddle's, with to="torch". align: `report.alignment` of
    a comparison, or the file that it was saved to. Returns name -> array, in each tensor's own dtype. Raises ValueError
    for a tensor that is missing, that does not fit, or that the alignment does not know.

    >>> import paddle, torch
    >>> from paddle_tsm.parity import compare_models
    >>> a, b = torch.nn.Linear(2, 3), paddle.nn.Linear(2, 3)
    >>> report = compare_models(a, b, np.ones((4, 2), "float32"), steps=0)
    >>> convert_weights(a.state_dict(), report.alignment)["weight"].shape
    (2, 3)
    """
    if to not in ("paddle", "torch"):
        raise ValueError(f'to: got {to!r}, wanted "paddle" or "torch"')
    alignment = align if isinstance(align, Alignment) else Alignment.load(align)
    source = "torch" if to == "paddle" else "paddle"
    known = {getattr(pair, source) for pair in alignment.tensors}
    allowed = known | set(alignment.left_out[source]) | set(alignment.other_names[source])
    unknown = [name for name in torch_state if name not in allowed and not name.endswith("num_batches_tracked")]
    if unknown:
        raise ValueError(f"{unknown[0]}: the alignment knows no such tensor; it knows {len(known)}")
    if to == "paddle":
        return in_a_state_dict(alignment, to, alignment.to_paddle(torch_state))
    missing = sorted(known - set(torch_state) - set(alignment.unsaved[source]))
    if missing:
        raise ValueError(f"{missing[0]}: Paddle's weights have no such tensor; {len(missing)} are missing in all")
    return in_a_state_dict(alignment, to, alignment.to_torch({name: as_array(x) for name, x in torch_state.items()}))


def in_a_state_dict(alignment: Alignment, side: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors as a state dict has them: those that several layers share by every name, none that it leaves out."""
    other_names = {name: first for name, first in alignment.other_names[side].items() if first in tensors}
    found = tensors | {name: tensors[first] for name, first in other_names.items()}
    return {name: array for name, array in found.items() if name not in alignment.unsaved[side]}
