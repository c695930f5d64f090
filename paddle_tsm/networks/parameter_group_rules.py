"""TSM's parameter groups: which parameters learn faster, and which have no weight decay."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupRule:
    """The parameters called `tensors` of every layer of one kind form a group.

    layer: "first conv" (the network's first convolution), "batch norm", "fc" (the classifier, unless `fc_lr5` is off)
    or "normal" (every other convolution and Linear). lr: multiplies the optimizer's learning rate. decay: multiplies
    its weight decay.
    """

    name: str
    layer: str
    tensors: tuple[str, ...]
    lr: float
    decay: float


# Source: mmaction2 engine/optimizers/tsm_optim_wrapper_constructor.py 4d6c934; MIT ops/models.py 1f6a834
# `get_optim_policies`.
GROUP_RULES = (
    GroupRule("first conv weight", "first conv", ("weight",), 1, 1),
    GroupRule("first conv bias", "first conv", ("bias",), 2, 0),
    GroupRule("normal weight", "normal", ("weight",), 1, 1),
    GroupRule("normal bias", "normal", ("bias",), 2, 0),
    GroupRule("batch norm", "batch norm", ("weight", "bias"), 1, 0),
    GroupRule("fc weight", "fc", ("weight",), 5, 1),
    GroupRule("fc bias", "fc", ("bias",), 10, 0),
)
