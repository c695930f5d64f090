"""From frames to logits: what every TSM network does around its stages."""

import paddle
from paddle import nn

from paddle_tsm.batch_norm import BatchNorm


class Recognizer(nn.Layer):
    """Stem, stages, global average pool, dropout, one Linear layer per frame, mean over the frames.

    A subclass gives `stem(x)`, `stage_names` and `classifier_layer()`.
    Source: mmaction2 heads/tsm_head.py 4d6c934; MIT ops/models.py 1f6a834 `TSN.forward`.
    """

    def __init__(self, num_segments: int, dropout: float, partial_bn: bool):
        super().__init__()
        self.num_segments = num_segments
        self.partial_bn = partial_bn
        self.dropout = nn.Dropout(dropout)

    def stages(self, x) -> dict:
        """x: [N*T, 3, H, W], T = num_segments. Returns {"layer1": [N*T, C, h, w], ...} in forward order.

        Raises ValueError for another number of dimensions or a number of frames that T does not divide.
        """
        if x.ndim != 4 or x.shape[1] != 3 or (x.shape[0] > 0 and x.shape[0] % self.num_segments):
            raise ValueError(
                f"input: got shape {list(x.shape)}, wanted [N*T, 3, H, W] with T = num_segments = {self.num_segments}"
            )
        x = self.stem(x)
        outputs = {}
        for name in self.stage_names:
            x = getattr(self, name)(x)
            outputs[name] = x
        return outputs

    def extract_features(self, x):
        """x: [N*T, 3, H, W]. Returns the pooled features of each frame, [N*T, C]."""
        last = self.stages(x)[self.stage_names[-1]]
        return last.mean([2, 3])

    def forward(self, x):
        """x: [N*T, 3, H, W], frames of a clip adjacent. Returns logits [N, num_classes]."""
        frame_logits = self.classifier_layer()(self.dropout(self.extract_features(x)))
        return frame_logits.reshape([-1, self.num_segments, frame_logits.shape[-1]]).mean(1)  # [N, T, K] -> [N, K]

    def train(self):
        """Training mode; with `partial_bn`, every BatchNorm but the first stays frozen (MIT `TSN.train`)."""
        super().train()
        if self.partial_bn:
            for layer in [layer for layer in self.sublayers() if isinstance(layer, BatchNorm)][1:]:
                layer.eval()
                layer.weight.stop_gradient = layer.bias.stop_gradient = True
