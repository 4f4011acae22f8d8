from __future__ import annotations

import json
from importlib.metadata import version

import pytest

from xlmcli.metrics.report.grids import score_grid, table_grid
from xlmcli.metrics.report.reports import Metric, ModelFacts, Report, Score, System, Table, Test
from xlmcli.metrics.report.writers import SCHEMA, WrittenFormat, format_report
from xlmcli.metrics.significance import Interval

BETTER = (Test("bootstrap", 0.001), Test("randomization", 0.0123))
UNSURE = (Test("bootstrap", 0.01), Test("randomization", 0.2))


@pytest.fixture
def report() -> Report:
    """A baseline and a system that is better by BLEU and not surely worse by TER."""
    base = System("old_50%.fr", (Score(30.125, Interval(29.0, 31.5, 30.2)), Score(40.0)))
    new = System(
        "new\t|.fr",
        (Score(33.0, Interval(32.0, 34.0, 33.1), BETTER), Score(42.0, None, UNSURE)),
        ModelFacts("m", "ab12"),
    )
    metrics = (Metric("BLEU", 2, "nrefs:1|tok:13a"), Metric("TER", 1, "nrefs:1|case:lc", higher_is_better=False))
    tables = (
        Table("output", "output", ("system", "copied_percent", "lines_per_second"), (("a", 1.5, None),), decimals=2),
        Table("confusion", "confusion of a", ("gold", "x_y"), (("x_y", 3),), system="a"),
    )
    return Report("translate", 1200, metrics, (base, new), baseline=0, tables=tables, warnings=("beware",))


def test_verdicts_are_words(report: Report) -> None:
    assert report.verdict(0, 0) == "baseline"
    assert report.verdict(1, 0) == "best, better than baseline (p=0.0123)"
    # Less is better; and where the tests disagree nothing is claimed.
    assert report.verdict(0, 1) == "best, baseline"
    assert report.verdict(1, 1) == "no significant difference from baseline (p=0.2000)"
    alone = Report("translate", 1, report.metrics, report.systems[:1])
    assert alone.verdict(0, 0) == ""


def test_significantly_worse_is_said_where_less_is_better() -> None:
    systems = (System("a", (Score(40.0),)), System("b", (Score(45.0, None, BETTER),)))
    report = Report("translate", 1, (Metric("TER", 1, higher_is_better=False),), systems, baseline=0)
    assert report.verdict(1, 0) == "worse than baseline (p=0.0123)"


def test_tsv_has_a_row_for_each_score_and_the_tables_below(report: Report) -> None:
    first, second, third = format_report(report, "tsv").split("\n\n")
    rows = [line.split("\t") for line in first.split("\n")]
    assert rows[0] == [
        "system", "metric", "score", "mean", "ci", "low", "high", "p_bootstrap", "p_randomization",
        "verdict", "signature",
    ]  # fmt: skip
    assert rows[1] == [
        "old_50%.fr",
        "BLEU",
        "30.12",
        "30.20",
        "1.25",
        "29.00",
        "31.50",
        "",
        "",
        "baseline",
        "nrefs:1|tok:13a",
    ]
    assert rows[4][:3] == ["new |.fr", "TER", "42.0"]
    assert rows[4][3:9] == ["", "", "", "", "0.0100", "0.2000"]
    assert second == "system\tcopied_percent\tlines_per_second\na\t1.50\t"
    assert third == "system\tgold\tx_y\na\tx_y\t3\n"


