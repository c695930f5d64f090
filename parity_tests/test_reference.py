"""`torch_ref` is a reference of its own: it has the contract of `paddle_tsm` and none of its text."""

import ast
import inspect
import re
from collections import Counter
from functools import cache
from operator import attrgetter
from pathlib import Path

import pytest

import paddle_tsm
import torch_ref
from parity_tests.packages import PADDLE, TORCH

ROOT = Path(__file__).parent.parent
# module -> the names that both packages have, with the same arguments
CONTRACT = {
    "batch_norm": ("BatchNorm",),
    "create": ("create_model",),
    "dropout": ("Dropout.use_mask",),
    "heat_maps": ("grad_cam",),
    "initial_weights": ("draw_initial_weights", "initialise"),
    "load": ("assign_weights", "load_model", "load_pretrained"),
    "loss": ("binary_cross_entropy", "cross_entropy"),
    "optim": (
        *("tsm_adamw", "tsm_sgd", "clip_gradients"),
        *(f"SGD.{name}" for name in ("get_lr", "set_lr", "clear_grad", "state_dict", "load_state_dict")),
    ),
    "recognizer": tuple(f"Recognizer.{name}" for name in ("extract_features", "forward", "frame_logits", "stages")),
    "shift": ("temporal_shift",),
    "temporal_pool": ("temporal_pool",),
    "train_step": ("StepResult", "train_step"),
}
NAMES = [(module, name) for module, names in CONTRACT.items() for name in names]
# The largest share of a file's text that may stand in one file of `paddle_tsm` too; of a translated copy 0.9 does.
COPIED = 0.1
REFERENCE = sorted(path.name for path in (ROOT / "torch_ref").glob("*.py"))


def plain_type(annotation) -> str | None:
    """The annotation in words, "" where there is none. None where it names a class, which may be a framework's own."""
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    plain = {"bool", "dict", "float", "int", "list", "str", "tuple", "None", "Any", "typing.Any"}
    return text if set(re.findall(r"[\w.]+", text)) <= plain else None


@pytest.mark.parametrize("module, name", NAMES, ids=map(".".join, NAMES))
def test_same_arguments(module, name):
    """And the same types, whether or not they are evaluated; Paddle's and PyTorch's Tensor and Module count as one."""
    texts = [str(inspect.signature(attrgetter(name)(getattr(package, module)))) for package in (PADDLE, TORCH)]
    homes = r"\b(paddle_tsm|torch_ref|paddle|torch|nn)\b[\w.]*\."  # where a type is defined
    ours, reference = (re.sub(homes, "", text.replace("'", "").replace("Layer", "Module")) for text in texts)
    assert ours == reference


def test_the_packages_offer_the_contract():
    assert set(torch_ref.__all__) <= set(paddle_tsm.__all__)
    assert {"create_model", "grad_cam", "load_model", "load_pretrained", "optim"} <= set(torch_ref.__all__)


@cache
def text_of(source: str) -> Counter:
    """The lines that could have been written otherwise, with PyTorch's words as Paddle's.

    Left out are imports, signatures and fields, which the contract gives, and lines of fewer than 16 characters."""
    contract = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.AnnAssign)):
            contract.update(range(node.lineno, node.end_lineno + 1))
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            contract.update(range(first_line(node), max(node.body[0].lineno, node.lineno + 1)))
    lines = (line.strip() for number, line in enumerate(source.splitlines(), 1) if number not in contract)
    return Counter(in_paddles_words(line) for line in lines if len(line) >= 16)


def first_line(node) -> int:
    """Of a definition with its decorators."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def in_paddles_words(line: str) -> str:
    for ours, theirs in (("torch_ref", "paddle_tsm"), ("torch", "paddle"), ("(nn.Module)", "(nn.Layer)")):
        line = line.replace(ours, theirs)
    return re.sub(r"(?<=[a-z])([123])d\b", r"\1D", line)


def share_of_copies(text: Counter, other: Counter) -> float:
    """How much of `text` stands in `other` too, line by line, in whatever order."""
    return (text & other).total() / max(text.total(), 1)


@pytest.mark.parametrize("name", REFERENCE)
def test_no_file_is_a_copy(name):
    """Against every file of `paddle_tsm`, since a copy may have another name."""
    text = text_of((ROOT / "torch_ref" / name).read_text(encoding="utf-8"))
    files = (ROOT / "paddle_tsm").rglob("*.py")
    shares = {path: share_of_copies(text, text_of(path.read_text(encoding="utf-8"))) for path in files}
    worst = max(shares, key=shares.get)
    assert shares[worst] <= COPIED, f"{shares[worst]:.0%} of the lines of {name} stand in {worst.relative_to(ROOT)}"


@pytest.mark.parametrize(
    "name",
    [
        "models/recognizer.py",
        "models/resnet.py",
        "models/layers/non_local.py",
        "training/loss.py",
        "optim/optimizer.py",
    ],
)
def test_a_copy_would_be_found(name):
    """A file of `paddle_tsm` whose words were exchanged for PyTorch's, and one whose every second line was changed."""
    source = (ROOT / "paddle_tsm" / name).read_text(encoding="utf-8")
    copy = re.sub(r"(?<=[a-z])([123])D\b", r"\1d", source.replace("paddle_tsm", "torch_ref").replace("paddle", "torch"))
    assert "paddle" not in copy and share_of_copies(text_of(copy), text_of(source)) > 0.9
    half = Counter(line if i % 2 else f"another line, {i}" for i, line in enumerate(text_of(source).elements()))
    assert share_of_copies(half, text_of(source)) > 4 * COPIED
