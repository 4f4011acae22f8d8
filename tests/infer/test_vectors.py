from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmcli.array_files import ArrayWriter
from xlmcli.infer.vectors import Similarity, TokenStates, Vector, cosine, token_added, vector_added

ROW_TYPES = [(np.dtype("<f4"), (3,)), (np.dtype("<f4"), ()), (np.dtype([("line", "<i8"), ("state", "<f4", (2,))]), ())]


@given(st.lists(st.integers(0, 12), max_size=4), st.sampled_from(ROW_TYPES))
def test_numpy_reads_what_was_appended(sizes: list[int], row: tuple[np.dtype[np.generic], tuple[int, ...]]) -> None:
    dtype, shape = row
    file = io.BytesIO()
    sink = ArrayWriter(file, dtype, shape)
    parts = [np.arange(size * int(np.prod(shape)), dtype="<f4").reshape(size, *shape).astype(dtype) for size in sizes]
    for part in parts:
        sink.append(part)
    sink.finish()
    file.seek(0)
    array = np.load(file)
    expected = np.concatenate(parts) if parts else np.zeros((0, *shape), dtype)
    assert array.dtype == dtype
    assert array.shape == expected.shape
    np.testing.assert_array_equal(array, expected)
    assert (len(file.getvalue()) - array.nbytes) % 64 == 0


def test_a_vector_in_every_format() -> None:
    answer = Vector(np.array([0.1, -2.0, 1e-9], dtype=np.float32))
    assert answer.lines("x", 0) == ["0.1\t-2\t1e-09"]
    assert answer.rows()[0].added == ("0.1", "-2", "1e-09")
    assert len(vector_added(3).columns) == 3
    assert answer.values().added == {"vector": [0.1, -2.0, 1e-9]}


def test_a_blank_text_has_no_vector_but_its_columns() -> None:
    answer = Vector(np.zeros(3, dtype=np.float32), is_blank=True)
    assert answer.lines("", 0) == [""]
    assert answer.rows()[0].added == ("", "", "")
    assert answer.values().added == {"vector": None}


def test_tokens_in_every_format() -> None:
    states = np.array([[1, 2], [3, 4]], dtype=np.float32)
    answer = TokenStates([20, 21], ("▁a", "b"), states)
    assert answer.lines("ab", 4) == ["5\t▁a\t1\t2", "5\tb\t3\t4"]
    assert [row.added for row in answer.rows()] == [("▁a", "1", "2"), ("b", "3", "4")]
    assert token_added(2).columns == ("token", "v1", "v2")
    assert answer.values().added == {"tokens": ["▁a", "b"], "states": [[1, 2], [3, 4]]}


def test_similarity_in_every_format() -> None:
    assert Similarity(0.5).lines("a\tb", 0) == ["0.5000"]
    assert Similarity(None).lines("a\t", 0) == [""]
    assert Similarity(None).rows()[0].added == ("",)
    assert Similarity(0.12345).values().added == {"similarity": 0.1235}


def test_cosine() -> None:
    first, second = np.array([3, 4], dtype=np.float32), np.array([4, 3], dtype=np.float32)
    assert cosine(first, second) == pytest.approx(24 / 25)
    assert cosine(first, -2 * first) == pytest.approx(-1)
    assert cosine(first, np.zeros(2, dtype=np.float32)) == 0
