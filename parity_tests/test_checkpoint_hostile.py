"""Files that lie, overflow, or want to run something: each is refused in one line, quickly, in little memory."""

import gc
import io
import os
import pickle
import re
import time
import tracemalloc

import pytest

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from parity_tests import hostile_files as hostile
from parity_tests import mutate

SECONDS = 1.0
MEMORY = 96 << 20  # beside 1.5 times the file: what 500 000 pickle operations or 2 MiB of JSON may build


def wrapped_in_each_format(pickles):
    """{label: bytes}: the pickle as data.pkl, as the object of a legacy and of a tar file, and as .pdparams."""
    files = {}
    for label, data in pickles.items():
        files[f"torch-zip: {label}"] = hostile.torch_zip(data)
        files[f"torch-legacy: {label}"] = hostile.torch_legacy(data)
        files[f"torch-tar: {label}"] = hostile.torch_tar(data)
        files[f"pdparams: {label}"] = data
    return files


def tensors_in_torch_formats():
    files = {}
    for label, arguments in hostile.refused_tensors().items():
        for legacy, build in ((False, hostile.torch_zip), (True, hostile.torch_legacy)):
            tensor = hostile.torch_tensor("0", *arguments, legacy=legacy)
            files[f"{'torch-legacy' if legacy else 'torch-zip'}: {label}"] = build(
                hostile.pickled(hostile.named(a__b=tensor))
            )
    return files


def all_refused(canary):
    files = wrapped_in_each_format({**hostile.canary_pickles(canary), **hostile.refused_pickles(canary)})
    files.update(tensors_in_torch_formats())
    for kind, group in (
        ("zip", hostile.refused_zips()),
        ("legacy", hostile.refused_legacy()),
        ("tar", hostile.refused_tars()),
        ("safetensors", hostile.refused_safetensors()),
        ("other", hostile.other_files()),
    ):
        files.update({f"{kind}: {label}": data for label, data in group.items()})
    return files


LABELS = sorted(all_refused("unused"))


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    canary = str(folder / "canary")
    files = all_refused(canary)
    gc.collect()
    gc.freeze()  # else each collection walks over all that other tests left, in the reader's time
    yield folder, canary, files
    gc.unfreeze()


