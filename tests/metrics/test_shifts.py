from __future__ import annotations

from operator import eq

from hypothesis import given
from hypothesis import strategies as st

from xlmcli.metrics.shifts import find_shift

LINES = st.lists(st.integers(0, 10**9).map(str), unique=True, max_size=30)


@given(LINES, st.integers(0, 30), st.integers(1, 5))
def test_lines_that_one_file_lacks_are_found(lines: list[str], start: int, num_lacking: int) -> None:
    start = min(start, max(0, len(lines) - num_lacking))
    lacking = lines[:start] + lines[start + num_lacking :]
    if len(lacking) == len(lines):
        return
    assert find_shift(lacking, lines, eq) == (start, len(lacking))


def test_of_lines_that_look_alike_the_first_that_shows_the_shift_is_named() -> None:
    assert find_shift(list("abbbc"), list("abbbbc"), eq) == (4, 5)


def test_an_empty_file_lacks_all() -> None:
    assert find_shift([], ["a"], eq) == (0, 0)
