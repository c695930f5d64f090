"""Real training checkpoints of mmaction2 and of MIT, without either: PyTorch modules nested and ordered as theirs.

The tree of modules is built from the keys that the upstream system itself wrote, in the order in which it wrote them
(`vectors/`); its leaves are those of the reference network, so that the tree computes what the reference computes. The
optimizer is torch.optim.SGD over the groups that upstream's rule makes of the tree's modules.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import torch_ref
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import interpret
from parity_tests.recorded import recorded

LR, MOMENTUM, DECAY, MAX_NORM = 0.01, 0.9, 5e-4, 20.0
CLASSES, SEGMENTS, CLIPS, SIZE = 3, 2, 2, 64
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Kind:
    """One kind of training: whose keys (a recorded vector), whose rule of groups, and its choices."""

    vector: str
    rule: str
    fc_lr5: bool = True
    partial_bn: bool = False


class Training:
    """A network of upstream's structure in training, float64."""

    def __init__(self, kind: Kind):
        self.kind, vector = kind, recorded(kind.vector)
        found = interpret(vector.checkpoint(), **vector.options())
        self.options = found.network.options() | {
            "num_classes": CLASSES,
            "num_segments": SEGMENTS,
            "dropout": 0.0,
            "partial_bn": kind.partial_bn,
        }
        self.arch = found.network.arch
        torch.manual_seed(0)
        # the reference's own rule of partial BatchNorm is not asked: upstream's is applied below
        self.reference = torch_ref.create_model(self.arch, **self.options | {"partial_bn": False}).double()
        with torch.no_grad():  # they start as zeros, and the momentum of zeros would tell nothing apart
            for name, tensor in self.reference.named_parameters():
                if ".norm." in name or name.endswith(".bias"):
                    tensor.normal_(0.1, 0.1)
        leaves = dict(self.reference.named_modules())
        canonical = {entry.key: entry.canonical for entry in expand(found.layout, found.network)}
        self.tree = nn.Module()
        for key in vector.meta["state_dict"]:
            graft(self.tree, key.rsplit(".", 1)[0], leaves[canonical[key].rsplit(".", 1)[0]])
        assert list(self.tree.state_dict()) == list(vector.meta["state_dict"])
        self.reference.train()
        if kind.partial_bn:
            freeze_batch_norms(self.reference)
        self.sgd = RULES[kind.rule](self.tree, kind)

    def step(self, seed: int) -> None:
        x, labels = batch(seed)
        self.sgd.zero_grad()
        torch.nn.functional.cross_entropy(self.reference(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
        torch.nn.utils.clip_grad_norm_(self.reference.parameters(), MAX_NORM)
        self.sgd.step()

    def save(self, path, **more) -> None:
        torch.save({"state_dict": self.tree.state_dict(), "optimizer": self.sgd.state_dict(), "epoch": 1} | more, path)


def batch(seed: int):
    """Frames [N*T, 3, H, W] and labels [N]."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((CLIPS * SEGMENTS, 3, SIZE, SIZE)), np.arange(CLIPS) % CLASSES


def graft(tree: nn.Module, name: str, leaf: nn.Module) -> None:
    """Register `leaf` under a dotted name, with the modules around it where they are not there yet."""
    *around, last = name.split(".")
    for part in around:
        if part not in tree._modules:
            tree.add_module(part, nn.Module())
        tree = tree._modules[part]
    if last not in tree._modules:
        tree.add_module(last, leaf)


def freeze_batch_norms(reference: nn.Module) -> None:
    """Freeze every BatchNorm2d but the first, as MIT (ops/models.py 1f6a834 `TSN.train`) and mmaction2 (backbones/
    resnet.py 4d6c934 `_partial_bn`) do. The non-local blocks have a BatchNorm3d in both, which is never frozen.
    """
    norms = [
        layer
        for name, layer in reference.named_modules()
        if isinstance(layer, nn.BatchNorm2d) and ".non_local." not in name
    ]
    for norm in norms[1:]:
        norm.eval()
        norm.requires_grad_(False)


def groups_of(tree: nn.Module, fc_lr5: bool, partial_bn: bool) -> dict:
    """The parameters of each of TSM's groups, by upstream's rule, which walks through the modules in their order."""
    groups = {name: [] for name in ("first weight", "first bias", "weight", "bias", "norm", "fc weight", "fc bias")}
    convolutions = norms = 0
    for module in tree.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, CONVOLUTIONS):
            place = "" if convolutions else "first "
            convolutions += 1
        elif isinstance(module, nn.Linear):  # there is one only
            place = "fc " if fc_lr5 else ""
        elif isinstance(module, NORMS):
            norms += 1
            if norms == 1 or not partial_bn:
                groups["norm"] += own
            continue
        else:
            assert not own, module
            continue
        groups[f"{place}weight"].append(own[0])
        groups[f"{place}bias"] += own[1:]
    return groups


MULTIPLIERS = {  # of the learning rate and of the decay
    "first weight": (1, 1),
    "first bias": (2, 0),
    "weight": (1, 1),
    "bias": (2, 0),
    "norm": (1, 0),
    "fc weight": (5, 1),
    "fc bias": (10, 0),
}


def mmaction2(tree: nn.Module, kind: Kind):
    """Seven groups with their own rates. Partial BatchNorm freezes after the optimizer is there: all are members."""
    made = [
        {"params": members, "lr": LR * MULTIPLIERS[name][0], "weight_decay": DECAY * MULTIPLIERS[name][1]}
        for name, members in groups_of(tree, kind.fc_lr5, partial_bn=False).items()
    ]
    return torch.optim.SGD(made, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def mit(tree: nn.Module, kind: Kind):
    """Eight groups with multipliers that MIT's main.py applies before each epoch; `custom_ops` is empty."""
    groups = groups_of(tree, kind.fc_lr5, kind.partial_bn)
    made = []
    for name, members in groups.items():
        lr, decay = MULTIPLIERS[name]
        if name == "fc weight":
            made.append({"params": [], "lr_mult": 1, "decay_mult": 1, "name": "custom_ops"})
        made.append({"params": members, "lr_mult": lr, "decay_mult": decay, "name": name})
    sgd = torch.optim.SGD(made, LR, momentum=MOMENTUM, weight_decay=DECAY)
    for group in sgd.param_groups:
        group["lr"], group["weight_decay"] = LR * group["lr_mult"], DECAY * group["decay_mult"]
    return sgd


def one_group(tree: nn.Module, kind: Kind):
    """torch.optim over model.parameters()."""
    return torch.optim.SGD(tree.parameters(), LR, momentum=MOMENTUM, weight_decay=DECAY)


def a_group_each(tree: nn.Module, kind: Kind):
    """mmengine's own constructor with multipliers for some parameters: a group for each."""
    made = [{"params": [parameter], "lr": LR} for parameter in tree.parameters()]
    return torch.optim.SGD(made, LR, momentum=MOMENTUM, weight_decay=DECAY)


RULES = {"mmaction2": mmaction2, "mit": mit, "one group": one_group, "a group each": a_group_each}
