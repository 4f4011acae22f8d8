"""Files with labels, and every way in which they can be wrong."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.errors import DataError, UsageError
from xlmcli.lines import iter_byte_lines
from xlmcli.metrics.labels.file import (
    LabelColumns,
    SystemLabels,
    check_gold,
    check_predictions,
    read_gold,
    read_predictions,
)
from xlmcli.tables import format_of

Role = Literal["gold", "pred"]

TEXT = LabelColumns()
TSV = LabelColumns("tsv")
CSV = LabelColumns("csv")
JSONL = LabelColumns("jsonl")


def read(role: Role, content: str | bytes, options: LabelColumns, *, multi_label: bool = False) -> SystemLabels:
    """Reads a file with this content, named as its role."""
    data = content.encode() if isinstance(content, str) else content
    lines = [line.removesuffix(b"\n") for line in io.BytesIO(data)]
    function = read_gold if role == "gold" else read_predictions
    return function(lines, role, options, multi_label=multi_label)


def failing(role: Role, content: str | bytes, options: LabelColumns) -> str:
    with pytest.raises(DataError) as caught:
        read(role, content, options)
    return caught.value.message


def test_gold_text_is_a_label_a_line() -> None:
    gold = read("gold", "\ufeffpos\nneg\r\n pos \n", TEXT)
    assert gold == SystemLabels("gold", [1, 2, 3], ["pos", "neg", "pos"], None, None)


def test_gold_text_may_stand_before_a_text() -> None:
    assert read("gold", "pos\tI like it.\tvery much\nneg\t\n", TEXT).labels == ["pos", "neg"]


@pytest.mark.parametrize("options", [TEXT, TSV], ids=["text", "tsv"])
def test_predictions_are_read_as_classify_writes_them(options: LabelColumns) -> None:
    predicted = read("pred", "pos\t0.9000\nneg\t0.6000\tpos\t0.3000\n", options)
    assert predicted.labels == ["pos", "neg"]
    assert predicted.probabilities is not None
    assert predicted.probabilities.tolist() == [0.9, 0.6]


def test_predictions_need_no_probabilities() -> None:
    assert read("pred", "pos\nneg", TEXT).probabilities is None


def test_a_table_without_header_has_the_label_first() -> None:
    gold = read("gold", 'pos\t"quoted\n\nneg\t\n', TSV)
    assert (gold.labels, gold.numbers) == (["pos", "neg"], [1, 3])


def test_columns_are_given_by_number() -> None:
    options = LabelColumns("tsv", label="2", probability="3", lang="1")
    predicted = read("pred", "en\tpos\t1\nfr\tneg\t0.5\n", options)
    assert (predicted.labels, predicted.langs) == (["pos", "neg"], ["en", "fr"])
    assert predicted.probabilities is not None
    assert predicted.probabilities.tolist() == [1, 0.5]


def test_columns_are_given_by_name() -> None:
    options = LabelColumns("csv", label="sentiment", lang="language")
    gold = read("gold", 'text,sentiment,language\n"a,\nb",pos,en\n\nc,neg,fr\n', options)
    assert (gold.labels, gold.langs, gold.numbers) == (["pos", "neg"], ["en", "fr"], [2, 5])


def test_a_header_is_found_by_its_label() -> None:
    content = "text,label,probability\nlabel,pos,0.75\n"
    predicted = read("pred", content, CSV)
    assert predicted.labels == ["pos"]
    assert predicted.probabilities is not None
    assert predicted.probabilities.tolist() == [0.75]
    assert read("gold", content, CSV).probabilities is None


def test_json_lines() -> None:
    content = '{"label": "pos", "probability": 1, "lang": "en"}\n\n{"label": 3, "probability": 0.5, "lang": "fr"}\n'
    predicted = read("pred", content, LabelColumns("jsonl", lang="lang"))
    assert (predicted.labels, predicted.langs, predicted.numbers) == (["pos", "3"], ["en", "fr"], [1, 3])
    assert predicted.probabilities is not None
    assert predicted.probabilities.tolist() == [1, 0.5]
    options = LabelColumns("jsonl", label="a", probability="b")
    assert read("pred", '{"a": "x", "b": 0, "label": "y"}', options).labels == ["x"]


def test_json_may_list_labels_and_spell_half_characters() -> None:
    gold = read("gold", '{"label": ["b", "a"]}\n{"label": []}\n{"label": "\\ud800"}', JSONL, multi_label=True)
    assert gold.labels == ["b,a", "", "\ufffd"]


MULTI_LABEL_FILES = [
    (TEXT, "b\t0.9\ta\t0.6\n\na\t0.7\n"),
    (LabelColumns("csv", label="2", probability="3"), 'x,"b,a","0.9,0.6"\ny,,\nz,a,0.7\n'),
    (JSONL, '{"label": "b", "probability": 0.9, "labels": [{"label": "b", "probability": 0.9}, {"label": "a", '
     '"probability": 0.6}]}\n{"label": null, "probability": null, "labels": []}\n'
     '{"label": "a", "probability": 0.7, "labels": [{"label": "a", "probability": 0.7}]}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("options", "content"), MULTI_LABEL_FILES, ids=["text", "csv", "jsonl"])
def test_several_labels_are_read_as_classify_writes_them(options: LabelColumns, content: str) -> None:
    predicted = read("pred", content, options, multi_label=True)
    assert (predicted.labels, predicted.probabilities) == (["b,a", "", "a"], None)


@pytest.mark.parametrize(("options", "content"), MULTI_LABEL_FILES, ids=["text", "csv", "jsonl"])
def test_of_several_labels_the_first_is_the_prediction(options: LabelColumns, content: str) -> None:
    assert failing("pred", content, options) == "pred:2: no label"
    lines = content.splitlines(keepends=True)
    predicted = read("pred", lines[0] + lines[2], options)
    assert predicted.labels == ["b", "a"]
    assert predicted.probabilities is not None
    assert predicted.probabilities.tolist() == [0.9, 0.7]


def test_labels_and_probabilities_are_as_many() -> None:
    options = LabelColumns("tsv", label="1", probability="2")
    assert (
        failing("pred", "a,b,c\t0.5,0.4\n", options) == "pred:1: expected a probability for each label, found 2 for 3"
    )
    assert failing("pred", "a\t0.5,0.4\n", options) == "pred:1: expected a probability for each label, found 2 for 1"


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ('["a"]', "expected labels and probabilities"),
        ('[{"label": "a"}]', "expected a probability in field 'probability', no such field"),
    ],
)
def test_lists_of_labels_in_json_are_checked(items: str, found: str) -> None:
    with pytest.raises(DataError, match=f"^pred:1: {found}"):
        read("pred", f'{{"labels": {items}}}', JSONL, multi_label=True)


@pytest.mark.parametrize("multi_label", [True, False])
def test_labels_with_commas_are_one(multi_label: bool) -> None:
    gold = read(
        "gold", '"so, so"\n"so, so",good\n' if multi_label else "so, so\nso, so\n", TEXT, multi_label=multi_label
    )
    one, one_cell = ('"so, so"', '"""so, so"""') if multi_label else ("so, so", "so, so")
    items = '{"label": "so, so", "probability": 0.8}'
    contents = {
        TEXT: "so, so\t0.9\nso, so\t0.8\tgood\t0.1\n",
        JSONL: f'{{"label": "so, so", "labels": [{items}]}}\n'
        f'{{"label": "so, so", "labels": [{items}, {{"label": "good", "probability": 0.1}}]}}\n',
        LabelColumns("tsv", "1", "2"): f'{one}\t0.9\n"so, so",good\t0.8,0.1\n',
        LabelColumns("csv"): f'label;probability\n{one_cell};0.9\n"""so, so"",good";0.8,0.1\n',
    }
    for options, content in contents.items():
        predicted = read("pred", content, options, multi_label=multi_label)
        assert predicted.labels == gold.labels
        check_predictions(gold, predicted, multi_label=multi_label)


