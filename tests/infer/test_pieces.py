from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.infer.pieces import PieceMaker, Prepared, Protection
from xlmcli.infer.terms import TermList
from xlmcli.text.marks import MARKS, has_marks, iter_marks, restore_spans, without_marks
from xlmcli.text.spans import find_spans


class CharacterTokenizer:
    """One id a character, spaces left out."""

    def encode(self, text: str, lang: str) -> list[int]:
        return [ord(character) for character in "".join(text.split())]

    def encode_batch(self, texts: Sequence[str], lang: str) -> list[list[int]]:
        return [self.encode(text, lang) for text in texts]

    def decode(self, ids: Sequence[int], lang: str) -> str:
        return "".join(map(chr, ids))


def prepare(text: str, max_tokens: int = 12, tgt_lang: str = "fr") -> Prepared:
    (prepared,) = PieceMaker(CharacterTokenizer(), max_tokens, "en", tgt_lang).prepare([text])
    return prepared


def parts(prepared: Prepared) -> list[str]:
    return [piece.before + "".join(map(chr, piece.ids)) for piece in prepared.pieces]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" .,\n")), st.integers(1, 20))
def test_nothing_is_lost_and_everything_fits(text: str, max_tokens: int) -> None:
    prepared = prepare(text, max_tokens)
    ids = [token for piece in prepared.pieces for token in piece.ids]
    assert ids == CharacterTokenizer().encode(text, "en")
    assert all(1 <= len(piece.ids) <= max_tokens for piece in prepared.pieces)


@pytest.mark.parametrize("text", ["", " ", "\t \u3000", "\n", " \n \r\n"])
def test_blank_text_has_no_pieces(text: str) -> None:
    assert prepare(text).pieces == []


def test_text_that_fits_is_one_piece() -> None:
    assert parts(prepare("One. Two. Six.")) == ["One.Two.Six."]


def test_long_text_is_split_at_sentences() -> None:
    prepared = prepare("One is one. Two is two! Why?")
    assert parts(prepared) == ["Oneisone.", " Twoistwo!", " Why?"]
    assert not any(piece.is_cut for piece in prepared.pieces)


def test_what_a_vocabulary_reads_as_nothing_has_no_space_either() -> None:
    class Deaf(CharacterTokenizer):
        def encode(self, text: str, lang: str) -> list[int]:
            return [] if "Silence" in text and "One" not in text else super().encode(text, lang)

    (prepared,) = PieceMaker(Deaf(), 12, "en", "fr").prepare(["Silence here. One is one. Silence. One two one."])  # type: ignore[arg-type]
    assert parts(prepared) == ["Oneisone.", " Onetwoone."]


def test_languages_without_spaces_are_joined_without() -> None:
    assert parts(prepare("One is one. Two is two!", tgt_lang="zh")) == ["Oneisone.", "Twoistwo!"]


def test_a_long_sentence_is_cut_between_words_preferably_at_a_comma() -> None:
    prepared = prepare("Short one. this sentence goes, on and on")
    assert parts(prepared) == ["Shortone.", " thissentence", " goes,onandon"]
    assert [piece.is_cut for piece in prepared.pieces] == [False, True, True]
    assert parts(prepare("a bb ccc, dd and on")) == ["abbccc,", " ddandon"]


def test_a_long_sentence_without_spaces_is_cut_at_clauses_before_characters() -> None:
    """Each part has its text, whose numbers can be looked after."""
    maker = PieceMaker(CharacterTokenizer(), 12, "zh_Hant", "en")
    (prepared,) = maker.prepare(["我等你很久了，可是你一直沒有來，所以我自己先回家了。"])
    assert [piece.text for piece in prepared.pieces] == ["我等你很久了，", "可是你一直沒有來，", "所以我自己先回家了。"]
    (prepared,) = maker.prepare(["我等你，可是你一直都沒有來所以我自己先回家了去吃飯。"])
    assert [piece.text for piece in prepared.pieces] == ["我等你，可是你一直都沒有", "來所以我自己先回家了去吃", "飯。"]


def test_a_long_word_is_cut_anywhere() -> None:
    assert parts(prepare("abcdefghijklmnopqrstuvwxyz")) == ["abcdefghijkl", " mnopqrstuvwx", " yz"]


