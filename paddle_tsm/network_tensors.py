"""The tensors of each family of networks, under canonical names (torchvision's where it has the network)."""

from paddle_tsm.network import (
    MOBILENET_LAST,
    MOBILENET_STAGES,
    MOBILENET_STEM,
    STAGE_WIDTHS,
    STEM_CHANNELS,
    Network,
    Tensor,
)

BATCH_NORM_TENSORS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class Listing:
    """Collects tensors layer by layer; `stage` and `block` are those of the layers that follow."""

    def __init__(self):
        self.tensors: list[Tensor] = []
        self.stage: int | None = None
        self.block: int | None = None

    def add(self, name: str, *shape: int) -> None:
        self.tensors.append(Tensor(name, shape, self.stage, self.block))

    def conv(self, name: str, out_channels: int, in_channels: int, *kernel: int) -> None:
        self.add(f"{name}.weight", out_channels, in_channels, *kernel)

    def batch_norm(self, name: str, channels: int) -> None:
        for tensor in BATCH_NORM_TENSORS:
            self.add(f"{name}.{tensor}", *(() if tensor == "num_batches_tracked" else (channels,)))

    def non_local(self, name: str, channels: int, options) -> None:
        inner = max(channels // 2, 1)
        for layer in ("g",) if options.mode == "gaussian" else ("g", "theta", "phi"):
            self.conv(f"{name}.{layer}", inner, channels, 1, 1, 1)
            self.add(f"{name}.{layer}.bias", inner)
        if options.mode == "concatenation":
            self.conv(f"{name}.concat", 1, 2 * inner, 1, 1)
        self.conv(f"{name}.out", channels, inner, 1, 1, 1)
        if options.out_bias:
            self.add(f"{name}.out.bias", channels)
        self.batch_norm(f"{name}.norm", channels)


def list_tensors(network: Network) -> list[Tensor]:
    """Every tensor of the network in forward order; shapes as PyTorch stores them."""
    listing = Listing()
    channels = (mobilenet_v2 if network.family == "mobilenet_v2" else resnet)(network, listing)
    listing.stage = listing.block = None
    listing.add(f"{network.classifier}.weight", network.num_classes, channels)
    listing.add(f"{network.classifier}.bias", network.num_classes)
    return listing.tensors


def resnet(network: Network, listing: Listing) -> int:
    """Stem and stages of a ResNet or ResNet-vd. Returns the channels of the last stage."""
    if network.family == "resnet_vd":
        for i, (out_channels, in_channels) in enumerate(((32, 3), (32, 32), (STEM_CHANNELS, 32)), 1):
            listing.conv(f"conv1_{i}", out_channels, in_channels, 3, 3)
            listing.batch_norm(f"bn1_{i}", out_channels)
    else:
        listing.conv("conv1", STEM_CHANNELS, 3, 7, 7)
        listing.batch_norm("bn1", STEM_CHANNELS)
    in_channels = STEM_CHANNELS
    for stage, (count, width) in enumerate(zip(network.blocks, STAGE_WIDTHS), 1):
        out_channels = width * network.expansion
        for block in range(count):
            listing.stage, listing.block, name = stage, block, f"layer{stage}.{block}"
            kernels = (1, 3, 1) if network.expansion == 4 else (3, 3)
            widths = (in_channels,) + (width,) * (len(kernels) - 1) + (out_channels,)
            for i, kernel in enumerate(kernels):
                listing.conv(f"{name}.conv{i + 1}", widths[i + 1], widths[i], kernel, kernel)
                listing.batch_norm(f"{name}.bn{i + 1}", widths[i + 1])
            if block == 0 and (stage > 1 or in_channels != out_channels):
                listing.conv(f"{name}.downsample.0", out_channels, in_channels, 1, 1)
                listing.batch_norm(f"{name}.downsample.1", out_channels)
            if network.attends(stage, block):
                listing.non_local(f"{name}.non_local", out_channels, network.non_local)
            in_channels = out_channels
    return in_channels


def mobilenet_v2(network: Network, listing: Listing) -> int:
    """Features of a MobileNetV2, width 1. Returns the channels of the last convolution."""
    listing.conv("features.0.0", MOBILENET_STEM, 3, 3, 3)
    listing.batch_norm("features.0.1", MOBILENET_STEM)
    in_channels, index = MOBILENET_STEM, 0
    for stage, (expand, out_channels, count) in enumerate(MOBILENET_STAGES, 1):
        for block in range(count):
            index += 1
            listing.stage, listing.block, name = stage, block, f"features.{index}.conv"
            hidden, layer = in_channels * expand, 0
            if expand != 1:
                listing.conv(f"{name}.0.0", hidden, in_channels, 1, 1)
                listing.batch_norm(f"{name}.0.1", hidden)
                layer = 1
            listing.conv(f"{name}.{layer}.0", hidden, 1, 3, 3)
            listing.batch_norm(f"{name}.{layer}.1", hidden)
            listing.conv(f"{name}.{layer + 1}", out_channels, hidden, 1, 1)
            listing.batch_norm(f"{name}.{layer + 2}", out_channels)
            if network.attends(stage, block):
                listing.non_local(f"features.{index}.non_local", out_channels, network.non_local)
            in_channels = out_channels
    listing.stage = listing.block = None
    listing.conv("features.18.0", MOBILENET_LAST, in_channels, 1, 1)
    listing.batch_norm("features.18.1", MOBILENET_LAST)
    return MOBILENET_LAST
