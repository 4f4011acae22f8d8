from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from xlmcli.errors import UsageError
from xlmcli.metrics.report.plots import draw_confusion, draw_systems, plot_report
from xlmcli.metrics.report.reports import Metric, Report, Score, System, Table
from xlmcli.metrics.significance import Interval

CONFUSION = Table("confusion", "confusion", ("gold", "neg", "pos"), (("neg", 8, 1), ("pos", 2, 9)), system="a")
REPORT = Report(
    "translate",
    10,
    tuple(Metric(name, 2) for name in ("BLEU", "chrF2", "TER", "m4", "m5")),
    tuple(
        System(name, tuple(Score(value, Interval(value - 1, value + 2, value)) for _ in range(5)))
        for name, value in (("a", 30.0), ("b", 33.0))
    ),
)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_a_picture_is_written_as_its_suffix_says(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"plot{suffix}"
    plot_report(REPORT, path)
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kind of picture"):
        plot_report(REPORT, tmp_path / "plot.bmp")


def test_systems_are_points_with_intervals() -> None:
    figure = draw_systems(REPORT)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["BLEU", "chrF2", "TER", "m4", "m5"]
    lines = [list(line.get_xdata()) for line in panels[0].lines]
    assert lines == [[29.0, 32.0], [30.0], [32.0, 35.0], [33.0]]
    assert panels[0].lines[1].get_markerfacecolor() == "white"
    assert panels[0].lines[3].get_markerfacecolor() != "white"


def test_a_confusion_matrix_has_its_counts() -> None:
    (axes,) = draw_confusion(CONFUSION).axes
    assert [text.get_text() for text in axes.texts] == ["8", "1", "2", "9"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["neg", "pos"]


@pytest.mark.parametrize(("num_labels", "num_texts"), [(50, 2500), (51, 0)])
def test_of_many_labels_cells_have_no_numbers(num_labels: int, num_texts: int) -> None:
    labels = tuple(map(str, range(num_labels)))
    rows = tuple((label, *(1,) * num_labels) for label in labels)
    (axes,) = draw_confusion(Table("confusion", "", ("gold", *labels), rows, system="a")).axes
    assert len(axes.texts) == num_texts
    assert [label.get_text() for label in axes.get_yticklabels()] == list(labels)


def test_one_confusion_matrix_is_drawn_instead_of_the_scores(tmp_path: Path) -> None:
    report = Report("classify", 20, REPORT.metrics[:1], REPORT.systems[:1], tables=(CONFUSION,))
    plot_report(report, tmp_path / "plot.svg")
    assert "predicted" in (tmp_path / "plot.svg").read_text(encoding="utf-8")


def test_labels_are_words_and_no_formulas(tmp_path: Path) -> None:
    labels = ("$\\x$", "$5-$9", *map(str, range(60)))
    rows = tuple((label, *(float(label == other) for other in labels)) for label in labels)
    table = Table("confusion", "", ("gold", *labels), rows, system="$a$")
    figure = draw_confusion(table)
    figure.savefig(tmp_path / "confusion.png")
    assert max(figure.get_size_inches()) < 50