def test_line_ends_inside_a_text_are_kept() -> None:
    prepared = prepare("\nOne.\r\n\nTwo is two. Six and six.\n\n")
    assert parts(prepared) == ["\nOne.", "\r\n\nTwoistwo.", " Sixandsix."]
    assert prepared.after == "\n\n"


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [("  - nested item", "  ", ""), ("\tOne. \xa0", "\t", " \xa0"), ("\r One.\r", "\r ", "\r"), ("One.", "", "")],
)
def test_spaces_around_a_text_are_kept(text: str, before: str, after: str) -> None:
    prepared = prepare(text)
    (piece,) = prepared.pieces
    assert (piece.before, prepared.after) == (before, after)
    assert piece.ids == prepare(text.strip()).pieces[0].ids


def test_spaces_around_every_line_and_around_split_texts_are_kept() -> None:
    prepared = prepare("  - One.\r\n \n\t- Two. \n")
    assert parts(prepared) == ["  -One.", "\r\n \n\t-Two."]
    assert prepared.after == " \n"
    prepared = prepare(" One is one. Two is two! Why?\t")
    assert parts(prepared) == [" Oneisone.", " Twoistwo!", " Why?"]
    assert prepared.after == "\t"


def protect(text: str, max_tokens: int = 100, *, shows_sentences: bool = False) -> Prepared:
    protection = Protection(find_spans, shows_sentences=shows_sentences)
    (prepared,) = PieceMaker(CharacterTokenizer(), max_tokens, "en", "fr", protection).prepare([text])
    return prepared


def placeholders(num: int) -> list[str]:
    return [f"{{x{number}}}" for number in range(num)]


MEMORY = {"Two is two!": "Deux !", "Good.": "Bon.", "One.\nTwo.": "Un."}


def remember(text: str, max_tokens: int = 100) -> tuple[list[str], str, tuple[str, ...]]:
    maker = PieceMaker(CharacterTokenizer(), max_tokens, "en", "fr", memory=MEMORY)
    (prepared,) = maker.prepare([text])
    return parts(prepared), prepared.after, prepared.remembered


def test_a_text_in_the_memory_is_answered_from_there_with_its_spaces() -> None:
    assert remember(" Good.\t") == ([], " Bon.\t", ("Good.",))
    assert remember("One.\nTwo.\n") == ([], "Un.\n", ("One.\nTwo.",))
    assert remember("good.") == (["good."], "", ())


def test_lines_and_sentences_in_the_memory_are_answered_from_there() -> None:
    text = "One.\n Good.\n\nSix.\nGood."
    assert remember(text) == (["One.", "\n Bon.\n\nSix."], "\nBon.", ("Good.", "Good."))
    assert remember(" Good. Two is two! ") == ([], " Bon. Deux ! ", ("Good.", "Two is two!"))
    text = "  One is one. Two is two! Why?"
    (prepared,) = PieceMaker(CharacterTokenizer(), 100, "en", "fr", memory=MEMORY).prepare([f"{text}\n {{a}}\nGood."])
    known = ("Two is two!", "Deux !")
    assert [(piece.text, piece.given) for piece in prepared.pieces][:2] == [("One is one.", ()), ("Why?", (known,))]
    assert prepared.given == (("Good.", "Bon."),)
    assert remember(text) == (["  Oneisone.", " Deux ! Why?"], "", ("Two is two!",))
    assert remember("One is one. Why?") == (["Oneisone.Why?"], "", ())


def spans_of(prepared: Prepared) -> list[list[str]]:
    return [list(piece.spans.values()) for piece in prepared.pieces]


def test_the_model_sees_marks_in_place_of_spans() -> None:
    (piece,) = protect("See www.x.org or {name}.").pieces
    assert piece.text == f"See {MARKS[0]} or {MARKS[1]}."
    assert piece.spans == {MARKS[0]: "www.x.org", MARKS[1]: "{name}"}
    assert "".join(map(chr, piece.ids)) == f"See{MARKS[0]}or{MARKS[1]}."
    assert not piece.is_cut


