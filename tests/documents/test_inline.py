from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.documents.inline import Inline, InlineBuilder
from xlmcli.documents.parts import Answered, Link, UnwritableError

TAG = re.compile(r"(</?\w+/?>)")


def build(markup: str) -> Inline:
    """A text with tags: pairs, and opaque ones with a slash at the end."""
    builder = InlineBuilder()
    for position, part in enumerate(TAG.split(markup)):
        if position % 2 == 0:
            builder.add_text(part)
        elif part == "<br/>":
            builder.add_break(part)
        elif part.endswith("/>"):
            builder.add_opaque(part, is_word=False)
        else:
            (builder.close if part.startswith("</") else builder.open)(part)
    return builder.build()


def links(text: str, translation: str, pairs: str) -> list[Link]:
    """Links between words, numbered from 0, as Pharaoh writes them."""
    ones, others = ([match.span() for match in re.finditer(r"\w+|[^\w\s]", side)] for side in (text, translation))
    numbers = [tuple(map(int, pair.split("-"))) for pair in pairs.split()]
    return [Link(*ones[one], *others[other]) for one, other in numbers]


@pytest.mark.parametrize(
    ("markup", "translation", "pairs", "expected"),
    [
        ("the <b>red</b> car", "la voiture rouge", "0-0 1-2 2-1", "la voiture <b>rouge</b>"),
        (
            "the <a>red <b>car</b></a> goes",
            "la voiture rouge va",
            "0-0 1-2 2-1 3-3",
            "la <a><b>voiture</b> rouge</a> va",
        ),
        ("<b>one</b> <i>two</i>", "zwei eins", "0-1 1-0", "<i>zwei</i> <b>eins</b>"),
        ("I do <b>not</b> eat", "je ne mange pas", "0-0 2-1 3-2 2-3", "je <b>ne mange pas</b>"),
        ("go <b>home</b>, now", "rentre, maintenant", "0-0 2-1 3-2", "<b>rentre</b>, maintenant"),
        ("a <b>b</b> c d", "w x y z", "0-0 2-2 3-3", "w <b>x</b> y z"),
        ("a <b>b</b> c d", "w x y z", "", "w <b>x</b> y z"),
        ("a <b>b c</b>", "x", "0-0", "<b>x</b>"),
        ("<i>all <b>of</b> it</i>", "tout cela", "0-0 2-1", "<i>tout <b>cela</b></i>"),
        ("of x<b>2</b> and H<b>2</b>O", "x2 et H2O", "1-0 2-1 3-2", "x<b>2</b> et H<b>2</b>O"),
        ("of x<b>2</b>", "y2", "1-0", "<b>y2</b>"),
        ("see <a><x/></a> and <b>it</b>", "\ufdda le voit", "0-2 3-1", "<a><x/></a> <b>le</b> voit"),
    ],
)
def test_tags_stand_around_the_words_aligned_with_theirs(
    markup: str, translation: str, pairs: str, expected: str
) -> None:
    inline = build(markup)
    segment = inline.segment(markup, str)
    assert segment.write(Answered(translation, links(segment.text, translation, pairs))) == expected


def test_a_break_ends_a_text_behind_a_sentence_or_a_break() -> None:
    segment = build("One <br/><b>two.<br/> Three</b><br/><br/>four,<br/>five. <b><br/></b>six").segment("raw", str)
    assert segment.text == "One \ufddatwo.\n Three\ufddb\nfour,\ufddcfive. \ufdddsix"
    written = segment.write(Answered(segment.text.upper()))
    assert written == "ONE <br/><b>TWO.<br/> THREE</b><br/><br/>FOUR,<br/>FIVE. <b><br/></b>SIX"


def test_many_tags_take_no_long_time() -> None:
    num = 5_000
    inline = build("<b>a</b> <x/>b " * num)
    words = [match.span() for match in re.finditer(r"\S+", inline.text)]
    start = time.process_time()
    for links in ([], [Link(*place, *place) for place in words], [Link(*words[0], *place) for place in words]):
        assert inline.render(Answered(inline.text.upper(), links), str).count("<b>") == num
    breaks = build("One." + "<br/> " * 4 * num)
    assert breaks.render(Answered(breaks.text), str).count("<br/>") == 4 * num
    assert time.process_time() - start < 15  # seconds


def test_what_stands_around_all_of_the_text_is_not_asked() -> None:
    segment = build("<x/> <b><i>one two</i></b><y/>").segment("raw", str)
    assert segment.text == "one two"
    assert segment.write(Answered("eins")) == "<x/> <b><i>eins</i></b><y/>"
    assert segment.write(Answered("one two")) == "raw"


@pytest.mark.parametrize("translation", ["", " ", "\n"])
def test_a_translation_without_words_cannot_have_tags(translation: str) -> None:
    with pytest.raises(UnwritableError):
        build("say <b>hi</b> there").segment("raw", str).write(Answered(translation))
    assert build("<b>hi</b>").segment("raw", str).write(Answered("")) == "<b></b>"


def test_more_opaque_things_than_there_are_characters_keep_their_order() -> None:
    markup = " ".join(f"w <x{number}/>" for number in range(50)) + " w"
    segment = build(markup).segment("raw", str)
    assert segment.write(Answered(segment.text.upper())) == markup.replace("w", "W")


MARKUP = st.recursive(
    st.sampled_from(["one", "two ", " three. ", ", ", "<x/>", "<br/>", "\ufdd3", ""]),
    lambda inner: st.builds("<b>{}</b>".format, inner) | st.lists(inner, max_size=4).map("".join),
    max_leaves=12,
)


@given(MARKUP, st.data())
def test_tags_are_balanced_and_none_is_lost(markup: str, data: st.DataObject) -> None:
    inline = build(markup)
    if not inline.has_words:
        return
    segment = inline.segment(markup, str)
    lines = [data.draw(st.permutations(line.split())) if line.strip() else [] for line in segment.text.split("\n")]
    translation = "\n".join(map(" ".join, lines))
    places = [match.span() for match in re.finditer(r"\S+", segment.text)]
    spots = [match.span() for match in re.finditer(r"\S+", translation)]
    found = data.draw(
        st.lists(st.builds(lambda one, other: Link(*one, *other), st.sampled_from(places), st.sampled_from(spots)))
    )
    written = segment.write(Answered(translation, found))
    depth = 0
    for tag in re.findall(r"</?b>", written):
        depth += 1 if tag == "<b>" else -1
        assert depth >= 0
    assert depth == 0
    assert sorted(TAG.findall(written)) == sorted(TAG.findall(markup))
    assert written.count("\ufdd3") == markup.count("\ufdd3")
