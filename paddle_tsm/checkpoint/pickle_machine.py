"""A pickle machine that cannot run anything.

Python's own unpickler imports and calls whatever a file names. This one reads the opcodes that protocols 2 to 4 of
Python 2 and 3 write for data (opcodes: CPython's Lib/pickletools.py), with three differences:

- A name is looked up in a table that the caller gives. Its values are inert objects; nothing is imported. A name that
  is not in the table stands for an object that is skipped: whatever is done to it is dropped.
- REDUCE and BUILD act on these objects alone. INST, OBJ, EXT and every unknown opcode is refused by name.
- Byte strings are slices of the file and long texts are decoded when they are needed, so that the size of the file and
  a budget of operations limit the memory, whatever lengths the file claims.
"""

import pickletools

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import SkippedObject
from paddle_tsm.checkpoint.pickle_operations import OPERATIONS, checked_key

_MAX_OPERATIONS = 500_000
_MAX_TEXT = 16 << 20
VIEW_FACTOR = 8  # all tensors of a file together may have this many times its size; shared weights need 2 or 3


class Budget:
    """What all pickles of one file together may still use.

    operations: opcodes. bytes: copied out of the file. views: bytes of all tensors, which can overlap. text: bytes of
    short texts, which can need four times as much memory as in the file.
    """

    __slots__ = ("operations", "bytes", "views", "text")

    def __init__(self, file_size):
        self.operations = _MAX_OPERATIONS
        self.bytes = file_size + 65536
        self.text = _MAX_TEXT
        self.views = VIEW_FACTOR * file_size + 65536


class PickleMachine:
    """Reads one pickle from `view` at `position`. `run()` returns its value and moves `position` behind it.

    table: {(module, name): InertObject}. persistent(machine, id): the value of a persistent id; None where the format
    has none. Raises CheckpointError for anything damaged, unknown or too large.
    """

    def __init__(self, path, view, position, table, budget, persistent=None):
        self.path = path
        self.view = view
        self.position = position
        self.table = table
        self.budget = budget
        self.persistent = persistent
        self.memo = {}
        self.stack = []
        self.outer = []  # the stacks below each open MARK

    def run(self):
        while True:
            if self.budget.operations <= 0:
                self.refuse(
                    f"has more than {_MAX_OPERATIONS} pickle operations; no checkpoint of a network needs so many"
                )
            self.budget.operations -= 1
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                value = self.pop()
                if self.stack or self.outer:
                    self.refuse("ends with values left over; the file is damaged")
                return value
            operation = OPERATIONS.get(code)
            if operation is None:
                self.refuse(
                    f"uses pickle operation {_operation_name(code)}, which a checkpoint does not need; nothing was run"
                )
            operation(self)

    def refuse(self, what):
        raise CheckpointError(f"{self.path}: pickle at byte {self.position} {what}")

    def spend_bytes(self, count):
        """Take `count` bytes that are about to be copied off the budget, so that repeated references cannot fill the
        memory.
        """
        self.budget.bytes -= count
        if self.budget.bytes < 0:
            self.refuse("would unfold to more than the file's size; refused before doing so")

    def spend_text(self, count):
        self.budget.text -= count
        if self.budget.text < 0:
            self.refuse(f"holds more than {_MAX_TEXT} bytes of text, wanted a network")

    def take(self, count):
        start = self.position
        if count < 0 or count > len(self.view) - start:
            self.refuse(f"wants {count} bytes, {len(self.view) - start} are left; the file is cut short or damaged")
        self.position = start + count
        return self.view[start : self.position]

    def line(self, limit=256):
        text = bytes(self.view[self.position : self.position + limit])
        end = text.find(b"\n")
        if end < 0:
            self.refuse(f"holds a name or number without an end within {limit} bytes; the file is damaged")
        self.position += end + 1
        try:
            return text[:end].decode("utf-8")
        except UnicodeDecodeError:
            self.refuse("holds a name that is not UTF-8; the file is damaged")

    def pop(self):
        if not self.stack:
            self.refuse("takes a value where there is none; the file is damaged")
        return self.stack.pop()

    def top(self, kind, verb):
        if not self.stack or not isinstance(self.stack[-1], kind):
            found = type(self.stack[-1]).__name__ if self.stack else "nothing"
            self.refuse(f"{verb} {found}, wanted a {kind.__name__}; the file is damaged")
        return self.stack[-1]

    def pop_mark(self):
        if not self.outer:
            self.refuse("closes a group it did not open; the file is damaged")
        items = self.stack
        self.stack = self.outer.pop()
        return items

    def remember(self, index):
        if not self.stack:
            self.refuse("remembers a value where there is none; the file is damaged")
        self.memo[index] = self.stack[-1]

    def recall(self, index):
        if index not in self.memo:
            self.refuse(f"recalls value {index}, which it never remembered; the file is damaged")
        self.stack.append(self.memo[index])

    def look_up(self, module, name):
        if not isinstance(module, str) or not isinstance(name, str):
            self.refuse("names something that is not text; the file is damaged")
        found = self.table.get((module, name))
        self.stack.append(SkippedObject(module, name) if found is None else found)

    def store(self, target, pairs):
        if len(pairs) % 2:
            self.refuse("holds a key without a value; the file is damaged")
        for index in range(0, len(pairs), 2):
            target[checked_key(self, pairs[index])] = pairs[index + 1]


def _operation_name(code):
    known = pickletools.code2op.get(chr(code))
    return known.name if known else f"0x{code:02x}"
