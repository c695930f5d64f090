"""Changes that a user makes to a file's keys before they are read: for a fork, a network that has layers of its own.

A fork differs from a known network in a prefix, in the names of a few modules, or in layers that the known network
lacks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class KeyEdits:
    """What is done to the keys of a file, in this order.

    ignore: patterns in which * stands for any text, dots included, and ? for one character. A key that one of them
        matches is left out. They see the keys as the file has them.
    strip_prefix: whole dotted segments, which are removed from the beginning of the keys that begin with them.
    rename: OLD -> NEW, both whole dotted segments. A key that begins with OLD begins with NEW instead. The longest OLD
        decides, and a key is renamed once. OLD is looked for behind the prefix that was stripped.

    >>> KeyEdits(("aux.*",), "net", {"head": "fc"}).apply(["net.conv1.weight", "net.head.bias", "aux.bias"])
    {'net.conv1.weight': 'conv1.weight', 'net.head.bias': 'fc.bias'}
    """

    ignore: tuple[str, ...] = ()
    strip_prefix: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)

    def ignored(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The keys that are left out."""
        return tuple(key for key in keys if any(fnmatchcase(key, pattern) for pattern in self.ignore))

    def apply(self, keys: Iterable[str]) -> dict[str, str]:
        """key -> the key with the changes, without those that are left out. Two keys may become one.

        Raises ValueError for a change that concerns no key: it would hide a mistake.
        """
        keys = list(keys)
        for pattern in self.ignore:
            if not any(fnmatchcase(key, pattern) for key in keys):
                raise ValueError(f"--ignore {pattern} (ignore=) matches no key{nearest(pattern.rstrip('.*'), keys)}")
        left_out = set(self.ignored(keys))
        edited = {key: key for key in keys if key not in left_out}
        if self.strip_prefix:
            if not any(key.startswith(f"{self.strip_prefix}.") for key in edited):
                advice = nearest(self.strip_prefix, edited)
                raise ValueError(f"--strip-prefix {self.strip_prefix} (strip_prefix=): no key begins with it{advice}")
            edited = {key: without(key, self.strip_prefix) for key in edited}
        for old, new in self.rename.items():
            if not any(begins(name, old) for name in edited.values()):
                advice = nearest(old, edited.values())
                raise ValueError(f"--rename {old}={new} (rename=): no key begins with {old}{advice}")
        return {key: renamed(name, self.rename) for key, name in edited.items()}

    def notes(self, keys: Iterable[str]) -> list[str]:
        """A sentence for each kind of change that was made to `keys`, for the user."""
        lines = []
        left_out = self.ignored(keys)
        if left_out:
            more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
            lines.append(
                f"{' and '.join(self.ignore)} ignored, which leaves out {len(left_out)} of the file's tensors: "
                f"{', '.join(left_out[:3])}{more}; this is the network without them"
            )
        if self.strip_prefix:
            lines.append(f"{self.strip_prefix}. stripped from the keys, as asked")
        if self.rename:
            lines.append(f"renamed, as asked: {', '.join(f'{old} to {new}' for old, new in self.rename.items())}")
        return lines

    def flags(self) -> list[str]:
        """The words of a command line that ask for these changes."""
        words = ["--strip-prefix", self.strip_prefix] if self.strip_prefix else []
        words += [word for old, new in self.rename.items() for word in ("--rename", f"{old}={new}")]
        return words + [word for pattern in self.ignore for word in ("--ignore", pattern)]

    def as_record(self) -> dict:
        """The changes as JSON has them."""
        return {"strip_prefix": self.strip_prefix, "rename": dict(self.rename), "ignore": list(self.ignore)}


def key_edits(
    strip_prefix: str | None = None, rename: Mapping[str, str] | None = None, ignore: str | Iterable[str] = ()
) -> KeyEdits:
    """The KeyEdits that a caller asks for. Dots at the ends of prefixes and names may be left out or not.

    Raises ValueError for a name that is empty or no text.
    """
    patterns = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    if not isinstance(rename or {}, Mapping):
        raise ValueError(f"rename: got a {type(rename).__name__}, wanted a mapping {{old: new}}")
    names = {segments("rename", old): segments("rename", new) for old, new in (rename or {}).items()}
    if not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise ValueError(f"ignore: got {patterns!r}, wanted patterns of keys, such as 'attn.*'")
    prefix = None if strip_prefix is None else segments("strip_prefix", strip_prefix)
    return KeyEdits(tuple(dict.fromkeys(patterns)), prefix, names)


def segments(option: str, text: object) -> str:
    """The text without dots at its ends. Raises ValueError where nothing is left."""
    if not isinstance(text, str) or not text.strip("."):
        raise ValueError(f"{option}: got {text!r}, wanted the beginning of a key, such as 'model' or 'head.fc'")
    return text.strip(".")


def begins(key: str, front: str) -> bool:
    """Whether the whole segments `front` are the first of the key, or all of it."""
    return key == front or key.startswith(f"{front}.")


def without(key: str, front: str) -> str:
    """The key without the segments `front` at its beginning. A key of nothing else stays as it is."""
    return key[len(front) + 1 :] if key.startswith(f"{front}.") else key


def renamed(name: str, rename: Mapping[str, str]) -> str:
    """The name with the longest OLD at its beginning replaced by its NEW."""
    old = max((old for old in rename if begins(name, old)), key=len, default=None)
    return name if old is None else rename[old] + name[len(old) :]


def fronts(names: Iterable[str]) -> list[str]:
    """Every run of whole segments that a name begins with, without the name itself, in order."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        found |= dict.fromkeys(".".join(parts[:count]) for count in range(1, len(parts)))
    return list(found)


def nearest(wanted: str, names: Iterable[str]) -> str:
    """The end of an error: the segments of the keys that `wanted` may have meant, or how the keys begin."""
    names = list(names)
    known = fronts(names) or names
    near = [front for front in known if front.endswith(f".{wanted}")] or difflib.get_close_matches(wanted, known, 3)
    if near:
        return f"; did you mean {' or '.join(near[:3])}?"
    begin = list(dict.fromkeys(name.split(".")[0] for name in names))
    return f"; the keys begin with {', '.join(begin[:5])}{' and others' if len(begin) > 5 else ''}"
