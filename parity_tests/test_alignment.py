"""Which tensor is which: by the caller's lines, by name, input and order; kept in a file, and used as a converter."""

import re

import numpy as np
import paddle
import pytest
import torch
from paddle import nn as pd
from torch import nn as pt

from paddle_tsm.parity import compare_models, convert_weights
from paddle_tsm.parity.model_pair.alignment import Alignment
from parity_tests.function_models import PaddleNet, TorchNet

X = np.random.default_rng(0).standard_normal((3, 6))


def compared(a, b, x=X, align=None, **options):
    return compare_models(a, b, x, steps=0, align=align, float32=False, **options)


def pairs(report):
    return {pair.torch: (pair.paddle, pair.how) for pair in report.alignment.layers}


# By name, input and order


def test_wrappers_in_front_of_names():
    """Order alone would pair these the wrong way round: the second is called first in Paddle."""

    def forward(net, x):
        return net.module.a(x) + net.module.b(x)

    def turned(net, x):
        return net.b(x) + net.a(x)

    inner = TorchNet(None, a=pt.Linear(6, 6), b=pt.Linear(6, 6))
    report = compared(TorchNet(forward, module=inner), PaddleNet(turned, b=pd.Linear(6, 6), a=pd.Linear(6, 6)))
    assert report.equal
    assert pairs(report) == {"module.a": ("a", "name"), "module.b": ("b", "name")}


def test_another_order_of_definition():
    """The order in which layers are defined says nothing, the order in which they run does."""

    def forward(first, second):
        return lambda net, x: getattr(net, second)(getattr(net, first)(x).tanh())

    a = TorchNet(forward("one", "two"), two=pt.Linear(6, 6), one=pt.Linear(6, 6))
    b = PaddleNet(forward("front", "back"), front=pd.Linear(6, 6), back=pd.Linear(6, 6))
    report = compared(a, b)
    assert report.equal
    assert pairs(report) == {"one": ("front", "input"), "two": ("back", "input")}


def test_a_square_linear_is_transposed():
    report = compared(pt.Linear(6, 6), pd.Linear(6, 6))
    assert report.equal and report.alignment.tensors[0].transposed
    assert not compared(pt.Linear(6, 6), pd.Linear(6, 6), align={"weight": "weight"}).equal


def test_a_shortcut_in_front_of_the_main_branch():
    """The branches get the same input and are of other kinds, and one of Paddle's runs its shortcut first."""

    def main_first(net, x):
        main = net.b(net.a(x).relu())
        return main + net.down(x)

    def down_first(net, x):
        shortcut = net.shortcut(x)
        return net.second(pd.functional.relu(net.first(x))) + shortcut

    def layers(conv):
        return conv(4, 4, 3, padding=1), conv(4, 8, 3, padding=1), conv(4, 8, 1)

    names = ("a", "b", "down"), ("first", "second", "shortcut")
    a = TorchNet(main_first, **dict(zip(names[0], layers(pt.Conv2d))))
    b = PaddleNet(down_first, **dict(zip(names[1], layers(pd.Conv2D))))
    report = compared(a, b, np.random.default_rng(0).standard_normal((2, 4, 5, 5)))
    assert report.equal
    assert {a: b for a, (b, _) in pairs(report).items()} == dict(zip(*names))


# What nothing decides


def equal_branches(net_class, linear, names, order):
    """Two branches that get the same input, whose names tell nothing."""

    def forward(net, x):
        found = {name: getattr(net, name)(x) for name in order}
        return found[names[0]] - found[names[1]]

    return net_class(forward, **{name: linear(6, 6) for name in names})


