"""The files and folders of one training beside its recipe, and how the training ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import SkippedClips
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.training.plan import Plan


@dataclass(frozen=True)
class TrainingJob:
    """What a training reads and writes.

    train, validation: the clips; `validation` may be empty. out: the folder to write to. source: where the clips'
    frames are. workers: the number of threads that read clips, in each process. save_every: the number of updates
    between two saves of `resume.safetensors`, which is also saved after each epoch and on Ctrl-C or SIGTERM. skip_bad:
    leave out clips that cannot be read. resume: go on with the training in `out`, if there is one. pretrained: a
    checkpoint to start from. pretrained_teacher: one for the teacher. keep_classifier: take their classifiers, too.
    class_names: in the order of the classes, or (); every network that is saved has them. framework: of
    `framework.FRAMEWORKS`. plan: what was drawn for this list and recipe before; None: it is drawn as the training
    goes. nudge: the seed by which each initial weight is moved by one unit in the last place, up or down; None: they
    stay. files: the name and the text of further files that the folder gets.
    """

    train: list[Entry]
    validation: list[Entry]
    out: str
    source: FrameSource = FrameSource()
    workers: int = 2
    save_every: int = 500
    skip_bad: bool = False
    resume: bool = False
    pretrained: str | None = None
    pretrained_teacher: str | None = None
    keep_classifier: bool = False
    class_names: tuple[str, ...] = ()
    framework: str = "paddle"
    plan: Plan | None = None
    nudge: int | None = None
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """How a training ended.

    stopped: the number of the signal that stopped it, or None. validation: what the last `validate` returned. best,
    best_epoch: the best validation's score and its epoch, counted from 0. skipped: the clips that could not be read.
    """

    stopped: int | None = None
    validation: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int | None = None
    skipped: SkippedClips = field(default_factory=SkippedClips)
