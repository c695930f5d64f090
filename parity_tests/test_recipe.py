"""Recipes: their rates, changes by name, and what is refused. (Upstream's numbers: test_upstream_recipes.py.)"""

import dataclasses
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.networks.network import Network
from paddle_tsm.training.published_recipes import recipe
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.recipe_changes import parse_changes


def test_rates_of_mmaction2():
    """LinearLR and MultiStepLR of the configuration, worked out by hand: the rate stays through an epoch."""
    rates = recipe("mmaction2-kinetics400").rates(3)
    assert rates.shape == (50, 3) and (rates == rates[:, :1]).all()
    np.testing.assert_allclose(rates[:6, 0], [0.002, 0.0065, 0.011, 0.0155, 0.02, 0.02], rtol=1e-12)
    np.testing.assert_allclose(rates[[24, 25, 44, 45, 49], 0], [0.02, 0.002, 0.002, 0.0002, 0.0002], rtol=1e-12)


def test_rates_by_update():
    """The same line, drawn through every update of the first epochs."""
    rates = recipe("mmaction2-kinetics400", warmup_by="update").rates(4)
    np.testing.assert_allclose(rates[:5].ravel(), np.linspace(0.002, 0.02, 20), rtol=1e-12)
    assert (rates[5:25] == rates[5, 0]).all()


def test_rates_of_a_cosine_and_of_none():
    rates = recipe("mit-kinetics400", schedule="cosine", epochs=10).rates(2).ravel()
    np.testing.assert_allclose(rates, 0.02 * (1 + np.cos(np.pi * np.arange(20) / 20)) / 2, rtol=1e-9)
    assert (recipe("mit-kinetics400", schedule="constant").rates(2) == 0.02).all()


def test_what_a_recipe_makes():
    network = recipe("mit-ucf101", shift_div=4).network()
    assert network == Network("tsm_resnet50", num_classes=101, dropout=0.8, partial_bn=True, shift_div=4)
    pixels = recipe("mmaction2-sthv2", size=112).pixels()
    assert (pixels.name, pixels.size, pixels.short, pixels.views) == ("mmaction2", 112, 128, 1)
    exchanged = {86: 87, 87: 86, 93: 94, 94: 93, 166: 167, 167: 166}
    assert pixels.flip == FlipRule(0.5, exchanged)
    assert recipe("mmaction2-sthv2", preset="mit").pixels().flip == FlipRule(0.0)  # MIT mirrors no sided data set
    assert recipe("mmaction2-kinetics400").pixels().flip == FlipRule(0.5)
    assert recipe("mmaction2-kinetics400", data_set=None).pixels().flip == FlipRule(0.5)
    for name in ("mmaction2-sthv2", "mmaction2-kinetics400"):
        assert recipe(name, flip=False).pixels().flip == FlipRule(0.0)


CHANGES = {
    "lr=0.01": {"lr": 0.01},
    "lr=1e-3": {"lr": 0.001},
    "batch=16": {"batch": 16},
    "flip=false": {"flip": False},
    "fc_lr5=TRUE": {"fc_lr5": True},
    "milestones=10,20": {"milestones": (10, 20)},
    "milestones=": {"milestones": ()},
    "shift_every=none": {"shift_every": None},
    "shift_every=2": {"shift_every": 2},
    "data_set=None": {"data_set": None},
    "arch=tsm_resnet18": {"arch": "tsm_resnet18"},
    "non_local=gaussian": {"non_local": "gaussian"},
    "max_norm=0": {"max_norm": 0.0},
}


@pytest.mark.parametrize("text", CHANGES)
def test_changes_are_read_by_their_types(text):
    changes = parse_changes([text])
    assert changes == CHANGES[text]
    (value,), (expected,) = changes.values(), CHANGES[text].values()
    assert type(value) is type(expected)
    ours = {"lr_batch": None} if "lr" in changes else {}  # a rate of one's own is meant for this batch
    assert dataclasses.replace(recipe("mit-ucf101"), **changes, **ours) == recipe("mit-ucf101", **changes)


def test_several_changes():
    assert parse_changes(["lr=Auto", "batch=2"]) == {"lr": "auto", "batch": 2}
    assert parse_changes(["lr=0.5", "batch=2", "seed=7"]) == {"lr": 0.5, "batch": 2, "seed": 7}
    assert parse_changes([]) == {}


