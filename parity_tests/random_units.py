"""What random pairs are made of: each function writes the same part of a network for both frameworks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parity_tests.random_pairs import Both, Writer

# name in torch.nn, arguments -> name in paddle.nn, arguments; then the functions, if both frameworks have one
ACTIVATIONS = [
    ("ReLU()", "ReLU()", "F.relu(x)", "F.relu(x)"),
    ("ReLU6()", "ReLU6()", "F.relu6(x)", "F.relu6(x)"),
    ("GELU()", "GELU()", "F.gelu(x)", "F.gelu(x)"),
    ("GELU(approximate='tanh')", "GELU(approximate=True)", "F.gelu(x, approximate='tanh')", "F.gelu(x, True)"),
    ("SiLU()", "Silu()", "F.silu(x)", "F.silu(x)"),
    ("SiLU()", "Swish()", "F.silu(x)", "F.swish(x)"),
    ("Sigmoid()", "Sigmoid()", "torch.sigmoid(x)", "F.sigmoid(x)"),
    ("Tanh()", "Tanh()", "torch.tanh(x)", "paddle.tanh(x)"),
    ("ELU()", "ELU()", "F.elu(x)", "F.elu(x)"),
    ("CELU()", "CELU()", "F.celu(x)", "F.celu(x)"),
    ("SELU()", "SELU()", "F.selu(x)", "F.selu(x)"),
    ("LeakyReLU(0.25)", "LeakyReLU(0.25)", "F.leaky_relu(x, 0.25)", "F.leaky_relu(x, 0.25)"),
    ("LeakyReLU()", "LeakyReLU()", "F.leaky_relu(x)", "F.leaky_relu(x)"),
    ("LeakyReLU(0.2)", "LeakyReLU(0.2)", "F.leaky_relu(x, 0.2)", "F.leaky_relu(x, 0.2)"),
    ("Softplus()", "Softplus()", "F.softplus(x)", "F.softplus(x)"),
    ("Softsign()", "Softsign()", "F.softsign(x)", "F.softsign(x)"),
    ("Mish()", "Mish()", "F.mish(x)", "F.mish(x)"),
    ("Hardswish()", "Hardswish()", "F.hardswish(x)", "F.hardswish(x)"),
    ("Hardsigmoid()", "Hardsigmoid()", "F.hardsigmoid(x)", "F.hardsigmoid(x)"),
    ("Hardtanh()", "Hardtanh()", "F.hardtanh(x)", "F.hardtanh(x)"),
    ("Hardshrink()", "Hardshrink()", "F.hardshrink(x)", "F.hardshrink(x)"),
    ("Softshrink()", "Softshrink()", "F.softshrink(x)", "F.softshrink(x)"),
    ("Tanhshrink()", "Tanhshrink()", "F.tanhshrink(x)", "F.tanhshrink(x)"),
    ("LogSigmoid()", "LogSigmoid()", "F.logsigmoid(x)", "F.log_sigmoid(x)"),
    ("Threshold(0.5, 0.0)", "ThresholdedReLU(0.5)", "F.threshold(x, 0.5, 0.0)", "F.thresholded_relu(x, 0.5)"),
]


def activation_layer(w: Writer) -> Both:
    """An activation as a module."""
    torch, paddle, *_ = w.pick(*ACTIVATIONS)
    w.units.append(torch.partition("(")[0])
    return f"nn.{torch}", f"nn.{paddle}"


def activation(w: Writer) -> None:
    """An activation, in each framework as a module or as a function; sometimes one with a weight."""
    if w.chance(0.1) and len(w.shape) != 2:
        channels = w.shape[0]
        w.call(w.define("act", f"nn.PReLU({channels})", f"nn.PReLU({channels})"))
        w.units.append("PReLU")
        return
    torch, paddle, torch_call, paddle_call = w.pick(*ACTIVATIONS)
    w.units.append(torch.partition("(")[0])
    names = w.name("act")
    for side, (made, call) in enumerate(((torch, torch_call), (paddle, paddle_call))):
        if w.chance():
            w.definitions[side].append(f"self.{names[side]} = nn.{made}")
            call = f"self.{names[side]}(x)"
        w.lines[side].append(f"x = {call}")


# Values [N, C, ...]


def conv_layer(w: Writer, channels: int, stride: int = 1, kernel: int | None = None) -> Both:
    """A convolution that keeps the size where its stride is 1."""
    n = len(w.shape) - 1
    kernel = kernel or w.pick(1, 3, 3)
    dilation = w.pick(1, 1, 2) if kernel > 1 and stride == 1 and min(w.shape[1:]) > 4 else 1
    groups = w.pick(1, 1, 2, w.shape[0]) if channels % w.shape[0] == 0 or channels % 2 == 0 else 1
    if channels % groups or w.shape[0] % groups:
        groups = 1
    padding: object = dilation * (kernel - 1) // 2
    options = f"stride={stride}, dilation={dilation}, groups={groups}"
    mode = w.pick("", "", "", ", padding_mode='reflect'", ", padding_mode='circular'", ", padding_mode='replicate'")
    if kernel == 1:
        mode = ""
    bias = w.chance()
    torch = f"nn.Conv{n}d({w.shape[0]}, {channels}, {kernel}, padding={padding}, {options}{mode}"
    paddle = f"nn.Conv{n}D({w.shape[0]}, {channels}, {kernel}, padding={padding}, {options}{mode}"
    w.units.append(f"Conv{n}d")
    return f"{torch}{'' if bias else ', bias=False'})", f"{paddle}{'' if bias else ', bias_attr=False'})"


def moved(w: Writer, channels: int, stride: int = 1) -> None:
    """Note the shape behind a convolution."""
    w.shape = (channels, *(-(-size // stride) for size in w.shape[1:]))


def conv(w: Writer) -> None:
    channels = w.pick(4, 6, 8, 12)
    stride = w.pick(1, 1, 2) if min(w.shape[1:]) >= 6 else 1
    w.call(w.define("conv", *conv_layer(w, channels, stride)))
    moved(w, channels, stride)


def conv_transpose(w: Writer) -> None:
    n, channels = len(w.shape) - 1, w.pick(4, 6)
    if max(w.shape[1:]) > 8:
        return conv(w)
    arguments = w.pick("2, stride=2", "4, stride=2, padding=1", "3, stride=2, padding=1, output_padding=1")
    groups = 2 if w.shape[0] % 2 == 0 and w.chance(0.3) else 1
    text = f"({w.shape[0]}, {channels}, {arguments}, groups={groups})"
    w.call(w.define("up", f"nn.ConvTranspose{n}d{text}", f"nn.Conv{n}DTranspose{text}"))
    w.shape = (channels, *(2 * size for size in w.shape[1:]))
    w.units.append(f"ConvTranspose{n}d")


def norm_layer(w: Writer) -> Both:
    """A normalisation of [N, C, ...]."""
    n, c = len(w.shape) - 1, w.shape[0]
    values = int(np.prod(w.shape[1:]))
    kinds = ["group"]
    if values * w.batch >= 16:
        kinds += ["batch", "batch", "batch", "plain batch"]
    if values >= 16:
        kinds += ["instance", "plain instance"]
    kind = w.pick(*kinds)
    w.units.append(f"{kind} norm")
    if kind == "group":
        groups = w.pick(1, 2) if c % 2 == 0 else 1
        return f"nn.GroupNorm({groups}, {c})", f"nn.GroupNorm({groups}, {c})"
    if kind == "instance":
        return f"nn.InstanceNorm{n}d({c}, affine=True)", f"nn.InstanceNorm{n}D({c})"
    if kind == "plain instance":
        return f"nn.InstanceNorm{n}d({c})", f"nn.InstanceNorm{n}D({c}, weight_attr=False, bias_attr=False)"
    if kind == "plain batch":
        return (
            f"nn.BatchNorm{n}d({c}, affine=False)",
            f"nn.BatchNorm{n}D({c}, weight_attr=False, bias_attr=False)",
        )
    momentum, epsilon = w.pick(0.1, 0.1, 0.25), w.pick("1e-5", "1e-5", "1e-3")
    return (
        f"nn.BatchNorm{n}d({c}, eps={epsilon}, momentum={momentum})",
        f"nn.BatchNorm{n}D({c}, momentum={1 - momentum}, epsilon={epsilon})",
    )


def norm(w: Writer) -> None:
    w.call(w.define("norm", *norm_layer(w)))


def pool(w: Writer) -> None:
    n, size = len(w.shape) - 1, w.shape[1:]
    if min(size) < 4:
        return activation(w)
    ceil = w.chance(0.3)
    kind = w.pick("max", "avg", "avg padded", "adaptive", "adaptive max")
    w.units.append(f"{kind} pool")
    if kind.startswith("adaptive"):
        word = "Max" if "max" in kind else "Avg"
        both = f"nn.Adaptive{word}Pool{n}d(3)", f"nn.Adaptive{word}Pool{n}D(3)"
        w.shape = (w.shape[0], *[3] * n)
    elif kind == "avg padded":
        both = (
            f"nn.AvgPool{n}d(3, stride=2, padding=1, count_include_pad=False)",
            f"nn.AvgPool{n}D(3, stride=2, padding=1)",
        )
        w.shape = (w.shape[0], *((edge + 1) // 2 for edge in size))
    else:
        word = kind.capitalize()
        mode = ", ceil_mode=True" if ceil else ""
        both = f"nn.{word}Pool{n}d(2, stride=2{mode})", f"nn.{word}Pool{n}D(2, stride=2{mode})"
        w.shape = (w.shape[0], *((edge + ceil) // 2 for edge in size))
    name = both[0].split("(")[0].removeprefix("nn.")
    if kind in ("max", "avg") and w.chance(0.4):
        arguments = both[0].partition("(")[2]
        function = f"F.{word.lower()}_pool{n}d(x, {arguments}"
        w.run(f"x = {function}", f"x = {function}")
    else:
        w.call(w.define(name.lower(), *both))


def upsample(w: Writer) -> None:
    n = len(w.shape) - 1
    if max(w.shape[1:]) > 8 or n == 3:
        return pool(w)
    linear = "bilinear" if n == 2 else "linear"
    mode = w.pick("'nearest'", f"'{linear}', align_corners=False", f"'{linear}', align_corners=True")
    if n == 1:  # Paddle takes one dimension only with its own name of the layout
        layout, size = ", data_format='NCW'", f"[{2 * w.shape[1]}]"
        mode = mode if linear in mode else f"'{linear}', align_corners=False"
        w.run(f"x = F.interpolate(x, size={size}, mode={mode})", f"x = F.interpolate(x, {size}, mode={mode}{layout})")
    elif w.chance():
        w.call(w.define("up", f"nn.Upsample(scale_factor=2, mode={mode})", f"nn.Upsample(scale_factor=2, mode={mode})"))
    else:
        w.run(f"x = F.interpolate(x, scale_factor=2, mode={mode})")
    w.shape = (w.shape[0], *(2 * edge for edge in w.shape[1:]))
    w.units.append("upsample")


def shuffle(w: Writer) -> None:
    if len(w.shape) != 3 or w.shape[0] % 4 or max(w.shape[1:]) > 8:
        return conv(w)
    w.call(w.define("shuffle", "nn.PixelShuffle(2)", "nn.PixelShuffle(2)"))
    w.shape = (w.shape[0] // 4, 2 * w.shape[1], 2 * w.shape[2])
    w.units.append("pixel shuffle")


def conv_block(w: Writer) -> None:
    """Convolution, normalisation, activation, nested as each framework's author likes it."""
    channels, members = w.pick(4, 6, 8), []
    members.append(conv_layer(w, channels))
    moved(w, channels)
    members += [norm_layer(w), activation_layer(w)]
    if w.chance(0.3):
        p = w.pick(0.1, 0.5)
        members.append((f"nn.Dropout({p})", f"nn.Dropout({p})"))
    w.chain(members)


