from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.facts import format_rows, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 日本, 👩\u200d👧, a\tb", "plain, é, 日本, 👩\u200d👧, a\tb"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\r\nerror: b", r"a\r\nerror: b"),
        ("\x9b2J\x7f\0", r"\x9b2J\x7f\x00"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),
        (os.fsdecode(b"caf\xe9.txt"), r"caf\xe9.txt"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_act_on_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_is_one_line_of_characters(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown.replace("\t", ""))
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert visible(shown) == shown


def test_values_of_others_cannot_add_rows() -> None:
    text = format_rows("ti\ntle", [("licence", "MIT\r\n  size  0\x1b[2J"), ("size", "1")])
    assert text.split("\n") == [r"ti\ntle", "  licence  MIT", r"             size  0\x1b[2J", "  size     1"]
