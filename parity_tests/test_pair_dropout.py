"""Any pair in training mode: dropout is off wherever it hides, or drops the same values in both frameworks."""

import numpy as np
import paddle
import paddle.nn.functional as PF
import pytest
import torch
import torch.nn.functional as TF
from paddle.incubate.nn.functional import fused_dropout_add
from paddle.nn.functional import dropout as dropout_by_name
from paddle.nn.functional.flash_attention import flash_attention
from torch import nn

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.model_pair.dropout_masks import Draws
from paddle_tsm.parity.model_pair.paddle_dropout import paddle_dropout
from paddle_tsm.parity.report.report_text import notes
from parity_tests.small_pairs import largest, problem

LIMIT = 1e-9
pytestmark = pytest.mark.filterwarnings("ignore:Currently, fused_dropout_add")  # Paddle says so of its own function


class TorchNet(nn.Module):
    """Two linear layers with `drop(values, training)` between them; the values are reshaped for it."""

    def __init__(self, drop, shape):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.last, self.shape = nn.Linear(6, 16), nn.Linear(16, 3), shape
        self.drop = drop

    def forward(self, x):
        hidden = (torch.tanh(self.first(x)) * 1.5).reshape([x.shape[0], *self.shape])
        hidden = self.drop(hidden) if isinstance(self.drop, nn.Module) else self.drop(hidden, self.training)
        return self.last(hidden.reshape(x.shape[0], 16))


class PaddleNet(paddle.nn.Layer):
    """The same in Paddle."""

    def __init__(self, drop, shape):
        super().__init__()
        self.first, self.last, self.shape = paddle.nn.Linear(6, 16), paddle.nn.Linear(16, 3), shape
        self.drop = drop

    def forward(self, x):
        hidden = (paddle.tanh(self.first(x)) * 1.5).reshape([x.shape[0], *self.shape])
        hidden = self.drop(hidden) if isinstance(self.drop, paddle.nn.Layer) else self.drop(hidden, self.training)
        return self.last(hidden.reshape([x.shape[0], 16]))


def compared(torch_drop, paddle_drop, dropout, shape=(16,), **options):
    x = np.random.default_rng(0).standard_normal((5, 6))
    options = {"float32": False, "dropout": dropout} | options
    return compare_models(TorchNet(torch_drop, shape), PaddleNet(paddle_drop, shape), x, **options)


def torch_own_attention(p):
    return lambda x, training: TF.scaled_dot_product_attention(
        x, x, x, dropout_p=p if training else 0.0, is_causal=True
    )


def paddle_own_attention(p):
    def attend(x, training):  # PyTorch has [N, heads, L, E], Paddle [N, L, heads, E]
        y = x.transpose([0, 2, 1, 3])
        y = PF.scaled_dot_product_attention(y, y, y, dropout_p=p, is_causal=True, training=training)
        return y.transpose([0, 2, 1, 3])

    return attend


def paddle_flash_attention(p):
    def attend(x, training):
        y = x.transpose([0, 2, 1, 3])
        return flash_attention(y, y, y, dropout=p, causal=True, training=training)[0].transpose([0, 2, 1, 3])

    return attend


# what it is -> (a function of p to PyTorch's, one to Paddle's, the shape of a sample)
DROPOUTS = {
    "a layer": (nn.Dropout, paddle.nn.Dropout, (16,)),
    "in place": (lambda p: nn.Dropout(p, inplace=True), paddle.nn.Dropout, (16,)),
    "of channels of two dimensions": (nn.Dropout2d, paddle.nn.Dropout2D, (4, 2, 2)),
    "of channels of three dimensions": (nn.Dropout3d, paddle.nn.Dropout3D, (4, 2, 1, 2)),
    "alpha": (nn.AlphaDropout, paddle.nn.AlphaDropout, (16,)),
    "feature alpha": (
        lambda p: lambda x, training: TF.feature_alpha_dropout(x, p, training),
        lambda p: lambda x, training: PF.feature_alpha_dropout(x, p, training),
        (4, 4),
    ),
    "a function": (
        lambda p: lambda x, training: TF.dropout(x, p, training=training),
        lambda p: lambda x, training: PF.dropout(x, p, training=training),
        (16,),
    ),
    "a function that was imported by its name": (
        lambda p: lambda x, training: torch.dropout(x, p, training),
        lambda p: lambda x, training: dropout_by_name(x, p, training=training),
        (16,),
    ),
    "a function that is given names": (
        lambda p: lambda x, training: TF.dropout(input=x, p=p, training=training),
        lambda p: lambda x, training: PF.dropout(input=x, p=p, training=training),
        (16,),
    ),
    "with a sum": (
        lambda p: lambda x, training: TF.dropout(x, p, training) + x,
        lambda p: lambda x, training: fused_dropout_add(x, x, p, training=training),
        (16,),
    ),
    "along an axis": (
        lambda p: lambda x, training: TF.dropout1d(x, p, training),
        lambda p: lambda x, training: PF.dropout(x, p, axis=[0, 1], training=training),
        (8, 2),
    ),
    "in attention": (torch_own_attention, paddle_own_attention, (2, 4, 2)),
    "in flash attention": (torch_own_attention, paddle_flash_attention, (2, 4, 2)),
}


