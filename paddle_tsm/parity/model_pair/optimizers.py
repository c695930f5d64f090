"""The same optimizer in both frameworks, and what keeps some of them from being the same.

PyTorch's defaults are the reference. Measured in float64 on the CPU with PyTorch 2.13 and PaddlePaddle 3.3.1:

| what                     | PyTorch                 | Paddle                        | so                            |
|--------------------------|-------------------------|-------------------------------|-------------------------------|
| Momentum's constants     | in float64              | momentum, decay as float32    | PyTorch's are rounded         |
| AdamW's decay            | in float64              | as float32                    | PyTorch's is rounded          |
| Adagrad's epsilon        | 1e-10, in float64       | 1e-6, as float32              | 1e-10, PyTorch's is rounded   |
| Adam's betas and epsilon | in float64              | the same                      | equal                         |
| Adam's epsilon           | behind the root         | the same, in another formula  | equal                         |
| amsgrad                  | maximum in front of the | the same                      | equal                         |
|                          | bias correction         |                               |                               |
| AdamW's order            | decay, then the step    | the same                      | equal                         |
| weight_decay of the rest | added to the gradient   | the same                      | equal                         |
| Nesterov's momentum      | gradient + m * velocity | the same                      | equal                         |
| Adagrad's accumulator    | 0                       | the same                      | equal                         |
| RMSProp's epsilon        | behind the root         | inside the root               | refused                       |
| dampening, maximize      | options                 | absent                        | refused                       |
| a group's rate           | a rate                  | a factor of the optimizer's   | the rates are compared        |
| clipping by the norm     | norm + 1e-6, all groups | ClipGradByGlobalNorm: without | clip= uses clip_grad_norm_ of |
|                          | together                | 1e-6, each group by itself    | both, which are equal         |
| gradients that are reset | None: no step           | 0: decay and momentum go on   | Paddle's are set to None      |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOMENTUM = {"lr": None, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0}
ADAM = {"lr": None, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}
# kind -> its options with their defaults, which are PyTorch's, but for the rate: see `OptimizerPair.lr`
KINDS: dict[str, dict[str, Any]] = {
    "sgd": MOMENTUM | {"momentum": 0.0},
    "momentum": MOMENTUM,
    "adam": ADAM,
    "adamw": ADAM | {"weight_decay": 0.01},
    "adagrad": {"lr": None, "eps": 1e-10, "weight_decay": 0.0, "initial_accumulator_value": 0.0},
}
REFUSED = {
    "rmsprop": "Paddle's RMSProp adds epsilon inside the root and PyTorch's behind it, so that they cannot be equal",
    "dampening": "Paddle's Momentum has none",
    "maximize": "Paddle's optimizers have none",
    "centered": "it is an option of RMSProp, which cannot be made equal",
}
# PyTorch's class -> the options that Paddle's kernel of the same name holds as float32
FLOAT32 = {
    "SGD": ("momentum", "weight_decay"),
    "AdamW": ("weight_decay",),
    "Adagrad": ("eps",),
    "RMSprop": ("alpha", "eps", "momentum"),
}


@dataclass
class OptimizerPair:
    """make_torch, make_paddle: functions (parameters, lr) to an optimizer of the framework. lr: the learning rate; None
    for one that moves the weights a little (`step_size.py`). adaptive: whether the optimizer moves a weight by the
    rate, whatever its gradient is. remarks: which constants of PyTorch's optimizer were rounded when it was made,
    a sentence each.
    """

    make_torch: Callable[[list[Any], float], Any]
    make_paddle: Callable[[list[Any], float], Any]
    lr: float | None = None
    adaptive: bool = False
    remarks: list[str] = field(default_factory=list)

    def torch(self, parameters: list[Any], lr: float) -> Any:
        """PyTorch's optimizer, with the constants that Paddle holds as float32 rounded to that."""
        optimizer = made(self.make_torch, parameters, lr, "PyTorch", "param_groups")
        for remark in round_constants(optimizer):
            if remark not in self.remarks:
                self.remarks.append(remark)
        return optimizer

    def paddle(self, parameters: list[Any], lr: float) -> Any:
        """Paddle's optimizer."""
        return made(self.make_paddle, parameters, lr, "Paddle", "_parameter_list")


