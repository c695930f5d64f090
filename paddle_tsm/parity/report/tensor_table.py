"""Tables of the tensors of what is compared, for the report's page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paddle_tsm.parity.model_pair.alignment import Alignment, TensorPair

if TYPE_CHECKING:
    from paddle_tsm.layouts.network_file import NetworkFile


@dataclass(frozen=True)
class TensorRow:
    """One tensor under both its names. shape: None where it is not known. remark: what a reader must know, or ""."""

    name: str
    other: str
    shape: tuple[int, ...] | None
    remark: str = ""


@dataclass(frozen=True)
class TensorTable:
    """title: whose tensors these are. head: what the two names are."""

    title: str
    head: tuple[str, str]
    rows: list[TensorRow] = field(default_factory=list)


def file_table(found: NetworkFile, name: str) -> TensorTable:
    """A file's keys, each with its canonical name, its shape in the file, and whether it is transposed."""
    rows = [
        TensorRow(found.named.keys[entry.key], entry.canonical, entry.shape, "transposed" if entry.transposed else "")
        for entry in found.entries
    ]
    return TensorTable(name, (f"key in the file ({found.layout.name})", "canonical name"), rows)


def alignment_table(alignment: Alignment) -> TensorTable:
    """Every pair of tensors with the shape in Paddle and what paired them, then those that have no twin."""
    how = {pair.torch: pair.how for pair in alignment.layers}
    rows = [TensorRow(pair.torch, pair.paddle, pair.shape, remark(pair, how)) for pair in alignment.tensors]
    shapes = alignment.torch_shapes
    rows += [TensorRow(name, "", shapes.get(name), "no twin") for name in alignment.left_out["torch"]]
    rows += [TensorRow("", name, None, "no twin") for name in alignment.left_out["paddle"]]
    return TensorTable("Alignment", ("PyTorch's tensor", "Paddle's tensor"), rows)


def remark(pair: TensorPair, how: dict[str, str]) -> str:
    """How PyTorch's tensor lies in Paddle's, and what paired their layers."""
    words = ["transposed"] if pair.transposed else []
    if pair.rows:
        words.append(f"PyTorch's rows {pair.rows[0]} to {pair.rows[1] - 1}")
    words.append(f"by {how.get(pair.layer, 'align')}")
    return ", ".join(words)