@pytest.mark.parametrize("kind", DROPOUTS)
def test_dropout_is_off(kind):
    a, b, shape = DROPOUTS[kind]
    report = compared(a(0.4), b(0.7), "off", shape)
    assert report.equal and largest(report) < LIMIT, report.first_breach
    assert any("dropout off" in note for note in notes(report))


@pytest.mark.parametrize("p", [0.4, 1.0])
@pytest.mark.parametrize("kind", DROPOUTS)
def test_the_same_masks(kind, p):
    """Equal with the same p and not without dropout: the masks are there; with another p the first mask is named."""
    a, b, shape = DROPOUTS[kind]
    if "attention" in kind and p == 1.0:
        p = 0.9
    report = compared(a(p), b(p), "same masks", shape)
    assert report.equal and largest(report) < LIMIT, report.first_breach
    assert any("the same masks" in note for note in notes(report))
    assert report.steps.losses != compared(a(p), b(p), "off", shape).steps.losses
    other = compared(a(p), b(0.5), "same masks", shape)
    said = problem(other, "dropout masks")
    assert "mask 1 of" in said and "PyTorch has" in said and f"p {p:g}" in said and "p 0.5" in said
    assert not other.equal


def test_a_dropout_that_only_one_model_has_or_has_elsewhere():
    def drop(x, training):
        return TF.dropout(x, 0.4, training=training)

    none = compared(drop, lambda x, training: x, "same masks")
    assert "PyTorch draws 1 masks of 80 values, Paddle 0; the first is dropout with p 0.4" in problem(
        none, "dropout masks"
    )

    def behind_tanh(x, training):
        return paddle.tanh(PF.dropout(x, 0.4, training=training) + 1.0)

    def in_front(x, training):
        return TF.dropout(torch.tanh(x + 1.0), 0.4, training=training)

    elsewhere = compared(in_front, behind_tanh, "same masks")
    assert not elsewhere.equal and elsewhere.first_layer == "between first and last"
    assert any("In training mode the first difference shows at" in remark for remark in elsewhere.remarks)
    assert compared(in_front, behind_tanh, "off").equal


def test_dimensions_in_another_order_are_named():
    """They drop other values, although the models are equal without dropout."""

    def turned(x, training):
        return TF.dropout(x.transpose(1, 2).contiguous(), 0.4, training=training).transpose(1, 2)

    def straight(x, training):
        return PF.dropout(x, 0.4, training=training)

    assert compared(turned, straight, "off", (8, 2)).equal
    said = problem(compared(turned, straight, "same masks", (8, 2)), "dropout masks")
    assert "[5, 2, 8], Paddle dropout with p 0.4 on [5, 8, 2]: with dimensions in another order" in said


class TorchPair(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.all = nn.Transformer(8, 2, 1, 1, 16, dropout=0.3, batch_first=True)

    def forward(self, x):
        return self.all(x, x[:, :3])


class PaddlePair(paddle.nn.Layer):
    def __init__(self, p):
        super().__init__()
        self.all = paddle.nn.Transformer(8, 2, 1, 1, 16, dropout=p)

    def forward(self, x):
        return self.all(x, x[:, :3])


@pytest.mark.parametrize("dropout", ["off", "same masks"])
def test_a_transformer_with_a_decoder(dropout):
    x = np.random.default_rng(0).standard_normal((2, 5, 8))
    options = {"dropout": dropout, "float32": False, "steps": 3, "optimizer": {"kind": "adamw", "lr": 1e-3}}
    report = compare_models(TorchPair(), PaddlePair(0.3), x, **options)
    assert report.equal and largest(report) < LIMIT, report.first_breach
    assert compare_models(TorchPair(), PaddlePair(0.2), x, **options).equal == (dropout == "off")


def test_the_mode_that_scales_in_evaluation_differs_in_both_modes():
    """Its outputs in evaluation mode are scaled, those in training mode are not."""
    scaling = paddle.nn.Dropout(0.5, mode="downscale_in_infer")
    report = compared(nn.Dropout(0.5), scaling, "off")
    assert problem(report, "output") and not problem(report, "training outputs")
    assert problem(compared(nn.Dropout(0.5), scaling, "same masks"), "training outputs")


class TorchAttention(nn.Module):
    def __init__(self, p, inner):
        super().__init__()
        torch.manual_seed(2)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=p, batch_first=True)
        self.layer.self_attn.dropout = inner

    def forward(self, x):
        return self.layer(x)


