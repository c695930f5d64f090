"""What `paddle-tsm train --show` prints: every option of a recipe, its value, its meaning and the values it
may have.
"""

from __future__ import annotations

import dataclasses
import shutil
import textwrap

from paddle_tsm.terminal.literal_text import literal
from paddle_tsm.training.published_recipes import RECIPES
from paddle_tsm.training.recipe import Recipe

HEADINGS = {  # in front of this option
    "arch": "the network",
    "preset": "the clips",
    "epochs": "the updates",
    "schedule": "the learning rate from epoch to epoch",
    "label_smoothing": "the targets, the weights and the arithmetic",
}
COLUMN = 28  # where the meanings begin
WIDEST = 110


def print_recipe(name: str, chosen: Recipe) -> None:
    """Print every option as --set takes it, with its meaning and, in brackets, its values. Below a changed one stands
    the recipe's own value; below a rate that was published for another batch, what lr=auto makes of it.
    """
    width = min(shutil.get_terminal_size().columns, WIDEST)
    print(f"{name}:")
    for one in dataclasses.fields(chosen):
        if one.name in HEADINGS:
            print(f"\n{HEADINGS[one.name]}")
        setting = f"  {one.name}={text_of(getattr(chosen, one.name))}"
        texts = [f"{one.metadata['meaning']} [{one.metadata['values'].text}]"]
        texts += [f"({remark})" for remark in remarks(name, chosen, one.name)]
        lines = [
            line for text in texts for line in textwrap.wrap(text, max(width - COLUMN, 20), break_on_hyphens=False)
        ]
        if len(setting) > COLUMN - 2:
            print(literal(setting))
            setting = ""
        for line in lines:
            print(literal(f"{setting:{COLUMN}}{line}"))
            setting = ""


def text_of(value: object) -> str:
    """The value as --set takes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def remarks(name: str, chosen: Recipe, option: str) -> list[str]:
    """What is to be said of the value that the option has here."""
    found, own = [], getattr(RECIPES[name], option)
    if getattr(chosen, option) != own:
        found.append(f"the recipe has {text_of(own)}")
    if option == "lr" and chosen.lr_batch not in (None, chosen.batch):
        found.append(
            f"published for a batch of {chosen.lr_batch}; lr=auto: {chosen.scaled_lr(chosen.batch):g} for "
            f"{chosen.batch}"
        )
    return found