def test_equal_branches_are_an_error_whose_line_decides():
    a = equal_branches(TorchNet, pt.Linear, ("left", "right"), ("left", "right"))
    b = equal_branches(PaddleNet, pd.Linear, ("up", "down"), ("down", "up"))
    with pytest.raises(ValueError, match="could be any of PyTorch's 'left', 'right'") as error:
        compared(a, b)
    align = printed_line(error)
    assert align.keys() <= {"left", "right"} and set(align.values()) <= {"up", "down"}
    given = pairs(compared(a, b, align=align))
    assert set(given) == {"left", "right"} and given[next(iter(align))] == (next(iter(align.values())), "align")
    assert compared(a, b, align={"left": "up"}).equal
    wrong = compared(a, b, align={"left": "down"})
    assert not wrong.equal


def test_layers_that_never_run_are_paired_by_name():
    def forward(net, x):
        return net.used(x)

    def layers(kind):
        return {"used": kind(6, 6), "spare": kind(6, 6), "other": kind(6, 6)}

    report = compared(TorchNet(forward, **layers(pt.Linear)), PaddleNet(forward, **layers(pd.Linear)))
    assert report.equal
    assert pairs(report) == {"used": ("used", "name"), "spare": ("spare", "name"), "other": ("other", "name")}


def test_layers_that_never_run_under_other_names_are_an_error():
    def forward(net, x):
        return net.used(x)

    a = TorchNet(forward, used=pt.Linear(6, 6), spare=pt.Linear(6, 6), other=pt.Linear(6, 6))
    b = PaddleNet(forward, used=pd.Linear(6, 6), one=pd.Linear(6, 6), two=pd.Linear(6, 6))
    with pytest.raises(ValueError, match="could be any of PyTorch's 'spare', 'other'"):
        compared(a, b)
    assert pairs(compared(a, b, align={"spare": "one"}))["other"][0] == "two"


# The caller's lines


def nested(net_class, linear, sequential, names):
    container = sequential(linear(6, 5), linear(5, 6))

    def forward(net, x):
        return getattr(net, names[1])(getattr(net, names[0])(x))

    return net_class(forward, **{names[0]: container, names[1]: linear(6, 6)})


def test_align_by_container():
    a = nested(TorchNet, pt.Linear, pt.Sequential, ("body", "head"))
    b = nested(PaddleNet, pd.Linear, pd.Sequential, ("trunk", "out"))
    report = compared(a, b, align={"body": "trunk"})
    assert report.equal
    assert pairs(report) == {
        "body.0": ("trunk.0", "align"),
        "body.1": ("trunk.1", "align"),
        "head": ("out", "input"),
    }


def test_the_longest_line_decides():
    a = TorchNet(lambda net, x: net.body.two(net.body.one(x).tanh()), body=pt.Module())
    a.body.one, a.body.two = pt.Linear(6, 6), pt.Linear(6, 6)
    b = PaddleNet(lambda net, x: net.trunk.one(net.trunk.two(x).tanh()), trunk=pd.Layer())
    b.trunk.one, b.trunk.two = pd.Linear(6, 6), pd.Linear(6, 6)
    assert not compared(a, b, align={"body": "trunk"}).equal
    align = {"body": "trunk", "body.one": "trunk.two", "body.two": "trunk.one"}
    assert compared(a, b, align=align).equal
    with pytest.raises(ValueError, match="'trunk.two' is paired twice, with 'body.one', 'body.two'"):
        compared(a, b, align={"body": "trunk", "body.one": "trunk.two"})
    with pytest.raises(ValueError, match="'nowhere' names no layer"):
        compared(a, b, align={"body": "nowhere"})


class TorchOwn(pt.Module):
    """A layer with a matrix of its own, [in, out]."""

    def __init__(self):
        super().__init__()
        self.matrix = pt.Parameter(torch.randn(6, 6))
        self.register_buffer("scale", torch.full((1,), 2.0))

    def forward(self, x):
        return x @ self.matrix * self.scale


class PaddleOwn(pd.Layer):
    """The same with the matrix transposed, under another name, and without the buffer."""

    def __init__(self):
        super().__init__()
        self.kernel = self.create_parameter([6, 6])
        self.spare = self.create_parameter([3])

    def forward(self, x):
        return paddle.matmul(x, self.kernel, transpose_y=True) * 2.0


