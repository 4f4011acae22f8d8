"""Attention as numbers: JSON and TSV."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xlmcli.attention.maps import AttentionMap
from xlmcli.attention.show.labels import spell

_NUM_DECIMALS = 6


def format_json(attention: AttentionMap) -> str:
    """Returns one object: ``queries``, ``keys``, ``layers``, ``heads`` and ``weights``, nested in that order."""
    return json.dumps(as_object(attention, _NUM_DECIMALS), ensure_ascii=False) + "\n"


def format_tsv(attention: AttentionMap) -> str:
    """Returns a row for each weight under a header; words are counted from 0, layers and heads from 1.

    What would end a cell or a row is spelt out.
    """
    header = ("layer", "head", "query_index", "query", "key_index", "key", "weight")
    queries, keys = list(map(spell, attention.queries)), list(map(spell, attention.keys))
    rows = (
        (layer, head, row, queries[row], column, keys[column], f"{weight:.{_NUM_DECIMALS}f}")
        for layer, heads in zip(attention.layers, attention.weights, strict=True)
        for head, weights in zip(attention.head_names, heads, strict=True)
        for (row, column), weight in np.ndenumerate(weights)
    )
    return _lines(header, rows)


def format_entropy_json(attention: AttentionMap) -> str:
    """Returns one object: ``layers``, ``heads`` and ``entropy`` in bits, nested in that order."""
    values = {
        "layers": attention.layers,
        "heads": attention.head_names,
        "entropy": _rounded(attention.entropy(), _NUM_DECIMALS),
    }
    return json.dumps(values) + "\n"


def format_entropy_tsv(attention: AttentionMap) -> str:
    """Returns a row for each head under a header."""
    rows = (
        (layer, head, f"{bits:.{_NUM_DECIMALS}f}")
        for layer, values in zip(attention.layers, attention.entropy(), strict=True)
        for head, bits in zip(attention.head_names, values, strict=True)
    )
    return _lines(("layer", "head", "entropy"), rows)


def as_object(attention: AttentionMap, num_decimals: int) -> dict[str, object]:
    """Returns what JSON says of attention, weights rounded to so many decimals."""
    return {
        **({} if attention.when is None else {"when": attention.when}),
        "queries": attention.queries,
        "keys": attention.keys,
        "layers": attention.layers,
        "heads": attention.head_names,
        "weights": _rounded(attention.weights, num_decimals),
    }


def _rounded(values: NDArray[np.floating], num_decimals: int) -> object:
    return np.round(values.astype(np.float64), num_decimals).tolist()


def _lines(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in (header, *rows))
