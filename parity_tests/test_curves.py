"""Two trainings compared by their curves: where they part, what rounding explains, and files that hold no curve."""

import csv
import json
from xml.etree import ElementTree

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.parity.curves.curve_comparison import compare_curves
from paddle_tsm.parity.curves.curve_file import read_curve, relative_difference
from paddle_tsm.parity.curves.curve_reading import reading
from paddle_tsm.parity.tolerance import CURVES

UPDATES = 60
HEADER = ("epoch", "step", "lr", "loss", "accuracy", "grad_norm", "clips", "seconds")


def curves(seed=0, updates=UPDATES, growth=1.05, noise=1e-16):
    """(loss, gradient norm, rate) of a training whose rounding grows from update to update."""
    rng, wobble = np.random.default_rng(0), np.random.default_rng(seed)
    loss = 2 * np.exp(-np.arange(updates) / 50) + 0.1 * rng.random(updates)
    rounding = noise * growth ** np.arange(updates)
    return [
        loss * (1 + rounding * wobble.standard_normal(updates)),
        3 * loss * (1 + rounding * wobble.standard_normal(updates)),
        np.full(updates, 0.01),
    ]


def write(folder, loss, grad_norm, lr, validation=(), recipe=None):
    folder.mkdir(exist_ok=True)
    with open(folder / "train.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for i, row in enumerate(zip(loss, grad_norm, lr)):
            a, b, c = map(float, row)
            writer.writerow((i // 10, i % 10, repr(c), repr(a), 0.5, repr(b), 4, 0.1))
    if len(validation):
        lines = ["epoch,top1,loss,clips", *(f"{i},{a!r},{b!r},8" for i, (a, b) in enumerate(validation))]
        (folder / "validation.csv").write_text("\n".join(lines) + "\n")
    if recipe is not None:
        (folder / "recipe.json").write_text(json.dumps(recipe))
    return str(folder)


def run(capsys, *words):
    code = main(["parity", *map(str, words)])
    return code, capsys.readouterr()


def test_rounding_that_grows_is_no_difference(tmp_path, capsys):
    a, b = write(tmp_path / "a", *curves(1)), write(tmp_path / "b", *curves(2))
    code, said = run(capsys, "--curves", a, b, "--json", tmp_path / "x.json", "--junit", tmp_path / "x.xml")
    assert code == 0 and "equal: 60 updates, float64" in said.out
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["equal"] and found["parting"] is None and 1.0 < found["growth"] < 1.1
    assert len(found["differences"]["loss"]) == UPDATES
    assert ElementTree.parse(tmp_path / "x.xml").getroot().get("failures") == "0"


@pytest.mark.parametrize("row", [0, 1, 2, 30, UPDATES - 1])
def test_a_leap_is_found_at_its_update(tmp_path, capsys, row):
    """1e-9 of a loss is far below what the eye sees, and far above rounding."""
    loss, norm, lr = curves(2)
    loss[row:] *= 1 + 1e-9
    a, b = write(tmp_path / "a", *curves(1)), write(tmp_path / "b", loss, norm, lr)
    code, said = run(capsys, "--curves", a, b, "--json", tmp_path / "x.json")
    assert code == 1 and f"they part at update {row + 1} (epoch {row // 10 + 1}, update {row % 10 + 1})" in said.out
    found = json.loads((tmp_path / "x.json").read_text())
    assert (found["parting"]["update"], found["parting"]["column"]) == (row + 1, "loss")


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        (lambda loss, norm, lr: lr.__setitem__(7, 0.001), "lr", "schedule"),
        (lambda loss, norm, lr: norm.__setitem__(slice(7, None), norm[7:] * 1.01), "grad_norm", "backward pass"),
        (lambda loss, norm, lr: loss.__setitem__(slice(7, None), loss[7:] * 1.01), "loss", "another clip"),
        (lambda loss, norm, lr: loss.__setitem__(slice(7, None), loss[7:] * (1 + 1e-8)), "loss", "weight decay"),
        (lambda loss, norm, lr: loss.__setitem__(7, np.nan), "loss", "another clip"),
    ],
)
def test_what_parts_first_says_what_to_look_for(tmp_path, change, column, said):
    values = curves(2)
    change(*values)
    found = compare_curves(*(read_curve(write(tmp_path / n, *v)) for n, v in (("a", curves(1)), ("b", values))))
    assert (found.parting.row, found.parting.column) == (7, column)
    assert said in reading(found)[0]


def test_the_first_update_is_about_the_input(tmp_path):
    loss, norm, lr = curves(2)
    found = compare_curves(
        read_curve(write(tmp_path / "a", *curves(1))), read_curve(write(tmp_path / "b", loss + 1e-6, norm, lr))
    )
    assert found.parting.row == 0 and "initial weights" in reading(found)[0]


def test_a_validation_that_differs_although_no_update_does(tmp_path, capsys):
    """As a biased running variance does: training does not use it."""
    a = write(tmp_path / "a", *curves(1), validation=[(0.5, 1.25), (0.75, 1.0)])
    b = write(tmp_path / "b", *curves(2), validation=[(0.5, 1.25), (0.75, 1.0001)])
    code, said = run(capsys, "--curves", a, b)
    assert code == 1 and "they part at validation 2" in said.out and "running statistics" in said.out
    same = write(tmp_path / "c", *curves(2), validation=[(0.5, 1.25), (0.75, 1.0 + 1e-13)])
    assert run(capsys, "--curves", a, same)[0] == 0


def as_float32(values):
    return [np.float32(v).astype(float) for v in values[:2]] + [values[2]]


def test_float32_is_held_against_nudged_runs(tmp_path, capsys):
    """Float32 rounding grows to the size of the loss; the same gap passes beside its noise and fails beside a tenth."""
    runs = {name: as_float32(curves(seed, growth=1.25, noise=1e-7)) for name, seed in (("a", 1), ("b", 2), ("n", 3))}
    a, b, n = (write(tmp_path / name, *values) for name, values in runs.items())
    code, said = run(capsys, "--curves", a, b, "--noise", n)
    assert code == 0 and "float32" in said.out
    small = write(tmp_path / "s", *as_float32(curves(1, growth=1.15, noise=1e-8)))
    code, said = run(capsys, "--curves", a, b, "--noise", small)
    assert code == 1
    code, said = run(capsys, "--curves", a, b)
    assert "without --noise" in said.out


def test_recipes_are_compared(tmp_path, capsys):
    a = write(tmp_path / "a", *curves(1), recipe={"lr": 0.1, "weight_decay": 1e-4, "dtype": "float64"})
    b = write(tmp_path / "b", *curves(2), recipe={"lr": 0.1, "weight_decay": 0.0, "dtype": "float64"})
    assert "weight_decay is 0.0001 in A, 0.0 in B" in run(capsys, "--curves", a, b)[1].out
    assert read_curve(a).dtype == "float64"


def test_another_number_of_updates_is_a_difference(tmp_path, capsys):
    a, b = write(tmp_path / "a", *curves(1)), write(tmp_path / "b", *(values[:50] for values in curves(2)))
    code, said = run(capsys, "--curves", a, b, "--junit", tmp_path / "x.xml")
    assert code == 1 and "ends after 50 updates" in said.out
    assert ElementTree.parse(tmp_path / "x.xml").getroot().get("failures") == "1"


def test_another_number_of_validations_is_a_difference(tmp_path, capsys):
    rows = [(0.5, 1.25), (0.75, 1.0), (0.75, 0.9)]
    a, b, none = (
        write(tmp_path / name, *curves(seed), validation=rows[:count])
        for name, seed, count in (("a", 1, 3), ("b", 2, 2), ("c", 2, 0))
    )
    code, said = run(capsys, "--curves", a, b, "--junit", tmp_path / "x.xml")
    assert code == 1 and "has fewer validations" in said.out
    assert "A has 3 validations, B 2 validations: what both have is compared" in said.out
    (failure,) = ElementTree.parse(tmp_path / "x.xml").getroot().iter("failure")
    assert "3 validations" in failure.get("message")
    code, said = run(capsys, "--curves", a, none)
    assert code == 0 and "Only A has validations, and they are not compared" in said.out


def test_a_plain_file_with_losses_is_enough(tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.csv").write_text("loss\n" + "\n".join(map(repr, curves(seed)[0].tolist())) + "\n")
    code, said = run(capsys, "--curves", tmp_path / "a.csv", tmp_path / "b.csv", "--report", tmp_path / "page")
    assert code == 0 and "equal: 60 updates" in said.out
    page = (tmp_path / "page" / "index.html").read_text()
    assert "Equal" in page and "data:image/png" in page and (tmp_path / "page" / "losses.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "holds no row"),
        (b"loss\n", "holds no row"),
        (b"epoch,step,lr\n0,0,0.1\n", "no column 'loss'"),
        (b"loss\n1.0\nhigh\n", "line 3: loss is 'high', wanted a number"),
        (b"epoch,step,loss\n0,0\n", "line 2: loss is None, wanted a number"),
        (b"\x80\x02}q\x00.", "is no text"),
    ],
)
def test_files_without_a_curve(tmp_path, capsys, content, message):
    a = write(tmp_path / "a", *curves(1))
    path = tmp_path / "b.csv"
    if content is not None:
        path.write_bytes(content)
    code, said = run(capsys, "--curves", a, path)
    assert code == 2 and message in said.err and said.err.count("\n") == 1


def test_rows_of_other_updates_are_refused(tmp_path, capsys):
    a, b = write(tmp_path / "a", *curves(1)), tmp_path / "b.csv"
    b.write_text("epoch,step,loss\n0,0,1.0\n0,2,1.0\n")
    code, said = run(capsys, "--curves", a, b)
    assert code == 2 and "epoch 1, step 2 against epoch 1, step 3" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.pth", "--curves", "a", "b"), "a checkpoint beside it"),
        (("--curves", "a", "b", "--gradients"), "--gradients beside it"),
        (("--noise", "a"), "got no --curves"),
        (("x.pth", "--dtype", "float32"), "got no --curves"),
    ],
)
def test_options_that_do_not_go_together(capsys, words, message):
    code, said = run(capsys, *words)
    assert code == 2 and message in said.err


