"""Every known difference between Paddle and PyTorch that a TSM network meets, in one table.

`parity_tests/test_differences.py` measures each of them and fails where one has gone away, so that the table stays
true.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from paddle_tsm.terminal.literal_text import plain_console


@dataclass(frozen=True)
class Difference:
    """One difference. what: what differs. why: the reason. measured: what was measured with PaddlePaddle 3.3.1 and
    PyTorch 2.13.0 on CPU. here: what paddle-tsm does about it.
    """

    name: str
    what: str
    why: str
    measured: str
    here: str


DIFFERENCES = (
    Difference(
        "shift direction",
        "Paddle's temporal_shift gives the first fold frame t-1, MIT and mmaction2 give it frame t+1",
        "the operator is defined so (phi/kernels/cpu/temporal_shift_kernel.cc)",
        "every value of both folds differs",
        "the option shift_order; conversion exchanges the folds",
    ),
    Difference(
        "fold width",
        "Paddle's second fold ends at int(2 * C / div), upstream's at 2 * (C // div)",
        "the operator takes a ratio, not a number of channels",
        "one more channel moves, for 14 channels and div 4",
        'shift_order="future_first" uses upstream\'s, "past_first" Paddle\'s',
    ),
    Difference(
        "running variance",
        "Paddle stores the biased batch variance, PyTorch n / (n - 1) times that",
        "phi/kernels/cpu/batch_norm_kernel.cc; Paddle PR 68159 was not merged",
        "Paddle's variance moves by 7 / 8 of what PyTorch's does, for 8 values",
        'running_var="unbiased" is the default; "biased" is Paddle\'s',
    ),
    Difference(
        "BatchNorm momentum",
        "Paddle's momentum is the share that stays, PyTorch's the share that is new",
        "it is a convention",
        "Paddle's 0.9 is PyTorch's 0.1",
        "both packages follow PyTorch's convention",
    ),
    Difference(
        "BatchNorm constants",
        "Paddle holds epsilon and momentum as float32, also for float64",
        "they are attributes of the kernel",
        "1e-8 of the output, where the variance is 1e-6",
        "in float64, BatchNorm consists of elementary operations",
    ),
    Difference(
        "norms' epsilon",
        "Paddle holds the epsilon of LayerNorm and InstanceNorm as float32, also for float64",
        "it is an attribute of the kernel; GroupNorm's is a double",
        "6e-9 of the output, where the variance is 1e-5",
        "compare_models rounds PyTorch's where the twin is Paddle's own layer",
    ),
    Difference(
        "activations' constants",
        "Paddle holds the constants of ELU, CELU, SELU, Hardtanh and Softshrink as float32, also for float64",
        "they are attributes of the kernel; those of LeakyReLU and Softplus are doubles",
        "up to 4e-8 of the output",
        "compare_models computes PyTorch's function with the rounded constants",
    ),
    Difference(
        "Hardsigmoid's slope",
        "Paddle's Hardsigmoid multiplies by 0.1666667, PyTorch's by 1 / 6",
        "it is the function's default value (paddle.nn.functional.hardsigmoid)",
        "1e-7 of the output",
        "compare_models computes PyTorch's function with Paddle's slope",
    ),
    Difference(
        "interpolation's ratio",
        "Paddle's linear and cubic interpolation computes places, and linear also weights, in float32",
        "the kernel declares them so (phi/kernels/cpu/interpolate_kernel.cc)",
        "up to 1e-6 of the output, 0 where the ratio of the sizes is a power of two",
        "compare_models mixes PyTorch's values with Paddle's weights",
    ),
    Difference(
        "average pool's gradient",
        "Paddle's average pools multiply the gradient by 1 / n in float32, also for float64; n values are in a window",
        "the backward kernel declares the factor so (phi/kernels/funcs/pooling.cc)",
        "2e-8 of every gradient in front of a pool of 7 x 7, nothing where n is a power of two",
        "compare_models multiplies Paddle's gradient by what is missing",
    ),
    Difference(
        "powers' exponent",
        "Paddle holds the exponent of pow as float32, also for float64",
        "it is an attribute of the kernel",
        "3e-8 of the output, for an exponent of 0.3",
        "compare_models rounds PyTorch's exponent",
    ),
    Difference(
        "Huber's delta",
        "Paddle holds the delta of smooth_l1_loss as float32, also for float64",
        "it is an attribute of the kernel",
        "3e-8 of the loss, for 0.3",
        "compare_models rounds PyTorch's",
    ),
    Difference(
        "GroupNorm's variance",
        "Paddle's GroupNorm takes the mean of the squares less the square of the mean, which loses digits in float32",
        "the kernel computes both sums in one pass (phi/kernels/cpu/group_norm_kernel.cc)",
        "0.007 of the output for values around 100 with a deviation of 1, where PyTorch's error is 1e-5",
        "in float32 compare_models computes PyTorch's in the same way, so that the limit is that of such a GroupNorm",
    ),
    Difference(
        "GroupNorm without weights",
        "the gradient of Paddle's GroupNorm without a weight (weight_attr=False) is wrong; with one it is right",
        "the kernel's backward pass (phi/kernels/cpu/group_norm_grad_kernel.cc)",
        "0.05 to 0.3 of the gradient's largest value",
        "compare_models reports it: a weight of ones that is not trained gives the right one",
    ),
    Difference(
        "clip by global norm",
        "paddle.nn.ClipGradByGlobalNorm clips each parameter group by itself",
        "the optimizer applies it group by group",
        "two groups of norms 3 and 4 are clipped to a norm of 1.41, not 1",
        "clip_gradients clips all groups together, by PyTorch's formula with its 1e-6",
    ),
    Difference(
        "Momentum's constants",
        "paddle.optimizer.Momentum holds momentum and decay as float32, also for float64",
        "they are attributes of the kernel",
        "1e-9 or more of the weights after 20 steps with 0.9 and 1e-4",
        "in float64, tsm_sgd consists of elementary operations",
    ),
    Difference(
        "frozen by clear_grad",
        "clear_grad() leaves gradients of 0, and decay and momentum then change a frozen weight",
        "set_to_zero is True by default",
        "a weight without a gradient moves by lr * decay * weight",
        "our optimizers remove the gradients, as PyTorch's zero_grad does",
    ),
    Difference(
        "softmax cut off",
        "Paddle's log softmax does not go below -64, and so its cross entropy not above 64",
        "the CPU kernel clips x - max(x)",
        "a cross entropy of 64 instead of 1000",
        "our cross_entropy computes x - logsumexp(x)",
    ),
    Difference(
        "NaN through ReLU",
        "Paddle's ReLU turns NaN into 0",
        "the CPU kernel takes max(x, 0) as a comparison",
        "0 instead of NaN",
        "parity refuses NaN weights; training stops where the loss or the gradients are not finite",
    ),
    Difference(
        "NaN through a max pool",
        "Paddle's max pool skips NaN",
        "the CPU kernel takes max as a comparison",
        "1 instead of NaN, for [NaN, 1, -1]",
        "parity refuses NaN weights; training stops where the loss or the gradients are not finite",
    ),
    Difference(
        "ignored labels",
        "Paddle's cross_entropy with a negative ignore_index divides by the number of all labels",
        "only labels equal to an ignore_index of 0 or more are left out of that number",
        "4 / 6 of PyTorch's loss, where 2 of 6 labels are ignored",
        "our cross_entropy has no ignore_index",
    ),
    Difference(
        "label smoothing",
        "Paddle's smoothed labels go through float32",
        "Paddle computes one_hot and epsilon in float32",
        "1e-9 or more of a float64 loss",
        "our cross_entropy smooths in the logits' own precision; compare_models lets PyTorch's smooth in float32",
    ),
    Difference(
        "Linear orientation",
        "Paddle stores Linear weights [in, out], PyTorch [out, in]",
        "it is a convention",
        "a square classifier is loaded untransposed, without a warning",
        "the layer decides what is transposed, never the shape",
    ),
    Difference(
        "default initial weights",
        "Paddle's Conv2D draws from a normal distribution, PyTorch's from a narrower uniform one",
        "the frameworks have different defaults",
        "a standard deviation of 2.4 times PyTorch's, for a 3x3 convolution",
        "initial weights are drawn in NumPy for both",
    ),
    Difference(
        "threads",
        "import paddle sets OMP_NUM_THREADS=1 unless it is set",
        "paddle/__init__.py does so",
        "the variable is 1 after the import",
        "import paddle_tsm sets it to all processors before Paddle is imported",
    ),
    Difference(
        "loading is not strict",
        "Layer.set_state_dict only warns of missing and misshapen tensors",
        "it has no argument `strict`",
        "a warning, and the weights stay as they were",
        "assign_weights raises an error that names the tensor",
    ),
    Difference(
        "loading runs code",
        "paddle.load runs the code that a file names",
        "it is plain pickle, without weights_only",
        "a function that the file names is called",
        "our own reader builds only arrays",
    ),
)


def print_differences() -> None:
    """Print the table."""
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