def residual(w: Writer) -> None:
    kept = w.variable("skip")
    w.run(f"{kept} = x")
    channels = w.shape[0]
    w.call(w.define("conv", *conv_layer(w, channels)))
    norm(w)
    if w.chance():
        activation(w)
        w.call(w.define("conv", *conv_layer(w, channels)))
    w.run(f"x = x + {kept}", w.pick(f"x = {kept} + x", f"x = x + {kept}", f"x = paddle.add(x, {kept})"))
    w.units.append("residual")


def branches(w: Writer) -> None:
    """Two branches of the same or of different shapes, and their concatenation or sum."""
    a, b = w.variable("a"), w.variable("b")
    together = w.chance()
    widths = (4, 4) if together or w.chance() else (4, 6)
    for name, width in zip((a, b), widths):
        w.call(w.define("branch", *conv_layer(w, width)), target=name)
    if together:
        w.run(f"x = {a} * torch.sigmoid({b})", f"x = {a} * F.sigmoid({b})")
        moved(w, 4)
    else:
        w.run(f"x = torch.cat([{a}, {b}], dim=1)", f"x = paddle.concat([{a}, {b}], axis=1)")
        moved(w, sum(widths))
    w.units.append("branches")


def squeeze_excitation(w: Writer) -> None:
    c, n = w.shape[0], len(w.shape) - 1
    axes = list(range(2, n + 2))
    gate = w.variable("gate")
    w.run(f"{gate} = x.mean(dim={axes})", f"{gate} = x.mean(axis={axes})")
    down, up = (f"nn.Linear({c}, {max(c // 2, 2)})",) * 2, (f"nn.Linear({max(c // 2, 2)}, {c})",) * 2
    w.call(w.define("down", *down), gate, gate)
    w.run(f"{gate} = F.relu({gate})")
    w.call(w.define("up", *up), gate, gate)
    ones = ", ".join(["-1", str(c), *["1"] * n])
    w.run(
        f"x = x * torch.sigmoid({gate}).view({ones})",
        f"x = x * F.sigmoid({gate}).reshape([{ones}])",
    )
    w.units.append("squeeze and excitation")


