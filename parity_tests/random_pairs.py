"""Correct pairs of models, drawn from a seed: the same small network written once with torch.nn and once with
paddle.nn, as a user writes it.

A pair is two texts of source code, so that a failing one can be read and run. What varies is what users vary: module or
function, names, the order of definition, how layers are nested, and what goes in and comes out.

Nothing here is wider than a correct pair needs. What the generator avoids, because the values themselves are then
ill-conditioned: a BatchNorm over fewer than 16 values (the gradient of a variance of two values grows without bound as
they meet), an InstanceNorm, GroupNorm or LayerNorm right behind another normalisation without weights, and inputs
without spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

HEAD = {
    "torch": "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n",
    "paddle": "import paddle\nfrom paddle import nn\nimport paddle.nn.functional as F\n",
}
BASE = {"torch": "nn.Module", "paddle": "nn.Layer"}
OTHER_NAMES = ("encoder", "part", "block", "inner", "stage", "op")
Both = tuple[str, str]  # PyTorch's text and Paddle's


@dataclass
class Pair:
    """torch, paddle: the sources, each with a class Net. inputs: what both take. units: what the network is made of."""

    torch: str
    paddle: str
    inputs: Any
    units: list[str]

    def build(self, paddle_source: str | None = None) -> tuple[Any, Any]:
        """(PyTorch's model, Paddle's). paddle_source: another source than the pair's own."""
        return made(self.torch), made(paddle_source or self.paddle)


def made(source: str) -> Any:
    """What the source's class Net makes."""
    space: dict[str, Any] = {}
    exec(source, space)
    return space["Net"]()


@dataclass
class Writer:
    """Writes both sources. shape: that of the value x which the lines hand on, without the batch."""

    rng: np.random.Generator
    shape: tuple[int, ...] = ()
    batch: int = 2
    definitions: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    lines: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    units: list[str] = field(default_factory=list)
    count: int = 0
    other_names: bool = False

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def name(self, word: str) -> Both:
        """A new name of an attribute in both models."""
        self.count += 1
        torch = f"{word}{self.count}"
        other = OTHER_NAMES[int(self.rng.integers(len(OTHER_NAMES)))]
        return torch, f"{other}_{self.count * 7 % 31}_{self.count}" if self.other_names else torch

    def define(self, word: str, torch: str, paddle: str) -> Both:
        """Define an attribute in both models. Returns the two expressions that read it."""
        a, b = self.name(word)
        self.definitions[0].append(f"self.{a} = {torch}")
        self.definitions[1].append(f"self.{b} = {paddle}")
        return f"self.{a}", f"self.{b}"

    def run(self, torch: str, paddle: str | None = None) -> None:
        """Add a line to both forward functions."""
        self.lines[0].append(torch)
        self.lines[1].append(torch if paddle is None else paddle)

    def call(self, both: Both, target: str = "x", source: str = "x") -> None:
        """Run a layer."""
        self.run(*(f"{target} = {expression}({source})" for expression in both))

    def variable(self, word: str) -> str:
        """A new name of a local variable."""
        self.count += 1
        return f"{word}{self.count}"

    def chain(self, members: list[Both]) -> None:
        """Run layers that only follow each other: in each framework as attributes, or in a Sequential."""
        nested = self.chance(), self.chance()
        names = self.name("seq")
        for side, (inside, name) in enumerate(zip(nested, names)):
            texts = [both[side] for both in members]
            if inside:
                self.definitions[side].append(f"self.{name} = nn.Sequential({', '.join(texts)})")
                self.lines[side].append(f"x = self.{name}(x)")
            else:
                for number, text in enumerate(texts):
                    self.definitions[side].append(f"self.{name}_{number} = {text}")
                    self.lines[side].append(f"x = self.{name}_{number}(x)")

    def source(self, side: int, arguments: str, result: str) -> str:
        framework = ("torch", "paddle")[side]
        definitions = list(self.definitions[side])
        if self.chance():  # only whole statements that need no other one are written in another order
            free = [line for line in definitions if not line.startswith("#")]
            order = self.rng.permutation(len(free))
            tied = [free[i] for i in order if ".weight" in free[i] or "= self." in free[i]]
            definitions = [free[i] for i in order if free[i] not in tied] + tied
        init = "\n".join(f"        {line}" for line in ["super().__init__()", *definitions])
        forward = "\n".join(f"        {line}" for line in [*self.lines[side], f"return {result}"])
        return (
            f"{HEAD[framework]}\n\nclass Net({BASE[framework]}):\n    def __init__(self):\n{init}\n\n"
            f"    def forward(self, {arguments}):\n{forward}\n"
        )


def random_pair(seed: int) -> Pair:
    """The pair of a seed."""
    from parity_tests import random_units as units

    w = Writer(np.random.default_rng([15, seed]), other_names=seed % 2 == 1)
    start = (units.image, units.signal, units.volume, units.sequence, units.tokens, units.vector)[seed % 6]
    inputs = start(w)
    inputs, arguments = second_input(w, inputs)
    result = units.ending(w)
    as_dict = len(inputs) > 1 and w.chance(0.4)
    given = dict(inputs) if as_dict else tuple(inputs.values())
    if len(inputs) == 1 and w.chance():
        (given,) = inputs.values()
    return Pair(w.source(0, arguments, result), w.source(1, arguments, result), given, w.units)


def second_input(w: Writer, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Sometimes another input, which joins at the end, and the names of all arguments."""
    if w.chance(0.3):
        size = w.shape[0] if len(w.shape) == 1 else w.shape[-1]
        inputs = inputs | {"extra": w.rng.standard_normal((w.batch, *[1] * (len(w.shape) - 1), size))}
        w.run(w.pick("x = x + extra", "x = x * (1 + 0.5 * extra)", "x = x + extra * x"))
        w.units.append("second input")
    return inputs, ", ".join(inputs)
