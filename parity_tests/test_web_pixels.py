"""What the page computes without a browser, in Node, against Python: pixels, scores, the pattern; and its messages."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import SYSTEMS, preset
from paddle_tsm.export.web_check import pattern_frames
from paddle_tsm.export.web_page import CROPS, rules_of
from paddle_tsm.inference.probabilities import class_probabilities
from parity_tests.pages import PAGE, need_node

PRESETS = [name for name, system in SYSTEMS.items() if system.channels == 3]
# wide, tall, square, smaller and larger than the network's input, and lengths that leave halves of a pixel
FRAMES = [(398, 224), (224, 399), (256, 256), (64, 49), (333, 590), (301, 257), (640, 480)]
STEP = 1 / 255 / 0.224  # a grey level of the network's input, in the channel where it is largest


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a JavaScript module that can import the page's modules, and returns the JSON that it prints."""
    node, folder = need_node(), tmp_path_factory.mktemp("node")
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"type": "module"}')

    def run(code: str):
        (folder / "test.js").write_text(code)
        done = subprocess.run([node, "test.js"], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    run.folder = folder
    return run


PIXELS = """
import fs from "fs";
import { Preset } from "./pixels/preset.js";
for (const { rules, file, width, height } of JSON.parse(fs.readFileSync("jobs.json"))) {
  const preset = new Preset(rules);
  const bytes = preset.bytes({ data: fs.readFileSync(file), width, height });
  fs.writeFileSync(`${file}.out`, preset.normalise(bytes, new Float32Array(preset.length)));
}
"""


def page_pixels(run, jobs: list[tuple[dict, np.ndarray]]) -> list[np.ndarray]:
    """What the page makes of each frame by each rules: float32 [3, size, size]."""
    described = []
    for number, (rules, frame) in enumerate(jobs):
        height, width = frame.shape[:2]
        np.dstack([frame, np.full((height, width), 255, "uint8")]).tofile(run.folder / f"{number}.rgba")
        described.append({"rules": rules, "file": f"{number}.rgba", "width": width, "height": height})
    (run.folder / "jobs.json").write_text(json.dumps(described))
    run(PIXELS)
    return [
        np.fromfile(run.folder / f"{number}.rgba.out", "float32").reshape(3, rules["size"], rules["size"])
        for number, (rules, _) in enumerate(jobs)
    ]


def random_frames() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), dtype="uint8") for width, height in FRAMES]


@pytest.mark.parametrize("name", PRESETS)
def test_pixels_are_pythons(run, name):
    """Noise, because it has every value beside every other. A preset without rules in the page fails here."""
    offered = [crops for crops in CROPS if crops in SYSTEMS[name].test_crops]
    presets = [preset(name, size=size, crops=crops) for size in (224, 33) for crops in offered]
    jobs = [(one, frame) for one in presets for frame in random_frames()]
    found = page_pixels(run, [(rules_of(one), frame) for one, frame in jobs])
    for (one, frame), pixels in zip(jobs, found, strict=True):
        wanted = views_of(one, [frame])[0]
        apart = np.abs(wanted - pixels).max()
        # Pillow 13 scales the columns of some frames first, which changes values by one grey level: tall frames, and
        # those whose ratio changes
        rule, (height, width) = one.resize_short.__name__, frame.shape[:2]
        columns_first = rule == "pillow_four_thirds" or rule == "pillow_short" and height > width
        assert apart <= (1.001 * STEP if columns_first else 0), f"{name}, {width}x{height}, {one.test_size}: {apart}"


def test_another_systems_pixels_are_not(run):
    """Each rule of another preset is seen."""
    frame = np.random.default_rng(0).integers(0, 256, (224, 412, 3), dtype="uint8")
    one = preset("mmaction2", size=33)  # 68 x 37, whose margin of 35 is halved otherwise by other systems
    wanted = views_of(one, [frame])[0]
    others = [{"resize": "pillow_short"}, {"crop": "centre_round"}, {"normalise": "normalise_1"}, {"short": 38}]
    for other, pixels in zip(others, page_pixels(run, [(rules_of(one) | other, frame) for other in others])):
        assert np.abs(wanted - pixels).max() > (0 if "normalise" in other else 2 * STEP), other


