"""The systems whose checkpoints are read and written: their names, and what each of them cannot run."""

from paddle_tsm.layouts import rows
from paddle_tsm.layouts.key_map import Layout
from paddle_tsm.network import Network
from paddle_tsm.non_local_options import UPSTREAM_BLOCKS


def usual_every(network: Network) -> bool:
    """Whether every block shifts that upstream's rule would have shift."""
    return network.every == network.with_options(shift_every=None).every


def attends_after_pool(network: Network) -> bool:
    return network.temporal_pool and network.non_local is not None and network.non_local.blocks[-1][0] > 1


def shifts(network: Network) -> bool:
    return network.is_shift


NOT_FUTURE_FIRST = ("has no causal shift", lambda n: n.is_shift and n.shift_order == "causal")
NO_NON_LOCAL = ("has no non-local block", lambda n: n.non_local is not None)
NO_POOL = ("has no temporal pool", lambda n: n.temporal_pool)
NO_MOBILENET_OPTIONS = (
    "has MobileNetV2 without temporal pool, non-local blocks or another place of the shift",
    lambda n: (
        n.family == "mobilenet_v2"
        and (n.temporal_pool or n.non_local is not None or n.is_shift and (n.shift_place == "block" or n.every != 1))
    ),
)
OTHER_BLOCKS = (
    "shifts every block below 23 in layer3, every second one from there on",
    lambda n: n.is_shift and not usual_every(n),
)
WRONG_FRAMES = ("runs a non-local block behind the temporal pool on T frames where there are T/2", attends_after_pool)

PADDLEVIDEO_LIMITS = (
    ("always shifts", lambda n: not n.is_shift),
    NOT_FUTURE_FIRST,
    ("shifts inside the residual branch only", lambda n: n.shift_place == "block"),
    ("shifts every block", lambda n: n.every != 1),
    (
        "shifts 1 / num_segments of the channels, 1 / {n.num_segments} here, and this network 1 / {n.shift_div}; "
        "if it was trained with 1 / {n.num_segments}, say --shift-div {n.num_segments} (shift_div={n.num_segments})",
        lambda n: n.shift_div != n.num_segments,
    ),
    NO_POOL,
    NO_NON_LOCAL,
)

MMACTION2 = Layout(
    "mmaction2",
    r"backbone\.(conv[12]\.(conv|bn)|layer\d+)\.|cls_head\.",
    rows.MMACTION2,
    (
        NOT_FUTURE_FIRST,
        NO_MOBILENET_OPTIONS,
        OTHER_BLOCKS,
        ("wants bottlenecks below a non-local block", lambda n: n.non_local is not None and n.expansion == 1),
        WRONG_FRAMES,
    ),
    wrapper=("state_dict",),
    shift_order="future_first",
)
MIT = Layout(
    "mit",
    r"module\.(base_model|new_fc)\.",
    rows.MIT,
    (
        NOT_FUTURE_FIRST,
        NO_MOBILENET_OPTIONS,
        OTHER_BLOCKS,
        ("pools over time only where it shifts", lambda n: n.temporal_pool and not n.is_shift),
        (
            "has non-local blocks in a ResNet-50 only, embedded_gaussian, after blocks 0 and 2 of layer2 and 0, 2 and 4 of layer3",
            lambda n: (
                n.non_local is not None
                and not (
                    n.arch == "tsm_resnet50"
                    and n.non_local.mode == "embedded_gaussian"
                    and n.non_local.blocks == UPSTREAM_BLOCKS
                    and n.non_local.sub_sample
                    and not n.non_local.use_scale
                )
            ),
        ),
        WRONG_FRAMES,
    ),
    wrapper=("state_dict",),
    shift_order="future_first",
)
MIT_ONLINE = Layout(
    "mit-online",
    r"features\.(\d+|\d+\.conv)\.\d+\.[a-z_]+$|classifier\.[a-z]",
    rows.MIT_ONLINE,
    (
        ("has the causal shift only", lambda n: not n.is_shift or n.shift_order != "causal"),
        ("shifts an eighth of the channels", lambda n: n.shift_div != 8),
        NO_MOBILENET_OPTIONS,
    ),
    shift_order="causal",
    assumed=(("shift_order", "causal"),),
)
PADDLEVIDEO = Layout(
    "paddlevideo",
    r"backbone\.(conv\._|res\d)|head\.fc\.",
    rows.PADDLEVIDEO,
    (("has ResNet-TSM from 50 layers on (18 and 34 crash)", lambda n: n.depth < 50), *PADDLEVIDEO_LIMITS),
    shift_order="past_first",
    linear_transposed=True,
    step_counters=False,
    assumed=(("shift_order", "past_first"), ("shift_every", 1), ("shift_div", "num_segments")),
)
PPTSM = Layout(
    "pptsm",
    r"backbone\.(conv1_\d|bb_\d)|head\.fc\.",
    rows.PPTSM,
    PADDLEVIDEO_LIMITS,
    shift_order="past_first",
    linear_transposed=True,
    step_counters=False,
    assumed=(("shift_order", "past_first"), ("shift_div", "num_segments")),
)
TORCH_NAMES = (
    r"(conv1|bn1|conv1_\d|bn1_\d|layer\d+|fc|features\.\d+\.(\d|non_local|conv\.(\d\.\d|[123]))|classifier\.1)\."
)
CANONICAL = Layout("canonical", TORCH_NAMES + r"(?!(.*\.)?(_mean|_variance)$)", rows.CANONICAL)
IMAGE_LIMITS = (("has no temporal shift", shifts), NO_POOL, NO_NON_LOCAL)
TORCHVISION = Layout("torchvision", CANONICAL.signature, rows.TORCHVISION, IMAGE_LIMITS, assumed=(("is_shift", False),))
PADDLE_VISION = Layout(
    "paddle-vision",
    TORCH_NAMES + r"(?!.*(running_|num_batches))",
    rows.PADDLE_VISION,
    IMAGE_LIMITS,
    linear_transposed=True,
    step_counters=False,
    assumed=(("is_shift", False),),
)


LAYOUTS = {
    layout.name: layout
    for layout in (CANONICAL, MMACTION2, MIT, MIT_ONLINE, PADDLEVIDEO, PPTSM, TORCHVISION, PADDLE_VISION)
}
