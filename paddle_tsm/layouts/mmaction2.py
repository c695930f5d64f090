"""mmaction2's checkpoints.

Source: backbones/resnet_tsm.py, mobilenet_v2_tsm.py, mobileone_tsm.py 4d6c934; mmcv cnn/bricks/non_local.py a8073c7.
"""

from __future__ import annotations

from collections.abc import Iterable

from paddle_tsm.layouts import mobileone, wrapped_modules
from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout, Limit
from paddle_tsm.layouts.limits import NO_CAUSAL_SHIFT, PLAIN_MOBILENET_V2, UPSTREAMS_BLOCKS, WRONG_FRAMES
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.mobileone import MOBILEONE
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.resnet import RESNET

NON_LOCAL = "backbone.{stage}.{plain}.non_local_block"
TABLES = {
    "resnet": (
        KeyRow("conv1.weight", "backbone.conv1.conv.weight"),
        KeyRow("bn1.{p}", "backbone.conv1.bn.{p}"),
        # no convolution of a block but the first is ever wrapped
        KeyRow("layer{s}.{b}.conv1.weight", "backbone.{stage}.{block}.conv1.conv.{net}weight"),
        KeyRow("layer{s}.{b}.conv2.weight", "backbone.{stage}.{block}.conv2.conv.weight"),
        KeyRow("layer{s}.{b}.conv3.weight", "backbone.{stage}.{block}.conv3.conv.weight"),
        KeyRow("layer{s}.{b}.bn{k}.{p}", "backbone.{stage}.{block}.conv{k}.bn.{p}"),
        KeyRow("layer{s}.{b}.downsample.0.weight", "backbone.{stage}.{block}.downsample.conv.weight"),
        KeyRow("layer{s}.{b}.downsample.1.{p}", "backbone.{stage}.{block}.downsample.bn.{p}"),
        KeyRow("layer{s}.{b}.non_local.g.{p}", NON_LOCAL + ".{g}.conv.{p}"),
        KeyRow("layer{s}.{b}.non_local.theta.{p}", NON_LOCAL + ".theta.conv.{p}"),
        KeyRow("layer{s}.{b}.non_local.phi.{p}", NON_LOCAL + ".{phi}.conv.{p}"),
        KeyRow("layer{s}.{b}.non_local.concat.weight", NON_LOCAL + ".concat_project.conv.weight"),
        KeyRow("layer{s}.{b}.non_local.out.weight", NON_LOCAL + ".conv_out.conv.weight"),
        KeyRow("layer{s}.{b}.non_local.norm.{p}", NON_LOCAL + ".conv_out.bn.{p}"),
        KeyRow("fc.{p}", "cls_head.fc_cls.{p}"),
    ),
    "mobilenet_v2": (
        KeyRow("features.0.0.weight", "backbone.conv1.conv.weight"),
        KeyRow("features.0.1.{p}", "backbone.conv1.bn.{p}"),
        KeyRow("features.1.conv.0.0.weight", "backbone.{stage}.{plain}.conv.0.conv.weight"),
        KeyRow("features.1.conv.0.1.{p}", "backbone.{stage}.{plain}.conv.0.bn.{p}"),
        KeyRow("features.1.conv.1.weight", "backbone.{stage}.{plain}.conv.1.conv.weight"),
        KeyRow("features.1.conv.2.{p}", "backbone.{stage}.{plain}.conv.1.bn.{p}"),
        # the first ConvModule is wrapped as a whole, together with its BatchNorm
        KeyRow("features.{f}.conv.0.0.weight", "backbone.{stage}.{plain}.conv.0.{net}conv.weight"),
        KeyRow("features.{f}.conv.0.1.{p}", "backbone.{stage}.{plain}.conv.0.{net}bn.{p}"),
        KeyRow("features.{f}.conv.1.0.weight", "backbone.{stage}.{plain}.conv.1.conv.weight"),
        KeyRow("features.{f}.conv.1.1.{p}", "backbone.{stage}.{plain}.conv.1.bn.{p}"),
        KeyRow("features.{f}.conv.2.weight", "backbone.{stage}.{plain}.conv.2.conv.weight"),
        KeyRow("features.{f}.conv.3.{p}", "backbone.{stage}.{plain}.conv.2.bn.{p}"),
        KeyRow("features.18.0.weight", "backbone.conv2.conv.weight"),
        KeyRow("features.18.1.{p}", "backbone.conv2.bn.{p}"),
        KeyRow("classifier.1.{p}", "cls_head.fc_cls.{p}"),
    ),
    "mobileone": (*mobileone.BACKBONE, KeyRow("fc.{p}", "cls_head.fc_cls.{p}")),
}


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    return wrapped_modules.placeholders(network, tensor) | mobileone.placeholders(network, tensor)


def options_of_keys(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    """The options that the places of wrapped modules say (see `Layout.options_of_keys`)."""
    rules = mobileone if plain.family is MOBILEONE else wrapped_modules
    return rules.options_of_keys(keys, names, plain)


MMACTION2 = Layout(
    name="mmaction2",
    signature=r"backbone\.((conv[12]\.(conv|bn)|layer\d+)\.|stage(0|\d\.\d+)\.(net\.)?"
    rf"{mobileone.MODULES})|cls_head\.",
    tables=TABLES,
    limits=(
        Limit(
            "has other than 3 input channels in ResNet only (in_channels), the network takes {n.in_channels}",
            lambda n: n.in_channels != 3 and n.family is not RESNET,
        ),
        NO_CAUSAL_SHIFT,
        PLAIN_MOBILENET_V2,
        UPSTREAMS_BLOCKS,
        mobileone.NO_POOL,
        Limit(
            "looks with a non-local block at no frames but those within which it shifts",
            lambda n: n.non_local is not None and n.shift_segments is not None,
        ),
        Limit(
            "wants bottlenecks below a non-local block",
            lambda n: n.non_local is not None and not n.family.bottleneck(n.depth),
        ),
        WRONG_FRAMES,
    ),
    preset="mmaction2",
    wrapper=("state_dict",),
    shift_order="future_first",
    keys_tell_shift=True,
    non_local_bias=False,
    non_local_output_behind_g=True,
    excitation_first=True,
    placeholders=placeholders,
    unwrapped=wrapped_modules.unwrapped,
    options_of_keys=options_of_keys,
    sub_sample_of_key=wrapped_modules.sub_sample_of_key,
)