def shared_conv(w: Writer) -> None:
    """One layer, called twice."""
    both = w.define("shared", *conv_layer(w, w.shape[0]))
    w.call(both)
    activation(w)
    w.call(both)
    w.units.append("shared layer")


def channels_last(w: Writer) -> None:
    """Paddle's part in channels last, with transpositions around it."""
    if len(w.shape) != 3:
        return conv_block(w)
    c, channels = w.shape[0], w.pick(4, 6)
    w.run("x = x", "x = x.transpose([0, 2, 3, 1])")
    w.call(
        w.define(
            "conv",
            f"nn.Conv2d({c}, {channels}, 3, padding=1)",
            f"nn.Conv2D({c}, {channels}, 3, padding=1, data_format='NHWC')",
        )
    )
    w.call(w.define("norm", f"nn.BatchNorm2d({channels})", f"nn.BatchNorm2D({channels}, data_format='NHWC')"))
    w.run("x = F.relu(x)")
    w.run("x = x", "x = x.transpose([0, 3, 1, 2])")
    moved(w, channels)
    w.units.append("channels last")


def dropout(w: Writer) -> None:
    p = w.pick(0.1, 0.5)
    kind = w.pick("module", "function", "channels")
    w.units.append(f"dropout as {kind}")
    if kind == "channels" and len(w.shape) == 3:
        w.call(w.define("drop", f"nn.Dropout2d({p})", f"nn.Dropout2D({p})"))
    elif kind == "function":
        w.run(f"x = F.dropout(x, {p}, training=self.training)", f"x = F.dropout(x, p={p}, training=self.training)")
    else:
        w.call(w.define("drop", f"nn.Dropout({p})", f"nn.Dropout({p})"))


