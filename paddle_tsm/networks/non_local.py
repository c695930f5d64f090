"""Non-local blocks (Wang et al., arXiv:1711.07971): their options, where they stand, and their layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from paddle_tsm.networks.layers import Convolution, Place

MODES = ("embedded_gaussian", "gaussian", "dot_product", "concatenation")
# Source: MIT ops/non_local.py 1f6a834 `make_non_local`. mmaction2's tsm_nl configurations have the same blocks.
UPSTREAM_BLOCKS = ((2, 0), (2, 2), (3, 0), (3, 2), (3, 4))


@dataclass(frozen=True)
class NonLocalOptions:
    """The options of all non-local blocks of a network.

    mode: the pairwise function.
    blocks: (stage from 1, block from 0) of each residual block that a non-local block follows.
    sub_sample: whether height and width of the positions that are attended to are halved.
    use_scale: whether embedded_gaussian divides by sqrt(C') in front of the softmax.
    out_bias: whether the output convolution has a bias besides its BatchNorm, as MIT's has.
    """

    mode: str = "embedded_gaussian"
    blocks: tuple[tuple[int, int], ...] = UPSTREAM_BLOCKS
    sub_sample: bool = True
    use_scale: bool = False
    out_bias: bool = False


FIELDS = tuple(field.name for field in fields(NonLocalOptions))


def parse_non_local(value: object, depths: tuple[int, ...]) -> NonLocalOptions | None:
    """The options that `value` stands for, in a network whose stages have `depths` blocks.

    value: None or False (no non-local blocks); True (upstream's); a mode; a dict with some fields of NonLocalOptions;
    or a mask as in mmaction2. In the dict, "blocks" may also be {"layer2": (0, 2), ...} or such a mask. Where no blocks
    are named, they are those of upstream that the network has.
    Raises ValueError for any other value, and for a block that the network does not have.
    """
    given = given_options(value)
    if given is None:
        return None
    there = [(stage, block) for stage, depth in enumerate(depths, 1) for block in range(depth)]
    blocks = given.get("blocks")
    given["blocks"] = tuple(place for place in UPSTREAM_BLOCKS if place in there) if blocks is None else places(blocks)
    options = NonLocalOptions(**given)
    if options.mode not in MODES:
        raise ValueError(f"non_local mode: got {options.mode!r}, wanted one of {', '.join(MODES)}")
    for place in options.blocks:
        if place not in there:
            raise ValueError(
                f"non_local: got a block at {place}, wanted (stage, block) within stages of {depths} blocks"
            )
    return options if options.blocks else None


def given_options(value: object) -> dict | None:
    """The fields of NonLocalOptions that `value` gives; None where it asks for no non-local blocks."""
    if value is None or value is False:
        return None
    if isinstance(value, NonLocalOptions):
        return dict(vars(value))
    if value is True:
        return {}
    if isinstance(value, str):
        return {"mode": value}
    if isinstance(value, (list, tuple)):
        return {"blocks": mask_to_blocks(value)}
    if not isinstance(value, dict) or set(value) - {*FIELDS, "norm_cfg"}:
        raise ValueError(
            f"non_local: got {value!r}, wanted a mode ({', '.join(MODES)}), a dict with some of {', '.join(FIELDS)}, "
            "or one mask a stage"
        )
    # norm_cfg is a field of mmaction2's, which always says BN3d
    return {name: option for name, option in value.items() if name != "norm_cfg"}


def places(blocks) -> tuple[tuple[int, int], ...]:
    """The sorted (stage, block) pairs of `blocks`: pairs already, {"layer2": (0, 2), ...}, or a mask."""
    if isinstance(blocks, dict):
        blocks = [(int(str(stage).removeprefix("layer")), b) for stage, numbers in blocks.items() for b in numbers]
    elif any(not isinstance(stage, (list, tuple)) or len(stage) != 2 for stage in blocks):
        blocks = mask_to_blocks(blocks)
    return tuple(sorted(tuple(place) for place in blocks))


def mask_to_blocks(mask: Sequence) -> tuple[tuple[int, int], ...]:
    """The (stage, block) pairs of mmaction2's mask, which is one sequence of 0 and 1 a stage, or a bare 0 for none."""
    stages = [stage if isinstance(stage, (list, tuple)) else () for stage in mask]
    return tuple((s, b) for s, blocks in enumerate(stages, 1) for b, wanted in enumerate(blocks) if wanted)


def non_local_layers(block: str, channels: int, options: NonLocalOptions, place: Place) -> Iterator[Convolution]:
    """The layers of the non-local block that follows the residual block named `block`, whose output has `channels`."""
    name, inner, place = f"{block}.non_local", max(channels // 2, 1), replace(place, part="non_local")
    for layer in ("g",) if options.mode == "gaussian" else ("g", "theta", "phi"):
        yield Convolution(f"{name}.{layer}", place, inner, channels, (1, 1, 1), bias=True, reads=True)
    if options.mode == "concatenation":
        yield Convolution(f"{name}.concat", place, 1, 2 * inner, (1, 1))
    yield Convolution(
        f"{name}.out", place, channels, inner, (1, 1, 1), f"{name}.norm", bias=options.out_bias, writes=True
    )
