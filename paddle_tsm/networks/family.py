"""What a family of networks declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from paddle_tsm.networks.layers import Layer


class Options(Protocol):
    """What the layers of a network may depend on: these properties of `networks.network.Network`."""

    @property
    def depth(self) -> Any: ...
    @property
    def blocks(self) -> tuple[int, ...]: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def num_segments(self) -> int: ...
    @property
    def temporal_pool(self) -> bool: ...
    @property
    def temporal_attention(self) -> bool: ...
    @property
    def fused(self) -> bool: ...
    @property
    def caffe_style(self) -> bool: ...


def every_block_can_shift(stage: int, block: int) -> bool:
    return True


def at_no_depth(depth: Any) -> bool:
    return False


def nothing(network: Any) -> str | None:
    return None


@dataclass(frozen=True, eq=False)
class Family:
    """One family of networks. Everything that is known of it without a framework follows from these fields.

    Stages are counted from 1, and the blocks of a stage from 0.

    name: the family's name.
    model: the module and the class of its networks, such as "resnet.ResNet". `paddle_tsm.models` and `torch_ref` have
        the same.
    signature: a regular expression that its canonical names match from their beginning.
    depths: architecture -> depth, an int. It is None where the family has only one network.
    blocks: depth -> the number of blocks in each stage.
    layers: network -> its layers in forward order, without the classifier and without the non-local blocks, which are
        the same in every family.
    block_name: (stage, block) -> the block's canonical name.
    stage_name: stage -> the name of its output in `stages()` and in the report.
    stream_channels: (network, stage) -> the channels of the residual stream behind that stage.
    features: network -> the inputs of the classifier.
    stage_halvings: how often height and width have been halved at the output of each stage.
    classifier: the canonical name of the last Linear layer.
    classifier_reads_stream: whether its inputs are the channels of a residual stream.
    can_shift: (stage, block) -> whether that block may shift.
    skips_every_second: depth -> whether upstream shifts only every second block of each stage, in "blockres".
    bottleneck: depth -> whether the blocks are bottlenecks.
    has_caffe_style: whether the stride of a bottleneck may stand in its first convolution.
    has_shortcuts: whether blocks add their input to their branch. Where they do not, a shift has one place only, which
        is "block".
    allows_non_local: whether non-local blocks can follow its blocks.
    variants: the options that decide which tensors there are, in every combination that the family has. A checkpoint's
        keys tell which one it holds.
    segments_tensor: the name of a tensor whose length is the number of frames, where there is one.
    other_linear: the Linear layers besides the classifier.
    dropout: the probability of its published networks, which `create_model` takes where none is given.
    scales_at_inference: whether dropout leaves the kept features as they are in training, and multiplies all of them by
        1 - p in evaluation (Paddle's mode "downscale_in_infer"). Otherwise it divides by 1 - p in training.
    refusal: network -> why the family has no such network, as the end of a sentence that begins with the
        architecture's name, or None.
    """

    name: str
    model: str
    signature: str
    depths: dict[str, int | None]
    blocks: Callable[[Any], tuple[int, ...]]
    layers: Callable[[Options], Iterator[Layer]]
    block_name: Callable[[int, int], str]
    stream_channels: Callable[[Options, int], int]
    features: Callable[[Options], int]
    stage_halvings: tuple[int, ...]
    classifier: str = "fc"
    classifier_reads_stream: bool = True
    stage_name: Callable[[int], str] = "layer{}".format
    can_shift: Callable[[int, int], bool] = every_block_can_shift
    skips_every_second: Callable[[Any], bool] = at_no_depth
    bottleneck: Callable[[Any], bool] = at_no_depth
    has_caffe_style: bool = False
    has_shortcuts: bool = True
    allows_non_local: bool = True
    variants: tuple[Mapping[str, Any], ...] = ({},)
    segments_tensor: str | None = None
    other_linear: tuple[str, ...] = ()
    dropout: float = 0.5
    scales_at_inference: bool = False
    refusal: Callable[[Any], str | None] = nothing
