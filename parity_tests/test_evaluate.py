"""The scores of a list's clips are those of each view by itself, whatever the batch, workers and process are."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import paddle
import pytest

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint, write_demo_video
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import merged, score_clips
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights, load_model
from paddle_tsm.networks.network import Network

CLASSES, SEGMENTS, SIZE, VIDEOS = 6, 3, 32, 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven videos of different lengths, sizes and backgrounds, their list, and two checkpoints."""
    folder = tmp_path_factory.mktemp("evaluate")
    for i in range(VIDEOS):
        write_demo_video(str(folder / f"{i}.mp4"), 4 + i, (48 + 16 * (i % 2), 32 + 16 * (i % 3)), seed=i)
    (folder / "list.txt").write_text("".join(f"{i}.mp4 {i % 5}\n" for i in range(VIDEOS)))
    for seed, layout in enumerate(("mmaction2", "mit")):
        write_demo_checkpoint(folder / f"{layout}.pth", Network("tsm_resnet18", CLASSES), layout=layout, seed=seed)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return run_of(load_model(folder / "mmaction2.pth", num_segments=SEGMENTS))


def reader_of(folder, system="mmaction2", list_file=None, skip_bad=False, **options):
    entries = read_list(list_file or folder / "list.txt", root=folder)
    return ClipReader(entries, preset(system, size=SIZE, **options), SEGMENTS, skip_bad=skip_bad)


def same(a, b):
    """The same clips with the same bits."""
    return np.array_equal(a.indices, b.indices) and np.array_equal(a.scores, b.scores) and a.labels == b.labels


