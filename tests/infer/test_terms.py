"""Where terms stand in a text, and lists that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlmcli.errors import DataError
from xlmcli.infer.terms import TermList, read_terms
from xlmcli.text.spans import find_spans


def found(targets: dict[str, str], text: str, lang: str = "en") -> list[tuple[str, str]]:
    """The terms of a text, as it writes them, and what they become."""
    terms = TermList(targets, lang).find(text, find_spans(text))
    return [(text[term.start : term.end], term.target) for term in terms]


@pytest.mark.parametrize("text", ["cats", "concat", "cat_2", "wild-cat", "cat-like", "2cat", "chat", "c at"])
def test_a_part_of_a_word_is_no_term(text: str) -> None:
    assert found({"cat": "chat"}, text) == []


@pytest.mark.parametrize("text", ["cat", "the cat.", "(cat)", "“cat”", "cat's", "l'cat", "cat/dog", "dog—cat"])
def test_whole_words_are_terms(text: str) -> None:
    assert found({"cat": "chat"}, text) == [("cat", "chat")]


@pytest.mark.parametrize(
    ("term", "text", "lang", "is_there"),
    [
        ("राम", "राम आया।", "hi", True),
        ("राम", "रामायण पढ़ो।", "hi", False),
        ("cafe", "un cafe\u0301 noir", "fr", False),
        ("caf\u00e9", "un cafe\u0301 noir", "fr", True),
        ("cafe\u0301", "un caf\u00e9 noir", "fr", True),
        ("caf\u00e9", "un caf\u00e9 noir", "fr", True),
        ("車站", "我在車站等你。", "zh_Hant", True),
    ],
)
def test_signs_belong_to_their_letters(term: str, text: str, lang: str, is_there: bool) -> None:
    assert bool(found({term: "x"}, text, lang)) == is_there


def test_case_is_ignored_unless_the_term_has_capitals() -> None:
    assert found({"cat": "chat"}, "Cat CAT cat") == [("Cat", "chat"), ("CAT", "chat"), ("cat", "chat")]
    assert found({"Cat": "Chat"}, "Cat CAT cat") == [("Cat", "Chat")]
    both = {"polish": "vernis", "Polish": "polonais"}
    assert found(both, "Polish polish POLISH") == [
        ("Polish", "polonais"),
        ("polish", "vernis"),
        ("POLISH", "vernis"),
    ]


def test_the_longest_of_overlapping_terms_wins_wherever_it_starts() -> None:
    targets = {"red cat": "1", "cat food bowl": "2", "red": "3", "bowl": "4"}
    assert found(targets, "A red cat food bowl, red cat, bowl") == [
        ("red", "3"),
        ("cat food bowl", "2"),
        ("red cat", "1"),
        ("bowl", "4"),
    ]


def test_terms_have_other_characters_than_letters() -> None:
    targets = {"C++": "1", ".NET": "2", "R&D": "3", "l'eau": "4", "node.js": "5"}
    text = "C++, .NET and R&D: l’eau node.js"
    assert found(targets, text) == [("C++", "1"), (".NET", "2"), ("R&D", "3"), ("l’eau", "4"), ("node.js", "5")]


def test_what_stands_in_a_protected_span_is_no_term() -> None:
    assert found({"cat": "chat"}, "{cat} https://cat.org/cat `cat x` cat") == [("cat", "chat")]
    assert found({"see {cat} now": "x"}, "Do see {cat} now!") == [("see {cat} now", "x")]


def test_languages_without_spaces_have_no_words_to_be_whole() -> None:
    assert found({"苹果": "pomme"}, "我喜欢苹果派", "zh") == [("苹果", "pomme")]
    assert found({"苹果": "pomme"}, "我喜欢苹果派", "en") == []


def test_lists_follow_each_other_and_may_say_a_thing_twice(tmp_path: Path) -> None:
    one, other = tmp_path / "one.tsv", tmp_path / "other.tsv"
    one.write_text("\ufeffcat\t chat\ta note\tanother\r\n\n dog \tchien\r\n", encoding="utf-8")
    other.write_text("cat\tchat\nbird\toiseau", encoding="utf-8")
    terms = read_terms([one, other], "en").find("cat dog bird")
    assert [term.target for term in terms] == ["chat", "chien", "oiseau"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\ncat\n", r"list\.tsv:2: 'cat' has no translation"),
        (b"cat\t \n", r"list\.tsv:1: 'cat' has no translation"),
        (b"\tchat\n", r"list\.tsv:1: '' is no term"),
        (b"\n\n+\tplus\n", r"list\.tsv:3: '\+' is no term"),
        (b"cat\tchat\ncat\tminou\n", r"list\.tsv:2: 'cat' is 'minou' here, and 'chat' at .*list\.tsv:1"),
        (b"cat\tchat\n\xff\tx\n", r"list\.tsv:2: invalid UTF-8"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "list.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_terms([path], "en")
