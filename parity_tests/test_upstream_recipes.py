"""Recipes against what upstream's own files say, in their own words (vectors/upstream_recipes.json), and what those
mean.
"""

import argparse
import json
import math

import numpy as np
import pytest

from paddle_tsm import create_model, optim
from paddle_tsm.training import schedule
from paddle_tsm.training.published_recipes import RECIPES, recipe
from parity_tests.recorded import FOLDER, recorded

FILES = json.loads((FOLDER / "upstream_recipes.json").read_text())
STEPS = 4  # updates of an epoch
MMACTION2 = [name for name in FILES if name.startswith("mmaction2")]
MIT = [name for name in FILES if name.startswith("mit")]
PADDLE = [name for name in FILES if "OPTIMIZER" in FILES[name]]


def test_every_recipe_has_its_file():
    assert FILES.keys() == RECIPES.keys() == {*MMACTION2, *MIT, *PADDLE}


@pytest.mark.parametrize("name", MMACTION2)
def test_mmaction2(name):
    file, own = FILES[name], recipe(name)
    optimizer = file["optim_wrapper"]["optimizer"]
    schedulers = [
        getattr(schedule, row["type"])(**{key: value for key, value in row.items() if key != "type"})
        for row in file["param_scheduler"]
    ]
    rates = schedule.learning_rates(optimizer["lr"], schedulers, file["train_cfg"]["max_epochs"], STEPS)
    assert np.array_equal(own.rates(STEPS), rates)
    clips, scaling = file["gpus"] * file["train_dataloader"]["batch_size"], file.get("auto_scale_lr", {})
    assert own.batch == own.lr_batch == scaling.get("base_batch_size", 128)
    assert scaling.get("enable", False) == (clips != own.batch)  # else mmaction2 takes the rate as it stands
    assert recipe(name, batch=clips, lr="auto").lr == pytest.approx(optimizer["lr"] * clips / own.batch)
    assert (own.optimizer, own.momentum, own.weight_decay) == ("sgd", optimizer["momentum"], optimizer["weight_decay"])
    assert own.max_norm == file["optim_wrapper"]["clip_grad"]["max_norm"] and not own.nesterov
    assert own.fc_lr5 == file["optim_wrapper"]["paramwise_cfg"]["fc_lr5"]
    head, backbone, network = file["model"]["cls_head"], file["model"]["backbone"], own.network()
    arch = {"ResNetTSM": "tsm_resnet{depth}", "MobileOneTSM": "tsm_mobileone_{arch}"}[backbone["type"]]
    assert (network.arch, network.shift_div) == (arch.format(**backbone), backbone["shift_div"])
    grouped = backbone.get("num_segments", network.num_segments)
    assert (network.shift_segments or network.num_segments, own.teacher) == (grouped, None)
    assert (network.num_classes, network.dropout, network.is_shift) == (
        head["num_classes"],
        head["dropout_ratio"],
        head["is_shift"],
    )
    assert not network.partial_bn and not own.frozen_bn and network.shift_order == "future_first"
    pipeline, pixels = {row["type"]: row for row in file["train_pipeline"]}, own.pixels()
    assert network.num_segments == pipeline["SampleFrames"]["num_clips"]
    assert (pixels.name, own.sampling, own.train_crop) == ("mmaction2", "uniform", "multi_scale")
    assert (pixels.short, pixels.size) == (pipeline["Resize"]["scale"][1], pipeline["MultiScaleCrop"]["input_size"])
    assert pixels.flip.probability == pipeline["Flip"]["flip_ratio"]


