"""`train --resume --out run`: everything else is what the run's folder recorded, wherever it is typed."""

import contextlib
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import signal

import pytest

from paddle_tsm.cli import command_parser, main
from paddle_tsm.training import loop
from paddle_tsm.training.arguments import TrainingArguments, fits
from parity_tests.small_training import OPTIONS, arguments, clips, rows

__all__ = ["clips"]  # the fixture
FAST = {"arch": "tsm_resnet10", "epochs": 2, "batch": 7}
FILES = ("last.safetensors", "best.safetensors", "resume.safetensors", "arguments.json", "recipe.json")


def words(clips, out, *more, **changes):
    return arguments(clips, out, "--validation", str(clips / "val.txt"), "--workers", "1", *more, **FAST | changes)


@pytest.fixture(scope="module")
def whole(clips, tmp_path_factory):
    """The folder of a run that was left alone, with relative paths."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(clips)
        assert main(relative(out)) == 0
    return out


def relative(out) -> list[str]:
    """The command line as it is typed in the folder of the clips."""
    texts = [f"{k}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in (OPTIONS | FAST).items()]
    more = ["--validation", "val.txt", "--workers", "1", "--save-every", "1", "--out", str(out), "--set", *texts]
    return ["train", "train.txt", *more]


@pytest.fixture(scope="module")
def stopped_once(clips, tmp_path_factory):
    """The folder of a run that SIGTERM stopped after its first update, and the line that said so."""
    own, out, said = loop.update_weights, tmp_path_factory.mktemp("stopped") / "a run", io.StringIO()

    def signalled(*given):
        result = own(*given)
        os.kill(os.getpid(), signal.SIGTERM)
        return result

    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(said):
        patched.chdir(clips)
        patched.setattr(loop, "update_weights", signalled)
        assert main(relative(out)) == 143
    assert len(rows(out)) == 1
    return out, said.getvalue().splitlines()[-1]


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(stopped_once[0], tmp_path / "a run")


def test_the_folder_is_enough(stopped_once, whole, tmp_path, monkeypatch):
    """From another working directory, by the command that the last line names, to the same bytes."""
    first, said = stopped_once
    advised = shlex.split(said.partition("to go on: ")[2])
    assert advised == ["paddle-tsm", "train", "--resume", "--out", str(first)]
    monkeypatch.chdir(tmp_path)
    out = shutil.copytree(first, tmp_path / "run")
    assert main([*advised[1:-1], str(out)]) == 0
    assert rows(out) == rows(whole) and rows(out, "validation.csv") == rows(whole, "validation.csv")
    for name in FILES:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_is_recorded(clips, whole):
    found = json.loads((whole / "arguments.json").read_text())
    assert found["list"] == str(clips / "train.txt") and found["root"] == str(clips)
    assert found["workers"] == 1 and "epochs=2" in found["changes"] and found["pretrained"] is None


def test_what_is_given_wins(stopped, clips, tmp_path, monkeypatch, capsys):
    """One change of --set among the recorded ones; what does not fit the past is refused as ever."""
    monkeypatch.chdir(tmp_path)
    again = ["train", "--resume", "--out", str(stopped)]
    for more, said in (
        (["--set", "lr=0.01"], "another recipe: lr was 0.005, now 0.01"),
        (["--set", "lr"], "got 'lr', wanted NAME=VALUE"),
        (["--workers", "-1"], "--workers: got -1"),
        ([str(clips / "val.txt")], "the training list has changed since"),
        (["--framework", "torch"], "was trained by --framework paddle, got torch"),
    ):
        assert main([*again, *more]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
    assert main([*again, "--set", "epochs=3"]) == 0
    assert len(rows(stopped)) == 6
    recorded = json.loads((stopped / "arguments.json").read_text())
    assert "epochs=3" in recorded["changes"] and "epochs=2" not in recorded["changes"] and recorded["workers"] == 1
    assert main(again) == 0 and "all 3 epochs are done already" in capsys.readouterr().err


def test_show_with_resume(stopped, capsys):
    assert main(["train", "--show", "--resume", "--out", str(stopped)]) == 0
    assert re.search(r"arch\s*=?\s*tsm_resnet10", capsys.readouterr().out)


def test_a_folder_without_a_record(stopped, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, said in (
        ("none", "none: holds no training to go on with; wanted LIST"),
        (None, "has no arguments.json"),
    ):
        if folder is None:
            (stopped / "arguments.json").unlink()
        assert main(["train", "--resume", "--out", folder or str(stopped)]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "got no options"),
        ('{"workers": "four"}', "workers is 'four'"),
        ('{"workers": true}', "workers is True"),
        ('{"changes": [1]}', "changes is [1]"),
        ('{"speed": 1}', "no option 'speed'"),
        ('{"list": "/no/such/train.txt"}', "LIST /no/such/train.txt is not there any more; give it beside --resume"),
        ('{"list": null}', "got no LIST"),
    ],
)
def test_a_record_that_was_edited(stopped, capsys, content, said):
    (stopped / "arguments.json").write_text(content)
    assert main(["train", "--resume", "--out", str(stopped)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_plan_and_its_replay_change_places(clips, tmp_path, monkeypatch):
    """The first run made a plan; the folder goes on by it."""
    monkeypatch.chdir(tmp_path)
    assert main(words(clips, "run", "--plan", "plan.json", epochs=1)) == 0
    assert main(["train", "--resume", "--out", "run", "--replay", "plan.json"]) == 0
    assert json.loads((tmp_path / "run" / "arguments.json").read_text())["plan"] is None


def test_every_option_is_recorded_and_says_its_default():
    """One that is new and not recorded would be lost in a resumed training."""
    choices = next(action for action in command_parser()._actions if action.dest == "command").choices
    actions = {action.dest: action for action in choices["train"]._actions}
    fields = {one.name: one.default for one in dataclasses.fields(TrainingArguments)}
    assert actions.keys() - {"help", "out", "resume", "show"} == fields.keys()
    for name, default in fields.items():
        assert actions[name].default is None, name
        if default not in (None, False, "", ()):
            assert f"Default: {default}" in actions[name].help, name


def test_types_are_told_apart():
    assert fits(1, int) and not fits(True, int) and not fits("1", int)
    assert fits(None, str | None) and fits("", str | None) and not fits(1, str | None)
    assert fits(("a",), tuple[str, ...]) and not fits("a", tuple[str, ...]) and not fits((1,), tuple[str, ...])
