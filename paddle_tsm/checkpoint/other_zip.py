"""Zip files that are not checkpoints: what they are, and what to do with them.

Sources: numpy.lib.format (.npz), torch/export/pt2_archive/constants.py (.pt2), torch/csrc/jit/serialization
(TorchScript).
"""

from paddle_tsm.checkpoint.error import CheckpointError

_SAVED = (".pth", ".pt", ".pth.tar", ".pdparams", ".safetensors")


def refuse_other_zip(path: str, names: list[str]) -> None:
    """Raise CheckpointError where the names of the entries show that another program than torch.save wrote the zip
    file.
    """
    what = _what(names)
    if what is not None:
        raise CheckpointError(f"{path}: {what}")


def _what(names):
    ends = {name.partition("/")[2] for name in names}
    if "archive_format" in ends or "serialized_exported_program.json" in {name.split("/")[-1] for name in names}:
        return (
            "is a program of torch.export (.pt2), wanted weights; write them with "
            "torch.save(torch.export.load(FILE).state_dict, 'weights.pth')"
        )
    if "constants.pkl" in ends or any(end.startswith("code/") for end in ends):
        return (
            "is a TorchScript program, wanted weights; write them with "
            "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')"
        )
    if names and all(name.endswith(".npy") for name in names):
        return (
            f"is a NumPy archive (.npz) of {len(names)} arrays, wanted a checkpoint; write them with "
            "safetensors.numpy.save_file(dict(numpy.load(FILE)), 'weights.safetensors')"
        )
    inside = [name for name in names if name.lower().endswith(_SAVED) and "/data/" not in name]
    if inside and not any(name.split("/")[-1] == "data.pkl" for name in names):
        return f"is a zip archive that holds {', '.join(inside[:3])}; unpack it first"
    return None
