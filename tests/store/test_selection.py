"""What is downloaded of repositories as they lie on hubs."""

from __future__ import annotations

import pytest

from xlmcli.errors import ModelError
from xlmcli.store.selection import Selection, select_checkpoint_files

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = "model.safetensors.index.json"
# What there is beside, and is never wanted.
OTHERS = [".gitattributes", "flax_model.msgpack", "rust_model.ot", "tf_model.h5", "training_args.bin", "metadata.json"]
OTHERS += ["onnx/model.onnx", "onnx/config.json", "model.onnx", "model.fp16.safetensors", "modeling_xlm.py", "x.pkl"]
OTHERS += ["../config.json", "sub/model.safetensors", "events.tfevents", "optimizer.pt", "vocab.txt"]
COMMON = ["README.md", "config.json", "generation_config.json", "tokenizer_config.json"]


def select(*names: str) -> Selection:
    return select_checkpoint_files([*OTHERS, *names], "a/b")


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (["model.safetensors", "pytorch_model.bin", INDEX, *SHARDS], ["model.safetensors"]),
        (["pytorch_model.bin", INDEX, *SHARDS], [INDEX, *SHARDS]),
        (["pytorch_model.bin", INDEX, SHARDS[0]], ["pytorch_model.bin"]),
        (["pytorch_model.bin", *SHARDS], ["pytorch_model.bin"]),
        (["pytorch_model.bin", "model.bin", "shared_vocabulary.json"], ["pytorch_model.bin"]),
        (["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "model-00001-of-00001.bin"],
         ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"]),
    ],
)  # fmt: skip
def test_one_kind_of_weights_is_wanted(names: list[str], weights: list[str]) -> None:
    selection = select("config.json", *names)
    assert selection == Selection(("config.json",), tuple(weights), has_kind=True)


@pytest.mark.parametrize(
    "tokenizer",
    [
        ["merges.txt", "vocab.json"],
        ["tokenizer.model"],
        ["source.spm", "target.spm", "vocab.json"],
        ["source.spm", "target.spm", "target_vocab.json", "vocab.json"],
        ["sentencepiece.bpe.model", "special_tokens_map.json", "tokenizer.json"],
        ["added_tokens.json", "sentencepiece.bpe.model", "vocab.json"],
    ],
    ids=["xlm", "ours", "marian", "marian-of-two", "nllb", "m2m"],
)
def test_tokenizers_of_all_kinds_come_along(tokenizer: list[str]) -> None:
    selection = select(*COMMON, *tokenizer, "pytorch_model.bin")
    assert selection.settings == tuple(sorted([*COMMON, *tokenizer]))
    assert selection.weights == ("pytorch_model.bin",)


@pytest.mark.parametrize(
    "vocabulary", [["shared_vocabulary.txt"], ["source_vocabulary.json", "target_vocabulary.json"]]
)
@pytest.mark.parametrize("tokenizer", [["source.spm", "target.spm"], ["sentencepiece.bpe.model"], ["tokenizer.json"]])
def test_models_of_ctranslate2(vocabulary: list[str], tokenizer: list[str]) -> None:
    selection = select("config.json", "model.bin", *vocabulary, *tokenizer)
    assert selection == Selection(("config.json", *tokenizer, *vocabulary), ("model.bin",), of_engine=True)


def test_a_package_of_argos() -> None:
    selection = select("README.md", "translate-en_fr-1_9.argosmodel")
    package = "translate-en_fr-1_9.argosmodel"
    assert selection == Selection(("README.md",), (package,), main=package, of_engine=True)


@pytest.mark.parametrize("codes", ["codes", "codes_enfr"])
def test_a_file_of_the_original_code(codes: str) -> None:
    selection = select("mlm_enfr.pth", codes, "vocab_enfr", "LICENSE")
    assert selection == Selection(("LICENSE", codes), ("mlm_enfr.pth",), main="mlm_enfr.pth", codes=codes)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["config.json"], "a/b holds no model that xlm can read: it has no model.safetensors and no pytorch_model.bin"),
        (["config.json", INDEX, SHARDS[1]], "it has no model.safetensors and no pytorch_model.bin"),
        (["pytorch_model.bin"], "it has no config.json"),
        (["config.json", "model.bin", "vocabulary.json", "tokenizer.json"],
         "is a model of CTranslate2 that cannot be converted: it has no shared_vocabulary.json, so that it does not"),
        (["model.bin", "shared_vocabulary.txt"],
         "it has no tokenizer (source.spm and target.spm or tokenizer.json or sentencepiece.bpe.model)"),
        (["a.argosmodel", "b.argosmodel"], "a/b holds 2 models: a.argosmodel, b.argosmodel"),
        (["a.pth", "b.pth", "codes"], "a/b holds 2 models: a.pth, b.pth"),
        (["a.pth"], "a/b: a.pth needs fastBPE's codes, and there are none"),
        (["a.pth", "codes_en", "codes_fr"], "there are 2 files that may be them (codes_en, codes_fr)"),
    ],
    ids=lambda value: None if isinstance(value, list) else value[:20],
)  # fmt: skip
def test_what_is_no_model_says_what_is_missing(names: list[str], told: str) -> None:
    with pytest.raises(ModelError) as caught:
        select_checkpoint_files(names, "a/b")
    assert told in caught.value.message
    assert caught.value.hint is not None