def maps(w: Writer, least: int, most: int) -> None:
    """A few units on [N, C, ...], then the mean over the positions."""
    units: list[Callable[[Writer], None]] = [
        conv, conv, conv_block, conv_block, conv_transpose, norm, activation, activation, pool, upsample, shuffle,
        residual, branches, squeeze_excitation, shared_conv, channels_last, dropout,
    ]  # fmt: skip
    conv(w)
    for _ in range(int(w.rng.integers(least, most))):
        w.pick(*units)(w)


def flattened(w: Writer) -> None:
    n, c = len(w.shape) - 1, w.shape[0]
    axes = list(range(2, n + 2))
    kind = w.pick("pool", "mean", "flatten")
    if kind == "pool":
        w.call(w.define("gap", f"nn.AdaptiveAvgPool{n}d(1)", f"nn.AdaptiveAvgPool{n}D(1)"))
        w.run("x = torch.flatten(x, 1)", "x = paddle.flatten(x, 1)")
        w.shape = (c,)
    elif kind == "mean":
        w.run(f"x = x.mean({axes})")
        w.shape = (c,)
    else:
        w.call(w.define("flat", "nn.Flatten()", "nn.Flatten()"))
        w.shape = (int(np.prod(w.shape)),)


def image(w: Writer) -> dict[str, np.ndarray]:
    size = w.pick(8, 9, 12)
    w.shape = (3, size, size)
    given = {"x": w.rng.standard_normal((w.batch, *w.shape))}
    maps(w, 2, 6)
    if w.chance(0.8):
        flattened(w)
        vectors(w, 0, 3)
    return given


