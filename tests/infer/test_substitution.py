"""Terms put in place of the words that stand for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.substitution import substitute_terms
from xlmcli.infer.terms import TermList
from xlmcli.text.places import find_words

SOURCE = "The red car and the old dog."
TRANSLATION = "La voiture rouge et le vieux chien."
LINKS = [(0, 0), (1, 2), (2, 1), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]


def substitute(
    targets: dict[str, str], source: str = SOURCE, said: str = TRANSLATION, links: Sequence[tuple[int, int]] = LINKS
) -> tuple[str, Alignment, int]:
    alignment = Alignment(find_words(source, "en"), find_words(said, "fr"), links)
    return substitute_terms(said, alignment, TermList(targets, "en").find(source), "fr")


def linked(alignment: Alignment) -> list[tuple[str, str]]:
    return [(alignment.source[one].text, alignment.target[other].text) for one, other in alignment.links]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"dog": "toutou"}, "La voiture rouge et le vieux toutou."),
        ({"red car": "bagnole"}, "La bagnole et le vieux chien."),
        ({"dog": "chien", "car": "Auto"}, "La Auto rouge et le vieux chien."),
        ({"the": "ce"}, "ce voiture rouge et ce vieux chien."),
    ],
)
def test_terms_take_the_place_of_the_linked_words(targets: dict[str, str], expected: str) -> None:
    text, alignment, num_missing = substitute(targets)
    assert (text, num_missing) == (expected, 0)
    assert all(text[word.start : word.end] == word.text for word in alignment.target)
    assert [word.text for word in alignment.target] == [word.text for word in find_words(text, "fr")]


def test_links_follow_the_words() -> None:
    _, alignment, _ = substitute({"red car": "auto de sport", "dog": "chien-loup"})
    assert linked(alignment) == [
        ("The", "La"), ("red", "auto"), ("car", "de"), ("car", "sport"), ("and", "et"), ("the", "le"), ("old", "vieux"),
        ("dog", "chien-loup"), (".", "."),
    ]  # fmt: skip


def test_a_term_that_stands_already_is_left_with_its_neighbours() -> None:
    # The article is linked to the noun.
    links = [(1, 2), (2, 0), (2, 1), (3, 3), (5, 5), (6, 6), (7, 7)]
    assert substitute({"car": "voiture"}, links=links)[::2] == (TRANSLATION, 0)
    assert substitute({"car": "auto"}, links=links)[::2] == ("auto rouge et le vieux chien.", 0)


def test_words_that_lie_apart() -> None:
    gap = [(2, 1), (2, 3), (2, 7)]
    assert substitute({"car": "auto"}, links=gap)[::2] == ("La auto le vieux chien.", 0)
    wide = [(2, 1), (2, 4), (2, 5)]
    assert substitute({"car": "auto"}, links=wide)[::2] == ("La voiture rouge et auto chien.", 0)


def test_words_that_belong_to_others_are_left() -> None:
    said = "La télé n'est pas vraie."
    one, links = "TV is unreal", [(0, 0), (0, 1), (0, 2)]
    assert substitute({"TV": "lucarne"}, one, said, links)[::2] == ("lucarne n'est pas vraie.", 0)
    assert substitute({"TV": "lucarne"}, one, said, links[2:])[::2] == (said, 1)


def test_protected_spans_are_left() -> None:
    said = "auto #42 rapide"
    assert substitute({"car": "bagnole"}, "car #42", said, [(0, 0), (0, 3)])[::2] == ("bagnole #42 rapide", 0)
    assert substitute({"car": "auto"}, "car x", "le https://auto.fr x", [])[::2] == ("le https://auto.fr x", 1)
    assert substitute({"node.js": "Node"}, "node.js", "le node.js", [(0, 1)])[::2] == ("le Node", 0)


def test_symbols_of_a_term_go_with_it() -> None:
    for name in ("C#", "X*"):
        said = substitute({name: "lui"}, f"We write {name} here.", f"On écrit {name} ici.", [(1, 1), (2, 2), (4, 4)])
        assert said[::2] == ("On écrit lui ici.", 0)


def test_terms_without_a_place_are_counted() -> None:
    links = [link for link in LINKS if link[0] != 6]
    assert substitute({"dog": "toutou"}, links=links)[::2] == (TRANSLATION, 1)
    assert substitute({"dog": "hien"}, links=links)[::2] == (TRANSLATION, 1)
    assert substitute({"dog": "chien"}, links=links)[::2] == (TRANSLATION, 0)
    assert substitute({"dog": "toutou"}, links=[(6, 7)])[::2] == (TRANSLATION, 1), "a full stop is no word"


def test_two_terms_have_two_places() -> None:
    one, said = "dog dog", "chien"
    assert substitute({"dog": "chien"}, one, said, [(0, 0)])[::2] == ("chien", 1)
    assert substitute({"dog": "chien"}, one, "chien le chien", [(0, 0), (1, 2)])[::2] == ("chien le chien", 0)
    assert substitute({"dog": "x"}, one, "chien le chien", [(0, 0), (1, 2)])[::2] == ("x le x", 0)
    # One takes the words of both, which the other then finds elsewhere.
    assert substitute({"dog": "a", "cat": "b"}, "dog cat", "x b", [(0, 0), (1, 0)])[::2] == ("a b", 0)


def test_a_word_with_signs_is_another_word() -> None:
    assert substitute({"cat": "cafe"}, "cat", "un cafe\u0301", [(0, 1)])[::2] == ("un cafe", 0)
    assert substitute({"cat": "cafe"}, "cat", "un cafe\u0301", [])[::2] == ("un cafe\u0301", 1)
    assert substitute({"cat": "a a"}, "cat", "xa a a", [])[::2] == ("xa a a", 0)
