"""What has weight decay beside the weights, in both packages, against torch.optim.SGD over lists of parameters."""

import pytest
import torch

import paddle_tsm.optim
import torch_ref.optim
from paddle_tsm.networks.parameter_group_rules import GROUP_RULES, decaying
from parity_tests.every_layer import GROUPS, Reference, gap, give, gradients, pair, run, weights

LR, DECAY = 0.01, 0.1
PACKAGES = pytest.mark.parametrize("optim", [paddle_tsm.optim, torch_ref.optim], ids=["paddle", "torch"])


def the_pair():
    """Both models with the same weights, which are the same at every call."""
    torch.manual_seed(0)
    return pair()


def plain(decays: str, model: torch.nn.Module) -> torch.optim.SGD:
    """Paddle's own rule, without fc_lr5: every parameter learns at one rate and decays, unless an attribute of its own
    says otherwise. PaddleVideo's BatchNorms have one in most networks.
    """
    named, groups = dict(model.named_parameters()), []
    for name, (members, lr, decay) in GROUPS.items():
        if name.startswith(("first conv", "normal", "fc")):
            lr, decay = 1, 1
        if name == "batch norm" and decays == "all":
            decay = 1
        groups.append({"params": [named[one] for one in members], "lr": LR * lr, "weight_decay": DECAY * decay})
    return torch.optim.SGD(groups, lr=LR, momentum=0.9)


def after(optim, decays: str) -> dict:
    """The weights after five steps of a package's optimizer."""
    ours, reference = the_pair()
    model = ours if optim is paddle_tsm.optim else reference
    optimizer = optim.tsm_sgd(model, LR, weight_decay=DECAY, fc_lr5=False, max_norm=None, decays=decays)
    run(model, optimizer, reference, range(5))
    return weights(model)


@PACKAGES
@pytest.mark.parametrize("decays", ["biases", "all"])
def test_it_is_torchs_over_plain_lists(optim, decays):
    _, reference = the_pair()
    model = Reference().double()
    model.load_state_dict(reference.state_dict())
    optimizer = plain(decays, model)
    for step in range(5):
        give(model, gradients(model, step))
        optimizer.step()
    assert gap(after(optim, decays), weights(model)) < 1e-13
    for other in {"weights", "biases", "all"} - {decays}:
        assert gap(after(optim, other), weights(model)) > 1e-4


def test_the_classifier_keeps_its_rule():
    """PaddleVideo gives its own attributes to the classifier that learns faster."""
    rules = {rule.name: rule for rule in GROUP_RULES}
    for decays in ("biases", "all"):
        changed = {rule.name for rule in decaying(GROUP_RULES, decays) if rule != rules[rule.name]}
        assert changed == {"first conv bias", "normal bias"} | ({"batch norm"} if decays == "all" else set())
    assert decaying(GROUP_RULES, "weights") == GROUP_RULES


@PACKAGES
def test_another_word(optim):
    model = pair()[0 if optim is paddle_tsm.optim else 1]
    for kind in (optim.tsm_sgd, optim.tsm_adamw):
        with pytest.raises(ValueError, match="decays: got 'none', wanted one of 'weights', 'biases', 'all'"):
            kind(model, decays="none")
