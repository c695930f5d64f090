"""PyTorch's format from 0.2 to 1.5: five pickles one after another, then the storages.

Source: torch/serialization.py (_legacy_save, _legacy_load): magic number, protocol 1001, system info, the object,
the list of storage keys; then for each key an int64 number of elements and the elements.
"""

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import SkippedObject
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.pickle_machine import Budget, PickleMachine
from paddle_tsm.checkpoint.plain_tree import plain_tree
from paddle_tsm.checkpoint.torch_globals import Storage, torch_table
from paddle_tsm.checkpoint.torch_zip import storage_identifier

MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_torch_legacy(file: MappedFile) -> object:
    """The tree of a legacy file. Its arrays are cut from the mapped file and may be unaligned. Raises
    CheckpointError.
    """
    budget = Budget(file.size)
    table = torch_table()
    storages: dict = {}

    def persistent(machine, identifier):
        return _storage(machine, identifier, storages, file)

    values = []
    position = 0
    for index in range(5):
        machine = PickleMachine(file.path, file.view, position, table, budget, persistent if index == 3 else None)
        values.append(machine.run())
        position = machine.position
        _check_head(file, values)
    tree, keys = values[3], values[4]
    if type(keys) is not list or not all(type(key) in (str, int) for key in keys):
        raise CheckpointError(f"{file.path}: the list of storages is not a list of keys; the file is damaged")
    for key in keys:
        position = _place_storage(file, storages.get(str(key)), key, position)
    return plain_tree(file, tree)


def _check_head(file, values):
    """The first three values: magic number, protocol, and the byte order of the machine that wrote the file."""
    wanted = {1: MAGIC, 2: _PROTOCOL}.get(len(values))
    if wanted is not None and (type(values[-1]) is not int or values[-1] != wanted):
        what = "magic number" if wanted == MAGIC else "protocol number"
        raise CheckpointError(f"{file.path}: its {what} is not PyTorch's {wanted}; the file is damaged")
    if len(values) == 3 and (type(values[2]) is not dict or values[2].get("little_endian") is not True):
        raise CheckpointError(f"{file.path}: was not written on a little-endian machine; load and save it on one")


class _Placeholder:
    """A storage of the file and the views that are cut from it, before their place in the file is known."""

    __slots__ = ("itemsize", "count", "views", "placed")

    def __init__(self, itemsize, count):
        self.itemsize = itemsize
        self.count = count
        self.views = {}
        self.placed = False


def _storage(machine, identifier, storages, file):
    """Persistent id ("storage", type, key, location, size, view), view None or (view key, offset, size)."""
    if type(identifier) is tuple and len(identifier) == 4 and identifier[0] == "module":
        # ("module", class, file, source): PyTorch keeps the source of a module that was saved whole
        if isinstance(identifier[1], SkippedObject):
            return identifier[1]
    kind, key, count = storage_identifier(machine, identifier, 6)
    if kind.dtype is None:
        machine.refuse(f"holds a storage of type {kind.name}, which this format does not have; the file is damaged")
    itemsize = kind.dtype.itemsize
    if count * itemsize > file.size:
        machine.refuse(
            f"claims a storage of {count * itemsize} bytes, the file has {file.size}; it is cut short or damaged"
        )
    root = storages.setdefault(str(key), _Placeholder(itemsize, count))
    if root.count != count or root.itemsize != itemsize:
        machine.refuse("describes one storage in two ways; the file is damaged")
    offset, size = 0, count
    if identifier[5] is not None:
        view = identifier[5]
        if type(view) is not tuple or len(view) != 3 or not all(type(n) is int and 0 <= n < 2**48 for n in view[1:]):
            machine.refuse("holds a view of a storage without offset and size; the file is damaged")
        offset, size = view[1:]
    if offset + size > count:
        machine.refuse(f"holds a view that reaches beyond its storage of {count} elements; the file is damaged")
    place = (offset * itemsize, kind.dtype)
    found = root.views.get((place, size))
    if found is None:
        found = root.views[place, size] = Storage(file.path, kind.dtype, size * itemsize)
    return found


def _place_storage(file, root, key, position):
    """Give the storage `key` its bytes, which begin at `position`. Returns the position behind them."""
    if root is None or root.placed:
        raise CheckpointError(
            f"{file.path}: storage {key!r:.60} is listed twice or belongs to no tensor; the file is damaged"
        )
    if file.size - position < 8:
        raise CheckpointError(f"{file.path}: storage {key!r:.60} is missing; the file is cut short")
    count = int.from_bytes(file.view[position : position + 8], "little")
    start = position + 8
    if count != root.count or count * root.itemsize > file.size - start:
        raise CheckpointError(
            f"{file.path}: storage {key!r:.60} has {count} elements, wanted {root.count} and "
            f"{file.size - start} bytes are left; the file is cut short or damaged"
        )
    root.placed = True
    for ((offset, _), _), storage in root.views.items():
        storage.data = file.view[start + offset : start + offset + storage.size]
    return start + count * root.itemsize
