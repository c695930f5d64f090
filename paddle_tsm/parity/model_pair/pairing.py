"""Pairs the layers of two models, and so their tensors.

Both models run once on the same input. When a layer of Paddle is called for the first time, its twin is sought among
PyTorch's layers of the same kind and shapes: by the caller's `align`; by name, where both models have the same names
for these layers; else among those whose input held the same values, by name, by similar names, and by the order of
execution. Its weights are then copied, so that the next layer's input can be the same, too. Where only the order
decides between layers with the same input, the outputs must agree in the end. Where nothing decides, it is an error
that says what would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.alignment import Alignment, LayerPair, TensorPair
from paddle_tsm.parity.model_pair.caller_lines import AlignLines, CallerLines
from paddle_tsm.parity.model_pair.failures import ModelFailed
from paddle_tsm.parity.model_pair.layer_calls import Calls
from paddle_tsm.parity.model_pair.layer_names import most_similar, plain
from paddle_tsm.parity.model_pair.layer_tensors import (
    TensorLayer,
    named_tensors,
    other_names,
    paddle_layers,
    torch_layers,
    unsaved,
)
from paddle_tsm.parity.model_pair.pairing_errors import undecided, unmatched
from paddle_tsm.parity.model_pair.trace import Watch, same_sketch, sketch


class Pairing:
    """Pairs the layers of a PyTorch model with those of a Paddle model; both are copies in float64, whose weights it
    may change.

    run_torch, run_paddle: run the models in evaluation mode on the same input. align: PyTorch's layer, tensor or
    anything that contains some -> Paddle's, "name.T" for a transposed tensor, None for no twin.
    """

    def __init__(
        self,
        torch_model: Any,
        paddle_model: Any,
        run_torch: Callable[[], Any],
        run_paddle: Callable[[], Any],
        align: AlignLines | None = None,
    ):
        self.torch_model, self.paddle_model = torch_model, paddle_model
        self.run_torch, self.run_paddle = run_torch, run_paddle
        self.align = align
        self.given: list[np.ndarray] = []  # the sketches of PyTorch's and of Paddle's outputs
        self.guesses: list[tuple[TensorLayer, TensorLayer, list[TensorLayer]]] = []
        self.error: ValueError | None = None  # what pairing said while Paddle's model ran
        self.alignment = Alignment()
        self.alignment.other_names = {"torch": other_names(torch_model), "paddle": other_names(paddle_model)}
        self.alignment.unsaved = {"torch": unsaved(torch_model), "paddle": unsaved(paddle_model)}
        self.torch, self.paddle = Calls(torch_layers(torch_model)), Calls(paddle_layers(paddle_model))
        self.torch_tensors, self.paddle_tensors = named_tensors(torch_model), named_tensors(paddle_model)

    def pair(self) -> Alignment:
        """The alignment. Raises ValueError for layers without a twin and for what nothing decides."""
        lines = CallerLines(self.align, self.torch, self.paddle)
        self.alignment.left_out = lines.left_out()
        for pair in lines.tensor_pairs(self.torch_tensors, self.paddle_tensors):
            self._add(pair)
        self._check_numbers()
        self._record_torch()
        self.free = {layer.name: layer for layer in self.torch.layers}
        self.fixed = lines.layer_pairs()
        self._run_paddle()
        for layer in self.paddle.layers:
            if layer.name not in self.paddle.sketches:
                self._choose(layer, None)
        if self.guesses and not same_sketch(*self.given):
            raise ValueError(self._guessed())
        order = {
            name: number for number, name in enumerate([*self.torch.order(), *(x.name for x in self.torch.layers)])
        }
        self.alignment.layers.sort(key=lambda pair: order[pair.torch])
        return self.alignment

    # What both models have

    def _check_numbers(self) -> None:
        """Raise ValueError unless both models have as many layers of each kind and shapes.

        Buffers that only one of the models has are left out: a mask, or a table that the other computes in its place.
        First those whose name and shape no such layer of the other model has, then the others.
        """
        for shared_too in (False, True):
            both = self._alone()
            held = [{found for layer in layers for found in layer.shapes.items()} for layers in both]
            for side, layers, others in zip(("torch", "paddle"), both, held[::-1]):
                for layer in layers:
                    for tensor in sorted(layer.buffers & set(layer.shapes)):
                        if shared_too or (tensor, layer.shapes[tensor]) not in others:
                            self.alignment.left_out[side].append(layer.full_names()[tensor])
                            getattr(self, side).drop(layer, tensor)
        alone = self._alone()
        if any(alone):
            raise ValueError(unmatched(*alone))

    def _alone(self) -> tuple[list[TensorLayer], list[TensorLayer]]:
        """The layers of PyTorch and of Paddle whose kind and shapes the other model has not as often."""
        counts = [Counter(layer.signature for layer in calls.layers) for calls in (self.torch, self.paddle)]
        torch, paddle = (
            [layer for layer in calls.layers if counts[0][layer.signature] != counts[1][layer.signature]]
            for calls in (self.torch, self.paddle)
        )
        return torch, paddle

    def _record_torch(self) -> None:
        """Run PyTorch's model and keep the order of the first calls and their sketches."""
        with Watch({layer.name: layer.layer for layer in self.torch.layers}, before=self._see_torch):
            self.given.append(sketch(self.run_torch()))

    def _run_paddle(self) -> None:
        """Run Paddle's model; each layer is paired when it is called first."""
        by_name = {layer.name: layer for layer in self.paddle.layers}

        def see(name: str, layer: Any, arguments: tuple) -> None:
            if name not in self.paddle.sketches:
                self.paddle.sketches[name] = sketch(arguments)
                try:
                    self._choose(by_name[name], self.paddle.sketches[name])
                except ValueError as error:
                    self.error = error
                    raise

        with Watch({name: layer.layer for name, layer in by_name.items()}, before=see):
            try:
                self.given.append(sketch(self.run_paddle()))
            except ModelFailed as failed:
                raise self.error or failed from None

    def _see_torch(self, name: str, layer: Any, arguments: tuple) -> None:
        if name not in self.torch.sketches:
            self.torch.sketches[name] = sketch(arguments)

    # The choice of a twin

    def _choose(self, layer: TensorLayer, seen: np.ndarray | None) -> None:
        """Pair a layer of Paddle with one of PyTorch that is still free, and copy its weights."""
        if layer.name in self.fixed:
            twin, how = self.free[self.fixed[layer.name]], "align"
        else:
            kept = set(self.fixed.values())
            candidates = [
                found for name, found in self.free.items() if found.signature == layer.signature and name not in kept
            ]
            twin, how = self._decide(layer, candidates, seen)
        del self.free[twin.name]
        self._accept(twin, layer, how)

    def _decide(
        self, layer: TensorLayer, candidates: list[TensorLayer], seen: np.ndarray | None
    ) -> tuple[TensorLayer, str]:
        """The twin and what decided. Raises ValueError where nothing does."""
        called = self.torch.sketches
        if seen is None:
            fed = [found for found in candidates if found.name not in called]
        else:
            fed = [found for found in candidates if found.name in called and same_sketch(called[found.name], seen)]
        named = [found for found in candidates if plain(found.name) == plain(layer.name)]
        if len(named) == 1 and self._namesakes(layer):
            return named[0], "name"
        if len(fed) == 1 and seen is not None:
            return fed[0], "name" if fed == named else "input"
        for group in ([found for found in fed if found in named], named if not fed else []):
            if len(group) == 1:
                return group[0], "name"
        similar = most_similar(layer, fed, self._open(layer))
        if similar:
            return similar, "name"
        if seen is not None and self._same_order(layer):
            return self._next_in_order(layer, fed or candidates), "order"
        if len(candidates) == 1 and len(self._open(layer)) == 1:
            return candidates[0], "order"
        raise ValueError(undecided(layer, candidates, fed if seen is not None else []))

    def _namesakes(self, layer: TensorLayer) -> bool:
        """Whether both models have the same names for the layers of this kind and shapes. Then a name is no chance, and
        a layer with another input is wrongly wired.
        """
        a, b = (
            Counter(plain(found.name) for found in calls.layers if found.signature == layer.signature)
            for calls in (self.torch, self.paddle)
        )
        return a == b

    def _open(self, layer: TensorLayer) -> list[TensorLayer]:
        """Paddle's layers of the same kind and shapes that have no twin yet."""
        done = {pair.paddle for pair in self.alignment.layers} | set(self.fixed)
        return [x for x in self.paddle.layers if x.signature == layer.signature and x.name not in done]

    def _next_in_order(self, layer: TensorLayer, candidates: list[TensorLayer]) -> TensorLayer:
        """The first of them that PyTorch calls. It is a guess where another one takes the same input."""
        called = self.torch.sketches
        first = min(candidates, key=lambda found: self.torch.order().get(found.name, len(called)))
        rivals = [
            found
            for found in candidates
            if first.name in called and found.name in called and same_sketch(called[found.name], called[first.name])
        ]
        if len(rivals) > 1:
            self.guesses.append((layer, first, rivals))
        return first

    def _guessed(self) -> str:
        """What to say where layers with the same input were paired by their order and the outputs then differ."""
        layer, _, rivals = self.guesses[0]
        guess = {first.name: layer.name for layer, first, _ in self.guesses}
        return undecided(layer, rivals, rivals, guess)

    def _same_order(self, layer: TensorLayer) -> bool:
        """Whether both models have called layers of the same kinds and shapes, in the same order, so far."""
        signatures = {found.name: found.signature for found in self.torch.layers}
        own = {found.name: found.signature for found in self.paddle.layers}
        a = [signatures[name] for name in self.torch.sketches]
        b = [own[name] for name in self.paddle.sketches]
        return a[: len(b)] == b

    def _accept(self, twin: TensorLayer, layer: TensorLayer, how: str) -> None:
        """Enter the pair and its tensors, and copy the weights."""
        self.alignment.layers.append(LayerPair(twin.name, layer.name, how))
        for name in twin.shapes:
            full = twin.names[name]
            for part in layer.parts[name]:
                shape = tuple(self.paddle_tensors[part.tensor].shape)
                self._add(TensorPair(full, part.tensor, shape, part.transposed, part.rows, twin.name))

    def _add(self, pair: TensorPair) -> None:
        """Enter a pair of tensors and copy the values."""
        self.alignment.tensors.append(pair)
        self.alignment.torch_shapes[pair.torch] = tuple(self.torch_tensors[pair.torch].shape)
        target = self.paddle_tensors[pair.paddle]
        value = pair.to_paddle(self.torch_tensors[pair.torch].detach().numpy())
        target.set_value(value.astype(str(target.dtype).removeprefix("paddle.")))
