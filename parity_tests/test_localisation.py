"""What `paddle-tsm explain` says of generated videos, where one knows what there is to see: the heat lies on the shape
that moves, and a network that sees motion is at chance where the frames are shuffled.

    pytest parity_tests/test_localisation.py -m slow -s
"""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.frame_orders import backward, repeated, shuffled
from paddle_tsm.data.motion_videos import CLASSES, OPPOSITE, draw_scene, draw_shape, sort_bag, write_motion_videos
from paddle_tsm.demo.motion import RECIPE, at_chance
from paddle_tsm.demo.settings import TRAIN_CLIPS, VAL_CLIPS
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.models.heat_maps import grad_cam
from paddle_tsm.models.load import load_model
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train

SIZE, FIELD, VIDEO = 64, 2, 74  # the wide clips: pixels of the input, see `draw_scene`, and the pixels of a video
EPOCHS = (4, 8)  # of the two trainings on them, one after the other
LEAST = 0.8  # the share of the heat that is to lie on the shape


def masks_of(bag: int, label: int, video: int, field: int, seed: int = 0) -> np.ndarray:
    """Where the shape is in each of the frames that the network takes of a clip: bool [T, video, video]."""
    scene = draw_scene(np.random.default_rng([seed, bag]), (video, video), field)
    blank = np.zeros((video, video, 3), "uint8")
    shapes = np.stack([draw_shape(blank.copy(), scene.outline, [255] * 3, state) for state in scene.states])
    return sort_bag(scene.orders, shapes, label, len(shapes))[..., 0] > 127


def on_input(masks: np.ndarray, pixels) -> np.ndarray:
    """The masks as the network's crop shows them: bool [T, size, size]."""
    first = (pixels.short - pixels.size) // 2
    scaled = [
        cv2.resize(255 * one.astype("uint8"), (pixels.short, pixels.short), interpolation=cv2.INTER_AREA)
        for one in masks
    ]
    return np.stack(scaled)[:, first : first + pixels.size, first : first + pixels.size] > 127


