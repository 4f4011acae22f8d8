from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError, UsageError
from xlmcli.infer.directions import SearchOptions
from xlmcli.infer.hypotheses import Hypothesis, Translations
from xlmcli.infer.reading import Input, LineCounter
from xlmcli.infer.records.formats import iter_records
from xlmcli.infer.records.protocols import FormatOptions
from xlmcli.infer.sinks import written

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def answer(text: str, search: SearchOptions, warnings: tuple[str, ...] = ()) -> Translations:
    """Answers in capitals; the second best is marked."""
    marks = ["", *(f"'{rank}" for rank in range(1, search.num_best))]
    hypotheses = tuple(Hypothesis(text.upper() + mark, -0.5 - len(mark)) for mark in marks)
    return Translations(hypotheses, warnings, search.with_scores)


def convert(
    *contents: str, warnings: tuple[str, ...] = (), num_best: int = 1, with_scores: bool = False, **options: object
) -> str:
    """What comes out for files with these contents."""
    format_options = FormatOptions(**options)  # type: ignore[arg-type]
    search = SearchOptions(num_best=num_best, with_scores=with_scores)
    inputs = [
        Input(f"file{number}", lambda content=content: io.BytesIO(content.encode()), None)
        for number, content in enumerate(contents, start=1)
    ]
    chunks = iter_records(inputs, format_options, "strict", LineCounter(), search.added)
    return "".join(
        written(record, None if record.text is None else answer(record.text, search, warnings)).decode()
        for records in chunks
        for record in records
    )