def test_align_by_tensor_transposed_and_left_out():
    """Also saved as JSON and loaded back: the same lines and the same weights."""
    align = {"matrix": "kernel.T", "paddle: spare": None}
    with pytest.raises(ValueError, match="do not have the same layers"):
        compared(TorchOwn(), PaddleOwn(), align={"matrix": "kernel.T"})
    assert compared(TorchOwn(), PaddleOwn(), align=align).equal
    assert not compared(TorchOwn(), PaddleOwn(), align=align | {"matrix": "kernel"}).equal
    left_out = compared(TorchOwn(), PaddleOwn(), align=align).alignment.left_out
    assert left_out == {"torch": ["scale"], "paddle": ["spare"]}


def test_a_layer_left_out():
    def forward(net, x):
        return net.one(x)

    a = TorchNet(forward, one=pt.Linear(6, 6), auxiliary=pt.Linear(6, 2))
    with pytest.raises(ValueError, match=re.escape("align={'auxiliary': None} leaves a layer out")):
        compared(a, PaddleNet(forward, one=pd.Linear(6, 6)))
    assert compared(a, PaddleNet(forward, one=pd.Linear(6, 6)), align={"auxiliary": None}).equal


@pytest.mark.parametrize(
    "align, message",
    [
        ({"nowhere": "fc"}, "'nowhere' names no layer and no tensor of PyTorch's model"),
        ({"fc": "nowhere"}, "'nowhere' names no layer and no tensor of Paddle's model"),
        ({"nowhere": None}, "'nowhere' names no layer and no tensor of PyTorch's model"),
        ({"paddle: nowhere": None}, "names no layer and no tensor of Paddle's model"),
        ({"fc.weight": "fc.bias"}, "cannot be the same tensor"),
        ({"fc": "small"}, "cannot be Paddle's"),
        ({"": "nowhere"}, "'' names no layer and no tensor of PyTorch's model"),
        ({"fc.weight": "fc.weight.T", "small.weight": "fc.weight"}, "'fc.weight' names no tensor of Paddle's model"),
    ],
)
def test_lines_that_name_nothing(align, message):
    def forward(net, x):
        return net.small(net.fc(x))

    a = TorchNet(forward, fc=pt.Linear(6, 5), small=pt.Linear(5, 2))
    b = PaddleNet(forward, fc=pd.Linear(6, 5), small=pd.Linear(5, 2))
    with pytest.raises(ValueError, match=re.escape(message)):
        compared(a, b, align=align)


def test_a_buffer_that_only_one_side_has():
    class Masked(pt.Module):
        def __init__(self):
            super().__init__()
            self.fc = pt.Linear(6, 6)
            self.register_buffer("mask", torch.ones(6))

        def forward(self, x):
            return self.fc(x) * self.mask

    report = compared(Masked(), PaddleNet(lambda net, x: net.fc(x), fc=pd.Linear(6, 6)))
    assert report.equal and report.alignment.left_out["torch"] == ["mask"]


def test_an_integer_buffer_keeps_its_dtype():
    """Paddle's own `to(dtype)` would make it floating-point numbers, which cannot be an index."""

    class Picked(pd.Layer):
        def __init__(self):
            super().__init__()
            self.register_buffer("places", paddle.to_tensor([2, 0, 1]))

        def forward(self, x):
            return paddle.index_select(x, self.places, axis=1)

    class TorchPicked(pt.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("places", torch.tensor([2, 0, 1]))

        def forward(self, x):
            return x[:, self.places]

    assert compared(TorchPicked(), Picked(), gradients=False).equal


def test_the_model_itself_can_be_left_out():
    """Paddle's InstanceNorm has a weight by default, PyTorch's has none; the line that the error prints works."""
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 5))
    with pytest.raises(ValueError) as error:
        compared(pt.InstanceNorm2d(4), pd.InstanceNorm2D(4), x)
    assert compared(pt.InstanceNorm2d(4), pd.InstanceNorm2D(4), x, align=printed_line(error)).equal


