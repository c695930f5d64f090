"""ImageNet weights as the frameworks' own model zoos name them, and training that starts from another network's."""

import re

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.conversion.convert import convert
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.seeded_input import noise_clip


@pytest.fixture(scope="module", params=["resnet18", "resnet50", "mobilenet_v2"])
def zoo(request, tmp_path_factory):
    """A network of paddle.vision, in evaluation mode with drawn statistics, and the file it was saved to."""
    paddle.seed(0)
    model = getattr(paddle.vision.models, request.param)(num_classes=10)
    rng = np.random.default_rng(0)
    for name, value in model.state_dict().items():
        if name.endswith(("_mean", "_variance")):
            value.set_value((0.5 + rng.random(value.shape)).astype("float32"))
    model.eval()
    path = tmp_path_factory.mktemp("zoo") / "zoo.pdparams"
    paddle.save(model.state_dict(), str(path))
    return model, path


def test_paddle_vision_is_the_same_network(zoo):
    """One frame a clip, no shift: what paddle.vision's own forward gives."""
    model, path = zoo
    x = noise_clip(1, 64, clips=2).astype("float32")
    expected = model(paddle.to_tensor(x)).numpy()
    ours = paddle_tsm.load_model(path, num_segments=1)
    assert read_network(path).layout.name == "paddle-vision" and not read_network(path).network.is_shift
    assert distance(expected, ours(paddle.to_tensor(x)).numpy())[1] < 1e-5
    reference = torch_ref.load_model(path, num_segments=1)
    with torch.no_grad():
        assert distance(expected, reference(torch.from_numpy(x)).numpy())[1] < 1e-5


def test_through_torchvision_and_back(zoo, tmp_path):
    _, path = zoo
    convert(path, tmp_path / "tv.pth", to_layout="torchvision")
    convert(tmp_path / "tv.pth", tmp_path / "back.pdparams", from_layout="torchvision", to_layout="paddle-vision")
    before, after = paddle.load(str(path)), paddle.load(str(tmp_path / "back.pdparams"))
    assert before.keys() == after.keys()
    assert all(np.array_equal(np.asarray(before[key]), np.asarray(after[key])) for key in before)


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_a_new_classifier(zoo, package):
    """Everything but the classifier comes from the file; the classifier stays as it was drawn."""
    model, path = zoo
    network = read_network(path).network
    ours = package.create_model(network.arch, num_classes=7, num_segments=4)
    name = network.classifier
    before = {key: value.numpy().copy() for key, value in ours.state_dict().items() if key.startswith(f"{name}.")}
    with pytest.raises(ValueError, match="zoo.pdparams has 10 classes, the network to train has 7"):
        package.load_pretrained(ours, path)
    package.load_pretrained(ours, path, without_classifier=True)
    state = {key: value.numpy().copy() for key, value in ours.state_dict().items()}
    for key, array in before.items():
        assert np.array_equal(state[key], array)
    first = next(iter(network.shapes()))
    assert np.array_equal(state[first], np.asarray(read_network(path).tensors[first]))


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_another_architecture_is_named(zoo, package):
    _, path = zoo
    arch = read_network(path).network.arch
    for name in {"tsm_resnet34", "tsm_resnet50", "tsm_mobilenet_v2"} - {arch}:
        other = package.create_model(name, num_classes=10)
        with pytest.raises(
            ValueError, match=f"zoo.pdparams holds the weights of a {arch} .*to train is a {name}; wanted"
        ):
            package.load_pretrained(other, path, without_classifier=True)
        with pytest.raises(ValueError, match=f"arch: got '{name}', but the keys of the file say '{arch}'"):
            package.load_model(path, arch=name)


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_other_classes_and_blocks_are_named(tmp_path, package):
    torch.save(torch_ref.create_model("tsm_resnet10", num_classes=5).state_dict(), tmp_path / "x.pth")
    with pytest.raises(ValueError, match="x.pth has 5 classes, the network to train has 7; .*--keep-classifier"):
        package.load_pretrained(package.create_model("tsm_resnet10", num_classes=7), tmp_path / "x.pth")
    attending = torch_ref.create_model("tsm_resnet50", num_classes=5, non_local="dot_product")
    torch.save(attending.state_dict(), tmp_path / "y.pth")
    plain = package.create_model("tsm_resnet50", num_classes=5)
    with pytest.raises(ValueError, match="non-local blocks .* such as layer2.0.non_local.*--set non_local=embedded"):
        package.load_pretrained(plain, tmp_path / "y.pth")


@pytest.mark.parametrize("framework", ["paddle", "torch"])
def test_train_names_the_flag_and_the_flag_helps(tmp_path, capsys, monkeypatch, framework):
    from paddle_tsm.cli import main
    from paddle_tsm.demo.material import write_demo_video

    monkeypatch.chdir(tmp_path)
    write_demo_video("clip.mp4", frames=8, size=(64, 48))
    (tmp_path / "list.txt").write_text("clip.mp4 0\nclip.mp4 1\n")
    torch.save(torch_ref.create_model("tsm_resnet10", num_classes=9).state_dict(), "r10.pth")
    small = ["num_classes=3", "num_segments=2", "size=32", "epochs=1", "batch=2", "warmup=0"]
    train = ["train", "list.txt", "--out", "run", "--pretrained", "r10.pth", "--framework", framework]
    assert main([*train, "--set", "arch=tsm_resnet18", *small]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "r10.pth holds the weights of a tsm_resnet10" in error
    advised = re.search("`paddle-tsm train --set (arch=\\w+)`", error)[1]
    assert main([*train, "--keep-classifier", "--set", advised, *small]) == 2
    assert "9 classes" in capsys.readouterr().err
    assert main([*train, "--set", advised, *small]) == 0
