"""Non-local blocks (Wang et al., arXiv:1711.07971): what they can be, where they stand, and their layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from paddle_tsm.networks.layers import Convolution, Place

MODES = ("embedded_gaussian", "gaussian", "dot_product", "concatenation")
# MIT ops/non_local.py 1f6a834 `make_non_local`; mmaction2's tsm_nl configs have the same
UPSTREAM_BLOCKS = ((2, 0), (2, 2), (3, 0), (3, 2), (3, 4))


@dataclass(frozen=True)
class NonLocalOptions:
    """mode: the pairwise function. blocks: (stage from 1, block from 0) of each residual block that a non-local one
    follows.

    sub_sample: halve height and width of what is attended to. use_scale: divide by sqrt(C') before the softmax of
    embedded_gaussian. out_bias: the output convolution has a bias (MIT) besides its BatchNorm.
    """

    mode: str = "embedded_gaussian"
    blocks: tuple[tuple[int, int], ...] = UPSTREAM_BLOCKS
    sub_sample: bool = True
    use_scale: bool = False
    out_bias: bool = False


def parse_non_local(value, depths: tuple[int, ...]) -> NonLocalOptions | None:
    """The options that `value` stands for, in a network with `depths` blocks in its stages.

    value: None or False (no non-local blocks); True (upstream's); a mode; a dict of NonLocalOptions' fields, where
    "blocks" may also be {"layer2": (0, 2), ...} or mmaction2's mask, one sequence of 0 and 1 a stage; or that mask
    alone. Where no blocks are named they are upstream's, as far as the network has them. Raises ValueError for what is
    none of these and for a block that is not there.
    """
    if value is None or value is False:
        return None
    if isinstance(value, NonLocalOptions):
        value = vars(value)
    if value is True:
        value = {}
    elif isinstance(value, str):
        value = {"mode": value}
    elif isinstance(value, (list, tuple)):
        value = {"blocks": mask_to_blocks(value)}
    if not isinstance(value, dict) or set(value) - {*NonLocalOptions.__dataclass_fields__, "norm_cfg"}:
        raise ValueError(
            f"non_local: got {value!r}, wanted a mode ({', '.join(MODES)}), a dict with some of "
            f"{', '.join(NonLocalOptions.__dataclass_fields__)}, or one mask a stage"
        )
    value = {
        name: option for name, option in value.items() if name != "norm_cfg"
    }  # mmaction2's says BN3d, which it always is
    there = [(stage, block) for stage, depth in enumerate(depths, 1) for block in range(depth)]
    if value.get("blocks") is None:
        value["blocks"] = tuple(place for place in UPSTREAM_BLOCKS if place in there)
    elif isinstance(value["blocks"], dict):
        value["blocks"] = [
            (int(str(stage).removeprefix("layer")), b) for stage, bs in value["blocks"].items() for b in bs
        ]
    elif any(not isinstance(stage, (list, tuple)) or len(stage) != 2 for stage in value["blocks"]):
        value["blocks"] = mask_to_blocks(value["blocks"])
    value["blocks"] = tuple(sorted(tuple(place) for place in value["blocks"]))
    options = NonLocalOptions(**value)
    if options.mode not in MODES:
        raise ValueError(f"non_local mode: got {options.mode!r}, wanted one of {', '.join(MODES)}")
    for place in options.blocks:
        if place not in there:
            raise ValueError(
                f"non_local: got a block at {place}, wanted (stage, block) within stages of {depths} blocks"
            )
    return options if options.blocks else None


def mask_to_blocks(mask) -> tuple[tuple[int, int], ...]:
    """mmaction2's mask, one sequence of 0 and 1 a stage (a bare 0: none), as (stage, block) pairs."""
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
