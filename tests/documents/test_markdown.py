from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

Convert = Callable[..., str]

DOCUMENT = """\
---
title: not this
---

# The old *man* & the sea #

Another heading
===============

I like the [red car](https://x.org/a_b "The title"), **very much**, and `code span` here.\x20\x20
A hard break\\
and a soft
one. See <https://example.org> or https://example.org/x_y, ![not this](a.png), [ref], [Other text][ref].

> A quote of two
> lines, ***very good*** ~~old~~.
> - [ ] a task
>   that goes on
> - [x] done

1. one \\* two 3 * 4 &copy; five
2) two[^1]

Code.

    code here

```python
print("not this")
```

| A cat | B |
|-------|--:|
| one `x` | 1 |
| **bold** text | c \\| d |

<div>not this</div>

<b>Good</b> morning.<br>How {{ name }}?

> [!NOTE]
> Take care.

[^1]: A footnote.

[ref]: https://example.org/ref "not this"
[ref2]: <https://example.org/ref2>
"""
TRANSLATED = """\
---
title: not this
---

# THE OLD *MAN* & THE SEA #

ANOTHER HEADING
===============

I LIKE THE [RED CAR](https://x.org/a_b "The title"), **VERY MUCH**, AND `code span` HERE.\x20\x20
A HARD BREAK\\
AND A SOFT ONE. SEE <https://example.org> OR https://example.org/x_y, ![not this](a.png), [REF][ref],
[OTHER TEXT][ref].

> A QUOTE OF TWO LINES, ***VERY
> GOOD*** ~~OLD~~.
> - [ ] A TASK THAT
>   GOES ON
> - [x] DONE

1. ONE * TWO 3 * 4 © FIVE
2) TWO[^1]

CODE.

    code here

```python
print("not this")
```

| A CAT | B |
|-------|--:|
| ONE `x` | 1 |
| **BOLD** TEXT | C \\| D |

<div>not this</div>

<b>GOOD</b> MORNING.<br>HOW {{ name }}?

> [!NOTE]
> TAKE CARE.

[^1]: A FOOTNOTE.

[ref]: https://example.org/ref "not this"
[ref2]: <https://example.org/ref2>
"""


def test_all_but_prose_stays(convert: Convert) -> None:
    assert convert("md", DOCUMENT, str.upper) == TRANSLATED
    assert convert("md", DOCUMENT) == DOCUMENT


def test_line_ends_and_marks_stay(convert: Convert) -> None:
    content = f"\ufeff{DOCUMENT}".replace("\n", "\r\n")
    assert convert("md", content) == content
    assert convert("md", content, str.upper) == f"\ufeff{TRANSLATED}".replace("\n", "\r\n")


def structure(document: str) -> Counter[str]:
    """Everything but text, by an independent reading: as HTML it is rendered from."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(document)
    inner = [child for token in tokens for child in (token.children or [])]
    return Counter(
        f"{token.type} {token.tag} {token.attrs} {token.markup} {token.content if token.type in KEPT else ''}"
        for token in [*tokens, *inner]
        if token.type not in ("text", "text_special", "softbreak", "inline")
    )


KEPT = ("code_inline", "code_block", "fence", "html_block", "html_inline", "image")
PIECES = st.lists(
    st.sampled_from(
        ["*", "**", "_", "`", "[", "](x)", "]", "[a]: b\n", " ", "  \n", "\\\n", "\n", "\n\n", "# ", "- ", "1. ",
         "> ", "    ", "\t", "word ", "A, b.", "&amp;", "<b>", "</b>", "<br>", "~~", "| a | b |\n|---|---|\n", "|",
         "```\n", "![i](j)", "é", "\r\n", "<http://x.y>", "[^1]", "\\*", "---\n", "==\n",
         "1\\. ", "2\\) ", " \\#", "## C \\#\n"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@given(
    st.lists(PIECES | st.sampled_from(["$", "$$", "$$\n", "\\(", "\\)", "\\[\n", "\\]", "https://x.y/a\\_"])).map(
        "".join
    )
)
def test_the_same_texts_give_the_same_bytes(convert: Convert, content: str) -> None:
    assert convert("md", content) == content


@pytest.mark.parametrize(
    "address", ["https://x.org/a\\_b", "https://x.org/?a&amp;b", "https://x.org/a&amp;", "{{ a\\_b }}", "[^a\\_b]"]
)
@pytest.mark.parametrize(
    "text", ["see {} now", "**{}** and [it](y)", "a [link {}](y)", "see {}, *or*", "| so {} |\n|---|\n"]
)
def test_what_is_no_prose_keeps_its_escapes(convert: Convert, address: str, text: str) -> None:
    assert convert("md", text.format(address), str.upper) == text.upper().replace("(Y)", "(y)").format(address)


@given(
    PIECES,
    st.sampled_from(
        [
            "*x*",
            "[y](z)",
            "# w",
            "- w",
            "1. w",
            "`c",
            "a | b",
            "<i>",
            "\\",
            "&lt;",
            "> q",
            "_u_ v",
            "[x]: y",
            "1986. w",
            "2) w",
            "w #",
        ]
    ),
    st.booleans(),
)
def test_no_markup_is_lost_nor_made(convert: Convert, content: str, text: str, begins: bool) -> None:
    def translate(asked: str) -> str:
        return text + " " + asked[::-1] if begins else asked[::-1] + " " + text

    assert structure(convert("md", content, translate)) == structure(content)


def test_a_text_stays_whose_marks_cannot_be_kept(convert: Convert) -> None:
    content = "a [*b*](x) and [c](y) d\n"
    assert convert("md", content, lambda _: "e") == content


@pytest.mark.parametrize(
    ("content", "translation", "expected"),
    [
        ("a text", "1. Liste", "1\\. Liste"),
        ("a text", "# Titel", "\\# Titel"),
        ("1986\\. A year.", "1986. Jahr", "1986\\. Jahr"),
        ("- 2\\) a text", "2) b", "- 2\\) b"),
        ("\\- a text", "- b", "\\- b"),
        ("# The language C \\#", "Die Sprache C #", "# Die Sprache C \\#"),
        ("# a text ##", "b ###", "# b \\### ##"),
        ("a text", "[x]: y", "\\[x&#93;: y"),
        ("a text", "ein *Stern* hier", "ein \\*Stern\\* hier"),
        ("a text", "R&amp;D \\*", "R&amp;amp;D \\\\*"),
        ("| a text |\n|---|\n", "a | b", "| a \\| b |\n|---|\n"),
        ("- a text", "- b", "- \\- b"),
        ("**a** text", "x(b) c", "**x(b**) c"),
        ("| `a \\| b` text |\n|---|\n", "\ufdda x | y", "| `a \\| b` x \\| y |\n|---|\n"),
        ("- a text of\n  two lines", "+ a - b 1. c # d <e> f", "- \\+ a - b 1.\n  c # d \\<e\\>\n  f"),
        ("> a text\r\n> [of](x) lines", "one two three four", "> one two\r\n> [three](x)\r\n> four"),
    ],
)
def test_what_would_be_markup_is_none(convert: Convert, content: str, translation: str, expected: str) -> None:
    assert convert("md", content, lambda _: translation) == expected
