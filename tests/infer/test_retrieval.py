from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xlmcli.infer.reading import Line
from xlmcli.infer.records.protocols import RawRecord, Record
from xlmcli.infer.records.text import TextRecord
from xlmcli.infer.retrieval import NearestSink, Neighbor, Neighbors, TextIndex, find_nearest, nearest_added
from xlmcli.infer.sinks import TextSink
from xlmcli.infer.vectors import Vector

Array = NDArray[np.float32]


def answered(vectors: Sequence[Array | None], prefix: str) -> list[tuple[Record, Vector | None]]:
    """Lines "x1", "x2" and so on with their vectors; None for a blank line."""
    items: list[tuple[Record, Vector | None]] = []
    for number, vector in enumerate(vectors, start=1):
        text = "" if vector is None else f"{prefix}{number}"
        answer = Vector(np.zeros(2, np.float32), is_blank=True) if vector is None else Vector(vector)
        items.append((TextRecord(Line(text, "\n", "test", number, b""), number - 1, text), answer))
    return items


def search(
    queries: Sequence[Array | None], candidates: Sequence[Array | None], num_best: int, by_margin: bool = False
) -> list[str]:
    index, file = TextIndex(), io.BytesIO()
    index.write(answered(candidates, "y"))
    sink = NearestSink(TextSink(file), index, num_best, by_margin)
    sink.write(answered(queries, "x"))
    sink.finish()
    return file.getvalue().decode().split("\n")[:-1]


def unit(angle: float) -> Array:
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * 3


@given(st.integers(1, 6), st.integers(0, 30), st.integers(1, 9), st.integers(0, 99))
def test_nearest_are_those_of_a_full_sort(num_queries: int, num_rows: int, num_best: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    queries, matrix = (generator.normal(size=(n, 4)).astype(np.float32) for n in (num_queries, num_rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xlmcli.infer.retrieval._ROWS_AT_ONCE", 7)
        indices, scores = find_nearest(queries, matrix, num_best)
    expected = np.argsort(-(queries @ matrix.T), axis=1)[:, :num_best]
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(scores, np.take_along_axis(queries @ matrix.T, expected, 1), rtol=1e-4, atol=1e-5)


def test_the_nearest_line_with_score_and_number() -> None:
    lines = search([unit(0.1), None, unit(1.5)], [unit(0), None, unit(1.4), unit(1.6)], 2)
    assert lines[1] == ""
    assert lines[0] == f"{np.cos(0.1):.4f}\t1\ty1\t{np.cos(1.3):.4f}\t3\ty3"
    assert lines[2].split("\t")[0] == f"{np.cos(0.1):.4f}"


def test_fewer_lines_than_wanted() -> None:
    assert search([unit(0)], [None], 2) == [""]
    assert search([unit(0)], [unit(0)], 3) == ["1.0000\t1\ty1"]
    assert search([unit(0)], [], 1, by_margin=True) == [""]


def reference_margins(queries: Array, matrix: Array) -> Array:
    """Ratio margins by the formula of Artetxe & Schwenk 2019, all pairs, four neighbours."""
    cosines = queries @ matrix.T
    forward = np.sort(cosines, axis=1)[:, -4:].mean(axis=1, keepdims=True)
    backward = np.sort(cosines, axis=0)[-4:].mean(axis=0, keepdims=True)
    return cosines / ((forward + backward) / 2)


def test_margins_are_those_of_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlmcli.infer.retrieval._ROWS_AT_ONCE", 5)
    generator = np.random.default_rng(0)
    queries, matrix = (generator.normal(size=(n, 6)).astype(np.float32) + 1 for n in (12, 17))
    queries, matrix = (array / np.linalg.norm(array, axis=1, keepdims=True) for array in (queries, matrix))
    margins = reference_margins(queries, matrix)
    for row, query, line in zip(margins, queries, search(list(queries), list(matrix), 1, by_margin=True), strict=True):
        score, number, text = line.split("\t")
        nearest = np.argsort(-(matrix @ query))[:4]
        assert int(number) - 1 == nearest[np.argmax(row[nearest])]
        assert float(score) == pytest.approx(row[int(number) - 1], abs=1e-4)
        assert text == f"y{number}"


def test_a_line_near_to_many_is_held_back_by_the_margin() -> None:
    hub, own = np.array([1, 0.1, 0.1], np.float32), np.array([0.93, 0.6, 0], np.float32)
    queries = [np.array([1, 0.3, 0], np.float32), *[np.array([1, 0, x], np.float32) for x in (0, 0.1, 0.2, 0.3)]]
    assert search(queries, [hub, own], 1)[0].endswith("y1")
    assert search(queries, [hub, own], 1, by_margin=True)[0].endswith("y2")


def test_margins_of_texts_that_point_away_keep_their_order() -> None:
    numbers = [
        line.split("\t")[1::3]
        for line in search([unit(0), unit(0.3)], [unit(2.6), unit(3), unit(2)], 3, by_margin=True)
    ]
    assert numbers == [["3", "1", "2"], ["3", "1", "2"]]


def test_headers_pass() -> None:
    file = io.BytesIO()
    NearestSink(TextSink(file), TextIndex(), 1, by_margin=False).write([(RawRecord(b"a\tb\n", 4, None), None)])
    assert file.getvalue() == b"a\tb\n"


def test_neighbors_in_tables_and_objects() -> None:
    assert Neighbors((Neighbor(0.5, 3, "y\tz"),), num_best=1).lines("x", 0) == ["0.5000\t3\ty z"]
    answer = Neighbors((Neighbor(0.5, 3, "y"),), num_best=2)
    assert answer.rows()[0].added == ("0.5000", "3", "y", "", "", "")
    assert nearest_added(2).columns == ("score", "number", "nearest", "score_2", "number_2", "nearest_2")
    assert answer.values().added == {"nearest": [{"score": 0.5, "number": 3, "text": "y"}]}
