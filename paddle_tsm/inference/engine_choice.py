"""The engine that a user asked for, and the predictors that it gives."""

from __future__ import annotations

import os
from dataclasses import dataclass

from paddle_tsm.inference.opening import EAGER, engine_for
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.inference.stream_predictor import StreamPredictor


@dataclass(frozen=True)
class EngineChoice:
    """What a user asked for. engine, precision, threads: see `Predictor`."""

    engine: str | None = None
    precision: str = "float32"
    threads: int | None = None

    def exports(self, weights: str) -> bool:
        """Whether the weights are a checkpoint that has to be exported before the engine can run it."""
        return os.path.isfile(weights) and engine_for(self.engine, self.precision) != EAGER

    def options_for(self, weights: str, options: dict, size: int) -> dict:
        """The options that were given, and the size of the frames where an export has to fix it."""
        given = {name: value for name, value in options.items() if value is not None}
        return given | {"size": size} if self.exports(weights) else given

    def predictor(self, weights: str, options: dict, size: int) -> Predictor:
        """What runs clips through a checkpoint or an exported folder. size: height and width of the frames."""
        return Predictor(weights, self.threads, self.precision, self.engine, **self.options_for(weights, options, size))

    def stream(self, weights: str, options: dict, size: int) -> StreamPredictor:
        """What runs a stream through a causal checkpoint or an exported step. size: height and width of the frames."""
        return StreamPredictor(weights, self.threads, self.engine, **self.options_for(weights, options, size))