def cells_of(masks: np.ndarray, cells: int) -> np.ndarray:
    """The cells of a heat map that the shape touches: bool [T, cells, cells]."""
    frames, size, _ = masks.shape
    return masks.reshape(frames, cells, size // cells, cells, size // cells).any((2, 4))


def with_neighbours(touched: np.ndarray) -> np.ndarray:
    """These cells and those beside them: a cell is drawn as wide as two, because the map is enlarged smoothly."""
    return np.stack([cv2.dilate(one.astype("uint8"), np.ones((3, 3), "uint8")) for one in touched]) > 0


def with_next_frames(touched: np.ndarray) -> np.ndarray:
    """These cells and those of the frames before and behind: the shift puts their values here."""
    found = touched.copy()
    found[1:] |= touched[:-1]
    found[:-1] |= touched[1:]
    return found


REGIONS = {
    "touched": lambda touched: touched,
    "touched in t-1 to t+1": with_next_frames,
    "within a cell": with_neighbours,
    "within a cell, t-1 to t+1": lambda touched: with_next_frames(with_neighbours(touched)),
}


def clips_of(bags, pixels, video: int, field: int, seed: int = 0):
    """Yield (the input [T, 3, size, size], the label, the masks) of every clip of these bags."""
    for bag in bags:
        for label in range(len(CLASSES)):
            scene = draw_scene(np.random.default_rng([seed, bag]), (video, video), field)
            pictures = np.stack(
                [draw_shape(scene.background.copy(), scene.outline, scene.colour, state) for state in scene.states]
            )
            frames = sort_bag(scene.orders, pictures, label, len(pictures))
            masks = on_input(masks_of(bag, label, video, field, seed), pixels)
            yield views_of(pixels, [frame[..., ::-1] for frame in frames]), label, masks


def with_masks_of_others(clips: list) -> list:
    """The clips, each with the masks of the clip of the same class in the bag before."""
    return [(x, label, clips[i - len(CLASSES)][2]) for i, (x, label, _) in enumerate(clips)]


def shares_of(model, clips, layer: str) -> tuple[int, dict[str, tuple[float, float]]]:
    """(the cells of an edge, region -> (its share of the pictures, its share of the heat)) over all the clips."""
    area, heat = dict.fromkeys(REGIONS, 0.0), dict.fromkeys(REGIONS, 0.0)
    total = count = cells = 0
    for x, _, masks in clips:
        maps = grad_cam(model, x, layer).maps[0].astype("float64")
        cells = maps.shape[-1]
        total, count = total + maps.sum(), count + 1
        for name, region in REGIONS.items():
            inside = region(cells_of(masks, cells))
            area[name] += inside.mean()
            heat[name] += maps[inside].sum()
    return cells, {name: (area[name] / count, heat[name] / total) for name in REGIONS}


def trained(folder, video: int, field: int, **changes):
    """The network of `demo --train` with these changes to its recipe. Returns its checkpoint."""
    folder.mkdir(exist_ok=True)
    train_list, _, _ = write_motion_videos(folder, TRAIN_CLIPS, 1, size=(video, video), field=field)
    pretrained = changes.pop("pretrained", None)
    entries = read_list(train_list, root=folder, num_classes=len(CLASSES))
    job = TrainingJob(
        entries,
        [],
        str(folder / "out"),
        class_names=CLASSES,
        pretrained=pretrained,
        keep_classifier=pretrained is not None,
    )
    train(replace(RECIPE, **changes), job)
    return folder / "out" / "last.safetensors"


@pytest.fixture(scope="module")
def demo_network(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("demo"), 64, 1)


UNSEEN = range(TRAIN_CLIPS, TRAIN_CLIPS + VAL_CLIPS)


def print_shares(model, clips, accuracy: float, title: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Print a line for each stage. Returns stage -> what `shares_of` gives."""
    print(f"\n{title}: {len(clips)} unseen clips, top-1 {100 * accuracy:.1f} %; heat (area) of each region")
    found = {}
    for layer in model.stage_ends:
        cells, found[layer] = shares_of(model, clips, layer)
        words = "; ".join(f"{name} {100 * h:.0f} % ({100 * a:.0f} %)" for name, (a, h) in found[layer].items())
        print(f"  {layer}, {cells}x{cells} cells: {words}")
    return found


def accuracy_of(model, clips) -> float:
    run = run_of(model)
    return float(np.mean([run(x)[0].argmax() == label for x, label, _ in clips]))


@pytest.mark.slow
def test_the_heat_lies_on_the_moving_shape(demo_network, tmp_path):
    """At 32 pixels the last stage has one cell, so that the network goes on with wide clips of 64 pixels."""
    small = list(clips_of(UNSEEN, RECIPE.pixels(), 64, 1))
    model = load_model(demo_network)
    print_shares(model, small, accuracy_of(model, small), "the network of demo --train, 32 pixels")
    weights = demo_network
    for epochs in EPOCHS:
        weights = trained(tmp_path / str(epochs), VIDEO, FIELD, size=SIZE, epochs=epochs, pretrained=str(weights))
    model, wide = load_model(weights), list(clips_of(UNSEEN, replace(RECIPE, size=SIZE).pixels(), VIDEO, FIELD))
    accuracy = accuracy_of(model, wide)
    found = print_shares(model, wide, accuracy, f"trained on with wide clips, {SIZE} pixels")
    area, heat = found["layer2"]["within a cell, t-1 to t+1"]
    assert accuracy > 0.95
    assert heat >= LEAST and area < 0.5, found["layer2"]
    touched_area, touched_heat = found["layer2"]["touched"]
    assert touched_heat > 3 * touched_area
    _, of_others = shares_of(model, with_masks_of_others(wide), "layer2")
    print(f"  layer2, the masks of other clips: {of_others}")
    assert all(of_others[name][1] < LEAST for name in REGIONS), of_others  # or any region of this size would do


@pytest.mark.slow
def test_the_shuffled_clip_is_at_chance(demo_network):
    """So it is with one frame repeated; played backward, the class is the opposite one."""
    clips, run = list(clips_of(UNSEEN, RECIPE.pixels(), 64, 1)), run_of(load_model(demo_network))
    right = {"as it is": 0, "backward, the opposite": 0, "shuffled": 0, "one frame repeated": 0}
    for number, (x, label, _) in enumerate(clips):
        right["as it is"] += run(x)[0].argmax() == label
        right["backward, the opposite"] += run(x[backward(8)[0]])[0].argmax() == OPPOSITE[label]
        right["shuffled"] += run(x[shuffled(8, 1, number)[0]])[0].argmax() == label
        right["one frame repeated"] += run(x[repeated(8)[number % 8]])[0].argmax() == label
    shares = {name: count / len(clips) for name, count in right.items()}
    print("\n" + "\n".join(f"{name}: {100 * share:.1f} %" for name, share in shares.items()))
    assert len(clips) == 240 and shares["as it is"] > 0.95 and shares["backward, the opposite"] > 0.95
    assert at_chance(shares["shuffled"], len(clips)) and at_chance(shares["one frame repeated"], len(clips))


def test_the_masks_are_where_the_shape_is():
    """The shape is bright and the background dark, so that the picture says it, too."""
    pixels = replace(RECIPE, size=SIZE).pixels()
    for x, _, masks in clips_of(range(2), pixels, VIDEO, FIELD):
        bright = x.mean(1) > 0
        assert masks.any((1, 2)).all() and 0.005 < masks.mean() < 0.1
        assert bright[masks].mean() > 0.9 and bright[~masks].mean() < 0.05


def test_the_regions():
    touched = np.zeros((3, 4, 4), bool)
    touched[0, 0, 0] = True
    assert with_neighbours(touched)[0].sum() == 4 and not with_neighbours(touched)[1:].any()
    assert with_next_frames(touched).sum((1, 2)).tolist() == [1, 1, 0]
    masks = np.zeros((1, 8, 8), bool)
    masks[0, 3, 7] = True
    np.testing.assert_array_equal(np.argwhere(cells_of(masks, 4)), [[0, 1, 3]])
