"""Paddle's .pdparams and .pdopt: a pickle of {name: array}, protocols 2 to 4.

Source: paddle/framework/io.py (_legacy_save, _pickle_save, reduce_varbase) and io_utils.py (_unpack_saved_dict).
Paddle stores bfloat16 as uint16 without a mark, and has no uint16 parameters: uint16 is read as bfloat16.
"""

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.numpy_globals import numpy_table
from paddle_tsm.checkpoint.pickle_machine import Budget, PickleMachine
from paddle_tsm.checkpoint.plain_tree import plain_tree
from paddle_tsm.checkpoint.shape import element_count
from paddle_tsm.checkpoint.torch_globals import BFLOAT16
from paddle_tsm.checkpoint.trailer import read_trailer

_SLICED = "UnpackBigParamInfor@@"  # Paddle's spelling


def read_paddle_pickle(file: MappedFile) -> tuple[object, dict[str, str]]:
    """(tree, metadata) of a .pdparams file. Its arrays are cut from the mapped file and may be unaligned.

    metadata: what the trailer behind the pickle holds, see `trailer.py`. Raises CheckpointError.
    """
    machine = PickleMachine(file.path, file.view, 0, numpy_table(), Budget(file.size))
    tree = machine.run()
    metadata = read_trailer(file, machine.position)
    tree = plain_tree(file, tree, _bfloat16)
    if isinstance(tree, dict) and _SLICED in tree:
        tree = _join_slices(file, tree)
    return tree, metadata


def _bfloat16(array):
    return array.view(BFLOAT16) if array.dtype == np.uint16 else array


def _join_slices(file, tree):
    """Protocols 2 and 3 cut arrays above 1 GiB into slices called NAME@@.0, NAME@@.1, ...

    All that is joined fits the file, which holds each slice once (as text in protocol 2, half as large again); slices
    that share bytes could be joined without end.
    """
    room = file.size

    def damaged(name):
        return CheckpointError(f"{file.path}: {name}: its slices do not fit together; the file is damaged")

    plan = tree.pop(_SLICED)
    if not isinstance(plan, dict):
        raise damaged(_SLICED)
    for name, how in plan.items():
        if (
            not isinstance(how, dict)
            or not isinstance(how.get("slices"), list)
            or not isinstance(how.get("OriginShape"), (tuple, list))
        ):
            raise damaged(name)
        pieces = []
        for piece in how["slices"]:
            array = tree.pop(piece, None) if isinstance(piece, str) else None
            if not isinstance(array, np.ndarray):
                raise damaged(name)
            room -= array.nbytes
            pieces.append(array)
        shape = tuple(how["OriginShape"])
        if room < 0 or not pieces or len({p.dtype for p in pieces}) > 1 or any(p.ndim != 1 for p in pieces):
            raise damaged(name)
        if sum(p.size for p in pieces) != element_count(shape):
            raise damaged(name)
        joined = np.concatenate(pieces).reshape(shape)
        joined.flags.writeable = False
        tree[name] = joined
    return tree
