"""What a training says in one line each before its first update, because nobody would ask for it and nothing else shows
it.
"""

from __future__ import annotations

import re

from paddle_tsm.data.datasets import DATA_SETS
from paddle_tsm.training.recipe import Recipe

# words of class names that a mirror exchanges
OPPOSITES = (
    (r"left(wards?)?", r"right(wards?)?"),
    (r"(counter|anti) ?clockwise", r"(?<!counter )(?<!anti )clockwise"),
)
SHOWN = 3  # classes that are named before "and N more"


def announcements(recipe: Recipe, labels: set[int], class_names: tuple[str, ...]) -> list[str]:
    """The lines. labels: those that occur in the training list; class_names: of the classes, or ()."""
    found = (unused_classes(recipe, labels, class_names), endless_warmup(recipe), mirrored_sides(recipe, class_names),
             foreign_label_map(recipe))  # fmt: skip
    return [line for line in found if line]


def unused_classes(recipe: Recipe, labels: set[int], class_names: tuple[str, ...]) -> str | None:
    unused = sorted(set(range(recipe.num_classes)) - labels)
    if not unused:
        return None
    what = "1 class has" if len(unused) == 1 else f"{len(unused)} classes have"
    from_0 = "; labels count from 0" if unused[0] == 0 else ""
    return (
        f"num_classes={recipe.num_classes}: {what} no clip in the training list ({listed(unused, class_names)}){from_0}"
    )


def listed(classes: list[int], class_names: tuple[str, ...]) -> str:
    """The first of the classes, with their names where they are known."""
    shown = [f"{k} {class_names[k]!r}" if class_names else str(k) for k in classes[:SHOWN]]
    return ", ".join(shown) + (f" and {len(classes) - SHOWN} more" if len(classes) > SHOWN else "")


def endless_warmup(recipe: Recipe) -> str | None:
    """The learning rate still rises when the training ends."""
    if recipe.schedule in ("cosine", "slowfast") or recipe.warmup < recipe.epochs:  # a cosine refuses such a warm-up
        return None
    highest = recipe.rates(2).max()
    if highest >= recipe.lr:
        return None
    return (
        f"epochs={recipe.epochs} with warmup={recipe.warmup} never leaves the warm-up: the learning rate stays below "
        f"lr={recipe.lr:g}, at {highest:.3g} in the last epoch; wanted more epochs, or a shorter warm-up (warmup=0: none)"
    )


def mirrored_sides(recipe: Recipe, class_names: tuple[str, ...]) -> str | None:
    """Clips are mirrored, and classes that a mirror exchanges keep their labels."""
    flip = recipe.pixels().flip
    if not flip.probability:
        return None
    for words in OPPOSITES:
        one, other = ([k for k, name in enumerate(class_names) if has_word(name, word)] for word in words)
        kept = sorted(k for k in {*one, *other} if k not in flip.label_map)
        if one and other and kept:
            return (
                f"flip=true mirrors {flip.probability:.0%} of the training clips, and classes that a mirror exchanges keep their "
                f"labels: {listed(kept, class_names)}; wanted flip=false"
            )
    return None


def has_word(name: str, word: str) -> bool:
    """Whether the class's name has the word, whatever joins its words: "Swipe Left", "swipe_left", "SwipeLeft"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W]+", " ", name).lower()
    return re.search(rf"\b{word}\b", spaced) is not None


def foreign_label_map(recipe: Recipe) -> str | None:
    """The mirrored clips' labels are exchanged as in a data set that has other classes."""
    label_map = recipe.pixels().flip.label_map
    if not label_map or DATA_SETS[recipe.data_set].num_classes == recipe.num_classes:
        return None
    of = DATA_SETS[recipe.data_set]
    if min(label_map) >= recipe.num_classes:
        return None
    pairs = ", ".join(f"{a} and {b}" for a, b in of.label_map)
    return (
        f"data_set={recipe.data_set} has {of.num_classes} classes, this training {recipe.num_classes}, and mirrored clips exchange "
        f"its labels {pairs}; wanted data_set=none for another data set"
    )
