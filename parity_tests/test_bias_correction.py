"""The biases of an 8-bit network: they make up for what the rounding of its weights adds to the mean of each
channel.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export.bias_correction import correct_biases
from paddle_tsm.export.exporter import export_checkpoint
from paddle_tsm.export.io_spec import FIRST_INPUT
from paddle_tsm.export.quantise import quantise
from paddle_tsm.export.unrounded import take_rounding_out
from paddle_tsm.networks.network import Network

pytestmark = pytest.mark.writes_onnx
T, SIZE = 4, 32


def clips(first: int, count: int) -> list:
    seeds = range(first, first + count)
    return [np.random.default_rng(i).standard_normal((T, 3, SIZE, SIZE)).astype("float32") for i in seeds]


def run(model: onnx.ModelProto, some: list) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {FIRST_INPUT["clip"]: clip})[0] for clip in some])


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """(float32, 8 bits, float32 with corrected biases, 8 bits with corrected biases) of a network of 13 layers."""
    folder = tmp_path_factory.mktemp("bias")
    write_demo_checkpoint(folder / "c.safetensors", Network("tsm_resnet10", 7, num_segments=T), "canonical", seed=5)
    export_checkpoint(folder / "c.safetensors", folder / "e", "onnx", size=SIZE, options={"num_segments": T})
    exact = onnx.load(folder / "e" / "model.onnx")
    quantise(folder / "e" / "model.onnx", folder / "rounded.onnx", clips(0, 8))
    corrected = onnx.load(folder / "e" / "model.onnx")
    correct_biases(corrected, onnx.load(folder / "rounded.onnx"), clips(0, 8))
    onnx.save(corrected, folder / "corrected.onnx")
    quantise(folder / "corrected.onnx", folder / "corrected_rounded.onnx", clips(0, 8))
    return exact, *(onnx.load(folder / f"{n}.onnx") for n in ("rounded", "corrected", "corrected_rounded"))


def test_most_of_the_error_is_one_constant_and_is_taken_out(networks):
    """On 40 other clips: a third of it is left, and what differs from clip to clip is as it was."""
    exact, rounded, _, corrected_rounded = networks
    fresh = clips(1000, 40)
    expected = run(exact, fresh)
    before, after = (run(model, fresh) - expected for model in (rounded, corrected_rounded))
    constant, left = (np.sqrt(np.mean(error.mean(0) ** 2)) for error in (before, after))
    assert constant > 1.5 * before.std(0).mean()
    assert left < constant / 3
    assert after.std(0).mean() < 1.1 * before.std(0).mean()


def test_only_biases_change(networks):
    exact, _, corrected, _ = networks
    old, new = ({t.name: numpy_helper.to_array(t) for t in model.graph.initializer} for model in (exact, corrected))
    for was, now in zip(exact.graph.node, corrected.graph.node, strict=True):
        assert (was.op_type, list(was.output), was.input[:2]) == (now.op_type, list(now.output), now.input[:2])
        if was.op_type in ("Conv", "Gemm"):
            np.testing.assert_array_equal(old[was.input[1]], new[now.input[1]])
            bias = old[was.input[2]] if len(was.input) > 2 else 0
            assert 0 < np.abs(new[now.input[2]] - bias).max() < 0.1
        else:
            assert was.input == now.input
    onnx.checker.check_model(corrected)


def test_a_layers_mean_is_the_one_it_had(networks, tmp_path):
    """One layer of known numbers: a weight of 1.25 steps loses 0.25 of a step for each unit of its input."""
    from onnx import TensorProto, helper

    weight = np.full((2, 3, 1, 1), 64.0, "float32")
    weight[1, 0] = 1.25  # one step is 1, so that 0.25 is lost
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", [FIRST_INPUT["clip"], "w"], ["logits"])],
        "one layer",
        [info(FIRST_INPUT["clip"], TensorProto.FLOAT, ["n", 3, 4, 4])],
        [info("logits", TensorProto.FLOAT, ["n", 2, 4, 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "exact.onnx")
    some = [np.ones((1, 3, 4, 4), "float32"), 3 * np.ones((1, 3, 4, 4), "float32")]
    quantise(tmp_path / "exact.onnx", tmp_path / "rounded.onnx", some[:1])
    correct_biases(model, onnx.load(tmp_path / "rounded.onnx"), some)
    bias = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}[model.graph.node[0].input[2]]
    np.testing.assert_allclose(bias, [0, 0.25 * 2], rtol=0, atol=1e-6)  # the mean of the inputs is 2


def test_a_weight_of_another_network_is_refused(networks):
    exact, rounded, *_ = networks
    other = onnx.ModelProto()
    other.CopyFrom(exact)
    weight = next(t for t in other.graph.initializer if len(t.dims) == 4)
    weight.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(weight), weight.name))
    with pytest.raises(ValueError, match="is not the float32 one's, rounded"):
        correct_biases(other, rounded, clips(0, 1))


def test_the_file_is_a_rounding_of_the_corrected_network(networks):
    """Its weights and biases are the corrected network's, within half a step, and not the uncorrected one's."""
    exact, _, corrected, corrected_rounded = networks
    for model, passes in ((corrected, True), (exact, False)):
        rounded = onnx.ModelProto()
        rounded.CopyFrom(corrected_rounded)
        if passes:
            take_rounding_out(rounded, model)
        else:
            with pytest.raises(ValueError, match="8-bit network"):
                take_rounding_out(rounded, model)
