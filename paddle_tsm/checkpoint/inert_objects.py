"""What the names and values of a pickle become while it is read: inert objects of ours, never the real thing."""


class StandIn:
    """A value that becomes plain only after the whole pickle was read: see ``plain_tree``."""

    __slots__ = ()

    def plain(self):
        """The plain Python value or array this stands for."""
        raise NotImplementedError

    def build(self, machine, state):
        """Take the state of a BUILD opcode; by default none is taken."""
        machine.refuse(f"gives a state to a {type(self).__name__}, which takes none")


class LongText(StandIn):
    """A long unicode text, still UTF-8 in the file."""

    __slots__ = ("view",)

    def __init__(self, view):
        self.view = view

    def plain(self):
        return str(self.view, "utf-8", "surrogatepass")


class Global(StandIn):
    """An allowed name. ``call(machine, args)`` is what REDUCE does; None: the name may only be mentioned."""

    __slots__ = ("name", "call")

    def __init__(self, name, call=None):
        self.name = name
        self.call = call

    def plain(self):
        return self.name


class RecordType(Global):
    """A class whose objects are read as the dict of their attributes."""

    __slots__ = ()


class Record(StandIn):
    """An object of a RecordType: nothing but its attributes."""

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