def test_json_follows_its_schema(report: Report) -> None:
    values = json.loads(format_report(report, "json"))
    assert list(values) == [
        "schema", "xlm", "packages", "task", "lines", "metrics", "baseline", "systems", "tables", "warnings",
    ]  # fmt: skip
    assert values["schema"] == SCHEMA
    assert values["packages"]["sacrebleu"] == version("sacrebleu")
    assert values["baseline"] == "old_50%.fr"
    assert values["metrics"][1] == {"name": "TER", "signature": "nrefs:1|case:lc", "higher_is_better": False}
    old, new = values["systems"]
    assert old["model"] is None
    assert new["model"] == {"name": "m", "sha256": "ab12"}
    assert old["scores"][0]["value"] == 30.125
    assert old["scores"][0]["interval"] == {"mean": 30.2, "low": 29.0, "high": 31.5, "ci": 1.25}
    assert new["scores"][1] == {
        "metric": "TER",
        "value": 42.0,
        "interval": None,
        "p_values": {"bootstrap": 0.01, "randomization": 0.2},
        "verdict": "no significant difference from baseline (p=0.2000)",
    }
    assert values["tables"][1] == {"name": "confusion", "system": "a", "columns": ["gold", "x_y"], "rows": [["x_y", 3]]}
    assert values["warnings"] == ["beware"]


def test_markdown_marks_the_best_and_lists_signatures(report: Report) -> None:
    text = format_report(report, "markdown")
    lines = text.split("\n")
    assert lines[0] == "| system | BLEU | TER (less is better) |"
    assert lines[1] == "| --- | ---: | ---: |"
    assert lines[2] == "| old_50%.fr | 30.12 (30.20 ± 1.25), baseline | **40.0**, best, baseline |"
    assert lines[3].startswith(
        "| new\t\\|.fr | **33.00 (33.10 ± 1.00)**, best, better than baseline (p=0.0123) | 42.0, no"
    )
    assert "- `BLEU|nrefs:1|tok:13a`" in lines
    assert "the larger p-value of the paired bootstrap and approximate randomization" in text


def test_latex_escapes_what_it_must(report: Report) -> None:
    text = format_report(report, "latex")
    assert text.startswith("% BLEU|nrefs:1|tok:13a\n")
    assert "old\\_50\\%.fr & 30.12 (30.20 $\\pm$ 1.25), baseline & \\textbf{40.0}, best, baseline \\\\\n" in text
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") == 3
    for line in text.splitlines():
        assert line.startswith("%") or "%" not in line.replace("\\%", "")


@pytest.mark.parametrize("name", ["tsv", "json", "markdown", "latex"])
def test_a_lone_system_without_intervals_can_be_written(name: WrittenFormat) -> None:
    report = Report("classify", 1, (Metric("accuracy", 4),), (System("a", (Score(0.5),)),))
    text = format_report(report, name)
    assert "0.5" in text
    assert text.endswith("\n")
    assert "baseline (p" not in text


def test_many_metrics_stand_below_each_other() -> None:
    metrics = tuple(Metric(f"m{number}", 1) for number in range(5))
    systems = tuple(System(name, tuple(Score(float(number)) for number in range(5))) for name in "ab")
    grid = score_grid(Report("classify", 1, metrics, systems))
    assert grid.columns == ("metric", "a", "b")
    assert [cell.text for cell in grid.rows[4]] == ["m4", "4.0", "4.0"]
    assert all(cell.is_best for cell in grid.rows[4][1:])


def test_labels_are_not_taken_for_words(report: Report) -> None:
    assert table_grid(report.tables[0]).columns == ("system", "copied percent", "lines per second")
    assert table_grid(report.tables[1]).columns == ("gold", "x_y")


@pytest.mark.parametrize("name", ["tsv", "markdown", "latex"])
def test_names_say_nothing_to_a_terminal_and_stay_in_their_line(name: WrittenFormat) -> None:
    system = System("\x1b[31ma\nerror: b\u202e", (Score(1.0),))
    table = Table("labels", "labels of \x1b\nc", ("label",), (("\x1b]0;d\x07",),), system="\x1b\ne")
    written = format_report(Report("classify", 60, (Metric("accuracy", 4),), (system,), tables=(table,)), name)
    assert not set(written) & set("\x1b\x07\u202e")
    assert not any(line.startswith(("error: b", "c", "e")) for line in written.splitlines())