class Chunks(io.RawIOBase):
    """Reads one chunk after the other."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        chunk = next(self._chunks, b"")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def test_text_keeps_line_ends_and_files_apart() -> None:
    assert convert("a\r\n\nb", "c\n") == "A\r\n\nB\nC\n"


def test_text_with_scores() -> None:
    assert convert("a\n", with_scores=True) == "-0.5000\tA\n"


def test_text_n_best_numbers_lines_through_all_files() -> None:
    assert convert("a\n", "b\n", num_best=2) == (
        "0 ||| A ||| -0.5000\n0 ||| A'1 ||| -2.5000\n1 ||| B ||| -0.5000\n1 ||| B'1 ||| -2.5000\n"
    )


@given(st.lists(TEXT.map(lambda text: text.replace("\n", "\r"))))
def test_a_line_of_text_gives_one_line(lines: list[str]) -> None:
    content = "".join(f"{line}\n" for line in lines)
    converted = convert(content)
    assert converted.count("\n") == len(lines)
    for line, result in zip(lines, converted.split("\n"), strict=False):
        assert result.count("\r") == line.count("\r")


def test_tsv_answers_one_column_and_passes_the_others() -> None:
    assert convert('1\ta "b\tx\r\n\n2\t\ty', name="tsv", column="2") == '1\tA "B\tx\r\n\n2\t\ty\n'


def test_a_row_of_empty_columns_is_a_row() -> None:
    assert convert("\t\n\n \n", name="tsv", with_scores=True) == "\t\t-0.5000\n\n \n"


def test_a_stray_quote_does_not_gather_the_input() -> None:
    lines = iter([b"a,b\n", b'1,"x\n', *[b"2,y%s\n" % (b"y" * 1000)] * 20_000])
    stream = io.BufferedReader(Chunks(lines))
    with pytest.raises(DataError, match="file:2: a quoted value is not closed within 10 MB"):
        list(iter_records([Input("file", lambda: stream, None)], FormatOptions("csv"), "strict", LineCounter()))
    assert 9_000 < sum(1 for _ in lines) < 11_000


def test_tsv_never_gains_a_column() -> None:
    record = next(iter_records([Input("x", lambda: io.BytesIO(b"a\tb"), None)], FormatOptions("tsv"), "strict", None))
    assert record[0].format(Translations((Hypothesis("one\ttwo\nthree", 0.0),))) == "one two three\tb\n"


def test_csv_understands_quotes() -> None:
    content = 'id,note\n1,"one, ""two""\nthree"\n2,5" pipe\n3,"x",\n'
    expected = 'ID,note\n1,"one, ""two""\nthree"\n2,5" pipe\n3,"x",\n'
    assert convert(content, name="csv") == expected
    assert convert('1,"one, ""two""\nthree"\n', name="csv", column="2") == '1,"ONE, ""TWO""\nTHREE"\n'


@given(st.lists(st.lists(TEXT, min_size=2, max_size=3).filter(lambda row: any(value.strip() for value in row))))
def test_csv_rows_survive(rows: list[list[str]]) -> None:
    import csv

    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    content = buffer.getvalue()
    if content.startswith("\ufeff"):
        return
    converted = csv.reader(io.StringIO(convert(content, name="csv", column="2"), newline=""))
    assert list(converted) == [[row[0], row[1].upper(), *row[2:]] for row in rows]


@pytest.mark.parametrize("name", ["tsv", "csv"])
def test_a_header_is_passed_once_and_names_the_column(name: str) -> None:
    files = ["\ufeffid\tnote\n1\ta\n", "id\tnote\n2\tb\n"]
    files = [content.replace("\t", "\t" if name == "tsv" else ",") for content in files]
    expected = "\ufeffid\tnote\tscore\n1\tA\t-0.5000\n2\tB\t-0.5000\n"
    converted = convert(*files, name=name, column="note", with_scores=True)
    assert converted.replace(",", "\t") == expected


@pytest.mark.parametrize(
    ("contents", "options", "message"),
    [
        (["a\tb\nc\n"], {"name": "tsv", "column": "2"}, "file1:2: expected at least 2 columns, found 1"),
        (["id,note\n1\n"], {"name": "csv", "column": "note"}, "file1:2: expected 2 columns as in the header, found 1"),
        (["id,note\n"], {"name": "csv", "column": "text"}, "file1:1: no column 'text'"),
        (["a,b\n", "a,c\n"], {"name": "csv", "column": "a"}, "file2:1: the header differs"),
        (
            ["a,score\n", "a,score\n"],
            {"name": "csv", "column": "a", "with_scores": True},
            "file1:1: the header has a column 'score' already",
        ),
        (
            ["score\ta\n"],
            {"name": "tsv", "column": "a", "with_scores": True},
            "file1:1: the header has a column 'score' already",
        ),
        (['1,"a\nb\n'], {"name": "csv"}, "file1:1: a quoted value is not closed"),
        (['1,"a"b\n'], {"name": "csv"}, "file1:1: not CSV"),
        (["a\tb\n"], {"name": "tsv", "column": ""}, "file1:1: no column ''"),
        (["a\rb,c\n"], {"name": "csv"}, "file1:1: not CSV: a stray quote or carriage return in column 1"),
        (["id,a,a\n1,b,c\n"], {"name": "csv", "column": "a"}, "file1:1: the header has 2 columns 'a'"),
        (["a\tb\ta\n"], {"name": "tsv", "column": "a"}, "file1:1: the header has 2 columns 'a'"),
        (['{"text": "a", "text": "b"}\n'], {"name": "jsonl"}, "file1:1: the object has two fields 'text'"),
        (['{"text": "a", "n": [NaN]}\n'], {"name": "jsonl"}, "file1:1: NaN is no number in JSON"),
        (['{"text": "a"}\n{"text": \n'], {"name": "jsonl"}, "file1:2: not JSON"),
        (["[1]\n"], {"name": "jsonl"}, "file1:1: expected a JSON object"),
        (['{"a": "b"}\n'], {"name": "jsonl"}, "file1:1: expected a text in field 'text', no such field"),
        (['{"a": 7}\n'], {"name": "jsonl", "field": "a"}, "expected a text in field 'a', found 7"),
        (['{"text": "a", "score": 1}\n'], {"name": "jsonl", "with_scores": True}, "has a field 'score' already"),
        (['{"text": "a", "n": 1e400}\n'], {"name": "jsonl"}, "file1:1: the number 1e400 is too large"),
        (["[" * 100_000], {"name": "jsonl"}, "file1:1: nested more than 900 deep"),
    ],
)
def test_malformed_records_are_named(contents: list[str], options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert(*contents, **options)


def test_json_passes_other_fields() -> None:
    line = '{"id": 12345678901234567890, "text": "é\\nb", "x": [null, {"y": "\\ud800"}]}'
    converted = convert(f"{line}\r\n\n", name="jsonl")
    assert converted.endswith("}\r\n\n")
    assert json.loads(converted) == {**json.loads(line), "text": "É\nB"}


OTHERS = (
    '"n": 1.10,"m" :12345678901234567.89 , "z": [1e-400, -0.0, 1E5],"n":2,"s":"\\u00e9\\/\\ud800","d": {"b":1, "b":2}'
)


@pytest.mark.parametrize("others", [OTHERS, f'"x": {"[" * 899}{"]" * 899}', f'"x": {"[" * 880}1e1{"]" * 880}'])
def test_json_keeps_everything_but_the_field_byte_for_byte(others: str) -> None:
    line = f' {{ {others},"text":  "a\\u00e9b" , "w": null }} \t\r\n'
    expected = line.replace('"a\\u00e9b"', '"AÉB"')
    assert convert(line, name="jsonl") == expected
    assert convert(line, name="jsonl", with_scores=True) == expected.replace("null", 'null, "score": -0.5')
    same = line.replace('"a\\u00e9b"', '"\\u0041"')
    assert convert(f"\ufeff{same}", f"\ufeff{same}", name="jsonl") == same + same


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ("[ ]", '[ "cut"]'),
        ("[1.10 ]", '[1.10 , "cut"]'),
        ("1.10", '[1.10, "cut"]'),
        ('""', '["", "cut"]'),
        ("null", '["cut"]'),
        (None, ""),
    ],
)
def test_warnings_are_added_to_those_there(known: str | None, expected: str) -> None:
    if known is None:
        assert convert('{"text": "a" }\n', warnings=("cut",), name="jsonl") == '{"text": "A", "warnings": ["cut"] }\n'
        return
    for line in (f'{{"warnings": {known}, "text": "a"}}\n', f'{{"text": "a","warnings":{known}}}\n'):
        expected_line = line.replace(known, expected).replace('"a"', '"A"')
        assert convert(line, warnings=("cut",), name="jsonl") == expected_line
        scored = convert(line, warnings=("cut",), name="jsonl", with_scores=True)
        assert scored == expected_line.replace("}", ', "score": -0.5}')


def test_csv_keeps_everything_but_the_column_byte_for_byte() -> None:
    header = '\ufeff"id","text",\'x\'\r\n'
    rows = '"1", a, "x\r\n 2,"b, c",""""\r\n'
    answered = rows.replace(" a", " A").replace("b, c", "B, C")
    assert convert(header + rows, header + rows, name="csv", column="text") == header + answered * 2
    assert convert("\ufeff" + rows, "\ufeff" + rows, name="csv", column="2") == "\ufeff" + answered * 2


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("is_said", [True, False])
def test_a_header_tells_what_separates_columns(delimiter: str, is_said: bool) -> None:
    content = 'id;"text";x\n1;a, b;"c;d"\n2;";";\n'.replace(";", delimiter)
    content += ";;\n\n".replace(";", delimiter)
    expected = 'id;"text";x;score\n1;A, B;"c;d";-0.5000\n2;";";;-0.5000\n;;;-0.5000\n\n'.replace(";", delimiter)
    said = {"delimiter": delimiter} if is_said else {}
    assert convert(content, name="csv", column="text", with_scores=True, **said) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('id;"my\ntext";note\n1;a;b, c\n', 'id;"my\ntext";note\n1;a;B, C\n'),
        ("sep=;\r\nid;note\r\n1;b, c\r\n", "sep=;\r\nid;note\r\n1;B, C\r\n"),
        ('id,note\r1,"a\nb"\r2,c\r', 'id,note\r1,"A\nB"\r2,C\r'),
        ('id,note\r1,"a\r\nb"\r\n2,c', 'id,note\r1,"A\r\nB"\r\n2,C\r'),
        ('"id","x\r",note\n1,2,a\n', '"id","x\r",note\n1,2,A\n'),
    ],
)
def test_tables_of_other_programs(content: str, expected: str) -> None:
    assert convert(content, name="csv", column="note") == expected


