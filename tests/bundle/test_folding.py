from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save

from xlmcli.bundle import PositionTable, PositionTables
from xlmcli.bundle.folding import fold_languages
from xlmcli.errors import ModelError

ROWS, DIM = 3, 4
NUMBERS = st.floats(-1000, 1000, width=32)
TABLES = arrays(np.float32, (ROWS, DIM), elements=NUMBERS)
VECTORS = arrays(np.float32, (2, DIM), elements=NUMBERS)
NUM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


@settings(deadline=None)
@given(encoder=TABLES, decoder=TABLES, vectors=VECTORS, dtype=st.sampled_from(list(NUM_BYTES)), swap=st.booleans())
def test_folding_adds_as_torch_adds_and_touches_nothing_else(
    encoder: np.ndarray, decoder: np.ndarray, vectors: np.ndarray, dtype: str, swap: bool
) -> None:
    torch = pytest.importorskip("torch")
    wide = {"encoder": torch.from_numpy(encoder), "decoder": torch.from_numpy(decoder)}
    stored = {side: table.to(getattr(torch, dtype)) for side, table in wide.items()}
    order = ["decoder", "encoder"] if swap else ["encoder", "decoder"]
    model = b"head" + _raw(stored[order[0]]) + b"between" + _raw(stored[order[1]]) + b"tail"
    size = ROWS * DIM * NUM_BYTES[dtype]
    offsets = {order[0]: 4, order[1]: 4 + size + 7}
    tables = PositionTables(*(PositionTable(offsets[side], ROWS, DIM, dtype) for side in ("encoder", "decoder")))
    languages = save({"encoder": vectors, "decoder": vectors[::-1].copy()})

    folded = fold_languages(model, tables, languages, 1, 1)

    added = {"encoder": torch.from_numpy(vectors[1]), "decoder": torch.from_numpy(vectors[0])}
    expected = {side: _raw((stored[side].float() + added[side]).to(stored[side].dtype)) for side in order}
    assert folded == b"head" + expected[order[0]] + b"between" + expected[order[1]] + b"tail"


def test_a_table_outside_the_model_is_an_error() -> None:
    tables = PositionTables(PositionTable(0, ROWS, DIM, "float32"), PositionTable(48, ROWS, DIM, "float32"))
    languages = save({side: np.zeros((2, DIM), np.float32) for side in ("encoder", "decoder")})
    assert fold_languages(bytes(96), tables, languages, 0, 1) == bytes(96)
    with pytest.raises(ModelError, match=r"does not lie inside model\.bin \(bytes 48 to 96\)"):
        fold_languages(bytes(95), tables, languages, 0, 1)


def test_tables_that_overlap_are_an_error() -> None:
    tables = PositionTables(PositionTable(0, ROWS, DIM, "float32"), PositionTable(47, ROWS, DIM, "float32"))
    languages = save({side: np.zeros((2, DIM), np.float32) for side in ("encoder", "decoder")})
    with pytest.raises(ModelError, match="does not lie inside"):
        fold_languages(bytes(200), tables, languages, 0, 1)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"encoder": np.zeros((2, DIM), np.float32)}, "no array named 'decoder'"),
        ({side: np.zeros((2, DIM + 1), np.float32) for side in ("encoder", "decoder")}, r"shape \(2, 5\), expected"),
        ({side: np.zeros((1, DIM), np.float32) for side in ("encoder", "decoder")}, "expected more than 1 rows"),
    ],
)
def test_vectors_that_do_not_fit_are_an_error(vectors: dict[str, np.ndarray], message: str) -> None:
    tables = PositionTables(PositionTable(0, ROWS, DIM, "float32"), PositionTable(48, ROWS, DIM, "float32"))
    with pytest.raises(ModelError, match=message):
        fold_languages(bytes(96), tables, save(vectors), 0, 1)


def test_vectors_that_are_not_safetensors_are_an_error() -> None:
    tables = PositionTables(PositionTable(0, ROWS, DIM, "float32"), PositionTable(48, ROWS, DIM, "float32"))
    with pytest.raises(ModelError, match=r"languages\.safetensors: not a safetensors file"):
        fold_languages(bytes(96), tables, b"nonsense", 0, 1)


def _raw(tensor: object) -> bytes:
    import torch

    assert isinstance(tensor, torch.Tensor)
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()
