"""The result of an evaluation: the measures of each network and of their ensemble, as a table and as JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.evaluation import metrics
from paddle_tsm.evaluation.score import Scored
from paddle_tsm.terminal.literal_text import as_text, literal

# name in JSON -> heading in the table, for clips with one label and for clips with several
SINGLE_LABEL = {"top1": "top-1", "top5": "top-5", "mean_class_accuracy": "mean class"}
MULTI_LABEL = {"mean_average_precision": "mAP"}
UNLIMITED = 10**6  # columns


@dataclass(frozen=True)
class Rated:
    """The scores of one checkpoint. name: its path. num_segments: its frames. weight: in the ensemble, or None.
    views: of a clip.
    """

    name: str
    scored: Scored
    num_segments: int
    weight: float | None = None
    views: int = 1


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    rated: the checkpoints. ensemble: the scores of their ensemble, where one was asked for. options: how the clips were
    read and averaged. class_names: of the K classes, or None. skipped: a line of text for each clip that was left out.
    """

    list_file: str
    rated: list[Rated]
    ensemble: Scored | None
    options: dict
    multi_label: bool
    class_names: list[str] | None
    skipped: list[str]

    @property
    def final(self) -> Scored:
        """The scores of the ensemble, or of the only checkpoint. Raises ValueError for several without an ensemble."""
        if self.ensemble is None and len(self.rated) > 1:
            raise ValueError(f"got the scores of {len(self.rated)} checkpoints, wanted those of one, or an ensemble")
        return self.ensemble or self.rated[0].scored

    @property
    def num_classes(self) -> int:
        """K, the number of classes."""
        return self.rated[0].scored.scores.shape[1]

    def class_headings(self) -> list[str]:
        """For each class its number, followed by its name where names are known."""
        if self.class_names is None:
            return [str(k) for k in range(self.num_classes)]
        return [f"{k} {name}" for k, name in enumerate(self.class_names)]

    def content(self) -> dict:
        """Everything but the scores, for JSON. The measure of a class without clips is None. Of several checkpoints
        without an ensemble each has its own measures of the classes.
        """
        apart = self.ensemble is None and len(self.rated) > 1
        return {
            "list": self.list_file,
            "clips": len(self.rated[0].scored),
            "classes": self.num_classes,
            **self.options,
            "checkpoints": [
                {"file": one.name, "num_segments": one.num_segments, "weight": one.weight}
                | measures(one.scored, self.multi_label)
                | (self.class_measures(one.scored) if apart else {})
                for one in self.rated
            ],
            "ensemble": measures(self.ensemble, self.multi_label) if self.ensemble else None,
            **({} if apart else self.class_measures(self.final)),
            "class_names": self.class_names,
            "skipped": self.skipped,
        }

    def class_measures(self, scored: Scored) -> dict[str, list]:
        """{name in JSON: the measure of each class}."""
        measure = metrics.average_precisions if self.multi_label else metrics.class_accuracies
        values = measure(scored.scores, scored.labels).tolist()
        return {measure.__name__: [None if np.isnan(value) else value for value in values]}


def measures(scored: Scored, multi_label: bool) -> dict[str, float]:
    """name in JSON -> measure, for the names of SINGLE_LABEL, or of MULTI_LABEL where clips have several labels."""
    scores, labels = scored.scores, scored.labels
    if multi_label:
        return {"mean_average_precision": metrics.mean_average_precision(scores, labels)}
    return {
        "top1": metrics.top_k_accuracy(scores, labels, 1),
        "top5": metrics.top_k_accuracy(scores, labels, 5),
        "mean_class_accuracy": metrics.mean_class_accuracy(scores, labels),
    }


def print_evaluation(evaluation: Evaluation, console) -> None:
    """Print a table with a row for each checkpoint and, last, the ensemble.

    A table that is too wide with the checkpoints' paths has numbers in their place, and the paths stand above it: a
    path is never broken.
    """
    flow = evaluation.options.get("flow")
    for said in ({"list": evaluation.list_file} | evaluation.options, *([flow] if flow else [])):
        how = "{list}: {preset}, {sampling}, {test_crops}, mean of {average}".format(**said)
        console.print(literal(how), soft_wrap=True)
    names = [one.name for one in evaluation.rated]
    table = table_of(evaluation, names)
    endless = console.options.update_width(UNLIMITED)  # or the table would be as wide as the terminal at most
    if console.measure(table, options=endless).maximum > console.width:
        numbers = [str(number) for number in range(1, len(names) + 1)]
        for number, name in zip(numbers, names):
            console.print(f"checkpoint {number}: {literal(name)}", soft_wrap=True)
        table = table_of(evaluation, numbers)
    console.print(table)


def table_of(evaluation: Evaluation, names: list[str]):
    """The table of rich. names: what stands for each checkpoint."""
    # Importing rich takes time that importing this module should not.
    from rich import box
    from rich.table import Table

    named = MULTI_LABEL if evaluation.multi_label else SINGLE_LABEL
    weighted = evaluation.ensemble is not None
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("checkpoint", no_wrap=True)
    for heading in (*(["weight"] if weighted else []), "frames", "clips", "views", *named.values()):
        table.add_column(heading, justify="right", no_wrap=True)

    def add(name: str, weight: str, frames: str, scored: Scored, views: str, bold: bool) -> None:
        found = measures(scored, evaluation.multi_label)
        shown = (f"{100 * found[measure]:.2f} %" for measure in named)
        before = [weight] if weighted else []
        cells = as_text(name), *before, frames, str(len(scored)), views, *shown
        table.add_row(*cells, style="bold" if bold else None)

    for name, one in zip(names, evaluation.rated):
        weight = "" if one.weight is None else f"{one.weight:g}"
        add(name, weight, str(one.num_segments), one.scored, str(one.views), bold=len(names) == 1)
    if evaluation.ensemble is not None:
        table.add_section()
        views = {one.views for one in evaluation.rated}
        add("ensemble", "", "", evaluation.ensemble, str(views.pop()) if len(views) == 1 else "", bold=True)
    return table
