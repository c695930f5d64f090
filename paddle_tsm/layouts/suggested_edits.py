"""Which changes of its keys would make a fork's file load, tried before they are said."""

from __future__ import annotations

import glob
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.layouts.key_edits import KeyEdits, begins, fronts
from paddle_tsm.layouts.nearest_network import NearestNetwork, Shape
from paddle_tsm.layouts.network_file import interpret


@dataclass(frozen=True)
class SuggestedEdits:
    """edits: all changes that the file needs. layout: the layout to name, "auto" where the keys then say it. ignored:
    how many tensors they leave out. error: None where the file loads with them, or why it does not.
    """

    edits: KeyEdits
    layout: str
    ignored: int
    error: str | None

    def flags(self) -> list[str]:
        """The words of a command line that ask for them."""
        return [*(["--from", self.layout] if self.layout != "auto" else []), *self.edits.flags()]


def suggested_edits(checkpoint: Checkpoint, nearest: NearestNetwork, given: KeyEdits = KeyEdits()) -> SuggestedEdits:
    """The changes that bring the file to the nearest network, on top of those that were given."""
    rename = likely_names(nearest)
    unexpected = {name for name in nearest.unexpected if not any(begins(name, old) for old in rename)}
    left_out = [nearest.names[name] for name in unexpected]
    ignored = set(given.ignored(checkpoint.tensors))
    needed = [key for key in checkpoint.tensors if key not in ignored and key not in set(left_out)]
    prefix = ".".join(part for part in (given.strip_prefix, nearest.prefix.rstrip(".")) if part) or None
    patterns = patterns_of([key for key in checkpoint.tensors if key in set(left_out)], needed)
    edits = KeyEdits((*given.ignore, *patterns), prefix, dict(given.rename) | rename)
    error = None
    for layout in ("auto", nearest.layout.name):
        try:
            interpret(checkpoint, layout, edits=edits)
            return SuggestedEdits(edits, layout, len(left_out), None)
        except ValueError as reason:
            error = str(reason)
    return SuggestedEdits(edits, "auto", len(left_out), error)


def likely_names(nearest: NearestNetwork) -> dict[str, str]:
    """OLD -> NEW, of the modules that the network lacks and the file has under another name, with the same shapes.

    A name is suggested only where no other module has the same tensors, in the whole file or in the module around them.
    Of several classifiers it is the first one's.
    """
    missing, unexpected = nearest.missing, nearest.unexpected
    found: dict[str, str] = {}
    for head in nearest.heads[:1]:
        biases = [name for name, shape in missing.items() if shape == unexpected[f"{head}.bias"]]
        new = biases[-1].rpartition(".")[0] if biases else ""  # the classifier is the last layer
        if missing.get(f"{new}.weight") == unexpected[f"{head}.weight"]:
            found[head] = new
    fitting = set(fronts(nearest.names.keys() - unexpected.keys()))
    for with_parent in (False, True):
        theirs, ours = modules(unexpected, with_parent), modules(missing, with_parent)
        for content in sorted(ours, key=len, reverse=True):  # a whole stage before its blocks
            if len(ours[content]) == len(theirs.get(content, ())) == 1:
                (old,), (new,) = theirs[content], ours[content]
                if old not in fitting and not within(old, found) and not within(new, found.values()):
                    found[old] = new
    return {old: new.removeprefix(nearest.layout.front) if nearest.bare else new for old, new in found.items()}


def within(front: str, others: Iterable[str]) -> bool:
    """Whether a module is one of the others, stands in one of them, or holds one of them."""
    return any(begins(front, other) or begins(other, front) for other in others)


def modules(shapes: Mapping[str, Shape], with_parent: bool) -> dict[frozenset, list[str]]:
    """The tensors of a module, as a set of (name within it, shape) -> the modules that have exactly these.

    with_parent: the name of the module around it counts, too.
    """
    content: dict[str, set] = {
        front: {("in", front.rpartition(".")[0])} if with_parent else set() for front in fronts(shapes)
    }
    for name, shape in shapes.items():
        for front in fronts([name]):
            content[front].add((name[len(front) + 1 :], shape))
    found = defaultdict(list)
    for front, tensors in content.items():
        found[frozenset(tensors)].append(front)
    return found


def patterns_of(keys: list[str], needed: list[str]) -> list[str]:
    """Few patterns for --ignore, which match all of `keys` and none of `needed`."""
    kept_fronts = set(fronts(needed))
    found: dict[str, None] = {}
    for key in keys:
        if any(fnmatchcase(key, pattern) for pattern in found):
            continue
        own = [front for front in fronts([key]) if front not in kept_fronts]
        exact = f"{glob.escape(own[0])}.*" if own else glob.escape(key)
        numbered = re.sub(r"(?<![^.])\d+(?![^.])", "*", exact)
        numbered = re.sub(r"(?<=[a-z])\d+(?=\.)", "*", numbered)
        general = not any(fnmatchcase(other, numbered) for other in needed)
        found[numbered if general and others_match(numbered, key, keys) else exact] = None
    return list(found)


def others_match(pattern: str, key: str, keys: list[str]) -> bool:
    """Whether the pattern matches another of the keys, in another module than `key`."""
    module = key.rpartition(".")[0]
    return any(fnmatchcase(other, pattern) and not begins(other, module) for other in keys)
