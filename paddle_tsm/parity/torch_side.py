"""One network in PyTorch, as the comparison sees it: NumPy in, NumPy out."""

import numpy as np
import torch

import torch_ref
from torch_ref.load import assign_weights
from torch_ref.loss import cross_entropy
from torch_ref.optim import tsm_sgd
from torch_ref.train_step import as_tensor, train_step


class TorchSide:
    """A network with the given canonical tensors, in `dtype` ("float32" or "float64")."""

    name = "PyTorch"

    def __init__(self, network, tensors, dtype: str):
        self.network = network
        self.model = torch_ref.create_model(network.arch, **network.options()).to(getattr(torch, dtype))
        assign_weights(self.model, tensors).eval()

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every stage's output [N*T, C, h, w], the pooled features [N*T, C] and the logits [N, K] for x [N*T, 3, H, W]."""
        results = {}
        names = {end: stage for stage, end in self.model.stage_ends.items()} | {
            "dropout": "features"
        }  # the identity now
        layers = {names[name]: layer for name, layer in self.model.named_modules() if name in names}
        logits = self._run(x, layers, results.__setitem__)
        return results | {"logits": logits}

    def watch_layers(self, x: np.ndarray, see) -> None:
        """Run the network on x and call see(name, output) for each layer with weights, in forward order."""
        self._run(
            x, {name: layer for name, layer in self.model.named_modules() if list(layer.parameters(recurse=False))}, see
        )

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

    def start_training(self, lr: float) -> None:
        """Training mode with `tsm_sgd`; dropout is off, since the frameworks draw different masks."""
        self.model.train()
        for layer in self.model.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        self.optimizer = tsm_sgd(self.model, lr=lr)

    def gradients(self, x: np.ndarray, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """The loss on x [N*T, 3, H, W] and classes [N], and every parameter's gradient, in forward order; parameters
        that get none are left out.
        """
        loss = cross_entropy(self.model(torch.from_numpy(x)), as_tensor(target, None))
        loss.backward()
        given = {name: p.grad.numpy() for name, p in self.model.named_parameters() if p.grad is not None}
        return float(loss.detach()), given

    def train_step(self, x: np.ndarray, target: np.ndarray):
        """One step on x [N*T, 3, H, W] and classes [N]: a StepResult."""
        return train_step(self.model, self.optimizer, [(x, target)], cross_entropy)

    def tensors(self) -> dict[str, np.ndarray]:
        """A copy of every weight and buffer under its canonical name, in PyTorch's orientation."""
        return {name: value.numpy().copy() for name, value in self.model.state_dict().items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Every array of the optimizer's state: "parameter's name: buffer's name" -> array in PyTorch's orientation."""
        state = self.optimizer.state_dict()["state"]
        return {f"{name}: {buffer}": array for name, arrays in state.items() for buffer, array in arrays.items()}
