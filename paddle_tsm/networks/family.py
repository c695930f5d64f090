"""What a family of networks declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from paddle_tsm.networks.layers import Layer


class Options(Protocol):
    """What the layers of a network may depend on: these properties of `networks.network.Network`."""

    @property
    def depth(self) -> Any: ...
    @property
    def blocks(self) -> tuple[int, ...]: ...


def every_block_can_shift(stage: int, block: int) -> bool:
    return True


def at_no_depth(depth: Any) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Family:
    """One family of networks. Everything that is known of it without a framework follows from these fields.

    Stages are counted from 1, and the blocks of a stage from 0.

    name: the family's name.
    depths: architecture -> depth, an int. It is None where the family has only one network.
    blocks: depth -> the number of blocks in each stage.
    layers: network -> its layers in forward order, without the classifier and without the non-local blocks, which are
        the same in every family.
    block_name: (stage, block) -> the block's canonical name.
    stream_channels: (network, stage) -> the channels of the residual stream behind that stage.
    features: network -> the inputs of the classifier.
    stage_halvings: how often height and width have been halved at the output of each stage.
    classifier: the canonical name of the last Linear layer.
    classifier_reads_stream: whether its inputs are the channels of a residual stream.
    can_shift: (stage, block) -> whether that block may shift.
    skips_every_second: depth -> whether upstream shifts only every second block of each stage, in "blockres".
    bottleneck: depth -> whether the blocks are bottlenecks.
    """

    name: str
    depths: dict[str, int | None]
    blocks: Callable[[Any], tuple[int, ...]]
    layers: Callable[[Options], Iterator[Layer]]
    block_name: Callable[[int, int], str]
    stream_channels: Callable[[Options, int], int]
    features: Callable[[Options], int]
    stage_halvings: tuple[int, ...]
    classifier: str = "fc"
    classifier_reads_stream: bool = True
    can_shift: Callable[[int, int], bool] = every_block_can_shift
    skips_every_second: Callable[[Any], bool] = at_no_depth
    bottleneck: Callable[[Any], bool] = at_no_depth
