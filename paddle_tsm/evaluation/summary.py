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


@dataclass(frozen=True)
class Rated:
    """The scores of one checkpoint, or of the ensemble.

    name: of the checkpoint, or "ensemble". num_segments: its frames. weight: in the ensemble; None for the ensemble
    itself, which has no num_segments, either.
    """

    name: str
    scored: Scored
    num_segments: int | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    rated: the checkpoints and, where there are several, the ensemble after them. options: how the clips were read and
    averaged. class_names: of the K classes, or None. skipped: a line of text for each clip that was left out.
    """

    list_file: str
    rated: list[Rated]
    options: dict
    multi_label: bool
    class_names: list[str] | None
    skipped: list[str]

    @property
    def final(self) -> Scored:
        """The scores of the ensemble, or of the only checkpoint."""
        return self.rated[-1].scored

    @property
    def num_classes(self) -> int:
        """K, the number of classes."""
        return self.final.scores.shape[1]

    def class_headings(self) -> list[str]:
        """For each class its number, followed by its name where names are known."""
        if self.class_names is None:
            return [str(k) for k in range(self.num_classes)]
        return [f"{k} {name}" for k, name in enumerate(self.class_names)]

    def content(self) -> dict:
        """Everything but the scores, for JSON. The measure of a class without clips is None."""
        class_measure = metrics.average_precisions if self.multi_label else metrics.class_accuracies
        values = class_measure(self.final.scores, self.final.labels).tolist()
        checkpoints = [one for one in self.rated if one.weight is not None]
        return {
            "list": self.list_file,
            "clips": len(self.final),
            "classes": self.num_classes,
            **self.options,
            "checkpoints": [
                {"file": one.name, "num_segments": one.num_segments, "weight": one.weight}
                | measures(one.scored, self.multi_label)
                for one in checkpoints
            ],
            "ensemble": measures(self.final, self.multi_label) if len(checkpoints) > 1 else None,
            class_measure.__name__: [None if np.isnan(value) else value for value in values],
            "class_names": self.class_names,
            "skipped": self.skipped,
        }


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
    """Print a table with a row for each checkpoint and, last, the ensemble."""
    # Importing rich takes time that importing this module should not.
    from rich import box
    from rich.table import Table

    options, several = evaluation.options, len(evaluation.rated) > 1
    how = "{}: {preset}, {sampling}, {test_crops}, mean of {average}".format(evaluation.list_file, **options)
    console.print(literal(how), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("checkpoint", overflow="fold")
    named = MULTI_LABEL if evaluation.multi_label else SINGLE_LABEL
    for heading in (*(["weight"] if several else []), "frames", "clips", "views", *named.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in evaluation.rated:
        if one.weight is None:
            table.add_section()
        found = measures(one.scored, evaluation.multi_label)
        table.add_row(
            as_text(one.name),
            *(["" if one.weight is None else f"{one.weight:g}"] if several else []),
            "" if one.num_segments is None else str(one.num_segments),
            str(len(one.scored)),
            str(options["views"]),
            *(f"{100 * found[name]:.2f} %" for name in named),
            style="bold" if one is evaluation.rated[-1] else None,
        )
    console.print(table)
