from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.documents.formats import DocumentOptions
from xlmcli.documents.parsers import new_parser
from xlmcli.documents.parts import DocumentLine
from xlmcli.errors import DataError

Convert = Callable[..., str]

SRT = """\
1
00:00:01,000 --> 00:00:03,000
{\\an8}<i>Good morning.</i>

2
00:00:03,500 --> 00:00:05,000
I think that the old man
in the red car,

3
00:00:05,000 --> 00:00:08,000 X1:40 X2:600
who waited <3

4
00:00:07,000 --> 00:00:10,000
- Where to?
- I am <b>home</b> now
and here.


5
00:00:11,000 --> 00:00:12,000
♪ ♪

6
00:00:13,000 --> 00:00:14,000
<font color="#ff0000">Red text

and more.
7
00:00:15,000 --> 00:00:16,000
"""
VTT = """\
WEBVTT - A title

NOTE
Not to be translated

STYLE
::cue { color: red }

intro
00:01.000 --> 00:03.000 align:start position:10%
<v Roger>Fish &amp; <c.loud>chips</c>

01:00:03.500 --> 01:00:05.000
Now <00:03.600>it <00:04.000>ends &lt;here&gt;
"""


def srt(*texts: str) -> str:
    return "".join(
        f"{number}\n00:00:0{number},000 --> 00:00:0{number},900\n{text}\n\n"
        for number, text in enumerate(texts, start=1)
    )


def test_all_but_text_stays(convert: Convert) -> None:
    assert (
        convert("srt", SRT, lambda text: text.upper(), max_line_length=24)
        == """\
1
00:00:01,000 --> 00:00:03,000
{\\an8}<i>GOOD MORNING.</i>

2
00:00:03,500 --> 00:00:05,000
I THINK THAT THE OLD
MAN IN THE RED CAR,

3
00:00:05,000 --> 00:00:08,000 X1:40 X2:600
WHO WAITED <3

4
00:00:07,000 --> 00:00:10,000
- WHERE TO?
- I AM <b>HOME</b> NOW AND HERE.


5
00:00:11,000 --> 00:00:12,000
♪ ♪

6
00:00:13,000 --> 00:00:14,000
<font color="#ff0000">RED TEXT

AND MORE.
7
00:00:15,000 --> 00:00:16,000
"""
    )


def test_vtt(convert: Convert) -> None:
    assert convert("vtt", VTT, str.upper) == VTT.replace("Fish", "FISH").replace("chips", "CHIPS").replace(
        "Now <00:03.600>it <00:04.000>ends &lt;here&gt;", "NOW <00:03.600>IT <00:04.000>ENDS &lt;HERE&gt;"
    )


def test_a_sentence_is_asked_whole_and_shared_out(convert: Convert) -> None:
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return "eins, zwei drei vier fünf sechs sieben ach"

    converted = convert("srt", srt("<i>one two three</i>", "four five six seven,", "Eight. Nine", "TEN."), translate)
    assert asked == ["one two three four five six seven, Eight. Nine", "TEN."]
    texts = [block.split("\n", 2)[2] for block in converted.strip().split("\n\n")]
    assert texts == [
        "<i>eins, zwei</i>",
        "drei vier fünf sechs",
        "sieben ach",
        "eins, zwei drei vier fünf sechs sieben ach",
    ]


def test_a_short_translation_leaves_no_cue_empty(convert: Convert) -> None:
    converted = convert("srt", srt("one two", "three four", "five"), lambda text: "eins zwei")
    assert re.findall(r"900\n(.*)", converted) == ["eins", "zwei", "…"]


def test_a_line_that_becomes_two_ends_as_others_do(convert: Convert) -> None:
    content = srt("one\ntwo three", "four").replace("\n", "\r\n")
    for cue in ("- one two three four\r\n- five six\r\n", "one two three four\r\n"):
        converted = convert(
            "srt", f"1\r\n00:00:01,000 --> 00:00:02,000\r\n{cue}\r\n{content}", lambda text: "eins " * 20
        )
        assert converted.count("\n") == converted.count("\r\n") > cue.count("\n") + content.count("\n")


def test_lines_are_as_short_as_two_can_be(convert: Convert) -> None:
    converted = convert("srt", srt("one\ntwo\nthree"), lambda text: "aaa <b> " + "b" * 30 + " cc dd " + "e" * 20)
    assert [len(line) for line in converted.split("\n")[2:4]] == [38, 26]


@given(st.text(st.sampled_from("ab. ,-<i>/{}\\n♪\n\r1é&;:")), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_same_texts_give_the_same_bytes(convert: Convert, text: str, line_end: str, has_mark: bool) -> None:
    for name, content in (("srt", SRT + srt(text, "one", text)), ("vtt", VTT + "\n00:01.000 --> 00:02.000\n" + text)):
        content = "\ufeff" * has_mark + content.replace("\n", line_end)
        try:
            assert convert(name, content) == content
        except DataError as error:
            assert "times of a cue" in error.message  # noqa: PT017


def test_cues_come_as_soon_as_they_are_read() -> None:
    parser = new_parser("srt", DocumentOptions())
    lines = srt("Hello.", "one", "two", "Three.").splitlines()
    gives = [bool(parser.read(DocumentLine(line, "\n", "FILE:1"))) for line in lines]
    assert [number for number, given in enumerate(gives, start=1) if given] == [4, 16]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("srt", "1\nHello.\n", "FILE:2: expected the times of a cue, found 'Hello.'"),
        ("srt", "1\n00:00:01,000 --> later\nHello.\n", "FILE:2: not the times of a cue: '00:00:01,000 --> later'"),
        ("srt", f"{srt('Hello.')}2\n", "FILE:5: expected the times of a cue, found '2'"),
        ("vtt", "1\n00:01.000 --> 00:02.000\nHello.\n", "FILE:1: expected WEBVTT, found '1'"),
        ("vtt", "WEBVTT\n\nHello.\n", "FILE:3: expected the times of a cue, found 'Hello.'"),
    ],
)
def test_what_is_no_cue_is_named(convert: Convert, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert(name, content)
    assert caught.value.message == message
