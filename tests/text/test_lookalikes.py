from __future__ import annotations

import pytest

from xlmcli.text.lookalikes import plain_forms


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