def printed_line(error):
    """The value of align that an error's text gives, as a reader pastes it."""
    (line,) = re.findall(r"align=(\{.*?\})", str(error.value))
    return eval(line)


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
def test_the_line_for_two_tensors_of_unlike_names():
    a, b = pt.LSTM(8, 6, proj_size=3, batch_first=True), pd.LSTM(8, 6, proj_size=3)
    with pytest.raises(ValueError, match="pairs two tensors") as error:
        compared(a, b, np.random.default_rng(0).standard_normal((2, 5, 8)))
    assert printed_line(error) == {"weight_hr_l0": "0.cell.weight_ho.T"}
    assert compared(a, b, np.random.default_rng(0).standard_normal((2, 5, 8)), align=printed_line(error)).equal


class Buffers(pt.Module):
    """A buffer that state dicts leave out, beside one that they have."""

    def __init__(self):
        super().__init__()
        self.fc = pt.Linear(6, 6)
        self.register_buffer("factor", torch.tensor([2.0]), persistent=False)
        self.register_buffer("kept", torch.tensor([3.0]))

    def forward(self, x):
        return self.fc(x) * self.factor * self.kept


class PaddleBuffers(pd.Layer):
    def __init__(self):
        super().__init__()
        self.fc = pd.Linear(6, 6)
        self.register_buffer("factor", paddle.to_tensor([2.0]), persistable=False)
        self.register_buffer("kept", paddle.to_tensor([3.0]))

    def forward(self, x):
        return self.fc(x) * self.factor * self.kept


def test_masks_of_opposite_meaning():
    """PyTorch's mask says what to hide, Paddle's what to keep."""
    keep = np.tril(np.ones((5, 5), bool))
    hide = torch.tensor(~keep)
    encoder = pt.TransformerEncoder(
        pt.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1, enable_nested_tensor=False
    )
    a = TorchNet(lambda net, x: net.encoder(x, hide), encoder=encoder)
    b = PaddleNet(
        lambda net, x: net.encoder(x, paddle.to_tensor(keep)),
        encoder=pd.TransformerEncoder(pd.TransformerEncoderLayer(8, 2, 16, 0.0), 1),
    )
    x = np.random.default_rng(0).standard_normal((2, 5, 8))
    assert compared(a, b, x).equal
    b.function = lambda net, x: net.encoder(x, paddle.to_tensor(~keep | np.eye(5, dtype=bool)))
    assert not compared(a, b, x).equal


# The converter

SMALL = np.random.default_rng(0).standard_normal((2, 5, 4))


def tied(net_class, embedding, linear):
    net = net_class(None, embedding=embedding(7, 4), hidden=linear(4, 4))
    matmul = (lambda x, w: x @ w.T) if net_class is TorchNet else (lambda x, w: paddle.matmul(x, w, transpose_y=True))
    net.function = lambda net, x: matmul(net.hidden(net.embedding(x)), net.embedding.weight)
    return net


def shared(net_class, linear):
    """One layer under two names."""
    layer = linear(4, 4)
    return net_class(lambda net, x: net.again(net.first(x)), first=layer, again=layer)


