"""Every known difference between Paddle and PyTorch on TSM's path, in one table.

`parity_tests/test_differences.py` measures each of them and fails where one has gone away, so that the table never
lies.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`what` differs and `why`; what was `measured` (PaddlePaddle 3.3.1, PyTorch 2.13.0, CPU); what we do about it
    (`here`).
    """

    name: str
    what: str
    why: str
    measured: str
    here: str


DIFFERENCES = (
    Difference(
        "shift direction",
        "paddle temporal_shift gives the first fold frame t-1, MIT and mmaction2 frame t+1",
        "the operator's own definition (phi/kernels/cpu/temporal_shift_kernel.cc)",
        "every value of both folds",
        "shift_order, our own shift; conversion exchanges the folds",
    ),
    Difference(
        "fold width",
        "paddle's second fold ends at int(2 * C / div), upstream's at 2 * (C // div)",
        "the operator takes a ratio, not a number of channels",
        "one channel more for 14 channels, div 4",
        'shift_order="future_first" uses upstream\'s, "past_first" Paddle\'s',
    ),
    Difference(
        "running variance",
        "Paddle stores the biased batch variance, PyTorch n / (n - 1) times it",
        "phi/kernels/cpu/batch_norm_kernel.cc; Paddle PR 68159 was not merged",
        "7 / 8 of PyTorch's step for 8 values",
        'running_var="unbiased" is the default, "biased" is on offer',
    ),
    Difference(
        "BatchNorm momentum",
        "Paddle's momentum is what stays, PyTorch's what is new",
        "a convention",
        "0.9 is PyTorch's 0.1",
        "PyTorch's convention in both packages",
    ),
    Difference(
        "BatchNorm constants",
        "Paddle holds epsilon and momentum as float32, also for float64",
        "attributes of the kernel",
        "1e-8 of the output where the variance is 1e-6",
        "float64 BatchNorm from elementary operations",
    ),
    Difference(
        "clip by global norm",
        "paddle.nn.ClipGradByGlobalNorm clips each parameter group by itself",
        "the optimizer applies it group by group",
        "two groups of norm 3 and 4: norm 1.41 is left, not 1",
        "clip_gradients over all groups, PyTorch's formula with its 1e-6",
    ),
    Difference(
        "Momentum's constants",
        "paddle.optimizer.Momentum holds momentum and decay as float32, also for float64",
        "attributes of the kernel",
        "1e-9 or more of the weights after 20 steps with 0.9 and 1e-4",
        "tsm_sgd: elementary operations in float64",
    ),
    Difference(
        "frozen by clear_grad",
        "clear_grad() leaves gradients of 0, which decay and momentum act upon",
        "set_to_zero is True by default",
        "a weight without a gradient moves by lr * decay * weight",
        "our optimizers forget the gradients, as PyTorch's zero_grad",
    ),
    Difference(
        "softmax cut off",
        "Paddle's log softmax and cross entropy stop at -64",
        "the CPU kernel clips x - max(x)",
        "64 instead of 1000",
        "cross_entropy by x - logsumexp(x)",
    ),
    Difference(
        "NaN through ReLU",
        "Paddle's ReLU turns NaN into 0",
        "the CPU kernel takes max(x, 0) as a comparison",
        "0 instead of NaN",
        "parity refuses NaN weights; training has to check loss and stem",
    ),
    Difference(
        "NaN through a max pool",
        "Paddle's max pool skips NaN",
        "the CPU kernel takes max as a comparison",
        "1 instead of NaN for [NaN, 1, -1]",
        "the same",
    ),
    Difference(
        "ignored labels",
        "paddle cross_entropy with a negative ignore_index divides by all labels",
        "only an ignore_index of 0 or more is counted out",
        "2 of 6 ignored: 4 / 6 of PyTorch's loss",
        "our cross_entropy takes no ignored labels",
    ),
    Difference(
        "label smoothing",
        "Paddle's smoothed labels go through float32",
        "one_hot and epsilon are float32",
        "1e-9 or more of a float64 loss",
        "our cross_entropy smooths in the logits' own precision",
    ),
    Difference(
        "Linear orientation",
        "Paddle stores Linear weights [in, out], PyTorch [out, in]",
        "a convention",
        "a square classifier loads untransposed in silence",
        "decided by the layer, never by the shape",
    ),
    Difference(
        "default initial weights",
        "Conv2D: Paddle normal, PyTorch uniform and narrower; other random streams",
        "other defaults",
        "standard deviation 2.4 times PyTorch's for a 3x3 convolution",
        "initial_weights, drawn in NumPy for both",
    ),
    Difference(
        "threads",
        "import paddle sets OMP_NUM_THREADS=1 unless it is set",
        "paddle/__init__.py",
        "1 in the environment after the import",
        "import paddle_tsm sets all threads before",
    ),
    Difference(
        "loading is not strict",
        "Layer.set_state_dict only warns of missing and misshapen tensors",
        "there is no strict argument",
        "a warning, the weights stay",
        "assign_weights raises, naming the tensor",
    ),
    Difference(
        "loading runs code",
        "paddle.load unpickles whatever the file says",
        "plain pickle, no weights_only",
        "a call in the file is made",
        "our own reader, which builds arrays only",
    ),
)


def print_differences() -> None:
    """Print the table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from paddle_tsm.terminal.literal_text import plain_console

    table = Table(
        title="Where Paddle and PyTorch differ",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_lines=False,
    )
    for column in ("difference", "what", "measured", "here"):
        table.add_column(column, overflow="fold")
    for row in DIFFERENCES:
        table.add_row(row.name, Text.assemble(row.what, "\n", (row.why, "dim")), row.measured, row.here)
        table.add_section()
    plain_console().print(table)
