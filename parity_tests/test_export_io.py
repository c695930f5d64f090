"""A graph fed by nothing but tsm.json: the names, shapes, types and order that it says, without a line of
paddle_tsm.
"""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.inference.stream_predictor import StreamPredictor
from paddle_tsm.networks.network import Network

T, SIZE, CLASSES = 4, 32, 8

# a stranger's program: two rows of each input, from tsm.json alone; what comes out, by name
STRANGER = """
import json, sys
import numpy as np
folder, file = sys.argv[1:]
said = json.load(open(folder + "/tsm.json"))
data = np.load(file)

def shape(port, rows):
    first = port["shape"][0]
    return [rows * int(first[2:] or 1) if first.startswith("N*") else rows, *port["shape"][1:]]

feeds = {p["name"]: data[p["name"]] if p["name"] in data else np.zeros(shape(p, 2), p["dtype"]) for p in said["inputs"]}
for p in said["inputs"]:
    assert list(feeds[p["name"]].shape) == shape(p, 2) and feeds[p["name"]].dtype == p["dtype"]
if said["format"] == "onnx":
    import onnxruntime
    session = onnxruntime.InferenceSession(folder + "/" + said["files"]["model"], providers=["CPUExecutionProvider"])
    inputs, outputs = ([p.name for p in ports] for ports in (session.get_inputs(), session.get_outputs()))
    names = [p["name"] for p in said["outputs"]]
    run = lambda feeds: dict(zip(names, session.run(names, feeds)))
else:
    from paddle.inference import Config, create_predictor
    config = Config(folder + "/" + said["files"]["program"], folder + "/" + said["files"]["weights"])
    config.disable_gpu(); config.enable_mkldnn()
    if said["precision"] == "bfloat16":
        config.enable_mkldnn_bfloat16()
    predictor = create_predictor(config)
    inputs, outputs = predictor.get_input_names(), predictor.get_output_names()
    def run(feeds):
        for name, array in feeds.items():
            predictor.get_input_handle(name).copy_from_cpu(array)
        predictor.run()
        return {p["name"]: predictor.get_output_handle(p["name"]).copy_to_cpu() for p in said["outputs"]}
assert inputs == [p["name"] for p in said["inputs"]], inputs
assert outputs == [p["name"] for p in said["outputs"]], outputs
assert said["input"]["name"] == inputs[0] and said["input"]["shape"] == said["inputs"][0]["shape"]
for step in range(2):  # of a stream: what comes out goes in again
    found = run(feeds)
    for p in said["outputs"]:
        assert list(found[p["name"]].shape) == shape(p, 2) and found[p["name"]].dtype == p["dtype"]
    feeds |= {name: found["next_" + name] for name in feeds if "next_" + name in found}
assert not any(m.startswith("paddle_tsm") for m in sys.modules)
np.save(file + ".found.npy", found[said["outputs"][0]["name"]])
"""


@pytest.mark.parametrize(
    "to, precision, stream",
    [
        ("paddle-inference", "float32", False),
        ("paddle-inference", "bfloat16", False),
        ("onnx", "float32", False),
        ("onnx", "int8", False),
        ("paddle-inference", "float32", True),
        ("onnx", "float32", True),
    ],
)
def test_a_stranger_feeds_the_graph(tmp_path, to, precision, stream):
    order = {"shift_order": "causal"} if stream else {}
    network = Network("tsm_resnet10", num_classes=CLASSES, num_segments=T, **order)
    write_demo_checkpoint(tmp_path / "c.safetensors", network, "canonical")
    x = np.random.default_rng(0).standard_normal((2 if stream else 2 * T, 3, SIZE, SIZE)).astype("float32")
    if precision == "int8":
        from paddle_tsm.export.exporter import export_checkpoint

        export_checkpoint(
            tmp_path / "c.safetensors",
            tmp_path / "e",
            to,
            size=SIZE,
            precision=precision,
            calibration=[x] * 3,
            options={"num_segments": T},
        )
    else:
        more = ["--stream", "--shift-order", "causal"] if stream else []
        arguments = ["--to", to, "--precision", precision, "--size", str(SIZE), "--num-segments", str(T), *more]
        assert main(["export", str(tmp_path / "c.safetensors"), str(tmp_path / "e"), *arguments]) == 0
    said = json.loads((tmp_path / "e" / "tsm.json").read_text())
    np.savez(tmp_path / "x.npz", **{said["input"]["name"]: x})
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(tmp_path / "e"), str(tmp_path / "x.npz")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    if stream:
        ours = StreamPredictor(tmp_path / "e", threads=1)
        ours.step(x)
        expected = ours.step(x)
    else:
        expected = Predictor(tmp_path / "e", threads=1)(x)
    np.testing.assert_allclose(
        np.load(tmp_path / "x.npz.found.npy"), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )
    check_edits_are_refused(tmp_path / "e", said)


def check_edits_are_refused(folder, said: dict) -> None:
    """A tsm.json that says another name, another size or another number of frames than the graph has is refused."""
    edits = {
        "says outputs scores": lambda edited: edited["outputs"][0].update(name="scores"),
        "the graph has .3, 32, 32. behind N": lambda edited: edited["inputs"][0]["shape"].__setitem__(2, 64),
    }
    if said["kind"] == "clip":
        edits |= {
            f"says clips of {frames} frames, the graph takes {T}": lambda edited, frames=frames: edited[
                "network"
            ].update(num_segments=frames)
            for frames in (T // 2, 2 * T)  # a half and twice as many also divide the frames of two clips
        }
    for message, edit in edits.items():
        edited = copy.deepcopy(said)
        edit(edited)
        (folder / "tsm.json").write_text(json.dumps(edited))
        with pytest.raises(ValueError, match=message):
            (StreamPredictor if said["kind"] == "stream" else Predictor)(folder, threads=1)
