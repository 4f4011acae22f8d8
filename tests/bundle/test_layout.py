from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from xlmcli.bundle.layout import find_position_tables, iter_weights
from xlmcli.errors import ModelError


@pytest.fixture
def model(tiny_bundle: Path) -> bytes:
    return (tiny_bundle / "model.bin").read_bytes()


def test_weights_are_named_shaped_and_placed(model: bytes) -> None:
    weights = {weight.name: weight for weight in iter_weights(io.BytesIO(model))}
    embeddings = weights["encoder/embeddings_0/weight"]
    assert (embeddings.shape, embeddings.dtype, embeddings.num_bytes) == ((420, 32), "float32", 420 * 32 * 4)
    num_heads = weights["decoder/num_heads"]
    assert num_heads.shape == ()
    assert struct.unpack_from("h", model, num_heads.offset) == (4,)
    ends = [weight.offset + weight.num_bytes for weight in weights.values()]
    assert ends == sorted(ends)
    assert ends[-1] < len(model)


@pytest.mark.parametrize("length", [0, 3, 10, 100, 200_000])
def test_a_model_that_ends_early_is_an_error(model: bytes, tmp_path: Path, length: int) -> None:
    (tmp_path / "model.bin").write_bytes(model[:length])
    with pytest.raises(ModelError, match="ends early"):
        find_position_tables(tmp_path / "model.bin")


def test_an_unknown_version_is_an_error(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("I", 7) + model[4:])
    with pytest.raises(ModelError, match=r"model\.bin is of version 7"):
        find_position_tables(tmp_path / "model.bin")


def test_a_model_without_position_tables_is_an_error(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(model.replace(b"encoder/position_encodings", b"encoder/position_ENCODINGS"))
    with pytest.raises(ModelError, match="no position table at encoder/position_encodings/encodings"):
        find_position_tables(tmp_path / "model.bin")