def test_probabilities_are_pythons(run):
    logits = np.random.default_rng(1).normal(size=(12, 5)).astype("float32") * 3
    found = run(f"""
import {{ Scores, topClasses }} from "./scores.js";
const scores = new Scores(8);
const found = {json.dumps(logits.tolist())}.map((row) => scores.after(Float32Array.from(row)));
console.log(JSON.stringify({{ found, top: topClasses([0.2, 0.5, 0.2, 0.1], 3) }}));
""")
    for i, row in enumerate(found["found"]):
        wanted = class_probabilities(logits[max(0, i - 7) : i + 1], "logits")
        np.testing.assert_allclose(row, wanted, rtol=1e-5)
    assert found["top"] == [1, 0, 2]


def test_the_pattern_is_pythons(run):
    code = (
        'import { patternBytes } from "./network/check.js"; console.log(JSON.stringify([...patternBytes(9999, 768)]))'
    )
    assert run(code) == pattern_frames(9999, 1, 16)[0].ravel().tolist()


def test_a_clip_is_spread_over_the_last_seconds(run):
    """Of frames at 0.0, 0.1, ... 4.9 s, the last two seconds' parts have their middles at 3.15, 3.65, 4.15, 4.65 s."""
    code = """
import { ClipWindow } from "./clip_window.js";
const window = new ClipWindow(2, 4);
const clips = [];
for (let i = 0; i < 50; i++) {
  window.add(i, i / 10);
  clips.push(window.clip());
}
console.log(JSON.stringify([clips[0], clips[4], clips[49]]));
"""
    first, fifth, last = run(code)
    assert first == [0, 0, 0, 0] and fifth[0] <= 1 and fifth[-1] >= 3
    np.testing.assert_allclose(last, [31.5, 36.5, 41.5, 46.5], atol=1.01)


def test_every_refusal_has_its_message(run):
    """What the code throws is what has a message, and each message says what to do."""
    messages = run('import { MESSAGES } from "./refusal.js"; console.log(JSON.stringify(MESSAGES))')
    code = "\n".join(path.read_text() for path in sorted(PAGE.rglob("*.js")))
    code = re.sub(r"export const MESSAGES = \{.*?^\};", "", code, flags=re.DOTALL | re.MULTILINE)
    thrown = set(re.findall(r'"((?:no|damaged|insecure|busy|lost|failed|wrong)-[a-z]+)"', code))
    assert thrown - {"no-cache"} == set(messages)  # that is an option of fetch
    assert all(one["title"] and one["advice"].endswith(".") for one in messages.values())


@pytest.mark.parametrize(
    "task, error, kind",
    [
        ("load", 'new RangeError("WebAssembly.Memory(): could not allocate memory")', "no-memory"),
        ("load", 'new Error("std::bad_alloc")', "no-memory"),
        ("load", 'new Error("cannot read the model")', "no-runtime"),
        ("run", 'new Error("device lost")', "failed-run"),
        ("run", 'new Refusal("wrong-numbers")', "wrong-numbers"),
    ],
)
def test_errors_of_the_network_have_their_message(run, task, error, kind):
    code = f"""
import {{ Refusal, runRefusal }} from "./refusal.js";
console.log(JSON.stringify(runRefusal("{task}", {error}).kind));
"""
    assert run(code) == kind


def test_colours_can_be_read():
    """By day and by night: text has a contrast of at least 4.5, bars have one of 3 (WCAG 2.1, 1.4.3 and 1.4.11)."""
    css = (PAGE / "style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in blocks)
    for colours in (light, dark):
        pairs = [("ink", "ground"), ("ink", "sheet"), ("soft", "ground"), ("soft", "sheet"), ("on-accent", "accent")]
        for text, ground in pairs:
            assert contrast(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}"
        for k in range(8):
            assert contrast(colours[f"class-{k}"], colours["sheet"]) >= 3, f"class {k}"


def contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return high / low
