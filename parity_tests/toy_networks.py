"""Small networks of every kind of layer that a family can declare, in one order or another.

A block is a tuple of words, one for each layer of its residual branch in forward order, such as ("rep_dw relu", "se
sigmoid", "pw hardswish"). "dw" is a depthwise 3x3 convolution, "pw" a 1x1 one, "gw" one in two groups; "rep_" in front
of them makes it re-parameterised. The word behind it is the activation, or the gate of a squeeze and excitation.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.demo.material import draw_weights
from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.activation import activated, activated_sum
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.layers.parallel_convolution import ConvNorm
from paddle_tsm.models.layers.parallel_convolution import ParallelConvolution as ParallelLayer
from paddle_tsm.models.layers.squeeze_excitation import SqueezeExcitation as SqueezeLayer
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks import families
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Convolution, Linear, ParallelConvolution, Place, SqueezeExcitation
from paddle_tsm.networks.network import Network

WIDTH, CLASSES, T = 128, 7, 4
ACTIVATIONS = {"relu": F.relu, "hardswish": F.hardswish, "relu6": F.relu6}
GATES = {"sigmoid": F.sigmoid, "hardsigmoid": partial(F.hardsigmoid, slope=0.2, offset=0.5)}


@dataclass(frozen=True)
class Toy:
    """blocks: the words of each block, each of which is a stage. act: behind the sum, or behind the branch where the
    blocks have no shortcut. no_shift: the stages that do not shift. stem: whether there is one; without it the first
    block reads the frames. end: whether a convolution stands in front of the mean, and one behind it.
    """

    blocks: tuple[tuple[str, ...], ...]
    act: str | None = None
    shortcut: bool = True
    no_shift: tuple[int, ...] = ()
    stem: bool = True
    end: bool = False
    scales_at_inference: bool = False

    def declared(self, word: str, stage: int, number: int, network: Network):
        """The layer of a word, which reads and writes the stream where it is the first one and the last one."""
        kind, _, act = word.partition(" ")
        name, place = f"stage{stage}.0.layers.{number}", Place("branch", 1, stage, 0)
        ends = {"reads": number == 0, "writes": number == len(self.blocks[stage - 1]) - 1}
        if kind == "se":
            squeeze = Convolution(f"{name}.fc1", place, 8, WIDTH, (1, 1), bias=True, reads=ends["reads"])
            return SqueezeExcitation(
                squeeze, Convolution(f"{name}.fc2", place, WIDTH, 8, (1, 1), bias=True, writes=ends["writes"]), act
            )
        size = 1 if kind.endswith("pw") else 3
        groups = {"dw": WIDTH, "pw": 1, "gw": 2}[kind.removeprefix("rep_")]
        in_channels = WIDTH if self.stem or (stage, number) != (1, 0) else network.in_channels
        make = partial(Convolution, place=place, out_channels=WIDTH, in_channels=in_channels, groups=groups, **ends)
        if not kind.startswith("rep_"):
            return make(f"{name}.conv", kernel=(size, size), norm=f"{name}.bn", activation=act or None)
        fused = make(f"{name}.fused", kernel=(size, size), bias=True, activation=act or None)
        if network.fused:
            return fused
        branches = tuple(
            make(f"{name}.branches.{i}.conv", kernel=(k, k), norm=f"{name}.branches.{i}.bn")
            for i, k in enumerate((size, 1))
        )
        return ParallelConvolution(fused, branches, f"{name}.identity" if in_channels == WIDTH else None, act or None)

    def layers(self, network: Network):
        if self.stem:
            stem, channels = Place("stem", 1), network.in_channels
            yield Convolution(
                "first.conv", stem, WIDTH, channels, (3, 3), "first.bn", 2, activation="relu", writes=True
            )
        for stage, words in enumerate(self.blocks, 1):
            if network.temporal_attention and stage == 2:
                yield Linear("attention", Place("attention", 1, 2, 0), network.num_segments, network.num_segments)
            for number, word in enumerate(words):
                yield self.declared(word, stage, number, network)
        if self.end:
            yield Convolution(
                "end.conv", Place("end", 1), 32, WIDTH, (1, 1), "end.bn", activation="hardswish", reads=True
            )
            yield Convolution("last_conv", Place("end", None), 48, 32, (1, 1), activation="hardswish")

    def family(self) -> Family:
        variants = ({}, {"temporal_attention": True}, {"fused": True})
        return Family(
            name="toynet",
            model="toynet.ToyNet",
            signature="first|stage|fc",
            depths={"tsm_toynet": None},
            blocks=lambda depth: (1,) * len(self.blocks),
            layers=self.layers,
            block_name=lambda stage, block: f"stage{stage}.{block}",
            stream_channels=lambda network, stage: WIDTH,
            features=lambda network: 48 if self.end else WIDTH,
            stage_halvings=(1,) * len(self.blocks),
            can_shift=lambda stage, block: stage not in self.no_shift,
            variants=variants,
            other_linear=("attention",),
            dropout=0.2,
            scales_at_inference=self.scales_at_inference,
        )

    def built(self, monkeypatch, gain: float = 1.0, **options) -> "ToyNet":
        """The network in float64, in evaluation, with drawn weights. gain: a factor on BatchNorms' scales."""
        monkeypatch.setattr(families, "FAMILIES", (self.family(),))
        monkeypatch.setattr(families, "ARCHITECTURES", ("tsm_toynet",))
        network = Network("tsm_toynet", **{"num_classes": CLASSES, "num_segments": T, "shift_div": 4} | options)
        tensors = draw_weights(network)
        scales = {n: gain * v for n, v in tensors.items() if n.endswith(".weight") and v.ndim == 1}
        model = assign_weights(ToyNet(network, self).to(dtype="float64"), tensors | scales)
        model.eval()
        return model


