"""Writing a network as an ONNX file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec

import paddle
from paddle import nn

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.static_graph import save_static
from paddle_tsm.files.atomic import atomic_path
from paddle_tsm.terminal.extras import how_to_install

NO_PADDLE2ONNX = (3, 13)  # the first Python for which paddle2onnx has no release, as in setup.cfg
OPSET = 17  # the newest that paddle2onnx 2.1 supio_spec in full; ONNX Runtime reads it since 1.12

# The program of a process of its own: on an operator that it cannot export, paddle2onnx ends the process (abort). It
# gets no optimize_tool, because the default one installs packages while it runs.
PADDLE2ONNX = """
import sys, paddle2onnx
model, parameters, path, opset = sys.argv[1:]
paddle2onnx.export(model, parameters, path, opset_version=int(opset), optimize_tool="")
"""


def write_onnx(layer: nn.Layer, path: str | os.PathLike, io_spec: IOSpec) -> None:
    """Write `layer` as the ONNX file `path`, its first axis free. The file is complete or not there.

    layer: a float32 network in evaluation mode: (frames) -> logits, or a StreamStep. io_spec: of `clip_io` or
    `stream_io`; its axis and multiple are written into the file's metadata. Nothing is downloaded.

    Raises ValueError, in one line, where a package is missing or the network cannot be exported, and OSError where the
    file cannot be written.
    """
    check_packages()
    check_layer(layer)
    import onnx  # after the check that says how to install it

    from paddle_tsm.export.onnx_graph import mend_slopes, name_inputs_and_outputs, simplify, write_shapes

    with atomic_path(path) as temporary, tempfile.TemporaryDirectory() as folder:
        raw, simple = os.path.join(folder, "raw.onnx"), os.path.join(folder, "simple.onnx")
        save_static(layer, os.path.join(folder, "model"), io_spec)
        run_paddle2onnx(os.path.join(folder, "model"), raw)
        model = onnx.load(raw)
        mend_slopes(model, os.path.join(folder, "model.json"))
        onnx.save(model, raw)
        simplify(raw, simple)
        model = onnx.load(simple)
        name_inputs_and_outputs(model, io_spec)
        write_shapes(model, io_spec)
        model.producer_name = "paddle-tsm"
        about = {"axis": io_spec.axis, "multiple": str(io_spec.multiple)}
        onnx.helper.set_model_props(model, about)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, temporary)


def run_paddle2onnx(prefix: str, path: str) -> None:
    """Write the static graph PREFIX.json, PREFIX.pdiparams as the ONNX file `path`.

    Raises ValueError, in one line, where paddle2onnx cannot export it.
    """
    arguments = [f"{prefix}.json", f"{prefix}.pdiparams", path, str(OPSET)]
    command = [sys.executable, "-c", PADDLE2ONNX, *arguments]
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode or not os.path.exists(path):
        lines = (done.stdout + done.stderr).splitlines()
        said = [line for mark in ("ERROR]", "Error:") for line in lines if mark in line] or [
            "it ended without a message"
        ]
        raise ValueError(f"paddle2onnx cannot export this network: {said[0].rpartition('ERROR]')[2].strip()}")


def check_packages() -> None:
    """Raise ValueError where a package that writes ONNX is missing."""
    missing = [name for name in ("paddle2onnx", "onnx", "onnxruntime") if find_spec(name) is None]
    if "paddle2onnx" in missing and sys.version_info >= NO_PADDLE2ONNX:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise ValueError(
            f"writing ONNX needs paddle2onnx 2.1, which has no release for Python {version}; export with Python 3.10 "
            "to 3.12 (what it writes runs here), or by `paddle-tsm export --to paddle-inference`"
        )
    if missing:
        raise ValueError(f"{', '.join(missing)} not installed, wanted to write ONNX; {how_to_install('onnx')}")


def check_layer(layer: nn.Layer) -> None:
    """Raise ValueError for a layer that is in training mode or not float32."""
    if layer.training:
        raise ValueError("export: got a network in training mode, wanted model.eval() first")
    odd = {str(tensor.dtype) for tensor in layer.parameters() if tensor.dtype != paddle.float32}
    if odd:
        raise ValueError(f"export: got weights of {', '.join(sorted(odd))}, wanted float32")