CONVERTED = {
    "LSTM": (
        lambda: pt.LSTM(4, 3, num_layers=2, batch_first=True, bidirectional=True),
        lambda: pd.LSTM(4, 3, num_layers=2, direction="bidirect"),
        SMALL,
    ),
    "attention": (
        lambda: pt.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True),
        lambda: pd.TransformerEncoderLayer(4, 2, 6, dropout=0.0),
        SMALL,
    ),
    "tied embedding": (
        lambda: tied(TorchNet, pt.Embedding, pt.Linear),
        lambda: tied(PaddleNet, pd.Embedding, pd.Linear),
        np.array([[1, 5, 2]]),
    ),
    "shared layer": (lambda: shared(TorchNet, pt.Linear), lambda: shared(PaddleNet, pd.Linear), SMALL),
    "buffers": (Buffers, PaddleBuffers, X),
    "BatchNorm": (
        lambda: pt.Sequential(pt.Conv2d(3, 4, 3), pt.BatchNorm2d(4)),
        lambda: pd.Sequential(pd.Conv2D(3, 4, 3), pd.BatchNorm2D(4)),
        np.random.default_rng(0).standard_normal((2, 3, 5, 5)),
    ),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_weights_go_there_and_back_with_identical_bits(name, tmp_path):
    """Through a file, into a real state dict of either library, all of whose names must be there."""
    torch.manual_seed(1)
    make_torch, make_paddle, x = CONVERTED[name]
    a, b = make_torch().eval(), make_paddle()
    b.eval()
    path = tmp_path / "align.json"
    compared(a, b, x).alignment.save(path)
    there = convert_weights(a.state_dict(), path)
    assert b.set_state_dict(there) == ([], [])
    back = convert_weights(b.state_dict(), Alignment.load(path), to="torch")
    state = a.state_dict()
    for key, array in back.items():
        assert array.dtype == state[key].numpy().dtype and array.tobytes() == state[key].numpy().tobytes(), key
    assert "factor" not in there and {key for key in state if not key.endswith("num_batches_tracked")} == set(back)
    x = x.astype("float32") if x.dtype.kind == "f" else x
    ours, theirs = b(paddle.to_tensor(x)), a(torch.tensor(x))
    if name == "LSTM":
        ours, theirs = ours[0], theirs[0]
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=0, atol=1e-5)


def test_shared_and_tied_tensors_count_once():
    for name, count in (("tied embedding", 3), ("shared layer", 2)):
        make_torch, make_paddle, x = CONVERTED[name]
        report = compared(make_torch(), make_paddle(), x)
        assert report.equal and len(report.alignment.tensors) == count


