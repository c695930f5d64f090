"""What a comparison found: the content of every form of the report, which `report.Report` writes."""

from __future__ import annotations

from dataclasses import dataclass, field

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.gradients import GradientComparison
from paddle_tsm.parity.model_pair.alignment import Alignment
from paddle_tsm.parity.noise import Float32Gap
from paddle_tsm.parity.option_differences import OptionDifference
from paddle_tsm.parity.report.tensor_table import TensorTable
from paddle_tsm.parity.steps import StepComparison


@dataclass
class Findings:
    """What a comparison found.

    rows: the outputs in forward order, first in float64, then in float32, then gradients and training steps, where
    these were asked for. first_layer: the first layer that differs in float64, or None. seconds: how long each part of
    the comparison took. layers: precision -> layer -> relative difference, in forward order, for the plot. options:
    those in which the two networks differ as they ran. remarks: what was done to compare them, a sentence each. known:
    the known differences of the frameworks that were taken into account, a sentence each. diagnosed: what was
    measured to explain the differences, that of the first layer in front. alignment: which tensors of any two models
    were compared. title, about: what is compared, for the page. groups: group -> its tensors, in forward order, for the
    plots. tables: the models' tensors, for the page. same_masks: whether training was compared with dropout's masks
    instead of without dropout.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    first_layer: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    gradients: GradientComparison | None = None
    steps: StepComparison | None = None
    gaps: list[Float32Gap] | None = None
    layers: dict[str, dict[str, float]] = field(default_factory=dict)
    options: list[OptionDifference] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    alignment: Alignment | None = None
    diagnosed: list[Cause] = field(default_factory=list)
    title: str = ""
    about: str = ""
    groups: dict[str, list[str]] = field(default_factory=dict)
    tables: list[TensorTable] = field(default_factory=list)
    same_masks: bool = False

    @property
    def equal(self) -> bool:
        """Whether every row passes."""
        return all(row.passed for row in self.rows)

    @property
    def causes(self) -> list[str]:
        """What was measured to explain the differences, a sentence each."""
        return [cause.sentence for cause in self.diagnosed]

    @property
    def first_breach(self) -> ComparisonRow | None:
        """The first row that does not pass, or None."""
        return next((row for row in self.rows if not row.passed), None)
