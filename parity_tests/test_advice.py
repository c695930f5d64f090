"""Messages that name a flag, a command or a package: the command has it, and doing what the message says helps."""

import ast
import configparser
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.cli import command_parser, main
from paddle_tsm.commands.help_text import CONTINUATION
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.terminal import extras
from parity_tests.test_command_line import parsers

PACKAGE = Path(paddle_tsm.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*")
COMMAND = re.compile(r"paddle-tsm ((?:prepare )?[a-z0-9]+)((?: (?!and |or |go )[^`)\n]*)?)")
LAUNCHER = re.compile(r"python -m paddle\.distributed\.launch .*\$\(which paddle-tsm\)")  # its options are Paddle's

# flags of MIT's own program, pip's, and those of the web server in Python's own library
UPSTREAMS = re.compile(r"MIT's (without )?--\w+|--index-url URL|python -m http\.server --\w+")

READERS = ("predict", "stream", "evaluate", "export", "convert", "parity", "inspect")
# module -> the commands that can print its messages; a new module with a flag in a message needs its line here
PRINTED_BY = {
    "cli.py": READERS,
    "commands/curve_comparison.py": ("parity",),
    "commands/model_comparison.py": ("parity",),
    "commands/evaluated_clips.py": ("evaluate",),
    "commands/predict_windows.py": ("predict",),
    "commands/predicted_results.py": ("predict",),
    "commands/shared_options.py": ("predict", "stream"),
    "parity/curves/curve_comparison.py": ("parity",),
    "training/framework.py": ("train",),
    "training/plan.py": ("train",),
    "training/plan_file.py": ("train",),
    "parity/curves/curve_reading.py": ("parity",),
    "training/session.py": ("train",),
    "training/arguments.py": ("train",),
    "training/training_lists.py": ("train",),
    "lists/check_list.py": ("train", "evaluate"),
    "data/listed_clips.py": ("evaluate", "export"),
    "inference/evaluated_networks.py": ("evaluate",),
    "inference/recorded_input.py": ("predict", "evaluate", "export", "stream"),
    "commands/network_options.py": READERS,
    "videos/video_check.py": ("predict", "stream"),
    "checkpoint/wrapper.py": READERS,
    "layouts/network_file.py": READERS,
    "layouts/recognise.py": READERS,
    "models/stream.py": ("stream", "export"),
    "layouts/description.py": ("inspect",),
    "files/kept_inputs.py": (),
    "commands/prepare_flow.py": ("prepare flow",),
    "commands/prepare_lists.py": ("prepare ucf101", "prepare something"),
    "lists/split_lists.py": ("prepare something",),
    "ablation/study.py": ("ablation",),
    "ablation/variants.py": ("ablation",),
    "export/web_page.py": ("export",),
    "inference/predicted_videos.py": ("predict",),
    "export/sidecar.py": ("predict", "stream", "evaluate"),
    "export/exporter.py": ("export", "predict", "evaluate", "stream"),
    "training/run_folder.py": ("train",),
    "processes/processes.py": ("train", "evaluate", "features", "predict"),
    "processes/list_work.py": ("evaluate", "features", "predict"),
    "training/recipe.py": ("train",),
    "training/announcements.py": ("train",),
    "parity/checkpoint_pair.py": ("parity",),
    "inference/predictor.py": ("predict", "evaluate"),
    "inference/stream_predictor.py": ("stream",),
    "export/paddle_inference.py": ("predict", "stream", "evaluate"),
    "export/onnx_runtime.py": ("predict", "stream", "evaluate"),
    "networks/shift_order.py": READERS,
    "layouts/paddlevideo.py": ("convert",),
    "conversion/verify.py": ("convert",),
    "layouts/record.py": READERS,
    "layouts/pretrained_fit.py": (),
    "layouts/key_edits.py": ("convert", "inspect"),
    "layouts/key_prefixes.py": ("convert", "inspect"),
    "layouts/network_input.py": ("predict", "stream", "evaluate", "export"),
    "parity/option_differences.py": ("parity",),
    "parity/report/report_folder.py": ("parity",),
    "parity/shift_orders.py": ("parity",),
    "parity/report/output_files.py": ("parity",),
    "export/onnx_file.py": ("export", "predict", "evaluate", "stream"),
    "export/web_runtime.py": ("export",),
}


def messages(path: Path):
    """(line, text) of each string of a module neither a docstring nor an argument's help. `{}` is what is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("add_argument", "add_parser"):
            skipped.update(ast.walk(node))
        if isinstance(node, ast.JoinedStr):
            skipped.update(part for part in ast.walk(node) if part is not node)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def named(module: str, text: str):
    """(command, flag) for each flag in a message: of the command in front of it, else of all that can print it."""
    rest = text = UPSTREAMS.sub("", LAUNCHER.sub("paddle-tsm", text))
    for found in COMMAND.finditer(text):
        for flag in FLAG.findall(found[2]):
            yield found[1], flag
        rest = rest.replace(found[0], "")
    for flag in FLAG.findall(rest):
        if module.startswith("commands/") and module not in PRINTED_BY:
            commands = (module.removeprefix("commands/").removesuffix(".py"),)
        else:
            assert module in PRINTED_BY, f"{module}: say in PRINTED_BY which commands print {text!r}"
            commands = PRINTED_BY[module]
        for command in commands:
            yield command, flag


def test_every_flag_that_a_message_names():
    known, seen = parsers(), 0
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        for line, text in messages(path):
            if "color-scheme" in text or text.startswith("--") and " " not in text:
                continue  # a style sheet; the name of an option, as `add_argument` gets it
            for command, flag in named(module, text):
                assert command in known, f"{module}:{line}: there is no command {command}: {text!r}"
                assert flag in known[command]._option_string_actions, (
                    f"{module}:{line}: {command} has no {flag}: {text!r}"
                )
                seen += 1
    assert seen > 40, "or the search is at fault"


def test_the_examples_of_every_command_parse():
    """What `--help` shows at its end, typed as it stands there."""
    count = 0
    for name, parser in parsers().items():
        if not name:
            continue  # the whole command line's, which has a placeholder
        text = (parser.epilog or "").replace(CONTINUATION, " ")
        for line in LAUNCHER.sub("paddle-tsm", text).splitlines():
            found = re.search(r"paddle-tsm (.*?)(?:   .*)?$", line)
            if found:
                words = shlex.split(found[1])
                assert command_parser().parse_args(words).command == name.split()[0]
                count += 1
    assert count > 15


def test_the_search_finds_what_is_wrong():
    assert list(named("layouts/network_file.py", "NaN; --allow-nan to go on")) == [
        (name, "--allow-nan") for name in READERS
    ]
    assert list(named("x.py", "as `paddle-tsm train --set shift_order=causal` trains")) == [("train", "--set")]
    assert not all("--allow-nan" in parsers()[name]._option_string_actions for name in READERS)


def test_packages_are_named(tmp_path, monkeypatch):
    """No message names an extra of a package that no index has; what it names instead is what setup.cfg asks for."""
    for path in sorted(PACKAGE.rglob("*.py")):
        assert "paddle-tsm[" not in path.read_text(encoding="utf-8"), path
    setup = Path(PACKAGE.parent / "setup.cfg")
    if not setup.is_file():
        pytest.skip("not a checkout")
    config = configparser.ConfigParser()
    config.read(setup)
    wanted = config["options.extras_require"]
    monkeypatch.chdir(tmp_path)
    for name, packages in extras.EXTRAS.items():
        asked = [line.partition(";")[0] for line in wanted[name].split("\n") if line and not line.startswith("#")]
        assert list(packages) == list(dict.fromkeys(asked))  # without the markers of a Python that lacks a package
        command, _, more = extras.how_to_install(name).partition(" --index-url URL ")
        assert shlex.split(command) == [
            "pip",
            "install",
            "-c",
            str(setup.parent / "constraints.txt"),
            *packages,
        ]
        assert bool(more) == (name == "torch" and sys.platform == "linux"), "where pip's ordinary build has CUDA"
        assert "CUDA" in (setup.parent / "docs" / "install.md").read_text(), "and the page says so, too"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advice")
    write_demo_video(str(folder / "clip.mp4"), frames=8, size=(96, 64))
    (folder / "list.txt").write_text("clip.mp4 0\nclip.mp4 1\n")
    network = Network("tsm_resnet10", num_classes=3)
    tensors = draw_weights(network)
    write_demo_checkpoint(str(folder / "w.pth"), network)
    bad = {name: np.full_like(array, np.nan) if name == "fc.weight" else array for name, array in tensors.items()}
    write_checkpoint(folder / "nan.safetensors", bad)
    write_checkpoint(
        folder / "two.pth", tensors, wrapper=("state_dict",), aside={"ema_state_dict": tensors}, format="torch-zip"
    )
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def refused(capsys, *arguments) -> str:
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def of(command: str, weights: str) -> list[str]:
    """A use of the command on these weights."""
    return {
        "predict": ["predict", "clip.mp4", "--weights", weights, "--size", "32"],
        "stream": ["stream", "clip.mp4", "--weights", weights, "--size", "32"],
        "evaluate": ["evaluate", "list.txt", "--weights", weights, "--size", "32"],
        "export": ["export", weights, f"exported-{weights}", "--size", "32", "--to", "onnx"],
        "convert": ["convert", weights, "out.safetensors"],
        "parity": ["parity", weights],
        "inspect": ["inspect", weights],
    }[command]


@pytest.mark.parametrize("command", ["predict", "evaluate", "export", "stream"])
def test_weights_that_are_nan(here, capsys, command):
    error = refused(capsys, *of(command, "nan.safetensors"))
    advised = re.findall(r"`paddle-tsm (\w+) (--allow-nan)`", error)
    assert [name for name, _ in advised] == ["convert", "parity"]
    assert not FLAG.search(re.sub(r"`[^`]*`", "", error)), "no flag of this command itself"
    for name, flag in advised:  # go on: parity then says that NaN is not equal
        assert main([*of(name, "nan.safetensors"), flag, *(["--no-verify"] if name == "convert" else [])]) in (0, 1)


@pytest.mark.parametrize("command", ["predict", "evaluate", "export", "inspect", "convert", "stream"])
def test_one_of_several_networks(here, capsys, command):
    more = ["--shift-order", "causal"] if command == "stream" else []
    error = refused(capsys, *of(command, "two.pth"), *more)
    assert "--network KEY" in error and "ema_state_dict" in error
    assert main([*of(command, "two.pth"), *more, "--network", "ema_state_dict"]) == 0


def test_one_of_several_networks_for_train(here, capsys):
    """It has no --network; the command that the message names has."""
    changes = [
        "--set",
        "arch=tsm_resnet10",
        "num_classes=3",
        "num_segments=2",
        "size=32",
        "epochs=1",
        "batch=2",
        "warmup=0",
    ]
    error = refused(capsys, "train", "list.txt", "--out", "run", "--pretrained", "two.pth", *changes)
    assert "paddle-tsm convert two.pth DST --network KEY" in error
    assert main(["convert", "two.pth", "one.safetensors", "--network", "ema_state_dict"]) == 0
    assert main(["train", "list.txt", "--out", "run", "--pretrained", "one.safetensors", *changes]) == 0


@pytest.mark.parametrize("command", ["stream", "export"])
def test_a_network_that_does_not_stream(here, capsys, command):
    """Where the file does not say its shift, the caller may; where it does, only another training helps."""
    stream = ["--stream"] if command == "export" else []
    error = refused(capsys, *of(command, "w.pth"), *stream)
    assert "--shift-order causal" in error and "w.pth" in error
    assert main([*of(command, "w.pth"), *stream, "--shift-order", "causal"]) == 0
    assert main(["convert", "w.pth", f"recorded-{command}.safetensors"]) == 0
    capsys.readouterr()
    recorded = [*of(command, f"recorded-{command}.safetensors"), *stream]
    error = refused(capsys, *recorded)
    assert "--shift-order" not in error and "`paddle-tsm train --set shift_order=causal`" in error
    assert "`paddle-tsm train --set shift_order=causal`" in refused(capsys, *recorded, "--shift-order", "causal")


def test_the_training_that_is_advised(here, capsys):
    advice = "train --set shift_order=causal".split()
    changes = ["arch=tsm_resnet10", "num_classes=3", "num_segments=2", "size=32", "epochs=1", "batch=2", "warmup=0"]
    assert main([advice[0], "list.txt", "--out", "online", *advice[1:], *changes]) == 0
    assert main(of("stream", "online/last.safetensors")) == 0


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_names_of_frames(here, capsys, command):
    more = ["--form", "frames", *(["--precision", "int8", "--calibrate", "list.txt"] if command == "export" else [])]
    error = refused(capsys, *of(command, "w.pth"), *more)
    assert "--template" in error and "--data-set" in error
    for advised in (["--template", "img_{:05d}.jpg"], ["--data-set", "ucf101"]):
        assert "--template" not in refused(capsys, *of(command, "w.pth"), *more, *advised)  # gone on to the list itself


def test_what_the_demo_advises(here, capsys, monkeypatch):
    """A command line that parses, whatever the folder is called."""
    from paddle_tsm.demo import motion as motion_demo

    shown = motion_demo.MotionResult("TSM", 1.0, 1.0, 1.0, "a b/motion/tsm/last.safetensors")
    monkeypatch.setattr(motion_demo, "train_motion_demo", lambda out, done: ([shown, shown], 8))
    main(["demo", "--train", "--out", "a b"])
    advised = shlex.split(capsys.readouterr().out.partition("try: ")[2])
    args = command_parser().parse_args(advised[1:])
    assert args.command == "evaluate" and args.weights == [shown.weights] and args.root == "a b/motion"
