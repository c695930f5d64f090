"""The options that say what a checkpoint's keys cannot, for every command that reads one."""

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option import flags_of

FLAGS = flags_of(Network)


def add_network_options(parser) -> None:
    """Add the flag of every option of a network that has one."""
    group = parser.add_argument_group(
        "the network", "needed only where the file cannot say it; what the keys say cannot be overridden"
    )
    for name, flag in FLAGS.items():
        if flag.choices:
            group.add_argument(flag.name, dest=name, choices=flag.choices, help=flag.help)
        elif flag.kind is not None:
            group.add_argument(flag.name, dest=name, type=flag.kind, metavar=flag.metavar, help=flag.help)
        else:
            group.add_argument(flag.name, dest=name, action="store_const", const=flag.value, help=flag.help)


def network_options(args) -> dict:
    """The options given on the command line; those that were not are None."""
    return {name: getattr(args, name) for name in FLAGS}