class ToyBlock(Block):
    def __init__(self, network: Network, toy: Toy, stage: int):
        shortcut = toy.shortcut and (toy.stem or stage > 1)
        super().__init__(network, stage, 0, has_shortcut=shortcut, act=ACTIVATIONS.get(toy.act))
        self.layers, self.acts = nn.LayerList(), []
        for number, word in enumerate(toy.blocks[stage - 1]):
            layer = toy.declared(word, stage, number, network)
            if isinstance(layer, SqueezeExcitation):
                self.layers.append(SqueezeLayer(WIDTH, 8, GATES[layer.gate]))
                self.acts.append(None)
                continue
            self.acts.append(ACTIVATIONS.get(layer.activation))
            if word.startswith("rep_"):
                whole = ParallelConvolution(layer, ()) if network.fused else layer
                self.layers.append(ParallelLayer(whole, network.running_var, network.fused))
            else:
                sizes = layer.in_channels, layer.out_channels, layer.kernel[0], 1, layer.groups
                self.layers.append(ConvNorm(*sizes, network.running_var))
        self.add_non_local(network, stage, 0)

    def branch(self, x, added):
        for layer, act in zip(self.layers, self.acts):
            x = layer(x)
            x = x if act is None else act(x)
        return activated(x, self.act) if added is None else activated_sum(x, added, self.act)


class ToyNet(Recognizer):
    def __init__(self, network: Network, toy: Toy):
        super().__init__(network)
        self.stage_ends = {f"stage{i}": f"stage{i}.0" for i in range(1, len(toy.blocks) + 1)}
        if toy.stem:
            self.first = ConvNorm(network.in_channels, WIDTH, 3, 2, 1, network.running_var)
        for stage in range(1, len(toy.blocks) + 1):
            if network.temporal_attention and stage == 2:
                self.attention = nn.Linear(network.num_segments, network.num_segments)
            setattr(self, f"stage{stage}", nn.LayerList([ToyBlock(network, toy, stage)]))
        self.toy = toy
        if toy.end:
            self.end, self.last_conv = ConvNorm(WIDTH, 32, 1, 1, 1, network.running_var), conv(32, 48, 1)
        self.fc = self.new_classifier(network)

    def stages(self, x):
        x, outputs = F.relu(self.first(x)) if self.toy.stem else x, {}
        for name, (block,) in self.blocks_of_stages().items():
            if self.network.temporal_attention and name == "stage2":
                frames = x.reshape([-1, self.num_segments, *x.shape[1:]])
                weights = F.sigmoid(self.attention(frames.mean([2, 3, 4])))
                x = (frames * weights.reshape([*weights.shape, 1, 1, 1])).reshape(x.shape)
            x = outputs[name] = block(x)
        return outputs

    def extract_features(self, x):
        *_, last = self.stages(x).values()
        if not self.toy.end:
            return last.mean([2, 3])
        means = F.hardswish(self.end(last)).mean([2, 3], keepdim=True)
        return F.hardswish(self.last_conv(means)).flatten(1)

    def blocks_of_stages(self):
        return {name: list(getattr(self, name)) for name in self.stage_ends}

    def classifier_layer(self):
        return self.fc


def random_frames(model: ToyNet, clips: int, size: int = 16) -> paddle.Tensor:
    """Noise around a colour of each frame's own, float64."""
    rng, (rows, channels) = np.random.default_rng(0), (clips * model.num_segments, model.network.in_channels)
    return paddle.to_tensor(
        rng.standard_normal((rows, channels, size, size)) + rng.standard_normal((rows, channels, 1, 1))
    )
