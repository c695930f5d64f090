"""TSM's parameter groups, as facts: which parameters learn faster, and which are not decayed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GroupRule:
    """The tensors `tensors` of the layers of one kind; `lr` and `decay` multiply the optimizer's own.

    layer: "first conv" (the network's first convolution), "batch norm", "fc" (the classifier, unless `fc_lr5` is off)
    or "normal" (every other convolution and Linear).
    """

    name: str
    layer: str
    tensors: tuple[str, ...]
    lr: float
    decay: float


# mmaction2 engine/optimizers/tsm_optim_wrapper_constructor.py 4d6c934; MIT ops/models.py 1f6a834 `get_optim_policies`
GROUP_RULES = (
    GroupRule("first conv weight", "first conv", ("weight",), 1, 1),
    GroupRule("first conv bias", "first conv", ("bias",), 2, 0),
    GroupRule("normal weight", "normal", ("weight",), 1, 1),
    GroupRule("normal bias", "normal", ("bias",), 2, 0),
    GroupRule("batch norm", "batch norm", ("weight", "bias"), 1, 0),
    GroupRule("fc weight", "fc", ("weight",), 5, 1),
    GroupRule("fc bias", "fc", ("bias",), 10, 0),
)
