"""The way from frames to a clip's logits, which every TSM network has (arXiv:1811.08383, section 4.1)."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional as F

from paddle_tsm.networks.network import Network
from torch_ref.dropout import Dropout
from torch_ref.non_local import NonLocal
from torch_ref.residual import frames_in_stage
from torch_ref.temporal_pool import temporal_pool


def norms_over_space(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the BatchNorms of `module` in forward order, apart from a non-local block's, which is over space and
    time.
    """
    for child in module.children():
        if isinstance(child, nn.BatchNorm2d):
            yield child
        elif not isinstance(child, NonLocal):
            yield from norms_over_space(child)


class Recognizer(nn.Module):
    """logits = 1/T sum_t (W dropout(mean over h, w of stages(stem(frame_t))) + b).

    A subclass defines `stem(x)`, `stage(name, x)` and `classify(features)`. It fills `stage_ends`: the name of each
    stage, in forward order -> the name of the module whose output is that of the stage.
    Sources: MIT ops/models.py 1f6a834 `TSN.forward` and mmaction2 heads/tsm_head.py 4d6c934.
    """

    def __init__(self, network: Network):
        super().__init__()
        self.network, self.num_segments = network, network.num_segments
        self.stage_ends: dict[str, str] = {}
        self.dropout = Dropout(network.dropout, network.family.scales_at_inference)

    def stages(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each stage's output by its name, in forward order: {"layer1": [N*T, C, h, w], ...}.

        x: [N*T, 3, H, W], T = `num_segments`, the frames of a clip adjacent. With a temporal pool, the second stage and
        all behind it have T/2 frames of each clip. Raises ValueError for an input of another shape.
        """
        frames, channels = self.network.num_segments, self.network.in_channels
        if x.ndim != 4 or x.shape[1] != channels or x.shape[0] % frames != 0:
            raise ValueError(
                f"the input is {[*x.shape]}, wanted [N*T, {channels}, H, W] with T = num_segments = {frames}"
            )
        outputs, x = {}, self.stem(x)
        for number, name in enumerate(self.stage_ends, 1):
            if number == 2 and self.network.temporal_pool:
                x = temporal_pool(x, frames)
            outputs[name] = x = self.stage(name, x)
        return outputs

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        """The features of each frame: the spatial mean of the last stage. [N*T, 3, H, W] -> [N*T, C]

        With a temporal pool, the features are those of N*T/2 frames.
        """
        return F.adaptive_avg_pool2d(list(self.stages(x).values())[-1], 1).flatten(1)

    def frame_logits(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of each frame by itself. [N*T, 3, H, W] -> [N*T, num_classes]

        With a temporal pool, the logits are those of N*T/2 frames.
        """
        return self.classify(self.dropout(self.extract_features(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of each clip: the mean of its frames' logits. [N*T, 3, H, W] -> [N, num_classes]"""
        return self.frame_logits(x).unflatten(0, (-1, frames_in_stage(self.network, 2))).mean(dim=1)

    def train(self, mode: bool = True) -> "Recognizer":
        """torch.nn.Module.train. With `partial_bn`, it freezes every BatchNorm2d but the first.

        A frozen BatchNorm keeps its statistics, weight and bias. A non-local block's norm, which is a BatchNorm3d
        upstream, goes on learning. Source: MIT ops/models.py 1f6a834 `TSN.train`.
        """
        super().train(mode)
        if self.network.partial_bn and mode:
            for norm in list(norms_over_space(self))[1:]:
                norm.train(False).requires_grad_(False)
        return self
