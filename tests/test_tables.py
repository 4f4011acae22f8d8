from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError, UsageError
from xlmcli.tables import (
    HeaderGuess,
    Layout,
    ReturnGuess,
    check_column,
    csv_cell,
    csv_value,
    find_layout,
    format_of,
    has_header,
    iter_rows,
    join_labels,
    split_csv_row,
    split_labels,
)

# Only \n ends a line here; csv's own reader also takes a bare \r for an end, outside quotes, and 3.10 refuses NUL.
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def rows_of(content: str, *, is_csv: bool) -> list[tuple[int, list[str]]]:
    return list(iter_rows(content.removesuffix("\n").split("\n"), "x", is_csv=is_csv))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.tsv", "tsv"), ("a.CSV", "csv"), ("a.jsonl.gz", "jsonl"), ("a.b/c.ndjson", "jsonl"), ("a.txt", "text"),
     ("a", "text"), ("a.tsv.b", "text"), ("a.zst", "text")],
)  # fmt: skip
def test_the_suffix_tells_the_format(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


def test_in_tsv_nothing_quotes() -> None:
    assert rows_of('a\t"b\r\n\n  \n\t\nc\n', is_csv=False) == [(1, ["a", '"b']), (4, ["", ""]), (5, ["c"])]


def test_in_csv_a_value_may_span_lines() -> None:
    content = 'a,"b, ""c""\r\nd"\r\n\r\n  \n""\n,\n5" pipe\n'
    expected = [(1, ["a", 'b, "c"\r\nd']), (5, [""]), (6, ["", ""]), (7, ['5" pipe'])]
    assert rows_of(content, is_csv=True) == expected


@given(st.lists(st.lists(VALUES, min_size=2)))
def test_what_csv_writes_is_read(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    assert [row for _, row in rows_of(file.getvalue(), is_csv=True)] == rows


@given(st.lists(VALUES, min_size=1), st.sampled_from(",;\t|^]\\-"), st.booleans())
def test_cells_are_kept_as_they_are_written(values: list[str], delimiter: str, is_quoted: bool) -> None:
    cells = [csv_cell(value, delimiter, is_quoted=is_quoted) for value in values]
    row = delimiter.join(cells)
    assert split_csv_row(row, delimiter, "x:1") == cells
    assert list(map(csv_value, cells)) == values
    if row:
        assert next(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter, strict=True)) == values


def test_cells_may_be_quoted_without_need() -> None:
    assert split_csv_row('"a",5" b, "c",""', ",", "x:1") == ['"a"', '5" b', ' "c"', '""']


@pytest.mark.parametrize(
    ("header", "names", "expected"),
    [
        ("id,text", ["text"], ","),
        ("id;text", ["text"], ";"),
        ('"id";"text"', ["text", "id"], ";"),
        ("id\ttext, long", ["id"], "\t"),
        ("id;text", ["2"], ","),
        ("id;text", ["comment"], ","),
        ("a;b,text", ["text"], ","),
    ],
)
def test_names_tell_what_separates_them(header: str, names: list[str], expected: str) -> None:
    assert HeaderGuess(names).read(f"{header}\n") == expected


@pytest.mark.parametrize(
    ("content", "names", "expected"),
    [
        ('id;"my\ntext";note\n1;a,b;c\n', ["note"], [(1, ["id", "my\ntext", "note"]), (3, ["1", "a,b", "c"])]),
        ('\n"a;b",text\n1,2\n', ["text"], [(2, ["a;b", "text"]), (3, ["1", "2"])]),
        ("sep=;\nid;text\n1;a,b\n", ["text"], [(2, ["id", "text"]), (3, ["1", "a,b"])]),
        ("SEP=|\r\n1|a,b\r\n", [], [(2, ["1", "a,b"])]),
        ("sep=;\n", [], []),
    ],
)
def test_a_header_may_span_lines_and_excel_says_what_separates(
    content: str, names: list[str], expected: list[tuple[int, list[str]]]
) -> None:
    lines = content.removesuffix("\n").split("\n")
    assert list(iter_rows(lines, "x", is_csv=True, names=names)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\rc,d", True),
        ("a,b\rc,d\n", False),
        ('a,b\rc,"d\n', True),
        ('a,"b\rc\n"\re', True),
        ('"a\n\nb",c\rd', True),
        ('"a\n\nb",c\rd\n', False),
        ('a,"b\rc"', False),
        ('"a""\rb",5" pipe\rc', True),
        ("a,b\r", False),
        ("a,b\r\nc", False),
    ],
)
def test_what_ends_rows(content: str, expected: bool) -> None:
    guess, lines = ReturnGuess(), content.split("\n")
    for line in lines[:-1]:
        guess.read(line)
    if lines[-1]:
        guess.read(lines[-1], is_last=True)
    assert guess.returned == expected


