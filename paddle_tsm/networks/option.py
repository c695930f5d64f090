"""One option of a network, declared once: its default, its meaning, and its flag on the command line.

`create_model` of both packages takes its signature and the description of its arguments from these declarations, and
the commands that read a checkpoint take their flags from them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True)
class Flag:
    """How an option is given on the command line.

    name: as the user types it. help: a sentence. kind: the type of its argument. choices: the values that its argument
    may have. A flag without a kind and without choices takes no argument, and sets the option to `value`. default: what
    the help text says of the option where it is not given; "" where it says nothing, None for the option's own default.
    """

    name: str
    help: str
    kind: type | None = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    value: bool = True
    default: str | None = None


def option(default: Any, meaning: str, flag: Flag | None = None, values: str = "") -> Any:
    """A dataclass field for an option of a network. meaning: a sentence for the docstring of `create_model`. values:
    that it may have, in words, where neither its default nor its flag says them.
    """
    if isinstance(default, bool):
        values = "true, false"
    elif flag is not None and flag.choices:
        values = values or ", ".join(flag.choices)
    return field(default=default, metadata={"meaning": meaning, "flag": flag, "values": values})


def flags_of(description: type) -> dict[str, Flag]:
    """The flag of each option of the dataclass `description` that has one, by the option's name.

    The help text of a flag that takes an argument ends in the option's default.
    """
    flags = {}
    for one in fields(description):
        flag = one.metadata.get("flag")
        if flag is None:
            continue
        takes_argument = flag.kind is not None or flag.choices
        default = str(one.default) if flag.default is None and takes_argument else flag.default
        flags[one.name] = replace(flag, help=f"{flag.help} Default: {default}." if default else flag.help)
    return flags


def takes_options_of(description: type) -> Callable[[Callable], Callable]:
    """A decorator for a function `(name, *args, **options)` that passes its arguments on to the dataclass
    `description`.

    The function's signature becomes the dataclass's, with its first parameter called `name`. The meaning of each option
    is appended to the function's docstring.
    """

    def describe(function: Callable) -> Callable:
        parameters = list(inspect.signature(description).parameters.values())
        parameters[0] = parameters[0].replace(name="name")
        # `inspect.signature` reads this attribute; mypy knows no attributes of a function that was not declared
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        lines = [
            f"    {one.name}: {one.metadata['meaning']}" for one in fields(description) if "meaning" in one.metadata
        ]
        function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), "", "Options:", "", *lines, ""])
        return function

    return describe
