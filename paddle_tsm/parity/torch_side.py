"""One network in PyTorch, as the comparison sees it: NumPy in, NumPy out."""

import numpy as np
import torch

import torch_ref
from torch_ref.load import assign_weights


class TorchSide:
    """A network with the given canonical tensors, in `dtype` ("float32" or "float64")."""

    name = "PyTorch"

    def __init__(self, network, tensors, dtype: str):
        self.model = torch_ref.create_model(network.arch, **network.options()).to(getattr(torch, dtype))
        assign_weights(self.model, tensors).eval()

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every stage's output [N*T, C, h, w], the pooled features [N*T, C] and the logits [N, K] for x [N*T, 3, H, W]."""
        results = {}
        names = {end: stage for stage, end in self.model.stage_ends.items()} | {"dropout": "features"}  # the identity now
        layers = {names[name]: layer for name, layer in self.model.named_modules() if name in names}
        logits = self._run(x, layers, results.__setitem__)
        return results | {"logits": logits}

    def watch_layers(self, x: np.ndarray, see) -> None:
        """Run the network on x and call see(name, output) for each layer with weights, in forward order."""
        self._run(x, {
            name: layer for name, layer in self.model.named_modules() if list(layer.parameters(recurse=False))
        }, see)

    def _run(self, x: np.ndarray, layers: dict, see) -> np.ndarray:
        """The logits of x; see(name, output) is called for each of `layers` when it has run."""
        hooks = [
            layer.register_forward_hook(lambda _, __, output, name=name: see(name, output.numpy()))
            for name, layer in layers.items()
        ]
        with torch.no_grad():
            logits = self.model(torch.from_numpy(x)).numpy()
        for hook in hooks:
            hook.remove()
        return logits

    def statistics(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every BatchNorm's running mean and variance after one training pass over x. Changes the network."""
        self.model.train()
        with torch.no_grad():
            self.model(torch.from_numpy(x))
        self.model.eval()
        return {name: value.numpy() for name, value in self.model.state_dict().items() if ".running_" in name}
