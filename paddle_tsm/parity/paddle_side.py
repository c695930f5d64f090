"""One network in Paddle, as the comparison sees it: NumPy in, NumPy out."""

import numpy as np
import paddle

from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.optim import tsm_sgd
from paddle_tsm.training.loss import cross_entropy
from paddle_tsm.training.train_step import train_step


class PaddleSide:
    """A network with the given canonical tensors, in `dtype` ("float32" or "float64")."""

    name = "Paddle"

    def __init__(self, network, tensors, dtype: str):
        self.network = network
        self.model = build(network)
        self.model.to(dtype=dtype)
        assign_weights(self.model, tensors)
        self.model.eval()
        layers = self.model.named_sublayers()
        self.linear_weights = {f"{name}.weight" for name, layer in layers if isinstance(layer, paddle.nn.Linear)}

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every stage's output [N*T, C, h, w], the pooled features [N*T, C] and the logits [N, K] for x [N*T, 3, H, W]."""
        results = {}
        names = {end: stage for stage, end in self.model.stage_ends.items()} | {
            "dropout": "features"
        }  # the identity now
        layers = {names[name]: layer for name, layer in self.model.named_sublayers() if name in names}
        logits = self._run(x, layers, results.__setitem__)
        return results | {"logits": logits}

    def watch_layers(self, x: np.ndarray, see) -> np.ndarray:
        """The logits of x; see(name, output) is called for each layer with weights, in forward order."""
        return self._run(
            x,
            {name: layer for name, layer in self.model.named_sublayers() if layer.parameters(include_sublayers=False)},
            see,
        )

    def _run(self, x: np.ndarray, layers: dict, see) -> np.ndarray:
        """The logits of x; see(name, output) is called for each of `layers` when it has run."""
        hooks = [
            layer.register_forward_post_hook(lambda _, __, output, name=name: see(name, output.numpy()))
            for name, layer in layers.items()
        ]
        with paddle.no_grad():
            logits = self.model(paddle.to_tensor(x)).numpy()
        for hook in hooks:
            hook.remove()
        return logits

    def statistics(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every BatchNorm's running mean and variance after one training pass over x. Changes the network."""
        self.model.train()
        with paddle.no_grad():
            self.model(paddle.to_tensor(x))
        self.model.eval()
        return {name: value.numpy() for name, value in self.model.state_dict().items() if ".running_" in name}

    def start_training(self, lr: float) -> None:
        """Training mode with `tsm_sgd`; dropout is off, since the frameworks draw different masks."""
        self.model.train()
        for layer in self.model.sublayers():
            if isinstance(layer, paddle.nn.Dropout):
                layer.p = 0.0
        self.optimizer = tsm_sgd(self.model, lr=lr)

    def gradients(self, x: np.ndarray, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """The loss on x [N*T, 3, H, W] and classes [N], and every parameter's gradient in PyTorch's orientation, in
        forward order; parameters that get none are left out.
        """
        loss = cross_entropy(self.model(paddle.to_tensor(x)), as_tensor(target, x.dtype))
        loss.backward()
        given = {name: p.grad.numpy() for name, p in self.model.named_parameters() if p.grad is not None}
        return float(loss.detach()), {name: self._turned(name, gradient) for name, gradient in given.items()}

    def train_step(self, x: np.ndarray, target: np.ndarray):
        """One step on x [N*T, 3, H, W] and classes [N]: a StepResult."""
        return train_step(self.model, self.optimizer, [(x, target)], cross_entropy)

    def tensors(self) -> dict[str, np.ndarray]:
        """A copy of every weight and buffer under its canonical name, in PyTorch's orientation."""
        return {name: self._turned(name, np.array(value.numpy())) for name, value in self.model.state_dict().items()}

    def _turned(self, name: str, array: np.ndarray) -> np.ndarray:
        """The tensor in PyTorch's orientation."""
        return array.T if name in self.linear_weights else array

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Every array of the optimizer's state: "parameter's name: buffer's name" -> array in PyTorch's orientation."""
        state = self.optimizer.state_dict()["state"]
        return {f"{name}: {buffer}": array for name, arrays in state.items() for buffer, array in arrays.items()}
