"""The benchmarks in tools/: what their contenders import exists, and what they replace is replaced."""

import ast
import importlib
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

import paddle_tsm.models.layers.shift as shift
from paddle_tsm.models.create import create_model

TOOLS = Path(__file__).resolve().parent.parent / "tools"


def imported_names(path: Path) -> set[tuple[str, str]]:
    """(module, name) of every import of our own packages, also of those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("paddle_tsm", "torch_ref")
        for alias in node.names
    }


@pytest.mark.parametrize("name", sorted(path.name for path in TOOLS.glob("*.py")))
def test_what_a_tool_imports_exists(name):
    """A contender imports when it runs, long after a module was moved or renamed."""
    for module, imported in imported_names(TOOLS / name):
        found = importlib.import_module(module)
        assert hasattr(found, imported) or importlib.import_module(f"{module}.{imported}"), (module, imported)


@pytest.fixture
def tool(monkeypatch):
    """A function that imports a tool by its name."""
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setattr(shift, "temporal_shift", shift.temporal_shift)  # put back at the end
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (TOOLS / f"{name}.py").exists():
            del sys.modules[name]


def logits(order: str = "future_first") -> np.ndarray:
    """Logits of a small network on a fixed clip; the seed gives the same weights each time."""
    paddle.seed(0)
    model = create_model("tsm_resnet18", num_classes=5, num_segments=2, shift_order=order)
    model.eval()
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype("float32")
    with paddle.no_grad():
        return model(paddle.to_tensor(x)).numpy()


@pytest.mark.parametrize("kind, order", [("slices", "future_first"), ("operator", "past_first")])
def test_a_training_contender_has_the_shift_that_it_is_named_for(tool, kind, order):
    expected, other = logits(order), logits("causal")
    tool("training_step").replace_shift(kind)
    replaced = logits("future_first")
    assert np.allclose(replaced, expected, rtol=1e-5, atol=1e-6) and not np.allclose(replaced, other)
    assert shift.temporal_shift.__name__ == kind, "the network did not run the contender's shift"


def test_the_contender_with_paddles_operator_runs_it(tool):
    expected = logits("past_first")
    tool("infer_contenders").use_paddles_operator()
    assert np.allclose(logits("future_first"), expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(logits("future_first"), expected + 1e-2)


def test_a_process_that_ends_is_an_error_with_its_last_words(tool):
    program = tool("contender_process").ContenderProcess("data_contenders.py", ["no such contender"], {})
    with pytest.raises(RuntimeError, match="data_contenders"):
        program.ask(paths=["none.mp4"], train=False, first=0, count=1)
    program.close()
