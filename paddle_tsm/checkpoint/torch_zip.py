"""PyTorch's zip format, the default since 1.6: data.pkl and one stored entry for each storage.

Source: torch/serialization.py (_save, _load, persistent ids ("storage", type, key, location, size)) and
caffe2/serialize/inline_container.cc (the archive).
"""

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.other_zip import refuse_other_zip
from paddle_tsm.checkpoint.pickle_machine import Budget, PickleMachine
from paddle_tsm.checkpoint.plain_tree import plain_tree
from paddle_tsm.checkpoint.torch_globals import Storage, StorageType, torch_table
from paddle_tsm.checkpoint.trailer import MAX_METADATA
from paddle_tsm.checkpoint.zip_directory import stored, stored_or_small, zip_entries

_MAX_PICKLE = 64 << 20
EXTRA = "extra/"  # caffe2/serialize keeps files here that are not its own; torch.load ignores them


def read_torch_zip(file: MappedFile) -> tuple[object, dict[str, str]]:
    """(tree, metadata) of a PyTorch zip file. Its arrays are cut from the mapped file. Raises CheckpointError.

    metadata: {NAME: text} of the members extra/NAME.json.
    """
    entries = zip_entries(file)
    refuse_other_zip(file.path, list(entries))
    pickles = [name for name in entries if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise CheckpointError(
            f"{file.path}: zip holds {len(pickles)} data.pkl, wanted one; was it written by torch.save?"
        )
    root = pickles[0][: -len("data.pkl")]
    _check_byte_order(file, entries.get(f"{root}byteorder"))
    view = stored_or_small(file, entries[pickles[0]], _MAX_PICKLE)
    storages = {}

    def persistent(machine, identifier):
        kind, key, size = storage_identifier(machine, identifier, 5)
        if key not in storages:
            entry = entries.get(f"{root}data/{key}")
            if entry is None:
                machine.refuse(f"refers to data/{key}, which the file does not hold; it is damaged")
            storages[key] = Storage(file.path, kind.dtype, entry.size, stored(file, entry))
        storage = storages[key]
        if storage.dtype != kind.dtype:
            # Two types can share the same bytes, as PyTorch shares the untyped storage.
            storage = Storage(file.path, kind.dtype, storage.size, storage.data)
        if size * (1 if kind.dtype is None else kind.dtype.itemsize) > storage.size:
            machine.refuse(f"says data/{key} has {size} elements of {kind.name}, the file holds {storage.size} bytes")
        return storage

    machine = PickleMachine(file.path, view, 0, torch_table(), Budget(file.size), persistent)
    return plain_tree(file, machine.run()), _metadata(file, entries, f"{root}{EXTRA}")


def _metadata(file, entries, folder):
    """{NAME: text} of the members NAME.json in `folder`; those that are too long are not ours and are left out."""
    metadata = {}
    for name, entry in entries.items():
        if name.startswith(folder) and name.endswith(".json") and entry.size <= MAX_METADATA:
            try:
                text = bytes(stored_or_small(file, entry, MAX_METADATA)).decode("utf-8")
            except UnicodeDecodeError:
                raise CheckpointError(
                    f"{file.path}: zip entry {name} is no text in UTF-8; the file is damaged"
                ) from None
            metadata[name[len(folder) : -len(".json")]] = text
    return metadata


def storage_identifier(machine, identifier, length):
    """(StorageType, key, number of elements) of ("storage", type, key, location, number of elements, ...)."""
    if type(identifier) is not tuple or len(identifier) != length or identifier[0] != "storage":
        machine.refuse("refers to outside data by something other than a storage; the file is damaged")
    _, kind, key, location, size = identifier[:5]
    if (
        not isinstance(kind, StorageType)
        or not isinstance(location, str)
        or type(size) is not int
        or not 0 <= size < 2**48
    ):
        machine.refuse("describes a storage by something other than type, key, location and size; the file is damaged")
    if type(key) is not str and type(key) is not int:
        machine.refuse("names a storage by something other than text; the file is damaged")
    return kind, key, size


def _check_byte_order(file, entry):
    if entry is None:
        return
    order = bytes(stored_or_small(file, entry, 64)).strip()
    if order != b"little":
        raise CheckpointError(
            f"{file.path}: has byte order {order!r}, wanted little; load and save it on a little-endian machine"
        )
