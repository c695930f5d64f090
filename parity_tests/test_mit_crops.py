"""MIT's test settings: --test_crops 1, 3, 5 and 10, with and without --full_res, and what the other systems offer.

The crops are held against those that MIT's own transforms cut out (`vectors/transforms_mit.npz`) and against a few
lines of Pillow, written from MIT's `test_models.py` and `ops/transforms.py` 1f6a834.
"""

import json

import numpy as np
import paddle
import pytest
from PIL import Image

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import CROPS, SYSTEMS, preset
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.open_video import count_frames
from paddle_tsm.videos.video_file import read_frames
from parity_tests.test_transforms import SIZES, image, load

# --crops -> MIT's (--test_crops, --full_res)
SETTINGS = {
    "centre": (1, False),
    "three-train-size": (3, False),
    "five": (5, False),
    "ten": (10, False),
    "centre-full": (1, True),
    "three": (3, True),
    "five-full": (5, True),
    "ten-full": (10, True),
}
INPUT = 56  # MIT scales the short edge to 64 for it (GroupScale), as in the recorded vectors
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def crops_of_mit(frame: np.ndarray, test_crops: int, full_res: bool) -> list[np.ndarray]:
    """The crops of one frame, uint8 [size, size, 3] each, in MIT's order, by Pillow."""
    scale_size = INPUT * 256 // 224
    input_size = scale_size if full_res else INPUT
    picture = Image.fromarray(frame)
    w, h = picture.size
    # torchvision's Resize of the shorter edge
    picture = picture.resize(
        (scale_size, int(scale_size * h / w)) if w < h else (int(scale_size * w / h), scale_size),
        Image.Resampling.BILINEAR,
    )
    w, h = picture.size
    w_step, h_step = (w - input_size) // 4, (h - input_size) // 4
    if test_crops == 1:
        places = [(round((w - input_size) / 2), round((h - input_size) / 2))]
    elif test_crops == 3:
        places = [(0, 2 * h_step), (4 * w_step, 2 * h_step), (2 * w_step, 2 * h_step)]
    else:
        places = [(0, 0), (4 * w_step, 0), (0, 4 * h_step), (4 * w_step, 4 * h_step), (2 * w_step, 2 * h_step)]
    found = []
    for left, top in places:
        crop = picture.crop((left, top, left + input_size, top + input_size))
        found.append(crop)
        if test_crops == 10:
            found.append(crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return [np.asarray(crop) for crop in found]


def crops_of_ours(frame: np.ndarray, name: str) -> np.ndarray:
    """The crops of one frame under `--preset mit --crops name`, before they are normalised."""
    pixels = preset("mit", crops=name, size=INPUT)
    views = views_of(pixels, [frame])
    assert views.shape == (CROPS[name], 3, pixels.test_size, pixels.test_size)
    return np.rint((views.transpose(0, 2, 3, 1) * STD + MEAN) * 255).astype("uint8")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SETTINGS)
def test_crops_are_mits(name, size):
    expected = crops_of_mit(image(size), *SETTINGS[name])
    assert np.array_equal(crops_of_ours(image(size), name), np.stack(expected))
    assert len(expected) == SETTINGS[name][0] == CROPS[name]


@pytest.mark.parametrize("size", SIZES)
def test_crops_are_those_that_mit_cut_out(size):
    """Recorded: GroupFullResSample(64), GroupOverSample(56), GroupCenterCrop(56). Five are every second of ten, and the
    last of three of the training size is the fifth of five.
    """
    recorded = {name: load("mit")[f"{name}_{size}"] for name in ("three", "ten", "center")}
    assert np.array_equal(crops_of_ours(image(size), "three"), recorded["three"])
    assert np.array_equal(crops_of_ours(image(size), "ten"), recorded["ten"])
    assert np.array_equal(crops_of_ours(image(size), "five"), recorded["ten"][::2])
    assert np.array_equal(crops_of_ours(image(size), "centre")[0], recorded["center"])
    assert np.array_equal(crops_of_ours(image(size), "three-train-size")[2], recorded["ten"][8])


def test_the_settings_differ():
    """Crops of one size have other pixels for each setting, so the tests above notice one in the place of another."""
    for size in (INPUT, 64):
        same_size = [
            crops_of_ours(image("48x64"), name)
            for name in SETTINGS
            if preset("mit", crops=name, size=INPUT).test_size == size
        ]
        assert len(same_size) == 4
        for i, a in enumerate(same_size):
            assert not any(a.shape == b.shape and np.array_equal(a, b) for b in same_size[:i])


def test_sizes_at_mits_resolution():
    """224 of 256 without --full_res, 256 of 256 with it."""
    for name, (count, full_res) in SETTINGS.items():
        found = preset("mit", crops=name)
        assert (found.test_size, found.short, found.views) == (256 if full_res else 224, 256, count)
    assert preset("mit", crops="three-train-size").crops_in_words == "three crops of 224 out of 256"
    assert preset("mit", crops="three").crops_in_words == "three crops of 256 out of 256"
    assert preset("mit", crops="centre").crops_in_words == "one crop of 224 out of 256"
    assert preset("mit", crops="ten").crops_in_words == "ten crops of 224 out of 256, every second one mirrored"
    assert preset("pptsm", crops="three").crops_in_words == "three crops of 224 out of 256"
    assert preset("mmaction2", crops="three").crops_in_words == "three crops of 256 out of 256"