def test_what_excel_is_told_stands_once() -> None:
    files = ["sep=|\n1|a,b\n", "sep=|\n2|c\n"]
    assert convert(*files, name="csv", column="2") == "sep=|\n1|A,B\n2|C\n"
    assert convert("1,a\n", "sep=,\n2,b\n", name="csv", column="2") == "1,A\n2,B\n"
    assert convert("sep=|\n", name="tsv") == "SEP=|\n"
    for options in ({}, {"delimiter": ","}):
        with pytest.raises(DataError, match=r"^file[12]:1: sep=;, and ',' was to separate columns$"):
            convert("sep=,\n1,a\n", "sep=;\n2;b\n", name="csv", column="2", **options)


def test_a_return_in_quotes_ends_no_row() -> None:
    assert convert('1,"a\rb"', name="csv", column="2") == '1,"A\rB"\n'


def test_columns_without_names_are_separated_as_said() -> None:
    assert convert("a;b,c\n", name="csv", column="2", delimiter=";") == "a;B,C\n"
    assert convert("a;b,c\n", name="csv", column="2") == "a;b,C\n"
    counter = LineCounter()
    source = Input("file", lambda: io.BytesIO(b"\na;b\nc\n"), None)
    list(iter_records([source], FormatOptions("csv"), "strict", counter))
    assert counter.other_delimiter == ";"


