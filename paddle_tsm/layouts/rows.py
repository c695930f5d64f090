"""Key names of TSM checkpoints, one map a system and family of networks.

Sources: torchvision models/resnet.py and mobilenetv2.py; paddle.vision models of the same names (3.3.1); MIT
ops/models.py, ops/non_local.py, archs/mobilenet_v2.py and online_demo/mobilenet_v2_tsm.py 1f6a834; mmaction2
backbones/resnet_tsm.py and mobilenet_v2_tsm.py 4d6c934, mmcv cnn/bricks/non_local.py a8073c7; PaddleVideo
backbones/resnet_tsm.py and resnet_tweaks_tsm.py ed245e9.
"""

from paddle_tsm.layouts.key_map import Row


def same(*names: str) -> tuple[Row, ...]:
    """Rows whose two sides are the same."""
    return tuple(Row(name, name) for name in names)


# canonical ----------------------------------------------------------------------------------------------------------

RESNET_BLOCKS = (
    "layer{s}.{b}.conv{k}.weight",
    "layer{s}.{b}.bn{k}.{p}",
    "layer{s}.{b}.downsample.0.weight",
    "layer{s}.{b}.downsample.1.{p}",
)
NON_LOCAL = tuple(f"{{block}}.non_local.{layer}.{{p}}" for layer in ("g", "theta", "phi", "out", "concat", "norm"))
RESNET_NON_LOCAL = tuple(name.format(block="layer{s}.{b}", p="{p}") for name in NON_LOCAL)
MOBILENET = (
    "features.0.0.weight",
    "features.0.1.{p}",
    "features.1.conv.0.0.weight",
    "features.1.conv.0.1.{p}",
    "features.1.conv.1.weight",
    "features.1.conv.2.{p}",
    "features.{f}.conv.0.0.weight",
    "features.{f}.conv.0.1.{p}",
    "features.{f}.conv.1.0.weight",
    "features.{f}.conv.1.1.{p}",
    "features.{f}.conv.2.weight",
    "features.{f}.conv.3.{p}",
    "features.18.0.weight",
    "features.18.1.{p}",
    "classifier.1.{p}",
)
CANONICAL = {
    "resnet": same("conv1.weight", "bn1.{p}", *RESNET_BLOCKS, *RESNET_NON_LOCAL, "fc.{p}"),
    "resnet_vd": same("conv1_{i}.weight", "bn1_{i}.{p}", *RESNET_BLOCKS, *RESNET_NON_LOCAL, "fc.{p}"),
    "mobilenet_v2": same(*MOBILENET, *(name.format(block="features.{i}", p="{p}") for name in NON_LOCAL)),
}

# torchvision's names are the canonical ones; paddle.vision has them with Paddle's names of the statistics
TORCHVISION = {"resnet": same("conv1.weight", "bn1.{p}", *RESNET_BLOCKS, "fc.{p}"), "mobilenet_v2": same(*MOBILENET)}
PADDLE_VISION = {
    family: tuple(
        Row(
            row.canonical,
            row.there if "fc" in row.there or "classifier" in row.there else row.there.replace("{p}", "{q}"),
        )
        for row in rows
    )
    for family, rows in TORCHVISION.items()
}

# mmaction2 ----------------------------------------------------------------------------------------------------------