def signal(w: Writer) -> dict[str, np.ndarray]:
    w.shape, w.batch = (3, w.pick(12, 16)), 3
    given = {"x": w.rng.standard_normal((w.batch, *w.shape))}
    maps(w, 2, 6)
    if w.chance(0.8):
        flattened(w)
        vectors(w, 0, 3)
    return given


def volume(w: Writer) -> dict[str, np.ndarray]:
    w.shape = (2, 6, 6, 6)
    given = {"x": w.rng.standard_normal((w.batch, *w.shape))}
    maps(w, 1, 4)
    flattened(w)
    vectors(w, 0, 2)
    return given


# Values [N, C]


def linear(w: Writer) -> None:
    size = w.pick(5, 8, w.shape[0])
    bias = w.chance(0.7)
    text = f"nn.Linear({w.shape[0]}, {size}"
    w.call(w.define("fc", f"{text}{'' if bias else ', bias=False'})", f"{text}{'' if bias else ', bias_attr=False'})"))
    w.shape = (size,)
    w.units.append("Linear")


def mlp(w: Writer) -> None:
    """Linear, normalisation, activation, dropout."""
    size = w.pick(6, 8)
    members = [(f"nn.Linear({w.shape[0]}, {size})",) * 2]
    if w.chance():
        members.append((f"nn.LayerNorm({size})", f"nn.LayerNorm({size})"))
        w.units.append("LayerNorm")
    elif w.batch >= 16:
        members.append((f"nn.BatchNorm1d({size})", f"nn.BatchNorm1D({size})"))
        w.units.append("batch norm")
    members.append(activation_layer(w))
    if w.chance():
        members.append(("nn.Dropout(0.2)", "nn.Dropout(0.2)"))
    w.chain(members)
    w.shape = (size,)
    w.units.append("Linear")


def bilinear(w: Writer) -> None:
    text = f"nn.Bilinear({w.shape[0]}, {w.shape[0]}, 5)"
    if w.shape[0] > 12:
        return linear(w)
    w.call(w.define("pairs", text, text), source="x, x")
    w.shape = (5,)
    w.units.append("Bilinear")


def tied(w: Writer) -> None:
    """An encoder and a decoder with one weight; Paddle's Linear holds it transposed, so both use the function."""
    c, hidden = w.shape[0], 6
    a, b = w.define("tied", f"nn.Linear({c}, {hidden})", f"nn.Linear({c}, {hidden})")
    w.call((a, b))
    w.run("x = torch.tanh(x)", "x = paddle.tanh(x)")
    w.run(f"x = F.linear(x, {a}.weight.t())", f"x = F.linear(x, {b}.weight.t())")
    w.units.append("tied weights")


def softmax(w: Writer) -> None:
    w.run("x = torch.softmax(x, dim=-1)", w.pick("x = F.softmax(x, axis=-1)", "x = F.softmax(x)"))
    w.units.append("softmax")


def residual_vector(w: Writer) -> None:
    c, kept = w.shape[0], w.variable("skip")
    w.run(f"{kept} = x")
    w.call(w.define("fc", f"nn.Linear({c}, {c})", f"nn.Linear({c}, {c})"))
    activation(w)
    w.run(f"x = x + {kept}")
    w.units.append("residual")


