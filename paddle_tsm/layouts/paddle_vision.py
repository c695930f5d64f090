"""The image networks of paddle.vision 3.3.1: torchvision's names, but BatchNorm's statistics have Paddle's names."""

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.limits import IMAGE_NETWORKS
from paddle_tsm.layouts.torchvision import TABLES
from paddle_tsm.networks.mobilenet_v2 import MOBILENET_V2
from paddle_tsm.networks.resnet import RESNET


def with_paddle_statistics(row: KeyRow) -> KeyRow:
    """The row with Paddle's names of BatchNorm's statistics; a row of a Linear layer stays as it is."""
    is_linear = row.key.startswith(("fc.", "classifier."))
    return row if is_linear else KeyRow(row.canonical, row.key.replace("{p}", "{q}"))


PADDLE_VISION = Layout(
    name="paddle-vision",
    signature=f"({RESNET.signature}|{MOBILENET_V2.signature})(?!.*(running_|num_batches))",
    tables={name: tuple(map(with_paddle_statistics, rows)) for name, rows in TABLES.items()},
    limits=IMAGE_NETWORKS,
    linear_transposed=True,
    step_counters=False,
    assumed={"is_shift": False},
)