def test_multiple_labels_may_be_none() -> None:
    assert read("gold", "a,b\n\n", TEXT, multi_label=True).labels == ["a,b", ""]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
            st.floats(0, 1),
        ),
        min_size=1,
    )
)
def test_what_csv_and_json_writers_write_is_read(rows: list[tuple[str, str, float]]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label", "probability"])
    # The reader ends lines at \n alone; csv's own also at a bare \r, outside quotes, and 3.10 refuses NUL.
    writer.writerows((text.replace("\0", ""), label, probability) for text, label, probability in rows)
    objects = "".join(json.dumps({"text": text, "label": label, "probability": p}) + "\n" for text, label, p in rows)
    for content, options in ((table.getvalue(), CSV), (objects, JSONL)):
        predicted = read("pred", content, options)
        assert predicted.labels == [label for _, label, _ in rows]
        assert predicted.probabilities is not None
        assert predicted.probabilities.tolist() == [probability for _, _, probability in rows]


@pytest.mark.parametrize("role", ["gold", "pred"])
@pytest.mark.parametrize(
    ("options", "content"), [(TEXT, ""), (TSV, ""), (TSV, "\n\n"), (CSV, "text,label\n"), (JSONL, "\n")]
)
def test_empty_files_are_errors(role: Role, options: LabelColumns, content: str) -> None:
    assert failing(role, content, options) == f"{role}: no labels: the file is empty"


@pytest.mark.parametrize(
    ("options", "content", "message"),
    [
        (TEXT, "pos\n\npos\n", "gold:2: no label"),
        (TSV, "pos\ta\n \tb\n", "gold:2: no label"),
        (JSONL, '{"label": ""}', "gold:1: no label"),
        (TEXT, b"pos\n\xff\n", "gold:2: invalid UTF-8 (byte 0xff at byte 1 of the line)"),
        (LabelColumns("tsv", label="3"), "a\tb\tpos\na\tb\n", "gold:2: expected at least 3 columns, found 2"),
        (LabelColumns("tsv", label="x"), "label\ttext\n", "gold:1: no column 'x'"),
        (LabelColumns("csv", lang="lang"), "label,lang\npos,\n", "gold:2: no language"),
        (CSV, 'label,text\npos,"a\nb"\nneg\n', "gold:4: expected 2 columns as in the header, found 1"),
        (CSV, 'label,text\npos,a\nneg,"a\npos,b\n', "gold:3: not CSV: unexpected end of data"),
        (JSONL, '{"label": "pos"}\n{"label": }\n', "gold:2: not JSON: "),
        (JSONL, '["pos"]', "gold:1: expected a JSON object, found '[\"pos\"]'"),
        (JSONL, '{"label": "pos"}\n{"text": "a"}\n', "gold:2: expected a label in field 'label', no such field"),
        (JSONL, '{"label": null}', "gold:1: no label"),
        (JSONL, '{"label": ["a"]}', "gold:1: expected a label in field 'label', found [\"a\"]"),
        (JSONL, '{"label": true}', "gold:1: expected a label in field 'label', found true"),
        (JSONL, '{"label": 0.5}', "gold:1: expected a label in field 'label', found 0.5"),
        (LabelColumns("jsonl", lang="l"), '{"label": "a", "l": 1}', "gold:1: expected a text in field 'l', found 1"),
    ],
)
def test_what_is_wrong_with_gold_is_named_with_its_line(
    options: LabelColumns, content: str | bytes, message: str
) -> None:
    found = failing("gold", content, options)
    # What Python's JSON reader says in detail is its own affair.
    assert found.startswith(message) if message.endswith(": ") else found == message


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-0.1", "1.0001", "", "sure"])
def test_what_is_no_probability_is_named_with_its_line(value: str) -> None:
    message = f"pred:2: expected a probability from 0 to 1, found {value!r}"
    assert failing("pred", f"pos\t0.5\npos\t{value}\n", TEXT) == message
    assert failing("pred", f"pos\t0.5\npos\t0.5\tneg\t{value}\n", TEXT) == message
    assert failing("pred", f"0.5\tpos\n{value}\tpos\n", LabelColumns("tsv", label="2", probability="1")) == message


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "true", "null", '"x"', "[0.5]"])
def test_what_is_no_probability_in_json_is_named_with_its_line(value: str) -> None:
    lines = f'{{"label": "a", "probability": 0.5}}\n{{"label": "a", "probability": {value}}}\n'
    message = failing("pred", lines, JSONL)
    assert message.startswith(
        f"pred:2: {value} is no number in JSON"
        if "N" in value or "I" in value
        else "pred:2: expected a probability from 0 to 1, found "
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("pos\t0.5\npos\n", "pred:2: no probability, and the lines before have one"),
        ("pos\npos\npos\t0.5\n", "pred:3: a probability here, and the lines before have none"),
        ("pos\t0.5\npos\t0.5\tneg\n", "pred:2: expected label and probability in turn, found 3 columns"),
        ("pos\n\n", "pred:2: no label"),
    ],
)
def test_what_is_wrong_with_predictions_is_named_with_its_line(content: str, message: str) -> None:
    assert failing("pred", content, TEXT) == message