def own_weight(w: Writer) -> None:
    """A parameter of the model itself."""
    c = w.shape[-1]
    text = f"paddle.create_parameter([{c}], 'float32', default_initializer=nn.initializer.Normal(0.0, 1.0))"
    a, b = w.define("scale", f"nn.Parameter(torch.randn({c}))", text.replace("paddle.create", "self.create"))
    name, twin = a, b
    if w.other_names:  # nothing but its name tells which parameter of a model is which
        old = w.definitions[1].pop()
        twin = name
        w.definitions[1].append(old.replace(f"{b} =", f"{twin} ="))
    w.definitions[1][-1] = w.definitions[1][-1].replace("'float32', default", "default")
    w.run(f"x = x * {name}", f"x = x * {twin}")
    w.units.append("own parameter")


def vectors(w: Writer, least: int, most: int) -> None:
    for _ in range(int(w.rng.integers(least, most + 1))):
        w.pick(linear, mlp, mlp, bilinear, tied, softmax, residual_vector, activation, dropout, own_weight)(w)


def vector(w: Writer) -> dict[str, np.ndarray]:
    w.shape, w.batch = (w.pick(5, 7, 10),), 16
    given = {"x": w.rng.standard_normal((w.batch, *w.shape))}
    mlp(w)
    vectors(w, 1, 4)
    return given


# Values [N, L, C]


def recurrent(w: Writer) -> None:
    kind, twin = w.pick(("LSTM", "LSTM"), ("GRU", "GRU"), ("RNN", "SimpleRNN"))
    layers, both_ways, hidden = w.pick(1, 2), w.chance(), w.pick(3, 4)
    between = w.pick(0.0, 0.2) if layers > 1 else 0.0
    size = w.shape[-1]
    options = f"num_layers={layers}, dropout={between}"
    names = w.define(
        "rnn",
        f"nn.{kind}({size}, {hidden}, batch_first=True, bidirectional={both_ways}, {options})",
        f"nn.{twin}({size}, {hidden}, direction={'bidirect' if both_ways else 'forward'!r}, {options})",
    )
    w.call(names, target="x, state")
    w.shape = (w.shape[0], hidden * (1 + both_ways))
    w.units.append(f"{kind}, {layers} layers{', both ways' if both_ways else ''}{', dropout' if between else ''}")


def attention(w: Writer) -> None:
    size = w.shape[-1]
    if size % 2:
        return sequence_linear(w)
    masked = w.chance()
    p = w.pick(0.0, 0.1)
    a, b = w.define(
        "attn",
        f"nn.MultiheadAttention({size}, 2, dropout={p}, batch_first=True)",
        f"nn.MultiHeadAttention({size}, 2, dropout={p})",
    )
    mask = (
        ", attn_mask=torch.triu(torch.ones({0}, {0}, dtype=torch.bool), 1)",
        ", attn_mask=paddle.tril(paddle.ones([{0}, {0}])).astype('bool')",
    )
    texts = [text.format(w.shape[0]) if masked else "" for text in mask]
    w.run(f"x = x + {a}(x, x, x{texts[0]}, need_weights=False)[0]", f"x = x + {b}(x, x, x{texts[1]})")
    w.units.append(f"attention{', masked' if masked else ''}{', dropout' if p else ''}")


def transformer(w: Writer) -> None:
    size = w.shape[-1]
    if size % 2:
        return sequence_linear(w)
    first, act, p = w.chance(), w.pick("relu", "gelu"), w.pick(0.0, 0.1)
    options = f"{size}, 2, 12, dropout={p}, activation={act!r}"
    names = w.define(
        "layer",
        f"nn.TransformerEncoderLayer({options}, norm_first={first}, batch_first=True)",
        f"nn.TransformerEncoderLayer({options}, normalize_before={first})",
    )
    w.call(names)
    w.units.append(f"TransformerEncoderLayer{', dropout' if p else ''}")


