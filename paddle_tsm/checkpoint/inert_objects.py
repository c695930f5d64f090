"""The objects that stand for a pickle's names and values while it is read.

They are inert: where a pickle names a class or a function, it gets one of these and never the class or function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class InertObject:
    """A value that `plain_tree` replaces by a plain one when the whole pickle has been read."""

    __slots__ = ()

    def plain(self) -> object:
        """The plain Python value or array that this object stands for."""
        raise NotImplementedError

    def build(self, machine, state):
        """Take the state that a BUILD opcode gives. Most objects take none and refuse."""
        machine.refuse(f"gives a state to a {type(self).__name__}, which takes none")


class LongText(InertObject):
    """A long text. Its bytes, in UTF-8, stay in the file until the text is needed."""

    __slots__ = ("view",)

    def __init__(self, view):
        self.view = view

    def plain(self):
        return str(self.view, "utf-8", "surrogatepass")


@dataclass(frozen=True)
class Skipped:
    """What stands in a tree for an object that was not read: the name of its class or of the function that makes it."""

    module: str
    attribute: str

    @property
    def name(self) -> str:
        return f"{self.module}.{self.attribute}"


class SkippedObject(InertObject):
    """An object of an unknown class. Whatever the file puts into it is dropped, and nothing is run.

    module, attribute: they are put together when they are shown, so that many objects take no memory for long names.
    """

    __slots__ = ("module", "attribute")

    def __init__(self, module, attribute):
        self.module = module
        self.attribute = attribute

    def make(self):
        """What calling it gives: an object that is skipped, too."""
        return SkippedObject(self.module, self.attribute)

    def build(self, machine, state):
        pass

    def plain(self):
        return Skipped(self.module, self.attribute)


class AllowedName(InertObject):
    """A module's name that a checkpoint may use.

    call(machine, arguments): what the opcode REDUCE does with the name. None: the name may stand there, but not be
    called.
    """

    __slots__ = ("name", "call")

    def __init__(self, name: str, call: Callable | None = None):
        self.name = name
        self.call = call

    def plain(self):
        return self.name


class PlainClass(AllowedName):
    """The name of a class whose objects are read as plain dicts of their attributes."""

    __slots__ = ()


class PlainObject(InertObject):
    """An object of a PlainClass. It has attributes and no methods."""

    __slots__ = ("name", "state")

    def __init__(self, name):
        self.name = name
        self.state = {}

    def build(self, machine, state):
        if type(state) is not dict:
            machine.refuse(f"gives a {self.name} a state that is not a dict; nothing was run")
        self.state = state

    def plain(self):
        return self.state