BAD_CHANGES = {
    "learning_rate=0.1": "there is no option 'learning_rate'; wanted one of arch, ",
    "weightdecay=1": "there is no option 'weightdecay'; did you mean weight_decay?",
    "milestone=1": "did you mean milestones?",
    "lr": "got 'lr', wanted NAME=VALUE",
    "lr=fast": "lr: got 'fast', wanted a number",
    "batch=1.5": "batch: got '1.5', wanted a whole number",
    "batch=none": "batch: got 'none', wanted a whole number",
    "flip=1": "flip: got '1', wanted true or false",
    "milestones=1,b": "milestones: got 'b', wanted a whole number",
    "lr=1 lr=2": "lr is given twice",
}


@pytest.mark.parametrize("text", BAD_CHANGES)
def test_changes_that_are_refused(text):
    with pytest.raises(ValueError) as error:
        parse_changes(text.split())
    assert BAD_CHANGES[text] in str(error.value) and "\n" not in str(error.value)


BAD_VALUES = [
    ({"lr": math.nan}, "lr: got nan"),
    ({"lr": -0.1}, "lr: got -0.1"),
    ({"lr": math.inf}, "lr: got inf"),
    ({"lr": "0.1"}, "lr: got '0.1'"),
    ({"batch": 0}, "batch: got 0"),
    ({"batch": 2.0}, "batch: got 2.0"),
    ({"epochs": 0}, "epochs: got 0"),
    ({"accumulate": 0}, "accumulate: got 0"),
    ({"seed": -1}, "seed: got -1"),
    ({"optimizer": "adam"}, "wanted one of 'sgd', 'adamw'"),
    ({"schedule": "poly"}, "wanted one of 'step', 'cosine'"),
    ({"amp": "float16"}, "wanted one of 'none', 'bfloat16'"),
    ({"dtype": "float16"}, "'float32', 'float64'"),
    ({"ema": 1.0}, "wanted a decay in [0, 1)"),
    ({"label_smoothing": 1.5}, "wanted a number in [0, 1]"),
    ({"mixup": 0.2, "cutmix": 0.2}, "wanted one of them"),
    ({"multi_label": True, "mixup": 0.2}, "wanted none of them"),
    ({"arch": "resnet50"}, "architecture: got 'resnet50', wanted one of"),
    ({"dropout": 1.0}, "dropout: got 1.0"),
    ({"preset": "mmaction"}, "wanted one of mmaction2, mit"),
    ({"data_set": "ucf"}, "wanted one of ucf101"),
    ({"sampling": "sparse"}, "wanted one of uniform"),
    ({"size": 0}, "size: got 0"),
    ({"flip": 1}, "flip: got 1"),
    ({"schedule": "cosine", "warmup": 50}, "wanted fewer with a cosine"),
    ({"milestones": (0,)}, "milestones: got 0"),
    ({"warmup": 1}, "a single step and never rises"),
    ({"warmup": 2, "warmup_factor": 0.0}, "wanted them in (0, 1]"),
    ({"warmup_by": "step"}, "wanted one of 'epoch', 'update'"),
    ({"temporal_pool": True, "num_segments": 3}, "even"),
    ({"batchsize": 3}, "did you mean batch?"),
]


@pytest.mark.parametrize("changes, message", BAD_VALUES, ids=lambda value: str(value)[:30])
def test_values_that_are_refused(changes, message):
    with pytest.raises(ValueError) as error:
        recipe("mit-kinetics400", **changes)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_warm_up_of_one_update():
    """Its only rate would stay: `LinearLR` reaches its end one step before `end`."""
    chosen = recipe("mit-kinetics400", warmup=1, warmup_by="update")
    assert chosen.rates(2)[0].tolist() == pytest.approx([0.002, 0.02])
    with pytest.raises(ValueError, match="a single step and never rises"):
        chosen.rates(1)


def test_an_unknown_recipe():
    with pytest.raises(ValueError, match="recipe: got 'sthv2', wanted one of mmaction2-kinetics400, mmaction2-sthv2"):
        recipe("sthv2")


def settings(lines: list[str]) -> list[str]:
    """The NAME=VALUE of each option that --show printed."""
    return [line.split()[0] for line in lines if re.match(r"  \w+=", line)]


