"""Correct ports in the ways in which people write them: none of these may be called different."""

from dataclasses import dataclass

import numpy as np
import paddle
import pytest
import torch
from paddle.base.framework import EagerParamBase

from paddle_tsm.parity import compare_models
from parity_tests.function_models import PaddleNet, TorchNet


def series(seed):
    """[3 sequences, 5 times, 8 channels]"""
    return np.random.default_rng(seed).standard_normal((3, 5, 8))


def test_a_parameter_without_dimensions():
    a = TorchNet(
        lambda m, x: m.scale.exp() * m.fc(x), fc=torch.nn.Linear(8, 4), scale=torch.nn.Parameter(torch.tensor(0.7))
    )
    scale = paddle.create_parameter([], "float32")
    b = PaddleNet(lambda m, x: m.scale.exp() * m.fc(x), fc=paddle.nn.Linear(8, 4), scale=scale)
    report = compare_models(a, b, series, steps=2)
    assert report.equal
    shapes = {pair.torch: pair.to_paddle(np.ones(pair.shape)).shape for pair in report.alignment.tensors}
    assert shapes["scale"] == ()


def torch_encoder():
    """A Transformer's layer that takes [time, batch, channels], in a model that takes [batch, time, channels]."""
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
    return TorchNet(lambda m, x: m.layer(x.transpose(0, 1)).transpose(0, 1), layer=layer)


def paddle_encoder(function):
    return PaddleNet(function, layer=paddle.nn.TransformerEncoderLayer(8, 2, 16, normalize_before=True))


def test_time_in_front_of_the_batch_in_pytorch_only():
    a, b = torch_encoder(), paddle_encoder(lambda m, x: m.layer(x))
    assert compare_models(a, b, series, steps=2).equal
    square = compare_models(a, b, lambda seed: series(seed)[:, :3], steps=0)  # both orders have one shape
    assert square.equal


def test_attention_over_the_batch_is_still_a_difference():
    b = paddle_encoder(lambda m, x: m.layer(x.transpose([1, 0, 2])).transpose([1, 0, 2]))
    report = compare_models(torch_encoder(), b, series, steps=0)
    assert not report.equal and report.first_layer.startswith("layer")


def torch_lengths(m, x, lengths):
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    output, (hidden, _) = m.lstm(packed)
    return torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True)[0], hidden


def paddle_lengths(shorter):
    def function(m, x, lengths):
        output, (hidden, _) = m.lstm(x, sequence_length=lengths - shorter)
        return output, hidden

    return function


def with_lengths(seed):
    return series(seed), np.array([3, 5, 2])


def test_packed_sequences_are_padded_ones_with_lengths():
    a = TorchNet(torch_lengths, lstm=torch.nn.LSTM(8, 4, batch_first=True, bidirectional=True))
    b = PaddleNet(paddle_lengths(0), lstm=paddle.nn.LSTM(8, 4, direction="bidirect"))
    assert compare_models(a, b, with_lengths, steps=2).equal


def test_another_length_is_a_difference_of_the_input():
    a = TorchNet(torch_lengths, lstm=torch.nn.LSTM(8, 4, batch_first=True))
    b = PaddleNet(paddle_lengths(1), lstm=paddle.nn.LSTM(8, 4))
    report = compare_models(a, b, with_lengths, steps=0)
    assert not report.equal and report.first_layer == "between the input and lstm"


def test_a_buffer_that_both_have_is_copied_beside_one_that_only_one_has():
    a = TorchNet(lambda m, x: m.fc(x @ m.waves) + m.places, fc=torch.nn.Linear(6, 4))
    a.register_buffer("waves", torch.randn(8, 6))
    a.register_buffer("places", torch.arange(4.0))
    b = PaddleNet(lambda m, x: m.fc(x @ m.waves) + paddle.arange(4).astype(x.dtype), fc=paddle.nn.Linear(6, 4))
    b.register_buffer("waves", paddle.zeros([8, 6]))
    report = compare_models(a, b, series, steps=0)
    assert report.equal and report.alignment.left_out["torch"] == ["places"]