def test_inputs_are_kept(tmp_path, capsys):
    a, b = write(tmp_path / "a", *curves(1)), write(tmp_path / "b", *curves(2))
    code, said = run(capsys, "--curves", a, b, "--json", tmp_path / "a" / "train.csv")
    assert code == 2 and "would be lost" in said.err and read_curve(a)


def test_limits_can_fail():
    """What is no number is infinitely far away; the same number is not."""
    found = relative_difference(np.array([1.0, np.nan, np.inf, 0.0]), np.array([1.0, 1.0, np.inf, 0.0]))
    assert found.tolist() == [0.0, np.inf, 0.0, 0.0]
    assert CURVES["float64 least"].limit < CURVES["float64 most"].limit < CURVES["float32 least"].limit


def test_a_difference_that_grew_is_told_from_a_leap(tmp_path, capsys):
    """Beyond the limit it is no equal training, but no update is to blame, and nudged runs can tell."""
    runs = {name: curves(seed, growth=1.6) for name, seed in (("a", 1), ("b", 2))}
    runs["n"] = curves(3, growth=1.6, noise=3e-16)
    a, b, n = (write(tmp_path / name, *values) for name, values in runs.items())
    code, said = run(capsys, "--curves", a, b)
    assert code == 1 and "No update leaps" in said.out and "--noise" in said.out
    assert run(capsys, "--curves", a, b, "--noise", n)[0] == 0


def test_another_clip_is_a_leap_in_float32_too(tmp_path):
    loss, norm, lr = as_float32(curves(2, noise=1e-7))
    loss[20] = float(np.float32(loss[20] * 1.05))
    a, b = (
        write(tmp_path / name, *v) for name, v in (("a", as_float32(curves(1, noise=1e-7))), ("b", (loss, norm, lr)))
    )
    found = compare_curves(read_curve(a), read_curve(b))
    assert (found.dtype, found.parting.row) == ("float32", 20)
    assert found.parting.is_leap and "another clip" in reading(found)[0]
