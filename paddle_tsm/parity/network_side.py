"""What a comparison asks of a TSM network beyond any other model: its stages, its classes, its optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.networks.network import Network
from paddle_tsm.parity.model_pair.structure import as_array
from paddle_tsm.parity.model_pair.trace import Watch
from paddle_tsm.parity.network_stages import tensors_by_stage
from paddle_tsm.parity.side import See, Side, is_statistic


class NetworkSide(Side):
    """A network in evaluation mode. Inputs x are [N*T, C, H, W] in the side's precision; targets are classes [N]."""

    network: Network
    run: Callable[[Any], Any]  # of the framework's class: from inputs to outputs, without gradients
    grad_cam: Callable[..., Any]  # of the package: see `models.grad_cam.grad_cam`
    dropout_layer: Any  # the framework's class
    outcome = "logits"
    input_gradients = False

    def outputs(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Every stage's output [N*T, C, h, w], the features that the classifier reads [N*T, C], the logits [N, K]."""
        results: dict[str, np.ndarray] = {}
        names = {last_layer: stage for stage, last_layer in self.model.stage_ends.items()}
        names["dropout"] = "features"  # in evaluation mode dropout drops nothing, but some families scale there
        watched = {names[name]: layer for name, layer in self.named_layers() if name in names}
        logits = self.forward(inputs, watched, results.__setitem__)
        return results | {"logits": logits}

    def heat_maps(self, inputs: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
        """Of each stage the heat maps of x for these classes, [N, T, h, w], and the weights of its channels, [N, T, C].

        classes: int [N]. Each heat map is the package's own function's.
        """
        found: dict[str, np.ndarray] = {}
        for stage in self.model.stage_ends:
            of_stage = self.grad_cam(self.model, inputs, stage, classes)
            found |= {f"heat map of {stage}": of_stage.maps, f"its weights in {stage}": of_stage.weights}
        return found

    def watch_layers(self, inputs: np.ndarray, see: See, train: bool = False) -> np.ndarray:
        """The logits of x. see(name, output) is called for each layer with weights, in forward order."""
        if train:
            self.model.train()
        logits = self.forward(inputs, {name: layer for name, layer in self.named_layers() if has_weights(layer)}, see)
        self.model.eval()
        return logits

    def forward(self, x: np.ndarray, watched: dict[str, Any], see: See) -> np.ndarray:
        """The logits of x, without gradients. see(name, output) is called when a layer of `watched` has run."""
        with Watch(watched, after=lambda name, output: see(name, as_array(output))):
            return as_array(self.run(x))

    def statistics(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Every BatchNorm's running mean and variance after one training pass over x. Changes the network."""
        self.model.train()
        self.run(inputs)
        self.model.eval()
        return {name: array for name, array in self.tensors().items() if is_statistic(name)}

    def start_training(self, lr: float) -> None:
        self.model.train()
        for _, layer in self.named_layers():
            if isinstance(layer, self.dropout_layer):
                layer.p = 0.0
        self.optimizer = self.new_optimizer(lr)

    def training_outputs(self) -> dict[str, np.ndarray]:
        return {}  # the loss, which is compared, is the mean of the logits' cross entropy

    def optimizer_state(self) -> dict[str, np.ndarray]:
        state = self.optimizer.state_dict()["state"]
        return {f"{name}: {buffer}": array for name, arrays in state.items() for buffer, array in arrays.items()}

    def has_statistics(self) -> bool:
        return any(is_statistic(name) for name in self.network.shapes())  # a fused network has no BatchNorm

    def is_buffer(self, name: str) -> bool:
        return is_statistic(name) or name.endswith("num_batches_tracked")

    def tensor_groups(self) -> dict[str, list[str]]:
        return tensors_by_stage(self.network)


def has_weights(layer: Any) -> bool:
    """Whether the layer itself, without those inside it, has parameters."""
    return any(parameter is not None for parameter in layer._parameters.values())
