"""Reports as TSV, JSON, Markdown and LaTeX; see `xlmcli.console` for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Literal

from xlmcli import __version__
from xlmcli.facts import format_document, visible
from xlmcli.metrics.report.grids import Cell, Grid, format_value, interval_note, score_grid, signature_lines, table_grid
from xlmcli.metrics.report.reports import Report, Score, System, Table, Test

SCHEMA = "xlm-eval/1"

WrittenFormat = Literal["tsv", "json", "markdown", "latex"]

_PACKAGES = ("sacrebleu", "numpy")
_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
}  # fmt: skip


def format_report(report: Report, name: WrittenFormat) -> str:
    """Returns a report as text, its last line ended."""
    writers: dict[WrittenFormat, Callable[[Report], str]] = {
        "tsv": format_tsv,
        "json": format_json,
        "markdown": format_markdown,
        "latex": format_latex,
    }
    return writers[name](report)


def format_tsv(report: Report) -> str:
    """A row for each system and metric under a header; further tables follow, each after an empty line."""
    tests = list(
        dict.fromkeys(test.name for system in report.systems for score in system.scores for test in _all_tests(score))
    )
    header = ["system", "metric", "score", "mean", "ci", "low", "high", *(f"p_{name}" for name in tests)]
    rows = [[*header, "verdict", "signature"]]
    for index, system in enumerate(report.systems):
        for column, (metric, score) in enumerate(zip(report.metrics, system.scores, strict=True)):
            p_values = {test.name: f"{test.p_value:.4f}" for test in _all_tests(score)}
            rows.append(
                [
                    system.name,
                    metric.name,
                    f"{score.value:.{metric.decimals}f}",
                    *_interval_columns(score, metric.decimals),
                    *(p_values.get(name, "") for name in tests),
                    report.verdict(index, column),
                    metric.signature or "",
                ]
            )
    blocks = [rows, *(_table_rows(table) for table in report.tables)]
    return "\n".join("".join("\t".join(map(_one_cell, row)) + "\n" for row in block) for block in blocks)


def format_json(report: Report) -> str:
    """The whole report with unrounded figures; docs/eval.md has the schema."""
    values = {
        "schema": SCHEMA,
        "xlm": __version__,
        "packages": {name: version(name) for name in _PACKAGES},
        "task": report.task,
        "lines": report.num_lines,
        "metrics": [
            {"name": metric.name, "signature": metric.signature, "higher_is_better": metric.higher_is_better}
            for metric in report.metrics
        ],
        "baseline": None if report.baseline is None else report.systems[report.baseline].name,
        "systems": [_system_values(report, index, system) for index, system in enumerate(report.systems)],
        "tables": [
            {"name": table.name, "system": table.system, "columns": table.columns, "rows": table.rows}
            for table in report.tables
        ],
        "warnings": list(report.warnings),
    }
    return format_document(values) + "\n"


def format_markdown(report: Report) -> str:
    """Tables in pipes, the best system in bold, signatures as a list."""
    blocks = [_markdown_table(score_grid(report))]
    if note := interval_note(report):
        blocks.append(f"{note}\n")
    if lines := signature_lines(report):
        blocks.append("".join(f"- `{visible(line)}`\n" for line in lines))
    for table in report.tables:
        grid = table_grid(table)
        blocks += [f"{visible(grid.title)}\n", _markdown_table(grid)]
    return "\n".join(blocks)


def format_latex(report: Report) -> str:
    """Tables for the booktabs package, the best system in bold, signatures as comments."""
    comments = [*signature_lines(report), *filter(None, [interval_note(report)])]
    blocks = ["".join(f"% {visible(line)}\n" for line in comments) + _latex_table(score_grid(report))]
    blocks += [f"% {visible(grid.title)}\n{_latex_table(grid)}" for grid in map(table_grid, report.tables)]
    return "\n".join(blocks)


def _system_values(report: Report, index: int, system: System) -> dict[str, object]:
    scores = [
        {"metric": metric.name, "value": score.value, **_score_values(score), "verdict": report.verdict(index, column)}
        for column, (metric, score) in enumerate(zip(report.metrics, system.scores, strict=True))
    ]
    model = None if system.model is None else {"name": system.model.name, "sha256": system.model.sha256}
    return {"name": system.name, "model": model, "scores": scores}


def _score_values(score: Score) -> dict[str, object]:
    interval = score.interval
    return {
        "interval": None
        if interval is None
        else {"mean": interval.mean, "low": interval.low, "high": interval.high, "ci": interval.half_width},
        "p_values": {test.name: test.p_value for test in _all_tests(score)},
    }


def _all_tests(score: Score) -> tuple[Test, ...]:
    return (*score.tests, *score.mirrored)


def _interval_columns(score: Score, decimals: int) -> list[str]:
    interval = score.interval
    if interval is None:
        return [""] * 4
    return [f"{value:.{decimals}f}" for value in (interval.mean, interval.half_width, interval.low, interval.high)]


def _table_rows(table: Table) -> list[list[str]]:
    rows = [list(table.columns), *([format_value(value, table.decimals) for value in row] for row in table.rows)]
    if table.system is None:
        return rows
    return [[name, *row] for name, row in zip(["system", *[table.system] * len(table.rows)], rows, strict=True)]


def _one_cell(text: str) -> str:
    return visible(text.replace("\t", " ").replace("\n", " "))


def _markdown_table(grid: Grid) -> str:
    rows = [tuple(map(_escape_pipes, grid.columns)), ("---", *("---:" for _ in grid.columns[1:]))]
    rows += [tuple(map(_markdown_cell, row)) for row in grid.rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _markdown_cell(cell: Cell) -> str:
    text = _escape_pipes(cell.text)
    text = f"**{text}**" if cell.is_best else text
    return f"{text}, {cell.note}" if cell.note else text


def _escape_pipes(text: str) -> str:
    return visible(text).replace("|", r"\|")


def _latex_table(grid: Grid) -> str:
    rows: list[Sequence[str]] = [tuple(map(_latex_escape, grid.columns))]
    rows += [tuple(map(_latex_cell, row)) for row in grid.rows]
    header, *body = [f"{' & '.join(row)} \\\\\n" for row in rows]
    columns = "l" + "r" * (len(grid.columns) - 1)
    rules = f"\\toprule\n{header}\\midrule\n{''.join(body)}\\bottomrule\n"
    return f"\\begin{{tabular}}{{{columns}}}\n{rules}\\end{{tabular}}\n"


def _latex_cell(cell: Cell) -> str:
    text = _latex_escape(cell.text)
    text = f"\\textbf{{{text}}}" if cell.is_best else text
    return f"{text}, {_latex_escape(cell.note)}" if cell.note else text


def _latex_escape(text: str) -> str:
    return "".join(_LATEX_ESCAPES.get(character, character) for character in visible(text))
