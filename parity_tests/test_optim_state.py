"""The state of an optimizer moves between the frameworks, and one that does not fit is refused."""

import numpy as np
import pytest
import torch

import paddle_tsm
import paddle_tsm.optim
import torch_ref
import torch_ref.optim
from parity_tests.every_layer import KINDS, LINEAR, Ours, Reference, gap, give, gradients, pair, run, weights


@pytest.mark.parametrize("kind, options", KINDS)
def test_state_moves_between_the_frameworks(kind, options):
    """PyTorch, then Paddle, then PyTorch: as if PyTorch had gone on alone; each starts from weights and state only."""
    _, alone = pair()
    ours, first = pair()
    _, last = pair()
    for model in (first, last):
        model.load_state_dict(alone.state_dict())
    make, make_ours = getattr(torch_ref.optim, kind), getattr(paddle_tsm.optim, kind)
    run(alone, make(alone, **options), alone, range(9))

    optimizer = make(first, **options)
    run(first, optimizer, alone, range(3))
    parameters = weights(first)
    for name, parameter in ours.named_parameters():
        parameter.set_value(np.ascontiguousarray(parameters[name].T if name in LINEAR else parameters[name]))
    second = make_ours(ours, **options | {"lr": 7.0})  # the rate comes with the state
    second.load_state_dict(optimizer.state_dict())
    assert second.get_lr() == optimizer.get_lr()
    same_state(second.state_dict(), optimizer.state_dict())
    run(ours, second, alone, range(3, 6))

    for name, array in weights(ours).items():
        last.get_parameter(name).data = torch.tensor(array)
    third = make(last, **options)
    third.load_state_dict(second.state_dict())
    same_state(third.state_dict(), second.state_dict())
    run(last, third, alone, range(6, 9))
    assert gap(weights(last), weights(alone)) < 1e-12

    without = make(last, **options)  # the comparison can fail: a state that is lost shows
    if options.get("momentum") != 0.0:
        last.load_state_dict({name: torch.tensor(array) for name, array in weights(ours).items()}, strict=False)
        run(last, without, alone, range(6, 9))
        assert gap(weights(last), weights(alone)) > 1e-6


def same_state(a, b):
    assert a["algorithm"] == b["algorithm"] and a["lr"] == b["lr"] and a["state"].keys() == b["state"].keys()
    for name, arrays in a["state"].items():
        assert arrays.keys() == b["state"][name].keys()
        for buffer, array in arrays.items():
            np.testing.assert_array_equal(array, b["state"][name][buffer])


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
def test_states_that_do_not_fit(package, model):
    model = model()
    optimizer = package.optim.tsm_sgd(model)
    give(model, gradients(Reference(), 0))
    optimizer.step()
    state = optimizer.state_dict()
    buffer = state["state"]["hidden.weight"]["momentum_buffer"]
    assert buffer.shape == (6, 5)
    for bad, message in [
        ({"algorithm": "adamw"}, "got the algorithm 'adamw', wanted 'sgd'"),
        ({"state": {"fcc.weight": {"momentum_buffer": buffer}}}, "fcc.weight is no parameter"),
        ({"state": {"hidden.weight": {"exp_avg": buffer}}}, "hidden.weight: got \\['exp_avg'\\], wanted"),
        ({"state": {"hidden.weight": {"momentum_buffer": buffer.T}}}, "hidden.weight: momentum_buffer has the shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state | bad)
    same_state(optimizer.state_dict(), state)
    optimizer.load_state_dict(state)