def test_a_saved_alignment_is_an_align(tmp_path):
    a = equal_branches(TorchNet, pt.Linear, ("left", "right"), ("left", "right"))
    b = equal_branches(PaddleNet, pd.Linear, ("up", "down"), ("down", "up"))
    report = compared(a, b, align={"left": "up"})
    report.alignment.save(tmp_path / "align.json")
    assert Alignment.load(tmp_path / "align.json") == report.alignment
    assert compared(a, b, align=tmp_path / "align.json").equal
    assert compared(a, b, align=report.alignment.lines()).equal
    (tmp_path / "align.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="is no alignment that paddle-tsm wrote"):
        compared(a, b, align=tmp_path / "align.json")


def test_weights_that_do_not_fit_are_refused():
    a, b = pt.Linear(6, 5), pd.Linear(6, 5)
    align = compared(a, b).alignment
    state = {name: tensor.numpy() for name, tensor in a.state_dict().items()}
    with pytest.raises(ValueError, match="no such tensor; 1 are missing"):
        convert_weights({"weight": state["weight"]}, align)
    with pytest.raises(ValueError, match="extra: the alignment knows no such tensor"):
        convert_weights(state | {"extra": state["bias"]}, align)
    with pytest.raises(ValueError, match=re.escape("weight: got the shape [4, 6], wanted PyTorch's [5, 6]")):
        convert_weights(state | {"weight": state["weight"][:4]}, align)
    with pytest.raises(ValueError, match=re.escape("weight: got the shape [6, 5], wanted PyTorch's [5, 6]")):
        convert_weights(state | {"weight": state["weight"].T}, align)
    with pytest.raises(ValueError, match=re.escape("weight: got the shape [5, 6], wanted Paddle's [6, 5]")):
        convert_weights(state, align, to="torch")


# Faults that a pairing could hide


def test_two_layers_in_the_wrong_order_are_not_renamed():
    """Both models call the layers alike, so the names count; the input that the first one takes shows the fault."""

    def forward(net, x):
        return net.second(net.first(x).tanh())

    def wrong(net, x):
        return net.first(net.second(x).tanh())

    a = TorchNet(forward, first=pt.Linear(6, 6), second=pt.Linear(6, 6))
    b = PaddleNet(wrong, first=pd.Linear(6, 6), second=pd.Linear(6, 6))
    report = compared(a, b)
    assert pairs(report) == {"first": ("first", "name"), "second": ("second", "name")}
    assert not report.equal and report.first_layer == "between the input and first"


def test_names_that_agree_by_chance():
    """The places in a Sequential count the activations in one model only."""
    a = pt.Sequential(pt.Linear(6, 6), pt.Tanh(), pt.Linear(6, 6), pt.Tanh(), pt.Linear(6, 6))

    class Bare(pd.Layer):
        def __init__(self):
            super().__init__()
            self.layers = pd.LayerList([pd.Linear(6, 6) for _ in range(3)])

        def forward(self, x):
            for layer in self.layers[:2]:
                x = layer(x).tanh()
            return self.layers[2](x)

    report = compared(a, Bare())
    assert report.equal
    assert pairs(report) == {"0": ("layers.0", "input"), "2": ("layers.1", "input"), "4": ("layers.2", "input")}


def attention_by_hand(net_class, linear, names):
    def forward(net, x):
        q, k, v = (getattr(net, name)(x) for name in names)
        weights = (q.unsqueeze(2) * k.unsqueeze(1)).exp()
        return net.out((weights * v.unsqueeze(1)).sum(2))

    return net_class(forward, **{name: linear(6, 6) for name in names}, out=linear(6, 6))


@pytest.mark.parametrize("names, how", [(("q_proj", "k_proj", "v_proj"), "name"), (("one", "two", "three"), "order")])
def test_projections_of_one_input(names, how):
    """Paired by similar names, or by their order where the outputs then agree."""
    a = attention_by_hand(TorchNet, pt.Linear, ("to_q", "to_k", "to_v"))
    report = compared(a, attention_by_hand(PaddleNet, pd.Linear, names))
    assert report.equal
    expected = dict(zip(("to_q", "to_k", "to_v"), names))
    assert {a: b for a, (b, _) in pairs(report).items()} == expected | {"out": "out"}
    assert pairs(report)["to_q"][1] == how


def test_a_linear_layer_is_a_convolution_where_the_caller_says_so():
    a = TorchNet(lambda net, x: net.fc(x.mean((2, 3))), fc=pt.Linear(4, 5))
    b = PaddleNet(lambda net, x: net.conv(x.mean((2, 3), keepdim=True)).flatten(1), conv=pd.Conv2D(4, 5, 1))
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 3))
    with pytest.raises(ValueError, match="do not have the same layers"):
        compared(a, b, x)
    assert compared(a, b, x, align={"fc.weight": "conv.weight", "fc.bias": "conv.bias"}).equal


def test_weights_tied_through_a_layer_on_one_side_only():
    """PyTorch's head is a Linear layer that holds the embedding's weight, Paddle multiplies by that weight."""
    a = TorchNet(
        lambda net, x: net.head(net.embedding(x)), embedding=pt.Embedding(7, 4), head=pt.Linear(4, 7, bias=False)
    )
    a.head.weight = a.embedding.weight
    b = PaddleNet(
        lambda net, x: paddle.matmul(net.embedding(x), net.embedding.weight, transpose_y=True),
        embedding=pd.Embedding(7, 4),
    )
    report = compared(a, b, np.array([[1, 5, 2]]))
    assert report.equal and len(report.alignment.tensors) == 1
    back = convert_weights(b.state_dict(), report.alignment, to="torch")
    assert set(back) == {"embedding.weight", "head.weight"}
    a.load_state_dict({name: torch.tensor(array) for name, array in back.items()})
