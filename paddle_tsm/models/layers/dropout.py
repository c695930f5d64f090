"""Dropout whose mask can be given."""

from paddle import nn


class Dropout(nn.Dropout):
    """y = x * mask in training where a mask is given, else Paddle's own: zero with probability p, the rest times 1 / (1
    - p).

    A mask drawn from (seed, epoch, clip) is the same in both frameworks, with any number of processes, and after a
    training was resumed; a framework's own generator gives none of these.
    """

    mask = None

    def use_mask(self, mask) -> None:
        """mask: [N*T, C], or None to draw again."""
        object.__setattr__(self, "mask", mask)  # a layer's own __setattr__ would make it a buffer

    def forward(self, x):
        """x: [N*T, C]; returns the same shape."""
        if self.training and self.mask is not None:
            return x * self.mask
        return super().forward(x)
