"""A hook of mmengine: mmaction2's Runner trains by a plan of `paddle-tsm train --plan`, and writes its curve as CSV.

It replaces what chance decides: the order of the clips, their frames, crops and mirroring, and the dropout masks.
Everything else stays as the configuration has it.
"""

import json

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


def frames(transform, results, clip):
    results = transform(results)
    assert results["total_frames"] == clip["count"], f"{results['total_frames']} frames, planned for {clip['count']}"
    return results | {"frame_inds": np.array(clip["frames"]) + results["start_index"]}


def crop(transform, results, clip):
    left, top, right, bottom = clip["box"]
    assert list(results["img_shape"]) == clip["size"][::-1], f"a frame of {results['img_shape']}, planned otherwise"
    images = [image[top:bottom, left:right] for image in results["imgs"]]
    return results | {"imgs": images, "img_shape": (bottom - top, right - left)}


def mirror(transform, results, clip):
    transform.flip_ratio = float(clip["mirrored"])  # always or never
    return transform(results)


PLANNED = {"SampleFrames": frames, "MultiScaleCrop": crop, "RandomResizedCrop": crop, "Flip": mirror}


@HOOKS.register_module()
class ReplayPlan(Hook):
    """plan: the file of the plan. out: the CSV file to write. double: compute in float64."""

    def __init__(self, plan: str, out: str, double: bool = False):
        with open(plan, encoding="utf-8") as file:
            self.plan = json.load(file)
        self.updates, self.out, self.double = self.plan["updates"], open(out, "w", encoding="utf-8"), double
        assert not any("blends" in update for update in self.updates), "mixup and CutMix are not replayed"
        self.clips = {(update["epoch"], clip["index"]): clip for update in self.updates for clip in update["clips"]}

    def before_run(self, runner):  # the weights are not loaded yet, so that those in float64 stay so
        if self.double:
            runner.model.double().data_preprocessor.float()  # which normalises in float32, as ever
            runner.model.data_preprocessor.register_forward_hook(
                lambda module, given, made: made | {"inputs": made["inputs"].double()}
            )

    def before_train(self, runner):
        self.runner, loader = runner, runner.train_dataloader
        steps = 1 + max(update["step"] for update in self.updates)
        assert (len(loader), loader.num_workers) == (steps, 0), f"wanted {steps} updates an epoch and num_workers=0"
        loader.batch_sampler.sampler = self  # BatchSampler asks it for each epoch's order
        transforms = loader.dataset.pipeline.transforms
        assert "SampleFrames" in [type(one).__name__ for one in transforms], "wanted SampleFrames in the pipeline"
        transforms[:] = [self.planned(transform) for transform in transforms]
        if self.plan["dropout"]["p"]:
            runner.model.cls_head.dropout.forward = self.dropout
        print("lr,loss,grad_norm", file=self.out)

    def __iter__(self):
        return iter([index for epoch, index in self.clips if epoch == self.runner.epoch])

    def __len__(self):
        return len(self.runner.train_dataloader.dataset)

    def planned(self, transform):
        change = PLANNED.get(type(transform).__name__, lambda own, results, clip: own(results))
        return lambda results: change(transform, results, self.clips[self.runner.epoch, results["sample_idx"]])

    def dropout(self, x):
        if not self.runner.model.training:
            return x
        update, rule = self.updates[self.runner.iter], self.plan["dropout"]
        shape = (len(x) // len(update["clips"]), x.shape[1])  # (T, C): a mask for each clip
        keys = [(rule["seed"], update["epoch"], clip["index"], 53769) for clip in update["clips"]]
        kept = np.concatenate([np.random.default_rng(key).random(shape, "float32") >= rule["p"] for key in keys])
        return x * torch.from_numpy(kept.astype("float32") / np.float32(1 - rule["p"])).to(x)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):  # before the schedule's hook
        lr, norm = runner.optim_wrapper.param_groups[0]["lr"], runner.message_hub.get_scalar("train/grad_norm")
        print(lr, outputs["loss"].item(), norm.current(), sep=",", file=self.out, flush=True)
