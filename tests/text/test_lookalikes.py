from __future__ import annotations

import pytest

from xlmcli.text.lookalikes import plain_forms, plain_quotes


@pytest.mark.parametrize(
    ("vocab", "text", "expected"),
    [
        (["'", '"', "-"], "l’eau “x” ‑ −", 'l\'eau "x" - -'),
        (["▁'", '▁"'], "l’eau “x”", 'l\'eau "x"'),
        (["'", "’", '"'], "l’eau “x”", 'l’eau "x"'),  # what has a piece stays
        ([], "l’eau “x”", "l’eau “x”"),  # and so does what has no plain form here
        ([], "co\N{SOFT HYPHEN}op", "coop"),
    ],
)
def test_characters_without_a_piece_become_plain(vocab: list[str], text: str, expected: str) -> None:
    assert text.translate(plain_forms(vocab)) == expected


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("l’eau, ‘x’ ‛y ʼz", "l'eau, 'x' 'y 'z"),
        ("“x” „y‟", '"x" "y"'),
        ("« x » – y ′ ″ ` ´", "« x » – y ′ ″ ` ´"),
        ("it's", "it's"),
    ],
)
def test_quotes_of_one_meaning_are_straight(text: str, plain: str) -> None:
    assert plain_quotes(text) == plain
