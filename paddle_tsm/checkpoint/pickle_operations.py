"""The pickle opcodes that checkpoints use, as functions of a PickleMachine. CPython's Lib/pickletools.py defines them.

Left out on purpose: INST, OBJ, EXT1 to EXT4, PERSID, out-of-band buffers and the text opcodes of protocols 0 and 1. No
program that saves a network writes them.
"""

import struct
from collections import OrderedDict

from paddle_tsm.checkpoint.inert_objects import (
    AllowedName,
    InertObject,
    LongText,
    PlainClass,
    PlainObject,
    Skipped,
    SkippedObject,
)

LONG = 4096  # texts and bytes from this length on stay slices of the file
_KEY_TYPES = (str, int, bool, bytes, type(None))


def checked_key(machine, key):
    """`key`, if it is a scalar. Any other key is skipped: a file could make its hash arbitrarily slow."""
    if not isinstance(key, _KEY_TYPES) or (isinstance(key, int) and not -(2**63) <= key < 2**64):
        return Skipped("a key of type", type(key).__name__)
    return key


def _unsigned(machine, count):
    return int.from_bytes(machine.take(count), "little")


def _text(count):
    def operation(machine):
        piece = machine.take(_unsigned(machine, count))
        if len(piece) >= LONG:
            machine.stack.append(LongText(piece))
            return
        machine.spend_text(len(piece))
        try:
            machine.stack.append(str(piece, "utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            machine.refuse("holds text that is not UTF-8; the file is damaged")

    return operation


def _python2_string(count):
    def operation(machine):
        piece = machine.take(_unsigned(machine, count))
        # Python 2 had one type for text and bytes. Names are short; long strings are array data and stay in the file.
        machine.stack.append(piece if len(piece) >= LONG else str(piece, "latin-1"))

    return operation


def _bytes(count):
    def operation(machine):
        piece = machine.take(_unsigned(machine, count))
        machine.stack.append(piece if len(piece) >= LONG else bytes(piece))

    return operation


def _integer(count, signed=False):
    def operation(machine):
        machine.stack.append(int.from_bytes(machine.take(count), "little", signed=signed))

    return operation


def _long(machine):
    size = _unsigned(machine, 1)
    machine.stack.append(int.from_bytes(machine.take(size), "little", signed=True))


def _decimal(machine):
    # Python 2 writes 64-bit integers as decimal text, and booleans as 00 and 01, even in protocol 2.
    text = machine.line(limit=24)
    if text in ("00", "01"):
        machine.stack.append(text == "01")
        return
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or text.count("-") > 1:
        machine.refuse("holds a number that is none; the file is damaged")
    machine.stack.append(int(text))


def _proto(machine):
    protocol = _unsigned(machine, 1)
    if not 2 <= protocol <= 4:
        machine.refuse(f"has protocol {protocol}, wanted 2, 3 or 4; save it again with protocol 4")


def _frame(machine):
    size = _unsigned(machine, 8)
    if size > len(machine.view) - machine.position:
        machine.refuse(
            f"announces {size} bytes, {len(machine.view) - machine.position} are left; the file is cut short"
        )


def _mark(machine):
    machine.outer.append(machine.stack)
    machine.stack = []


def _pop(machine):
    if not machine.stack and machine.outer:
        machine.pop_mark()  # this is how Python pickles a tuple that contains itself
    else:
        machine.pop()


def _tuple(machine):
    items = machine.pop_mark()  # comes first, because it changes which stack is current
    machine.stack.append(tuple(items))


def _tuple_of(count):
    def operation(machine):
        items = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return operation


def _constant(value):
    return lambda machine: machine.stack.append(value)


def _is_skipped(machine):
    """Whether the object on top of the stack is one that is skipped, whose items are dropped."""
    return bool(machine.stack) and type(machine.stack[-1]) is SkippedObject


def _append(machine):
    item = machine.pop()
    if not _is_skipped(machine):
        machine.top(list, "appends to").append(item)


def _appends(machine):
    items = machine.pop_mark()
    if not _is_skipped(machine):
        machine.top(list, "appends to").extend(items)


def _add_items(machine):
    machine.pop_mark()
    machine.top(SkippedObject, "adds to")


def _frozen_set(machine):
    machine.pop_mark()
    machine.stack.append(SkippedObject("builtins", "frozenset"))


def _set_item(machine):
    value = machine.pop()
    key = machine.pop()
    if not _is_skipped(machine):
        machine.store(machine.top(dict, "sets an item of"), [key, value])


def _set_items(machine):
    pairs = machine.pop_mark()
    if not _is_skipped(machine):
        machine.store(machine.top(dict, "sets items of"), pairs)


def _stack_global(machine):
    name = machine.pop()
    machine.look_up(machine.pop(), name)


def _reduce(machine):
    arguments = machine.pop()
    called = machine.pop()
    if type(called) is SkippedObject:
        machine.stack.append(called.make())
        return
    if not isinstance(called, AllowedName) or called.call is None:
        what = called.name if isinstance(called, AllowedName) else f"a {type(called).__name__}"
        machine.refuse(f"calls {what}, which is not to be called; nothing was run")
    if type(arguments) is not tuple:
        machine.refuse(f"calls {called.name} with a {type(arguments).__name__}, wanted a tuple; the file is damaged")
    machine.stack.append(called.call(machine, arguments))


def _new_object(machine):
    arguments = machine.pop()
    called = machine.pop()
    if type(called) is SkippedObject:
        machine.stack.append(called.make())
        return
    if not isinstance(called, PlainClass) or arguments != ():
        what = called.name if isinstance(called, AllowedName) else f"a {type(called).__name__}"
        machine.refuse(f"makes an object of {what}, which is not to be made; nothing was run")
    machine.stack.append(PlainObject(called.name))


def _new_object_with_names(machine):
    machine.pop()
    arguments, called = machine.pop(), machine.pop()
    if type(called) is not SkippedObject or type(arguments) is not tuple:
        machine.refuse("makes an object with named arguments, which a checkpoint does not need; nothing was run")
    machine.stack.append(called.make())


def _build(machine):
    state = machine.pop()
    target = machine.stack[-1] if machine.stack else None
    if type(target) is OrderedDict and type(state) is dict:
        return  # the attributes of a state_dict: torch's version numbers in _metadata, which no tensor depends on
    if not isinstance(target, InertObject):
        machine.refuse(f"gives a state to a {type(target).__name__}, which takes none; nothing was run")
    target.build(machine, state)


def _persistent(machine):
    if machine.persistent is None:
        machine.refuse("refers to data outside itself, which this format does not have; the file is damaged")
    machine.stack.append(machine.persistent(machine, machine.pop()))


# One row for each group of opcodes, as pickletools groups them; a formatter would make one row for each.
OPERATIONS = {
    ord(code): operation
    for code, operation in {
        "\x80": _proto, "\x95": _frame, "(": _mark, "0": _pop, "1": lambda m: m.pop_mark(),
        "N": _constant(None), "\x88": _constant(True), "\x89": _constant(False), ")": _constant(()),
        "]": lambda m: m.stack.append([]), "}": lambda m: m.stack.append({}),
        "K": _integer(1), "M": _integer(2), "J": _integer(4, signed=True), "\x8a": _long, "I": _decimal,
        "G": lambda m: m.stack.append(struct.unpack(">d", m.take(8))[0]),
        "X": _text(4), "\x8c": _text(1), "\x8d": _text(8), "U": _python2_string(1), "T": _python2_string(4),
        "B": _bytes(4), "C": _bytes(1), "\x8e": _bytes(8),
        "t": _tuple, "\x85": _tuple_of(1), "\x86": _tuple_of(2),
        "\x87": _tuple_of(3), "a": _append, "e": _appends, "s": _set_item, "u": _set_items,
        "c": lambda m: m.look_up(m.line(), m.line()), "\x93": _stack_global, "R": _reduce, "b": _build,
        "\x81": _new_object, "\x92": _new_object_with_names,
        "\x8f": lambda m: m.stack.append(SkippedObject("builtins", "set")), "\x90": _add_items, "\x91": _frozen_set,
        "Q": _persistent,
        "q": lambda m: m.remember(_unsigned(m, 1)), "r": lambda m: m.remember(_unsigned(m, 4)),
        "\x94": lambda m: m.remember(len(m.memo)),
        "h": lambda m: m.recall(_unsigned(m, 1)), "j": lambda m: m.recall(_unsigned(m, 4)),
    }.items()
}  # fmt: skip
