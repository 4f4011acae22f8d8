"""Rare words in place of what a model made of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xlmcli.infer.alignment import Alignment
from xlmcli.infer.hypotheses import Hypothesis
from xlmcli.infer.rare_words import put_rare_words
from xlmcli.text.lost import LostPart
from xlmcli.text.places import find_words


def put(text: str, said: str, words: dict[str, str], links: Sequence[tuple[int, int]] | None = None) -> Hypothesis:
    source, target = find_words(text, "en"), find_words(said, "fr")
    links = [(number, number) for number in range(len(source))] if links is None else links
    lost = [LostPart(text.index(word), text.index(word) + len(word), written) for word, written in words.items()]
    found = put_rare_words(text, Hypothesis(said, -0.5, Alignment(source, target, links)), lost, "fr")
    assert found.alignment is not None
    assert all(found.text[word.start : word.end] == word.text for word in found.alignment.target)
    assert found.score == -0.5
    return found


@pytest.mark.parametrize(
    ("text", "said", "words", "expected"),
    [
        ("a wasp stings", "un étaitp pique", {"wasp": "guêpe"}, "un guêpe pique"),
        ("Wasps sting", "Étaitps piquent", {"Wasps": "guêpes"}, "Guêpes piquent"),
        ("wasps sting", "Étaitps piquent", {"wasps": "guêpes"}, "Guêpes piquent"),
        ("the wasp", "le Étaitp", {"wasp": "guêpe"}, "le guêpe"),
        ("Watermelons", "Watermelons", {"Watermelons": "pastèques"}, "Pastèques"),
        ("THE WASP", "LE ÉTAITP", {"WASP": "guêpe"}, "LE GUÊPE"),
        ("the deaf", "le desaparé", {"deaf": "sourd"}, "le sourd"),
        ("the Moscow wasp", "le Mosk étaitp", {"Moscow": "Moscou", "wasp": "guêpe"}, "le Moscou guêpe"),
    ],
)
def test_a_word_takes_the_place_of_what_is_linked_to_it(
    text: str, said: str, words: dict[str, str], expected: str
) -> None:
    assert put(text, said, words).text == expected


def test_what_is_linked_to_nothing_stays_lost() -> None:
    assert put("a wasp", "un étaitp", {"wasp": "guêpe"}, []).text == "un étaitp"


def test_a_word_that_is_all_of_the_text_takes_the_place_of_all_words() -> None:
    assert put("Watermelon!", "De l'eau !", {"Watermelon": "pastèque"}, [(0, 2), (1, 3)]).text == "Pastèque !"
    assert put("24 watermelons", "24 eaux", {"watermelons": "pastèques"}, [(1, 1)]).text == "24 pastèques"


def test_links_lead_to_the_word() -> None:
    found = put("a wasp stings", "un étaitp pique", {"wasp": "guêpe"})
    assert found.alignment is not None
    assert found.alignment.format() == "0-0 1-1 2-2"


@pytest.mark.parametrize(
    ("text", "said", "links", "expected"),
    [
        ("20 wasps", "20 étaitps", [(1, 0), (1, 1)], "20 guêpe"),
        ("20 wasps", "20", [(1, 0)], "20"),
        ("a wasp of Emma", "un Emma étaitp", [(0, 0), (1, 1), (1, 2)], "un Emma guêpe"),
        ("a wasp of Emma", "un Emma", [(0, 0), (1, 1)], "un Emma"),
        ("the wasps", "les étaitps", [(1, 0), (1, 1)], "les guêpe"),
        ("see the wasps", "vois les", [(0, 0), (2, 1)], "vois les"),  # What is listed and as short is no noun.
        ("see the wasps", "vois dehors les wasps", [(0, 0), (2, 1)], "vois dehors les guêpe"),
        ("the wasp stings", "les fleurs étaitps", [(0, 0), (1, 1), (1, 2)], "les fleurs guêpe"),
    ],
)
def test_one_word_is_replaced(text: str, said: str, links: Sequence[tuple[int, int]], expected: str) -> None:
    word = "wasps" if "wasps" in text else "wasp"
    assert put(text, said, {word: "guêpe"}, links).text == expected


def test_halves_of_words_stay_together() -> None:
    assert put("it stings", "l'étouffait", {"stings": "pique"}, [(1, 1)]).text == "l'étouffait"
    assert put("a wasp", "l'étaitp", {"wasp": "abeille"}, [(1, 1)]).text == "l'abeille"
    assert put("it stings", "qu'il", {"stings": "pique"}, [(1, 0)]).text == "qu'il"


def test_what_belongs_to_another_word_stays() -> None:
    # Between two words that are linked to the wasp stands one that is linked to another.
    said = "une guet jaune apens"
    assert put("a yellow wasp", said, {"wasp": "guêpe"}, [(0, 0), (1, 2), (2, 1), (2, 3)]).text != "une guêpe"
    assert "jaune" in put("a yellow wasp", said, {"wasp": "guêpe"}, [(0, 0), (1, 2), (2, 1), (2, 3)]).text
