"""TSM's parameter groups: which parameters learn faster, and which have no weight decay."""

from dataclasses import dataclass, replace

from paddle_tsm.networks.option_checks import must_be_one_of

DECAYS = ("weights", "biases", "all")


@dataclass(frozen=True)
class GroupRule:
    """The parameters called `tensors` of every layer of one kind form a group.

    layer: "first conv" (the network's first convolution), "batch norm", "fc" (the classifier, unless `fc_lr5` is off),
    "temporal attention" (its Linear layer) or "normal" (every other convolution and Linear). lr: multiplies the
    optimizer's learning rate. decay: multiplies its weight decay. optional: whether there is no such group where it
    would be empty. Upstream's constructors make the others in any case, and an optimizer's state counts them.
    """

    name: str
    layer: str
    tensors: tuple[str, ...]
    lr: float
    decay: float
    optional: bool = False


# What the rates of the first convolution are multiplied by beside these rules in MIT's modality Flow, whose first
# convolution begins as a mean (ops/models.py 1f6a834 `get_optim_policies`): 5 for its weight, 10 for its bias.
FIRST_CONV_OF_FLOW = 5
# Source: mmaction2 engine/optimizers/tsm_optim_wrapper_constructor.py 4d6c934; MIT ops/models.py 1f6a834
# `get_optim_policies`. Temporal attention: PaddleVideo backbones/pptsm_v2.py ed245e9 `GlobalAttention`.
GROUP_RULES = (
    GroupRule("first conv weight", "first conv", ("weight",), 1, 1),
    GroupRule("first conv bias", "first conv", ("bias",), 2, 0),
    GroupRule("normal weight", "normal", ("weight",), 1, 1),
    GroupRule("normal bias", "normal", ("bias",), 2, 0),
    GroupRule("batch norm", "batch norm", ("weight", "bias"), 1, 0),
    GroupRule("fc weight", "fc", ("weight",), 5, 1),
    GroupRule("fc bias", "fc", ("bias",), 10, 0),
    GroupRule("temporal attention weight", "temporal attention", ("weight",), 5, 1, optional=True),
    GroupRule("temporal attention bias", "temporal attention", ("bias",), 10, 0, optional=True),
)


def decaying(rules: tuple[GroupRule, ...], decays: str) -> tuple[GroupRule, ...]:
    """The rules with weight decay on more than TSM has it on.

    decays: "weights" leaves the rules as they are. "biases": those of convolutions and Linears learn and decay as their
    weights do, which is what Paddle's optimizers do with every parameter that has no attribute of its own; a classifier
    that learns faster keeps its rule. "all": BatchNorms decay, too. Raises ValueError for any other text.
    """
    must_be_one_of("decays", decays, DECAYS)
    if decays == "weights":
        return rules
    changed = []
    for rule in rules:
        if rule.layer in ("first conv", "normal") and rule.tensors == ("bias",):
            rule = replace(rule, lr=1, decay=1)
        if rule.layer == "batch norm" and decays == "all":
            rule = replace(rule, decay=1)
        changed.append(rule)
    return tuple(changed)
