"""One option of a network, declared once: its default, what it means, and its flag on the command line.

`create_model` of both packages takes its signature and the description of its arguments from here, and so do the
commands that read a checkpoint.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Flag:
    """How an option is given on the command line.

    name: as typed. help: one line. kind: the type of its argument; choices: the values that it may have. A flag without
    a kind and without choices takes no argument and sets the option to `value`.
    """

    name: str
    help: str
    kind: type | None = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    value: bool = True


def option(default, meaning: str, flag: Flag | None = None):
    """A dataclass field for an option of a network. meaning: a sentence for the docstring of `create_model`."""
    return field(default=default, metadata={"meaning": meaning, "flag": flag})


def flags_of(description: type) -> dict[str, Flag]:
    """The flag of each option that has one, by the option's name."""
    found = {one.name: one.metadata.get("flag") for one in fields(description)}
    return {name: flag for name, flag in found.items() if flag is not None}


def takes_options_of(description: type):
    """A decorator for a function `(name, *args, **options)` that passes its arguments on to the dataclass
    `description`.

    The function gets the dataclass's parameters as its signature, the first one called `name`, and the meaning of each
    option behind its docstring.
    """

    def describe(function):
        parameters = list(inspect.signature(description).parameters.values())
        parameters[0] = parameters[0].replace(name="name")
        function.__signature__ = inspect.Signature(parameters)
        lines = [
            f"    {one.name}: {one.metadata['meaning']}" for one in fields(description) if "meaning" in one.metadata
        ]
        function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__), "", "Options:", "", *lines, ""])
        return function

    return describe
