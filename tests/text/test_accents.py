"""Words that people type without their accents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.text.accents import restore_accents
from xlmcli.text.word_lists import LISTED, without_accents


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("es", "Es mas dificil asi.", "Es más difícil así."),
        ("fr", "Les ecoles sont fermees a l'etranger.", "Les écoles sont fermées a l'étranger."),
        ("fr", "Etes-vous la ? Ca va tres bien.", "Êtes-vous la ? Ca va très bien."),
        ("it", "E piu tardi di lunedi.", "E più tardi di lunedì."),
        ("pt", "Nao ha informacoes.", "Não há informações."),
        ("fr", "Elle vit aux Etats-Unis.", "Elle vit aux États-Unis."),
    ],
)
def test_words_that_are_none_without_accents_get_them(lang: str, text: str, expected: str) -> None:
    assert restore_accents(text, lang) == expected


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        pytest.param("es", "Así es mas dificil.", id="some are there"),
        pytest.param("es", "Asi\u0301 es mas dificil.", id="some are there, as signs of their own"),
        pytest.param("nl", "een cafe", id="no list"),
        pytest.param("fr", "Elle ferme la porte et marche ou elle veut.", id="words"),
        pytest.param("fr", "Je filme la ville, il multiplie les erreurs.", id="verbs"),
        pytest.param("es", "Confirmo que cocino; ordene los libros.", id="Spanish verbs"),
        pytest.param("it", "Pago io, che casino!", id="Italian verbs"),
        pytest.param("es", "foo_musica musica_2", id="identifiers"),
        pytest.param("en", "a fiance", id="English"),
        pytest.param("fr", "Peter aime The Beatles et Rene.", id="names"),
        pytest.param("es", "Me llamo Tomas Kzqwert.", id="names, unknown ones"),
        pytest.param("fr", "", id="nothing"),
    ],
)
def test_what_stays_as_it_is(lang: str, text: str) -> None:
    assert restore_accents(text, lang) == text


@given(st.text(alphabet="aceisnotu'- AEM1.é", max_size=30), st.sampled_from(LISTED))
def test_nothing_changes_but_accents(text: str, lang: str) -> None:
    restored = restore_accents(text, lang)
    assert without_accents(restored) == without_accents(text)
    assert len(restored) == len(text)