def test_rows_may_end_in_a_bare_return() -> None:
    content = 'id,text\r1,"a\rb"\r2,c'
    expected = 'id,text,score\r1,"A\rB",-0.5000\r2,C,-0.5000\r'
    assert convert(content, name="csv", column="text", with_scores=True) == expected
    with pytest.raises(DataError, match="file1:3: expected 2 columns"):
        convert("id,text\r1,a\r2,b,c", name="csv", column="text")


PIECES = [b"\xef\xbb\xbf", b"\r", b"\n", b"a", b"\xff", b" ", b"\t", b'"a"', b","]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join), st.sampled_from(["text", "tsv", "csv"]))
def test_records_are_kept_as_they_were_read(content: bytes, name: str) -> None:
    source = Input("file", lambda: io.BytesIO(content), None)
    try:
        chunks = list(iter_records([source], FormatOptions(name), "replace", LineCounter()))  # type: ignore[arg-type]
    except DataError:
        return
    raw = b"".join(record.raw for records in chunks for record in records)
    assert raw.startswith(content)
    assert raw.removeprefix(content) in (b"", b"\n", b"\r")


def test_json_tells_scores_hypotheses_and_warnings() -> None:
    converted = convert(
        '{"t": "a", "warnings": ["old"]}\n', warnings=("cut",), name="jsonl", field="t", with_scores=True, num_best=2
    )
    assert json.loads(converted) == {
        "t": "A",
        "score": -0.5,
        "nbest": [{"text": "A", "score": -0.5}, {"text": "A'1", "score": -2.5}],
        "warnings": ["old", "cut"],
    }


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT)), TEXT)
def test_a_json_line_gives_one_line(values: dict[str, object], text: str) -> None:
    values = {**values, "text": text}
    converted = convert(json.dumps(values, ensure_ascii=False) + "\n", name="jsonl")
    assert converted.count("\n") == 1
    assert json.loads(converted) == {**values, "text": text.upper()}


def test_half_a_surrogate_pair_is_no_character_for_the_model() -> None:
    source = Input("x", lambda: io.BytesIO(rb'{"text": "a\ud800b"}'), None)
    ((record,),) = iter_records([source], FormatOptions("jsonl"), "strict", LineCounter())
    assert record.text == "a\ufffdb"


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n", "\r", "\udcff"])
def test_a_delimiter_is_one_character(delimiter: str) -> None:
    with pytest.raises(UsageError, match="--delimiter"):
        FormatOptions("csv", delimiter=delimiter)


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ";"},
        {"column": "1"},
        {"name": "tsv", "field": "a"},
        {"field": "a"},
        {"name": "jsonl", "column": "1"},
    ],
)
def test_options_of_other_formats_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"--(column|field|delimiter) is for"):
        FormatOptions(**options)  # type: ignore[arg-type]


def test_columns_count_from_one() -> None:
    with pytest.raises(UsageError, match="counts from 1"):
        convert("a\n", name="tsv", column="0")