def own_attention(w: Writer) -> None:
    """Attention written by hand: three Linear layers that take the same input."""
    size = w.shape[-1]
    q, k, v = w.variable("q"), w.variable("k"), w.variable("v")
    for name in (q, k, v):
        w.call(w.define("to", *(f"nn.Linear({size}, {size})",) * 2), target=name)
    scale = size**0.5
    w.run(
        f"x = x + torch.softmax({q} @ {k}.transpose(1, 2) / {scale}, dim=-1) @ {v}",
        f"x = x + F.softmax(paddle.matmul({q}, {k}, transpose_y=True) / {scale}, axis=-1) @ {v}",
    )
    w.units.append("own attention")


def sequence_linear(w: Writer) -> None:
    size = w.pick(4, 6, 8)
    w.call(w.define("fc", *(f"nn.Linear({w.shape[-1]}, {size})",) * 2))
    w.shape = (w.shape[0], size)
    w.units.append("Linear on a sequence")


def layer_norm(w: Writer) -> None:
    w.call(w.define("ln", *(f"nn.LayerNorm({w.shape[-1]})",) * 2))
    w.units.append("LayerNorm")


def sequence_conv(w: Writer) -> None:
    size, channels = w.shape[-1], w.pick(4, 6)
    w.run("x = x.transpose(1, 2)", "x = x.transpose([0, 2, 1])")
    w.call(
        w.define("conv", f"nn.Conv1d({size}, {channels}, 3, padding=1)", f"nn.Conv1D({size}, {channels}, 3, padding=1)")
    )
    w.run("x = x.permute(0, 2, 1)", "x = paddle.transpose(x, [0, 2, 1])")
    w.shape = (w.shape[0], channels)
    w.units.append("Conv1d on a sequence")


def sequences(w: Writer) -> None:
    units = [
        recurrent, recurrent, attention, transformer, own_attention, sequence_linear, layer_norm, sequence_conv,
        activation, dropout, own_weight,
    ]  # fmt: skip
    for _ in range(int(w.rng.integers(1, 4))):
        w.pick(*units)(w)
    if w.chance(0.7):
        w.run(w.pick("x = x.mean(1)", "x = x[:, -1]", "x = x.sum(1)"))
        w.shape = w.shape[1:]
        vectors(w, 0, 2)


def sequence(w: Writer) -> dict[str, np.ndarray]:
    w.shape, w.batch = (w.pick(4, 5), w.pick(4, 6)), 3
    given = {"x": w.rng.standard_normal((w.batch, *w.shape))}
    sequences(w)
    return given


def tokens(w: Writer) -> dict[str, np.ndarray]:
    """Integers [N, L], sometimes with a mask of what is padding."""
    length, words, size, w.batch = w.pick(4, 5), w.pick(9, 12), w.pick(4, 6), 3
    given = {"tokens": w.rng.integers(1, words, (w.batch, length))}
    padding = w.chance(0.4)
    text = f"nn.Embedding({words}, {size}{', padding_idx=0' if padding else ''})"
    if padding:
        given["tokens"][:, -1] = 0
    w.call(w.define("words", text, text), source="tokens")
    if w.chance(0.4):
        places = f"nn.Embedding({length}, {size})"
        a, b = w.define("places", places, places)
        w.run(f"x = x + {a}(torch.arange({length}))", f"x = x + {b}(paddle.arange({length}))")
    w.shape = (length, size)
    if w.chance(0.4):
        given["mask"] = w.rng.random((w.batch, length)) < 0.8
        w.run("x = x * mask.unsqueeze(-1).to(x.dtype)", "x = x * mask.unsqueeze(-1).astype(x.dtype)")
        w.units.append("mask")
    w.units.append("Embedding")
    sequences(w)
    return given


# What comes out


def ending(w: Writer) -> str:
    """The expression that both models return."""
    kind = w.pick("x", "x", "x", "tuple", "dict", "list", "nested")
    w.units.append(f"returns {kind}")
    return {
        "x": "x",
        "tuple": "x, x.sum()",
        "dict": "{'out': x, 'half': 0.5 * x, 'none': None}",
        "list": "[x, x * x]",
        "nested": "{'all': [x, (x.mean(), None)]}",
    }[kind]
