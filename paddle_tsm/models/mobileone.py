"""MobileOne with the temporal shift in front of every block (arXiv:2206.04040, figure 3; arXiv:1811.08383).

`paddle_tsm.networks.mobileone` declares which layers there are, and their widths.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.activation import activated
from paddle_tsm.models.layers.parallel_convolution import ParallelBranches
from paddle_tsm.models.layers.squeeze_excitation import SqueezeExcitation
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.mobileone import BlockShape, block_convolution, block_shapes, stage_name
from paddle_tsm.networks.network import Network


class MobileOneBlock(Block, ParallelBranches):
    """relu(excite(sum of the branches of shift(x))), where not every block has squeeze and excitation."""

    def __init__(self, network: Network, stage: int, block: int, shape: BlockShape):
        super().__init__(network, stage, block, has_shortcut=False, act=F.relu)
        self.add_branches(block_convolution(stage, block, shape), network.running_var, network.fused)
        self.se = SqueezeExcitation(shape.out_channels, shape.squeezed, F.sigmoid) if shape.excited else None
        self.add_non_local(network, stage, block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        y = self.sum_of_branches(x)
        return activated(y if self.se is None else self.se(y), self.act)


class MobileOne(Recognizer):
    """MobileOne-TSM. Its first stage is one block, which reads the frames."""

    def __init__(self, network: Network):
        super().__init__(network)
        self.stage_ends = {}  # the names of the stages, and of the blocks that they end with
        for stage, shapes in enumerate(block_shapes(network), 1):
            name = stage_name(stage)
            blocks = [MobileOneBlock(network, stage, block, shape) for block, shape in enumerate(shapes)]
            setattr(self, name, nn.Sequential(*blocks))
            self.stage_ends[name] = f"{name}.{len(blocks) - 1}"
        self.fc = self.new_classifier(network)

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """The frames themselves: the first block shifts, too."""
        return x

    def blocks_of_stages(self) -> dict[str, list[Block]]:
        return {name: list(getattr(self, name)) for name in self.stage_ends}

    def classifier_layer(self) -> nn.Linear:
        return self.fc
