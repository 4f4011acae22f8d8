from __future__ import annotations

import pytest

from xlmcli.infer.repetition import repeats_itself


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], False),
        ([1, 2, 3], [], False),
        ([1, 2, 3], [9, 9, 9, 9], True),
        ([1, 2, 3], [9, 9, 9], False),
        ([1, 2, 3], [7, 8, 5, 8, 5, 8, 5, 8, 5], True),
        ([1, 2, 3], [8, 5, 8, 5, 8, 5, 8], False),
        ([4, 4, 4, 4], [9, 9, 9, 9], False),
        ([4, 4, 4, 4], [9] * 20, True),
    ],
)
def test_loops_are_noticed(source: list[int], output: list[int], expected: bool) -> None:
    assert repeats_itself(source, output) is expected