MM_NON_LOCAL = "backbone.{stage}.{plain}.non_local_block"
MMACTION2 = {
    "resnet": (
        Row("conv1.weight", "backbone.conv1.conv.weight"),
        Row("bn1.{p}", "backbone.conv1.bn.{p}"),
        # only the block's first convolution is ever wrapped
        Row("layer{s}.{b}.conv1.weight", "backbone.{stage}.{block}.conv1.conv.{net}weight"),
        Row("layer{s}.{b}.conv2.weight", "backbone.{stage}.{block}.conv2.conv.weight"),
        Row("layer{s}.{b}.conv3.weight", "backbone.{stage}.{block}.conv3.conv.weight"),
        Row("layer{s}.{b}.bn{k}.{p}", "backbone.{stage}.{block}.conv{k}.bn.{p}"),
        Row("layer{s}.{b}.downsample.0.weight", "backbone.{stage}.{block}.downsample.conv.weight"),
        Row("layer{s}.{b}.downsample.1.{p}", "backbone.{stage}.{block}.downsample.bn.{p}"),
        Row("layer{s}.{b}.non_local.g.{p}", MM_NON_LOCAL + ".{g}.conv.{p}"),
        Row("layer{s}.{b}.non_local.theta.{p}", MM_NON_LOCAL + ".theta.conv.{p}"),
        Row("layer{s}.{b}.non_local.phi.{p}", MM_NON_LOCAL + ".{phi}.conv.{p}"),
        Row("layer{s}.{b}.non_local.concat.weight", MM_NON_LOCAL + ".concat_project.conv.weight"),
        Row("layer{s}.{b}.non_local.out.weight", MM_NON_LOCAL + ".conv_out.conv.weight"),
        Row("layer{s}.{b}.non_local.norm.{p}", MM_NON_LOCAL + ".conv_out.bn.{p}"),
        Row("fc.{p}", "cls_head.fc_cls.{p}"),
    ),
    "mobilenet_v2": (
        Row("features.0.0.weight", "backbone.conv1.conv.weight"),
        Row("features.0.1.{p}", "backbone.conv1.bn.{p}"),
        Row("features.1.conv.0.0.weight", "backbone.{stage}.{plain}.conv.0.conv.weight"),
        Row("features.1.conv.0.1.{p}", "backbone.{stage}.{plain}.conv.0.bn.{p}"),
        Row("features.1.conv.1.weight", "backbone.{stage}.{plain}.conv.1.conv.weight"),
        Row("features.1.conv.2.{p}", "backbone.{stage}.{plain}.conv.1.bn.{p}"),
        # the whole first ConvModule is wrapped, its BatchNorm too
        Row("features.{f}.conv.0.0.weight", "backbone.{stage}.{plain}.conv.0.{net}conv.weight"),
        Row("features.{f}.conv.0.1.{p}", "backbone.{stage}.{plain}.conv.0.{net}bn.{p}"),
        Row("features.{f}.conv.1.0.weight", "backbone.{stage}.{plain}.conv.1.conv.weight"),
        Row("features.{f}.conv.1.1.{p}", "backbone.{stage}.{plain}.conv.1.bn.{p}"),
        Row("features.{f}.conv.2.weight", "backbone.{stage}.{plain}.conv.2.conv.weight"),
        Row("features.{f}.conv.3.{p}", "backbone.{stage}.{plain}.conv.2.bn.{p}"),
        Row("features.18.0.weight", "backbone.conv2.conv.weight"),
        Row("features.18.1.{p}", "backbone.conv2.bn.{p}"),
        Row("classifier.1.{p}", "cls_head.fc_cls.{p}"),
    ),
}

# MIT ----------------------------------------------------------------------------------------------------------------

BASE = "module.base_model."
MIT_RESNET = (
    Row("conv1.weight", BASE + "conv1.weight"),
    Row("bn1.{p}", BASE + "bn1.{p}"),
    Row("layer{s}.{b}.conv1.weight", BASE + "{stage}.{block}.conv1.{net}weight"),
    Row("layer{s}.{b}.conv2.weight", BASE + "{stage}.{block}.conv2.weight"),
    Row("layer{s}.{b}.conv3.weight", BASE + "{stage}.{block}.conv3.weight"),
    Row("layer{s}.{b}.bn{k}.{p}", BASE + "{stage}.{block}.bn{k}.{p}"),
    Row("layer{s}.{b}.downsample.{k}.{p}", BASE + "{stage}.{block}.downsample.{k}.{p}"),
    Row("layer{s}.{b}.non_local.g.{p}", BASE + "{stage}.{plain}.nl.{g}.{p}"),
    Row("layer{s}.{b}.non_local.theta.{p}", BASE + "{stage}.{plain}.nl.theta.{p}"),
    Row("layer{s}.{b}.non_local.phi.{p}", BASE + "{stage}.{plain}.nl.{phi}.{p}"),
    Row("layer{s}.{b}.non_local.out.{p}", BASE + "{stage}.{plain}.nl.W.0.{p}"),
    Row("layer{s}.{b}.non_local.norm.{p}", BASE + "{stage}.{plain}.nl.W.1.{p}"),
    Row("fc.{p}", "module.{head}.{p}"),
)


