"""What one upstream system's checkpoints look like, and what that system can run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.networks.families import FAMILIES
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


@dataclass(frozen=True)
class Limit:
    """Something that a system cannot run.

    reason: the end of a sentence that begins with the system's name, in which {n} is the network.
    """

    reason: str
    applies: Callable[[Network], bool]


def no_options(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    return {}


def no_placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    return {}


@dataclass(frozen=True, eq=False)
class Layout:
    """The names of one system's checkpoints. Everything that depends on the layout is a field here.

    name: as `--from` and `--to` take it. signature: a regular expression that most of a file's keys match from their
    beginning, by which the layout is recognised. tables: family -> key table; None where the names are the canonical
    ones of any family. limits: what the system cannot run. usual_architecture: what its checkpoints usually hold.
    preset: whose pixels its networks were trained on (see `data/presets.py`); None where the names are of no video
    system.

    wrapper: the keys that lead to the network in that system's files. step_counters: whether a BatchNorm has
    num_batches_tracked. linear_transposed: whether Linear weights are [in, out], in every file format;
    linear_of_format: whether they have the orientation of the framework whose format the file has.

    shift_order: the one that the system runs; None where its names say nothing of a shift. keys_tell_shift: whether
    keys wrap what is shifted, and so say where. non_local_bias: whether a non-local block's output convolution has a
    bias; None where it may or may not. non_local_output_behind_g: whether that convolution's module comes right behind
    g's. assumed: the options of a network of that system which its keys do not say; "num_segments" stands for that
    option's value.

    placeholders: (network, tensor) -> what the keys' templates may use besides the table of `key_table.py`.
    unwrapped: a key without what the system wraps its modules in, which depends on the network's options.
    options_of_keys: (keys, key -> canonical name, the plain network) -> options that the keys say.
    naming_options: keys -> options that the keys were named after, but which a caller may change when the network runs.
    """

    name: str
    signature: str
    tables: dict[str, tuple[KeyRow, ...]] | None
    limits: tuple[Limit, ...] = ()
    usual_architecture: str = "tsm_resnet50"
    preset: str | None = None
    wrapper: tuple[str, ...] = ()
    step_counters: bool = True
    linear_transposed: bool = False
    linear_of_format: bool = False
    shift_order: str | None = None
    keys_tell_shift: bool = False
    non_local_bias: bool | None = None
    non_local_output_behind_g: bool = False
    assumed: dict[str, object] = field(default_factory=dict)
    placeholders: Callable[[Network, Tensor], dict[str, str]] = no_placeholders
    unwrapped: Callable[[str], str] = str
    options_of_keys: Callable[[Iterable[str], dict[str, str], Network], dict] = no_options
    naming_options: Callable[[Iterable[str]], dict] = lambda keys: {}

    def families(self) -> tuple[Family, ...]:
        """The families of networks that the system has."""
        return tuple(family for family in FAMILIES if self.tables is None or family.name in self.tables)

    def why_not(self, network: Network) -> str | None:
        """Why the system cannot run the network; None where it can."""
        if network.family not in self.families():
            return f"{self.name} has no {network.arch}"
        return next((limit.reason.format(n=network) for limit in self.limits if limit.applies(network)), None)

    def transposes_linear(self, file_format: str) -> bool:
        """Whether Linear weights are [in, out] in this layout's files of a format.

        The one rule for it: decided by the layout, the format and the layer's kind, never by a shape.
        """
        return self.linear_transposed or (self.linear_of_format and file_format == "pdparams")

    def assumed_options(self, num_segments: int) -> dict:
        """The options of the system's networks that its keys do not say."""
        return {name: num_segments if value == "num_segments" else value for name, value in self.assumed.items()}