def message_of(path):
    """The message with which ``path`` is refused; no other exception passes."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    text = str(caught.value)
    assert text.isprintable() and len(text) <= 600, repr(text)
    return text


def test_there_are_many_hostile_files():
    assert len(LABELS) >= 300


@pytest.mark.parametrize("label", LABELS)
def test_refused(label, refused):
    folder, canary, files = refused
    path = folder / "file"
    path.write_bytes(files[label])

    began = time.process_time()
    text = message_of(path)
    seconds = time.process_time() - began

    assert text.startswith(str(path))
    assert not os.path.exists(canary)
    assert seconds < SECONDS, f"{seconds:.2f} s"


# tracemalloc slows the machine down several times, so only what could take memory is measured, and a pickle in two of
# the four containers.
_WORDS = r"bomb|huge|deep|copied|encoded|laughs|hash|2\^|larger|without end|limit|digits|absurd"
GREEDY = [label for label in LABELS if not label.startswith(("torch-legacy", "torch-tar")) and re.search(_WORDS, label)]


@pytest.mark.parametrize("label", GREEDY)
def test_memory_is_bounded(label, refused):
    folder, _, files = refused
    path = folder / "file"
    path.write_bytes(files[label])

    tracemalloc.start()
    message_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak <= 1.5 * len(files[label]) + MEMORY, f"{peak >> 20} MiB for {len(files[label])} bytes"


def test_the_canary_works(tmp_path):
    """The files above are dangerous: plain pickle runs each of them. Otherwise refusing them would prove nothing."""
    for label in hostile.canary_pickles("unused"):
        canary = tmp_path / label.replace(" ", "_")
        data = hostile.canary_pickles(str(canary))[label]
        opened = None
        try:
            opened = pickle.loads(data)
        except Exception:
            opened = None
        if isinstance(opened, dict):
            opened = opened["layer.weight"]
        if isinstance(opened, io.IOBase):
            opened.close()
        if label not in ("newobj_ex", "getattr"):  # these only make a closed file object
            assert canary.exists(), label


@pytest.mark.parametrize("kind", sorted(hostile.valid_files()))
def test_truncated(kind, tmp_path):
    """Every sixteenth of each format, and the last byte."""
    whole = hostile.valid_files()[kind]
    path = tmp_path / "file"
    path.write_bytes(whole)
    assert read_checkpoint(path).format == kind
    ends = [len(whole) * part // 16 for part in range(16)]
    if kind != "torch-tar":  # a tar ends in a kilobyte of padding
        ends.append(len(whole) - 1)
    for end in ends:
        path.write_bytes(whole[:end])
        if kind == "torch-tar" and end >= len(whole) - 1024:
            continue
        message_of(path)


def test_names_are_told(tmp_path):
    path = tmp_path / "x.pth"
    path.write_bytes(hostile.torch_zip(hostile.canary_pickles("unused")["reduce of a global"]))
    assert "io.open" in message_of(path)
    path.write_bytes(hostile.torch_zip(hostile.pickled(hostile.name("my_package.models", "Net") + b")R")))
    assert "my_package.models.Net" in message_of(path) and "state_dict" in message_of(path)


def test_allowed_stand_ins_do_nothing_else(tmp_path):
    """mmengine's HistoryBuffer is read as its attributes; getattr exists for it alone."""
    record = hostile.name("mmengine.logging.history_buffer", "HistoryBuffer")
    method = hostile.call(hostile.name("__builtin__", "getattr"), record, hostile.text("mean"))
    state = hostile.dict_of(_max_length=hostile.number(7), statistics_methods=hostile.dict_of(mean=method))
    network = hostile.named(a__b=hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1)))
    tree = hostile.dict_of(message_hub=hostile.dict_of(loss=record + b")\x81" + state + b"b"), state_dict=network)
    path = tmp_path / "epoch_1.pth"
    path.write_bytes(hostile.torch_zip(hostile.pickled(tree)))
    loss = read_checkpoint(path).aside["message_hub"]["loss"]
    assert loss["_max_length"] == 7
    assert loss["statistics_methods"] == {"mean": "mmengine.logging.history_buffer.HistoryBuffer.mean"}

    path.write_bytes(hostile.torch_zip(hostile.pickled(record + hostile.tuple_of(hostile.number(1)) + b"\x81")))
    message_of(path)
    path.write_bytes(hostile.torch_zip(hostile.pickled(record + b")R")))
    message_of(path)


@pytest.mark.parametrize("what", ["missing", "directory", "empty", "pipe", "zero"])
def test_not_a_file(what, tmp_path):
    path = tmp_path / "x"
    if what == "directory":
        path.mkdir()
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "zero":
        with pytest.raises(CheckpointError, match="is not a file name"):
            read_checkpoint("a\0b")
        return
    wanted = {
        "missing": "no such file",
        "directory": "is a directory",
        "empty": "is empty",
        "pipe": "not a regular file",
    }
    assert wanted[what] in message_of(path)


def test_no_permission(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "no permission" in message_of(path)


def test_mutants(tmp_path):
    summary = mutate.run(count=2000, seed=0, folder=tmp_path)
    assert summary.failures == []
    assert summary.read > 80 and summary.refused > 600  # mutants must be near enough to valid to get anywhere


def test_the_fuzzer_can_fail(tmp_path, monkeypatch):
    """It notices an exception of another kind, code that runs, and a reader that takes too long."""

    def raises(path):
        raise KeyError("x")

    def runs(path):
        exec(compile("1", "x", "exec"))

    def sleeps(path):
        deadline = time.process_time() + 0.1
        while time.process_time() < deadline:
            pass

    monkeypatch.setattr(mutate, "SECONDS", 0.05)
    for fake in (raises, runs, sleeps):
        monkeypatch.setattr(mutate, "read_checkpoint", fake)
        assert mutate.run(count=1, seed=0, folder=tmp_path).failures
