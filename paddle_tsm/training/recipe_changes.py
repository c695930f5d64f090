"""Changes to a recipe as a user types them: NAME=VALUE, read by the type of the recipe's field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from paddle_tsm.training.recipe import Recipe

AUTO = "auto"  # as `lr`: the recipe's rate, scaled to the batch


def check_fields(names: Iterable[str]) -> None:
    """Raise ValueError for a name that is no field of Recipe. The message names the field that is most like it."""
    known = [field.name for field in fields(Recipe)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"wanted one of {', '.join(known)}"
            raise ValueError(f"recipe: there is no option {name!r}; {hint}")


def parse_changes(texts: list[str]) -> dict[str, Any]:
    """`["lr=0.01", "milestones=10,20"]` -> {"lr": 0.01, "milestones": (10, 20)}.

    Raises ValueError for a text without "=", an unknown name, a name that is given twice, and a value of another type.
    """
    types = get_type_hints(Recipe)
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"recipe: got {text!r}, wanted NAME=VALUE, such as lr=0.01")
        check_fields([name])
        if name in changes:
            raise ValueError(f"recipe: {name} is given twice")
        changes[name] = parse_value(name, value, types[name])
    return changes


def parse_value(name: str, text: str, field_type: Any) -> Any:
    """The value that `text` stands for in the field `name`, which has this type. Raises ValueError for another text."""
    if (name, text.lower()) == ("lr", AUTO):
        return AUTO
    inner = get_args(field_type)
    if type(None) in inner:
        if text.lower() == "none":
            return None
        field_type = inner[0]
    elif inner:  # tuple[int, ...]
        return tuple(parse_value(name, part, int) for part in text.split(",") if part)
    wanted = {bool: "true or false", int: "a whole number", float: "a number" + " or auto" * (name == "lr")}
    try:
        if field_type is bool:
            return {"true": True, "false": False}[text.lower()]
        return field_type(text)
    except (ValueError, KeyError):
        raise ValueError(f"{name}: got {text!r}, wanted {wanted[field_type]}") from None
