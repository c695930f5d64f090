"""Where the network is in the tree that a checkpoint holds."""

import re

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import Skipped

# Keys under which training programs keep a network. What stands there is one even where its names have no dots.
NETWORK_KEYS = (
    "state_dict",
    "model",
    "model_state_dict",
    "net",
    "ema",
    "model_ema",
    "state_dict_ema",
    "ema_state_dict",
)
# Keys that may hold arrays but never a network.
OTHER_KEYS = (
    "meta",
    "optimizer",
    "message_hub",
    "param_schedulers",
    "StructuredToParameterName@@",
    "_metadata",
    "LR_Scheduler",
)
# The networks of a distillation, which PaddleVideo keeps in one flat dictionary. The first is the one that runs.
# Source: PaddleVideo framework/recognizers/recognizerDistillation.py ed245e9.
DISTILLED = ("Student", "Teacher")
_ACCUMULATOR = re.compile(
    r"_(velocity|moment[12]|moment|beta[12]_pow_acc|inf_norm|mean_square|mean_grad|squared|linear)_[0-9]+$"
)
_SCALARS = (int, float, complex, bool, str, bytes, type(None))
_MAX_DEPTH = 4


def locate_network(
    path: str, tree: object, choice: str | None = None
) -> tuple[tuple[str, ...], dict[str, np.ndarray], dict]:
    """(wrapper, tensors, aside): the keys that lead to the network, its {name: array}, and everything else.

    A network is a dict of names to arrays that is the root, stands under one of NETWORK_KEYS, or has dotted names.
    State of an optimizer is never a network. choice: a key, or keys joined by dots, that picks one of several networks;
    of a distillation, None picks the student. Scalars among the arrays go aside. Raises CheckpointError where there is
    no network, or there are several and no choice.
    """
    found: dict[tuple[str, ...], dict] = {}
    tree = _apart(tree)
    _search(tree, (), found, set())
    if not found:
        if _is_quantised(tree):
            raise CheckpointError(_quantised(path, "the network"))
        optimizer = isinstance(tree, dict) and _is_optimizer(tree)
        what = "optimizer state" if optimizer else f"{_describe(tree)}"
        raise CheckpointError(
            f"{path}: holds {what}, wanted a network: a dictionary of names to arrays; save only the state_dict with "
            "the program that wrote it"
        )
    wrapper = _choose(path, list(found), choice)
    tensors = {}
    rest = {}
    for name, value in found[wrapper].items():
        if isinstance(value, np.ndarray):
            tensors[name] = value
        elif isinstance(value, _SCALARS) or name in OTHER_KEYS:
            rest[name] = value
        else:
            if _is_quantised(value):
                raise CheckpointError(_quantised(path, ".".join((*wrapper, name))))
            what = value.name if isinstance(value, Skipped) else type(value).__name__
            raise CheckpointError(
                f"{path}: {'.'.join((*wrapper, name))}: is a {what}, wanted an array; "
                "was something else saved with the network?"
            )
    return wrapper, tensors, _without(tree, wrapper, rest)


def _apart(tree, depth=0):
    """A copy of `tree` in which each of the networks of a distillation is a dict of its own, without its name in front
    of the keys; the tree itself where there is none.
    """
    if not isinstance(tree, dict) or depth > _MAX_DEPTH:
        return tree
    names = [key for key, value in tree.items() if isinstance(value, np.ndarray) and isinstance(key, str)]
    if {name.partition(".")[0] for name in names} != set(DISTILLED):
        apart = {key: _apart(value, depth + 1) for key, value in tree.items()}
        return apart if any(apart[key] is not value for key, value in tree.items()) else tree
    networks = {
        which: {name.removeprefix(f"{which}."): tree[name] for name in names if name.startswith(f"{which}.")}
        for which in DISTILLED
    }
    return networks | {key: value for key, value in tree.items() if key not in names}