def test_text_without_spans_has_no_marks() -> None:
    (piece,) = protect("Nothing here.").pieces
    assert (piece.text, piece.spans) == ("Nothing here.", {})


def test_without_anything_to_find_spans_stay_text() -> None:
    assert parts(prepare("Go {name}.")) == ["Go{name}."]


def test_up_to_eight_spans_are_one_piece() -> None:
    prepared = protect("One: {}, {}, {} and {}. Two: {}, {}, {} and {}.".format(*placeholders(8)))
    assert spans_of(prepared) == [placeholders(8)]
    assert list(prepared.pieces[0].spans) == list(MARKS)


def test_more_than_eight_spans_are_split_at_sentences() -> None:
    prepared = protect("One: {}, {}, {}, {} and {}. Two: {}, {}, {}, {} and {}.".format(*placeholders(10)))
    assert spans_of(prepared) == [placeholders(5), placeholders(10)[5:]]
    assert [piece.before for piece in prepared.pieces] == ["", " "]
    assert [restore_spans(piece.text, piece.spans) for piece in prepared.pieces] == [
        "One: {x0}, {x1}, {x2}, {x3} and {x4}.",
        "Two: {x5}, {x6}, {x7}, {x8} and {x9}.",
    ]


def test_a_sentence_with_more_than_eight_is_cut_between_words() -> None:
    prepared = protect(f"Take {', '.join(placeholders(11))} now. And {{y}}.")
    assert spans_of(prepared) == [placeholders(8), placeholders(11)[8:], ["{y}"]]
    assert [piece.is_cut for piece in prepared.pieces] == [True, True, False]
    assert [restore_spans(piece.text, piece.spans) for piece in prepared.pieces][:2] == [
        f"Take {', '.join(placeholders(8))},",
        f"{', '.join(placeholders(11)[8:])} now.",
    ]
    assert spans_of(protect(f"a{'-'.join(placeholders(9))}b")) == [placeholders(8), placeholders(9)[8:]]


def test_what_was_cut_beside_no_space_is_joined_by_none() -> None:
    prepared = protect("".join(f"a{name}" for name in placeholders(9)) + " b {x} c {y} d {z} e")
    assert [piece.before for piece in prepared.pieces] == ["", ""]
    prepared = protect(" ".join(placeholders(9)))
    assert [piece.before for piece in prepared.pieces if piece.ids][1:] in ([" "], [])


def test_characters_that_are_marks_themselves_are_spans() -> None:
    (piece,) = protect(f"Take {MARKS[3]} and \ufdd0 now").pieces
    assert piece.spans == {MARKS[0]: MARKS[3], MARKS[1]: "\ufdd0"}


@pytest.mark.parametrize(
    "text",
    ["{name}", "www.x.org, {name}!", "<b></b>", "👍 👍", " {a}\t", "({a})", "%s: %s", "...", " ---", "?!", "* * *"],
)
def test_spans_and_punctuation_alone_have_no_pieces(text: str) -> None:
    assert protect(text, shows_sentences=True).pieces == []
    assert protect(f"{text}\n{text}\n", shows_sentences=True).pieces == []


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("* ", "One."),
        ("  ## ", "One."),
        ("> > ", "One."),
        ("- [ ] ", "One."),
        ("— ", "One."),
        ("\t1) ", "One."),
        ("✅ ", "One."),
        ("", "*One."),
        ("", "1. One"),
        ("", "$ 5"),
        ("", "… one"),
        ("b) ", "one"),
        ("(iii) ", "one"),
        ("A: ", "One."),
        ("IV. ", "One"),
        ("- (a) ", "one"),
        ("", "C. elegans is one"),
        ("", "M. Dupont"),
        ("(IV) ", "one"),
        ("", "1.5 kilos"),
        ("", "(one) and two"),
        ("", "Note: one"),
        ("", "I."),
    ],
)
def test_what_a_line_of_a_list_begins_with_stands_before_it(marker: str, text: str) -> None:
    prepared = protect(f"{marker}{text} ", shows_sentences=True)
    (piece,) = prepared.pieces
    assert (piece.before, restore_spans(piece.text, piece.spans), prepared.after) == (marker, text, " ")
    assert piece.given == (((marker.strip(),) * 2,) if marker else ())


