"""Key names of ResNet-TSM checkpoints, one layout a system.

Sources: torchvision models/resnet.py; MIT ops/models.py and ops/temporal_shift.py 1f6a834; mmaction2
backbones/resnet.py and resnet_tsm.py 4d6c934.
"""

from paddle_tsm.layouts.key_map import Layout, Row

CANONICAL = Layout(
    "canonical",
    (
        Row("conv1.weight", "conv1.weight"),
        Row("bn1.{p}", "bn1.{p}"),
        Row("layer{s}.{b}.conv{k}.weight", "layer{s}.{b}.conv{k}.weight"),
        Row("layer{s}.{b}.bn{k}.{p}", "layer{s}.{b}.bn{k}.{p}"),
        Row("layer{s}.{b}.downsample.{k}.{p}", "layer{s}.{b}.downsample.{k}.{p}"),
        Row("fc.{p}", "fc.{p}"),
    ),
)

MMACTION2 = Layout(
    "mmaction2",
    (
        Row("conv1.weight", "backbone.conv1.conv.weight"),
        Row("bn1.{p}", "backbone.conv1.bn.{p}"),
        # only the block's first convolution is ever wrapped
        Row("layer{s}.{b}.conv1.weight", "backbone.{stage}.{block}.conv1.conv.{net}weight"),
        Row("layer{s}.{b}.conv2.weight", "backbone.{stage}.{block}.conv2.conv.weight"),
        Row("layer{s}.{b}.conv3.weight", "backbone.{stage}.{block}.conv3.conv.weight"),
        Row("layer{s}.{b}.bn{k}.{p}", "backbone.{stage}.{block}.conv{k}.bn.{p}"),
        Row("layer{s}.{b}.downsample.0.weight", "backbone.{stage}.{block}.downsample.conv.weight"),
        Row("layer{s}.{b}.downsample.1.{p}", "backbone.{stage}.{block}.downsample.bn.{p}"),
        Row("fc.{p}", "cls_head.fc_cls.{p}"),
    ),
    wrapper=("state_dict",),
)

MIT = Layout(
    "mit",
    (
        Row("conv1.weight", "module.base_model.conv1.weight"),
        Row("bn1.{p}", "module.base_model.bn1.{p}"),
        Row("layer{s}.{b}.conv1.weight", "module.base_model.{stage}.{block}.conv1.{net}weight"),
        Row("layer{s}.{b}.conv2.weight", "module.base_model.{stage}.{block}.conv2.weight"),
        Row("layer{s}.{b}.conv3.weight", "module.base_model.{stage}.{block}.conv3.weight"),
        Row("layer{s}.{b}.bn{k}.{p}", "module.base_model.{stage}.{block}.bn{k}.{p}"),
        Row("layer{s}.{b}.downsample.{k}.{p}", "module.base_model.{stage}.{block}.downsample.{k}.{p}"),
        Row("fc.{p}", "module.new_fc.{p}"),
    ),
    wrapper=("state_dict",),
)

LAYOUTS = {layout.name: layout for layout in (CANONICAL, MMACTION2, MIT)}
