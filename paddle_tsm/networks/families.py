"""Every family of networks. A new family is a file beside this one and a name in `FAMILIES`."""

from paddle_tsm.networks.family import Family
from paddle_tsm.networks.mobilenet_v2 import MOBILENET_V2
from paddle_tsm.networks.mobileone import MOBILEONE
from paddle_tsm.networks.option_checks import must_be_one_of
from paddle_tsm.networks.pptsm_mobilenet_v2 import PPTSM_MOBILENET_V2
from paddle_tsm.networks.pptsm_mobilenet_v3 import PPTSM_MOBILENET_V3
from paddle_tsm.networks.pptsm_v2 import PPTSM_V2
from paddle_tsm.networks.resnet import RESNET, RESNET_VD

FAMILIES = (RESNET, MOBILENET_V2, RESNET_VD, PPTSM_MOBILENET_V2, PPTSM_MOBILENET_V3, PPTSM_V2, MOBILEONE)
ARCHITECTURES = tuple(arch for family in FAMILIES for arch in family.depths)


def family_of(arch: str) -> Family:
    """The Family of an architecture. Raises ValueError, which lists the known architectures, for any other name."""
    must_be_one_of("architecture", arch, ARCHITECTURES)
    return next(family for family in FAMILIES if arch in family.depths)


def is_linear_weight(name: str) -> bool:
    """Whether the canonical tensor `name` is a Linear layer's weight, the one kind that Paddle stores transposed.

    The layer decides, never the shape: with a square weight, a wrong guess would raise no error.
    """
    return name in {f"{layer}.weight" for family in FAMILIES for layer in (family.classifier, *family.other_linear)}