def test_show(capsys):
    """Every option, as --set takes it."""
    assert main(["train", "--show", "--recipe", "mit-ucf101", "--set", "batch=8", "milestones=3,4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = settings(lines)
    assert lines[0] == "mit-ucf101:" and len(shown) == len(dataclasses.fields(Recipe))
    assert {"batch=8", "milestones=3,4", "lr_batch=64", "accumulate=1", "mixup=0.0", "seed=0"} <= set(shown)
    assert Recipe(**parse_changes(shown)) == recipe("mit-ucf101", batch=8, milestones=(3, 4))
    text = " ".join(" ".join(lines).split())
    assert "(the recipe has 64)" in text and "(the recipe has 10,20)" in text and text.count("the recipe has") == 2


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_show_fits_the_terminal(capsys, monkeypatch, columns):
    """Whole sentences, with the values in brackets behind each."""
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["train", "--show"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= int(columns)
    text = " ".join(out.split())
    for one in dataclasses.fields(Recipe):
        meaning, values = one.metadata["meaning"], one.metadata["values"].text
        assert meaning.lstrip('"')[0].isalpha() and meaning.endswith(".") and values, one.name
        assert " ".join(f"{meaning} [{values}]".split()) in text, one.name


def values_of(text: str) -> list[str]:
    """The names in the words that say an option's values, without what stands in brackets."""
    return re.sub(r" \([^)]*\)", "", text).split(", ")


NAMED = [one for one in dataclasses.fields(Recipe) if re.fullmatch(r"[\w\-, ()]+", one.metadata["values"].text)
         and not re.search(r"\d or more|\d to ", one.metadata["values"].text)
         and one.name != "temporal_attention"]  # fmt: skip


@pytest.mark.parametrize("field", NAMED, ids=lambda one: one.name)
def test_the_values_that_are_shown_are_those_that_are_taken(field):
    """Each that is named is taken, in some preset; another is refused."""
    assert len(values_of(field.metadata["values"].text)) > 1
    for text in values_of(field.metadata["values"].text):
        taken = 0
        for preset in ("mmaction2", "mit", "paddlevideo", "pptsm"):
            try:
                dataclasses.replace(Recipe(preset=preset), **parse_changes([f"{field.name}={text}"]))
                taken += 1
            except ValueError as error:
                assert f"{preset}: " in str(error), text  # what this system does not offer
        assert taken, text
    with pytest.raises(ValueError):
        dataclasses.replace(Recipe(), **parse_changes([f"{field.name}=nothing"]))


NUMBERED = [
    one for one in dataclasses.fields(Recipe) if re.match(r"(each )?\d+ (or more|to )", one.metadata["values"].text)
]


@pytest.mark.parametrize("field", NUMBERED, ids=lambda one: one.name)
def test_the_ranges_that_are_shown_are_those_that_are_taken(field):
    """The least is taken, and less is refused; so is the most, or what is at it."""
    text = field.metadata["values"].text
    own = Recipe()
    least = int(re.search(r"\d+", text)[0])
    dataclasses.replace(own, **parse_changes([f"{field.name}={least}"]))
    with pytest.raises(ValueError):
        dataclasses.replace(own, **parse_changes([f"{field.name}={least - 1}"]))
    most = re.search(r"to (below )?(\d+)", text)
    if most:
        change = {field.name: float(most[2])}
        if most[1]:
            with pytest.raises(ValueError):
                dataclasses.replace(own, **change)
        else:
            dataclasses.replace(own, **change)
            with pytest.raises(ValueError):
                dataclasses.replace(own, **{field.name: float(most[2]) + 0.01})
    if "or none" in text:
        dataclasses.replace(own, **{field.name: None})


def test_every_option_has_its_values_tested():
    rest = {one.name for one in dataclasses.fields(Recipe)} - {one.name for one in (*NAMED, *NUMBERED)}
    # "none, or 1 or more", and an option that one architecture has, which test_networks tries
    assert rest == {"shift_every", "shift_segments", "dropout", "temporal_attention"}


@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_show_into_a_reader_that_ends():
    """As `| head -1`: no traceback, no message, and the exit code of a program that SIGPIPE ended."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "paddle_tsm", "train", "--show"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--set", "lrr=1"], "did you mean lr?"),
        (["--recipe", "x"], "wanted one of mmaction2-kinetics400"),
        ([], "got no LIST"),
        (["list.txt", "--set", "amp=bfloat16"], "amp: got 'bfloat16' on a CPU, where Paddle has no mixed precision"),
        (["list.txt", "--save-every", "0"], "--save-every: got 0"),
        (["list.txt", "--workers", "-1"], "--workers: got -1"),
        (["list.txt", "--keep-classifier"], "--keep-classifier: got no --pretrained"),
    ],
)
def test_the_command_refuses_in_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_recipes_import_no_framework():
    module = "paddle_tsm.training.published_recipes"
    code = f"import sys, {module}; sys.exit('paddle' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
