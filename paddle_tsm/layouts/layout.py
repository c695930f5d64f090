"""What the checkpoints of one upstream system look like, and what that system can run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.networks.families import FAMILIES
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


@dataclass(frozen=True)
class Limit:
    """Something that a system cannot run.

    reason: the end of a sentence that begins with the system's name; {n} in it stands for the network. applies: whether
    the limit forbids a network.
    """

    reason: str
    applies: Callable[[Network], bool]


def no_options(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    return {}


def says_nothing(key: str) -> None:
    return None


def no_naming_options(keys: Iterable[str]) -> dict:
    return {}


def no_placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    return {}


@dataclass(frozen=True, eq=False)
class Layout:
    """The key names of one system's checkpoints. Everything that depends on the layout is a field here.

    Recognising and naming:
    name: as `--from` and `--to` take it.
    signature: a regular expression that most keys of a file match from their beginning.
    tables: family -> key table. None where the keys are the canonical names, of any family.
    wrapper: the keys that lead to the network in the system's files.
    front: what stands in front of every key of a network, and what a file may lack: DataParallel's segment in MIT's
        files, and the recognizer's in PaddleVideo's, which its backbone's own files do not have.
    parts: the modules that make up a network, in the order in which the system's distillation numbers them (PaddleVideo
        framework/recognizers/recognizerDistillation.py ed245e9); () where it has none.
    placeholders: (network, tensor) -> values for the templates of keys, besides those of `key_table.py`.
    unwrapped: key -> the key without the modules that the system wraps around others, which depend on the options.

    What the system is:
    limits: what it cannot run.
    usual_architecture: what its checkpoints usually hold.
    preset: whose pixels its networks were trained on (see `data/presets.py`); None where it is no video system.
    flow_preset: the same of its networks of optical flow, which do not take the 3 channels of a picture.
    shift_order: the order that it runs; None where the layout belongs to no system with a shift.
    non_local_bias: whether a non-local block's output convolution has a bias; None where either may be.
    non_local_output_behind_g: whether the module of that convolution comes right behind g's.
    excitation_first: whether the module of squeeze and excitation comes in front of its block's convolution.

    How its files store tensors:
    step_counters: whether a BatchNorm has num_batches_tracked.
    linear_transposed: whether Linear weights are [in, out] in every file format.
    linear_of_format: whether they have the orientation of the framework that the file format belongs to.

    What its keys say of the options:
    keys_tell_shift: whether the keys say which modules are shifted.
    assumed: options that the system's networks have and no key says; "num_segments" stands for that option's value.
    options_of_keys: (keys, key -> canonical name, a plain network) -> options that the keys say.
    sub_sample_of_key: the key of a non-local block's g weight -> its option `sub_sample`; None where it does not say.
    naming_options: keys -> options that the keys were named after, which a caller may still change when it runs the
        network.
    """

    name: str
    signature: str
    tables: Mapping[str, tuple[KeyRow, ...]] | None
    limits: tuple[Limit, ...] = ()
    usual_architecture: str = "tsm_resnet50"
    preset: str | None = None
    flow_preset: str | None = None
    wrapper: tuple[str, ...] = ()
    front: str = ""
    parts: tuple[str, ...] = ()
    step_counters: bool = True
    linear_transposed: bool = False
    linear_of_format: bool = False
    shift_order: str | None = None
    keys_tell_shift: bool = False
    non_local_bias: bool | None = None
    non_local_output_behind_g: bool = False
    excitation_first: bool = False
    assumed: dict[str, object] = field(default_factory=dict)
    placeholders: Callable[[Network, Tensor], dict[str, str]] = no_placeholders
    unwrapped: Callable[[str], str] = str
    options_of_keys: Callable[[Iterable[str], dict[str, str], Network], dict] = no_options
    sub_sample_of_key: Callable[[str], bool | None] = says_nothing
    naming_options: Callable[[Iterable[str]], dict] = no_naming_options

    def families(self) -> tuple[Family, ...]:
        """The families whose networks the system has."""
        return tuple(family for family in FAMILIES if self.tables is None or family.name in self.tables)

    def why_not(self, network: Network) -> str | None:
        """Why the system cannot run the network; None where it can."""
        if network.family not in self.families():
            return f"{self.name} has no {network.arch}"
        return next((limit.reason.format(n=network) for limit in self.limits if limit.applies(network)), None)

    def transposes_linear(self, file_format: str) -> bool:
        """Whether Linear weights are [in, out] in this layout's files of a format. The shape never decides it."""
        return self.linear_transposed or (self.linear_of_format and file_format == "pdparams")

    def assumed_options(self, num_segments: int) -> dict:
        """The options that the system's networks have and no key says, for networks of `num_segments` frames."""
        return {name: num_segments if value == "num_segments" else value for name, value in self.assumed.items()}
