"""The same labels of the same file, whatever it is read for."""

from __future__ import annotations

import pytest

from xlmcli.labelled.reading import iter_labelled_rows
from xlmcli.labelled.rows import LabelledFile, LabelledRow, Role
from xlmcli.tables import FormatName

FILES: dict[str, tuple[FormatName, str]] = {
    "without a header": ("tsv", "good\ta\nbad\tb\r\n"),
    "with a header": ("csv", '\ufefftext,label\n"a\n",good\n\nb,bad\n'),
    "JSON lines": ("jsonl", '{"text": "a", "label": "good"}\n\n{"label": "bad", "text": "b"}\n'),
}


def read(content: str, file: LabelledFile) -> list[LabelledRow]:
    return list(iter_labelled_rows([line.encode() for line in content.split("\n")], file))


@pytest.mark.parametrize("role", ["gold", "predicted", "training"])
@pytest.mark.parametrize("case", FILES)
def test_labels_are_the_same_for_every_role(case: str, role: Role) -> None:
    format, content = FILES[case]
    # Predictions without a header are taken for a label and its probability, unless a column is chosen.
    label = "1" if (case, role) == ("without a header", "predicted") else None
    rows = read(content, LabelledFile("x", format, role, label))
    assert [row.labels for row in rows] == [["good"], ["bad"]]


@pytest.mark.parametrize("case", FILES)
def test_the_text_is_found_without_its_name(case: str) -> None:
    format, content = FILES[case]
    rows = read(content, LabelledFile("x", format, "training", others=(None,)))
    assert ["".join(row.others).strip() for row in rows] == ["a", "b"]


def test_columns_stand_in_the_order_in_which_they_are_wanted() -> None:
    content = "lang\tprobability\tlabel\tid\nen\t0.5\tgood\t7\n"
    (row,) = read(content, LabelledFile("x", "tsv", "predicted", others=("id", "lang")))
    assert row == LabelledRow(2, ["good"], [0.5], ["7", "en"])
