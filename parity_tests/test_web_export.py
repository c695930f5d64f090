"""`export --to web` as a command: what it refuses, and that what it writes is in the package."""

import configparser
import json

import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export import web_runtime
from paddle_tsm.export.web_runtime import PINNED, VERSION, described
from paddle_tsm.networks.network import Network
from parity_tests.pages import PAGE, REQUIRED, ROOT, RUNTIME, need


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    write_demo_checkpoint(folder / "w.safetensors", Network("tsm_mobilenet_v2", num_classes=3), "canonical")
    flow = Network("tsm_mobilenet_v2", num_classes=3, in_channels=10)
    write_demo_checkpoint(folder / "flow.safetensors", flow, "canonical")
    return folder


def refused(capsys, *words) -> str:
    """The one line of a command that is refused, and leaves nothing."""
    assert main(["export", *map(str, words)]) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line.partition("paddle-tsm export: error:")[2]
    return line


def test_what_a_page_refuses(weights, tmp_path, capsys):
    web = (weights / "w.safetensors", tmp_path / "page", "--to", "web")
    assert "crops: got ten for a page" in refused(capsys, *web, "--crops", "ten")
    assert "sampling: got dense for a page" in refused(capsys, *web, "--sampling", "dense")
    assert "got 'int8' for a clip in web, wanted float32" in refused(capsys, *web, "--precision", "int8")
    assert "no such folder" in refused(capsys, *web, "--runtime", tmp_path / "nothing")
    (tmp_path / "dist").mkdir()
    line = refused(capsys, *web, "--runtime", tmp_path / "dist")
    assert "has no ort.wasm.min.mjs, " in line and f"npm pack onnxruntime-web@{VERSION}" in line
    for name in PINNED:
        (tmp_path / "dist" / name).write_text("another program")
    assert "is not ONNX Runtime Web's" in refused(capsys, *web, "--runtime", tmp_path / "dist")
    onnx = (weights / "w.safetensors", tmp_path / "page", "--to", "onnx")
    assert "runtime: got one for onnx" in refused(capsys, *onnx, "--runtime", tmp_path / "dist")
    flow = (weights / "flow.safetensors", *web[1:])
    assert "10" in refused(capsys, *flow) and "RGB" in refused(capsys, *flow)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist"]


def test_the_pinned_hashes_are_the_packages():
    need("onnxruntime-web in tools/web", RUNTIME.is_dir())
    assert {name: described(str(RUNTIME / name)) for name in PINNED} == PINNED
    lock = json.loads((ROOT / "tools" / "web" / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/onnxruntime-web"]["version"] == VERSION
    assert set(PINNED) == {name for files in web_runtime.BACKENDS.values() for name in files.values()}


def test_the_lock_names_no_server():
    lock = (ROOT / "tools" / "web" / "package-lock.json").read_text()
    assert '"integrity"' in lock and "://" not in lock


def test_the_wheel_has_the_page():
    """Every file of the page is one that setup.cfg packs."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    patterns = [one.strip() for one in settings["options.package_data"]["paddle_tsm.export"].split(",")]
    packed = {path for pattern in patterns for path in PAGE.parent.glob(pattern) if path.is_file()}
    assert packed == {path for path in PAGE.rglob("*") if path.is_file()} and len(packed) > 20


def test_the_pages_files_are_small():
    for path in PAGE.rglob("*.*"):
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= (500 if path.suffix == ".css" else 300), path.name
        if path.suffix in (".js", ".css"):
            assert max(map(len, lines)) <= 120, path.name


def test_what_is_missing_is_no_excuse_in_ci(monkeypatch):
    """Without a browser the tests are skipped, and say how to get one; `.ci/run` sets what makes them fail."""
    monkeypatch.delenv(REQUIRED, raising=False)
    need("browser", True)
    with pytest.raises(pytest.skip.Exception, match="no browser; `make browser` installs it"):
        need("browser", False)
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        need("browser", False)
    assert f"export {REQUIRED}=1" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
