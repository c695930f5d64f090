"""torchvision's image networks (models/resnet.py, models/mobilenetv2.py), whose names are the canonical ones."""

from paddle_tsm.layouts.canonical import CANONICAL
from paddle_tsm.layouts.key_row import canonical_keys
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.limits import IMAGE_NETWORKS

RESNET = canonical_keys(
    "conv1.weight",
    "bn1.{p}",
    "layer{s}.{b}.conv{k}.weight",
    "layer{s}.{b}.bn{k}.{p}",
    "layer{s}.{b}.downsample.0.weight",
    "layer{s}.{b}.downsample.1.{p}",
    "fc.{p}",
)
MOBILENET_V2 = canonical_keys(
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

TABLES = {"resnet": RESNET, "mobilenet_v2": MOBILENET_V2}

TORCHVISION = Layout(
    name="torchvision",
    signature=CANONICAL.signature,
    tables=TABLES,
    limits=IMAGE_NETWORKS,
    linear_of_format=True,
    assumed={"is_shift": False},
)
