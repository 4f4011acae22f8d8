"""Tokens of languages, and the codes that they get."""

from __future__ import annotations

import pytest

from xlmcli.text.language_tokens import is_language_token, language_code, map_language_tokens

NLLB = [
    "ace_Arab", "ace_Latn", "arb_Arab", "ary_Arab", "azj_Latn", "deu_Latn", "eng_Latn", "pes_Arab", "fra_Latn",
    "kas_Arab", "kas_Deva", "lvs_Latn", "nno_Latn", "nob_Latn", "als_Latn", "swh_Latn", "zho_Hans", "zho_Hant",
    "yue_Hant",
]  # fmt: skip


def test_languages_of_nllb() -> None:
    found = map_language_tokens(["<s>", "▁the", *NLLB, "<mask>"])
    assert list(found.values()) == NLLB
    assert list(found) == [
        "ace_Arab", "ace", "ar", "ary", "az", "de", "en", "fa", "fr",
        "ks", "ks_Deva", "lv", "nn", "no", "sq", "sw", "zh", "zh_Hant", "yue",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "code"),
    [("en_XX", "en"), ("zh_CN", "zh"), ("__en__", "en"), ("__ns__", "nso"), ("__ast__", "ast"), (">>fra<<", "fr"),
     (">>fr<<", "fr"), (">>cmn_Hans<<", "zh"), (">>deu_Latn<<", "de"), ("fra_Latn", "fr")],
)  # fmt: skip
def test_one_code_for_all_families(token: str, code: str) -> None:
    assert map_language_tokens([token]) == {code: token}


def test_tokens_of_one_language_keep_apart() -> None:
    tokens = [">>cmn<<", ">>cmn_Hant<<", ">>zho<<", ">>zh<<"]
    found = map_language_tokens(tokens)
    assert sorted(found.values()) == sorted(tokens)
    assert found["zh"] == ">>zh<<"


@pytest.mark.parametrize("piece", ["▁en", "en", "<unk>", "EN_xx", "__", "____", ">><<", "the_Latin", "a_b", "</s>"])
def test_what_is_no_token_of_a_language(piece: str) -> None:
    assert not is_language_token(piece)


@pytest.mark.parametrize(("name", "code"), [("eng", "en"), ("en", "en"), ("cmn", "zh"), ("roa", "roa"), ("ast", "ast")])
def test_short_codes(name: str, code: str) -> None:
    assert language_code(name) == code
