"""PyTorch's oldest format (0.1): a tar archive of the members storages, tensors and pickle.

Source: legacy_load inside torch/serialization.py. Storages and tensors have numbers, to which the pickle refers.
"""

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.pickle_machine import Budget, PickleMachine
from paddle_tsm.checkpoint.plain_tree import plain_tree
from paddle_tsm.checkpoint.torch_globals import Storage, StorageType, checked_view, torch_table

_BLOCK = 512
_MAX_OBJECTS = 100_000
_MAX_MEMBERS = 64


def is_tar(view: memoryview | bytes) -> bool:
    """Whether `view` begins with a tar header: its checksum (bytes 148 to 156) is the sum of the block's bytes."""
    if len(view) < _BLOCK:
        return False
    block = bytes(view[:_BLOCK])
    return any(block[:100]) and _octal(block[148:156]) == sum(block) - sum(block[148:156]) + 8 * 32


def read_torch_tar(file: MappedFile) -> object:
    """The tree of a tar file. Its arrays are cut from the mapped file and may be unaligned. Raises CheckpointError."""
    members = _members(file)
    missing = {"storages", "tensors", "pickle"} - set(members)
    if missing:
        raise CheckpointError(
            f"{file.path}: tar archive without {', '.join(sorted(missing))}, wanted one that torch.save wrote"
        )
    reader = _TarReader(file)
    reader.read_storages(members["storages"])
    reader.read_tensors(members["tensors"])
    machine = PickleMachine(file.path, members["pickle"], 0, reader.table, reader.budget, reader.persistent)
    return plain_tree(file, machine.run())


class _TarReader:
    """The storages and tensors that were read so far, by their numbers."""

    def __init__(self, file):
        self.file = file
        self.table = torch_table()
        self.budget = Budget(file.size)
        self.objects = {}

    def pickle(self, view, position):
        machine = PickleMachine(self.file.path, view, position, self.table, self.budget)
        return machine.run(), machine.position, machine

    def count(self, view, what):
        count, position, machine = self.pickle(view, 0)
        if type(count) is not int or not 0 <= count <= _MAX_OBJECTS:
            machine.refuse(f"does not give the number of {what}; the file is damaged")
        return count, position

    def read_storages(self, view):
        count, position = self.count(view, "storages")
        for _ in range(count):
            head, position, machine = self.pickle(view, position)
            if (
                type(head) is not tuple
                or len(head) != 3
                or not isinstance(head[2], StorageType)
                or head[2].dtype is None
            ):
                machine.refuse("does not describe a storage by key, location and type; the file is damaged")
            machine.position = position
            size = int.from_bytes(machine.take(8), "little") * head[2].dtype.itemsize
            self.put(machine, head[0], Storage(self.file.path, head[2].dtype, size, machine.take(size)))
            position = machine.position
        views, position, machine = self.pickle(view, position)
        if type(views) is not list:
            machine.refuse("does not list the views of storages; the file is damaged")
        for entry in views:
            self._add_storage_view(machine, entry)

    def _add_storage_view(self, machine, entry):
        if type(entry) not in (tuple, list) or len(entry) != 4 or not all(type(n) is int for n in entry):
            machine.refuse("describes a view of a storage by something other than four integers; the file is damaged")
        target, root, offset, count = entry
        storage = self.objects.get(root)
        if not isinstance(storage, Storage):
            machine.refuse("holds a view of a storage it does not hold; the file is damaged")
        itemsize = storage.dtype.itemsize
        begin, end = offset * itemsize, (offset + count) * itemsize
        if not 0 <= begin <= end <= storage.size:
            machine.refuse("holds a view that reaches beyond its storage; the file is damaged")
        self.put(machine, target, Storage(self.file.path, storage.dtype, end - begin, storage.data[begin:end]))

    def read_tensors(self, view):
        count, position = self.count(view, "tensors")
        for _ in range(count):
            head, position, machine = self.pickle(view, position)
            if type(head) is not tuple or len(head) != 3 or type(head[1]) is not int:
                machine.refuse("does not describe a tensor by key, storage and type; the file is damaged")
            storage = self.objects.get(head[1])
            dimensions = int.from_bytes(machine.take(8)[:4], "little", signed=True)
            if not isinstance(storage, Storage) or not 0 <= dimensions <= 32:
                machine.refuse("describes a tensor without a storage or with too many dimensions; the file is damaged")
            numbers = [int.from_bytes(machine.take(8), "little", signed=True) for _ in range(2 * dimensions + 1)]
            shape, strides = tuple(numbers[:dimensions]), tuple(numbers[dimensions:-1])
            self.put(machine, head[0], checked_view(machine, storage, storage.dtype, numbers[-1], shape, strides))
            position = machine.position

    def put(self, machine, key, value):
        if type(key) is not int or key in self.objects:
            machine.refuse("numbers its storages and tensors twice or not at all; the file is damaged")
        self.objects[key] = value

    def persistent(self, machine, identifier):
        if isinstance(identifier, str) and identifier.isascii() and identifier.isdigit() and len(identifier) < 24:
            identifier = int(identifier)
        if type(identifier) is not int or identifier not in self.objects:
            machine.refuse(
                "refers to a tensor the file does not hold; it is damaged or holds a whole module, wanted a state_dict"
            )
        return self.objects[identifier]


def _members(file):
    """{name: memoryview} of the regular files of the archive (ustar and older; pax headers are skipped)."""
    members = {}
    position = 0
    for _ in range(_MAX_MEMBERS):
        if file.size - position < _BLOCK:
            break
        block = bytes(file.view[position : position + _BLOCK])
        if not any(block):
            break
        if not is_tar(block):
            raise CheckpointError(
                f"{file.path}: tar header at byte {position} is damaged; copy or download the file again"
            )
        size = _octal(block[124:136])
        start = position + _BLOCK
        if size is None or (size + _BLOCK - 1) // _BLOCK * _BLOCK > file.size - start:
            raise CheckpointError(
                f"{file.path}: tar member claims more bytes than the file has; it is cut short or damaged"
            )
        name = block[:100].split(b"\0")[0].decode("latin-1").removeprefix("./")
        if block[156:157] in (b"0", b"\0"):
            if name in members:
                raise CheckpointError(f"{file.path}: tar archive holds {name} twice; the file is damaged or forged")
            members[name] = file.view[start : start + size]
        elif block[156:157] not in (b"x", b"g", b"5"):
            raise CheckpointError(f"{file.path}: tar member {name} is a link or device, wanted plain files")
        position = start + (size + _BLOCK - 1) // _BLOCK * _BLOCK
    return members


def _octal(field):
    """The number in a field of a tar header; None where the field holds none."""
    digits = field.strip(b" \0")
    if not digits or not all(48 <= d <= 55 for d in digits):
        return None
    return int(digits, 8)
