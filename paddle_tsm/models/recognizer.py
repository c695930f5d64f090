"""From frames to logits: what every TSM network does around its blocks."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.dropout import Dropout
from paddle_tsm.models.layers.map_mean import map_mean
from paddle_tsm.models.layers.non_local import NonLocal
from paddle_tsm.models.layers.temporal_pool import temporal_pool
from paddle_tsm.networks.network import Network


class Recognizer(nn.Layer):
    """Stem, stages, spatial mean, dropout and a Linear layer for each frame; then the mean of the frames' logits.

    A subclass defines `stem`, `blocks_of_stages`, `classifier_layer` and `stage_ends`: the stages' names in forward
    order, each with the name of the layer whose output is the stage's.
    Source: mmaction2 heads/tsm_head.py 4d6c934; MIT ops/models.py 1f6a834 `TSN.forward`.
    """

    stage_ends: dict[str, str]

    def __init__(self, network: Network):
        super().__init__()
        self.network = network
        self.num_segments = network.num_segments
        self.temporal_pool = network.temporal_pool
        self.partial_bn = network.partial_bn
        self.dropout = Dropout(network.dropout, network.family.scales_at_inference)

    def new_classifier(self, network: Network) -> nn.Linear:
        """The Linear layer behind the pooled features; its weights are drawn from mmaction2's distribution."""
        features = network.family.features(network)
        return nn.Linear(features, network.num_classes, weight_attr=nn.initializer.Normal(0.0, 0.001))

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """What stands in front of the first stage. [N*T, 3, H, W] -> [N*T, C, h, w]"""
        raise NotImplementedError

    def blocks_of_stages(self) -> dict[str, list[Block]]:
        """The blocks of each stage by the stage's name, in forward order."""
        raise NotImplementedError

    def classifier_layer(self) -> nn.Linear:
        """The Linear layer that gives the logits."""
        raise NotImplementedError

    def stages(self, x: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """The output of each stage by its name, in forward order: {"layer1": [N*T, C, h, w], ...}.

        x: [N*T, 3, H, W], T = num_segments, the frames of a clip adjacent. With temporal pooling the stages from the
        second on have T/2 frames of each clip. Raises ValueError for an input of another shape and for a number of
        frames that T does not divide.
        """
        channels = self.network.in_channels
        if x.ndim != 4 or x.shape[1] != channels or (x.shape[0] > 0 and x.shape[0] % self.num_segments):
            raise ValueError(
                f"input: got shape {list(x.shape)}, wanted [N*T, {channels}, H, W] with T = num_segments = "
                f"{self.num_segments}"
            )
        x = self.stem(x)
        outputs = {}
        for stage, (name, blocks) in enumerate(self.blocks_of_stages().items(), 1):
            if self.temporal_pool and stage == 2:
                x = temporal_pool(x, self.num_segments)
            for block in blocks:
                x = block(x)
            outputs[name] = x
        return outputs

    def extract_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, 3, H, W]. Returns the pooled features of each frame, [N*T, C] ([N*T/2, C] with temporal pooling)."""
        *_, last = self.stages(x).values()
        return map_mean(last)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, 3, H, W], the frames of a clip adjacent. Returns the logits of each clip, [N, num_classes]."""
        frame_logits = self.frame_logits(x)
        frames = self.network.segments(None)
        return frame_logits.reshape([-1, frames, frame_logits.shape[-1]]).mean(1)  # [N, T, K] -> [N, K]

    def frame_logits(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, 3, H, W]. Returns the logits of each frame, [N*T, num_classes], as the online network gives them.

        With temporal pooling there are N*T/2 frames.
        """
        return self.classifier_layer()(self.dropout(self.extract_features(x)))

    def train(self) -> None:
        """Switch to training mode. With `partial_bn`, the BatchNorms of `frozen_norms` keep their statistics and
        weights.
        """
        super().train()
        if self.partial_bn:
            for norm in self.frozen_norms():
                norm.eval()
                norm.weight.stop_gradient = norm.bias.stop_gradient = True

    def frozen_norms(self) -> list[BatchNorm]:
        """The BatchNorms that `partial_bn` freezes: all but the first one and those of the non-local blocks.

        MIT (ops/models.py 1f6a834 `TSN.train`) and mmaction2 (backbones/resnet.py 4d6c934 `_partial_bn`) freeze
        BatchNorm2d, and a non-local block has a BatchNorm3d. The weights of these are trained here, as in mmaction2;
        MIT's optimizer does not have them.
        """
        layers = self.sublayers()
        in_non_local = {id(layer.norm) for layer in layers if isinstance(layer, NonLocal)}
        return [layer for layer in layers if isinstance(layer, BatchNorm) and id(layer) not in in_non_local][1:]