def optimizer_pair(optimizer: Any = None) -> OptimizerPair:
    """The optimizer that is asked for.

    optimizer: None is SGD with a momentum of 0.9 as float32 holds it. A name: "sgd", "momentum", "adam", "adamw" or
    "adagrad". A mapping with "kind", one of these names, and any of its options, which are called as PyTorch calls
    them: {"kind": "adamw", "lr": 1e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.05, "amsgrad": True};
    without "lr" it is one that moves the weights a little. Or a pair of functions (PyTorch's parameters) to an
    optimizer and (Paddle's parameters) to an optimizer. Raises ValueError for anything else, and for what the two
    frameworks compute differently.
    """
    if isinstance(optimizer, (tuple, list)) and len(optimizer) == 2 and all(map(callable, optimizer)):
        make_torch, make_paddle = optimizer
        return OptimizerPair(
            lambda parameters, _: make_torch(parameters), lambda parameters, _: make_paddle(parameters), 1.0
        )
    if optimizer is None:
        optimizer = {"kind": "momentum", "momentum": float(np.float32(0.9))}
    if isinstance(optimizer, str):
        optimizer = {"kind": optimizer}
    if not isinstance(optimizer, Mapping):
        raise ValueError(
            f"optimizer: got {optimizer!r}, wanted None, one of {', '.join(KINDS)}, a mapping with kind and options, "
            "or a pair of functions (parameters) to an optimizer"
        )
    options = options_of(optimizer)
    kind = optimizer["kind"]
    return OptimizerPair(
        lambda parameters, lr: torch_optimizer(kind, parameters, options | {"lr": lr}),
        lambda parameters, lr: paddle_optimizer(kind, parameters, options | {"lr": lr}),
        options["lr"],
        "momentum" not in options,
    )


def made(make: Callable, parameters: list[Any], lr: float, framework: str, has: str) -> Any:
    """The optimizer that the function makes. Raises ValueError where it fails or makes something else."""
    try:
        optimizer = make(parameters, lr)
    except Exception as error:  # the caller's code
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"optimizer: the one for {framework} failed: {type(error).__name__}: {reason}") from error
    if not hasattr(optimizer, has):
        raise ValueError(
            f"optimizer: the function for {framework} made {optimizer!r}, wanted an optimizer of {framework}"
        )
    return optimizer


def options_of(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of the kind that a mapping names. Raises ValueError for what no kind has."""
    kind = optimizer.get("kind")
    if kind not in KINDS:
        reason = (
            f"{REFUSED[kind]}; give a pair of functions" if kind in REFUSED else f"wanted one of {', '.join(KINDS)}"
        )
        raise ValueError(f"optimizer: got kind {kind!r}, {reason}")
    defaults = KINDS[kind]
    given = {name: value for name, value in optimizer.items() if name != "kind"}
    for name, value in given.items():
        if name in REFUSED and value:
            raise ValueError(f"optimizer: got {name}={value!r} for {kind}, {REFUSED[name]}; give a pair of functions")
        if name not in defaults and name not in REFUSED:
            raise ValueError(f"optimizer: got {name!r} for {kind}, wanted any of {', '.join(defaults)}")
    return defaults | {name: value for name, value in given.items() if name in defaults}


def torch_optimizer(kind: str, parameters: list[Any], options: dict[str, Any]) -> Any:
    """PyTorch's optimizer of this kind with all options."""
    import torch  # optional

    classes = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adagrad": torch.optim.Adagrad}
    return classes.get(kind, torch.optim.SGD)(parameters, **options)


def paddle_optimizer(kind: str, parameters: list[Any], options: dict[str, Any]) -> Any:
    """Paddle's optimizer of this kind with all options, under Paddle's names."""
    from paddle import optimizer

    taken: dict[str, Any] = {
        "parameters": parameters,
        "learning_rate": float(options["lr"]),
        "weight_decay": float(options["weight_decay"]),
    }
    if kind in ("adam", "adamw"):
        beta1, beta2 = map(float, options["betas"])
        moments = {"beta1": beta1, "beta2": beta2, "epsilon": float(options["eps"]), "amsgrad": options["amsgrad"]}
        return (optimizer.Adam if kind == "adam" else optimizer.AdamW)(**taken, **moments)
    if kind == "adagrad":
        start = float(options["initial_accumulator_value"])
        return optimizer.Adagrad(**taken, epsilon=float(options["eps"]), initial_accumulator_value=start)
    if options["momentum"]:
        momentum = float(options["momentum"])
        return optimizer.Momentum(**taken, momentum=momentum, use_nesterov=bool(options["nesterov"]))
    return optimizer.SGD(**taken)


def round_constants(optimizer: Any) -> Iterable[str]:
    """Round to float32 what Paddle holds as float32, in all groups of PyTorch's optimizer. Yields a sentence for each.

    Paddle's plain SGD, for which PyTorch has the same class as with momentum, keeps its decay in float64.
    """
    name = type(optimizer).__name__
    for group in optimizer.param_groups:
        if name == "SGD" and not group["momentum"]:
            continue
        for option in FLOAT32.get(name, ()):
            value = group.get(option)
            if isinstance(value, float) and float(np.float32(value)) != value:
                group[option] = float(np.float32(value))
                yield (
                    f"Paddle holds {name}'s {option} {value:g} as float32, {group[option]!r}; PyTorch's optimizer was "
                    "given the same number"
                )
