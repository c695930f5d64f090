"""The notes that a training prints before its first update: one line for each thing that a user would not expect."""

from __future__ import annotations

import re

from paddle_tsm.data.datasets import DATA_SETS
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.training.recipe import COSINES, Recipe

# patterns for words of class names that change places when a clip is mirrored
OPPOSITES = (
    (r"left(wards?)?", r"right(wards?)?"),
    (r"(counter|anti) ?clockwise", r"(?<!counter )(?<!anti )clockwise"),
)
CLASSES_NAMED = 3  # classes that are named before "and N more"


def announcements(recipe: Recipe, labels: set[int], class_names: tuple[str, ...]) -> list[str]:
    """The notes about the recipe and its classes.

    labels: those that occur in the training list. class_names: the names of the classes, or ().
    """
    notes = (
        unused_classes(recipe, labels, class_names),
        endless_warmup(recipe),
        mirrored_sides(recipe, class_names),
        foreign_label_map(recipe),
    )
    return [note for note in notes if note]


def spread_stem(recipe: Recipe, pretrained: str | None) -> str | None:
    """A note where the first convolution is made for another input than that of the weights to start from."""
    if pretrained is None or recipe.in_channels == Recipe.in_channels:
        return None
    channels = read_network(pretrained).network.in_channels
    if channels == recipe.in_channels:
        return None
    return (
        f"{pretrained}: its first convolution sees {channels} channels; the mean of its weights over them is the "
        f"weight of each of the {recipe.in_channels} channels here"
    )


def unused_classes(recipe: Recipe, labels: set[int], class_names: tuple[str, ...]) -> str | None:
    """A note where some classes have no clip; None where every class has one."""
    unused = sorted(set(range(recipe.num_classes)) - labels)
    if not unused:
        return None
    what = "1 class has" if len(unused) == 1 else f"{len(unused)} classes have"
    from_0 = "; labels count from 0" if unused[0] == 0 else ""
    named = first_classes(unused, class_names)
    return f"num_classes={recipe.num_classes}: {what} no clip in the training list ({named}){from_0}"


def first_classes(classes: list[int], class_names: tuple[str, ...]) -> str:
    """The first of the classes in words, with their names where these are known, and the number of the others."""
    first = [f"{k} {class_names[k]!r}" if class_names else str(k) for k in classes[:CLASSES_NAMED]]
    return ", ".join(first) + (f" and {len(classes) - CLASSES_NAMED} more" if len(classes) > CLASSES_NAMED else "")


def endless_warmup(recipe: Recipe) -> str | None:
    """A note where the training ends before its warm-up, and so never reaches its learning rate; else None."""
    if recipe.schedule in COSINES or recipe.warmup < recipe.epochs:  # a recipe with a cosine refuses such a warm-up
        return None
    highest = recipe.rates(2).max()
    if highest >= recipe.lr:
        return None
    return (
        f"epochs={recipe.epochs} with warmup={recipe.warmup} never leaves the warm-up: the learning rate stays below "
        f"lr={recipe.lr:g}, at {highest:.3g} in the last epoch; wanted more epochs, or a shorter warm-up (warmup=0: "
        "none)"
    )


def mirrored_sides(recipe: Recipe, class_names: tuple[str, ...]) -> str | None:
    """A note where clips are mirrored and the labels of left and right, by the classes' names, are kept; else None."""
    flip = recipe.pixels().flip
    if not flip.probability:
        return None
    for pair in OPPOSITES:
        one, other = ([k for k, name in enumerate(class_names) if has_word(name, word)] for word in pair)
        kept = sorted(k for k in {*one, *other} if k not in flip.label_map)
        if one and other and kept:
            return (
                f"flip=true mirrors {flip.probability:.0%} of the training clips, and classes that a mirror exchanges "
                f"keep their labels: {first_classes(kept, class_names)}; wanted flip=false"
            )
    return None


def has_word(name: str, word: str) -> bool:
    """Whether the name has a word of this pattern, however its words are joined: "Swipe Left", "swipe_left" and
    "SwipeLeft" have the word "left".
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W]+", " ", name).lower()
    return re.search(rf"\b{word}\b", spaced) is not None


def foreign_label_map(recipe: Recipe) -> str | None:
    """A note where mirrored clips change their labels as in a data set with another number of classes; else None."""
    label_map = recipe.pixels().flip.label_map
    if recipe.data_set is None or not label_map:
        return None
    data_set = DATA_SETS[recipe.data_set]
    if data_set.num_classes == recipe.num_classes or min(label_map) >= recipe.num_classes:
        return None
    pairs = ", ".join(f"{a} and {b}" for a, b in data_set.label_map)
    return (
        f"data_set={recipe.data_set} has {data_set.num_classes} classes, this training {recipe.num_classes}, and "
        f"mirrored clips exchange its labels {pairs}; wanted data_set=none for another data set"
    )


def rate_note(recipe: Recipe, clips: int, processes: int = 1) -> str | None:
    """A note where the learning rate was published for updates of another number of clips than these have; else None.

    clips: the number of clips in the training list. processes: the number of processes that share them.
    """
    in_update = min(recipe.batch, clips)
    if recipe.lr_batch in (None, in_update):
        return None
    parts = [f"{recipe.batch} clips" if clips >= recipe.batch else f"the list's {clips} clips"]
    if processes > 1:
        parts.append(f"over {processes} processes")
    if recipe.accumulate > 1:
        parts.append(f"in {recipe.accumulate} parts" + " each" * (processes > 1))
    changes = f"batch={clips} " * (clips < recipe.batch) + "lr=auto"
    return (
        f"lr={recipe.lr:g} was published for updates of {recipe.lr_batch} clips, these have {' '.join(parts)}: "
        f"--set {changes} scales it to {recipe.scaled_lr(in_update):g}"
    )
