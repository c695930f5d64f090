"""Limits that more than one system has."""

from paddle_tsm.layouts.layout import Limit
from paddle_tsm.networks.mobilenet_v2 import MOBILENET_V2
from paddle_tsm.networks.network import Network


def follows_upstreams_rule(network: Network) -> bool:
    """Whether the blocks that shift are those of upstream's rule."""
    return network.every == network.with_options(shift_every=None).every


def attends_after_pool(network: Network) -> bool:
    """Whether a non-local block stands behind the temporal pool."""
    return network.temporal_pool and network.non_local is not None and network.non_local.blocks[-1][0] > 1


NO_FLOW = Limit(
    "takes pictures of 3 channels, the network {n.in_channels} (optical flow, say)", lambda n: n.in_channels != 3
)
NO_CAFFE_STYLE = Limit("has the stride of a bottleneck in its 3x3 convolution", lambda n: n.caffe_style)
NO_CAUSAL_SHIFT = Limit("has no causal shift", lambda n: n.is_shift and n.shift_order == "causal")
NO_SHIFT = Limit("has no temporal shift", lambda n: n.is_shift)
NO_GROUPS = Limit(
    "shifts over all frames of a clip, and this network within groups of {n.shift_segments}",
    lambda n: n.is_shift and n.shift_segments is not None,
)
NO_NON_LOCAL = Limit("has no non-local block", lambda n: n.non_local is not None)
NO_POOL = Limit("has no temporal pool", lambda n: n.temporal_pool)
PLAIN_MOBILENET_V2 = Limit(
    "has MobileNetV2 without temporal pool, non-local blocks or another place of the shift",
    lambda n: (
        n.family is MOBILENET_V2
        and (n.temporal_pool or n.non_local is not None or n.is_shift and (n.shift_place == "block" or n.every != 1))
    ),
)
KEEPS_BRANCHES = Limit(
    "holds the branches of every re-parameterised convolution, from which it fuses them by itself; wanted the training "
    "form, of which this is made",
    lambda n: n.fused,
)
UPSTREAMS_BLOCKS = Limit(
    "shifts every block below 23 in layer3, every second one from there on",
    lambda n: n.is_shift and not follows_upstreams_rule(n),
)
WRONG_FRAMES = Limit(
    "runs a non-local block behind the temporal pool on T frames where there are T/2", attends_after_pool
)
IMAGE_NETWORKS = (NO_FLOW, NO_CAFFE_STYLE, NO_SHIFT, NO_POOL, NO_NON_LOCAL)
