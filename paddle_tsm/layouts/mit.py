"""MIT's checkpoints (ops/models.py, ops/non_local.py, archs/mobilenet_v2.py 1f6a834)."""

from collections.abc import Iterable

from paddle_tsm.layouts import wrapped_modules
from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout, Limit
from paddle_tsm.layouts.limits import (
    NO_CAFFE_STYLE,
    NO_CAUSAL_SHIFT,
    NO_GROUPS,
    PLAIN_MOBILENET_V2,
    UPSTREAMS_BLOCKS,
    WRONG_FRAMES,
)
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import UPSTREAM_BLOCKS

BASE = "module.base_model."
RESNET = (
    KeyRow("conv1.weight", BASE + "conv1.weight"),
    KeyRow("bn1.{p}", BASE + "bn1.{p}"),
    KeyRow("layer{s}.{b}.conv1.weight", BASE + "{stage}.{block}.conv1.{net}weight"),
    KeyRow("layer{s}.{b}.conv2.weight", BASE + "{stage}.{block}.conv2.weight"),
    KeyRow("layer{s}.{b}.conv3.weight", BASE + "{stage}.{block}.conv3.weight"),
    KeyRow("layer{s}.{b}.bn{k}.{p}", BASE + "{stage}.{block}.bn{k}.{p}"),
    KeyRow("layer{s}.{b}.downsample.{k}.{p}", BASE + "{stage}.{block}.downsample.{k}.{p}"),
    KeyRow("layer{s}.{b}.non_local.g.{p}", BASE + "{stage}.{plain}.nl.{g}.{p}"),
    KeyRow("layer{s}.{b}.non_local.theta.{p}", BASE + "{stage}.{plain}.nl.theta.{p}"),
    KeyRow("layer{s}.{b}.non_local.phi.{p}", BASE + "{stage}.{plain}.nl.{phi}.{p}"),
    KeyRow("layer{s}.{b}.non_local.out.{p}", BASE + "{stage}.{plain}.nl.W.0.{p}"),
    KeyRow("layer{s}.{b}.non_local.norm.{p}", BASE + "{stage}.{plain}.nl.W.1.{p}"),
    KeyRow("fc.{p}", "module.{head}.{p}"),
)


def flat_mobilenet(base: str, classifier: str) -> tuple[KeyRow, ...]:
    """The rows of MIT's MobileNetV2, each of whose blocks is one flat sequence of layers."""
    return (
        KeyRow("features.0.0.weight", base + "features.0.0.weight"),
        KeyRow("features.0.1.{p}", base + "features.0.1.{p}"),
        KeyRow("features.1.conv.0.0.weight", base + "features.1.conv.0.weight"),
        KeyRow("features.1.conv.0.1.{p}", base + "features.1.conv.1.{p}"),
        KeyRow("features.1.conv.1.weight", base + "features.1.conv.3.weight"),
        KeyRow("features.1.conv.2.{p}", base + "features.1.conv.4.{p}"),
        KeyRow("features.{f}.conv.0.0.weight", base + "features.{f}.conv.0.{net}weight"),
        KeyRow("features.{f}.conv.0.1.{p}", base + "features.{f}.conv.1.{p}"),
        KeyRow("features.{f}.conv.1.0.weight", base + "features.{f}.conv.3.weight"),
        KeyRow("features.{f}.conv.1.1.{p}", base + "features.{f}.conv.4.{p}"),
        KeyRow("features.{f}.conv.2.weight", base + "features.{f}.conv.6.weight"),
        KeyRow("features.{f}.conv.3.{p}", base + "features.{f}.conv.7.{p}"),
        KeyRow("features.18.0.weight", base + "features.18.0.weight"),
        KeyRow("features.18.1.{p}", base + "features.18.1.{p}"),
        KeyRow("classifier.1.{p}", classifier),
    )


def is_mits_non_local(network: Network) -> bool:
    """Whether the network has the non-local blocks of MIT's code, which makes no others."""
    options = network.non_local
    return (
        options is not None
        and network.arch == "tsm_resnet50"
        and options.mode == "embedded_gaussian"
        and options.blocks == UPSTREAM_BLOCKS
        and options.sub_sample
        and not options.use_scale
    )


def naming_options(keys: Iterable[str]) -> dict:
    """The dropout that the keys were named after. Without dropout, MIT's code leaves the classifier in the backbone."""
    inside = any("base_model.fc." in key or "base_model.classifier." in key for key in keys)
    return {"dropout": 0.0 if inside else Family.dropout}


MIT = Layout(
    name="mit",
    signature=r"module\.(base_model|new_fc)\.",
    tables={"resnet": RESNET, "mobilenet_v2": flat_mobilenet(BASE, "module.{head}.{p}")},
    limits=(
        Limit(
            "takes 3 channels of a picture, or x and y of each picture of flow; the network takes {n.in_channels}",
            lambda n: n.in_channels != 3 and n.in_channels % 2 == 1,
        ),
        NO_CAFFE_STYLE,
        NO_CAUSAL_SHIFT,
        NO_GROUPS,
        PLAIN_MOBILENET_V2,
        UPSTREAMS_BLOCKS,
        Limit("pools over time only where it shifts", lambda n: n.temporal_pool and not n.is_shift),
        Limit(
            "has non-local blocks in a ResNet-50 only, embedded_gaussian, after blocks 0 and 2 of layer2 and "
            "0, 2 and 4 of layer3",
            lambda n: n.non_local is not None and not is_mits_non_local(n),
        ),
        WRONG_FRAMES,
    ),
    preset="mit",
    flow_preset="mit-flow",
    wrapper=("state_dict",),
    front="module.",
    shift_order="future_first",
    keys_tell_shift=True,
    non_local_bias=True,
    non_local_output_behind_g=True,
    placeholders=wrapped_modules.placeholders,
    unwrapped=wrapped_modules.unwrapped,
    options_of_keys=wrapped_modules.options_of_keys,
    sub_sample_of_key=wrapped_modules.sub_sample_of_key,
    naming_options=naming_options,
)
