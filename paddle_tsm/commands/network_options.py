"""The options that say what a checkpoint's keys cannot, for every command that reads one."""

from paddle_tsm.networks.network import CHOICES
from paddle_tsm.networks.non_local import MODES

HELP = "only where the file cannot say it"
NAMES = (
    "num_segments",
    "is_shift",
    "shift_div",
    "shift_place",
    "shift_every",
    "shift_order",
    "temporal_pool",
    "non_local",
)


def add_network_options(parser) -> None:
    """Add --num-segments, --no-shift, --shift-div, --shift-place, --shift-every, --shift-order, --temporal-pool and
    --non-local."""
    group = parser.add_argument_group("the network", f"{HELP}; what the keys say cannot be overridden")
    group.add_argument("--num-segments", type=int, metavar="T", help="frames of a clip (8)")
    group.add_argument("--no-shift", dest="is_shift", action="store_false", default=None, help="TSN: no temporal shift")
    group.add_argument("--shift-div", type=int, metavar="N", help="one fold is C // N channels (8)")
    group.add_argument("--shift-place", choices=CHOICES["shift_place"], help="(blockres)")
    group.add_argument("--shift-every", type=int, metavar="N", help="shift in every N-th block (upstream's rule)")
    group.add_argument(
        "--shift-order", choices=CHOICES["shift_order"], help="the order to run and write (future_first)"
    )
    group.add_argument(
        "--temporal-pool", action="store_true", default=None, help="T frames become T/2 behind layer2's first block"
    )
    group.add_argument(
        "--non-local", choices=MODES, help="the pairwise function of its non-local blocks (embedded_gaussian)"
    )


def network_options(args) -> dict:
    """The options given on the command line; those that were not are None."""
    return {name: getattr(args, name) for name in NAMES}