def test_rows_may_end_in_a_bare_return() -> None:
    lines = ['a,b\r1,"c', 'd"\r2,"e', '"']
    assert list(iter_rows(lines, "x", is_csv=True)) == [(1, ["a", "b"]), (2, ["1", "c\nd"]), (4, ["2", "e\n"])]
    assert list(iter_rows(['a,"b\rc"\rd,e\r'], "x", is_csv=True)) == [(1, ["a", "b\rc"]), (3, ["d", "e"])]
    rows = iter_rows(["label;text", "good;a, b"], "x", is_csv=True, names=("label", None))
    assert list(rows) == [(1, ["label", "text"]), (2, ["good", "a, b"])]


@given(st.lists(VALUES.map(str.strip).filter(bool)))
def test_labels_survive_being_joined(labels: list[str]) -> None:
    assert split_labels(join_labels(labels)) == labels


def test_labels_are_split_at_commas_outside_quotes() -> None:
    assert split_labels(' a, "so, so" ,5" pipe,,') == ["a", "so, so", '5" pipe']
    assert split_labels("a\rb") == ["a\rb"]


@pytest.mark.parametrize("row", ['"a"b,c', '"a,b', "a\rb,c"])
def test_what_is_not_csv_is_named_with_its_line(row: str) -> None:
    with pytest.raises(DataError, match=r"^x:3: not CSV: "):
        rows_of(f"a,b\n\n{row}\n", is_csv=True)
    with pytest.raises(DataError, match=r"^x:3: not CSV: "):
        split_csv_row(row, ",", "x:3")


@pytest.mark.parametrize(
    ("first", "label", "others", "expected"),
    [
        (["label", "text"], None, [None], True),
        (["Label", "text"], None, [None], False),
        (["label", "text"], "1", [None, "2"], False),
        (["y", "text"], "1", ["text"], True),
        (["y", "text"], "y", [None], True),
        (["good", "label"], None, ["2"], True),
        (["good", "a"], None, [], False),
    ],
)
def test_a_name_or_a_column_called_label_makes_a_header(
    first: list[str], label: str | None, others: Iterable[str | None], expected: bool
) -> None:
    assert has_header(first, label, others) == expected


def test_columns_are_found_by_number_and_name() -> None:
    header = ["id", "text", "id"]
    assert find_layout(["text", "1"], header, "x:1", "choose") == Layout((1, 0), 3, "choose")
    with pytest.raises(DataError, match=r"^x:1: the header has 2 columns 'id'$"):
        find_layout(["id"], header, "x:1", "choose")
    assert find_layout(["3", "1"], None, "x:1", "choose") == Layout((2, 0), None, "choose")
    with pytest.raises(DataError, match=r"^x:1: no column 'y'$") as caught:
        find_layout(["y"], header, "x:1", "choose")
    assert caught.value.hint == "the header has id, text, id; choose"


def test_rows_are_as_wide_as_the_header_or_as_needed() -> None:
    assert Layout((2, 0), None, "choose").cells(["a", "b", "c", "d"], "x:2") == ["c", "a"]
    with pytest.raises(DataError, match=r"^x:2: expected at least 3 columns, found 2$") as caught:
        Layout((2, 0), None, "choose").check(["a", "b"], "x:2")
    assert caught.value.hint == "choose"
    with pytest.raises(DataError, match=r"^x:2: expected 2 columns as in the header, found 3$"):
        Layout((0,), 2, "choose").check(["a", "b", "c"], "x:2")


def test_columns_count_from_one() -> None:
    check_column(None, "--column")
    check_column("1", "--column")
    check_column("x0", "--column")
    with pytest.raises(UsageError, match=r"^--column counts from 1$"):
        check_column("00", "--column")


def test_a_column_is_no_number_of_thousands_of_digits() -> None:
    with pytest.raises(UsageError, match=r"^--column is a number of 5000 digits$"):
        check_column("1" * 5000, "--column")
