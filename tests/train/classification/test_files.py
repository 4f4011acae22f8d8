from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from xlmcli.errors import DataError, UsageError
from xlmcli.sources import Source
from xlmcli.train.classification.files import Columns, iter_examples

MULTI = Columns(multi_label=True)


def read(path: Path, text: str, columns: Columns) -> list[tuple[tuple[str, ...], tuple[str, ...], int]]:
    """Labels, texts and line numbers of a file with this text."""
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    examples = list(iter_examples(Source(("en",), path), columns))
    places = [example.place.removeprefix(f"{path}:") for example in examples]
    return [(tuple(example.labels), example.texts, int(place)) for example, place in zip(examples, places, strict=True)]


CASES = {
    "TSV without a header": ("x.tsv", "good\ta \"b\n bad\tc\r\n", Columns(), [("good", 'a "b', 1), ("bad", "c", 2)]),
    "a header that says label": ("x.tsv", "text\tid\tlabel\na\t1\tgood\n", Columns(), [("good", "a", 2)]),
    "names": ("x.tsv", "s\tid\ty\na\t1\tgood\n", Columns("y", "s"), [("good", "a", 2)]),
    "a name and a number": ("x.tsv", "s\tid\ty\na\t1\tgood\n", Columns("y", "1"), [("good", "a", 2)]),
    "numbers": ("x.tsv", "label\tgood\na\tbad\n", Columns("2", "1"), [("good", "label", 1), ("bad", "a", 2)]),
    "any other suffix": ("x.txt.gz", "good\ta\n", Columns(), [("good", "a", 1)]),
    "CSV": ("x.csv", 'good,"a, ""b""\nc"\n\nbad,d\n', Columns(), [("good", 'a, "b"\nc', 1), ("bad", "d", 4)]),
    "CSV with a header": ("x.csv.gz", "\ufefftext,label\na,good\n", Columns(), [("good", "a", 2)]),
    "CSV with semicolons": ("x.csv", "label;text\ngood;a, b\n", Columns(), [("good", "a, b", 2)]),
    "CSV with bare returns": ("x.csv", "label,text\rgood,a\rbad,b\r", Columns(), [("good", "a", 2), ("bad", "b", 3)]),
    "a label with a comma": ("x.tsv", "so, so\ta\n", Columns(), [("so, so", "a", 1)]),
    "JSON lines": ("x.jsonl", '{"text": "a", "label": 1}\n\n{"label": "x", "text": "b"}\n', Columns(),
                   [("1", "a", 1), ("x", "b", 3)]),
    "a BOM before JSON, and half a character": ("x.jsonl", '\ufeff{"text": "a\\ud800", "label": "x"}\n', Columns(),
                                                [("x", "a\ufffd", 1)]),
    "blank lines, and any case of the suffix": ("x.CSV", "\r\nlabel,text\r\n  \r\ngood,a\r\n", Columns(),
                                                [("good", "a", 4)]),
    "fields": ("x.ndjson", '{"s": "a", "y": "good"}\n', Columns("y", "s"), [("good", "a", 1)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_label_and_one_text(case: str, tmp_path: Path) -> None:
    name, text, columns, expected = CASES[case]
    assert read(tmp_path / name, text, columns) == [((label,), (words,), line) for label, words, line in expected]


def test_pairs(tmp_path: Path) -> None:
    expected = [(("yes",), ("a", "b"), 1)]
    assert read(tmp_path / "x.tsv", "a\tyes\tb\n", Columns("2", "1", "3")) == expected
    assert read(tmp_path / "x.jsonl", '{"p": "a", "h": "b", "label": "yes"}\n', Columns(None, "p", "h")) == expected
    named = read(tmp_path / "x.csv", "label,p,h\nyes,a,b\n", Columns(None, "p", "h"))
    assert named == [(("yes",), ("a", "b"), 2)]


def test_what_a_classifier_said_has_probabilities(tmp_path: Path) -> None:
    """As `xlm classify --all --format jsonl` writes it; ``-k`` and rounding leave a part out."""
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"text": "a", "label": "x", "labels": '
        '[{"label": "x", "probability": 0.6}, {"label": "y", "probability": 0.2}]}\n'
        '{"text": "b", "label": "y", "labels": ["x", "y"]}\n'
    )
    source = Source(("en",), path)
    uncertain, certain = iter_examples(source, Columns())
    assert uncertain.labels == pytest.approx({"x": 0.75, "y": 0.25})
    assert certain.labels == {"y": 1.0}
    assert next(iter_examples(source, MULTI)).labels == {"x": 0.6, "y": 0.2}
    assert next(iter_examples(source, Columns("label"))).labels == {"x": 1.0}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ('[{"label": "x", "probability": 1.5}]', "expected a probability from 0 to 1, found '1.5'"),
        ('[{"label": "x", "probability": true}]', "expected a probability from 0 to 1, found 'true'"),
        ('[{"label": "x"}]', "expected a probability in field 'probability', no such field"),
        ('["x"]', "expected a label in field 'label', no such field"),
        ("[]", "expected a label in field 'label', no such field"),
        ('[{"label": "x", "probability": 0}]', "no label"),
    ],
)
def test_what_is_no_probability(labels: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a", "labels": {labels}}}\n')
    with pytest.raises(DataError, match=f"x.jsonl:1: {re.escape(message)}"):
        list(iter_examples(Source(("en",), tmp_path / "x.jsonl"), Columns()))


def test_many_labels(tmp_path: Path) -> None:
    labels = [labels for labels, _, _ in read(tmp_path / "x.tsv", "b, a,b\tx\n\ty\nc\tz\n", MULTI)]
    assert labels == [("b", "a"), (), ("c",)]
    lines = '{"text": "x", "label": ["b", "a"]}\n{"text": "y", "label": []}\n{"text": "z", "label": "c,d"}\n'
    assert [labels for labels, _, _ in read(tmp_path / "x.jsonl", lines, MULTI)] == [("b", "a"), (), ("c", "d")]
    quoted = '"a, b",c\tx\n"a, b"\ty\n'
    assert [labels for labels, _, _ in read(tmp_path / "z.tsv", quoted, MULTI)] == [("a, b", "c"), ("a, b",)]
    items = '{"text": "x", "label": ["a, b", "c"]}\n'
    assert [labels for labels, _, _ in read(tmp_path / "z.jsonl", items, MULTI)] == [("a, b", "c")]
    assert read(tmp_path / "y.tsv", "a,b\tx\n", Columns()) == [(("a,b",), ("x",), 1)]


ERRORS = {
    "1: expected at least 2 columns, found 1": ("x.tsv", "good\n", Columns()),
    "2: no label": ("x.tsv", "good\ta\n \tb\n", Columns()),
    "3: expected 2 columns as in the first row, found 3": ("x.tsv", "good\ta\n\nbad\tb\tc\n", Columns()),
    "1: the header has 2 columns 'text'": ("x.csv", "label,text,text\na,b,c\n", Columns()),
    "1: a label must not hold a tab, a line end or a control: 'a\\tb'": (
        "x.jsonl",
        '{"label": "a\\tb", "text": "c"}\n',
        Columns(),
    ),
    "1: a label must not hold a tab, a line end or a control: 'a\\nb'": ("x.csv", '"a\nb",c\n', Columns()),
    "1: a label must not hold a tab, a line end or a control: 'a\\x1b[1m'": (
        "x.jsonl",
        '{"label": "a\\u001b[1m", "text": "c"}\n',
        Columns(),
    ),
    "2: no label ": ("x.jsonl", '{"label": "a", "text": "b"}\n{"label": null, "text": "c"}\n', Columns()),
    "1: no column 'y'": ("x.tsv", "good\ta\n", Columns("y", "2")),
    "2: expected 2 columns as in the header, found 3": ("x.csv", "label,text\na,b,c\n", Columns()),
    "1: not CSV: unexpected end of data": ("x.csv", 'good,"a\n', Columns()),
    "1: not JSON": ("x.jsonl", "good\n", Columns()),
    "1: expected a JSON object, found '[1]'": ("x.jsonl", "[1]\n", Columns()),
    "1: expected a text in field 'text', no such field": ("x.jsonl", '{"label": "a"}\n', Columns()),
    "1: expected a label in field 'label', found true": ("x.jsonl", '{"label": true, "text": "a"}\n', Columns()),
    "1: expected a label in field 'label', found [\"a\"]": ("x.jsonl", '{"label": ["a"], "text": "a"}\n', Columns()),
}


@pytest.mark.parametrize("message", ERRORS)
def test_errors_name_the_line(message: str, tmp_path: Path) -> None:
    name, text, columns = ERRORS[message]
    with pytest.raises(DataError) as caught:
        read(tmp_path / name, text, columns)
    assert f"{caught.value.message} ".startswith(f"{tmp_path / name}:{message}")


def test_a_source_names_no_column_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("good\ta\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"column= in 'en=.*,column=2' is for text without labels"):
        list(iter_examples(Source(("en",), tmp_path / "x.tsv", column=2), Columns()))
