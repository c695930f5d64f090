"""A learning rate is published for a batch: a training on another one says so, and `lr=auto` scales it."""

import pytest

from paddle_tsm.cli import main
from paddle_tsm.training.announcements import rate_note
from paddle_tsm.training.published_recipes import RECIPES, recipe
from parity_tests.small_training import TRAIN, clips, rows

__all__ = ["clips"]  # the fixture

SMALL = ("arch=tsm_resnet10", "num_classes=4", "num_segments=2", "size=32", "epochs=1", "warmup=0")


def command(clips, out, *changes: str, more: tuple[str, ...] = ()) -> list[str]:
    """`train` as a user types it, with the recipe's own rate."""
    return [
        "train",
        str(clips / "train.txt"),
        "--root",
        str(clips),
        "--out",
        str(out),
        *more,
        "--set",
        *SMALL,
        *changes,
    ]


def said(capfd) -> list[str]:
    """The lines about the rate; they come before the first epoch's."""
    lines = capfd.readouterr().err.splitlines()
    about = [number for number, line in enumerate(lines) if "was published for" in line]
    epochs = [number for number, line in enumerate(lines) if line.startswith("epoch 1/")]
    assert all(number < epochs[0] for number in about)
    return [lines[number] for number in about]


@pytest.mark.parametrize(
    "batch, changes, what, advice",
    [
        (8, ("batch=8",), "these have 8 clips", "lr=auto"),
        (8, ("batch=8", "accumulate=2"), "these have 8 clips in 2 parts", "lr=auto"),
        # the default batch is larger than the whole list: an update has the list's clips
        (TRAIN, (), f"these have the list's {TRAIN} clips", f"batch={TRAIN} lr=auto"),
    ],
    ids=["batch", "accumulated", "short list"],
)
def test_said_in_one_line_and_its_advice_works(clips, tmp_path, capfd, batch, changes, what, advice):
    rate = 0.02 * batch / 128
    assert main(command(clips, tmp_path / "as_published", *changes)) == 0
    (line,) = said(capfd)
    assert line == f"note: lr=0.02 was published for updates of 128 clips, {what}: --set {advice} scales it to {rate:g}"
    assert {float(row["lr"]) for row in rows(tmp_path / "as_published")} == {0.02}
    assert main(command(clips, tmp_path / "scaled", *changes, *advice.split())) == 0
    assert said(capfd) == []
    assert [float(row["lr"]) for row in rows(tmp_path / "scaled")] == pytest.approx([rate] * -(-TRAIN // batch))


def test_a_rate_of_ones_own_is_meant(clips, tmp_path, capfd):
    """--set lr=... is the user's for this batch; and it is no other recipe to go on with where the number is the
    same.
    """
    assert main(command(clips, tmp_path / "run", "batch=4", "lr=0.02")) == 0
    assert said(capfd) == []
    assert main(command(clips, tmp_path / "run", "batch=4", more=("--resume",))) == 0
    assert "all 1 epochs are done already" in capfd.readouterr().err


def test_processes_are_counted():
    """`batch` is over all of them: two processes do not double it, and each divides its share."""
    chosen = recipe("mit-ucf101", batch=8, accumulate=2)
    text = "lr=0.001 was published for updates of 64 clips, these have 8 clips over 2 processes in 2 parts each: "
    assert rate_note(chosen, 1000, 2) == text + "--set lr=auto scales it to 0.000125"
    assert rate_note(recipe("mit-ucf101"), 64, 2) is None
    assert rate_note(recipe("mit-ucf101"), 63) is not None


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_knows_its_batch(name):
    own = recipe(name)
    assert own.lr_batch == own.batch
    assert recipe(name, lr="auto") == recipe(name, lr=own.lr)
    for batch, factor in ((own.batch // 2, 0.5), (own.batch * 4, 4)):
        scaled = recipe(name, lr="auto", batch=batch)
        assert scaled.lr == own.lr * factor and rate_note(scaled, 10**6) is None


def test_show(capsys):
    def text(*changes):
        """What is shown of lr, in one line."""
        assert main(["train", "--show", *(["--set", *changes] if changes else [])]) == 0
        words = " ".join(capsys.readouterr().out.split())
        return words[words.index(" lr=") : words.index(" momentum=")]

    assert text().startswith(" lr=0.02 ") and " lr_batch=128 " in text() and "published for a batch" not in text()
    assert "(published for a batch of 128; lr=auto: 0.00125 for 8)" in text("batch=8")
    for changes in (("batch=8", "lr=auto"), ("batch=8", "lr=0.5")):
        shown = text(*changes)
        assert "(the recipe has 0.02)" in shown and "lr_batch=none" in shown and "published for a batch" not in shown
    assert text("batch=8", "lr=auto").startswith(" lr=0.00125 ")