def test_a_missing_probability_of_json_is_named_with_its_line() -> None:
    lines = '{"label": "a", "probability": 0.5}\n{"label": "a"}\n'
    assert failing("pred", lines, JSONL) == "pred:2: no probability, and the lines before have one"
    assert failing("pred", lines, LabelColumns("jsonl", probability="p")) == (
        "pred:1: expected a probability in field 'p', no such field"
    )


def test_columns_count_from_one_and_text_has_none() -> None:
    with pytest.raises(UsageError, match="the label's column counts from 1"):
        read("gold", "pos\n", LabelColumns("tsv", label="0"))
    with pytest.raises(UsageError, match="no column or field 'x'"):
        LabelColumns("text", lang="x")


def column(role: Role, labels: str) -> SystemLabels:
    return read(role, "".join(f"{label}\n" for label in labels), TEXT)


def test_labels_that_gold_lacks_are_unknown() -> None:
    gold = read("gold", "positive\nnegative\n", TEXT)
    predicted = read("pred", "positive\npostive\n", TEXT)
    with pytest.raises(DataError) as caught:
        check_predictions(gold, predicted)
    assert caught.value.message == "pred:2: unknown label 'postive' (did you mean 'positive'?)"
    assert caught.value.hint == "gold has negative, positive; --labels names all that may occur"


