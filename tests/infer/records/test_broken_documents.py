"""Documents that are cut, doubled and soiled: each is read as it is, or refused by an error that names the place."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

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

DOCUMENTS: dict[str, str] = {
    "po": """\
# A comment
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=n>1;\\n"

#, c-format
msgctxt "a"
msgid "One %d &cat"
msgid_plural "%d cats"
msgstr[0] ""
msgstr[1] ""

#, fuzzy
#| msgid "old"
msgid ""
"Two lines\\n"
"of <b>text</b>"
msgstr "x"
""",
    "xliff": """\
<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2"><file source-language="en" target-language="de"><body>
<trans-unit id="1"><source>The <g id="1">red</g> {n, plural, one {car} other {<x id="2"/> cars}}</source></trans-unit>
<trans-unit id="2"><source>A. B.</source><seg-source><mrk mtype="seg" mid="1">A.</mrk> <mrk mtype="seg" mid="2">B.</mrk>
</seg-source><target state="new"/><note>&amp;</note></trans-unit></body></file></xliff>
""",
    "srt": """\
1
00:00:01,000 --> 00:00:02,000
{\\an8}<i>Good morning,</i>
- my friend

2
00:00:02,000 --> 00:00:03,000
no
""",
    "vtt": """\
WEBVTT

NOTE no

id
00:01.000 --> 00:02.000 line:0
<v Ann>Fish &amp; <00:01.500>chips

00:02.000 --> 00:03.000
a
""",
    "html": """\
<!DOCTYPE html><html lang=en><head><meta charset="utf-8"><title>A &lt; b</title><script>if (a < b) c();</script></head>
<body><!-- no --><p class='x'>The <a href="y" title="tip">red <b>car</b></a> is <code>x</code>.<ul>
<li>One<li>two</ul></body>
""",
    "md": """\
---
title: no
---
# The *cat*

A [red **car**](x "y") and `code`\\
of two
lines[^1].

> - [ ] a task
>   goes on

| a | b \\| c |
|---|---|
| d | `e` |

```
no
```
[^1]: Note <b>here</b> &amp; there
""",
    "json": '{"a": {"b": "The {name} \\u00e9", "n": 1.50}, "c": ["{n, plural, one {# cat} other {# cats}}", null, ""]}',
    "properties": "# no\na.title = The {0} isn''t \\\n   here \\u00e9\nb:two\n\n! no\nc\n",
}  # fmt: skip

SOIL = st.sampled_from(
    [b"\0", b"\r", b"\xff", b"\xc3", b"\n", b"\n\n", b"\r\n", b"\xef\xbb\xbf", b'"', b"<", b">", b"</", b"<!--",
     b"]]>", b"&#0;", b"&x;", b"{", b"}", b"\\", b"-->", b"00:00:0-1,000 --> 00:00:00,000\n", b'msgid "a"\n',
     b"<![CDATA[", b"|", b"`", b"*", b"[", b"](", "\ufdda\ufdd2".encode(), b"\xed\xa0\x80", b"<b>", b"</b>",
     b"<target>", b"</source>", b"\\u12", b"'", b"%s", b"\xe2\x80\xa8"]
)  # fmt: skip
CUTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SOIL | st.just(b"")), min_size=1, max_size=4)


def soiled(content: bytes, cuts: list[tuple[float, int, bytes]]) -> bytes:
    for share, size, soil in cuts:
        place = int(share * len(content))
        content = content[:place] + soil + content[place + size :]
    return content


def convert(name: Any, content: bytes, translate: Callable[[str], str]) -> bytes:
    chunks = iter_records(
        [Input("FILE", lambda: io.BytesIO(content), None)],
        FormatOptions(name, document=DocumentOptions(target_lang="fr")),
        "strict",
        LineCounter(),
    )
    return b"".join(
        written(record, None if record.text is None else Translations((Hypothesis(translate(record.text), 0.0),)))
        for records in chunks
        for record in records
    )


def can_be_read(name: str, content: bytes) -> bool:
    """Whether another parser reads it."""
    try:
        if name == "xliff":
            ElementTree.fromstring(content)
        elif name == "json":
            json.loads(content)
        elif name == "po":
            pytest.importorskip("polib").pofile(content.decode("utf-8-sig"), check_for_duplicates=True)
        else:
            content.decode()
    except (ElementTree.ParseError, ValueError, OSError):
        return False
    return True


def backwards(text: str) -> str:
    return "\n".join(line[::-1] for line in text.split("\n"))


@pytest.mark.parametrize("name", DOCUMENT_FORMATS)
@given(CUTS)
def test_a_broken_document_is_read_or_refused(name: str, cuts: list[tuple[float, int, bytes]]) -> None:
    content = soiled(DOCUMENTS[name].encode(), cuts)
    try:
        converted = convert(name, content, backwards)
    except DataError as error:
        assert error.message.startswith("FILE:")  # noqa: PT017
        return
    if can_be_read(name, content):
        assert can_be_read(name, converted), converted
    if name not in ("po", "xliff", "html"):
        assert convert(name, content, str) == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("html", b"<div>" * 20_000 + b"a" + b"</div>" * 20_000),
        ("html", b"<b>" * 20_000 + b"a"),
        ("md", b"> " * 2_000 + b"a\n"),
        ("md", b"[" * 2_000 + b"a\n"),
        ("md", b"*a " * 2_000 + b"\n"),
        ("json", b"[" * 100_000),
        ("json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("json", b'{"a": "' + b"{n, plural, one {" * 2_000 + b'"}'),
        ("xliff", b"<xliff><trans-unit><source>" + b"<g>" * 100_000),
        ("po", b'msgid "' + b"<b>" * 20_000 + b'a"\nmsgstr ""\n'),
        ("srt", b"1\n00:00:01,000 --> 00:00:02,000\n" + b"<i>" * 20_000 + b"a\n"),
        ("properties", b"a=" + b"{" * 20_000 + b"b\n"),
    ],
)  # fmt: skip
def test_what_is_nested_deeply_takes_no_long_time(name: str, content: bytes) -> None:
    try:
        convert(name, content, str.upper)
    except DataError as error:
        assert error.message.startswith("FILE:")  # noqa: PT017


@pytest.mark.parametrize("name", DOCUMENT_FORMATS)
def test_utf_16_is_recognised(name: str) -> None:
    with pytest.raises(DataError, match="UTF-16"):
        convert(name, DOCUMENTS[name].encode("utf-16"), str)
