"""What an evaluation found, whatever is scored and whatever format it is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xlmcli.metrics.significance import SIGNIFICANT, Interval, least_p

Task = Literal["translate", "classify"]
Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Metric:
    """What the scores of one column are.

    Attributes:
        name: As people write it: ``BLEU``, ``accuracy``.
        decimals: To print.
        signature: The settings that the figure depends on, verbatim from who computed it; None if there are none.
        higher_is_better: Whether more is better.
    """

    name: str
    decimals: int
    signature: str | None = None
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Test:
    """A test of the difference from the baseline.

    Attributes:
        name: ``bootstrap`` (paired), ``randomization`` or ``mcnemar``; sacreBLEU's own under its name.
        p_value: 0-1, how likely such a difference is by chance.
    """

    __test__ = False  # Not for pytest.

    name: Literal["bootstrap", "randomization", "mcnemar", "sacrebleu_bootstrap", "sacrebleu_randomization"]
    p_value: float


@dataclass(frozen=True, slots=True)
class Score:
    """One figure of one system.

    Attributes:
        value: In the metric's own range.
        interval: 95 %, None if none was asked for.
        tests: Against the baseline; empty for the baseline itself.
        mirrored: Tests of the same as other programs compute them, on which no verdict rests.
        num_differing: Lines in which the system differs from the baseline, where it was tested.
    """

    value: float
    interval: Interval | None = None
    tests: tuple[Test, ...] = ()
    mirrored: tuple[Test, ...] = ()
    num_differing: int | None = None

    @property
    def p_value(self) -> float | None:
        """The largest of the tests': a difference counts only where all agree. None without tests."""
        return max((self.least_p, *(test.p_value for test in self.tests))) if self.tests else None

    @property
    def least_p(self) -> float:
        """What no test can fall below, since so few lines differ."""
        return 0.0 if self.num_differing is None else least_p(self.num_differing)

    @property
    def is_significant(self) -> bool:
        return self.p_value is not None and self.p_value < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model that was asked for its output.

    Attributes:
        name: As the bundle calls itself.
        sha256: Of the model's weights.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class System:
    """What was scored.

    Attributes:
        name: Its file, or the model.
        scores: One for each metric of the report, in the same order.
        model: The model that made the output, where it was made on the spot.
    """

    name: str
    scores: tuple[Score, ...]
    model: ModelFacts | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Further figures: for each label, for each language, a confusion matrix, speed.

    Attributes:
        name: A word for programs: ``labels``, ``languages``, ``confusion``, ``output``.
        title: For people.
        columns: Their names.
        rows: As many values each as there are columns; None is an empty cell.
        decimals: To print of floats.
        system: Which system it is about; None if it is about all.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    decimals: int = 4
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The result of ``xlm eval``.

    Attributes:
        task: What was scored.
        num_lines: Lines or examples.
        metrics: The columns.
        systems: The rows, in the order given.
        baseline: Index of the system that the others were tested against; None without tests.
        tables: Further figures.
        warnings: What makes the figures doubtful, a sentence each.
    """

    task: Task
    num_lines: int
    metrics: tuple[Metric, ...]
    systems: tuple[System, ...]
    baseline: int | None = None
    tables: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = ()

    def best(self, metric: int) -> frozenset[int]:
        """Returns the systems that have the best score by a metric; several only if they are equal."""
        values = [system.scores[metric].value for system in self.systems]
        top = max(values) if self.metrics[metric].higher_is_better else min(values)
        return frozenset(index for index, value in enumerate(values) if value == top)

    def verdict(self, system: int, metric: int) -> str:
        """Returns in words how a system stands: ``best``, ``better than baseline (p=0.001)``; empty if alone."""
        if len(self.systems) == 1:
            return ""
        words = ["best"] if system in self.best(metric) else []
        if system == self.baseline:
            words.append("baseline")
        score = self.systems[system].scores[metric]
        if score.p_value is not None and self.baseline is not None:
            baseline = self.systems[self.baseline].scores[metric]
            words.append(self._compared(metric, score, baseline))
        return ", ".join(words)

    def _compared(self, metric: int, score: Score, baseline: Score) -> str:
        if score.value == baseline.value:
            return "no difference from baseline"
        p_value = f"p={score.p_value:.4f}"
        if score.is_significant:
            is_better = (score.value > baseline.value) == self.metrics[metric].higher_is_better
            return f"{'better' if is_better else 'worse'} than baseline ({p_value})"
        if score.least_p >= SIGNIFICANT:
            p_value += f"; too few lines differ to show one: {score.num_differing}"
        return f"no significant difference from baseline ({p_value})"
