"""The kinds of input among the networks that are evaluated together: RGB frames, optical flow, or both."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paddle_tsm.data.presets import Preset
from paddle_tsm.inference.evaluated_networks import EvaluatedNetwork, shared_input, shared_names, shared_preset
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network


@dataclass(frozen=True)
class Modality:
    """Networks that take the same input. taken, preset: how a clip becomes it."""

    networks: list[EvaluatedNetwork]
    taken: NetworkInput
    preset: Preset


def takes_rgb(one: EvaluatedNetwork) -> bool:
    """Whether the network takes RGB frames; else it takes optical flow."""
    return one.found.network.in_channels == Network.in_channels


def one_modality(networks: list[EvaluatedNetwork], given: dict, average: str | None) -> Modality:
    """That of networks that all take the same input. given, average: see `shared_input` and `shared_preset`, which
    raise ValueError.
    """
    if len({takes_rgb(one) for one in networks}) > 1:
        raise ValueError(
            "weights: got networks of RGB frames and of optical flow, which take different clips; wanted "
            "`paddle-tsm evaluate --rgb-and-flow`, which names the list of the flow"
        )
    taken = shared_input(networks, given)
    return Modality(networks, taken, shared_preset(networks, taken, average))


def rgb_and_flow(networks: list[EvaluatedNetwork], given: dict, average: str | None) -> tuple[Modality, Modality]:
    """(the modality of RGB frames, that of optical flow).

    A preset that was given is that of the RGB frames; everything else that was given is for both. Raises ValueError
    where there are not networks of both, where the classes of both have different names, and where one's scores are
    logits and the other's are probabilities.
    """
    groups = [[one for one in networks if takes_rgb(one) is rgb] for rgb in (True, False)]
    for group, what in zip(groups, ("RGB frames, with 3", "optical flow, with 10")):
        if not group:
            raise ValueError(f"weights: got no network of {what} input channels, wanted one beside the others")
    rgb = one_modality(groups[0], given, average)
    flow = one_modality(groups[1], given | {"preset": None}, average)
    if rgb.preset.average != flow.preset.average:
        raise ValueError(
            f"average: got {rgb.preset.average} of the RGB networks' preset {rgb.preset.name} and "
            f"{flow.preset.average} of the flow networks' {flow.preset.name}, which have no common scale; wanted "
            "`paddle-tsm evaluate --average probabilities`, or logits, as MIT takes the mean of both"
        )
    names = shared_names([one.taken.class_names for one in (rgb, flow) if one.taken.class_names])
    return replace(rgb, taken=replace(rgb.taken, class_names=names)), flow