def mit_arguments(text: str):
    """MIT's command line, with the defaults of its opts.py (1f6a834)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("modality")
    for flag, kind, default in [
        ("--arch", str, None),
        ("--num_segments", int, 3),
        ("--gd", float, None),
        ("--lr", float, 0.001),
        ("--wd", float, 5e-4),
        ("--momentum", float, 0.9),
        ("--lr_type", str, "step"),
        ("--epochs", int, 120),
        ("--batch-size", int, 128),
        ("-j", int, 8),
        ("--dropout", float, 0.5),
        ("--consensus_type", str, "avg"),
        ("--eval-freq", int, 5),
        ("--shift_div", int, 8),
        ("--shift_place", str, "blockres"),
        ("--tune_from", str, None),
    ]:
        parser.add_argument(flag, type=kind, default=default)
    parser.add_argument("--lr_steps", type=float, nargs="+", default=[50, 100])
    for flag in ("--shift", "--npb"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args(text.split())


@pytest.mark.parametrize("name", MIT)
def test_mit(name):
    """main.py 1f6a834: the rate falls to a tenth at each step; partial BatchNorm unless --npb; fc_lr5 unless the
    network that is fine-tuned was trained on the same data set.
    """
    args, own = mit_arguments(FILES[name]["arguments"]), recipe(name)
    rates = [args.lr * 0.1 ** sum(epoch >= step for step in args.lr_steps) for epoch in range(args.epochs)]
    np.testing.assert_allclose(own.rates(STEPS), np.repeat(np.array(rates)[:, None], STEPS, 1), rtol=1e-12)
    assert own.batch == own.lr_batch == args.batch_size
    assert (own.optimizer, own.momentum, own.weight_decay, own.max_norm) == ("sgd", args.momentum, args.wd, args.gd)
    assert own.fc_lr5 == (not (args.tune_from and args.dataset in args.tune_from))
    network = own.network()
    assert network.arch == f"tsm_{args.arch}" and network.is_shift == args.shift
    assert (network.num_segments, network.shift_div, network.shift_place, network.dropout, network.partial_bn) == (
        args.num_segments,
        args.shift_div,
        args.shift_place,
        args.dropout,
        not args.npb,
    )
    assert network.num_classes == {"kinetics": 400, "ucf101": 101}[args.dataset]
    assert own.data_set.startswith(args.dataset) and own.pixels().name == "mit"
    assert own.pixels().flip.probability == 0.5  # neither tells left from right


@pytest.mark.parametrize("name", PADDLE)
def test_paddlevideo(name):
    file, own = FILES[name], recipe(name)
    optimizer = file["OPTIMIZER"]
    rate = optimizer["learning_rate"]
    for update, found in enumerate(own.rates(STEPS).ravel()):
        assert found == pytest.approx(paddlevideo_rate(rate, update / STEPS), rel=1e-12), update
    assert len(own.rates(STEPS)) == file["epochs"]
    assert own.batch == own.lr_batch == file["cards"] * file["DATASET"]["batch_size"]
    assert (own.momentum, own.nesterov) == (optimizer["momentum"], optimizer.get("use_nesterov", False))
    assert own.weight_decay == optimizer["weight_decay"]["value"]
    assert own.max_norm == optimizer.get("grad_clip", {"value": 0})["value"]
    assert own.mixup == file.get("MIX", {"alpha": 0})["alpha"]
    assert own.pixels().size == 224 == list(file["transform"].values())[-1]["target_size"]
    models = file["MODEL"].get("models", [{"Student": file["MODEL"]}])
    students, teachers = ([m[kind] for m in models if kind in m] for kind in ("Student", "Teacher"))
    check_paddlevideos_network(own, *students)
    assert (own.teacher is None) == (not teachers)
    for model in teachers:
        check_paddlevideos_network(own.teacher_recipe(), model)
        pairs = {(loss["name"], *loss["model_name_pairs"]) for loss in file["MODEL"]["loss"]["Train"]}
        cross_entropies = {("DistillationCELoss", one, "GroundTruth") for one in ("Student", "Teacher")}
        assert pairs == cross_entropies | {("DistillationDMLLoss", "Student", "Teacher")}
        assert file["MODEL"]["freeze_params_list"] == [False, False]  # both learn


# PaddleVideo ed245e9, modeling/backbones/*.py: the architecture, what decays beside the weights (all give BatchNorms
# L2Decay(0) but pptsm_mv2.py, which gives no parameter an attribute), and the dropout where the head is in the backbone
BACKBONES = {
    "ResNetTSM": ("tsm_resnet50", "weights", None),
    "ResNetTweaksTSM": ("pptsm_resnet50", "weights", None),
    "PPTSM_v2": ("pptsm_v2", "biases", 0.2),
    "PPTSM_MobileNetV2": ("pptsm_mobilenet_v2", "all", 0.0),
    "PPTSM_MobileNetV3": ("pptsm_mobilenet_v3", "biases", 0.2),
}


def check_paddlevideos_network(own, model) -> None:
    """The network of a recipe, and its parameter groups, against a model of PaddleVideo's file."""
    backbone, head, network = model["backbone"], model["head"], own.network()
    arch, decays, dropout = BACKBONES[backbone["name"]]
    assert network.arch == arch and backbone.get("depth", 50) == 50
    assert network.num_segments == network.shift_div == backbone.get("num_seg", 8)
    assert network.shift_order == "past_first"
    assert network.num_classes == head.get("num_classes", backbone.get("class_num", 400))
    assert network.dropout == head.get("drop_ratio", dropout)
    assert network.temporal_attention == backbone.get("use_temporal_att", False)
    assert own.label_smoothing == head.get("ls_eps", 0)
    # the heads of TSM and PP-TSM give their classifier rates of its own; those in the backbone have none
    in_backbone = head.get("name") == "MoViNetHead"
    assert own.fc_lr5 == (not in_backbone)
    # a ResNet has no biases but its classifier's, so that what a teacher shares with its student is the same there
    assert own.decays == decays or not in_backbone


