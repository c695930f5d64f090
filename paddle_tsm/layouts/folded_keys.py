"""The tensors of a file in few lines: those of one module, and of modules that only a number tells apart, share one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

UNFOLDED = 40  # a file of no more tensors has a line for each

Row = tuple[str, tuple[int, ...], str]


def folded_keys(tensors: Sequence[Row]) -> list[Row]:
    """Rows (key, shape, dtype), in the order of the file. In a folded key, braces hold what the keys do not share.

    >>> folded_keys([(f"layer1.{b}.bn.{name}", (64,), "float32") for b in range(30) for name in ("weight", "bias")])
    [('layer1.{0-29}.bn.{weight,bias}', (64,), 'float32')]
    """
    if len(tensors) <= UNFOLDED:
        return list(tensors)
    names: dict[tuple, list[str]] = defaultdict(list)
    for key, shape, dtype in tensors:
        module, _, last = key.rpartition(".")
        names[module, shape, dtype].append(last)
    numbers: dict[tuple, list[int]] = defaultdict(list)
    for (module, shape, dtype), lasts in names.items():
        front, number, rest = around_number(module)
        numbers[front, rest, tuple(lasts), shape, dtype].append(number)
    return [
        (".".join(part for part in (front, in_braces(ranges(found)), rest, in_braces(lasts)) if part), shape, dtype)
        for (front, rest, lasts, shape, dtype), found in numbers.items()
    ]


def around_number(module: str) -> tuple[str, int, str]:
    """The first segment that is a number, and what stands before and behind it. -1 stands for none."""
    parts = module.split(".")
    for place, part in enumerate(parts):
        if part.isascii() and part.isdigit() and len(part) < 10:
            return ".".join(parts[:place]), int(part), ".".join(parts[place + 1 :])
    return module, -1, ""


def ranges(numbers: Iterable[int]) -> list[str]:
    """The numbers as text, in order, with a dash for a run of them."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1 and number > 0:
            found[-1].append(number)
        elif number >= 0:
            found.append([number])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found]


def in_braces(parts: Sequence[str]) -> str:
    """The one part, or all of them in braces."""
    return "".join(parts) if len(parts) == 1 and "-" not in parts[0] else f"{{{','.join(parts)}}}" if parts else ""
