from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from xlmcli.attention.show.labels import pad, shorten


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("word", "word"),
        ("exactly8", "exactly8"),
        ("and nine.", "and nin…"),
        ("日本語で", "日本語で"),
        ("日本語では", "日本語…"),
        ("e\u0301" * 8, "e\u0301" * 8),
        ("a\tb", r"a\tb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202eabc", r"\u202ea…"),
        ("", ""),
    ],
)
def test_labels_are_harmless_and_narrow(text: str, label: str) -> None:
    assert shorten(text, 8) == label


@given(st.text() | st.sampled_from(["x" * 10_000, "e" + "\u0301" * 10_000, "\0" * 10_000]), st.integers(1, 30))
def test_labels_are_never_wider_than_they_may_be(text: str, max_width: int) -> None:
    label = shorten(text, max_width)
    assert cell_len(label) <= max_width
    assert len(label) <= 4 * max_width + 1
    assert cell_len(pad(label, max_width)) == max_width