IN_BACKBONE = [name for name in PADDLE if "MoViNetHead" in json.dumps(FILES[name])]


@pytest.mark.parametrize("name", IN_BACKBONE)
def test_what_paddlevideo_gives_each_parameter(name):
    """All learn at one rate and decay (solver/optimizer.py ed245e9), but where an attribute says otherwise: that of the
    BatchNorms, and those of the temporal attention (backbones/pptsm_v2.py).
    """
    own = recipe(name, dropout=0.0)
    model = create_model(own.arch, **own.network().options())
    sgd = optim.tsm_sgd(model, own.lr, **own.optimizer_options())
    found = {
        parameter: (group["lr"] / own.lr, group["weight_decay"])
        for group in sgd.param_groups
        for parameter in group["names"]
    }
    norms = {
        f"{layer}.{tensor}"
        for layer, one in model.named_sublayers()
        if type(one).__name__ == "BatchNorm"
        for tensor in ("weight", "bias")
    }
    assert norms and found.keys() == {parameter for parameter, _ in model.named_parameters()}
    of_norms = 1e-4 if own.arch == "pptsm_mobilenet_v2" else 0
    expected = {parameter: (1, of_norms if parameter in norms else 1e-4) for parameter in found}
    attention = {parameter for parameter in found if ".attention." in parameter}
    assert bool(attention) == own.temporal_attention
    for parameter in attention:
        expected[parameter] = (5, 1e-4) if parameter.endswith(".weight") else (10, 0)
    assert found == {parameter: pytest.approx(pair) for parameter, pair in expected.items()}


def paddlevideo_rate(file: dict, epochs: float) -> float:
    """The rate after this many epochs: paddle's PiecewiseDecay, or custom_lr.py's `CustomWarmupCosineDecay`
    (ed245e9).
    """
    if file["name"] == "PiecewiseDecay":
        return file["values"][sum(math.floor(epochs) >= boundary for boundary in file["boundaries"])]
    warm = file["warmup_epochs"]

    def cosine(now):
        return file["cosine_base_lr"] * (math.cos(math.pi * now / file["max_epoch"]) + 1) / 2

    start = file["warmup_start_lr"]
    return cosine(epochs) if epochs >= warm else start + epochs * (cosine(warm) - start) / warm


def test_groups_have_mmaction2s_rates_and_decays():
    """What fc_lr5 and the decay mean for each parameter, as mmaction2's own optimizer was recorded to have it."""
    vector = recorded("mmaction2_train_r18_t4")
    lr, decay = vector.meta["lr"], vector.meta["weight_decay"]
    theirs = [(len(g["params"]), g["lr"], g["weight_decay"]) for g in vector.meta["param_groups"]]
    own = recipe("mmaction2-kinetics400")
    model = create_model("tsm_resnet18", num_classes=5, num_segments=4)
    sgd = optim.tsm_sgd(model, own.lr, own.momentum, own.weight_decay, own.fc_lr5, own.max_norm)
    scale = own.lr / lr, own.weight_decay / decay
    ours = [(len(g["params"]), g["lr"] / scale[0], g["weight_decay"] / scale[1]) for g in sgd.param_groups]
    assert ours == [(count, pytest.approx(rate), pytest.approx(wd)) for count, rate, wd in theirs]
