from __future__ import annotations

import pytest

from xlmcli.errors import ModelError
from xlmcli.store.selection import select_checkpoint_files

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (["model.safetensors", "pytorch_model.bin", *SHARDS], ["model.safetensors"]),
        (["pytorch_model.bin", *SHARDS], SHARDS),
        (["pytorch_model.bin", "model.bin", "flax_model.msgpack"], ["pytorch_model.bin"]),
        (["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "training_args.bin"],
         ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"]),
        (["model.bin", "tf_model.h5"], ["model.bin"]),
    ],
)  # fmt: skip
def test_one_kind_of_weights_is_wanted(names: list[str], weights: list[str]) -> None:
    assert select_checkpoint_files(["config.json", *names], "a/b") == ["config.json", *weights]


def test_tokenizers_of_all_kinds_come_along() -> None:
    tokenizers = ["merges.txt", "shared_vocabulary.json", "source.spm", "target.spm", "tokenizer.json", "vocab.json"]
    chosen = select_checkpoint_files(["config.json", "model.safetensors", *tokenizers], "a/b")
    assert chosen == ["config.json", *tokenizers, "model.safetensors"]


@pytest.mark.parametrize(
    "name", ["modeling_xlm.py", "../config.json", "sub/model.safetensors", "events.tfevents", "x.pkl"]
)
def test_what_is_not_known_stays_where_it_is(name: str) -> None:
    assert name not in select_checkpoint_files(["config.json", "model.safetensors", name], "a/b")


@pytest.mark.parametrize(
    ("names", "missing"), [(["config.json"], "no model.safetensors"), (["model.bin"], "config.json")]
)
def test_what_is_no_model_says_what_is_missing(names: list[str], missing: str) -> None:
    with pytest.raises(ModelError, match=f"a/b holds no model .* {missing}") as caught:
        select_checkpoint_files(names, "a/b")
    assert names[0] in (caught.value.hint or "")