def test_labels_that_are_named_are_known() -> None:
    gold, predicted = column("gold", "ab"), column("pred", "ac")
    for labels in (["a", "b", "c"], ["a", "c"]):
        check_predictions(gold, predicted, labels)
    with pytest.raises(DataError, match="pred:2: unknown label 'c'"):
        check_predictions(gold, predicted, ["a", "b"])
    check_gold(gold, ["a", "b"])
    with pytest.raises(DataError, match="gold:2: unknown label 'b'"):
        check_gold(gold, ["a", "c"])


def test_each_of_multiple_labels_must_be_known() -> None:
    gold = read("gold", "a,b\n\n", TEXT, multi_label=True)
    check_predictions(gold, read("pred", "b\nb,a\n", TEXT, multi_label=True), multi_label=True)
    with pytest.raises(DataError, match="pred:2: unknown label 'c'"):
        check_predictions(gold, read("pred", "b\na,c\n", TEXT, multi_label=True), multi_label=True)


def test_many_known_labels_are_not_all_listed() -> None:
    gold = read("gold", "".join(f"{number}\n" for number in range(100, 130)) * 3, TEXT)
    predicted = read("pred", "x\n" * 90, TEXT)
    with pytest.raises(DataError) as caught:
        check_predictions(gold, predicted)
    assert caught.value.hint is not None
    assert "119 and 10 more;" in caught.value.hint


GOLD = "abcabdacbdabccbadbca"


@pytest.mark.parametrize(
    ("predicted", "counts", "where"),
    [
        (GOLD[:7] + GOLD[8:], "pred has 19 labels and gold 20", "the first line that looks shifted is pred:8"),
        (GOLD[:7] + "xx" + GOLD[7:], "pred has 22 labels and gold 20", "the first line that looks shifted is pred:8"),
        (GOLD[:-3], "pred has 17 labels and gold 20", "the labels of pred fit up to its end: it looks cut short"),
        (GOLD + "ab", "pred has 22 labels and gold 20", "the labels of pred fit up to line 20: the rest looks added"),
        (GOLD[2:], "pred has 18 labels and gold 20", "the first line that looks shifted is pred:1"),
    ],
    ids=["missing", "added", "cut", "longer", "head"],
)
def test_different_line_counts_name_the_first_line_that_looks_shifted(predicted: str, counts: str, where: str) -> None:
    with pytest.raises(DataError) as caught:
        check_predictions(column("gold", GOLD), column("pred", predicted))
    assert (caught.value.message, caught.value.hint) == (counts, where)


def test_a_shift_is_found_among_errors_and_in_tables_that_span_lines() -> None:
    labels = GOLD[:10] + GOLD[12:]
    rows = "".join(f'{label},"text\nof {label}"\n' for label in labels[:4] + "a" + labels[5:])
    predicted = read("pred", f"label,text\n{rows}", CSV)
    with pytest.raises(DataError) as caught:
        check_predictions(column("gold", GOLD), predicted)
    assert caught.value.hint == "the first line that looks shifted is pred:22"


def test_compressed_files_are_read(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "gold.tsv.gz"
    path.write_bytes(gzip.compress(b"pos\ta\nneg\tb\n"))
    gold = read_gold(iter_byte_lines(path), str(path), LabelColumns(format_of(path)))
    assert gold.labels == ["pos", "neg"]
    assert gold.place(1) == f"{path}:2"