@pytest.mark.parametrize(
    "arch, options",
    [
        ("tsm_resnet18", {}),
        ("tsm_mobilenet_v2", {}),
        ("pptsm_resnet50", {}),
        ("tsm_resnet50", {"temporal_pool": True}),
        ("tsm_resnet50", {"non_local": "embedded_gaussian"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value), "plain"),
)
def test_logits_are_those_of_the_clip_alone_to_the_bit(arch, options):
    network = Network(arch, num_classes=37, num_segments=4, **options)
    model = assign_weights(build(network), draw_weights(network))
    x = np.random.default_rng(0).standard_normal((5 * 4, 3, 32, 32), dtype="float32")
    run = run_of(model)
    model.train()  # as a training loop leaves it; dropout and batch statistics must have no influence
    found = [run(x[start * 4 : stop * 4]) for start, stop in ((0, 5), (0, 2), (2, 5), (3, 4))]
    model.eval()
    with paddle.no_grad():
        alone = np.concatenate([model(paddle.to_tensor(x[i * 4 : i * 4 + 4])).numpy() for i in range(5)])
    for logits, (start, stop) in zip(found, ((0, 5), (0, 2), (2, 5), (3, 4))):
        assert np.array_equal(logits, alone[start:stop])
    assert len(np.unique(alone, axis=0)) == 5, "clips with the same logits would prove nothing"


def test_a_float64_network_scores_in_float64():
    network = Network("tsm_resnet18", num_classes=3, num_segments=2)
    model = assign_weights(build(network), draw_weights(network))
    x = np.random.default_rng(0).standard_normal((4, 3, 32, 32), dtype="float32")
    single, double = run_of(model)(x), run_of(model.to(dtype="float64"))(x)
    assert single.dtype == np.float32 and double.dtype == np.float64
    assert 0 < abs(single - double).max() < 1e-4 * abs(double).max()


def slow_scores(model, reader):
    """Each view through the network by itself; softmax and mean as they are defined."""
    rows = []
    for index in range(len(reader)):
        clip = reader[index][0]
        logits = []
        for view in np.split(clip, len(clip) // SEGMENTS):
            with paddle.no_grad():
                logits.append([float(value) for value in model(paddle.to_tensor(view)).numpy()[0]])
        if reader.preset.average == "probabilities":
            logits = [[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in logits]
        rows.append([sum(column) / len(logits) for column in zip(*logits)])
    return np.array(rows)


@pytest.mark.parametrize(
    "system, sampling, crops, views",
    [
        ("mmaction2", "uniform", "centre", 1),
        ("mmaction2", "twice", "three", 6),
        ("mit", "dense", "centre", 10),
        ("mit", "uniform", "ten", 10),
        ("pptsm", "uniform", "three", 3),
    ],
)
def test_views_together_are_views_one_by_one(folder, run, system, sampling, crops, views):
    reader = reader_of(folder, system, sampling=sampling, crops=crops)
    assert reader.preset.views == views
    model = load_model(folder / "mmaction2.pth", num_segments=SEGMENTS)
    found, wanted = score_clips(run, reader, batch=4), slow_scores(model, reader)
    assert found.scores.shape == (VIDEOS, CLASSES) and abs(found.scores - wanted).max() < 1e-14 * abs(wanted).max()
    assert found.labels == [(i % 5,) for i in range(VIDEOS)] and found.indices.tolist() == list(range(VIDEOS))


def test_probabilities_and_logits_are_different_averages(folder, run):
    reader = reader_of(folder, sampling="twice")
    assert score_clips(run, reader).scores.sum(1) == pytest.approx(1, abs=1e-12)
    other = replace(reader, preset=replace(reader.preset, average="logits"))
    assert abs(score_clips(run, other).scores.sum(1) - 1).min() > 1e-3


def test_neither_batch_nor_workers_change_a_bit(folder, run):
    reader = reader_of(folder, sampling="twice", crops="three")  # 6 views a clip, 42 in all
    wanted = score_clips(run, reader, batch=1, workers=0)
    for batch, workers in ((2, 1), (5, 2), (6, 3), (64, 4), (42, 0)):
        assert same(score_clips(run, reader, batch=batch, workers=workers), wanted), (batch, workers)


def test_that_test_can_fail(folder, run):
    """A network whose logits depend on the batch in the last place, as those of a plain forward pass may."""
    reader = reader_of(folder, sampling="twice", crops="three")

    def shaky(x):
        return run(x) * np.float32(1 + 2e-7 * (len(x) > 5 * SEGMENTS))

    assert not same(score_clips(shaky, reader, batch=4), score_clips(shaky, reader, batch=6))


def test_blocks_are_full_whatever_the_clips(folder, run):
    """Views of several clips share a forward pass: 42 views in batches of 8 are 5 full ones and one of 2."""
    sizes = []

    def counting(x):
        sizes.append(len(x) // SEGMENTS)
        return run(x)

    score_clips(counting, reader_of(folder, sampling="twice", crops="three"), batch=8)
    assert sizes == [8, 8, 8, 8, 8, 2]


@pytest.mark.parametrize("processes", [2, 3, 10])
def test_shares_of_processes_are_the_whole(folder, run, processes):
    reader = reader_of(folder, sampling="twice")
    whole = score_clips(run, reader, batch=3)
    shares = [score_clips(run, reader, range(VIDEOS)[r::processes], batch=3) for r in range(processes)]
    assert sum(map(len, shares)) == VIDEOS and all(len(share) < VIDEOS for share in shares)
    assert same(merged(shares[::-1]), whole)
    with pytest.raises(ValueError, match="clip in two"):
        merged([whole, shares[0]])


def test_progress_counts_clips(folder, run):
    calls = []
    score_clips(run, reader_of(folder, sampling="twice"), batch=5, progress=lambda *call: calls.append(call))
    assert calls == [(done, VIDEOS) for done in range(1, VIDEOS + 1)]


def test_another_engine(folder, run):
    """`run` may be any function. PyTorch's network gives the same scores up to the rounding of float32."""
    import torch

    import torch_ref

    model = torch_ref.load_model(folder / "mmaction2.pth", num_segments=SEGMENTS)

    def torch_run(x):
        with torch.no_grad():
            return model(torch.from_numpy(x)).numpy()

    reader = reader_of(folder, sampling="twice")
    ours, theirs = score_clips(run, reader), score_clips(torch_run, reader)
    assert abs(ours.scores - theirs.scores).max() < 1e-5 and np.ptp(theirs.scores) > 1e-2


@pytest.fixture
def bad_list(folder, tmp_path):
    """The list with an empty file on line 3 and one that is no video on line 6."""
    lines = (folder / "list.txt").read_text().splitlines()
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(b"no video " * 500)
    lines[2:2] = [f"{tmp_path}/empty.mp4 1"]
    lines[5:5] = [f"{tmp_path}/noise.mp4 1"]
    (tmp_path / "bad.txt").write_text("\n".join(lines))
    return tmp_path / "bad.txt"


def test_bad_clips_are_left_out_and_counted(folder, run, bad_list):
    skipped, calls = SkippedClips(), []
    reader = reader_of(folder, list_file=bad_list, skip_bad=True, sampling="twice")
    found = score_clips(run, reader, batch=5, skipped=skipped, progress=lambda *call: calls.append(call))
    assert found.indices.tolist() == [0, 1, 3, 4, 6, 7, 8] and calls[-1] == (9, 9)
    assert np.array_equal(found.scores, score_clips(run, reader_of(folder, sampling="twice")).scores)
    assert len(skipped) == 2 and "line 3" in skipped.report() and "line 6" in skipped.report()


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_bad_clip_that_nobody_counts_is_an_error(folder, run, bad_list, skip_bad):
    with pytest.raises(BadClip, match=r"bad\.txt, line 3: .*empty\.mp4"):
        score_clips(run, reader_of(folder, list_file=bad_list, skip_bad=skip_bad))


def test_nothing_to_score(folder, run, bad_list):
    assert len(score_clips(run, reader_of(folder), [])) == 0
    none = score_clips(run, reader_of(folder, list_file=bad_list, skip_bad=True), [2, 5], skipped=SkippedClips())
    assert len(none) == 0 and len(merged([none])) == 0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda run, reader: score_clips(run, reader, batch=0), "batch: got 0"),
        (lambda run, reader: score_clips(run, reader, workers=-1), "workers: got -1"),
        (lambda run, reader: score_clips(run, reader, [1, 1]), "clip twice"),
        (lambda run, reader: score_clips(run, replace(reader, train=True)), "training clips"),
        (lambda run, reader: score_clips(lambda x: run(x)[1:], reader), r"got shape \[6, 6\] for 7 views"),
        (lambda run, reader: score_clips(lambda x: run(x) * np.inf, reader), r"line 1: .*0\.mp4: .*NaN or infinite"),
    ],
)
def test_what_cannot_be_scored(folder, run, call, words):
    with pytest.raises(ValueError, match=words), np.errstate(invalid="ignore"):
        call(run, reader_of(folder))


def test_scores_and_measures_need_no_framework():
    code = """
import sys
import paddle_tsm.evaluation.score, paddle_tsm.evaluation.metrics, paddle_tsm.evaluation.ensemble
import paddle_tsm.evaluation.summary, paddle_tsm.evaluation.result_files, paddle_tsm.commands.evaluate
assert "paddle" not in sys.modules and "torch" not in sys.modules and "matplotlib" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