@pytest.mark.parametrize("text", ["\ufdda", f"- {MARKS[0]}", f"{MARKS[0]}{MARKS[1]} ?!"])
def test_marks_alone_stay_where_nothing_finds_spans(text: str) -> None:
    (prepared,) = PieceMaker(
        CharacterTokenizer(), 12, "en", "fr", Protection(None, False, False, shows_sentences=True)
    ).prepare([text])
    assert (prepared.pieces, prepared.after or text) == ([], text)


class Abbreviations(CharacterTokenizer):
    """Writes an abbreviation in one piece."""

    def encode(self, text: str, lang: str) -> list[int]:
        return [0] if text == "USB" else super().encode(text, lang)


def test_abbreviations_alone_are_not_asked_about() -> None:
    maker = PieceMaker(Abbreviations(), 100, "en", "fr", Protection(find_spans, shows_sentences=True))  # type: ignore[arg-type]
    texts = ["USB", "USB: {x}", "STOP", "USB KEY"]
    assert [[piece.text for piece in prepared.pieces] for prepared in maker.prepare(texts)] == [
        [],
        [],
        ["Stop"],
        ["USB key"],
    ]


def test_where_the_model_sees_more_than_sentences_it_sees_all() -> None:
    assert parts(prepare("* * *")) == ["***"]
    assert parts(prepare("- One.")) == ["-One."]


def test_the_lines_of_a_text_have_spans_of_their_own() -> None:
    prepared = protect("Go {a}.\r\n{b}\n\nSee {c} and {d}.\n")
    assert spans_of(prepared) == [["{a}"], ["{c}", "{d}"]]
    assert [piece.before for piece in prepared.pieces] == ["", "\r\n{b}\n\n"]
    assert prepared.after == "\n"
    assert all(next(iter(piece.spans)) == MARKS[0] for piece in prepared.pieces)


def test_the_parts_of_a_long_sentence_keep_their_own_spans() -> None:
    prepared = protect("we go from {a} to the end, and then on and on to {b} or {c}", 20)
    assert all(piece.is_cut for piece in prepared.pieces)
    assert [span for spans in spans_of(prepared) for span in spans] == ["{a}", "{b}", "{c}"]
    for piece in prepared.pieces:
        assert list(iter_marks("".join(map(chr, piece.ids)))) == list(piece.spans)
        assert piece.text.replace(" ", "") == "".join(map(chr, piece.ids))
    assert spans_of(protect("we go from {a} to the end of it", 12))[-1] == []


SPANS = st.sampled_from(["{a}", "www.x.org", "👍", "\ufdd0", MARKS[2], "a_b", ". ", ".\n", " word ", "Two. "])


@given(st.lists(SPANS | st.text(max_size=3), max_size=30).map("".join), st.integers(5, 40))
def test_every_mark_of_a_piece_has_its_span(text: str, max_tokens: int) -> None:
    prepared = protect(text, max_tokens)
    for piece in prepared.pieces:
        assert 1 <= len(piece.ids) <= max_tokens
        said = "".join(map(chr, piece.ids))
        assert sorted(iter_marks(said)) == sorted(iter_marks(piece.text)) == sorted(piece.spans)
        assert has_marks(said) == bool(piece.spans)
    said = "".join(
        piece.before + (restore_spans("".join(map(chr, piece.ids)), piece.spans) or "") for piece in prepared.pieces
    )
    if prepared.pieces:
        assert without_spaces_and_marks(said + prepared.after) == without_spaces_and_marks(text)


def without_spaces_and_marks(text: str) -> str:
    return without_marks("".join(text.split()))


def test_terms_in_addresses_are_none_where_nothing_finds_spans() -> None:
    terms = TermList({"station": "gare"}, "en")
    (prepared,) = PieceMaker(CharacterTokenizer(), 100, "en", "fr", terms=terms).prepare(
        ["station @station www.x.org/station"]
    )
    (piece,) = prepared.pieces
    assert list(piece.spans.values()) == ["gare"]
    assert piece.text.endswith(" @station www.x.org/station")
