"""mmaction2's own way through a list of videos: its configuration of ResNet-50-TSM, its loader and its test step."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torchvision_folder import import_torchvision_models

CONFIG = "recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py"


def evaluation_loop(
    checkpoint: str, listed: Callable[[int], list[str]], batch: int, size: int, workers: int
) -> tuple[Callable[[int], list], Callable[[np.ndarray], Any]]:
    """(a function that scores so many clips, the network by itself). listed: the videos of so many clips."""
    import torch

    place = importlib.util.find_spec("torchvision")
    assert place is not None and place.origin is not None
    import_torchvision_models(str(Path(place.origin).parent.parent))
    import mmengine

    missing = types.ModuleType("mmaction.models.localizers.drn.drn")  # the wheel lacks it
    missing.DRN = object  # type: ignore[attr-defined]
    sys.modules |= {"mmaction.models.localizers.drn": types.ModuleType("drn"), missing.__name__: missing}
    import mmaction
    from mmaction.registry import MODELS
    from mmaction.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    config = mmengine.Config.fromfile(str(Path(mmaction.__file__).parent / ".mim" / "configs" / CONFIG))
    config.model.backbone.pretrained = None
    model = MODELS.build(config.model)
    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state.get("state_dict", state))
    model.eval()
    loaders: dict[int, Any] = {}

    def work(count: int) -> list:
        if count not in loaders:
            loaders[count] = loader_of(config.val_dataloader, listed(count), batch, size, workers)
        with torch.no_grad():
            samples = [sample for data in loaders[count] for sample in model.test_step(data)]
        return [sample.pred_score.tolist() for sample in samples]

    def network(x: np.ndarray) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(x).reshape(batch, -1, *x.shape[1:]), mode="tensor")

    return work, network


def loader_of(options: Any, paths: list[str], batch: int, size: int, workers: int) -> Any:
    """mmaction2's loader of these videos, as its configuration makes it for a validation."""
    from mmengine.runner import Runner

    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.writelines(f"{path} 0\n" for path in paths)
    options = options.copy()
    options.batch_size, options.num_workers = batch, workers
    options.persistent_workers = True
    options.dataset.ann_file, options.dataset.data_prefix = file.name, {"video": ""}
    for step in options.dataset.pipeline:
        if step["type"] == "DecordInit":
            step.pop("io_backend", None)
        if step["type"] == "CenterCrop":
            step["crop_size"] = size
    return Runner.build_dataloader(options)
