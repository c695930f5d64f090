"""The canonical layout: torchvision's names for every family. Source: torchvision models/resnet.py, mobilenetv2.py."""

from paddle_tsm.layouts.layout import Layout

TORCH_NAMES = (
    r"(conv1|bn1|conv1_\d|bn1_\d|layer\d+|fc|features\.\d+\.(\d|non_local|conv\.(\d\.\d|[123]))|classifier\.1)\."
)
NO_PADDLE_STATISTICS = r"(?!(.*\.)?(_mean|_variance)$)"

CANONICAL = Layout(
    name="canonical",
    signature=TORCH_NAMES + NO_PADDLE_STATISTICS,
    tables=None,
    # a canonical .pdparams has the orientation that paddle.save(model.state_dict()) writes
    linear_of_format=True,
)