NORMS = {
    "weight_norm": (torch.nn.utils.weight_norm, paddle.nn.utils.weight_norm),
    "parametrizations.weight_norm": (torch.nn.utils.parametrizations.weight_norm, paddle.nn.utils.weight_norm),
    "spectral_norm": (torch.nn.utils.spectral_norm, paddle.nn.utils.spectral_norm),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("norm", NORMS)
def test_normed_weights(norm):
    """Of a square linear layer, which is transposed in Paddle, and of a convolution."""
    torch_norm, paddle_norm = NORMS[norm]

    def torch_model():
        fc, conv = torch_norm(torch.nn.Linear(8, 8)), torch_norm(torch.nn.Conv1d(5, 4, 3))
        return TorchNet(lambda m, x: m.conv(torch.tanh(m.fc(x))), fc=fc, conv=conv)

    def paddle_model(**options):
        fc, conv = paddle_norm(paddle.nn.Linear(8, 8), **options), paddle_norm(paddle.nn.Conv1D(5, 4, 3))
        return PaddleNet(lambda m, x: m.conv(paddle.tanh(m.fc(x))), fc=fc, conv=conv)

    options = {} if norm == "spectral_norm" else {"dim": 1}  # Paddle's weight norm is by rows unless told
    report = compare_models(torch_model, paddle_model(**options), series, steps=2)
    assert report.equal, str(report)
    if options:
        assert compare_models(torch_model, paddle_model(), series, steps=0).first_layer == "fc"


def test_a_smoothed_loss_in_the_model():
    """Paddle smooths labels in float32, which its gradient shows in another way than its value."""

    def torch_forward(m, x):
        return torch.nn.functional.cross_entropy(m.fc(x[:, 0]), torch.arange(3), label_smoothing=0.1)

    def paddle_forward(smoothing):
        return lambda m, x: paddle.nn.functional.cross_entropy(
            m.fc(x[:, 0]), paddle.arange(3), label_smoothing=smoothing
        )

    a = TorchNet(torch_forward, fc=torch.nn.Linear(8, 4))
    assert compare_models(a, PaddleNet(paddle_forward(0.1), fc=paddle.nn.Linear(8, 4)), series).equal
    other = compare_models(a, PaddleNet(paddle_forward(0.1 + 1e-7), fc=paddle.nn.Linear(8, 4)), series, steps=0)
    assert not other.equal


@dataclass
class Result:
    """What some models return."""

    logits: object
    loss: object = None


def test_a_dataclass_comes_out():
    a = TorchNet(lambda m, x: Result(m.fc(x)), fc=torch.nn.Linear(8, 4))
    b = PaddleNet(lambda m, x: Result(m.fc(x)), fc=paddle.nn.Linear(8, 4))
    assert compare_models(a, b, series, steps=2).equal
    other = PaddleNet(lambda m, x: Result(m.fc(x) * 1.001), fc=paddle.nn.Linear(8, 4))
    assert "output.logits" in str(compare_models(a, other, series, steps=0))


# Complex numbers, as in a Fourier neural operator


class TorchSpectral(torch.nn.Module):
    """A layer in the space of frequencies, whose weights and output are complex."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 8)
        self.weight = torch.nn.Parameter(torch.randn(5, 3, dtype=torch.cfloat))

    def forward(self, x):
        return torch.einsum("bk,ko->bo", torch.fft.rfft(self.fc(x)), self.weight)


class PaddleSpectral(paddle.nn.Layer):
    def __init__(self, imaginary=1.0):
        super().__init__()
        self.fc, self.imaginary = paddle.nn.Linear(6, 8), imaginary
        self.weight = EagerParamBase.from_tensor(paddle.ones([5, 3], dtype="complex64"))

    def forward(self, x):
        y = paddle.einsum("bk,ko->bo", paddle.fft.rfft(self.fc(x)), self.weight)
        return paddle.complex(y.real(), y.imag() * self.imaginary)


def test_complex_weights_and_outputs():
    x = np.random.default_rng(0).standard_normal((4, 6))
    report = compare_models(TorchSpectral(), PaddleSpectral(), x)
    assert report.equal and [row.precision for row in report.rows if row.name == "output"] == [
        "complex128",
        "complex64",
    ]
    assert "weight" in report.gradients.errors and report.steps is None
    assert any("optimizers do not take weights of complex numbers" in remark for remark in report.remarks)
    report = compare_models(TorchSpectral(), PaddleSpectral(1.0 + 1e-6), x)
    assert not report.equal and report.first_breach.precision == "complex128", "the imaginary part counts"
