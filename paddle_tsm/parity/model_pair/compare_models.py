"""Any PyTorch module against any Paddle layer: outputs, layers, gradients and training steps, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.comparison import run_parity
from paddle_tsm.parity.diagnosis.diagnose import diagnose
from paddle_tsm.parity.model_pair.caller_settings import own_settings
from paddle_tsm.parity.model_pair.dropout_masks import DROPOUT
from paddle_tsm.parity.model_pair.given_inputs import inputs_of
from paddle_tsm.parity.model_pair.model_pair import Align, ModelPair, Training, torch_model_class
from paddle_tsm.parity.model_pair.optimizers import OptimizerPair, optimizer_pair
from paddle_tsm.parity.model_pair.outputs import by_first_word
from paddle_tsm.parity.model_pair.schedules import schedule_pair
from paddle_tsm.parity.model_pair.step_size import small_rate
from paddle_tsm.parity.model_pair.structure import leaves
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.report.tensor_table import alignment_table
from paddle_tsm.parity.rounding import Rounding
from paddle_tsm.parity.training_comparison import TrainingRequest, compare_training

WEIGHTS = ("copy", "as they are")


@own_settings()
def compare_models(
    torch_model: Any,
    paddle_layer: Any,
    inputs: Any,
    weights: str = "copy",
    gradients: bool = True,
    steps: int = 5,
    loss: tuple[Callable, Callable] | None = None,
    optimizer: Any = None,
    align: Align = None,
    float32: bool = True,
    seed: int = 0,
    strict: bool = False,
    progress: Callable[[str], None] = lambda part: None,
    *,
    schedule: Any = None,
    clip: float | None = None,
    dropout: str = "off",
) -> Report:
    """Compare two models number for number. Neither of them is changed.

    torch_model: a torch.nn.Module; paddle_layer: a paddle.nn.Layer; or functions without arguments that make them.
    inputs: an array or tensor; a tuple of them, the positional arguments; a dict, the named ones; or a function (seed)
    to any of these, called with another seed for each training step. weights: "copy" copies PyTorch's into a copy of
    Paddle's model, "as they are" compares Paddle's own. gradients: those of weights and inputs, in training mode.
    steps: so many training steps, 0 to 200. loss: (PyTorch's, Paddle's) functions (outputs) to a scalar; None is a
    seeded projection of all outputs of floating-point numbers. optimizer: None for SGD with momentum, a name such as
    "adamw", a mapping of options or a pair of functions, see `optimizer_pair`. align: PyTorch's layer or tensor ->
    Paddle's, where names and the order of execution do not tell, an `Alignment`, or the file of one. float32: also run
    in float32, held against the noise of PyTorch's float32. strict: known differences of the frameworks that no port
    can help, such as the biased running variance of Paddle's BatchNorm, count as differences; else they are taken into
    account and named in `report.known`. progress: called with the name of each part. schedule: the rate of each step, a
    function (step, from 0) to it, or a pair of functions (optimizer) to a scheduler, see `schedule_pair`. clip: the
    largest norm of all gradients together; None does not clip. dropout: in training mode, "off", or "same masks" in
    both frameworks.

    A layer that the caller set to evaluation mode (`bn.eval()`) inside a model in training mode stays so in training; a
    model in evaluation mode as a whole is trained as a whole. Parameters that are frozen (`requires_grad`, or
    `stop_gradient` in Paddle) stay so; they must be the same in both.

    Returns a `Report`: `equal`, `first_layer`, `causes`, `rows` with the largest difference of each (relative to
    PyTorch's largest magnitude) and its limit, and `alignment`. Arrays have whatever shapes the models take; names are
    PyTorch's. The limits stand in `paddle_tsm/parity/tolerance.py`.

    Raises ValueError for models whose layers cannot be paired, for inputs that one of them refuses, for a model that
    gives other values when it runs again, and for an argument out of range.

    >>> import numpy, paddle, torch
    >>> a = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4, momentum=0.1))
    >>> b = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4, momentum=0.1))
    >>> report = compare_models(a, b, numpy.random.default_rng(0).standard_normal((8, 3)), steps=0)
    >>> report.equal, report.first_layer, report.diagnosed[0].kind
    (False, '1', 'momentum')
    """
    check_numbers(steps, seed)
    check_settings(weights, clip, dropout)
    torch_model_class()  # in front of everything else that imports torch
    given = [inputs_of(inputs, seed + number) for number in range(max(steps, 1))]
    chosen = optimizer_pair(optimizer)
    training = Training(with_target(loss), (chosen.torch, chosen.paddle), schedule_pair(schedule, steps), clip)
    training.masks = dropout == "same masks"
    progress("pairing the layers")
    pair = ModelPair(torch_model, paddle_layer, given[0], weights, align, training, strict)
    rounding = Rounding(pair.torch_side, given)
    report = run_parity(pair.torch_side, pair.paddle_side, given[0], False, float32, progress, rounding.judge)
    describe(report, pair)
    report.same_masks = training.masks
    request = training_request(report, pair, given, chosen, gradients, steps > 0)
    rounding.lr = request.lr
    compare_training(
        report,
        lambda dtype, _: pair.torch_side(dtype),
        lambda dtype, _: pair.paddle_side(dtype),
        request,
        progress,
        rounding.judge,
    )
    report.remarks += [*training.said, *(chosen.remarks if request.steps else []), *rounding.remarks()]
    report.known = pair.known()
    if not report.equal:
        progress("the cause")
        explain(report, pair, request)
    return report


def check_settings(weights: str, clip: float | None, dropout: str) -> None:
    """Raise ValueError for an argument of `compare_models` that is none of its values, or out of range."""
    if weights not in WEIGHTS:
        raise ValueError(f"weights: got {weights!r}, wanted one of {', '.join(map(repr, WEIGHTS))}")
    if dropout not in DROPOUT:
        raise ValueError(f"dropout: got {dropout!r}, wanted one of {', '.join(map(repr, DROPOUT))}")
    if clip is not None and not (isinstance(clip, (int, float)) and 0 < clip < float("inf")):
        raise ValueError(f"clip: got {clip!r}, wanted a norm above 0, or None")


def check_numbers(steps: Any, seed: Any) -> None:
    """Raise ValueError for a number of steps, or a seed, that is no whole number or out of range."""
    for name, value, most in (("steps", steps, 200), ("seed", seed, 2**32 - 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value <= most:
            raise ValueError(f"{name}: got {value!r}, wanted a whole number from 0 to {most}")


def explain(report: Report, pair: ModelPair, request: TrainingRequest) -> None:
    """Write the causes of the differences into the report. A model whose calls cannot be followed keeps its report."""
    try:
        diagnose(report, pair, request)
    except Exception as error:  # the differences were found; what fails here must not hide them
        reason = " ".join(str(error).split())[:200]
        report.remarks.append(f"The cause could not be sought: {type(error).__name__}: {reason}")


def training_request(
    report: Report, pair: ModelPair, given: list[Any], chosen: OptimizerPair, gradients: bool, steps: bool
) -> TrainingRequest:
    """What is compared of training: what is asked for, but for what is impossible, which the report then says."""
    frozen = "" if pair.torch.trains or pair.paddle.trains else "no parameter is trained in either model"
    hindrance = "" if any(leaf.dtype.kind == "f" for leaf in leaves(given[0]).values()) else frozen
    if pair.training.losses == (None, None) and not any(is_number(row) for row in report.rows):
        hindrance = frozen = "no output is of floating-point numbers, so that there is no loss; give one as loss="
    if any(array.dtype.kind == "c" for array in pair.torch.tensors.values()):
        frozen = frozen or "Paddle's optimizers do not take weights of complex numbers"
    for asked, reason, what in ((gradients, hindrance, "Gradients"), (steps, frozen, "Training steps")):
        if asked and reason:
            report.remarks.append(f"{what} are not compared: {reason}")
    gradients, steps = gradients and not hindrance, steps and not frozen
    lr = chosen.lr
    if lr is None:
        lr = small_rate(pair.torch_side("float64"), given[0], chosen.adaptive) if steps else 0.0
    return TrainingRequest([(x, None) for x in given], gradients=gradients, steps=steps, lr=lr)


def describe(report: Report, pair: ModelPair) -> None:
    """Say in the report what is compared, for its page."""
    alignment = report.alignment = pair.alignment
    report.title = f"{pair.torch.name} in PyTorch, {pair.paddle.name} in Paddle"
    report.about = f"{len(alignment.layers)} pairs of layers with {len(alignment.tensors)} pairs of tensors"
    report.groups = by_first_word(name for name in pair.torch.tensors if name in alignment.torch_shapes)
    report.tables = [alignment_table(alignment)]
    for name, source in (("PyTorch", pair.torch), ("Paddle", pair.paddle)):
        if source.half:
            report.remarks.append(
                f"{name}'s model is in {source.half}, which CPUs compute in part only; it is compared in float64 and "
                "float32 from the same values"
            )


def is_number(row: ComparisonRow) -> bool:
    """Whether a row is of an output of floating-point numbers."""
    return row.name.startswith("output") and row.precision.startswith(("float", "complex"))


def assert_equal(report: Report) -> None:
    """Raise AssertionError with the verdict, the rows that do not pass and the causes, unless everything is equal."""
    if not report.equal:
        raise AssertionError(str(report))


def with_target(loss: tuple[Callable, Callable] | None) -> tuple[Callable | None, Callable | None]:
    """The two losses as functions of (outputs, target), whose target is not used."""
    if loss is None:
        return None, None
    if not isinstance(loss, (tuple, list)) or len(loss) != 2 or not all(map(callable, loss)):
        raise ValueError(f"loss: got {loss!r}, wanted (PyTorch's, Paddle's) functions (outputs) to a scalar, or None")
    a, b = loss
    return (lambda outputs, _: a(outputs)), (lambda outputs, _: b(outputs))
