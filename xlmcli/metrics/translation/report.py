"""Systems' translations to a report, or to the scores of each line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xlmcli.metrics.report.reports import ModelFacts, Report, Table, Value
from xlmcli.metrics.sides import Side
from xlmcli.metrics.significance import SamplingOptions, warn_of_few_lines, warn_of_few_samples
from xlmcli.metrics.translation.comparison import compare
from xlmcli.metrics.translation.output import Repeats, find_misuse, measure_output
from xlmcli.metrics.translation.scorer import Scorer

_NO_LINE_ENDS = str.maketrans("\t\r\n", "   ")


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model made its output, loading not counted.

    Attributes:
        lines_per_second: Lines of source.
        tokens_per_second: Tokens of source.
    """

    lines_per_second: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A system to score.

    Attributes:
        side: Its lines.
        model: What made them, where that was done on the spot.
        speed: How fast; likewise.
    """

    side: Side
    model: ModelFacts | None = None
    speed: Speed | None = None


def report_translations(
    candidates: Sequence[Candidate],
    references: Sequence[Side],
    source: Side | None,
    scorers: Sequence[Scorer],
    sampling: SamplingOptions,
    repeats: Repeats,
    *,
    baseline: int = 0,
    decimals: int = 2,
) -> Report:
    """Scores systems and compares them.

    Args:
        candidates: The systems, as many lines each as the references have.
        references: At least one.
        source: What was translated; with it the report tells what went wrong with the output, too.
        scorers: The metrics.
        sampling: How intervals and tests are computed.
        repeats: Tells from the words of a source and of its translation, as numbers, whether the latter loops.
        baseline: Which system the others are tested against.
        decimals: To print of scores.
    """
    sides = [candidate.side for candidate in candidates]
    lines = [reference.lines for reference in references]
    names = [side.name for side in sides]
    result = compare(
        names, [side.lines for side in sides], lines, scorers, sampling, baseline=baseline, decimals=decimals
    )
    systems = [
        replace(system, model=candidate.model) for system, candidate in zip(result.systems, candidates, strict=True)
    ]
    has_tests = any(score.tests for system in systems for score in system.scores)
    return Report(
        task="translate",
        num_lines=len(lines[0]),
        metrics=result.metrics,
        systems=tuple(systems),
        baseline=baseline if has_tests else None,
        tables=() if source is None else (_output_table(candidates, lines, source, repeats),),
        warnings=(
            *find_misuse(sides, references, source),
            *(warn_of_few_lines(len(lines[0])) if sampling.num_resamples else ()),
            *(warn_of_few_samples(resamples=sampling.num_resamples, trials=sampling.num_trials) if has_tests else ()),
        ),
    )


def score_sentences(
    candidates: Sequence[Candidate], references: Sequence[Side], scorers: Sequence[Scorer]
) -> Iterator[tuple[str, int, list[float]]]:
    """Yields name, number of the line from 1 and its scores, of one system after the other."""
    lines = [reference.lines for reference in references]
    counted = [scorer.count([candidate.side.lines for candidate in candidates], lines) for scorer in scorers]
    for index, candidate in enumerate(candidates):
        columns = [scorer.score_each(stats[index]) for scorer, stats in zip(scorers, counted, strict=True)]
        for number, scores in enumerate(zip(*columns, strict=True), start=1):
            yield candidate.side.name, number, list(scores)


def format_sentences_tsv(
    rows: Iterator[tuple[str, int, list[float]]], metric_names: Sequence[str], decimals: int
) -> Iterator[str]:
    """Yields a header and a row for each line of each system."""
    yield "\t".join(("system", "line", *metric_names)) + "\n"
    for name, number, scores in rows:
        values = (f"{score:.{decimals}f}" for score in scores)
        yield "\t".join((name.translate(_NO_LINE_ENDS), str(number), *values)) + "\n"


def format_sentences_json(rows: Iterator[tuple[str, int, list[float]]], metric_names: Sequence[str]) -> Iterator[str]:
    """Yields a JSON object for each line of each system."""
    for name, number, scores in rows:
        values = {"system": name, "line": number, "scores": dict(zip(metric_names, scores, strict=True))}
        yield json.dumps(values, ensure_ascii=False) + "\n"


def _output_table(
    candidates: Sequence[Candidate], references: Sequence[Sequence[str]], source: Side, repeats: Repeats
) -> Table:
    columns = ["system", "repeating_percent", "copied_percent", "odd_length_percent"]
    has_speed = any(candidate.speed is not None for candidate in candidates)
    rows = []
    for candidate in candidates:
        shares = measure_output(candidate.side.lines, source.lines, references, repeats)
        row: list[Value] = [candidate.side.name]
        row += [100 * share for share in (shares.repeating, shares.copied, shares.odd_length)]
        if has_speed:
            speed = candidate.speed
            row += [None, None] if speed is None else [speed.lines_per_second, speed.tokens_per_second]
        rows.append(tuple(row))
    if has_speed:
        columns += ["lines_per_second", "tokens_per_second"]
    return Table("output", "output, in percent of lines", tuple(columns), tuple(rows), decimals=2)