REASONS = {
    "mmaction2": "ThreeCrop of the short edge's",
    "paddlevideo": "one crop of the training size",
    "pptsm": "one crop or three",
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_system_has_not_is_refused_with_a_reason(system):
    for name in CROPS:
        if name in SYSTEMS[system].test_crops:
            assert preset(system, crops=name).views == CROPS[name]
        else:
            with pytest.raises(
                ValueError, match=f"{system}: crops: got '{name}', wanted one of centre.*; .*{REASONS[system]}"
            ):
                preset(system, crops=name)
    assert system not in ("mit", "mit-flow") or set(SYSTEMS[system].test_crops) == set(CROPS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of MIT's, and a list of two clips."""
    folder = tmp_path_factory.mktemp("test_crops")
    write_demo_checkpoint(str(folder / "mit.pth.tar"), Network("tsm_resnet18", num_classes=6), "mit")
    for i, size in enumerate([(96, 64), (60, 90)]):
        write_demo_video(str(folder / f"{i}.mp4"), frames=21, size=size, seed=i)
    (folder / "list.txt").write_text("0.mp4 1\n1.mp4 4\n")
    return folder


def logits_of_mit(folder, clip: str, name: str) -> np.ndarray:
    """[6], as `test_models.py --twice_sample` computes them: the mean over crops and clips of the logits."""
    tick = count_frames(str(folder / clip)) / 8
    indices = [int(tick / 2 + tick * i) for i in range(8)] + [int(tick * i) for i in range(8)]
    frames = read_frames(folder / clip, lambda count: indices)
    model = paddle_tsm.load_model(folder / "mit.pth.tar")
    crops = np.stack(
        [crops_of_mit(np.asarray(frame), *SETTINGS[name]) for frame in frames]
    )  # [16, crops, size, size, 3]
    views = ((crops / 255 - MEAN) / STD).transpose(1, 0, 4, 2, 3).reshape(-1, 8, 3, *crops.shape[2:4]).astype("float32")
    with paddle.no_grad():
        return np.concatenate([model(paddle.to_tensor(view)).numpy() for view in views]).mean(0)


@pytest.mark.parametrize(
    "name, said",
    [
        ("three-train-size", "three crops of 56 out of 64"),
        ("three", "three crops of 64 out of 64"),
        ("five", "five crops of 56 out of 64"),
        ("ten", "ten crops of 56 out of 64, every second one mirrored"),
    ],
)
def test_evaluate_as_mit_tests(folder, capsys, monkeypatch, name, said):
    """The preset follows from the checkpoint's keys."""
    monkeypatch.chdir(folder)
    words = [
        "evaluate",
        "list.txt",
        "--weights",
        "mit.pth.tar",
        "--sampling",
        "twice",
        "--crops",
        name,
        "--size",
        str(INPUT),
    ]
    assert main([*words, "--out", name]) == 0
    assert f"list.txt: mit, twice, {said}, mean of logits" in capsys.readouterr().out
    assert json.loads((folder / name / "metrics.json").read_text())["test_crops"] == said
    rows = (folder / name / "scores.csv").read_text().splitlines()[1:]
    for i, row in enumerate(rows):
        scores = np.array(row.split(",")[-6:], "float64")
        np.testing.assert_allclose(
            scores, logits_of_mit(folder, f"{i}.mp4", name), rtol=0, atol=1e-5 * np.abs(scores).max()
        )


def test_the_two_forms_of_three_crops_give_other_scores(folder):
    a, b = (logits_of_mit(folder, "0.mp4", name) for name in ("three", "three-train-size"))
    assert np.abs(a - b).max() > 1e-3 * np.abs(a).max()


def test_predict_as_mit_tests(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    words = [
        "predict",
        "0.mp4",
        "--weights",
        "mit.pth.tar",
        "--preset",
        "mit",
        "--sampling",
        "twice",
        "--size",
        str(INPUT),
    ]
    assert main([*words, "--crops", "three-train-size"]) == 0
    assert "mit, twice, three crops of 56 out of 64, mean of logits" in capsys.readouterr().out
    assert main([*words, "--crops", "three-train-size", "--json", "--top", "6"]) == 0
    found = json.loads(capsys.readouterr().out)
    logits = logits_of_mit(folder, "0.mp4", "three-train-size").astype("float64")
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([row["probability"] for row in found["top"]], np.sort(expected)[::-1], rtol=1e-4)
    assert found["views"] == 6 and "three crops of 56 out of 64" in found["pixels"]


@pytest.mark.parametrize("command", ["evaluate", "predict", "export"])
def test_the_help_says_what_is_offered(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    words = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
    assert "mit: centre, three, ten, three-train-size, five, centre-full, five-full, ten-full" in words
    assert "pptsm: centre, three" in words
