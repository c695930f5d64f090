"""What a family of networks has to say about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from paddle_tsm.networks.layers import Layer


class Options(Protocol):
    """The options of a network on which its layers may depend: those of `networks.network.Network`."""

    @property
    def depth(self) -> int | None: ...
    @property
    def blocks(self) -> tuple[int, ...]: ...


def every_block(stage: int, block: int) -> bool:
    return True


@dataclass(frozen=True, eq=False)
class Family:
    """One family of networks. Everything that is known of it without a framework follows from these fields.

    name: the family. depths: architecture -> its depth (None where the family has one network only). blocks: depth ->
    blocks in each stage. layers: every layer of a network in forward order, without the non-local blocks, which are the
    same everywhere, and without the classifier. block_name: (stage from 1, block from 0) -> canonical name.
    stream_channels: (network, stage) -> channels of the residual stream behind that stage. classifier: the canonical
    name of the last Linear layer; features: its inputs. can_shift: (stage, block) -> whether that block may shift.
    skips_every_second: upstream's rule that from 23 blocks in the third stage on only every second block shifts.
    bottleneck: depth -> whether its blocks are bottlenecks. stage_halvings: how often height and width have been halved
    in each stage, from the first on.
    """

    name: str
    depths: dict[str, int | None]
    blocks: Callable[[int | None], tuple[int, ...]]
    layers: Callable[[Options], Iterator[Layer]]
    block_name: Callable[[int, int], str]
    stream_channels: Callable[[Options, int], int]
    features: Callable[[Options], int]
    stage_halvings: tuple[int, ...]
    classifier: str = "fc"
    classifier_reads_stream: bool = True
    can_shift: Callable[[int, int], bool] = every_block
    skips_every_second: bool = False
    bottleneck: Callable[[int | None], bool] = field(default=lambda depth: False)