def _search(tree, keys, found, seen):
    """Collect {keys: dict} of the networks in `tree`. A dict to which two keys lead counts once, for the first key."""
    if not isinstance(tree, dict) or len(keys) > _MAX_DEPTH or id(tree) in seen or _is_optimizer(tree):
        return
    seen.add(id(tree))
    before = len(found)
    for key, value in tree.items():
        if isinstance(key, str) and key not in OTHER_KEYS:
            _search(value, (*keys, key), found, seen)
    if len(found) == before and _is_network(tree, keys):
        found[keys] = tree


def _is_network(tree, keys):
    """Whether most values are arrays; where names have dots, most of the values that are no scalars."""
    names = [key for key, value in tree.items() if isinstance(value, np.ndarray)]
    if not names or not all(isinstance(key, str) for key in tree):
        return False
    others = [value for key, value in tree.items() if key not in OTHER_KEYS and not isinstance(value, np.ndarray)]
    if 2 * sum("." in name for name in names) > len(names):
        return len(names) > sum(not isinstance(value, _SCALARS) for value in others)
    return (not keys or keys[-1] in NETWORK_KEYS) and len(names) > len(others)


def _is_optimizer(tree):
    if "param_groups" in tree and "state" in tree:
        return True
    names = [key for key, value in tree.items() if isinstance(value, np.ndarray)]
    return bool(names) and 2 * sum(isinstance(n, str) and _ACCUMULATOR.search(n) is not None for n in names) > len(
        names
    )


def _is_quantised(value, depth=0):
    """Whether the value is a quantised tensor of PyTorch, or holds one, as packed parameters do."""
    if isinstance(value, Skipped):
        return value.attribute == "_rebuild_qtensor"
    if not isinstance(value, (dict, list, tuple)) or depth > _MAX_DEPTH:
        return False
    return any(_is_quantised(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value))


def _quantised(path, what):
    return (
        f"{path}: {what}: is quantised, wanted weights in floating point; save the network before it is quantised, or "
        "save tensor.dequantize() of each of its tensors under the names of that network"
    )


def _choose(path, wrappers, choice):
    listed = ", ".join(".".join(keys) or "(the file itself)" for keys in wrappers)
    if choice is not None:
        exact = [keys for keys in wrappers if choice == ".".join(keys)]
        near = exact or [keys for keys in wrappers if keys and choice in (keys[0], keys[-1])]
        if len(near) != 1:
            raise CheckpointError(
                f"{path}: holds {'no' if not near else 'more than one'} network {choice!r}; it holds: {listed}"
            )
        return near[0]
    students = [keys for keys in wrappers if keys[-1:] == DISTILLED[:1] and (*keys[:-1], DISTILLED[1]) in wrappers]
    if len(students) == 1 and len(wrappers) == 2:
        return students[0]
    if len(wrappers) > 1:
        raise CheckpointError(
            f"{path}: holds {len(wrappers)} networks: {listed}; choose one (network=KEY in Python), or write "
            f"it to a file of its own with paddle-tsm convert {path} DST --network KEY"
        )
    return wrappers[0]


def _without(tree, wrapper, rest):
    """A copy of `tree` with the network replaced by the scalars that were in it, or left out where there were none."""
    if not wrapper:
        return rest
    copy = {}
    for key, value in tree.items():
        if key != wrapper[0]:
            copy[key] = value
            continue
        inner = _without(value, wrapper[1:], rest)
        if inner:
            copy[key] = inner
    return copy


def _describe(tree):
    if isinstance(tree, dict):
        keys = ", ".join(
            f"{key}, a {value.name}" if isinstance(value, Skipped) else str(key)
            for key, value in list(tree.items())[:6]
        )
        return f"a dictionary without a network (keys: {keys})" if keys else "an empty dictionary"
    if isinstance(tree, Skipped):
        return f"a {tree.name}, of which nothing was run"
    return f"a {type(tree).__name__}"
