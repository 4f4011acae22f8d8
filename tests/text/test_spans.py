from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from xlmcli.text import spans as room
from xlmcli.text.alike import protect_alike
from xlmcli.text.marks import MARKS, has_marks, iter_marks, mark_spans, restore_spans, split_at_marks, without_marks
from xlmcli.text.spans import find_spans

HERE = Path(__file__).parent
GOLDEN = [line.split("\t") for line in (HERE / "spans.tsv").read_text(encoding="utf-8").splitlines()]
PROSE = (HERE / "prose.txt").read_text(encoding="utf-8").splitlines()

# What a careless pattern reads again and again.
UNITS = ["a", "_", "aB", "(", ")", "a/", ".", "a.", "a@", "<a", "<!--", "`", "{", "[[", "[A-", "www.(", "://", "--a=)"]
UNITS += ["-1a", "1.", "%(a", "\\\\a", "é", "e\u0301", "½", "👍", "\u200d", MARKS[0], "=a", "^", "*.", "O-", "&a", "a "]
UNITS += ["$a/", "%A_%\\"]

# Fragments of what the patterns look for make more spans, and more of what is nearly one, than random characters do.
FRAGMENTS = [
    *"`{}[]<>&@#%$\\/*_=^|+~!.,:;?()'’-–…«»\" 012aBé½²👍\u0301\u200d\ufe0f日",
    *("http://", "www.", "--a", ".com", "€ 5", "iPhone", "x_1", "f()", MARKS[0], MARKS[7], "\ufdd0", "\ufdef"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(UNITS), max_size=20).map("".join)


def replace_marks(text: str, replacements: Iterable[str]) -> str:
    following = iter(replacements)
    return "".join(next(following) if number % 2 else part for number, part in enumerate(split_at_marks(text)))


def spans_of(text: str, is_strange: Callable[[str], bool] | None = None) -> list[str]:
    return [text[start:end] for start, end in find_spans(text, is_strange)]


@pytest.mark.parametrize(
    ("text", "spans"), [(text, spans) for _, text, *spans in GOLDEN], ids=[row[0] for row in GOLDEN]
)
def test_spans_are_found(text: str, spans: list[str]) -> None:
    assert spans_of(text) == spans


@pytest.mark.parametrize("text", PROSE)
def test_prose_has_none(text: str) -> None:
    assert spans_of(text) == []


# What nothing but the patterns themselves need tell apart from prose.
PLAIN = [*"().,:;-/'’…\" aBé", *("www.", "mailto:", "doi:", "main", "us", "A", "i.e.", "p.m.", "and/or")]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PLAIN), max_size=12).map("".join))
@example("Call main() first.")
def test_nothing_is_missed_by_a_first_look(text: str) -> None:
    found = spans_of(text)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(room, "_HINT", re.compile(""))
        assert found == spans_of(text)


@settings(max_examples=50)
@given(TEXTS, st.booleans())
def test_places_are_in_order_and_apart(text: str, with_strange: bool) -> None:
    places = find_spans(text, (lambda character: character > "\xff") if with_strange else None)
    ends = [position for place in places for position in place]
    assert ends == sorted(set(ends))
    assert all(0 <= end <= len(text) for end in ends)
    covered = "".join(text[start:end] for start, end in places)
    assert sorted(iter_marks(covered)) == sorted(iter_marks(text))


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("un café crème", []),
        ("un cafe\u0301 cre\u0300me", []),  # accents that stand for themselves
        ("say да, please", ["да"]),
        ("the 東京 tower", ["東京"]),
        ("a ★★ film", ["★★"]),
        ("l'mañana—да", ["да"]),
        ("x\u0300 is strange", ["x\u0300"]),  # no one character
        ("ábc\u0416d e", ["ábc\u0416d"]),
        ("हिन्दी text", ["हिन्दी"]),
    ],
)
def test_words_of_characters_that_a_vocabulary_lacks_are_spans(text: str, spans: list[str]) -> None:
    assert spans_of(text, lambda character: character > "\xff" and character != "—") == spans


