"""Documents as records: what stays comes out byte for byte, and nothing is held that needs not be."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.documents.formats import DOCUMENT_FORMATS, DocumentOptions
from xlmcli.errors import DataError
from xlmcli.infer.hypotheses import Hypothesis, Translations
from xlmcli.infer.reading import Input, LineCounter
from xlmcli.infer.records.formats import iter_records
from xlmcli.infer.records.protocols import FormatOptions
from xlmcli.infer.sinks import written

BEGINNINGS = {"xliff": "<xliff>", "vtt": "WEBVTT\n\n", "srt": "1\n00:00:01,000 --> 00:00:02,000\n"}
ENDS = {"xliff": "</xliff>"}


def convert(name: str, content: str, translate: Callable[[str], str] = str, counter: LineCounter | None = None) -> str:
    chunks = iter_records(
        [Input("FILE", lambda: io.BytesIO(content.encode()), None)],
        FormatOptions(name, document=DocumentOptions()),  # type: ignore[arg-type]
        "strict",
        counter or LineCounter(),
    )
    return b"".join(
        written(record, None if record.text is None else Translations((Hypothesis(translate(record.text), 0.0),)))
        for records in chunks
        for record in records
    ).decode()


@pytest.mark.parametrize("name", DOCUMENT_FORMATS)
@given(st.text("ab .\n\r\\\"'<>&{}%é\ufeff\ufdda[]()*_#=:|-`1"))
def test_a_document_comes_out_as_it_was(name: str, text: str) -> None:
    content = BEGINNINGS.get(name, "") + text + ENDS.get(name, "")
    try:
        assert convert(name, content) == content
    except DataError as error:
        assert error.message.startswith("FILE:")  # noqa: PT017


@pytest.mark.parametrize("name", DOCUMENT_FORMATS)
def test_nothing_gives_nothing(name: str) -> None:
    assert convert(name, "") == ""


@pytest.mark.parametrize(
    ("name", "content", "translation"),
    [
        ("json", '{"a": "Hello {name}!", "b": "7"}', "Bonjour"),
        ("md", "a [*b*](x) and [c](y) d\n\n7\n", "e"),
        ("html", '<p>two <a title="one">three</a></p>\n', "deux"),
    ],
)
def test_a_translation_that_lost_markup_is_not_taken(name: str, content: str, translation: str) -> None:
    counter = LineCounter()
    assert convert(name, content, lambda text: translation, counter) == content
    assert counter.num_unwritten == 1


def test_what_stays_is_not_held() -> None:
    entries = "".join(f'msgid "a{number}"\nmsgstr "b"\n\n' for number in range(20_000))
    assert len(entries) > 500_000
    chunks = iter_records(
        [Input("FILE", lambda: io.BytesIO(entries.encode()), None)],
        FormatOptions("po", document=DocumentOptions()),
        "strict",
        LineCounter(),
    )
    raws = [record.raw for records in chunks for record in records]
    assert b"".join(raws) == entries.encode()
    assert max(map(len, raws)) < 70_000
