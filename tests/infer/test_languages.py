from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.bundle import Bundle, open_bundle
from xlmcli.errors import ModelError
from xlmcli.infer.languages import IdentifiedLanguages, OneLanguage, open_languages

LANGS = ("en", "fr", "de", "es", "it", "pt")
IDENTIFIED = IdentifiedLanguages(LANGS)


@pytest.fixture(scope="module")
def bundle(tiny_classifier: Path) -> Bundle:
    return open_bundle(tiny_classifier)


def with_languages(bundle: Bundle, *langs: str) -> Bundle:
    languages = {lang: index for index, lang in enumerate(langs)}
    return replace(bundle, manifest=replace(bundle.manifest, languages=languages))


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "The train to the coast leaves at seven."),
        ("en", "THE TRAIN TO THE COAST LEAVES AT SEVEN."),
        ("fr", "Le chat dort sur\nle toit chaud."),
        ("de", "Der Zug fährt um sieben Uhr an die Küste."),
        ("de", " " * 600 + "Der Zug fährt um sieben Uhr an die Küste."),
        ("de", "</s> Der Zug fährt um sieben Uhr an die Küste."),
        ("de", "__label__en Der Zug fährt um sieben Uhr an die Küste."),
        ("es", "El tren a la costa sale a las siete."),
        ("it", "Il treno per la costa parte alle sette."),
        ("pt", "O trem para a costa sai às sete horas."),
    ],
)
def test_languages_are_identified(lang: str, text: str) -> None:
    assert IDENTIFIED.choose(text) == lang


def test_only_languages_of_the_model_come_out() -> None:
    assert IdentifiedLanguages(("fr", "de")).choose("The train to the coast leaves at seven.") in ("fr", "de")
    assert IdentifiedLanguages(("tlh", "en")).choose("猫は暖かい屋根の上で寝ています。") == "en"
    assert IdentifiedLanguages(("tlh",)).choose("Hello.") == "tlh"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_text_has_a_language(text: str) -> None:
    assert IDENTIFIED.choose(text) in LANGS


def test_the_language_that_was_told(bundle: Bundle) -> None:
    assert open_languages(bundle, "fr").choose("Good morning, all of you.") == "fr"
    with pytest.raises(ModelError, match="no language 'de'") as caught:
        open_languages(bundle, "de")
    assert "en, fr" in (caught.value.hint or "")


@pytest.mark.parametrize("lang", [None, "auto"])
def test_several_languages_are_identified_by_default(bundle: Bundle, lang: str | None) -> None:
    languages = open_languages(bundle, lang)
    assert [languages.choose(text) for text in ("Where is the train?", "Où est le train ?")] == ["en", "fr"]


def test_nothing_is_identified_where_it_makes_no_difference(bundle: Bundle) -> None:
    only = open_languages(with_languages(bundle, "fr"), None)
    assert isinstance(only, OneLanguage)
    assert only.choose("Where is the train?") == "fr"
    untold = replace(bundle, manifest=replace(bundle.manifest, language_input="none"))
    assert open_languages(untold, "auto").choose("Where is the train?") is None
    assert open_languages(untold, "de").choose("Where is the train?") == "de"


def test_the_tokenizer_of_xlm_wants_the_language_too(bundle: Bundle) -> None:
    manifest = replace(bundle.manifest, language_input="none", tokenizer="xlm_bpe")
    assert open_languages(replace(bundle, manifest=manifest), None).choose("Où est le train ?") == "fr"
