from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.tables import format_entropy_json, format_entropy_tsv, format_json, format_tsv
from xlmcli.tables import iter_rows

MakeMap = Callable[..., AttentionMap]


def test_json_has_all(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    (line,) = format_json(attention).splitlines()
    values = json.loads(line)
    assert list(values) == ["queries", "keys", "layers", "heads", "weights"]
    weights = np.array(values.pop("weights"), dtype=np.float32)
    read = AttentionMap(**{name: tuple(items) for name, items in values.items()}, weights=weights)
    assert (read.queries, read.keys, read.layers) == (attention.queries, attention.keys, attention.layers)
    assert read.heads == (1, 2, 3)
    np.testing.assert_allclose(weights, attention.weights, atol=5.1e-7)
    assert len(line) < 11 * weights.size + 300


def test_tsv_has_all(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=3)
    (_, header), *numbered = iter_rows(format_tsv(attention).splitlines(), "-", is_csv=False)
    assert header == ["layer", "head", "query_index", "query", "key_index", "key", "weight"]
    weights = np.zeros_like(attention.weights)
    for _, (layer, head, row, query, column, key, weight) in numbered:
        assert (query, key) == (attention.queries[int(row)], attention.keys[int(column)])
        weights[int(layer) - 1, int(head) - 1, int(row), int(column)] = float(weight)
    assert len(numbered) == weights.size
    np.testing.assert_allclose(weights, attention.weights, atol=5.1e-7)


def test_a_mean_is_called_so(make_map: MakeMap) -> None:
    mean = make_map(num_heads=2).mean()
    assert json.loads(format_json(mean))["heads"] == ["mean"]
    assert format_tsv(mean).splitlines()[1].split("\t")[:2] == ["1", "mean"]


def test_entropies_are_a_table(make_map: MakeMap) -> None:
    attention = make_map(num_layers=2, num_heads=2)
    values = json.loads(format_entropy_json(attention))
    assert list(values) == ["layers", "heads", "entropy"]
    np.testing.assert_allclose(values["entropy"], attention.entropy(), atol=5.1e-7)
    rows = [line.split("\t") for line in format_entropy_tsv(attention).splitlines()]
    assert [row[:2] for row in rows] == [["layer", "head"], ["1", "1"], ["1", "2"], ["2", "1"], ["2", "2"]]
    np.testing.assert_allclose([float(row[2]) for row in rows[1:]], attention.entropy().ravel(), atol=5.1e-7)


def test_hostile_words_add_no_column_and_no_row(make_map: MakeMap) -> None:
    words = ["a\tb", "c\nd", "\x1b[2J\0", "\u202e"]
    attention = make_map(words, words)
    rows = [line.split("\t") for line in format_tsv(attention).splitlines()]
    assert {len(row) for row in rows} == {7}
    assert len(rows) == 1 + 16
    assert rows[1][3] == r"a\tb"
    assert json.loads(format_json(attention))["queries"] == words