class PaddleAttention(paddle.nn.Layer):
    def __init__(self, p, inner):
        super().__init__()
        self.layer = paddle.nn.TransformerEncoderLayer(8, 2, 16, dropout=p, attn_dropout=inner)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("dropout", ["off", "same masks"])
def test_a_layer_of_a_transformer(dropout):
    x = np.random.default_rng(0).standard_normal((2, 5, 8))

    def found(p, inner):
        return compare_models(
            TorchAttention(0.2, 0.3), PaddleAttention(p, inner), x, dropout=dropout, float32=False, steps=3
        )

    report = found(0.2, 0.3)
    assert report.equal and largest(report) < LIMIT, report.first_breach
    if dropout == "same masks":
        assert "of 100 values: PyTorch has dropout with p 0.3 on [2, 2, 5, 5]" in problem(found(0.2, 0.31), "masks")
        assert problem(found(0.21, 0.3), "masks")


def test_attention_that_returns_no_weights():
    """PyTorch's module then calls scaled_dot_product_attention, from inside of a function that leaves any mode."""

    class Torch(TorchAttention):
        def forward(self, x):
            return self.layer.self_attn(x, x, x, need_weights=False)[0]

    class Paddle(PaddleAttention):
        def forward(self, x):
            return self.layer.self_attn(x, x, x)

    x = np.random.default_rng(0).standard_normal((2, 5, 8))
    own = TF.dropout, TF.scaled_dot_product_attention
    report = compare_models(Torch(0.2, 0.3), Paddle(0.2, 0.3), x, dropout="same masks", float32=False, steps=3)
    assert largest(report) < LIMIT and report.equal, report.first_breach
    assert (TF.dropout, TF.scaled_dot_product_attention) == own
    assert not problem(report, "dropout masks") and report.steps.rows[0].name == "3 steps: dropout masks"


@pytest.mark.parametrize("dropout", ["off", "same masks"])
def test_the_dropout_between_the_layers_of_an_lstm_is_off(dropout):
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    out = (lambda outputs: outputs[0].square().sum(), lambda outputs: outputs[0].square().sum())

    def found(p):
        torch.manual_seed(2)
        return compare_models(
            nn.LSTM(4, 6, 2, batch_first=True, dropout=0.5),
            paddle.nn.LSTM(4, 6, 2, dropout=p),
            x,
            loss=out,
            dropout=dropout,
            float32=False,
            steps=3,
        )

    assert found(0.5).equal, found(0.5).first_breach
    if dropout == "same masks":
        assert "dropout between layers with p 0.5" in problem(found(0.4), "dropout masks")
        assert any("between the layers" in remark for remark in found(0.5).remarks)


@pytest.mark.parametrize("where", ["PyTorch", "Paddle"])
def test_random_numbers_of_the_models_own_are_named(where):
    def torch_path(x, training):
        return x * (torch.rand(len(x), 1, dtype=x.dtype) > 0.3) if training and where == "PyTorch" else x

    def paddle_path(x, training):
        drawn = training and where == "Paddle"
        return x * (paddle.rand([len(x), 1]) > 0.3).astype(x.dtype) if drawn else x

    report = compared(torch_path, paddle_path, "off")
    assert not report.equal
    drew = [remark for remark in report.remarks if "draws random numbers" in remark]
    assert len(drew) == 1 and drew[0].startswith(f"{where}'s model")


def test_a_model_without_random_numbers_is_not_said_to_draw_any():
    assert not any("random" in remark for remark in compared(nn.Dropout(0.5), paddle.nn.Dropout(0.5), "off").remarks)


def test_paddles_functions_are_put_back():
    before = PF.dropout, paddle._C_ops.dropout, paddle._C_ops.dropout_
    with pytest.raises(RuntimeError), paddle_dropout(Draws()):
        assert PF.dropout is not before[0] and paddle._C_ops.dropout is not before[1]
        raise RuntimeError
    assert (PF.dropout, paddle._C_ops.dropout, paddle._C_ops.dropout_) == before
    compared(nn.Dropout(0.5), paddle.nn.Dropout(0.5), "same masks")
    assert (PF.dropout, paddle._C_ops.dropout, paddle._C_ops.dropout_) == before


def test_masks_drop_what_they_should():
    """The share that is dropped, and that another shape of as many values gets the same mask."""
    mask = Draws(True).mask((100, 100), 0.3)
    assert abs(mask.mean() - 0.7) < 0.02 and set(np.unique(mask)) == {0.0, 1.0}
    draws = Draws(True)
    assert np.array_equal(draws.mask((10000,), 0.3).reshape(100, 100), mask)
    assert not np.array_equal(draws.mask((100, 100), 0.3), mask), "the next mask is another"


def test_a_word_that_is_no_dropout():
    with pytest.raises(ValueError, match="dropout: got 'on', wanted one of 'off', 'same masks'"):
        compared(nn.Dropout(0.5), paddle.nn.Dropout(0.5), "on")
