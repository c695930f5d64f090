"""Residual branches that no network of ours has: each is exported as it is, or refused in one line that names its
layer.
"""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.demo.material import draw_weights
from paddle_tsm.export.inference_network import InferenceNetwork
from paddle_tsm.export.io_spec import clip_io
from paddle_tsm.export.paddle_program import kind_of, operators_of, read_json
from paddle_tsm.export.static_graph import save_static
from paddle_tsm.export.stream_shift import GatherShift, TimeMajorShift
from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.activation import activated_sum
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks import families
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Convolution, Place
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES

FLOAT64 = TOLERANCES["float64"].limit
STAGES, T, WIDTH = 3, 4, 128
ACTIVATIONS = {None: None, "relu": F.relu, "silu": F.silu}


def toy_family(groups: tuple[int, ...], activation: str | None) -> Family:
    """A stem, and stages of one block each. groups: of the convolutions of a branch. activation: of the last of
    them.
    """

    def layers(network):
        stem = Place("stem", 1)
        yield Convolution("conv1", stem, WIDTH, 3, (3, 3), "bn1", stride=2, activation="relu", writes=True)
        for stage in range(1, STAGES + 1):
            for i, count in enumerate(groups):
                last, name = i == len(groups) - 1, f"stage{stage}.0"
                yield Convolution(
                    f"{name}.conv{i}",
                    Place("branch", 1, stage, 0),
                    WIDTH,
                    WIDTH,
                    (3, 3),
                    f"{name}.bn{i}",
                    groups=count,
                    activation=activation if last else "relu",
                    reads=i == 0,
                    writes=last,
                )

    return Family(
        name="toynet",
        model="toynet.ToyNet",
        signature="conv1|bn1|stage|fc",
        depths={"tsm_toynet": None},
        blocks=lambda depth: (1,) * STAGES,
        layers=layers,
        block_name=lambda stage, block: f"stage{stage}.{block}",
        stream_channels=lambda network, stage: WIDTH,
        features=lambda network: WIDTH,
        stage_halvings=(1,) * STAGES,
    )


class ToyBlock(Block):
    def __init__(self, network: Network, stage: int, groups: tuple[int, ...], activation: str | None):
        super().__init__(network, stage, 0, act=F.relu)
        self.count, self.activation = len(groups), ACTIVATIONS[activation]
        for i, count in enumerate(groups):
            setattr(self, f"conv{i}", conv(WIDTH, WIDTH, 3, 1, count))
            setattr(self, f"bn{i}", BatchNorm(WIDTH))
        self.add_non_local(network, stage, 0)

    def branch(self, x, added):
        for i in range(self.count):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            act = F.relu if i < self.count - 1 else self.activation
            x = x if act is None else act(x)
        return activated_sum(x, added, self.act)


class ToyNet(Recognizer):
    stage_ends = {f"stage{i}": f"stage{i}.0" for i in range(1, STAGES + 1)}

    def __init__(self, network: Network, groups: tuple[int, ...], activation: str | None):
        super().__init__(network)
        self.conv1, self.bn1 = conv(3, WIDTH, 3, 2), BatchNorm(WIDTH)
        for stage in range(1, STAGES + 1):
            setattr(self, f"stage{stage}", nn.LayerList([ToyBlock(network, stage, groups, activation)]))
        self.fc = self.new_classifier(network)

    def stem(self, x):
        return F.relu(self.bn1(self.conv1(x)))

    def blocks_of_stages(self):
        return {name: list(getattr(self, name)) for name in self.stage_ends}

    def classifier_layer(self):
        return self.fc


def built(monkeypatch, groups: tuple[int, ...], activation: str | None, **options) -> ToyNet:
    """The toy network in float64, in evaluation, with drawn weights."""
    monkeypatch.setattr(families, "FAMILIES", (toy_family(groups, activation),))
    monkeypatch.setattr(families, "ARCHITECTURES", ("tsm_toynet",))
    network = Network("tsm_toynet", num_classes=7, num_segments=T, shift_div=4, **options)
    model = assign_weights(ToyNet(network, groups, activation).to(dtype="float64"), draw_weights(network))
    model.eval()
    return model


@pytest.mark.parametrize("shift_class", [TimeMajorShift, GatherShift])
@pytest.mark.parametrize("place", ["blockres", "block"])
@pytest.mark.parametrize(
    "groups, activation",
    [
        ((1,), None),  # one convolution, which reads the stream and writes it
        ((1,), "relu"),  # a function between the branch and the sum
        ((WIDTH, 1), None),  # a grouped convolution that reads what is shifted
        ((1, WIDTH, 1), "relu"),
        ((WIDTH,), None),  # a convolution of each channel, which reads the stream in parts and writes it
        ((1, 2), None),  # groups, in which no part can be written
    ],
)
def test_the_exported_form_is_the_network(monkeypatch, shift_class, place, groups, activation):
    model = built(monkeypatch, groups, activation, shift_place=place)
    form = InferenceNetwork(model, shift_class)
    form.eval()
    assert all(block.shift.in_parts for stage in form.stages for block in stage)
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((2 * T, 3, 32, 32)))
    with paddle.no_grad():
        expected, found = model(x).numpy(), form(x).numpy()
    assert compare("logits", expected, found, FLOAT64).passed
    other = built(monkeypatch, groups, activation, shift_place=place, shift_order="past_first")
    with paddle.no_grad():
        assert not compare("logits", expected, other(x).numpy(), 1e-6).passed  # the shift matters


@pytest.mark.parametrize("shift_class, apart", [(TimeMajorShift, True), (GatherShift, False)])
def test_where_a_shortcut_is_added(monkeypatch, tmp_path, shift_class, apart):
    """Paddle Inference is quicker where it does not add in a convolution, and would do so if it were a sum."""
    form = InferenceNetwork(built(monkeypatch, (1,), None), shift_class)
    form.eval()
    save_static(form, f"{tmp_path}/model", clip_io(T, (32, 32)))
    kinds = [kind_of(one) for one in operators_of(read_json(f"{tmp_path}/model.json"))]
    assert kinds.count("subtract") == (sum(map(len, form.stages)) if apart else 0)


@pytest.mark.parametrize(
    "groups, activation, said",
    [
        ((1,), "silu", "stage1.0.conv0 has the activation silu, wanted none, or relu, relu6, leaky_relu, hardswish"),
        ((), None, "a block without a convolution in its residual branch"),
    ],
)
def test_what_has_no_exported_form(monkeypatch, groups, activation, said):
    model = built(monkeypatch, groups, activation)
    with pytest.raises(ValueError, match=said) as error:
        InferenceNetwork(model)
    assert "\n" not in str(error.value)
