"""What to do with a path that leads to something else than a whole checkpoint: one of several shards, or a folder."""

import glob
import os
import re

_SHARD = re.compile(r"(.*)-(\d{3,6})-of-(\d{3,6})(\.\w+)$")  # as huggingface_hub names them


def shard_advice(path: str | os.PathLike) -> str | None:
    """What to do with a file whose name says that it is one of several shards; None for any other file."""
    folder, name = os.path.split(os.fspath(path))
    found = _SHARD.fullmatch(name)
    if found is None or int(found[3]) < 2:
        return None
    stem, number, total, suffix = found.groups()
    index = os.path.join(folder, f"{stem}{suffix}.index.json")
    what = f"is shard {int(number)} of {int(total)}"
    if os.path.exists(index):
        return f"{what}; read its index instead, which names all of them: {index}"
    return f"{what}; download all of them and their index, {os.path.basename(index)}, and read the index"


def folder_advice(path: str) -> str:
    """What to do with a folder that was given in place of a file, such as "it holds ...; name one of them"."""
    indexes = sorted(glob.glob(os.path.join(glob.escape(path), "*.index.json")))
    if indexes:
        return f"it holds a sharded checkpoint: read its index, {indexes[0]}"
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return "wanted a checkpoint file"
    if ".metadata" in names and any(name.endswith(".distcp") for name in names):
        return (
            "it is a checkpoint of torch.distributed; write it as one file with python -m "
            "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pth"
        )
    if "data.pkl" in names:
        return "it is an unpacked PyTorch file; read the .pth that it was unpacked from"
    saved = [
        name for name in names if name.lower().endswith((".pth", ".pt", ".tar", ".pdparams", ".safetensors", ".bin"))
    ]
    if saved:
        return (
            f"wanted a checkpoint file; it holds {', '.join(saved[:4])}{' and others' if saved[4:] else ''}: name one"
        )
    return "wanted a checkpoint file, and it holds none"