@pytest.mark.parametrize(("start", "unit"), [*(("", unit) for unit in UNITS), ("%", "0"), ("$", "a"), ("v1-", "a")])
def test_time_grows_with_the_length_and_no_faster(start: str, unit: str) -> None:
    def seconds(length: int) -> float:
        text = start + unit * (length // len(unit)) + " é x1"
        begin = time.process_time()
        assert find_spans(text, lambda _: False)
        return time.process_time() - begin

    # Of what takes the square of the length, the second would take sixteen times as long.
    assert (longer := seconds(20_000)) < 0.2 or longer < 9 * seconds(5_000)


@given(TEXTS)
@example("`a\ufdd2b` \ufdd3")
def test_marked_text_gives_the_text_back(text: str) -> None:
    places = find_spans(text)
    assume(len(places) <= len(MARKS))
    marked = mark_spans(text, places)
    assert list(iter_marks(marked)) == list(MARKS[: len(places)])
    spans = {mark: text[start:end] for mark, (start, end) in zip(MARKS, places, strict=False)}
    assert restore_spans(marked, spans) == text
    assert replace_marks(marked, spans.values()) == text


@pytest.mark.parametrize("said", ["a", "{0} a {0}", "{0} {1}", "{1}", "\ufdd0 {0}"])
def test_spans_that_are_not_all_there_once_are_not_restored(said: str) -> None:
    assert restore_spans(said.format(*MARKS), {MARKS[0]: "x"}) is None


def test_a_restored_span_may_hold_marks() -> None:
    assert restore_spans(f"a {MARKS[1]} b", {MARKS[1]: MARKS[0]}) == f"a {MARKS[0]} b"


def test_after_the_last_mark_comes_the_first() -> None:
    marked = mark_spans("a" * 10, [(place, place + 1) for place in range(10)])
    assert marked == "".join((*MARKS, *MARKS[:2]))


@given(TEXTS)
def test_texts_and_marks_in_turn_make_the_text(text: str) -> None:
    parts = split_at_marks(text)
    assert "".join(parts) == text
    assert parts[1::2] == list(iter_marks(text))
    assert without_marks(text) == "".join(parts[::2])
    assert has_marks(text) == (len(parts) > 1)


WORDS = st.sampled_from(["the", "cat", "Anna", "Paris", "le", "chat", "42", "1984", "7", "l'eau", "été", "and", "A."])
NAMES = st.sampled_from(["https://a.example/x", "{name}", "%s", "a_b", "👍", "v1.2", "x.txt", "@me", "<b>", "B2", "b"])


@given(st.lists(NAMES | WORDS, max_size=12), st.lists(WORDS, max_size=6), st.randoms(use_true_random=False))
def test_both_sides_get_the_same_marks_for_the_same_spans(
    source: list[str], added: list[str], rng: random.Random
) -> None:
    target = [*source, *added]
    rng.shuffle(target)
    texts = (" ".join(source), " ".join(target))
    marked = protect_alike(texts, rng)
    if marked is None:
        return
    spans: dict[str, str] = {}
    for text, with_marks in zip(texts, marked, strict=True):
        assert has_marks(with_marks)
        for word, whole in zip(with_marks.split(" "), text.split(" "), strict=True):
            if marks := list(iter_marks(word)):
                before, after = word.split(marks[0])
                spans.setdefault(marks[0], whole.removeprefix(before).removesuffix(after))
        assert restore_spans(with_marks, spans) == text
    assert set(spans) <= set(MARKS)


@given(TEXTS, st.integers(0, 3))
def test_texts_that_are_alike_stay_alike(text: str, seed: int) -> None:
    marked = protect_alike((text, text), random.Random(seed))
    if marked is not None:
        assert marked[0] == marked[1]
        assert max(map(marked[0].count, MARKS)) == 1


@pytest.mark.parametrize(
    ("texts", "patterns"),
    [
        (("See {a} and {b}.", "Voir {b} et {a}."), ("See (.) and (.)[.]", "Voir (.) et (.)[.]")),
        (("In 1984 he left", "Parti en 1984"), ("In (.) he left", "Parti en (.)")),
        (("%s of %s", "%s de %s"), ("(.) of (.)", "(.) de (.)")),
    ],
)
def test_what_stands_alike_is_marked(texts: tuple[str, str], patterns: tuple[str, str]) -> None:
    for seed in range(5):
        marked = protect_alike(texts, random.Random(seed))
        assert marked is not None
        found = [re.fullmatch(pattern, text) for pattern, text in zip(patterns, marked, strict=True)]
        assert all(found)
        assert sorted(found[0].groups()) == sorted(found[1].groups())


@pytest.mark.parametrize(
    "texts",
    [
        ("the cat", "le chat"),
        ("see {a}", "voir {b}"),
        ("see {a} {a}", "voir {a}"),  # which of the two it is nobody can say
        ("it is 1.5", "c'est 1.5"),
        ("5 %s", "5"),
        ("", ""),
        (f"{MARKS[0]} {{a}}", f"{MARKS[0]} {{a}}"),  # the text's own marks would be mistaken for these
    ],
)
def test_texts_that_share_nothing_are_left(texts: tuple[str, str]) -> None:
    assert all(protect_alike(texts, random.Random(seed)) is None for seed in range(5))


def test_names_that_all_share_are_marked_now_and_then() -> None:
    marked = {protect_alike(("Anna sees the cat", "Anna voit le chat"), random.Random(seed)) for seed in range(20)}
    assert {replace_marks(texts[0], cycle("X")) for texts in marked if texts} == {"X sees the cat"}


def test_no_more_is_marked_than_there_are_marks() -> None:
    text = " ".join(f"{{x{number}}}" for number in range(12))
    marked = protect_alike((text, text), random.Random(0))
    assert marked is not None
    assert sorted(iter_marks(marked[0])) == list(MARKS)