def flat_mobilenet(base: str, classifier: str) -> tuple[Row, ...]:
    """MIT's MobileNetV2, whose blocks are one flat sequence of layers."""
    return (
        Row("features.0.0.weight", base + "features.0.0.weight"),
        Row("features.0.1.{p}", base + "features.0.1.{p}"),
        Row("features.1.conv.0.0.weight", base + "features.1.conv.0.weight"),
        Row("features.1.conv.0.1.{p}", base + "features.1.conv.1.{p}"),
        Row("features.1.conv.1.weight", base + "features.1.conv.3.weight"),
        Row("features.1.conv.2.{p}", base + "features.1.conv.4.{p}"),
        Row("features.{f}.conv.0.0.weight", base + "features.{f}.conv.0.{net}weight"),
        Row("features.{f}.conv.0.1.{p}", base + "features.{f}.conv.1.{p}"),
        Row("features.{f}.conv.1.0.weight", base + "features.{f}.conv.3.weight"),
        Row("features.{f}.conv.1.1.{p}", base + "features.{f}.conv.4.{p}"),
        Row("features.{f}.conv.2.weight", base + "features.{f}.conv.6.weight"),
        Row("features.{f}.conv.3.{p}", base + "features.{f}.conv.7.{p}"),
        Row("features.18.0.weight", base + "features.18.0.weight"),
        Row("features.18.1.{p}", base + "features.18.1.{p}"),
        Row("classifier.1.{p}", classifier),
    )


MIT = {"resnet": MIT_RESNET, "mobilenet_v2": flat_mobilenet(BASE, "module.{head}.{p}")}
# the demo network shifts inside its own forward: nothing is wrapped
MIT_ONLINE = {
    "mobilenet_v2": tuple(
        Row(row.canonical, row.there.replace("{net}", "")) for row in flat_mobilenet("", "classifier.{p}")
    )
}

# PaddleVideo --------------------------------------------------------------------------------------------------------


def paddlevideo_blocks(block: str) -> tuple[Row, ...]:
    """PaddleVideo counts convolutions from 0 and keeps each in one layer with its BatchNorm."""
    convolutions = tuple(
        row
        for k in (1, 2, 3)
        for row in (
            Row(f"layer{{s}}.{{b}}.conv{k}.weight", f"backbone.{block}.conv{k - 1}._conv.weight"),
            Row(f"layer{{s}}.{{b}}.bn{k}.{{p}}", f"backbone.{block}.conv{k - 1}._batch_norm.{{q}}"),
        )
    )
    return convolutions + (
        Row("layer{s}.{b}.downsample.0.weight", f"backbone.{block}.short._conv.weight"),
        Row("layer{s}.{b}.downsample.1.{p}", f"backbone.{block}.short._batch_norm.{{q}}"),
        Row("fc.{p}", "head.fc.{p}"),
    )


PADDLEVIDEO = {
    "resnet": (
        Row("conv1.weight", "backbone.conv._conv.weight"),
        Row("bn1.{p}", "backbone.conv._batch_norm.{q}"),
        *paddlevideo_blocks("{res}"),
    )
}
PPTSM = {
    "resnet_vd": (
        Row("conv1_{i}.weight", "backbone.conv1_{i}._conv.weight"),
        Row("bn1_{i}.{p}", "backbone.conv1_{i}._batch_norm.{q}"),
        *paddlevideo_blocks("{bb}"),
    )
}
