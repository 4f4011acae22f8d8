"""The directions that a model is tried in."""

from __future__ import annotations

import pytest

from xlmcli.bundle import TranslationPart
from xlmcli.convert.samples import choose_directions
from xlmcli.errors import UsageError
from xlmcli.records import Direction


@pytest.mark.parametrize(
    ("part", "langs", "wanted"),
    [
        (TranslationPart((Direction("en", "fr"), Direction("fr", "en")), 9), (), "en-fr fr-en"),
        (TranslationPart((Direction("en", "fr"), Direction("fr", "en")), 9), ("fr",), "fr-en"),
        (TranslationPart((), 9, sources=("ro", "en", "de"), targets=("ro", "en", "de")), (), "de-en en-de"),
        (TranslationPart((), 9, sources=("ro", "en", "de"), targets=("ro", "en", "de")), ("ro",), "ro-de"),
        (TranslationPart((), 9, sources=("ro", "en", "de"), targets=("ro", "en", "de")), ("ro", "en"), "ro-en en-ro"),
        (TranslationPart((), 9, sources=("ro", "en"), targets=("en",)), (), "ro-en"),
        (TranslationPart((), 9, sources=("zh",), targets=("yue", "ast")), (), "zh-yue"),
    ],
    ids=["all", "from one", "built-in", "given", "two given", "into one", "no sentences"],
)
def test_directions_to_compare_in(part: TranslationPart, langs: tuple[str, ...], wanted: str) -> None:
    assert " ".join(map(str, choose_directions(part, langs))) == wanted


def test_a_language_that_it_does_not_translate_from() -> None:
    part = TranslationPart((), 9, sources=("ro", "en"), targets=("en",))
    with pytest.raises(UsageError, match="does not translate from 'en'") as caught:
        choose_directions(part, ("en",))
    assert caught.value.hint == "it translates ro-en"
